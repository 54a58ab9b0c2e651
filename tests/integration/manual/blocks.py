"""The commands and configurations of docs/tutorial and docs/how-to, on a site: what the pages say is what the programs do."""
import json
import os
import re
import subprocess
import unittest

from images import build
from manual_blocks import SITE, ManualTest, commands, of_page, printed
from services import free_port
from site_fixture import EXTRA_GROUP, HOMES, PREFIX, SYSCONFDIR, Site

PATH = f"{PREFIX}/bin:{PREFIX}/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def meant(text: str, words: dict[str, str]) -> str:
    """The text with the page's examples replaced by what there is here; each must be there to be replaced."""
    for old, new in words.items():
        if old not in text:
            raise AssertionError(f"\"{old}\" is not in: {text}")
        text = text.replace(old, new)
    return text


class Blocks(ManualTest, unittest.TestCase):
    PROGRAM = SITE

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.homes = f"siteFs={HOMES}:{HOMES}\n"  # where the account database says that they are
        cls.site.write_config(cls.homes)
        for name in ("quickstart/debian:12", "org/one:1", "org/two:1"):
            cls.site.push("small", name)
            cls.site.pull(name)
        cls.debian = cls.site.image("quickstart/debian:12").removeprefix("docker:")

    def setUp(self):
        self.addCleanup(self.site.check)
        self.addCleanup(self.site.write_config, self.homes)

    def sh(self, text: str, user: str = "a", **variables) -> str:
        """What a shell's text prints, as a user in his home, or as root; all of its commands must succeed."""
        text = f"set -e\n{text}"
        if user == "root":
            done = subprocess.run(["/bin/sh", "-c", text], env={"PATH": PATH, "HOME": "/root", **variables}, cwd="/", stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=120)
        else:
            done = self.site.run("/bin/sh", "-c", text, user=user, cwd=self.site.users[user].home, env={"PATH": PATH, **variables})
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}{done.stderr}")
        return done.stdout

    def folder(self, path: str, owner: str = "root") -> str:
        """A folder of the page's node, here."""
        folder = f"{self.site.dir}/host{path}"
        os.makedirs(folder, exist_ok=True)
        if owner != "root":
            os.chown(folder, self.site.users[owner].uid, self.site.users[owner].gid)
        return folder

    def put(self, path: str, text: str, mode: int = 0o644) -> str:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def configured(self, text: str) -> None:
        self.site.write_config(self.homes + text)
        self.sh("shifter --check-config", "root")

    def gateway_config(self, **more) -> str:
        """A configuration with more keys, which the gateway takes."""
        with open(f"{self.site.dir}/etc/imagemanager.json") as stream:
            config = json.load(stream)
        del config["ExpandDirectory"]  # what has no effect is a problem to --check-config
        path = self.put(f"{self.site.dir}/etc/checked.json", json.dumps({**config, **more}))
        self.sh(f"shifter-gateway --check-config {path}", "root")
        return path

    def gateway_with(self, **more) -> None:
        self.site.write_gateway_config(more)
        self.site.gateway.stop()
        self.site.start_gateway()

    @of_page("tutorial/first-container.md", "shifterimg images", "shifter --image=$REGISTRY/quickstart/debian:12 sh -c 'cat /e",
             "id=$(shifterimg lookup $REGISTRY/quickstart/debian:12)", "mkdir -p ~/data && echo 42 > ~/data/answer",
             "shifter --image=id:$id sh -c 'exit 3'; echo $?")
    def test_the_tutorial(self, *blocks):
        """In one shell, as they are typed."""
        text = "\necho ----\n".join(f"{{ {block} }} 2>&1" for block in blocks)
        done = self.site.run("/bin/sh", "-c", text, cwd=HOMES, env={"PATH": PATH, "REGISTRY": self.site.registry})
        images, first, by_id, volume, status = done.stdout.split("----\n")
        self.assertIn("quickstart/debian:12", images)
        self.assertIn("PRETTY_NAME=", first)
        self.assertIn(f"uid={self.site.users['a'].uid}({self.site.users['a'].name})", first)
        self.assertIn("touch: ", first)
        self.assertRegex(by_id, r"^12\.\d+\n$")
        self.assertEqual((volume, status), ("unknown: 42\n", "3\n"))

    @of_page("how-to/find-out-why.md", "$ shifter doctor", '{"status": "failed", "checks": [')
    def test_the_doctor(self, dialogue, report):
        names = {check["name"] for check in json.loads(self.site.run("shifter", "doctor", "--json").stdout)["checks"]}
        shown = re.findall(r"(?m)^(?:ok|warning|FAILED) +(.+?)  ", printed(dialogue))
        self.assertEqual(set(shown) - names, set())
        self.assertEqual(commands(dialogue), ["shifter doctor"])
        said = self.site.run("shifter", "doctor").stdout
        for name in shown:
            self.assertRegex(said, rf"(?m)^(ok|warning|FAILED) +{name}  ")
        self.assertRegex(said.splitlines()[-1], r"^\d+ checks: \d+ ok, \d+ warnings?, \d+ failed$")
        self.assertRegex(printed(dialogue).splitlines()[-1], r"^\d+ checks: \d+ ok, \d+ warnings?, \d+ failed$")
        shown = json.loads(report)
        real = json.loads(self.site.run("shifter", "doctor", "--json").stdout)
        self.assertEqual((list(shown), list(shown["checks"][0])), (list(real), list(real["checks"][0])))
        self.assertEqual({check["name"] for check in shown["checks"]} - names, set())

    @of_page("how-to/find-out-why.md", "shifter --check-config", "shifter: timing: 0.019 ms in the front end: options, image l")
    def test_configurations_are_read_and_times_told(self, check, timing):
        with open(f"{self.site.dir}/etc/udiRoot.conf") as stream:
            self.put(f"{self.site.dir}/draft/udiRoot.conf", stream.read())
        self.sh(f"cd {self.site.dir}\n" + meant(check, {"/etc/shifter/imagemanager.json": self.gateway_config()}), "root")
        said = self.site.run("shifter", "--timing", f"--image={self.debian}", "true").stderr
        for line in timing.splitlines():
            if line != "…":
                self.assertRegex(said, "(?m)^" + re.sub(r"\\?\d+(\\\.\d+)?", r"[0-9.]+", re.escape(line)) + "$")

    @of_page("how-to/images.md", "shifterimg autoexpire --dry-run")
    def test_an_admin_looks_after_images(self, block):
        one, two = self.site.image("org/one:1"), self.site.image("org/two:1")
        self.sh(meant(block, {"docker:ubuntu:22.04": one, "docker:site/base:1": two}), "root")
        images = self.sh("shifterimg images")
        self.assertNotIn("org/one:1", images)
        self.assertIn("org/two:1", images)

    @of_page("how-to/images.md", '"Platforms": {')
    def test_nodes_of_several_architectures(self, block):
        config = json.loads(f"{{{meant(block, {'/images/alpha': self.folder('/images/alpha')})}}}")
        self.assertEqual(config["Platforms"]["alpha"]["platform"], ["linux/amd64", "linux/arm64"])
        self.gateway_config(**config)

    @of_page("how-to/images.md", "shifterimg share registry.example.org/lab/app:1 --user bob -")
    def test_an_owner_shares_and_hands_over(self, block):
        a, b = self.site.users["a"], self.site.users["b"]
        archive = build.archive("small", f"{self.site.dir}/small.tar")
        self.sh(f"shifterimg load {archive} app:1")
        words = {"registry.example.org/lab/app:1": f"custom:{a.name}/app:1", "bob": b.name, "chem": EXTRA_GROUP}
        share, unshare, chown, mine, remove = commands(meant(block, words))
        for line, user in ((share, "a"), (unshare, "a"), (share, "a"), (chown, "a"), (mine, "b")):
            said = self.sh(line, user)
        self.assertIn(f"{a.name}/app:1", said)
        self.sh(remove, "b")
        self.assertNotIn("app:1", self.sh(mine, "b"))

    @of_page("how-to/mounts.md", "siteFs = /home; /global:/global:rec:slave; /opt/site/license")
    def test_what_everybody_gets(self, config):
        places = {path: self.folder(path) for path in ("/home", "/global", "/opt/site/licenses")}
        text = meant(config, {"/home;": f"{places['/home']};", " /global:": f" {places['/global']}:", " /opt/site/licenses:":
                              f" {places['/opt/site/licenses']}:"})
        self.configured(text)
        self.sh(f"shifter --image={self.debian} ls -d {places['/home']} /global /etc/opt/licenses")

    @of_page("how-to/mounts.md", "userMountAllow = /scratch /data", "$ shifter --image=debian:12 --volume=/scratch/me:/usr/local/")
    def test_what_users_may_add(self, config, dialogue):
        scratch, data = self.folder("/scratch"), self.folder("/data")
        self.folder("/data/private")
        mine = self.folder("/scratch/me", "a")
        self.put(f"{mine}/settings", "of mine\n")
        self.configured(meant(config, {" /scratch": f" {scratch}", " /data": f" {data}"}))
        self.put(f"{self.site.dir}/home/{self.site.users['a'].name}/run", "#!/bin/sh\ncat /app/settings 2>/dev/null || df -m /work\n", 0o755)
        bind, file, memory = commands(meant(dialogue, {"debian:12": self.debian, "/scratch/me": mine}))
        self.assertEqual(self.sh(bind), "settings\n")
        self.assertEqual(self.sh(file), "of mine\n")
        self.assertRegex(self.sh(memory), r" 2048 .* /work\n$")

    @of_page("how-to/mounts.md", "perNodeCachePath = /local/scratch", "$ shifter --image=debian:12 --volume=/any:/cache:perNodeCach")
    def test_scratch_on_the_nodes_disk(self, config, dialogue):
        self.configured(meant(config, {"/local/scratch": self.folder("/local/scratch")}))
        self.put(f"{self.site.dir}/home/{self.site.users['a'].name}/run", "#!/bin/sh\nstat -f -c %T /cache\n", 0o755)
        command, = commands(meant(dialogue, {"debian:12": self.debian}))
        self.assertEqual(self.sh(command), "xfs\n")

    @of_page("how-to/mounts.md", "optUdiImage = /usr/libexec/shifter/opt/udiImage")
    def test_modules_trees_and_hooks(self, config):
        words = {place: self.folder(place) for place in ("/usr/libexec/shifter/opt/udiImage", "/opt/shifter/mpich", "/etc/shifter/hooks")}
        words[" /cvmfs:"] = f" {self.folder('/cvmfs')}:"
        self.put(f"{words['/usr/libexec/shifter/opt/udiImage']}/modules/gpu/env.sh", "echo $GPU\n")
        self.put(f"{words['/etc/shifter/hooks']}/gpu", "#!/bin/sh\nmkdir by-$SHIFTER_MODULE\n", 0o755)
        self.put(f"{words['/etc/shifter/hooks']}/pre", "#!/bin/sh\nmkdir before-mounts\n", 0o755)
        self.put(f"{words['/opt/shifter/mpich']}/shifter-mpi", "#!/bin/sh\nexec env MPI=mpich \"$@\"\n", 0o755)
        self.configured(meant(config, words))
        said = self.sh(f"shifter --image={self.debian} --env=GPU=here --module=gpu,cvmfs,mpich sh -c 'ls -d /by-gpu /before-mounts /cvmfs; echo $MPI'")
        self.assertEqual(sorted(said.split()), ["/before-mounts", "/by-gpu", "/cvmfs", "here", "mpich"])

    @of_page("how-to/registries.md", "{", '"docker.io": {"mirrors": ["http://cache.cluster:5000"]}')
    def test_registries(self, which, mirrors):
        authority = f"{self.site.dir}/etc/example-ca.pem"
        self.sh(f"openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -out {authority} -subj /CN=example 2>&1", "root")
        self.gateway_config(**json.loads(meant(which, {"/etc/shifter/example-ca.pem": f"{SYSCONFDIR}/example-ca.pem"})))
        self.gateway_config(Locations=json.loads(f"{{{mirrors}}}"), DefaultImageLocation="docker.io")

    @of_page("how-to/several-gateways.md", "imageGateway=http://gateway1:5000 http://gateway2:5000")
    def test_clients_name_all_gateways(self, config):
        self.configured(meant(config, {"http://gateway1:5000": f"http://127.0.0.1:{free_port()}", "http://gateway2:5000": self.site.gateway_url}))
        for _ in range(4):  # in an order of chance
            self.assertIn("quickstart/debian:12", self.sh("shifterimg images"))

    @of_page("how-to/signed-and-examined.md", '{"default": [{"type": "reject"}],',
             "shifterimg: cannot pull registry.example.org/prod/app:2: the")
    def test_only_what_is_signed(self, policy, refusal):
        self.sh(f"openssl ecparam -genkey -name prime256v1 -noout | openssl ec -pubout -out {self.site.dir}/etc/cosign.pub 2>&1", "root")
        words = {"/etc/shifter/cosign.pub": f"{SYSCONFDIR}/cosign.pub", "registry.example.org": self.site.registry}
        self.put(f"{self.site.dir}/etc/policy.json", meant(policy, words))
        self.addCleanup(self.gateway_with)
        self.gateway_with(SignaturePolicy=f"{SYSCONFDIR}/policy.json")
        self.site.push("small", "prod/app:2")
        done = self.site.run("shifterimg", "pull", self.site.image("prod/app:2"))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines()[-1], meant(refusal, {"registry.example.org": self.site.registry}).replace("\n", " ").strip())

    @of_page("how-to/signed-and-examined.md", "# $1: the unpacked image, read-only; $2: its identifier")
    def test_a_program_that_looks_at_each_image(self, program):
        self.put(f"{self.site.dir}/etc/examiner", program, 0o755)
        self.addCleanup(self.gateway_with)
        self.gateway_with(examiner=f"{SYSCONFDIR}/examiner")
        self.site.push("small", "org/looked-at:1")
        self.site.pull("org/looked-at:1", user="b")
        said = self.sh(f"shifterimg inspect {self.site.image('org/looked-at:1')}", "b")
        self.assertRegex(said, r"looked at, \d+ MB")


if __name__ == "__main__":
    unittest.main()
