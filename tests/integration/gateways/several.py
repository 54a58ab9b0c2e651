"""Several gateways share catalog, queue and storage (R5).

usage: several.py [--minutes N] [--seed N] [unittest's own arguments]

Without --minutes, gateways are killed and stopped for 20 seconds. The seed is printed; the same one gives the same order of
kills, pauses and requests, as far as a machine does.
"""
import glob
import json
import os
import pwd
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

from gateways import Gateways
from services import start_munged
from site_fixture import GATEWAY_ACCOUNT

CHAOS = {"seconds": 20.0, "seed": random.randrange(1 << 32)}


def published(gateways) -> dict[str, int]:
    """How often each pull was published, by the logs of all gateways."""
    counts: dict[str, int] = {}
    for gateway in gateways.all:
        for pull in re.findall(r"event=published pull=(\d+)", gateway.log()):
            counts[pull] = counts.get(pull, 0) + 1
    return counts


def credential() -> str:
    return subprocess.run(["munge", "-n"], capture_output=True, text=True, check=True).stdout.strip()


def ask(gateway, path: str, body: bytes | None = None, by: str = "") -> tuple[int, str]:
    """As root, by HTTP itself, since a client chooses its gateway."""
    request = urllib.request.Request(f"{gateway.url}/api/{path}", data=body,
                                     headers={"authentication": by or credential()})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Several(unittest.TestCase):
    """What holds at the end of each test, whatever happened in it."""
    roles = ["both", "both", "both"]
    config: dict = {}
    login = ""

    @classmethod
    def setUpClass(cls):
        cls.gateways = Gateways(cls.roles, cls.config, cls.login)
        cls.addClassCleanup(cls.gateways.close)
        cls.site = cls.gateways.site

    def pull(self, name, user="a", seconds=90):
        """As users do it: again, until it is there. @returns the image's id"""
        end = time.monotonic() + seconds
        while True:
            done = self.site.run("shifterimg", "pull", self.site.image(name), user=user, timeout=300)
            if done.returncode == 0:
                done = self.site.run("shifterimg", "lookup", self.site.image(name), user=user)
                if done.returncode == 0:
                    return done.stdout.strip()
            self.assertLess(time.monotonic(), end, f"{name}: {done.stdout}{done.stderr}\n{self.gateways[0].log()[-3000:]}")
            time.sleep(0.3)

    def wait(self, what, seconds=30, why="it does not happen"):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, why)
            time.sleep(0.1)

    def assert_catalog_is_what_the_storage_holds(self):
        query = self.gateways.postgres.query
        self.wait(lambda: query("SELECT count(*) FROM pulls WHERE ended IS NULL") == [["0"]], 90,
                  "a pull was lost: " + str(query("SELECT * FROM pulls WHERE ended IS NULL")))
        # Images that lost their last tag wait for the next expiry; what is retired is between row and removal.
        rows = {row[0]: int(row[1]) for row in query("SELECT id, size_bytes FROM images")}
        retired = {row[0] for row in query("SELECT id FROM retired")}
        files = {os.path.basename(path).split(".")[0]: os.path.getsize(path)
                 for path in glob.glob(f"{self.site.dir}/images/*.squashfs")}
        records = {os.path.basename(path).split(".")[0] for path in glob.glob(f"{self.site.dir}/images/*.meta")}
        for identifier, size in rows.items():
            self.assertEqual(files.get(identifier), size, f"the row of {identifier} has no whole file")
            self.assertIn(identifier, records)
            done = subprocess.run(["unsquashfs", "-q", "-o", "0", "-ll", f"{self.site.dir}/images/{identifier}.squashfs"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(files) - set(rows) - retired, set(), "files without a row")
        self.assertEqual(records - set(rows) - retired, set(), "records without a row")
        ready = query("SELECT number, image FROM pulls WHERE state = 'READY'")
        self.assertTrue(ready)
        twice = {pull: count for pull, count in published(self.gateways).items() if count > 1}
        self.assertEqual(twice, {}, "published twice")
        left = [name for name in os.listdir(f"{self.site.dir}/images") if ".partial." in name]
        self.assertEqual(left, [])
        return len(ready), len(rows)


class TogetherOnOneCatalog(Several):
    def test_R5_R6_contents_asked_of_three_gateways_at_once_are_converted_once_each(self):
        for seed in range(3):
            for tag in range(4):
                self.gateways.push_noise(f"once/app{seed}:{tag}", seed, 2 << 20)

        def conversions():
            time.sleep(1.2)  # the service renews its numbers once a second
            return sum(gateway.metric("shifter_conversions_total") for gateway in self.gateways.all)
        before = conversions()
        clients = [self.site.start("shifterimg", "pull", self.site.image(f"once/app{seed}:{tag}"), user=user,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                   for seed in range(3) for tag in range(4) for user in "ab"]
        for client in clients:
            out, _ = client.communicate(timeout=120)
            self.assertEqual(client.returncode, 0, out)
        self.assertEqual(conversions() - before, 3)
        self.assert_catalog_is_what_the_storage_holds()

    def test_a_pull_that_one_gateway_was_asked_for_is_seen_from_every_other(self):
        self.gateways.push_noise("seen/app:1", 77, 8 << 20)
        tag = f"{self.site.registry}/seen/app:1"
        status, answer = ask(self.gateways[0], f"pull/tests/docker/{tag}/", b"{}")
        self.assertEqual(status, 200, answer)
        for gateway in self.gateways.all[1:]:
            status, answer = ask(gateway, f"pull/tests/docker/{tag}/", b"{}")
            self.assertEqual(status, 200, answer)
        self.assertEqual(self.gateways.postgres.query("SELECT count(*) FROM pulls WHERE tag LIKE '%seen/app:1'"), [["1"]])
        identifier = self.pull("seen/app:1")
        for gateway in self.gateways.all:
            status, answer = ask(gateway, f"lookup/tests/docker/{tag}/")
            self.assertEqual(status, 200, answer)
            self.assertEqual(json.loads(answer)["id"], identifier)

    def test_R5_a_gateway_with_a_catalog_of_its_own_may_not_publish_beside_them(self):
        with open(self.gateways[0].config) as stream:
            config = json.load(stream)
        config.update(Database=f"sqlite:{self.site.dir}/gw0/own.sqlite", Listen="127.0.0.1:0")
        with open(f"{self.site.dir}/etc/own.json", "w") as out:
            json.dump(config, out)
        who = pwd.getpwnam(GATEWAY_ACCOUNT)
        done = subprocess.run([self.site.program("shifter-gateway"), "--config", f"{self.site.dir}/etc/own.json"], user=who.pw_uid,
                              group=who.pw_gid, extra_groups=[], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another gateway with a catalog of its own publishes there; several gateways need one PostgreSQL database",
                      done.stderr)
        done = subprocess.run([self.site.program("shifter-gateway"), "--config", f"{self.site.dir}/etc/own.json", "--role=worker"],
                              user=who.pw_uid, group=who.pw_gid, extra_groups=[], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertIn("--role=api and --role=worker need a catalog that gateways can share", done.stderr)

    def test_R5_a_gateway_that_stands_still_in_a_conversion_loses_it_and_publishes_nothing_when_it_goes_on(self):
        self.gateways.push_noise("still/app:1", 55, 64 << 20)
        tag = f"{self.site.registry}/still/app:1"
        self.assertEqual(ask(self.gateways[0], f"pull/tests/docker/{tag}/", b"{}")[0], 200)

        def who():  # has taken the content, which it converts now
            rows = self.gateways.postgres.query("SELECT worker FROM pulls WHERE content IS NOT NULL AND ended IS NULL")
            return next((gateway for row in rows for gateway in self.gateways.all if row[0].startswith(gateway.name)), None)
        self.wait(who, why="nobody converts it")
        still = who()
        still.pause()
        try:
            self.wait(lambda: self.gateways.postgres.query(
                "SELECT state FROM pulls WHERE tag LIKE '%still/app:1'") == [["READY"]], 90, "nobody has taken it over")
        finally:
            still.resume()
        self.wait(lambda: "event=lost" in still.log(), why="it has not noticed")
        self.assertNotIn("still/app:1", "".join(re.findall(r"event=published .*", still.log())))
        self.assertTrue(any("event=recovered" in gateway.log() for gateway in self.gateways.all if gateway is not still))
        self.assert_catalog_is_what_the_storage_holds()

    def test_R9_while_the_database_is_away_the_answer_is_503_and_no_hand_is_needed_afterwards(self):
        self.gateways.push_noise("away/app:1", 99, 1 << 20)
        identifier = self.pull("away/app:1")
        self.gateways.postgres.stop()
        try:
            for gateway in self.gateways.all:
                self.wait(lambda gw=gateway: gw.status("/readyz") == 503)
                self.assertEqual(gateway.status("/healthz"), 200)
            done = self.site.run("shifterimg", "lookup", self.site.image("away/app:1"))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("503", done.stderr)
        finally:
            self.gateways.postgres.start()
        for gateway in self.gateways.all:
            self.wait(lambda gw=gateway: gw.status("/readyz") == 200)
        self.assertEqual(self.pull("away/app:1"), identifier)
        self.assert_catalog_is_what_the_storage_holds()


class Roles(Several):
    """One answers, another works; what is private stays so on the way between them."""
    roles = ["api", "worker"]
    login = "reader:secret-word"

    def test_a_worker_pulls_with_the_login_that_another_gateway_was_given(self):
        self.gateways.push_noise("private/app:1", 5, 1 << 20)
        done = self.site.run("shifterimg", "--username", "reader", "login", self.site.registry, "--password-stdin",
                             input="secret-word\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        identifier = self.pull("private/app:1")
        self.assertNotIn("event=begun", self.gateways[0].log())
        self.assertIn("event=published", self.gateways[1].log())
        done = self.site.run("shifterimg", "lookup", self.site.image("private/app:1"), user="b")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(self.gateways.postgres.query("SELECT count(*) FROM requesters WHERE login IS NOT NULL"), [["0"]])
        everything = self.gateways.postgres.run("pg_dump", "--data-only", "shifter")
        self.assertIn(identifier, everything)
        self.assertNotIn("secret-word", everything)
        self.assertEqual(self.gateways[1].status("/"), 0, "a worker listens to nobody")


class OneUse(Several):
    """Two hosts, each with a munged of its own."""
    roles = ["both", "both"]

    def test_I32_a_credential_that_one_gateway_has_seen_is_refused_by_the_other(self):
        folder = f"{self.site.dir}/other-host"
        os.mkdir(folder, 0o755)
        shutil.copytree(f"{self.site.dir}/munge", f"{folder}/munge", ignore=lambda *_: ["pid", "log", "seed"])
        for path in (f"{folder}/munge", f"{folder}/munge/key"):
            shutil.chown(path, "munge", "munge")
        other = start_munged(folder, f"{folder}/run/socket", dies_with_us=True)
        self.addCleanup(other.stop)
        second = self.gateways[1]
        with open(second.config) as stream:
            config = json.load(stream)
        config["Platforms"]["tests"]["mungeSocketPath"] = f"{folder}/run/socket"
        with open(second.config, "w") as out:
            json.dump(config, out)
        second.kill()
        second.start()

        self.assertEqual(ask(second, "list/tests/")[0], 200)
        used = credential()
        self.assertEqual(ask(self.gateways[0], "list/tests/", by=used)[0], 200)
        status, reason = ask(second, "list/tests/", by=used)
        self.assertEqual(status, 401)
        self.assertIn("was used before", reason)


    def test_R15_a_catalog_of_a_newer_release_is_refused_in_words(self):
        query = self.gateways.postgres.query
        version = query("SELECT version FROM schema_version")[0][0]
        query("UPDATE schema_version SET version = 99")
        try:
            second = self.gateways[1]
            second.kill()
            second.start(wait=False)
            self.assertEqual(second.service.process.wait(30), 1)
            self.assertIn(f"was written by a newer release (schema 99, this one knows {version}); start that release", second.log())
        finally:
            query(f"UPDATE schema_version SET version = {version}")
        second.start()
        self.wait(lambda: ask(self.gateways[0], "list/tests/")[0] == 200)


class KilledAndStopped(Several):
    config = {"RemovalGrace": "0:00:00:01", "AutoExpire": 3, "PullUpdateTimeout": 0, "WorkerThreads": 2}
    contents, tags = 4, 3

    def test_R5_gateways_that_are_killed_and_stopped_at_random_lose_nothing_and_publish_nothing_twice(self):
        print(f"\n  seed {CHAOS['seed']}, {CHAOS['seconds']:.0f} s", flush=True)
        names = [f"chaos/app{content}:{tag}" for content in range(self.contents) for tag in range(self.tags)]
        for name in names:
            self.gateways.push_noise(name, 1000 + int(name[len("chaos/app")]), 12 << 20)
        end = time.monotonic() + CHAOS["seconds"]
        counts = {"pulls": 0, "refused": 0, "removals": 0, "kills": 0, "pauses": 0}
        problems = []
        mutex = threading.Lock()

        def use(number):
            chance = random.Random(CHAOS["seed"] * 100 + number)
            user = "ab"[number % 2]
            while time.monotonic() < end:
                name = chance.choice(names)
                verb = "rm" if chance.random() < 0.3 else "pull"
                try:
                    done = self.site.run("shifterimg", verb, self.site.image(name), user=user, timeout=120)
                except subprocess.TimeoutExpired:
                    with mutex:
                        problems.append(f"{verb} {name} did not end")
                    continue
                with mutex:
                    counts["removals" if verb == "rm" else "pulls" if done.returncode == 0 else "refused"] += 1

        def disturb():
            chance = random.Random(CHAOS["seed"])
            while time.monotonic() < end:
                gateway = chance.choice(self.gateways.all)
                if chance.random() < 0.5:
                    gateway.kill()
                    counts["kills"] += 1
                    time.sleep(chance.uniform(0, 2))
                    gateway.start(wait=chance.random() < 0.5)
                else:  # half of the pauses are longer than the lease
                    gateway.pause()
                    counts["pauses"] += 1
                    time.sleep(chance.choice([chance.uniform(0.2, 2), chance.uniform(6, 10)]))
                    gateway.resume()
                time.sleep(chance.uniform(0, 1.5))

        users = [threading.Thread(target=use, args=(number,)) for number in range(4)]
        for thread in users:
            thread.start()
        disturb()
        for thread in users:
            thread.join()
        for gateway in self.gateways.all:
            gateway.resume()
            if gateway.service.pid() is None:
                gateway.start()
        self.assertEqual(problems, [])
        for name in names:
            self.pull(name)
        ready, rows = self.assert_catalog_is_what_the_storage_holds()
        taken = sum(len(re.findall("event=recovered", gateway.log())) for gateway in self.gateways.all)
        lost = sum(len(re.findall("event=lost", gateway.log())) for gateway in self.gateways.all)
        print(f"  {counts}; pulls that ended READY {ready}, images {rows}; taken over from another {taken} times, "
              f"holds lost {lost}", flush=True)
        self.assertGreater(counts["kills"] + counts["pauses"], 3)
        self.assertEqual(rows, self.contents)


def take(name: str) -> str | None:
    if name not in sys.argv:
        return None
    at = sys.argv.index(name)
    value = sys.argv[at + 1]
    del sys.argv[at:at + 2]
    return value


if __name__ == "__main__":
    if minutes := take("--minutes"):
        CHAOS["seconds"] = float(minutes) * 60
    if seed := take("--seed"):
        CHAOS["seed"] = int(seed)
    unittest.main()
