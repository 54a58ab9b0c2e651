"""Finds an image in the cache, or builds it there.

The cache is $SHIFTER_TEST_CACHE, else build/images of the tree. A build goes on in a folder of its own, renamed when whole.
"""
import fcntl
import hashlib
import inspect
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from . import layer_tar, machines, oci_layout, overlay_image, specs, synthetic

SUPPORT = pathlib.Path(__file__).resolve().parent.parent
SYNTHETIC = {**synthetic.SYNTHETIC, "machines": machines.machines}
NAMES = [*specs.REAL, *SYNTHETIC]


def cache() -> str:
    folder = os.environ.get("SHIFTER_TEST_CACHE") or str(SUPPORT.parent.parent / "build" / "images")
    os.makedirs(folder, exist_ok=True)
    return folder


def _identity(name: str) -> str:
    if name in specs.REAL:
        text = repr(specs.REAL[name]) + inspect.getsource(overlay_image)
    else:
        text = inspect.getsource(sys.modules[SYNTHETIC[name].__module__])
    return hashlib.sha256((text + inspect.getsource(layer_tar) + inspect.getsource(oci_layout)).encode()).hexdigest()[:12]


def image(name: str) -> str:
    """The OCI layout (a folder) of the image `name`, built now if it is not in the cache."""
    if name not in NAMES:
        raise ValueError(f'no image "{name}"; there are {", ".join(NAMES)}')
    target = f"{cache()}/{name}-{_identity(name)}"
    if os.path.isdir(target):
        return target
    # One build at a time: they share the downloaded packages, and two of one image would be work for nothing.
    with open(f"{cache()}/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return target if os.path.isdir(target) else _build(name, target)


def archive(name: str, path: str, form: str = "docker-archive") -> str:
    """Writes the image as skopeo(1) does, for everybody to read; its path.  @param form  or "oci-archive", "oci" (a folder)"""
    reference = ":small:1" if form == "docker-archive" else ""
    subprocess.run(["skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{image(name)}", f"{form}:{path}{reference}"], check=True,
                   capture_output=True)
    subprocess.run(["chmod", "-R", "a+rX", path], check=True)
    return path


def _build(name: str, target: str) -> str:
    # Not in /tmp, which may be small or a tmpfs: overlay wants a real file system for its upper directory.
    work = tempfile.mkdtemp(prefix=f".{name}.", dir=cache())
    os.chmod(work, 0o755)
    try:
        layout = f"{work}/layout"
        os.mkdir(f"{work}/work")
        if name in specs.REAL:
            command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
                       sys.executable, "-m", "images.overlay_image", name, f"{work}/work", layout, f"{cache()}/debs"]
            if subprocess.run(command, cwd=SUPPORT).returncode != 0:
                raise RuntimeError(f"cannot build the image {name}; the reason is above")
        else:
            SYNTHETIC[name](oci_layout.OciLayout(layout), f"{work}/work")
        for old in pathlib.Path(cache()).glob(f"{name}-????????????"):
            shutil.rmtree(old, ignore_errors=True)
        os.rename(layout, target)
        return target
    finally:
        shutil.rmtree(work, ignore_errors=True)
