"""shifterimg import: a squashfs file becomes an image of the user's own, made anew, and hostile ones become a sentence."""
import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse

from site_fixture import SUPPORT, USERS, Site
from images import build

CORPUS = f"{SUPPORT}/../fuzz/corpus/squashfs"


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config={"ImportUsers": [USERS["a"]], "Limits": {"Entries": 20000}})
        cls.addClassCleanup(cls.site.close)
        cls.folder = tempfile.mkdtemp(prefix="shifter-import-", dir="/var/tmp")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)
        cls.tree = f"{cls.folder}/tree"
        subprocess.run(["umoci", "unpack", "--image", f"{build.image('small')}:latest", f"{cls.folder}/bundle"], check=True,
                       capture_output=True)
        os.rename(f"{cls.folder}/bundle/rootfs", cls.tree)
        # What no image may give to anybody (I2, I22).
        shutil.copy(f"{cls.tree}/bin/cat", f"{cls.tree}/bin/setid")
        os.chmod(f"{cls.tree}/bin/setid", 0o6755)
        subprocess.run(["setcap", "cap_sys_admin+ep", f"{cls.tree}/bin/setid"], check=True)
        os.mknod(f"{cls.tree}/disk", 0o60666, os.makedev(7, 0))
        os.link(f"{cls.tree}/bin/setid", f"{cls.tree}/bin/twin")
        cls.images = {codec: cls.make(codec) for codec in ("zstd", "gzip")}

    @classmethod
    def make(cls, codec, *options):
        path = f"{cls.folder}/{codec}.squashfs"
        subprocess.run(["mksquashfs", cls.tree, path, "-comp", codec, "-noappend", "-quiet", "-no-progress", *options], check=True,
                       capture_output=True)
        return path

    def bring(self, *words, user="a", **options):
        return self.site.run("shifterimg", "import", *words, user=user, **options)

    def check(self, done, tag):
        self.assertEqual(done.returncode, 0, done.stderr)
        name = f"custom:{self.site.users['a'].name}/{tag}"
        self.assertTrue(done.stdout.endswith(f"Pulling Image: {name}, status: READY\n"), done.stdout)
        return name

    def published(self, name):
        done = self.site.run("shifterimg", "lookup", name)
        return f"{self.site.dir}/images/{done.stdout.strip()}.squashfs"

    def test_I2_I22_a_file_becomes_an_image_that_runs_without_what_no_image_may_give(self):
        for codec, path in self.images.items():
            with self.subTest(codec=codec):
                name = self.check(self.bring(path), codec)
                ran = self.site.run("shifter", f"--image={name}", "cat", "/etc/os-release")
                self.assertEqual(ran.returncode, 0, ran.stderr)
                listing = subprocess.run(["unsquashfs", "-lls", self.published(name)], check=True, capture_output=True,
                                         text=True).stdout
                self.assertNotIn("disk", listing)
                modes = {line.split()[-1]: line.split()[0] for line in listing.splitlines() if "squashfs-root/bin/" in line}
                self.assertEqual(modes["squashfs-root/bin/setid"], "-rwxr-xr-x")
                self.assertEqual(modes["squashfs-root/bin/twin"], "-rwxr-xr-x")
                kept = f"{self.folder}/kept"
                subprocess.run(["unsquashfs", "-q", "-n", "-xattrs", "-d", kept, self.published(name), "bin/setid"], check=True,
                               capture_output=True)
                self.addCleanup(shutil.rmtree, kept, True)
                self.assertEqual(os.listxattr(f"{kept}/bin/setid"), [])
                shutil.rmtree(kept)

    def test_the_tree_is_the_one_that_was_sent(self):
        name = self.check(self.bring(self.images["zstd"], "same:1"), "same:1")
        for side, path in (("sent", self.images["zstd"]), ("published", self.published(name))):
            subprocess.run(["unsquashfs", "-q", "-n", "-no-xattrs", "-d", f"{self.folder}/{side}", path], check=True, capture_output=True)
            self.addCleanup(shutil.rmtree, f"{self.folder}/{side}")
        subprocess.run(["find", f"{self.folder}/sent", "-type", "b,c", "-delete"], check=True)
        done = subprocess.run(["diff", "-r", "--no-dereference", f"{self.folder}/sent", f"{self.folder}/published"],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_I33_only_who_may_import_does_and_the_image_is_his(self):
        refused = self.bring(self.images["zstd"], "no:1", user="b")
        self.assertEqual((refused.returncode, len(refused.stderr.splitlines())), (1, 1), refused.stderr)
        self.assertIn("ImportUsers", refused.stderr)
        name = self.check(self.bring(self.images["zstd"], "mine:1"), "mine:1")
        self.assertEqual(self.site.run("shifterimg", "lookup", name, user="b").returncode, 1)
        listed = self.site.run("shifterimg", "images").stdout
        self.assertIn(f"{self.site.users['a'].name}/mine:1", listed)
        self.assertEqual(self.site.run("shifterimg", "rm", name).returncode, 0)
        self.assertEqual(self.site.run("shifterimg", "lookup", name).returncode, 1)

    def test_from_a_pipe_and_for_a_reader(self):
        with open(self.images["gzip"], "rb") as stream:
            name = self.check(self.bring("-", "piped:1", "--user", self.site.users["b"].name, stdin=stream), "piped:1")
        self.assertEqual(self.site.run("shifterimg", "lookup", name, user="b").returncode, 0)

    def test_H8_16_the_route_takes_a_file_of_the_callers_and_no_other(self):
        own = f"{self.folder}/own.squashfs"
        shutil.copy(self.images["zstd"], own)
        os.chown(own, self.site.users["a"].uid, -1)
        others = f"{self.folder}/others.squashfs"
        shutil.copy(self.images["zstd"], others)
        os.chown(others, self.site.users["b"].uid, -1)
        self.assertEqual(self.post("own:1", {"filepath": own, "format": "squashfs"})[0], 200)
        while self.site.run("shifterimg", "lookup", f"custom:{self.site.users['a'].name}/own:1").returncode != 0:
            self.assertNotIn("FAILURE", self.site.run("shifterimg", "queue").stdout)
        answers = {self.post("other:1", {"filepath": path, "format": "squashfs"}) for path in
                   (others, "/nowhere", "/etc/shadow", "/dev/null", f"{self.site.dir}/gateway/catalog.sqlite")}
        self.assertEqual({status for status, _ in answers}, {403}, "what is there, and what is not, is told to nobody")
        self.assertEqual(len({text.split(": on the")[1] for _, text in answers}), 1)
        for body, words in (({"filepath": own, "format": "ext4"}, "only files of the format squashfs"),
                            ({"filepath": own}, "the format"), ({"format": "squashfs"}, "which upload")):
            status, text = self.post("bad:1", body)
            self.assertEqual(status, 400)
            self.assertIn(words, text)

    def post(self, tag, body):
        credential = self.site.run("/usr/bin/munge", "-n").stdout.strip()
        done = self.site.run("/usr/bin/curl", "-s", "-w", "\n%{http_code}", "-H", f"authentication: {credential}", "-H",
                             "Content-Type: application/json", "-d", json.dumps(body),
                             f"{self.site.gateway_url}/api/doimport/tests/custom/{urllib.parse.quote(tag, safe='')}/")
        text, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(text).get("error", "") if int(status) != 200 else text

    def test_I20_R3_hostile_files_end_in_a_sentence_and_leave_nothing(self):
        with open(self.images["gzip"], "rb") as stream:
            whole = stream.read()
        planted = {"cut": whole[:-5000], "head": whole[:96], "noise": os.urandom(300_000), "text": b"#!/bin/sh\n" * 50}
        dice = random.Random(4)
        for number in range(3):  # bytes flipped in the tables, which stand at the end
            changed = bytearray(whole)
            for _ in range(20):
                changed[dice.randrange(len(whole) - 40_000, len(whole))] ^= dice.randrange(1, 256)
            planted[f"flipped{number}"] = bytes(changed)
        for name in ("loop", "counts"):
            with open(f"{CORPUS}/{name}", "rb") as stream:
                planted[name] = stream.read()
        before = self.site.files()
        pid = self.site.gateway.pid()
        for name, content in planted.items():
            path = f"{self.folder}/planted-{name}"
            with open(path, "wb") as out:
                out.write(content)
            with self.subTest(name=name):
                done = self.bring(path, f"{name}:1", timeout=30)
                if name.startswith("flipped") and done.returncode == 0:
                    continue  # nothing may depend on those bytes
                self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1), done.stderr)
                self.assertIn("squashfs", done.stderr)
                self.assertNotIn("signal", done.stderr, "the reader finds the trouble, its sandbox does not")
        self.assertEqual(self.site.gateway.pid(), pid)
        self.assertEqual([name for name in self.site.files() if name not in before and "images" not in name], [])
        held = [os.readlink(path) for fd in os.listdir(f"/proc/{pid}/fd") if os.path.lexists(path := f"/proc/{pid}/fd/{fd}")]
        self.assertEqual([path for path in held if "(deleted)" in path and "cache" in path], [], "R3: spool files are gone")

    def test_R16_entries_over_the_limit_are_refused(self):
        empty = f"{self.folder}/empty"
        os.mkdir(empty)
        path = f"{self.folder}/many.squashfs"
        with open(f"{self.folder}/many.list", "w") as out:
            out.writelines(f"d{number} d 755 0 0\n" for number in range(20000))  # with the root one too many
        subprocess.run(["mksquashfs", empty, path, "-noappend", "-quiet", "-no-progress", "-pf", out.name], check=True, capture_output=True)
        done = self.bring(path, "many:1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("more than 20000 entries", done.stderr)

    def test_I25_the_reader_can_do_nothing_but_read(self):
        reader = f"{os.path.dirname(os.path.dirname(self.site.program('shifterimg')))}/libexec/shifter/shifter-squashfs-reader"
        size = os.path.getsize(self.images["zstd"])
        with open(self.images["zstd"], "rb") as image:
            read_end, write_end = os.pipe()  # nobody reads: it stands still with its filter on
            process = subprocess.Popen([reader, str(size), "100000", str(1 << 30), "4095", "100", str(256 << 20)], stdin=image,
                                       stdout=write_end, stderr=subprocess.PIPE)
            try:
                os.read(read_end, 512)
                with open(f"/proc/{process.pid}/status") as stream:
                    status = dict(line.rstrip("\n").split(":\t", 1) for line in stream if ":\t" in line)
                self.assertEqual((status["Seccomp"], status["NoNewPrivs"]), ("2", "1"))
                with open(f"/proc/{process.pid}/limits") as stream:
                    limits = stream.read()
                self.assertRegex(limits, r"Max open files\s+3\s+3")
                self.assertRegex(limits, r"Max file size\s+0\s+0")
                self.assertRegex(limits, r"Max address space\s+268435456")
            finally:
                process.kill()
                process.communicate()
                os.close(read_end)
                os.close(write_end)


if __name__ == "__main__":
    unittest.main()
