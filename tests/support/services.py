"""The services of a site on one machine, each started in the foreground of its own session and known by its pid: Debian's
docker-registry, munged, shifter-gateway. All listen on 127.0.0.1 or a socket in a folder of ours.

usage: services.py start-registry FOLDER [--login USER:PASSWORD] [--port PORT]   prints host:port
       services.py start-munged FOLDER SOCKET
       services.py start-gateway FOLDER ACCOUNT URL PROGRAM [ARGUMENT…]
       services.py stop FOLDER NAME…                                           the ones that this started, and only them
       services.py running FOLDER NAME                                         exit status 0 if so
"""
import ctypes
import http.client
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import warnings

WAIT_SECONDS = 30


class ServiceError(Exception):
    """A sentence for a person."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_time(pid: int) -> str:
    """When a process began, in clock ticks; with its pid that is its name for ever. Empty if there is none, or a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            fields = stream.read().rsplit(")", 1)[1].split()
        return "" if fields[0] == "Z" else fields[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Service:
    """One process, its log FOLDER/NAME.log and its pid file FOLDER/NAME.pid ("pid start_time")."""

    def __init__(self, folder: str, name: str):
        self.folder, self.name = folder, name
        self.log, self.pid_file = f"{folder}/{name}.log", f"{folder}/{name}.pid"
        self.process: subprocess.Popen | None = None

    def pid(self) -> int | None:
        """The pid, if the process that we started still lives."""
        try:
            with open(self.pid_file) as stream:
                pid, started = stream.read().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def start(self, command: list[str], account: str = "root", dies_with_us: bool = False, **options) -> None:
        user = pwd.getpwnam(account)

        def child() -> None:
            if dies_with_us:
                ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent",
                       **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/", env=environment,
                user=user.pw_uid, group=user.pw_gid, extra_groups=os.getgrouplist(account, user.pw_gid), umask=0o022,
                preexec_fn=child, **options)
        with open(self.pid_file, "w") as out:
            out.write(f"{self.process.pid} {start_time(self.process.pid)}\n")

    def wait_for(self, ready) -> None:
        """Until `ready()`; @throws ServiceError with the end of the log if the process ends before, or takes too long."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServiceError(f"{self.name} ended with status {self.process.returncode}: {self.log_end()}")
            if ready():
                return
            time.sleep(0.02)
        self.stop()
        raise ServiceError(f"{self.name} was not ready after {WAIT_SECONDS} s: {self.log_end()}")

    def log_end(self) -> str:
        with open(self.log, errors="replace") as stream:
            return stream.read()[-1500:].strip() or "its log is empty"

    def send(self, number: int) -> None:
        if (pid := self.pid()) is not None:
            os.kill(pid, number)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 10) -> bool:
        """Ends the process: politely, then not. @returns whether it was running."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, number)
            deadline = time.monotonic() + seconds
            while self._alive():
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.01)
        elif self.process is not None:
            self.process.poll()
        if os.path.exists(self.pid_file):
            os.unlink(self.pid_file)
        return pid is not None

    def _alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return self.pid() is not None


def http_status(url: str) -> int:
    """The status of GET, or 0 if nobody answers."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=2)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def start_registry(folder: str, login: str = "", port: int = 0, **options) -> tuple[Service, str]:
    """Debian's docker-registry with its files below `folder`; the service and its host:port."""
    os.makedirs(f"{folder}/registry", exist_ok=True)
    address = f"127.0.0.1:{port or free_port()}"
    auth = ""
    if login:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import crypt  # as Debian 12's Python has it; apache2-utils would bring a web server's worth of packages
        user, password = login.split(":", 1)
        with open(f"{folder}/htpasswd", "w") as out:
            # Go's bcrypt reads 2b, as libxcrypt writes it; the cost is the lowest, for tests.
            out.write(f"{user}:{crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n")
        auth = f"auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}\n"
    with open(f"{folder}/registry.yml", "w") as out:
        out.write("version: 0.1\nlog: {level: warn, accesslog: {disabled: false}}\n"
                  f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}, delete: {{enabled: true}}, "
                  "cache: {blobdescriptor: inmemory}}\n"
                  f"http: {{addr: '{address}', secret: tests}}\n{auth}")
    service = Service(folder, "registry")
    service.start(["/usr/bin/docker-registry", "serve", f"{folder}/registry.yml"], **options)
    service.wait_for(lambda: http_status(f"http://{address}/v2/") in (200, 401))
    with open(f"{folder}/registry.address", "w") as out:
        out.write(address)
    return service, address


def munge_answers(munge_socket: str) -> bool:
    return subprocess.run(["munge", "-n", "-S", munge_socket], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def start_munged(folder: str, munge_socket: str, **options) -> Service:
    """munged with a key of its own in `folder`/munge, as Debian's account munge."""
    account = pwd.getpwnam("munge")
    home = f"{folder}/munge"
    for path in (home, os.path.dirname(munge_socket)):
        os.makedirs(path, mode=0o755, exist_ok=True)
        os.chown(path, account.pw_uid, account.pw_gid)
    if not os.path.exists(f"{home}/key"):
        descriptor = os.open(f"{home}/key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, os.urandom(1024))
        os.fchown(descriptor, account.pw_uid, account.pw_gid)
        os.close(descriptor)
    service = Service(folder, "munged")
    service.start(["/usr/sbin/munged", "--foreground", f"--key-file={home}/key", f"--socket={munge_socket}",
                   f"--pid-file={home}/pid", f"--log-file={home}/log", f"--seed-file={home}/seed"],
                  account="munge", **options)
    service.wait_for(lambda: munge_answers(munge_socket))
    return service


def start_gateway(folder: str, account: str, url: str, command: list[str], **options) -> Service:
    """shifter-gateway as `account`, which answers at `url` when this returns."""
    service = Service(folder, "gateway")
    service.start(command, account=account, **options)
    service.wait_for(lambda: http_status(f"{url}/api/status") == 200 or http_status(f"{url}/") == 200)
    return service


def main(arguments: list[str]) -> int:
    verb, folder, *rest = arguments if len(arguments) > 1 else ("", "")
    if verb == "start-registry":
        options = dict(zip(rest[::2], rest[1::2]))
        print(start_registry(folder, options.get("--login", ""), int(options.get("--port", 0)))[1])
    elif verb == "start-munged" and len(rest) == 1:
        start_munged(folder, rest[0])
    elif verb == "start-gateway" and len(rest) > 2:
        start_gateway(folder, rest[0], rest[1], rest[2:])
    elif verb == "stop" and rest:
        for name in rest:
            Service(folder, name).stop()
    elif verb == "running" and len(rest) == 1:
        return 0 if Service(folder, rest[0]).pid() is not None else 1
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ServiceError, OSError, KeyError) as error:
        print(f"services: {error}", file=sys.stderr)
        sys.exit(1)
