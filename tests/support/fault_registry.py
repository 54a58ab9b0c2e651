#!/usr/bin/env python3
"""A registry that lies, stalls and breaks, as a test wants it to. Python's standard library alone.

usage: fault_registry.py [LAYOUT SPEC LOG]

Serves the OCI layout LAYOUT (every repository name has its content), or what the registry at the URL LAYOUT has, on
127.0.0.1, on two free ports: "main", the registry, and "other", a blob store or token server of another origin. Prints one line, {"main": PORT, "other": PORT}, then serves
until its standard input ends. Writes one JSON line to LOG for each request, before answering it. Each line of standard
input, {"layout": …, "spec": …, "log": …, "tls": [CERTIFICATE, KEY]}, starts one more such pair and prints its ports;
{"stop": MAIN} ends the pair with that main port. As a module: start() and State.lift() do the same in the caller's process.

SPEC is JSON: {"auth": {...}, "range": true, "faults": [{...}, ...]}; all parts may be absent. In texts, {main} and {other}
stand for the ports, {path} for the path of the request.

auth:    kind     "bearer" or "basic"
         realm    URL of the token server (default: main's own /token)
         user, password      who may read; without them anonymous tokens are good enough
         expires_in          seconds; tokens are refused after that
         uses                a token is refused after so many requests
         always_refuse       401 whatever comes
fault:   server   "main" (default) or "other"
         match    regular expression for the path
         times    how often; absent: always.    skip  let so many matching requests pass first
         do       status     answer `status` with `headers` and `body`
                  truncate   announce all, send `bytes`, close
                  short      announce and send `bytes` alone
                  long       send `bytes` more than there are
                  corrupt    change the last byte
                  stall      send `bytes`, then nothing for `seconds`
                  slow       send pieces of `bytes`, with `seconds` between them
                  redirect   `status` (307) to `location`
                  document   send `body` (or, repeated `repeat` times, `unit`) as it is, with `headers`
                  header     the true answer, with `headers` in place of its own
                  no_range   the whole blob, whatever was asked for
                  bad_range  206, one byte before the range that was asked for
                  drop       close without an answer.    garbage  no HTTP
"""
import base64
import hashlib
import http.client
import http.server
import json
import pathlib
import re
import sys
import threading
import time
import urllib.parse

INDEX_TYPES = {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}


class State:
    """What all requests share."""

    def __init__(self, layout, spec, log):
        self.upstream = str(layout).removeprefix("http://") if str(layout).startswith("http://") else None
        self.layout, self.spec, self.log = pathlib.Path(layout), spec, log
        self.lock = threading.Lock()
        self.ports = {}
        self.seen = [0] * len(spec.get("faults", []))
        self.tokens = {}
        self.scheme = "http"
        self.servers = []

    def lift(self):
        """From now on nothing is wrong, and nobody has to say who he is."""
        with self.lock:
            self.spec, self.seen = {}, []

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def fill(self, text, path=""):
        for name, port in self.ports.items():
            text = text.replace("{" + name + "}", str(port))
        return text.replace("{path}", path)

    def fault_for(self, server, path):
        with self.lock:
            for number, fault in enumerate(self.spec.get("faults", [])):
                if fault.get("server", "main") != server or not re.search(fault.get("match", ""), path):
                    continue
                self.seen[number] += 1
                nth = self.seen[number] - fault.get("skip", 0)
                if nth >= 1 and nth <= fault.get("times", 1 << 60):
                    return fault
        return None

    def fetch(self, path, accept):
        """(media type, bytes) of what the registry behind this one has."""
        connection = http.client.HTTPConnection(self.upstream, timeout=20)
        try:
            connection.request("GET", path, headers={"Accept": accept})
            answer = connection.getresponse()
            body = answer.read()
            return (answer.headers["Content-Type"], body) if answer.status == 200 else None
        finally:
            connection.close()

    def blob(self, digest):
        algorithm, _, name = digest.partition(":")
        path = self.layout / "blobs" / algorithm / name
        return path.read_bytes() if re.fullmatch("[0-9a-f]+", name) and path.is_file() else None

    def manifest(self, selector):
        """(media type, bytes) of a tag or a digest."""
        index = json.loads((self.layout / "index.json").read_text())
        if ":" not in selector:
            for entry in index["manifests"]:
                if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == selector:
                    selector = entry["digest"]
        body = self.blob(selector)
        return None if body is None else (json.loads(body).get("mediaType", "application/json"), body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State
    role = "main"

    def log_message(self, *_):
        pass

    def do_GET(self):
        state, path = self.state, urllib.parse.urlsplit(self.path).path
        line = {"server": self.role, "path": self.path, "authorization": self.headers.get("Authorization", ""),
                "range": self.headers.get("Range", ""), "accept": self.headers.get("Accept", ""),
                "agent": self.headers.get("User-Agent", ""), "time": time.monotonic()}
        with state.lock:
            state.log.write(json.dumps(line) + "\n")
            state.log.flush()
        # Whether something may be read is asked by HEAD: no fault is about that, so none is used up by it.
        fault = (self.command != "HEAD" and state.fault_for(self.role, self.path)) or {"do": ""}
        act = getattr(self, "do_" + fault["do"], None) if fault["do"] else None
        if act is not None:
            return act(fault)
        if path == "/token":
            return self.token(fault)
        if self.role == "main" and not self.allowed():
            return None
        found = self.content(path)
        if found is None:
            return self.answer(404, b'{"errors":[{"code":"UNKNOWN","message":"body-of-the-answer"}]}')
        return self.serve(*found, fault)

    do_HEAD = do_GET

    # What there is.
    def content(self, path):
        match = re.fullmatch(r"/v2/.+/(manifests|blobs)/([^/]+)", path)
        if not match:
            return None
        if self.state.upstream:
            return self.state.fetch(path, self.headers.get("Accept", ""))
        if match.group(1) == "manifests":
            return self.state.manifest(match.group(2))
        body = self.state.blob(match.group(2))
        return None if body is None else ("application/octet-stream", body)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in dict({"Content-Length": str(len(body))}, **dict(headers)).items():
            self.send_header(name, self.state.fill(value, self.path))
        self.end_headers()
        self.write(body)

    def write(self, body):
        if self.command == "HEAD":
            return
        try:
            self.wfile.write(body)
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def serve(self, media_type, body, fault):
        """The content, bent as `fault` says."""
        kind, size = fault["do"], fault.get("bytes", 0)
        headers = {"Content-Type": media_type}
        if "manifests" in self.path:
            headers["Docker-Content-Digest"] = "sha256:" + hashlib.sha256(body).hexdigest()
        headers.update(fault.get("headers", {}))
        if kind == "corrupt":
            body = body[:-1] + bytes([body[-1] ^ 1])
        elif kind == "short":
            body = body[:size]
        elif kind == "long":
            body = body + b"x" * size
        status, wanted = 200, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.state.spec.get("range", True) and kind != "no_range":
            begin = int(wanted.group(1)) - (1 if kind == "bad_range" else 0)
            if begin >= len(body):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
            headers["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
            status, body = 206, body[begin:]
        if kind not in ("truncate", "stall", "slow"):
            return self.answer(status, body, headers)
        self.send_response(status)
        for name, value in dict(headers, **{"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if kind == "slow":
            for begin in range(0, len(body), size):
                self.write(body[begin:begin + size])
                time.sleep(fault["seconds"])
            return None
        self.write(body[:size])
        if kind == "stall":
            time.sleep(fault["seconds"])
        self.close_connection = True
        return None

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except ConnectionError:  # the client's way to end what it does not want
            self.close_connection = True

    # Faults that need no content.
    def do_status(self, fault):
        self.answer(fault["status"], fault.get("body", "body-of-the-answer").encode(), fault.get("headers", {}))

    def do_redirect(self, fault):
        self.answer(fault.get("status", 307), b"body-of-the-answer", {"Location": fault["location"]})

    def do_document(self, fault):
        body = fault.get("body", "") or fault["unit"] * fault["repeat"]
        self.answer(200, body.encode(), fault.get("headers", {}))

    def do_drop(self, _):
        self.close_connection = True

    def do_garbage(self, _):
        self.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        self.close_connection = True

    # Who may read.
    def allowed(self):
        auth = self.state.spec.get("auth")
        if not auth:
            return True
        given = self.headers.get("Authorization", "")
        if auth["kind"] == "basic":
            challenge = 'Basic realm="test registry"'
            good = given == self.basic(auth)
        else:
            realm = self.state.fill(auth.get("realm", self.state.scheme + "://127.0.0.1:{main}/token"))
            scope = auth.get("scope", "repository:whatever/the/server/says:pull")
            challenge = f'Bearer realm="{realm}",service="test service",scope="{scope}"'
            with self.state.lock:
                token = self.state.tokens.get(given.removeprefix("Bearer "))
                good = token is not None and time.monotonic() < token["ends"] and token["uses"] > 0
                if good:
                    token["uses"] -= 1
        if good and not auth.get("always_refuse"):
            return True
        self.answer(auth.get("status", 401), b"body-of-the-answer", {"WWW-Authenticate": auth.get("challenge", challenge)})
        return False

    @staticmethod
    def basic(auth):
        pair = f"{auth.get('user', '')}:{auth.get('password', '')}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def token(self, fault):
        auth = self.state.spec.get("auth", {})
        if "user" in auth and self.headers.get("Authorization") != self.basic(auth):
            return self.answer(401, b"body-of-the-answer")
        with self.state.lock:
            name = f"token-{len(self.state.tokens)}"
            life = auth.get("expires_in", 60)
            self.state.tokens[name] = {"ends": time.monotonic() + life, "uses": auth.get("uses", 1 << 60)}
        return self.serve("application/json", json.dumps({auth.get("field", "token"): name, "expires_in": life}).encode(), fault)


def start(layout, spec, log, tls=None, poll_seconds=0.02):
    """One pair of servers, as the State that they share. `spec`: of a file, or the value itself. `poll_seconds`: how long a stop
    may take; for hundreds of pairs, short ones are a load of their own."""
    value = spec if isinstance(spec, dict) else json.loads(pathlib.Path(spec).read_text())
    state = State(layout, value, open(log, "a", encoding="utf-8"))
    for role in ("main", "other"):
        handler = type(role, (Handler,), {"state": state, "role": role})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.block_on_close = False
        if role == "main" and tls:
            import ssl
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            if value.get("client_certificate"):  # who comes must have the server's own
                context.load_verify_locations(tls[0])
                context.verify_mode = ssl.CERT_REQUIRED
            server.socket = context.wrap_socket(server.socket, server_side=True)
            state.scheme = "https"
        state.ports[role] = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": poll_seconds}, daemon=True).start()
        state.servers.append(server)
    return state


def main():
    running = {}

    def begin(**order):
        state = start(**order)
        running[state.ports["main"]] = state
        print(json.dumps(state.ports), flush=True)

    if len(sys.argv) > 1:
        begin(**dict(zip(("layout", "spec", "log"), sys.argv[1:4], strict=True)))
    for line in sys.stdin:
        order = json.loads(line)
        if "stop" not in order:
            begin(**order)
            continue
        running.pop(order["stop"]).stop()


if __name__ == "__main__":
    main()
