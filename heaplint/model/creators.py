"""Which heap types C code makes instances of, in factories and through helpers that are given the type."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from heaplint import ir
from heaplint.model.link import resolve_types
from heaplint.model.program import Program, Unit
from heaplint.model.types import TypeDef

_ALLOCATES = re.compile(
    rb"\b_?PyObject_(?:GC_)?(?:New|NewVar|NEW|NEW_VAR)\b|\bPyObject_(?:Init|InitVar|INIT|INIT_VAR)\b|"
    rb"\btp_alloc\b|\bPyType_GenericAlloc\b"
)
_SECOND = frozenset(
    f"PyObject_{name}"
    for name in ("New", "NewVar", "NEW", "NEW_VAR", "GC_New", "GC_NewVar", "Init", "InitVar", "INIT", "INIT_VAR")
)
"""API functions and macros that are given the type as second argument."""
_FIRST = frozenset(
    {"_PyObject_New", "_PyObject_NewVar", "_PyObject_GC_New", "_PyObject_GC_NewVar", "PyType_GenericAlloc"}
)
_MAX_DEPTH = 3

TypeKey = tuple[str, str, int]
"""A type whatever the view: its symbol, the path and the offset of its definition."""


def key_of_type(made: TypeDef) -> TypeKey:
    """What identifies a type in all views of its file."""
    return made.symbol, made.place.path, made.place.start


@functools.lru_cache(maxsize=2)
def made_by_c(program: Program) -> dict[TypeKey, ir.Place]:
    """The types that some function of the program makes instances of, each with one place where it does."""
    result: dict[TypeKey, ir.Place] = {}
    for unit in program.units:
        for function in _allocating(unit):
            for call in ir.calls(function.body):
                argument = _type_argument(call)
                if argument is not None:
                    for made in _types(unit, argument, function, 0) or _by_struct(unit, call, function):
                        result.setdefault(key_of_type(made), ir.Place(function.path, call.start, call.end))
    return result


def _allocating(unit: Unit) -> Iterator[ir.Function]:
    """The unit's functions that allocate, themselves or by a macro."""
    if not unit.own:
        return
    seen: set[int] = set()
    for function in unit.functions_with(_ALLOCATES):
        seen.add(id(function))
        yield function
    macros = {
        name for text in unit.texts for name in text.reading.macros
        if (macro := text.reading.last(name)) is not None and _ALLOCATES.search(macro.body.encode())
    }
    if macros:
        pattern = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in sorted(macros)) + rb")\b")
        yield from (function for function in unit.functions_with(pattern) if id(function) not in seen)


def _type_argument(call: ir.Call) -> ir.Expr | None:
    """The expression for the type of the instance that a call makes; None when it makes none."""
    name = ir.called(call)
    callee = ir.strip(call.function)
    if name in _SECOND:
        return call.args[1] if len(call.args) > 1 else None
    if name in _FIRST or (isinstance(callee, ir.Member) and callee.field == "tp_alloc"):
        return call.args[0] if call.args else None
    return None


def _types(unit: Unit, expr: ir.Expr, function: ir.Function, depth: int) -> list[TypeDef]:
    """The types an expression may mean; for a parameter, what the callers of the function give."""
    found = [one for one in resolve_types(unit, expr, function, 0) if isinstance(one, TypeDef)]
    inner = ir.strip(expr)
    if found or not isinstance(inner, ir.Name) or depth > _MAX_DEPTH:
        return found
    position = next((index for index, one in enumerate(function.parameters) if one.name == inner.text), None)
    if position is None:
        return found
    pattern = re.compile(rb"\b" + re.escape(function.name.encode()) + rb"\b")
    elsewhere = () if "static" in function.returns.storage else unit.program.units
    callers = [(unit, caller) for caller in unit.all_functions_with(pattern)]
    callers += [
        (where, caller) for where in elsewhere
        if where is not unit and where.view.view.mode == unit.view.view.mode
        for caller in where.functions_with(pattern)
    ]
    for where, caller in callers:
        for call in ir.calls(caller.body):
            if ir.called(call) == function.name and position < len(call.args):
                found += _types(where, call.args[position], caller, depth + 1)
    return found


def _by_struct(unit: Unit, call: ir.Call, function: ir.Function) -> list[TypeDef]:
    """The one type with the struct that a new instance is cast to, when the file that creates the type is not read."""
    size = ir.strip(call.args[0]) if call.args else None
    if isinstance(size, ir.SizeOf) and size.type is not None:
        name = size.type.name
    else:
        casts = (node for node in ir.walk(function.body) if isinstance(node, ir.Cast) and ir.strip(node) is call)
        name = next((cast.type.name for cast in casts if cast.type.pointers == 1), "")
    struct = unit.struct(name) if name else None
    if struct is None or any(function.name == slot.function for made in unit.types for slot in made.slots.values()):
        return []
    alike = [made for made in unit.types if made.struct is struct]
    return alike if len(alike) == 1 and alike[0].is_spec and not alike[0].creations else []
