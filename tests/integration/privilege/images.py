"""Which image files the kernel is given: I17; whose records are believed: I33, I34."""
import os
import subprocess
import unittest

from privilege_site import PrivilegeTest

UNKNOWN = "does not exist, or you may not use it"


class Images(PrivilegeTest):
    def setUp(self):
        super().setUp()
        self.images = f"{self.site.dir}/images"
        for name in os.listdir(self.images):
            if not name.startswith("a1."):
                os.unlink(f"{self.images}/{name}")

    def add(self, identifier: str, meta: str = "FORMAT: squashfs\nENV: PATH=/bin\n") -> str:
        path = f"{self.images}/{identifier}.squashfs"
        os.link(f"{self.images}/a1.squashfs", path)
        with open(f"{self.images}/{identifier}.meta", "w") as out:
            out.write(meta)
        return path

    def copy(self, identifier: str) -> str:
        path = self.add(identifier)
        os.unlink(path)
        subprocess.run(["cp", f"{self.images}/a1.squashfs", path], check=True)
        return path

    def test_I17_a_file_that_others_can_write_is_refused(self):
        user = self.site.users["a"]
        for number, change in enumerate((lambda p: os.chmod(p, 0o664), lambda p: os.chmod(p, 0o646), lambda p: os.chown(p, user.uid, -1))):
            change(self.copy(f"c{number}"))
            done = self.shifter(f"--image=id:c{number}", "true")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")

    def test_I17_links_fifos_devices_and_directories_are_no_images(self):
        for number, make in enumerate((lambda p: os.symlink(f"{self.images}/a1.squashfs", p), os.mkfifo, os.mkdir,
                                       lambda p: os.mknod(p, 0o644 | 0o60000, os.makedev(7, 0)))):
            path = self.add(f"d{number}")
            os.unlink(path)
            make(path)
            done = self.shifter(f"--image=id:d{number}", "true")
            self.assertEqual((done.returncode, done.stdout), (1, ""), number)
            self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)

    def test_I17_a_directory_of_images_that_others_can_write_is_refused(self):
        os.chmod(self.images, 0o777)
        try:
            self.refused("--image=id:a1", "true", because="everybody can write it")
        finally:
            os.chmod(self.images, 0o755)

    def test_I17_a_swapped_imagePath_is_refused(self):
        os.rename(self.images, f"{self.images}.real")
        home = self.site.users["a"].home
        try:
            os.symlink(home, self.images)
            self.refused("--image=id:a1", "true", because="")
        finally:
            os.unlink(self.images)
            os.rename(f"{self.images}.real", self.images)

    def test_I17_only_squashfs_is_given_to_the_kernel(self):
        path = self.copy("e1")
        with open(path, "r+b") as out:
            out.write(b"XXXX")
        self.refused("--image=id:e1", "true", because="cannot mount the image e1: it is not a squashfs file")
        self.add("e2", "FORMAT: xfs\n")
        self.refused("--image=id:e2", "true", because="")

    def test_I17_a_broken_image_ends_in_a_sentence(self):
        path = self.copy("e3")
        with open(path, "r+b") as out:
            out.seek(40)
            out.write(os.urandom(56))
        self.refused("--image=id:e3", "true", because="cannot mount the image e3")

    def test_I17_an_id_is_no_path(self):
        for identifier in ("..", "../a1", "a1.squashfs", "/etc/passwd", "A1", "a" * 129, ""):
            self.assertEqual(self.shifter(f"--image=id:{identifier}", "true").returncode, 1, identifier)

    def test_I17_local_directories_are_refused_unless_the_site_allows_them(self):
        self.refused("--image=local:/", "true", because="this site does not allow directories as images")

    def test_I33_a_private_image_looks_like_one_that_does_not_exist(self):
        a, b = self.site.users["a"], self.site.users["b"]
        self.add("f1", f"FORMAT: squashfs\nUSERACL: {b.uid}\nENV: PATH=/bin\n")
        hidden = self.shifter("--image=id:f1", "true")
        missing = self.shifter("--image=id:f2", "true")
        self.assertEqual((hidden.returncode, hidden.stderr.replace("f1", "f2")), (1, missing.stderr))
        self.assertIn(UNKNOWN, hidden.stderr)
        self.output("--image=id:f1", "true", user="b")
        self.add("f3", f"FORMAT: squashfs\nGROUPACL: {a.groups[-1]}\nENV: PATH=/bin\n")
        self.output("--image=id:f3", "true")
        self.assertEqual(self.shifter("--image=id:f3", "true", user="b").returncode, 1)

    def test_I34_a_record_that_is_not_understood_opens_nothing(self):
        for number, meta in enumerate(("FORMAT: squashfs\nUSERACL:\n", "FORMAT: squashfs\nUSERACL: x\n", "FORMAT: squashfs\nUSERACL: 1\nUSERACL: 2\n",
                                       "FORMAT: evil\n", "", "\0", "FORMAT: squashfs\nGROUPACL: 5,\n")):
            self.add(f"{number + 10}", meta)
            self.assertEqual(self.shifter(f"--image=id:{number + 10}", "true").returncode, 1, meta)


if __name__ == "__main__":
    unittest.main()
