"""R3, R9: pulls, expiries and lookups at once, for long: every answer right, memory, descriptors and threads of the gateway flat.

usage: soak.py [--minutes N] [unittest's options]

Each pull is of an image of its own, so it is converted; each is expired a while later, and its files must go. Prints a line each
twenty seconds and, at the end, how the gateway grew by the hour: the slope of a line through the second half of the samples, since
caches and pools fill first. tests/run takes 15 seconds of it; --minutes 60 is a soak.
"""
import itertools
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from images import oci_layout, plain_push
from images.layer_tar import Entry, LayerTar
from site_fixture import Site

MINUTES = float(sys.argv[sys.argv.index("--minutes") + 1]) if "--minutes" in sys.argv else 0.25
PULLERS, READERS, KEPT = 4, 4, 20
MOST_MEMORY_PER_HOUR, MOST_DESCRIPTORS_PER_HOUR = 32 << 20, 20


def slope_per_hour(samples: list[tuple[float, float]]) -> float:
    """Of the line of least squares through (seconds, value)."""
    times, values = [time for time, _ in samples], [value for _, value in samples]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((each - middle) ** 2 for each in times)
    return 3600 * sum((time - middle) * (value - mean) for time, value in samples) / spread if spread else 0.0


class Soak(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(gateway_config={"LogLevel": "info", "RemovalGrace": "0:00:00:01", "WorkerThreads": 2})
        cls.addClassCleanup(cls.site.close)
        cls.work = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.work.cleanup)

    def push(self, number: int) -> str:
        folder = f"{self.work.name}/{number}"
        layout = oci_layout.OciLayout(folder)
        layer = LayerTar(f"{folder}/layer", "plain")
        layer.add(Entry(b"noise"), random.Random(number).randbytes(random.Random(number).choice((1000, 50_000, 600_000))))
        layout.finish([layout.manifest([layer.close()], {"Env": [f"N={number}"]}, {"architecture": "amd64", "os": "linux"})])
        plain_push.put(folder, self.site.registry, "soak", f"n{number}")
        subprocess.run(["rm", "-r", folder], check=True)
        return self.site.image(f"soak:n{number}")

    def must(self, *words, user="a", program_status=(0,)) -> None:
        done = self.site.run("shifterimg", *words, user=user)
        if done.returncode not in program_status:
            self.wrong.append(f"shifterimg {' '.join(words)}: status {done.returncode}: {done.stderr.strip()}")

    def pull_and_expire(self, user: str) -> None:
        while not self.ended.is_set():
            number = next(self.numbers)
            reference = self.push(number)
            self.must("pull", reference, user=user)
            self.must("lookup", reference, user="ab"[number % 2])
            with self.lock:
                self.there.append(reference)
                old = self.there.pop(0) if len(self.there) > KEPT else None
            if old:
                done = subprocess.run([self.site.program("shifterimg"), "expire", old], capture_output=True, text=True)  # by the admin
                if done.returncode != 0:
                    self.wrong.append(f"expire {old}: {done.stderr.strip()}")
                self.counts["expiries"] += 1
            self.counts["pulls"] += 1

    def read(self, user: str) -> None:
        draw = random.Random(user)
        while not self.ended.is_set():
            with self.lock:
                newest = self.there[-KEPT // 2:]  # the older ones may be expired meanwhile
            if newest:
                self.must("lookup", draw.choice(newest), user=user)
                self.counts["lookups"] += 1
            if draw.random() < 0.1:
                self.must("images", user=user)
                self.counts["lists"] += 1

    def gateway(self) -> tuple[int, int, int]:
        """Resident bytes, descriptors, threads."""
        pid = self.site.gateway.pid()
        with open(f"/proc/{pid}/status") as status:
            facts = dict(line.split(":", 1) for line in status)
        return int(facts["VmRSS"].split()[0]) << 10, len(os.listdir(f"/proc/{pid}/fd")), int(facts["Threads"])

    def test_R3_R9_memory_and_descriptors_stay_flat_while_images_come_and_go(self):
        self.numbers, self.lock, self.ended = itertools.count(), threading.Lock(), threading.Event()
        self.there, self.wrong, self.counts = [], [], {"pulls": 0, "expiries": 0, "lookups": 0, "lists": 0}
        threads = [threading.Thread(target=self.pull_and_expire, args=("ab"[i % 2],)) for i in range(PULLERS)]
        threads += [threading.Thread(target=self.read, args=("ab"[i % 2],)) for i in range(READERS)]
        began, samples, shown = time.monotonic(), [], 0.0
        for thread in threads:
            thread.start()
        try:
            while (passed := time.monotonic() - began) < 60 * MINUTES:
                samples.append((passed, *self.gateway()))
                if passed >= shown:
                    shown += 20
                    print(f"{passed:6.0f} s  {self.counts}  {samples[-1][1] / 1e6:.1f} MB, {samples[-1][2]} descriptors, "
                          f"{samples[-1][3]} threads", flush=True)
                time.sleep(0.5)
        finally:
            self.ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(self.wrong[:5], [], f"{len(self.wrong)} answers were wrong")
        half = samples[len(samples) // 2:]
        memory, descriptors = (slope_per_hour([(sample[0], sample[column]) for sample in half]) for column in (1, 2))
        print(f"{self.counts} in {MINUTES:g} minutes; memory {memory / 1e6:+.1f} MB an hour, descriptors {descriptors:+.1f} an hour, "
              f"from {half[0][1] / 1e6:.1f} MB and {half[0][2]} to {half[-1][1] / 1e6:.1f} MB and {half[-1][2]}")
        if MINUTES >= 5:  # of less, a slope says nothing
            self.assertLess(memory, MOST_MEMORY_PER_HOUR)
            self.assertLess(descriptors, MOST_DESCRIPTORS_PER_HOUR)
        self.assertLess(samples[-1][2], samples[0][2] + 60)
        # What was expired is gone from the storage with the next rounds, and what is there is whole.
        deadline = time.monotonic() + 150
        while len(self.site.files()) > 2 * len(self.there):
            self.assertLess(time.monotonic(), deadline, self.site.files())
            subprocess.run([self.site.program("shifterimg"), "autoexpire"], check=True, capture_output=True)
            time.sleep(0.5)
        self.assertEqual(len(self.site.files()), 2 * len(self.there))


if __name__ == "__main__":
    own = ["--minutes", f"{MINUTES:g}", *sys.argv[sys.argv.index("--minutes") + 1:][:1]] if "--minutes" in sys.argv else []
    unittest.main(argv=[word for word in sys.argv if word not in own])
