"""Sources and destinations of volumes that are swapped under the launcher: no launch ever shows the wrong thing. I9, I10, I12.

SHIFTER_TEST_RACE_SECONDS says how long (default 6; 60 for a minute of it)."""
import os
import random
import threading
import time
import unittest

from mounts_site import MountsTest

LOOK = "cat /v/name 2>/dev/null || ls -a /v 2>/dev/null || echo closed"
SECONDS = float(os.environ.get("SHIFTER_TEST_RACE_SECONDS", "6"))


class Swapping:
    """Renames a directory of the user's away and puts other things in its place, as fast as it can, until it is stopped."""

    def __init__(self, place: str, others: list[str], pause: float = 0.002):
        """@param others  directories that may stand in its place, besides links to each and the directory itself"""
        self.place, self.others, self.swaps, self._stop, self._random = place, others, 0, False, random.Random(1)
        self._pause = pause  # at most, with the right one in its place
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop = True
        self._thread.join()

    def _run(self):
        away = f"{self.place}.away"
        while not self._stop:
            for other in self.others:
                os.rename(self.place, away)
                os.symlink(other, self.place)
                os.unlink(self.place)
                os.rename(away, self.place)
                os.rename(self.place, away)
                os.rename(f"{self.place}.decoy", self.place)
                os.rename(self.place, f"{self.place}.decoy")
                os.rename(away, self.place)
                self.swaps += 4
                time.sleep(self._random.random() * self._pause)


class Races(MountsTest):
    """Each directory holds a file `name` that says which one it is."""

    def setUp(self):
        super().setUp()
        self.top = f"{self.site.dir}/site/scratch"
        self.mine(f"{self.top}/me/swapped/name", "right\n")
        self.mine(f"{self.top}/me/swapped.decoy/name", "decoy\n")
        self.mine(f"{self.top}/me/denied/name", "denied\n")
        self.mine(f"{self.site.dir}/site/outside/name", "outside\n")
        self.mine(f"{self.site.dir}/site/of-b/secret/name", "secret of b\n", owner=self.b)
        os.chmod(f"{self.site.dir}/site/of-b", 0o700)
        os.chown(f"{self.site.dir}/site/of-b", self.b.uid, self.b.gid)

    def race(self, swapping: Swapping, arguments: list[str], right: set[str], seconds: float) -> dict[str, int]:
        """Launches until the time is over. Each shows what may be shown, or is refused in one line."""
        seen: dict[str, int] = {}
        with swapping:
            began = time.monotonic()
            # Longer only where chance has not yet shown the swapping to matter.
            while (spent := time.monotonic() - began) < seconds or (len(seen) < 2 and spent < 10 * seconds):
                done = self.shifter("--image=id:a1", *arguments)
                if done.returncode == 0:
                    self.assertIn(done.stdout, right)
                    self.assertEqual(done.stderr, "")
                else:
                    self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
                    self.assertRegex(done.stderr, r"\Ashifter: cannot [^\n]+\n\Z")
                seen[done.stdout or "refused"] = seen.get(done.stdout or "refused", 0) + 1
        self.assertGreater(swapping.swaps, 100)
        self.assertGreater(sum(seen.values()), 10)
        self.assertGreater(len(seen), 1, seen)
        return seen

    def test_I9_I10_a_source_on_the_node_is_never_another_one(self):
        self.configured(f"userMountAllow={self.top}\nuserMountDeny={self.top}/me/denied\n")
        swapping = Swapping(f"{self.top}/me/swapped",
                            [f"{self.site.dir}/site/outside", f"{self.site.dir}/site/of-b/secret", f"{self.top}/me/denied", "/etc", "/proc/self"])
        seen = self.race(swapping, ["-V", f"{self.top}/me/swapped:/v", "cat", "/v/name"], {"right\n", "decoy\n"}, SECONDS / 3)
        self.assertIn("right\n", seen)

    def test_I9_I10_a_source_in_the_container_is_never_another_one(self):
        home = f"{self.a.home}/race"
        self.mine(f"{home}/swapped/name", "right\n")
        self.mine(f"{home}/swapped.decoy/name", "decoy\n")
        swapping = Swapping(f"{home}/swapped", [f"/home/{self.b.name}", "/etc", "../../../../../../../root", "/proc/1/root"])
        seen = self.race(swapping, ["-V", f"{self.home}/race/swapped:/v", "sh", "-c", LOOK], {"right\n", "decoy\n"} | self.harmless(), SECONDS / 3)
        self.assertIn("right\n", seen)

    def harmless(self) -> set[str]:
        """What a link within the container may lead to: /etc and /root of the container are the caller's to see."""
        return {"closed\n"} | {self.output("--image=id:a1", "-V", f"{place}:/v", "sh", "-c", LOOK) for place in ("/etc", "/root")}

    def test_I9_I12_a_destination_is_never_a_forbidden_one(self):
        # /tmp is the node's: a user may put a link there while a launch uses the name as a destination.
        place = f"/tmp/shifter-race-{os.getpid()}"
        for folder in (place, f"{place}/swapped", f"{place}/swapped.decoy"):
            os.mkdir(folder)
            os.chown(folder, self.a.uid, self.a.gid)
        self.addCleanup(lambda: [os.rmdir(f"{place}/swapped"), os.rmdir(f"{place}/swapped.decoy"), os.rmdir(place)])
        self.mine(f"{self.a.home}/race/source/name", "right\n")
        swapping = Swapping(f"{place}/swapped", ["/etc", "/proc", "/usr", "/dev", f"/home/{self.a.name}"], pause=0.0002)
        # Where the volume went: nowhere but to the directory that was opened.
        script = "while read -r a b c d point rest; do case $d in */race/source) echo $point;; esac; done </proc/self/mountinfo"
        self.race(swapping, ["-V", f"{self.home}/race/source:{place}/swapped", "sh", "-c", script],
                  {f"{place}/{name}\n" for name in ("swapped", "swapped.decoy", "swapped.away")}, SECONDS / 3)


if __name__ == "__main__":
    unittest.main()
