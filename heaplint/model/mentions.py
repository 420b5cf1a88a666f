"""Where names are mentioned, through the project's macros or not, and the other readings of a unit."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heaplint.model.aspects import Value, answer
from heaplint.model.unit import Unit, is_static

ABROAD = "functions that mention"
"""The aspect of which function mentions one of some words, which are the key, with blanks between."""


class Leading(Collection[str]):
    """The functions that may lead to some names; what is asked of those of other units is known to have been asked."""

    def __init__(self, unit: Unit, words: str, own: frozenset[str], abroad: frozenset[str]) -> None:
        self._unit, self._words, self._own, self._abroad = unit, words, own, abroad

    def __contains__(self, name: object) -> bool:
        if name in self._own:
            return True
        if isinstance(name, str):
            self._unit.group.asks.add((ABROAD, f"{self._words}/{name}"))
        return name in self._abroad

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._own | self._abroad))

    def __len__(self) -> int:
        return len(self._own | self._abroad)


def reaching(unit: Unit, words: frozenset[str], depth: int) -> Leading:
    """The functions of a unit that may lead to one of some names: by mentioning it, or a function that does, and so on.

    A look at the text alone, macros included, which says for most functions that they need not be read. Of other
    units' functions only those count that mention a name themselves.
    """
    key = " ".join(sorted(words))
    abroad = frozenset(
        name for _, names in unit.program.answers(ABROAD, key) if isinstance(names, tuple)
        for name in names if isinstance(name, str)
    )
    unit.group.asks.add((ABROAD, key))
    wanted = words | abroad
    names = [(text, text.function_names()) for text in unit.texts]
    found: set[str] = set()
    for _ in range(depth + 1):
        wanted |= unit.macros_mentioning(wanted)
        further = {
            by_item[item.start]
            for text, by_item in names
            for item in text.items_mentioning(wanted)
            if item.start in by_item
        } - found - abroad
        if not further:
            break
        found |= further
        wanted = frozenset(further)
    return Leading(unit, key, frozenset(found), abroad)


@answer(ABROAD)
def _mentioned(unit: Unit, key: str) -> Iterator[Value]:
    """The functions of a unit's own texts, other than static ones, that mention one of some words."""
    words = key.split(" ")
    for text in unit.own:
        items = [item for item in text.items_mentioning(words) if item.kind == "function"]
        if items:
            names = text.function_names()
            for item in items:
                if not is_static(text, item):
                    yield names[item.start]


def other_readings(unit: Unit) -> Iterator[Unit]:
    """The other views of the same unit that hold for some of the same Pythons."""
    for other in unit.group.units:
        if other is not unit and set(other.view.versions) & set(unit.view.versions):
            yield other
