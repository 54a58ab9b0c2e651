#!/usr/bin/env python3
"""tests/cluster/testbed: up, exec, down, and no trace afterwards, also when it is interrupted."""
import os
import pwd
import signal
import subprocess
import time
import unittest

import cluster_fixture  # noqa: F401: knows where tests/support is
from site_fixture import USERS, mounts

TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testbed")


def testbed(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([TESTBED, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def traces() -> list[str]:
    """What this machine shows of testbeds: processes, mounts, folders, accounts."""
    found = [line for line in mounts() if "shifter-site" in line]
    found += [name for name in os.listdir("/var/lib") if name.startswith("shifter-site-")]
    found += os.listdir("/run/shifter-testbed") if os.path.isdir("/run/shifter-testbed") else []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline") as stream:
                line = stream.read().replace("\0", " ")
        except OSError:
            continue
        if "/var/lib/shifter-site-" in line or "slurmstepd" in line:
            found.append(line)
    return found + [entry.pw_name for entry in pwd.getpwall() if entry.pw_name in USERS.values()]


class Testbed(unittest.TestCase):
    def setUp(self):
        self.before = traces()
        self.addCleanup(lambda: os.path.exists("/run/shifter-testbed/state.json") and testbed("down"))

    def assert_no_trace(self) -> None:
        self.assertEqual([line for line in traces() if line not in self.before], [])

    def test_it_comes_up_runs_jobs_as_two_users_and_goes(self):
        done = testbed("up", "--nodes", "3")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(testbed("up").returncode, 1)  # one at a time
        for user in ("a", "b"):
            done = testbed("exec", "--user", user, "login", "srun", "-N3", "/bin/sh", "-c", "id -un")
            self.assertEqual((done.stdout, done.stderr), (f"{USERS[user]}\n" * 3, ""))
        self.assertEqual(testbed("exec", "n2", "hostname").stdout, "n2\n")
        self.assertEqual(testbed("exec", "n9", "hostname").returncode, 1)
        # Also with a job that runs, and one that waits.
        testbed("exec", "login", "sbatch", "--nodes=3", "--exclusive", "--wrap=sleep 100")
        testbed("exec", "login", "sbatch", "--nodes=3", "--wrap=sleep 100")
        done = testbed("down")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_no_trace()
        self.assertEqual(testbed("down").returncode, 1)

    def test_an_interrupt_while_it_comes_up_leaves_nothing(self):
        for delay in (0.1, 0.5, 0.9):
            with self.subTest(delay=delay):
                process = subprocess.Popen([TESTBED, "up"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE)
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)
                if os.path.exists("/run/shifter-testbed/state.json"):  # it was up before we were fast enough
                    testbed("down")
                self.assert_no_trace()


if __name__ == "__main__":
    unittest.main(verbosity=2)
