"""A throwaway Slurm cluster on one machine: a Site of tests/support, slurmctld and several slurmd; all gone at the end.

    from cluster_fixture import Cluster

    class Jobs(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            cls.cluster = Cluster(nodes=2)
            cls.addClassCleanup(cls.cluster.close)   # undoes everything, and fails if a job left something

        def test_it(self):
            done = self.cluster.run("srun", "-N2", "hostname")       # as user a; CompletedProcess, text
            job = self.cluster.sbatch("#!/bin/sh\\nhostname\\n", "--image=org/app:1")
            self.assertEqual(self.cluster.finish(job).state, "COMPLETED")

Each node is a slurmd in a mount and a UTS namespace of its own, held by a sleeping process, so that prolog mounts, host
names and mount tables behave like those of separate machines; a slurmd that is started again finds its node as it was.
Everything of Slurm lies below `site.dir`/slurm, listens on free ports, and is known by the pid that started it.
"""
import atexit
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "support"))
from services import Service, free_port  # noqa: E402
from site_fixture import PREFIX, Leftovers, Site, descendants, loops, mounts  # noqa: E402

PLUGIN = f"{PREFIX}/lib/shifter/shifter_slurm.so"
WAIT_SECONDS = 60
# What srun says in a job when the step before has not left its processors yet, on a busy machine.
WAITING = re.compile(r"^srun: (Job \d+ step creation temporarily disabled.*|Step created for job \d+)\n", re.MULTILINE)
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE"}


@dataclass(frozen=True)
class Job:
    """A job that has ended, as Slurm and its output file tell it."""
    id: str
    state: str
    exit_code: str
    output: str
    log: str = ""  # what the daemons logged of one that did not complete


def wait_until(ready, what: str, seconds: float = WAIT_SECONDS) -> None:
    """Until `ready()` is true. @throws TimeoutError"""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so after {seconds} s")
        time.sleep(0.03)


class Cluster:
    def __init__(self, *, nodes: int = 2, plugin: str | None = PLUGIN, plugin_arguments: str = "",
                 plugstack: str | None = None, prolog: str = "", slurm_conf: str = "",
                 private_tmp: bool = False, **site_options):
        """
        @param plugin            what the line "required" of plugstack.conf names; None for a cluster without the plugin
        @param plugin_arguments  what follows it there
        @param plugstack         the whole plugstack.conf instead
        @param prolog            commands of sh for the Prolog of each node; {dir} is ours
        @param slurm_conf        more lines for slurm.conf
        @param private_tmp       each node has a /tmp of its own, as PMIx needs it where several are one machine
        @param site_options      of Site: gateway, registry_login, config, gateway_config, name
        """
        self._undo = ExitStack()
        self._closed = False
        # Also after a SIGINT, when unittest leaves its cleanups undone; close() does its work once.
        atexit.register(self.close)
        try:
            self.site = Site(**site_options)
            self._undo.callback(self.site.close)
            self.dir = f"{self.site.dir}/slurm"
            self.node_names = [f"n{number}" for number in range(1, nodes + 1)]
            self._services: dict[str, Service] = {}
            for name in ("", "/etc", "/state", "/spool", "/run", "/log"):
                os.mkdir(self.dir + name, 0o755)
            if plugstack is None:
                plugstack = f"required {plugin} {plugin_arguments}".rstrip() if plugin else ""
            self.write_plugstack(plugstack)
            if prolog:
                slurm_conf += f"\nProlog={self.dir}/etc/prolog"
                with open(f"{self.dir}/etc/prolog", "w") as out:
                    out.write("#!/bin/sh\n" + prolog.format(dir=self.dir) + "\nexit 0\n")
                os.chmod(f"{self.dir}/etc/prolog", 0o755)
            self._write_conf(slurm_conf)
            self._private_tmp = private_tmp
            self._undo.callback(self._stop)
            for node in self.node_names:
                self._start_holder(node)
            self._start("slurmctld", ["/usr/sbin/slurmctld", "-D", "-c", "-f", self.conf])
            for node in self.node_names:
                self.start_slurmd(node)
            self._wait_idle()
            self._mounts = {node: self.node_mounts(node) for node in self.node_names}
            self._daemons = {pid for pid, _ in descendants()}  # ours and theirs: slurmctld has a child for scripts
        except BaseException:
            self._closed = True
            self._undo.close()
            raise

    # What a test does with a cluster.

    @property
    def conf(self) -> str:
        return f"{self.dir}/etc/slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What a client command needs to find the cluster."""
        return {"SLURM_CONF": self.conf, "PATH": f"{PREFIX}/bin:/usr/local/bin:/usr/bin:/bin"}

    def run(self, program: str, *arguments: str, user: str = "a", env: dict | None = None,
            **options) -> subprocess.CompletedProcess:
        """Runs a client command of Slurm, or any absolute path, on the login node to its end; see Site.run."""
        path = program if program.startswith("/") else f"/usr/bin/{program}"
        options.setdefault("cwd", self.site.users[user].home)
        return self.site.run(path, *arguments, user=user, env={**self.environment, **(env or {})}, **options)

    def control(self, program: str, *arguments: str) -> str:
        """The standard output of a client command as root. @throws AssertionError if it fails"""
        done = subprocess.run([f"/usr/bin/{program}", *arguments], env={**os.environ, **self.environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{program} {' '.join(arguments)}: status {done.returncode}: {done.stderr}")
        return done.stdout

    def submit(self, script: str, *options: str, user: str = "a", **more) -> subprocess.CompletedProcess:
        """sbatch, with the script written to the user's home; output goes to job-ID.out there."""
        home = self.site.users[user].home
        with open(f"{home}/script", "w") as out:
            out.write(script)
        name = "%A_%a" if any(option.startswith("--array") for option in options) else "%j"
        return self.run("sbatch", "--parsable", f"--output={home}/job-{name}.out", *options, f"{home}/script",
                        user=user, **more)

    def sbatch(self, script: str, *options: str, user: str = "a", **more) -> str:
        """The same; the job's id. @throws AssertionError if it is refused"""
        done = self.submit(script, *options, user=user, **more)
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"sbatch: status {done.returncode}: {done.stderr}")
        return done.stdout.strip().split(";")[0]

    def fields(self, job: str) -> dict[str, str]:
        """What `scontrol show job` says, by key."""
        return dict(re.findall(r"(\S+?)=(\S*)", self.control("scontrol", "--oneliner", "show", "job", job)))

    def finish(self, job: str, user: str = "a", seconds: float = WAIT_SECONDS) -> Job:
        """Waits for the end of a job (not of an array or a heterogeneous one)."""
        wait_until(lambda: self.fields(job)["JobState"] in ENDED, f"the end of job {job}", seconds)
        fields = self.fields(job)
        output = WAITING.sub("", self.output(fields.get("StdOut", "")))
        log = "" if fields["JobState"] == "COMPLETED" else self._log_of(job)
        return Job(job, fields["JobState"], fields["ExitCode"], output, log)

    def begin_again(self, job: str) -> None:
        """Tells a requeued job, which Slurm holds back for two minutes, that it may begin."""
        # Not before the first run is over: Slurm takes its late end for that of the second. And not within the second of
        # that: slurmd takes a credential of the second in which the job was ended for one that is revoked.
        wait_until(lambda: self.fields(job)["JobState"] == "PENDING" and set(self.node_states().values()) == {"idle"},
                   f"job {job} is in the queue again")
        self.control("scontrol", "update", f"JobId={job}", "StartTime=now+2")

    def running(self, script: str, *options: str, lines: int = 1) -> tuple[str, list[str]]:
        """A job of user a with an image, aaaa1, whose commands have written some lines to `out` in his home; its id, and the lines."""
        out = f"{self.site.users['a'].home}/out"
        if os.path.exists(out):
            os.unlink(out)
        job = self.sbatch("#!/bin/sh\n" + script, "--chdir=/", "--image=id:aaaa1", *options)
        wait_until(lambda: self.output(out).count("\n") == lines, f"job {job} runs")
        return job, self.output(out).split("\n")[:-1]

    def output(self, path: str) -> str:
        """A file that a job wrote, or nothing."""
        try:
            with open(path) as stream:
                return stream.read()
        except FileNotFoundError:
            return ""

    def in_node(self, node: str, *command: str) -> list[str]:
        """The command line that runs `command` as root in the namespaces of a node."""
        return ["/usr/bin/nsenter", "--target", str(self.node_pid(node)), "--mount", "--uts", "--", *command]

    def run_on(self, node: str, *command: str, user: str = "a") -> subprocess.CompletedProcess:
        """Runs a command to its end as a user in the namespaces of a node."""
        account = self.site.users[user]
        become = ["/usr/bin/setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--init-groups", "--"]
        return subprocess.run(self.in_node(node, *become, *command), env=self.environment, cwd="/", stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def node_pid(self, node: str) -> int:
        """The process that holds a node's namespaces."""
        return self._services[f"node-{node}"].pid()

    def node_mounts(self, node: str) -> list[str]:
        return mounts(str(self.node_pid(node)))

    def holders(self, namespace: str) -> list[int]:
        """The nodes' processes that are in a mount namespace: "mnt:[4026532456]", a name that may be given again."""
        nodes = self._node_uts()
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{name}/ns/mnt") == namespace and os.readlink(f"/proc/{name}/ns/uts") in nodes:
                    found.append(int(name))
            except OSError:
                continue
        return found

    def node_states(self) -> dict[str, str]:
        """State and, if there is one, reason of each node: {"n1": "idle", "n2": "drained Prolog error"}."""
        rows = [line.split("|") for line in self.control("sinfo", "-h", "-N", "-o", "%N|%T|%E").splitlines()]
        return {name: state if reason == "none" else f"{state} {reason}" for name, state, reason in rows}

    def notes(self, node: str = "") -> list[str]:
        """The folders of notes of jobs on all nodes, or on one, as paths."""
        found = []
        for name in [node] if node else self.node_names:
            folder = f"/proc/{self.node_pid(name)}/root/run/shifter/jobs"
            found += [f"{folder}/{job}" for job in sorted(os.listdir(folder))]
        return found

    def write_plugstack(self, text: str) -> str:
        """Client commands and tasks read it at every launch, slurmd when it starts. @returns what was in it"""
        before = self.output(f"{self.dir}/etc/plugstack.conf")
        with open(f"{self.dir}/etc/plugstack.conf.new", "w") as out:
            out.write(text + "\n")
        os.rename(f"{self.dir}/etc/plugstack.conf.new", f"{self.dir}/etc/plugstack.conf")
        return before

    def log(self, service: str) -> str:
        """What slurmctld or slurmd-NODE logged."""
        with open(self._services[service].log, errors="replace") as stream:
            return stream.read()

    def node_log(self, node: str) -> str:
        """What slurmd and the step daemons of a node logged."""
        return self.output(f"{self.dir}/log/slurmd-{node}.log")

    def start_slurmd(self, node: str, *through: str) -> None:
        """@param through  a command line that executes what follows it, as faketime(1) does"""
        os.makedirs(f"{self.dir}/spool/{node}", exist_ok=True)
        self._start(f"slurmd-{node}", self.in_node(node, *through, "/usr/sbin/slurmd", "-D", "-f", self.conf, "-N", node))

    def stop_slurmd(self, node: str, kill: bool = False) -> None:
        self._services[f"slurmd-{node}"].stop(signal.SIGKILL if kill else signal.SIGTERM)

    def power_cut(self, node: str) -> None:
        """Ends all that runs on a node at once, slurmd and what held its namespaces included."""
        host = os.readlink(f"/proc/{self.node_pid(node)}/ns/uts")
        left = [pid for pid, _ in descendants() if self._uts_of(pid) == host]
        while left:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            for name in (f"slurmd-{node}", f"node-{node}"):
                self._services[name].stop()
            self.site._reap()
            left = [pid for pid, _ in descendants() if self._uts_of(pid) == host]
        os.unlink(f"{self.dir}/run/{node}.ready")

    def power_on(self, node: str) -> None:
        """After power_cut(): the node as it was when the cluster began, with a slurmd."""
        self._start_holder(node)
        self.start_slurmd(node)

    @staticmethod
    def _uts_of(pid: int) -> str:
        try:
            return os.readlink(f"/proc/{pid}/ns/uts")
        except OSError:
            return ""

    # The end.

    def cancel_jobs(self) -> None:
        self.control("scancel", "--full", "--partition=test")
        wait_until(lambda: not self.control("squeue", "-h"), "an empty queue", 8)

    def check(self, grace_seconds: float = 20) -> None:
        """No job, no process, mount, loop device or note of one, and all nodes idle. @throws Leftovers"""
        deadline = time.monotonic() + grace_seconds
        while left := self._leftovers():
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

    # How it is made.

    def _leftovers(self) -> list[str]:
        self.site._reap()
        left = [f"job {line}" for line in self.control("squeue", "-h", "-o", "%i %T %r").splitlines()]
        left += [f"node {node} is {state}" for node, state in self.node_states().items() if state != "idle"]
        for node, before in self._mounts.items():
            left += [f"mount on {node}: {line}" for line in self.node_mounts(node) if line not in before]
        left += [f"loop device {line}" for line in loops(self.site.dir)]
        left += [f"notes {folder}" for folder in self.notes()]
        known = {service.pid() for service in self._services.values()} | self._daemons
        known |= {Service(self.site.dir, name).pid() for name in ("munged", "registry", "gateway")}
        return left + [f"process {pid} {line}" for pid, line in descendants() if pid not in known]

    def _start(self, name: str, command: list[str]) -> None:
        service = self._services.setdefault(name, Service(f"{self.dir}/run", name))
        service.start(command, dies_with_us=True)

    def _start_holder(self, node: str) -> None:
        # Shared propagation within the node, as systemd leaves it: a mount that gets out of a container is seen (I14).
        # Notes of jobs of its own: those of another cluster on this machine, or of one that was killed, are not ours.
        script = (f"mount --make-rshared /; hostname {node}; mount --bind {self.dir}/etc/hosts /etc/hosts; "
                  "mkdir -p -m 700 /run/shifter /run/shifter/jobs; mount -t tmpfs -o mode=700 jobs /run/shifter/jobs; "
                  f": >{self.dir}/run/{node}.ready; exec sleep infinity")
        if self._private_tmp:
            script = "mount -t tmpfs -o mode=1777 tmp /tmp; " + script
        self._start(f"node-{node}", ["/usr/bin/unshare", "--mount", "--uts", "--propagation", "slave",
                                     "/bin/sh", "-ec", script])
        self._services[f"node-{node}"].wait_for(lambda: os.path.exists(f"{self.dir}/run/{node}.ready"))

    def _wait_idle(self) -> None:
        def idle() -> bool:
            for service in self._services.values():
                if service.process.poll() is not None:
                    raise RuntimeError(f"{service.name} ended with {service.process.returncode}: {service.log_end()}")
            try:
                return set(self.node_states().values()) == {"idle"}
            except AssertionError:  # slurmctld does not listen yet
                return False
        wait_until(idle, "idle nodes")

    def _stop(self) -> None:
        """Cancels jobs, stops the daemons, and ends what a job left in a node (it is in the node's UTS namespace)."""
        services = list(self._services.values())
        if any(service.name == "slurmctld" and service.pid() for service in services):
            try:
                self.cancel_jobs()
            except (AssertionError, TimeoutError, subprocess.TimeoutExpired):
                pass  # its processes are ended below
        hosts = self._node_uts()
        for service in reversed(services):
            if not service.name.startswith("node-"):
                service.stop()
        for pid, _ in descendants():
            try:
                if os.readlink(f"/proc/{pid}/ns/uts") in hosts:
                    os.kill(pid, 9)
            except (FileNotFoundError, ProcessLookupError):
                continue
        for service in services:
            service.stop()
        self.site._reap()

    def _node_uts(self) -> set[str]:
        """The names of the nodes' UTS namespaces."""
        pids = [service.pid() for name, service in self._services.items() if name.startswith("node-")]
        return {os.readlink(f"/proc/{pid}/ns/uts") for pid in pids if pid} - {os.readlink("/proc/self/ns/uts")}

    def _log_of(self, job: str) -> str:
        text = self.log("slurmctld") + "".join(self.node_log(node) for node in self.node_names)
        mine = re.compile(rf"JobId={job}\b|\b[Jj]ob {job}\b|\[{job}\.|StepId={job}\b")
        return "\n" + "\n".join(line for line in text.splitlines() if mine.search(line))

    def _write_conf(self, more: str) -> None:
        nodes = f"n[1-{len(self.node_names)}]"
        # NodeHostname, Port: several slurmd on one machine. config_overrides: nodes with more CPUs than it has. The
        # scheduler's short intervals: jobs, heterogeneous ones too, begin within a second. PrologEpilogTimeout: the
        # default is to hang for ever. Alloc, Contain: as the prolog of contract section 10 needs it.
        lines = f"""
            ClusterName=tests
            SlurmctldHost=localhost(127.0.0.1)
            SlurmctldPort={free_port()}
            SlurmUser=root
            SlurmdUser=root
            AuthType=auth/munge
            CredType=cred/munge
            StateSaveLocation={self.dir}/state
            SlurmdSpoolDir={self.dir}/spool/%n
            SlurmctldPidFile={self.dir}/run/slurmctld-self.pid
            SlurmdPidFile={self.dir}/run/slurmd-%n-self.pid
            SlurmdLogFile={self.dir}/log/slurmd-%n.log
            SlurmctldDebug=verbose
            SlurmdDebug=verbose
            DebugFlags=NO_CONF_HASH
            ProctrackType=proctrack/linuxproc
            TaskPlugin=task/none
            SelectType=select/cons_tres
            SelectTypeParameters=CR_Core
            SchedulerType=sched/backfill
            SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_interval=1,sched_min_interval=0
            SlurmdParameters=config_overrides
            ReturnToService=2
            SwitchType=switch/none
            MpiDefault=none
            JobAcctGatherType=jobacct_gather/none
            AccountingStorageType=accounting_storage/none
            PlugStackConfig={self.dir}/etc/plugstack.conf
            PrologFlags=Alloc,Contain
            PrologEpilogTimeout=30
            MinJobAge=300
            KillWait=1
            TCPTimeout=5
            MessageTimeout=10
            {more}
            """.split("\n")
        for node in self.node_names:
            lines.append(f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={free_port()} CPUs=4 "
                         "RealMemory=1000 State=UNKNOWN")
        lines.append(f"PartitionName=test Nodes={nodes} Default=YES MaxTime=INFINITE State=UP")
        with open(self.conf, "w") as out:
            out.write("\n".join(line.strip() for line in lines if line.strip()) + "\n")
        with open("/etc/hosts") as hosts, open(f"{self.dir}/etc/hosts", "w") as out:
            out.write(hosts.read() + "".join(f"127.0.0.1 {node}\n" for node in self.node_names))
