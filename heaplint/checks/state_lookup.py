"""HL310, HL312: how functions find the module and its state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.flow.first_use import first_use
from heaplint.model.expressions import assigned, place
from heaplint.model.inherit import subclassable
from heaplint.model.mentions import reaching
from heaplint.model.module_lookup import module_named, size
from heaplint.model.modules import ModuleDef
from heaplint.model.roles import Role, table_roles, type_roles
from heaplint.model.unit import Unit
from heaplint.records import dataclass, field

_OF_THE_TYPE = frozenset({"PyType_GetModule", "PyType_GetModuleState", "_PyType_GetModuleState"})
_BY_DEF = frozenset({"PyType_GetModuleByDef", "_PyType_GetModuleByDef"})
_GET_STATE = frozenset({"PyModule_GetState", "_PyModule_GetState"})
_CREATE = frozenset({"PyModule_Create", "PyModule_Create2"})
_UNARY = frozenset(
    {
        "nb_negative",
        "nb_positive",
        "nb_absolute",
        "nb_bool",
        "nb_invert",
        "nb_int",
        "nb_float",
        "nb_index",
        "nb_reserved",
    }
)
_STATE_IS_OPTIONAL = ">=3.5,<3.9"
_MAX_DEPTH = 4

What = Literal["object", "type", ""]
"""What a name holds: the subject, its type, something else."""


@dataclass(slots=True)
class _Calls:
    """Finds the calls, in a function and the helpers it hands its subject to, that are given the subject's type."""

    unit: Unit
    wanted: frozenset[str]
    leading: Collection[str]
    """The functions that may lead to one of the wanted ones."""
    seen: set[tuple[int, tuple[tuple[str, str], ...]]] = field(default_factory=set)

    def of(
        self, function: ir.Function, env: Mapping[str, What], depth: int = 0
    ) -> Iterator[tuple[ir.Function, ir.Call, str]]:
        """Function, call, and the name of the parameter of `function` that the subject comes from."""
        key = (id(function), tuple(sorted(env.items())))
        if key in self.seen or depth > _MAX_DEPTH:
            return
        self.seen.add(key)
        names = _settled(function, env)
        for call in ir.calls(function.body):
            called = ir.called(call)
            if called in self.wanted and call.args:
                if _what(call.args[0], names) == "type":
                    yield function, call, next(iter(env))
                continue
            given = [_what(argument, names) for argument in call.args]
            helper = self.unit.function(called) if called in self.leading and any(given) else None
            if helper is not None and helper is not function:
                inner = {
                    parameter.name: what
                    for parameter, what in zip(helper.parameters, given, strict=False)
                    if what and parameter.name
                }
                if inner:
                    yield from self.of(helper, inner, depth + 1)


def _settled(function: ir.Function, env: Mapping[str, What]) -> dict[str, What]:
    """What the parameters and the locals with one meaning hold."""
    names: dict[str, What] = dict(env)
    spoilt: set[str] = set()
    for name, value in assigned(function):
        what = _what(value, names)
        if name in spoilt or (name in names and names[name] != what):
            spoilt.add(name)
            names[name] = ""
        else:
            names[name] = what
    return names


def _what(expr: ir.Expr, names: Mapping[str, What]) -> What:
    inner = ir.strip(expr)
    if isinstance(inner, ir.Name):
        return names.get(inner.text, "")
    if isinstance(inner, ir.Call) and len(inner.args) == 1:
        what = _what(inner.args[0], names)
        if ir.called(inner) == "Py_TYPE":
            return "type" if what == "object" else ""
        return what if ir.called(inner) in ("Py_NewRef", "_PyObject_CAST") else ""
    if isinstance(inner, ir.Member) and inner.field == "ob_type" and _what(inner.object, names) == "object":
        return "type"
    return ""


def _texts_mention(unit: Unit, words: frozenset[str]) -> bool:
    names = words | unit.macros_mentioning(words)
    return any(text.may_mention(name) for text in unit.texts for name in names)


@check("HL310")
def state_through_subclass(unit: Unit) -> Iterator[Report]:
    """PyType_GetModule and PyType_GetModuleState of Py_TYPE(self) in functions of types that have subclasses."""
    if not unit.types or not _texts_mention(unit, _OF_THE_TYPE):
        return
    told: set[ir.Place] = set()
    leading = reaching(unit, _OF_THE_TYPE, _MAX_DEPTH)
    for made in unit.types:
        if made.kind != "heap" or not made.is_spec or not subclassable(made):
            continue
        for role in type_roles(unit, made, leading):
            if not role.function.parameters or "METH_STATIC" in role.flags:
                continue
            of_a_type = role.slot == "tp_new" or "METH_CLASS" in role.flags
            env: dict[str, What] = {role.function.parameters[0].name: "type" if of_a_type else "object"}
            for function, call, _ in _Calls(unit, _OF_THE_TYPE, leading).of(role.function, env):
                where = place(function.path, call)
                if where in told:
                    continue
                told.add(where)
                of_a_slot = role.slot != "method"
                cure = "PyType_GetModuleByDef" if of_a_slot else "METH_METHOD and the defining class"
                yield Report(
                    "HL310",
                    where,
                    f"{ir.called(call)} of the object's own type fails for subclasses of {made.symbol} written "
                    f"in Python; use {cure}",
                    symbol=made.symbol,
                    function=function.name,
                )


@check("HL312")
def state_used_before_checked(unit: Unit) -> Iterator[Report]:
    """Results that can be NULL: operands of any type, modules without state, functions that run too early."""
    if _texts_mention(unit, _BY_DEF):
        yield from _foreign_operands(unit)
    if unit.modules and _texts_mention(unit, _GET_STATE):
        yield from _modules_without_state(unit)
        if min(unit.view.versions) < (3, 9):
            for module in unit.modules:
                if size(module) != 0:
                    yield from _before_there_is_one(unit, module)


def _foreign_operands(unit: Unit) -> Iterator[Report]:
    told: set[ir.Place] = set()
    leading = reaching(unit, _BY_DEF, _MAX_DEPTH)
    roles = [role for made in unit.types if made.kind == "static" for role in type_roles(unit, made, leading)]
    for role in (*roles, *table_roles(unit, leading)):
        for index in _foreign(role):
            env: dict[str, What] = {role.function.parameters[index].name: "object"}
            for function, call, name in _Calls(unit, _BY_DEF, leading).of(role.function, env):
                where = place(function.path, call)
                looked_at = _looked_at(function, name, call) or _looked_at(role.function, next(iter(env)), call)
                if where in told or looked_at or first_use(function, call, _GET_STATE) != "used":
                    continue
                told.add(where)
                yield Report(
                    "HL312",
                    where,
                    f"{ir.called(call)} returns NULL when {name} is no instance of the module's types, "
                    f"and {function.name} uses the result unchecked",
                    symbol=function.name,
                    function=function.name,
                    item=name,
                )


def _foreign(role: Role) -> list[int]:
    """The parameters of a function that can be objects of any type."""
    count = len(role.function.parameters)
    if role.slot == "method":
        return [1] if "METH_O" in role.flags and count > 1 and "METH_METHOD" not in role.flags else []
    if role.slot in ("getset", "tp_new", "tp_init", "tp_call", "tp_traverse", "tp_vectorcall"):
        return []
    if role.slot.startswith("nb_"):
        if role.slot in _UNARY:
            return []
        return list(range(1 if role.slot.startswith("nb_inplace") else 0, count))
    return [index for index in range(1, count) if role.function.parameters[index].type.name == "PyObject"]


def _looked_at(function: ir.Function, name: str, call: ir.Call) -> bool:
    """Whether a condition in front of a call asks something about a parameter; in another function: any condition."""
    for node in ir.walk(function.body):
        if node is call:
            return False
        if isinstance(node, (ir.If, ir.Conditional)):
            parts = list(ir.walk(node.condition))
            if call not in parts and any(isinstance(one, ir.Name) and one.text == name for one in parts):
                return True
    return False


def _modules_without_state(unit: Unit) -> Iterator[Report]:
    for function in unit.functions_mentioning(_CREATE):
        made: dict[str, ModuleDef] = {}
        for name, value in assigned(function):
            create = ir.strip(value)
            if isinstance(create, ir.Call) and ir.called(create) in _CREATE and create.args:
                module = module_named(unit, create.args[0])
                if module is not None and (number := size(module)) is not None and number <= 0:
                    made[name] = module
        for call in ir.calls(function.body) if made else ():
            if ir.called(call) in _GET_STATE and call.args and isinstance(argument := ir.strip(call.args[0]), ir.Name):
                given = made.get(argument.text)
                if given is not None and first_use(function, call, frozenset()) == "used":
                    yield Report(
                        "HL312",
                        place(function.path, call),
                        f"{ir.called(call)} returns NULL: {given.symbol} has m_size {size(given)}, "
                        "so the module has no state",
                        symbol=given.symbol,
                        function=function.name,
                    )


def _before_there_is_one(unit: Unit, module: ModuleDef) -> Iterator[Report]:
    for slot, symbol in module.functions.items():
        function = unit.function(symbol)
        if function is None or not function.parameters:
            continue
        subject = function.parameters[0].name
        for call in ir.calls(function.body):
            if not call.args or not isinstance(argument := ir.strip(call.args[0]), ir.Name) or argument.text != subject:
                continue
            if (ir.called(call) in _GET_STATE or _gives_state(unit, ir.called(call))) and first_use(
                function, call, frozenset()
            ) == "used":
                yield Report(
                    "HL312",
                    place(function.path, call),
                    f"{function.name} ({slot}) uses the module state unchecked; "
                    "before Python 3.9 it also runs when there is none yet",
                    symbol=module.symbol,
                    function=function.name,
                    python=_STATE_IS_OPTIONAL,
                )
                break


def _gives_state(unit: Unit, name: str) -> bool:
    """Whether a function gives back what PyModule_GetState gives, untested."""
    function = unit.function(name) if name else None
    if function is None or len(function.body.body) > 3 or not function.parameters:
        return False
    found = [call for call in ir.calls(function.body) if ir.called(call) in _GET_STATE]
    tested = any(
        isinstance(node, (ir.If, ir.Conditional, ir.Loop))
        or ir.called(node if isinstance(node, ir.Call) else None) == "assert"
        for node in ir.walk(function.body)
    )
    return len(found) == 1 and not tested and function.returns.pointers == 1
