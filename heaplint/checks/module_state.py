"""HL304: objects in the module state that m_traverse, m_clear or m_free does not deal with."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.flow.events import Kind, Trace, Tracer, covers
from heaplint.flow.lifecycle import ATOMIC, BORROWED, NEW_REFERENCE
from heaplint.model.expressions import values_of
from heaplint.model.members import OwnedMember, is_object_struct, owned_members
from heaplint.model.mentions import other_readings
from heaplint.model.module_lookup import reached
from heaplint.model.modules import ModuleDef
from heaplint.model.unit import Unit
from heaplint.model.writes import may_be_set
from heaplint.records import dataclass

_FUNCTIONS = ("m_traverse", "m_clear", "m_free")
_ACQUIRE = frozenset({"Py_INCREF", "Py_XINCREF", "Py_IncRef", "Py_NewRef", "Py_XNewRef"})
_RELEASE = frozenset({"Py_CLEAR", "Py_DECREF", "Py_XDECREF", "Py_SETREF", "Py_XSETREF", "Py_DecRef"})
_VISITING: tuple[Kind, ...] = ("visit", "touch")
_RELEASING: tuple[Kind, ...] = ("release", "free-memory", "touch")


@dataclass(frozen=True, slots=True)
class _State:
    """A module with what its functions do to its state."""

    module: ModuleDef
    members: tuple[OwnedMember, ...]
    values: _Values

    def atomic(self, member: OwnedMember) -> bool:
        """Whether a member only ever holds strings, numbers and their like, which no cycle goes through."""
        return _atomic(self.values, member)


@check("HL304")
def module_state_not_traversed(unit: Unit) -> Iterator[Report]:
    """Missing functions, and members that the ones that are there leave out."""
    tracer = Tracer(unit)
    for module in unit.modules:
        if module.state is None or not module.state.complete:
            continue
        traces = {
            name: tracer.subject(function)
            for name, symbol in module.functions.items()
            if (function := unit.function(symbol)) is not None
        }
        values = _Values(unit, module)
        named = [*module.exec_functions, *module.functions.values(), *filter(None, [module.init_function])]
        all_there = bool(module.init_function) and all(unit.has_function(name) for name in named)
        members = [
            member for member in owned_members(unit, module.state)
            if not _borrowed(values, member, traces)
            and (not all_there or may_be_set(unit, module.state, member.path))
        ]
        indirect = () if members else _indirect(unit, module.state, traces)
        if not members and not indirect:
            continue
        state = _State(module, tuple(members), values)
        missing = [name for name in _FUNCTIONS if not _has(unit, module, name)]
        if "m_traverse" in missing and members and all(state.atomic(member) for member in members):
            missing.remove("m_traverse")
        if "m_free" in missing and indirect:
            missing.remove("m_free")
        if missing:
            held = ", ".join([*(member.path for member in members), *indirect][:3])
            yield Report(
                "HL304",
                module.place,
                f"the state of {module.symbol} owns objects ({held}), but the definition has no {_listed(missing)}",
                symbol=module.symbol,
                item=missing[0] if len(missing) == 1 else None,
            )
        yield from _left_out(unit, state, traces)


def _has(unit: Unit, module: ModuleDef, name: str) -> bool:
    """Whether a definition has a function, however the unit is read for the same Pythons."""
    return name in module.functions or any(
        other.symbol == module.symbol and name in other.functions
        for one in other_readings(unit)
        for other in one.modules
    )


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
            if name == "m_clear" and not done:
                cleared.add(member.path)
            if done or (name == "m_traverse" and state.atomic(member)):
                continue
            if name == "m_free" and ("m_clear" not in traces or member.path in cleared):
                continue
            function = trace.function
            yield Report(
                "HL304",
                ir.Place(function.path, function.start, function.end),
                f"{function.name} ({name} of {state.module.symbol}) does not {verb} {member.path} of the module state",
                symbol=state.module.symbol,
                function=function.name,
                item=member.path,
                remedy="Py_VISIT" if name == "m_traverse" else "Py_CLEAR",
            )


def _readable(trace: Trace, kinds: tuple[Kind, ...]) -> bool:
    """Whether everything a function does to the state is known."""
    if not trace.function.complete or trace.of("escape"):
        return False
    return not any(event.path in ("", "?") for event in trace.of(*kinds) if not _harmless(event.detail))


def _harmless(called: str) -> bool:
    """Calls that are given the module, or something else, and deal with no member."""
    return called.startswith(
        ("PyModule_", "PyState_", "_PyModule_", "assert", "PyErr_", "PyMem_", "Py_TYPE", "PyObject_Free")
    )


def _indirect(unit: Unit, state: ir.Struct, traces: dict[str, Trace]) -> tuple[str, ...]:
    """The paths of objects in C structs that the state points to and owns, as the code shows both."""
    events = [event for name in ("m_clear", "m_free") if name in traces for event in traces[name].of(*_RELEASING)]
    found = []
    for field in state.fields:
        if (
            field.type.pointers not in (1, 2)
            or field.type.function
            or not any(event.path.partition(".")[0] == field.name for event in events)
        ):
            continue
        struct = unit.struct(field.type.name)
        if struct is None or is_object_struct(unit, field.type.base):
            continue
        found += [
            f"{field.name}->{member.path}"
            for member in owned_members(unit, struct)
            if member.exact and _releases(unit, struct, member.path)
        ]
    return tuple(found)


def _releases(unit: Unit, struct: ir.Struct, path: str) -> bool:
    """Whether some function of the unit releases a member of a struct, by a pointer declared as one to it."""
    leaf = path.rpartition(".")[2]
    for function in unit.all_functions_with(re.compile(rb"->\s*" + leaf.encode() + rb"\b")):
        pointers = {
            node.name
            for node in (*function.parameters, *ir.walk(function.body))
            if isinstance(node, ir.Variable) and unit.struct(node.type.name) is struct
        }
        for call in ir.calls(function.body):
            if ir.called(call) in _RELEASE and call.args and isinstance(member := ir.strip(call.args[0]), ir.Member):
                holder = ir.strip(member.object)
                if member.field == leaf and (not isinstance(holder, ir.Name) or holder.text in pointers):
                    return True
    return False


# -- what a member holds -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Value:
    function: ir.Function
    value: ir.Expr


class _Values:
    """What the program assigns to the members of a module's state, NULL left out."""

    def __init__(self, unit: Unit, module: ModuleDef) -> None:
        self.unit = unit
        self.module = module
        self.known: dict[str, tuple[_Value, ...]] = {}

    def of(self, path: str) -> tuple[_Value, ...]:
        """The values of a member, from the functions that name it and those that initialise the module."""
        leaf = path.rpartition(".")[2]
        if leaf not in self.known:
            initialising = reached(self.unit, [*self.module.exec_functions, self.module.init_function])
            naming = self.unit.all_functions_with(re.compile(rb"\b" + re.escape(leaf.encode()) + rb"\b"))
            functions = {id(one): one for one in (*naming, *initialising)}
            self.known[leaf] = tuple(value for one in functions.values() for value in self._in(one, leaf))
        return self.known[leaf]

    def _in(self, function: ir.Function, leaf: str) -> Iterator[_Value]:
        for node in ir.walk(function.body):
            value: ir.Expr | None = None
            if isinstance(node, ir.Assign) and node.operator == "=":
                value = node.value if self._names(function, node.target, leaf) else None
            elif isinstance(node, ir.Call):
                value = self._given_to(function, node, leaf)
            if value is not None and not ir.is_null(_core(value)):
                yield _Value(function, value)

    def _given_to(self, function: ir.Function, call: ir.Call, leaf: str) -> ir.Expr | None:
        """The value that Py_SETREF gives a member, or a call that is given its address: it may put anything there."""
        if ir.called(call) in ("Py_SETREF", "Py_XSETREF"):
            return call.args[1] if len(call.args) == 2 and self._names(function, call.args[0], leaf) else None
        for argument in call.args:
            inner = ir.strip(argument)
            if isinstance(inner, ir.Unary) and inner.operator == "&" and self._names(function, inner.operand, leaf):
                return call
        return None

    def _names(self, function: ir.Function, expr: ir.Expr, leaf: str) -> bool:
        inner = ir.strip(expr)
        while isinstance(inner, ir.Index):
            inner = ir.strip(inner.object)
        if not isinstance(inner, ir.Member) or inner.field != leaf:
            return False
        holder = ir.strip(inner.object)
        if not isinstance(holder, ir.Name):
            return True
        declared = next(
            (
                node
                for node in (*function.parameters, *ir.walk(function.body))
                if isinstance(node, ir.Variable) and node.name == holder.text
            ),
            None,
        )
        return declared is None or self.unit.struct(declared.type.name) is self.module.state


def _borrowed(values: _Values, member: OwnedMember, traces: dict[str, Trace]) -> bool:
    """Whether a member that no function of the definition deals with is not shown to own what it holds either."""
    dealt_with = any(
        covers(event.path, member.path)
        for name, trace in traces.items()
        for event in trace.of(*(_VISITING if name == "m_traverse" else _RELEASING))
    )
    if dealt_with:
        return False
    found = values.of(member.path)
    if "m_traverse" in traces and "m_clear" in traces:
        return not any(_is_new(one, member.path) for one in found)
    return bool(found) and all(_is_borrowed(one, member.path) for one in found)


def _acquired(function: ir.Function) -> set[str]:
    return {
        name
        for call in ir.calls(function.body)
        if ir.called(call) in _ACQUIRE and call.args
        if (name := _name(call.args[0]))
    }


def _is_new(one: _Value, path: str) -> bool:
    """Whether a value is a new reference, as far as a look at the function tells."""
    if path.rpartition(".")[2] in _acquired(one.function):
        return True
    return any(
        NEW_REFERENCE.match(ir.called(source)) and not BORROWED.match(ir.called(source)) for source in _sources(one)
    )


def _sources(one: _Value) -> list[ir.Expr]:
    """The value itself, or for a local everything but NULL that it is given."""
    inner = _core(one.value)
    if not isinstance(inner, ir.Name):
        return [inner]
    found = [_core(value) for value in values_of(one.function, inner.text)]
    return [value for value in found if not ir.is_null(value)] or [inner]


def _is_borrowed(one: _Value, path: str) -> bool:
    acquired = _acquired(one.function)
    if path.rpartition(".")[2] in acquired or _name(one.value) in acquired:
        return False
    parameters = {parameter.name for parameter in one.function.parameters}
    for source in _sources(one):
        match source:
            case ir.Call():
                if not BORROWED.match(ir.called(source)):
                    return False
            case ir.Unary(operator="&"):
                if _name(source.operand) in acquired:
                    return False
            case ir.Name():
                if source.text not in parameters and not source.text.startswith(("PyExc_", "Py_")):
                    return False
            case _:
                return False
    return True


def _atomic(values: _Values, member: OwnedMember) -> bool:
    """Whether a member only ever holds strings, numbers and their like."""
    found = values.of(member.path)
    return (
        bool(found)
        and not member.many
        and all(
            isinstance(source, ir.Call) and bool(ATOMIC.match(ir.called(source)))
            for one in found
            for source in _sources(one)
        )
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
