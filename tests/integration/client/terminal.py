"""A pull that a person watches: bars on a terminal, plain lines elsewhere, and what Ctrl-C does. The registry is a slow one."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from images import build
from site_fixture import SUPPORT, Site


class Terminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        # Layers come in pieces, so that a pull lasts for some seconds.
        with open(f"{cls.site.dir}/slow.json", "w") as spec:
            json.dump({"faults": [{"match": "/blobs/", "do": "slow", "bytes": 600_000, "seconds": 0.1}]}, spec)
        cls.slow = subprocess.Popen([sys.executable, f"{SUPPORT}/fault_registry.py", build.image("small"),
                                     spec.name, f"{cls.site.dir}/slow.log"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop_registry)
        cls.registry = f"127.0.0.1:{json.loads(cls.slow.stdout.readline())['main']}"
        cls.site.write_gateway_config({"Locations": {cls.registry: {"remotetype": "dockerv2", "url": f"http://{cls.registry}"}},
                                       "DefaultImageLocation": cls.registry,
                                       "RemovalGrace": "0:00:00:00"})  # what was expired is pulled anew, and watched
        cls.site.gateway.stop()
        cls.site.start_gateway()

    @classmethod
    def stop_registry(cls):
        cls.slow.stdin.close()
        cls.slow.stdout.close()
        cls.slow.wait(10)

    def setUp(self):
        # What is here already would be answered at once: the admin takes it away.
        for line in self.site.run("shifterimg", "images").stdout.splitlines():
            subprocess.run([self.site.program("shifterimg"), "expire", line.split()[5]], check=True)
        self.assertEqual(self.site.run("shifterimg", "images").stdout, "")

    def image(self, name: str) -> str:
        return f"docker:{self.registry}/{name}:latest"

    def watch(self, *words, columns=160, rows=30, until=None):
        """Runs shifterimg on a terminal. @returns what it showed, and its status. `until`: Ctrl-C when this was shown"""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        child = self.site.start("shifterimg", *words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own_terminal)
        os.close(slave)
        shown, deadline, pressed = b"", time.monotonic() + 90, False
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.2)[0]:
                try:
                    piece = os.read(master, 65536)
                except OSError:
                    break
                shown += piece
                if until and not pressed and until in shown:
                    os.write(master, b"\x03")
                    pressed = True
            elif child.poll() is not None:
                break
        status = child.wait(10)
        os.close(master)
        return shown.decode(), status

    def test_each_layer_has_a_bar_with_stage_rate_and_time_left(self):
        shown, status = self.watch("pull", self.image("bars"))
        self.assertEqual(status, 0, shown[-500:])
        self.assertRegex(shown, r"status: PULLING  [0-9.]+ of [0-9.]+ MiB, [0-9.]+ MiB/s, \d+:\d\d left")
        self.assertRegex(shown, r"  [0-9a-f]{12} \[=+>? *\] pulling  [0-9.]+ of [0-9.]+ MiB, [0-9.]+ MiB/s, \d+:\d\d left")
        self.assertRegex(shown, r"  [0-9a-f]{12} \[=+\] arrived  ")
        # What stays: one line with the end.
        self.assertRegex(shown.replace("\r\n", "\n"), r"\r\x1b\[2K\S+ Pulling Image: \S+, status: READY(\x1b\[J)?\n$")

    def test_no_line_is_wider_than_the_terminal_and_the_block_not_higher(self):
        shown, status = self.watch("pull", self.image("narrow"), columns=60, rows=6)
        self.assertEqual(status, 0)
        for line in re.split(r"\x1b\[[0-9]*[AJK]|[\r\n]+", shown):
            self.assertLess(len(line), 60, line)
        self.assertLessEqual(max([int(up) for up in re.findall(r"\x1b\[(\d+)A", shown)] or [0]), 5)

    def test_ctrl_c_leaves_the_pull_to_the_gateway(self):
        image = self.image("left")
        shown, status = self.watch("pull", image, until=b"status: PULLING  ")
        self.assertEqual(status, -signal.SIGINT)
        self.assertIn(f"shifterimg: interrupted; the gateway goes on pulling {image}: the same command shows how far it is",
                      shown)
        deadline = time.monotonic() + 60
        while self.site.run("shifterimg", "lookup", image).returncode != 0:
            self.assertLess(time.monotonic(), deadline, "the pull went on")
            time.sleep(0.3)

    def test_elsewhere_each_new_state_is_one_plain_line(self):
        done = self.site.run("shifterimg", "pull", self.image("plain"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotRegex(done.stdout, r"[\x1b\r]")
        states = [line.split()[5] for line in done.stdout.splitlines()]
        self.assertEqual(len(states), len(set(states)))
        self.assertEqual(states[-1], "READY")

    def test_queue_shows_how_far_a_pull_is(self):
        image = self.image("queued")
        self.assertEqual(self.site.run("shifterimg", "pullnb", image).returncode, 0)
        deadline = time.monotonic() + 30
        while not re.search(rf"^PULLING +{re.escape(image.partition(':')[2])}  [0-9.]+ of [0-9.]+ MiB$",
                            text := self.site.run("shifterimg", "queue").stdout, re.M):
            self.assertLess(time.monotonic(), deadline, text)
            time.sleep(0.1)
        self.assertEqual(self.site.run("shifterimg", "pull", image).returncode, 0)


if __name__ == "__main__":
    unittest.main()
