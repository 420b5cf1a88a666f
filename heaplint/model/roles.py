"""What calls the functions of a program: the slots and method tables of its types, the method tables of its modules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from heaplint import ir
from heaplint.model.expressions import fields_of, function_name
from heaplint.model.program import Unit
from heaplint.model.types import TypeDef

METHOD_FIELDS = ("ml_name", "ml_meth", "ml_flags", "ml_doc")
"""The fields of PyMethodDef in order (Include/methodobject.h)."""

GETSET_FIELDS = ("name", "get", "set", "doc", "closure")
"""The fields of PyGetSetDef in order (Include/descrobject.h)."""

_TABLES = re.compile(rb"\bPy(?:Type_Slot|MethodDef)\b")


@dataclass(frozen=True, slots=True)
class Role:
    """One place that a function is called from."""

    function: ir.Function
    slot: str
    """The slot in tp_ form; "method" and "getset" for the elements of these tables."""
    flags: frozenset[str] = frozenset()
    """METH_… of a method."""


def type_roles(unit: Unit, made: TypeDef) -> Iterator[Role]:
    """The functions of a type's own slots and tables that are in the program."""
    for name, slot in made.slots.items():
        if name == "tp_methods":
            yield from method_roles(unit, slot.value)
        elif name == "tp_getset":
            for fields in _rows_of(_table(unit, slot.value), GETSET_FIELDS):
                for field in ("get", "set"):
                    function = unit.function(function_name(fields.get(field)))
                    if function is not None:
                        yield Role(function, "getset")
        elif slot.function and (function := unit.function(slot.function)) is not None:
            yield Role(function, name)


def table_roles(unit: Unit) -> Iterator[Role]:
    """The functions of every slot array and method table of the unit, whichever type or module has it."""
    for text in unit.own:
        for item in text.items_with(_TABLES):
            if item.kind == "function":
                continue
            for variable in text.parse(item).variables:
                if variable.type.name == "PyMethodDef":
                    yield from _methods(unit, variable.init)
                elif variable.type.name == "PyType_Slot":
                    for fields in _rows_of(variable.init, ("slot", "pfunc")):
                        slot = fields.get("slot")
                        function = unit.function(function_name(fields.get("pfunc")))
                        if isinstance(slot, ir.Name) and function is not None:
                            yield Role(function, slot.text.removeprefix("Py_"))


def method_roles(unit: Unit, table: ir.Expr | None) -> Iterator[Role]:
    """The functions of a PyMethodDef array."""
    yield from _methods(unit, _table(unit, table))


def _methods(unit: Unit, init: ir.Expr | None) -> Iterator[Role]:
    for fields in _rows_of(init, METHOD_FIELDS):
        function = unit.function(function_name(fields.get("ml_meth")))
        if function is not None:
            flags = frozenset(node.text for node in ir.walk(fields.get("ml_flags")) if isinstance(node, ir.Name))
            yield Role(function, "method", flags)


def _table(unit: Unit, table: ir.Expr | None) -> ir.Expr | None:
    name = function_name(table)
    variable = unit.variable(name) if name else None
    return variable.init if variable is not None else None


def _rows_of(init: ir.Expr | None, order: tuple[str, ...]) -> Iterator[dict[str, ir.Expr]]:
    if isinstance(init, ir.InitList):
        for entry in init.entries:
            if isinstance(entry.value, ir.InitList):
                yield fields_of(entry.value, order)[0]
