"""Many launches at once share one image (R11), by squashfuse, too."""
import os
import unittest

from privilege_site import PrivilegeTest
from site_fixture import descendants, loops


class Storm(PrivilegeTest):
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
    unittest.main()
