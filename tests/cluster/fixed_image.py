#!/usr/bin/env python3
"""The image of a job is found once, at submission; what happens to tag, gateway or job later changes nothing."""
import unittest

from cluster_fixture import Cluster, wait_until
from stand_in import StandIn

PRINT = "/bin/sh -c 'echo $SHIFTER_IMAGETYPE:$SHIFTER_IMAGE $SHIFTER_IMAGEREQUEST $SHIFTER_VOLUME'"


class FixedImage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False,
                              prolog="env | grep ^SPANK_SHIFTER_ | sort >{dir}/log/prolog-$SLURM_JOB_ID")
        cls.addClassCleanup(cls.cluster.close)
        cls.gateway = StandIn(cls.cluster.site)
        cls.cluster.site.write_config(cls.gateway.config)

    def setUp(self):
        self.cluster.check()  # after the test before this one
        self.gateway.know("docker:app:1", "aaaa1")
        self.gateway.know("docker:app:2", "aaaa2")
        self.gateway.calls()

    def lookups_are(self, *requests: str) -> None:
        self.assertEqual(self.gateway.calls(), [f"lookup docker:{request}" for request in requests])

    def held(self, *options: str) -> str:
        """A job that waits, with a script that prints its image in the batch step and in a step of two tasks."""
        return self.cluster.sbatch(f"#!/bin/sh\n{PRINT}\nsrun -N1 -n2 {PRINT}\n", "--hold", "-n2", *options)

    def test_a_queued_job_keeps_its_image_when_the_tag_moves_and_the_gateway_goes(self):
        job = self.held("--image=app:1")
        self.gateway.answer("docker:app:1", "echo 'shifterimg: no gateway answers' >&2; exit 1")
        self.cluster.control("scontrol", "release", job)
        self.assertEqual(self.cluster.finish(job).output, "id:aaaa1 app:1\n" * 3)
        self.lookups_are("app:1")

    def test_a_requeued_job_keeps_its_image(self):
        home = self.cluster.site.users["a"].home
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun -n1 {PRINT} >>requeued\n"
                                  "[ $SLURM_RESTART_COUNT ] || { echo >waits; sleep 60; }\n",
                                  "--image=app:1", "--requeue")
        wait_until(lambda: self.cluster.output(f"{home}/waits"), "the first run")
        self.gateway.know("docker:app:1", "dddd9")
        self.cluster.control("scontrol", "requeue", job)
        self.cluster.begin_again(job)
        done = self.cluster.finish(job)
        self.assertEqual(done.state, "COMPLETED", done)
        self.assertEqual(self.cluster.output(f"{home}/requeued"), "id:aaaa1 app:1\n" * 2)
        self.lookups_are("app:1")

    def test_what_scontrol_update_changes_is_the_job_and_never_its_image(self):
        job = self.held("--image=app:1")
        changed = self.cluster.run("scontrol", "update", f"JobId={job}", "Comment=shifter id:aaaa2", "TimeLimit=5", "JobName=other")
        self.assertEqual((changed.returncode, changed.stderr), (0, ""))
        refused = self.cluster.run("scontrol", "update", f"JobId={job}", "image=app:2")  # Slurm knows no such field
        self.assertNotEqual(refused.returncode, 0)
        self.cluster.control("scontrol", "release", job)
        done = self.cluster.finish(job)
        self.assertEqual((done.state, done.output), ("COMPLETED", "id:aaaa1 app:1\n" * 3))
        self.assertEqual(self.cluster.fields(job)["JobName"], "other")
        self.lookups_are("app:1")

    def test_the_elements_of_an_array_share_one_lookup(self):
        home = self.cluster.site.users["a"].home
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun {PRINT}\n", "--array=1-3", "--image=app:1")
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the array")
        self.assertEqual([self.cluster.output(f"{home}/job-{job}_{element}.out") for element in (1, 2, 3)],
                         ["id:aaaa1 app:1\n"] * 3)
        self.lookups_are("app:1")

    def test_a_step_with_an_image_of_its_own_has_it_and_the_next_one_the_jobs(self):
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun {PRINT}\nsrun --image=app:2 {PRINT}\nsrun {PRINT}\n"
                                  f"srun --volume=/c:/d {PRINT}\n", "--image=app:1", "--volume=/a:/b")
        self.assertEqual(self.cluster.finish(job).output, "".join(
            f"id:{line}\n"
            for line in ("aaaa1 app:1 /a:/b", "aaaa2 app:2 /a:/b", "aaaa1 app:1 /a:/b", "aaaa1 app:1 /c:/d")))
        self.lookups_are("app:1", "app:2")

    def test_a_step_of_a_job_without_an_image_may_have_one(self):
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun --image=app:2 {PRINT}\nsrun {PRINT}\n")
        self.assertEqual(self.cluster.finish(job).output, "id:aaaa2 app:2\n:\n")

    def test_a_variable_that_the_script_sets_wins_over_what_a_step_only_inherits(self):
        job = self.cluster.sbatch("#!/bin/sh\n"
                                  "export SHIFTER_IMAGETYPE=docker SHIFTER_IMAGE=mine SHIFTER_IMAGEREQUEST=mine\n"
                                  f"srun {PRINT}\nsrun --image=app:2 {PRINT}\n", "--image=app:1")
        self.assertEqual(self.cluster.finish(job).output, "docker:mine mine\nid:aaaa2 app:2\n")

    def test_export_none_keeps_the_image(self):
        job = self.cluster.sbatch(f"#!/bin/sh\n{PRINT}\nsrun {PRINT}\nsrun --export=NONE --image=app:2 {PRINT}\n",
                                  "--export=NONE", "--image=app:1", "--volume=/a:/b")
        self.assertEqual(self.cluster.finish(job).output,
                         "id:aaaa1 app:1 /a:/b\nid:aaaa1 app:1 /a:/b\nid:aaaa2 app:2 /a:/b\n")
        done = self.cluster.run("srun", "--export=NONE", "--image=app:1", "/bin/sh", "-c", "echo $SHIFTER_IMAGE")
        self.assertEqual((done.stdout, done.stderr), ("aaaa1\n", ""))
        self.lookups_are("app:1", "app:2", "app:1")

    def test_prolog_scripts_and_the_options_of_later_steps_see_the_identifier(self):
        job = self.cluster.sbatch("#!/bin/sh\nenv | grep OPTION_shifter | sort\n", "--image=app:1", "--volume=/a:/b",
                                  "--volume=/c:/d")
        self.assertEqual(self.cluster.finish(job).output,
                         "SLURM_SPANK__SLURM_SPANK_OPTION_shifter_image=id:aaaa1\n"
                         "SLURM_SPANK__SLURM_SPANK_OPTION_shifter_volume=/a:/b;/c:/d\n")
        self.assertEqual(self.cluster.output(f"{self.cluster.dir}/log/prolog-{job}"),
                         "SPANK_SHIFTER_IMAGE=aaaa1\nSPANK_SHIFTER_IMAGEREQUEST=app:1\nSPANK_SHIFTER_IMAGETYPE=id\n"
                         "SPANK_SHIFTER_VOLUME=/a:/b;/c:/d\n")

    def test_the_components_of_a_heterogeneous_job_have_one_image_or_each_its_own(self):
        shell = ["/bin/sh", "-c", "echo $SHIFTER_IMAGE"]
        done = self.cluster.run("srun", "--image=app:1", *shell, ":", *shell)
        self.assertEqual(done.stdout, "aaaa1\naaaa1\n", done.stderr)
        done = self.cluster.run("srun", "--image=app:1", *shell, ":", "--image=app:1", *shell)
        self.assertEqual(done.stdout, "aaaa1\naaaa1\n", done.stderr)
        self.lookups_are("app:1", "app:1")
        done = self.cluster.run("srun", "--image=app:1", *shell, ":", "--image=app:2", *shell)
        self.assertEqual(sorted(done.stdout.splitlines()), ["aaaa1", "aaaa2"], done.stderr)
        self.lookups_are("app:1", "app:2")

    def test_a_heterogeneous_batch_job_has_the_image_in_both_components(self):
        self.cluster.sbatch("#!/bin/sh\n#SBATCH -n1 --image=app:1\n#SBATCH hetjob\n#SBATCH -n1\n"
                            f"srun --het-group=0,1 {PRINT} >het\n")
        home = self.cluster.site.users["a"].home
        wait_until(lambda: self.cluster.output(f"{home}/het").count("\n") == 2, "both components")
        wait_until(lambda: not self.cluster.control("squeue", "-h"), "the end of the job")
        self.assertEqual(self.cluster.output(f"{home}/het"), "id:aaaa1 app:1\n" * 2)
        self.lookups_are("app:1")

    def test_what_shifterimg_remarks_is_shown_and_the_job_goes_on(self):
        self.gateway.answer("docker:app:1", "echo 'shifterimg: the second gateway answered' >&2; echo aaaa1")
        done = self.cluster.run("srun", "--image=app:1", "/bin/true")
        self.assertEqual((done.returncode, done.stderr), (0, "srun: shifter: the second gateway answered\n"))

    def test_a_gateway_that_does_not_answer_ends_the_submission_in_time(self):
        self.cluster.site.write_config(self.gateway.config + "gatewayTimeout=1\n")
        self.addCleanup(self.cluster.site.write_config, self.gateway.config)
        self.gateway.answer("docker:app:1", "exec sleep 60")
        done = self.cluster.run("srun", "--image=app:1", "/bin/true", timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot use image docker:app:1: ", done.stderr)
        self.assertIn("/bin/shifterimg did not answer within 6 s", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
