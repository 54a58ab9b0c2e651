#!/usr/bin/env python3
"""The main job through the real plugin and the real shifter: an image of the site, run by srun and sbatch as users."""
import os
import subprocess
import unittest

from cluster_fixture import Cluster, loops, wait_until
from published import publish


class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        publish(cls.cluster.site, "aaaa1", "one", "ENV: FROM_IMAGE=yes\n")
        publish(cls.cluster.site, "aaaa2", "two")
        publish(cls.cluster.site, "bbbb1", "private", f"USERACL: {cls.cluster.site.users['a'].uid}\n")

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def srun(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        return self.cluster.run("srun", *arguments, cwd="/", **options)

    def sbatch(self, script: str, *options: str, **more):
        return self.cluster.finish(self.cluster.sbatch(script, "--chdir=/", *options, **more))

    def test_srun_with_an_image_runs_a_command_in_it_on_each_node(self):
        done = self.srun("--image=id:aaaa1", "-N2", "shifter", "sh", "-c",
                         "cat /etc/os-release; hostname; echo $FROM_IMAGE")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(done.stdout.split()), ["NAME=one", "NAME=one", "n1", "n2", "yes", "yes"])

    def test_a_batch_script_runs_its_steps_in_the_image_of_its_header(self):
        done = self.sbatch("#!/bin/sh\n#SBATCH --image=id:aaaa1\n#SBATCH --ntasks=3\n#SBATCH --volume=/data:/mnt\n"
                           "srun shifter cat /mnt/name\nshifter cat /etc/os-release\n")
        self.assertEqual((done.state, done.output), ("COMPLETED", "NAME=one\n" * 4))

    def test_a_step_may_have_another_image(self):
        done = self.sbatch("#!/bin/sh\nsrun shifter cat /etc/os-release\n"
                           "srun --image=id:aaaa2 shifter cat /etc/os-release\n"
                           "srun shifter --image=id:aaaa2 cat /etc/os-release\n", "--image=id:aaaa1")
        self.assertEqual(done.output, "NAME=one\nNAME=two\nNAME=two\n")

    def test_i1_the_task_is_the_user_and_nothing_more(self):
        user = self.cluster.site.users["a"]
        done = self.srun("--image=id:aaaa1", "shifter", "sh", "-c",
                         "id -u; id -g; id -G; grep -E '^Cap|^NoNew' /proc/self/status")
        uid, gid, groups, *rest = done.stdout.splitlines()
        self.assertEqual((int(uid), int(gid), sorted(map(int, groups.split()))), (user.uid, user.gid, user.groups))
        self.assertEqual(sorted(line.split()[1] for line in rest), ["0000000000000000"] * 5 + ["1"])

    def test_the_exit_status_of_the_command_is_that_of_the_step(self):
        self.assertEqual(self.srun("--image=id:aaaa1", "shifter", "sh", "-c", "exit 7").returncode, 7)

    def test_an_image_that_is_not_there_fails_the_job_with_one_line_and_drains_nothing(self):
        done = self.srun("--image=id:cccc9", "shifter", "true")
        self.assertEqual(done.returncode, 1)
        ours = [line for line in done.stderr.splitlines() if not line.startswith("srun: ")]
        self.assertEqual(len(ours), 1, done.stderr)
        self.assertRegex(ours[0], "^shifter: .*cccc9")
        self.cluster.check()

    def test_i33_a_private_image_is_there_for_its_users_alone(self):
        self.assertEqual(self.srun("--image=id:bbbb1", "shifter", "cat", "/data/name").stdout, "NAME=private\n")
        done = self.srun("--image=id:bbbb1", "shifter", "cat", "/data/name", user="b")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_two_users_on_one_node_at_once(self):
        script = "#!/bin/sh\nsrun shifter sh -c 'id -u; cat /data/name; sleep 1'\n"
        jobs = {user: self.cluster.sbatch(script, f"--image=id:{image}", "--chdir=/", "--nodelist=n1", user=user)
                for user, image in (("a", "aaaa1"), ("b", "aaaa2"))}
        for (user, job), name in zip(jobs.items(), ("one", "two")):
            self.assertEqual(self.cluster.finish(job).output, f"{self.cluster.site.users[user].uid}\nNAME={name}\n")

    def test_a_cancelled_job_leaves_no_mount_loop_device_or_process(self):
        flag = f"{self.cluster.site.dir}/home/shifter-test-a/inside"
        script = "#!/bin/sh\nsrun -N2 -n4 shifter sh -c 'touch /home/shifter-test-a/inside; sleep 60'\n"
        job = self.cluster.sbatch(script, "--image=id:aaaa1", "--chdir=/", "-N2", "-n4")
        wait_until(lambda: os.path.exists(flag), "the container runs")
        self.assertTrue(loops(self.cluster.site.dir))
        self.cluster.control("scancel", job)
        self.assertEqual(self.cluster.finish(job).state, "CANCELLED")
        self.cluster.check()

    def test_a_queued_job_runs_also_when_the_plugin_has_been_taken_out(self):
        job = self.cluster.sbatch("#!/bin/sh\nsrun shifter cat /data/name\n", "--image=id:aaaa1", "--chdir=/", "--hold")
        before = self.cluster.write_plugstack("")
        self.addCleanup(self.cluster.write_plugstack, before)
        self.cluster.control("scontrol", "release", job)
        self.assertEqual(self.cluster.finish(job).output, "NAME=one\n")
        self.assertIn("unrecognized option", self.cluster.submit("#!/bin/sh\n#SBATCH --image=id:aaaa1\n").stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
