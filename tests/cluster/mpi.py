#!/usr/bin/env python3
"""MPI programs in containers: srun starts their ranks on two nodes, and they find each other as outside. The images have
Debian's MPICH and Open MPI, as files of their own; nothing of MPI comes from the node."""
import glob
import os
import subprocess
import unittest

from cluster_fixture import Cluster
from published import libraries, publish

PROGRAM = """
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
    int rank, size, sum, length;
    char name[MPI_MAX_PROCESSOR_NAME];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_processor_name(name, &length);
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    printf("%d of %d on %s: %d\\n", rank, size, name, sum);
    return MPI_Finalize();
}
"""
OPEN_MPI = {"OMPI_MCA_btl_tcp_if_include": "127.0.0.0/8", "OMPI_MCA_mpi_yield_when_idle": "1"}
RANKS = "".join(f"{rank} of 8 on n{1 if rank < 4 else 2}: 28\n" for rank in range(8))
COMPILERS = {name: f"/usr/bin/mpicc.{name}" for name in ("mpich", "openmpi")}


@unittest.skipUnless(all(map(os.path.exists, COMPILERS.values())), "needs Debian's MPICH and Open MPI with their headers")
class Mpi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False, private_tmp=True)
        cls.addClassCleanup(cls.cluster.close)
        site = cls.cluster.site
        # PMIx hands its data over in files below SlurmdSpoolDir.
        site.write_config(f"siteFs={site.dir}/home:/home;{cls.cluster.dir}/spool:{cls.cluster.dir}/spool\n")
        with open(f"{site.dir}/hello.c", "w") as out:
            out.write(PROGRAM)
        cls.hello = {}
        for name, compiler in COMPILERS.items():
            cls.hello[name] = f"{site.dir}/hello-{name}"
            subprocess.run([compiler, "-o", cls.hello[name], f"{site.dir}/hello.c"], check=True, capture_output=True)
            os.chmod(cls.hello[name], 0o755)
        # What Open MPI loads as it likes: its components, and those of PMIx.
        parts = glob.glob("/usr/lib/*/openmpi/lib/openmpi3/*.so") + glob.glob("/usr/lib/*/pmix2/lib/pmix/*.so")
        data = [path for folder in ("/usr/share/openmpi", "/etc/openmpi", "/usr/share/pmix2")
                for path in glob.glob(f"{folder}/**", recursive=True) if os.path.isfile(path)]
        publish(site, "aaaa1", "mpich", program=cls.hello["mpich"], files=libraries(cls.hello["mpich"]))
        publish(site, "aaaa2", "openmpi", program=cls.hello["openmpi"],
                files=parts + data + libraries(cls.hello["openmpi"], *parts))

    def ranks(self, kind: str, *arguments: str) -> str:
        # A test machine may have no other network than this, and fewer processors than ranks.
        done = self.cluster.run("srun", f"--mpi={kind}", "-N2", "-n8", "--ntasks-per-node=4", *arguments, cwd="/",
                                env=OPEN_MPI)
        self.assertEqual(done.returncode, 0, done.stderr)
        return "".join(sorted(done.stdout.splitlines(keepends=True)))

    def test_eight_ranks_of_mpich_on_two_nodes_find_each_other_by_pmi2_inside_as_outside(self):
        self.assertEqual(self.ranks("pmi2", self.hello["mpich"]), RANKS)
        self.assertEqual(self.ranks("pmi2", "--image=id:aaaa1", "--shifter-run", "app"), RANKS)
        self.assertEqual(self.ranks("pmi2", "--image=id:aaaa1", "shifter", "app"), RANKS)

    def test_eight_ranks_of_open_mpi_on_two_nodes_find_each_other_by_pmix_inside_as_outside(self):
        self.assertEqual(self.ranks("pmix", self.hello["openmpi"]), RANKS)
        self.assertEqual(self.ranks("pmix", "--image=id:aaaa2", "--shifter-run", "app"), RANKS)
        self.assertEqual(self.ranks("pmix", "--image=id:aaaa2", "shifter", "app"), RANKS)

    def test_pmix_finds_the_ranks_of_a_batch_job_behind_an_entry_point(self):
        job = self.cluster.sbatch("#!/bin/sh\nsrun --mpi=pmix --entrypoint=env app | sort\n", "--image=id:aaaa2", "--shifter-run", "-N2", "-n8", "--ntasks-per-node=4",
                                  "--chdir=/", env=OPEN_MPI)
        done = self.cluster.finish(job)
        self.assertEqual((done.state, done.output), ("COMPLETED", RANKS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
