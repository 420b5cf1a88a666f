"""Objects that live in, or are held by, the static storage of a shared object: what all interpreters share."""

from __future__ import annotations

from typing import Any, Callable

from heaplint.verify.child import instances, memory
from heaplint.verify.child.images import image_of
from heaplint.verify.child.inventory import STATIC_TYPE, Inventory, all_types

_DEEP = 3
"""How many blocks of the heap may lie between static storage and an object."""
_WORDS = 100_000
"""No more words of the heap are looked at for one symbol."""


def scan(inventory: Inventory, request: dict[str, Any], tell: Callable[..., None]) -> None:
    """Look at every word of the symbols of the request: [name, address, size], addresses as linked.

    Of a stretch without a symbol, which has the name of its section, each word is told by itself.
    """
    types = {id(one): one.__name__ for one in all_types()}
    maps = memory.Maps()
    image = image_of(inventory.file)
    if image is None:
        tell(unscanned="where the shared object lies in memory cannot be known")
        return
    base = image.base
    scanner = _Scanner(types, maps)
    for name, address, size in request["symbols"]:
        stretches = [(address, size)] if name not in request["sections"] else scanner.unnamed(base, address, size)
        for place, length in stretches:
            found = scanner.symbol(base + place, length)
            if found is not None:
                tell(static=name, address=place, what=found)
    tell(scanned=len(request["symbols"]))


class _Scanner:
    def __init__(self, types: dict[int, str], maps: memory.Maps) -> None:
        self._types = types
        self._ids: set[int] = set(types)
        self._maps = maps

    def unnamed(self, base: int, address: int, size: int) -> list[tuple[int, int]]:
        """The places of the words that are not zero; a static type is one place, its other words are its own."""
        if not self._maps.readable(base + address, size):
            return []
        found, after = [], 0
        for index, word in enumerate(memory.words(base + address, size)):
            place = address + index * memory.WORD
            if word and place >= after:
                found.append((place, memory.WORD))
            if base + place in self._types:
                after = place + STATIC_TYPE
        return found

    def symbol(self, start: int, size: int) -> str | None:
        """What of the interpreter a symbol holds; None when nothing."""
        if not self._maps.readable(start, size):
            return None
        embedded = sorted({self._types[at] for at in range(start, start + size, memory.WORD) if at in self._types})
        if embedded:
            return f"static type {', '.join(embedded)}"
        held: dict[str, None] = {}
        blocks: list[tuple[int, int]] = [(start, size)]
        seen: set[int] = set()
        left = _WORDS
        for depth in range(_DEEP):
            below: list[tuple[int, int]] = []
            for place, length in blocks:
                count = min(length // memory.WORD, left)
                left -= count
                for word in memory.words(place, count * memory.WORD):
                    if not word or word in seen:
                        continue
                    seen.add(word)
                    kind = instances.object_type(word, self._ids, self._maps)
                    if kind is not None:
                        if not self._maps.static(word):
                            held.setdefault(kind[1] if depth == 0 else f"{kind[1]} through heap memory")
                    elif (block := self._maps.block(word)) and not self._maps.static(word):
                        below.append((word, block))
            blocks = below
        return ", ".join(sorted(held)) or None
