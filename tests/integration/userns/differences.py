"""What is different without the set-id bit: the table of tests/support/modes.py, the page, and the program say the same."""
import os
import re
import sys
import unittest

os.environ["SHIFTER_TEST_SET_ID"] = "0"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{HERE}/../privilege")
from modes import DIFFERENCES  # noqa: E402
from privilege_site import PrivilegeTest  # noqa: E402

PAGE = f"{HERE}/../../../docs/explanation/without-set-id.md"


class Differences(PrivilegeTest):
    def test_what_needs_root_is_refused_in_one_line_that_says_so(self):
        self.addCleanup(self.site.write_config)
        for name, refused in DIFFERENCES.items():
            if refused is not None:
                with self.subTest(name):
                    self.site.write_config(refused.config)
                    who = self.site.users["a"]
                    self.site.users["here"] = type(who)(who.name, who.uid, who.gid, [*who.groups, *refused.groups], who.home)
                    done = self.shifter("--image=id:a1", *refused.words, "true", user="here")
                    self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                    self.assertRegex(done.stderr, r"\Ashifter: [^\n]+\n\Z")
                    self.assertTrue(done.stderr.endswith(f"{refused.line}\n"), done.stderr)

    def test_the_page_has_the_same_table(self):
        with open(PAGE) as stream:
            table = re.search(r"\n## What is different\n.*?\n\|---[-|]*\n(.*?)\n\n", stream.read(), re.DOTALL)[1]
        self.assertEqual([row.split("|")[1].strip().replace("`", "") for row in table.splitlines()], list(DIFFERENCES))


if __name__ == "__main__":
    unittest.main()
