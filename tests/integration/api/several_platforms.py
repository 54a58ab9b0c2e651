"""One system, several platforms: one tag is on each node the image of its machine. A process whose personality(2) is that of an
i686, as setarch(8) gives it, is a node of linux/386 here: its uname(2) says so, and programs of both run."""
import json
import os
import subprocess
import unittest

from gateway_requests import ask
from site_fixture import Site

I686 = "i686"


class SeveralPlatforms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.uname().machine != "x86_64":
            raise unittest.SkipTest("needs an x86_64, which runs programs of linux/386 as well")
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.configure(["linux/amd64", "linux/386"])
        cls.site.push("machines", "org/app:1")
        cls.name = cls.site.image("org/app:1")

    @classmethod
    def configure(cls, platforms: list[str]) -> None:
        cls.site.write_gateway_config({
            "RemovalGrace": "0:00:00:00", "ImportUsers": "all",
            "Platforms": {"tests": {"mungeSocketPath": "/run/munge/munge.socket.2", "accesstype": "local", "admins": ["root"],
                                    "platform": platforms, "local": {"imageDir": f"{cls.site.dir}/images"}}}})
        cls.site.gateway.stop()
        cls.site.start_gateway()

    def on(self, machine: str, program: str, *words: str, **options) -> subprocess.CompletedProcess:
        """A command of user a on a node that is such a machine; "": this one."""
        if not machine:
            return self.site.run(program, *words, **options)
        return self.site.run("/usr/bin/setarch", machine, self.site.program(program), *words, **options)

    def said(self, machine: str, program: str, *words: str, **options) -> str:
        done = self.on(machine, program, *words, **options)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout

    def identifier(self, machine: str, name: str = "") -> str:
        self.said(machine, "shifterimg", "pull", name or self.name)
        return self.said(machine, "shifterimg", "lookup", name or self.name).strip()

    def tags(self, machine: str, *words: str) -> list[str]:
        return [line.split()[5] for line in self.said(machine, "shifterimg", *words).splitlines()]

    def test_one_tag_runs_on_each_machine_what_was_built_for_it(self):
        here, there = self.identifier(""), self.identifier(I686)
        self.assertNotEqual(here, there)
        self.assertEqual(self.said("", "shifter", f"--image={self.name}", "/bin/machine"), "amd64\n")
        self.assertEqual(self.said(I686, "shifter", f"--image={self.name}", "/bin/machine"), "386\n")
        self.assertEqual(self.said(I686, "shifterimg", "--platform=linux/amd64", "lookup", self.name).strip(), here)
        self.assertEqual(self.said("", "shifterimg", "--platform=linux/386", "lookup", self.name).strip(), there)
        self.assertEqual(self.said("", "shifterimg", "lookup", "--platforms", self.name),
                         f"{here}\nlinux/386: {there}\nlinux/amd64: {here}\n")
        inspected = json.loads(self.said(I686, "shifterimg", "inspect", self.name))
        self.assertEqual((inspected["platform"], inspected["system"]), ("linux/386", "tests"))
        self.assertIn(self.name.removeprefix("docker:"), inspected["tag"])
        # A client that knows of no platforms gets what the system has first.
        record = ask(self.site, f"/api/lookup/tests/docker/{self.name.removeprefix('docker:')}").json
        self.assertEqual((record["id"], record["platform"], "platforms" in record), (here, "linux/amd64", False))

    def test_where_a_machine_has_none_it_is_said_where_there_is_one_and_what_brings_it(self):
        self.site.push("machines", "org/late:1")
        name = self.site.image("org/late:1")
        self.said("", "shifterimg", "pull", name)
        sentence = (f"there is no such image for linux/386, only for linux/amd64; shifterimg --platform=linux/386 pull {name} "
                    "brings it (404)\n")
        lookup = self.on(I686, "shifterimg", "lookup", name)
        self.assertEqual((lookup.returncode, lookup.stdout, lookup.stderr), (1, "", f"shifterimg: cannot find {name}: {sentence}"))
        started = self.on(I686, "shifter", f"--image={name}", "/bin/machine")
        self.assertEqual((started.returncode, started.stdout, started.stderr), (1, "", f"shifter: cannot find {name}: {sentence}"))
        self.said("", "shifterimg", "--platform=linux/386", "pull", name)
        self.assertEqual(self.said(I686, "shifter", f"--image={name}", "/bin/machine"), "386\n")

    def test_what_no_image_is_built_for_and_what_the_system_has_not_is_refused_in_words(self):
        self.site.push("small", "org/small:1")
        name = self.site.image("org/small:1")
        refused = self.on(I686, "shifterimg", "pull", name)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("it is built for linux/amd64, and this system needs linux/386", refused.stderr)
        for words in (["lookup", name], ["pull", name], ["images"], ["rm", name]):
            refused = self.on("", "shifterimg", "--platform=linux/s390x", *words)
            self.assertEqual(refused.returncode, 1, words)
            self.assertIn('system tests has images for linux/amd64, linux/386, and not for "linux/s390x" (400)', refused.stderr)
        self.assertIn("platform=all is for lists; name one platform (400)",
                      self.on("", "shifterimg", "--platform=all", "lookup", name).stderr)

    def test_lists_show_what_is_for_the_own_machine_or_for_the_one_that_was_asked_about(self):
        self.site.push("machines", "org/here:1")
        self.site.push("machines", "org/there:1")
        here, there = self.site.image("org/here:1"), self.site.image("org/there:1")
        self.said("", "shifterimg", "pull", here)
        self.said(I686, "shifterimg", "pull", there)
        here, there = here.removeprefix("docker:"), there.removeprefix("docker:")
        for words in (["images"], ["images", "--mine"]):
            mine, others = self.tags("", *words), self.tags(I686, *words)
            self.assertTrue(here in mine and there not in mine, mine)
            self.assertTrue(there in others and here not in others, others)
            every = self.tags("", "--platform=all", *words)
            self.assertTrue(here in every and there in every, every)
        lines = self.said("", "shifterimg", "--platform=all", "--long", "images", "org/here").splitlines()
        self.assertEqual([line.split()[-1] for line in lines], ["linux/amd64"])
        self.assertNotIn("linux/amd64", self.said("", "shifterimg", "--long", "images", "org/here"))

    def test_what_is_removed_on_one_platform_stays_on_the_other(self):
        self.site.push("machines", "org/gone:1")
        name = self.site.image("org/gone:1")
        here, there = self.identifier("", name), self.identifier(I686, name)
        self.assertIn(" is removed", self.on("", "shifterimg", "rm", name).stderr)
        self.assertEqual(self.on("", "shifterimg", "lookup", name).returncode, 1)
        self.assertEqual(self.said(I686, "shifter", f"--image={name}", "/bin/machine"), "386\n")
        self.assertEqual((self.file_of(here), self.file_of(there)), (self.is_used(here), True))

    def is_used(self, identifier: str) -> bool:
        """Other tests pull the same content by other names."""
        return any(line.startswith(identifier) for line in self.identifiers())

    def identifiers(self) -> list[str]:
        images = json.loads(self.said("", "shifterimg", "--platform=all", "--json", "images"))["images"]
        return [image["id"] for image in images]

    def file_of(self, identifier: str) -> bool:
        return os.path.exists(f"{self.site.dir}/images/{identifier}.squashfs")

    def test_one_file_that_was_brought_for_two_platforms_stays_for_the_last_of_them(self):
        tree, squashfs = f"{self.site.dir}/tree", f"{self.site.dir}/tree.squashfs"
        os.mkdir(tree)
        with open(f"{tree}/either", "w") as out:
            out.write("either\n")
        subprocess.run(["mksquashfs", tree, squashfs, "-quiet", "-no-progress"], check=True)
        os.chmod(squashfs, 0o644)
        account = self.site.users["a"].name
        for machine in ("", I686):
            self.said(machine, "shifterimg", "import", squashfs, "both:1")
        name = f"custom:{account}/both:1"
        here, there = (self.said(machine, "shifterimg", "lookup", name).strip() for machine in ("", I686))
        self.assertEqual(here, there)
        self.assertIn("other tags keep the image", self.on("", "shifterimg", "rm", name).stderr)
        self.assertEqual(self.on("", "shifterimg", "lookup", name).returncode, 1)
        self.assertEqual(self.said(I686, "shifterimg", "lookup", name).strip(), here)
        self.assertTrue(self.file_of(here))
        self.assertIn("the image is removed", self.on(I686, "shifterimg", "rm", name).stderr)
        self.assertFalse(self.file_of(here))

    def test_an_image_of_another_machine_is_never_the_answer_when_the_first_platform_becomes_another(self):
        self.site.push("machines", "org/turn:1")
        name = self.site.image("org/turn:1")
        here = self.identifier("", name)
        self.configure(["linux/386", "linux/amd64"])
        self.addCleanup(self.configure, ["linux/amd64", "linux/386"])
        self.assertEqual(self.on(I686, "shifterimg", "lookup", name).returncode, 1)
        self.assertNotEqual(self.identifier(I686, name), here)
        self.assertEqual(self.identifier("", name), here)


if __name__ == "__main__":
    unittest.main()
