"""Words of this process's memory, and what the system says of where they lie. Linux; elsewhere nothing is mapped."""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import re

from heaplint.verify.child.images import images

WORD = ctypes.sizeof(ctypes.c_void_p)
_GREATEST_BLOCK = 1 << 32
_IN_USE, _MAPPED = 1, 2


def _type_offset() -> int:
    """Where an object has the pointer to its type: builds without a GIL have another header."""
    one = object()
    return words(id(one), object.__basicsize__).index(id(object)) * WORD


def words(start: int, size: int) -> list[int]:
    """The whole words of a stretch of memory that is known to be readable."""
    return list((ctypes.c_size_t * (size // WORD)).from_address(start))


TYPE_OFFSET = _type_offset()


class Maps:
    """The mappings of this process as they are now (proc_pid_maps(5))."""

    def __init__(self) -> None:
        self._areas: list[tuple[int, int, str, str]] = []
        with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                fields = line.rstrip("\n").split(None, 5)
                start, end = (int(part, 16) for part in fields[0].split("-"))
                self._areas.append((start, end, fields[1], fields[5] if len(fields) == 6 else ""))
        self._starts = [area[0] for area in self._areas]
        self._images = sorted(stretch for image in images() for stretch in image.stretches)

    def readable(self, address: int, size: int = WORD) -> bool:
        """Whether all of a stretch can be read."""
        at = address
        while at < address + size:
            area = self._area(at)
            if area is None or "r" not in area[2]:
                return False
            at = area[1]
        return True

    def static(self, address: int) -> bool:
        """Whether an address lies in a file's mapping or in the zeroed variables of an image: not on a heap."""
        area = self._area(address)
        if area is not None and area[3]:
            return not area[3].startswith("[")
        index = bisect.bisect_right(self._images, (address, 1 << 64)) - 1
        return index >= 0 and address < self._images[index][1]

    def pointers_into(self, target: tuple[int, int]) -> int:
        """How many words of memory that is no file's and no stack point into a stretch; constant but for the heap.

        The last word of a block can hold the end of a text over what is left of an older pointer. The zero that ends a text
        gives it away, so words with a zero among their three lowest bytes are not counted; the others are found by the
        bytes above these.
        """
        count = 0
        for upper in range(target[0] >> 24, ((target[1] - 1) >> 24) + 1):
            pattern = re.compile(rb"[^\0]{3}" + re.escape(upper.to_bytes(WORD - 3, "little")), re.DOTALL)
            for start, end, allowed, name in self._areas:
                if not allowed.startswith("rw") or name not in ("", "[heap]"):
                    continue
                content = memoryview((ctypes.c_char * (end - start)).from_address(start)).cast("B")
                for found in pattern.finditer(content):
                    if found.start() % WORD == 0:
                        count += target[0] <= int.from_bytes(found.group(), "little") < target[1]
        return count

    def _area(self, address: int) -> tuple[int, int, str, str] | None:
        index = bisect.bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._areas[index][1]:
            return None
        return self._areas[index]

    def block(self, address: int) -> int:
        """The usable size of the block of glibc's malloc that begins here; 0 when none that is in use does.

        Before a block stands its size with three flags, the lowest of which says that the block before is in use
        (https://sourceware.org/glibc/wiki/MallocInternals).
        """
        if address % (2 * WORD) or not self.readable(address - WORD, 2 * WORD):
            return 0
        header = words(address - WORD, WORD)[0]
        size = header & ~7
        if not 4 * WORD <= size <= _GREATEST_BLOCK or size % (2 * WORD):
            return 0
        if header & _MAPPED:
            return size - 2 * WORD if (address - 2 * WORD) % 4096 == 0 and self.readable(address, size - 2 * WORD) else 0
        after = address - WORD + size
        if not self.readable(address, size) or not self.readable(after) or not words(after, WORD)[0] & _IN_USE:
            return 0
        return size - WORD


class _Figures(ctypes.Structure):
    """struct mallinfo2 of glibc 2.33 (mallinfo(3))."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keep")
    ]


def bytes_in_use() -> int:
    """What malloc has handed out and not got back; 0 where the C library does not tell."""
    figures = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if figures is None:
        return 0
    figures.restype = _Figures
    told = figures()
    return int(told.uordblks) + int(told.hblkhd)


def is_countable(stretches: list[tuple[int, int]]) -> bool:
    """Whether `Maps.pointers_into` can count pointers to most of an image; where it lies is by chance."""
    windows = [at >> 16 & 0xFF for start, end in stretches for at in range(start & ~0xFFFF, end, 1 << 16)]
    return windows.count(0) * 4 < len(windows)
