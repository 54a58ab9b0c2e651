"""Many launches, at once and in a row, share one image and leave nothing (R11), by squashfuse, too.

usage: storm.py [--launches N] [unittest's options]

--launches N   how many launches in a row, by two users, of two images, two at a time; 200 when nothing is said. Prints what a
               launch took in the first tenth and in the last: 10000 is a promise (R11), and takes minutes
"""
import argparse
import os
import statistics
import sys
import threading
import time
import unittest

from privilege_site import PrivilegeTest
from site_fixture import descendants, loops


LAUNCHES = 200


def run_files() -> list[str]:
    """What shifter keeps in /run, beside jobs, which tests of Slurm may have. The table of loop devices is the machine's, and has
    a fixed size at the most (loop_device.cpp)."""
    files = [f"{folder}/{name}" for folder, _, names in os.walk("/run/shifter") for name in names if "/jobs" not in folder]
    assert all(os.stat(file).st_size <= 512 * 24 for file in files), files
    return sorted(files)


class Storm(PrivilegeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.build("a2")

    def test_R11_launches_in_a_row_leave_nothing_and_the_last_is_as_fast_as_the_first(self):
        self.output("--image=id:a1", "true")  # makes the table of loop devices, which stays
        self.site.check(10)
        files, descriptors, wrong = run_files(), len(os.listdir("/proc/self/fd")), []
        times: dict[str, list[float]] = {"a": [], "b": []}

        def launch(user: str) -> None:
            for number in range(LAUNCHES // 2):
                begin = time.perf_counter()
                done = self.shifter(f"--image=id:a{1 + number % 2}", "true", user=user)
                times[user].append((time.perf_counter() - begin) * 1000)
                if (done.returncode, done.stdout, done.stderr) != (0, "", ""):
                    wrong.append((user, number, done.returncode, done.stderr))

        launchers = [threading.Thread(target=launch, args=(user,)) for user in times]
        for launcher in launchers:
            launcher.start()
        for launcher in launchers:
            launcher.join()
        tenth = max(1, LAUNCHES // 20)
        first, last = (statistics.median(times["a"][part] + times["b"][part]) for part in (slice(tenth), slice(-tenth, None)))
        print(f"\n{2 * (LAUNCHES // 2)} launches: {first:.2f} ms in the first tenth, {last:.2f} ms in the last, ratio {last / first:.2f}", file=sys.stderr)
        self.assertEqual(wrong, [])
        self.site.check(10)  # mounts, loop devices, processes
        self.assertEqual(run_files(), files)
        self.assertEqual(len(os.listdir("/proc/self/fd")), descriptors)

    def test_R11_two_hundred_launches_at_once_share_one_superblock(self):
        launches = [self.start("--image=id:a1", "sh", "-c", "stat -c %d /bin; exec sleep 2", user="ab"[i % 2]) for i in range(200)]
        devices = len(loops(self.site.dir))
        ended = [launch.communicate(timeout=300) for launch in launches]
        self.assertEqual({launch.returncode for launch in launches}, {0}, {err for _, err in ended})
        self.assertLessEqual(len({out for out, _ in ended}), 3)  # one, but for a launch that did not wait for a slow one
        self.assertLessEqual(devices, 3)
        self.site.check(20)

    def test_a_second_launch_uses_the_device_of_the_first(self):
        first = self.start("--image=id:a1", "sh", "-c", "stat -c %d /bin; exec sleep 60")
        device = first.stdout.readline()
        self.assertEqual(self.output("--image=id:a1", "stat", "-c", "%d", "/bin", user="b"), device)
        self.assertEqual(len(loops(self.site.dir)), 1)
        first.kill()
        first.communicate()

    def test_squashfuse_serves_what_the_kernel_mounts_and_goes_with_it(self):
        look = ("--image=id:a1", "sh", "-c", "ls -R /usr /var/lib /opt /root; cat /etc/os-release; grep -c fuse.squashfuse /proc/self/mountinfo || true")
        kernel = self.output(*look)
        self.site.write_config("imageMount=fuse\n")
        try:
            fuse = self.output(*look)
            self.assertEqual(kernel.splitlines()[:-1], fuse.splitlines()[:-1])
            self.assertNotEqual(fuse.splitlines()[-1], "0")
            launch = self.start("--image=id:a1", "sh", "-c", "echo ready; exec sleep 60")
            self.assertEqual(launch.stdout.readline(), "ready\n")
            server = [pid for pid, line in descendants() if line.endswith("shifter-squashfuse")]
            self.assertEqual(len(server), 1)
            with open(f"/proc/{server[0]}/status") as stream:
                status = stream.read()
            uid = self.site.users["a"].uid
            self.assertIn(f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n", status)
            self.assertIn("CapBnd:\t0000000000000000\n", status)
            self.assertEqual(os.readlink(f"/proc/{server[0]}/ns/mnt"), os.readlink("/proc/self/ns/mnt"))
            launch.kill()
            launch.communicate()
            self.site.check(10)
        finally:
            self.site.write_config()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--launches", type=int, default=LAUNCHES)
    arguments, rest = options.parse_known_args()
    LAUNCHES = arguments.launches
    unittest.main(argv=[sys.argv[0], *rest])
