#!/usr/bin/env python3
"""--image and its friends, as users type them: on three commands, in scripts, and refused."""
import unittest

from cluster_fixture import Cluster
from stand_in import StandIn

COMMANDS = {"sbatch": ["--wrap=true"], "srun": ["/bin/true"], "salloc": ["/bin/true"]}
SHOW = "env | grep -E '^(SLURM_SPANK_)?SHIFTER_(IMAGE|VOLUME|MODULE)' | sort"


class Submission(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=1, gateway=False, config="module_gpu_siteEnv=GPU=1\n")
        cls.addClassCleanup(cls.cluster.close)
        cls.gateway = StandIn(cls.cluster.site)
        cls.cluster.site.write_config(cls.gateway.config + "module_gpu_siteEnv=GPU=1\n")
        cls.gateway.know("docker:org/app:1", "aaaa1")
        cls.gateway.know("custom:own", "cccc1")

    def setUp(self):
        self.cluster.check()  # after the test before this one
        self.gateway.calls()

    def variables(self, text: str) -> dict[str, str]:
        return dict(line.split("=", 1) for line in text.splitlines() if "SHIFTER_" in line)

    def assert_fixed(self, text: str, **expected: str) -> None:
        """The job's variables are these, under both names."""
        found = self.variables(text)
        wanted = {f"{prefix}SHIFTER_{key}": value for key, value in expected.items() for prefix in ("", "SLURM_SPANK_")}
        self.assertEqual(found, wanted)

    def test_srun_gives_the_task_what_was_found_at_submission(self):
        done = self.cluster.run("srun", "--image=docker:org/app:1", "--module=gpu", "/bin/sh", "-c", SHOW)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_fixed(done.stdout, IMAGE="aaaa1", IMAGETYPE="id", IMAGEREQUEST="org/app:1", MODULE="gpu")
        self.assertEqual(self.gateway.calls(), ["lookup docker:org/app:1"])

    def test_sbatch_reads_its_script_and_repeated_volumes_add_up(self):
        job = self.cluster.sbatch("#!/bin/sh\n#SBATCH --image=org/app:1\n#SBATCH --volume=/a:/b --volume=/c:/d:ro\n"
                                  f"{SHOW}\nsrun /bin/sh -c \"{SHOW}\" >step\n")
        done = self.cluster.finish(job)
        self.assertEqual(done.state, "COMPLETED", done)
        step = self.cluster.output(f"{self.cluster.site.users['a'].home}/step")
        for text in (done.output, step):
            self.assert_fixed(text, IMAGE="aaaa1", IMAGETYPE="id", IMAGEREQUEST="org/app:1", VOLUME="/a:/b;/c:/d:ro")
        self.assertEqual(self.gateway.calls(), ["lookup docker:org/app:1"])

    def test_the_command_line_wins_over_the_script(self):
        job = self.cluster.sbatch(f"#!/bin/sh\n#SBATCH --image=not/there:9\n{SHOW}\n", "--image=custom:own")
        self.assert_fixed(self.cluster.finish(job).output, IMAGE="cccc1", IMAGETYPE="id", IMAGEREQUEST="own")
        self.assertEqual(self.gateway.calls(), ["lookup custom:own"])

    def test_salloc_gives_its_shell_and_the_steps_in_it_the_image(self):
        done = self.cluster.run("salloc", "--image=org/app:1", "/bin/sh", "-c", f"{SHOW}; srun /bin/sh -c \"{SHOW}\"")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 12)
        for half in (lines[:6], lines[6:]):
            self.assert_fixed("\n".join(half), IMAGE="aaaa1", IMAGETYPE="id", IMAGEREQUEST="org/app:1")
        self.assertEqual(self.gateway.calls(), ["lookup docker:org/app:1"])

    def test_what_a_command_is_told_wins_over_variables_that_are_around(self):
        around = {"SHIFTER_IMAGE": "old", "SHIFTER_IMAGETYPE": "docker", "SHIFTER_VOLUME": "/x:/y"}
        job = self.cluster.sbatch(f"#!/bin/sh\n{SHOW}\n", "--image=org/app:1", env=around)
        found = self.variables(self.cluster.finish(job).output)
        self.assertEqual([found[f"SHIFTER_{key}"] for key in ("IMAGE", "IMAGETYPE", "VOLUME")],
                         ["aaaa1", "id", "/x:/y"])

    def test_values_that_cannot_be_meant_are_refused_with_a_reason_and_255(self):
        for option, reason in (
                ("--image=", "--image needs a value, as in --image=VALUE"),
                ("--image=my app", 'cannot use image "my app": the character " " cannot stand in an image name'),
                ("--image=id:../x", 'cannot use image "id:../x": an image id has only the digits 0-9 and a-f, not "."'),
                ("--volume=/a:/etc",
                 'cannot use volume "/a:/etc": /etc is set by the site; choose another destination'),
                ("--shifter-run=maybe", '--shifter-run takes yes or no, not "maybe"'),
                ("--workdir=here", '--workdir needs an absolute path, not "here"'),
                ("--env=A", '--env needs NAME=VALUE, not "A"'),
                ("--module=cuda", 'cannot use --module: there is no module "cuda"'),
                ("--ccm", "--ccm is not offered here: this release has no cluster compatibility mode")):
            for command, rest in COMMANDS.items():
                with self.subTest(command=command, option=option):
                    done = self.cluster.run(command, option, *rest)
                    self.assertEqual((done.returncode, done.stdout), (255, ""))
                    ours, slurms = done.stderr.splitlines()  # Slurm adds its own: "Invalid --image argument: …"
                    self.assertTrue(ours.startswith(f"{command}: error: shifter: {reason}"), ours)
                    self.assertIn(f"Invalid --{option[2:].split('=')[0]} argument", slurms)
        done = self.cluster.run("srun", "--image", "-n1", "/bin/true")  # the next word is taken for the value
        self.assertEqual(done.returncode, 255)
        self.assertEqual(self.gateway.calls(), [])

    def test_what_is_wrong_with_all_options_together_stops_the_submission(self):
        # After init_post_opt Slurm's commands end with 1, whatever a plugin returns.
        for options, reason in (
                (["--image=not/there:9"],
                 "cannot use image docker:not/there:9: docker:not/there:9 is not known here; pull it first"),
                (["--volume=/a:/b"], "--volume needs an image: add --image=NAME"),
                (["--shifter-run"], "--shifter-run needs an image: add --image=NAME"),
                (["--workdir=/a"], "--workdir, --entrypoint and --env need an image: add --image=NAME")):
            for command, rest in COMMANDS.items():
                with self.subTest(command=command, options=options):
                    done = self.cluster.run(command, *options, *rest)
                    self.assertEqual((done.returncode, done.stdout), (1, ""))
                    self.assertEqual(done.stderr.splitlines()[0], f"{command}: error: shifter: {reason}")
        self.assertEqual(self.cluster.control("squeue", "-h"), "")

    def test_the_options_are_in_the_help_of_each_command(self):
        for command in COMMANDS:
            text = self.cluster.run(command, "--help").stdout
            for option in ("--image=[TYPE:]NAME", "--volume=FROM:TO[:FLAG];...", "--module=NAME,...", "--ccm",
                           "--mount=type=bind", "--shifter-run", "--workdir", "--entrypoint", "--env=NAME=VALUE"):
                self.assertIn(option, text)

    def test_jobs_without_an_image_have_no_variable_of_ours(self):
        done = self.cluster.run("srun", "/bin/sh", "-c", "env | grep -c SHIFTER_")
        self.assertEqual(done.stdout, "0\n")
        self.assertEqual(self.gateway.calls(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
