"""An image for several machines, with a program for each that this one can run: /bin/machine prints whose it is."""
import subprocess

from .layer_tar import Entry, LayerTar
from .oci_layout import OciLayout
from .synthetic import AMD64, ARM64, CONFIG, folder

I386 = {"architecture": "386", "os": "linux"}
# Needs binutils alone: what a compiler for another machine would bring is not on every one.
SOURCES = {
    "386": ("--32", "elf_i386", """.globl _start
_start: mov $4, %eax; mov $1, %ebx; mov $text, %ecx; mov $length, %edx; int $0x80
        mov $1, %eax; xor %ebx, %ebx; int $0x80
"""),
    "amd64": ("--64", "elf_x86_64", """.globl _start
_start: mov $1, %eax; mov $1, %edi; mov $text, %esi; mov $length, %edx; syscall
        mov $60, %eax; xor %edi, %edi; syscall
""")}


def program(architecture: str, work: str) -> bytes:
    """A static program of that architecture, which writes the architecture's name and ends."""
    width, emulation, code = SOURCES[architecture]
    with open(f"{work}/program.s", "w") as out:
        out.write(f'{code}text: .ascii "{architecture}\\n"\n.set length, . - text\n')
    subprocess.run(["as", width, "-o", f"{work}/program.o", f"{work}/program.s"], check=True)
    subprocess.run(["ld", "-m", emulation, "-o", f"{work}/program", f"{work}/program.o"], check=True)
    with open(f"{work}/program", "rb") as stream:
        return stream.read()


def machines(layout: OciLayout, work: str) -> None:
    """An index of arm64, amd64 and 386, with /bin/machine in the last two."""
    manifests = []
    for platform in (ARM64, AMD64, I386):
        name = platform["architecture"]
        tar = LayerTar(f"{work}/{name}")
        for path in (b"etc", b"bin", b"tmp", b"var"):
            tar.add(folder(path))
        tar.add(Entry(b"etc/machine"), name.encode())
        if name in SOURCES:
            tar.add(Entry(b"bin/machine", mode=0o755), program(name, work))
        manifests.append(layout.manifest([tar.close()], CONFIG, platform))
    layout.finish(manifests)
