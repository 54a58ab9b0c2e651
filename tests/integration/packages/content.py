"""What is in the Debian packages of this build: owners, modes, dependencies, lists. fresh_root.py beside it installs them."""
import collections
import functools
import os
import re
import subprocess
import tempfile
import unittest

import debian_packages

BUILD = os.environ["SHIFTER_TEST_BUILD"]
PREFIX = os.environ["SHIFTER_TEST_PREFIX"]
SYSCONFDIR = os.environ["SHIFTER_TEST_SYSCONFDIR"]

# What the programs and maintainer scripts of a package execute, or cannot do without, and which package has it.
EXECUTED = {"client": {"/usr/sbin/munged": "munge"},
            "gateway": {"/usr/sbin/munged": "munge", "/etc/ssl/certs": "ca-certificates", "/usr/bin/systemd-sysusers": "systemd",
                        "/usr/bin/systemd-tmpfiles": "systemd"},
            "slurm": {f"{PREFIX}/bin/shifter": "shifter-runtime", f"{PREFIX}/bin/shifterimg": "shifter-client",
                      "/usr/bin/scontrol": "slurm-client"}}


@functools.cache
def libraries(package: str) -> set[str]:
    """The names of the files that an installed package has; what is not installed, or ours, has none."""
    done = subprocess.run(["dpkg-query", "-L", package], capture_output=True, text=True)
    return {os.path.basename(path) for path in done.stdout.splitlines()}


class Content(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        out = tempfile.TemporaryDirectory(prefix="shifter-packages-")
        cls.addClassCleanup(out.cleanup)
        # Of one who builds for nobody but himself: what is installed is for all.
        before = os.umask(0o077)
        try:
            cls.packages = debian_packages.build(BUILD, f"{out.name}/debs")
        finally:
            os.umask(before)
        cls.tree = f"{out.name}/tree"
        for package in cls.packages.values():
            package.extract(cls.tree)

    def test_there_is_one_package_for_each_kind_of_machine(self):
        self.assertEqual(set(self.packages), {"runtime", "client", "gateway", "slurm", "docs"})
        for component, package in self.packages.items():
            self.assertEqual(package.field("Architecture"), "all" if component == "docs" else
                             debian_packages.run("dpkg", "--print-architecture").strip())
            for field in ("Version", "Maintainer", "Description", "Section", "Installed-Size"):
                self.assertNotEqual(package.field(field), "", field)

    def test_what_an_installation_brings_is_in_exactly_one_package(self):
        packaged = collections.Counter(entry.path for package in self.packages.values() for entry in package.files())
        self.assertEqual([path for path, count in packaged.items() if count != 1], [])
        installed = {f"{folder}/{name}" for folder, _, names in os.walk(PREFIX) for name in names}
        installed = {f"{path}.gz" if path.startswith(f"{PREFIX}/share/man/") else path for path in installed}
        # Sites, and tests, write other files there.
        installed = {path for path in installed if not path.startswith(f"{SYSCONFDIR}/") or path.endswith(".example")}
        self.assertEqual(installed ^ set(packaged), set())

    def test_all_is_of_root_for_all_to_read_and_one_file_is_set_id(self):
        set_id = []
        for _, package in self.packages.items():
            for entry in package.entries():
                self.assertEqual(entry.owner, "root/root", entry)
                self.assertFalse("w" in entry.mode[3:] and not entry.mode.startswith("l"), entry)
                self.assertNotIn("t", entry.mode[1:], entry)
                if "s" in entry.mode[1:]:
                    set_id.append((entry.mode, entry.path))
                elif entry.mode.startswith("d"):
                    self.assertEqual(entry.mode, "drwxr-xr-x", entry)
                elif entry.path == f"{PREFIX}/libexec/shifter/shifter-accounts":
                    self.assertEqual(entry.mode, "-rwx--x--x", entry)
                else:
                    self.assertIn(entry.mode, ("-rwxr-xr-x", "-rw-r--r--"), entry)
        self.assertEqual(set_id, [("-rwsr-xr-x", f"{PREFIX}/bin/shifter")])

    def test_files_of_the_configuration_folder_are_conffiles_and_examples(self):
        for component, package in self.packages.items():
            below = sorted(entry.path for entry in package.files() if entry.path.startswith(f"{SYSCONFDIR}/"))
            listed = package.control_file("conffiles").splitlines() if "conffiles" in package.control() else []
            self.assertEqual(listed, below)
            self.assertEqual([path for path in below if not path.endswith(".example")], [])
        self.assertEqual({path for package in self.packages.values() for path in (entry.path for entry in package.files())
                          if path.startswith(SYSCONFDIR)},
                         {f"{SYSCONFDIR}/udiRoot.conf.example", f"{SYSCONFDIR}/imagemanager.json.example"})

    def test_every_library_that_a_program_needs_is_of_a_package_that_it_depends_on(self):
        for component, package in self.packages.items():
            depends = package.depends()
            seen = 0
            for entry in package.files():
                file = self.tree + entry.path
                with open(file, "rb") as stream:
                    if stream.read(4) != b"\x7fELF":
                        continue
                seen += 1
                for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", debian_packages.run("readelf", "-d", file)):
                    if needed.startswith("ld-linux"):
                        continue
                    self.assertTrue(any(needed in libraries(name) for choice in depends for name in choice),
                                    f"{entry.path} needs {needed}, which is in none of {package.field('Depends')}")
            self.assertEqual(seen > 0, component != "docs")

    def test_every_program_that_is_executed_is_of_a_package_that_it_depends_on(self):
        for component, package in self.packages.items():
            for path, owner in EXECUTED.get(component, {}).items():
                self.assertTrue(os.path.exists(path), path)
                self.assertTrue(any(owner in choice for choice in package.depends()), f"{owner} for {path}")
        depends = self.packages["slurm"].field("Depends")
        version = self.packages["slurm"].field("Version")
        self.assertIn(f"shifter-runtime (>= {version})", depends)
        self.assertRegex(depends, r"slurm-client \(>= \d+\.\d+\), slurm-client \(<< \d+\.\d+\)")

    def test_maintainer_scripts_are_read_by_the_shell_and_name_this_prefix(self):
        found = set()
        for component, package in self.packages.items():
            for name in set(package.control()) & {"preinst", "postinst", "prerm", "postrm"}:
                text = package.control_file(name)
                found.add((component, name))
                checked = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""), name)
                self.assertEqual(re.findall(r"@\w+@", text), [], name)
                self.assertTrue(text.startswith("#!/bin/sh\n"), name)
        # Below /usr/lib CPack takes the plugin for a library, and adds scripts that call ldconfig.
        self.assertEqual(found - {("slurm", "postinst"), ("slurm", "postrm")}, {
            ("runtime", "postrm"), ("gateway", "postinst"), ("gateway", "prerm"), ("gateway", "postrm"), ("slurm", "prerm")})

    def test_the_unit_is_one_that_systemd_takes(self):
        unit = f"{self.tree}{PREFIX}/lib/systemd/system/shifter-gateway.service"
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True,
                              env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"})
        said = [line for line in done.stderr.splitlines() if "shifter-gateway" in line]
        self.assertEqual((done.returncode, said), (0, []), done.stderr)

    def test_programs_for_people_come_with_their_manual_page(self):
        for _, package in self.packages.items():
            files = {entry.path for entry in package.files()}
            for path in files:
                folder, name = os.path.split(path)
                # Of those in libexec, a person calls this one.
                if folder in (f"{PREFIX}/bin", f"{PREFIX}/sbin") or name == "shifter-mpi":
                    pages = {f"{PREFIX}/share/man/man{section}/{name}.{section}.gz" for section in "18"}
                    self.assertTrue(pages & files, f"no manual page for {path}")


if __name__ == "__main__":
    unittest.main()
