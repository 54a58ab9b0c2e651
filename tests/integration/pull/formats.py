"""shifterimg as scripts in the field read it (contract 9.3): pull, pullnb, images, lookup."""
import json
import os
import re
import unittest

from site_fixture import Site

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.site.push("multiarch", "org/multi:1")
        cls.reference = cls.site.image("org/small:1")
        cls.first = cls.site.run("shifterimg", "pull", cls.reference)
        cls.id = cls.site.run("shifterimg", "lookup", cls.reference).stdout.strip()

    def test_pull_ends_with_status_0_and_says_so_in_plain_lines(self):
        self.assertEqual((self.first.returncode, self.first.stderr), (0, ""))
        lines = self.first.stdout.splitlines()
        self.assertNotIn("\x1b", self.first.stdout, "no control characters where nobody looks (H9-9)")
        for line in lines:
            self.assertRegex(line, rf"^{TIME} Pulling Image: {re.escape(self.reference)}, status: [A-Z]+$")
        self.assertTrue(lines[-1].endswith("status: READY"), lines)
        states = [line.split()[5] for line in lines]
        order = ["INIT", "PENDING", "PULLING", "EXAMINATION", "CONVERSION", "TRANSFER", "READY"]
        self.assertEqual(states, sorted(states, key=order.index), "states come in the contract's order (7.4)")

    def test_lookup_prints_the_identifier_and_nothing_else(self):
        done = self.site.run("shifterimg", "lookup", self.reference)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^[0-9a-f]{64}\n$")

    def test_lookup_of_what_is_not_there_prints_nothing_and_fails(self):
        done = self.site.run("shifterimg", "lookup", self.site.image("org/small:never"))
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_images_has_the_columns_that_awk_scripts_count(self):
        done = self.site.run("shifterimg", "images")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        tag = self.reference.removeprefix("docker:")
        line = next(line for line in done.stdout.splitlines() if tag in line)
        # printf "%-10s %-10s %-8s %-.10s   %s %-30s"
        self.assertRegex(line, rf"^tests      docker     READY    {self.id[:10]}   {TIME} {re.escape(tag.ljust(30))}$")
        self.assertEqual(line.split()[5], tag)

    def test_images_are_sorted_bytewise_by_tag(self):
        self.site.pull("org/multi:1")
        tags = [line.split()[5] for line in self.site.run("shifterimg", "images").stdout.splitlines()]
        self.assertEqual(tags, sorted(tags, key=str.encode))
        self.assertGreaterEqual(len(tags), 2)

    def test_a_workflow_engine_finds_the_state_in_verbose_output(self):
        done = self.site.run("shifterimg", "-v", "pull", self.reference)
        self.assertEqual(done.returncode, 0, done.stderr)
        # shifterimg -v pull X | tail -n2 | head -n1 | awk '{print $6}'
        lines = done.stdout.split("\n")
        self.assertEqual(lines[-1], "", "the last line ends")
        self.assertEqual(lines[-2], "", "an empty line follows the final status")
        self.assertEqual(lines[-3].split()[5], "READY")
        messages = [line.removeprefix("Message: ") for line in lines if line.startswith("Message: ")]
        self.assertTrue(messages)
        record = json.loads(messages[-1])
        self.assertEqual((record["id"], record["status"], record["itype"], record["system"]), (self.id, "READY", "docker", "tests"))

    def test_pullnb_prints_one_line_and_succeeds_when_the_image_is_ready(self):
        done = self.site.run("shifterimg", "pullnb", self.reference)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, rf"^{TIME} Pulling Image: {re.escape(self.reference)}, status: READY\n$")

    def test_the_record_on_disk_is_what_older_runtimes_read(self):
        with open(f"{self.site.dir}/images/{self.id}.meta") as stream:
            lines = stream.read().splitlines()
        self.assertIn("FORMAT: squashfs", lines)
        self.assertIn("ENV: GREETING=hello", lines)
        self.assertIn("ENTRY: ['/app/hello']", lines)
        self.assertIn("WORKDIR: /app", lines)
        self.assertFalse([line for line in lines if "ACL" in line], "a public image has no ACL")

    def test_help_and_version_work_without_any_configuration(self):
        for program in ("shifter", "shifterimg", "shifter-gateway"):
            for option in ("--help", "--version"):
                done = self.site.run(program, option, user="b")
                self.assertEqual((done.returncode, done.stderr), (0, ""), (program, option))
                self.assertIn(program, done.stdout.splitlines()[0])

    def test_bad_calls_are_refused_with_one_sentence_first(self):
        for arguments, status in (([], 1), (["nonsense"], 1), (["lookup"], 1), (["pull", "docker:"], 1),
                                  (["images", "x", "y"], 1)):
            done = self.site.run("shifterimg", *arguments)
            self.assertEqual((done.returncode, done.stdout), (status, ""), arguments)
            self.assertTrue(done.stderr.startswith("shifterimg: "), (arguments, done.stderr))

    def test_published_files_belong_to_the_gateway_and_nobody_else_writes_them(self):
        for suffix in ("squashfs", "meta"):
            info = os.stat(f"{self.site.dir}/images/{self.id}.{suffix}")
            self.assertEqual(info.st_mode & 0o7777, 0o644)
            self.assertEqual(info.st_uid, os.stat(f"{self.site.dir}/images").st_uid)


if __name__ == "__main__":
    unittest.main()
