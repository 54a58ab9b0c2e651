"""The Debian packages of a build, as CPack makes them, and what stands in them.

    packages = debian_packages.build(build_folder, out_folder)      # {"runtime": Package, …}
    packages["runtime"].field("Depends")
"""
import glob
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass


def run(*words: str, **options) -> str:
    """Standard output; @throws RuntimeError with all that was said."""
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} ended with status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class Entry:
    """One line of the package's content, as it will be on the machine."""
    mode: str   # as ls(1) prints it
    owner: str  # user/group
    path: str   # absolute; a folder's without a slash at its end


class Package:
    def __init__(self, path: str):
        self.path = path
        self.name = self.field("Package")

    def field(self, name: str) -> str:
        return run("dpkg-deb", "-f", self.path, name).strip()

    def depends(self) -> list[set[str]]:
        """The names of Depends, alternatives as one set; versions left out."""
        return [{re.split(r"[ (:]", choice.strip())[0] for choice in one.split("|")}
                for one in self.field("Depends").split(",") if one.strip()]

    def entries(self) -> list[Entry]:
        found = []
        for line in run("dpkg-deb", "-c", self.path).splitlines():
            mode, owner, _, _, _, path = line.split(None, 5)
            found.append(Entry(mode, owner, "/" + path.removeprefix("./").rstrip("/")))
        return found

    def files(self) -> list[Entry]:
        return [entry for entry in self.entries() if not entry.mode.startswith("d")]

    def control(self) -> list[str]:
        """The names of the maintainer scripts and lists beside the fields."""
        listed = run("sh", "-c", 'dpkg-deb --ctrl-tarfile "$1" | tar -t', "sh", self.path).splitlines()
        return sorted(name.removeprefix("./") for name in listed if not name.endswith("/"))

    def control_file(self, name: str) -> str:
        return run("dpkg-deb", "-I", self.path, name)

    def extract(self, folder: str) -> None:
        run("dpkg-deb", "-x", self.path, folder)

    def repack(self, version: str, path: str) -> None:
        """The same as another version, to upgrade to."""
        with tempfile.TemporaryDirectory(prefix="shifter-repack-") as folder:
            run("dpkg-deb", "-R", self.path, f"{folder}/tree")
            with open(f"{folder}/tree/DEBIAN/control") as stream:
                text = stream.read()
            with open(f"{folder}/tree/DEBIAN/control", "w") as out:
                out.write(re.sub(r"^Version: .*$", f"Version: {version}", text, flags=re.M))
            run("dpkg-deb", "-b", "-Zgzip", f"{folder}/tree", path)


def build(build_folder: str, out: str, *more: str) -> dict[str, Package]:
    """Makes the packages of a build, whose programs are up to date; by component. `more` goes to cpack."""
    os.makedirs(out, exist_ok=True)
    # Compression is for those who carry packages around.
    run("cpack", "--config", f"{build_folder}/CPackConfig.cmake", "-B", out, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", *more,
        cwd=build_folder)
    packages = [Package(path) for path in sorted(glob.glob(f"{out}/*.deb"))]
    return {package.name.removeprefix("shifter-"): package for package in packages}
