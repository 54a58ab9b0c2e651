"""The Debian packages of a build in /root/packages of a freshly installed Debian 12 with systemd, for programs that install them."""
import glob
import os
import subprocess
import sys
import tempfile
import time
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support")
sys.path.insert(0, SUPPORT)
import debian_packages  # noqa: E402
from fresh_machine import FreshMachine  # noqa: E402


class OnFreshMachine(unittest.TestCase):
    """The tests of one class are one story on one machine, in the order of their names."""
    build = ""      # the build's folder
    DEBIAN: list[str] = []  # Debian's packages that will be installed beside what ours depend on

    @classmethod
    def setUpClass(cls):
        out = tempfile.TemporaryDirectory(prefix="shifter-packages-")
        cls.addClassCleanup(out.cleanup)
        cls.packages = debian_packages.build(cls.build, f"{out.name}/debs")
        for package in cls.packages.values():
            package.repack(f"{package.field('Version')}-2", f"{out.name}/debs/newer-{package.name}.deb")
        names = [f"/root/packages/{os.path.basename(path)}" for path in sorted(glob.glob(f"{out.name}/debs/shifter-*.deb"))]
        machine = FreshMachine(f"{out.name}/debs", [*names, *cls.DEBIAN])
        cls.addClassCleanup(machine.__exit__)
        cls.machine = machine.__enter__()
        cls.out = out.name

    def ok(self, text: str, user: str = "root") -> str:
        done = self.machine.run(text, user)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait_for(self, text: str, user: str = "root", seconds: float = 60) -> str:
        """Until the text ends with status 0; what it said then."""
        deadline = time.monotonic() + seconds
        while (done := self.machine.run(text, user)).returncode != 0:
            self.assertLess(time.monotonic(), deadline, f"{text}\n{done.stdout}{done.stderr}")
            time.sleep(0.2)
        return done.stdout

    def ready(self) -> None:
        self.wait_for("curl -fsS http://127.0.0.1:5000/readyz || { journalctl -n 20 -u shifter-gateway; exit 1; }")

    @classmethod
    def start_registry(cls, name: str) -> str:
        """A registry on the machine's loopback, with a small image under a name, until the class ends; its host:port."""
        enter = ["nsenter", f"--target={cls.machine.pid()}", "--net"]
        registry = subprocess.run([*enter, sys.executable, f"{SUPPORT}/services.py", "start-registry", cls.out],
                                  capture_output=True, text=True, check=True).stdout.strip()
        cls.addClassCleanup(subprocess.run, [sys.executable, f"{SUPPORT}/services.py", "stop", cls.out, "registry"])
        subprocess.run([*enter, sys.executable, "-m", "images", "--push", registry, "--as", name, "small"], cwd=SUPPORT,
                       capture_output=True, check=True)
        return registry


def main(usage: str, test: type[OnFreshMachine]) -> None:
    """Of a program that is given the build's folder, and unittest's arguments."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(usage)
        sys.exit(0 if len(sys.argv) > 1 else 1)
    test.build = os.path.abspath(sys.argv.pop(1))
    unittest.main(failfast=True)
