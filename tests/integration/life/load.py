"""shifterimg load: what podman save, buildah push and skopeo copy write becomes an image of the user's own."""
import os
import shutil
import subprocess
import tempfile
import unittest

from site_fixture import Site
from images import build


class Load(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.folder = tempfile.mkdtemp(prefix="shifter-load-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)
        cls.layout = build.image("small")

    def archive(self, kind):
        path = f"{self.folder}/{kind}"
        return path if os.path.exists(path) else build.archive("small", path, kind)

    def load(self, *words, user="a", **options):
        return self.site.run("shifterimg", "load", *words, user=user, **options)

    def check(self, done, tag, user="a"):
        self.assertEqual(done.returncode, 0, done.stderr)
        name = f"custom:{self.site.users[user].name}/{tag}"
        self.assertTrue(done.stdout.endswith(f"Pulling Image: {name}, status: READY\n"), done.stdout)
        ran = self.site.run("shifter", f"--image={name}", "cat", "/etc/os-release", user=user)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("=", ran.stdout)
        return name

    def test_archives_of_all_kinds_become_images_that_run(self):
        for kind, tag in (("docker-archive", "docker:1"), ("oci-archive", "oci:1"), ("oci", "layout:1")):
            with self.subTest(kind=kind):
                self.check(self.load(self.archive(kind), tag), tag)

    def test_what_podman_and_buildah_write_becomes_images_that_run(self):
        store = f"{self.folder}/store"
        self.addCleanup(shutil.rmtree, store, True)
        options = ["--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "vfs"]
        name = "localhost/small:1"
        steps = (["skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{self.layout}",
                  f"containers-storage:[vfs@{store}/root+{store}/run]{name}"],
                 ["podman", *options, "save", "--quiet", "--format", "docker-archive", "-o", f"{self.folder}/podman-docker.tar", name],
                 ["podman", *options, "save", "--quiet", "--format", "oci-archive", "-o", f"{self.folder}/podman-oci.tar", name],
                 ["buildah", *options, "push", "--quiet", name, f"oci-archive:{self.folder}/buildah.tar:1"])
        for step in steps:
            subprocess.run(step, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=100)
        for file in ("podman-docker", "podman-oci", "buildah"):
            with self.subTest(file=file):
                os.chmod(f"{self.folder}/{file}.tar", 0o644)
                self.check(self.load(f"{self.folder}/{file}.tar"), file)

    def test_an_image_from_a_pipe(self):
        with open(self.archive("docker-archive"), "rb") as stream:
            self.check(self.load("-", "piped:1", stdin=stream), "piped:1")

    def test_I33_what_was_sent_is_its_owners_and_whom_he_names(self):
        name = self.check(self.load(self.archive("oci-archive"), "mine:1"), "mine:1")
        self.assertEqual(self.site.run("shifterimg", "lookup", name, user="b").returncode, 1)
        self.assertEqual(self.site.run("shifter", f"--image={name}", "true", user="b").returncode, 1)
        self.check(self.load(self.archive("oci-archive"), "mine:1", user="b"), "mine:1", user="b")
        shared = self.load(self.archive("docker-archive"), "shared:1", "--user", self.site.users["b"].name)
        name = self.check(shared, "shared:1")
        self.assertEqual(self.site.run("shifterimg", "lookup", name, user="b").returncode, 0)

    def test_nothing_is_left_of_what_is_refused(self):
        bad = f"{self.folder}/bad"
        with open(bad, "wb") as out:
            out.write(os.urandom(700_000))
        cut = f"{self.folder}/cut"
        with open(self.archive("oci-archive"), "rb") as whole, open(cut, "wb") as out:
            out.write(whole.read()[:-200_000])
        packed = f"{self.folder}/packed"
        with open(packed, "wb") as out:
            subprocess.run(["gzip", "-c", self.archive("docker-archive")], stdout=out, check=True)
        before = self.site.files()
        for path, words in ((bad, "cannot be read"), (cut, "the archive"), (packed, "gunzip -c"), ("/nowhere", "No such file"),
                            (self.folder, "no OCI image layout")):
            with self.subTest(path=path):
                done = self.load(path, "refused:1")
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
                self.assertIn(words, done.stderr)
        self.assertEqual(self.site.files(), before)
        held = [os.readlink(path) for fd in os.listdir(f"/proc/{self.site.gateway.pid()}/fd")
                if os.path.lexists(path := f"/proc/{self.site.gateway.pid()}/fd/{fd}")]
        self.assertEqual([path for path in held if "(deleted)" in path and "cache" in path], [], "R3: spool files are gone")


if __name__ == "__main__":
    unittest.main()
