"""HL114: types whose functions look up their module, made without one."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.model.expressions import assigned, fields_of, function_name
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit

_WITHOUT = frozenset({"PyType_FromSpec", "PyType_FromSpecWithBases"})
_LOOKUPS = frozenset({"PyType_GetModule", "PyType_GetModuleState", "PyType_GetModuleByDef", "_PyType_GetModuleState"})
_TYPE_FIRST = frozenset({"tp_new", "tp_alloc"})
_METHOD_FIELDS = ("ml_name", "ml_meth", "ml_flags", "ml_doc")
_GETSET_FIELDS = ("name", "get", "set", "doc", "closure")
_MAX_DEPTH = 3


@check("HL114")
def type_without_module(unit: Unit) -> Iterator[Report]:
    """Specs that are only turned into types without a module."""
    for made in unit.types:
        if not made.is_spec or not made.creations or any(one.api not in _WITHOUT for one in made.creations):
            continue
        found = _lookup(unit, made)
        if found is None:
            continue
        function, call = found
        searched = made.bases_unknown or any(isinstance(base, TypeDef) for base in made.bases)
        if ir.called(call) == "PyType_GetModuleByDef" and searched:
            continue  # it finds the module of a base
        for creation in made.creations:
            yield Report(
                "HL114", creation.call,
                f"{made.symbol} is made by {creation.api} and has no module, but {function.name} looks it up with "
                f"{ir.called(call)}: use PyType_FromModuleAndSpec",
                symbol=made.symbol, function=creation.function,
                related=((ir.Place(function.path, call.start, call.end), "the lookup"),),
            )


def _lookup(unit: Unit, made: TypeDef) -> tuple[ir.Function, ir.Call] | None:
    """A function of the type, and its call that asks the type for its module."""
    for name, parameter, is_type in _functions(unit, made):
        function = unit.function(name)
        if function is not None and (call := _asks(unit, function, parameter, is_type, 0)) is not None:
            return function, call
    return None


def _functions(unit: Unit, made: TypeDef) -> Iterator[tuple[str, int, bool]]:
    """The functions of a type: name, the parameter that tells the type, and whether it is the type itself."""
    for slot in made.slots.values():
        if slot.name in ("tp_methods", "tp_getset"):
            variable = unit.variable(slot.function)
            if variable is None or not isinstance(variable.init, ir.InitList):
                continue
            for entry in variable.init.entries:
                if not isinstance(entry.value, ir.InitList):
                    continue
                if slot.name == "tp_getset":
                    fields, _ = fields_of(entry.value, _GETSET_FIELDS)
                    yield from ((function_name(fields[key]), 0, False) for key in ("get", "set") if key in fields)
                else:
                    fields, _ = fields_of(entry.value, _METHOD_FIELDS)
                    flags = {node.text for node in ir.walk(fields.get("ml_flags")) if isinstance(node, ir.Name)}
                    if "METH_METHOD" in flags:
                        yield function_name(fields.get("ml_meth")), 1, True
                    if "METH_STATIC" not in flags:
                        yield function_name(fields.get("ml_meth")), 0, "METH_CLASS" in flags
        elif slot.function and not slot.name.startswith("nb_") and slot.name != "tp_richcompare":
            yield slot.function, 0, slot.name in _TYPE_FIRST


def _asks(unit: Unit, function: ir.Function, position: int, is_type: bool, depth: int) -> ir.Call | None:
    """The call in a function, or in one that it hands the type to, that asks the type for its module."""
    if position >= len(function.parameters) or depth > _MAX_DEPTH:
        return None
    subject = function.parameters[position].name
    types = {subject} if is_type else set()
    for name, value in assigned(function):
        if _is_type(value, subject, types, is_type):
            types.add(name)
    for call in ir.calls(function.body):
        for index, argument in enumerate(call.args):
            inner = ir.strip(argument)
            whole = not is_type and isinstance(inner, ir.Name) and inner.text == subject
            if not whole and not _is_type(argument, subject, types, is_type):
                continue
            if ir.called(call) in _LOOKUPS:
                if not whole and index == 0:
                    return call
                continue
            helper = unit.function(ir.called(call))
            if helper is None or helper is function:
                continue
            found = _asks(unit, helper, index, not whole, depth + 1)
            if found is not None:
                return found
    return None


def _is_type(expr: ir.Expr, subject: str, types: set[str], is_type: bool) -> bool:
    """Whether an expression is the type: a variable that holds it, or Py_TYPE(self)."""
    inner = ir.strip(expr)
    if isinstance(inner, ir.Name):
        return inner.text in types
    if is_type:
        return False
    if ir.called(inner) == "Py_TYPE" and isinstance(inner, ir.Call) and inner.args:
        held = ir.strip(inner.args[0])
        return isinstance(held, ir.Name) and held.text == subject
    return isinstance(inner, ir.Member) and inner.field == "ob_type" and any(
        isinstance(node, ir.Name) and node.text == subject for node in ir.walk(inner)
    )
