#!/usr/bin/env python3
"""tests/quickstart as a newcomer uses it: it runs the main job, runs again, passes on exit statuses, starts a cluster, and
leaves nothing. Run by `tests/run quickstart`, for it builds once more; not beside a quickstart that somebody uses."""
import os
import re
import subprocess
import sys
import unittest

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
PREFIX = "/opt/shifter-quickstart"
ACCOUNTS = ("shiftergw", "shifteruser")
ENV = os.path.join(REPOSITORY, "build/quickstart/env")


def quickstart(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([os.path.join(REPOSITORY, "tests/quickstart"), *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def lines_of(path: str) -> list[str]:
    try:
        with open(path, errors="replace") as file:
            return file.read().splitlines()
    except OSError:  # a process that has ended
        return []


def traces() -> list[str]:
    """What this machine shows of a quickstart, but for build/."""
    found = [line for line in lines_of("/proc/self/mountinfo") if PREFIX in line]
    found += [path for path in (PREFIX, ENV, "/run/shifter-testbed") if os.path.exists(path)]
    found += [line for line in lines_of("/etc/passwd") if line.split(":")[0] in ACCOUNTS]
    for name in filter(str.isdigit, os.listdir("/proc")):
        command = "\n".join(lines_of(f"/proc/{name}/cmdline")).replace("\0", " ")
        if PREFIX in command or any(PREFIX in line for line in lines_of(f"/proc/{name}/mountinfo")):
            found.append(f"process {name}: {command}")
    found += [f"{device}: {lines_of(f'/sys/block/{device}/loop/backing_file')}" for device in os.listdir("/sys/block")
              if any(PREFIX in line for line in lines_of(f"/sys/block/{device}/loop/backing_file"))]
    return found


class Quickstart(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        if os.path.exists(PREFIX):
            raise unittest.SkipTest(f"{PREFIX} is in use; tests/quickstart --stop")

    def setUp(self):
        self.addCleanup(quickstart, "--stop")

    def start(self, *arguments: str, status: int = 0) -> str:
        done = quickstart(*arguments)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def test_the_main_job_runs_and_runs_again_and_nothing_is_left(self):
        shown = self.start()
        variables = dict(line.removeprefix("export ").split("=", 1) for line in lines_of(ENV))
        self.assertEqual(list(variables), ["SHIFTER_PREFIX", "SHIFTER_SYSCONFDIR", "SHIFTER_GATEWAY", "SHIFTER_REGISTRY",
                                           "SHIFTER_USER"])
        image = variables["SHIFTER_REGISTRY"] + "/quickstart/debian:12"
        self.assertRegex(shown, rf"(?m)^\S+ Pulling Image: docker:{re.escape(image)}, status: READY$")
        self.assertRegex(shown, rf"(?m)^quickstart docker +READY +[0-9a-f]{{10}} +\S+ {re.escape(image)}$")
        self.assertIn('VERSION_CODENAME=bookworm\n', shown)
        self.assertRegex(shown, r"(?m)^uid=[1-9][0-9]*\(shifteruser\)")
        self.assertGreaterEqual(len(re.findall(r"(?m)^layer sha256:", shown)), 3)

        def shell(command: str) -> subprocess.CompletedProcess:
            # As README says: the file is sourced, and what it names is used.
            return subprocess.run(["sh", "-c", f". {ENV}; runuser -u $SHIFTER_USER -- {command}"], cwd="/",
                                  capture_output=True, text=True)
        by_tag = shell(f"$SHIFTER_PREFIX/bin/shifterimg lookup {image}")
        identifier = by_tag.stdout.splitlines()[0]
        digest = re.search(r'"digest": "(sha256:[0-9a-f]{64})"', shell(f"$SHIFTER_PREFIX/bin/shifterimg inspect {image}").stdout)
        repository = image.rsplit(":", 1)[0]
        for name in (image, f"id:{identifier}", f"{repository}@{digest.group(1)}"):
            status = shell(f"$SHIFTER_PREFIX/bin/shifter --image={name} cat /proc/self/status").stdout
            self.assertEqual(re.findall(r"(?m)^Cap(?:Inh|Prm|Eff|Bnd|Amb):\t(\w+)$", status), ["0" * 16] * 5, name)
            self.assertIn("NoNewPrivs:\t1\n", status)

        again = self.start(image, "sh", "-c", "exit 3", status=3)
        self.assertIn(f"gateway at {variables['SHIFTER_GATEWAY']}\n", again)  # the same one goes on
        wrong = quickstart(repository + ":none")
        self.assertEqual(wrong.returncode, 1)
        self.assertEqual(wrong.stderr, f"shifterimg: cannot pull {repository}:none: {variables['SHIFTER_REGISTRY']} does not have "
                                       "it (404); is the name right?\n")

        self.assertRegex(self.start("--stop"), r"^stopped; .* are gone")
        self.assertEqual(traces(), [])
        self.start("--stop")  # with nothing to stop

    def test_a_cluster_runs_a_job_in_a_container_and_nothing_is_left(self):
        shown = self.start("--slurm")
        self.assertEqual(shown.count("VERSION_CODENAME=bookworm\n"), 2)  # one line of each node
        self.assertEqual(len(re.findall(r"(?m)^uid=[1-9][0-9]*", shown)), 2)
        self.start("--stop")
        self.assertEqual(traces(), [])

    def test_bad_words_are_one_line(self):
        done = quickstart("--bogus")
        self.assertEqual((done.returncode, done.stderr), (1, 'quickstart: no option "--bogus"\n'))


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("root is needed: tests/quickstart installs a set-id program")
    unittest.main()
