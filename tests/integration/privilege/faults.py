"""Every failed call ends the launch: I7; limits and hangs: R12; kill -9 anywhere: R11.

usage: faults.py [--table [--most N]] [unittest's options]

--table    prints the table of docs/explanation/faults-launch.md: what becomes of a launch when the n-th system call of a kind fails
           once, fails from then on, or is the last before kill -9
--most N   looks at N of them for each kind, evenly spread; 0: at every one
"""
import argparse
import collections
import ctypes
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from privilege_site import PrivilegeTest

# What a whole launch prints: its mounts, its files, its privileges. A launch that went on without a part of it prints less.
SCRIPT = ("echo begun; while read -r a b c d point options rest; do echo $point $options; done </proc/self/mountinfo; ls / /etc /var /opt; id; cat /etc/passwd;"
          "grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|SigBlk|SigIgn)' /proc/self/status; echo whole")
CALLS = ["unshare", "mount", "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount", "pivot_root", "umount2", "setgroups", "setresgid",
         "setresuid", "capset", "prctl", "openat2", "mkdirat", "symlinkat", "fchmodat", "fchmod", "socketpair", "fork,clone,clone3", "chdir,fchdir"]


MOST = 5


class Faults(PrivilegeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.whole = cls.site.run("shifter", "--image=id:a1", "sh", "-c", SCRIPT).stdout

    def test_I7_a_call_that_fails_ends_the_launch(self):
        user = self.site.users["a"]
        failed = 0
        for needed in ("/home ", "/tmp ", "/proc ", "/etc ", "/var/lib ", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
            self.assertIn(f"\n{needed}", self.whole)
        for call in CALLS:
            for when in ("1", "2", "3", "7", "1+"):
                with self.subTest(call=call, when=when):
                    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=ENOMEM:when={when}", "-u", user.name,
                               self.site.program("shifter"), "--image=id:a1", "sh", "-c", SCRIPT]
                    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, timeout=60)
                    if done.returncode == 0:  # a call that this launch does not make so often, or that may fail
                        self.assertEqual(done.stdout, self.whole, done.stderr)
                    else:
                        failed += 1
                        self.assertIn(done.returncode, (1, 2), done.stderr)  # 2: the image's shell, whose own calls fail as well
                        self.assertTrue(done.stdout == "" or done.stdout.startswith("begun"), done.stdout)
                        self.assertNotEqual(done.stderr, "")
        self.assertGreater(failed, len(CALLS))
        self.site.check(10)

    def traced(self, *strace: str) -> subprocess.CompletedProcess:
        command = ["strace", "-f", "-qq", *strace, "-u", self.site.users["a"].name, self.site.program("shifter"), "--image=id:a1", "sh", "-c", SCRIPT]
        return subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, timeout=60)

    def calls_of_a_launch(self) -> dict[str, int]:
        """How often the process that makes most of a call makes it; strace counts for each process."""
        counts: dict[str, collections.Counter] = {call: collections.Counter() for call in CALLS}
        kinds = {name: call for call in CALLS for name in call.split(",")}
        with tempfile.NamedTemporaryFile("r") as log:
            self.assertEqual(self.traced("-o", log.name, "-e", f"trace={','.join(CALLS)}").stdout, self.whole)
            for line in log:
                pid, _, rest = line.partition(" ")
                name = rest.strip().partition("(")[0]
                if name in kinds and "execve" not in line:
                    counts[kinds[name]][pid] += 1
        return {call: max(found.values(), default=0) for call, found in counts.items()}

    def outcome(self, call: str, how: str) -> str:
        """"whole", "refused", "command" (the image's shell met the fault) or "killed"; and nothing is left."""
        done = self.traced("-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{how}")
        self.site.check(10)
        if done.returncode == 0:
            self.assertEqual(done.stdout, self.whole, f"{call} {how}: {done.stderr}")
            return "whole"
        if done.returncode < 0 or done.returncode == 137:
            return "killed"
        self.assertTrue(done.stdout == "" or done.stdout.startswith("begun"), done.stdout)
        if not done.stdout:
            self.assertIn("shifter: ", done.stderr, f"{call} {how}")
        return "command" if done.stdout else "refused"

    @unittest.skipUnless("--table" in sys.argv, "prints a table")
    def test_R11_I7_the_table_of_faults(self):
        print("| call | made | looked at | fails once | fails from then on | kill -9 there |\n|---|---:|---:|---|---|---|", flush=True)
        for call, made in sorted(self.calls_of_a_launch().items()):
            if not made:
                continue
            step = max(1, made // MOST) if MOST else 1
            places = range(1, made + 1, step)
            cells = []
            for how in ("error=ENOMEM:when={}", "error=ENOMEM:when={}+", "signal=KILL:when={}"):
                found = collections.Counter(self.outcome(call, how.format(n)) for n in places)
                cells.append(", ".join(f"{count} {what}" for what, count in sorted(found.items())))
            print(f"| {call} | {made} | {len(places)} | {' | '.join(cells)} |", flush=True)

    def test_small_limits_end_in_a_launch_or_in_a_sentence(self):
        for what, value in ((resource.RLIMIT_NOFILE, 4), (resource.RLIMIT_NOFILE, 12), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_FSIZE, 100),
                            (resource.RLIMIT_NPROC, 1), (resource.RLIMIT_STACK, 65536), (resource.RLIMIT_AS, 20 << 20), (resource.RLIMIT_DATA, 1 << 20),
                            (resource.RLIMIT_MEMLOCK, 0), (resource.RLIMIT_CPU, 30)):
            with self.subTest(what=what, value=value):
                def before(what=what, value=value):
                    resource.setrlimit(what, (value, resource.getrlimit(what)[1]))
                done = self.shifter("--image=id:a1", "sh", "-c", "echo whole", preexec_fn=before)
                if done.returncode == 0:
                    self.assertEqual(done.stdout, "whole\n")
                else:
                    self.assertEqual(done.stdout, "")
                self.site.check(10)

    def test_R11_kill_9_at_any_moment_leaves_nothing(self):
        random.seed(7)
        for _ in range(60):
            launch = self.start("--image=id:a1", "sleep", "30")
            time.sleep(random.random() * 0.04)
            launch.kill()
            launch.communicate()
        self.site.check(10)
        self.assertEqual(self.output("--image=id:a1", "sh", "-c", SCRIPT), self.whole)

    def test_R12_a_site_directory_that_hangs_ends_the_launch_with_a_sentence(self):
        libc = ctypes.CDLL(None, use_errno=True)
        place = f"{self.site.dir}/hangs"
        os.mkdir(place)
        connection = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={connection},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        self.assertEqual(libc.mount(b"hangs", place.encode(), b"fuse", 0, options), 0)
        try:
            self.site.write_config(f"siteFs={place}/below:/hangs\nlaunchTimeout=2\n")
            began = time.monotonic()
            done = self.shifter("--image=id:a1", "true")
            self.assertLess(time.monotonic() - began, 20)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr, "shifter: the launch took longer than 2 s and was ended while mounting the site's directories; "
                                          "the site's launchTimeout sets the limit\n")
        finally:
            os.close(connection)
            libc.umount2(place.encode(), 2)
            os.rmdir(place)
            self.site.write_config()

    def test_a_ctrl_c_during_the_launch_is_delivered_to_the_command(self):
        import signal
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02):
            launch = self.start("--image=id:a1", "sleep", "30")
            time.sleep(delay)
            launch.send_signal(signal.SIGINT)
            launch.communicate(timeout=30)
            self.assertEqual(launch.returncode, -signal.SIGINT)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--table", action="store_true")
    options.add_argument("--most", type=int, default=MOST)
    arguments, rest = options.parse_known_args()
    MOST = arguments.most
    only = ["Faults.test_R11_I7_the_table_of_faults"] if arguments.table else []
    unittest.main(argv=[sys.argv[0], *rest, *only])
