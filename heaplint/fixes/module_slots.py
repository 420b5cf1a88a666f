"""The fix of HL306: what a module says of several interpreters."""

from __future__ import annotations

from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer
from heaplint.model.static_objects import keeps_objects


@fixer("HL306")
def interpreters_declared(fixing: Fixing) -> list[Edit] | None:
    """A slot behind the others: a module that keeps objects or types for the whole process supports one interpreter."""
    module = next((one for one in fixing.unit.modules if one.symbol == fixing.report.symbol), None)
    first = module.slots[0].place if module is not None and module.slots else None
    if module is None or first is None or first.path != fixing.report.place.path:
        return None
    data = fixing.data
    text = fixing.unit.text_of(first.path)
    item = text.item_at(first.start) if text is not None else None
    if item is None or b"Py_mod_multiple_interpreters" in data[item.start : item.end]:
        return None  # one reading of the table has it
    always = [slot.place for slot in module.slots if place.is_unconditional(data, item.start, slot.place.start)]
    if not always:
        return None
    last = always[-1]
    comma = place.COMMA.match(data, last.end)
    if data[last.start : last.start + 1] != b"{" or comma is None or not place.starts_line(data, last.start):
        return None
    shared = keeps_objects(fixing.unit) or bool(fixing.unit.ask("kind of type", "static"))
    value = "Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED" if shared else "Py_MOD_PER_INTERPRETER_GIL_SUPPORTED"
    line = f"{place.indent(data, last.start)}{{Py_mod_multiple_interpreters, {value}}},\n"
    if fixing.oldest < (3, 12):
        line = f"#if PY_VERSION_HEX >= 0x030c0000\n{line}#endif\n"
    at = place.line_end(data, comma.end())
    return [Edit(last.path, at, at, line)] if not data[comma.end() : at].strip() else None
