"""shifter doctor: a healthy node is well, and each of many planted faults is found, with advice."""
import json
import os
import shutil
import subprocess
import unittest
from contextlib import contextmanager

from modes import differs
from site_fixture import PREFIX, SYSCONFDIR, Site, _check, _libc

MS_BIND = 4096


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.id = cls.site.pull("org/small:1")
        # The tests' machine may lack a file system of a real node, and Slurm; both are made, so that only what is planted is found.
        cls.modules = f"{cls.site.dir}/filesystems"
        with open("/proc/filesystems") as stream, open(cls.modules, "w") as out:
            out.write(stream.read() + "nodev\toverlay\nnodev\tfuse\n\tsquashfs\n")
        cls.slurm = f"{cls.site.dir}/slurm"
        os.mkdir(cls.slurm)
        cls.empty = f"{cls.site.dir}/empty"
        open(cls.empty, "w").close()

    def setUp(self):
        self.addCleanup(self.site.write_config)

    def doctor(self, *words, user="a", **more):
        return self.site.run("shifter", "doctor", *words, user=user, **more)

    def findings(self, **more):
        done = self.doctor("--json", **more)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report["status"] == "failed" else 0)
        self.assertEqual(set(report), {"status", "checks"})
        for check in report["checks"]:  # as docs/how-to/find-out-why.md tells
            self.assertEqual(list(check), ["name", "status", "what", "advice"])
            self.assertIn(check["status"], ("ok", "warning", "failed"))
            self.assertEqual(check["advice"] == "", check["status"] == "ok", check)
        return {check["name"]: check for check in report["checks"]}

    def assertFinds(self, name: str, what: str, advice: str, status: str = "failed", **more):
        found = self.findings(**more)
        self.assertEqual(found[name]["status"], status, found[name])
        self.assertIn(what, found[name]["what"])
        self.assertIn(advice, found[name]["advice"])
        # For people it is one line and one line of advice.
        lines = self.doctor(**more).stdout.splitlines()
        at = next(i for i, line in enumerate(lines) if line.split("  ")[0] in ("FAILED", "warning") and name in line)
        self.assertIn(what, lines[at])
        self.assertTrue(lines[at + 1].strip().startswith("-> "), lines)

    @contextmanager
    def bound(self, source: str, target: str):
        """A file or folder in the place of another, for this test's namespace."""
        _check(_libc.mount(source.encode(), target.encode(), None, MS_BIND, None), f"cannot bind {source} to {target}")
        try:
            yield
        finally:
            _check(_libc.umount2(target.encode(), 2), f"cannot unmount {target}")

    def config_with(self, **changes):
        """The site's configuration with other values; None leaves a key out."""
        self.site.write_config("".join(f"{key}={value}\n" for key, value in changes.items()))

    def test_a_healthy_node_is_well(self):
        with self.bound(self.modules, "/proc/filesystems"):
            done = self.doctor(env={"SLURM_CONF": f"{self.slurm}/none/slurm.conf"})  # whatever Slurm the machine has
            self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
            self.assertIn(" 0 failed\n", done.stdout)
            for name in ("set-id bit", "configuration", "programs", "squashfs", "loop devices", "imagePath", "mount points", "munge", "gateway"):
                state = "warning" if name == "set-id bit" and differs("squashfuse") else "ok     "
                self.assertRegex(done.stdout, rf"(?m)^{state}  {name} ")

    def test_root_is_examined_like_anybody_and_sees_more(self):
        self.site.users["root"] = type(self.site.users["a"])("root", 0, 0, [0], "/root")
        self.addCleanup(self.site.users.pop, "root")
        done = self.doctor("--json", user="root")
        self.assertEqual(json.loads(done.stdout)["status"] != "", True)
        os.chmod(f"{self.site.dir}/images", 0o711)
        self.addCleanup(os.chmod, f"{self.site.dir}/images", 0o755)
        self.assertIn("only root and the gateway may list", self.findings()["images"]["what"])

    def test_the_doctor_has_no_privilege(self):
        """I2: it runs as its caller, for good."""
        probe = f"{self.site.dir}/probe"
        with open(probe, "w") as out:
            out.write("#!/bin/sh\ngrep -E '^(Uid|CapEff|CapBnd|NoNewPrivs)' /proc/self/status\n")
        os.chmod(probe, 0o755)
        with self.bound(probe, f"{PREFIX}/libexec/shifter/shifter-doctor"):
            status = dict(line.split(":\t") for line in self.doctor().stdout.splitlines())
        uid = str(self.site.users["a"].uid)
        had = {"CapBnd": status["CapBnd"], "NoNewPrivs": "0"} if differs("front end") else {"CapBnd": "0" * 16, "NoNewPrivs": "1"}
        self.assertEqual(status, {"Uid": "\t".join([uid] * 4), "CapEff": "0" * 16, **had})

    def test_a_command_that_is_called_doctor_still_runs(self):
        for words in (("--", "doctor"), ("-v", "doctor")):
            done = self.site.run("shifter", *words, env={"SHIFTER_IMAGETYPE": "id", "SHIFTER_IMAGE": self.id})
            self.assertEqual((done.returncode, done.stderr.splitlines()[-1]), (127, f"{PREFIX}/bin/shifter: doctor: No such file or directory"))

    # The faults.

    def test_fault_01_the_set_id_bit_is_lost(self):
        plain = f"{self.site.dir}/plain"
        shutil.copy(f"{PREFIX}/bin/shifter", plain)
        os.chmod(plain, 0o755)
        with self.bound(plain, f"{PREFIX}/bin/shifter"), self.bound("/dev/null", "/dev/fuse"):
            everything = self.findings()
        self.assertEqual(everything["fuse"]["status"], "failed")  # squashfuse is the only way then
        found = everything["set-id bit"]
        self.assertNotEqual(found["status"], "ok")
        self.assertIn("is not set-id root", found["what"])
        self.assertIn(f"chmod 4755 {PREFIX}/bin/shifter", found["advice"])

    def test_fault_02_the_configuration_has_a_mistake(self):
        self.site.write_config("launchTimeout=soon\n")
        self.assertFinds("configuration", "launchTimeout: \"soon\" is not a number", "correct it; shifter --check-config shows the same")

    def test_fault_03_others_can_write_the_configuration(self):
        os.chmod(f"{self.site.dir}/etc/udiRoot.conf", 0o666)
        self.assertFinds("configuration", "everybody can write it", f"as root: chmod go-w {SYSCONFDIR}/udiRoot.conf")

    def test_fault_04_others_can_write_the_images(self):
        os.chmod(f"{self.site.dir}/images", 0o777)
        self.addCleanup(os.chmod, f"{self.site.dir}/images", 0o755)
        self.assertFinds("imagePath", "everybody can write it", f"as root: chmod go-w {self.site.dir}/images")

    def test_fault_05_an_image_belongs_to_somebody_else(self):
        path = f"{self.site.dir}/images/{self.id}.squashfs"
        owner = os.stat(path)
        os.chown(path, 12345, -1)
        self.addCleanup(os.chown, path, owner.st_uid, owner.st_gid)
        self.assertFinds("images", f"{path} is not a file of root or", f"as root: chown {'shifter-test-gw'} {path}")

    def test_fault_06_udiMount_lies_where_everybody_can_write(self):
        self.config_with(udiMount="/tmp/udi")
        self.assertFinds("mount points", "udiMount: cannot trust \"/tmp\"", "as root: chmod go-w /tmp")

    def test_fault_07_the_sites_accounts_are_missing(self):
        self.config_with(populateEtcDynamically=0)
        self.assertFinds("etcPath", f"cannot read {self.site.dir}/etc/files/passwd: No such file or directory", "put it there")

    def test_fault_08_munged_does_not_answer(self):
        self.site.munged.stop()
        try:
            self.assertFinds("munge", "no credential can be made: ", "systemctl start munge")
        finally:
            from services import start_munged
            self.site.munged = start_munged(self.site.dir, "/run/munge/munge.socket.2", dies_with_us=True)

    def test_fault_09_the_gateway_does_not_answer(self):
        self.config_with(imageGateway="")
        self.site._put("etc/udiRoot.conf", open(f"{SYSCONFDIR}/udiRoot.conf").read().replace(self.site.gateway_url, "http://127.0.0.1:1"))
        self.assertFinds("gateway", "http://127.0.0.1:1 cannot be reached: Connection refused", "systemctl status shifter-gateway")

    def test_fault_10_the_gateway_does_not_know_this_system(self):
        self.config_with(system="other")
        self.assertFinds("gateway", f"{self.site.gateway_url} does not serve the system \"other\"", "imagemanager.json")

    def test_fault_11_the_client_is_not_installed(self):
        self.config_with(udiRootPath="/opt/elsewhere")
        self.assertFinds("programs", "cannot execute /opt/elsewhere/bin/shifterimg", "correct udiRootPath")

    def test_fault_12_the_node_local_disk_is_full(self):
        disk = f"{self.site.dir}/disk"
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        with open(f"{disk}/file", "wb") as out:
            out.write(bytes(1 << 20))
        self.config_with(perNodeCachePath=disk)
        self.assertFinds("free space", f"{disk} is full: 0 % is free", "remove files there")

    def test_fault_13_the_kernel_has_no_squashfs(self):
        self.config_with(imageMount="kernel")
        if differs("imageMount=kernel"):
            return self.assertFinds("set-id bit", "imageMount = kernel needs root, so no container starts", "or leave that key out")
        os.makedirs(f"{self.site.dir}/lib", exist_ok=True)
        with self.bound(self.empty, "/proc/filesystems"):
            if os.path.isdir(f"/lib/modules/{os.uname().release}"):
                with self.bound(f"{self.site.dir}/lib", "/lib/modules"):
                    self.assertFinds("squashfs", "this kernel has no squashfs", "imageMount = fuse")
            else:
                self.assertFinds("squashfs", "this kernel has no squashfs", "imageMount = fuse")

    def test_fault_14_there_is_no_loop_control(self):
        if differs("hooks"):
            self.config_with(sitePostMountHook="/bin/true")
            return self.assertFinds("set-id bit", "sitePostMountHook needs root, so no container starts", "or leave that key out")
        self.config_with(imageMount="kernel")
        with self.bound("/dev/null", "/dev/loop-control"):
            self.assertFinds("loop devices", "/dev/loop-control is not the kernel's loop device", "modprobe loop")

    def test_fault_15_there_is_no_fuse(self):
        self.config_with(imageMount="fuse")
        with self.bound("/dev/null", "/dev/fuse"):
            self.assertFinds("fuse", "/dev/fuse is not the kernel's FUSE device", "modprobe fuse")

    def test_fault_16_slurm_does_not_load_the_plugin(self):
        conf = {"SLURM_CONF": f"{self.slurm}/slurm.conf"}
        open(f"{self.slurm}/slurm.conf", "w").close()
        self.assertFinds("Slurm plugin", f"Slurm has no {self.slurm}/plugstack.conf", "shifter_slurm.so", status="warning", env=conf)
        with open(f"{self.slurm}/plugstack.conf", "w") as out:
            out.write("required /nowhere/shifter_slurm.so\n")
        self.assertFinds("Slurm plugin", "/nowhere/shifter_slurm.so, which cannot be read", "install the component slurm", env=conf)
        plugin = f"{PREFIX}/lib/shifter/shifter_slurm.so"
        if os.path.exists(plugin):
            with open(f"{self.slurm}/plugstack.conf", "w") as out:
                out.write(f"required {plugin}\n")
            self.assertEqual(self.findings(env=conf)["Slurm plugin"]["status"], "ok")

    def test_fault_17_a_service_hangs(self):
        """R12: the doctor ends, whatever does not answer."""
        import socket
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"http://127.0.0.1:{server.getsockname()[1]}"
            self.config_with()
            self.site._put("etc/udiRoot.conf", open(f"{SYSCONFDIR}/udiRoot.conf").read().replace(self.site.gateway_url, url))
            found = self.findings()["gateway"]
            self.assertEqual(found["status"], "failed")
            self.assertIn("it takes the request, and does not answer", found["what"])


if __name__ == "__main__":
    unittest.main()
