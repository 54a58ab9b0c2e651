"""Jobs with an sshd in their container, for the tests of ssh into jobs."""
import os
import subprocess
import unittest

from cluster_fixture import PLUGIN, Cluster, wait_until
from published import publish
from site_fixture import PREFIX

NAMESPACE = "readlink /proc/self/ns/mnt"
TREE = f"{PREFIX}/sbin/shifter-sshd-tree"
PORTS = "21000-21999"


def command_line(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline") as stream:
            return stream.read().replace("\0", " ").strip()
    except OSError:
        return ""


class SshJobs(unittest.TestCase):
    CLUSTER = Cluster  # or a class that is one, with another configuration

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.CLUSTER(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.user, cls.other = cls.site.users["a"], cls.site.users["b"]
        # The nodes share a network here, so each has an address of its own to listen on.
        with open("/etc/hosts") as hosts, open(f"{cls.cluster.dir}/etc/hosts", "w") as out:
            out.write(hosts.read() + "127.0.1.1 n1\n127.0.1.2 n2\n")
        cls.tree = f"{cls.site.dir}/ssh-tree"
        subprocess.run([TREE, cls.tree], check=True, capture_output=True)
        publish(cls.site, "aaaa1", "one", "ENV: FROM_IMAGE=yes \"so\"\n")  # busybox alone: no C library is in it

    def setUp(self):
        self.cluster.check()  # after the test before this one
        self.addCleanup(self.cluster.cancel_jobs)
        self.site.write_config(f"optUdiImage={self.tree}\nsiteEnvAppend=PATH=/opt/udiImage/bin\n")
        self.plugin("enable_sshd=1")

    def plugin(self, arguments: str) -> None:
        self.cluster.write_plugstack(f"required {PLUGIN} {arguments} sshd_port={PORTS} sshd_address=%n")

    def batch(self, script: str, *options: str):
        return self.cluster.finish(self.cluster.sbatch("#!/bin/sh\n" + script, "--chdir=/", "--image=id:aaaa1", *options))

    @property
    def out_inside(self) -> str:
        return f"/home/{os.path.basename(self.user.home)}/out"

    def sleeping(self, *options: str) -> tuple[str, str]:
        """A job of one node with an sshd, and the namespace of its container."""
        job, [namespace] = self.cluster.running(f"srun shifter sh -c '{NAMESPACE} >{self.out_inside}; sleep 60'\n", *options)
        return job, namespace

    def daemon(self, namespace: str) -> int:
        found = [pid for pid in self.cluster.holders(namespace) if command_line(pid).startswith("sshd: /opt/udiImage/sbin/sshd")]
        self.assertEqual(len(found), 1, [command_line(pid) for pid in self.cluster.holders(namespace)])
        return found[0]

    def port(self, job: str) -> int:
        first, last = map(int, PORTS.split("-"))
        return first + int(job) % (last - first + 1)

    def end(self, job: str) -> None:
        self.cluster.control("scancel", job)
        self.cluster.finish(job)
        self.cluster.check()
        self.assertEqual(self.cluster.notes(), [])

    def sleepers(self, command: str) -> list[int]:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and command_line(int(name)) == command]
