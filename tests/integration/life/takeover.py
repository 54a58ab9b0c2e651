"""--import-mongo: what mongoexport writes of a deployed gateway's images is found, listed and run as before."""
import json
import os
import pwd
import subprocess
import time
import unittest

from site_fixture import GATEWAY_ACCOUNT, SYSCONFDIR, Site


class TakeOver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.image = cls.site.pull("org/small:1")
        cls.site.gateway.stop()
        for name in os.listdir(f"{cls.site.dir}/gateway"):  # the deployed gateway had no catalogue of ours
            if name.startswith("catalog.sqlite"):
                os.unlink(f"{cls.site.dir}/gateway/{name}")
        cls.tag = cls.site.image("org/small:1").removeprefix("docker:")
        pulled = {"_id": {"$oid": "5f0c2ab1e4b0d1a2b3c4d5e6"}, "id": cls.image, "system": "tests", "itype": "docker",
                  "pulltag": cls.tag, "tag": [cls.tag, "old/name:1"], "status": "READY", "status_message": "READY",
                  "last_heartbeat": 1700000000.5, "last_pull": time.time() - 86400,
                  "expiration": {"$numberDouble": str(time.time() + 86400)}, "userACL": [], "groupACL": [], "private": False,
                  "ENV": ["PATH=/usr/bin:/bin"], "ENTRY": None, "WORKDIR": "MISSING", "LABELS": "MISSING", "format": "squashfs",
                  "arch": "amd64", "os": "linux", "location": "registry-1.docker.io", "remotetype": "dockerv2", "ostcount": "0",
                  "replication": "1"}
        documents = [pulled,
                     {**pulled, "_id": {"$oid": "5f0c2ab1e4b0d1a2b3c4d5e7"}, "status": "FAILURE", "tag": []},
                     {**pulled, "_id": {"$oid": "5f0c2ab1e4b0d1a2b3c4d5e8"}, "id": "ab" * 32, "tag": ["gone:1"]},
                     {**pulled, "_id": {"$oid": "5f0c2ab1e4b0d1a2b3c4d5e9"}, "system": "retired"}]
        cls.export = f"{cls.site.dir}/images.json"
        with open(cls.export, "w") as out:
            out.writelines(json.dumps(each, separators=(",", ":")) + "\n" for each in documents)

    def take_over(self, *options):
        account = pwd.getpwnam(GATEWAY_ACCOUNT)
        return subprocess.run([self.site.program("shifter-gateway"), "--config", f"{SYSCONFDIR}/imagemanager.json", "--import-mongo",
                               self.export, *options], capture_output=True, text=True, timeout=60, user=account.pw_uid,
                              group=account.pw_gid, extra_groups=[])

    def test_a_site_switches_on_a_tuesday(self):
        files = self.site.files()
        dry = self.take_over("--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertIn("2 tags would be taken over, 0 were there before, 3 documents skipped\n", dry.stdout)
        done = self.take_over()
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[-1], "2 tags taken over, 0 were there before, 3 documents skipped")
        for words in ("not READY", "not whole", "no system \"retired\""):
            self.assertEqual(len([line for line in lines if words in line]), 1, done.stdout)
        self.assertIn("0 tags taken over, 2 were there before, 3 documents skipped\n", self.take_over().stdout, "it may be repeated")
        self.assertEqual(self.site.files(), files, "the files stay as they are")
        self.site.start_gateway()
        for name in (self.tag, "old/name:1"):
            found = self.site.run("shifterimg", "lookup", f"docker:{name}", user="b")
            self.assertEqual((found.returncode, found.stdout), (0, self.image + "\n"), found.stderr)
        tags = [line.split()[5] for line in self.site.run("shifterimg", "images").stdout.splitlines()]
        self.assertEqual(sorted(tags), sorted([self.tag, "old/name:1"]))
        ran = self.site.run("shifter", "--image=docker:old/name:1", "cat", "/etc/os-release", user="b")
        self.assertEqual(ran.returncode, 0, ran.stderr)


if __name__ == "__main__":
    unittest.main()
