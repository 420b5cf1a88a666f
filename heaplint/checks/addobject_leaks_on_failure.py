"""HL408: PyModule_AddObject takes over the reference only when it succeeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import builtin
from heaplint.checks.registry import Report, check
from heaplint.findings import Severity
from heaplint.flow.cfg import Cfg, CfgNode, build
from heaplint.flow.holdings import RELEASE, Holding, Ownership, Tracker, in_order, spelled
from heaplint.model.expressions import key_of, number, place, values_of
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_CALL = re.compile(rb"\bPyModule_AddObject\b")
_SINGLETONS = frozenset({"Py_None", "Py_True", "Py_False", "Py_Ellipsis", "Py_NotImplemented"})
_REFERENCE_TO = frozenset({"Py_NewRef", "Py_XNewRef"})
_TO_SINGLETON = frozenset({"PyBool_FromLong"})
_MAX_STEPS = 4000
_MAX_DEPTH = 200


@check("HL408")
def addobject_leaks_on_failure(unit: Unit) -> Iterator[Report]:
    """Every call of PyModule_AddObject whose failure loses the reference it was given."""
    ownership = Ownership(unit)
    seen: set[ir.Place] = set()
    for function in unit.functions_with(_CALL):
        for report in _Function(unit, ownership, function).reports():
            if report.place not in seen:  # a macro may make several calls at one place
                seen.add(report.place)
                yield report


@dataclass(frozen=True, slots=True)
class _Owned:
    """The reference that a call is given."""

    name: str
    """How the object is spelled; "" when it is made in the argument."""
    group: frozenset[str]
    shared: bool
    """Something else keeps a reference too: the reference was taken for the module."""
    stored: bool = False
    """The reference is the only one, and a member or global variable keeps it."""


_State = tuple[int, tuple[tuple[str, int], ...]]
"""A node's index, and the return codes known before it."""


def _behind(state: _State, parents: Mapping[_State, _State | None]) -> Iterator[_State]:
    """The states on the way to a state, the start excepted: in it the call is yet to fail."""
    while (parent := parents[state]) is not None:
        yield state
        state = parent


class _Function:
    def __init__(self, unit: Unit, ownership: Ownership, function: ir.Function) -> None:
        self.unit = unit
        self.ownership = ownership
        self.function = function
        self.cfg: Cfg = build(function)
        self.sites: list[tuple[CfgNode, ir.Call]] = [
            (node, call) for node in self.cfg.nodes for call in ir.calls(node.node)
            if ir.called(call) == "PyModule_AddObject" and len(call.args) == 3
        ]
        names = frozenset(name for _, call in self.sites if (name := _object(call.args[2])))
        self.tracker = Tracker(ownership, function, names)
        self.holdings = self.tracker.run(self.cfg)
        self.leaving: set[_State] = set()
        """States from which control leaves the function, met so far: the next call need not go all the way again."""

    def reports(self) -> Iterator[Report]:
        for node, call in self.sites:
            if node.index not in self.holdings:
                continue
            owned = self.owned(node, call)
            if owned is None:
                continue
            static = any(self.is_static_type(one) for one in owned.group)  # nobody frees it: the leak does no harm
            if self.ignored(node, call):
                yield self.report(call, owned, None, "note" if static else None)
            elif not static and (end := self.leak(node, call, owned)) is not None:
                yield self.report(call, owned, end)

    def is_static_type(self, name: str) -> bool:
        """Whether a name is the address of a static type of the program."""
        return name.startswith("&") and self.unit.names_static_type(name.removeprefix("&"))

    def owned(self, node: CfgNode, call: ir.Call) -> _Owned | None:
        """The reference that a call is given, when it is one that the function has to care for."""
        value = ir.strip(call.args[2])
        while isinstance(value, ir.Assign):
            value = ir.strip(value.value)
        name = _object(call.args[2])
        if not name:
            made = ir.called(value) not in _TO_SINGLETON and self.ownership.gives_new(value)
            return _Owned("", frozenset(), False) if made else None
        state = self.tracker.before(node, self.holdings[node.index], call)
        held = state.get(name, Holding(frozenset({name})))
        if any(self.of_the_interpreter(one) for one in held.group):
            return None  # a reference too many does no harm
        if ir.called(value) in _REFERENCE_TO:
            return _Owned(name, held.group, True)
        if held.spare > 0:
            return _Owned(name, held.group, not held.made or bool(held.kept) or held.count > 1)
        if held.count > 0:  # the one reference is in storage that the failure leaves as it is
            kept = any(self.released_elsewhere(one) for one in held.kept)
            return None if kept else _Owned(name, held.group, False, stored=True)
        if self.ignored(node, call) and self.acquired_next(node, name):
            return _Owned(name, held.group, True)
        return None

    def of_the_interpreter(self, name: str) -> bool:
        """Whether a name is that of a singleton or a type of the interpreter."""
        if name in _SINGLETONS or builtin(name.removeprefix("&")) is not None:
            return True
        values = values_of(self.function, name)
        return bool(values) and all(_is_singleton(value) for value in values)

    def released_elsewhere(self, name: str) -> bool:
        """Whether another function releases what a name's storage keeps (m_clear, m_free, a cleanup)."""
        leaf = re.split(r"->|\.", name)[-1].strip("*&").partition("[")[0]
        if not leaf.isidentifier():
            return True
        return any(
            key_of(call.args[0]) == leaf
            for function in self.unit.all_functions_with(re.compile(rb"\b" + leaf.encode() + rb"\b"))
            if function.start != self.function.start or function.path != self.function.path
            for call in ir.calls(function.body) if ir.called(call) in RELEASE and call.args
        )

    def ignored(self, node: CfgNode, call: ir.Call) -> bool:
        """Whether nothing looks at the call's result."""
        expression = isinstance(node.node, (ir.Call, ir.Cast)) and ir.strip(node.node) is call
        return expression and all(value is None for _, value in node.edges)

    def acquired_next(self, node: CfgNode, name: str) -> bool:
        """Whether the very next statement takes the reference that the call was meant to have."""
        if len(node.edges) != 1:
            return False
        following = self.cfg.nodes[node.edges[0][0]].node
        return (
            isinstance(following, ir.Call) and ir.called(following) in ("Py_INCREF", "Py_XINCREF")
            and bool(following.args) and spelled(following.args[0]) == name
        )

    # -- what happens after a failure ------------------------------------------------------------------------------

    def leak(self, node: CfgNode, call: ir.Call, owned: _Owned) -> ir.Node | None:
        """Where control leaves the function after a failed call with the reference still held; None when nowhere."""
        start: _State = (node.index, ())
        todo = [start]
        parents: dict[_State, _State | None] = {start: None}
        for _ in range(_MAX_STEPS):
            if not todo:
                return None
            state = todo.pop()
            one, known, value = self.cfg.nodes[state[0]], dict(state[1]), None
            failed = call if state == start else None
            if one.node is not None:
                if self.lets_go(one.node, failed, owned):
                    continue
                value = _run(one.node, known, failed)
            following = tuple(sorted(known.items()))
            for target, wanted in one.edges:
                if wanted is not None and value is not None and bool(value) != wanted:
                    continue
                after = (target, following)
                if target == 1 or (not owned.name and after in self.leaving):
                    self.leaving.update(_behind(state, parents))
                    return one.node if one.node is not None else call
                if after not in parents:
                    parents[after] = state
                    todo.append(after)
        return None

    def lets_go(self, node: ir.Node, behind: ir.Call | None, owned: _Owned) -> bool:
        """Whether a node releases the object or hands it to someone else (for a start node: behind the call)."""
        if not owned.group:
            return False
        active = behind is None
        leaves = {re.split(r"->|\.", name)[-1].strip("*&").partition("[")[0] for name in owned.group}
        for one in in_order(node):
            if one is behind:
                active = True
            elif active:
                match one:
                    case ir.Call():
                        if self.call_lets_go(one, owned, leaves):
                            return True
                    case ir.Return():
                        if spelled(one.value) in owned.group:
                            return True
                    case ir.Assign(operator="="):
                        if spelled(one.value) in owned.group and spelled(one.target) not in owned.group:
                            return True
                    case ir.Opaque():
                        return True
        return False

    def call_lets_go(self, call: ir.Call, owned: _Owned, leaves: set[str]) -> bool:
        callee = ir.called(call)
        if callee in RELEASE:
            return bool(call.args) and _any_element(spelled(call.args[0])) in {_any_element(one) for one in owned.group}
        known = callee and self.unit.function(callee) is not None
        if known and leaves & self.ownership.released_in(callee):
            return True
        for argument in call.args:
            name = spelled(argument)
            if name in owned.group or name.removeprefix("&") in owned.group:
                if self.ownership.may_release(callee, call, argument):
                    return True
            elif (
                name and not known and not callee.startswith(("Py", "_Py", "assert"))
                and any(one.startswith((name + "->", name.removeprefix("&") + ".")) for one in owned.group)
            ):
                return True
        return False

    # -- words -----------------------------------------------------------------------------------------------------

    def report(
        self, call: ir.Call, owned: _Owned, end: ir.Node | None, severity: Severity | None = None
    ) -> Report:
        text = ir.string_value(call.args[1])
        item = key_of(ir.strip(_bare(call.args[2]))) if owned.name else text
        quoted = f'"{text}"' if text else ""
        what = owned.name.removeprefix("&") or f"the object made for {quoted or 'the module'}"
        happens = f"{what} {'leaks' if severity is None else 'is missing'} when PyModule_AddObject cannot add it"
        if quoted and owned.name:
            happens += f" as {quoted}"
        if end is None:
            happens += ", and the result is ignored"
        elif owned.name:
            happens += ": the failure path does not release it"
        else:
            happens += ": no name is left to release it by"
        remedy = ""
        if severity is not None:
            cure = "check the result, or the import goes on with an exception set; PyModule_AddType takes no reference"
        elif owned.shared:
            remedy = f"Py_DECREF({owned.name});"
            cure = f"Py_DECREF({owned.name}) on failure, or take no reference and use PyModule_AddObjectRef"
        elif owned.stored:
            remedy = f"Py_CLEAR({owned.name});"
            checked = "" if end is not None else "check the result: "
            cure = (
                f"{checked}Py_CLEAR({owned.name}) on failure, "
                f"or use PyModule_AddObjectRef and let {owned.name} keep its own reference"
            )
        elif owned.name:
            remedy = f"Py_DECREF({owned.name});"
            cure = f"Py_DECREF({owned.name}) on failure, or use PyModule_Add (3.13)"
        else:
            cure = "keep it in a variable and Py_DECREF that on failure, or use PyModule_Add (3.13)"
        steps: tuple[tuple[ir.Place, str], ...] = ()
        if end is not None and owned.name:
            path = self.function.path
            steps = (
                (place(path, call), "PyModule_AddObject fails and takes nothing over"),
                (place(path, end), f"{self.function.name} returns here, the reference still held"),
            )
        return Report(
            "HL408", place(self.function.path, call), f"{happens}; {cure}",
            function=self.function.name, item=item or None, steps=steps, severity=severity, remedy=remedy,
        )


def _is_singleton(value: ir.Expr) -> bool:
    inner = ir.strip(value)
    if isinstance(inner, ir.Conditional):
        return _is_singleton(inner.then) and _is_singleton(inner.otherwise)
    return isinstance(inner, ir.Name) and inner.text in _SINGLETONS


def _any_element(name: str) -> str:
    """A name with all indices alike: a loop that releases every element releases this one."""
    return re.sub(r"\[[^\]]*\]", "[]", name)


def _bare(value: ir.Expr) -> ir.Expr:
    """The object that an argument names: the target of an assignment, what Py_NewRef is applied to."""
    inner = ir.strip(value)
    if isinstance(inner, ir.Assign):
        return ir.strip(inner.target)
    if isinstance(inner, ir.Call) and ir.called(inner) in _REFERENCE_TO and inner.args:
        return _bare(inner.args[0])
    return inner


def _object(value: ir.Expr) -> str:
    """The name under which the function knows the argument's object; "" for one that it has no name for."""
    bare = _bare(value)
    return "" if isinstance(bare, ir.Call) else spelled(bare)


# -- what a condition comes to when the call has failed ------------------------------------------------------------


def _run(node: ir.Node, known: dict[str, int], failed: ir.Call | None) -> int | None:
    """The value of a node when that is known; `known` gets the variables known behind it."""
    if isinstance(node, ir.Declaration):
        for variable in node.variables:
            _set(known, variable.name, _value(variable.init, known, failed) if variable.init is not None else None)
        return None
    if isinstance(node, (ir.Return, ir.Opaque)):
        return None
    assert not isinstance(node, (ir.Stmt, ir.Entry, ir.Variable))
    return _value(node, known, failed)


def _set(known: dict[str, int], name: str, value: int | None) -> None:
    if value is None:
        known.pop(name, None)
    else:
        known[name] = value


def _value(expr: ir.Expr, known: dict[str, int], failed: ir.Call | None, depth: int = 0) -> int | None:
    """The value of an expression when `failed` gives -1 and is reached; assignments go into `known`."""
    inner = ir.strip(expr)
    if depth > _MAX_DEPTH:
        return None
    match inner:
        case ir.Call():
            for argument in inner.args:
                bare = ir.strip(argument)
                if isinstance(bare, ir.Unary) and bare.operator == "&":
                    known.pop(spelled(bare.operand), None)
                else:
                    _value(argument, known, failed, depth + 1)
            return -1 if inner is failed else None
        case ir.Name():
            return known.get(inner.text)
        case ir.Constant(kind="number"):
            return number(inner)
        case ir.Unary(operator="!" | "-"):
            value = _value(inner.operand, known, failed, depth + 1)
            return None if value is None else int(not value) if inner.operator == "!" else -value
        case ir.Unary(operator="++" | "--" | "p++" | "p--"):
            known.pop(spelled(inner.operand), None)
        case ir.Assign():
            return _assigned(inner, known, failed, depth)
        case ir.Binary():
            return _binary(inner, known, failed, depth)
        case ir.Conditional():
            value = _value(inner.condition, known, failed, depth + 1)
            then = _value(inner.then, known, failed, depth + 1)
            otherwise = _value(inner.otherwise, known, failed, depth + 1)
            return (then if then == otherwise else None) if value is None else then if value else otherwise
    return None


def _assigned(node: ir.Assign, known: dict[str, int], failed: ir.Call | None, depth: int) -> int | None:
    name = spelled(node.target)
    value = _value(node.value, known, failed, depth + 1)
    old = known.get(name)
    if node.operator in ("|=", "+="):  # return codes are 0 or -1: once one has failed, the sum is not 0 again
        value = -1 if -1 in (old, value) else None
    elif node.operator == "&=":
        value = 0 if 0 in (old, value) else None
    elif node.operator != "=":
        value = None
    if name:
        _set(known, name, value)
    return value


def _binary(node: ir.Binary, known: dict[str, int], failed: ir.Call | None, depth: int) -> int | None:
    left = _value(node.left, known, failed, depth + 1)
    right = _value(node.right, known, failed, depth + 1)
    match node.operator:
        case ",":
            return right
        case "||":
            return 1 if left or right else 0 if left == 0 and right == 0 else None
        case "&&":
            return 0 if left == 0 or right == 0 else 1 if left and right else None
        case "|":
            return -1 if -1 in (left, right) else left | right if left is not None and right is not None else None
    if left is None or right is None:
        return None
    match node.operator:
        case "<":
            return int(left < right)
        case ">":
            return int(left > right)
        case "<=":
            return int(left <= right)
        case ">=":
            return int(left >= right)
        case "==":
            return int(left == right)
        case "!=":
            return int(left != right)
    return None
