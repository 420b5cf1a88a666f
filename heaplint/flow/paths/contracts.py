"""What the interpreter calls in a unit, and what it expects there: slots, method tables, getters and setters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import signatures
from heaplint.flow.paths.contract import Contract
from heaplint.model.expressions import flag_names, function_name
from heaplint.model.roles import GETSET_FIELDS, METHOD_FIELDS, rows_of
from heaplint.model.unit import Unit

_TABLES = re.compile(rb"\b(?:PyType_Slot|PyMethodDef|PyGetSetDef|PyModuleDef_Slot)\b")
_FIELDS = {
    "PyMethodDef": METHOD_FIELDS, "PyGetSetDef": GETSET_FIELDS, "PyModuleDef_Slot": ("slot", "value"),
    "PyType_Slot": ("slot", "pfunc"),
}
_METHOD = Contract("object", False, False, False)
_SETTER = Contract("int", False, False, False, nullable=frozenset({1}))
_KEYWORDS = _METHOD._replace(nullable=frozenset({2}))
_NULLABLE = {
    "tp_setattro": 2, "tp_setattr": 2, "tp_descr_set": 2, "mp_ass_subscript": 2, "sq_ass_item": 2, "tp_init": 2, "tp_new": 2,
    "tp_call": 2,
}
"""Slots → the argument that may be NULL (Doc/c-api/typeobj.rst)."""
_EXEC = Contract("int", False, False, False, executes=True)
_SILENT = frozenset({"tp_iternext", "am_anext"})
_DESTROYS = frozenset({"tp_dealloc", "tp_clear", "tp_finalize", "tp_del", "tp_free"})
_NO_ERROR = frozenset({"tp_traverse", "tp_clear", "tp_is_gc", "tp_print"})


def _slot(name: str) -> Contract | None:
    known = signatures().get(name)
    if known is None:
        return None
    returns = {"o": "object", "i": "int", "s": "int", "h": "int"}.get(known.returns, "other")
    if name in _NO_ERROR:
        returns = "other"
    nullable = frozenset({_NULLABLE[name]}) if name in _NULLABLE else frozenset[int]()
    return Contract(returns, name in _SILENT, name == "tp_init", name in _DESTROYS, nullable=nullable)


def contracts(unit: Unit) -> Mapping[str, Contract]:
    """The functions that the interpreter calls, by name; one with several roles that differ has none."""
    result: dict[str, Contract] = {}
    clash: set[str] = set()
    for name, contract in _roles(unit):
        if name and result.setdefault(name, contract) != contract:
            clash.add(name)
    for name in clash:
        del result[name]
    return result


def contract_of(unit: Unit, known_by_name: Mapping[str, Contract], function: ir.Function) -> Contract | None:
    """What is expected of a function, by the contracts of its unit.

    That of Argument Clinic's `…_impl` is what it is generated for.
    """
    known = known_by_name.get(function.name)
    if known is None and function.name.endswith("_impl") and "static" in function.returns.storage:
        name = function.name.removesuffix("_impl")
        if name.endswith("___init__"):
            return Contract("int", False, True, False, lends=False)
        if function.returns.base == "PyObject" and function.returns.pointers == 1 and _generated(unit, name):
            return _METHOD._replace(lends=False)
    return known


def _generated(unit: Unit, name: str) -> bool:
    """Whether Argument Clinic makes a method of a function: the file names its table entry."""
    entry = f"{name}_METHODDEF".upper()
    return name.endswith("___new__") or any(True for text in unit.texts for _ in text.mentions(entry))


def _roles(unit: Unit) -> Iterator[tuple[str, Contract]]:
    for made in unit.types:
        for name, slot in made.slots.items():
            if slot.function and (contract := _slot(name)) is not None:
                yield slot.function, contract
    for text in unit.texts:
        for item in text.items_with(_TABLES):
            if item.kind == "function":
                continue
            for variable in text.parse(item).variables:
                if variable.type.name in _FIELDS:
                    yield from _table(variable.type.name, variable.init)


def _table(kind: str, init: ir.Expr | None) -> Iterator[tuple[str, Contract]]:
    for fields in rows_of(init, _FIELDS[kind]):
        if kind == "PyMethodDef":
            flags, _ = flag_names(fields.get("ml_flags"))
            yield function_name(fields.get("ml_meth")), _KEYWORDS if {"METH_VARARGS", "METH_KEYWORDS"} <= flags else _METHOD
        elif kind == "PyGetSetDef":
            yield function_name(fields.get("get")), _METHOD
            yield function_name(fields.get("set")), _SETTER
        elif isinstance(slot := fields.get("slot"), ir.Name):
            contract = _EXEC if slot.text == "Py_mod_exec" else _slot(slot.text.removeprefix("Py_"))
            if contract is not None:
                yield function_name(fields.get(_FIELDS[kind][1])), contract
