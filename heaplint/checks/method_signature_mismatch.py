"""HL607: methods, getters, setters and module functions whose signature is not that of the table they stand in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from heaplint import ir
from heaplint.capi.scalars import canonical, scalar
from heaplint.checks.registry import Report, check
from heaplint.findings import Severity
from heaplint.model.expression_types import Declarations, Kind
from heaplint.model.expressions import fields_of, flag_names, function_name, number
from heaplint.model.roles import GETSET_FIELDS, METHOD_FIELDS
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_FLAGS: Final = {"METH_VARARGS": 1, "METH_KEYWORDS": 2, "METH_NOARGS": 4, "METH_O": 8, "METH_FASTCALL": 0x80, "METH_METHOD": 0x200}
_ASIDE: Final = {"METH_CLASS": 0x10, "METH_STATIC": 0x20, "METH_COEXIST": 0x40}
"""Flags that do not change how the function is called."""

_BITS: Final = {**_FLAGS, **_ASIDE}


@dataclass(frozen=True, slots=True)
class Convention:
    """How CPython calls a function: what it gets and what it returns.

    A parameter is `o` (pointer to an object), `a` (array of objects), `n` (Py_ssize_t), `p` (any pointer).
    """

    name: str
    parameters: str
    returns: Literal["o", "i", "v"] = "o"
    spare: bool = False
    """The last parameter is always NULL: without it nothing goes wrong on the usual platforms."""


CALLED: Final = {
    1: Convention("METH_VARARGS", "oo"),
    3: Convention("METH_VARARGS | METH_KEYWORDS", "ooo"),
    4: Convention("METH_NOARGS", "oo", spare=True),
    8: Convention("METH_O", "oo"),
    0x80: Convention("METH_FASTCALL", "oan"),
    0x82: Convention("METH_FASTCALL | METH_KEYWORDS", "oano"),
    0x282: Convention("METH_METHOD | METH_FASTCALL | METH_KEYWORDS", "ooano"),
}
"""Combinations of flags → how the function is called (https://docs.python.org/3/c-api/structures.html)."""

GET: Final = Convention("a getter", "op", spare=True)
SET: Final = Convention("a setter", "oop", "i", spare=True)
MODULE: Final = {
    "Py_mod_exec": Convention("Py_mod_exec", "o", "i"),
    "Py_mod_create": Convention("Py_mod_create", "op"),
    "m_traverse": Convention("m_traverse", "opp", "i"),
    "m_clear": Convention("m_clear", "o", "i"),
    "m_free": Convention("m_free", "p", "v"),
}
"""Functions of a module definition (https://docs.python.org/3/c-api/module.html)."""

_TABLES: Final = ("PyMethodDef", "PyGetSetDef")


@check("HL607")
def method_signature_mismatch(unit: Unit) -> Iterator[Report]:
    """The tables of the unit's own files and the functions of its modules; a function is named once."""
    declarations = Declarations(unit)
    reported: set[tuple[str, str]] = set()
    for name, convention, table in _called(unit):
        if (name, convention.name) in reported:
            continue
        reported.add((name, convention.name))
        function = unit.signature(name)
        if function is None or function.name != name or _several(unit, function):
            continue
        problem, severity = _problem(declarations, function, convention)
        if problem:
            yield Report(
                "HL607", ir.Place(function.path, function.start, function.end),
                f"{name} {problem} {convention.name}, as which {table} has it",
                symbol=table, function=name, item=name, severity=severity,
            )


def _called(unit: Unit) -> Iterator[tuple[str, Convention, str]]:
    """Functions, how CPython is to call them, and the table or definition that says so."""
    for text in unit.own:
        for item in text.items_mentioning(_TABLES):
            parsed = text.parse(item)
            variables = list(parsed.variables)
            for function in parsed.functions:
                variables += [one for one in ir.walk(function.body) if isinstance(one, ir.Variable)]
            for variable in variables:
                if variable.type.name in _TABLES and isinstance(variable.init, ir.InitList):
                    yield from _entries(variable, variable.init)
    for module in unit.modules:
        for slot in module.slots:
            if slot.function and slot.name in MODULE:
                yield slot.function, MODULE[slot.name], module.symbol
        for field, name in module.functions.items():
            if name and field in MODULE:
                yield name, MODULE[field], module.symbol


def _entries(variable: ir.Variable, init: ir.InitList) -> Iterator[tuple[str, Convention, str]]:
    elements = [entry.value for entry in init.entries] if variable.type.arrays else [init]
    for element in elements:
        if not isinstance(element, ir.InitList):
            continue
        if variable.type.name == "PyMethodDef":
            fields, unknown = fields_of(element, METHOD_FIELDS)
            convention = None if unknown else _convention(fields.get("ml_flags"))
            name = function_name(fields.get("ml_meth"))
            if convention is not None and name:
                yield name, convention, variable.name
        else:
            fields, unknown = fields_of(element, GETSET_FIELDS)
            for field, convention in (("get", GET), ("set", SET)):
                name = function_name(fields.get(field)) if not unknown else ""
                if name:
                    yield name, convention, variable.name


def _convention(flags: ir.Expr | None) -> Convention | None:
    """How a method with these flags is called; None when they are not known."""
    if flags is None:
        return None
    value = number(flags)
    if value is None:
        names, _ = flag_names(flags)
        if not names or not names <= _BITS.keys():
            return None
        value = sum(_BITS[name] for name in names)
    return CALLED.get(value & ~sum(_ASIDE.values()))


def _several(unit: Unit, function: ir.Function) -> bool:
    """Whether the file defines the function more than once (overloads of C++, alternatives)."""
    text = unit.text_of(function.path)
    return text is not None and len(text.functions.get(function.name, ())) > 1


def _problem(declarations: Declarations, function: ir.Function, convention: Convention) -> tuple[str, Severity | None]:
    """What is wrong with a function, up to the name of the convention; "" when nothing is known to be."""
    parameters = function.parameters
    wanted = convention.parameters
    count = len(parameters)
    if function.variadic:
        return "", None
    if count != len(wanted) and count:  # f() says nothing in C before C23
        one = "parameter" if count == 1 else "parameters"
        severity: Severity | None = None
        if count < len(wanted):  # what is passed is lost, but nothing is read that was not passed
            severity = "note" if convention.spare and count == len(wanted) - 1 else "warning"
        return f"has {count} {one}, not the {len(wanted)} of", severity
    returned = _returned(declarations.kind(function.returns), function.returns, convention)
    if returned:
        return returned, None
    for number_, (parameter, kind) in enumerate(zip(parameters, wanted, strict=False), 1):
        given = declarations.kind(parameter.type)
        problem = _misfit(given, kind) if given is not None else ""
        if problem:
            return f"takes a {given} as parameter {number_}, not {problem}, for", None
    return "", None


def _returned(given: Kind | None, written: ir.CType, convention: Convention) -> str:
    if given is None:
        return ""
    if convention.returns == "o":
        if given.pointers:
            return ""
        is_number = scalar(given.base) is not None
        return f"returns {given}, not an object, for" if is_number or given.base == "void" else ""
    if convention.returns == "i":
        if given.pointers:
            return f"returns a {given}, not an int, for" if given.base != "void" else ""
        return "returns nothing, not an int, for" if canonical(written.base) == "void" else ""
    return ""


_SHOWN: Final = {"o": "an object", "a": "an array of objects", "n": "a Py_ssize_t", "p": "a pointer"}


def _misfit(given: Kind, wanted: str) -> str:
    """What a parameter should have been; "" when it may be that."""
    value = given.scalar
    if wanted == "n":
        return _SHOWN[wanted] if given.pointers or (value is not None and value.unix < 8) else ""
    if wanted == "p":
        return _SHOWN[wanted] if value is not None and value.unix < 8 else ""
    if value is not None:
        return _SHOWN[wanted] if value.unix < 8 or wanted == "a" else ""
    depth = 2 if wanted == "a" else 1
    if given.base == "void" or given.pointers == 0:
        return ""
    return _SHOWN[wanted] if given.pointers != depth else ""
