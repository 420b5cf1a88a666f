"""A unit's macros by what their bodies hold: a function that uses one says what the body says."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from heaplint import lazy_re as re
from heaplint.frontend.expand import stays
from heaplint.frontend.preprocess import Macro, Reading
from heaplint.frontend.text import word_offsets

_WORD = re.compile(rb"[A-Za-z_]\w*")
_NONE: frozenset[str] = frozenset()


class MacroIndex:
    """The bodies of all macros of one file that the front end expands, in one text."""

    def __init__(self, reading: Reading) -> None:
        self._names: list[str] = []
        self._starts: list[int] = []
        bodies: list[bytes] = []
        length = 0
        for name, definitions in reading.macros.items():
            if stays(name):
                continue
            for one in definitions:
                if isinstance(one, Macro):
                    body = one.body.encode()
                    self._names.append(name)
                    self._starts.append(length)
                    bodies.append(body)
                    length += len(body) + 1
        self._bodies = b"\n".join(bodies)
        self._words = frozenset(_WORD.findall(self._bodies))
        self._matching: dict[re.Pattern[bytes], frozenset[str]] = {}

    def matching(self, pattern: re.Pattern[bytes]) -> frozenset[str]:
        """The macros whose bodies match a pattern somewhere."""
        known = self._matching.get(pattern)
        if known is None:
            found = self._defined(match.start() for match in pattern.finditer(self._bodies)) if self._bodies else _NONE
            known = self._matching[pattern] = found
        return known

    def mentioning(self, words: Iterable[bytes]) -> frozenset[str]:
        """The macros whose bodies mention one of some words."""
        wanted = self._words.intersection(words)
        return self._defined(at for word in wanted for at in word_offsets(self._bodies, word)) if wanted else _NONE

    def _defined(self, offsets: Iterator[int]) -> frozenset[str]:
        return frozenset(self._names[bisect_right(self._starts, offset) - 1] for offset in offsets)


def matching(readings: Sequence[Reading], pattern: re.Pattern[bytes]) -> frozenset[str]:
    """The macros of some files whose bodies match a pattern somewhere, and those that use them, and so on."""
    indexes = [_index(reading) for reading in readings]
    return _with_users(indexes, frozenset(name for one in indexes for name in one.matching(pattern)))


def mentioning(readings: Sequence[Reading], words: frozenset[str]) -> frozenset[str]:
    """The macros of some files whose bodies mention one of some words, and those that use them, and so on."""
    wanted = [word.encode() for word in words]
    indexes = [_index(reading) for reading in readings]
    return _with_users(indexes, frozenset(name for one in indexes for name in one.mentioning(wanted)))


def _with_users(indexes: Sequence[MacroIndex], found: frozenset[str]) -> frozenset[str]:
    frontier = found
    while frontier:
        words = [name.encode() for name in frontier]
        frontier = frozenset(name for one in indexes for name in one.mentioning(words)) - found
        found |= frontier
    return found


def _index(reading: Reading) -> MacroIndex:
    known = reading.macro_index
    if known is None:
        known = reading.macro_index = MacroIndex(reading)
    assert isinstance(known, MacroIndex)
    return known
