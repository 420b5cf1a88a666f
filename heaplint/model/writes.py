"""Which functions of a unit write variables with static storage, found without parsing the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from heaplint import ir
from heaplint.frontend.items import Item
from heaplint.model.program import Unit

_WRITE = re.compile(
    rb"\b([A-Za-z_]\w*)\s*(?:\[[^\[\];]*\]\s*|\.\s*\w+\s*)*(?:\+\+|--|(?:[-+*/%&|^]|<<|>>)?=(?!=))|"
    rb"(?:\+\+|--)\s*([A-Za-z_]\w*)"
)
_STATIC = re.compile(rb"\bstatic\b")


def written_names(unit: Unit) -> set[bytes]:
    """The names that stand where something is written, in whatever scope."""
    return {found.group(1) or found.group(2) for text in unit.own for found in _WRITE.finditer(text.code)}


def functions_that_write(unit: Unit, names: set[str]) -> Iterator[ir.Function]:
    """The functions that write something of one of these names, or have static variables of their own."""
    wanted = {name.encode() for name in names}
    for text in unit.own:
        found: dict[int, Item] = {}
        for match in _WRITE.finditer(text.code):
            if (match.group(1) or match.group(2)) in wanted and (item := text.item_at(match.start())) is not None:
                found[item.start] = item
        for item in text.items_with(_STATIC):
            if item.kind == "function" and _STATIC.search(text.code, item.body, item.end):
                found[item.start] = item
        for start in sorted(found):
            if found[start].kind == "function":
                yield from text.parse(found[start]).functions
