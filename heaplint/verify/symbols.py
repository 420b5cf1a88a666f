"""The writable variables of a shared object, by name, as its file describes them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Mapping

from heaplint import lazy_re as re
from heaplint.records import dataclass

_LARGEST = 1 << 24
"""Bytes of one variable, at most; a larger one is cut."""
_LONGEST = 1000
"""Characters of a name, at most: names of a hostile file overlap, and each may be as long as the file."""
_WORD = 8
_ITANIUM = re.compile(r"_ZN?K?(?:L|St)?(?=\d)")


@dataclass(frozen=True, slots=True)
class Symbols:
    """Variables with static storage that can be written to."""

    variables: tuple[tuple[str, int, int], ...]
    """(name, address as linked, size in bytes), by address; a stretch without symbols has the name of its section."""
    sections: Mapping[str, int]
    """Where the writable sections begin, as linked."""

    def name(self, variable: str, address: int) -> str:
        """How to call what lies at an address within a variable: by its place when no symbol names it."""
        start = self.sections.get(variable)
        return variable if start is None else f"{variable}+{address - start:#x}"


class SymbolsError(Exception):
    """A shared object whose variables cannot be read; the message says why."""


def writable(file: str, seconds: float) -> Symbols:
    """Read them from an ELF file, with the parts of its writable sections that no symbol names.

    The loader looks at none of what is read here, so a hostile module can have anything there: the time is bounded.
    Raises SymbolsError.
    """
    deadline = time.monotonic() + seconds
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection
    except ImportError as error:
        raise SymbolsError('pyelftools is not installed (pip install "heaplint[verify]")') from error
    try:
        with open(file, "rb", opener=_at_once) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise SymbolsError("no regular file")
            elf = ELFFile(stream)
            loads = any(one["p_type"] == "PT_LOAD" for one in elf.iter_segments())
            sections = {
                index: (one.name, one["sh_addr"], one["sh_size"])
                for index, one in enumerate(elf.iter_sections())
                if one.name in (".data", ".bss")
            }
            found: dict[int, tuple[str, int]] = {}
            for table in elf.iter_sections():
                if not isinstance(table, SymbolTableSection):
                    continue
                for symbol in table.iter_symbols():
                    _check(deadline)
                    if symbol["st_info"]["type"] == "STT_OBJECT" and symbol["st_shndx"] in sections and symbol["st_size"]:
                        found.setdefault(symbol["st_value"], (symbol.name[:_LONGEST], symbol["st_size"]))
    except (OSError, ELFError, ValueError, KeyError) as error:
        raise SymbolsError(f"no ELF file that can be read ({error})") from error
    if not loads:
        raise SymbolsError("an ELF file without segments to load")
    variables = [(name, address, min(size, _LARGEST)) for address, (name, size) in found.items()]
    for name, start, size in sections.values():
        _check(deadline)
        variables.extend(_unnamed(name, start, start + size, found))
    starts = {name: start for name, start, _ in sections.values()}
    return Symbols(tuple(sorted(variables, key=lambda one: one[1])), starts)


def _at_once(path: str, flags: int) -> int:
    """Open without waiting for whoever writes to a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise SymbolsError("reading its symbols takes too long")


def _unnamed(section: str, start: int, end: int, found: dict[int, tuple[str, int]]) -> list[tuple[str, int, int]]:
    """The stretches of a section between the variables that have names."""
    gaps = []
    at = start
    for address in [*sorted(one for one in found if start <= one < end), end]:
        at += -at % _WORD
        if address - at >= _WORD:
            gaps.append((section, at, min(address - at, _LARGEST)))
        if address < end:
            at = max(at, address + found[address][1])
    return gaps


def source_name(symbol: str) -> str:
    """The name that a variable has in the source: `cache` for `cache.3` and for `_ZN4spam5cacheE`."""
    head = _ITANIUM.match(symbol)
    if head is None:
        return symbol.split(".", 1)[0] if not symbol.startswith(".") else symbol
    rest, name = symbol[head.end() :], ""
    while (length := re.match(r"L?(\d+)", rest)) is not None:
        end = length.end() + int(length.group(1))
        name, rest = rest[length.end() : end], rest[end:]
    return name or symbol
