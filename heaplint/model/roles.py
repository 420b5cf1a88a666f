"""What calls the functions of a program: the slots and method tables of its types, the method tables of its modules."""

from __future__ import annotations

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
            for fields in _rows(unit, slot.value, GETSET_FIELDS):
                for field in ("get", "set"):
                    function = unit.function(function_name(fields.get(field)))
                    if function is not None:
                        yield Role(function, "getset")
        elif slot.function and (function := unit.function(slot.function)) is not None:
            yield Role(function, name)


def method_roles(unit: Unit, table: ir.Expr | None) -> Iterator[Role]:
    """The functions of a PyMethodDef array."""
    for fields in _rows(unit, table, METHOD_FIELDS):
        function = unit.function(function_name(fields.get("ml_meth")))
        if function is not None:
            flags = frozenset(node.text for node in ir.walk(fields.get("ml_flags")) if isinstance(node, ir.Name))
            yield Role(function, "method", flags)


def _rows(unit: Unit, table: ir.Expr | None, order: tuple[str, ...]) -> Iterator[dict[str, ir.Expr]]:
    name = function_name(table)
    variable = unit.variable(name) if name else None
    if variable is None or not isinstance(variable.init, ir.InitList):
        return
    for entry in variable.init.entries:
        if isinstance(entry.value, ir.InitList):
            yield fields_of(entry.value, order)[0]
