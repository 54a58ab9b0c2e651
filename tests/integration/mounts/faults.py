"""A call that fails while hooks run, an overlay is laid or a cache is made ends the launch, and leaves nothing: I7, R11."""
import os
import shutil
import subprocess
import unittest

from mounts_site import MountsTest

# What a whole launch prints: its mounts without numbers that change, what can be written, what the hook made.
SCRIPT = ("echo begun; while read -r a b c d point options rest; do echo $point $options; done </proc/self/mountinfo; cat /from-hook/file; ls -d /opt/udiImage/file;"
          "for i in / /usr /etc /usr/share/new /cache /memory; do touch $i/x 2>/dev/null && echo $i; done; echo whole")
# The calls of these parts, and which of them fail: the first that the launch makes are those of the other parts (privilege/faults.py).
CALLS = {"open_tree": (1, 9), "mount_setattr": (1, 2, 9), "move_mount": (2, 3, 4, 5), "fsopen": (2, 3, 4, 5, 6), "fsconfig": (3, 9, 14, 20),
         "fsmount": (2, 3, 4, 5), "mkdirat": (1, 2, 20), "fchownat": (1, 2, 3), "unshare": (1, 2), "pipe2": (1, 2, 3), "setresuid": (1, 2, 3, 4), "prlimit64": (3, 12),
         "fork,clone,clone3": (2, 3, 4, 5, 6), "ftruncate": (1,), "ioctl": (1, 2, 3, 4), "fchown": (1,), "fchmod": (1, 5), "dup2": (1, 4), "close_range": (2, 3, 4),
         "execve": (2, 3), "readlink": (1, 2, 3), "wait4": (1, 2)}


class Faults(MountsTest):
    def test_I7_a_call_that_fails_ends_the_launch(self):
        hook = self.of_root("hooks/make", "#!/bin/sh\nmkdir from-hook && echo made >from-hook/file\n")
        self.of_root("udi/file", "", 0o644)
        scratch = f"{self.site.dir}/site/scratch"
        os.makedirs(scratch, exist_ok=True)
        os.chmod(scratch, 0o1777)
        self.configured(f"sitePreMountHook={hook}\noptUdiImage={self.site.dir}/site/udi\nperNodeCachePath={scratch}\n"
                        f"mkfsXfsPath={os.path.realpath(shutil.which('mkfs.xfs'))}\n")
        cache = ["-V", "/any:/cache:perNodeCache=size=320M"]
        common = ["-V", f"{self.home}/data:/usr/share/new", "--mount", "type=tmpfs,dst=/memory"]
        for arguments, calls in ((common, CALLS), (["--writable", *common], ("unshare", "pipe2", "fchownat", "mount_setattr", "mkdirat", "wait4")), ([*cache, *common], ("ioctl", "ftruncate", "fchown", "setresuid", "fork,clone,clone3"))):
            whole = self.output("--image=id:a1", *arguments, "sh", "-c", SCRIPT)
            for needed in ("made", "/opt/udiImage/file", "/usr/share/new", "/memory", "/cache" if cache[0:2] == arguments[0:2] else "", "/etc\n" if "--writable" in arguments else ""):
                self.assertIn(needed, whole)
            failed = 0
            for call in calls:
                for when in CALLS[call]:
                    with self.subTest(call=call, when=when, arguments=arguments):
                        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=ENOMEM:when={when}", "-u", self.a.name,
                                   self.site.program("shifter"), "--image=id:a1", *arguments, "sh", "-c", SCRIPT]
                        done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, timeout=60)
                        if done.returncode == 0:  # a call that this launch does not make so often, or that may fail
                            self.assertEqual(done.stdout, whole, done.stderr)
                        else:
                            failed += 1
                            self.assertIn(done.returncode, (1, 2, 126), done.stderr)
                            self.assertTrue(done.stdout == "" or done.stdout.startswith("begun"), done.stdout)
                            self.assertNotEqual(done.stderr, "")
            self.assertGreater(failed, 5)
            self.site.check(15)
            self.assertEqual(os.listdir(scratch), [])


if __name__ == "__main__":
    unittest.main()
