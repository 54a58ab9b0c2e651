"""Bad input ends in one line that says what, where and what to do, a status that is not 0, and nothing left behind.

The whole line is compared, as its reader sees it.
"""
import json
import os
import re
import socket
import subprocess
import threading
import unittest
import urllib.error
import urllib.request

from services import Service, ServiceError, free_port, start_munged
from site_fixture import GATEWAY_ACCOUNT, PREFIX, SYSCONFDIR, Site


class BrokenWire:
    """Between gateway and registry: forwards connections, and cuts the answer to a blob after some bytes, a number of times."""

    def __init__(self, port: int, registry: str, after: int, times: int):
        self.after, self.times, self.registry = after, times, registry
        self._listener = socket.create_server(("127.0.0.1", port))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        host, port = self.registry.split(":")
        with client, socket.create_connection((host, int(port))) as server:
            left = [None]

            def requests() -> None:
                try:
                    while data := client.recv(65536):
                        if b"/blobs/" in data and data.startswith(b"GET"):
                            left[0] = self.after
                        server.sendall(data)
                    server.shutdown(socket.SHUT_WR)
                except OSError:
                    pass

            threading.Thread(target=requests, daemon=True).start()
            try:
                while data := server.recv(65536):
                    if left[0] is not None and self.times > 0:
                        if len(data) >= left[0]:
                            self.times -= 1
                            client.sendall(data[:left[0]])
                            client.shutdown(socket.SHUT_RDWR)
                            return
                        left[0] -= len(data)
                    client.sendall(data)
            except OSError:
                pass


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.wire_port = free_port()
        cls.wire = f"127.0.0.1:{cls.wire_port}"
        cls.dead = f"127.0.0.1:{free_port()}"
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.locations = {cls.site.registry: {"url": f"http://{cls.site.registry}"}, cls.wire: {"url": f"http://{cls.wire}"},
                         cls.dead: {"url": f"http://{cls.dead}"}}
        cls.restart(cls)
        cls.site.push("small", "org/small:1")

    def restart(self, **more):
        self.site.gateway.stop()
        self.site.write_gateway_config({"Locations": self.locations, **more})
        self.site.start_gateway()

    def setUp(self):
        self.files = self.site.files()

    def tearDown(self):
        left = [name for name in self.site.files() if name not in self.files and not name.startswith("images/")]
        self.assertEqual(left, [], "nothing is left of failed work")
        self.site.check()

    def reason(self, name):
        """Why a pull of `name` fails: what follows the name in the one line."""
        line = self.refused("pull", name, timeout=300)
        begin = re.match(rf"shifterimg: cannot pull (docker:)?{re.escape(name.removeprefix('docker:'))}: ", line)
        self.assertTrue(begin, line)
        return line[begin.end():]

    def refused(self, *arguments, program="shifterimg", status=1, **options):
        """The one line on stderr of a call that must fail."""
        done = self.site.run(program, *arguments, **options)
        self.assertEqual(done.returncode, status, (done.stdout, done.stderr))
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr.rstrip("\n")

    # What a user mistypes.

    def test_a_repository_that_does_not_exist(self):
        self.assertEqual(self.reason(self.site.image("org/smal:1")),
                         f"{self.site.registry} does not have it (404); is the name right?")

    def test_a_tag_that_does_not_exist(self):
        self.assertEqual(self.reason(self.site.image("org/small:2")),
                         f"{self.site.registry} does not have it (404); is the name right?")

    def test_a_registry_that_the_site_does_not_allow(self):
        line = self.refused("pull", "docker:registry.example.org/org/small:1")
        self.assertEqual(line, 'shifterimg: cannot pull "registry.example.org/org/small:1": this site does not allow the registry '
                               f'"registry.example.org"; it allows {", ".join(sorted(self.locations))} (400)')

    def test_a_registry_that_does_not_answer(self):
        self.restart(Limits={"Attempts": 2, "FirstDelay": 20})
        try:
            self.assertEqual(self.reason(f"docker:{self.dead}/org/small:1"),
                             f"{self.dead} cannot be reached: Couldn't connect to server (tried 2 times)")
        finally:
            self.restart()

    def test_an_image_that_was_never_pulled_cannot_run(self):
        name = self.site.image("org/small:never")
        line = self.refused(f"--image={name}", "true", program="shifter")
        self.assertEqual(line, f"shifter: cannot find {name}: there is no such image, or you may not use it (404); "
                               f"pull it first: shifterimg pull {name}")

    def test_no_image_at_all(self):
        self.assertTrue(self.refused("true", program="shifter").startswith("shifter: no image"))

    # What a registry does.

    def test_a_registry_that_stops_once_in_the_middle_is_asked_for_the_rest(self):
        wire = BrokenWire(self.wire_port, self.site.registry, after=200_000, times=2)
        try:
            done = self.site.run("shifterimg", "pull", f"docker:{self.wire}/org/small:1")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(wire.times, 0, "it was cut, twice")
        finally:
            wire.close()

    def test_a_registry_that_always_stops_in_the_middle(self):
        self.site.push("debian8", "org/cut:1")
        name = f"docker:{self.wire}/org/cut:1"
        wire = BrokenWire(self.wire_port, self.site.registry, after=1000, times=1 << 30)
        try:
            self.restart(Limits={"Attempts": 3, "FirstDelay": 20})
            self.assertEqual(self.reason(name), f"{self.wire} broke the connection (tried 3 times)")
        finally:
            wire.close()
            self.restart()

    # What the machine does.

    def test_a_full_disk(self):
        images = f"{self.site.dir}/images"
        self.site.push("debian8", "org/full:1")
        name = self.site.image("org/full:1")
        self.site.gateway.stop()
        owner = os.stat(images)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=16M,mode=755,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs", images],
                       check=True)
        try:
            self.restart()
            reason = self.reason(name)
            left = os.listdir(images)
        finally:
            self.site.gateway.stop()
            subprocess.run(["umount", images], check=True)
            self.restart()
        self.assertRegex(reason, r"^cannot write .+: No space left on device$")
        self.assertEqual([file for file in left if file.endswith((".meta", ".squashfs"))], [])
        done = self.site.run("shifterimg", "pull", name, user="b")
        self.assertEqual(done.returncode, 0, f"a repeat succeeds when there is space again\n{done.stderr}")

    def test_a_gateway_that_is_down(self):
        self.site.gateway.stop()
        try:
            name = self.site.image("org/small:1")
            pull = self.refused("pull", name)
            images = self.refused("images")
            run = self.refused(f"--image={name}", "true", program="shifter")
        finally:
            self.site.start_gateway()
        for line in (pull, images, run):
            self.assertIn(self.site.gateway_url, line)
            self.assertIn("could not be contacted", line)

    def test_a_munged_that_is_down(self):
        Service(self.site.dir, "munged").stop()
        try:
            line = self.refused("images")
        finally:
            start_munged(self.site.dir, "/run/munge/munge.socket.2", dies_with_us=True)
        self.assertIn("munge", line.lower())

    # What an administrator leaves open.

    def test_I37_a_site_configuration_that_others_can_write(self):
        path = f"{SYSCONFDIR}/udiRoot.conf"
        os.chmod(path, 0o666)
        try:
            line = self.refused("--image=id:" + "0" * 64, "true", program="shifter")
        finally:
            os.chmod(path, 0o644)
        self.assertTrue(line.startswith("shifter: "), line)
        self.assertIn(path, line)

    def test_I37_a_site_configuration_of_another_owner(self):
        path = f"{SYSCONFDIR}/udiRoot.conf"
        os.chown(path, self.site.users["a"].uid, 0)
        try:
            line = self.refused("--image=id:" + "0" * 64, "true", program="shifter")
        finally:
            os.chown(path, 0, 0)
        self.assertTrue(line.startswith("shifter: "), line)
        self.assertIn(path, line)

    def test_a_gateway_configuration_that_others_can_write(self):
        path = f"{SYSCONFDIR}/imagemanager.json"
        self.site.gateway.stop()
        os.chmod(path, 0o666)
        try:
            with self.assertRaises(ServiceError) as failure:
                self.site.start_gateway()
        finally:
            os.chmod(path, 0o644)
            self.site.start_gateway()
        self.assertIn(path, str(failure.exception))

    def test_a_gateway_configuration_with_mistakes_names_each_with_its_line(self):
        self.site.gateway.stop()
        try:
            self.site.write_gateway_config({"WorkerThreads": "many", "Listen": "nowhere"})
            with self.assertRaises(ServiceError) as failure:
                self.site.start_gateway()
        finally:
            self.restart()
        for key in ("WorkerThreads", "Listen"):
            self.assertRegex(str(failure.exception), rf"imagemanager\.json:\d+: {key}: ")

    # Over HTTP: the JSON body of contract 7.2.

    def http(self, method, path, credential=True):
        headers = {"Content-Type": "application/json"}
        if credential:
            headers["authentication"] = self.site.run("/usr/bin/munge", "-n").stdout.strip()
        request = urllib.request.Request(self.site.gateway_url + path, method=method, headers=headers,
                                         data=b"" if method == "POST" else None)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers["Content-Type"], json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Content-Type"], json.load(error)

    def test_errors_over_http_have_the_contracts_body(self):
        path = "/api/lookup/tests/docker/never%2Fthere%3A1/"
        status, kind, body = self.http("GET", path)
        self.assertEqual((status, kind), (404, "application/json"))
        self.assertEqual((body["status"], set(body)), (404, {"status", "error", "message"}))
        status, kind, body = self.http("GET", path, credential=False)
        self.assertEqual((status, kind, body["status"]), (401, "application/json", 401))

    def test_the_account_of_the_gateway_owns_no_more_than_its_own(self):
        for folder, _, names in os.walk(PREFIX):
            for name in names:
                self.assertEqual(os.lstat(f"{folder}/{name}").st_uid, 0, f"{folder}/{name} belongs to root, not to {GATEWAY_ACCOUNT}")


class Closed(unittest.TestCase):
    """A registry that wants a login."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site(registry_login="reader:secret")
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")

    def test_a_pull_without_a_login_says_what_to_do(self):
        done = self.site.run("shifterimg", "pull", self.site.image("org/small:1"))
        self.assertEqual((done.returncode, done.stderr), (
            1, f"shifterimg: cannot pull {self.site.registry}/org/small:1: {self.site.registry} refused access (401): it does not "
               "exist there, or needs a login (shifterimg login)\n"))
        self.assertEqual(self.site.files(), [])

    def test_a_wrong_password_is_refused_and_not_shown(self):
        self.login("reader:wrong")
        name = self.site.image("org/small:1")
        done = self.site.run("shifterimg", "pull", name)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
        self.assertNotIn("wrong", done.stdout + done.stderr)
        with open(self.site.gateway.log) as log:
            self.assertNotIn("reader:wrong", log.read(), "I36")

    def test_the_right_password_pulls_and_the_image_is_the_pullers_alone(self):
        self.login("reader:secret")
        identifier = self.site.pull("org/small:1")
        other = self.site.run("shifterimg", "lookup", self.site.image("org/small:1"), user="b")
        self.assertEqual((other.returncode, other.stdout), (1, ""), "I33: for others it does not exist")
        mode = os.stat(f"{self.site.dir}/images/{identifier}.squashfs").st_mode & 0o777
        self.assertEqual(mode, 0o600, "I33")
        done = self.site.run("shifter", f"--image=id:{identifier}", "true", user="b")
        self.assertEqual(done.returncode, 1, "the runtime enforces the same ACL")
        self.assertEqual(self.site.run("shifter", f"--image=id:{identifier}", "true").returncode, 0)

    def login(self, login):
        user, password = login.split(":")
        # A wrong login is stored here on purpose: what a pull says of it is the question.
        done = self.site.run("shifterimg", "--no-verify", "login", self.site.registry, input=f"{user}\n{password}\n", start_new_session=True)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
