"""Where names are mentioned, through the project's macros or not, and the other readings of a unit."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint.model.program import Program, Unit, is_static


def reaching(unit: Unit, words: frozenset[str], depth: int) -> frozenset[str]:
    """The functions of a unit that may lead to one of some names: by mentioning it, or a function that does, and so on.

    A look at the text alone, macros included, which says for most functions that they need not be read. Of other
    units' functions only those count that mention a name themselves.
    """
    abroad = _mentioned_abroad(unit.program, words)
    wanted = words | abroad
    names = [(text, text.function_names()) for text in unit.texts]
    found = set(abroad)
    for _ in range(depth + 1):
        wanted |= unit.visible(unit.program.macros.mentioning(wanted))
        further = {
            by_item[item.start]
            for text, by_item in names
            for item in text.items_mentioning(wanted)
            if item.start in by_item
        } - found
        if not further:
            break
        found |= further
        wanted = frozenset(further)
    return frozenset(found)


@functools.lru_cache(maxsize=8)
def _mentioned_abroad(program: Program, words: frozenset[str]) -> frozenset[str]:
    """The functions of the program, other than static ones, that mention one of some words."""
    found: set[str] = set()
    for unit in program.units:
        for text in unit.own:
            items = [item for item in text.items_mentioning(words) if item.kind == "function"]
            if items:
                names = text.function_names()
                found.update(names[item.start] for item in items if not is_static(text, item))
    return frozenset(found)


def other_readings(unit: Unit) -> Iterator[Unit]:
    """The other views of the same unit that hold for some of the same Pythons."""
    for other in unit.program.units_of(unit.path):
        if other is not unit and set(other.view.versions) & set(unit.view.versions):
            yield other
