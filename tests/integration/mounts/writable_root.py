"""--writable: a root that can be changed, in memory, for the caller alone. I1, I2, I13, I14, R11, R16."""
import os
import unittest

from modes import differs
from mounts_site import MountsTest

CHANGE = ("touch /usr/new /opt/new /var/new /etc/new /new /bin/new && echo more >>/usr/share/data/file && rm /usr/share/data/old && mv /usr/share/data/file "
          "/usr/share/data/renamed && mkdir /usr/share/dir && rm -r /var/lib/app && echo changed >/etc/os-release && cat /usr/share/data/renamed")


class WritableRoot(MountsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.put("usr/share/data/file", "of the image\n")
        cls.put("usr/share/data/old", "old\n")
        cls.build("e1")

    def test_everything_can_be_changed_and_nothing_of_it_stays(self):
        self.assertEqual(self.output("--image=id:e1", "--writable", "sh", "-c", CHANGE), "of the image\nmore\n")
        self.assertEqual(self.output("--image=id:e1", "--writable", "sh", "-c", "ls /usr /usr/share/data; cat /etc/os-release; ls -d /var/lib/app"),
                         "/usr:\nshare\n\n/usr/share/data:\nfile\nold\nNAME=test\n/var/lib/app\n")
        with open(f"{self.tree}/usr/share/data/file") as stream:
            self.assertEqual(stream.read(), "of the image\n")

    def test_two_containers_of_one_image_do_not_see_each_others_changes(self):
        first = self.start("--image=id:e1", "--writable", "sh", "-c", "echo mine >/usr/mine; echo ready; exec sleep 60")
        self.assertEqual(first.stdout.readline(), "ready\n")
        self.assertEqual(self.output("--image=id:e1", "--writable", "ls", "/usr"), "share\n")
        self.assertEqual(self.output("--image=id:e1", "ls", "/usr", user="b"), "share\n")

    def test_I1_I13_it_is_the_callers_without_privilege_nosuid_and_nodev(self):
        text = self.output("--image=id:e1", "--writable", "sh", "-c", "stat -c '%u %g %n' / /usr /usr/share/data/file /etc /var; id -u; cat /proc/self/mountinfo; "
                           "grep -E '^(Cap|NoNewPrivs)' /proc/self/status")
        for name in ("/", "/usr", "/usr/share/data/file", "/etc", "/var"):
            self.assertIn(f"{self.a.uid} {self.a.gid} {name}\n", text)
        rows = [line.split() for line in text.splitlines() if " - " in line]
        self.assertTrue(rows)
        for row in rows:
            self.assertIn("nosuid", row[5])
            if not row[4].startswith(("/dev", "/proc", "/sys")):
                self.assertIn("nodev", row[5], row)
            if "squashfs" in row:
                self.assertIn("ro", row[5].split(","), row)
        self.assertIn("CapEff:\t0000000000000000\n", text)
        self.assertIn("NoNewPrivs:\t1\n", text)

    def test_files_that_are_not_roots_stay_what_they_are(self):
        path = f"{self.tree}/usr/share/data/other"
        with open(path, "w") as out:
            out.write("of somebody\n")
        os.chown(path, 12345, 54321)
        self.addCleanup(os.unlink, path)
        self.build("e3")
        done = self.shifter("--image=id:e3", "--writable", "sh", "-c", "cd /usr/share/data; cat other; stat -c '%u %g' other; echo x >>other; mv other mine; cat mine")
        if differs("owners"):
            self.assertEqual((done.stdout, done.stderr), (f"of somebody\n{self.a.uid} {self.a.gid}\nof somebody\nx\n", ""))
            return
        self.assertEqual(done.stdout, "of somebody\n12345 54321\nof somebody\n", done.stderr)
        self.assertIn("Permission denied", done.stderr)

    def test_I2_a_set_id_file_that_is_changed_gives_nothing(self):
        tree = f"{self.tree}/bin/become-root"
        with open(f"{self.tree}/bin/id", "rb") as source, open(tree, "wb") as out:
            out.write(source.read())
        os.chmod(tree, 0o6755)
        self.build("e2")
        os.unlink(tree)
        self.assertEqual(self.output("--image=id:e2", "--writable", "sh", "-c", "echo >>/bin/become-root; chmod 6755 /bin/become-root; become-root -u"), f"{self.a.uid}\n")

    def test_what_is_the_sites_stays_the_sites(self):
        done = self.shifter("--image=id:e1", "--writable", "sh", "-c", "cat /etc/passwd; ls /home; echo evil >>/etc/passwd")
        self.assertIn(f"{self.a.name}:x:{self.a.uid}:", done.stdout)
        self.assertNotIn("evil", done.stdout)
        self.assertEqual("Permission denied" in done.stderr, not differs("owners"))
        self.assertIn(f"{self.a.name}:x:{self.a.uid}:", self.output("--image=id:e1", "--writable", "cat", "/etc/passwd"))
        self.assertEqual(self.output("--image=id:e1", "--writable", "-V", f"{self.home}/data:/usr/share/new/x", "cat", "/usr/share/new/x/mine"), "of a\n")

    def test_R16_its_size_is_what_was_asked_for_and_never_more_than_the_sites(self):
        fill = ("sh", "-c", "head -c 9000000 /dev/zero >/usr/fill; stat -c %s /usr/fill")
        for option, size in (("--writable=4M", 4 << 20), ("--writable=8M", 8 << 20), ("--writable", 8 << 20)):
            self.site.write_config("tmpfsSizeLimit=8M\n")
            done = self.shifter("--image=id:e1", option, *fill)
            self.assertIn("No space left on device", done.stderr)
            self.assertLessEqual(size - (1 << 19), int(done.stdout))
            self.assertLessEqual(int(done.stdout), size)
        self.refused("--image=id:e1", "--writable=8193k", "true", because="8389632 bytes are more than the site's limit of 8388608 (tmpfsSizeLimit)")
        self.refused("--image=id:e1", "--writable=much", "true", because="it is not a size above 0")
        self.refused("--image=id:e1", "--writable=0", "true", because="it is not a size above 0")
        # As many files as there are pages, not more: files without content take memory, too.
        done = self.shifter("--image=id:e1", "--writable=1M", "sh", "-c", "i=0; while [ $i -lt 2000 ] && echo -n >/usr/f$i; do i=$((i+1)); done; echo $i")
        self.assertLess(int(done.stdout.split()[-1]), 400)
        self.site.write_config()

    def test_the_site_may_forbid_it(self):
        self.configured("allowWritableRoot=0\n")
        self.refused("--image=id:e1", "--writable", "true", because="cannot use --writable: this site does not allow it (allowWritableRoot)")

    def test_squashfuse_says_that_the_image_is_the_callers(self):
        self.configured("imageMount=fuse\n")
        self.assertEqual(self.output("--image=id:e1", "--writable", "sh", "-c", CHANGE), "of the image\nmore\n")
        self.assertEqual(self.output("--image=id:e1", "--writable", "stat", "-c", "%u %g", "/usr/share/data/file"), f"{self.a.uid} {self.a.gid}\n")

    def test_where_the_kernel_cannot_it_says_so(self):
        if differs("owners"):
            call, error, because = 'fsopen("overlay"', "EPERM", "this node lays no overlay for a user; Linux 5.11 can, and so can a set-id shifter"
        else:
            call, error, because = "mount_setattr([^\n]*MOUNT_ATTR_IDMAP", "EINVAL", "this kernel cannot show an image with another owner"
        done = self.with_failure(call, error, "--image=id:e1", "--writable", "true")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Ashifter: cannot make the container's root writable: [^\n]+\n\Z")
        self.assertIn(because, done.stderr)

    def test_R11_killed_launches_leave_nothing(self):
        import time
        for delay in (0.0, 0.004, 0.008, 0.012, 0.016, 0.02, 0.03):
            launch = self.start("--image=id:e1", "--writable", "sleep", "30")
            time.sleep(delay)
            launch.kill()
            launch.communicate()
        self.site.check(10)


if __name__ == "__main__":
    unittest.main()
