#!/usr/bin/env python3
"""An MPI program in a container: srun --mpi=pmi2 starts its ranks on two nodes, and they find each other as outside."""
import os
import subprocess
import unittest

from cluster_fixture import Cluster
from published import publish

COMPILER = "/usr/bin/mpicc.mpich"
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
RANKS = "".join(f"{rank} of 8 on n{1 if rank < 4 else 2}: 28\n" for rank in range(8))


@unittest.skipUnless(os.path.exists(COMPILER), "needs Debian's mpich and libmpich-dev")
class Mpi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        site = cls.cluster.site
        # The image has no libraries: those of the node, and so its MPI, come by siteFs.
        site.write_config(f"siteFs={site.dir}/home:/home;/usr:/usr;/lib:/lib;/lib64:/lib64\n")
        source = f"{site.dir}/hello.c"
        with open(source, "w") as out:
            out.write(PROGRAM)
        subprocess.run([COMPILER, "-o", f"{site.dir}/hello", source], check=True, capture_output=True)
        os.chmod(f"{site.dir}/hello", 0o755)
        publish(site, "aaaa1", "mpi", program=f"{site.dir}/hello")
        cls.hello = f"{site.dir}/hello"

    def ranks(self, *arguments: str) -> str:
        done = self.cluster.run("srun", "--mpi=pmi2", "-N2", "-n8", "--ntasks-per-node=4", *arguments, cwd="/")
        self.assertEqual(done.returncode, 0, done.stderr)
        return "".join(sorted(done.stdout.splitlines(keepends=True)))

    def test_eight_ranks_on_two_nodes_find_each_other_inside_as_outside(self):
        self.assertEqual(self.ranks(self.hello), RANKS)
        self.assertEqual(self.ranks("--image=id:aaaa1", "--shifter-run", "app"), RANKS)
        self.assertEqual(self.ranks("--image=id:aaaa1", "shifter", "app"), RANKS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
