#!/usr/bin/env python3
"""A worker of the gateway as a Slurm job, as docs/how-to/several-gateways.md says: the API answers elsewhere, the job pulls."""
import json
import os
import pwd
import re
import shlex
import signal
import subprocess
import time
import unittest

from cluster_fixture import Cluster, wait_until
from gateways import Gateways
from manual_blocks import WORKER, ManualTest, commands, of_page
from site_fixture import GATEWAY_ACCOUNT, PREFIX


class WorkerJob(ManualTest, unittest.TestCase):
    PROGRAM = WORKER

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=1, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.gateways = Gateways(["api"], site=cls.cluster.site)
        cls.addClassCleanup(cls.gateways.close)
        cls.addClassCleanup(cls.cluster.cancel_jobs)
        cls.worker = cls.gateways.prepare(1, "worker")
        cls.site = cls.cluster.site
        cls.account = pwd.getpwnam(GATEWAY_ACCOUNT)
        cls.jobs = []

    def submit(self, command: str) -> str:
        """The page's command, with our paths, as the gateways' account; the job's id."""
        self.log = f"{self.site.dir}/gw1/job-{len(self.jobs)}.log"
        for ours, theirs in ((f"{PREFIX}/sbin/", "/usr/sbin/"), (self.worker.config, "/etc/shifter/worker.json")):
            self.assertIn(theirs, command)
            command = command.replace(theirs, ours)
        program, *arguments = shlex.split(command)
        done = subprocess.run([f"/usr/bin/{program}", "--parsable", f"--output={self.log}", *arguments],
                              env=self.cluster.environment, user=self.account.pw_uid, group=self.account.pw_gid, extra_groups=[],
                              cwd="/", capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.jobs.append(done.stdout.strip())
        return self.jobs[-1]

    def start_pull(self, name: str) -> subprocess.Popen:
        client = self.site.start("shifterimg", "pull", self.site.image(name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(lambda: client.poll() is None and client.kill())
        return client

    def published(self) -> list[str]:
        """Numbers of the pulls that jobs have published, by their logs."""
        logs = "".join(self.cluster.output(f"{self.site.dir}/gw1/job-{number}.log") for number in range(len(self.jobs)))
        return re.findall(r"event=published pull=(\d+)", logs)

    def state(self, name: str) -> str:
        rows = self.gateways.postgres.query(f"SELECT state FROM pulls WHERE tag LIKE '%{name}' ORDER BY number DESC LIMIT 1")
        return rows[0][0] if rows else ""

    def stands(self, name: str) -> bool:
        """Whether the pull waits for the rest of its layers; what was sent before is read first."""
        def seen():
            return self.gateways.postgres.query(f"SELECT state, progress FROM pulls WHERE tag LIKE '%{name}' ORDER BY number DESC LIMIT 1")
        last = None
        while (now := seen()) != last:
            last = now
            time.sleep(1)  # progress is told four times a second
        state, progress = now[0]
        told = json.loads(progress)
        return state == "PULLING" and told["done"] < told["total"]

    @of_page("how-to/several-gateways.md", "sbatch --exclusive --chdir=/ --wrap '/usr/sbin/shifter-gatew")
    def test_R5_jobs_do_the_pulls_that_users_ask_of_the_api_and_a_cancelled_one_loses_nothing(self, block):
        command, = commands(block)
        self.gateways.push_noise("jobs/first:1", 1, 1 << 20)
        client = self.start_pull("jobs/first:1")
        wait_until(lambda: self.state("jobs/first:1") != "", "the request is in the queue")
        self.assertEqual(self.published(), [])  # there is nobody yet who pulls
        first = self.submit(command)
        out, _ = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, out)
        self.assertEqual(len(self.published()), 1)
        self.assertNotIn("event=begun", self.gateways[0].log())

        # Cancelled in the middle: the registry stands still meanwhile, so that there is one.
        for attempt in range(5):
            name = f"jobs/large{attempt}:1"
            self.gateways.push_noise(name, 10 + attempt, 32 << 20)
            client = self.start_pull(name)
            wait_until(lambda: self.state(name) in ("PULLING", "READY"), "the job is at it")
            self.site.registry_service.send(signal.SIGSTOP)
            if self.stands(name):
                break
            self.site.registry_service.send(signal.SIGCONT)
            client.communicate(timeout=60)
        try:
            self.assertEqual(self.state(name), "PULLING")
            before = self.published()
            self.cluster.control("scancel", first)
            self.assertEqual(self.cluster.finish(first).state, "CANCELLED")
        finally:
            self.site.registry_service.send(signal.SIGCONT)
        self.assertIsNone(client.poll(), "who waits goes on waiting")
        self.assertNotIn(self.state(name), ("READY", "FAILURE"))
        second = self.submit(command)
        out, _ = client.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, out)
        self.assertEqual(len(self.published()), len(before) + 1)
        self.assertEqual(len(set(self.published())), len(self.published()), "published twice")
        identifier = self.site.run("shifterimg", "lookup", self.site.image(name)).stdout.strip()
        self.assertTrue(os.path.exists(f"{self.site.dir}/images/{identifier}.squashfs"))
        self.cluster.control("scancel", second)
        self.assertEqual(self.cluster.finish(second).state, "CANCELLED")
        self.assertEqual(self.gateways.postgres.query("SELECT count(*) FROM pulls WHERE ended IS NULL"), [["0"]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
