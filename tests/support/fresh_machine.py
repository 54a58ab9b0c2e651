"""A freshly installed Debian 12 with systemd, booted in namespaces of its own; nothing of it is left when it ends.

    with FreshMachine(debs="…/debs") as machine:
        machine.run("systemctl is-system-running")     # a shell's text, as root, or as a user: run("id", user="ann")

Its root is a tmpfs in a mount namespace, its processes are a pid namespace, so both go with the process that began them, however
that ends. It has no network but its own loopback: packages that will be installed are fetched beforehand. debs/*.deb lie in
/root/packages. What was fetched is kept in build/fresh-machine for the next time. Needs root, and Debian's packages once.
"""
import ctypes
import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
KEPT = f"{REPOSITORY}/build/fresh-machine"
# What an installer leaves on a server; minbase alone has no init.
INCLUDED = "systemd,systemd-sysv,dbus,curl"

# Makes the root at $1 from the archive $2, with the packages $3; what apt fetches is kept in $4.
ROOT = r"""
set -e
mount -t tmpfs -o mode=755,size=4G fresh-machine "$1"
tar -xf "$2" -C "$1" --numeric-owner
mkdir -p "$1/root/packages" "$4/archives" "$4/lists"
mount --bind "$3" "$1/root/packages"
mount --bind "$4/archives" "$1/var/cache/apt/archives"
mount --bind "$4/lists" "$1/var/lib/apt/lists"
mount -t proc proc "$1/proc"
# As an installer does.
printf '127.0.0.1 localhost fresh-machine\n' >"$1/etc/hosts"
[ -s "$1/etc/resolv.conf" ] || : >"$1/etc/resolv.conf"
"""
FETCH = ROOT + r"""
mount --bind /dev "$1/dev"
cp /etc/resolv.conf "$1/etc/resolv.conf"
root=$1
shift 4
fetch() { chroot "$root" apt-get -q -y install --download-only "$@"; }
# With what is known, and else with what there is now.
fetch "$@" || { chroot "$root" apt-get -q update && fetch "$@"; }
"""
BOOT = ROOT + r"""
mount -t sysfs -o ro sys "$1/sys"
mount -t tmpfs -o mode=755 dev "$1/dev"
for name in null zero full random urandom tty fuse loop-control; do
  [ -e "/dev/$name" ] || continue
  touch "$1/dev/$name"
  mount --bind "/dev/$name" "$1/dev/$name"
done
for loop in /dev/loop[0-9]*; do touch "$1$loop"; mount --bind "$loop" "$1$loop"; done
mkdir "$1/dev/pts" "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/dev/pts"
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
mount -t tmpfs -o mode=755 run "$1/run"
if [ -d /sys/fs/cgroup/systemd ]; then
  mount -t tmpfs cgroups "$1/sys/fs/cgroup"
  mkdir "$1/sys/fs/cgroup/systemd" "$1/sys/fs/cgroup/unified"
  mount -t cgroup -o none,name=systemd cgroup "$1/sys/fs/cgroup/systemd"
  mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup/unified"
  mount -o remount,ro "$1/sys/fs/cgroup" # or systemd mounts the other hierarchies, where no cgroup of the machine's is
else
  mount -t cgroup2 cgroup2 "$1/sys/fs/cgroup"
fi
ip link set lo up
ip address add 192.0.2.1/32 dev lo # a machine without any but 127.0.0.1 resolves no name for programs that ask with AI_ADDRCONFIG
cd "$1"
mkdir mnt/old
pivot_root . mnt/old
umount -l mnt/old
rmdir mnt/old
exec env -i container=fresh-machine PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-level=warning --show-status=0
"""


class MachineError(Exception):
    """A sentence for a person."""


def _checked(command: list[str], what: str, **options) -> None:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise MachineError(f"{what}: {(done.stdout + done.stderr)[-2000:]}")


def base() -> str:
    """The archive of the fresh root, made when there is none."""
    archive = f"{KEPT}/debian-12.tar"
    if not os.path.exists(archive):
        os.makedirs(KEPT, exist_ok=True)
        _checked(["mmdebstrap", "--variant=minbase", "--format=tar", f"--include={INCLUDED}", "bookworm",
                  f"{archive}.new"],
                 "the root of Debian 12 was not made")
        os.rename(f"{archive}.new", archive)
    return archive


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


class FreshMachine:
    def __init__(self, debs: str, install: list[str]):
        """`install`: what apt-get will be asked to install, by name or as /root/packages/….deb, there may be more than once."""
        self.debs, self.install = debs, install
        self.cgroup = f"fresh-machine-{os.getpid()}"
        self.process: subprocess.Popen | None = None
        self.folder = tempfile.mkdtemp(prefix="shifter-fresh-machine-")

    def __enter__(self):
        try:
            places = [self.folder, base(), self.debs, KEPT]
            _checked(["unshare", "--mount", "--propagation=private", "sh", "-c", FETCH, "fetch", *places, *self.install],
                     "packages were not fetched", env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
            self._boot(places)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self, places: list[str]) -> None:
        def child() -> None:
            for hierarchy in self._cgroups():
                os.makedirs(hierarchy, exist_ok=True)
                with open(f"{hierarchy}/cgroup.procs", "w") as out:
                    out.write(str(os.getpid()))
            _die_with_parent()
        with open(f"{self.folder}.log", "w") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child", "--propagation=private",
                 "sh", "-c", BOOT, "boot", *places], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=child)
        deadline = time.monotonic() + 120
        while self.run("systemctl is-system-running --wait").stdout.strip() not in ("running", "degraded"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(f"{self.folder}.log") as stream:
                    raise MachineError(f"the machine did not start: {stream.read()[-2000:]}")
            time.sleep(0.2)

    def _cgroups(self) -> list[str]:
        with open("/proc/self/cgroup") as stream:
            here = {line.split(":")[1]: line.split(":")[2].strip() for line in stream}
        folders = [f"/sys/fs/cgroup/systemd{here['name=systemd']}"] if "name=systemd" in here else []
        unified = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
        return [f"{folder.rstrip('/')}/{self.cgroup}" for folder in [*folders, f"{unified}{here.get('', '/')}"]]

    def pid(self) -> int:
        """The machine's init, as this machine sees it."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as stream:
            return int(stream.read().split()[0])

    def enter(self) -> list[str]:
        return ["nsenter", f"--target={self.pid()}", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"]

    def run(self, text: str, user: str = "root", **options) -> subprocess.CompletedProcess:
        """Runs a shell's text in the machine, as somebody who has just logged in."""
        try:
            enter = self.enter()
        except (IndexError, FileNotFoundError):
            return subprocess.CompletedProcess(text, 1, "", "the machine does not run")
        as_user = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "setpriv", "--reset-env", f"--reuid={user}", f"--regid={user}",
                   "--init-groups", "sh", "-c",
                   f"export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive; cd; {text}"]
        return subprocess.run([*enter, *as_user], stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()  # takes the init with it, and that all the others
            self.process.wait()
            for hierarchy in self._cgroups():
                self._remove_cgroup(hierarchy)
        shutil.rmtree(self.folder, ignore_errors=True)
        for log in glob.glob(f"{self.folder}.log"):
            os.unlink(log)

    @staticmethod
    def _remove_cgroup(top: str) -> None:
        deadline = time.monotonic() + 10
        while os.path.isdir(top):
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    if time.monotonic() > deadline:
                        raise
            time.sleep(0.05)
