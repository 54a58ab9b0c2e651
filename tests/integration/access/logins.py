"""Logins: shown to the registry before they are stored; those of other programs; and no trace of them anywhere (I36)."""
import base64
import json
import os
import pwd
import unittest

from site_fixture import GATEWAY_ACCOUNT, SYSCONFDIR, Site


class Logins(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(registry_login="reader:secret-word")
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.image = cls.site.image("org/small:1")

    def login(self, password, *options):
        return self.site.run("shifterimg", "--username", "reader", *options, "login", self.site.registry,
                             "--password-stdin", input=f"{password}\n")

    def home(self, name):
        return f"{self.site.dir}/home/{self.site.users['a'].name}/{name}"

    def put(self, name, text):
        os.makedirs(os.path.dirname(self.home(name)), exist_ok=True)
        with open(self.home(name), "w") as out:
            out.write(text)
        for path in (os.path.dirname(self.home(name)), self.home(name)):
            os.chown(path, self.site.users["a"].uid, self.site.users["a"].gid)
        self.addCleanup(lambda: os.path.exists(self.home(name)) and os.unlink(self.home(name)))

    def tearDown(self):
        self.site.run("shifterimg", "logout", self.site.registry)
        self.site.run("shifterimg", "rm", self.image)

    def test_a_right_login_is_stored_for_its_owner_alone(self):
        done = self.login("secret-word")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the registry has accepted it", done.stderr)
        self.assertEqual(os.stat(self.home(".udiRoot/.cred")).st_mode & 0o777, 0o600)
        self.site.pull("org/small:1")

    def test_a_wrong_login_is_refused_by_the_registry_and_not_stored(self):
        done = self.login("wrong-word")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
        self.assertIn("nothing was stored", done.stderr)
        self.assertNotIn("wrong-word", done.stderr)
        self.assertNotEqual(self.site.run("shifterimg", "logout", self.site.registry).returncode, 0)

    def test_a_registry_that_the_site_does_not_allow_is_not_asked(self):
        done = self.site.run("shifterimg", "--username", "x", "login", "elsewhere.example.org", "--password-stdin", input="y\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not allow the registry", done.stderr)

    def test_logins_of_docker_and_netrc_are_used_where_none_is_stored(self):
        self.assertNotEqual(self.site.run("shifterimg", "pull", self.image).returncode, 0)
        self.put(".netrc", f"machine {self.site.registry} login reader password secret-word\n")
        self.site.pull("org/small:1")
        self.site.run("shifterimg", "rm", self.image)
        wrong = base64.b64encode(b"reader:not-it").decode()
        self.put(".docker/config.json", json.dumps({"auths": {self.site.registry: {"auth": wrong}}}))
        self.assertNotEqual(self.site.run("shifterimg", "pull", self.image).returncode, 0, "docker's file comes first")
        self.put(".docker/config.json", json.dumps({"credHelpers": {self.site.registry: "some-helper"}}))
        os.unlink(self.home(".netrc"))
        done = self.site.run("shifterimg", "pull", self.image)
        self.assertIn("credential helper (some-helper), which is not run; use shifterimg login", done.stderr)

    def test_what_the_sites_own_login_may_read_is_everybodys(self):
        login = f"{self.site.dir}/etc/registry-login"
        self.addCleanup(self.restart, {})

        def restart_with(text):
            with open(login, "w") as out:
                out.write(text)
            os.chown(login, 0, pwd.getpwnam(GATEWAY_ACCOUNT).pw_gid)
            os.chmod(login, 0o640)
            self.restart({"Locations": {self.site.registry: {"url": f"http://{self.site.registry}", "authMethod": "basic",
                                                             "loginFile": f"{SYSCONFDIR}/registry-login"}}})

        restart_with("reader:secret-word\n")
        self.site.push("small", "org/site:1")
        for user in "ab":  # neither has a login
            done = self.site.run("shifterimg", "pull", self.site.image("org/site:1"), user=user)
            self.assertEqual(done.returncode, 0, done.stderr)
        record = json.loads(self.site.run("shifterimg", "--json", "inspect", self.site.image("org/site:1"), user="b").stdout)["image"]
        self.assertFalse(record["private"])
        restart_with("reader:wrong-word\n")
        self.site.push("multiarch", "org/other:1")
        done = self.site.run("shifterimg", "pull", self.site.image("org/other:1"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("needs a login", done.stderr)
        self.assertNotIn("wrong-word", done.stderr + self.site.gateway.log_end())

    def restart(self, more):
        self.site.gateway.stop()
        self.site.write_gateway_config(more)
        self.site.start_gateway()

    def test_I36_no_password_is_in_a_log_or_the_catalog(self):
        self.login("secret-word")
        self.login("wrong-word")
        self.site.pull("org/small:1")
        for folder, _, names in os.walk(f"{self.site.dir}/gateway"):
            for name in names:
                with open(f"{folder}/{name}", "rb") as stream:
                    content = stream.read()
                self.assertNotIn(b"secret-word", content, name)
                self.assertNotIn(b"wrong-word", content, name)
        with open(self.site.gateway.log, "rb") as stream:
            content = stream.read()
        self.assertNotIn(b"secret-word", content)
        self.assertNotIn(b"wrong-word", content)


if __name__ == "__main__":
    unittest.main()
