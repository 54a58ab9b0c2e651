"""What the benchmarks share: commands timed by a small process, medians, Markdown tables."""
import ctypes
import json
import os
import resource
import statistics
import struct
import sys
import time
import traceback

BENCH = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(BENCH))
BUILD = os.environ.get("SHIFTER_TEST_BUILD", f"{REPOSITORY}/build/tests")
sys.path.insert(0, f"{REPOSITORY}/tests/support")


def built(program: str) -> str:
    path = f"{BUILD}/tests/bench/{program}"
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not built; tests/run bench does that")
    return path


class Spawner:
    """A small process with given ids that runs commands by posix_spawn(3), and measures each with all its children."""

    def __init__(self, uid: int = 0, gid: int = 0, groups: list[int] | None = None, environment: dict | None = None):
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                            **(environment or {})}
        # Opened now: an ordinary user may not reach the log's folder.
        self._log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        ask, self._ask = os.pipe()
        self._answer, answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                os.close(self._ask), os.close(self._answer)
                for other in Spawner.started:  # or the others would never see the end of their pipes
                    os.close(other._ask), os.close(other._answer)
                os.setgroups(groups or [])
                os.setresgid(gid, gid, gid), os.setresuid(uid, uid, uid)
                ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: /proc/self/io is ours again after the change of ids
                os.chdir("/")
                self._serve(ask, answer)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(ask), os.close(answer)
        Spawner.started.append(self)

    def run(self, command: list[str], check: bool = True) -> dict:
        """Runs it to its end. {wall, cpu: seconds; peak: KiB, the largest process; written: bytes; status}"""
        data = json.dumps(command).encode()
        os.write(self._ask, struct.pack("<I", len(data)) + data)
        result = json.loads(os.read(self._answer, 65536))
        if check and result["status"] != 0:
            raise RuntimeError(f"{' '.join(command)} ended with status {result['status']}; its output is in {self.log}")
        return result

    log = "/dev/null"
    started: list["Spawner"] = []

    @classmethod
    def close_all(cls) -> None:
        while cls.started:
            spawner = cls.started.pop()
            for descriptor in (spawner._ask, spawner._answer, spawner._log):
                os.close(descriptor)
            os.waitpid(spawner._pid, 0)

    def _serve(self, ask: int, answer: int) -> None:
        while size := os.read(ask, 4):
            data, left = b"", struct.unpack("<I", size)[0]
            while len(data) < left:
                data += os.read(ask, left - len(data))
            command = json.loads(data)
            actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
            actions += [(os.POSIX_SPAWN_DUP2, self._log, number) for number in (1, 2)]
            written = _written("self")
            begin = time.perf_counter()
            pid = os.posix_spawnp(command[0], command, self.environment, file_actions=actions)
            _, status, usage = os.wait4(pid, 0)
            wall = time.perf_counter() - begin
            os.write(answer, json.dumps({
                "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss,
                "written": _written("self") - written, "status": os.waitstatus_to_exitcode(status)}).encode())


def _written(pid: str) -> int:
    with open(f"/proc/{pid}/io") as stream:
        return int(next(line for line in stream if line.startswith("write_bytes")).split()[1])


def process_cost(pid: int) -> dict:
    """What a living process and its waited-for children have used so far: {cpu: seconds, peak: KiB, written: bytes}."""
    with open(f"/proc/{pid}/stat") as stream:
        fields = stream.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as stream:
        peak = int(next(line for line in stream if line.startswith("VmHWM")).split()[1])
    ticks = sum(int(field) for field in fields[11:15])
    return {"cpu": ticks / os.sysconf("SC_CLK_TCK"), "peak": peak, "written": _written(str(pid))}


def add(*costs: dict) -> dict:
    """Costs of steps one after the other: times and bytes add up, the peak is the largest."""
    total = {key: sum(cost.get(key, 0) for cost in costs) for key in ("wall", "cpu", "written")}
    return {**total, "peak": max(cost.get("peak", 0) for cost in costs)}


def median(costs: list[dict]) -> dict:
    return {key: statistics.median(cost[key] for cost in costs) for key in costs[0]}


def table(head: list[str], rows: list[list]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    cells = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    def line(row):
        return "| " + " | ".join(cell.ljust(width) if not column else cell.rjust(width)
                                 for column, (cell, width) in enumerate(zip(row, widths))) + " |"
    rule = "|" + "|".join("-" * (width + 2) if not column else "-" * (width + 1) + ":"
                          for column, width in enumerate(widths)) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def machine() -> str:
    with open("/proc/cpuinfo") as stream:
        model = next((line.split(":", 1)[1].strip() for line in stream if line.startswith("model name")), "unknown CPU")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{os.cpu_count()} × {model}, {pages >> 30} GiB, Linux {os.uname().release}"


def limit_children() -> None:
    """Benchmarks start many files' worth of children; core files of none are wanted."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
