"""shifter --image=… COMMAND as an ordinary user: what the command is, and what comes back (contract 1, 6)."""
import os
import pwd
import signal
import subprocess
import time
import unittest

from images import oci_layout
from modes import differs
from site_fixture import Site


class CommandsTest(unittest.TestCase):
    """A site with two images, by tag, digest and id."""

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        layout = cls.site.push("debian8", "org/debian:8")
        cls.tag = cls.site.image("org/debian:8")
        cls.digest = f"{cls.site.image('org/debian')}@{oci_layout.digest(layout)}"
        cls.id = cls.site.pull("org/debian:8")
        cls.site.pull(f"org/debian@{oci_layout.digest(layout)}")
        cls.site.push("small", "org/small:1")
        cls.small = cls.site.pull("org/small:1")

    def tearDown(self):
        self.site.check()

    def shifter(self, *command, image=None, user="a", options=(), **more):
        return self.site.run("shifter", f"--image={image or f'id:{self.id}'}", *options, *command, user=user, **more)

    def lines(self, *command, **more):
        done = self.shifter(*command, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()


class Commands(CommandsTest):
    # Which image.

    def test_an_image_is_run_by_tag_by_digest_and_by_id(self):
        for image in (self.tag, self.tag.removeprefix("docker:"), self.digest, f"id:{self.id}"):
            with self.subTest(image=image):
                self.assertIn('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', self.lines("cat", "/etc/os-release", image=image))

    def test_the_variables_name_the_image_too(self):
        for family in ("SHIFTER", "SLURM_SPANK_SHIFTER"):
            done = self.site.run("shifter", "cat", "/app/hello", env={f"{family}_IMAGETYPE": "id", f"{family}_IMAGE": self.small})
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    # Who the command is.

    def test_I1_id_inside_is_the_callers(self):
        for user in ("a", "b"):
            who = self.site.users[user]
            outside = self.site.run("/usr/bin/id", "-a", user=user).stdout.split()
            inside = self.lines("id", "-a", user=user)[0].split()
            self.assertEqual(inside[:2], outside[:2])
            groups = [str(gid) for gid in who.groups]
            if differs("supplementary groups"):  # they show as the overflow gid
                groups = sorted({gid if gid == str(who.gid) else "65534" for gid in groups}, key=int)
            self.assertEqual(sorted(self.lines("id", "-G", user=user)[0].split(), key=int), groups)
            self.assertEqual(self.lines("id", "-un", user=user), [who.name])

    def status(self, **more):
        return dict(line.split(":\t", 1) for line in self.lines("cat", "/proc/self/status", **more))

    def test_I1_all_five_capability_sets_are_empty_and_no_new_privs_is_set(self):
        status = self.status()
        self.assertEqual({name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
                         dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0))
        self.assertEqual(status["NoNewPrivs"], "1")
        who = self.site.users["a"]
        self.assertEqual((status["Uid"].split(), status["Gid"].split()), ([str(who.uid)] * 4, [str(who.gid)] * 4))

    def test_I1_umask_signals_and_limits_are_the_callers(self):
        self.assertEqual(self.lines("sh", "-c", "umask", umask=0o027), ["0027"])

        def ignoring() -> None:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        outside = dict(line.split(":\t", 1) for line in
                       self.site.run("/bin/cat", "/proc/self/status", preexec_fn=ignoring).stdout.splitlines())
        inside = self.status(preexec_fn=ignoring)
        self.assertEqual([inside[name] for name in ("SigBlk", "SigIgn")], [outside[name] for name in ("SigBlk", "SigIgn")])
        limits = self.lines("cat", "/proc/self/limits")
        self.assertEqual(limits, self.site.run("/bin/cat", "/proc/self/limits").stdout.splitlines())

    def test_accounts_inside_are_the_sites(self):
        who = self.site.users["a"]
        entry = pwd.getpwnam(who.name)
        passwd = self.lines("cat", "/etc/passwd")
        self.assertIn(f"{who.name}:x:{who.uid}:{who.gid}:{entry.pw_gecos}:{entry.pw_dir}:{entry.pw_shell}", passwd)
        self.assertEqual(self.lines("readlink", "/etc/mtab"), ["/proc/mounts"])
        self.assertEqual(self.lines("stat", "--format=%s %U", "/etc/shadow"), [f"0 {who.name}" if differs("owners") else "0 root"])

    # What comes back.

    def test_the_commands_exit_status_comes_back(self):
        for status in (0, 1, 2, 42, 126, 127, 255):
            self.assertEqual(self.shifter("sh", "-c", f"exit {status}").returncode, status)

    def test_a_command_that_does_not_exist_is_127(self):
        done = self.shifter("/no/such/program")
        self.assertEqual((done.returncode, done.stderr), (127, f"{self.site.program('shifter')}: /no/such/program: No such file or directory\n"))
        self.assertEqual(self.shifter("no-such-program").returncode, 127)

    def test_a_command_that_is_not_executable_is_126(self):
        done = self.shifter("/etc/os-release")
        self.assertEqual((done.returncode, done.stderr), (126, f"{self.site.program('shifter')}: /etc/os-release: Permission denied\n"))

    def test_death_by_a_signal_comes_back_as_such(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            self.assertEqual(self.shifter("sh", "-c", f"kill -{number.value} $$").returncode, -number)

    def test_a_signal_to_shifter_reaches_the_command(self):
        started = self.site.start("shifter", f"--image=id:{self.id}", "sh", "-c", "trap 'echo got it; exit 9' TERM; echo ready; "
                                  "while :; do sleep 0.05; done", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(started.stdout.readline(), "ready\n")
        started.send_signal(signal.SIGTERM)
        self.assertEqual((started.communicate(timeout=10)[0], started.returncode), ("got it\n", 9))

    def test_input_and_both_outputs_pass_through(self):
        data = os.urandom(1 << 20)
        done = self.shifter("sh", "-c", "cat; echo problem >&2", input=data, text=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, data, b"problem\n"))

    # What the command finds.

    def test_numpy_works(self):
        self.assertEqual(self.lines("python3", "-c", "import numpy; print(numpy.arange(10).sum())"), ["45"])

    def test_the_image_is_read_only_and_tmp_and_home_are_the_hosts(self):
        for path in ("/usr/new", "/etc/os-release", "/bin/new"):
            self.assertNotEqual(self.shifter("sh", "-c", f"echo x >>{path}").returncode, 0, path)
        home = self.site.users["a"].home
        self.lines("sh", "-c", f"echo mine >/home/{os.path.basename(home)}/file")
        with open(f"{home}/file") as stream:
            self.assertEqual((stream.read(), os.stat(f"{home}/file").st_uid), ("mine\n", self.site.users["a"].uid))
        os.unlink(f"{home}/file")

    def test_the_environment_is_the_hosts_the_images_and_the_sites(self):
        loader = {"LD_BIND_NOW": "1"} if differs("the loader") else {"LD_PRELOAD": "/nowhere.so"}
        lines = self.lines("env", image=f"id:{self.small}", env={"MINE": "yes", **loader})
        for line in ("MINE=yes", "GREETING=hello", "SHIFTER_RUNTIME=1", f"SHIFTER_IMAGE={self.small}"):
            self.assertIn(line, lines)
        self.assertFalse([line for line in lines if line.startswith("LD_")], "H1-5")
        self.assertFalse([line for line in self.lines("env", image=f"id:{self.small}", options=["--clearenv"], env={"MINE": "yes"})
                          if line.startswith("MINE=")])

    def test_R16_an_env_file_has_at_most_4_MiB(self):
        path = f"{self.site.users['a'].home}/large.env"
        for size in (4 << 20, (4 << 20) + 1):
            with open(path, "w") as out:
                out.write("A=1\n" + "\n" * (size - 4))
            done = self.shifter("sh", "-c", "echo $A", options=[f"--env-file=/home/{os.path.basename(os.path.dirname(path))}/large.env"])
            if size == 4 << 20:
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "1\n", ""))
            else:
                self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
                self.assertIn("has more than 4194304 bytes", done.stderr)
        os.unlink(path)

    def test_entry_points_are_on_request(self):
        image = f"id:{self.small}"
        self.assertEqual(self.lines(image=image, options=["--entrypoint"]), ["hello from /app/hello"])
        self.assertEqual(self.lines("b c", image=image, options=["--entrypoint=echo"]), ["b c"])
        self.assertEqual(self.lines(image=image, options=["--entrypoint=echo"]), [""])

    def test_the_working_directory_is_the_callers_or_root_with_a_warning(self):
        self.assertEqual(self.lines("pwd", cwd="/usr/lib"), ["/usr/lib"])
        done = self.shifter("pwd", cwd=self.site.dir)
        self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (0, "/\n", 1), done.stderr)
        self.assertIn(self.site.dir, done.stderr)
        self.assertEqual(self.lines("pwd", image=f"id:{self.small}", options=["--workdir"]), ["/app"])

    # What stays.

    def test_R11_killed_launches_leave_nothing(self):
        for delay in (0.0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.05):
            started = self.site.start("shifter", f"--image=id:{self.id}", "sleep", "60")
            time.sleep(delay)
            os.kill(started.pid, signal.SIGKILL)
            started.wait()
        self.site.check()

    def test_R11_many_launches_at_once_leave_nothing(self):
        started = [self.site.start("shifter", f"--image=id:{self.id}", "true", user="ab"[number % 2]) for number in range(40)]
        self.assertEqual([launch.wait(timeout=120) for launch in started], [0] * 40)
        self.site.check()


if __name__ == "__main__":
    unittest.main()
