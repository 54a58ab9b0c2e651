"""The configurations in etc/samples, as they are and as sites: each is loaded, and containers run under it."""
import json
import os
import unittest

from site_fixture import GATEWAY_ACCOUNT, PREFIX, SYSCONFDIR, Site

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../etc/samples")


def text_of(name: str) -> str:
    with open(f"{SAMPLES}/{name}") as stream:
        return stream.read()


class Samples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")

    def tearDown(self):
        self.site.check()

    def host(self, path: str) -> str:
        """Where a folder of the sample's host lies in the test; made, with a file that says its name."""
        folder = f"{self.site.dir}/host{path}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/this-is", "w") as out:
            out.write(f"{path}\n")
        return folder

    def put(self, name: str, text: str, mode: int = 0o644) -> None:
        path = f"{self.site.dir}/etc/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)

    def moved(self, text: str, changes: dict[str, str]) -> str:
        """The sample with its places moved into the test's; each change must be there to be made."""
        spaced = " = " if "udiMount = " in text else "="
        common = {f"udiMount{spaced}/var/udiMount": f"udiMount={self.site.dir}/udi/root",
                  f"loopMount{spaced}/var/udiLoopMount": f"loopMount={self.site.dir}/udi/loop",
                  f"udiRootPath{spaced}/usr\n": f"udiRootPath={PREFIX}\n",
                  f"etcPath{spaced}/etc/shifter": f"etcPath={self.site.dir}/etc",
                  f"gatewayUser{spaced}shifter\n": f"gatewayUser={GATEWAY_ACCOUNT}\n"} if "udiRootPath" in text else {}
        for old, new in {**common, **changes}.items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def gateway(self, sample: str, directories: dict[str, str]) -> None:
        """The sample's gateway on the test's address, with the test's registry and munged."""
        config = json.loads(text_of(f"{sample}/imagemanager.json"))
        config["Listen"] = self.site.gateway_url.removeprefix("http://")
        config["CacheDirectory"] = f"{self.site.dir}/gateway/cache"
        config["Locations"] = {**config.get("Locations", {"docker.io": {}}), self.site.registry: {"url": f"http://{self.site.registry}"}}
        self.assertEqual(set(config["Platforms"]), set(directories))
        for name, directory in directories.items():
            os.makedirs(directory, exist_ok=True)
            gateway = os.stat(f"{self.site.dir}/gateway")
            os.chown(directory, gateway.st_uid, gateway.st_gid)
            platform = config["Platforms"][name]
            platform["mungeSocketPath"] = "/run/munge/munge.socket.2"
            platform["local"]["imageDir"] = directory
            platform.pop("platform", None)
        self.site.gateway.stop()
        self.put("imagemanager.json", json.dumps(config, indent=1))
        self.site.start_gateway()

    def shifter(self, *words: str, **more):
        done = self.site.run("shifter", *words, **more)
        if "is not supported by this version" in done.stderr:
            self.skipTest(done.stderr.strip())
        return done

    def lines(self, *words: str, **more):
        done = self.shifter(f"--image={self.site.image('org/small:1')}", *words, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def test_all_samples_have_no_problems(self):
        for folder, _, names in os.walk(SAMPLES):
            for name in names:
                path = os.path.abspath(f"{folder}/{name}")
                if name == "udiRoot.conf":
                    done = self.site.run("shifter", "--check-config", path)
                elif name == "imagemanager.json":
                    done = self.site.run("shifter-gateway", "--check-config", path)
                else:
                    continue
                self.assertEqual((path, done.returncode, done.stdout.count("usable")), (path, 0, 1), done.stderr)

    def test_a_small_cluster(self):
        images = f"{self.site.dir}/nfs-images"
        self.gateway("small-cluster", {"minnow": images})
        self.put("udiRoot.conf", self.moved(text_of("small-cluster/udiRoot.conf"), {
            "/nfs/shifter/images": images, "http://head:5000": self.site.gateway_url,
            "/home:/home": f"{self.site.dir}/home:/home", "/nfs/software:": f"{self.host('/nfs/software')}:"}))
        self.site.pull("org/small:1")
        self.assertEqual(self.lines("cat", "/software/this-is"), ["/nfs/software"])
        self.assertNotEqual(self.shifter(f"--image={self.site.image('org/small:1')}", "touch", "/software/new").returncode, 0)

    def test_a_large_cluster_with_modules_hooks_and_node_local_scratch(self):
        images = f"{self.site.dir}/lustre-images"
        self.gateway("large-cluster", {"leviathan": images})
        udi_image = self.host("/udiImage")
        os.makedirs(f"{udi_image}/bin", exist_ok=True)
        for name in ("premount", "postmount", "gpu-root"):
            self.put(f"hooks/{name}.sh", f"#!/bin/sh\nmkdir -p hooks\necho {name} >hooks/{name}\n", 0o755)
        check = f"{self.host('/opt/gpu/driver')}/check.sh"
        with open(check, "w") as out:
            out.write("test -n \"$GPU_VISIBLE\"\n")
        os.makedirs(f"{self.host('/mpich')}/lib64", exist_ok=True)
        os.makedirs(f"{self.host('/openmpi')}/lib64", exist_ok=True)
        local = self.host("/local/shifter")
        self.put("udiRoot.conf", self.moved(text_of("large-cluster/udiRoot.conf"), {
            "/lustre/system/shifter/images": images, "http://gateway1:5000 http://gateway2:5000": self.site.gateway_url,
            "optUdiImage=/usr/libexec/shifter/opt/udiImage": f"optUdiImage={udi_image}",
            "/global/homes:/": f"{self.host('/global/homes')}:/", "/lustre/scratch:/": f"{self.host('/lustre/scratch')}:/",
            "/global/common/software:/": f"{self.host('/global/common/software')}:/",
            "/etc/shifter/hooks": f"{self.site.dir}/etc/hooks", "/local/shifter": local}))
        for name, changes in {
                "10-mpi": {"/global/common/shifter/mpich": self.host("/mpich"), "/global/common/shifter/openmpi": self.host("/openmpi"),
                           "/var/opt/fabric:/": f"{self.host('/var/opt/fabric')}:/"},
                "20-gpu": {"_siteFs = /opt/gpu/driver:": f"_siteFs = {self.host('/opt/gpu/driver')}:",
                           "/etc/shifter/hooks": f"{self.site.dir}/etc/hooks"},
                "30-cvmfs": {"= /cvmfs:": f"= {self.host('/cvmfs')}:"}}.items():
            self.put(f"udiRoot.conf.d/{name}.conf", self.moved(text_of(f"large-cluster/udiRoot.conf.d/{name}.conf"), changes))
        self.addCleanup(lambda: [os.unlink(f"{self.site.dir}/etc/udiRoot.conf.d/{name}.conf") for name in ("10-mpi", "20-gpu", "30-cvmfs")])
        self.site.pull("org/small:1")
        # Without modules, then with the site's own, then with others.
        self.assertEqual(self.lines("--module=none", "cat", "/global/homes/this-is", "/lustre/scratch/this-is"),
                         ["/global/homes", "/lustre/scratch"])
        self.assertEqual(self.lines("sh", "-c", "cat /cvmfs/this-is /var/opt/fabric/this-is; ls -d /opt/udiImage/modules/mpich/lib64; "
                                    "echo $CVMFS_AVAILABLE $LD_LIBRARY_PATH; cat /hooks/premount /hooks/postmount"),
                         ["/cvmfs", "/var/opt/fabric", "/opt/udiImage/modules/mpich/lib64", "1 /opt/udiImage/modules/mpich/lib64",
                          "premount", "postmount"])
        self.assertEqual(self.lines("--module=gpu,openmpi", "sh", "-c", "echo $LD_LIBRARY_PATH $GPU_VISIBLE; cat /hooks/gpu-root"),
                         ["/opt/udiImage/modules/openmpi/lib64:/opt/gpu/driver/lib64 all", "gpu-root"])
        clash = self.shifter(f"--image={self.site.image('org/small:1')}", "--module=mpich,openmpi", "true")
        self.assertEqual((clash.returncode, clash.stderr.count("\n")), (1, 1))

    def test_two_systems_on_one_gateway(self):
        images = {name: f"{self.site.dir}/{name}-images" for name in ("alpha", "beta")}
        self.gateway("two-systems", images)
        storage = {"alpha": "lustre", "beta": "gpfs"}
        for name in ("alpha", "beta"):
            self.put("udiRoot.conf", self.moved(text_of(f"two-systems/{name}/udiRoot.conf"), {
                f"/{storage[name]}/shifter/images": images[name], "http://gateway:5000": self.site.gateway_url,
                "/home:/home": f"{self.site.dir}/home:/home",
                f"/{storage[name]}/projects:": f"{self.host(f'/{storage[name]}/projects')}:"}))
            # What one system has pulled is not there for the other.
            missing = self.site.run("shifter", f"--image={self.site.image('org/small:1')}", "true")
            self.assertEqual((missing.returncode, missing.stderr.count("\n")), (1, 1), missing.stderr)
            self.site.pull("org/small:1")
            self.assertEqual(self.lines("sh", "-c", "echo $SITE_SYSTEM; cat /projects/this-is"), [name, f"/{storage[name]}/projects"])
            self.assertEqual(sorted(file.split(".")[1] for file in os.listdir(images[name]) if not file.startswith(".")), ["meta", "squashfs"])


if __name__ == "__main__":
    unittest.main()
