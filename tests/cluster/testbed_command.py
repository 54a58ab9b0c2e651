#!/usr/bin/env python3
"""tests/cluster/testbed: up, exec, down, and no trace afterwards, also when it is interrupted."""
import os
import pwd
import signal
import subprocess
import time
import unittest

from cluster_fixture import wait_until
from site_fixture import USERS, mounts

TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testbed")
NAME = f"testbed-{os.getpid()}"  # others may have theirs at the same time
STATE = f"/run/shifter-{NAME}/state.json"
SITE = f"shifter-site-{NAME}-"  # begins the name of its folder
ACCOUNTS_LOCK = "/run/lock/shifter-test"  # there while any site lives


def testbed(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([TESTBED, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "SHIFTER_TESTBED": NAME})


def read(path: str) -> str:
    try:
        with open(path, errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def accounts() -> list[str]:
    """The test accounts, unless another site has them."""
    def theirs() -> bool:
        return os.path.exists(ACCOUNTS_LOCK)
    found = [] if theirs() else [entry.pw_name for entry in pwd.getpwall() if entry.pw_name in USERS.values()]
    return [] if theirs() else found


def traces() -> list[str]:
    """What this machine shows of our testbeds, and not of others' sites: folders, mounts, processes, accounts."""
    found = [line for line in mounts() if SITE in line]
    found += [name for name in os.listdir("/var/lib") if name.startswith(SITE)]
    found += [os.path.dirname(STATE)] if os.path.exists(os.path.dirname(STATE)) else []
    for name in filter(str.isdigit, os.listdir("/proc")):
        # Step daemons, tasks and what they left have another command line, and mounts of the site in their namespace.
        line = read(f"/proc/{name}/cmdline")
        if SITE in line or SITE in read(f"/proc/{name}/mountinfo"):
            found.append(f"process {name} {line}".replace("\0", " "))
    return found + accounts()


class Testbed(unittest.TestCase):
    def setUp(self):
        self.before = accounts()  # somebody may have killed a site of his
        self.addCleanup(lambda: os.path.exists(STATE) and testbed("down"))

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
        # What shall be gone afterwards can be seen now: of each kind, and of jobs.
        seen = "\n".join(traces())
        for kind in (f"/run/shifter-{NAME}", f"\n{SITE}", "slurmctld", "munged"):
            self.assertIn(kind, f"\n{seen}")
        # Also with a job that runs, and one that waits.
        testbed("exec", "login", "sbatch", "--nodes=3", "--exclusive", "--wrap=srun sleep 100")
        testbed("exec", "login", "sbatch", "--nodes=3", "--wrap=sleep 100")
        wait_until(lambda: all(any(word in line for line in traces()) for word in ("slurmstepd: [", "sleep 100")), "the job runs")
        done = testbed("down")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assert_no_trace()
        self.assertEqual(testbed("down").returncode, 1)

    def test_an_interrupt_while_it_comes_up_leaves_nothing(self):
        for delay in (0.1, 0.5, 0.9):
            with self.subTest(delay=delay):
                process = subprocess.Popen([TESTBED, "up"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, env={**os.environ, "SHIFTER_TESTBED": NAME})
                time.sleep(delay)  # any moment will do
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=120)
                if os.path.exists(STATE):  # it was up before we were fast enough
                    testbed("down")
                self.assert_no_trace()


if __name__ == "__main__":
    unittest.main(verbosity=2)
