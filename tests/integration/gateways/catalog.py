"""The catalog's own tests, on a real PostgreSQL server: what SQLite keeps, it keeps, too (R9)."""
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest

from postgres_server import PostgresServer

PROGRAM = os.environ.get("SHIFTER_TEST_CATALOG", "build/dev/tests/unit/catalog/catalog_on_postgres")
ACCOUNT = "nobody"


class CatalogOnPostgres(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="shifter-postgres-", dir="/var/lib")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = PostgresServer(self.folder, ACCOUNT)
        self.addCleanup(self.server.remove)

    def test_R9_every_promise_of_the_catalog_holds_on_postgresql(self):
        who = pwd.getpwnam(ACCOUNT)
        done = subprocess.run([PROGRAM, "-w", "NoTests"], user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd="/",
                              timeout=300, capture_output=True, text=True, check=False,
                              env={"SHIFTER_TEST_POSTGRES": self.server.address(), "PATH": "/usr/bin:/bin"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("All tests passed", done.stdout)


if __name__ == "__main__":
    unittest.main()
