"""Requests to a site's gateway as a program sends them, with or without a MUNGE credential."""
import http.client
import json
import re
import subprocess
import urllib.parse


def credential(site, user: str = "a", munge_socket: str = "") -> str:
    """A fresh one of an ordinary user; each is good once."""
    arguments = ["-n", *(["-S", munge_socket] if munge_socket else [])]
    if user == "root":
        return subprocess.run(["/usr/bin/munge", *arguments], capture_output=True, text=True, check=True).stdout.strip()
    done = site.run("/usr/bin/munge", *arguments, user=user)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


class Answer:
    def __init__(self, answer: http.client.HTTPResponse):
        self.status, self.body = answer.status, answer.read()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}

    @property
    def json(self):
        return json.loads(self.body)


def ask(site, path: str, *, method: str = "GET", user: str = "a", body: str = "", munge_socket: str = "",
        header: str | None = None) -> Answer:
    """@param user    "" for no credential.    @param header  what to send in its place"""
    headers = {"Content-Type": "application/json"} if method == "POST" else {}
    if header is not None:
        headers["authentication"] = header
    elif user:
        headers["authentication"] = credential(site, user, munge_socket)
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(site.gateway_url).netloc, timeout=30)
    try:
        connection.request(method, path, body or None, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def samples(text: str) -> dict[str, float]:
    """Of Prometheus' text format: {'name{label="value"}': number}."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def log_lines(site, event: str) -> list[dict[str, str]]:
    """The lines of one event in the gateway's log, each as its fields."""
    found = []
    with open(site.gateway.log, errors="replace") as log:
        for line in log:
            fields = {name: json.loads(quoted) if quoted else plain
                      for name, quoted, plain in re.findall(r'([a-z_]+)=(?:("(?:[^"\\]|\\.)*")|(\S*))', line)}
            if fields.get("event") == event:
                found.append(fields)
    return found
