"""Forty mistakes of users of shifter: each ends with one line that a scientist can act on, and the status that scripts expect."""
import os
import re
import shutil
import subprocess
import unittest

from services import start_munged
from site_fixture import SYSCONFDIR, Site

class Mistake:
    """What is typed, and the whole line that comes back, with {places} filled in. The image is named unless `words` do it."""

    def __init__(self, name: str, words: list[str], line: str, *, status: int = 1, image: bool = True, user: str = "a",
                 env: dict | None = None, cwd: str = "/", stdout: str | None = ""):
        self.name, self.words, self.line, self.status, self.image = name, words, line, status, image
        self.user, self.env, self.cwd, self.stdout = user, env or {}, cwd, stdout


MODULES = "module_old_enabled=0\nmodule_mpich_conflict=openmpi\nmodule_openmpi_siteEnv=A=1\n"

MISTAKES = [
    # Which image.
    Mistake("no image at all", ["true"], "shifter: no image specified or specified incorrectly; name one with --image=docker:name:tag",
            image=False, stdout=None),
    Mistake("an empty image", ["--image=", "true"],
            "shifter: cannot use the image \"\" of --image: no image is named; write for example docker:debian:12", image=False),
    Mistake("an image that was never pulled", ["--image={registry}/org/none:1", "true"],
            "shifter: cannot find docker:{registry}/org/none:1: there is no such image, or you may not use it (404); "
            "pull it first: shifterimg pull docker:{registry}/org/none:1", image=False),
    Mistake("another tag", ["--image={registry}/org/debian:13", "true"],
            "shifter: cannot find docker:{registry}/org/debian:13: there is no such image, or you may not use it (404); "
            "pull it first: shifterimg pull docker:{registry}/org/debian:13", image=False),
    Mistake("a blank in the image", ["--image=docker:debian 12", "true"],
            "shifter: cannot use the image \"docker:debian 12\" of --image: the character \" \" cannot stand in an image name", image=False),
    Mistake("a mistyped type", ["--image=dokcer:debian:12", "true"],
            "shifter: cannot find docker:dokcer:debian:12: there is no such image, or you may not use it (404); "
            "pull it first: shifterimg pull docker:dokcer:debian:12", image=False),
    Mistake("a shell's variable that was not set", ["--image=docker:", "true"],
            "shifter: cannot use the image \"docker:\" of --image: no image is named; write for example docker:debian:12", image=False),
    Mistake("an id that does not exist", ["--image=id:0123456789abcdef", "true"],
            "shifter: image 0123456789 does not exist, or you may not use it; see shifterimg images, and pull it with shifterimg pull", image=False),
    Mistake("a tag in the place of an id", ["--image=id:debian", "true"],
            "shifter: cannot use the image \"id:debian\" of --image: an image id has only the digits 0-9 and a-f, not \"i\"; "
            "an image that has a name is docker:NAME", image=False),
    Mistake("somebody else's private image", ["--image=id:{private}", "true"],
            "shifter: image beef01 does not exist, or you may not use it; see shifterimg images, and pull it with shifterimg pull", image=False, user="b"),
    Mistake("a directory, where the site allows none", ["--image=local:/tmp", "true"],
            "shifter: cannot use local:/tmp: this site does not allow directories as images (allowLocalChroot)", image=False),
    Mistake("a relative directory", ["--image=local:tree", "true"],
            "shifter: cannot use the image \"local:tree\": local: needs an absolute path", image=False),
    Mistake("a variable with a bad image", ["true"],
            "shifter: cannot use the image \"docker:a b\" of SHIFTER_IMAGETYPE and SHIFTER_IMAGE: the character \" \" cannot stand in an image name",
            image=False, env={"SHIFTER_IMAGETYPE": "docker", "SHIFTER_IMAGE": "a b"}, stdout=None),
    # Options.
    Mistake("a mistyped option", ["--imgae=x", "true"], "shifter: there is no option \"--imgae=x\"; see shifter --help", stdout=None),
    Mistake("an option of the command before it", ["-x", "true"], "shifter: there is no option \"-x\"; see shifter --help", stdout=None),
    Mistake("an option without its argument", ["--volume"], "shifter: option \"--volume\" needs an argument", stdout=None),
    Mistake("an abbreviation of two options", ["--v", "true"],
            "shifter: option \"--v\" may be --verbose, --volume or --version; write more of it", stdout=None),
    Mistake("a value for an option that takes none", ["--clearenv=1", "true"],
            "shifter: option \"--clearenv\" takes no argument", stdout=None),
    # Volumes.
    Mistake("a volume with one path", ["-V", "/tmp", "true"],
            "shifter: cannot use volume \"/tmp\": it does not say where to mount it; write from:to"),
    Mistake("a volume whose source does not exist", ["-V", "/no/such/place:/data", "true"],
            "shifter: cannot use volume /no/such/place:/data, whose source is looked up in the container: cannot open \"/no/such/place\": No such file or directory"),
    Mistake("a volume on a place of the site", ["-V", "/tmp:/etc", "true"],
            "shifter: cannot use volume \"/tmp:/etc\": /etc is set by the site; choose another destination"),
    Mistake("a volume on a relative path", ["-V", "/tmp:data", "true"],
            "shifter: cannot use volume \"/tmp:data\": the path \"data\" does not begin with /"),
    Mistake("a volume with an unknown flag", ["-V", "/tmp:/data:rw", "true"],
            "shifter: cannot use volume \"/tmp:/data:rw\": there is no flag \"rw\"; flags are ro and perNodeCache"),
    Mistake("a volume of docker's kind, with a dot", ["-V", ".:/data", "true"],
            "shifter: cannot use volume \".:/data\": the path \".\" does not begin with /"),
    Mistake("a volume out of somebody else's home", ["-V", "/home/{other}/x:/data", "true"],
            "shifter: cannot use volume /home/{other}/x:/data, whose source is looked up in the container: cannot open \"/home/{other}/x\": Permission denied"),
    Mistake("two volumes on one place", ["-V", "/tmp:/data", "-V", "/var/tmp:/data", "true"],
            "shifter: cannot use volume \"/var/tmp:/data\": another volume is mounted on /data already"),
    Mistake("a file on a directory", ["-V", "/etc/passwd:/mnt", "true"],
            "shifter: cannot mount on \"/mnt\" in the container: it is a directory, and the source is not"),
    Mistake("a volume with a blank", ["-V", "/tmp/my data:/data", "true"],
            "shifter: cannot use volume \"/tmp/my data:/data\": the character \" \" cannot stand in a path of a volume"),
    Mistake("a mount without its destination", ["--mount", "type=bind,src=/tmp", "true"],
            "shifter: cannot use --mount \"type=bind,src=/tmp\": it needs a destination, as in dst=/data", stdout=None),
    Mistake("a mount of an unknown type", ["--mount", "type=nfs,dst=/x", "true"],
            "shifter: cannot use --mount \"type=nfs,dst=/x\": the type is bind or tmpfs here, not \"nfs\"", stdout=None),
    # Environment, working directory, modules.
    Mistake("a variable without a value", ["-e", "FOO", "true"],
            "shifter: --env needs NAME=VALUE, not \"FOO\"", stdout=None),
    Mistake("an env file that does not exist", ["--env-file=/no/such/file", "true"],
            "shifter: cannot open the env file \"/no/such/file\" in the container: No such file or directory"),
    Mistake("an env file with a bad line", ["--env-file={home}/bad.env", "true"],
            "shifter: cannot use the env file \"{home}/bad.env\": line 2 is not NAME=VALUE: \"nonsense\""),
    Mistake("an env file that is not readable", ["--env-file={home}/secret.env", "true"],
            "shifter: cannot open the env file \"{home}/secret.env\" in the container: Permission denied"),
    Mistake("a working directory that the image does not have", ["--workdir=/no/such/place", "true"],
            "shifter: warning: cannot enter \"/no/such/place\" in the container: No such file or directory; staying in /", status=0),
    Mistake("the image's working directory, and it has none", ["--image=id:{private}", "--workdir", "true"],
            "shifter: cannot use --workdir: the image has no working directory; name one with --workdir=PATH", image=False),
    Mistake("the image's entry point, and it has none", ["--entrypoint", "true"],
            "shifter: cannot use --entrypoint: the image has no entry point; name one with --entrypoint=COMMAND"),
    Mistake("a module that the site does not have", ["-m", "mpi", "true"],
            "shifter: cannot use the modules \"mpi\": there is no module \"mpi\"; the site has mpich, openmpi"),
    Mistake("a module that is switched off", ["-m", "old", "true"],
            "shifter: cannot use the modules \"old\": the site has disabled the module \"old\""),
    Mistake("two modules that exclude each other", ["-m", "mpich,openmpi", "true"],
            "shifter: cannot use the modules \"mpich,openmpi\": the modules \"mpich\" and \"openmpi\" exclude each other"),
    # The command.
    Mistake("a command that the image does not have", ["no-such-command"], "{program}: no-such-command: No such file or directory", status=127),
    Mistake("a file that is not executable", ["/etc/os-release"], "{program}: /etc/os-release: Permission denied", status=126),
    Mistake("a directory as a command", ["/usr"],
            "{program}: /usr: Permission denied", status=126),
    Mistake("a script whose interpreter is not in the image", ["{home}/script"],
            "{program}: {home}/script: No such file or directory; the file is there, and the interpreter that it names is not", status=127),
    Mistake("an image for another machine", ["--image=id:a64", "/bin/true"],
            "{program}: /bin/true: Exec format error; it is made for another kind of machine, as the whole image may be",
            status=126, image=False),
    Mistake("a command that is one word with its arguments", ["echo hello"],
            "{program}: echo hello: No such file or directory; command and arguments are words of their own, without quotes", status=127),
    Mistake("writable memory of no size", ["--writable=lots", "true"],
            "shifter: cannot use --writable=lots: it is not a size above 0; write for example 1G"),
    # Who asks, and the site.
    Mistake("root", ["true"], "shifter: it is not for root: run it as an ordinary user", user="root"),
    Mistake("a member of root's group", ["true"], "shifter: your primary group is 0, the group of root, which no container may have; "
            "change it with newgrp(1) or sg(1)", user="wheel"),
    Mistake("a current directory that the container does not have", ["true"],
            "shifter: warning: cannot enter \"{dir}\" in the container: No such file or directory; staying in /", status=0, cwd="{dir}"),
]


class Forty(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(config=MODULES)
        cls.addClassCleanup(cls.site.close)
        cls.site.push("debian8", "org/debian:12")
        cls.id = cls.site.pull("org/debian:12")
        who = cls.site.users["a"]
        private = "beef01"
        shutil.copyfile(f"{cls.site.dir}/images/{cls.id}.squashfs", f"{cls.site.dir}/images/{private}.squashfs")
        with open(f"{cls.site.dir}/images/{private}.meta", "w") as out:
            out.write(f"FORMAT: squashfs\nUSERACL: {who.uid}\nENV: PATH=/usr/bin:/bin\n")
        cls.add_image_for_another_machine()
        real = type(who)
        cls.site.users["root"] = real("root", 0, 0, [0], "/root")
        cls.site.users["wheel"] = real(who.name, who.uid, 0, [], who.home)
        cls.places = {"id": cls.id, "private": private, "short": private[:12], "program": cls.site.program("shifter"), "registry": cls.site.registry,
                      "home": f"/home/{who.name}", "other": cls.site.users["b"].name, "dir": cls.site.dir, "sysconfdir": SYSCONFDIR}
        for name, text, mode in (("bad.env", "A=1\nnonsense\n", 0o644), ("secret.env", "A=1\n", 0o000),
                                 ("script", "#!/opt/python9/bin/python\n", 0o755)):
            cls.put(name, text.encode(), mode)

    @classmethod
    def add_image_for_another_machine(cls) -> None:
        with open("/bin/true", "rb") as stream:
            program = bytearray(stream.read())
        program[18:20] = (0x1234).to_bytes(2, "little")  # e_machine
        tree = f"{cls.site.dir}/tree"
        os.makedirs(f"{tree}/bin")
        for name in ("true", "sh"):
            with open(f"{tree}/bin/{name}", "wb") as out:
                out.write(program)
            os.chmod(f"{tree}/bin/{name}", 0o755)
        image = f"{cls.site.dir}/images/a64"
        subprocess.run(["mksquashfs", tree, f"{image}.squashfs", "-quiet", "-no-progress"], check=True, stdout=subprocess.DEVNULL)
        os.chmod(f"{image}.squashfs", 0o644)
        with open(f"{image}.meta", "w") as out:
            out.write("FORMAT: squashfs\nENV: PATH=/bin\n")

    @classmethod
    def put(cls, name: str, content: bytes, mode: int) -> None:
        who = cls.site.users["a"]
        path = f"{cls.site.dir}/home/{who.name}/{name}"
        with open(path, "wb") as out:
            out.write(content)
        os.chown(path, who.uid, who.gid)
        os.chmod(path, mode)

    def tearDown(self):
        self.site.check()

    def filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: self.places[match[1]], text)

    def provoke(self, mistake: Mistake):
        words = [self.filled(word) for word in mistake.words]
        if mistake.image:
            words.insert(0, f"--image=id:{self.id}")
        env = {name: self.filled(value) for name, value in mistake.env.items()}
        return self.site.run("shifter", *words, user=mistake.user, env=env, cwd=self.filled(mistake.cwd))

    def one_line(self, *words: str) -> str:
        done = self.site.run("shifter", *words)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1), done.stderr)
        return done.stderr

    def test_a_gateway_that_does_not_answer(self):
        self.site.gateway.stop()
        try:
            line = self.one_line(f"--image={self.site.image('org/debian:12')}", "true")
        finally:
            self.site.start_gateway()
        self.assertIn(f"cannot find {self.site.image('org/debian:12')}: gateway {self.site.gateway_url} could not be contacted: ", line)

    def test_a_munged_that_does_not_answer(self):
        self.site.munged.stop()
        try:
            line = self.one_line(f"--image={self.site.image('org/debian:12')}", "true")
        finally:
            self.site.munged = start_munged(self.site.dir, "/run/munge/munge.socket.2", dies_with_us=True)
        self.assertIn("munge", line.lower())

    def test_a_configuration_with_a_mistake(self):
        self.site.write_config("launchTimeout=soon\n")
        self.addCleanup(self.site.write_config, MODULES)
        line = self.one_line(f"--image=id:{self.id}", "true")
        self.assertIn(f"{SYSCONFDIR}/udiRoot.conf:", line)
        self.assertIn("launchTimeout: \"soon\" is not a number from 1 to 3600", line)

    def test_there_are_forty_and_more(self):
        self.assertGreaterEqual(len(MISTAKES), 40)
        self.assertEqual(len({mistake.name for mistake in MISTAKES}), len(MISTAKES))

    def test_each_mistake_is_one_line_that_says_what_where_and_what_to_do(self):
        for mistake in MISTAKES:
            with self.subTest(mistake.name):
                done = self.provoke(mistake)
                self.assertEqual((done.returncode, done.stderr), (mistake.status, self.filled(mistake.line) + "\n"))
                if mistake.stdout is not None:
                    self.assertEqual(done.stdout, mistake.stdout)


if __name__ == "__main__":
    unittest.main()
