"""R6: two hundred users who ask for one image at once cause one download; different pulls do not wait for each other."""
import collections
import subprocess
import unittest

from images import oci_layout
from site_fixture import Site


class OneFetch(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)

    def test_R6_two_hundred_users_cause_one_download(self):
        layout = self.site.push("debian8", "org/debian:8")
        reference = self.site.image("org/debian:8")
        pulls = [self.site.start("shifterimg", "pull", reference, user="ab"[number % 2], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE) for number in range(200)]
        ends = [(pull.communicate(timeout=300), pull.returncode) for pull in pulls]
        bad = [end for end in ends if end[1] != 0 or end[0][1] != ""]
        self.assertEqual(bad, [])
        self.assertEqual({streams[0].splitlines()[-1].split()[5] for streams, _ in ends}, {"READY"})

        fetched = collections.Counter(line.split("/")[-1].split()[0]
                                      for line in self.site.registry_requests(r"^GET /v2/org/debian/blobs/\S+ 20"))
        wanted = {layer["digest"] for layer in oci_layout.layers(layout)}
        self.assertEqual({blob: count for blob, count in fetched.items() if count > 1}, {}, "each blob came once")
        self.assertLessEqual(wanted, set(fetched))
        manifests = self.site.registry_requests(r"^(GET|HEAD) /v2/org/debian/manifests/\S+ 200")
        self.assertLessEqual(len(manifests), 2, "the tag was resolved once (R7)")

        # Asked for again, what is here is answered from here.
        before = len(self.site.registry_requests("blobs"))
        self.site.pull("org/debian:8", user="b")
        self.assertEqual(len(self.site.registry_requests("blobs")), before)


if __name__ == "__main__":
    unittest.main()
