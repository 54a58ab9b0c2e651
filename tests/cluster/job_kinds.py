#!/usr/bin/env python3
"""Jobs of every kind that Slurm has, by sbatch as users write them: components with their own images, entry points, requeued
elements of an array, the list of a job's nodes, images that are gone at the start, clocks that are wrong."""
import glob
import os
import shutil
import subprocess
import unittest

from cluster_fixture import WAITING, Cluster, wait_until
from published import publish
from services import Service, munge_answers

WRONG_CLOCK = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
HOOK = "echo hook of $SHIFTER_IMAGE\n"


def wrong_clock(offset: str) -> list[str]:
    """The command line that executes what follows it with the time so far off; faketime(1) itself stays its parent."""
    return ["/usr/bin/env", f"LD_PRELOAD={WRONG_CLOCK[0]}", f"FAKETIME={offset}"]


class JobKinds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.home = cls.site.users["a"].home
        cls.home_inside = f"/home/{os.path.basename(cls.home)}"
        publish(cls.site, "aaaa1", "one", "ENTRY: ['sh', '-c', 'echo entered; \"$@\"', '--']\nCMD: ['cat', 'name']\n")
        publish(cls.site, "aaaa2", "two")
        for name, text in (("good", HOOK), ("bad", "exit 3\n")):
            with open(f"{cls.home}/{name}-hook", "w") as out:
                out.write(text)
        cls.site.write_config("".join(f"module_{name}_userhook={cls.home_inside}/{name}-hook\n" for name in ("good", "bad")))

    def setUp(self):
        self.cluster.check()  # after the test before this one: no node is drained, and nothing is left

    def batch(self, script: str, *options: str, state: str = "COMPLETED", **more) -> list[str]:
        done = self.cluster.finish(self.cluster.sbatch("#!/bin/sh\n" + script, "--chdir=/", *options, **more), **more)
        self.assertEqual(done.state, state, done.output)
        return done.output.splitlines()

    # The nodes of a job.

    def test_a_job_finds_its_nodes_and_processors_in_var_hostsfile(self):
        script = ("srun -N1 -n1 shifter cat /var/hostsfile\nsrun -N1 -n1 --shifter-run cat /var/hostsfile\n"
                  "srun -N1 -n1 --image=id:aaaa2 --shifter-run cat /var/hostsfile\n")
        self.assertEqual(self.batch(script, "--image=id:aaaa1", "-N2", "-n4", "--ntasks-per-node=2"), ["n1", "n1", "n2", "n2"] * 3)
        self.assertEqual(self.batch("srun shifter cat /var/hostsfile\n", "--image=id:aaaa1", "-n2", "--nodelist=n2"),
                         ["n2"] * 4)

    # Entry points and hooks of tasks without `shifter` in front.

    def test_an_entry_point_is_run_as_shifter_runs_it(self):
        script = ("srun --entrypoint cat /data/name\nsrun --entrypoint=env not_there\n"
                  "srun --entrypoint=echo a 'b  c'\nsrun cat /data/name\n")
        lines = self.batch(script, "--image=id:aaaa1", "--shifter-run")
        self.assertEqual(lines[:2], ["entered", "NAME=one"])
        self.assertTrue(any(line.startswith("env: ") and "not_there" in line for line in lines[2:-2]), lines)
        self.assertEqual(lines[-2:], ["a b  c", "NAME=one"])
        # For all steps of a job; the image's environment, a task prolog and MPI's variables are what they are without.
        prolog = f"{self.home}/prolog"
        with open(prolog, "w") as out:
            out.write("#!/bin/sh\necho export FROM_PROLOG=$SLURM_PROCID\n")
        os.chmod(prolog, 0o755)
        lines = self.batch(f"srun -n2 --task-prolog={self.home_inside}/prolog sh -c 'echo $FROM_PROLOG $SHIFTER_TASK_START'\n",
                           "--image=id:aaaa1", "--shifter-run", "--entrypoint", "-n2")
        self.assertEqual(sorted(lines), ["0", "1", "entered", "entered"])

    def test_an_entry_point_that_is_not_there_fails_that_step_with_one_line(self):
        lines = self.batch("srun --entrypoint=/not/there cat /data/name\necho $?\n", "--image=id:aaaa1", "--shifter-run")
        self.assertEqual([line for line in lines if "shifter: " in line], ["shifter: /not/there: No such file or directory"])
        self.assertEqual(lines[-1], "127")
        [line] = [line for line in self.batch("srun --entrypoint true\n", "--image=id:aaaa2", "--shifter-run", state="FAILED")
                  if "shifter: " in line]
        self.assertIn("the image has no entry point", line)
        done = self.cluster.run("srun", "--entrypoint=x", "/bin/true")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--workdir, --entrypoint and --env need an image: add --image=NAME", done.stderr)

    def test_i1_a_task_with_an_entry_point_has_no_privilege_and_no_descriptor_of_ours(self):
        script = "srun --entrypoint sh -c 'grep -E \"^Cap|^NoNew\" /proc/self/status; ls -l /proc/self/fd'\n"
        _, *lines = self.batch(script, "--image=id:aaaa1", "--shifter-run")
        self.assertEqual(sorted(line.split()[1] for line in lines[:6]), ["0" * 16] * 5 + ["1"])
        self.assertEqual([line for line in lines if "shifter-task" in line], [])

    def test_a_userhook_of_a_module_runs_before_the_command(self):
        self.assertEqual(self.batch("srun --entrypoint cat /data/name\n", "--image=id:aaaa1", "--shifter-run", "--module=good"),
                         ["hook of aaaa1", "entered", "NAME=one"])
        lines = self.batch("srun cat /data/name\n", "--image=id:aaaa1", "--shifter-run", "--module=bad", state="FAILED")
        self.assertEqual([line for line in lines if "shifter: " in line or "NAME" in line],
                         [f'shifter: the userhook "{self.home_inside}/bad-hook" of module "bad" ended with status 3'])

    # Heterogeneous jobs.

    def het(self, steps: str, *options: str) -> list[str]:
        job = self.cluster.sbatch("#!/bin/sh\n#SBATCH -n1 --image=id:aaaa1 --nodelist=n1\n#SBATCH hetjob\n"
                                  f"#SBATCH -n1 --image=id:aaaa2 --nodelist=n2\n{steps}", "--chdir=/", *options)
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the job")
        return WAITING.sub("", self.cluster.output(f"{self.home}/job-{job}.out")).splitlines()

    def test_the_components_of_a_batch_job_have_images_of_their_own(self):
        lines = self.het("srun --het-group=0,1 -l shifter cat /data/name\nsrun --het-group=1 shifter cat /data/name\n"
                         "srun --het-group=0 shifter cat /data/name\nshifter cat /data/name\n")
        self.assertEqual(sorted(lines[:2]) + lines[2:],
                         ["0: NAME=one", "1: NAME=two", "NAME=two", "NAME=one", "NAME=one"])
        lines = self.het("srun --het-group=0,1 -l --shifter-run cat /data/name\n"
                         "srun --het-group=1 --shifter-run sh -c 'echo $SHIFTER_IMAGE $SHIFTER_IMAGEREQUEST'\n")
        self.assertEqual(sorted(lines[:2]) + lines[2:], ["0: NAME=one", "1: NAME=two", "aaaa2 aaaa2"])

    def test_a_step_of_a_component_may_have_another_image_also_that_of_another_component(self):
        lines = self.het("srun --het-group=1 --image=id:aaaa1 shifter cat /data/name\n"
                         "srun --het-group=0 --image=id:aaaa2 shifter cat /data/name\n"
                         "srun --image=id:aaaa1 true : --image=id:aaaa2 true || :\n")
        self.assertEqual(lines[:2], ["NAME=one", "NAME=two"])
        self.assertIn("srun: error: shifter: the components of one srun in a job have one --image; begin a step for each image: "
                      "srun --het-group=N --image=NAME", lines)

    def test_the_components_of_srun_have_images_of_their_own(self):
        for words in (["shifter"], []):
            run = [] if words else ["--shifter-run"]
            done = self.cluster.run("srun", "-l", "--image=id:aaaa1", *run, *words, "cat", "/data/name", ":",
                                    "--image=id:aaaa2", *words, "cat", "/data/name", cwd="/")
            self.assertEqual(sorted(done.stdout.splitlines()), ["0: NAME=one", "1: NAME=two"], done.stderr)
        done = self.cluster.run("srun", "--image=id:aaaa1", "true", ":", "--image=id:aaaa2", "--volume=/data:/mnt", "true")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the components of a heterogeneous job differ in --image alone", done.stderr)

    # What happens to jobs in the queue.

    def test_an_element_of_an_array_that_is_requeued_has_the_image_again(self):
        script = (f"#!/bin/sh\nsrun shifter cat /data/name >>{self.home}/element-$SLURM_ARRAY_TASK_ID\n"
                  f"[ $SLURM_ARRAY_TASK_ID = 1 ] || [ $SLURM_RESTART_COUNT ] || {{ echo >{self.home}/waits; sleep 60; }}\n")
        job = self.cluster.sbatch(script, "--array=1-2", "--image=id:aaaa2", "--requeue", "--chdir=/")
        wait_until(lambda: self.cluster.output(f"{self.home}/waits"), "the second element waits")
        element = f"{job}_2"
        self.cluster.control("scontrol", "requeue", element)
        self.cluster.begin_again(element)
        wait_until(lambda: self.cluster.output(f"{self.home}/element-2").count("\n") == 2, "the second run")
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the array")
        self.assertEqual([self.cluster.output(f"{self.home}/element-{number}") for number in (1, 2)],
                         ["NAME=two\n", "NAME=two\n" * 2], self.cluster.output(f"{self.home}/job-{job}_2.out"))

    def test_r13_an_image_that_is_gone_at_the_start_fails_the_steps_that_want_it(self):
        publish(self.site, "aaaa8", "eight")
        job = self.cluster.sbatch("#!/bin/sh\nsrun -N2 shifter cat /data/name\necho status $?\nsrun echo outside\n",
                                  "--image=id:aaaa8", "--hold", "--chdir=/", "-N2")
        for ending in ("meta", "squashfs"):
            os.unlink(f"{self.site.dir}/images/aaaa8.{ending}")
        self.cluster.control("scontrol", "release", job)
        lines = self.cluster.finish(job).output.splitlines()
        ours = [line for line in lines if line.startswith("shifter: ")]
        self.assertEqual((len(ours), len(set(ours))), (2, 1), lines)
        self.assertIn("aaaa8", ours[0])
        self.assertEqual([line for line in lines if line.startswith(("status", "outside"))], ["status 1", "outside", "outside"])

    # Clocks.

    @unittest.skipUnless(WRONG_CLOCK, "needs Debian's faketime")
    def test_r10_r13_a_node_whose_clock_is_wrong_runs_containers_while_slurm_starts_jobs_there_and_is_not_drained(self):
        def restart(*through: str) -> None:
            self.cluster.stop_slurmd("n2")
            self.cluster.start_slurmd("n2", *through)
            self.cluster.check()
        self.addCleanup(restart)
        for offset in (90, -90):
            restart(*wrong_clock(f"{offset:+}s"))
            script = ("srun shifter sh -c 'cat /data/name; readlink /proc/self/ns/mnt'\n"
                      "srun --shifter-run sh -c 'cat /data/name; readlink /proc/self/ns/mnt'\n")
            lines = self.batch(script, "--image=id:aaaa1", "--nodelist=n2")
            self.assertEqual((lines[0], lines[1]), (lines[2], lines[3]))  # the job's one root, found by its notes
            self.assertEqual(lines[0], "NAME=one")
        # Two minutes are what Slurm bears; then the words are Slurm's, and the node is as it was.
        restart(*wrong_clock("+600s"))
        done = self.cluster.run("srun", "--image=id:aaaa1", "--nodelist=n2", "shifter", "true", cwd="/")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Job credential expired", done.stderr)
        self.cluster.check()

    @unittest.skipUnless(WRONG_CLOCK, "needs Debian's faketime")
    def test_r10_a_submission_where_the_clock_is_wrong_is_refused_with_the_reason(self):
        """MUNGE's credentials of a host whose clock is an hour off: one line says what to look at."""
        folder = f"{self.site.dir}/munge-wrong"
        os.mkdir(folder, 0o755)
        shutil.chown(folder, "munge", "munge")
        for offset, reason in (("-1h", "has expired"), ("+1h", "is from the future")):
            with self.subTest(offset):
                munged = Service(folder, "munged")
                munged.start([*wrong_clock(offset), "/usr/sbin/munged", "--foreground",
                              f"--key-file={self.site.dir}/munge/key", f"--socket={folder}/munge.socket.2",
                              f"--pid-file={folder}/pid", f"--log-file={folder}/log", f"--seed-file={folder}/seed"],
                             account="munge", dies_with_us=True)
                try:
                    munged.wait_for(lambda: munge_answers(f"{folder}/munge.socket.2"))
                    user = self.site.users["a"]
                    done = subprocess.run(
                        ["/usr/bin/unshare", "--mount", "/bin/sh", "-ec", f"mount --bind {folder} /run/munge; exec setpriv "
                         f"--reuid {user.uid} --regid {user.gid} --clear-groups sbatch --image=org/small:1 --wrap=true"],
                        env=self.cluster.environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
                finally:
                    munged.stop()
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                first = done.stderr.splitlines()[0]
                self.assertRegex(first, "^sbatch: error: shifter: cannot use image docker:org/small:1: ")
                self.assertIn(f"the MUNGE credential {reason}; do the clocks of this host and the gateway agree?", first)
        self.assertEqual(self.cluster.control("squeue", "-h"), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
