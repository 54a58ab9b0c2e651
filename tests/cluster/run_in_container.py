#!/usr/bin/env python3
"""Tasks that run in the container directly: srun --image=X --shifter-run COMMAND, and autorun in plugstack.conf."""
import json
import os
import subprocess
import unittest

from cluster_fixture import PLUGIN, Cluster, wait_until
from published import publish
from site_fixture import PREFIX

NAMESPACE = "readlink /proc/self/ns/mnt"


class RunInContainer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.home = cls.site.users["a"].home
        publish(cls.site, "aaaa1", "one", "ENV: FROM_IMAGE=yes\nWORKDIR: /data\nENTRY: ['sh', '-c', 'echo entered; \"$@\"', "
                "'--']\nCMD: ['cat', 'name']\n")
        publish(cls.site, "aaaa2", "two")
        publish(cls.site, "bbbb1", "private", f"USERACL: {cls.site.users['a'].uid}\n")

    def setUp(self):
        self.cluster.check()  # after the test before this one
        self.cluster.write_plugstack(f"required {PLUGIN}")

    def srun(self, *arguments: str, image: str = "id:aaaa1", **options):
        return self.cluster.run("srun", f"--image={image}", "--shifter-run", *arguments, **{"cwd": "/", **options})

    def batch(self, script: str, *options: str) -> list[str]:
        done = self.cluster.finish(self.cluster.sbatch("#!/bin/sh\n" + script, "--chdir=/", *options))
        self.assertEqual(done.state, "COMPLETED", done.output)
        return done.output.splitlines()

    def test_the_command_is_searched_in_the_container_and_has_its_environment(self):
        done = self.srun("-N2", "sh", "-c", "cat /etc/os-release; echo $FROM_IMAGE $SHIFTER_RUNTIME $SHIFTER_IMAGE $PATH")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(sorted(done.stdout.splitlines()),
                         ["NAME=one"] * 2 + ["yes 1 aaaa1 /bin"] * 2)

    def test_variables_that_must_not_pass_do_not(self):
        done = self.srun("env", env={"LD_LIBRARY_PATH": "/x", "LOCPATH": "/y", "MINE": "z z=z"})
        names = dict(line.split("=", 1) for line in done.stdout.splitlines())
        self.assertEqual((names.get("LD_LIBRARY_PATH"), names.get("LOCPATH"), names.get("MINE")), (None, None, "z z=z"))

    def test_i1_i2_the_task_is_the_user_and_nothing_more(self):
        user = self.site.users["a"]
        done = self.srun("sh", "-c", "id -u; id -g; id -G; grep -E '^Cap|^NoNew|^Uid|^Gid' /proc/self/status; ls -l /proc/self/fd")
        uid, gid, groups, *rest = done.stdout.splitlines()
        self.assertEqual((int(uid), int(gid), sorted(map(int, groups.split()))), (user.uid, user.gid, user.groups))
        status = {line.split(":")[0]: line.split()[1:] for line in rest[:8]}
        self.assertEqual((status["Uid"], status["Gid"]), ([str(user.uid)] * 4, [str(user.gid)] * 4))
        self.assertEqual([status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")],
                         [["0000000000000000"]] * 5 + [["1"]])
        self.assertEqual([line for line in rest[8:] if "ns" in line.split("->")[-1] and "mnt:" in line], [])

    def test_all_steps_of_a_job_have_its_one_root_and_the_script_stays_outside(self):
        lines = self.batch(f"srun -n3 {NAMESPACE}\nsrun -n1 {NAMESPACE}\nsrun -n1 shifter {NAMESPACE}\n{NAMESPACE}\n"
                           f"srun -n1 --shifter-run=no {NAMESPACE}\n", "--image=id:aaaa1", "--shifter-run", "-n3")
        inside, outside = lines[:5], lines[5:]
        self.assertEqual((len(outside), len(set(inside)), len(set(outside))), (2, 1, 1), lines)
        self.assertNotEqual(inside[0], outside[0])

    def test_a_step_with_another_image_or_of_a_job_without_one(self):
        self.assertEqual(self.batch("srun -n1 --image=id:aaaa2 --shifter-run cat /data/name\n"
                                    "srun --image=id:aaaa1 --shifter-run -n2 cat /data/name\n", "-n2"),
                         ["NAME=two", "NAME=one", "NAME=one"])
        self.assertEqual(self.batch("srun cat /data/name\nsrun --image=id:aaaa2 cat /data/name\nsrun cat /data/name\n",
                                    "--image=id:aaaa1", "--shifter-run"), ["NAME=one", "NAME=two", "NAME=one"])

    def test_autorun_of_the_site_needs_no_option_and_leaves_plain_jobs_and_shifter_alone(self):
        self.cluster.write_plugstack(f"required {PLUGIN} autorun")
        self.assertEqual(self.cluster.run("srun", "--image=id:aaaa1", "cat", "/data/name", cwd="/").stdout, "NAME=one\n")
        self.assertEqual(self.cluster.run("srun", "/bin/echo", "plain").stdout, "plain\n")
        done = self.cluster.run("srun", "--image=id:aaaa1", "shifter", "cat", "/data/name", cwd="/")
        self.assertEqual((done.stdout, done.stderr), ("NAME=one\n", ""))
        done = self.cluster.run("srun", "--image=id:aaaa1", "--shifter-run=no", "/bin/ls", "/usr/bin/srun", cwd="/")
        self.assertEqual(done.stdout, "/usr/bin/srun\n", done.stderr)

    def test_a_step_from_outside_of_the_job_lands_in_its_container(self):
        flag = f"{self.home}/on"
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun sh -c '{NAMESPACE} >/home/{os.path.basename(self.home)}/on; sleep 60'\n",
                                  "--image=id:aaaa1", "--shifter-run", "--chdir=/")
        wait_until(lambda: self.cluster.output(flag).endswith("\n"), "the job runs")
        done = self.cluster.run("srun", "--overlap", f"--jobid={job}", "sh", "-c", f"cat /data/name; {NAMESPACE}", cwd="/")
        self.assertEqual((done.stdout.splitlines()[0], done.stdout.splitlines()[1]),
                         ("NAME=one", self.cluster.output(flag).strip()), done.stderr)
        typed = f"srun --overlap --jobid={job} --pty sh -c '[ -t 0 ] && [ -t 1 ] && echo a terminal; {NAMESPACE}'"
        done = self.cluster.run("/usr/bin/script", "--quiet", "--return", "--command", typed, "/dev/null", cwd="/")
        self.assertEqual(done.returncode, 0, done.stdout)
        for words in ("a terminal", self.cluster.output(flag).strip()):
            self.assertIn(words, done.stdout)
        self.cluster.control("scancel", job)
        self.cluster.finish(job)

    def test_export_none_a_heterogeneous_job_and_an_array(self):
        done = self.srun("--export=NONE", "cat", "/data/name")
        self.assertEqual((done.stdout, done.stderr), ("NAME=one\n", ""))
        done = self.cluster.run("srun", "--image=id:aaaa1", "--shifter-run", "cat", "/data/name", ":", "cat", "/data/name",
                                cwd="/")
        self.assertEqual(done.stdout, "NAME=one\n" * 2, done.stderr)
        job = self.cluster.sbatch("#!/bin/sh\nsrun cat /data/name\n", "--array=1-3", "--image=id:aaaa1", "--shifter-run",
                                  "--chdir=/")
        wait_until(lambda: not self.cluster.control("squeue", "-h", "-j", job), "the end of the array")
        self.assertEqual([self.cluster.output(f"{self.home}/job-{job}_{element}.out") for element in (1, 2, 3)],
                         ["NAME=one\n"] * 3)

    def test_the_directory_of_the_task(self):
        self.assertEqual(self.srun("pwd").stdout, "/\n")
        done = self.srun("pwd", cwd="/usr")  # the image has no such directory: Slurm's own rule and words
        self.assertEqual((done.returncode, done.stdout), (0, "/tmp\n"))
        self.assertIn("couldn't chdir to `/usr'", done.stderr)

    def test_workdir_and_env_as_shifter_has_them(self):
        self.assertEqual(self.srun("--workdir=/data", "cat", "name").stdout, "NAME=one\n")
        self.assertEqual(self.srun("--workdir", "cat", "name").stdout, "NAME=one\n")  # the image's own
        done = self.srun("--workdir=/nowhere", "pwd")
        self.assertEqual((done.returncode, done.stdout), (0, "/\n"))
        self.assertIn('shifter: cannot enter "/nowhere" in the container: No such file or directory', done.stderr)
        show = "echo $A-$B-$FROM_IMAGE"
        self.assertEqual(self.srun("--env=A=1 2;3", "--env=B=", "--env=FROM_IMAGE=no", "sh", "-c", show).stdout, "1 2;3--no\n")
        self.assertEqual(self.batch(f"srun sh -c '{show}; pwd'\nsrun --env=A=x --workdir=/ sh -c '{show}; pwd'\n",
                                    "--image=id:aaaa1", "--shifter-run", "--env=A=1", "--env=B=2", "--workdir=/data"),
                         ["1-2-yes", "/data", "x--yes", "/"])
        self.assertIn("--env needs NAME=VALUE", self.srun("--env=A", "pwd").stderr)

    def test_mount_is_a_volume_in_other_words(self):
        done = self.srun("--mount=type=bind,src=/data,dst=/mnt,ro", "--volume=/data:/other", "cat", "/mnt/name", "/other/name")
        self.assertEqual((done.stdout, done.stderr), ("NAME=one\n" * 2, ""))
        done = self.srun("--mount=type=volume,dst=/mnt", "pwd")
        self.assertEqual(done.returncode, 255)
        self.assertIn("cannot use --mount=type=volume,dst=/mnt: ", done.stderr)

    def test_exit_statuses_and_commands_that_are_not_there(self):
        self.assertEqual(self.srun("sh", "-c", "exit 7").returncode, 7)
        done = self.srun("srun")  # on the node, not in the image
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("srun", done.stderr)

    def test_shifter_ps_lists_what_runs_in_containers_for_those_who_may_see_it(self):
        inside = f"/home/{os.path.basename(self.home)}"
        job = self.cluster.sbatch(f"#!/bin/sh\nsrun -n2 sh -c 'echo on >>{inside}/ps; sleep 60'\n", "--image=id:aaaa1",
                                  "--shifter-run", "--chdir=/", "-n2")
        wait_until(lambda: self.cluster.output(f"{self.home}/ps").count("\n") == 2, "both tasks run")
        shifter = self.site.program("shifter")
        user = self.site.users["a"].name

        def listed(*words: str, **options) -> list[dict]:
            done = self.cluster.run(shifter, "ps", "--json", *words, **options)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            return json.loads(done.stdout)
        [container] = listed(f"--job={job}")
        self.assertEqual((container["job"], container["user"], container["id"]), (job, user, "aaaa1"))
        self.assertEqual(sorted(process["command"] for process in container["processes"]), ["sleep", "sleep"])
        self.assertEqual(listed("--job=999999"), [])
        self.assertEqual(listed(user="b"), [])  # nothing of others
        everything = json.loads(self.control_ps())
        self.assertIn(job, [found["job"] for found in everything])
        table = self.cluster.run(shifter, "ps").stdout.splitlines()
        self.assertTrue(any(line.split()[:2] == [job, user] for line in table[1:]), table)
        self.cluster.control("scancel", job)
        self.cluster.finish(job)
        # Where an image is selected, ps is the image's, as ever.
        done = self.cluster.run(shifter, "ps", env={"SHIFTER_IMAGE": "aaaa1", "SHIFTER_IMAGETYPE": "id"}, cwd="/")
        self.assertEqual((done.returncode, done.stdout), (127, ""))

    def control_ps(self) -> str:
        return subprocess.run([f"{PREFIX}/libexec/shifter/shifter-ps", "--json"], capture_output=True, text=True,
                              timeout=30, check=True).stdout

    def test_the_record_of_a_job_tells_its_image_where_the_site_wants_that(self):
        self.cluster.write_plugstack(f"required {PLUGIN} image_comment=admin_comment")
        done = self.cluster.run("srun", "-N2", "--image=id:aaaa1", "/bin/sh", "-c", "echo $SLURM_JOB_ID; sleep 0.5")
        job = done.stdout.split()[0]
        self.assertIn("AdminComment=shifter id:aaaa1", self.cluster.control("scontrol", "show", "job", job))
        done = self.cluster.run("srun", "/bin/sh", "-c", "echo $SLURM_JOB_ID")
        self.assertNotIn("shifter id:", self.cluster.control("scontrol", "show", "job", done.stdout.strip()))

    def test_r13_an_image_that_expires_before_the_start_fails_that_job_with_one_line(self):
        publish(self.site, "aaaa8", "eight")
        job = self.cluster.sbatch("#!/bin/sh\nsrun cat /data/name\n", "--image=id:aaaa8", "--shifter-run", "--hold",
                                  "--chdir=/")
        for ending in ("meta", "squashfs"):
            os.unlink(f"{self.site.dir}/images/aaaa8.{ending}")
        self.cluster.control("scontrol", "release", job)
        done = self.cluster.finish(job)
        self.assertEqual(done.state, "FAILED")
        self.assertEqual(len([line for line in done.output.splitlines() if "shifter: " in line and "aaaa8" in line]), 1)
        self.cluster.check()

    def assert_fails_alone(self, done, reason: str) -> None:
        """The job fails with one line of ours for each task, and its node stays as it was (R13)."""
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        ours = [line for line in done.stderr.splitlines() if "shifter: " in line]
        self.assertEqual(len(ours), 1, done.stderr)
        self.assertRegex(ours[0], reason)
        self.cluster.check()
        self.assertEqual(self.cluster.run("srun", "/bin/echo", "fine").stdout, "fine\n")

    def test_r13_an_image_that_is_gone_fails_that_job_with_one_line(self):
        self.assert_fails_alone(self.srun("cat", "/data/name", image="id:cccc9"), r"^slurmstepd-n\d: error: shifter: .*cccc9")

    def test_r13_a_wrong_volume_fails_that_job_with_one_line(self):
        self.assert_fails_alone(self.srun("--volume=/nowhere:/mnt", "cat", "/data/name"), "/nowhere")

    def test_r13_somebody_elses_private_image_fails_that_job_with_one_line(self):
        self.assertEqual(self.srun("cat", "/data/name", image="id:bbbb1").stdout, "NAME=private\n")
        self.assert_fails_alone(self.srun("cat", "/data/name", image="id:bbbb1", user="b"), "bbbb1")

    def test_r13_text_that_no_submission_saw_fails_that_job_alone(self):
        for text, reason in (("docker:app:1", "it was not looked up when the job was submitted"),
                             ("id:../../etc", "cannot use the image")):
            with self.subTest(text):
                job = self.cluster.sbatch("#!/bin/sh\nsrun /bin/echo ran\n", "--chdir=/", env={
                    "SLURM_SPANK_SHIFTER_IMAGE": text.split(":", 1)[1], "SLURM_SPANK_SHIFTER_IMAGETYPE": text.split(":")[0],
                    "SLURM_SPANK_SHIFTER_RUN": "yes"})
                done = self.cluster.finish(job)
                self.assertEqual(done.state, "FAILED")
                self.assertNotIn("ran", done.output)
                self.assertIn(reason, done.output)
                self.cluster.check()

    def test_i39_an_optional_plugin_never_lets_a_task_run_outside_instead(self):
        self.cluster.write_plugstack(f"optional {PLUGIN}")
        done = self.srun("/bin/echo", "ran", image="id:cccc9")
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_a_configuration_that_breaks_after_the_submission_fails_the_job_and_nothing_else(self):
        job = self.cluster.sbatch("#!/bin/sh\nsrun cat /data/name\n", "--image=id:aaaa1", "--shifter-run", "--hold",
                                  "--chdir=/")
        self.addCleanup(self.site.write_config)
        self.site.write_config("imagePath=\n")
        self.cluster.control("scontrol", "release", job)
        done = self.cluster.finish(job)
        self.assertEqual(done.state, "FAILED")
        self.assertIn("imagePath", done.output)
        self.assertEqual(self.cluster.run("srun", "/bin/echo", "fine").stdout, "fine\n")
        self.cluster.check()

    def test_without_an_extern_step_each_step_makes_a_root_of_its_own(self):
        """PrologFlags without Contain: nobody holds the job's root, and nobody waits for it twice."""
        with open(self.cluster.conf) as stream:
            text = stream.read()
        self.addCleanup(self.restart, text)
        self.restart(text.replace("PrologFlags=Alloc,Contain", "PrologFlags=Alloc"))
        lines = self.batch(f"srun -n3 {NAMESPACE}\nsrun -n3 cat /data/name\n", "--image=id:aaaa1", "--shifter-run", "-n3")
        self.assertEqual((len(set(lines[:3])), lines[3:]), (1, ["NAME=one"] * 3))

    def restart(self, text: str) -> None:
        with open(self.cluster.conf, "w") as out:
            out.write(text)
        self.cluster.control("scontrol", "reconfigure")
        for node in self.cluster.node_names:
            self.cluster.stop_slurmd(node)
            self.cluster.start_slurmd(node)
        self.cluster.check()


if __name__ == "__main__":
    unittest.main(verbosity=2)
