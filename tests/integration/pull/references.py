"""References as users type them: tag, digest, both, no tag, several platforms, Docker's own media types."""
import os
import unittest

from images import oci_layout
from site_fixture import Site


class References(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.small = cls.site.push("small", "org/team/small:1.0")
        cls.digest = oci_layout.digest(cls.small)
        cls.id = cls.site.pull("org/team/small:1.0")

    def lookup(self, reference):
        return self.site.run("shifterimg", "lookup", reference).stdout.strip()

    def test_tag_digest_and_both_are_one_image(self):
        repository = "org/team/small"
        for name in (f"{repository}@{self.digest}", f"{repository}:1.0@{self.digest}"):
            self.assertEqual(self.site.pull(name), self.id, name)
        files = sorted(name for name in os.listdir(f"{self.site.dir}/images") if name.startswith(self.id))
        self.assertEqual(files, [f"{self.id}.meta", f"{self.id}.squashfs"])

    def test_a_digest_that_the_registry_does_not_have_is_refused(self):
        wrong = f"docker:{self.site.registry}/org/team/small@sha256:{'0' * 64}"
        done = self.site.run("shifterimg", "pull", wrong)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith(f"shifterimg: cannot pull {wrong}: "), done.stderr)

    def test_without_a_tag_latest_is_meant(self):
        self.site.push("multiarch", "org/multi:latest")
        identifier = self.site.pull("org/multi")
        self.assertEqual(self.lookup(self.site.image("org/multi:latest")), identifier)

    def test_a_type_may_be_left_out_and_the_default_registry_too(self):
        self.assertEqual(self.lookup(f"{self.site.registry}/org/team/small:1.0"), self.id)
        done = self.site.run("shifterimg", "pull", "org/team/small:1.0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.lookup("org/team/small:1.0"), self.id)

    def test_the_platform_of_this_machine_is_taken_from_an_index(self):
        self.site.push("multiarch", "org/multi:platforms")
        identifier = self.site.pull("org/multi:platforms")
        done = self.site.run("/usr/bin/rdsquashfs", "--cat", "/etc/platform", f"{self.site.dir}/images/{identifier}.squashfs")
        self.assertEqual(done.stdout, "amd64")

    def test_dockers_own_manifest_gives_the_same_tree(self):
        self.site.push("small", "org/team/small:docker", docker_schema2=True)
        identifier = self.site.pull("org/team/small:docker")
        self.assertNotEqual(identifier, self.id, "another manifest is another image")
        images = [f"{self.site.dir}/images/{name}.squashfs" for name in (identifier, self.id)]
        self.assertEqual(*[open(name, "rb").read() for name in images])

    def test_the_same_manifest_gives_the_same_bytes(self):
        name = f"{self.site.dir}/images/{self.id}.squashfs"
        with open(name, "rb") as stream:
            before = stream.read()
        other = Again.image(self.site)
        self.assertEqual(before, other)

    def test_characters_that_no_reference_has_are_refused_not_dropped(self):
        for text in ("docker:this is *odd*", "docker:Upper/case:1", "docker:a..b//c:1", "docker:org/small:ta g", "docker:ünicode:1"):
            done = self.site.run("shifterimg", "pull", text)
            self.assertEqual((done.returncode, done.stdout), (1, ""), text)
            self.assertTrue(done.stderr.startswith("shifterimg: "), done.stderr)


class Again:
    """The image converted a second time, from nothing."""

    @staticmethod
    def image(site) -> bytes:
        site.gateway.stop()
        folder = f"{site.dir}/images"
        kept = {name: open(f"{folder}/{name}", "rb").read() for name in os.listdir(folder)}
        catalog = [f"{site.dir}/gateway/{name}" for name in os.listdir(f"{site.dir}/gateway") if name.startswith("catalog")]
        for path in [*catalog, *[f"{folder}/{name}" for name in kept]]:
            os.unlink(path)
        site.start_gateway()
        identifier = site.pull("org/team/small:1.0")
        with open(f"{folder}/{identifier}.squashfs", "rb") as stream:
            return stream.read()


if __name__ == "__main__":
    unittest.main()
