#!/usr/bin/env python3
"""docs/how-to install.md, watch.md and slurm.md, followed as a new admin would: the commands of the pages, as they stand there, on a
fresh Debian 12 that is the gateway's host, a login node and a node of a running Slurm cluster.

usage: by_the_pages.py BUILD_FOLDER [unittest's arguments]   BUILD_FOLDER: of a build for /usr; sudo tests/run packages makes one

The tests are one story, in the order of their names. Needs root; Debian's packages are fetched the first time.
"""
import json
import re

from on_fresh_machine import OnFreshMachine, main
from manual_blocks import FRESH, ManualTest, commands, of_page, printed

CATALOG = "/var/lib/shifter/cache/catalog.sqlite"
IMAGES = "/lustre/shifter/images"
# A cluster before there is anything of ours. Without cgroups, which no machine in a namespace owns.
SLURM_CONF = """\
ClusterName=fresh
SlurmctldHost=fresh(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
NodeName=fresh NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES
"""


class ByThePages(ManualTest, OnFreshMachine):
    PROGRAM = FRESH
    DEBIAN = ["munge", "slurmctld", "slurmd", "slurm-client", "sqlite3", "sudo", "postgresql"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The machine's name is what gateways are called on the pages, too; and apt asks nobody.
        cls.given("hostname fresh && echo '127.0.0.1 fresh gateway GATEWAY' >>/etc/hosts && useradd --create-home --uid 1001 ann && "
                  "echo 'APT::Get::Assume-Yes \"true\";' >/etc/apt/apt.conf.d/yes && "
                  f"apt-get install {' '.join(cls.DEBIAN)}")
        cls.given(f"cat >/etc/slurm/slurm.conf <<'END'\n{SLURM_CONF}END")
        cls.given("install -d /var/lib/slurm/slurmctld /var/lib/slurm/slurmd && systemctl restart munge slurmctld slurmd")
        cls.registry = cls.start_registry("library/debian:12")

    @classmethod
    def given(cls, text: str) -> None:
        done = cls.machine.run(text)
        if done.returncode != 0:
            raise RuntimeError(f"{text}\n{done.stdout}{done.stderr}")

    def follow(self, block: str, user: str = "root", **changes: str) -> list[str]:
        """Runs a block's commands one after another, where the packages lie; what each printed. @param changes  words of the page"""
        return [self.ok(f"cd /root/packages 2>/dev/null; {self.meant(line, changes)}", user) for line in commands(block)]

    @staticmethod
    def meant(line: str, changes: dict[str, str]) -> str:
        for old, new in changes.items():
            line = line.replace(old, new)
        return line

    def idle(self) -> None:
        """The node can have jobs; slurmctld believes so also while slurmd starts again, and a job that it sends then waits for minutes."""
        self.wait_for("bash -c ': </dev/tcp/127.0.0.1/6818' && sinfo -h -o %T && test \"$(sinfo -h -o %T)\" = idle")

    def drop_in(self, text: str) -> None:
        """As `systemctl edit shifter-gateway` leaves it."""
        folder = "/etc/systemd/system/shifter-gateway.service.d"
        self.ok(f"mkdir -p {folder} && cat >{folder}/override.conf <<'END'\n{text}END\nsystemctl daemon-reload")

    def configure(self, **changes) -> None:
        config = json.loads(self.ok("cat /etc/shifter/imagemanager.json"))
        text = json.dumps({**config, **changes}, indent=1)
        self.ok(f"cat >/etc/shifter/imagemanager.json <<'END'\n{text}\nEND\nshifter-gateway --check-config")

    def sbatch(self, options: str, script: str) -> str:
        """The id of ann's job, whose output goes to ID.out in her home."""
        return self.ok(f"sbatch --parsable --output=%j.out {options} <<'END'\n#!/bin/sh\n{script}\nEND", "ann").strip()

    def output(self, job: str) -> str:
        self.wait_for(f"said=$(scontrol show job {job}); echo \"$said\"; echo \"$said\" | grep -qE 'JobState=(COMPLETED|FAILED)'")
        return self.ok(f"cat {job}.out", "ann")

    def test_1_there_is_a_cluster(self):
        self.idle()
        self.assertEqual(self.ok("srun hostname", "ann"), "fresh\n")

    @of_page("how-to/install.md", "apt-get install ./shifter-gateway_*.deb", "systemd-sysusers P/lib/sysusers.d/shifter.conf", "[Unit]")
    def test_2_the_gateway_is_installed_and_runs(self, packages, places, unit):
        self.follow(packages)
        self.follow(places, P="/usr")
        self.ok(f"install -d -o shifter -g shifter -m 0755 {IMAGES} && cp /etc/shifter/imagemanager.json.example /etc/shifter/imagemanager.json")
        platform = json.loads(self.ok("cat /etc/shifter/imagemanager.json"))["Platforms"]["mysystem"]
        self.configure(Listen="0.0.0.0:5000", Platforms={"mycluster": {**platform, "local": {"imageDir": IMAGES}}},
                       Locations={"docker.io": {"url": f"http://{self.registry}"}})
        self.assertIn(f"ReadWritePaths={IMAGES}", unit)
        self.drop_in(unit)
        self.ok("systemctl enable --now shifter-gateway 2>&1")
        self.ready()
        self.assertEqual(self.ok("stat -c '%U %a' /etc/shifter/imagemanager.json"), "root 644\n")

    def test_3_a_node_is_configured_and_a_user_runs_an_image(self):
        self.ok("cp /etc/shifter/udiRoot.conf.example /etc/shifter/udiRoot.conf")
        self.ok(f"printf 'system=mycluster\\nimageGateway=http://gateway:5000\\nimagePath={IMAGES}\\n' >>/etc/shifter/udiRoot.conf")
        self.ok("shifter --check-config")
        self.ok("shifterimg pull debian:12", "ann")
        self.assertIn("(ann)", self.ok("shifter --image=debian:12 id", "ann"))
        self.assertIn(" 0 failed", self.ok("shifter doctor", "ann"))

    def test_4_it_is_secured(self):
        """install.md, "Secure it": what the page says of a gateway as it comes, and what it says to change."""
        self.assertEqual(self.ok(f"find {IMAGES} /etc/shifter /var/lib/shifter -perm /022 ! -type l"), "")
        self.assertEqual(self.ok("stat -c '%a %U' /etc/munge/munge.key"), "600 munge\n")
        status = "curl -sS -o /dev/null -w '%{http_code}\\n' http://gateway:5000"
        for path, code in (("/healthz", 200), ("/metrics", 200), ("/api/schema", 200), ("/ui", 200), ("/api/list/mycluster/", 401)):
            self.assertEqual(self.ok(f"{status}{path}", "ann"), f"{code}\n", path)
        refused = self.machine.run("shifterimg pull elsewhere.example.org/app:1", "ann")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("docker.io", refused.stderr, "the sentence lists what is allowed")
        self.configure(StatusPage=False)
        self.ok("systemctl restart shifter-gateway")
        self.ready()
        self.assertEqual(self.ok(f"{status}/ui", "ann"), "404\n")

    @of_page("how-to/watch.md", "curl -fsS http://gateway:5000/healthz", "journalctl -u shifter-gateway | grep ' event=audit '",
             "$ journalctl -u shifter-gateway -o cat | grep -E ' pull=12(")
    def test_5_it_is_watched(self, well, who, one):
        self.follow(well, "ann")
        self.wait_for("journalctl -u shifter-gateway -o cat | grep ' event=published '")
        log = self.ok("journalctl -u shifter-gateway -o cat")
        digest = re.search(r" digest=(sha256:[0-9a-f]{10})", log)[1]
        for found in self.follow(who, **{"sha256:4f3f725eb9": digest, "uid=1001": f"uid={self.ok('id -u', 'ann').strip()}"}):
            self.assertIn("event=audit", found)
        number = re.search(r"event=published pull=(\d+)", log)[1]
        found, = self.follow(one, **{"pull=12": f"pull={number}"})

        def shape(text: str) -> list[set[str]]:
            """The names of the fields of each line, and which event it is."""
            return [{part if part.startswith("event=") else part.split("=")[0] for part in re.sub(r'"[^"]*"', "", line).split()}
                    for line in text.splitlines()]
        for line in shape(printed(one)):  # some images give a line more fields: what was left out of them
            self.assertTrue(any(line <= real for real in shape(found)), f"{line} is in none of: {found}")

    @of_page("how-to/slurm.md", "apt-get install ./shifter-slurm_*.deb", "PrologFlags=Alloc,Contain",
             "echo 'required /usr/lib/shifter/shifter_slurm.so' >>/etc/slu", "shifter doctor", "shifterimg pull docker:debian:12")
    def test_6_jobs_get_images(self, package, flags, plugin, look, use):
        self.follow(package)
        self.ok(f"echo '{flags.strip()}' >>/etc/slurm/slurm.conf && systemctl restart slurmctld && systemctl restart slurmd")
        self.follow(plugin)
        self.idle()
        report, options = self.follow(look, "ann")
        self.assertRegex(report, r"(?m)^ok +Slurm plugin ")
        self.assertIn("--image", options)
        *_, front, inside = self.follow(use, "ann")
        self.assertEqual(front, self.ok("shifter --image=debian:12 cat /etc/os-release", "ann"))
        self.assertEqual(inside, front)
        job = self.sbatch("--image=debian:12", "srun shifter cat /etc/os-release")
        self.assertEqual(self.output(job), front)
        self.assertNotIn("shifter: the plugin is off", self.ok("journalctl -u slurmd"))
        self.idle()

    @of_page("how-to/slurm.md", "sed -i /shifter_slurm.so/d /etc/slurm/plugstack.conf")
    def test_7_and_back_out_again(self, out):
        *_, removal = commands(out)
        refused = self.machine.run(removal)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("names /usr/lib/shifter/shifter_slurm.so", refused.stdout + refused.stderr)
        queued = self.sbatch("--hold --image=debian:12", "srun shifter cat /etc/os-release")
        self.follow(out)
        self.idle()
        self.ok(f"scontrol release {queued}")
        self.assertEqual(self.output(queued), self.ok("shifter --image=debian:12 cat /etc/os-release", "ann"))
        self.assertEqual(self.output(self.sbatch("", "srun hostname")), "fresh\n")
        refused = self.machine.run("sbatch --image=debian:12 --wrap true", "ann")
        self.assertIn("unrecognized option", refused.stderr)

    @of_page("how-to/install.md", "systemctl stop shifter-gateway", 'shifter-gateway: cannot use the catalog "/var/lib/shifter/ca',
             "systemctl stop shifter-gateway #2", "scontrol update nodename=$(hostname -s) state=drain reason=s")
    def test_8_an_upgrade_and_the_way_back(self, upgrade, refusal, back, node):
        version = "dpkg-query -f '${Version}' -W shifter-gateway"
        old = self.ok(version)
        self.follow(upgrade, **{"./shifter-gateway_*.deb": "./newer-shifter-gateway.deb"})
        self.assertNotEqual(self.ok(version), old)
        self.assertIn("debian:12", self.ok("shifterimg images", "ann"))
        # What a newer release with another schema would leave.
        self.ok("systemctl stop shifter-gateway")
        known = int(self.ok(f"sqlite3 {CATALOG} 'PRAGMA user_version'"))
        self.ok(f"sqlite3 {CATALOG} 'PRAGMA user_version = {known + 1}'")
        self.ok("systemctl start shifter-gateway")
        said = refusal.strip().replace("schema 4, this one knows 3", f"schema {known + 1}, this one knows {known}")
        self.wait_for(f"journalctl -u shifter-gateway -o cat | grep -F '{said}'")
        self.follow(back)
        self.ready()
        self.assertEqual(self.ok(version), old)
        self.assertIn("debian:12", self.ok("shifterimg images", "ann"))
        self.follow(node, **{"./shifter-": "./newer-shifter-", "_*.deb": ".deb"})
        self.idle()
        self.assertIn("(ann)", self.ok("shifter --image=debian:12 id", "ann"))

    @of_page("how-to/several-gateways.md", "sudo -u postgres createuser shifter", '"Database": "postgresql://shifter@db.example.org/shifter?ssl',
             "shifter-gateway --role=api", "[Service]")
    def test_9_the_catalog_moves_to_postgresql_and_workers_run_apart(self, database, config, roles, service):
        self.wait_for("sudo -u postgres psql -c 'select 1'")
        self.follow(database)
        # On this machine, where PostgreSQL knows the account by itself.
        changes = json.loads("{" + self.meant(config, {"shifter@db.example.org/shifter?sslmode=verify-full": "/shifter"}) + "}")
        self.configure(**changes)
        with_images = self.ok("cat /etc/systemd/system/shifter-gateway.service.d/override.conf")
        api, worker = commands(roles)
        self.assertIn(worker.split("#")[0].strip(), service)
        for command, drop_in in ((worker, service), (api, self.meant(service, {"--role=worker": "--role=api"}))):
            self.drop_in(with_images + drop_in)
            self.ok("systemctl restart shifter-gateway")
            role = command.split()[1]
            self.wait_for(f"tr '\\0' ' ' </proc/$(systemctl show -p MainPID --value shifter-gateway)/cmdline | grep -e {role}")
        self.ready()
        self.assertEqual(self.ok("shifterimg images", "ann"), "")
        self.assertEqual(self.ok("sudo -u postgres psql -XAtc 'select count(*) > 0 from pg_tables where tableowner = $$shifter$$' shifter"), "t\n")


if __name__ == "__main__":
    main(__doc__, ByThePages)
