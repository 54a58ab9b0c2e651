"""What the tests of mounts share: the site and the image of the privilege tests, and a directory of user a's."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "privilege"))
from privilege_site import PrivilegeTest, copy_tools  # noqa: E402,F401


class MountsTest(PrivilegeTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.site.users["a"], self.site.users["b"]
        self.home = f"/home/{self.a.name}"  # as the container sees it
        self.mine(f"{self.a.home}/data/mine", "of a\n")

    def mine(self, path: str, text: str, owner=None) -> str:
        """A file of a user's, with the directories above it that are missing."""
        who = owner or self.a
        missing, folder = [], os.path.dirname(path)
        while not os.path.exists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(missing):
            os.mkdir(folder, 0o755)
            os.chown(folder, who.uid, who.gid)
        with open(path, "w") as out:
            out.write(text)
        os.chown(path, who.uid, who.gid)
        return path

    def of_root(self, name: str, text: str = "", mode: int = 0o755) -> str:
        """A file of the site's below dir/site, whose every directory is root's."""
        path = f"{self.site.dir}/site/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def with_failure(self, call: str, error: str, *arguments: str) -> subprocess.CompletedProcess:
        """A launch in which the first system call that strace writes as `call`, a regular expression, fails."""
        name, log = re.match(r"\w+", call)[0], f"{self.site.dir}/strace"
        launch = ["-u", self.a.name, self.site.program("shifter"), *arguments]
        options = {"env": {"PATH": "/usr/bin:/bin"}, "cwd": "/", "capture_output": True, "text": True, "timeout": 60}
        subprocess.run(["strace", "-qq", "-o", log, "-e", f"trace={name}", *launch], check=True, **options)
        with open(log) as stream:
            calls = [line for line in stream if line.startswith(f"{name}(")]
        when = 1 + next(number for number, line in enumerate(calls) if re.match(call.replace("(", r"\(", 1), line))
        return subprocess.run(["strace", "-qq", "-o", log, "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={when}", *launch], **options)

    def configured(self, more: str) -> None:
        """More lines of udiRoot.conf until the end of the test."""
        self.site.write_config(more)
        self.addCleanup(self.site.write_config)
