"""shifterimg for people, scripts and programs: the parsing that workflow engines do, --json, several images, tree, history."""
import json
import subprocess
import unittest

from images import oci_layout
from site_fixture import PREFIX, Site


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.layouts = {name: cls.site.push(image, f"org/{name}:1") for name, image in
                       (("small", "small"), ("sixty", "sixty"), ("odd", "odd"))}
        cls.digests = {name: oci_layout.digest(layout) for name, layout in cls.layouts.items()}
        cls.ids = {name: digest.partition(":")[2] for name, digest in cls.digests.items()}
        for name in ("small", "sixty"):
            cls.site.pull(f"org/{name}:1")

    def sh(self, script: str, **more) -> subprocess.CompletedProcess:
        return self.site.run("/bin/sh", "-c", script, env={"PATH": f"{PREFIX}/bin:/usr/bin:/bin"}, **more)

    def img(self, *words, user="a", status=0, stderr=""):
        done = self.site.run("shifterimg", *words, user=user)
        self.assertEqual(done.returncode, status, done.stderr)
        if stderr is not None:
            self.assertEqual(done.stderr, stderr)
        return done.stdout

    def tag(self, name: str) -> str:
        return f"{self.site.registry}/org/{name}:1"

    # What scripts rely on.

    def test_a_workflow_engine_reads_the_state_of_a_pull_as_it_always_did(self):
        done = self.sh(f"shifterimg -v pull docker:{self.tag('small')} | tail -n2 | head -n1 | awk '{{print $6}}'")
        self.assertEqual((done.stdout, done.stderr), ("READY\n", ""))
        done = self.sh(f"shifterimg -v pull docker:{self.tag('none')} | tail -n2 | head -n1 | awk '{{print $6}}'")
        self.assertEqual(done.stdout, "FAILURE\n")

    def test_a_loop_around_lookup_ends_when_the_image_is_there(self):
        done = self.sh(f"shifterimg lookup {self.tag('odd')} >/dev/null 2>&1; test $? = 1 || exit 9; "
                       f"shifterimg pullnb {self.tag('odd')} >/dev/null || exit 8; "
                       f"until shifterimg lookup {self.tag('odd')} 2>/dev/null; do sleep 0.2; done", timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, self.ids["odd"] + "\n", ""))

    def test_the_sixth_word_of_images_is_the_tag(self):
        done = self.sh("shifterimg images | awk '{print $6}'")
        self.assertLessEqual({self.tag("small"), self.tag("sixty")}, set(done.stdout.splitlines()))
        self.assertEqual(done.stdout.splitlines(), sorted(done.stdout.splitlines()))
        line = next(line for line in self.img("images").splitlines() if "/small:" in line)
        self.assertRegex(line, rf"^tests      docker     READY    {self.ids['small'][:10]}   \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d {self.tag('small')} *$")
        wide = next(line for line in self.img("--long", "images").splitlines() if "/small:" in line)
        self.assertTrue(wide.startswith(line))
        words = wide.split()
        self.assertEqual((words[5], words[7], words[8]), (self.tag("small"), self.site.users["a"].name, self.digests["small"]))
        self.assertRegex(words[6], r"^[0-9.]+[KMG]iB$")

    def test_status_is_0_or_1_without_json(self):
        self.assertEqual(self.img("lookup", self.tag("none"), status=1, stderr=None), "")
        self.assertEqual(self.img("lookup", status=1, stderr=None), "")
        self.assertEqual(self.img("frobnicate", status=1, stderr=None), "")
        self.assertEqual(self.img("expire", self.tag("small"), status=1, stderr=None), "")

    # Images, and what they share.

    def test_images_are_filtered_by_a_pattern(self):
        for pattern, names in (("org/small", {"small"}), ("*/org/s*:1", {"small", "sixty"}), ("docker:*small:1", {"small"}), ("zzz", set())):
            found = {line.split()[5] for line in self.img("images", pattern).splitlines()}
            self.assertEqual(found, {self.tag(name) for name in names}, pattern)

    def test_history_lists_the_layers_of_the_manifest_the_uppermost_first(self):
        for name in ("small", "sixty"):
            listed = [line.split()[1] for line in self.img("history", self.tag(name)).splitlines()]
            self.assertEqual(listed, [layer["digest"] for layer in reversed(oci_layout.layers(self.layouts[name]))])

    def test_tree_shows_what_images_share_and_graphviz_can_read_it(self):
        subprocess.run(["skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{self.tag('small')}",
                        f"docker://{self.site.registry}/org/small:copy"], check=True)
        self.site.pull("org/small:copy")
        text = self.img("tree", "org/small")
        self.assertEqual(text.count(self.tag("small")), 1)
        last = next(line for line in text.splitlines() if self.tag("small") in line)
        self.assertIn(f"{self.site.registry}/org/small:copy", last)
        self.assertEqual(len(text.splitlines()), len(oci_layout.layers(self.layouts["small"])))
        tree = json.loads(self.img("--json", "tree", "org/small"))["tree"]
        self.assertEqual(len(tree), 1)
        dot = self.img("tree", "--dot", "org/s*")
        self.assertTrue(dot.startswith("digraph images {\n"))
        self.assertEqual(dot.count("{"), dot.count("}"))

    # JSON.

    def test_json_tells_of_each_image_what_there_is(self):
        images = json.loads(self.img("--json", "images"))["images"]
        small = next(image for image in images if self.tag("small") in image["tags"])
        self.assertEqual((small["id"], small["digest"], small["owner"], small["private"], small["state"]),
                         (self.ids["small"], self.digests["small"], self.site.users["a"].uid, False, "READY"))
        self.assertEqual(json.loads(self.img("lookup", self.tag("small"), "--json"))["image"], small)
        inspected = json.loads(self.img("--json", "inspect", self.tag("small")))
        self.assertEqual([layer["digest"] for layer in inspected["image"]["layers"]],
                         [layer["digest"] for layer in oci_layout.layers(self.layouts["small"])])
        self.assertEqual(inspected["record"]["itype"], "docker")
        self.assertEqual(set(inspected["record"]["dropped"]), {"devices", "setid_bits", "xattrs"})
        self.assertEqual(json.loads(self.img("--json", "queue")), {"queue": []})

    def test_json_tells_the_cause_of_a_failure_and_the_status_too(self):
        for words, status, cause in ((["lookup", self.tag("none")], 3, "not_found"), (["lookup", "a b"], 2, "usage"),
                                     (["expire", self.tag("small")], 5, "refused"), (["pull", self.tag("none")], 1, None)):
            document = json.loads(self.img("--json", *words, status=status, stderr=None))
            error = document["error"] if cause else document["pulls"][0]["error"]
            self.assertEqual((error["status"], error["cause"]), (status, cause or "failed"))
            self.assertTrue(error["message"])
        url, self.site.gateway_url = self.site.gateway_url, "http://127.0.0.1:1"
        self.site.write_config()
        try:
            self.assertEqual(json.loads(self.img("--json", "images", status=6, stderr=None))["error"]["cause"], "unreachable")
            self.img("images", status=1, stderr=None)
        finally:
            self.site.gateway_url = url
            self.site.write_config()

    # Several at once.

    def test_several_images_are_pulled_by_one_command(self):
        self.site.push("multiarch", "org/more:1")
        done = self.site.run("shifterimg", "pull", self.tag("more"), self.tag("small"), self.tag("none"))
        self.assertEqual(done.returncode, 1)
        ends = {line.split()[3].rstrip(","): line.split()[5] for line in done.stdout.splitlines()}
        self.assertEqual(ends[f"docker:{self.tag('more')}"], "READY")
        self.assertEqual(ends[f"docker:{self.tag('small')}"], "READY")
        self.assertRegex(done.stderr, rf"^shifterimg: cannot pull {self.tag('none')}: .*\n$")
        pulls = json.loads(self.img("--json", "pull", self.tag("small"), self.tag("sixty")))["pulls"]
        self.assertEqual([(pull["state"], pull["id"]) for pull in pulls], [("READY", self.ids["small"]), ("READY", self.ids["sixty"])])


if __name__ == "__main__":
    unittest.main()
