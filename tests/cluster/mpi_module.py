#!/usr/bin/env python3
"""A module that gives images the node's MPI: MPICH of the node for MPICH of an image, and all the images that keep their own."""
import os
import re
import subprocess
import unittest

from cluster_fixture import Cluster
from manual_blocks import MPI, ManualTest, commands, of_page, printed
from mpi import COMPILERS, PROGRAM, RANKS
from published import libraries, publish
from site_fixture import PREFIX

WHERE = "/opt/udiImage/modules/mpich"
# Which library does MPI_Init come from?
TELLS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
    Dl_info found;
    dladdr((void *) MPI_Init, &found);
    puts(found.dli_fname);
    return argc < 0 ? MPI_Init(&argc, &argv) : 0;
}
"""
PLAIN = '#include <stdio.h>\nint main(void) { puts("ran"); return 0; }\n'
# An MPICH that is newer than the node's, and one that has versions: enough of them for a loader.
LATER = "int MPI_Init(int *a, char ***b) { return 0; }\nint MPI_From_the_future(void) { return 0; }\n"


@unittest.skipUnless(os.path.exists(COMPILERS["mpich"]) and os.path.exists("/usr/bin/musl-gcc"),
                     "needs Debian's MPICH, Open MPI and musl-tools")
class MpiModule(ManualTest, unittest.TestCase):
    PROGRAM = MPI

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(nodes=2, gateway=False)
        cls.addClassCleanup(cls.cluster.close)
        cls.site = cls.cluster.site
        cls.module = f"{cls.site.dir}/mpich"
        library = subprocess.run(["ldd", cls.compile("tells", TELLS, COMPILERS["mpich"])], capture_output=True, text=True).stdout
        cls.library = next(line.split()[2] for line in library.splitlines() if "libmpi" in line)
        subprocess.run([f"{PREFIX}/libexec/shifter/shifter-mpi", "--prepare", cls.module, cls.library], check=True,
                       capture_output=True)
        cls.site.write_config(f"module_mpich_copyPath={cls.module}\nmodule_mpich_wrapper={WHERE}/shifter-mpi\n")
        programs = {"mpich": cls.compile("hello", PROGRAM, COMPILERS["mpich"]), "tells": f"{cls.site.dir}/tells",
                    "openmpi": cls.compile("tells-openmpi", TELLS, COMPILERS["openmpi"])}
        for number, (name, program) in enumerate(programs.items(), 1):
            publish(cls.site, f"aaaa{number}", name, program=program, files=libraries(program))
        musl = cls.compile("musl", PLAIN, "musl-gcc")
        loader = subprocess.run(["readelf", "-p", ".interp", musl], capture_output=True, text=True).stdout.split()[-1]
        publish(cls.site, "bbbb1", "musl", program=musl, files=[loader])
        plain = cls.compile("plain", PLAIN, "gcc")
        publish(cls.site, "bbbb2", "plain", program=plain, files=libraries(plain))
        publish(cls.site, "bbbb3", "static")
        cls.publish_with("bbbb4", "later", "")
        cls.publish_with("bbbb5", "versions", "MPICH_9 { global: *; };\n")

    @classmethod
    def compile(cls, name: str, source: str, *command: str) -> str:
        path = f"{cls.site.dir}/{name}"
        subprocess.run([*command, "-x", "c", "-o", path, "-"], input=source, check=True, capture_output=True, text=True)
        os.chmod(path, 0o755)
        return path

    @classmethod
    def publish_with(cls, identifier: str, name: str, versions: str) -> None:
        """The image of `tells`, with a library of our own in MPICH's place."""
        folder = f"{cls.site.dir}/{name}"
        os.mkdir(folder)
        soname = os.path.basename(cls.library)
        with open(f"{folder}/map", "w") as out:
            out.write(versions)
        source = LATER if not versions else LATER.replace("MPI_From_the_future", "MPI_Finalize")
        stub = cls.compile(f"{name}/{soname}", source, "gcc", "-shared", "-fPIC", f"-Wl,-soname,{soname}",
                           *([f"-Wl,--version-script={folder}/map"] if versions else []))
        program = f"{cls.site.dir}/tells"
        image = [path for path in libraries(program) if os.path.basename(path) != soname]
        target = "/lib/x86_64-linux-gnu/" + soname
        publish(cls.site, identifier, name, program=program, files=image, renamed={stub: target})

    def run_app(self, image: str, *words: str, **options):
        return self.cluster.run(self.site.program("shifter"), f"--image=id:{image}", "--module=mpich", *(words or ("app",)),
                                cwd="/", env={"SHIFTER_MPI_EXPLAIN": "1"}, **options)

    def explained(self, done) -> list[str]:
        return [line.removeprefix("shifter-mpi: ") for line in done.stderr.splitlines() if line.startswith("shifter-mpi: ")]

    def test_the_nodes_mpich_takes_the_place_of_the_images(self):
        done = self.run_app("aaaa2")
        self.assertEqual((done.returncode, done.stdout), (0, f"{WHERE}/lib/{os.path.basename(self.library)}\n"), done.stderr)
        first, last = self.explained(done)
        self.assertRegex(first, rf"^{WHERE}/lib/\S+ in the place of /\S+: one SONAME, and all of its \d+ MPI symbols$")
        self.assertEqual(last, "the node's MPI is used")
        # Without the module, and without a word of explanation.
        done = self.cluster.run(self.site.program("shifter"), "--image=id:aaaa2", "app", cwd="/")
        self.assertEqual((done.stdout, done.stderr), (self.library + "\n", ""))
        done = self.cluster.run(self.site.program("shifter"), "--image=id:aaaa2", "--module=mpich", "app", cwd="/")
        self.assertEqual(done.stderr, "")

    def test_eight_ranks_on_two_nodes_with_the_nodes_mpich_by_sbatch(self):
        for shifter, option in (("shifter ", ()), ("", ("--shifter-run",))):
            job = self.cluster.sbatch(f"#!/bin/sh\nsrun --mpi=pmi2 {shifter}app | sort\n", "--image=id:aaaa1", "--module=mpich",
                                      "-N2", "-n8", "--ntasks-per-node=4", "--chdir=/", *option)
            done = self.cluster.finish(job)
            self.assertEqual((done.state, done.output), ("COMPLETED", RANKS))
        done = self.cluster.run("srun", "--image=id:aaaa2", "--module=mpich", "--shifter-run", "app", cwd="/")
        self.assertEqual(done.stdout, f"{WHERE}/lib/{os.path.basename(self.library)}\n")

    def assert_kept(self, image: str, reason: str, output: str, *words: str) -> None:
        done = self.run_app(image, *words)
        self.assertEqual((done.returncode, done.stdout), (0, output), done.stderr)
        *_, why, last = self.explained(done)
        self.assertRegex(why, reason)
        self.assertEqual(last, "the image keeps its own MPI")

    def test_images_of_another_mpi_keep_their_own(self):
        done = self.run_app("aaaa3")
        self.assertIn("libmpi.so.40", done.stdout)
        self.assertIn("/bin/app needs libmpi.so.40, and the node's MPI is another", self.explained(done)[0])

    def test_images_whose_mpi_has_what_the_nodes_lacks_keep_it(self):
        own = f"/lib/x86_64-linux-gnu/{os.path.basename(self.library)}\n"
        self.assert_kept("bbbb4", "the node's lacks MPI_From_the_future of the image's$", own)
        self.assert_kept("bbbb5", "the node's does not define version MPICH_9, as the image's does$", own)

    def test_musl_images_and_images_without_mpi_run_as_they_are(self):
        self.assert_kept("bbbb1", "is for the C library musl, and the node's MPI is for glibc$", "ran\n")
        self.assert_kept("bbbb2", r"^the image has no library of the node's MPI \(libmpi.*\)$", "ran\n")
        self.assert_kept("bbbb3", "/bin/echo is static: no library is loaded$", "a  b\n", "echo", "a  b")

    def test_what_is_wrong_with_the_module_does_not_keep_the_image_from_running(self):
        broken = f"{self.module}/lib/{os.path.basename(self.library)}"
        os.rename(broken, f"{self.site.dir}/kept")
        self.addCleanup(os.rename, f"{self.site.dir}/kept", broken)
        with open(broken, "w") as out:
            out.write("text\n" * 100)
        done = self.run_app("aaaa2")
        self.assertEqual((done.returncode, done.stdout), (0, self.library + "\n"))
        self.assertIn("it is no ELF file", done.stderr)
        os.unlink(broken)
        self.assert_kept("aaaa2", "it has no library of that SONAME$", self.library + "\n")

    @of_page("how-to/mounts.md", "/usr/libexec/shifter/shifter-mpi --prepare /opt/shifter/mpic",
             "$ SHIFTER_MPI_EXPLAIN=1 shifter --module=mpich --image=org/a")
    def test_the_commands_of_the_manual(self, prepare, dialogue):
        module, before = f"{self.site.dir}/by-the-page", f"module_mpich_copyPath={self.module}\nmodule_mpich_wrapper={WHERE}/shifter-mpi\n"
        text = prepare.replace("/usr/libexec", f"{PREFIX}/libexec").replace("/opt/shifter/mpich", module)
        text = re.sub(r"/usr/lib/\S+/libmpich\.so\.12", self.library, text)
        subprocess.run(["/bin/sh", "-ec", text], check=True, capture_output=True)
        self.addCleanup(self.site.write_config, before)
        self.site.write_config(before.replace(self.module, module))
        def shape(text: str) -> str:
            return re.sub(r"\d+ MPI", "N MPI", re.sub(r" in the place of \S+: ", " in the place of the image's: ", text))
        for line in commands(dialogue.replace("org/app:1", "id:aaaa2").replace("./app", "app")):
            done = self.cluster.run("/bin/sh", "-c", line, cwd="/")
            self.assertEqual(shape(done.stderr), shape(printed(dialogue)))
            self.assertEqual((done.returncode, done.stdout), (0, f"{WHERE}/lib/{os.path.basename(self.library)}\n"))

    def test_commands_that_are_not_there_and_bad_words(self):
        done = self.run_app("aaaa2", "/not/there")
        self.assertEqual((done.returncode, done.stdout), (127, ""))
        self.assertIn("shifter-mpi: /not/there: No such file or directory", done.stderr)
        for words in ([], ["--explain"], ["--prepare"], ["--prepare", self.module, self.library], ["--prepare", "/nowhere/x", self.library],
                      ["--prepare", f"{self.site.dir}/new", "/bin/true"]):
            done = subprocess.run([f"{PREFIX}/libexec/shifter/shifter-mpi", *words], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (1, ""), words)
        self.assertFalse(os.path.exists(f"{self.site.dir}/new"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
