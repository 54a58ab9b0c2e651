"""What the privilege tests share: a site without a gateway, and images made on the spot."""
import os
import shutil
import subprocess
import unittest

from site_fixture import Site

TOOLS = ["sh", "cat", "id", "env", "ls", "grep", "sleep", "stat", "readlink", "touch", "true", "pwd", "head", "unshare", "mount", "rm", "mv", "mkdir", "chmod"]


def copy_tools(tree: str) -> None:
    """Programs of the host with their libraries: enough of an image to look around in it."""
    for name in TOOLS:
        source = os.path.realpath(shutil.which(name))
        os.makedirs(f"{tree}/bin", exist_ok=True)
        shutil.copy(source, f"{tree}/bin/{name}")
        listing = subprocess.run(["ldd", source], capture_output=True, text=True, check=True).stdout
        for word in listing.split():
            if word.startswith("/") and not os.path.exists(tree + word):
                os.makedirs(os.path.dirname(tree + word), exist_ok=True)
                shutil.copy(os.path.realpath(word), tree + word)


class PrivilegeTest(unittest.TestCase):
    """A site, an image "a1" with tools, and `shifter()`. Each test ends with the fixture's check for leftovers."""

    CONFIG = ""

    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway=False, config=cls.CONFIG)
        cls.addClassCleanup(cls.site.close)
        cls.tree = f"{cls.site.dir}/tree"
        copy_tools(cls.tree)
        for name in ("etc/ssh", "var/lib/app", "var/spool/mine", "opt/app", "usr/share/data", "home/of-image", "tmp", "root"):
            os.makedirs(f"{cls.tree}/{name}", exist_ok=True)
        cls.put("etc/passwd", "evil:x:0:0::/:/bin/sh\n")
        cls.put("etc/os-release", "NAME=test\n")
        cls.put("etc/ssh/ssh_config", "evil\n")
        cls.put("etc/large", "x" * (6 << 20))
        cls.put("odd name, with @ ~ and \n newline", "odd\n")
        cls.build("a1")

    def setUp(self):
        self.addCleanup(self.site.check, 10)  # runs last

    @classmethod
    def put(cls, name: str, text: str) -> None:
        with open(f"{cls.tree}/{name}", "w") as out:
            out.write(text)

    @classmethod
    def build(cls, identifier: str, tree: str = "", meta: str = "FORMAT: squashfs\nENV: PATH=/bin\n") -> str:
        path = f"{cls.site.dir}/images/{identifier}.squashfs"
        subprocess.run(["mksquashfs", tree or cls.tree, path, "-noappend", "-quiet", "-no-progress", "-comp", "zstd", "-Xcompression-level", "1"],
                       check=True, stdout=subprocess.DEVNULL)
        os.chmod(path, 0o644)
        with open(f"{cls.site.dir}/images/{identifier}.meta", "w") as out:
            out.write(meta)
        return path

    def shifter(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        return self.site.run("shifter", *arguments, **options)

    def start(self, *arguments: str, user: str = "a") -> subprocess.Popen:
        """A launch that goes on, killed at the end of the test at the latest."""
        launch = self.site.start("shifter", *arguments, user=user, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def end():
            if launch.returncode is None:
                launch.kill()
                launch.communicate()

        self.addCleanup(end)
        return launch

    def output(self, *arguments: str, **options) -> str:
        """The stdout of a launch that must succeed without a word on stderr."""
        done = self.shifter(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def refused(self, *arguments: str, because: str, **options) -> None:
        """One line on stderr, status 1, and nothing of the command's."""
        done = self.shifter(*arguments, **options)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")
        self.assertIn(because, done.stderr)
