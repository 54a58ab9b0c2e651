"""examiner: the site's program sees each image before it is published, and nothing that it refuses can be used."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from images import build
from registry_writer import RegistryWriter
from site_fixture import GATEWAY_ACCOUNT, SYSCONFDIR, USERS, Site

# What it does is in the name of the image.
PROGRAM = """#!/bin/sh
echo "$SHIFTER_IMAGE $SHIFTER_USER $(id -un) $2" >> "$(dirname "$1")/../../examined"
case "$SHIFTER_IMAGE" in
  *refused*) echo "some words"; echo "it holds a miner of coins" >&2; exit 1 ;;
  *crashes*) kill -SEGV $$ ;;
  *slow*) sleep 300 & sleep 300 ;;
  *writes*)
    for path in "$1/etc/os-release" "$1/new" "$1/etc/new"; do
      if { echo changed > "$path"; } 2>/dev/null; then echo "$path was written"; exit 1; fi
    done
    if rm -f "$1/etc/os-release" 2>/dev/null; then echo "a file was removed"; exit 1; fi
    chmod u+w "$1/etc" "$1/etc/os-release" && echo changed > "$1/etc/os-release"  # its own copy
    echo "wrote" ;;
  *) grep -c = "$1/etc/os-release" > /dev/null && echo "looked at" ;;
esac
"""


class Examiner(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        path = f"{cls.site.dir}/etc/examiner"
        with open(path, "w") as out:
            out.write(PROGRAM)
        os.chmod(path, 0o755)
        cls.site.push("small", "org/small:1")
        cls.site.pull("org/small:1")  # before the site had an examiner
        cls.site.write_gateway_config({"examiner": f"{SYSCONFDIR}/examiner", "Limits": {"ExaminerTimeout": 4}})
        cls.site.gateway.stop()
        cls.site.start_gateway()
        cls.writer = RegistryWriter(cls.site.registry)

    def push(self, tag):
        """Other content for each: one content is looked at once."""
        self.writer.variant("org/small", tag, "1", {"tag": tag, "shifter.examiner": "forged"})
        return f"org/small:{tag}"

    def refused(self, tag, words):
        name = self.push(tag)
        before = self.site.files()
        done = self.site.run("shifterimg", "pull", self.site.image(name))
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.site.run("shifterimg", "lookup", self.site.image(name)).returncode, 1)
        self.assertEqual([each for each in self.site.files() if each.startswith("images/")],
                         [each for each in before if each.startswith("images/")])

    def verdict(self, name, user="a"):
        done = self.site.run("shifterimg", "--json", "inspect", name, user=user)
        self.assertEqual(done.returncode, 0, done.stderr)
        return re.findall(r'"shifter.examiner": *"([^"]*)"', done.stdout)

    def examined(self, tag):
        with open(f"{self.site.dir}/gateway/examined") as seen:
            return [line.split() for line in seen if line.split()[0].endswith(f"/small:{tag}")]

    def tearDown(self):
        left = [name for name in os.listdir(f"{self.site.dir}/gateway/cache") if name.startswith("examine.")]
        self.assertEqual(left, [])

    def test_an_image_that_passes_has_the_verdict_and_runs(self):
        name = self.push("good")
        image = self.site.pull(name)
        self.assertEqual(self.verdict(self.site.image(name)), ["looked at"])
        self.assertEqual(self.examined("good"), [[f"{self.site.registry}/{name}", USERS["a"], GATEWAY_ACCOUNT, image]])
        ran = self.site.run("shifter", f"--image={self.site.image(name)}", "cat", "/etc/os-release")
        self.assertIn("=", ran.stdout, ran.stderr)

    def test_one_that_is_refused_is_nobodys_and_its_last_line_is_the_reason(self):
        self.refused("refused", "the site's examiner refuses the image: it holds a miner of coins")

    def test_a_program_that_crashes_has_let_nothing_pass(self):
        self.refused("crashes", "the site's examiner has not come to a verdict: it was ended by signal 11")

    def test_R16_a_program_that_runs_too_long_is_ended_with_all_that_it_began(self):
        self.refused("slow", "did not come to an end within 4 seconds (ExaminerTimeout")
        commands = subprocess.run(["ps", "-u", GATEWAY_ACCOUNT, "-o", "args="], capture_output=True, text=True).stdout
        self.assertNotIn("sleep 300", commands)

    def test_what_it_writes_changes_no_image(self):
        name = self.push("writes")
        self.site.pull(name)
        self.assertEqual(self.verdict(self.site.image(name)), ["wrote"])
        ran = self.site.run("shifter", f"--image={self.site.image(name)}", "cat", "/etc/os-release")
        self.assertNotIn("changed", ran.stdout)
        self.assertIn("=", ran.stdout)

    def test_what_was_published_before_is_looked_at_when_it_is_pulled_again_and_once(self):
        image = self.site.image("org/small:1")
        self.assertEqual(self.verdict(image), [])
        for tag in ("again", "once-more"):  # the same content under other names
            self.site.push("small", f"org/small:{tag}")
            self.site.pull(f"org/small:{tag}", user="b")
        self.assertEqual(self.verdict(image), ["looked at"])
        self.assertEqual([len(self.examined(tag)) for tag in ("again", "once-more")], [1, 0])

    def test_what_users_send_is_looked_at_too(self):
        folder = tempfile.mkdtemp(prefix="shifter-examined-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        done = self.site.run("shifterimg", "load", build.archive("small", f"{folder}/small.tar"), "refused:1")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("it holds a miner of coins", done.stderr)

    def test_I37_a_program_that_others_could_write_is_refused(self):
        path = f"{self.site.dir}/etc/open"
        for mode, words in ((0o777, "everybody can write it"), (0o644, "is not executable")):
            with open(path, "w") as out:
                out.write("#!/bin/sh\n")
            os.chmod(path, mode)
            config = f"{self.site.dir}/etc/checked.json"
            with open(f"{self.site.dir}/etc/imagemanager.json") as stream, open(config, "w") as out:
                json.dump({**json.load(stream), "examiner": path}, out)
            os.chmod(config, 0o644)
            done = subprocess.run([self.site.program("shifter-gateway"), "--check-config", config], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
