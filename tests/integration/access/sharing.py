"""I33, I34: who may use a private image, as its owner, a reader and a stranger see it; and what each may remove."""
import glob
import os
import unittest

from site_fixture import Site


class Sharing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(registry_login="reader:secret")
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.image = cls.site.image("org/small:1")
        cls.b = cls.site.users["b"].name

    def setUp(self):
        self.ok("login", self.site.registry, "--password-stdin", first=["--username", "reader"], input="secret\n")
        self.ok("pull", self.image)
        self.identifier = self.ok("lookup", self.image).stdout.strip()

    def tearDown(self):
        for user in "ab":
            self.site.run("shifterimg", "rm", self.image, user=user)

    def shifterimg(self, *words, user="a", first=(), **options):
        return self.site.run("shifterimg", *first, *words, user=user, **options)

    def ok(self, *words, **options):
        done = self.shifterimg(*words, **options)
        self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
        return done

    def refused(self, *words, user="b"):
        done = self.shifterimg(*words, user=user)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
        return done.stderr

    def runs(self, user):
        done = self.site.run("shifter", f"--image=id:{self.identifier}", "true", user=user)
        return done.returncode == 0

    def test_I34_the_owner_lets_a_reader_in_and_out_at_the_gateway_and_on_the_node(self):
        self.refused("lookup", self.image)
        self.assertFalse(self.runs("b"))
        self.ok("share", self.image, "--user", self.b)
        self.assertEqual(self.ok("lookup", self.image, user="b").stdout.strip(), self.identifier)
        self.assertTrue(self.runs("b"), "the node's record was changed, too")
        self.assertIn("only its owner or an admin", self.refused("share", self.image, "--user", self.site.users["a"].name))
        self.ok("unshare", self.image, "--user", self.b)
        self.refused("lookup", self.image)
        self.assertFalse(self.runs("b"))
        self.assertTrue(self.runs("a"))

    def test_I33_what_one_may_not_see_is_answered_as_what_does_not_exist(self):
        for verb in (["share", "--user", self.b], ["unshare"], ["rm"], ["chown", self.b]):
            hidden = self.shifterimg(*verb[:1], *verb[1:] if verb[0] == "chown" else [], self.image,
                                     *verb[1:] if verb[0] != "chown" else [], user="b")
            absent = self.shifterimg(*verb[:1], *verb[1:] if verb[0] == "chown" else [], f"{self.image}00",
                                     *verb[1:] if verb[0] != "chown" else [], user="b")
            self.assertEqual(hidden.returncode, 1)
            self.assertEqual((hidden.returncode, hidden.stdout, hidden.stderr),
                             (absent.returncode, absent.stdout, absent.stderr.replace(f"{self.image}00", self.image)), verb)

    def test_an_image_that_is_handed_over_is_the_new_owners(self):
        self.ok("chown", self.b, self.image)
        self.assertEqual(self.ok("lookup", self.image, user="b").stdout.strip(), self.identifier)
        self.refused("lookup", self.image, user="a")
        self.assertFalse(self.runs("a"))
        self.assertIn("org/small:1", self.ok("images", "--mine", user="b").stdout)
        self.assertEqual(self.ok("images", "--mine").stdout, "")

    def test_one_removes_what_one_has_pulled_and_the_last_who_needs_it_takes_the_image(self):
        self.assertIn("org/small:1", self.ok("images", "--mine").stdout)
        self.ok("share", self.image, "--user", self.b)
        self.assertIn("not pulled this image", self.refused("rm", self.image))
        self.assertIn("would be removed", self.ok("rm", self.image, "--dry-run").stderr)
        self.ok("lookup", self.image)
        self.assertIn("the image is removed", self.ok("rm", self.image).stderr)
        self.refused("lookup", self.image, user="a")
        self.assertEqual(self.ok("images").stdout, "")
        self.assertEqual(len(glob.glob(f"{self.site.dir}/images/{self.identifier}.*")), 2, "R14: for the grace")
        self.assertEqual(os.stat(f"{self.site.dir}/images/{self.identifier}.squashfs").st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main()
