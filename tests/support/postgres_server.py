"""A PostgreSQL server of one test: Debian's programs, an unprivileged account, a folder of its own, a unix socket in it and
no network. Started and stopped by its pid.

    server = PostgresServer(folder, account)   # runs when this returns
    server.address()                           # "postgresql:///shifter?host=…", for a program that runs as `account`
    server.stop(); server.start()              # as when its host is restarted
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess

from services import Service

DATABASE = "shifter"


def programs() -> str:
    """The newest installed release's folder."""
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
    if not folders:
        raise FileNotFoundError("there is no PostgreSQL here: apt-get install postgresql")
    return folders[-1]


class PostgresServer:
    def __init__(self, folder: str, account: str):
        self.folder, self.account = folder, account
        owner = pwd.getpwnam(account)
        self._as_owner = dict(user=owner.pw_uid, group=owner.pw_gid, extra_groups=[], cwd="/", check=True,
                              capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        os.mkdir(f"{folder}/postgres", 0o700)
        os.chown(f"{folder}/postgres", owner.pw_uid, owner.pw_gid)
        self.socket = f"{folder}/postgres"
        # Trust is safe: the socket lies in a folder that only the account can enter.
        subprocess.run([f"{programs()}/initdb", "-D", f"{folder}/postgres/data", "--auth=trust", "--encoding=UTF8",
                        "--locale=C.UTF-8", "--no-sync"], **self._as_owner)
        self.start()
        self.run("createdb", DATABASE)

    def run(self, program: str, *arguments: str) -> str:
        """One of PostgreSQL's programs against this server; what it prints."""
        return subprocess.run([f"{programs()}/{program}", "-h", self.socket, *arguments], **self._as_owner).stdout

    def query(self, sql: str) -> list[list[str]]:
        """Rows of texts."""
        text = self.run("psql", "-d", DATABASE, "-XAtq", "-F", "\x1f", "-c", sql)
        return [line.split("\x1f") for line in text.splitlines()]

    def address(self) -> str:
        return f"postgresql:///{DATABASE}?host={self.socket}"

    def start(self) -> None:
        self.service = Service(self.folder, "postgresql")
        # A test that loses power is none of ours: without fsync a run takes a third of the time.
        self.service.start([f"{programs()}/postgres", "-D", f"{self.folder}/postgres/data", "-k", self.socket, "-c",
                            "listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=warning"],
                           account=self.account, dies_with_us=True)
        self.service.wait_for(lambda: subprocess.run([f"{programs()}/pg_isready", "-h", self.socket], capture_output=True,
                                                     check=False).returncode == 0)

    def stop(self) -> None:
        self.service.stop(signal.SIGINT)  # fast: sessions end, and transactions are rolled back

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(f"{self.folder}/postgres")
