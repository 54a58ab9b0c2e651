"""Images that are made to surprise who builds the root: each launch works, or is refused in one line, within limits. I11, I19, I20."""
import os
import resource
import subprocess
import tempfile
import time
import unittest

from mounts_site import MountsTest, copy_tools

MOST_SECONDS = 15  # of one launch; a stated limit (launchTimeout) would end it after 60


class HostileImages(MountsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.number = 0

    def image(self, make) -> str:
        """An image of tools, and of what `make` puts beside them."""
        type(self).number += 1
        tree = tempfile.mkdtemp(dir="/dev/shm")
        self.addCleanup(subprocess.run, ["rm", "-rf", tree], check=True)
        os.chmod(tree, 0o755)
        copy_tools(tree)
        make(tree)
        path = f"{self.site.dir}/images/{self.number:x}.squashfs"
        subprocess.run(["mksquashfs", tree, path, "-noappend", "-quiet", "-no-progress", "-all-root", "-comp", "zstd", "-Xcompression-level", "1"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(f"{path[:-9]}.meta", "w") as out:
            out.write("FORMAT: squashfs\nENV: PATH=/bin\n")
        subprocess.run(["rm", "-rf", tree], check=True)
        return f"id:{self.number:x}"

    def launched(self, image: str, *words: str):
        """A launch that ended in time, in a container or in one line."""
        began = time.monotonic()
        done = self.shifter(f"--image={image}", *words)
        self.assertLess(time.monotonic() - began, MOST_SECONDS)
        if done.returncode == 1:
            self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")
        return done

    @staticmethod
    def many(count: int, folder: str):
        """A maker of so many files."""
        def make(tree):
            os.makedirs(f"{tree}/{folder}", exist_ok=True)
            directory = os.open(f"{tree}/{folder}", os.O_PATH)
            for number in range(count):
                os.mknod(f"e{number}", 0o644, dir_fd=directory)
            os.close(directory)
        return make

    def test_I20_a_hundred_thousand_entries_are_refused_and_four_thousand_are_not(self):
        for count, folder in ((100000, ""), (4200, "var"), (4200, "opt")):
            done = self.launched(self.image(self.many(count, folder)), "true")
            self.assertEqual(done.returncode, 1, folder)
            self.assertIn("more than 4096 entries", done.stderr)
        done = self.launched(self.image(self.many(4000, "")), "sh", "-c", "ls / | grep -c ^e")
        self.assertEqual((done.returncode, int(done.stdout) >= 4000), (0, True), done.stderr)

    def test_I20_a_hundred_thousand_entries_elsewhere_cost_nothing(self):
        image = self.image(self.many(100000, "usr/many"))
        began = time.monotonic()
        self.assertEqual(self.output(f"--image={image}", "-V", f"{self.home}/data/mine:/usr/many/e77", "-V", f"{self.home}/data:/usr/many/new",
                                     "cat", "/usr/many/new/mine", "/usr/many/e77"), "of a\n" * 2)
        self.assertLess(time.monotonic() - began, MOST_SECONDS)

    def test_I19_I20_a_passwd_of_a_gigabyte_is_not_read(self):
        def make(tree):
            os.mkdir(f"{tree}/etc")
            for name in ("passwd", "large"):
                with open(f"{tree}/etc/{name}", "w") as out:
                    out.truncate(1 << 30)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        done = self.launched(self.image(make), "sh", "-c", "cat /etc/passwd; stat -c %s /etc/large")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith(f"{self.a.name}:x:"))
        self.assertEqual(done.stdout.splitlines()[-1], str(1 << 30))
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, max(before, 200 << 10))

    def test_I11_anything_may_stand_where_a_directory_is_expected(self):
        kinds = {"link to itself": lambda p: os.symlink(os.path.basename(p), p), "link to the node's": lambda p: os.symlink("/../../../etc", p),
                 "dangling link": lambda p: os.symlink("/nowhere", p), "FIFO": os.mkfifo, "file": lambda p: open(p, "w").close(),
                 "memory": lambda p: os.mknod(p, 0o666 | 0o20000, os.makedev(1, 1)), "disk": lambda p: os.mknod(p, 0o666 | 0o60000, os.makedev(8, 0)),
                 "link to /proc": lambda p: os.symlink("/proc/1/root", p)}
        names = ("etc", "var", "opt", "tmp", "home", "proc", "dev", "sys")
        for kind, make in kinds.items():
            with self.subTest(kind):
                done = self.launched(self.image(lambda tree, make=make: [make(f"{tree}/{name}") for name in names]), "sh", "-c",
                                     f"cat /etc/passwd; ls -d {' '.join(f'/{name}/.' for name in names)} /dev/null")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(done.stdout.startswith(f"{self.a.name}:x:"))
                self.assertEqual(set(done.stdout.splitlines()[-9:]), {f"/{name}/." for name in names} | {"/dev/null"})

    def test_I11_whatever_stands_below_etc_var_and_opt_is_shown_or_left_out(self):
        def make(tree):
            for top in ("etc", "var", "opt"):
                os.mkdir(f"{tree}/{top}")
                os.mkfifo(f"{tree}/{top}/fifo")
                os.mknod(f"{tree}/{top}/memory", 0o666 | 0o20000, os.makedev(1, 1))
                os.symlink("/etc/shadow", f"{tree}/{top}/link")
                os.symlink("x" * 4000, f"{tree}/{top}/long")
            os.symlink("/", f"{tree}/etc/ssh")
            os.symlink("/home", f"{tree}/opt/udiImage")
            os.mkdir(f"{tree}/etc/passwd")
            os.mkdir(f"{tree}/etc/mtab")
        done = self.launched(self.image(make), "sh", "-c", "cat /etc/passwd; ls /etc/ssh /opt/udiImage; cat /etc/memory; cat /opt/memory /var/memory; readlink /etc/mtab")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("/etc/ssh:\n\n/opt/udiImage:\nmodules\n/proc/mounts\n", done.stdout)
        self.assertIn("cat: /etc/memory: Permission denied", done.stderr)  # nodev
        self.assertIn("cat: /opt/memory: No such file", done.stderr)

    def test_names_of_any_bytes_are_shown_as_they_are(self):
        names = ["new\nline", "blank \t tab", "-rf", "'quote\"", "back\\slash", "\x01\x02", "é", "\udcff\udcfe", "x" * 255, "%s%n", "$(touch evil)", " "]

        def make(tree):
            for name in names:
                os.mkdir(f"{tree}/{name}")
                os.mkdir(f"{tree}/{name}/inside")
        image = self.image(make)
        done = self.site.run("shifter", f"--image={image}", "-v", "sh", "-c", 'for i in /*; do [ -d "$i/inside" ] && echo "$i"; done', text=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in names:
            self.assertIn(os.fsencode("/" + name), done.stdout)

    def test_I20_a_deep_path_is_no_trouble(self):
        def make(tree):
            folder = os.open(tree, os.O_PATH)
            for _ in range(900):
                os.mkdir("d" * 4, dir_fd=folder)
                below = os.open("d" * 4, os.O_PATH, dir_fd=folder)
                os.close(folder)
                folder = below
            os.close(folder)
        image = self.image(make)
        self.assertEqual(self.launched(image, "true").returncode, 0)
        deep = "/dddd" * 790
        self.assertEqual(self.output(f"--image={image}", "-V", f"{self.home}/data:{deep}/new", "cat", f"{deep}/new/mine"), "of a\n")
        self.refused(f"--image={image}", "-V", f"{self.home}/data:{deep}{deep}", "true", because="at most 4095 bytes")

    def test_I11_a_mount_point_of_the_site_below_something_odd_is_one_line(self):
        self.configured(f"siteFs={self.site.dir}/home:/usr/odd/home\n")
        for make in (lambda p: os.symlink("/etc", p), os.mkfifo, lambda p: open(p, "w").close(), lambda p: os.symlink("/nowhere", p)):
            def tree_with(tree, make=make):
                os.makedirs(f"{tree}/usr", exist_ok=True)
                make(f"{tree}/usr/odd")
            done = self.launched(self.image(tree_with), "ls", "/usr/odd/home")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(self.a.name, done.stdout)


if __name__ == "__main__":
    unittest.main()
