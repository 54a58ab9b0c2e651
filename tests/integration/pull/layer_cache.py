"""A layer that was converted before is neither downloaded nor converted again, and the image is the same to the last byte."""
import glob
import os
import shutil
import signal
import tempfile
import time
import unittest

from images import build, oci_layout
from images.derived import derived
from site_fixture import Site

ON = {"LayerCache": {"Size": "64M"}}


class LayerCache(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config=ON)
        cls.addClassCleanup(cls.site.close)
        cls.base = [layer["digest"] for layer in oci_layout.layers(build.image("small"))]
        cls.site.push("small", "org/base:1")
        cls.site.pull("org/base:1")

    def entries(self, pattern: str = "*.layer") -> list[str]:
        return glob.glob(f"{self.site.dir}/gateway/cache/layers/{pattern}")

    def push(self, name: str, seed: int, size: int = 300_000) -> str:
        folder = tempfile.mkdtemp(dir=self.site.dir)
        self.addCleanup(shutil.rmtree, folder)
        layout = derived("small", f"{folder}/layout", seed, size, (b"etc/.wh.passwd",))
        oci_layout.push(layout, self.site.registry, name, login=self.site.registry_login)
        return layout

    def fetched(self, repository: str, method: str = "GET") -> set[str]:
        return {line.split("/")[-1].split()[0]
                for line in self.site.registry_requests(rf"^{method} /v2/{repository}/blobs/\S+ 20")}

    def content(self, identifier: str) -> bytes:
        with open(f"{self.site.dir}/images/{identifier}.squashfs", "rb") as stream:
            return stream.read()

    def again(self, settings: dict) -> None:
        """The gateway anew, without images, and with an empty catalog."""
        self.site.gateway.stop()
        for name in glob.glob(f"{self.site.dir}/images/*") + glob.glob(f"{self.site.dir}/gateway/catalog.sqlite*"):
            os.remove(name)
        self.site.write_gateway_config(settings)
        self.site.start_gateway()

    def test_I31_a_shared_base_is_asked_for_and_not_downloaded_and_the_bytes_are_those_of_a_cold_pull(self):
        self.push("team/app:1", 1)
        warm = self.content(self.site.pull("team/app:1", user="b"))
        self.assertFalse(self.fetched("team/app") & set(self.base), "no layer of the base came again")
        self.assertLessEqual(set(self.base), self.fetched("team/app", "HEAD"), "the registry was asked for each")
        self.again({"LayerCache": {"Size": 0}})
        cold = self.content(self.site.pull("team/app:1"))
        self.assertLessEqual(set(self.base), self.fetched("team/app"))
        self.assertEqual(warm, cold)
        self.again(ON)  # the entries name images that are gone
        self.assertEqual(self.content(self.site.pull("team/app:1")), cold)

    def test_R2_damaged_entries_are_found_and_cost_a_download(self):
        self.site.pull("org/base:1")
        self.assertGreaterEqual(len(self.entries()), len(self.base))
        for entry in self.entries():
            with open(entry, "r+b") as stream:
                stream.seek(-50, os.SEEK_END)  # a table: blocks that nobody wants are not looked at
                byte = stream.read(1)
                stream.seek(-1, os.SEEK_CUR)
                stream.write(bytes([byte[0] ^ 1]))
        self.push("team/damaged:1", 2)
        self.site.pull("team/damaged:1")
        self.assertLessEqual(set(self.base), self.fetched("team/damaged"))
        self.push("team/damaged:2", 3)
        self.site.pull("team/damaged:2")
        self.assertEqual(len(self.fetched("team/damaged") & set(self.base)), len(self.base))

    def test_R2_a_gateway_that_is_killed_leaves_nothing_that_is_trusted_later(self):
        for tries in range(20):
            self.push(f"team/killed:{tries}", 100 + tries, 20_000_000)
            pull = self.site.start("shifterimg", "pull", self.site.image(f"team/killed:{tries}"))
            end = time.monotonic() + 30
            while not self.entries(".work.*") and time.monotonic() < end:
                time.sleep(0.002)
            caught = bool(self.entries(".work.*"))
            self.site.gateway.stop(signal.SIGKILL)
            pull.kill()
            pull.wait()
            caught = caught and bool(self.entries(".work.*"))
            self.site.start_gateway()
            self.assertEqual(self.entries(".work.*"), [], "the next start removes what was begun")
            self.site.pull(f"team/killed:{tries}")
            if caught:
                return
        self.fail("the gateway was never caught in a conversion")

    def test_R16_the_cache_is_as_small_as_the_site_wants_it(self):
        self.again({"LayerCache": {"Size": "1K"}})
        self.addCleanup(self.again, ON)
        self.push("team/tiny:1", 5)
        self.site.pull("team/tiny:1")
        size = lambda: sum(os.path.getsize(entry) for entry in self.entries())  # noqa: E731
        end = time.monotonic() + 10  # the cache is looked after when the image is there already
        while size() > 1024 and time.monotonic() < end:
            time.sleep(0.05)
        self.assertLessEqual(size(), 1024)

    def test_I33_nobody_else_can_look_into_the_cache(self):
        self.assertEqual(os.stat(f"{self.site.dir}/gateway/cache/layers").st_mode & 0o777, 0o700)
        for entry in self.entries("*"):
            self.assertEqual(os.stat(entry).st_mode & 0o777, 0o600, entry)


if __name__ == "__main__":
    unittest.main()
