"""The fix of HL109: the element of zeros that ends a table."""

from __future__ import annotations

from heaplint import ir
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer


@fixer("HL109")
def terminated(fixing: Fixing) -> list[Edit] | None:
    """`{0}` behind the last element, on a line of its own where the last one has one."""
    table = _table(fixing)
    if table is None or not isinstance(table.init, ir.InitList) or table.type.arrays[0].strip().isdigit():
        return None
    path, data = fixing.report.place.path, fixing.data
    last = table.init.entries[-1]
    if data[last.start : last.start + 1] != b"{" or data[last.end - 1 : last.end] != b"}":
        return None
    comma = place.COMMA.match(data, last.end)
    at = comma.end() if comma else last.end
    apart = place.starts_line(data, last.start)
    lead = "\n" + place.indent(data, last.start) if apart else " "
    return [Edit(path, at, at, f"{'' if comma else ','}{lead}{{0}}{',' if comma and apart else ''}")]


def _table(fixing: Fixing) -> ir.Variable | None:
    report = fixing.report
    text = fixing.unit.text_of(report.place.path)
    item = text.item_at(report.place.start) if text is not None else None
    if text is None or item is None:
        return None
    parsed = text.parse(item)
    inner = (node for function in parsed.functions for node in ir.walk(function.body) if isinstance(node, ir.Variable))
    return next((one for one in (*parsed.variables, *inner) if one.start == report.place.start), None)
