#!/usr/bin/env python3
"""ssh into a job's container: as its user alone, with keys of the job's own, by an sshd that dies with the job. Contract 5.9, 10.9."""
import os
import re
import unittest

from cluster_fixture import PLUGIN, wait_until
from ssh_jobs import NAMESPACE, SshJobs, command_line

# The account's home is elsewhere in the containers of these tests; and what srun hears on a busy machine as its job ends.
EXPECTED = re.compile(r"^(Could not chdir to home directory .*|srun: got SIGCONT)\n", re.MULTILINE)


class Ssh(SshJobs):
    def test_i1_ssh_to_another_node_lands_in_the_jobs_container_as_its_user_and_nothing_more(self):
        done = self.batch(
            f"srun -N2 -l shifter sh -c 'hostname; {NAMESPACE}'\necho --\n"
            "shifter ssh n2 'cat /etc/os-release; id -u; id -g; id -G; hostname; echo $FROM_IMAGE $SLURM_JOB_ID; "
            f"{NAMESPACE}; grep -E \"^Cap|^NoNew\" /proc/self/status'\n", "-N2", "--exclusive")
        self.assertEqual(done.state, "COMPLETED", done.output)
        before, after = EXPECTED.sub("", done.output).split("--\n")
        rank = re.search(r"(\d): n2", before)[1]
        release, uid, gid, groups, host, words, namespace, *status = after.splitlines()
        self.assertEqual((release, int(uid), int(gid), sorted(map(int, groups.split())), host, words),
                         ("NAME=one", self.user.uid, self.user.gid, self.user.groups, "n2", f'yes "so" {done.id}'))
        self.assertIn(f"{rank}: {namespace}\n", before)
        self.assertEqual(sorted(line.split()[1] for line in status), ["0000000000000000"] * 5 + ["1"])

    def test_ssh_works_from_a_task_in_the_container_in_both_directions_and_with_a_terminal(self):
        done = self.cluster.run("srun", "-N2", "--image=id:aaaa1", "--shifter-run", "sh", "-c",
                                "[ $SLURMD_NODENAME = n1 ] && other=n2 || other=n1; ssh $other hostname; ssh -tt $other 'tty >&2; exit 3' "
                                "</dev/null 2>/dev/null >/dev/null; echo $?; ssh -V 2>&1 | cut -c1-7", cwd="/")
        self.assertEqual((done.returncode, EXPECTED.sub("", done.stderr)), (0, ""))
        self.assertEqual(sorted(done.stdout.split()), ["3", "3", "OpenSSH", "OpenSSH", "n1", "n2"])

    def refused(self, job: str, login: str, key: str, user: str) -> None:
        done = self.cluster.run("ssh", "-F", "none", "-p", str(self.port(job)), "-i", key, "-o", "StrictHostKeyChecking=no",
                                "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", f"{login}@127.0.1.1", "id",
                                user=user)
        self.assertEqual((done.returncode, done.stdout), (255, ""))
        self.assertIn("Permission denied (publickey)", done.stderr)

    def test_i38_nobody_else_gets_in(self):
        job, namespace = self.sleeping("--nodelist=n1")
        key = f"{self.other.home}/key"
        self.cluster.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key, user="b")
        for login in (self.user.name, self.other.name, "root"):
            self.refused(job, login, key, "b")
        # With keys of his own job neither; and his container has its own.
        done = self.cluster.run("srun", "--nodelist=n1", "--image=id:aaaa1", "--shifter-run", "ssh", "-F", "none", "-p", str(self.port(job)),
                                "-i", "/etc/ssh/id_ed25519", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                                "-o", "LogLevel=ERROR", f"{self.user.name}@127.0.1.1", "id", user="b", cwd="/")
        self.assertEqual((done.returncode, done.stdout), (255, ""))
        self.assertIn("Permission denied (publickey)", done.stderr)
        # The user's own key of the outside is none of the job's.
        mine = f"{self.user.home}/key"
        self.cluster.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", mine)
        self.refused(job, self.user.name, mine, "a")
        self.end(job)

    def test_i36_a_jobs_keys_are_its_users_alone_and_gone_with_it(self):
        job, namespace = self.sleeping("--nodelist=n1")
        daemon = self.daemon(namespace)
        key = f"/proc/{daemon}/root/etc/ssh/id_ed25519"
        status = os.stat(key)
        self.assertEqual((status.st_uid, oct(status.st_mode & 0o7777)), (self.user.uid, "0o600"))
        with open(key) as stream:
            secret = stream.read()
        self.assertEqual(self.cluster.run("/bin/cat", key).stdout, secret)
        done = self.cluster.run("/bin/cat", key, user="b")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        # What travels with the job can be opened by root alone, and is in no variable of the job.
        [folder] = self.cluster.notes()
        with open(f"{folder}/ssh-keys") as stream:
            sealed = stream.read()
        for user in ("a", "b"):
            done = self.cluster.run("unmunge", user=user, input=sealed)
            self.assertEqual((done.returncode, done.stdout), (18, ""))  # EMUNGE_CRED_UNAUTHORIZED
        self.assertNotIn("SSH_KEYS", self.cluster.run("srun", "--overlap", f"--jobid={job}", "env", cwd="/").stdout)
        self.end(job)
        wait_until(lambda: not self.cluster.holders(namespace), "nothing is left in the root")
        for folder in (self.user.home, "/dev/shm"):
            self.assertFalse([name for name in os.listdir(folder) if "shifter" in name or name == ".ssh"], folder)
        # Another job has other keys.
        job, namespace = self.sleeping("--nodelist=n1")
        with open(f"/proc/{self.daemon(namespace)}/root/etc/ssh/id_ed25519") as stream:
            self.assertNotEqual(stream.read(), secret)
        self.end(job)

    def test_r11_whatever_ends_a_job_its_sshd_and_sessions_are_gone(self):
        # A session on n2, and in it a process that has left its session.
        script = (f"shifter sh -c '{NAMESPACE} >{self.out_inside}'\n"
                  f"shifter ssh n2 '{NAMESPACE} >>{self.out_inside}; setsid sleep 1001 >/dev/null 2>&1 & exec sleep 1000'\n")
        ends = {"scancel": lambda job: self.cluster.control("scancel", job),
                "time limit": self.reach_time_limit,
                "exit": lambda job: [os.kill(pid, 15) for pid in self.sleepers("sleep 1000")],
                "killed daemons of the extern step": self.kill_daemons}
        for name, end in ends.items():
            with self.subTest(name):
                job, namespaces = self.cluster.running(script, "-N2", lines=2)
                self.assertEqual(len(set(namespaces)), 2)
                wait_until(lambda: len(self.sleepers("sleep 1001")) == 1, "the session runs")
                daemons = [self.daemon(namespace) for namespace in namespaces]
                end(job)
                self.cluster.finish(job, seconds=60)  # slurmctld looks at time limits every half minute
                self.cluster.check()
                wait_until(lambda: not self.cluster.holders(namespaces[0]) + self.cluster.holders(namespaces[1]), "nothing is left in the root")
                self.assertFalse([pid for pid in daemons if "sshd" in command_line(pid)])

    def reach_time_limit(self, job: str) -> None:
        def is_reached() -> bool:
            try:
                return self.cluster.control("scontrol", "update", f"jobid={job}", "EndTime=now") == ""
            except AssertionError:  # in the second in which it began
                return False
        wait_until(is_reached, "the time limit")

    def kill_daemons(self, job: str) -> None:
        found = [int(name) for name in os.listdir("/proc")
                 if name.isdigit() and command_line(int(name)).startswith(f"slurmstepd: [{job}.extern]")]
        self.assertEqual(len(found), 2)
        children = []
        for pid in found:
            with open(f"/proc/{pid}/task/{pid}/children") as stream:
                children += map(int, stream.read().split())
        sshds = [pid for pid in children if "sshd" in command_line(pid)]
        self.assertEqual(len(sshds), 2)
        for pid in found:
            os.kill(pid, 9)
        wait_until(lambda: not [pid for pid in sshds if "sshd" in command_line(pid)], "sshd dies with its daemon")
        for pid in set(children) - set(sshds):
            os.kill(pid, 9)  # Slurm's own sleeper, which nobody ends when its step daemon is killed
        self.cluster.control("scancel", job)

    def test_h10_14_a_process_that_is_called_like_sshd_is_never_touched(self):
        fake = self.cluster.sbatch("#!/bin/bash\nexec -a /opt/udiImage/sbin/sshd sleep 600\n", "--chdir=/", "--nodelist=n1")
        wait_until(lambda: self.sleepers("/opt/udiImage/sbin/sshd 600"), "the impostor runs")
        [pid] = self.sleepers("/opt/udiImage/sbin/sshd 600")
        job, namespace = self.sleeping("--nodelist=n1")
        self.assertNotEqual(self.daemon(namespace), pid)
        self.cluster.control("scancel", job)
        self.cluster.finish(job)
        wait_until(lambda: not self.cluster.notes(), "the job is gone")
        self.assertEqual(self.sleepers("/opt/udiImage/sbin/sshd 600"), [pid])
        self.cluster.control("scancel", fake)
        self.cluster.finish(fake)

    def test_without_enable_sshd_nothing_of_it_exists(self):
        self.plugin("enable_sshd=0")
        job, namespace = self.sleeping("--nodelist=n1")
        self.assertFalse([pid for pid in self.cluster.holders(namespace) if "sshd" in command_line(pid)])
        self.assertEqual(os.listdir(f"/proc/{self.cluster.holders(namespace)[0]}/root/etc/ssh"), [])
        [folder] = self.cluster.notes()
        self.assertNotIn("ssh-keys", os.listdir(folder))
        self.end(job)

    def test_r13_what_is_missing_is_one_line_in_the_log_and_the_job_goes_on(self):
        empty = f"{self.site.dir}/empty-tree"
        os.makedirs(empty, exist_ok=True)
        for config, why in (("", "/opt/udiImage/sbin/sshd cannot be executed in the container"),
                            (f"optUdiImage={empty}\n", "/opt/udiImage/sbin/sshd cannot be executed in the container")):
            with self.subTest(config):
                self.site.write_config(config)
                before = len(self.cluster.node_log("n1"))
                done = self.batch("srun shifter cat /data/name\n", "--nodelist=n1")
                self.assertEqual((done.state, done.output), ("COMPLETED", "NAME=one\n"))
                lines = [line for line in self.cluster.node_log("n1")[before:].splitlines() if "no ssh into job" in line]
                self.assertEqual(len(lines), 1, lines)
                self.assertIn(f"no ssh into job {done.id} on this node: {why}", lines[0])
                self.assertEqual(set(self.cluster.node_states().values()), {"idle"})

    def test_a_port_that_is_taken_is_one_line_in_the_log_and_the_job_goes_on(self):
        first, _ = self.sleeping("--nodelist=n1")
        self.cluster.write_plugstack(f"required {PLUGIN} enable_sshd=1 sshd_port={self.port(first)} sshd_address=%n")
        before = len(self.cluster.node_log("n1"))
        done = self.batch("srun shifter cat /data/name\nshifter ssh n1 id 2>&1\n", "--nodelist=n1")
        self.assertEqual(done.state, "FAILED")
        self.assertIn(f"is port {self.port(first)} taken?", self.cluster.node_log("n1")[before:])
        self.assertIn("Host key verification failed", done.output)  # and never into another job
        self.end(first)


if __name__ == "__main__":
    unittest.main(verbosity=2)
