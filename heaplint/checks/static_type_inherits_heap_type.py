"""HL105: static types whose base is a heap type, or is looked up or made at run time."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.checks.static_type_holds_object import static_type_of
from heaplint.model.expressions import values_of
from heaplint.model.link import resolve_types
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit

_SETS_BASE = re.compile(rb"\btp_base\s*=(?!=)")
_GIVES_OBJECT = re.compile(
    r"(?:_?PyObject_(?:GetAttr\w*|LookupAttr\w*|GetOptionalAttr\w*|Call\w*|Vectorcall\w*|GetItem)|PyImport_Import\w*|"
    r"PyDict_GetItem\w*|PyMapping_GetItemString|PySys_GetObject|PyType_From\w+|PyErr_NewException\w*|PyEval_\w+|"
    r"PyWeakref_GetObject|_PyImport_GetModuleAttr\w*|PyImport_ImportModuleAttr\w*)\Z"
)
"""API functions whose result is an object that was found or made at run time."""


@check("HL105")
def static_type_inherits_heap_type(unit: Unit) -> Iterator[Report]:
    """`tp_base` of static types, in initialisers and assigned."""
    for made in unit.types:
        slot = made.slots.get("tp_base")
        if made.kind == "static" and slot is not None and not slot.runtime:
            for base in made.bases[:1]:
                if isinstance(base, TypeDef) and base.kind == "heap":
                    yield _report(made, slot.place, f"the heap type {base.symbol}")
    for function in unit.functions_with(_SETS_BASE):
        for node in ir.walk(function.body):
            if not isinstance(node, ir.Assign) or node.operator != "=":
                continue
            target = ir.strip(node.target)
            if not isinstance(target, ir.Member) or target.field != "tp_base":
                continue
            owner = static_type_of(unit, target.object, function)
            if owner is None:
                continue
            place = ir.Place(function.path, node.start, node.end)
            bases = resolve_types(unit, node.value, function, 0)
            heap = [base for base in bases if isinstance(base, TypeDef) and base.kind == "heap"]
            if heap and len(heap) == len(bases):
                yield _report(owner, place, f"the heap type {heap[0].symbol}")
            elif source := _fetched(node.value, function, 0):
                yield _report(owner, place, f"an object that {source} gives at run time")


def _report(made: TypeDef, place: ir.Place, what: str) -> Report:
    return Report(
        "HL105", place,
        f"the base of static type {made.symbol} is {what}, which belongs to one interpreter: "
        f"make {made.symbol} a heap type",
        symbol=made.symbol,
    )


def _fetched(expr: ir.Expr, function: ir.Function, depth: int) -> str:
    """The API function that all values of an expression come from; "" when one comes from elsewhere."""
    inner = ir.strip(expr)
    if isinstance(inner, ir.Call):
        name = ir.called(inner)
        return name if _GIVES_OBJECT.match(name) else ""
    if not isinstance(inner, ir.Name) or depth > 3:
        return ""
    sources = [_fetched(value, function, depth + 1) for value in values_of(function, inner.text)]
    return sources[0] if sources and all(sources) else ""
