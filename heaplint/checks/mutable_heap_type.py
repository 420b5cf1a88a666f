"""HL106: heap types that Python code can set attributes on."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.expressions import key_of
from heaplint.model.inherit import immutable
from heaplint.model.link import resolve_types
from heaplint.model.unit import Unit

_SETS = re.compile(rb"\bPyObject_SetAttr(?:String)?\b")


@check("HL106")
def mutable_heap_type(unit: Unit) -> Iterator[Report]:
    """Specs without Py_TPFLAGS_IMMUTABLETYPE, but those of types that the program itself sets attributes on."""
    changed: set[str] | None = None
    for made in unit.types:
        if not made.is_spec or immutable(made) is not False:
            continue
        if changed is None:
            changed = _changed(unit)
        if made.symbol not in changed:
            yield Report(
                "HL106", made.place,
                f"heap type {made.symbol} has no Py_TPFLAGS_IMMUTABLETYPE: Python code can change its attributes",
                symbol=made.symbol,
            )


def _changed(unit: Unit) -> set[str]:
    """The symbols of the heap types that C code sets attributes on."""
    result: set[str] = set()
    for function in unit.functions_with(_SETS):
        for call in ir.calls(function.body):
            if ir.called(call) in ("PyObject_SetAttr", "PyObject_SetAttrString") and call.args:
                result.update(
                    made.symbol for made in resolve_types(unit, call.args[0], function, 0) if not isinstance(made, str)
                )
                key = key_of(call.args[0])
                result.update(made.symbol for made in unit.types if key and key in made.targets)
    return result
