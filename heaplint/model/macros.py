"""The program's macros by what their bodies hold: a function that uses one says what the body says."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from heaplint.frontend.expand import stays
from heaplint.frontend.preprocess import Macro
from heaplint.frontend.text import Text, word_offsets

_WORD = re.compile(rb"[A-Za-z_]\w*")

Definitions = Mapping[str, frozenset[str]]
"""Macros by name, each with the files that define it so."""


class MacroIndex:
    """The bodies of all macros that the front end expands, in one text."""

    def __init__(self, texts: Iterable[Text]) -> None:
        self._names: list[str] = []
        self._paths: list[str] = []
        self._starts: list[int] = []
        bodies: list[bytes] = []
        length = 0
        seen: set[tuple[str, str, str]] = set()
        for text in texts:
            for name, definitions in text.reading.macros.items():
                if stays(name):
                    continue
                for one in definitions:
                    if isinstance(one, Macro) and (key := (text.path, name, one.body)) not in seen:
                        seen.add(key)
                        body = one.body.encode()
                        self._names.append(name)
                        self._paths.append(text.path)
                        self._starts.append(length)
                        bodies.append(body)
                        length += len(body) + 1
        self._bodies = b"\n".join(bodies)
        self._words = frozenset(_WORD.findall(self._bodies))
        self._matching: dict[re.Pattern[bytes], Definitions] = {}
        self._mentioning: dict[frozenset[str], Definitions] = {}

    def matching(self, pattern: re.Pattern[bytes]) -> Definitions:
        """The macros whose bodies match a pattern somewhere, and those that use them, and so on."""
        known = self._matching.get(pattern)
        if known is None:
            known = self._matching[pattern] = self._closed(found.start() for found in pattern.finditer(self._bodies))
        return known

    def mentioning(self, words: frozenset[str]) -> Definitions:
        """The macros whose bodies mention one of some words, and those that use them, and so on."""
        known = self._mentioning.get(words)
        if known is None:
            known = self._mentioning[words] = self._closed(at for word in words for at in self._mentions(word))
        return known

    def _closed(self, offsets: Iterable[int]) -> Definitions:
        result: dict[str, set[str]] = {}
        frontier = self._defined(offsets)
        while frontier:
            for name, paths in frontier.items():
                result.setdefault(name, set()).update(paths)
            users = self._defined(at for name in frontier for at in self._mentions(name))
            frontier = {name: paths for name, paths in users.items() if not paths <= result.get(name, set())}
        return {name: frozenset(paths) for name, paths in result.items()}

    def _defined(self, offsets: Iterable[int]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for offset in offsets:
            index = bisect_right(self._starts, offset) - 1
            found.setdefault(self._names[index], set()).add(self._paths[index])
        return found

    def _mentions(self, word: str) -> Iterator[int]:
        wanted = word.encode()
        return word_offsets(self._bodies, wanted) if wanted in self._words else iter(())
