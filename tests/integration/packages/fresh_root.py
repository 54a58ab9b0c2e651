#!/usr/bin/env python3
"""The Debian packages on a fresh Debian 12 with systemd, as an admin has it: install, configure, run, upgrade, remove, purge.

usage: fresh_root.py BUILD_FOLDER [unittest's arguments]     BUILD_FOLDER: of a build for /usr; sudo tests/run packages makes one

The tests are one story, in the order of their names. Needs root; Debian's packages are fetched the first time.
"""
import json
import os

from on_fresh_machine import OnFreshMachine, main

# What a removal leaves by rule (docs/how-to/install.md), and what Debian's own programs write.
LEFT = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/var/lib/dpkg/", "/var/lib/apt/", "/var/lib/systemd/", "/var/log/",
        "/var/cache/", "/etc/.pwd.lock", "/var/tmp/", "/var/lib/munge/", "/etc/.updated", "/var/.updated")


class FreshRoot(OnFreshMachine):
    first = "/root/packages/shifter-*.deb"

    def tree(self) -> set[str]:
        found = set(self.ok("find / -xdev -path /root/packages -prune -o -print").splitlines())
        return {path for path in found if not path.startswith(LEFT)}

    def test_1_installing_brings_an_account_and_a_service_that_is_not_enabled(self):
        simulated = self.ok(f"apt-get install -y --simulate {self.first}")
        others = sorted({line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ")} -
                        {package.name for package in self.packages.values()})
        self.ok(f"apt-get install -y --no-install-recommends {' '.join(others)}")
        self.ok("useradd --create-home ann")
        type(self).before = self.tree()
        said = self.ok(f"apt-get install -y {self.first} 2>&1")
        self.assertNotIn("warning", said.lower())
        self.assertRegex(self.ok("getent passwd shifter"), r"^shifter:x:\d+:\d+:Shifter image gateway:/var/lib/shifter:/usr/sbin/nologin$")
        self.assertEqual(self.ok("stat -c '%a %U %G' /var/lib/shifter /usr/bin/shifter /etc/shifter"),
                         "700 shifter shifter\n4755 root root\n755 root root\n")
        self.assertEqual(self.machine.run("systemctl is-enabled shifter-gateway").stdout, "disabled\n")
        self.assertEqual(self.machine.run("systemctl is-active shifter-gateway").stdout, "inactive\n")
        self.assertEqual(self.ok("dpkg --audit"), "")
        self.assertEqual(self.ok("dpkg --verify " + " ".join(package.name for package in self.packages.values())), "")

    def test_2_every_program_says_what_it_is(self):
        version = self.packages["runtime"].field("Version")
        for package in self.packages.values():
            for entry in package.files():
                folder, name = os.path.split(entry.path)
                if folder in ("/usr/bin", "/usr/sbin") or name == "shifter-mpi":
                    self.assertIn("usage", self.ok(f"{entry.path} --help").lower(), entry.path)
                    self.assertIn(version, self.ok(f"{entry.path} --version"), entry.path)
                if entry.mode.startswith("-rwx"):
                    self.assertNotIn("not found", self.machine.run(f"ldd {entry.path}").stdout, entry.path)

    def test_3_the_gateway_serves_from_its_unit_and_a_user_runs_an_image(self):
        self.ok("systemctl start munge && install -d -o shifter -g shifter -m 0755 /images")
        registry = self.start_registry("org/small:1")
        config = json.loads(self.ok("cat /etc/shifter/imagemanager.json.example"))
        config["Locations"][registry] = {"url": f"http://{registry}"}
        config["Platforms"] = {"mycluster": config["Platforms"]["mysystem"]}
        self.ok(f"cat >/etc/shifter/imagemanager.json <<'END'\n{json.dumps(config)}\nEND")
        self.ok("shifter-gateway --check-config && systemctl enable --now shifter-gateway 2>&1")
        self.ready()
        self.assertEqual(self.ok("ps -o user= -C shifter-gateway || stat -c %U /proc/$(systemctl show -p MainPID --value shifter-gateway)")
                         .strip(), "shifter")
        self.ok("cp /etc/shifter/udiRoot.conf.example /etc/shifter/udiRoot.conf")
        self.ok("shifter --check-config")
        self.ok(f"shifterimg pull {registry}/org/small:1", "ann")
        self.assertIn("org/small:1", self.ok("shifterimg images", "ann"))
        self.assertIn("(ann)", self.ok(f"shifter --image={registry}/org/small:1 id", "ann"))
        self.assertIn(" 0 failed", self.ok("shifter doctor", "ann"))

    def test_4_a_reinstallation_and_an_upgrade_keep_the_site_s_files_and_the_service(self):
        main_pid = "systemctl show -p MainPID --value shifter-gateway"
        config = self.ok("cat /etc/shifter/imagemanager.json /etc/shifter/udiRoot.conf")
        before = self.ok(main_pid)
        # The second as docs/how-to/install.md has it.
        for way in ([f"apt-get install -y --reinstall {self.first}"],
                    ["systemctl stop shifter-gateway", "cp -a /var/lib/shifter/cache/catalog.sqlite* /root/",
                     "apt-get install -y /root/packages/newer-*.deb", "systemctl start shifter-gateway"]):
            for command in way:
                self.ok(command)
            self.ready()
            self.assertEqual(self.ok("systemctl is-active shifter-gateway; systemctl is-enabled shifter-gateway"), "active\nenabled\n")
            self.assertNotEqual(self.ok(main_pid), before)
            before = self.ok(main_pid)
            self.assertEqual(self.ok("cat /etc/shifter/imagemanager.json /etc/shifter/udiRoot.conf"), config)
            self.assertIn("org/small:1", self.ok("shifterimg images", "ann"))
        self.ok("rm /root/catalog.sqlite*")

    def test_5_a_plugin_that_plugstack_names_is_not_removed(self):
        self.ok("mkdir -p /etc/slurm && echo required /usr/lib/shifter/shifter_slurm.so >/etc/slurm/plugstack.conf")
        refused = self.machine.run("apt-get remove -y shifter-slurm")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("/etc/slurm/plugstack.conf names /usr/lib/shifter/shifter_slurm.so", refused.stdout + refused.stderr)
        self.ok("test -e /usr/lib/shifter/shifter_slurm.so && rm /etc/slurm/plugstack.conf && rmdir --ignore-fail-on-non-empty /etc/slurm")

    def test_6_a_removal_stops_the_service_and_an_installation_brings_it_back(self):
        names = " ".join(package.name for package in self.packages.values())
        self.ok(f"apt-get remove -y {names}")
        self.assertNotEqual(self.machine.run("systemctl is-active shifter-gateway").stdout, "active\n")
        self.ok("test -e /var/lib/shifter/cache/catalog.sqlite -a -e /etc/shifter/imagemanager.json")
        self.ok(f"apt-get install -y {self.first}")
        self.assertEqual(self.machine.run("systemctl is-enabled shifter-gateway").stdout, "enabled\n")

    def test_7_a_purge_leaves_the_account_and_what_the_site_wrote(self):
        self.ok("apt-get purge -y " + " ".join(package.name for package in self.packages.values()))
        left = {path for path in self.tree() - self.before if not path.startswith(("/images/", "/home/ann/"))}
        self.assertEqual(left, {"/images", "/etc/shifter", "/etc/shifter/imagemanager.json", "/etc/shifter/udiRoot.conf"})
        self.assertEqual(self.machine.run("getent passwd shifter").returncode, 0)
        self.assertEqual(self.ok("find / -xdev -xtype l -name '*shifter*'"), "")


if __name__ == "__main__":
    main(__doc__, FreshRoot)
