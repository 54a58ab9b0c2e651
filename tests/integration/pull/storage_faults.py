"""R1, R2, R3, R9: the storage fails at the nth call of a pull, for every n, or the gateway is killed there.

usage: storage_faults.py [--every] [--seed N] [unittest's options]

Each pull is of an image of its own, through a gateway whose calls below the image directory, or on the catalogue's files, meet
the fault (tests/support/storage_faults.c). It must end READY, with an image that holds what was pushed, or in a sentence with the
true reason; nothing half-made may be left; and the same pull, repeated without the fault, must succeed. By default a sample of
the places is tried; --every tries all of them and prints the table of docs/explanation/faults.md.
"""
import errno
import itertools
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from dataclasses import dataclass

from images import oci_layout, plain_push
from images.layer_tar import Entry, LayerTar
from site_fixture import GATEWAY_ACCOUNT, Site
from storage_faults import StorageFaults

EVERY = "--every" in sys.argv
SEED = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else 1
SAMPLE = 21
REASONS = {"ENOSPC": r"No space left on device|the disk is full", "EIO": r"Input/output error", "EDQUOT": r"Disk quota exceeded"}
FAULTS = [("ENOSPC", "once"), ("ENOSPC", "for ever"), ("EIO", "once"), ("EIO", "for ever"), ("EDQUOT", "once"), ("", "short write"), ("", "kill -9")]
NEVER = 1 << 40
FOR_EVER_SECONDS = 1  # that the fault lasts: a catalogue that cannot be written cannot say how a pull ended


@dataclass(frozen=True)
class End:
    """Of one pull: the call that was hit, or "" when the pull makes fewer; its sentence, or "" for READY; what it left half-made."""
    call: str
    sentence: str
    left: list[str]


class Storage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.work.cleanup)
        cls.faults = StorageFaults(cls.site.dir)
        cls.site.gateway.stop()
        cls.site.gateway_wrapper = cls.faults.command()
        cls.site.start_gateway()
        cls.places = {"images": f"{cls.site.dir}/images", "catalogue": f"{cls.site.dir}/gateway/catalog.sqlite"}
        cls.numbers = itertools.count()

    def push(self) -> tuple[str, str, bytes]:
        """A new image: its tag, its id, and what its file "noise" holds. Several data blocks, a fragment, two layers."""
        number = next(self.numbers)
        folder = f"{self.work.name}/{number}"
        layout = oci_layout.OciLayout(folder)
        noise = random.Random(number).randbytes(300_000)
        layers = []
        for name, entries in (("base", [(b"small", b"small"), (b"noise", b"hidden")]), ("top", [(b"noise", noise)])):
            layer = LayerTar(f"{folder}/{name}", "gzip")
            for entry, body in entries:
                layer.add(Entry(entry), body)
            layers.append(layer.close())
        layout.finish([layout.manifest(layers, {"Env": [f"N={number}"]}, {"architecture": "amd64", "os": "linux"})])
        plain_push.put(folder, self.site.registry, "faults", f"n{number}")
        return f"n{number}", oci_layout.digest(folder)[7:], noise

    def new_files(self, before: list[str]) -> list[str]:
        return [name for name in self.site.files() if name not in before]

    def unnamed(self) -> list[str]:
        """Files without a name that the gateway still holds after a moment."""
        folder, deadline = f"/proc/{self.site.gateway.pid()}/fd", time.monotonic() + 2
        while True:
            targets = [os.readlink(f"{folder}/{number}") for number in os.listdir(folder) if os.path.islink(f"{folder}/{number}")]
            left = [target for target in targets if target.startswith(self.places["images"]) and target.endswith("(deleted)")]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.02)

    def check_whole(self, image_id: str, noise: bytes) -> None:
        """R1: what was published is what was pushed."""
        path = f"{self.places['images']}/{image_id}"
        self.assertTrue(os.path.getsize(f"{path}.meta"))
        for name, body in (("noise", noise), ("small", b"small")):
            read = subprocess.run(["unsquashfs", "-cat", f"{path}.squashfs", name], capture_output=True)
            self.assertEqual((read.returncode, read.stdout == body), (0, True), read.stderr)

    def pull_with(self, place: str, error: str, mode: str, nth: int) -> End:
        """One pull with a fault, all that must hold afterwards, and its repeat without."""
        tag, image_id, noise = self.push()
        name, before = self.site.image(f"faults:{tag}"), self.site.files()
        self.faults.arm(self.places[place], nth, mode, getattr(errno, error or "EIO"))
        user = self.site.start("shifterimg", "pull", name, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        began = time.monotonic()
        while user.poll() is None:
            if self.site.gateway.process.poll() is not None:
                self.faults.lift()
                self.site.start_gateway()
            if time.monotonic() - began > FOR_EVER_SECONDS:
                self.faults.lift()
            self.assertLess(time.monotonic() - began, 60, "the pull does not end")
            time.sleep(0.005)
        _, said = user.communicate()
        self.faults.lift()
        if self.site.gateway.process.poll() is not None:
            self.site.start_gateway()
        call = self.faults.call
        pair = [f"images/{image_id}.meta", f"images/{image_id}.squashfs"]
        self.assertEqual(self.unnamed(), [], "R3: the space of a pull that failed is free")
        new, left = self.new_files(before), []
        if user.returncode == 0:
            self.assertEqual(new, pair)
            self.check_whole(image_id, noise)
        else:
            # Killed before it had answered that it takes the pull, it has promised nothing.
            killed_unasked = mode == "kill -9" and "could not be contacted" in said and new == []
            self.assertTrue(error or killed_unasked, f"nothing that a pull must fail of: {said}")
            if error:
                self.assertRegex(self.reason(said), REASONS[error], "the true reason")
            self.assertEqual(len(said.splitlines()), 1, said)
            if new not in ([], pair):
                left = new
                self.assertEqual(mode, "for ever", f"absent or whole, not {new}")  # it cannot be removed either
        # By somebody else: for a moment, whoever asked is told of the failure once more.
        again = self.site.run("shifterimg", "pull", name, user="b")
        self.assertEqual((again.returncode, again.stderr), (0, ""), f"a repeat after: {said}")
        if self.new_files(before) != pair and left:
            self.site.gateway.stop()  # a start cleans at once; the caretaker within a minute
            self.site.start_gateway()
        self.assertEqual(self.new_files(before), pair)
        self.check_whole(image_id, noise)
        return End(call, said.strip(), left)

    def reason(self, said: str) -> str:
        """Faults of the service itself are told to its log; the user gets the number to look for."""
        request = re.search(r"its log has the reason under request (\S+)", said)
        if not request:
            return said
        with open(self.site.gateway.log) as log:
            return "".join(line for line in log if f"request={request[1]} " in line)

    def calls_of_a_pull(self, place: str) -> int:
        tag, _, _ = self.push()
        self.faults.arm(self.places[place], NEVER, "once")
        self.site.pull(f"faults:{tag}")
        self.faults.lift()
        return self.faults.count

    def show(self, rows: Counter, sentences: dict) -> None:
        print("\n| where | call | fault | n tried | READY | FAILURE | half-made while it lasts | after it |\n|---|---|---|--:|--:|--:|--:|--:|")
        for where, call, fault in sorted({key[:3] for key in rows}):
            ready, failed, left = (rows[where, call, fault, kind] for kind in ("ready", "failed", "left"))
            print(f"| {where} | {call} | {fault} | {ready + failed} | {ready} | {failed} | {left} | 0 |")
        for sentence, count in sorted(sentences.items()):
            if sentence:
                print(f"{count:>5} x {sentence}")

    def test_R3_R9_every_pull_ends_READY_and_whole_or_in_the_true_reason_and_a_repeat_succeeds(self):
        rows, sentences = Counter(), Counter()

        def tried(place: str, error: str, mode: str, nth: int) -> bool:
            with self.subTest(place=place, error=error, mode=mode, nth=nth, seed=SEED):
                end = self.pull_with(place, error, mode, nth)
                if end.call:
                    row = (place, end.call, f"{error} {mode}".strip())
                    rows[*row, "failed" if end.sentence else "ready"] += 1
                    rows[*row, "left"] += bool(end.left)
                    sentences[self.site_free(end.sentence)] += bool(end.sentence)
                return bool(end.call)
            return True

        if EVERY:
            for place, (error, mode) in itertools.product(self.places, FAULTS):
                last_hits = [True] * 4  # how often progress is written depends on the time, so a few in a row must be beyond the end
                for nth in itertools.count(1):
                    last_hits = [*last_hits[1:], tried(place, error, mode, nth)]
                    if not any(last_hits):
                        break
            self.show(rows, sentences)
        else:
            draw, calls = random.Random(SEED), {place: self.calls_of_a_pull(place) for place in self.places}
            kinds = list(itertools.product(self.places, FAULTS))
            for number in range(SAMPLE):
                place, (error, mode) = kinds[number % len(kinds)]
                tried(place, error, mode, draw.randint(1, calls[place]))
            self.assertGreater(sum(count for key, count in rows.items() if key[3] != "left"), SAMPLE // 2, "most faults were met")

    def site_free(self, sentence: str) -> str:
        sentence = sentence.split(": ", 2)[-1].replace(self.site.dir, "…")
        return re.sub(r"(image|request) [0-9a-f-]{10,}", r"\1 …", sentence)


if __name__ == "__main__":
    own = ["--every", "--seed", str(SEED)]
    unittest.main(argv=[word for word in sys.argv if word not in own])
