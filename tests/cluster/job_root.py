#!/usr/bin/env python3
"""One mount for a job on a node: prepared when the job arrives, entered by its tasks, gone whatever ends the job."""
import os
import re
import subprocess
import unittest

from cluster_fixture import Cluster, loops, wait_until
from published import publish
from site_fixture import start_time

NAMESPACE = "readlink /proc/self/ns/mnt"


class JobRoot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.home = cls.cluster.site.users["a"].home
        publish(cls.cluster.site, "aaaa1", "one", 'ENV: FROM_IMAGE=yes\n')
        publish(cls.cluster.site, "aaaa2", "two")

    def setUp(self):
        self.cluster.check()  # after the test before this one

    def batch(self, script: str, *options: str, **more):
        done = self.cluster.finish(self.cluster.sbatch("#!/bin/sh\n" + script, "--chdir=/", *options, **more), **more)
        self.assertEqual(done.state, "COMPLETED", done.output)
        return done.output.splitlines()

    def test_all_steps_and_tasks_of_a_job_on_a_node_see_one_root(self):
        found = self.batch(f"srun -N2 -n4 -l shifter sh -c 'hostname; {NAMESPACE}'\nsrun -N2 -n4 -l shifter {NAMESPACE}\n"
                           f"shifter {NAMESPACE}\n", "--image=id:aaaa1", "-N2", "-n4")
        namespaces = re.findall(r"mnt:\[\d+\]", "\n".join(found))
        self.assertEqual((len(namespaces), len(set(namespaces))), (9, 2), found)

    def test_the_steps_of_another_image_have_a_root_of_their_own(self):
        one, two, again = self.batch(f"srun shifter {NAMESPACE}\nsrun --image=id:aaaa2 shifter {NAMESPACE}\n"
                                     f"srun shifter {NAMESPACE}\n", "--image=id:aaaa1")
        self.assertEqual(one, again)
        self.assertNotEqual(one, two)

    def test_other_volumes_or_no_modules_are_another_root(self):
        job, volumes, plain = self.batch(
            f"srun shifter {NAMESPACE}\nsrun shifter --volume=/data:/mnt {NAMESPACE}\nsrun shifter {NAMESPACE}\n",
            "--image=id:aaaa1")
        self.assertEqual(job, plain)
        self.assertNotEqual(job, volumes)
        first, second = self.batch("srun shifter cat /mnt/name\nsrun shifter sh -c 'cat /mnt/name'\n", "--image=id:aaaa1",
                                   "--volume=/data:/mnt")
        self.assertEqual((first, second), ("NAME=one", "NAME=one"))

    def test_i38_another_user_does_not_get_into_the_root_of_a_job(self):
        job, [mine] = self.cluster.running(f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out; sleep 60'\n")
        node = self.cluster.fields(job)["NodeList"]
        launch = ["/usr/bin/env", f"SLURM_JOB_ID={job}", f"SLURMD_NODENAME={node}", self.cluster.site.program("shifter"),
                  "--image=id:aaaa1", "sh", "-c", NAMESPACE]
        done = self.cluster.run_on(node, *launch, user="b")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(done.stdout.strip(), mine)
        # The owner's launch with that name does.
        done = self.cluster.run_on(node, *launch)
        self.assertEqual(done.stdout.strip(), mine, done.stderr)
        self.cluster.control("scancel", job)
        self.cluster.finish(job)

    @property
    def home_inside(self) -> str:
        return f"/home/{os.path.basename(self.home)}"

    def test_i1_i15_a_task_in_a_prepared_root_has_no_privilege_and_no_way_out(self):
        lines = self.batch("srun shifter sh -c 'id -u; grep -E \"^Cap|^NoNew\" /proc/self/status; pwd; ls /; "
                           "ls /proc/self/cwd/.. | grep -c .'\n", "--image=id:aaaa1")
        self.assertEqual(lines[0], str(self.cluster.site.users["a"].uid))
        self.assertEqual(sorted(line.split()[1] for line in lines[1:7]), ["0000000000000000"] * 5 + ["1"])
        self.assertEqual(lines[7], "/")
        self.assertNotIn("usr", lines)

    def test_a_job_has_one_loop_device_and_nothing_in_the_nodes_namespace(self):
        before = {node: self.cluster.node_mounts(node) for node in self.cluster.node_names}
        job, _ = self.cluster.running(f"srun -N2 -n4 shifter sh -c 'echo in >>{self.home_inside}/out; sleep 60'\n", "-N2", "-n4",
                              lines=4)
        self.assertEqual(len(loops(self.cluster.site.dir)), 1)
        self.assertEqual({node: self.cluster.node_mounts(node) for node in self.cluster.node_names}, before)
        # Nor do two jobs of two users have more, and so they share its page cache.
        flag = f"{self.cluster.site.users['b'].home}/on"
        other = self.cluster.sbatch(f"#!/bin/sh\nsrun shifter sh -c 'echo >/home/{os.path.basename(os.path.dirname(flag))}/on; sleep 60'\n",
                                    "--image=id:aaaa1", "--chdir=/", "-N2", user="b")
        wait_until(lambda: os.path.exists(flag), "the other user's job runs")
        self.assertEqual(len(loops(self.cluster.site.dir)), 1)
        for number in (job, other):
            self.cluster.control("scancel", number)
            self.cluster.finish(number)

    def test_r11_whatever_ends_a_job_its_root_is_gone(self):
        script = f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out; sleep 60'\n"
        ends = {"scancel": lambda job: self.cluster.control("scancel", job),
                "scancel --signal=KILL": lambda job: self.cluster.control("scancel", "--full", "--signal=KILL", job),
                "time limit": lambda job: self.cluster.control("scontrol", "update", f"jobid={job}", "EndTime=now"),
                "requeue and cancel": lambda job: (self.cluster.control("scontrol", "requeue", job),
                                                   self.cluster.control("scancel", job))}
        for name, end in ends.items():
            with self.subTest(name):
                job, [namespace] = self.cluster.running(script)
                end(job)
                self.cluster.finish(job)
                self.cluster.check()
                self.assertEqual(self.cluster.holders(namespace), [])

    def stepds(self, job: str) -> dict[str, int]:
        """The step daemons of a job, by step."""
        found = {}
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/cmdline") as stream:
                    match = re.match(rf"slurmstepd: \[{job}\.(\w+)\]", stream.read())
            except OSError:
                continue
            if match and start_time(int(name)):
                found[match[1]] = int(name)
        return found

    def test_r11_a_killed_step_daemon_leaves_nothing_and_other_steps_go_on(self):
        script = (f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out; sleep 3; echo done >>{self.home_inside}/out'\n"
                  f"srun shifter {NAMESPACE}\n")
        job, [namespace] = self.cluster.running(script)
        holder = self.stepds(job)["extern"]
        with open(f"/proc/{holder}/task/{holder}/children") as stream:
            sleeper = int(stream.read())  # Slurm's own, which nobody ends when its step daemon is killed
        os.kill(holder, 9)
        os.kill(sleeper, 9)
        done = self.cluster.finish(job)
        self.assertIn("done\n", self.cluster.output(f"{self.home}/out"))
        self.assertEqual(done.state, "COMPLETED", done.output)
        self.cluster.check()
        self.assertEqual(self.cluster.holders(namespace), [])

    def test_r11_the_task_of_a_killed_step_daemon_is_ended_with_its_job(self):
        job, [namespace] = self.cluster.running(f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out; exec sleep 1000'\n")
        os.kill(self.stepds(job)["0"], 9)  # no hook of it runs any more, and its task goes on as an orphan
        self.cluster.control("scancel", job)
        self.cluster.finish(job)
        self.cluster.check()
        self.assertEqual(self.cluster.holders(namespace), [])

    def test_r11_a_node_that_is_switched_off_under_a_job_and_comes_back(self):
        job, _ = self.cluster.running(f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out; sleep 1000'\n", "--nodelist=n1",
                                      "--no-requeue")
        self.cluster.power_cut("n1")
        wait_until(lambda: not loops(self.cluster.site.dir), "no loop device is left")
        self.cluster.control("scontrol", "update", "nodename=n1", "state=down", "reason=off")
        self.assertEqual(self.cluster.finish(job).state, "NODE_FAIL")
        self.cluster.power_on("n1")
        self.cluster.control("scontrol", "update", "nodename=n1", "state=resume")
        self.cluster.check()
        self.assertEqual(self.batch("srun -N2 shifter cat /data/name\n", "--image=id:aaaa1", "-N2"), ["NAME=one"] * 2)

    def test_r11_a_daemon_that_a_job_leaves_behind_is_ended_with_it(self):
        script = (f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out; "
                  "setsid sleep 1000 </dev/null >/dev/null 2>&1 &'\n")
        job, [namespace] = self.cluster.running(script)
        self.assertEqual(self.cluster.finish(job).state, "COMPLETED")
        self.cluster.check()
        self.assertEqual(self.cluster.holders(namespace), [])

    def test_r11_a_daemon_that_a_step_with_an_image_leaves_in_a_job_without_one(self):
        script = (f"srun --image=id:aaaa1 --shifter-run sh -c '{NAMESPACE} >{self.home_inside}/out; "
                  "setsid sleep 1000 </dev/null >/dev/null 2>&1 &'\n")
        job = self.cluster.sbatch("#!/bin/sh\n" + script, "--chdir=/")
        self.assertEqual(self.cluster.finish(job).state, "COMPLETED")
        self.cluster.check()
        self.assertEqual(self.cluster.holders(self.cluster.output(f"{self.home}/out").strip()), [])

    def test_a_job_goes_on_when_its_image_expires(self):
        flag = f"{self.home}/go"
        script = (f"srun shifter sh -c '{NAMESPACE} >{self.home_inside}/out'\nwhile [ ! -e {flag} ]; do sleep 0.1; done\n"
                  "srun shifter cat /data/name\n")
        publish(self.cluster.site, "aaaa3", "three")
        job, _ = self.cluster.running(script, "--image=id:aaaa3")
        for ending in ("meta", "squashfs"):
            os.unlink(f"{self.cluster.site.dir}/images/aaaa3.{ending}")
        with open(flag, "w"):
            pass
        self.assertEqual(self.cluster.finish(job).output, "NAME=three\n")

    def test_a_changed_configuration_is_another_root(self):
        script = (f"shifter {NAMESPACE} >{self.home}/out\nwhile [ ! -e {self.home}/changed ]; do sleep 0.1; done\n"
                  f"shifter sh -c '{NAMESPACE}; echo $NEW'\n")
        job, [before] = self.cluster.running(script)
        self.addCleanup(self.cluster.site.write_config)
        self.cluster.site.write_config("siteEnv=NEW=yes\n")
        with open(f"{self.home}/changed", "w"):
            pass
        after, new = self.cluster.finish(job).output.split()
        self.assertNotEqual(before, after)
        self.assertEqual(new, "yes")


    def test_setup_root_and_unset_root_by_hand(self):
        user = self.cluster.site.users["a"]
        command = [self.cluster.site.program("setupRoot"), "-U", str(user.uid), "-G", str(user.gid), "-u", user.name, "-N",
                   "n1/2 n2/1", "id", "aaaa1"]
        self.addCleanup(subprocess.run, [self.cluster.site.program("unsetupRoot")])
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        shifter = [self.cluster.site.program("shifter"), "--image=id:aaaa1", "sh", "-c",
                   f"{NAMESPACE}; cat /var/hostsfile /var/shifterSlurm.jobid"]
        first = self.cluster.run(*shifter, cwd="/").stdout.split()
        self.assertEqual(first[1:], ["n1", "n1", "n2", "node"])
        self.assertEqual(self.cluster.run(*shifter, cwd="/").stdout.split(), first)
        self.assertIn("has a root already", subprocess.run(command, capture_output=True, text=True, timeout=30).stderr)
        done = subprocess.run([self.cluster.site.program("unsetupRoot")], capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        # The number of a namespace that is gone may be given again at once; the file tells.
        self.assertNotEqual(self.cluster.run(*shifter[:-1], "cat /var/shifterSlurm.jobid", cwd="/").returncode, 0)

    def test_setup_root_that_fails_leaves_nothing(self):
        user = self.cluster.site.users["a"]
        before = os.listdir("/run/shifter/jobs")
        for words, why in ((["id", "ffff9"], "ffff9"), (["docker", "x"], "the type is id"),
                           (["-v", "/nowhere:/mnt", "id", "aaaa1"], "/nowhere")):
            with self.subTest(words):
                done = subprocess.run([self.cluster.site.program("setupRoot"), "-U", str(user.uid), "-G", str(user.gid),
                                       "-u", user.name, *words], capture_output=True, text=True, timeout=30)
                self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), done.stderr)
                self.assertIn(why, done.stderr)
                self.assertEqual(os.listdir("/run/shifter/jobs"), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
