#!/usr/bin/env python3
"""What docs/how-to/slurm.md shows to users, on a cluster: its scripts with images of this site, and what it says that they print."""
import os
import subprocess
import unittest

from cluster_fixture import PLUGIN, WAITING, Cluster, wait_until
from manual_blocks import CLUSTER, ManualTest, commands, of_page, printed
from published import publish
from site_fixture import HOMES, PREFIX, SYSCONFDIR

PAGE = "how-to/slurm.md"


class Manual(ManualTest, unittest.TestCase):
    PROGRAM = CLUSTER

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False, config=f"siteFs={HOMES}:{HOMES}\n")
        cls.addClassCleanup(cls.cluster.close)
        cls.home = cls.cluster.site.users["a"].home
        publish(cls.cluster.site, "aaaa1", "one")
        publish(cls.cluster.site, "aaaa2", "two")

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def here(self, text: str, words: dict[str, str] | None = None) -> str:
        """With the images that there are; each word must be there to be replaced."""
        for old, new in (words or {"docker:debian:12": "id:aaaa1"}).items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    @of_page(PAGE, "#SBATCH --image=docker:debian:12", "#SBATCH --image=docker:debian:12 #2")
    def test_the_batch_scripts(self, with_shifter, without):
        for script, lines in ((with_shifter, 4), (without, 3)):
            done = self.cluster.finish(self.cluster.sbatch(self.here(script), "--chdir=/"))
            self.assertEqual((done.state, done.output), ("COMPLETED", "NAME=one\n" * lines))

    @of_page(PAGE, "#SBATCH -n1 --image=docker:org/solver:2")
    def test_a_heterogeneous_job(self, script):
        with open(f"{self.home}/start", "w") as out:
            out.write("#!/bin/sh\ncat /data/name\n")
        os.chmod(f"{self.home}/start", 0o755)
        job = self.cluster.sbatch(self.here(script, {"docker:org/solver:2": "id:aaaa1", "docker:org/viewer:1": "id:aaaa2"}), f"--chdir={self.home}")
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the job")
        said = WAITING.sub("", self.cluster.output(f"{self.home}/job-{job}.out"))
        self.assertEqual(sorted(said.splitlines()), ["NAME=one"] + ["NAME=two"] * 4)

    @of_page(PAGE, "shifter-sshd-tree /opt/shifter/udiImage", "optUdiImage = /opt/shifter/udiImage", "$ salloc -N2 --image=docker:debian:12")
    def test_ssh_into_a_job(self, make, config, dialogue):
        tree = f"{self.cluster.site.dir}/udiImage"
        subprocess.run(["/bin/sh", "-ec", self.here(make, {"/opt/shifter/udiImage": tree})], check=True, capture_output=True,
                       env={"PATH": f"{PREFIX}/sbin:/usr/sbin:/usr/bin:/sbin:/bin"})
        self.addCleanup(self.cluster.site.write_config, f"siteFs={HOMES}:{HOMES}\n")
        self.cluster.site.write_config(f"siteFs={HOMES}:{HOMES}\n" + self.here(config, {"= /opt/shifter/udiImage": f"= {tree}"}))
        # The nodes share a network here, so each has an address of its own to listen on.
        with open("/etc/hosts") as hosts, open(f"{self.cluster.dir}/etc/hosts", "w") as out:
            out.write(hosts.read() + "127.0.1.1 n1\n127.0.1.2 n2\n")
        self.addCleanup(self.cluster.write_plugstack,
                        self.cluster.write_plugstack(f"required {PLUGIN} enable_sshd=1 sshd_port=22000-22999 sshd_address=%n"))
        salloc, *typed = commands(self.here(dialogue))
        self.assertEqual(len(typed), 2)
        # In salloc's shell, which does not share its input with what is typed here.
        done = self.cluster.run("/bin/sh", "-c", f"exec {salloc} sh -ec \"$TYPED\"", cwd="/",
                                env={"TYPED": "\n".join(f"{line} </dev/null" for line in typed)})
        self.assertEqual(done.returncode, 0, done.stderr)
        user = self.cluster.site.users["a"]
        host, release, *ids = done.stdout.splitlines()
        self.assertEqual((host, release), ("n2", "NAME=one"))
        self.assertEqual([line.startswith(f"uid={user.uid}") for line in ids], [True, True], done.stdout)

    @of_page(PAGE, "shifter-slurm-tree /opt/shifter/slurm", "module_slurm_copyPath = /opt/shifter/slurm", "#SBATCH --image=docker:debian:12 #3")
    def test_slurm_in_containers(self, make, lines, script):
        tree = f"{self.cluster.site.dir}/slurm"
        done = subprocess.run(["/bin/sh", "-ec", self.here(make, {"/opt/shifter/slurm": tree})], check=True, capture_output=True, text=True,
                              env={**self.cluster.environment, "PATH": f"{PREFIX}/sbin:/usr/sbin:/usr/bin:/sbin:/bin"})
        # What is printed here is what the page says, but for the places.
        places = {"/opt/shifter/slurm": tree, "/etc/slurm": f"{self.cluster.dir}/etc", "/usr/lib/shifter": f"{PREFIX}/lib/shifter",
                  "/etc/shifter": SYSCONFDIR}
        self.assertEqual(done.stdout.strip(), self.here(lines, places).strip())
        self.addCleanup(self.cluster.site.write_config, f"siteFs={HOMES}:{HOMES}\n")
        self.cluster.site.write_config(f"siteFs={HOMES}:{HOMES}\n" + done.stdout)
        done = self.cluster.finish(self.cluster.sbatch("#!/bin/sh\n" + self.here(script), "--chdir=/"))
        self.assertEqual((done.state, done.output), ("COMPLETED", "RUNNING\n"))

    @of_page(PAGE, "JOB  USER   IMAGE      ID            SINCE                 P")
    def test_what_runs(self, table):
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun shifter sh -c 'echo >{self.home}/runs; sleep 60'\n", "--image=id:aaaa1", "--chdir=/")
        wait_until(lambda: os.path.exists(f"{self.home}/runs"), "the container runs")
        head, row = self.cluster.run(f"{PREFIX}/bin/shifter", "ps", f"--job={job}").stdout.splitlines()
        shown, example = table.splitlines()
        self.assertEqual(head.split(), shown.split())
        self.assertEqual(row.split()[:2], [job, self.cluster.site.users["a"].name])
        self.assertEqual(len(row.split()[:5]), len(example.split()[:5]))
        self.assertRegex(row, r" \d+: .*sleep")
        self.cluster.control("scancel", job)
        self.cluster.finish(job)

    @of_page(PAGE, "$ sbatch --image=id:zzz job.sh", "$ srun --image=id:cccc9 --shifter-run cat /etc/os-release")
    def test_what_users_are_told(self, submission, step):
        with open(f"{self.home}/job.sh", "w") as out:
            out.write("#!/bin/sh\n")
        for dialogue, status in ((submission, 255), (step, 1)):
            command, = commands(dialogue)
            done = self.cluster.run("/bin/sh", "-c", command)
            self.assertEqual(done.returncode, status)
            for line in printed(dialogue).splitlines():  # among what Slurm adds when a task goes early
                self.assertIn(line, done.stderr.replace("n2", "n1").splitlines())


if __name__ == "__main__":
    unittest.main(verbosity=2)
