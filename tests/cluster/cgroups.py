#!/usr/bin/env python3
"""Jobs that Slurm tracks by cgroups (proctrack/cgroup): ssh into them and what tasks leave behind are the job's, and end with it."""
import os
import re
import unittest

from cluster_fixture import Cluster, wait_until
from ssh_jobs import NAMESPACE, SshJobs, command_line

HIERARCHY = "/sys/fs/cgroup/freezer"


def why_not() -> str:
    """Slurm's cgroup/v2 refuses a machine that has hierarchies of both kinds, and one of v2 alone where systemd gave it no scope."""
    probe = f"{HIERARCHY}/shifter-probe-{os.getpid()}"
    try:
        os.mkdir(probe)
        os.rmdir(probe)
    except OSError as error:
        return f"proctrack/cgroup cannot track by {HIERARCHY} here: {error.strerror}"
    return ""


class TrackingCluster(Cluster):
    def _write_conf(self, more: str) -> None:
        super()._write_conf(more)
        with open(f"{self.dir}/etc/cgroup.conf", "w") as out:
            out.write("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nCgroupMountpoint=/sys/fs/cgroup\n")
        with open(self.conf) as stream:
            text = stream.read()
        with open(self.conf, "w") as out:
            out.write(text.replace("proctrack/linuxproc", "proctrack/cgroup"))

    def _stop(self) -> None:
        super()._stop()
        for node in self.node_names:  # which slurmd leaves there
            for folder, _, _ in os.walk(f"{HIERARCHY}/slurm_{node}", topdown=False):
                os.rmdir(folder)


def place(pid: int) -> str:
    """The cgroup of a process, with "/slurm_n1/uid_1000/job_7/step_0" in it."""
    with open(f"/proc/{pid}/cgroup") as stream:
        return re.search(r"(?m)^\d+:freezer:(.*)$", stream.read())[1]


REASON = why_not()


@unittest.skipIf(REASON, REASON)
class Cgroups(SshJobs):
    CLUSTER = TrackingCluster

    def tearDown(self):
        wait_until(lambda: not self.jobs_cgroups(), "no cgroup of a job is left")

    def jobs_cgroups(self) -> list[str]:
        return [folder for node in self.cluster.node_names for folder, _, _ in os.walk(f"{HIERARCHY}/slurm_{node}") if "/job_" in folder]

    def step(self, node: str, job: str, name: str) -> str:
        return f"/slurm_{node}/uid_{self.user.uid}/job_{job}/step_{name}"

    def test_r11_sshd_its_sessions_and_who_leaves_them_are_the_jobs_and_end_with_it(self):
        script = (f"shifter sh -c '{NAMESPACE} >{self.out_inside}'\n"
                  f"shifter ssh n2 '{NAMESPACE} >>{self.out_inside}; setsid sleep 1001 >/dev/null 2>&1 & exec sleep 1000'\n")
        job, namespaces = self.cluster.running(script, "-N2", lines=2)
        wait_until(lambda: self.sleepers("sleep 1000") and self.sleepers("sleep 1001"), "the session runs")
        [session], [escaped] = self.sleepers("sleep 1000"), self.sleepers("sleep 1001")
        daemons = {node: self.daemon(namespace) for node, namespace in zip(("n1", "n2"), namespaces)}
        for node, pid in [*daemons.items(), ("n2", session), ("n2", escaped)]:
            self.assertIn(self.step(node, job, "extern"), place(pid))
        self.end(job)
        wait_until(lambda: not self.sleepers("sleep 1000") + self.sleepers("sleep 1001"), "the session has ended")
        self.assertFalse([pid for pid in daemons.values() if "sshd" in command_line(pid)])

    def test_r11_what_a_task_leaves_behind_ends_with_its_step(self):
        job, [tracked] = self.cluster.running(f"srun shifter sh -c 'setsid sleep 1002 >/dev/null 2>&1 & cut -d: -f2- /proc/self/cgroup | "
                                      f"grep ^freezer >{self.out_inside}'\nshifter sleep 1003\n", "--nodelist=n1")
        self.assertIn(self.step("n1", job, "0"), tracked)
        wait_until(lambda: self.sleepers("sleep 1003"), "the step has ended")
        self.assertFalse(self.sleepers("sleep 1002"))
        self.end(job)

    def test_tasks_run_in_the_container_of_their_job(self):
        done = self.batch("srun -n4 --shifter-run cat /data/name\nshifter cat /data/name\n", "-N2", "-n4")
        self.assertEqual((done.state, done.output), ("COMPLETED", "NAME=one\n" * 5))


if __name__ == "__main__":
    unittest.main(verbosity=2)
