"""The published file is the image: its whole tree is compared with what an independent tool unpacks from the same layers.

Type, mode, owner, size, content, link target, hard-link groups and mtime of every path, by tests/support/compare_trees; umoci
unpacks, and GNU tar where umoci cannot. Once with the gateway's defaults, once with everything kept that may be kept.
"""
import os
import subprocess
import tempfile
import unittest

from images import build, oci_layout
from site_fixture import SUPPORT, Site

KEEP = {"Squashfs": {"Owners": "keep", "Modes": "keep", "Xattrs": "user"}}


class Trees:
    """The tests of both settings; `policy` says what the conversion does to a tree."""
    policy: str
    settings: dict

    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config=cls.settings)
        cls.addClassCleanup(cls.site.close)

    def compare(self, image: str, peer: str = "", unpack=None, root_described: bool = False):
        self.site.push(image, f"trees/{image}:1")
        identifier = self.site.pull(f"trees/{image}:1")
        with tempfile.TemporaryDirectory(dir=self.site.dir) as place:
            mounted = f"{place}/mounted"
            os.mkdir(mounted)
            expected = (unpack or self.umoci)(build.image(peer or image), place)
            with open(f"{place}/implicit", "w") as out:
                out.write("" if root_described else "\n")  # the root itself, when no layer has an entry for it
            subprocess.run(["mount", "-t", "squashfs", "-o", "loop,ro,nosuid,nodev", f"{self.site.dir}/images/{identifier}.squashfs",
                            mounted], check=True)
            try:
                done = subprocess.run([f"{SUPPORT}/compare_trees", "--policy", self.policy, "--implicit", f"{place}/implicit",
                                       expected, mounted], capture_output=True, text=True, errors="replace")
                names = sum(len(folders) + len(files) for _, folders, files in os.walk(os.fsencode(mounted)))
            finally:
                subprocess.run(["umount", mounted], check=True)
        differences = done.stdout.splitlines()
        self.assertEqual(differences[:20], [], f"{len(differences)} differences in {image}\n{done.stderr}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.site.check()
        return names

    @staticmethod
    def umoci(layout: str, place: str) -> str:
        subprocess.run(["umoci", "unpack", "--image", f"{layout}:latest", f"{place}/bundle"], check=True, capture_output=True)
        return f"{place}/bundle/rootfs"

    @staticmethod
    def tar(layout: str, place: str) -> str:
        os.mkdir(f"{place}/tar")
        for layer in oci_layout.layers(layout):
            blob = f"{layout}/blobs/sha256/{layer['digest'].split(':')[1]}"
            subprocess.run(["tar", "--extract", "--gzip", "--file", blob, "--same-owner", "--preserve-permissions", "--numeric-owner",
                            "--delay-directory-restore"],
                           cwd=f"{place}/tar", check=True, capture_output=True)
        return f"{place}/tar"

    def test_eight_layers_of_package_installs_and_removals(self):
        self.assertGreater(self.compare("debian8"), 5000)

    def test_sixty_layers(self):
        with self.subTest("there are sixty"):
            self.assertEqual(len(oci_layout.layers(build.image("sixty"))), 60)
        self.assertGreater(self.compare("sixty"), 500)

    def test_every_odd_case_at_once(self):
        self.assertGreater(self.compare("odd", peer="odd_gzip", root_described=True), 60)

    def test_forms_of_tar_that_only_GNU_tar_reads(self):
        self.assertGreater(self.compare("tar_forms", unpack=self.tar), 7)

    def test_the_image_of_the_first_run(self):
        self.assertGreater(self.compare("small"), 500)


class WithDefaults(Trees, unittest.TestCase):
    policy, settings = "readable,squash", {}


class WithEverythingKept(Trees, unittest.TestCase):
    policy, settings = "user-xattrs", KEEP


if __name__ == "__main__":
    unittest.main()
