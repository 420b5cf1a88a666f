"""Which heap types C code makes instances of, in factories and through helpers that are given the type."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from heaplint import ir
from heaplint.capi.facts import family
from heaplint.model.link import resolve_types
from heaplint.model.program import Program, Unit
from heaplint.model.types import TypeDef

_SECOND = family("gc-new") | family("plain-new") | family("init")
"""API functions and macros that are given the type as second argument."""
_FIRST = family("new-of-type")
_ALLOCATES = re.compile(rb"\b(?:" + "|".join(sorted(_SECOND | _FIRST)).encode() + rb"|tp_alloc)\b")
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
    wanted: dict[str, set[_Parameter]] = {}
    for unit in program.units:
        for function in unit.functions_with(_ALLOCATES):
            for call in ir.calls(function.body):
                argument = _type_argument(call)
                if argument is not None:
                    made = ir.Place(function.path, call.start, call.end)
                    found = _given(unit, argument, function, made, wanted) or _by_struct(unit, call, function)
                    for one in found:
                        result.setdefault(key_of_type(one), made)
    known = {one for many in wanted.values() for one in many}
    for _ in range(_MAX_DEPTH):
        further: dict[str, set[_Parameter]] = {}
        for one, made in _given_by_callers(program, wanted, further):
            result.setdefault(key_of_type(one), made)
        wanted = {name: many - known for name, many in further.items() if many - known}
        known |= {one for many in wanted.values() for one in many}
        if not wanted:
            break
    return result


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter of a helper that is the type of the instance it makes."""

    path: str
    function: str
    position: int
    static: bool
    made: ir.Place
    """Where the helper, or one that it calls, makes the instance."""


def _given(
    unit: Unit, expr: ir.Expr, function: ir.Function, made: ir.Place, wanted: dict[str, set[_Parameter]]
) -> list[TypeDef]:
    """The types an expression may mean; a parameter is noted as wanted, for the callers tell what it is."""
    found = [one for one in resolve_types(unit, expr, function, 0) if isinstance(one, TypeDef)]
    inner = ir.strip(expr)
    if not found and isinstance(inner, ir.Name):
        for index, parameter in enumerate(function.parameters):
            if parameter.name == inner.text:
                static = "static" in function.returns.storage
                one = _Parameter(function.path, function.name, index, static, made)
                wanted.setdefault(function.name, set()).add(one)
    return found


def _given_by_callers(
    program: Program, wanted: dict[str, set[_Parameter]], further: dict[str, set[_Parameter]]
) -> Iterator[tuple[TypeDef, ir.Place]]:
    """What the callers of helpers give as the wanted parameters, in one look at every unit."""
    if not wanted:
        return
    for unit in program.units:
        paths = {text.path for text in unit.texts}
        names = sorted(name for name, many in wanted.items() if any(not one.static or one.path in paths for one in many))
        if not names or not unit.own:
            continue
        for caller in unit.functions_mentioning(names):
            for call in ir.calls(caller.body):
                for one in wanted.get(ir.called(call), ()):
                    if one.position < len(call.args) and (not one.static or one.path in paths):
                        for found in _given(unit, call.args[one.position], caller, one.made, further):
                            yield found, one.made


def _type_argument(call: ir.Call) -> ir.Expr | None:
    """The expression for the type of the instance that a call makes; None when it makes none."""
    name = ir.called(call)
    callee = ir.strip(call.function)
    if name in _SECOND:
        return call.args[1] if len(call.args) > 1 else None
    if name in _FIRST or (isinstance(callee, ir.Member) and callee.field == "tp_alloc"):
        return call.args[0] if call.args else None
    return None


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
