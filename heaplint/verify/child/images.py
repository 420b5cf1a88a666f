"""Where the program and its shared objects lie in memory, exactly: the kernel joins mappings that lie side by side."""

from __future__ import annotations

import ctypes
import os
from typing import NamedTuple

_PT_LOAD = 1


class Image(NamedTuple):
    """One of the files that the dynamic linker loaded."""

    path: str
    base: int
    """What is added to addresses as linked."""
    stretches: list[tuple[int, int]]
    """What it takes of the memory, with its zeroed variables (.bss)."""


class _Header(ctypes.Structure):
    """Elf64_Phdr (elf(5))."""

    _fields_ = [
        ("kind", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("offset", ctypes.c_uint64), ("address", ctypes.c_uint64),
        ("physical", ctypes.c_uint64), ("size_in_file", ctypes.c_uint64), ("size", ctypes.c_uint64),
        ("align", ctypes.c_uint64),
    ]  # fmt: skip


class _Info(ctypes.Structure):
    """The beginning of struct dl_phdr_info (dl_iterate_phdr(3))."""

    _fields_ = [
        ("base", ctypes.c_size_t), ("name", ctypes.c_char_p), ("headers", ctypes.POINTER(_Header)),
        ("count", ctypes.c_uint16),
    ]  # fmt: skip


def images() -> list[Image]:
    """All of them, the program first; [] where there is no dl_iterate_phdr, or addresses have 32 bits."""
    visit = getattr(ctypes.CDLL(None), "dl_iterate_phdr", None)
    if visit is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return []
    found: list[Image] = []

    def each(info: ctypes._Pointer[_Info], size: int, data: object) -> int:
        one = info.contents
        loaded = [header for header in one.headers[: one.count] if header.kind == _PT_LOAD]
        stretches = [(one.base + part.address, one.base + part.address + part.size) for part in loaded]
        found.append(Image(os.path.realpath(os.fsdecode(one.name)) if one.name else "", one.base, stretches))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Info), ctypes.c_size_t, ctypes.c_void_p)
    visit(kind(each), None)
    return found


def image_of(path: str) -> Image | None:
    """The image of a file, or None when it is not loaded or that cannot be known."""
    return next((one for one in images() if one.path == os.path.realpath(path)), None) if path else None
