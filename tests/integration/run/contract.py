"""Appendix A of the deployed product's behaviour, item by item, as far as it concerns the command shifter.

Items 9, 10 and 17 are in tests/cluster, 13 and 14 in tests/unit/api, tests/unit/client and tests/integration/pull.
"""
import os
import pwd
import shutil
import signal
import unittest

from modes import differs
from site_fixture import SYSCONFDIR, Site

META = ("FORMAT: squashfs\nENTRY: [u'echo', u'howdy']\nCMD: [u'guys']\nWORKDIR: /usr/lib\nENV: PATH=/usr/bin:/bin\nENV: OF_IMAGE=1\n"
        "ENV: SHIFTER_IMAGE=forged\nVOLUME: /data\nUSER: nobody\n")
CONFIG = "siteEnvAppend=PATH=/site/bin\nsiteEnvPrepend=PATH=/first:/second\nsiteEnvUnset=UNWANTED\n"


class AppendixA(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(config=CONFIG)
        cls.addClassCleanup(cls.site.close)
        cls.site.push("debian8", "org/debian:8")
        cls.tag = cls.site.image("org/debian:8")
        cls.id = cls.site.pull("org/debian:8")
        cls.add("e0", META)
        cls.home = f"{cls.site.dir}/home/{cls.site.users['a'].name}"

    @classmethod
    def add(cls, identifier: str, meta: str) -> None:
        """The same file under another identifier, with a record as gateways of older releases wrote it (item 15)."""
        shutil.copyfile(f"{cls.site.dir}/images/{cls.id}.squashfs", f"{cls.site.dir}/images/{identifier}.squashfs")
        with open(f"{cls.site.dir}/images/{identifier}.meta", "w") as out:
            out.write(meta)

    def tearDown(self):
        self.site.check(10)

    def shifter(self, *words, image="id:e0", **more):
        return self.site.run("shifter", f"--image={image}", *words, **more)

    def lines(self, *words, **more):
        done = self.shifter(*words, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_1_exit_statuses(self):
        self.assertEqual([self.shifter(command, image=self.tag).returncode for command in ("true", "false", "/nonexistent")], [0, 1, 127])
        self.assertEqual(self.site.run("shifter").returncode, 1)

    def test_1_7_each_row_of_statuses_has_its_stream(self):
        """1 is the launcher's and says why on stderr alone (H1-13, H1-14); 126 and 127 name the program as it was called."""
        self.add("bad", "FORMAT: squashfs\nENTRY: [1]\n")
        self.add("others", f"FORMAT: squashfs\nUSERACL: {self.site.users['b'].uid}\n")
        self.addCleanup(self.site.write_config, CONFIG)
        rows = (("option", "", ["--no-such-option"], "no-such-option"), ("config", "launchTimeout=soon\n", ["true"], "launchTimeout"),
                ("lookup", "", ["true"], "no/such"), ("metadata", "", ["true"], "bad"), ("permission", "", ["true"], "others"),
                ("mount", "", ["-V", "/no-such:/v", "true"], "/no-such"), ("module", "", ["-m", "no-such", "true"], "no-such"),
                ("hook", "sitePreMountHook=/bin/false\n", ["true"], "sitePreMountHook"), ("env", "", ["-e", "NOVALUE", "true"], "NOVALUE"),
                ("env file", "", ["--env-file=/no-such", "true"], "/no-such"))
        images = {"lookup": f"docker:{self.site.registry}/no/such:1", "metadata": "id:bad", "permission": "id:others"}
        for kind, config, words, named in rows:
            with self.subTest(kind):
                self.site.write_config(CONFIG + config)
                done = self.shifter(*words, image=images.get(kind, "id:e0"))
                self.assertEqual((done.returncode, done.stderr.partition(": ")[0]), (1, "shifter"), done.stderr)
                self.assertIn(named, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertEqual(done.stdout.partition(":")[0], "usage" if kind in ("option", "env") else "")
        self.site.write_config(CONFIG)
        program = self.site.program("shifter")
        for words, status, line in ((["--help"], 0, ""), (["sh", "-c", "exit 7"], 7, ""),
                                    (["/no/such"], 127, f"{program}: /no/such: No such file or directory\n"),
                                    (["/etc/passwd"], 126, f"{program}: /etc/passwd: Permission denied\n")):
            done = self.shifter(*words)
            self.assertEqual((done.returncode, done.stderr), (status, line), words)

    def test_2_the_environment(self):
        caller = {"MINE": "1", "UNWANTED": "1", "LD_LIBRARY_PATH": "/mine", "TMPDIR": "/mine"}
        env = dict(line.split("=", 1) for line in self.lines("env", image=self.tag, env=caller))
        self.assertEqual((env["SHIFTER_IMAGE"], env["SHIFTER_IMAGEREQUEST"], env["SHIFTER_RUNTIME"], env["MINE"]), (self.id, self.tag, "1", "1"))
        self.assertEqual([name for name in ("UNWANTED", "LD_LIBRARY_PATH", "TMPDIR") if name in env], [])
        bare = dict(line.split("=", 1) for line in self.lines("-E", "env", env=caller))
        self.assertEqual(bare, {"PATH": "/first:/second:/usr/bin:/bin:/site/bin", "OF_IMAGE": "1", "SHIFTER_IMAGE": "e0",
                                "SHIFTER_IMAGEREQUEST": "id:e0", "SHIFTER_RUNTIME": "1"})
        self.assertEqual(self.lines("-e", "OF_IMAGE=2", "-e", "OF_IMAGE=", "-e", "TMPDIR=/t", "sh", "-c", "echo [$OF_IMAGE] $TMPDIR"), ["[] /t"])

    def test_3_the_table_of_what_is_executed(self):
        for words, output in ((["--entrypoint"], "howdy guys"), (["--entrypoint", "you"], "howdy you"), (["--entrypoint=echo"], ""),
                              (["--entrypoint=echo", "you"], "you"), (["echo", "a"], "a")):
            self.assertEqual(self.lines(*words), [output], words)
        self.assertEqual(self.shifter(input="echo $0\n", env={"SHELL": "/bin/no-such-shell"}).stdout, "/bin/sh\n")
        self.assertEqual(self.shifter(input="echo $0\n", env={"SHELL": "/bin/bash"}).stdout, "/bin/bash\n")
        self.add("e1", "FORMAT: squashfs\nCMD: ['guys']\nENV: PATH=/usr/bin:/bin\n")
        self.assertEqual(self.shifter("--entrypoint", image="id:e1").returncode, 1)

    def test_4_the_working_directory(self):
        self.assertEqual(self.lines("pwd", cwd="/usr/bin"), ["/usr/bin"])
        done = self.shifter("pwd", cwd=self.site.dir)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (0, "/\n", 1))
        self.assertEqual((self.lines("-w", "pwd"), self.lines("--workdir=/etc", "pwd")), (["/usr/lib"], ["/etc"]))

    def test_5_the_status_file(self):
        """And contract 6.2: whose command it is."""
        def status(lines):
            return dict(line.split(":\t", 1) for line in lines)
        outside = status(self.site.run("/bin/cat", "/proc/self/status", umask=0o031).stdout.splitlines())
        inside = status(self.lines("cat", "/proc/self/status", umask=0o031))
        self.assertEqual({inside[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}, {"0" * 16})
        self.assertEqual(inside["NoNewPrivs"], "1")
        if differs("supplementary groups"):
            own = str(self.site.users["a"].gid)
            outside["Groups"] = "".join(f"{gid if gid == own else 65534} " for gid in outside["Groups"].split())
        for name in ("Uid", "Gid", "Groups", "Umask"):
            self.assertEqual(inside[name], outside[name])

    def test_6_the_state_file_byte_for_byte(self):
        who = self.site.users["a"].name
        self.assertEqual(self.lines("cat", "/var/shifterConfig.json"), [f'{{"identifier":"e0","user":"{who}","volMap":"","modules":""}}'])
        with_volumes = self.lines("-V", "/var/tmp:/z", "-V", "/tmp:/b:ro", "cat", "/var/shifterConfig.json")
        self.assertEqual(with_volumes, [f'{{"identifier":"e0","user":"{who}","volMap":"/tmp:/b:ro;/var/tmp:/z","modules":""}}'])

    def test_7_etc(self):
        """And the vectors of contract 5.6."""
        who = pwd.getpwnam(self.site.users["a"].name)
        self.assertEqual(self.lines("readlink", "/etc/mtab"), ["/proc/mounts"])
        line = f"{who.pw_name}:x:{who.pw_uid}:{who.pw_gid}:{who.pw_gecos}:{who.pw_dir}:{who.pw_shell}"
        self.assertEqual([entry for entry in self.lines("cat", "/etc/passwd") if entry.startswith(who.pw_name)], [line])
        self.assertEqual(self.lines("stat", "-c", "%s", "/etc/shadow"), ["0"])
        groups = self.lines("cat", "/etc/group")
        self.assertIn("root:x:0:", groups)
        self.assertEqual([entry for entry in groups if entry.split(":")[2] == "0"], ["root:x:0:"])
        members = {entry.split(":")[3] for entry in groups}
        self.assertLessEqual(members, {"", who.pw_name})

    def test_8_volumes(self):
        for place in ("/etc", "/etc/x", "/var", "/var/x", "/proc", "/proc/self", "/dev", "/dev/shm", "/sys", "/opt/udiImage", "/"):
            done = self.shifter("-V", f"/tmp:{place}", "true")
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), place)
        self.assertEqual(self.lines("-V", "/var/tmp:/var/tmp", "-V", "/tmp:/etcetera", "true"), [])
        # A link leads nowhere that its name does not say.
        os.symlink("/etc", f"{self.home}/link")
        self.addCleanup(os.unlink, f"{self.home}/link")
        done = self.shifter("-V", f"/tmp:/home/{self.site.users['a'].name}/link", "true")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        # The option replaces what the environment names (1.2).
        listed = self.lines("-V", "/tmp:/c", "sh", "-c", "ls -d /b /c 2>/dev/null; true", env={"SHIFTER_VOLUME": "/tmp:/b"})
        self.assertEqual(listed, ["/c"])
        self.assertEqual(self.lines("ls", "-d", "/b", env={"SLURM_SPANK_SHIFTER_VOLUME": "/tmp:/b"}), ["/b"])

    def test_11_forged_identifiers(self):
        for identifier in ("..", "../x", "e0/../e0", "e0.squashfs", "E0"):
            self.assertEqual(self.shifter("true", image=f"id:{identifier}").returncode, 1, identifier)
        hostile = f"{self.site.dir}/hostile/bin"
        os.makedirs(hostile)
        self.addCleanup(self.site.write_config, CONFIG)
        for answer in ("../../tmp/x", "e0 e0", "", "e0/../e1", "ENV:A=1"):
            with open(f"{hostile}/shifterimg", "w") as out:
                out.write(f"#!/bin/sh\necho '{answer}'\n")
            os.chmod(f"{hostile}/shifterimg", 0o755)
            self.site.write_config(f"udiRootPath={self.site.dir}/hostile\n")
            done = self.shifter("true", image="docker:x")
            self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1), done.stderr)

    def test_12_local_directories_are_the_sites_choice(self):
        self.assertEqual(self.shifter("true", image="local:/").returncode, 1)
        with open(f"{SYSCONFDIR}/udiRoot.conf") as stream:
            self.assertNotIn("allowLocalChroot", stream.read())

    def test_16_two_hundred_starts_at_once_and_kills_leave_nothing(self):
        started = [self.site.start("shifter", "--image=id:e0", "true", user="ab"[number % 2]) for number in range(200)]
        for launch in started[::20]:
            launch.send_signal(signal.SIGKILL)
        statuses = [launch.wait(timeout=120) for launch in started]
        self.assertEqual({status for number, status in enumerate(statuses) if number % 20}, {0})

    def test_6_4_a_script_can_name_shifter_in_its_first_line(self):
        script = f"/tmp/shifter-test-{os.getpid()}"  # at the same place inside
        with open(script, "w") as out:
            out.write(f"#!{self.site.program('shifter')} /bin/bash\necho \"$0 $1 $OF_IMAGE\"\n")
        os.chmod(script, 0o755)
        self.addCleanup(os.unlink, script)
        done = self.site.run(script, "a", env={"SHIFTER_IMAGETYPE": "id", "SHIFTER_IMAGE": "e0"})
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{script} a 1\n", ""))


if __name__ == "__main__":
    unittest.main()
