"""Images whose layers are written entry by entry: every odd case that a layer may hold, several platforms, and sizes.

Every layer names its parent directories, as engines write them; so owner, mode and mtime of each are given.
"""
import os
import random
import struct
import subprocess
import tempfile

from .layer_tar import (BLOCK_DEVICE, CHAR, DIRECTORY, FIFO, HARD_LINK, REGULAR, SYMLINK, Entry, LayerTar, header, padded,
                        pax_records)
from .oci_layout import OciLayout

AMD64 = {"architecture": "amd64", "os": "linux"}
ARM64 = {"architecture": "arm64", "os": "linux", "variant": "v8"}
CONFIG = {"Env": ["PATH=/usr/bin:/bin", "EMPTY=", "WITH=a=b c"], "Cmd": ["/bin/sh"]}


def folder(name: bytes, mode: int = 0o755, **more) -> Entry:
    return Entry(name + b"/", DIRECTORY, mode, **more)


def link(name: bytes, target: bytes, **more) -> Entry:
    return Entry(name, SYMLINK, 0o777, link=target, **more)


def hard(name: bytes, target: bytes) -> Entry:
    return Entry(name, HARD_LINK, link=target)


def capability(bits: int) -> bytes:
    """security.capability, version 2, effective: permitted = bits."""
    return struct.pack("<IIIII", 0x02000001, bits, 0, 0, 0)


class Layers:
    def __init__(self, work: str):
        self.work, self.made = work, []

    def layer(self, *entries, compression: str = "gzip") -> None:
        """Entries, (entry, body) pairs, or bytes, which go into the tar as they are."""
        tar = LayerTar(f"{self.work}/{len(self.made)}", compression)
        for item in entries:
            if isinstance(item, bytes):
                tar.write(item)
            elif isinstance(item, tuple):
                tar.add(item[0], item[1])
            else:
                tar.add(item, b"" if item.kind == REGULAR else None)
        self.made.append(tar.close())


def sparse(tar_format: str, name: str, pieces: list[tuple[int, bytes]], size: int) -> bytes:
    """A sparse file as GNU tar writes it, in its own ("gnu") or pax form ("posix": version 1.0), without the end mark."""
    with tempfile.TemporaryDirectory() as place:
        with open(f"{place}/{name}", "wb") as out:
            for offset, data in pieces:
                out.seek(offset)
                out.write(data)
            out.truncate(size)
        return subprocess.run(["tar", f"--format={tar_format}", "--sparse", "--blocking-factor=1", "--owner=0", "--group=0",
                               "--numeric-owner", "--mode=0644", "--mtime=@1600000000", "--create", "--file=-", name],
                              cwd=place, check=True, stdout=subprocess.PIPE).stdout[:-1024]


def gnu_long(entry: Entry, body: bytes) -> bytes:
    """An entry with GNU's long name and, for a link, long link entries before it."""
    out = b""
    for kind, text in ((b"K", entry.link), (b"L", entry.name)):
        if len(text) > 100:
            out += header(Entry(b"././@LongLink", kind, size=len(text) + 1), b"ustar  \0") + padded(text + b"\0")
    entry.size = len(body)
    return out + header(entry, b"ustar  \0") + padded(body)


def odd(layout: OciLayout, work: str, zstd: str = "zstd", plain: str = "plain") -> None:
    """Six layers with every odd case that umoci can unpack, too."""
    noise = random.Random(1)
    block = noise.randbytes(131072)
    long_part = b"d" * 120
    layers = Layers(work)
    layers.layer(  # 0, gzip: what can lie in one layer
        folder(b"bin"), folder(b"etc"), folder(b"odd", mtime=86400), folder(b"tmp", 0o1777),
        (Entry(b"etc/os-release"), b"ID=odd\n"),
        Entry(b"odd/empty"), (Entry(b"odd/one-byte"), b"x"), (Entry(b"odd/block"), block), (Entry(b"odd/block+1"), block + b"!"),
        (Entry(b"odd/zeros"), bytes(300_000)), (Entry(b"odd/big"), noise.randbytes(1_000_000)),
        (Entry(b"./odd/dot-slash"), b"leading ./"),
        sparse("posix", "sparse-pax", [(4096, b"a" * 5000), (3 << 20, b"b")], (3 << 20) + 1),
        sparse("posix", "sparse-hole", [], 1 << 20),
        folder(b"odd/" + long_part), (Entry(b"odd/" + long_part + b"/" + b"p" * 200), b"pax name"),
        gnu_long(Entry(b"odd/" + long_part + b"/" + b"g" * 200), b"gnu name"),
        (Entry(b"odd/" + b"n" * 255), b"longest name"),
        link(b"odd/long-link-pax", b"/" + b"t" * 300),
        gnu_long(Entry(b"odd/long-link-gnu", SYMLINK, 0o777, link=b"/" + b"u" * 300), b""),
        (Entry(b"odd/latin-\xe9\xff\xfe"), b"not UTF-8"), (Entry("odd/grüße-日本".encode()), b"UTF-8"),
        (Entry(b"odd/new\nline"), b"newline"), (Entry(b"odd/tab\tand back\\slash \x01\x7f"), b"control"),
        (Entry(b"odd/ space at both ends "), b"space"), (Entry(b"odd/-rf"), b"dash"), (Entry(b"odd/*?[a]"), b"glob"),
        (Entry(b"odd/...."), b"dots, and no parent"), (Entry(b"odd/a..b"), b"dots"),
        Entry(b"odd/null", CHAR, 0o666, device=(1, 3)), Entry(b"odd/disk", BLOCK_DEVICE, 0o660, device=(8, 0)),
        Entry(b"odd/fifo", FIFO, 0o644),
        (Entry(b"odd/set-uid", mode=0o4755), b"#!/bin/sh\n"), (Entry(b"odd/set-gid", mode=0o2755), b"#!/bin/sh\n"),
        folder(b"odd/set-gid-dir", 0o2775, gid=50), folder(b"odd/sticky", 0o1777), (Entry(b"odd/unreadable", mode=0), b"secret"),
        (Entry(b"odd/owner", uid=1234, gid=4321), b"owned"), (Entry(b"odd/big-owner", uid=3_000_000, gid=4_000_000), b"owned"),
        (Entry(b"odd/fraction", mtime=1_600_000_000.75), b"mtime"), (Entry(b"odd/epoch", mtime=0), b"mtime"),
        (Entry(b"odd/user-xattr", xattrs={"user.note": b"bytes\x00\xff\n"}), b"xattr"),
        (Entry(b"odd/capable", mode=0o755, xattrs={"security.capability": capability(1 << 13)}), b"#!/bin/sh\n"),
        (Entry(b"odd/linked-1"), b"three names"), hard(b"odd/linked-2", b"odd/linked-1"), hard(b"odd/linked-3", b"odd/linked-2"),
        link(b"odd/symlink", b"linked-1"), hard(b"odd/symlink-twin", b"odd/symlink"), link(b"odd/dangling", b"/nowhere/../at all"),
        link(b"odd/up", b"../../../../etc"), (Entry(b"odd/twice"), b"first"), (Entry(b"odd/twice", mode=0o600), b"the last one counts"),
        folder(b"types"), (Entry(b"types/file-to-dir"), b"f"), folder(b"types/dir-to-file"), (Entry(b"types/dir-to-file/in"), b"i"),
        link(b"types/link-to-dir", b"dir-to-link"), folder(b"types/dir-to-link"), (Entry(b"types/dir-to-link/in"), b"i"),
        (Entry(b"types/file-to-link"), b"f"), link(b"types/link-to-file", b"/etc"), folder(b"types/dir-stays", 0o700),
        (Entry(b"types/dir-stays/kept"), b"kept"),
        folder(b"gone"), (Entry(b"gone/file"), b"g"), folder(b"gone/dir"), folder(b"gone/dir/sub"), (Entry(b"gone/dir/sub/f"), b"g"),
        folder(b"again"), (Entry(b"again/old"), b"must not rise"), folder(b"again/sub"), (Entry(b"again/sub/old"), b"must not rise"),
        folder(b"opaque"), (Entry(b"opaque/old"), b"hidden"), folder(b"opaque/sub"), (Entry(b"opaque/sub/old"), b"hidden"),
        folder(b"across"), (Entry(b"across/target"), b"linked from above"), (Entry(b"across/replaced"), b"old body"),
        (Entry(b"across/removed"), b"the other name lives"), hard(b"across/replaced-twin", b"across/replaced"))
    layers.layer()  # 1: empty
    layers.layer(  # 2, zstd: types change, names go
        folder(b"types"), folder(b"types/file-to-dir"), (Entry(b"types/file-to-dir/in"), b"new"), (Entry(b"types/dir-to-file"), b"new"),
        folder(b"types/link-to-dir"), (Entry(b"types/link-to-dir/in"), b"new"), link(b"types/dir-to-link", b"link-to-dir"),
        link(b"types/file-to-link", b"dir-to-file"), (Entry(b"types/link-to-file"), b"new"), folder(b"types/dir-stays", 0o755, uid=7),
        folder(b"gone"), Entry(b"gone/.wh.file"), Entry(b"gone/.wh.dir"),
        folder(b"."), Entry(b".wh.again"), Entry(b".wh.never-was-there"),
        folder(b"opaque"), (Entry(b"opaque/new-before"), b"new"), Entry(b"opaque/.wh..wh..opq"), (Entry(b"opaque/new-after"), b"new"),
        folder(b"across"), hard(b"across/link", b"across/target"), hard(b"across/survivor", b"across/removed"),
        (Entry(b"across/replaced"), b"new body"), compression=zstd)
    layers.layer(  # 3, plain: what was removed comes again, as a directory with nothing of the old one in it
        folder(b"again"), (Entry(b"again/new"), b"new"), folder(b"again/sub"), (Entry(b"again/sub/new"), b"new"),
        folder(b"gone"), folder(b"gone/dir"), (Entry(b"gone/dir/new"), b"new"),
        folder(b"across"), Entry(b"across/.wh.removed"), hard(b"across/link-of-link", b"across/link"), compression=plain)
    layers.layer()  # 4: empty again
    layers.layer(  # 5, gzip: a directory's own attributes, a whiteout beside the same name, several names at once
        folder(b"odd", 0o711, uid=11, gid=12, mtime=1_500_000_000), folder(b"opaque"), Entry(b"opaque/.wh.new-before"),
        folder(b"fresh"), Entry(b"fresh/.wh.same"), (Entry(b"fresh/same"), b"a whiteout does not hide its own layer"),
        folder(b"gone"), folder(b"gone/dir"), Entry(b"gone/dir/.wh.new"), (Entry(b"gone/file"), b"a new one"))
    layout.finish([layout.manifest(layers.made, CONFIG, AMD64)])


def odd_gzip(layout: OciLayout, work: str) -> None:
    """The same layers, all in gzip: umoci of Debian 12 knows no zstd."""
    odd(layout, work, "gzip", "gzip")


def tar_forms(layout: OciLayout, work: str) -> None:
    """One layer with what GNU tar reads, but neither umoci nor podman: GNU's sparse files, a global pax header."""
    layers, comment = Layers(work), pax_records({b"comment": b"global"})
    layers.layer(
        header(Entry(b"pax_global_header", b"g", size=len(comment))) + padded(comment), folder(b"sub"),
        sparse("gnu", "sparse-gnu", [(0, b"begin"), (1 << 20, b"middle"), (5 << 20, b"end")], 6 << 20),
        sparse("gnu", "sparse-many", [(n << 17, b"piece %d" % n) for n in range(60)], 8 << 20),
        sparse("gnu", "sparse-hole", [], 1 << 20), sparse("posix", "sparse-pax", [(1 << 20, b"x")], 2 << 20),
        (Entry(b"sub/after"), b"what follows a sparse file is found"),
        gnu_long(Entry(b"sub/" + b"g" * 200), b"gnu name"), header(Entry(b"sub/old-v7"), bytes(8)))
    layout.finish([layout.manifest(layers.made, CONFIG, AMD64)])


def multiarch(layout: OciLayout, work: str) -> None:
    """An index of two platforms; the first is not ours, so that taking the first is wrong."""
    manifests = []
    for number, platform in enumerate((ARM64, AMD64)):
        os.mkdir(f"{work}/{number}")
        layers = Layers(f"{work}/{number}")
        layers.layer(folder(b"etc"), (Entry(b"etc/platform"), platform["architecture"].encode()))
        manifests.append(layout.manifest(layers.made, CONFIG, platform))
    layout.finish(manifests)


def _data(noise: random.Random, size: int) -> bytes:
    """Bytes that compress to about half."""
    return b"".join(noise.randbytes(512) + bytes([noise.randrange(256)]) * 512 for _ in range(size // 1024))


def wide(layout: OciLayout, work: str) -> None:
    """65 layers, 180 MB compressed in all."""
    noise, layers = random.Random(2), Layers(work)
    for number in range(65):
        layers.layer(folder(b"data"), *((Entry(b"data/%d-%d" % (number, part)), _data(noise, 1 << 20)) for part in range(5)))
    layout.finish([layout.manifest(layers.made, CONFIG, AMD64)])


def files500k(layout: OciLayout, work: str) -> None:
    """500,000 small files in five layers, 500 to a directory."""
    layers = Layers(work)
    for number in range(5):
        tar = LayerTar(f"{work}/{number}")
        tar.add(folder(b"layer%d" % number))
        for directory in range(200):
            tar.add(folder(b"layer%d/directory-%03d" % (number, directory)))
            for name in range(500):
                path = b"layer%d/directory-%03d/a-file-with-a-usual-name-%03d.txt" % (number, directory, name)
                tar.add(Entry(path), b"%d %d %d\n" % (number, directory, name))
        layers.made.append(tar.close())
    layout.finish([layout.manifest(layers.made, CONFIG, AMD64)])


def big5g(layout: OciLayout, work: str) -> None:
    """Five layers of a gigabyte each, 5 GB in all: one file of 512 MB and eight of 64 MB."""
    noise, layers = random.Random(3), Layers(work)
    piece = [_data(noise, 1 << 20) for _ in range(16)]
    for number in range(5):
        tar = LayerTar(f"{work}/{number}")
        tar.add(folder(b"big%d" % number))
        for name, megabytes in [(0, 512)] + [(part, 64) for part in range(1, 9)]:
            tar.add(Entry(b"big%d/%d" % (number, name), size=megabytes << 20))
            for at in range(megabytes):
                # Each MiB is another one, or fragment and block deduplication would make it easy.
                tar.write(struct.pack("<QQ", at, number << 32 | name) + piece[noise.randrange(16)][16:])
        layers.made.append(tar.close())
    layout.finish([layout.manifest(layers.made, CONFIG, AMD64)])


SYNTHETIC = {"odd": odd, "odd_gzip": odd_gzip, "tar_forms": tar_forms, "multiarch": multiarch, "wide": wide, "files500k": files500k, "big5g": big5g}
