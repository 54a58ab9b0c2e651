"""perNodeCache: a real xfs in a file without a name. I4, I13, R11, R16; contract 4.3 with H4-9."""
import os
import shutil
import unittest

from mounts_site import MountsTest
from site_fixture import loops

SIZE = 320 << 20  # mkfs.xfs makes none below 300 MiB


class NodeCache(MountsTest):
    def setUp(self):
        super().setUp()
        self.place = f"{self.site.dir}/site/scratch"
        os.makedirs(self.place, exist_ok=True)
        os.chmod(self.place, 0o1777)
        self.config = f"perNodeCachePath={self.place}\nmkfsXfsPath={os.path.realpath(shutil.which('mkfs.xfs'))}\n"
        self.configured(self.config)
        self.volume = f"/any:/cache:perNodeCache=size={SIZE}"

    def test_it_is_an_xfs_of_the_callers_and_gone_at_the_end(self):
        launch = self.start("--image=id:a1", "-V", self.volume, "sh", "-c",
                            "echo it >/cache/file; stat -f -c '%T %b %S' /cache; stat -c '%u %g %a' /cache; grep ' /cache ' /proc/self/mountinfo; cat /cache/file; exec sleep 60")
        lines = [launch.stdout.readline() for _ in range(4)]
        kind, blocks, block_size = lines[0].split()
        self.assertEqual(kind, "xfs")
        self.assertLess(int(blocks) * int(block_size), SIZE)
        self.assertEqual(lines[1], f"{self.a.uid} {self.a.gid} 700\n")
        self.assertRegex(lines[2], r" rw,nosuid,nodev")
        self.assertEqual(lines[3], "it\n")
        self.assertEqual(os.listdir(self.place), [])  # no name, so nobody else opens it
        self.assertEqual(len([line for line in loops(self.site.dir) if "/site/scratch/" in line]), 1)
        launch.kill()
        launch.communicate()
        self.site.check(10)
        self.assertEqual(loops(self.site.dir), [])

    def test_it_may_be_below_a_directory_of_the_image_and_be_the_sites(self):
        self.site.write_config(self.config + f"siteFs=/any:/site-cache:perNodeCache=size={SIZE}\n")
        text = self.output("--image=id:a1", "-V", f"/any:/usr/share/new/cache:perNodeCache=size={SIZE}", "sh", "-c",
                           "stat -f -c %T /site-cache /usr/share/new/cache; touch /site-cache/x /usr/share/new/cache/x")
        self.assertEqual(text, "xfs\nxfs\n")

    def test_two_users_have_two(self):
        first = self.start("--image=id:a1", "-V", self.volume, "sh", "-c", "echo mine >/cache/mine; echo ready; exec sleep 60")
        self.assertEqual(first.stdout.readline(), "ready\n")
        self.assertEqual(self.output("--image=id:a1", "-V", self.volume, "ls", "/cache", user="b"), "")

    def test_R16_size_and_type_are_held_to_the_sites_limits(self):
        self.site.write_config(self.config + f"perNodeCacheSizeLimit={SIZE}\nperNodeCacheAllowedFsType=xfs\n")
        self.output("--image=id:a1", "-V", self.volume, "true")
        self.refused("--image=id:a1", "-V", f"/any:/cache:perNodeCache=size={SIZE + 1}", "true", because=f"{SIZE + 1} bytes are more than the site's limit of {SIZE}")
        self.site.write_config(self.config + "perNodeCacheAllowedFsType=ext4\n")
        self.refused("--image=id:a1", "-V", self.volume, "true", because="the site does not allow xfs (perNodeCacheAllowedFsType)")
        self.refused("--image=id:a1", "-V", "/any:/cache:perNodeCache=size=1G,fs=ext4", "true", because="the file system can only be xfs")
        self.site.write_config(self.config)
        done = self.shifter("--image=id:a1", "-V", self.volume, "sh", "-c", f"head -c {SIZE} /dev/zero >/cache/fill")
        self.assertIn("No space left on device", done.stderr)
        self.refused("--image=id:a1", "-V", "/any:/cache:perNodeCache=size=1M", "true", because="mkfs.xfs takes no less than 300M")

    def test_destinations_are_those_of_volumes(self):
        for to in ("/etc/cache", "/dev/cache", "/proc", self.home):
            done = self.shifter("--image=id:a1", "-V", f"/any:{to}:perNodeCache=size={SIZE}", "true")
            self.assertEqual((done.returncode, done.stdout), (1, ""), to)

    def test_I4_mkfs_and_the_directory_are_trusted_like_configuration(self):
        mine = f"{self.site.dir}/site/mkfs"
        with open(mine, "w") as out:
            out.write("#!/bin/sh\nexit 7\n")
        os.chmod(mine, 0o755)
        self.site.write_config(self.config + f"mkfsXfsPath={mine}\n")
        self.refused("--image=id:a1", "-V", self.volume, "true", because=f'"{mine}" ended with status 7')
        os.chown(mine, self.a.uid, -1)
        self.refused("--image=id:a1", "-V", self.volume, "true", because=f'cannot trust "{mine}"')
        self.site.write_config(self.config)
        os.chmod(self.place, 0o777)
        self.refused("--image=id:a1", "-V", self.volume, "true", because="writable by nobody else unless it is sticky")
        os.chmod(self.place, 0o1777)
        os.chown(self.place, self.a.uid, -1)
        self.refused("--image=id:a1", "-V", self.volume, "true", because="must be owned by root")
        os.chown(self.place, 0, -1)

    def test_I4_mkfs_runs_without_capabilities_on_a_file_of_roots(self):
        said = f"{self.site.dir}/said"
        mine = self.of_root("mkfs-show", f"#!/bin/sh\n(grep -E '^(Cap|NoNew|Uid)' /proc/self/status; stat -L -c '%u %a %h' /proc/self/fd/3; env; echo \"$@\") >{said}\nexit 1\n")
        os.close(os.open(said, os.O_CREAT | os.O_WRONLY, 0o600))
        self.addCleanup(os.unlink, said)
        self.site.write_config(self.config + f"mkfsXfsPath={mine}\n")
        self.refused("--image=id:a1", "-V", self.volume, "true", because="ended with status 1")
        with open(said) as stream:
            text = stream.read()
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertIn(f"{name}:\t0000000000000000\n", text)
        self.assertIn("Uid:\t0\t0\t0\t0\nCap", text)
        self.assertIn("NoNewPrivs:\t1\n", text)
        self.assertIn("\n0 600 0\n", text)  # root's, mode, no name
        self.assertIn("\n-q -f /proc/self/fd/3\n", text)
        self.assertNotIn("HOME=", text)

    def test_R11_killed_launches_leave_no_file_and_no_device(self):
        import time
        for delay in (0.01, 0.03, 0.06, 0.1, 0.15):
            launch = self.start("--image=id:a1", "-V", self.volume, "sleep", "30")
            time.sleep(delay)
            launch.kill()
            launch.communicate()
        self.site.check(15)
        self.assertEqual((os.listdir(self.place), loops(self.site.dir)), ([], []))


if __name__ == "__main__":
    unittest.main()
