#!/usr/bin/env python3
"""What the plugin must not do: break other jobs, drain nodes, need more than libc, or believe what a user wrote."""
import os
import re
import shutil
import subprocess
import unittest

from cluster_fixture import PLUGIN, Cluster, wait_until
from site_fixture import PREFIX, SYSCONFDIR
from stand_in import StandIn


class OtherJobs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=1, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.gateway = StandIn(cls.cluster.site)
        cls.gateway.know("docker:app:1", "aaaa1")

    def setUp(self):
        self.cluster.check()  # after the test before this one
        self.cluster.site.write_config(self.gateway.config)
        self.cluster.write_plugstack(f"required {PLUGIN}")

    def assert_plain_jobs_run(self) -> None:
        done = self.cluster.run("srun", "/bin/echo", "fine")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "fine\n", ""))
        self.assertEqual(self.cluster.finish(self.cluster.sbatch("#!/bin/sh\necho fine\n")).output, "fine\n")

    def assert_refused(self, reason: str) -> None:
        done = self.cluster.run("srun", "--image=app:1", "/bin/true")
        self.assertEqual((done.returncode, done.stdout), (255, ""))
        self.assertIn(f"srun: error: shifter: the plugin is off: {reason}", done.stderr)

    def started(self, script: str) -> str:
        """A job with an image, whose step runs: it has written the file "started"."""
        flag = f"{self.cluster.site.users['a'].home}/started"
        job = self.cluster.sbatch(script, "--image=app:1")
        wait_until(lambda: self.cluster.output(flag), f"job {job} runs")
        os.unlink(flag)
        return job

    def restart_slurmd(self) -> str:
        """slurmd's log of its new start."""
        before = len(self.cluster.log("slurmd-n1"))
        self.cluster.stop_slurmd("n1")
        self.cluster.start_slurmd("n1")
        # Until it is told otherwise, slurmctld takes the node for idle.
        wait_until(lambda: "slurmd started on" in self.cluster.log("slurmd-n1")[before:], "slurmd's start")
        self.cluster.check()
        return self.cluster.log("slurmd-n1")[before:]

    def test_a_broken_configuration_turns_the_plugin_off_and_others_never_notice(self):
        for text, reason in (("allowEverything=1\n", "unknown key, and its name could grant something"),
                             ("imagePath=\n", "imagePath")):
            with self.subTest(text):
                self.cluster.site.write_config(text)
                self.assert_plain_jobs_run()
                done = self.cluster.run("srun", "--image=app:1", "/bin/true")
                self.assertEqual(done.returncode, 255)
                self.assertIn("shifter: the plugin is off: ", done.stderr)
                self.assertIn(reason, done.stderr)
                log = self.restart_slurmd()
                self.assertIn("error: shifter: the plugin is off: ", log)
                self.assertIn(reason, log)

    def test_a_missing_configuration_turns_the_plugin_off(self):
        self.cluster.write_plugstack(f"required {PLUGIN} shifter_config=/nonexistent/udiRoot.conf")
        self.assert_plain_jobs_run()
        self.assert_refused("")

    def test_another_configuration_than_the_one_that_builds_roots_turns_the_plugin_off(self):
        path = f"{self.cluster.site.dir}/other.conf"
        shutil.copy(f"{SYSCONFDIR}/udiRoot.conf", path)
        self.cluster.write_plugstack(f"required {PLUGIN} shifter_config={path}")
        self.assert_plain_jobs_run()
        reason = (f"plugstack.conf: shifter_config={path} is another file than {SYSCONFDIR}/udiRoot.conf, which shifter and "
                  "setupRoot read; leave the argument out")
        self.assert_refused(reason)
        self.assertIn(f"error: shifter: the plugin is off: {reason}", self.restart_slurmd())
        # By another name it is the same file; the fixture binds the one folder over the other.
        self.cluster.write_plugstack(f"required {PLUGIN} shifter_config={self.cluster.site.dir}/etc/udiRoot.conf")
        self.assertEqual(self.cluster.run("srun", "--image=app:1", "/bin/sh", "-c", "echo $SHIFTER_IMAGE").stdout, "aaaa1\n")

    def test_an_argument_that_makes_no_sense_turns_the_plugin_off(self):
        self.cluster.write_plugstack(f"required {PLUGIN} long_options=maybe")
        self.assert_plain_jobs_run()
        self.assert_refused('plugstack.conf: "long_options=maybe": 0 or 1 is needed')
        self.assertIn('error: shifter: the plugin is off: plugstack.conf: "long_options=maybe"', self.restart_slurmd())

    def test_slurmd_tells_the_admin_of_arguments_without_effect(self):
        self.cluster.write_plugstack(f"required {PLUGIN} enable_ccm=1 debug=3")
        log = self.restart_slurmd()
        self.assertIn('shifter: plugstack.conf: "enable_ccm=1" has no effect in this release', log)
        self.assertIn('shifter: plugstack.conf: "debug=3" is not an argument of this plugin, and is ignored', log)
        self.assert_plain_jobs_run()

    def test_long_options_leave_the_short_names_to_others(self):
        self.cluster.write_plugstack(f"required {PLUGIN} long_options")
        done = self.cluster.run("srun", "--shifter.image=app:1", "--shifter.volume=/a:/b", "/bin/sh", "-c",
                                "echo $SHIFTER_IMAGE $SHIFTER_VOLUME")
        self.assertEqual((done.stdout, done.stderr), ("aaaa1 /a:/b\n", ""))
        job = self.cluster.sbatch("#!/bin/sh\n#SBATCH --shifter.image=app:1\nsrun /bin/sh -c 'echo $SHIFTER_IMAGE'\n")
        self.assertEqual(self.cluster.finish(job).output, "aaaa1\n")
        done = self.cluster.run("srun", "--image=app:1", "/bin/true")
        self.assertIn("unrecognized option '--image=app:1'", done.stderr)
        text = self.cluster.run("srun", "--help").stdout
        self.assertIn("--shifter.module=", text)
        self.assertNotIn("--ccm", text)

    def test_an_optional_plugin_does_not_stop_a_submission_so_the_manual_says_required(self):
        self.cluster.write_plugstack(f"optional {PLUGIN}")
        done = self.cluster.run("srun", "--image=not/there:9", "/bin/echo", "ran")
        self.assertEqual((done.returncode, done.stdout), (0, "ran\n"))

    def test_text_that_reaches_a_node_past_the_submission_drains_nothing(self):
        # As a job submitted through REST brings it: no plugin saw it before.
        for text, found in (("docker:app:1", "docker app:1"), ("docker:$(id)\n", ""),
                            ("id:../../etc/passwd", "id ../../etc/passwd"), ("x" * 5000, "")):
            with self.subTest(text=text[:20]):
                job = self.cluster.sbatch("#!/bin/sh\necho $SHIFTER_IMAGETYPE $SHIFTER_IMAGE\n",
                                          env={"_SLURM_SPANK_OPTION_shifter_image": text})
                done = self.cluster.finish(job)
                self.assertEqual((done.state, done.output.strip()), ("COMPLETED", found))
        self.assertEqual(self.cluster.node_states(), {"n1": "idle"})

    def test_a_job_that_ends_in_any_way_leaves_an_idle_node(self):
        wait = "#!/bin/sh\nsrun sh -c 'echo on >started; sleep 60'\n"
        for end in (lambda job: self.cluster.control("scancel", job),
                    lambda job: self.cluster.control("scancel", "--signal=KILL", "--full", job)):
            job = self.started(wait)
            end(job)
            self.assertIn(self.cluster.finish(job).state, ("CANCELLED", "FAILED"))
        self.cluster.check()

    def test_a_slurmd_that_is_killed_under_a_job_comes_back(self):
        job = self.started("#!/bin/sh\nsrun sh -c 'echo on >started; sleep 1; echo $SHIFTER_IMAGE'\n")
        self.cluster.stop_slurmd("n1", kill=True)
        self.cluster.start_slurmd("n1")
        done = self.cluster.finish(job)
        self.assertEqual((done.state, done.output), ("COMPLETED", "aaaa1\n"))
        self.cluster.check()

    def test_the_plugin_exports_what_slurm_looks_up_and_needs_libc_alone(self):
        def output(*command: str) -> str:
            return subprocess.run([*command, PLUGIN], capture_output=True, text=True, check=True).stdout
        symbols = output("nm", "-D", "--defined-only")
        self.assertEqual(sorted(line.split()[2] for line in symbols.splitlines()),
                         ["plugin_name", "plugin_type", "plugin_version", "slurm_spank_init",
                          "slurm_spank_init_post_opt", "slurm_spank_job_epilog", "slurm_spank_job_prolog",
                          "slurm_spank_task_init", "slurm_spank_task_init_privileged",
                          "slurm_spank_task_post_fork", "spank_plugin_version"])
        libraries = set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d")))
        self.assertLessEqual({name.split(".so")[0] for name in libraries}, {"libc", "libm", "ld-linux-x86-64"})

    def test_a_client_command_is_the_same_process_state_with_the_plugin_as_without(self):
        """I39, seen from what salloc hands on: ids, directory, mask, signals, limits and descriptors of a child."""
        show = ["/bin/sh", "-c", "umask; pwd; id; ls /proc/self/fd; grep -E '^Sig[^Q]|^NoNew' /proc/self/status; ulimit -a"]
        states = []
        for text in (f"required {PLUGIN}", ""):
            self.cluster.write_plugstack(text)
            image = ["--image=app:1"] if text else []
            states.append(self.cluster.run("salloc", "--quiet", *image, *show, umask=0o027).stdout)
            self.cluster.check()  # the epilog reads plugstack.conf, too
        self.assertEqual(*states)
        self.assertIn("0027", states[0])


if __name__ == "__main__":
    if not os.path.exists(PLUGIN):
        raise SystemExit(f"{PLUGIN} is not there: install the component slurm below {PREFIX}")
    unittest.main(verbosity=2)
