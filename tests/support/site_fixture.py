"""A throwaway site: the installed programs, a registry, munged, a gateway, two ordinary users; and all of it gone at the end.

    from site_fixture import Site

    class PullJourney(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.site = Site()                     # everything starts here; a failure in the middle undoes what was begun
            cls.addClassCleanup(cls.site.close)   # undoes it in reverse, and fails if anything is left
            cls.site.push("small", "org/small:1") # an image of tests/support/images into the site's registry

        def test_it(self):
            done = self.site.run("shifterimg", "lookup", self.site.image("org/small:1"))  # as user a; CompletedProcess, text
            self.assertEqual((done.returncode, done.stderr), (0, ""))

Needs root and the programs installed below $SHIFTER_TEST_PREFIX (default /opt/shifter-test, configuration in its etc/): tests/run
does both. What it makes lies below `site.dir`, in a folder that root owns, since the runtime trusts nothing else (I17, I37):

    dir/images      imagePath, of the gateway's account        dir/etc         udiRoot.conf, imagemanager.json
    dir/registry    the registry's files                       dir/home/NAME   the users' homes
    dir/gateway     cache and catalogue of the gateway         dir/udi         udiMount and loopMount

The test's process moves to a mount namespace of its own, where dir/etc is bound over the installed configuration folder and
the site's munged answers at MUNGE's usual socket; so two sites, or a site and the machine's own munged, do not meet.
Propagation there is shared, as systemd leaves it on real machines, so a mount that a program lets out is seen (I14).
"""
import atexit
import ctypes
import fcntl
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass

SUPPORT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, SUPPORT)
from images import build, oci_layout  # noqa: E402
from services import Service, free_port, start_gateway, start_munged, start_registry, start_time  # noqa: E402

PREFIX = os.environ.get("SHIFTER_TEST_PREFIX", "/opt/shifter-test")
SYSCONFDIR = os.environ.get("SHIFTER_TEST_SYSCONFDIR", f"{PREFIX}/etc")
GATEWAY_ACCOUNT = "shifter-test-gw"
SET_ID = os.environ.get("SHIFTER_TEST_SET_ID", "1") != "0"  # 0: a suite runs again, with a shifter that is not set-id (modes.py)
USERS = {"a": "shifter-test-a", "b": "shifter-test-b"}
EXTRA_GROUP = "shifter-test-extra"  # a second group of user a
HOMES = "/run/shifter-test-homes"  # where the account database says that homes are; each site binds its own over it
CLONE_NEWNS, MS_BIND, MS_REC, MS_SLAVE, MS_SHARED = 0x20000, 4096, 16384, 1 << 19, 1 << 20
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class User:
    name: str
    uid: int
    gid: int
    groups: list[int]
    home: str


def _check(status: int, what: str) -> None:
    if status != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mounts(pid: str = "self") -> list[str]:
    """The mounts that a process sees, as "mount point, root in the file system, type, source"; in no order, repeats kept."""
    with open(f"/proc/{pid}/mountinfo") as stream:
        rows = [line.split() for line in stream]
    return sorted(f"{row[4]} {row[3]} {row[row.index('-') + 1]} {row[row.index('-') + 2]}" for row in rows)


def loops(below: str) -> list[str]:
    """The loop devices whose file lies, or lay, below a folder."""
    found = []
    for name in os.listdir("/sys/block"):
        try:
            with open(f"/sys/block/{name}/loop/backing_file") as stream:
                backing = stream.read().strip()
        except OSError:
            continue
        if backing.startswith(f"{below}/"):
            found.append(f"/dev/{name} {backing}")
    return sorted(found)


def descendants() -> list[tuple[int, str]]:
    """All living processes below this one, as (pid, command line)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and start_time(int(name)):
            try:
                with open(f"/proc/{name}/stat") as stream:
                    children.setdefault(int(stream.read().rsplit(")", 1)[1].split()[1]), []).append(int(name))
            except OSError:
                continue
    found, queue = [], [os.getpid()]
    while queue:
        for child in children.get(queue.pop(), []):
            queue.append(child)
            try:
                with open(f"/proc/{child}/cmdline") as stream:
                    found.append((child, stream.read().replace("\0", " ").strip()))
            except OSError:
                continue
    return found


def _locked(path: str, how: int = fcntl.LOCK_EX):
    """A lock file of the machine, open and locked; one that its last user did not just take away."""
    while True:
        lock = open(path, "a")
        fcntl.flock(lock, how)
        if os.path.exists(path) and os.path.samestat(os.fstat(lock.fileno()), os.stat(path)):
            return lock
        lock.close()


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


class Leftovers(AssertionError):
    """Something of a test outlived it."""


class Site:
    def __init__(self, *, gateway: bool = True, registry_login: str = "", config: str = "", gateway_config: dict | None = None,
                 set_id: bool = SET_ID, name: str = ""):
        """
        @param gateway         start the registry and the gateway; without: users, munged and configuration only
        @param registry_login  "user:password" if the registry shall refuse everybody else
        @param config          more lines for udiRoot.conf; a later line wins over ours
        @param gateway_config  more keys for imagemanager.json
        @param set_id          False: shifter is seen without its set-id bit, and FUSE is there for everybody
        @param name            begins the random part of our folder's name, and so tells this site from others
        """
        if os.geteuid() != 0:
            raise PermissionError("integration tests need root")
        if not os.access(f"{PREFIX}/bin/shifter", os.X_OK):
            raise FileNotFoundError(f"nothing is installed below {PREFIX}; tests/run integration does that")
        self._undo = ExitStack()
        self._closed = False
        self.gateway_wrapper: list[str] = []  # words before the gateway's command, from its next start on
        # Whoever stops the tests finds nothing left, either: SIGTERM is an exception that unittest does not take for a failed
        # test, and what unittest does not clean up then is cleaned up at exit.
        signal.signal(signal.SIGTERM, _interrupt)
        atexit.register(self._close_at_exit)
        _libc.prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: an orphan of a test becomes our child, and so is seen
        try:
            self._enter_namespace()
            self.dir = tempfile.mkdtemp(prefix=f"shifter-site-{name}", dir="/var/lib")
            os.chmod(self.dir, 0o755)
            self._undo.callback(shutil.rmtree, self.dir)
            self._take_shared()
            self._make_folders()
            if not set_id:
                self._take_set_id_away()
            self._mounts_before = mounts()
            self._bind(f"{self.dir}/home", HOMES)
            self._bind(f"{self.dir}/munge-run", "/run/munge")
            self.munged = start_munged(self.dir, "/run/munge/munge.socket.2", dies_with_us=True)
            self._undo.callback(lambda: self.munged.stop())
            self.gateway_url = f"http://127.0.0.1:{free_port()}"
            self.registry = ""
            self.write_config(config)
            os.makedirs(SYSCONFDIR, exist_ok=True)
            self._bind(f"{self.dir}/etc", SYSCONFDIR)
            if gateway:
                self.registry_service, self.registry = start_registry(self.dir, registry_login, dies_with_us=True)
                self.registry_login = registry_login
                self._undo.callback(self.registry_service.stop)
                self.write_gateway_config(gateway_config or {})
                self.start_gateway()
                self._undo.callback(lambda: Service(self.dir, "gateway").stop())
        except BaseException:
            self._undo.close()
            raise

    # What a test does with a site.

    def program(self, name: str) -> str:
        """An installed program's path: in bin or sbin."""
        return next(path for folder in ("bin", "sbin") if os.path.exists(path := f"{PREFIX}/{folder}/{name}"))

    def run(self, program: str, *arguments: str, user: str = "a", **options) -> subprocess.CompletedProcess:
        """Runs an installed program, or any absolute path, as an ordinary user to its end, in a small environment.

        @param options  of subprocess.run: env (added to HOME, PATH, USER), cwd (default "/"), input, timeout (default 120 s),
                        text=False for bytes, umask, pass_fds …
        """
        options.setdefault("timeout", 120)
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        if options["stdin"] is None:
            del options["stdin"]
        for stream in ("stdout", "stderr"):
            options.setdefault(stream, subprocess.PIPE)
        return subprocess.run(**self._as_user(program, arguments, user, options))

    def start(self, program: str, *arguments: str, user: str = "a", **options) -> subprocess.Popen:
        """The same, not waited for."""
        return subprocess.Popen(**self._as_user(program, arguments, user, options))

    def image(self, name: str) -> str:
        """How a user calls `name` of the site's registry: "docker:127.0.0.1:5000/org/small:1"."""
        return f"docker:{self.registry}/{name}"

    def push(self, image: str, name: str, *, docker_schema2: bool = False) -> str:
        """Puts an image of tests/support/images into the registry; the folder of its OCI layout."""
        folder = build.image(image)
        oci_layout.push(folder, self.registry, name, docker_schema2=docker_schema2, login=self.registry_login)
        return folder

    def pull(self, name: str, user: str = "a") -> str:
        """Pulls `name` of the site's registry; the image's id. @throws AssertionError with both streams if it fails"""
        for verb in ("pull", "lookup"):
            done = self.run("shifterimg", verb, self.image(name), user=user, timeout=600)
            if done.returncode != 0:
                raise AssertionError(f"shifterimg {verb} {name}: status {done.returncode}\n{done.stdout}{done.stderr}"
                                     f"\ngateway's log: {Service(self.dir, 'gateway').log_end()}")
        return done.stdout.strip()

    @property
    def gateway(self) -> Service:
        return self._gateway

    def start_gateway(self) -> None:
        self._gateway = start_gateway(self.dir, GATEWAY_ACCOUNT, self.gateway_url,
                                      [*self.gateway_wrapper, self.program("shifter-gateway"), "--config", f"{SYSCONFDIR}/imagemanager.json"],
                                      dies_with_us=True)

    def write_config(self, more: str = "") -> None:
        """Writes udiRoot.conf anew: ours, then `more`, whose lines win."""
        self._put("etc/udiRoot.conf", (
            f"udiMount={self.dir}/udi/root\nloopMount={self.dir}/udi/loop\nimagePath={self.dir}/images\n"
            f"udiRootPath={PREFIX}\netcPath={self.dir}/etc/files\nrootfsType=tmpfs\nsystem=tests\n"
            "cpPath=/bin/cp\nmvPath=/bin/mv\nchmodPath=/bin/chmod\nddPath=/bin/dd\nmodprobePath=/bin/true\ninsmodPath=/bin/true\n"
            f"allowLibcPwdCalls=1\npopulateEtcDynamically=1\ndefaultImageType=docker\ngatewayUser={GATEWAY_ACCOUNT}\n"
            f"imageGateway={self.gateway_url}\ngatewayTimeout=60\nsiteEnv=SHIFTER_RUNTIME=1\nsiteFs={self.dir}/home:/home\n") + more)

    def write_gateway_config(self, more: dict) -> None:
        """Writes imagemanager.json anew; the gateway reads it when it starts."""
        self._put("etc/imagemanager.json", json.dumps({
            "Listen": self.gateway_url.removeprefix("http://"), "Database": f"{self.dir}/gateway/catalog.sqlite",
            "WorkerThreads": 2, "LogLevel": "debug", "DefaultImageLocation": self.registry, "DefaultImageFormat": "squashfs",
            "PullUpdateTimeout": 300, "ImageExpirationTimeout": "90:00:00:00",
            "LayerCache": {"Size": 0},  # a pull is a cold one, unless its test says otherwise
            "CacheDirectory": f"{self.dir}/gateway/cache", "ExpandDirectory": f"{self.dir}/gateway/expand",
            "Locations": {self.registry: {"remotetype": "dockerv2", "url": f"http://{self.registry}",
                                          "authMethod": "basic" if self.registry_login else "token"}},
            "Platforms": {"tests": {"mungeSocketPath": "/run/munge/munge.socket.2", "accesstype": "local", "admins": ["root"],
                                    "local": {"imageDir": f"{self.dir}/images"}}}, **more}, indent=1))

    def registry_requests(self, pattern: str) -> list[str]:
        """The registry's access log: "METHOD path status" of requests that a regular expression matches."""
        lines = []
        with open(self.registry_service.log, errors="replace") as log:
            for line in log:
                if match := re.search(r'"([A-Z]+ \S+) HTTP/[\d.]+" (\d+)', line):
                    if re.search(pattern, text := f"{match[1]} {match[2]}"):
                        lines.append(text)
        return lines

    def files(self) -> list[str]:
        """What lies in imagePath and in the gateway's cache, as names relative to the site; folders are not listed."""
        found = []
        for top in ("images", "gateway/cache", "gateway/expand"):
            for folder, _, names in os.walk(f"{self.dir}/{top}"):
                # The lock of publications is no image; it is made once, and stays.
                found += [os.path.relpath(f"{folder}/{name}", self.dir) for name in names if name != ".lock"]
        return sorted(found)

    # The end.

    def check(self, grace_seconds: float = 3) -> None:
        """Nothing of a launch is left: no mount, loop device or process. @throws Leftovers"""
        services = {Service(self.dir, name).pid() for name in ("munged", "registry", "gateway")}
        deadline = time.monotonic() + grace_seconds
        while True:
            self._reap()
            here = [line for line in mounts() if not line.startswith((f"{HOMES} ", "/run/munge ", f"{SYSCONFDIR} "))]
            left = [f"mount {line}" for line in here if line not in self._mounts_before]
            left += [f"mount outside {line}" for line in mounts("1") if self.dir in line]
            left += [f"loop device {line}" for line in loops(self.dir)]
            left += [f"process {pid} {line}" for pid, line in descendants() if pid not in services]
            if not left:
                return
            if time.monotonic() > deadline:
                raise Leftovers("left behind: " + "; ".join(left))
            time.sleep(0.05)

    def close(self) -> None:
        """Checks, then undoes everything in reverse. @throws Leftovers, after everything is undone"""
        if self._closed:
            return
        self._closed = True
        try:
            self.check()
        finally:
            self._undo.close()
        self._reap()
        if left := [f"{pid} {line}" for pid, line in descendants()]:
            raise Leftovers("still running: " + "; ".join(left))

    def _close_at_exit(self) -> None:
        if not self._closed:
            self._closed = True
            self._undo.close()

    # How it is made.

    def _enter_namespace(self) -> None:
        if os.environ.get("SHIFTER_TEST_NAMESPACE") != str(os.getpid()):
            _check(_libc.unshare(CLONE_NEWNS), "cannot make a mount namespace")
            _check(_libc.mount(None, b"/", None, MS_REC | MS_SLAVE, None), "cannot cut the namespace off")
            _check(_libc.mount(None, b"/", None, MS_REC | MS_SHARED, None), "cannot share mounts within the namespace")
            os.environ["SHIFTER_TEST_NAMESPACE"] = str(os.getpid())

    def _bind(self, source: str, target: str) -> None:
        _check(_libc.mount(source.encode(), target.encode(), None, MS_BIND, None), f"cannot bind {source} to {target}")
        self._undo.callback(lambda: _check(_libc.umount2(target.encode(), 2), f"cannot unmount {target}"))

    def _take_shared(self) -> None:
        """Accounts and /run/munge are the machine's: sites of several test programs share them, and the last takes them away.
        (Removing a folder that is a mount point in another namespace takes that mount off.)"""
        # One lock for making and removing them, held for a moment; one that each site holds while it lives.
        setup = _locked("/run/lock/shifter-test.setup")
        lock = _locked("/run/lock/shifter-test", fcntl.LOCK_SH)
        accounts = [GATEWAY_ACCOUNT, *USERS.values()]

        def leave() -> None:
            with _locked("/run/lock/shifter-test.setup") as removing, lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return  # another site is using them
                for account in accounts:
                    subprocess.run(["userdel", account], capture_output=True)
                subprocess.run(["groupdel", EXTRA_GROUP], capture_output=True)
                os.rmdir(HOMES)
                if os.path.getsize(lock.name):  # says that the folder was made by a site
                    os.rmdir("/run/munge")
                os.unlink(lock.name)
                os.unlink(removing.name)

        with setup:
            self._undo.callback(leave)
            os.makedirs(HOMES, exist_ok=True)
            if not os.path.isdir("/run/munge"):
                os.mkdir("/run/munge", 0o755)
                lock.write("made /run/munge\n")
                lock.flush()
            subprocess.run(["groupadd", "--force", EXTRA_GROUP], check=True)
            for account in accounts:
                try:
                    pwd.getpwnam(account)
                except KeyError:
                    more = ["--groups", EXTRA_GROUP] if account == USERS["a"] else []
                    subprocess.run(["useradd", "--no-create-home", "--home-dir", f"{HOMES}/{account}", "--shell", "/bin/sh",
                                    "--user-group", *more, account], check=True, capture_output=True)

    def _take_set_id_away(self) -> None:
        shutil.copy(f"{PREFIX}/bin/shifter", f"{self.dir}/shifter")  # does not keep the mode
        os.chmod(f"{self.dir}/shifter", 0o755)
        os.mknod(f"{self.dir}/fuse", 0o20666, os.makedev(10, 229))
        os.chmod(f"{self.dir}/fuse", 0o666)
        self._bind(f"{self.dir}/shifter", f"{PREFIX}/bin/shifter")
        self._bind(f"{self.dir}/fuse", "/dev/fuse")

    def _make_folders(self) -> None:
        gateway = pwd.getpwnam(GATEWAY_ACCOUNT)
        for name in ("etc", "etc/files", "home", "munge-run", "udi", "udi/root", "udi/loop"):
            os.mkdir(f"{self.dir}/{name}", 0o755)
        for name, mode in (("images", 0o755), ("gateway", 0o700), ("gateway/cache", 0o700), ("gateway/expand", 0o700)):
            os.mkdir(f"{self.dir}/{name}", mode)
            os.chown(f"{self.dir}/{name}", gateway.pw_uid, gateway.pw_gid)
        self.users = {}
        for key, account in USERS.items():
            entry = pwd.getpwnam(account)
            home = f"{self.dir}/home/{account}"
            os.mkdir(home, 0o700)
            os.chown(home, entry.pw_uid, entry.pw_gid)
            groups = sorted(os.getgrouplist(account, entry.pw_gid))
            self.users[key] = User(account, entry.pw_uid, entry.pw_gid, groups, f"{HOMES}/{account}")

    def _as_user(self, program: str, arguments: tuple[str, ...], user: str, options: dict) -> dict:
        who = self.users[user]
        environment = {"HOME": who.home, "USER": who.name, "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"}
        if options.setdefault("text", True):
            options.setdefault("errors", "backslashreplace")  # a test shall see what is no UTF-8, not stumble over it
        options.setdefault("cwd", "/")
        environment.update(options.pop("env", {}))
        return dict(args=[program if program.startswith("/") else self.program(program), *arguments], env=environment,
                    user=who.uid, group=who.gid, extra_groups=who.groups, **options)

    def _put(self, name: str, text: str) -> None:
        path = f"{self.dir}/{name}"
        with open(f"{path}.new", "w") as out:
            out.write(text)
        os.chmod(f"{path}.new", 0o644)
        os.rename(f"{path}.new", path)

    def _reap(self) -> None:
        """Zombies that fell to us as their reaper; our own Popen children are left to whoever waits for them."""
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat") as stream:
                    fields = stream.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if fields[0] == "Z" and int(fields[1]) == os.getpid() and not self._is_service(int(name)):
                try:
                    os.waitpid(int(name), os.WNOHANG)
                except ChildProcessError:
                    pass

    def _is_service(self, pid: int) -> bool:
        gateway = getattr(self, "_gateway", None)
        registry = getattr(self, "registry_service", None)
        return pid in {service.process.pid for service in (gateway, registry) if service and service.process}
