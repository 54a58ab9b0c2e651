"""Names for the caller's numbers: by files, by the name service, and what cannot be believed of either. I3, I6, I19, R12."""
import os
import shutil
import subprocess
import unittest
from contextlib import contextmanager

from privilege_site import PrivilegeTest
from site_fixture import PREFIX

HELPER = f"{PREFIX}/libexec/shifter/shifter-accounts"
LOOK = ("--image=id:a1", "cat", "/etc/passwd", "/etc/group")


class Accounts(PrivilegeTest):
    @contextmanager
    def instead(self, path: str, text: str, mode: int = 0o644):
        """`path` says something else for a while."""
        other = f"{self.site.dir}/instead-{os.path.basename(path)}"
        with open(other, "w") as out:
            out.write(text)
        os.chmod(other, mode)
        subprocess.run(["mount", "--bind", other, path], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", path], check=True)

    @contextmanager
    def config(self, text: str):
        self.site.write_config(text)
        try:
            yield
        finally:
            self.site.write_config()

    @contextmanager
    def etc_without(self, *names: str):
        """The node's /etc lacks files for a while: in an overlay of this test's namespace."""
        layers = f"{self.site.dir}/etc-layers"
        for folder in ("upper", "work"):
            os.makedirs(f"{layers}/{folder}", mode=0o755)
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir=/etc,upperdir={layers}/upper,workdir={layers}/work", "overlay", "/etc"], check=True)
        try:
            for name in names:
                os.unlink(f"/etc/{name}")
            yield
        finally:
            subprocess.run(["umount", "/etc"], check=True)
            shutil.rmtree(layers)

    def nsswitch(self, services: str):
        return self.instead("/etc/nsswitch.conf", f"passwd: {services}\ngroup: {services}\n")

    def test_files_and_the_name_service_say_the_same(self):
        with self.nsswitch("files"), self.instead(HELPER, "", 0o644):  # which cannot be executed, and is not needed
            by_files = self.output(*LOOK)
        who = self.site.users["a"]
        self.assertIn(f"{who.name}:x:{who.uid}:{who.gid}:", by_files)
        self.assertIn(f"shifter-test-extra:x:{who.groups[-1]}:{who.name}\n" if who.groups[-1] != who.gid else "", by_files)
        for services in ("systemd files", "files [NOTFOUND=return] systemd"):
            with self.subTest(services=services), self.nsswitch(services):
                self.assertEqual(self.output(*LOOK), by_files)
        with self.nsswitch("systemd files"), self.instead(HELPER, "", 0o644):  # it was asked, indeed
            self.refused(*LOOK, because="shifter-accounts")

    def test_a_node_without_hosts_or_resolv_conf_gives_empty_ones(self):
        """Contract 5.6, step 2: users expect a launch; and the image's files, of another place, are not shown instead."""
        for missing in (["hosts"], ["resolv.conf"], ["hosts", "resolv.conf"]):
            with self.subTest(missing=missing), self.etc_without(*missing):
                for name in ("hosts", "resolv.conf"):
                    with self.subTest(file=name):
                        content = ""
                        if name not in missing:
                            with open(f"/etc/{name}") as stream:
                                content = stream.read()
                        self.assertEqual(self.output("--image=id:a1", "cat", f"/etc/{name}"), content)
        with self.etc_without("hosts"):
            done = self.shifter("--image=id:a1", "-v", "true")
            self.assertIn("this node has no /etc/hosts; the container's is empty", done.stderr)
            os.mkfifo("/etc/hosts")  # what is there has to be a file, as ever
            self.refused("--image=id:a1", "true", because='cannot copy "/etc/hosts" into the container: it is not a regular file')

    def test_imports_come_from_the_name_service_with_their_groups(self):
        with self.config("usersToImport=daemon\n"):
            text = self.output(*LOOK)
        self.assertRegex(text, r"(?m)^daemon:x:1:1:")
        with self.config("usersToImport=no-such-account\n"):
            self.refused(*LOOK, because='usersToImport names "no-such-account", which is no account')

    def test_I6_nobody_but_root_can_read_the_program_whose_answer_is_believed(self):
        self.assertEqual(os.stat(HELPER).st_mode & 0o777, 0o711)
        self.assertNotEqual(self.site.run("/bin/cat", HELPER).returncode, 0)

    def test_a_name_service_that_fails_ends_the_launch_in_words(self):
        for text, because in (("#!/bin/sh\nexit 3\n", "shifter-accounts"), ("#!/bin/sh\nprintf -- '-a reason'; exit 1\n", "a reason"),
                              ("#!/bin/sh\nprintf -- '+half'\n", "no whole account"), ("#!/bin/sh\nkill -9 $$\n", "shifter-accounts")):
            with self.subTest(text=text), self.config("usersToImport=daemon\n"), self.instead(HELPER, text, 0o755):
                self.refused(*LOOK, because=because)

    def test_R12_a_name_service_that_hangs_ends_the_launch(self):
        with self.config("usersToImport=daemon\nlaunchTimeout=2\n"), self.instead(HELPER, "#!/bin/sh\nexec sleep 60\n", 0o755):
            done = self.shifter(*LOOK, timeout=20)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("2 s", done.stderr)

    def test_I3_no_module_and_no_variable_comes_into_the_name_service(self):
        with self.config("usersToImport=daemon\n"), self.instead(HELPER, "#!/bin/sh\nprintf -- \"-%s\" \"$(tr '\\0' ' ' </proc/$$/environ)|\"; exit 1\n", 0o755):
            self.refused(*LOOK, because="shifter: |", env={"LD_PRELOAD": "/tmp/evil.so", "GETCONF_DIR": "/tmp"})

    def test_a_configuration_with_mistakes_keeps_nobody_from_help_and_is_told_once_at_a_launch(self):
        with self.config("noSuchKey=1\n"):
            help_ = self.shifter("--help")
            self.assertEqual((help_.returncode, help_.stderr), (0, ""))
            done = self.shifter("--image=id:a1", "true")
            self.assertEqual((done.returncode, done.stderr.count("noSuchKey")), (0, 1), done.stderr)
        with self.config("launchTimeout=never\n"):
            self.assertEqual(self.shifter("--help").returncode, 0)
            self.refused("--image=id:a1", "true", because="launchTimeout")


if __name__ == "__main__":
    unittest.main()
