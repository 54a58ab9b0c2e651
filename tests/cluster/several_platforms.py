#!/usr/bin/env python3
"""A cluster whose nodes have two architectures: a job's image is found for both at its submission, and each node takes its own.
The first node's slurmd has the personality of an i686, as setarch(8) gives it: its uname(2) says so, and programs of 386 run."""
import os
import unittest

from cluster_fixture import WAITING, Cluster, wait_until
from manual_blocks import PLATFORMS, ManualTest, commands, of_page

IN_STEP = "/bin/sh -c 'echo $SHIFTER_IMAGE $SHIFTER_IMAGEREQUEST'"


class SeveralPlatforms(ManualTest, unittest.TestCase):
    PROGRAM = PLATFORMS

    @classmethod
    def setUpClass(cls):
        if os.uname().machine != "x86_64":
            raise unittest.SkipTest("needs an x86_64, which runs programs of linux/386 as well")
        cls.cluster = Cluster(nodes=2)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.site.write_gateway_config({
            "Platforms": {"tests": {"mungeSocketPath": "/run/munge/munge.socket.2", "accesstype": "local", "admins": ["root"],
                                    "platform": ["linux/amd64", "linux/386"], "local": {"imageDir": f"{cls.site.dir}/images"}}}})
        cls.site.gateway.stop()
        cls.site.start_gateway()
        cls.cluster.stop_slurmd("n1")
        cls.cluster.start_slurmd("n1", "/usr/bin/setarch", "i686")
        wait_until(lambda: "Arch=i686" in cls.cluster.control("scontrol", "show", "node", "n1"), "n1 says what it is")
        wait_until(lambda: set(cls.cluster.node_states().values()) == {"idle"}, "idle nodes")
        cls.images = {name: cls.pulled(name, *platforms) for name, platforms in {
            "org/both:1": ("linux/amd64", "linux/386"), "org/amd64:1": ("linux/amd64",), "org/386:1": ("linux/386",)}.items()}

    @classmethod
    def pulled(cls, name: str, *platforms: str) -> list[str]:
        """The identifiers of an image on those platforms."""
        cls.site.push("machines", name)
        found = []
        for platform in platforms:
            for verb in ("pull", "lookup"):
                done = cls.site.run("shifterimg", f"--platform={platform}", verb, cls.site.image(name))
                if done.returncode != 0:
                    raise AssertionError(f"{verb} {name}: {done.stderr}")
            found.append(done.stdout.strip())
        return found

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def job(self, name: str, script: str, *options: str):
        return self.cluster.finish(self.cluster.sbatch(f"#!/bin/sh\n{script}\n", f"--image={self.site.image(name)}", "--chdir=/",
                                                       *options))

    def test_each_node_of_a_step_runs_what_was_built_for_it(self):
        done = self.job("org/both:1", "srun --label -N2 shifter /bin/machine | sort\nsrun --label --shifter-run -N2 /bin/machine | sort\n"
                                      f"shifter /bin/machine\necho $SHIFTER_IMAGE\nsrun --label -N2 {IN_STEP} | sort", "-N2")
        amd64, i386 = self.images["org/both:1"]
        name = self.site.image("org/both:1").removeprefix("docker:")
        self.assertEqual((done.state, done.output.splitlines()),
                         ("COMPLETED", ["0: 386", "1: amd64", "0: 386", "1: amd64", "386", i386, f"0: {i386} {name}", f"1: {amd64} {name}"]),
                         done)

    def test_srun_and_salloc_give_each_node_its_own_as_well(self):
        image = f"--image={self.site.image('org/both:1')}"
        done = self.cluster.run("srun", image, "--label", "-N2", "shifter", "/bin/machine", cwd="/")
        self.assertEqual((done.returncode, sorted(done.stdout.splitlines())), (0, ["0: 386", "1: amd64"]), done.stderr)
        done = self.cluster.run("salloc", image, "-N2", "/bin/sh", "-c", "shifter /bin/machine; srun --label shifter /bin/machine | sort",
                                cwd="/")
        self.assertEqual((done.returncode, done.stdout.splitlines()), (0, ["amd64", "0: 386", "1: amd64"]), done.stderr)

    def test_a_job_goes_where_its_image_is_though_the_submit_host_could_not_run_it(self):
        done = self.job("org/386:1", "shifter /bin/machine\nsrun --shifter-run /bin/machine", "--nodelist=n1")
        self.assertEqual((done.state, done.output), ("COMPLETED", "386\n386\n"), done)

    def there_is_none(self, name: str = "org/amd64:1") -> str:
        """What is said of an image for amd64 on the first node."""
        name = self.site.image(name).removeprefix("docker:")
        return (f"the image {name} of this job is there for linux/amd64, and this node is linux/386; pull it for that one "
                f"(shifterimg --platform=linux/386 pull {name}), and submit the job again")

    def test_R13_a_node_without_an_image_says_so_in_the_jobs_output_and_is_well(self):
        sentence = self.there_is_none()
        done = self.job("org/amd64:1", "srun --shifter-run /bin/machine\necho $?\nshifter /bin/machine\necho $?", "--nodelist=n1")
        self.assertEqual(done.state, "COMPLETED", done)
        lines = done.output.splitlines()
        self.assertTrue(any(line.endswith(f"error: shifter: {sentence}") for line in lines), lines)
        self.assertEqual(lines[-2:], [f"shifter: {sentence}", "1"])
        self.assertEqual(set(self.cluster.node_states().values()), {"idle"})
        self.assertEqual(self.job("org/amd64:1", "shifter /bin/machine", "--nodelist=n2").output, "amd64\n")

    @of_page("how-to/slurm.md", "shifterimg pull org/app:1")
    def test_an_image_is_pulled_for_all_nodes_before_the_job(self, block):
        self.site.push("machines", "org/app:1")
        home = self.site.users["a"].home
        with open(f"{home}/job.sh", "w") as out:
            out.write("#!/bin/sh\n#SBATCH -N2 --chdir=/\nsrun --label shifter /bin/machine | sort\n")
        lines = "\n".join(commands(block))
        for said, meant in (("org/app:1", f"{self.site.registry}/org/app:1"), ("linux/arm64", "linux/386"),
                            ("job.sh", f"--output={home}/job-%j.out {home}/job.sh")):
            self.assertIn(said, lines)
            lines = lines.replace(said, meant)
        done = self.cluster.run("/bin/sh", "-ec", lines)
        self.assertEqual(done.returncode, 0, done.stderr)
        job = self.cluster.finish(done.stdout.split()[-1])
        self.assertEqual((job.state, job.output), ("COMPLETED", "0: 386\n1: amd64\n"), job)

    def test_components_of_a_heterogeneous_job_keep_images_of_their_own(self):
        # The second one's node is not what the submit host is: there the first one's image has another identifier.
        self.site.push("small", "org/small:1")
        own = self.site.pull("org/small:1")
        home = self.site.users["a"].home
        job = self.cluster.sbatch(f"#!/bin/sh\n#SBATCH -n1 --nodelist=n2 --chdir=/ --image={self.site.image('org/both:1')}\n#SBATCH hetjob\n"
                                  f"#SBATCH -n1 --nodelist=n1 --image=id:{own}\n"
                                  f"(srun --het-group=0 shifter /bin/machine; srun --het-group=1 shifter cat /etc/os-release) >{home}/het 2>&1\n")
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the job")
        inside = self.site.run("shifter", f"--image=id:{own}", "cat", "/etc/os-release")
        self.assertEqual((inside.returncode, WAITING.sub("", self.cluster.output(f"{home}/het"))), (0, f"amd64\n{inside.stdout}"))

    def test_R13_a_component_without_an_image_for_its_node_is_in_no_other_container(self):
        self.site.push("small", "org/small:2")
        self.site.pull("org/small:2")
        home = self.site.users["a"].home
        job = self.cluster.sbatch(f"#!/bin/sh\n#SBATCH -n1 --nodelist=n2 --chdir=/ --image={self.site.image('org/both:1')}\n#SBATCH hetjob\n"
                                  f"#SBATCH -n1 --nodelist=n1 --image={self.site.image('org/small:2')}\n"
                                  "(srun --het-group=0 shifter /bin/machine; srun --het-group=1 shifter /bin/machine; "
                                  f"srun --het-group=1 --shifter-run /bin/machine) >{home}/het-none 2>&1\n")
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the job")
        output = self.cluster.output(f"{home}/het-none")
        self.assertEqual(output.count(self.there_is_none("org/small:2")), 2, output)
        self.assertEqual([line for line in output.splitlines() if line in ("386", "amd64")], ["amd64"], output)

    def test_R13_a_step_from_outside_is_not_on_the_bare_node_where_the_job_has_no_image(self):
        job = self.cluster.sbatch(f"#!/bin/sh\n#SBATCH --nodelist=n1 --chdir=/ --shifter-run --image={self.site.image('org/amd64:1')}\nsleep 300\n")
        wait_until(lambda: self.cluster.control("squeue", "-h", "-t", "R", "-j", job), "the job runs")
        try:
            done = self.cluster.run("srun", "--overlap", f"--jobid={job}", "/bin/echo", "outside", cwd="/")
        finally:
            self.cluster.control("scancel", job)
            self.cluster.finish(job)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertIn(self.there_is_none(), done.stderr)

    def test_what_a_script_names_itself_stays_what_it_is(self):
        amd64, _ = self.images["org/both:1"]
        done = self.job("org/both:1", f"shifter --image=id:{amd64} /bin/machine\n"
                                      f"srun --image=id:{amd64} shifter /bin/machine\n"
                                      f"srun --image=id:{amd64} --shifter-run /bin/machine\n"
                                      f"SHIFTER_IMAGETYPE=id SHIFTER_IMAGE={amd64} shifter /bin/machine", "--nodelist=n1")
        # The last is one of the job's own images, and so that of the node.
        self.assertEqual(done.output, "amd64\namd64\namd64\n386\n", done)


if __name__ == "__main__":
    unittest.main(verbosity=2)
