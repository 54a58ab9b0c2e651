"""One gateway for two systems, each with a munged and a key of its own: a credential counts on its own system alone (I32)."""
import os
import pwd
import signal
import time
import unittest

from gateway_requests import ask
from services import start_munged
from site_fixture import GATEWAY_ACCOUNT, Site


class Platforms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        folder = f"{cls.site.dir}/second"
        os.mkdir(folder, 0o755)
        cls.sockets = {"tests": "/run/munge/munge.socket.2", "second": f"{folder}/run/socket"}
        cls.munged = start_munged(folder, cls.sockets["second"], dies_with_us=True)
        cls.addClassCleanup(cls.munged.stop)
        gateway = pwd.getpwnam(GATEWAY_ACCOUNT)
        platforms = {}
        for name, munge_socket in cls.sockets.items():
            images = f"{cls.site.dir}/images" if name == "tests" else f"{folder}/images"
            os.makedirs(images, exist_ok=True)
            os.chown(images, gateway.pw_uid, gateway.pw_gid)
            platforms[name] = {"mungeSocketPath": munge_socket, "accesstype": "local", "admins": [],
                               "platform": "linux/amd64" if name == "tests" else "linux/arm64",
                               "local": {"imageDir": images}}
        cls.site.write_gateway_config({"Platforms": platforms})
        cls.site.gateway.stop()
        cls.site.start_gateway()
        cls.site.push("small", "org/small:1")
        cls.tag = f"{cls.site.registry}/org/small:1"

    def lookup(self, system: str, munged: str) -> int:
        return ask(self.site, f"/api/lookup/{system}/docker/{self.tag}", munge_socket=self.sockets[munged]).status

    def test_a_credential_of_one_system_is_none_on_the_other(self):
        self.site.pull("org/small:1")
        self.assertEqual(self.lookup("tests", "tests"), 200)
        self.assertEqual(self.lookup("second", "second"), 404, "each system has its own images")
        self.assertEqual(self.lookup("tests", "second"), 401)
        self.assertEqual(self.lookup("second", "tests"), 401)
        self.assertEqual(ask(self.site, f"/api/pull/second/docker/{self.tag}", method="POST").status, 401)

    def test_one_tag_is_on_each_system_the_image_of_its_architecture_and_where_there_is_none_it_is_said_what_there_is(self):
        self.site.push("multiarch", "org/multi:1")
        found = {}
        for system in self.sockets:
            record = self.pulled(system, "org/multi:1")
            self.assertEqual(record["status"], "READY", record["status_message"])
            found[system] = record["platform"].split("/")[1]
        self.assertEqual(found, {"tests": "amd64", "second": "arm64"})
        refused = self.pulled("second", "org/small:1")
        self.assertEqual(refused["status"], "FAILURE")
        self.assertIn("it is built for linux/amd64, and this system needs linux/arm64", refused["status_message"])

    def pulled(self, system: str, name: str) -> dict:
        """The record at the end of a pull."""
        path = f"/api/pull/{system}/docker/{self.site.registry}/{name}"
        end = time.monotonic() + 60
        while time.monotonic() < end:
            record = ask(self.site, path, method="POST", munge_socket=self.sockets[system]).json
            if record["status"] in ("READY", "FAILURE"):
                return record
            time.sleep(0.05)
        raise AssertionError(f"the pull of {name} on {system} does not end: {record}")

    def test_a_munged_that_is_gone_or_hangs_is_the_trouble_of_its_own_system(self):
        self.munged.send(signal.SIGSTOP)
        try:
            self.assertIn(self.lookup("tests", "tests"), (200, 404))
        finally:
            self.munged.send(signal.SIGCONT)
        foreign = "/api/list/second"
        self.munged.stop()
        try:
            answer = ask(self.site, foreign)
            self.assertEqual((answer.status, answer.json["error"]),
                             (503, "cannot check the credential: munged does not answer on the gateway host"))
            self.assertEqual(ask(self.site, "/api/list/tests").status, 200)
        finally:
            type(self).munged = start_munged(f"{self.site.dir}/second", self.sockets["second"], dies_with_us=True)
            self.addClassCleanup(self.munged.stop)
        self.assertEqual(ask(self.site, foreign, munge_socket=self.sockets["second"]).status, 200)


if __name__ == "__main__":
    unittest.main()
