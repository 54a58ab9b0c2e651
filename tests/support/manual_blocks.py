"""The fenced blocks of docs/tutorial and docs/how-to: what is in them, and which test runs each, or why none does.

    from manual_blocks import CLUSTER, ManualTest, of_page, text

    class Scripts(ManualTest, unittest.TestCase):
        PROGRAM = CLUSTER

        @of_page("how-to/slurm.md", "#SBATCH --image=docker:debian:12")   # the test is given the text
        def test_a_batch_script(self, script): …

TABLE names every block by its page and its title, in their order; policy.manual_blocks fails on one that is not in it. A
ManualTest fails when its program has not a test for each block that TABLE gives to it, or one more.
"""
import functools
import glob
import os
import re
from dataclasses import dataclass

DOCS = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs"))
TITLE_LENGTH = 60

SITE = "tests/integration/manual/blocks.py"       # the installed programs on a throwaway site
CLUSTER = "tests/cluster/manual.py"               # the same, with Slurm
PLATFORMS = "tests/cluster/several_platforms.py"   # and with nodes of two architectures
WORKER = "tests/cluster/worker_job.py"            # and with PostgreSQL, and a gateway that only answers
MPI = "tests/cluster/mpi_module.py"               # and with images that have MPI in them
FRESH = "tests/integration/packages/by_the_pages.py"  # on a fresh machine with systemd: tests/run packages
PROGRAMS = (SITE, CLUSTER, PLATFORMS, WORKER, MPI, FRESH)


class Not(str):
    """No test runs it, for this reason."""


BUILDS = Not("builds everything anew, for minutes; tests/run builds the same tree")

TABLE = {
    "tutorial/first-container.md": {
        "sudo tests/quickstart": BUILDS,
        ". build/quickstart/env": Not("reads what tests/quickstart writes"),
        "sudo runuser -u $SHIFTER_USER -- env PATH=$SHIFTER_PREFIX/bi": Not("is given a terminal; the blocks after it are run as that user"),
        "shifterimg images": SITE,
        "shifter --image=$REGISTRY/quickstart/debian:12 sh -c 'cat /e": SITE,
        "id=$(shifterimg lookup $REGISTRY/quickstart/debian:12)": SITE,
        "mkdir -p ~/data && echo 42 > ~/data/answer": SITE,
        "shifter --image=id:$id sh -c 'exit 3'; echo $?": SITE,
        "exit": Not("ends what tests/quickstart has begun"),
    },
    "how-to/find-out-why.md": {
        "$ shifter doctor": SITE,
        '{"status": "failed", "checks": [': SITE,
        "shifter --check-config": SITE,
        "shifter: timing: 0.019 ms in the front end: options, image l": SITE,
    },
    "how-to/images.md": {
        "shifterimg autoexpire --dry-run": SITE,
        "shifterimg share registry.example.org/lab/app:1 --user bob -": SITE,
        '"Platforms": {': SITE,
        "mongoexport --db Shifter --collection images --out images.js":
            Not("mongoexport is not in Debian; tests/integration/life/takeover.py runs the other lines on what it writes"),
    },
    "how-to/install.md": {
        "cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr/local -DS": BUILDS,
        "apt-get install ./shifter-gateway_*.deb": FRESH,
        "systemd-sysusers P/lib/sysusers.d/shifter.conf": FRESH,
        "[Unit]": FRESH,
        "systemctl stop shifter-gateway": FRESH,
        'shifter-gateway: cannot use the catalog "/var/lib/shifter/ca': FRESH,
        "systemctl stop shifter-gateway #2": FRESH,
        "scontrol update nodename=$(hostname -s) state=drain reason=s": FRESH,
    },
    "how-to/mounts.md": {
        "siteFs = /home; /global:/global:rec:slave; /opt/site/license": SITE,
        "userMountAllow = /scratch /data": SITE,
        "$ shifter --image=debian:12 --volume=/scratch/me:/usr/local/": SITE,
        "perNodeCachePath = /local/scratch": SITE,
        "$ shifter --image=debian:12 --volume=/any:/cache:perNodeCach": SITE,
        "optUdiImage = /usr/libexec/shifter/opt/udiImage": SITE,
        "/usr/libexec/shifter/shifter-mpi --prepare /opt/shifter/mpic": MPI,
        "$ SHIFTER_MPI_EXPLAIN=1 shifter --module=mpich --image=org/a": MPI,
    },
    "how-to/registries.md": {
        "{": SITE,
        '"docker.io": {"mirrors": ["http://cache.cluster:5000"]}': SITE,
    },
    "how-to/several-gateways.md": {
        "sudo -u postgres createuser shifter": FRESH,
        '"Database": "postgresql://shifter@db.example.org/shifter?ssl': FRESH,
        "imageGateway=http://gateway1:5000 http://gateway2:5000": SITE,
        "shifter-gateway --role=api": FRESH,
        "[Service]": FRESH,
        "sbatch --exclusive --chdir=/ --wrap '/usr/sbin/shifter-gatew": WORKER,
    },
    "how-to/signed-and-examined.md": {
        '{"default": [{"type": "reject"}],': SITE,
        "cosign generate-key-pair": Not("cosign is not in Debian 12"),
        "shifterimg: cannot pull registry.example.org/prod/app:2: the": SITE,
        "# $1: the unpacked image, read-only; $2: its identifier": SITE,
    },
    "how-to/slurm.md": {
        "apt-get install ./shifter-slurm_*.deb": FRESH,
        "cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr/local -DS": BUILDS,
        "PrologFlags=Alloc,Contain": FRESH,
        "echo 'required /usr/lib/shifter/shifter_slurm.so' >>/etc/slu": FRESH,
        "shifter doctor": FRESH,
        "shifterimg pull docker:debian:12": FRESH,
        "#SBATCH --image=docker:debian:12": CLUSTER,
        "#SBATCH -n1 --image=docker:org/solver:2": CLUSTER,
        "#SBATCH --image=docker:debian:12 #2": CLUSTER,
        "shifterimg pull org/app:1": PLATFORMS,
        "$ salloc -N2 --image=docker:debian:12": CLUSTER,
        "shifter-sshd-tree /opt/shifter/udiImage": CLUSTER,
        "optUdiImage = /opt/shifter/udiImage": CLUSTER,
        "shifter-slurm-tree /opt/shifter/slurm": CLUSTER,
        "module_slurm_copyPath = /opt/shifter/slurm": CLUSTER,
        "#SBATCH --image=docker:debian:12 #3": CLUSTER,
        "JOB  USER   IMAGE      ID            SINCE                 P": CLUSTER,
        "$ sbatch --image=id:zzz job.sh": CLUSTER,
        "$ srun --image=id:cccc9 --shifter-run cat /etc/os-release": CLUSTER,
        "sed -i /shifter_slurm.so/d /etc/slurm/plugstack.conf": FRESH,
    },
    "how-to/watch.md": {
        "curl -fsS http://gateway:5000/healthz": FRESH,
        "scrape_configs:": Not("is Prometheus's own; what it would read, tests/integration/api/service.py reads"),
        "journalctl -u shifter-gateway | grep ' event=audit '": FRESH,
        "$ journalctl -u shifter-gateway -o cat | grep -E ' pull=12(": FRESH,
    },
}


@dataclass(frozen=True)
class Block:
    page: str   # below docs/
    title: str  # its first line that says something, without a comment, cut to TITLE_LENGTH; with " #2" behind the second such one of the page
    text: str   # without the indentation of its fence


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    with open(f"{DOCS}/{page}") as stream:
        lines = stream.read().splitlines()
    inside: list[str] | None = None
    for line in lines:
        if not line.lstrip().startswith("```"):
            if inside is not None:
                inside.append(line[indent:])
        elif inside is None:
            inside, indent = [], len(line) - len(line.lstrip())
        else:
            said = next((each for each in inside if not each.startswith("#!")), "")
            title = re.split(r"\s+# ", said)[0][:TITLE_LENGTH].rstrip()
            before = sum(1 for each in found if each.title == title or each.title.startswith(f"{title} #"))
            found.append(Block(page, f"{title} #{before + 1}" if before else title, "\n".join(inside) + "\n"))
            inside = None
    if inside is not None:
        raise ValueError(f"{page}: the last block has no end")
    return found


def pages() -> list[str]:
    return sorted(os.path.relpath(path, DOCS) for folder in ("tutorial", "how-to") for path in glob.glob(f"{DOCS}/{folder}/**/*.md", recursive=True))


def text(page: str, title: str) -> str:
    return next(block.text for block in blocks(page) if block.title == title)


def commands(block: str) -> list[str]:
    """What is typed in a block: behind "$ " where it shows a dialogue, else all of its lines; comments left out."""
    lines = block.splitlines()
    if any(line.startswith("$ ") for line in lines):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [line for line in lines if line and not line.startswith("#")]


def printed(block: str) -> str:
    """What a dialogue shows of the output."""
    return "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("$ "))


def of_page(page: str, *titles: str):
    """Decorates a test that runs these blocks of a page; it is given their texts."""
    def decorate(test):
        @functools.wraps(test)
        def with_text(self):
            return test(self, *(text(page, title) for title in titles))
        with_text.blocks = {(page, title) for title in titles}
        return with_text
    return decorate


class ManualTest:
    """Beside unittest.TestCase."""
    PROGRAM = ""  # of PROGRAMS

    def test_each_block_that_is_this_programs_has_a_test(self):
        of_table = {(page, title) for page, rows in TABLE.items() for title, program in rows.items() if program == self.PROGRAM}
        here = [getattr(getattr(self, name), "blocks", set()) for name in dir(self) if name.startswith("test_")]
        self.assertEqual(set().union(*here), of_table)
        self.assertEqual(sum(map(len, here)), len(of_table), "one block, two tests")
