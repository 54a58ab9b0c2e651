"""A site that begins with SQLite goes on with PostgreSQL: shifter-gateway --copy-database."""
import json
import os
import subprocess
import unittest

from postgres_server import PostgresServer
from site_fixture import GATEWAY_ACCOUNT, SYSCONFDIR, Site


class Copy(unittest.TestCase):
    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)
        self.postgres = PostgresServer(self.site.dir, GATEWAY_ACCOUNT)
        self.addCleanup(self.postgres.remove)

    def copy(self) -> subprocess.CompletedProcess:
        return subprocess.run([self.site.program("shifter-gateway"), "--config", f"{SYSCONFDIR}/imagemanager.json", "--copy-database",
                               f"{self.site.dir}/gateway/catalog.sqlite"], user=GATEWAY_ACCOUNT, group=GATEWAY_ACCOUNT, extra_groups=[],
                              cwd="/", capture_output=True, text=True, timeout=120, check=False,
                              env={key: value for key, value in os.environ.items() if key != "GWCONFIG"})

    def images(self, user: str) -> list:
        done = self.site.run("shifterimg", "--json", "images", user=user)
        self.assertEqual(done.returncode, 0, done.stderr)
        return sorted(json.loads(done.stdout)["images"], key=lambda image: image["id"])

    def test_images_readers_and_numbers_go_to_postgresql_once_and_into_an_empty_database(self):
        for name in ("org/small:1", "org/other:1"):
            self.site.push("small", name)
            self.assertEqual(self.site.run("shifterimg", "pull", self.site.image(name)).returncode, 0)
        self.site.push("multiarch", "org/several:1")
        self.assertEqual(self.site.run("shifterimg", "pull", self.site.image("org/several:1")).returncode, 0)
        before = {user: self.images(user) for user in "ab"}
        self.assertTrue(before["a"])
        self.assertTrue(any(image["indexes"] for image in before["a"]))
        self.site.write_gateway_config({"Database": self.postgres.address()})

        running = self.copy()
        self.assertEqual((running.returncode, running.stdout), (1, ""))
        self.assertIn("cannot copy the catalog while a gateway runs", running.stderr)
        self.site.gateway.stop()
        done = self.copy()
        self.assertEqual(done.returncode, 0, done.stderr)
        counted = dict(line.split(": ") for line in done.stdout.splitlines())
        self.assertEqual((counted["tags"], counted["pulls"]), ("3", "3"))
        again = self.copy()
        self.assertEqual((again.returncode, again.stdout), (1, ""))
        self.assertRegex(again.stderr, "shifter-gateway: cannot copy the catalog to .*: it is not empty, .*\n$")

        self.site.start_gateway()
        self.assertEqual({user: self.images(user) for user in "ab"}, before)
        self.assertEqual(self.postgres.query("SELECT count(*) FROM pulls"), [["3"]])
        self.site.push("small", "org/third:1")
        done = self.site.run("shifterimg", "pull", self.site.image("org/third:1"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.postgres.query("SELECT count(*) FROM pulls"), [["4"]])
        self.site.gateway.stop()


if __name__ == "__main__":
    unittest.main()
