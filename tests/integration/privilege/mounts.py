"""What the container shows, and where it may be changed: I9 to I16."""
import ctypes
import os
import re
import shutil
import subprocess
import threading
import unittest

from privilege_site import PrivilegeTest
from site_fixture import mounts


class Mounts(PrivilegeTest):
    def setUp(self):
        super().setUp()
        self.a, self.b = self.site.users["a"], self.site.users["b"]
        self.home = f"/home/{self.a.name}"  # as the container sees it
        os.makedirs(f"{self.a.home}/data", exist_ok=True)
        with open(f"{self.a.home}/data/mine", "w") as out:
            out.write("of a\n")
        for path in (f"{self.a.home}/data", f"{self.a.home}/data/mine"):
            os.chown(path, self.a.uid, self.a.gid)

    def test_the_image_the_site_and_etc_are_seen_as_the_contract_says(self):
        text = self.output("--image=id:a1", "-V", f"{self.home}/data:/newdir", "sh", "-c",
                           "cat /newdir/mine; readlink /etc/mtab; cat /etc/os-release /var/shifterConfig.json; stat -c '%u %g %a' /etc/passwd /etc/shadow /;"
                           "stat -c %s /etc/shadow; ls /usr/share; ls /var/spool; ls /etc/ssh; stat -c %s /etc/large; grep -c odd /odd*; ls /home")
        self.assertEqual(text.splitlines()[0:2], ["of a", "/proc/mounts"])
        self.assertIn(f'{{"identifier":"a1","user":"{self.a.name}","volMap":"{self.home}/data:/newdir","modules":""}}\n', text)
        self.assertIn("NAME=test\n", text)
        self.assertIn("0 0 644\n0 0 600\n0 0 755\n0\ndata\n", text)     # passwd, shadow, /; nothing in shadow; /usr/share of the image
        self.assertIn("6291456\n1\n", text)                           # /etc/large (H5-5) and the odd name (H5-6)
        self.assertNotIn("ssh_config", text)
        self.assertNotIn("mine\n", text.replace("of a", "").split("data\n")[1].split("6291456")[0])
        self.assertNotIn("of-image", text)

    def test_I19_passwd_and_group_are_the_sites(self):
        host = subprocess.run(["getent", "passwd", self.a.name], capture_output=True, text=True).stdout
        passwd = self.output("--image=id:a1", "cat", "/etc/passwd")
        self.assertTrue(passwd.startswith(host.strip()), passwd)
        self.assertNotIn("evil", passwd)
        group = self.output("--image=id:a1", "cat", "/etc/group")
        self.assertTrue(group.startswith("root:x:0:\n"), group)
        self.assertIn("shifter-test-extra:x:", group)

    def test_I19_a_static_etc_is_the_sites(self):
        files = f"{self.site.dir}/etc/files"
        contents = {"passwd": f"{self.a.name}:x:{self.a.uid}:{self.a.gid}:A:/home/a:/bin/sh\nother:x:7:7::/:\n", "nsswitch.conf": "passwd: files\n",
                    "group": f"wheel:x:0:{self.a.name}\nproj:x:{self.a.groups[-1]}:eve\nsecret:x:77:eve,{self.a.name}\n"}
        for name, text in contents.items():
            with open(f"{files}/{name}", "w") as out:
                out.write(text)
        self.site.write_config("populateEtcDynamically=0\nallowLibcPwdCalls=0\n")
        try:
            self.assertEqual(self.output("--image=id:a1", "sh", "-c", "cat /etc/passwd /etc/group; ls /etc/group.orig 2>&1 || true").split("ls:")[0],
                             contents["passwd"] + f"root:x:0:\nproj:x:{self.a.groups[-1]}:{self.a.name}\nsecret:x:77:{self.a.name}\n")
            self.refused("--image=id:a1", "true", user="b", because=f"uid {self.b.uid} has no name in ")
            # R16: a thousand files of 64 MiB, and not one more, nor a byte.
            for number in range(1000 - len(contents)):
                open(f"{files}/f{number}", "w").close()
            os.truncate(f"{files}/f0", 64 << 20)
            self.assertEqual(self.output("--image=id:a1", "stat", "-c", "%s", "/etc/f0"), f"{64 << 20}\n")
            os.truncate(f"{files}/f0", (64 << 20) + 1)
            self.refused("--image=id:a1", "true", because="has more than 67108864 bytes")
            os.truncate(f"{files}/f0", 0)
            open(f"{files}/more", "w").close()
            self.refused("--image=id:a1", "true", because="it has more than 1000 entries")
            os.unlink(f"{files}/more")
            os.unlink(f"{files}/nsswitch.conf")
            self.refused("--image=id:a1", "true", because="has no nsswitch.conf, which a container needs")
        finally:
            self.site.write_config()
            for name in os.listdir(files):
                os.unlink(f"{files}/{name}")

    def test_site_mounts_may_be_files_and_lie_below_etc_and_below_image_directories(self):
        os.makedirs(f"{self.site.dir}/site/lib", exist_ok=True)
        with open(f"{self.site.dir}/site/lib/of-site", "w") as out:
            out.write("of the site\n")
        where = f"{self.site.dir}/site/lib"
        self.site.write_config(f"siteFs={where}:/usr/share/site/lib;\\\n  {where}:/etc/opt/cray:ro;\\\n {where}/of-site:/etc/site-file;{where}:/opt/lib:rec:slave\n"
                               "siteEnv=FROM_SITE=1\nsiteEnvPrepend=PATH=/opt/site/bin\nmodule_m_siteEnv=M=1\nmodule_m_siteFs=/var/tmp:/module\n")
        try:
            text = self.output("--image=id:a1", "-m", "m", "sh", "-c", "cat /usr/share/site/lib/of-site /etc/opt/cray/of-site /etc/site-file /opt/lib/of-site;"
                               "ls /usr/share /usr; cat /etc/os-release; echo $FROM_SITE $M $PATH; grep -c ' /module ' /proc/self/mountinfo; cat /var/shifterConfig.json")
            self.assertTrue(text.startswith("of the site\n" * 4), text)
            self.assertIn("data\nsite\n", text)
            self.assertIn("NAME=test\n1 1 /opt/site/bin:/bin\n1\n", text)
            self.assertIn('"modules":"m,"}', text)
            self.refused("--image=id:a1", "-m", "nonsense", "true", because="cannot use the modules \"nonsense\"")
        finally:
            self.site.write_config()

    def test_I9_a_source_that_is_swapped_is_mounted_as_one_thing_or_not_at_all(self):
        libc = ctypes.CDLL(None)
        os.makedirs(f"{self.a.home}/swap", exist_ok=True)
        if not os.path.lexists(f"{self.a.home}/link"):
            os.symlink(f"/home/{self.b.name}", f"{self.a.home}/link")
        with open(f"{self.b.home}/secret", "w") as out:
            out.write("of b\n")
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                libc.renameat2(-100, f"{self.a.home}/swap".encode(), -100, f"{self.a.home}/link".encode(), 2)

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for _ in range(40):
                done = self.shifter("--image=id:a1", "-V", f"{self.home}/swap:/v", "sh", "-c", "ls /v; echo end")
                self.assertIn((done.returncode, done.stdout), ((0, "end\n"), (1, "")), done.stderr)
        finally:
            stop.set()
            thread.join()

    def test_I9_what_was_checked_is_mounted_however_long_the_mount_takes(self):
        """The clone of each mount is delayed, and the source exchanged for a link to what only b can reach meanwhile."""
        libc = ctypes.CDLL(None)
        mine, link, hidden = f"{self.a.home}/slow", f"{self.a.home}/slow-link", f"{self.b.home}/open"
        for folder, text in ((mine, "of a"), (hidden, "of b")):
            os.makedirs(folder, exist_ok=True)
            with open(f"{folder}/name", "w") as out:
                out.write(text)
        os.symlink(f"../{self.b.name}/open", link)
        stop = threading.Event()

        def swap():
            while not stop.wait(0.003):
                libc.renameat2(-100, mine.encode(), -100, link.encode(), 2)

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            seen = set()
            for _ in range(24):
                done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=open_tree", "-e", "inject=open_tree:delay_enter=9000", "-u", self.a.name,
                                       self.site.program("shifter"), "--image=id:a1", "-V", f"{self.home}/slow:/v", "cat", "/v/name"],
                                      env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, timeout=60)
                self.assertIn((done.returncode, done.stdout), ((0, "of a"), (1, "")), done.stderr)
                seen.add(done.returncode)
            self.assertEqual(seen, {0, 1})
        finally:
            stop.set()
            thread.join()

    def test_I10_a_volume_shows_what_its_caller_can_reach(self):
        self.assertEqual(self.output("--image=id:a1", "-V", f"{self.home}/data:/v", "cat", "/v/mine"), "of a\n")
        self.refused("--image=id:a1", "-V", f"{self.home}/data:/v", "cat", "/v/mine", user="b",
                     because=f'cannot use volume {self.home}/data:/v, whose source is looked up in the container: cannot open "{self.home}/data": Permission denied')
        self.refused("--image=id:a1", "-V", "/proc/self/root:/v", "true", because="cannot use volume /proc/self/root:/v")
        self.refused("--image=id:a1", "-V", "/dev/null:/v", "true", because="is neither a directory nor a file")

    def test_I11_nothing_in_an_image_leads_out_of_it(self):
        for number, make in enumerate((
                lambda tree: os.symlink("/etc", f"{tree}/etc"),
                lambda tree: os.symlink("../../../../etc", f"{tree}/etc"),
                lambda tree: os.symlink("etc", f"{tree}/etc"),
                lambda tree: os.mkfifo(f"{tree}/etc"),
                lambda tree: os.mknod(f"{tree}/etc", 0o666 | 0o20000, os.makedev(1, 5)),
                lambda tree: open(f"{tree}/etc", "w").close(),
                lambda tree: None)):
            with self.subTest(number):
                tree = f"{self.site.dir}/tree{number}"
                os.mkdir(tree)
                for name in ("bin", "lib", "lib64", "usr"):
                    if os.path.lexists(f"{self.tree}/{name}"):
                        subprocess.run(["cp", "-a", f"{self.tree}/{name}", tree], check=True)
                make(tree)
                os.symlink("/", f"{tree}/var")
                os.symlink("/home", f"{tree}/opt")
                os.mkfifo(f"{tree}/fifo")
                os.mknod(f"{tree}/memory", 0o666 | 0o20000, os.makedev(1, 1))
                self.build(f"b{number}", tree)
                text = self.output(f"--image=id:b{number}", "sh", "-c", "ls /etc; ls -l / /var /opt")
                for name in ("debian_version", "fstab", "memory", "fifo", "shadow-"):
                    self.assertNotIn(name, text)
                self.assertIn("passwd", text)

    def test_I12_destinations_are_decided_on_what_they_are(self):
        os.symlink("/etc", f"{self.tree}/usr/share/sneaky")
        os.symlink("/home", f"{self.tree}/usr/share/homes")
        self.build("c1")
        ways = (lambda v: (["-V", v], {}), lambda v: ([], {"SHIFTER_VOLUME": v}), lambda v: ([], {"SLURM_SPANK_SHIFTER_VOLUME": v}))
        for to, allowed in (("/etc", False), ("/etc/x", False), ("/etcetera", True), ("/variable", True), ("/var", False), ("/var/tmp", True), ("/var/tmp/x", False),
                            ("/opt", False), ("/opt/new", True), ("/opt/udiImage/x", False), ("/proc/self", False), ("/dev/shm", False), ("/sys", False),
                            ("/usr/share/sneaky/opt", False), ("/usr/share/sneaky", False), ("/usr/share/homes/new", False), (self.home, False),
                            (f"{self.home}/data", False), ("/usr/share/data", True), ("/app/new", True), ("/usr/new", True), ("/new/", True), ("/tmp", True)):
            for way in ways:
                arguments, env = way(f"{self.home}/data:{to}")
                done = self.shifter("--image=id:c1", *arguments, "cat", f"{to}/mine", env=env)
                self.assertEqual((done.returncode, done.stdout), (0, "of a\n") if allowed else (1, ""), f"{to}: {done.stderr}")
                if not allowed:
                    self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")

    def test_I13_every_mount_is_nosuid_and_nodev_and_the_image_read_only(self):
        text = self.output("--image=id:a1", "-V", f"{self.home}/data:/v", "-V", f"{self.home}/data:/r:ro", "cat", "/proc/self/mountinfo")
        points = {}
        for line in text.splitlines():
            row = line.split()
            options = row[5].split(",")
            points[row[4]] = options
            self.assertIn("nosuid", options, line)
            if not re.match(r"/(dev|proc|sys)(/|$)", row[4]):
                self.assertIn("nodev", options, line)
            if "squashfs" in row or "overlay" in row:
                self.assertIn("ro", options, line)
            self.assertNotIn("shared:", line)
        self.assertIn("ro", points["/"])
        self.assertIn("ro", points["/r"])
        self.assertNotIn("ro", points["/v"])

    def test_empty_directories_of_an_image_look_the_same_without_a_mount(self):
        """Contract 5.5. Only in a root that is sealed: elsewhere they are mounts, since theirs may be modes that let users write."""
        tree = f"{self.site.dir}/tree-empty"
        shutil.copytree(self.tree, tree, symlinks=True)
        self.addCleanup(shutil.rmtree, tree)
        looks = {"/mnt": (0o755, 0, 0), "/all": (0o1777, 0, 0), "/group": (0o2775, 0, 50), "/var/theirs": (0o700, 1234, 4321), "/opt/none": (0, 0, 0),
                 "/full": (0o755, 7, 7)}
        for path, (mode, uid, gid) in looks.items():
            os.mkdir(tree + path)
            os.chown(tree + path, uid, gid)
            os.chmod(tree + path, mode)
        os.mkdir(f"{tree}/full/empty")  # has a directory, and is not
        self.build("e0e0", tree)
        script = ("stat -c '%n %a %u %g' " + " ".join(looks) + "; for place in " + " ".join(looks) + "; do touch $place/x 2>/dev/null && echo written; done; "
                  "cat /proc/self/mountinfo")
        wanted = [f"{path} {mode:o} {uid} {gid}" for path, (mode, uid, gid) in looks.items()]
        for config, mounted in (("", {"/full"}), ("mountUdiRootWritable=1\n", set(looks))):
            self.site.write_config(config)
            lines = self.output("--image=id:e0e0", "sh", "-c", script).splitlines()
            self.assertEqual(lines[:len(wanted)], wanted, config)
            self.assertNotIn("written", lines, config)
            self.assertEqual({line.split()[4] for line in lines if " - " in line} & set(looks), mounted, config)
        self.site.write_config("")
        # Volumes may be mounted there, as on any directory of the image.
        self.assertEqual(self.output("--image=id:e0e0", "-V", f"{self.home}/data:/mnt", "-V", f"{self.home}/data:/all/below", "sh", "-c",
                                     "ls -d /mnt /all/below; stat -c %a /all"), "/all/below\n/mnt\n1777\n")

    def test_I14_no_mount_is_seen_outside_of_the_container(self):
        before, node = mounts(), mounts("1")
        launch = self.start("--image=id:a1", "-V", f"{self.home}/data:/v", "sh", "-c", "echo ready; exec sleep 60")
        try:
            self.assertEqual(launch.stdout.readline(), "ready\n")
            self.assertEqual((mounts(), mounts("1")), (before, node))
        finally:
            launch.kill()
            launch.communicate()

    def test_I15_the_old_root_is_gone(self):
        text = self.output("--image=id:a1", "sh", "-c", "ls /.. /../..; pwd; readlink /proc/self/cwd; cat /proc/self/mountinfo", cwd="/tmp")
        self.assertIn("\n/tmp\n/tmp\n", text)
        self.assertNotIn("boot\n", text)  # the node has one, the image does not
        roots = [line for line in text.splitlines() if len(line.split()) > 6 and line.split()[4] == "/"]
        self.assertEqual([line.split()[3] for line in roots], ["/"])
        self.assertIn(" - tmpfs ", roots[0])
        self.assertNotIn(f" {self.site.dir}/udi", text)

    def test_I15_a_directory_outside_of_the_container_is_left(self):
        os.makedirs(f"{self.site.dir}/elsewhere", exist_ok=True)
        done = self.shifter("--image=id:a1", "sh", "-c", "pwd; ls -d .", cwd=f"{self.site.dir}/elsewhere")
        self.assertEqual((done.returncode, done.stdout), (0, "/\n.\n"))
        self.assertEqual(done.stderr, f'shifter: warning: cannot enter "{self.site.dir}/elsewhere" in the container: No such file or directory; staying in /\n')

    def test_I15_a_deleted_directory_is_no_reason_to_fail(self):
        shifter = self.site.program("shifter")
        done = self.site.run("/bin/sh", "-c", f"mkdir gone && cd gone && rmdir ../gone && exec {shifter} --image=id:a1 pwd", cwd=self.a.home)
        self.assertEqual((done.returncode, done.stdout), (0, "/\n"), done.stderr)

    def test_I16_text_is_taken_or_refused_and_never_changed(self):
        self.refused("--image=id:a1", "-V", "/tmp/a b:/v", "true", because="/tmp/a b")
        self.refused("--image=id:a1", "-V", "/tmp/~x:/v", "true", because="~")
        self.refused("--image=id:a1 ", "true", because="cannot stand in an image name")
        self.refused("--image=id:A1", "true", because="an image id has only the digits")
        self.assertEqual(self.output("--image=id:a1", "-e", "X=a b\n'\"$", "sh", "-c", "echo \"$X\""), "a b\n'\"$\n")

    def test_mount_points_are_not_made_in_directories_of_the_site(self):
        self.refused("--image=id:a1", "-V", f"{self.home}/data:{self.home}/missing", "true", because="comes from the image or the site, and is not changed")
        self.assertFalse(os.path.exists(f"{self.a.home}/missing"))


if __name__ == "__main__":
    unittest.main()
