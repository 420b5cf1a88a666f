"""How many references a function holds through the names it uses: the least number over all ways to a point.

A name is a variable, a member or an element as written (`type`, `state->error`, `&Foo_Type`). Names that hold the same
object form a group. Storage that outlives the function (a member, a global) keeps one reference of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.flow.cfg import Cfg, CfgNode
from heaplint.flow.lifecycle import BORROWED, NEW_REFERENCE
from heaplint.model.expressions import key_of
from heaplint.model.unit import Unit
from heaplint.records import dataclass, replace

RELEASE = frozenset({"Py_DECREF", "Py_XDECREF", "Py_CLEAR", "Py_DecRef", "Py_SETREF", "Py_XSETREF"})
_ACQUIRE = frozenset({"Py_INCREF", "Py_XINCREF", "Py_IncRef"})
_NEW_NAMES = frozenset({"Py_NewRef", "Py_XNewRef"})
_MORE_NEW = re.compile(
    r"(?:PyErr_NewException(?:WithDoc)?|PyStructSequence_New(?:Type)?|PyContextVar_New|PyType_From\w+|PyCapsule_New|"
    r"Py(?:Date|DateTime|Time|Delta|TimeZone)_From\w+|PyEval_Call\w+)\Z"
)
_INSTANCES = re.compile(r"(?:PyObject_(?:GC_)?New(?:Var)?|tp_alloc|PyType_GenericAlloc)\Z")
STEALS: Mapping[str, int] = {
    "PyModule_AddObject": 2, "PyModule_Add": 2, "PyTuple_SET_ITEM": 2, "PyTuple_SetItem": 2, "PyList_SET_ITEM": 2,
    "PyList_SetItem": 2, "PyStructSequence_SetItem": 2, "PyStructSequence_SET_ITEM": 2,
}
"""API functions that take over a reference (PyModule_AddObject when it succeeds) → the argument's index."""

_DEBT = -3
"""Where counting down ends, so that a loop comes to an end."""
_MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held through one name: at least `count` references, one of them in each of `kept`."""

    group: frozenset[str]
    """The names that hold the same object, this one included."""
    count: int = 0
    """Less than 0 when references were given away that the function did not have."""
    kept: frozenset[str] = frozenset()
    """Names of the group whose storage outlives the function."""
    made: bool = False
    """The object is the result of a call that gives a new reference."""

    @property
    def spare(self) -> int:
        """The references that no storage keeps: the function itself has to give them away."""
        return self.count - len(self.kept)


Holdings = Mapping[str, Holding]


def spelled(expr: ir.Expr | None) -> str:
    """The name an expression holds an object under, casts dropped; "" for what is no such name."""
    if expr is None:
        return ""
    inner = ir.strip(expr)
    match inner:
        case ir.Name():
            return "" if ir.is_null(inner) else inner.text
        case ir.Member():
            base = spelled(inner.object)
            return f"{base}{'->' if inner.arrow else '.'}{inner.field}" if base else ""
        case ir.Index():
            base, at = spelled(inner.object), ir.strip(inner.index)
            index = at.text if isinstance(at, ir.Constant) else spelled(at)
            return f"{base}[{index}]" if base and index else ""
        case ir.Unary(operator="&" | "*"):
            base = spelled(inner.operand)
            return inner.operator + base if base else ""
        case ir.Call():
            arguments = [spelled(argument) for argument in inner.args]
            name = ir.called(inner)
            return f"{name}({', '.join(arguments)})" if name and all(arguments) else ""
        case ir.Assign(operator="="):
            return spelled(inner.target)
    return ""


def in_order(node: ir.Node | None) -> Iterator[ir.Node]:
    """A node and what is below it in order of evaluation: arguments, then the call; a value, then its assignment."""
    stack: list[tuple[ir.Node, bool]] = [(node, False)] if node is not None else []
    while stack:
        one, done = stack.pop()
        if done:
            yield one
            continue
        stack.append((one, True))
        stack.extend((child, False) for child in reversed(ir.children(one)) if child is not None)


class Ownership:
    """Which calls of one unit give new references, and which of its functions release what."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._gives: dict[str, bool] = {}
        self._released: dict[str, frozenset[str]] = {}

    def gives_new(self, expr: ir.Expr | None, depth: int = 0) -> bool:
        """Whether an expression's value is a new reference: an API call's, or a helper's that passes one on."""
        inner = ir.strip(expr) if expr is not None else None
        name = ir.called(inner)
        if not name:
            return False
        if name in _NEW_NAMES or _MORE_NEW.match(name):
            return True
        if self.unit.function(name) is None:
            return bool(NEW_REFERENCE.match(name)) and not BORROWED.match(name)
        if name not in self._gives:
            self._gives[name] = False  # a recursive function tells nothing about itself
            function = self.unit.function(name)
            if function is not None and function.complete and function.returns.pointers and depth < _MAX_DEPTH:
                self._gives[name] = self._passes_on(function, depth + 1)
        return self._gives[name]

    def _passes_on(self, function: ir.Function, depth: int) -> bool:
        found = False
        for node in ir.walk(function.body):
            if isinstance(node, ir.Return) and not ir.is_null(node.value):
                value = ir.strip(node.value) if node.value is not None else None
                local = isinstance(value, ir.Name) and self._local_new(function, value.text, depth)
                if not local and not self._makes(value, depth):
                    return False
                found = True
        return found

    def _makes(self, value: ir.Expr | None, depth: int) -> bool:
        inner = ir.strip(value) if value is not None else None
        if not isinstance(inner, ir.Call):
            return False
        name = ir.called(inner) or (inner.function.field if isinstance(inner.function, ir.Member) else "")
        return bool(_INSTANCES.match(name)) or self.gives_new(inner, depth)

    def _local_new(self, function: ir.Function, name: str, depth: int) -> bool:
        """Whether a local variable only ever gets new references and is stored nowhere."""
        declared = found = False
        for node in ir.walk(function.body):
            value: ir.Expr | None = None
            if isinstance(node, ir.Variable) and node.name == name:
                if "static" in node.type.storage:
                    return False
                declared, value = True, node.init
            elif isinstance(node, ir.Assign) and spelled(node.target) == name:
                value = node.value
            elif isinstance(node, ir.Assign) and spelled(node.value) == name:
                return False
            if value is not None and not ir.is_null(value):
                if not self._makes(value, depth):
                    return False
                found = True
        return declared and found

    def released_in(self, name: str, depth: int = 0) -> frozenset[str]:
        """The last names of what a function of the program, or what it calls, releases."""
        if name not in self._released:
            self._released[name] = frozenset()
            function = self.unit.function(name)
            if function is not None and depth < _MAX_DEPTH:
                names: set[str] = set()
                for call in ir.calls(function.body):
                    callee = ir.called(call)
                    if callee in RELEASE and call.args:
                        names.add(key_of(call.args[0]))
                    elif callee and self.unit.function(callee) is not None:
                        names |= self.released_in(callee, depth + 1)
                        names |= {key_of(one) for one in call.args if self.may_release(callee, call, one)}
                self._released[name] = frozenset(names)
        return self._released[name]

    def may_release(self, callee: str, call: ir.Call, argument: ir.Expr) -> bool:
        """Whether a call releases or takes over an argument, as far as that can be told: unknown functions may."""
        if callee in STEALS:
            return _stolen(call) is argument
        function = self.unit.function(callee) if callee else None
        if function is None:
            return not callee.startswith(("Py", "_Py", "assert"))
        at = call.args.index(argument)
        return at >= len(function.parameters) or self._gives_away(function, function.parameters[at].name)

    def _gives_away(self, function: ir.Function, parameter: str) -> bool:
        for node in ir.walk(function.body):
            if isinstance(node, ir.Call):
                callee = ir.called(node)
                if callee in RELEASE and node.args and spelled(node.args[0]) == parameter:
                    return True
                if spelled(_stolen(node)) == parameter:
                    return True
            elif isinstance(node, ir.Assign) and spelled(node.value) == parameter != spelled(node.target):
                return True
        return False


class Tracker:
    """Follows some names through one function."""

    def __init__(self, ownership: Ownership, function: ir.Function, names: frozenset[str]) -> None:
        self.ownership = ownership
        self.function = function
        self.locals = {parameter.name: parameter.type for parameter in function.parameters}
        for node in ir.walk(function.body):
            if isinstance(node, ir.Variable) and not node.type.storage & {"static", "extern"}:
                self.locals[node.name] = node.type
        self.names = self._related(names)

    def _related(self, names: frozenset[str]) -> frozenset[str]:
        """The names, and those that hold the same objects somewhere in the function."""
        pairs = []
        for node in ir.walk(self.function.body):
            if isinstance(node, ir.Assign) and node.operator == "=":
                pairs.append((spelled(node.target), _source(node.value)))
            elif isinstance(node, ir.Variable) and node.init is not None:
                pairs.append((node.name, _source(node.init)))
        known = set(names)
        for _ in range(2):
            for left, right in pairs:
                if left and right and (left in known or right in known):
                    known |= {left, right}
        return frozenset(known)

    def outlives(self, expr: ir.Expr) -> bool:
        """Whether a name's storage stays when the function is left."""
        inner = ir.strip(expr)
        while isinstance(inner, ir.Index) or (isinstance(inner, ir.Member) and not inner.arrow):
            inner = ir.strip(inner.object)
        if not isinstance(inner, ir.Name) or inner.text not in self.locals:
            return True
        kind = self.locals[inner.text]
        return ir.strip(expr) is not inner and not kind.arrays and bool(kind.pointers)

    def run(self, cfg: Cfg) -> dict[int, Holdings]:
        """The holdings before each node that control can come to."""
        start: Holdings = {}
        return cfg.forward(start, self._transfer, _join)

    def _transfer(self, node: CfgNode, state: Holdings) -> Holdings:
        for one in in_order(node.node):
            state = self.step(one, state)
        return state

    def before(self, node: CfgNode, state: Holdings, call: ir.Call) -> Holdings:
        """The holdings right before a call within a node."""
        for one in in_order(node.node):
            if one is call:
                break
            state = self.step(one, state)
        return state

    def step(self, node: ir.Node, state: Holdings) -> Holdings:
        """The holdings after one node of an expression."""
        match node:
            case ir.Variable() if node.init is not None:
                return self._store(state, ir.Name(node.start, node.end, node.name), node.init)
            case ir.Assign(operator="="):
                return self._store(state, node.target, node.value)
            case ir.Call():
                return self._call(node, state)
            case ir.Return():
                return _changed(state, spelled(node.value), -1) if spelled(node.value) in self.names else state
        return state

    def _store(self, state: Holdings, target: ir.Expr, value: ir.Expr) -> Holdings:
        name, source = spelled(target), _source(value)
        if name not in self.names or name == source:
            return state
        held = dict(_without(state, name))
        keeps = frozenset({name}) if self.outlives(target) else frozenset()
        if source in self.names:
            old = held.get(source, Holding(frozenset({source})))
            if ir.called(ir.strip(value)) in _NEW_NAMES:
                old = replace(old, count=old.count + 1)
            new = replace(old, group=old.group | {name}, kept=old.kept | keeps if old.spare > 0 else old.kept)
            held.update(dict.fromkeys(new.group, new))
        elif self.ownership.gives_new(value):
            held[name] = Holding(frozenset({name}), 1, keeps, made=True)
        return held

    def _call(self, call: ir.Call, state: Holdings) -> Holdings:
        callee = ir.called(call)
        if callee in _ACQUIRE or callee in RELEASE:
            name = spelled(call.args[0]) if call.args else ""
            if name not in self.names:
                return state
            if callee in _ACQUIRE:
                return _changed(state, name, +1)
            if name in state and state[name].count > 0:
                state = _changed(state, name, -1)
            return state if "DEC" in callee.upper() else _without(state, name)
        for argument in call.args:
            name = spelled(argument)
            if name in self.names:
                if callee in STEALS:
                    if _stolen(call) is argument:
                        state = _changed(state, name, -1)
                elif callee not in _NEW_NAMES and self.ownership.may_release(callee, call, argument):
                    state = _without(state, name)
            elif name.startswith("&") and name[1:] in state and callee != "Py_TYPE":
                state = _without(state, name[1:])
        return state


def _stolen(call: ir.Call) -> ir.Expr | None:
    """The argument whose reference an API call takes over."""
    at = STEALS.get(ir.called(call))
    return call.args[at] if at is not None and at < len(call.args) else None


def _source(value: ir.Expr) -> str:
    """The name whose object a value is, a new reference to it included."""
    inner = ir.strip(value)
    if isinstance(inner, ir.Call) and ir.called(inner) in _NEW_NAMES and inner.args:
        return spelled(inner.args[0])
    return "" if isinstance(inner, ir.Call) else spelled(inner)


def _changed(state: Holdings, name: str, by: int) -> Holdings:
    old = state.get(name, Holding(frozenset({name})))
    new = replace(old, count=max(old.count + by, _DEBT))
    return {**state, **dict.fromkeys(new.group, new)}


def _without(state: Holdings, name: str) -> Holdings:
    """The holdings when a name comes to hold something else."""
    old = state.get(name)
    if old is None:
        return state
    rest = replace(old, group=old.group - {name}, kept=old.kept - {name})
    held = {**state, **dict.fromkeys(rest.group, rest)}
    del held[name]
    return held


def _join(one: Holdings, other: Holdings) -> Holdings:
    if one is other or one == other:
        return one
    held = dict(one)
    for name in one.keys() | other.keys():
        a, b = one.get(name), other.get(name)
        if a is b or a == b:
            continue
        a, b = a or Holding(frozenset({name})), b or Holding(frozenset({name}))
        group = a.group & b.group
        held[name] = Holding(group, min(a.count, b.count), (a.kept | b.kept) & group, a.made and b.made)
    return held
