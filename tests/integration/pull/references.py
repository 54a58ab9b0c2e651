"""References as users type them: tag, digest, both, no tag, several platforms, Docker's own media types."""
import json
import os
import unittest

from images import oci_layout
from site_fixture import Site


def read(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


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
        wrong = f"{self.site.registry}/org/team/small@sha256:{'0' * 64}"
        done = self.site.run("shifterimg", "pull", f"docker:{wrong}")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, f"shifterimg: cannot pull {wrong}: {self.site.registry} does not have it (404); is the name right?\n")

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

    def test_what_was_pulled_by_a_tag_is_found_by_the_digest_that_the_registry_shows_for_the_tag(self):
        index = oci_layout.digest(self.site.push("multiarch", "org/team/several:1"))
        identifier = self.site.pull("org/team/several:1")
        self.assertNotEqual(index, f"sha256:{identifier}", "the tag names an index, and the image is one of its manifests")
        name = f"org/team/several@{index}"
        self.assertEqual(self.lookup(self.site.image(name)), identifier)
        self.assertEqual(self.lookup(self.site.image(f"org/multi@{index}")), "", "nothing of that repository was pulled")
        done = self.site.run("shifter", f"--image={self.site.image(name)}", "/etc/platform")
        self.assertEqual(done.returncode, 126, f"that file is there, and no program: {done.stderr}")
        inspected = json.loads(self.site.run("shifterimg", "--json", "inspect", self.site.image("org/team/several:1")).stdout)
        self.assertEqual(inspected["image"]["indexes"], {f"{self.site.registry}/org/team/several:1": index})
        self.assertEqual((inspected["record"]["indexes"], inspected["image"]["digest"]),
                         (inspected["image"]["indexes"], f"sha256:{identifier}"))
        layers = self.site.registry_requests("^GET .*org/team/several/blobs/")
        self.assertEqual(self.site.pull(name), identifier)
        self.assertLessEqual(len(self.site.registry_requests("^GET .*org/team/several/blobs/")) - len(layers), 1,
                             "the configuration, and no layer")

    def test_dockers_own_manifest_gives_the_same_tree(self):
        self.site.push("small", "org/team/small:docker", docker_schema2=True)
        identifier = self.site.pull("org/team/small:docker")
        self.assertNotEqual(identifier, self.id, "another manifest is another image")
        self.assertEqual(*[read(f"{self.site.dir}/images/{name}.squashfs") for name in (identifier, self.id)])

    def test_the_same_manifest_gives_the_same_bytes(self):
        before = read(f"{self.site.dir}/images/{self.id}.squashfs")
        self.forget_everything()
        self.assertEqual(self.site.pull("org/team/small:1.0"), self.id)
        self.assertEqual(read(f"{self.site.dir}/images/{self.id}.squashfs"), before)

    def forget_everything(self):
        self.site.gateway.stop()
        for folder in ("images", "gateway"):
            for entry in os.scandir(f"{self.site.dir}/{folder}"):
                if entry.is_file():
                    os.unlink(entry.path)
        self.site.start_gateway()

    def test_characters_that_no_reference_has_are_refused_not_dropped(self):
        for text in ("docker:this is *odd*", "docker:Upper/case:1", "docker:a..b//c:1", "docker:org/small:ta g", "docker:ünicode:1"):
            done = self.site.run("shifterimg", "pull", text)
            self.assertEqual((done.returncode, done.stdout), (1, ""), text)
            self.assertTrue(done.stderr.startswith("shifterimg: "), done.stderr)


if __name__ == "__main__":
    unittest.main()
