"""Layers as OCI tars: entries as bytes in, blob and digests out.

Written here because Python's tarfile cannot write what layers hold: names that are not UTF-8, extended attributes with any
bytes (file capabilities), and entries that break a rule on purpose. POSIX.1-2001 (pax), as Docker and BuildKit write it.
"""
import hashlib
import os
import subprocess
from dataclasses import dataclass, field

BLOCK = 512
REGULAR, HARD_LINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"


@dataclass
class Entry:
    """One tar entry. Names are bytes without a leading slash; `link` is a path for hard links, any bytes for symlinks."""
    name: bytes
    kind: bytes = REGULAR
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = 1_600_000_000
    size: int = 0
    link: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[str, bytes] = field(default_factory=dict)
    records: dict[bytes, bytes] = field(default_factory=dict)  # more pax records, written as they are


def _number(value: int, width: int) -> bytes:
    octal = b"%0*o" % (width - 1, value)
    if len(octal) < width:
        return octal + b"\0"
    return b"\x80" + value.to_bytes(width - 1, "big")  # base-256, as GNU and star write large numbers


def pax_records(records: dict[bytes, bytes]) -> bytes:
    """The body of a pax extended header: "LENGTH KEY=VALUE\\n", where LENGTH counts itself."""
    out = b""
    for key, value in records.items():
        rest = len(key) + len(value) + 3
        length = rest + len(str(rest))
        if len(str(length)) != len(str(rest)):
            length = rest + len(str(length))
        out += b"%d %s=%s\n" % (length, key, value)
    return out


def header(entry: Entry, magic: bytes = b"ustar\x0000") -> bytes:
    """One 512-byte header block; names beyond 100 bytes are cut (a pax or GNU entry before it has the whole one)."""
    block = bytearray(BLOCK)

    def put(at: int, value: bytes, width: int) -> None:
        block[at:at + len(value[:width])] = value[:width]

    put(0, entry.name, 100)
    put(100, _number(entry.mode, 8), 8)
    put(108, _number(entry.uid, 8), 8)
    put(116, _number(entry.gid, 8), 8)
    put(124, _number(entry.size, 12), 12)
    put(136, _number(int(entry.mtime), 12), 12)
    put(148, b" " * 8, 8)
    put(156, entry.kind, 1)
    put(157, entry.link, 100)
    put(257, magic, 8)
    if entry.kind in (CHAR, BLOCK_DEVICE):
        put(329, _number(entry.device[0], 8), 8)
        put(337, _number(entry.device[1], 8), 8)
    put(148, b"%06o\0 " % sum(block), 8)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % BLOCK)


class LayerTar:
    """Writes one layer to `path`, compressed by gzip, zstd or not at all, and knows digest, size and diffID at the end."""

    COMPRESSORS = {"gzip": ["pigz", "-6", "-n"], "zstd": ["zstd", "-3", "-q", "-c"], "plain": ["cat"]}

    def __init__(self, path: str, compression: str = "gzip"):
        self.path, self.compression = path, compression
        self._file = open(path, "wb")
        self._process = subprocess.Popen(self.COMPRESSORS[compression], stdin=subprocess.PIPE, stdout=self._file)
        self._diff = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Raw bytes of the tar, for what add() would not write."""
        self._diff.update(data)
        self._process.stdin.write(data)

    def add(self, entry: Entry, body: bytes | None = None) -> None:
        """An entry and, for a regular file, its body; or no body, and write() for `entry.size` bytes and pad() follow."""
        if body is not None:
            entry.size = len(body)
        records = dict(entry.records)
        if len(entry.name) > 100 or not entry.name.isascii():
            records.setdefault(b"path", entry.name)
        if len(entry.link) > 100 or not entry.link.isascii():
            records.setdefault(b"linkpath", entry.link)
        if entry.mtime != int(entry.mtime):
            records.setdefault(b"mtime", b"%.9f" % entry.mtime)
        for name, value in sorted(entry.xattrs.items()):
            records[b"SCHILY.xattr." + name.encode()] = value
        if records:
            data = pax_records(records)
            self.write(header(Entry(b"PaxHeaders.0/" + os.path.basename(entry.name)[:80], b"x", size=len(data))) + padded(data))
        self.write(header(entry))
        if body:
            self.write(padded(body))

    def pad(self, size: int) -> None:
        self.write(b"\0" * (-size % BLOCK))

    def close(self) -> dict:
        """Ends the tar; the layer as {digest, size, diff_id, compression, path}."""
        self.write(b"\0" * (2 * BLOCK))
        self._process.stdin.close()
        status = self._process.wait()
        self._file.close()
        if status != 0:
            raise RuntimeError(f"{self.COMPRESSORS[self.compression][0]} failed with status {status}")
        blob = hashlib.sha256()
        with open(self.path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                blob.update(chunk)
        return {"digest": f"sha256:{blob.hexdigest()}", "size": os.path.getsize(self.path),
                "diff_id": f"sha256:{self._diff.hexdigest()}", "compression": self.compression, "path": self.path}


def add_tree(tar: LayerTar, root: bytes) -> None:
    """Adds what lies below `root`, an overlay's upper directory or a whole tree, as an OCI changeset: overlay's whiteouts
    and opaque marks become .wh. entries, hard links stay hard links, capabilities and user xattrs ride along."""
    seen: dict[tuple[int, int], bytes] = {}

    def walk(directory: bytes, prefix: bytes) -> None:
        for item in sorted(os.scandir(directory), key=lambda entry: entry.name):
            info = item.stat(follow_symlinks=False)
            name, kind = prefix + item.name, info.st_mode & 0o170000
            entry = Entry(name, mode=info.st_mode & 0o7777, uid=info.st_uid, gid=info.st_gid, mtime=int(info.st_mtime))
            if kind == 0o020000 and info.st_rdev == 0:
                tar.add(Entry(prefix + b".wh." + item.name, mtime=entry.mtime), b"")
                continue
            for attribute in os.listxattr(item.path, follow_symlinks=False):
                if attribute == "security.capability" or attribute.startswith("user."):
                    entry.xattrs[attribute] = os.getxattr(item.path, attribute, follow_symlinks=False)
            if kind != 0o040000 and info.st_nlink > 1:
                first = seen.setdefault((info.st_dev, info.st_ino), name)
                if first != name:
                    entry.kind, entry.link, entry.xattrs = HARD_LINK, first, {}
                    tar.add(entry)
                    continue
            if kind == 0o040000:
                entry.kind, entry.name = DIRECTORY, name + b"/"
                tar.add(entry)
                if b"y" == _overlay_opaque(item.path):
                    tar.add(Entry(name + b"/.wh..wh..opq", mtime=entry.mtime), b"")
                walk(item.path, name + b"/")
            elif kind == 0o120000:
                entry.kind, entry.link = SYMLINK, os.readlink(item.path)
                tar.add(entry)
            elif kind == 0o100000:
                entry.size = info.st_size
                tar.add(entry)
                with open(item.path, "rb") as stream:
                    left = info.st_size
                    while left and (chunk := stream.read(min(left, 1 << 20))):
                        tar.write(chunk)
                        left -= len(chunk)
                if left:
                    raise RuntimeError(f"{item.path!r} changed while it was read")
                tar.pad(info.st_size)
            elif kind in (0o020000, 0o060000):
                entry.kind = CHAR if kind == 0o020000 else BLOCK_DEVICE
                entry.device = (os.major(info.st_rdev), os.minor(info.st_rdev))
                tar.add(entry)
            elif kind == 0o010000:
                entry.kind = FIFO
                tar.add(entry)

    walk(root, b"")


def _overlay_opaque(path: bytes) -> bytes:
    try:
        return os.getxattr(path, "trusted.overlay.opaque")
    except OSError:
        return b""
