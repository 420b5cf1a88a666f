"""Where names are mentioned, through the project's macros or not, and the other readings of a unit."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heaplint.frontend.text import Text
from heaplint.model.aspects import Value, answer
from heaplint.model.unit import Unit, is_static

ANYBODY = ""
"""Whoever is given a function's address, or finds it in a table."""
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
            self._unit.note(ABROAD, f"{self._words}/{name}")
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
    unit.note(ABROAD, key)
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


def callers(unit: Unit, name: str) -> list[str]:
    """The functions of the program that call one of the unit by name; ANYBODY where its address is taken."""
    found = dict.fromkeys(one for text in unit.texts for one in _callers(text, name))
    if not unit.keeps_to_itself(name):
        for path, told in unit.answers("callers", name):
            if path != unit.path and isinstance(told, tuple):
                found.update(dict.fromkeys(one for one in told if isinstance(one, str)))
    return list(found)


def _callers(text: Text, name: str) -> Iterator[str]:
    """The functions of a text that call one by name; ANYBODY where it is in a table, or its address is taken."""
    length = len(name.encode())
    for at in text.mentions(name) if text.may_mention(name) else ():
        item = text.item_at(at)
        if item is None or (item.kind == "function" and item.name == name and at < item.body):
            continue
        if text.code[at + length : at + length + 40].lstrip()[:1] != b"(":
            yield ANYBODY
        elif item.kind == "function" and item.name != name:
            yield item.name


@answer("callers")
def _callers_in(unit: Unit, name: str) -> Iterator[Value]:
    for text in unit.own:
        yield from _callers(text, name)
