"""What a site adds to each container: hooks, optUdiImage, modules, propagation, a writable root for root. I4, I7, I13, I37; contract 5.3, 5.4."""
import os
import re
import time
import unittest

from mounts_site import MountsTest
from site_fixture import descendants


class SitesParts(MountsTest):
    def hook(self, name: str, body: str, first: str = "#!/bin/sh") -> str:
        return self.of_root(f"hooks/{name}", f"{first}\n{body}\n")

    # Hooks.

    def test_hooks_run_as_root_in_the_root_in_the_order_of_the_contract(self):
        said = f"{self.site.dir}/said"
        say = (f'echo "$SHIFTER_HOOK $(pwd) $(id -u):$(id -g):$(stat -c %u /proc/self) $SHIFTER_USER $SHIFTER_UID $SHIFTER_GID $SHIFTER_IMAGE ${{SHIFTER_MODULE:-none}} '
               f'$(test -e home/{self.a.name} && echo home) $(test -e etc/passwd && echo etc)" >>{said}')
        self.configured(f"sitePreMountHook={self.hook('pre', say + '; mkdir from-hook; echo of-hook >from-hook/file')}\n"
                        f"sitePostMountHook={self.hook('post', say)}\n"
                        f"module_m_roothook={self.hook('module', say)}\ndefaultModules=m\n")
        self.addCleanup(os.unlink, said)
        self.assertEqual(self.output("--image=id:a1", "cat", "/from-hook/file"), "of-hook\n")
        who = f"0:0:0 {self.a.name} {self.a.uid} {self.a.gid} a1"
        root = f"{self.site.dir}/udi/root"
        with open(said) as stream:
            self.assertEqual([" ".join(line.split()) for line in stream],
                             [f"sitePreMountHook {root} {who} none", f"sitePostMountHook {root} {who} none home", f"module_m_roothook {root} {who} m home etc"])

    def test_I4_a_hook_gets_our_environment_and_standard_descriptors_and_no_shell_of_ours(self):
        said = f"{self.site.dir}/said"
        hook = self.hook("show", f"(env; ls -l /proc/self/fd | sed 's/.* \\([0-9]* -> \\)/\\1/'; grep -E '^(Sig|Umask|Cap|NoNew)' /proc/self/status) >{said}")
        self.configured(f"sitePreMountHook={hook}\n")
        self.addCleanup(os.unlink, said)
        with open("/dev/null") as passed:
            self.output("--image=id:a1", "true", env={"LD_PRELOAD": "/x.so", "BASH_ENV": "/x", "ENV": "/x", "IFS": "/", "PATH": "/home/evil"}, pass_fds=[passed.fileno()])
        with open(said) as stream:
            text = stream.read()
        names = {line.split("=")[0] for line in text.splitlines() if "=" in line}
        self.assertEqual(names, {"PATH", "PWD", "SHIFTER_HOOK", "SHIFTER_ROOT", "SHIFTER_IMAGE", "SHIFTER_USER", "SHIFTER_UID", "SHIFTER_GID"})
        self.assertIn("PATH=/usr/sbin:/usr/bin:/sbin:/bin\n", text)
        self.assertIn("0 -> /dev/null\n", text)
        numbers = [int(line.split(" -> ")[0]) for line in text.splitlines() if " -> " in line]
        self.assertLessEqual(len(numbers), 4, text)  # 0, 1, 2, and ls's own
        self.assertIn("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", text)
        self.assertIn("Umask:\t0022\n", text)
        # Where there is no hook, nothing can have any: privilege/identity.py.
        with open("/proc/self/status") as stream:
            ours = re.search(r"CapEff:\t\w+\n", stream.read())[0]
        self.assertIn(ours, text)
        self.assertIn("NoNewPrivs:\t0\n", text)

    def test_I7_the_callers_limits_are_not_the_hooks(self):
        import resource
        said = f"{self.site.dir}/said"
        self.configured(f"sitePreMountHook={self.hook('limits', f'ulimit -a >{said}; echo $(seq 1000) >>{said}')}\n")
        self.addCleanup(os.unlink, said)

        def before():
            for what, value in ((resource.RLIMIT_CPU, 3), (resource.RLIMIT_NPROC, 5), (resource.RLIMIT_DATA, 64 << 20), (resource.RLIMIT_NOFILE, 40)):
                resource.setrlimit(what, (value, resource.getrlimit(what)[1]))  # a root without CAP_SYS_RESOURCE cannot raise hard limits
        self.output("--image=id:a1", "true", preexec_fn=before)
        with open(said) as stream:
            text = stream.read()
        for name in ("time", "file", "data"):
            self.assertRegex(text, rf"(?m)^{name}.*unlimited$")
        self.assertNotRegex(text, r"(?m)^process.* 5$")
        self.assertRegex(text, r"(?m)^nofiles.* 1024$")
        self.assertTrue(text.endswith(" 1000\n"))

    def test_I7_a_hook_that_fails_ends_the_launch_with_one_line(self):
        for key in ("sitePreMountHook", "sitePostMountHook", "module_m_roothook"):
            for body, why in (("exit 3", "ended with status 3"), ("kill -9 $$", "was ended by signal 9")):
                path = self.hook(f"bad-{key}", body)
                self.site.write_config(f"{key}={path}\nmodule_m_enabled=1\ndefaultModules=m\n")
                self.refused("--image=id:a1", "true", because=f'cannot run the hook {key}: "{path}" {why}')
        self.site.write_config()

    def test_I37_hooks_that_others_could_change_are_refused(self):
        user = self.a
        for number, spoil in enumerate((lambda p: os.chmod(p, 0o757), lambda p: os.chmod(p, 0o775), lambda p: os.chown(p, user.uid, -1),
                                        lambda p: os.chmod(os.path.dirname(p), 0o777))):
            path = self.of_root(f"hooks{number}/hook", "#!/bin/sh\n")
            spoil(path)
            self.site.write_config(f"sitePreMountHook={path}\n")
            self.refused("--image=id:a1", "true", because=f'cannot trust "{path}"')
        self.site.write_config(f"sitePreMountHook={self.site.dir}/site/none\n")
        self.refused("--image=id:a1", "true", because="No such file or directory")
        self.site.write_config()

    def test_hooks_as_sites_have_them_are_given_to_the_shell(self):
        for name, text, mode in (("plain", "#!/bin/sh\necho from $0\n", 0o644), ("no-interpreter", "echo from $0\n", 0o755)):
            path = self.of_root(name, text, mode)
            self.site.write_config(f"sitePreMountHook={path}\n")
            done = self.shifter("--image=id:a1", "true")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"from {path}\n", ""))
            self.of_root(name, "exit 3\n", mode)
            self.refused("--image=id:a1", "true", because=f'cannot run the hook sitePreMountHook: "{path}" ended with status 3')
        self.site.write_config()

    def test_R12_a_hook_that_hangs_is_ended_with_the_launch(self):
        self.configured(f"sitePreMountHook={self.hook('hangs', 'exec sleep 987')}\nlaunchTimeout=1\n")
        began = time.monotonic()
        done = self.shifter("--image=id:a1", "true")
        self.assertLess(time.monotonic() - began, 15)
        self.assertIn("was ended while running the site's hooks", done.stderr)
        time.sleep(0.2)
        self.assertFalse([line for _, line in descendants() if "987" in line])

    def test_a_userhook_is_the_users_with_the_containers_environment(self):
        tree = self.of_root("tree/hook.sh", 'echo "hook $(id -u) $MINE $LAST $PATH"; touch /usr/no 2>/dev/null || echo read-only; pwd\n', 0o644)
        self.configured(f"module_m_copyPath={os.path.dirname(tree)}\nmodule_m_userhook=/opt/udiImage/modules/m/hook.sh\nmodule_m_siteEnv=LAST=site\n")
        self.assertEqual(self.output("--image=id:a1", "-m", "m", "-e", "MINE=1", "sh", "-c", "echo command", cwd="/tmp"),
                         f"hook {self.a.uid} 1 site /bin\nread-only\n/tmp\ncommand\n")
        self.of_root("tree/hook.sh", "exit 4\n", 0o644)
        self.refused("--image=id:a1", "-m", "m", "true", because='the userhook "/opt/udiImage/modules/m/hook.sh" of module "m" ended with status 4')

    # Trees, modules, propagation.

    def test_optUdiImage_and_copyPath_are_shown_read_only(self):
        self.of_root("udi/bin/tool", "#!/bin/sh\necho tool\n")
        self.of_root("udi/modules/old/file", "of optUdiImage\n", 0o644)
        self.of_root("udi/file", "plain\n", 0o644)
        if not os.path.lexists(f"{self.site.dir}/site/udi/link"):
            os.symlink("bin/tool", f"{self.site.dir}/site/udi/link")
        self.of_root("mpi/lib64/libmpi.so", "mpi\n", 0o644)
        self.configured(f"optUdiImage={self.site.dir}/site/udi\nmodule_mpi_copyPath={self.site.dir}/site/mpi\n"
                        "module_mpi_siteEnvPrepend=LD_LIBRARY_PATH=/opt/udiImage/modules/mpi/lib64\nmodule_mpi_siteFs=/usr/share/doc:/usr/share/doc-of-node\n"
                        "module_other_conflict=mpi\n")
        text = self.shifter("--image=id:a1", "--module=mpi", "sh", "-c",
                            "/opt/udiImage/bin/tool; /opt/udiImage/link; cat /opt/udiImage/file /opt/udiImage/modules/old/file /opt/udiImage/modules/mpi/lib64/libmpi.so;"
                            "echo $LD_LIBRARY_PATH; ls -d /usr/share/data; ls -d /usr/share/doc-of-node/bash; touch /opt/udiImage/bin/x 2>&1; cat /proc/self/mountinfo").stdout
        self.assertEqual(text.splitlines()[:8], ["tool", "tool", "plain", "of optUdiImage", "mpi", "/opt/udiImage/modules/mpi/lib64", "/usr/share/data", "/usr/share/doc-of-node/bash"])
        self.assertIn("Read-only file system", text)
        for line in text.splitlines():
            if " /opt/udiImage" in line:
                self.assertRegex(line.split()[5], "^ro,nosuid,nodev")
        self.assertEqual(self.output("--image=id:a1", "ls", "/opt/udiImage/modules"), "old\n")
        self.refused("--image=id:a1", "-m", "mpi,other", "true", because="exclude each other")

    def test_R16_a_directory_of_a_tree_has_at_most_a_thousand_entries(self):
        for number in range(1000):
            self.of_root(f"large/f{number}")
        self.configured(f"optUdiImage={self.site.dir}/site/large\n")
        self.assertIn("f999\n", self.output("--image=id:a1", "ls", "/opt/udiImage"))
        self.of_root("large/more")
        self.refused("--image=id:a1", "true", because="it has more than 1000 entries")

    def test_I37_trees_that_others_could_change_are_refused(self):
        path = os.path.dirname(self.of_root("open/file"))
        os.chmod(path, 0o777)
        for key in ("optUdiImage", "module_m_copyPath"):
            self.site.write_config(f"{key}={path}\nmodule_m_enabled=1\ndefaultModules=m\n")
            self.refused("--image=id:a1", "true", because=f'cannot trust "{path}": everybody can write it')
        self.site.write_config()

    def test_mountPropagationStyle_and_the_flags_of_an_entry(self):
        place = f"{self.site.dir}/site/shared"
        os.makedirs(place, exist_ok=True)
        for style, flag, wanted in (("private", "", ""), ("slave", "", "master:"), ("private", ":slave", "master:"), ("slave", ":private", "")):
            self.site.write_config(f"mountPropagationStyle={style}\nsiteFs={place}:/shared{flag}\n")
            lines = [line for line in self.output("--image=id:a1", "cat", "/proc/self/mountinfo").splitlines() if line.split()[4] == "/shared"]
            self.assertEqual(len(lines), 1)
            self.assertEqual("master:" in lines[0], wanted != "", f"{style}{flag}: {lines[0]}")
            self.assertNotIn("shared:", lines[0])
        self.site.write_config()

    def test_mountUdiRootWritable_leaves_the_root_to_root(self):
        for value, option in (("0", "ro"), ("1", "rw")):
            self.site.write_config(f"mountUdiRootWritable={value}\n")
            done = self.shifter("--image=id:a1", "sh", "-c", "touch /x; cat /proc/self/mountinfo")
            root = next(line for line in done.stdout.splitlines() if line.split()[4] == "/")
            self.assertEqual(root.split()[5].split(",")[0], option)
            self.assertIn("Read-only file system" if value == "0" else "Permission denied", done.stderr)
        self.site.write_config()


if __name__ == "__main__":
    unittest.main()
