"""How images end: expiry by itself, pins, quotas, grace; and containers that run on (R14)."""
import os
import subprocess
import time
import unittest

from site_fixture import Site


class Ends(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config={
            "AutoExpire": 1, "RemovalGrace": "0:00:00:00", "ImageExpirationTimeout": "0:00:00:06",
            "PullUpdateTimeout": 0})
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")

    def exists(self, identifier):
        return os.path.exists(f"{self.site.dir}/images/{identifier}.squashfs")

    def wait(self, what, seconds=20):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "it does not happen")
            time.sleep(0.2)

    def admin(self, *words):
        """As root, who is the site's admin."""
        done = subprocess.run([self.site.program("shifterimg"), *words], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_R14_an_image_expires_by_itself_and_the_container_that_runs_from_it_goes_on(self):
        identifier = self.site.pull("org/small:1")
        runs = self.site.start("shifter", f"--image=id:{identifier}", "sh", "-c",
                               "read line; cat /etc/os-release >/dev/null && ls /bin >/dev/null && echo still here",
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1)
        self.wait(lambda: not self.exists(identifier))
        self.assertEqual(self.site.run("shifterimg", "lookup", self.site.image("org/small:1")).returncode, 1)
        out, err = runs.communicate("go\n", timeout=30)
        self.assertEqual((runs.returncode, out), (0, "still here\n"), err)
        self.assertEqual(self.site.pull("org/small:1"), identifier, "a repeated pull brings it back")
        self.site.run("shifterimg", "rm", self.site.image("org/small:1"))

    def test_a_pinned_image_stays(self):
        identifier = self.site.pull("org/small:1")
        self.admin("pin", self.site.image("org/small:1"))
        self.assertEqual(self.site.run("shifterimg", "pin", self.site.image("org/small:1")).returncode, 1)
        time.sleep(8)
        self.assertTrue(self.exists(identifier))
        self.assertIn(identifier, self.admin("lookup", self.site.image("org/small:1")).stdout)
        self.admin("unpin", self.site.image("org/small:1"))
        self.wait(lambda: not self.exists(identifier))


class Stays(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config={"UserImages": 2})
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")

    def test_R16_a_quota_is_told_in_words_and_is_each_users_own(self):
        for tag in ("q1", "q2", "q3"):
            self.site.push("small" if tag == "q1" else "multiarch", f"org/{tag}:1")
        self.site.push("tar_forms", "org/other:1")
        self.site.pull("org/q1:1")
        self.site.pull("org/q2:1")
        self.site.pull("org/q3:1")  # the same content as q2: counted once
        done = self.site.run("shifterimg", "pull", self.site.image("org/other:1"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("you have already 2 images of the 2 that this site allows", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        for tag in ("q1", "q2", "q3"):
            self.site.run("shifterimg", "rm", self.site.image(f"org/{tag}:1"))
        time.sleep(1)  # for a moment every client that polls is told of the failure
        self.site.pull("org/other:1")
        self.site.run("shifterimg", "rm", self.site.image("org/other:1"))

    def test_R1_a_file_that_is_gone_is_no_image_and_the_next_pull_brings_it_back(self):
        identifier = self.site.pull("org/small:1")
        os.unlink(f"{self.site.dir}/images/{identifier}.squashfs")
        time.sleep(5.5)  # what was whole is believed for a while
        self.assertEqual(self.site.run("shifterimg", "lookup", self.site.image("org/small:1")).returncode, 1)
        self.assertEqual(self.site.pull("org/small:1"), identifier)
        self.assertTrue(os.path.exists(f"{self.site.dir}/images/{identifier}.squashfs"))
        self.site.run("shifterimg", "rm", self.site.image("org/small:1"))


if __name__ == "__main__":
    unittest.main()
