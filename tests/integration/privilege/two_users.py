"""Two ordinary users on one node, at the same time: each invariant of a launch holds for both, and between them.

Each invariant's own tests, in the other files here and in tests/integration/mounts, ask more of it, mostly as user a.
"""
import json
import os
import subprocess
import unittest

from privilege_site import PrivilegeTest

LOOK = ("cat /proc/self/status; echo @; env; echo @; cat /proc/self/mountinfo; echo @; cat /etc/passwd; echo @; cat /mine/file; echo @; "
        "ls /proc/self/fd | grep -c .; echo @; pwd; echo @; become-root -u; echo @; cat /var/shifterConfig.json; echo @ready; exec sleep 60")


class TwoUsers(PrivilegeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run(["cp", f"{cls.tree}/bin/id", f"{cls.tree}/bin/become-root"], check=True)
        os.chmod(f"{cls.tree}/bin/become-root", 0o6755)
        os.symlink("/", f"{cls.tree}/usr/share/up")
        cls.build("a2")
        for user in cls.site.users.values():
            os.makedirs(f"{user.home}/data")
            with open(f"{user.home}/data/file", "w") as out:
                out.write(f"of {user.name}\n")
            for path in (f"{user.home}/data/file", f"{user.home}/data"):
                os.chown(path, user.uid, user.gid)
                os.chmod(path, 0o700)

    def volume(self, key: str, to: str = "/mine") -> list[str]:
        return ["-V", f"/home/{self.site.users[key].name}/data:{to}"]

    def held(self, key: str) -> tuple[subprocess.Popen, list[str]]:
        """A container that goes on, and what it sees of itself."""
        launch = self.start("--image=id:a2", *self.volume(key), "-e", f"OWN={key}", "sh", "-c", LOOK, user=key)
        text = ""
        while (line := launch.stdout.readline()) not in ("@ready\n", ""):
            text += line
        self.assertTrue(line, text)
        return launch, text.split("@\n")

    def both_refused(self, *arguments: str, because: str) -> None:
        lines = set()
        for key in ("a", "b"):
            self.refused(*arguments, user=key, because=because)
            lines.add(self.shifter(*arguments, user=key).stderr)
        self.assertEqual(len(lines), 1, lines)

    def test_I1_I2_I3_I5_I10_I13_I14_I15_I19_each_container_is_its_users_own(self):
        (first, of_a), (second, of_b) = self.held("a"), self.held("b")
        for key, seen in (("a", of_a), ("b", of_b)):
            user, other = self.site.users[key], self.site.users["b" if key == "a" else "a"]
            status = {name: value.split() for name, _, value in (line.partition(":") for line in seen[0].splitlines())}
            self.assertEqual((status["Uid"], status["Gid"]), ([str(user.uid)] * 4, [str(user.gid)] * 4))
            self.assertEqual(sorted(map(int, status["Groups"])), user.groups)
            self.assertEqual({value for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") for value in status[name]}, {"0" * 16})
            self.assertIn(f"OWN={key}\n", seen[1])
            points = {row[4]: row for row in map(str.split, seen[2].splitlines())}
            for point, row in points.items():
                self.assertIn("nosuid", row[5].split(","), point)
                self.assertTrue("nodev" in row[5].split(",") or point.split("/")[1] in ("dev", "proc", "sys"), point)
            self.assertTrue(points["/mine"][3].endswith(f"/{user.name}/data"), points["/mine"])
            self.assertNotIn(f"/{other.name}/data", seen[2])
            self.assertIn(f"{user.name}:x:{user.uid}:{user.gid}:", seen[3])
            self.assertNotIn(f"{other.name}:", seen[3])
            self.assertEqual(seen[4], f"of {user.name}\n")
            self.assertEqual(seen[5], "4\n")  # 0 to 2, and that of ls
            self.assertEqual((seen[6], seen[7]), ("/\n", f"{user.uid}\n"))
            self.assertEqual(json.loads(seen[8])["user"], user.name)
        for launch in (first, second):
            launch.kill()
            launch.communicate()

    def test_I6_I10_I14_neither_looks_into_the_others(self):
        (first, _), (second, _) = self.held("a"), self.held("b")
        for launch, other in ((first, "b"), (second, "a")):
            for name in ("environ", "mem", "root/mine/file", "cwd/", "fd/0", "ns/mnt"):
                done = self.shifter("--image=id:a2", "cat", f"/proc/{launch.pid}/{name}", user=other)
                self.assertEqual(done.stdout, "", name)
                self.assertIn("Permission denied", done.stderr, name)
            with self.assertRaises(subprocess.CalledProcessError):
                subprocess.run(["/bin/kill", "-9", str(launch.pid)], user=self.site.users[other].uid, group=self.site.users[other].gid, extra_groups=[],
                               check=True, capture_output=True)
            self.assertIsNone(launch.poll())
            launch.kill()
            launch.communicate()

    def test_I9_I10_I12_a_volume_is_its_callers(self):
        for key, other in (("a", "b"), ("b", "a")):
            name = self.site.users[key].name
            self.assertEqual(self.output("--image=id:a2", *self.volume(key), "cat", "/mine/file", user=key), f"of {name}\n")
            self.refused("--image=id:a2", *self.volume(key), "cat", "/mine/file", user=other, because="Permission denied")
        for to in ("/etc/x", "/var/x", "/proc/self", "/dev/shm", "/usr/share/up/etc"):
            for key in ("a", "b"):
                self.refused("--image=id:a2", *self.volume(key, to), "true", user=key, because="cannot use volume")

    def test_I11_I16_I17_I18_I20_an_image_is_taken_or_refused_for_both(self):
        for key in ("a", "b"):
            self.assertNotIn("fstab", self.output("--image=id:a2", "ls", "/etc", user=key))
        self.both_refused("--image=id:../a2", "true", because="..")
        self.both_refused("--image=id:a 2", "true", because="cannot stand in an image name")
        path = self.build("b1")
        os.chmod(path, 0o646)
        self.both_refused("--image=id:b1", "true", because="others can write it")
        os.chmod(path, 0o644)
        meta = f"{self.site.dir}/images/b1.meta"
        for text in ("FORMAT: squashfs\nUSERACL: 1\nUSERACL: 2\n", "FORMAT: xfs\n"):
            with open(meta, "w") as out:
                out.write(text)
            self.both_refused("--image=id:b1", "true", because="b1")
        wide = f"{self.site.dir}/wide"
        os.mkdir(wide)
        for number in range(4097):
            os.mkdir(f"{wide}/{number}")
        self.build("b2", wide)
        self.both_refused("--image=id:b2", "true", because="more than 4096 entries")

    def test_I4_I8_I37_a_site_that_others_could_change_starts_nothing_for_both(self):
        home = self.site.users["a"].home
        with open(f"{home}/hook", "w") as out:
            out.write("#!/bin/sh\necho hooked\n")
        os.chmod(f"{home}/hook", 0o755)
        self.addCleanup(self.site.write_config)
        self.site.write_config(f"sitePreMountHook={home}/hook\n")
        self.both_refused("--image=id:a2", "true", because="cannot trust")
        self.site.write_config()
        config = f"{self.site.dir}/etc/udiRoot.conf"
        os.chmod(config, 0o666)
        self.both_refused("--image=id:a2", "true", because="everybody can write it")
        os.chmod(config, 0o644)

    def test_I7_a_call_that_fails_ends_the_launch_of_both(self):
        for user in self.site.users.values():
            done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pivot_root", "-e", "inject=pivot_root:error=EPERM", "-u", user.name,
                                   self.site.program("shifter"), "--image=id:a2", "true"], cwd="/", capture_output=True, text=True, timeout=120)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("cannot make the container's root the root", done.stderr)


if __name__ == "__main__":
    unittest.main()
