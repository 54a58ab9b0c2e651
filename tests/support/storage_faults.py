"""Tells storage_faults.c, preloaded into a gateway, which call is to fail. Made anew for each program, by the C compiler."""
import mmap
import os
import struct
import subprocess

MODES = ("once", "for ever", "short write", "kill -9")  # as the enum there
_HEAD = struct.Struct("=qqqqqq32s256s")


class StorageFaults:
    """`folder`: where the library and the file of orders are made; readable by everybody."""

    def __init__(self, folder: str):
        self.library, self.orders = f"{folder}/storage_faults.so", f"{folder}/storage_faults"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "storage_faults.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", self.library, source, "-ldl"], check=True)
        with open(self.orders, "wb") as out:
            out.write(bytes(_HEAD.size))
        os.chmod(self.orders, 0o666)
        with open(self.orders, "r+b") as shared:
            self._map = mmap.mmap(shared.fileno(), _HEAD.size)

    def command(self) -> list[str]:
        """What stands before the command of a gateway that shall meet the faults."""
        return ["/usr/bin/env", f"LD_PRELOAD={self.library}", f"SHIFTER_STORAGE_FAULTS={self.orders}"]

    def arm(self, below: str, nth: int, mode: str, error: int = 0) -> None:
        """The nth call that changes something below a folder, or a file whose path begins so, is hit."""
        self.lift()
        self._map[:] = _HEAD.pack(0, nth, MODES.index(mode), error, 0, 0, b"", below.encode())
        self._map[:8] = struct.pack("=q", 1)

    def lift(self) -> None:
        self._map[:8] = struct.pack("=q", 0)

    @property
    def count(self) -> int:
        """How many calls there were since arm()."""
        return _HEAD.unpack(self._map[:])[4]

    @property
    def call(self) -> str:
        """The first call that was hit; empty when none was."""
        _, _, _, _, _, fired, call, _ = _HEAD.unpack(self._map[:])
        return call.split(b"\0", 1)[0].decode() if fired else ""
