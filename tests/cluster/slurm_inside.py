#!/usr/bin/env python3
"""Slurm's commands inside of containers, where the site shows them by a module: images of busybox, without any C library."""
import os
import subprocess
import unittest

from cluster_fixture import Cluster, wait_until
from published import publish
from site_fixture import PREFIX

TREE = f"{PREFIX}/sbin/shifter-slurm-tree"


class SlurmInside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.home = cls.site.users["a"].home
        publish(cls.site, "aaaa1", "one")
        cls.tree = f"{cls.site.dir}/slurm-tree"
        made = subprocess.run([TREE, cls.tree], env={**os.environ, **cls.cluster.environment}, capture_output=True, text=True)
        assert made.returncode == 0 and not made.stderr, made
        cls.site.write_config(made.stdout)

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def batch(self, script: str, *options: str) -> list[str]:
        done = self.cluster.finish(self.cluster.sbatch("#!/bin/sh\n" + script, "--chdir=/", "--image=id:aaaa1", *options))
        self.assertEqual(done.state, "COMPLETED", done.output)
        return done.output.splitlines()

    def test_a_job_asks_slurm_about_itself_from_its_container(self):
        lines = self.batch("srun --shifter-run sh -c 'squeue -h -j $SLURM_JOB_ID -o \"%i %u %T\"; sinfo -h -o %D; cat /data/name; "
                           "echo $SLURM_JOB_ID'\nshifter scontrol show job $SLURM_JOB_ID\n", "--module=slurm")
        job = lines[3]
        self.assertEqual(lines[:3], [f"{job} {self.site.users['a'].name} RUNNING", "2", "NAME=one"])
        self.assertIn(f"JobId={job} ", lines[4])

    def test_steps_and_jobs_begin_in_a_container_and_are_cancelled_from_there(self):
        inside = f"/home/{os.path.basename(self.home)}"
        with open(f"{self.home}/next", "w") as out:
            out.write("#!/bin/sh\nsrun --shifter-run cat /data/name\n")
        lines = self.batch("srun -N1 -n1 --overlap shifter srun -N1 -n1 --overlap --shifter-run cat /data/name\n"
                           f"shifter sbatch --parsable --output={self.home}/next.out {inside}/next\n"
                           "held=$(shifter sbatch --parsable --hold --wrap=true)\nshifter scancel $held\n"
                           "shifter scontrol show job $held | grep -o JobState=[A-Z]*\n", "--module=slurm")
        self.assertEqual((lines[0], lines[2]), ("NAME=one", "JobState=CANCELLED"))
        wait_until(lambda: not self.cluster.control("squeue", "-h"), "the end of the job that the job began")
        self.assertEqual(self.cluster.output(f"{self.home}/next.out"), "NAME=one\n")

    def test_without_the_module_there_is_nothing_of_slurm(self):
        self.assertEqual(self.batch("shifter squeue 2>&1; echo $?; shifter ls /run/munge /opt/udiImage >/dev/null 2>&1 || echo none\n")[1:],
                         ["127", "none"])

    def test_the_tree_is_made_once_and_refused_in_words(self):
        for words, why in (([], "an absolute path"), (["here"], "an absolute path"), ([self.tree], "is there already")):
            done = subprocess.run([TREE, *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))
            self.assertIn(why, done.stderr)
        self.assertEqual(sorted(os.listdir(self.tree)), ["bin", "lib"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
