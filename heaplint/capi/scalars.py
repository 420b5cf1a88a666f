"""The scalar types of C and of Python's headers: what they are and their sizes on 64-bit Unix and 64-bit Windows.

Sources: the System V and the Microsoft x64 ABI (LP64 and LLP64), C11 §7.20, Include/pyport.h and Include/unicodeobject.h.
"""

from __future__ import annotations

import functools
from typing import Final, Literal

from heaplint.records import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type that is a number."""

    name: str
    kind: Literal["integer", "floating"]
    unix: int
    """Bytes on LP64; 0 where the type does not exist."""
    windows: int
    """Bytes on LLP64; 0 where the type does not exist."""


_INTEGERS: Final = {
    (1, 1): "char _Bool bool int8_t uint8_t Py_UCS1 BYTE UCHAR",
    (2, 2): "short int16_t uint16_t Py_UCS2 USHORT WORD",
    (4, 4): "int int32_t uint32_t Py_UCS4 socklen_t",
    (8, 4): "long",
    (8, 8): (
        "int64_t uint64_t intmax_t uintmax_t intptr_t uintptr_t ptrdiff_t size_t ssize_t Py_ssize_t Py_hash_t Py_uhash_t "
        "Py_intptr_t Py_uintptr_t PY_LONG_LONG PY_INT64_T PY_UINT64_T PyTime_t _PyTime_t time_t"
    ),
    (4, 2): "wchar_t Py_UNICODE",
    (0, 4): "DWORD BOOL UINT LONG ULONG HRESULT INT",
    (0, 8): "__int64 SOCKET ULONG_PTR DWORD_PTR INT_PTR UINT_PTR LONG_PTR LONGLONG ULONGLONG",
}
"""Sizes → names. The C types whose names are several words are made by `canonical`."""

_FLOATING: Final = {"float": (4, 4), "double": (8, 8)}
_INT32: Final = {"PY_INT32_T": "int", "PY_UINT32_T": "int"}
_PLAIN: Final = frozenset({"signed", "unsigned", "short", "long", "int", "char"})


@functools.cache
def _known() -> dict[str, Scalar]:
    known = {
        name: Scalar(name, "integer", unix, windows)
        for (unix, windows), names in _INTEGERS.items() for name in names.split()
    }
    known["long long"] = Scalar("long long", "integer", 8, 8)
    known.update({name: Scalar(name, "floating", *sizes) for name, sizes in _FLOATING.items()})
    return known


@functools.lru_cache(maxsize=2048)
def canonical(text: str) -> str:
    """A type's name without qualifiers, words of integer types in C's shortest order: `long unsigned int` is
    `unsigned long`."""
    words = [word for word in text.split() if word not in ("const", "volatile", "register", "restrict")]
    if words and all(word in _PLAIN for word in words):
        size = next((word for word in ("char", "short") if word in words), "")
        size = size or " ".join(["long"] * words.count("long")) or "int"
        return f"unsigned {size}" if "unsigned" in words else size
    name = " ".join(words)
    return _INT32.get(name, name)


@functools.lru_cache(maxsize=2048)
def scalar(name: str) -> Scalar | None:
    """A scalar type by its name (see `canonical`); None for every other type."""
    known = _known().get(name.removeprefix("unsigned "))
    return Scalar(name, known.kind, known.unix, known.windows) if known is not None else None


System = Literal["unix", "windows"]
SYSTEMS: Final[frozenset[System]] = frozenset({"unix", "windows"})


def differ(one: Scalar, other: Scalar) -> frozenset[System]:
    """The systems on which two types do not take the same room, or one is floating and the other an integer."""
    if one.kind != other.kind:
        return SYSTEMS
    found: set[System] = set()
    if one.unix and other.unix and one.unix != other.unix:
        found.add("unix")
    if one.windows and other.windows and one.windows != other.windows:
        found.add("windows")
    return frozenset(found)


def promoted(one: Scalar) -> Scalar:
    """What a value becomes when it is passed through `...`: at least an int, or a double (C11 §6.5.2.2)."""
    if one.kind == "floating":
        return _known()["double"]
    return _known()["int"] if max(one.unix, one.windows) < 4 or one.name in ("wchar_t", "Py_UNICODE") else one


def common(one: Scalar, other: Scalar) -> Scalar | None:
    """The type of an arithmetic expression of two operands; None where the two systems do not agree on which it is."""
    first, second = promoted(one), promoted(other)
    if "floating" in (one.kind, other.kind):
        return _known()["double"] if "float" not in (one.name, other.name) else None
    if first.unix >= second.unix and first.windows >= second.windows:
        return first
    return second if second.unix >= first.unix and second.windows >= first.windows else None
