"""Small images in imagePath, as a gateway publishes them; without one, and with records that a test chooses."""
import os
import re
import shutil
import subprocess

from site_fixture import GATEWAY_ACCOUNT, Site

BUSYBOX = "/bin/busybox"
APPLETS = ("sh", "cat", "id", "ls", "grep", "sleep", "hostname", "touch", "pwd", "readlink", "env", "echo", "true", "cut",
           "setsid", "kill", "sed", "tail")


def libraries(*programs: str) -> list[str]:
    """The files that the loader brings to dynamic programs or libraries of this machine, itself included."""
    found = subprocess.run(["ldd", *programs], check=True, capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"(?:=> |^\t)(/\S+) \(", found, re.MULTILINE)))


def publish(site: Site, identifier: str, name: str, record: str = "", *, program: str | None = None,
            files: list[str] | None = None, renamed: dict[str, str] | None = None) -> None:
    """
    An image with busybox, /data/name and /etc/os-release that hold NAME=name, and no /usr.

    @param record   more lines of its .meta
    @param program  a file that becomes /bin/app
    @param files    of this machine, which have the same paths in the image; links are followed
    @param renamed  files that have other paths there
    """
    tree = f"{site.dir}/tree"
    for folder in ("bin", "etc", "tmp", "dev", "proc", "sys", "data"):
        os.makedirs(f"{tree}/{folder}")
    shutil.copy2(BUSYBOX, f"{tree}/bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", f"{tree}/bin/{applet}")
    if program:
        shutil.copy2(program, f"{tree}/bin/app")
    for path, inside in {**{path: path for path in files or []}, **(renamed or {})}.items():
        os.makedirs(f"{tree}{os.path.dirname(inside)}", exist_ok=True)
        shutil.copy2(path, f"{tree}{inside}")
    for path in ("etc/os-release", "data/name"):
        with open(f"{tree}/{path}", "w") as out:
            out.write(f"NAME={name}\n")
    image = f"{site.dir}/images/{identifier}"
    subprocess.run(["mksquashfs", tree, f"{image}.squashfs", "-quiet", "-no-progress", "-all-root", "-noD", "-noF"],
                   check=True, capture_output=True)  # an image for one test is not worth the time to compress it
    shutil.rmtree(tree)
    with open(f"{image}.meta", "w") as out:
        out.write(f"FORMAT: squashfs\nENV: PATH=/bin\n{record}")
    for path in (f"{image}.squashfs", f"{image}.meta"):
        shutil.chown(path, GATEWAY_ACCOUNT, GATEWAY_ACCOUNT)
        os.chmod(path, 0o644)
