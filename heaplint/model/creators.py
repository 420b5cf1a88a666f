"""Which heap types C code makes instances of, in factories and through helpers that are given the type."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import family
from heaplint.model.aspects import Value, answer
from heaplint.model.expressions import key_of, values_of
from heaplint.model.link import is_local, resolve_types
from heaplint.model.types import TypeDef
from heaplint.model.unit import READ, Unit

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


def factory_of(unit: Unit, made: TypeDef) -> ir.Place | None:
    """Where a function of the program makes instances of one of the unit's types, itself or by a helper; None: nowhere."""
    names = sorted({made.symbol.partition("[")[0], *made.targets})
    local = {one.name for function in _makers(unit, made) for one in ir.walk(function.body) if isinstance(one, ir.Variable)}
    alone = [
        name for name in names if name not in local and all(path == unit.path for path, _ in unit.ask("type", name))
    ]
    giving = {path for name in alone for path, _ in unit.answers("given to a maker", name)}
    helpers = _Helpers()
    for other in unit.others(sorted(giving | {unit.path}), READ):
        for function in other.functions_mentioning(names):
            for call in ir.calls(function.body):
                if (found := _made_by(other, function, call, made, names, helpers)) is not None:
                    return found
    return _by_struct(unit, made)


def _makers(unit: Unit, made: TypeDef) -> Iterator[ir.Function]:
    """The functions that make a type out of its spec."""
    for name in sorted({one.function for one in made.creations}):
        if (function := unit.function(name)) is not None:
            yield function


def _made_by(
    unit: Unit, function: ir.Function, call: ir.Call, made: TypeDef, names: Collection[str], helpers: _Helpers
) -> ir.Place | None:
    """Where a call that is given a type makes instances of it."""
    direct = _type_argument(call)
    for position, argument in enumerate(call.args):
        if not _may_be(argument, function, names) or not any(
            isinstance(one, TypeDef) and key_of_type(one) == key_of_type(made)
            for one in resolve_types(unit, argument, function, 0)
        ):
            continue
        if argument is direct:
            return ir.Place(function.path, call.start, call.end)
        if (helped := helpers.made_with(unit, ir.called(call), position, 0)) is not None:
            return helped
    return None


def _may_be(argument: ir.Expr, function: ir.Function, names: Collection[str]) -> bool:
    """Whether an expression is one of some names, or a variable that is given one."""
    key = key_of(argument)
    return key in names or any(key_of(value) in names for value in (values_of(function, key) if key else ()))


@answer("given to a maker")
def _given(unit: Unit, name: str) -> Iterator[Value]:
    """Whether the unit gives what it holds by a name to a call that may make an instance of it."""
    for function in unit.functions_mentioning([name]):
        local = is_local(function, name)
        for call in ir.calls(function.body):
            for argument in call.args:
                if local and isinstance(ir.strip(argument), ir.Name):
                    continue  # a variable of the function's own
                if _may_be(argument, function, [name]) and (
                    argument is _type_argument(call) or unit.has_function(ir.called(call))
                ):
                    yield True
                    return


class _Helpers:
    """What functions of the program make of a type that they are given; each is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, int, int], ir.Place | None] = {}

    def made_with(self, unit: Unit, name: str, position: int, depth: int) -> ir.Place | None:
        """Where a helper, or one that it calls, makes instances of the type that is its argument."""
        key = id(unit), name, position, depth
        if depth > _MAX_DEPTH or not name:
            return None
        unit.program.looked_for(name, unit.group)
        if not unit.has_function(name):
            return None
        if key not in self._known:
            self._known[key] = None
            self._known[key] = self._look(unit, name, position, depth)
        return self._known[key]

    def _look(self, unit: Unit, name: str, position: int, depth: int) -> ir.Place | None:
        found = unit.definition(name)
        if found is None or position >= len(found[0].parameters):
            return None
        function, home = found
        unit.program.looked_for(name, home.group)
        parameter = function.parameters[position].name
        for call in ir.calls(function.body):
            direct = _type_argument(call)
            for index, argument in enumerate(call.args):
                inner = ir.strip(argument)
                if isinstance(inner, ir.Name) and inner.text == parameter:
                    if argument is direct:
                        return ir.Place(function.path, call.start, call.end)
                    if (further := self.made_with(home, ir.called(call), index, depth + 1)) is not None:
                        return further
        return None


def _type_argument(call: ir.Call) -> ir.Expr | None:
    """The expression for the type of the instance that a call makes; None when it makes none."""
    name = ir.called(call)
    callee = ir.strip(call.function)
    if name in _SECOND:
        return call.args[1] if len(call.args) > 1 else None
    if name in _FIRST or (isinstance(callee, ir.Member) and callee.field == "tp_alloc"):
        return call.args[0] if call.args else None
    return None


def _by_struct(unit: Unit, made: TypeDef) -> ir.Place | None:
    """Where an instance is made and cast to the struct that only this type has, when the call that makes the type is
    not read."""
    if made.struct is None or not made.is_spec or made.creations:
        return None
    if sum(one.struct is made.struct for one in unit.types) != 1:
        return None
    slots = {slot.function for one in unit.types for slot in one.slots.values()}
    for function in unit.functions_with(_ALLOCATES):
        if function.name in slots:
            continue
        for call in ir.calls(function.body):
            if _type_argument(call) is not None and unit.struct(_struct_made(call, function)) is made.struct:
                return ir.Place(function.path, call.start, call.end)
    return None


def _struct_made(call: ir.Call, function: ir.Function) -> str:
    """The name of the struct that a new instance is cast to, or that its size is that of."""
    size = ir.strip(call.args[0]) if call.args else None
    if isinstance(size, ir.SizeOf) and size.type is not None:
        return size.type.name
    casts = (node for node in ir.walk(function.body) if isinstance(node, ir.Cast) and ir.strip(node) is call)
    return next((cast.type.name for cast in casts if cast.type.pointers == 1), "")
