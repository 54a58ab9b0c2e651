"""R1, R2: kill -9 of the gateway anywhere in a pull leaves the image absent or whole; the next start carries on."""
import hashlib
import os
import signal
import subprocess
import time
import unittest

from site_fixture import Site

FRACTIONS = (0.01, 0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.85, 0.93, 0.97, 0.99, 1.0, 1.02)


def sha256(path: str) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class Crash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("debian8", "org/debian:8")
        cls.reference = cls.site.image("org/debian:8")
        begin = time.monotonic()
        cls.id = cls.site.pull("org/debian:8")
        cls.seconds = time.monotonic() - begin
        cls.whole = sha256(f"{cls.site.dir}/images/{cls.id}.squashfs")

    def empty_store(self):
        self.site.gateway.stop()
        for folder in ("images", "gateway"):
            for name in os.listdir(path := f"{self.site.dir}/{folder}"):
                if os.path.isfile(f"{path}/{name}"):
                    os.unlink(f"{path}/{name}")
        self.site.start_gateway()

    def published(self) -> dict[str, str]:
        """What a node would mount: images whose record and file both have their names, with the file's hash."""
        names = os.listdir(f"{self.site.dir}/images")
        return {name[:-5]: sha256(f"{self.site.dir}/images/{name[:-5]}.squashfs") for name in names if name.endswith(".meta")}

    def test_R2_kill_at_many_points_leaves_no_half_image_and_the_next_start_carries_on(self):
        for fraction in FRACTIONS:
            with self.subTest(fraction=fraction):
                self.empty_store()
                user = self.site.start("shifterimg", "pull", self.reference, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                time.sleep(self.seconds * fraction)
                self.site.gateway.stop(signal.SIGKILL)
                for identifier, digest in self.published().items():
                    self.assertEqual((identifier, digest), (self.id, self.whole), "R1: what has a record is whole")
                self.site.start_gateway()
                # Who waits rides out the restart; before his request was accepted, he was told at once.
                user.communicate(timeout=60)
                if fraction > 0.1:
                    self.assertEqual(user.returncode, 0)
                # Nobody asks again: the pull that was accepted is finished all the same.
                deadline = time.monotonic() + 60 + 10 * self.seconds
                while (found := self.site.run("shifterimg", "lookup", self.reference)).returncode != 0 and fraction > 0.1:
                    self.assertLess(time.monotonic(), deadline, "the pull was not carried on")
                    time.sleep(0.1)
                self.assertEqual(self.site.pull("org/debian:8"), self.id)
                self.assertIn(found.stdout, (f"{self.id}\n", ""))
                self.assertEqual(self.published(), {self.id: self.whole})
                left = [name for name in self.site.files()
                        if name not in (f"images/{self.id}.meta", f"images/{self.id}.squashfs")]
                self.assertEqual(left, [], "space of failed work is free again (R3)")

    def test_R2_a_stop_by_SIGTERM_is_a_stop_within_seconds_even_in_a_pull(self):
        self.empty_store()
        user = self.site.start("shifterimg", "pull", self.reference, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(self.seconds * 0.4)
        begin = time.monotonic()
        self.site.gateway.stop()
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual([name for name in self.site.files() if not name.startswith(f"images/{self.id}.")], [])
        self.site.start_gateway()
        user.communicate(timeout=60)
        self.assertEqual(user.returncode, 0, "who waits rides out the restart")
        self.assertEqual(self.site.pull("org/debian:8"), self.id)

    def test_I25_the_gateway_runs_without_privilege(self):
        with open(f"/proc/{self.site.gateway.pid()}/status") as stream:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
        self.assertEqual(int(status["CapEff"], 16), 0)
        self.assertNotIn("0", status["Uid"].split())


if __name__ == "__main__":
    unittest.main()
