"""What the processes that share the work on one program tell each other while they are at it."""

from __future__ import annotations

import os
import struct
from marshal import dumps, loads
from typing import Any
from zlib import crc32

_HEAD = struct.Struct("<4sIII")
"""Of an entry: a mark, how long its name is and how long what is told, and the checksum of both."""
_MARK = b"told"


class Board:
    """Values by name, in memory that forked processes share: what one has told any of them can find.

    Entries are appended to a file that has no name (memfd_create(2)), each in one step, and never changed. An entry may be
    told twice; both are then the same. Values are plain: tuples, strings, bytes, numbers, None.
    """

    def __init__(self, file: int) -> None:
        self._file = file
        self._end = 0
        """Up to where the file has been looked through."""
        self._places: dict[bytes, tuple[int, int]] = {}

    @staticmethod
    def new() -> Board | None:
        """An empty one; None where the system has no such memory."""
        create = getattr(os, "memfd_create", None)
        if create is None:
            return None
        import fcntl

        try:
            file = create("heaplint")
        except OSError:  # not allowed, or not to be had: the processes then find everything out by themselves
            return None
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        return Board(file)

    def close(self) -> None:
        """Give the memory back; what others have opened stays theirs."""
        os.close(self._file)

    def tell(self, name: bytes, value: Any) -> None:
        """Tell a value. Raises OSError when there is no room."""
        told = dumps(value)
        entry = _HEAD.pack(_MARK, len(name), len(told), crc32(told, crc32(name))) + name + told
        if os.write(self._file, entry) != len(entry):
            raise OSError("a part of an entry was written")

    def find(self, name: bytes) -> Any:
        """What was told by a name; None when nothing was yet."""
        if name not in self._places and not self._look(name):
            return None
        place, length = self._places[name]
        return loads(os.pread(self._file, length, place))

    def _look(self, name: bytes) -> bool:
        """Go through what has come since, and say whether a name is among it."""
        size = os.fstat(self._file).st_size
        data = os.pread(self._file, size - self._end, self._end) if size > self._end else b""
        at = 0
        while len(data) - at >= _HEAD.size:
            begin = at + _HEAD.size
            mark, named, told, checksum = _HEAD.unpack_from(data, at)
            end = begin + named + told
            if mark != _MARK or end > len(data) or crc32(memoryview(data)[begin:end]) != checksum:
                break  # it is being written; behind one that was written in part nothing is found any more
            self._places[data[begin : begin + named]] = self._end + begin + named, told
            at = end
        self._end += at
        return name in self._places
