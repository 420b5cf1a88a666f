"""HL304: objects in the module state that m_traverse, m_clear or m_free does not deal with."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.flow.events import Kind, Trace, Tracer, covers
from heaplint.flow.lifecycle import ATOMIC, BORROWED
from heaplint.model.members import OwnedMember, owned_members
from heaplint.model.modules import ModuleDef
from heaplint.model.program import Unit

_FUNCTIONS = ("m_traverse", "m_clear", "m_free")
_ACQUIRE = frozenset({"Py_INCREF", "Py_XINCREF", "Py_IncRef", "Py_NewRef", "Py_XNewRef"})
_VISITING: tuple[Kind, ...] = ("visit", "touch")
_RELEASING: tuple[Kind, ...] = ("release", "free-memory", "touch")


@dataclass(frozen=True, slots=True)
class _State:
    """A module with what its functions do to its state."""

    module: ModuleDef
    members: tuple[OwnedMember, ...]
    atomic: frozenset[str]
    """Members that only hold objects without references of their own."""


@check("HL304")
def module_state_not_traversed(unit: Unit) -> Iterator[Report]:
    """Missing functions, and members that the ones that are there leave out."""
    tracer = Tracer(unit)
    for module in unit.modules:
        if module.state is None or not module.state.complete:
            continue
        traces = {
            name: tracer.subject(function) for name, symbol in module.functions.items()
            if (function := unit.function(symbol)) is not None
        }
        members = [member for member in owned_members(unit, module.state) if not _borrowed(unit, module, member, traces)]
        indirect = () if members else _released_indirectly(traces)
        if not members and not indirect:
            continue
        atomic = frozenset(member.path for member in members if _atomic(unit, member))
        state = _State(module, tuple(members), atomic)
        missing = [name for name in _FUNCTIONS if name not in module.functions]
        if members and len(atomic) == len(members) and "m_traverse" in missing:
            missing.remove("m_traverse")
        if "m_free" in missing and indirect:
            missing.remove("m_free")
        if missing:
            held = ", ".join([*(member.path for member in members), *indirect][:3])
            yield Report(
                "HL304", module.place,
                f"the state of {module.symbol} owns objects ({held}), but the definition has no {_listed(missing)}",
                symbol=module.symbol, item=missing[0] if len(missing) == 1 else None,
            )
        yield from _left_out(unit, state, traces)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and no " + names[-1]


def _left_out(unit: Unit, state: _State, traces: dict[str, Trace]) -> Iterator[Report]:
    """Reports on members that the functions which exist leave out."""
    cleared: set[str] = set()
    for name in _FUNCTIONS:
        trace = traces.get(name)
        if trace is None:
            continue
        kinds = _VISITING if name == "m_traverse" else _RELEASING
        if not _readable(trace, kinds):
            continue
        verb = {"m_traverse": "visit", "m_clear": "release", "m_free": "release"}[name]
        for member in state.members:
            done = any(covers(event.path, member.path) for event in trace.of(*kinds))
            if name == "m_traverse" and member.path in state.atomic:
                continue
            if name == "m_clear" and not done:
                cleared.add(member.path)
            if done or (name == "m_free" and ("m_clear" not in traces or member.path in cleared)):
                continue
            function = trace.function
            yield Report(
                "HL304", ir.Place(function.path, function.start, function.end),
                f"{function.name} ({name} of {state.module.symbol}) does not {verb} {member.path} of the module state",
                symbol=state.module.symbol, function=function.name, item=member.path,
            )


def _readable(trace: Trace, kinds: tuple[Kind, ...]) -> bool:
    """Whether everything a function does to the state is known."""
    if not trace.function.complete or trace.of("escape"):
        return False
    return not any(event.path in ("", "?") for event in trace.of(*kinds) if not _harmless(event.detail))


def _harmless(called: str) -> bool:
    """Calls that are given the module, or something else, and deal with no member."""
    return called.startswith(("PyModule_", "PyState_", "_PyModule_", "assert", "PyErr_", "PyMem_", "Py_TYPE", "PyObject_Free"))


def _released_indirectly(traces: dict[str, Trace]) -> tuple[str, ...]:
    """The paths of objects in C structs that the state points to, as the releasing functions show them."""
    return tuple(dict.fromkeys(
        event.path for name in ("m_clear", "m_free") if name in traces
        for event in traces[name].of("release") if "." in event.path
    ))


# -- what a member holds -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    function: ir.Function
    value: ir.Expr


def _borrowed(unit: Unit, module: ModuleDef, member: OwnedMember, traces: dict[str, Trace]) -> bool:
    """Whether all that is ever put into a member is borrowed, and nothing releases it."""
    for name in ("m_clear", "m_free"):
        if name in traces and any(covers(event.path, member.path) for event in traces[name].of(*_RELEASING)):
            return False
    values = _values(unit, member.path)
    return bool(values) and all(_is_borrowed(one, member.path) for one in values)


def _is_borrowed(one: _Value, path: str) -> bool:
    leaf = path.rpartition(".")[2]
    inner = _core(one.value)
    acquired = {
        name for call in ir.calls(one.function.body) if ir.called(call) in _ACQUIRE and call.args
        if (name := _name(call.args[0]))
    }
    if leaf in acquired:
        return False
    if isinstance(inner, ir.Call):
        return bool(BORROWED.match(ir.called(inner)))
    if isinstance(inner, ir.Unary) and inner.operator == "&":
        return _name(inner.operand) not in acquired
    if isinstance(inner, ir.Name):
        if inner.text in acquired:
            return False
        if inner.text.startswith(("PyExc_", "Py_")):
            return True
        return inner.text in {parameter.name for parameter in one.function.parameters} and not _assigned(one.function, inner.text)
    return False


def _atomic(unit: Unit, member: OwnedMember) -> bool:
    """Whether a member only ever holds strings, numbers and their like."""
    values = _values(unit, member.path)
    return bool(values) and not member.many and all(
        isinstance(inner := _core(one.value), ir.Call) and bool(ATOMIC.match(ir.called(inner))) for one in values
    )


def _core(value: ir.Expr) -> ir.Expr:
    inner = ir.strip(value)
    while isinstance(inner, ir.Assign):
        inner = ir.strip(inner.value)
    return inner


def _name(expr: ir.Expr) -> str:
    inner = ir.strip(expr)
    if isinstance(inner, ir.Member):
        return inner.field
    return inner.text if isinstance(inner, ir.Name) else ""


def _assigned(function: ir.Function, name: str) -> bool:
    return any(
        isinstance(node, ir.Assign) and isinstance(node.target, ir.Name) and node.target.text == name
        for node in ir.walk(function.body)
    )


@functools.lru_cache(maxsize=256)
def _values(unit: Unit, path: str) -> tuple[_Value, ...]:
    """What the unit's functions assign to a member of this name, NULL left out."""
    leaf = path.rpartition(".")[2]
    pattern = re.compile(rb"(?:->|\.)\s*" + leaf.encode() + rb"\b")
    found = []
    for function in unit.all_functions_with(pattern):
        for node in ir.walk(function.body):
            value: ir.Expr | None = None
            if isinstance(node, ir.Assign) and node.operator == "=" and _names(node.target, leaf):
                value = node.value
            elif isinstance(node, ir.Call) and _names_any(node, leaf):
                value = node
            if value is not None and not ir.is_null(_core(value)):
                found.append(_Value(function, value))
    return tuple(found)


def _names(expr: ir.Expr, leaf: str) -> bool:
    inner = ir.strip(expr)
    while isinstance(inner, ir.Index):
        inner = ir.strip(inner.object)
    return isinstance(inner, ir.Member) and inner.field == leaf


def _names_any(call: ir.Call, leaf: str) -> bool:
    """A call that is given the member's address, or Py_SETREF of it: it fills the member with something unknown."""
    if ir.called(call) in ("Py_SETREF", "Py_XSETREF"):
        return bool(call.args) and _names(call.args[0], leaf)
    return any(
        isinstance(inner := ir.strip(argument), ir.Unary) and inner.operator == "&" and _names(inner.operand, leaf)
        for argument in call.args
    )
