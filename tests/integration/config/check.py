"""--check-config of both programs, --dry-run and --timing, as an ordinary user and without set-id (I37)."""
import os
import re
import shutil
import unittest

from site_fixture import PREFIX, SYSCONFDIR, Site


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.addClassCleanup(cls.site.close)
        cls.site.push("small", "org/small:1")
        cls.id = cls.site.pull("org/small:1")

    def setUp(self):
        self.addCleanup(self.site.write_config)
        self.addCleanup(shutil.rmtree, f"{self.site.dir}/etc/udiRoot.conf.d", True)

    def tearDown(self):
        self.site.check()

    def drop_in(self, name: str, text: str, mode: int = 0o644) -> str:
        os.makedirs(f"{self.site.dir}/etc/udiRoot.conf.d", exist_ok=True)
        path = f"{self.site.dir}/etc/udiRoot.conf.d/{name}"
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return f"{SYSCONFDIR}/udiRoot.conf.d/{name}"

    # shifter --check-config

    def test_a_good_configuration_is_usable(self):
        done = self.site.run("shifter", "--check-config")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{SYSCONFDIR}/udiRoot.conf: usable\n", ""))

    def test_every_problem_is_told_at_once_with_file_line_and_key(self):
        self.site.write_config("launchTimeout=soon\nimagPath=/x\nsistem=tests\n")
        last = len(open(f"{SYSCONFDIR}/udiRoot.conf").read().splitlines())
        drop_in = self.drop_in("20-site.conf", "siteFs=/nonsense\nmodule_x_conflict=y\n")
        done = self.site.run("shifter", "--check-config")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        main = f"{SYSCONFDIR}/udiRoot.conf"
        for line in (f"shifter: {main}:{last - 2}: launchTimeout: ", f"shifter: {main}:{last - 1}: imagPath: unknown key, and its name "
                     "could grant something; is imagePath meant?", f"shifter: warning: {main}:{last}: sistem: unknown key, which is "
                     "ignored; is system meant?", f"shifter: {drop_in}:2: module_x_conflict: there is no module \"y\""):
            self.assertIn(line, done.stderr)

    def test_drop_ins_are_read_in_order_and_under_the_same_rules(self):
        self.drop_in("20.conf", "siteEnv=ORDER=second\n")
        self.drop_in("10.conf", "siteEnv=ORDER=first\n")
        done = self.site.run("shifter", f"--image=id:{self.id}", "sh", "-c", "echo $ORDER")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "second\n", ""))
        path = self.drop_in("30.conf", "siteEnv=ORDER=third\n", 0o666)
        done = self.site.run("shifter", f"--image=id:{self.id}", "true")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
        self.assertIn(f'cannot trust "{path}": everybody can write it', done.stderr)
        checked = self.site.run("shifter", "--check-config")
        self.assertEqual(checked.returncode, 1)
        self.assertIn(f'shifter: cannot trust "{path}": everybody can write it (mode 0666); chmod go-w {path}\n', checked.stderr)

    def test_a_draft_of_an_ordinary_user_is_checked_by_its_content(self):
        who = self.site.users["a"]
        draft = f"{self.site.dir}/home/{who.name}/draft.conf"
        shutil.copy(f"{SYSCONFDIR}/udiRoot.conf", draft)
        os.chown(draft, who.uid, who.gid)
        done = self.site.run("shifter", "--check-config", "draft.conf", cwd=os.path.dirname(draft))
        self.assertEqual((done.returncode, done.stdout), (0, f"{draft}: usable\n"))
        self.assertIn("shifter: note: once installed: cannot trust", done.stderr)

    def test_it_works_without_set_id_and_for_root(self):
        plain = f"{self.site.dir}/shifter"
        shutil.copy(f"{PREFIX}/bin/shifter", plain)
        os.chmod(plain, 0o755)
        self.assertEqual(self.site.run(plain, "--check-config").returncode, 0)
        self.site.users["root"] = type(self.site.users["a"])("root", 0, 0, [0], "/root")
        self.addCleanup(self.site.users.pop, "root")
        self.assertEqual(self.site.run("shifter", "--check-config", user="root").returncode, 0)

    # shifter-gateway --check-config

    def test_the_gateways_configuration_is_checked_too(self):
        path = f"{self.site.dir}/draft.json"
        with open(path, "w") as out:
            out.write('{"CacheDirectory": "/c", "WorkerThread": 3, "PullUpdateTimeout": "soon",\n "Platforms": {}}\n')
        done = self.site.run("shifter-gateway", "--check-config", path, user="a")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        lines = done.stderr.splitlines()
        self.assertTrue(any(f"{path}:1: WorkerThread: " in line and "WorkerThreads" in line for line in lines), lines)
        self.assertTrue(any(f"{path}:1: PullUpdateTimeout: " in line for line in lines), lines)
        self.assertTrue(any(f"{path}:2: Platforms: names no system" in line for line in lines), lines)
        # A key of an older release is a warning of the check alone; the service starts all the same, as it does here.
        old = self.site.run("shifter-gateway", "--check-config", f"{SYSCONFDIR}/imagemanager.json")
        self.assertEqual((old.returncode, old.stderr.count("\n")), (1, 1), old.stderr)
        self.assertIn("shifter-gateway: warning: ", old.stderr)
        with open(path, "w") as out:
            out.write('{"CacheDirectory": "/c", "Platforms": {"a": {"local": {"imageDir": "/i"}}}}\n')
        good = self.site.run("shifter-gateway", "--check-config", path)
        self.assertEqual((good.returncode, good.stdout, good.stderr), (0, f"{path}: usable\n", ""))

    # The plan, and the milliseconds.

    def test_a_dry_run_prints_the_plan_and_mounts_nothing(self):
        done = self.site.run("shifter", f"--image=id:{self.id}", "--dry-run", "-V", "/tmp:/data", "false")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], f"mount -t squashfs -o loop,ro,nosuid,nodev {self.site.dir}/images/{self.id}.squashfs {self.site.dir}/udi/loop")
        self.assertIn(f"mount --bind -o nosuid,nodev {self.site.dir}/udi/root/tmp {self.site.dir}/udi/root/data", lines)
        # What -v prints of the plan is the same, after how the image is mounted.
        verbose = self.site.run("shifter", f"--image=id:{self.id}", "-v", "-V", "/tmp:/data", "true").stderr.splitlines()
        self.assertRegex(verbose[0], r"\Ashifter: the kernel mounts the image, on /dev/loop\d+")
        self.assertEqual([line.removeprefix("shifter: ") for line in verbose[1:len(lines) + 1]], lines)

    def test_a_dry_run_asks_who_may_see_the_image(self):
        done = self.site.run("shifter", "--image=id:0123456789abcdef", "--dry-run")
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (1, "", 1))

    def test_timing_says_where_the_milliseconds_went(self):
        done = self.site.run("shifter", f"--image={self.site.image('org/small:1')}", "--timing", "echo", "hello")
        self.assertEqual((done.returncode, done.stdout), (0, "hello\n"))
        stages = [re.fullmatch(r"shifter: timing: (\d+\.\d{3}) ms (?:in the front end: )?(.+)", line) for line in done.stderr.splitlines()]
        self.assertTrue(all(stages), done.stderr)
        names = [match[2] for match in stages]
        for name in ("options, image look-up", "starting the front end", "reading the configuration", "waiting for the front end", "opening the image", "building the container's root",
                     "entering the container's root"):
            self.assertIn(name, names)
        times = {match[2]: float(match[1]) for match in stages}
        # Its own work is done while shifter starts it, reads the configuration and waits.
        self.assertLess(times["options, image look-up"],
                        times["starting the front end"] + times["reading the configuration"] + times["waiting for the front end"])
        self.assertTrue(0 < sum(times.values()) < 60000, done.stderr)


if __name__ == "__main__":
    unittest.main()
