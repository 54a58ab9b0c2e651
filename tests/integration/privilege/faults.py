"""Every failed call ends the launch: I7; limits and hangs: R12; kill -9 anywhere: R11."""
import ctypes
import os
import random
import resource
import subprocess
import threading
import time
import unittest

from privilege_site import PrivilegeTest

# What a whole launch prints: its mounts, its files, its privileges. A launch that went on without a part of it prints less.
SCRIPT = ("echo begun; while read -r a b c d point options rest; do echo $point $options; done </proc/self/mountinfo; ls / /etc /var /opt; id; cat /etc/passwd;"
          "grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|SigBlk|SigIgn)' /proc/self/status; echo whole")
CALLS = ["unshare", "mount", "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount", "pivot_root", "umount2", "setgroups", "setresgid",
         "setresuid", "capset", "prctl", "openat2", "mkdirat", "symlinkat", "fchmodat", "fchmod", "socketpair", "fork,clone,clone3", "chdir,fchdir"]


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
    unittest.main()
