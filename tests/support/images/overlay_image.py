"""Builds a real image as a container engine would: a Debian base, then one overlay mount for each further layer, in which
packages are installed and commands run by chroot. Needs root; runs in a mount and process namespace of its own, so that
whatever happens, nothing stays mounted and nothing keeps running.

usage, by images.build alone: unshare … python3 -m images.overlay_image SPEC_NAME WORK_FOLDER LAYOUT_FOLDER DEB_CACHE
"""
import ctypes
import os
import subprocess
import sys
from dataclasses import dataclass

from . import specs
from .layer_tar import LayerTar, add_tree
from .oci_layout import OciLayout

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}


def run(command: list[str], **options) -> None:
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if result.returncode != 0:
        sys.stderr.write(result.stdout.decode(errors="replace"))
        raise RuntimeError(f"{' '.join(command)[:200]} ended with status {result.returncode}")


def mount(kind: str, target: str, source: str = "", options: str = "", bind: bool = False) -> None:
    """mount(2) itself: mount(8) would make the 60 relative lowerdirs absolute, and they would not fit in a page."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = 4096 if bind else 0
    if libc.mount((source or kind).encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"cannot mount {kind} on {target}: {os.strerror(ctypes.get_errno())}")


def debian_sources() -> str:
    """The Debian archives that this machine installs from."""
    text = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN)|deb $(SITE) $(RELEASE) $(COMPONENT)"],
                          capture_output=True, text=True, check=True).stdout
    lines = sorted({line.split("|", 1)[1] for line in text.splitlines() if line.startswith("Debian|")})
    return "\n".join(lines) + "\n" if lines else "deb http://deb.debian.org/debian bookworm main\n"


@dataclass
class Builder:
    spec: "specs.RealImage"
    work: str
    debs: str  # archives and lists of apt, shared by all builds
    lists_are_new: bool = False

    def base(self, root: str) -> None:
        """The lowest layer, by mmdebstrap, as a folder."""
        include = ["--include=" + ",".join(self.spec.base)] if self.spec.base else []
        with open(f"{self.work}/sources.list", "w") as out:
            out.write(debian_sources())
        run(["mmdebstrap", "--mode=root", f"--variant={self.spec.variant}", "--format=directory", *include,
             "bookworm", root, f"{self.work}/sources.list"])
        for name in ("etc/resolv.conf", "etc/hostname"):
            if os.path.isdir(f"{root}/etc"):
                with open(f"{root}/{name}", "w"):
                    pass
        if os.path.isdir(f"{root}/usr/sbin"):
            with open(f"{root}/usr/sbin/policy-rc.d", "w") as out:
                out.write("#!/bin/sh\nexit 101\n")
            os.chmod(f"{root}/usr/sbin/policy-rc.d", 0o755)

    def change(self, root: str, layer: "specs.Layer") -> None:
        """One layer's commands, in the overlay mounted at `root`."""
        if layer.extract:
            archives = f"{self.debs}/extract"
            os.makedirs(archives, exist_ok=True)
            run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *layer.extract], cwd=archives)
            for package in layer.extract:
                newest = max((entry for entry in os.scandir(archives) if entry.name.startswith(f"{package}_")),
                             key=lambda entry: entry.stat().st_mtime)
                run(["dpkg-deb", "-x", newest.path, root])
        if layer.install or layer.run:
            mount("proc", f"{root}/proc")
            self.devices(f"{root}/dev")
            if os.path.isdir(f"{root}/var/lib/apt"):
                mount("none", f"{root}/var/cache/apt/archives", f"{self.debs}/archives", bind=True)
                mount("none", f"{root}/var/lib/apt/lists", f"{self.debs}/lists", bind=True)
                mount("none", f"{root}/etc/resolv.conf", "/etc/resolv.conf", bind=True)
        if layer.install:
            apt = ["chroot", root, "apt-get", "-q", "-y", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
                   "-o", "APT::Sandbox::User=root", "-o", "APT::Keep-Downloaded-Packages=true", "-o", "Acquire::Retries=3"]
            if proxy := os.environ.get("http_proxy"):
                apt += ["-o", f"Acquire::http::Proxy={proxy}"]
            if not self.lists_are_new:
                run([*apt, "update"], env=ENVIRONMENT)
                self.lists_are_new = True
            run([*apt, "--no-install-recommends", "install", *layer.install], env=ENVIRONMENT)
        if layer.run:
            run(["chroot", root, "/bin/sh", "-eu", "-c", layer.run], env=ENVIRONMENT)
        if layer.host:
            run(["/bin/sh", "-eu", "-c", layer.host], cwd=root, env=ENVIRONMENT)

    @staticmethod
    def devices(dev: str) -> None:
        mount("tmpfs", dev, options="mode=755")
        for name, minor in {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}.items():
            os.mknod(f"{dev}/{name}", 0o020666, os.makedev(1, minor))
            os.chmod(f"{dev}/{name}", 0o666)
        os.symlink("/proc/self/fd", f"{dev}/fd")

    def build(self, layout: OciLayout) -> None:
        os.chdir(self.work)
        for name in ("archives/partial", "lists/partial"):
            os.makedirs(f"{self.debs}/{name}", exist_ok=True)
        made = []
        for number in range(len(self.spec.layers) + 1):
            os.mkdir(f"{number}")
            if number == 0:
                self.base(f"{self.work}/0")
            else:
                for name in ("work", "root"):
                    os.makedirs(name, exist_ok=True)
                lower = ":".join(str(below) for below in reversed(range(number)))
                mount("overlay", "root", options=f"lowerdir={lower},upperdir={number},workdir=work,"
                      "redirect_dir=off,metacopy=off,index=off")
                self.change(f"{self.work}/root", self.spec.layers[number - 1])
                # Everything on top of the overlay goes with it; what the layer changed is in the upper directory.
                run(["umount", "--recursive", "root"])
            tar = LayerTar(f"{self.work}/layer{number}", self.spec.compression)
            add_tree(tar, os.fsencode(f"{self.work}/{number}"))
            made.append(tar.close())
        layout.finish([layout.manifest(made, self.spec.config, {"architecture": "amd64", "os": "linux"})])


def main() -> int:
    name, work, folder, debs = sys.argv[1:]
    os.umask(0o022)
    Builder(specs.REAL[name], work, debs).build(OciLayout(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
