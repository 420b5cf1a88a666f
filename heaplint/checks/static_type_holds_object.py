"""HL103: objects of one interpreter that are hung on a static type."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.link import resolve_types
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit

_HANGS = re.compile(
    rb"\b(?:tp_dict|tp_bases|PyObject_SetAttr|PyObject_SetAttrString|PyObject_GenericSetAttr|PyType_GetDict)\b"
)
_DICT_SETTERS = frozenset({
    "PyDict_SetItem", "PyDict_SetItemString", "_PyDict_SetItemId", "_PyDict_SetItem_KnownHash", "PyDict_SetDefault",
    "PyDict_SetDefaultRef", "PyDict_Update", "PyDict_Merge",
})
_ATTRIBUTE_SETTERS = frozenset({"PyObject_SetAttr", "PyObject_SetAttrString", "PyObject_GenericSetAttr"})
_FIELDS = frozenset({"tp_dict", "tp_bases"})


@check("HL103")
def static_type_holds_object(unit: Unit) -> Iterator[Report]:
    """Dictionaries, bases, entries and attributes given to a static type of the program."""
    for function in unit.functions_with(_HANGS):
        dictionaries: dict[str, TypeDef | None] = {}
        entered: set[str] = set()
        for node in ir.walk(function.body):
            made, what = None, ""
            _follow(unit, node, function, dictionaries)
            if isinstance(node, ir.Assign) and node.operator == "=" and not ir.is_null(node.value):
                target = ir.strip(node.target)
                if isinstance(target, ir.Member) and target.field in _FIELDS:
                    made, what = static_type_of(unit, target.object, function), f"its {target.field} is"
            elif isinstance(node, ir.Call) and node.args:
                name = ir.called(node)
                if name in _DICT_SETTERS:
                    made = _owner_of_dictionary(unit, node.args[0], function, dictionaries)
                    what = "an entry of its tp_dict is"
                    if made is not None and made.symbol in entered:
                        continue  # one report for all entries that a function makes
                    entered.update([made.symbol] if made is not None else [])
                elif name in _ATTRIBUTE_SETTERS and not (len(node.args) > 2 and ir.is_null(node.args[2])):
                    made, what = static_type_of(unit, node.args[0], function), "an attribute of it is"
            if made is not None:
                yield Report(
                    "HL103", ir.Place(function.path, node.start, node.end),
                    f"{made.symbol} is a static type, shared by all interpreters, and {what} an object of one of them: "
                    "make it a heap type",
                    symbol=made.symbol, function=function.name,
                )


def static_type_of(unit: Unit, expr: ir.Expr, function: ir.Function) -> TypeDef | None:
    """The static type of the program that an expression means; None for others and what is not known."""
    found = resolve_types(unit, expr, function, 0)
    if len(found) == 1 and isinstance(found[0], TypeDef) and found[0].kind == "static":
        return found[0]
    return None


def _follow(unit: Unit, node: ir.Node, function: ir.Function, dictionaries: dict[str, TypeDef | None]) -> None:
    """Note which static type's dictionary a local variable holds from a declaration or an assignment on."""
    value, name = None, ""
    if isinstance(node, ir.Variable):
        value, name = node.init, node.name
    elif isinstance(node, ir.Assign) and isinstance(target := ir.strip(node.target), ir.Name):
        value, name = node.value, target.text
    if value is not None:
        dictionaries[name] = _dictionary(unit, value, function)


def _dictionary(unit: Unit, expr: ir.Expr, function: ir.Function) -> TypeDef | None:
    inner = ir.strip(expr)
    if isinstance(inner, ir.Member) and inner.field == "tp_dict":
        return static_type_of(unit, inner.object, function)
    if ir.called(inner) in ("PyType_GetDict", "_PyType_GetDict") and isinstance(inner, ir.Call) and inner.args:
        return static_type_of(unit, inner.args[0], function)
    return None


def _owner_of_dictionary(
    unit: Unit, expr: ir.Expr, function: ir.Function, dictionaries: dict[str, TypeDef | None]
) -> TypeDef | None:
    inner = ir.strip(expr)
    if isinstance(inner, ir.Name):
        return dictionaries.get(inner.text)
    return _dictionary(unit, inner, function)
