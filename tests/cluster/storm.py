#!/usr/bin/env python3
"""Many jobs at once, ended at random; daemons killed at bad moments. Afterwards everything is as it was before.

usage: storm.py [--jobs N] [--seed N]   (default 40 jobs, of which `--jobs 200` is the long form; the seed is printed)
"""
import os
import random
import sys
import time
import unittest

from cluster_fixture import PLUGIN, Cluster, wait_until
from published import publish

JOBS = 40
SEED = int.from_bytes(os.urandom(3), "big")
IMAGES = ("aaaa1", "aaaa2", "aaaa3", "aaaa4", "aaaa5")
BODIES = ("srun -n2 shifter cat /data/name", "srun -n2 cat /data/name", "shifter cat /data/name",
          "srun shifter sleep 2", "srun -n2 sleep 2", "srun sh -c 'setsid sleep 100 </dev/null >/dev/null 2>&1 &'",
          "srun --image=id:aaaa5 --shifter-run cat /data/name", "srun --image=id:cccc9 --shifter-run cat /data/name",
          "srun shifter --volume=/nowhere:/mnt true")


class Storm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False, plugin_arguments="autorun")
        cls.addClassCleanup(cls.cluster.close)
        cls.home = cls.cluster.site.users["a"].home
        for number, image in enumerate(IMAGES):
            publish(cls.cluster.site, image, str(number))

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def assert_all_as_before(self) -> None:
        """No process, mount, loop device, note or drained node (I14, R11, R13)."""
        wait_until(lambda: not self.cluster.control("squeue", "-h"), "an empty queue", 60)
        self.cluster.check()

    def test_r11_r13_jobs_of_two_users_with_five_images_cancelled_and_requeued_at_random(self):
        random.seed(SEED)
        print(f"seed {SEED}, {JOBS} jobs", file=sys.stderr)
        jobs: list[str] = []
        for number in range(JOBS):
            job = self.cluster.sbatch("#!/bin/sh\n" + random.choice(BODIES) + "\n", f"--image=id:{random.choice(IMAGES)}",
                                      "--chdir=/", "-n2", f"-N{random.choice((1, 1, 2))}", "--requeue",
                                      user=random.choice("ab"))
            jobs.append(job)
            if number % 4 == 3:
                victim = random.choice(jobs)
                verb = random.choice((["scancel", victim], ["scancel", "--signal=KILL", "--full", victim],
                                      ["scontrol", "requeue", victim]))
                try:
                    self.cluster.control(*verb)
                except AssertionError:
                    pass  # it has ended already
        # A requeued job waits two minutes for its second run: it is told to begin.
        deadline = time.monotonic() + 120 + JOBS
        while self.cluster.control("squeue", "-h"):
            self.assertLess(time.monotonic(), deadline, self.cluster.control("squeue"))
            for job in self.cluster.control("squeue", "-h", "-t", "PD", "-o", "%A %r").splitlines():
                if "BeginTime" in job:
                    try:
                        self.cluster.control("scontrol", "update", f"JobId={job.split()[0]}", "StartTime=now")
                    except AssertionError:
                        pass
            time.sleep(0.2)
        self.assert_all_as_before()
        # And the next job is a job like the first.
        done = self.cluster.run("srun", "--image=id:aaaa1", "cat", "/data/name", cwd="/")
        self.assertEqual((done.returncode, done.stdout), (0, "NAME=0\n"), done.stderr)

    def test_r11_a_slurmd_that_is_killed_in_the_middle_of_the_prolog(self):
        for delay in (0.0, 0.02, 0.05):
            with self.subTest(delay=delay):
                job = self.cluster.sbatch("#!/bin/sh\nsrun cat /data/name\n", "--image=id:aaaa1", "--chdir=/", "--nodelist=n1",
                                          "--no-requeue")
                wait_until(lambda: self.cluster.fields(job)["JobState"] != "PENDING", "the job begins")
                time.sleep(delay)
                self.cluster.stop_slurmd("n1", kill=True)
                self.cluster.start_slurmd("n1")
                self.cluster.control("scancel", job)
                self.cluster.finish(job)
                self.assert_all_as_before()

    def test_r13_a_full_disk_on_the_node_fails_no_prolog(self):
        """Nothing can be noted in /run/shifter/jobs: jobs run all the same, each step with a root of its own."""
        for node in self.cluster.node_names:
            for words in (["mkdir", "-p", "/run/shifter/jobs"],
                          ["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1,mode=700", "full", "/run/shifter/jobs"]):
                self.assertEqual(os.spawnv(os.P_WAIT, "/usr/bin/nsenter", self.cluster.in_node(node, *words)), 0)
        try:
            done = self.cluster.run("srun", "-N2", "--image=id:aaaa1", "cat", "/data/name", cwd="/")
            self.assertEqual((done.returncode, done.stdout), (0, "NAME=0\n" * 2), done.stderr)
            done = self.cluster.run("srun", "-N2", "--image=id:aaaa1", "shifter", "cat", "/data/name", cwd="/")
            self.assertEqual((done.returncode, done.stdout), (0, "NAME=0\n" * 2), done.stderr)
            # And what it leaves behind is ended, though nothing was noted: setUp of the next test looks.
            done = self.cluster.run("srun", "--image=id:aaaa1", "sh", "-c", "setsid sleep 1000 </dev/null >/dev/null 2>&1 &", cwd="/")
            self.assertEqual(done.returncode, 0, done.stderr)
            wait_until(lambda: set(self.cluster.node_states().values()) == {"idle"}, "idle nodes")
        finally:
            for node in self.cluster.node_names:
                os.spawnv(os.P_WAIT, "/usr/bin/nsenter", self.cluster.in_node(node, "umount", "/run/shifter/jobs"))

    def test_a_job_that_waited_while_the_plugin_was_changed(self):
        """Submitted without autorun, run with it, and the other way round: the submission's word counts for its root."""
        for before, after, words in (("", "autorun", "NAME=0\n"), ("autorun", "", "")):
            with self.subTest(before=before):
                self.cluster.write_plugstack(f"required {PLUGIN} {before}")
                job = self.cluster.sbatch("#!/bin/sh\nsrun cat /data/name 2>/dev/null\ntrue\n", "--image=id:aaaa1",
                                          "--chdir=/", "--hold")
                self.cluster.write_plugstack(f"required {PLUGIN} {after}")
                self.cluster.control("scontrol", "release", job)
                self.assertEqual(self.cluster.finish(job).output, words)
        self.cluster.write_plugstack(f"required {PLUGIN} autorun")


if __name__ == "__main__":
    words = sys.argv[1:]
    while len(words) >= 2 and words[0] in ("--jobs", "--seed"):
        if words[0] == "--jobs":
            JOBS = int(words[1])
        else:
            SEED = int(words[1])
        words = words[2:]
    unittest.main(verbosity=2, argv=[sys.argv[0], *words])
