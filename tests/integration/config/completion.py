"""Completion in bash: options, modes, and the images that the gateway lists."""
import os
import subprocess
import unittest

from site_fixture import PREFIX, Site

FILE = f"{PREFIX}/share/bash-completion/completions"


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.site.pull("org/small:1")
        cls.tag = cls.site.image("org/small:1").removeprefix("docker:")

    def complete(self, line: str, breaks: str = " \t\n\"'><=;|&(:") -> list[str]:
        """What bash answers for a Tab at the end of the line, split into words as readline does."""
        command = line.split()[0]
        script = (f"source {FILE}/{command}\nCOMP_WORDBREAKS=$BREAKS COMP_LINE=$LINE COMP_POINT=${{#LINE}}\n"
                  "COMP_WORDS=(); word=\n"
                  "for ((i = 0; i < ${#LINE}; i++)); do c=${LINE:i:1}\n"
                  "  if [[ $c == ' ' ]]; then [[ $word ]] && COMP_WORDS+=(\"$word\"); word=\n"
                  "  elif [[ $BREAKS == *\"$c\"* ]]; then [[ $word ]] && COMP_WORDS+=(\"$word\"); COMP_WORDS+=(\"$c\"); word=\n"
                  "  else word+=$c; fi\ndone\nCOMP_WORDS+=(\"$word\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                  f"_{command}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n")
        done = self.site.run("/bin/bash", "--norc", "-c", script, env={"LINE": line, "BREAKS": breaks, "PATH": f"{PREFIX}/bin:/usr/bin:/bin"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split("\n")[:-1]

    def test_images_are_completed_from_the_gateways_list(self):
        host, rest = self.tag.split(":", 1)
        self.assertEqual(self.complete(f"shifterimg lookup {host[:3]}"), [self.tag])
        self.assertEqual(self.complete(f"shifter -i {host[:3]}"), [self.tag])
        # Behind a colon readline has a new word, and gets the rest alone.
        self.assertEqual(self.complete(f"shifterimg pull {host}:{rest[:2]}"), [rest])
        port, path = rest.split("/", 1)
        self.assertEqual(self.complete(f"shifter --image={host}:{port}/org/sm"), [rest])
        self.assertEqual(self.complete(f"shifter --image=docker:{host[:3]}"), [self.tag])
        self.assertEqual(self.complete("shifter --image=nothing"), [""])

    def test_where_the_colon_is_no_break_the_whole_name_is_completed(self):
        self.assertEqual(self.complete(f"shifterimg lookup {self.tag[:12]}", breaks=" \t\n"), [self.tag])
        self.assertEqual(self.complete(f"shifter --image={self.tag[:12]}", breaks=" \t\n"), [f"--image={self.tag}"])

    def test_options_and_modes(self):
        self.assertEqual(self.complete("shifter --dry"), ["--dry-run"])
        self.assertEqual(self.complete("shifter doc"), ["doctor"])
        self.assertEqual(self.complete("shifter ps"), ["ps"])
        self.assertEqual(sorted(self.complete("shifterimg load /etc/passw")), ["/etc/passwd", "/etc/passwd-"])
        self.assertEqual(self.complete("shifterimg pu"), ["pull", "pullnb"])
        self.assertEqual(self.complete("shifterimg login --"), ["--password-stdin"])

    def test_every_option_of_the_help_is_completed(self):
        help_text = self.site.run("shifter", "--help").stdout
        options = {word.strip(",").split("=")[0].split("[")[0] for word in help_text.split() if word.startswith("--") and len(word) > 2}
        completed = {word.rstrip("=") for word in self.complete("shifter --")}
        self.assertEqual(options - completed, set())

    def test_bash_reads_the_file(self):
        for name in ("shifter", "shifterimg"):
            self.assertTrue(os.path.exists(f"{FILE}/{name}"))
            subprocess.run(["bash", "-n", f"{FILE}/{name}"], check=True)


if __name__ == "__main__":
    unittest.main()
