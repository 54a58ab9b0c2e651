#!/usr/bin/env python3
"""The whole way: an image pulled through a real gateway, found by the plugin at submission, run on the nodes."""
import unittest

from cluster_fixture import Cluster


class WithGateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.site.push("small", "org/small:1")
        cls.image = cls.site.image("org/small:1")
        cls.identifier = cls.site.pull("org/small:1")

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def test_sbatch_finds_the_image_of_a_tag_and_its_steps_run_in_it(self):
        job = self.cluster.sbatch("#!/bin/sh\nsrun -N2 shifter cat /etc/os-release\necho $SHIFTER_IMAGE\n",
                                  f"--image={self.image}", "--chdir=/", "-N2")
        done = self.cluster.finish(job)
        self.assertEqual(done.state, "COMPLETED", done.output)
        inside = self.site.run("shifter", f"--image=id:{self.identifier}", "cat", "/etc/os-release").stdout
        self.assertEqual(done.output, inside * 2 + f"{self.identifier}\n")

    def test_an_image_that_was_not_pulled_is_refused_at_submission(self):
        done = self.cluster.run("sbatch", f"--image={self.site.image('org/other:1')}", "--wrap=true")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr.splitlines()[0],
                         r"^sbatch: error: shifter: cannot use image docker:\S+/org/other:1: .")

    def test_a_job_needs_no_gateway_after_its_submission(self):
        home = self.site.users["a"].home
        runs, _ = self.cluster.running(f"shifter sh -c 'echo in' >{home}/out\nwhile [ ! -e {home}/gone ]; do sleep 0.1; done\n"
                                       f"srun shifter sh -c 'echo still'\nsrun --shifter-run --image={self.image} true\necho $?\n",
                                       f"--image={self.image}")
        job = self.cluster.sbatch("#!/bin/sh\nsrun shifter sh -c 'echo in'\n", f"--image={self.image}", "--chdir=/",
                                  "--hold")
        self.site.gateway.stop()
        self.addCleanup(self.site.start_gateway)
        self.cluster.control("scontrol", "release", job)
        self.assertEqual(self.cluster.finish(job).output, "in\n")
        with open(f"{home}/gone", "w"):
            pass
        still, *refused, status = self.cluster.finish(runs).output.splitlines()
        self.assertEqual((still, status), ("still", "1"))  # only a new image has to be asked for
        self.assertIn("srun: error: shifter: cannot use image ", refused[0])
        done = self.cluster.run("srun", f"--image={self.image}", "/bin/true")
        self.assertEqual(done.returncode, 1)
        self.assertIn("srun: error: shifter: cannot use image ", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
