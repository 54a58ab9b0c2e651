"""The status page in a real browser, when there is one: what it shows of a site with images, a pull on its way and a failure.

usage: status_page.py [--keep PICTURE.png]     keeps the picture; docs/status-page.png was made so
Without Chromium (Debian: chromium) the test is skipped.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from gateway_requests import ask, samples
from images import build
from site_fixture import SUPPORT, Site

BROWSER = shutil.which("chromium") or shutil.which("chromium-headless-shell")
KEEP = ""


@unittest.skipUnless(BROWSER, "there is no chromium")
class StatusPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        with open(f"{cls.site.dir}/slow.json", "w") as spec:
            json.dump({"faults": [{"match": "slow/blobs/", "do": "slow", "bytes": 200_000, "seconds": 0.5},
                                  {"match": "broken/blobs/", "skip": 1, "do": "corrupt"}]}, spec)
        cls.registry_process = subprocess.Popen(
            [sys.executable, f"{SUPPORT}/fault_registry.py", build.image("sixty"), spec.name, f"{cls.site.dir}/slow.log"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop_registry)
        cls.other = f"127.0.0.1:{json.loads(cls.registry_process.stdout.readline())['main']}"
        plain = {"remotetype": "dockerv2"}
        cls.site.write_gateway_config({"Locations": {name: {**plain, "url": f"http://{name}"} for name in (cls.site.registry, cls.other)}})
        cls.site.gateway.stop()
        cls.site.start_gateway()
        for image in ("small", "odd", "multiarch"):
            cls.site.push(image, f"org/{image}:1")
            cls.site.pull(f"org/{image}:1")
        for name in ("broken", "slow"):
            cls.site.run("shifterimg", "pull" if name == "broken" else "pullnb", f"{cls.other}/group/{name}:latest")
        deadline = time.monotonic() + 20
        while "PULLING" not in cls.site.run("shifterimg", "queue").stdout and time.monotonic() < deadline:
            time.sleep(0.2)
        while samples(ask(cls.site, "/metrics", user="").body.decode())['shifter_storage_images{system="tests"}'] < 3:
            time.sleep(0.5)  # the storage is looked at soon after an image was published

    @classmethod
    def stop_registry(cls):
        cls.registry_process.stdin.close()
        cls.registry_process.stdout.close()
        cls.registry_process.wait(10)

    def browse(self, *options: str) -> str:
        """What the browser prints; it ends by itself, with its files in a folder that goes."""
        with tempfile.TemporaryDirectory(prefix="shifter-browser-") as profile:
            done = subprocess.run(
                [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={profile}",
                 "--enable-logging=stderr", "--v=0", "--virtual-time-budget=4000", *options, f"{self.site.gateway_url}/ui"],
                capture_output=True, text=True, timeout=100, env={"HOME": profile, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"})
        self.assertEqual(done.returncode, 0, done.stderr[-800:])
        self.assertNotIn("CONSOLE", "\n".join(line for line in done.stderr.splitlines() if "/ui" in line), "no script error, no CSP report")
        return done.stdout

    def test_the_page_shows_images_the_queue_with_progress_storage_and_failures(self):
        page = self.browse("--dump-dom")
        self.assertRegex(page, r'id="now" role="status" class="">release [0-9.]+, as of ')
        for image in ("small", "odd", "multiarch"):
            self.assertIn(f">{self.site.registry}/org/{image}:1</td>", page)
        self.assertRegex(page, rf'<td class="">{re.escape(self.other)}/group/slow:latest</td><td class="state">PULLING</td>')
        self.assertRegex(page, r"<progress max=\"\d+\" value=\"\d+\"></progress> [0-9.]+ [KM]iB of [0-9.]+ MiB")
        self.assertRegex(page, rf'{re.escape(self.other)}/group/broken:latest</td><td class="wide bad">[^<]*digest')
        self.assertRegex(page, r"\d+ image files take [0-9.]+ MiB; [0-9.]+ [GT]iB of [0-9.]+ [GT]iB are free")

    def test_a_picture_of_it_is_no_blank_page(self):
        picture = KEEP or f"{self.site.dir}/page.png"
        self.browse(f"--screenshot={picture}", "--window-size=1100,900", "--hide-scrollbars")
        self.assertGreater(os.path.getsize(picture), 20_000)
        self.assertLess(os.path.getsize(picture), 200_000)


if __name__ == "__main__":
    if "--keep" in sys.argv:
        KEEP = os.path.abspath(sys.argv.pop(sys.argv.index("--keep") + 1))
        sys.argv.remove("--keep")
    unittest.main()
