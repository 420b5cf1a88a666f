"""What calls the functions of a program: the slots and method tables of its types, the method tables of its modules."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.model.expressions import fields_of, function_name
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit
from heaplint.records import dataclass

METHOD_FIELDS = ("ml_name", "ml_meth", "ml_flags", "ml_doc")
"""The fields of PyMethodDef in order (Include/methodobject.h)."""

GETSET_FIELDS = ("name", "get", "set", "doc", "closure")
"""The fields of PyGetSetDef in order (Include/descrobject.h)."""

_TABLES = re.compile(rb"\b(?:PyType_Slot|PyMethodDef)\b")


@dataclass(frozen=True, slots=True)
class Role:
    """One place that a function is called from."""

    function: ir.Function
    slot: str
    """The slot in tp_ form; "method" and "getset" for the elements of these tables."""
    flags: frozenset[str] = frozenset()
    """METH_… of a method."""


def type_roles(unit: Unit, made: TypeDef, among: Collection[str]) -> Iterator[Role]:
    """The functions of a type's own slots and tables that are in the program and have one of some names.

    Only these are read, which takes most of the time.
    """
    for name, slot in made.slots.items():
        if name == "tp_methods":
            yield from _methods(unit, _table(unit, slot.value), among)
        elif name == "tp_getset":
            for fields in rows_of(_table(unit, slot.value), GETSET_FIELDS):
                for field in ("get", "set"):
                    if (function := _function(unit, function_name(fields.get(field)), among)) is not None:
                        yield Role(function, "getset")
        elif slot.function and (function := _function(unit, slot.function, among)) is not None:
            yield Role(function, name)


def table_roles(unit: Unit, among: Collection[str]) -> Iterator[Role]:
    """The same of every slot array and method table of the unit, whichever type or module has it."""
    for text in unit.own:
        for item in text.items_with(_TABLES):
            if item.kind == "function":
                continue
            for variable in text.parse(item).variables:
                if variable.type.name == "PyMethodDef":
                    yield from _methods(unit, variable.init, among)
                elif variable.type.name == "PyType_Slot":
                    for fields in rows_of(variable.init, ("slot", "pfunc")):
                        slot = fields.get("slot")
                        function = _function(unit, function_name(fields.get("pfunc")), among)
                        if isinstance(slot, ir.Name) and function is not None:
                            yield Role(function, slot.text.removeprefix("Py_"))


def _function(unit: Unit, name: str, among: Collection[str]) -> ir.Function | None:
    return unit.function(name) if name in among else None


def _methods(unit: Unit, init: ir.Expr | None, among: Collection[str]) -> Iterator[Role]:
    for fields in rows_of(init, METHOD_FIELDS):
        function = _function(unit, function_name(fields.get("ml_meth")), among)
        if function is not None:
            flags = frozenset(node.text for node in ir.walk(fields.get("ml_flags")) if isinstance(node, ir.Name))
            yield Role(function, "method", flags)


def _table(unit: Unit, table: ir.Expr | None) -> ir.Expr | None:
    name = function_name(table)
    variable = unit.variable(name) if name else None
    return variable.init if variable is not None else None


def rows_of(init: ir.Expr | None, order: tuple[str, ...]) -> Iterator[dict[str, ir.Expr]]:
    """The rows of a table as its initialiser writes them, each by the names of its fields, which stand in `order`."""
    if isinstance(init, ir.InitList):
        for entry in init.entries:
            if isinstance(entry.value, ir.InitList):
                yield fields_of(entry.value, order)[0]
