"""shifter without its set-id bit: what holds there alone. The suites that hold in both modes are run again (tests/support/modes.py)."""
import os
import signal
import subprocess
import sys
import time
import unittest

os.environ["SHIFTER_TEST_SET_ID"] = "0"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "run"))
from commands import CommandsTest  # noqa: E402
from site_fixture import descendants  # noqa: E402


class WithoutSetId(CommandsTest):
    def setUp(self):
        self.addCleanup(self.site.write_config)

    def refusal(self, *words, **more):
        done = self.shifter(*words, **more)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), done.stderr)
        return done.stderr

    def test_verbose_says_which_mount_was_picked(self):
        done = self.shifter("true", options=["-v"])
        lines = done.stderr.splitlines()
        self.assertEqual((done.returncode, lines[0]), (0, "shifter: squashfuse serves the image, in a user namespace"))
        self.assertTrue(lines[1].startswith("shifter: mount -t fuse.squashfuse "), lines[1])

    def test_volumes_and_their_rules_are_the_same(self):
        home = f"/home/{self.site.users['a'].name}"
        self.assertEqual(self.lines("ls", "/data", options=["-V", f"{home}:/data"]), [])
        self.assertIn("/etc", self.refusal("true", options=["-V", "/tmp:/etc"]))
        other = f"/home/{self.site.users['b'].name}"
        self.assertIn("Permission denied", self.refusal("true", options=["-V", f"{other}/x:/data"]))
        self.assertNotEqual(self.shifter("touch", "/data/new", options=["-V", f"{home}:/data:ro"]).returncode, 0)

    def test_I13_every_mount_is_nosuid_and_the_image_read_only(self):
        for line in self.lines("cat", "/proc/self/mountinfo"):
            fields = line.split()
            self.assertIn("nosuid", fields[5].split(","), line)
            if not fields[4].startswith(("/dev", "/proc", "/sys")):
                self.assertIn("nodev", fields[5].split(","), line)
            if "squashfuse" in line:
                self.assertIn("ro", fields[5].split(","), line)

    def test_I2_nobody_is_root_inside(self):
        self.assertNotEqual(self.shifter("sh", "-c", "mount -t tmpfs none /mnt || umount /tmp").returncode, 0)
        self.assertEqual(self.lines("cat", "/proc/self/uid_map")[0].split(), [str(self.site.users["a"].uid)] * 2 + ["1"])

    def test_the_sites_own_accounts_and_its_trees_are_shown(self):
        who = self.site.users["a"]
        for name, text in (("passwd", f"{who.name}:x:{who.uid}:{who.gid}::/home:/bin/sh\n"), ("group", f"{who.name}:x:{who.gid}:\n"),
                           ("nsswitch.conf", "passwd: files\n")):
            with open(f"{self.site.dir}/etc/files/{name}", "w") as out:
                out.write(text)
        tree = f"{self.site.dir}/tree"
        os.makedirs(f"{tree}/bin")
        self.site.write_config(f"populateEtcDynamically=0\nallowLibcPwdCalls=0\noptUdiImage={tree}\nmodule_mpi_copyPath={tree}\n")
        self.assertEqual(self.lines("cat", "/etc/passwd"), [f"{who.name}:x:{who.uid}:{who.gid}::/home:/bin/sh"])
        self.assertEqual(self.lines("ls", "-d", "/opt/udiImage/bin", "/opt/udiImage/modules/mpi/bin", options=["-m", "mpi"]),
                         ["/opt/udiImage/bin", "/opt/udiImage/modules/mpi/bin"])

    def test_I33_a_private_image_is_as_good_as_absent(self):
        image = f"{self.site.dir}/images/{self.small}"
        for end in ("meta", "squashfs"):
            os.chmod(f"{image}.{end}", 0o600)
            self.addCleanup(os.chmod, f"{image}.{end}", 0o644)
        mine = self.refusal("true", image=f"id:{self.small}")
        none = self.refusal("true", image="id:0123456789abcdef")
        self.assertEqual(mine.replace(self.small[:10], ""), none.replace("0123456789", ""))

    def test_R11_the_server_ends_with_the_container_however_it_ends(self):
        started = self.site.start("shifter", f"--image=id:{self.id}", "sh", "-c", "echo ready; sleep 60", stdout=subprocess.PIPE)
        self.assertEqual(started.stdout.readline(), "ready\n")
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
        started.stdout.close()
        # The sleep is an orphan of the container, and lives in it; right after its fork it still has the shell's command line.
        for pid, line in descendants():
            if "sleep 60" in line:
                os.kill(pid, signal.SIGKILL)
        self.site.check()

    def test_a_server_that_is_killed_ends_the_container_with_an_error_and_no_hang(self):
        started = self.site.start("shifter", f"--image=id:{self.id}", "sh", "-c", "echo ready; read line; cat /usr/bin/python3",
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(started.stdout.readline(), "ready\n")
        for pid, line in descendants():
            if "shifter-squashfuse" in line:
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
        started.communicate("go\n", timeout=10)
        self.assertNotEqual(started.returncode, 0)

    def test_without_user_namespaces_the_sentence_says_so(self):
        who = self.site.users["a"]
        root = f"{self.site.dir}/root"
        os.mkdir(root)
        # The kernel gives none to a process in a chroot(2), on any machine.
        subprocess.run(["mount", "--rbind", "--make-rprivate", "/", root], check=True)
        try:
            done = subprocess.run(["chroot", f"--userspec={who.uid}:{who.gid}", f"--groups={who.gid}", root, self.site.program("shifter"),
                                   f"--image=id:{self.id}", "true"], capture_output=True, text=True, timeout=60)
        finally:
            subprocess.run(["umount", "--lazy", root], check=True)
            os.rmdir(root)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)
        self.assertIn("is not installed set-id root (mode 4755, owner root)", done.stderr)
        self.assertIn("this node allows no user namespace instead", done.stderr)


del CommandsTest  # has no tests of its own

if __name__ == "__main__":
    unittest.main()
