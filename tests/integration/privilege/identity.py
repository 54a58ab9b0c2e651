"""Who the command is, what it inherits, and what nobody can do to the launcher: I1 to I8."""
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import unittest

from privilege_site import PrivilegeTest

PAGE = f"{os.path.dirname(os.path.abspath(__file__))}/../../../docs/explanation/privileges.md"
STATUS = ("--image=id:a1", "cat", "/proc/self/status")


def fields(text: str) -> dict[str, str]:
    return {key: " ".join(value.split()) for key, _, value in (line.partition(":") for line in text.splitlines())}


def write_text(path: str, text: str) -> None:
    with open(path, "w") as out:
        out.write(text)


class Identity(PrivilegeTest):
    def test_I1_ids_groups_capabilities_and_no_new_privs(self):
        for key in ("a", "b"):
            user = self.site.users[key]
            status = fields(self.output(*STATUS, user=key))
            self.assertEqual(status["Uid"], " ".join([str(user.uid)] * 4))
            self.assertEqual(status["Gid"], " ".join([str(user.gid)] * 4))
            self.assertEqual(sorted(map(int, status["Groups"].split())), user.groups)
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], "1")

    def test_I1_groups_are_those_of_the_process_without_group_0(self):
        """Contract 6.2, H6-3."""
        user = self.site.users["a"]
        done = subprocess.run([self.site.program("shifter"), *STATUS], user=user.uid, group=user.gid, extra_groups=[0, 4242, 5151], env={}, cwd="/",
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(map(int, fields(done.stdout)["Groups"].split())), [4242, 5151])

    def test_I1_root_and_group_0_are_refused(self):
        """Contract 6.2."""
        user = self.site.users["a"]
        for uid, gid, why in ((0, 0, "it is not for root"), (0, user.gid, "it is not for root"), (user.uid, 0, "your primary group is 0")):
            done = subprocess.run([self.site.program("shifter"), *STATUS], user=uid, group=gid, extra_groups=[], env={}, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(why, done.stderr)

    def test_I1_signals_umask_and_limits_are_the_callers(self):
        def before():
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR2, signal.SIGRTMAX})
            resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456))

        here = fields(subprocess.run(["cat", "/proc/self/status"], preexec_fn=before, capture_output=True, text=True, umask=0o037).stdout)
        inside = fields(self.output(*STATUS, preexec_fn=before, umask=0o037))
        for name in ("Umask", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"):
            self.assertEqual(inside[name], here[name], name)
        limits = self.output("--image=id:a1", "cat", "/proc/self/limits", preexec_fn=before)
        self.assertRegex(limits, r"Max open files +123 +456")

    def test_I1_exit_status_and_signals_of_the_command_come_back(self):
        self.assertEqual(self.shifter("--image=id:a1", "sh", "-c", "exit 42").returncode, 42)
        self.assertEqual(self.shifter("--image=id:a1", "sh", "-c", "kill -TERM $$").returncode, -signal.SIGTERM)

    def test_I2_set_id_files_and_user_namespaces_give_nothing(self):
        tree = f"{self.site.dir}/tree-setid"
        shutil.copytree(self.tree, tree, symlinks=True)
        shutil.copy(f"{tree}/bin/id", f"{tree}/bin/become-root")
        os.chmod(f"{tree}/bin/become-root", 0o6755)
        self.build("a2", tree)
        shutil.rmtree(tree)
        user = self.site.users["a"]
        self.assertEqual(self.output("--image=id:a2", "become-root", "-u"), f"{user.uid}\n")
        self.assertEqual(self.output("--image=id:a2", "become-root", "-g"), f"{user.gid}\n")
        # In a user namespace of his own a user may be "root"; outside of it he is nobody more than before.
        done = self.shifter("--image=id:a2", "unshare", "--user", "--map-root-user", "mount", "--bind", "/tmp", "/root")
        self.assertNotEqual(done.returncode, 0)

    def test_I3_the_environment_changes_nothing(self):
        marker = f"{self.site.users['a'].home}/traced"
        hostile = {"LD_PRELOAD": "/nonexistent.so", "LD_AUDIT": "/nonexistent.so", "LD_LIBRARY_PATH": "/tmp", "LD_DEBUG": "all", "LD_DEBUG_OUTPUT": marker,
                   "GCONV_PATH": "/tmp", "GLIBC_TUNABLES": "glibc.malloc.check=3", "MALLOC_TRACE": marker, "TMPDIR": "/nonexistent", "LOCPATH": "/tmp",
                   "LANG": "evil", "HOSTALIASES": "/tmp/x", "RES_OPTIONS": "debug", "NSS_WRAPPER_PASSWD": "/tmp/x", "SHIFTER_CONFIG": "/tmp/x", "PATH": "/tmp/evil:/bin"}
        inside = self.output("--image=id:a1", "env", env=hostile)
        for name in ("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "LD_DEBUG", "GCONV_PATH", "GLIBC_TUNABLES", "MALLOC_TRACE", "TMPDIR", "HOSTALIASES"):
            self.assertNotIn(f"\n{name}=", "\n" + inside)
        self.assertIn("LANG=evil\n", inside)
        self.assertFalse(any(name.startswith("traced") for name in os.listdir(self.site.users["a"].home)))

    def test_I4_only_the_command_is_executed(self):
        trace = f"{self.site.dir}/trace"
        user = self.site.users["a"]
        subprocess.run(["strace", "-f", "-qq", "-e", "trace=execve", "-o", trace, "-u", user.name, self.site.program("shifter"), "--image=id:a1", "true"],
                       check=True, env={"PATH": "/usr/bin:/bin"}, cwd="/", timeout=60)
        with open(trace) as stream:
            executed = [line.split('"')[1] for line in stream if "execve(" in line and line.rstrip().endswith("= 0")]
        self.assertEqual(executed, [self.site.program("shifter"), "/bin/true"])

    def test_I1_nothing_that_is_executed_has_privileges_from_before_the_first_child_on(self):
        """Where the site has no hooks, which are the exception (mounts/sites_parts.py)."""
        folder = f"{self.site.dir}/traces"
        os.mkdir(folder)
        self.addCleanup(shutil.rmtree, folder)
        # A file for each process, so that no line is torn.
        subprocess.run(["strace", "-ff", "-qq", "-e", "trace=prctl,clone,clone3,fork,vfork", "-o", f"{folder}/trace", "-u", self.site.users["a"].name,
                        self.site.program("shifter"), "--image=id:a1", "true"], check=True, env={"PATH": "/usr/bin:/bin"}, cwd="/", timeout=60)
        processes = []
        for name in sorted(os.listdir(folder)):
            with open(f"{folder}/{name}") as stream:
                processes.append(stream.readlines())

        def capabilities(option: str, calls: list[str]) -> set[str]:
            return {found[1] for call in calls if (found := re.match(rf"prctl\({option}, (\w+).*= 0$", call))}
        launcher, companion = sorted(processes, key=lambda calls: all("PR_CAPBSET_DROP" not in call for call in calls))
        before = launcher[:next(number for number, call in enumerate(launcher) if not call.startswith("prctl("))]
        dropped = capabilities("PR_CAPBSET_DROP", before)
        self.assertGreater(len(dropped), 30)
        self.assertTrue(any("PR_SET_NO_NEW_PRIVS, 1" in call for call in before), before)
        for process in (launcher, companion):  # each reads it back after its own drop
            self.assertEqual(capabilities("PR_CAPBSET_READ", process), dropped)

    def test_the_system_calls_of_a_launch_are_those_of_the_page(self):
        with open(PAGE) as stream:
            section = stream.read().partition("## The system calls of a launch\n")[2].partition("\n## ")[0]
        rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("|") and "`" in line]
        self.assertEqual(len(rows), 6)
        listed = {who: {call for name, calls in rows if who in name for call in re.findall(r"`(\w+)`", calls)} for who in ("shifter", "children")}
        user, seen = self.site.users["a"], set()
        for words in ([], ["-V", "/tmp:/v"], ["-V", "/tmp:/usr/new"], ["--writable"]):
            log = f"{self.site.dir}/calls"
            subprocess.run(["strace", "-f", "-qq", "-o", log, "-u", user.name, self.site.program("shifter"), "--image=id:a1", *words, "true"],
                           check=True, env={"PATH": "/usr/bin:/bin"}, cwd="/", timeout=120)
            with open(log) as stream:
                calls = [(pid, line.partition("(")[0]) for pid, line in (line.split(None, 1) for line in stream) if re.match(r"[a-z]\w*\(", line)]
            launcher = calls[0][0]
            command = [number for number, call in enumerate(calls) if call == (launcher, "execve")][1]
            of_launcher = {call for pid, call in calls[:command + 1] if pid == launcher}
            of_children = {call for pid, call in calls if pid != launcher}
            stopped = {"restart_syscall"}  # by whoever stops and continues the test
            self.assertEqual((of_launcher - listed["shifter"] - stopped, of_children - listed["children"] - stopped), (set(), set()), words)
            seen |= of_launcher
        self.assertLessEqual({"fsmount", "mount_setattr", "pivot_root", "setresuid", "capset"}, seen)

    def test_I5_the_command_inherits_what_the_caller_passed_and_nothing_else(self):
        self.assertEqual(self.output("--image=id:a1", "ls", "/proc/self/fd").split(), ["0", "1", "2", "3"])  # 3 is ls's own
        with open("/dev/null") as passed:
            number = passed.fileno()
            listed = self.output("--image=id:a1", "ls", "/proc/self/fd", pass_fds=[number]).split()
            self.assertIn(str(number), listed)
            self.assertEqual(len(listed), 5)

    def test_I5_closed_standard_descriptors_do_no_harm(self):
        shifter = self.site.program("shifter")
        for closing in ("0<&-", "2>&-", "0<&- 2>&-"):
            done = self.site.run("/bin/sh", "-c", f"exec {shifter} --image=id:a1 ls -l /proc/self/fd {closing}", stdin=None)
            self.assertEqual(done.returncode, 0, done.stderr)
            # The C library opens /dev/null or /dev/full for a set-id program; nothing else may have slipped into the gap.
            for line in done.stdout.splitlines()[1:]:
                self.assertRegex(line, r" -> (/dev/null|/dev/full|pipe:.*|/proc/\d+/fd)$")
            self.assertEqual(len(done.stdout.splitlines()), 5)
        done = self.site.run("/bin/sh", "-c", f"exec {shifter} --image=id:a1 true 0<&- 1>&- 2>&-")
        self.assertEqual(done.returncode, 0)

    def test_I6_nobody_looks_into_a_launch(self):
        user = self.site.users["a"]
        attempts = ("import ctypes, sys\npid = sys.argv[1]\nl = ctypes.CDLL(None)\n"
                    "for name in ('environ', 'mem', 'maps', 'fd/0'):\n"
                    "    try:\n        open(f'/proc/{pid}/{name}', 'rb').read(1); print('read', name)\n    except (PermissionError, FileNotFoundError, OSError): pass\n"
                    "if l.ptrace(16, int(pid), 0, 0) == 0: print('traced')\n")
        seen = 0
        for attempt in range(60):
            launch = self.start("--image=id:a1", "true")
            time.sleep(0.001 * (attempt % 12))
            launch.send_signal(signal.SIGSTOP)
            try:
                with open(f"/proc/{launch.pid}/status") as stream:
                    status = fields(stream.read())
                if status["Uid"].split()[1] == "0" and status["State"][0] != "Z":
                    seen += 1
                    done = subprocess.run(["python3", "-c", attempts, str(launch.pid)], user=user.uid, group=user.gid, extra_groups=[], capture_output=True, text=True)
                    self.assertEqual((done.stdout, done.stderr), ("", ""))
            except FileNotFoundError:
                pass  # it had ended, and was waited for by the attempt to stop it
            finally:
                launch.send_signal(signal.SIGCONT)
                launch.communicate(timeout=60)
            self.assertEqual(launch.returncode, 0)
            if seen >= 5:
                return
        self.assertGreaterEqual(seen, 1, "no launch was caught while it held root")

    def test_I6_nobody_looks_into_a_child_while_it_gives_up_root(self):
        """fs.suid_dumpable=1 makes a process traceable when it changes its ids. Each change takes a while here, and user a,
        who has them all afterwards, tries all the time."""
        with open("/proc/sys/fs/suid_dumpable") as stream:
            before = stream.read()
        self.addCleanup(write_text, "/proc/sys/fs/suid_dumpable", before)
        write_text("/proc/sys/fs/suid_dumpable", "1")
        look = ("import os, select, sys\nprint('ready', flush=True)\nseen, read = set(), set()\n"
                "def is_launcher(pid): return open(f'/proc/{pid}/comm').read() == 'shifter\\n' and sys.argv[1] in open(f'/proc/{pid}/cmdline').read()\n"
                "while not select.select([0], [], [], 0.005)[0]:\n"
                "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
                "        try:\n"
                "            if not is_launcher(pid): continue\n"
                "            uids = next(line for line in open(f'/proc/{pid}/status') if line.startswith('Uid:')).split()[1:]\n"
                "            seen.add(' '.join(uids))\n"
                "            open(f'/proc/{pid}/mem', 'rb').close()\n"
                "            if is_launcher(pid): read.add(' '.join(uids))  # it has not become the command meanwhile\n"
                "        except OSError: pass\n"
                "print(sorted(read)); print(sorted(seen))\n")
        user = self.site.users["a"]
        ours = f"looked-at-{os.getpid()}"  # not those of other tests, one of which may run without set-id
        watcher = self.site.start("/usr/bin/python3", "-c", look, ours, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: watcher.poll() is None and (watcher.kill(), watcher.communicate()))
        self.assertEqual(watcher.stdout.readline(), "ready\n")
        for call in ("setresgid", "setresuid"):
            for when in (1, 2, 3):
                done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:delay_exit=200000:when={when}",
                                       "-u", user.name, self.site.program("shifter"), "--image=id:a1", "true", ours],
                                      cwd="/", capture_output=True, text=True, timeout=120)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        read, seen = watcher.communicate("end\n", timeout=60)[0].splitlines()
        self.assertEqual(read, "[]")
        self.assertIn(f"'{' '.join([str(user.uid)] * 4)}'", seen, "no process was seen after it had given up root")

    def test_I8_place_name_and_directory_of_the_program_have_no_say(self):
        home = self.site.users["a"].home
        os.mkdir(f"{home}/bin")
        for place in (home, f"{home}/bin"):
            with open(f"{place}/udiRoot.conf", "w") as out:
                out.write("nonsense\n")
        os.symlink(self.site.program("shifter"), f"{home}/bin/shifter")
        done = self.site.run(f"{home}/bin/shifter", "--image=id:a1", "cat", "/var/shifterConfig.json", cwd=home)
        self.assertEqual((done.returncode, '"identifier":"a1"' in done.stdout), (0, True), done.stderr)
        done = self.site.run("/bin/bash", "-c", f"exec -a {home}/bin/evil {self.site.program('shifter')} --image=id:a1 /nonexistent")
        self.assertEqual((done.returncode, done.stderr), (127, f"{home}/bin/evil: /nonexistent: No such file or directory\n"))


if __name__ == "__main__":
    unittest.main()
