"""Ways through a function with a status carried along, conditions that are asked more than once kept consistent.

The status is whatever a protocol needs (is the GIL held, is the interpreter there). Two tests of one unchanged variable have
one outcome on one way, so that `if (flag) begin(); … if (flag) end();` is balanced; only conditions that decide about a
step of the protocol are remembered, which keeps the number of states small.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.flow.cfg import Cfg, build
from heaplint.flow.holdings import spelled
from heaplint.model.expressions import COMPARISONS, number
from heaplint.records import dataclass, field

S = TypeVar("S")
Facts = frozenset[tuple[str, int]]
"""What is known on a way: `x` → its value (1 for some value other than 0 where `x` was only tested), `a < b` → 0 or 1."""
Point = tuple[int, S, Facts]

_MAX_POINTS = 6000
_MAX_EXPRESSION = 100
_ACCESSOR = re.compile(r"_[A-Z0-9]+\Z|\A[A-Z0-9_]+\Z")
"""Macros that read a field: two uses have one outcome."""
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_LEAVES = frozenset({"longjmp", "siglongjmp", "_longjmp", "execv", "execve", "execvp", "_Py_FatalErrorFormat"})
"""Functions that do not come back, or only when everything has failed."""
_REPEATABLE = frozenset({*COMPARISONS, "&"})


@dataclass(slots=True)
class Visit(Generic[S]):
    """One call and the statuses it is met in."""

    call: ir.Call
    statuses: set[S] = field(default_factory=set)
    facts: Facts | None = None
    """What is known on every way to it."""


@dataclass(slots=True)
class Ways(Generic[S]):
    """All that was met on the ways through one function."""

    cfg: Cfg
    visits: dict[int, Visit[S]] = field(default_factory=dict)
    """By the identity of the call, in the order in which they were met."""
    parents: dict[Point[S], Point[S] | None] = field(default_factory=dict)
    ends: list[tuple[Point[S], S]] = field(default_factory=list)
    """Points from which control leaves the function, with the status it leaves in."""

    def back(self, point: Point[S]) -> Iterator[ir.Node]:
        """The nodes on one way to a point, the last first."""
        at: Point[S] | None = point
        while at is not None:
            node = self.cfg.nodes[at[0]]
            if (what := node.node or node.jump) is not None:
                yield what
            at = self.parents[at]


class Steps(Protocol[S]):
    """What changes the status of one protocol."""

    @property
    def unknown(self) -> S:
        """The status behind a step that is taken only sometimes within one expression."""

    def decides(self, call: ir.Call) -> bool:
        """Whether a call may change the status."""

    def step(self, status: S, call: ir.Call, facts: Facts) -> S | None:
        """The status behind a call; None when control does not come back."""

    def beside(self, status: S, node: ir.Variable | ir.Opaque | ir.Name) -> S:
        """The status behind a declaration, what could not be read, or a name alone, an unknown macro."""

    def asked(self, status: S, condition: ir.Expr) -> S:
        """The status behind a condition whose outcome is open."""


def explore(function: ir.Function, start: S, steps: Steps[S], given: Mapping[str, int]) -> Ways[S] | None:
    """Follow every way; None when there are too many. `given`: parameters whose value is known."""
    walker = _Walker(function, steps, _relevant(function, steps) | set(given))
    return walker.run(start, frozenset(given.items()))


def _relevant(function: ir.Function, steps: Steps[S]) -> set[str]:
    """The identifiers in conditions that a step depends on."""
    names: set[str] = set()
    for node in ir.walk(function.body):
        if isinstance(node, (ir.If, ir.Loop, ir.Conditional)):
            inside = (node.body,) if isinstance(node, ir.Loop) else (node.then, node.otherwise)
            if any(steps.decides(call) for branch in inside for call in ir.calls(branch)):
                names.update(one.text for one in ir.walk(node.condition) if isinstance(one, ir.Name))
    return names


class _Walker(Generic[S]):
    def __init__(self, function: ir.Function, steps: Steps[S], relevant: set[str]) -> None:
        self.steps = steps
        self.relevant = relevant
        self.ways: Ways[S] = Ways(build(function))

    def run(self, start: S, given: Facts) -> Ways[S] | None:
        first: Point[S] = (0, start, given)
        self.ways.parents[first] = None
        todo = [first]
        while todo:
            point = todo.pop()
            node = self.ways.cfg.nodes[point[0]]
            status: S | None = point[1]
            facts = dict(point[2])
            if node.node is not None:
                inner = node.node.value if isinstance(node.node, ir.Return) else node.node
                status = self.evaluate(inner, point[1], facts, sure=True, depth=0)
                if isinstance(node.node, ir.Name) and status is not None and not any(value for _, value in node.edges):
                    status = self.steps.beside(status, node.node)
            if status is None:
                continue
            for target, value in node.edges:
                after, behind = facts, status
                if value is not None and isinstance(node.node, ir.Expr):
                    known = truth(node.node, facts)
                    if known is not None and known != value:
                        continue
                    if known is None:
                        after, behind = dict(facts), self.steps.asked(status, node.node)
                        self.learn(node.node, value, after)
                if target == 1:
                    self.ways.ends.append((point, behind))
                    continue
                following: Point[S] = (target, behind, frozenset(after.items()))
                if following not in self.ways.parents:
                    if len(self.ways.parents) > _MAX_POINTS:
                        return None
                    self.ways.parents[following] = point
                    todo.append(following)
        return self.ways

    # -- one expression --------------------------------------------------------------------------------------------

    def evaluate(self, node: ir.Node | None, status: S, facts: dict[str, int], *, sure: bool, depth: int) -> S | None:
        """The status behind a node; `sure` is false in what is evaluated only sometimes."""
        if node is None or depth > _MAX_EXPRESSION or isinstance(node, ir.SizeOf):
            return status
        after: S | None = status
        match node:
            case ir.Opaque():
                return self.steps.beside(status, node)  # what is in it, a lambda's body say, need not run here
            case ir.Binary(operator="&&" | "||"):
                after = self.evaluate(node.left, status, facts, sure=sure, depth=depth + 1)
                left = truth(node.left, facts)
                if after is None or left is (node.operator == "||"):
                    return after
                return self.evaluate(node.right, after, facts, sure=sure and left is not None, depth=depth + 1)
            case ir.Conditional():
                after = self.evaluate(node.condition, status, facts, sure=sure, depth=depth + 1)
                chosen = truth(node.condition, facts)
                for value, branch in ((True, node.then), (False, node.otherwise)):
                    if chosen is not (not value) and after is not None:
                        after = self.evaluate(branch, after, facts, sure=sure and chosen is not None, depth=depth + 1)
                return after
        for child in ir.children(node):
            if after is not None and ir.called(node if isinstance(node, ir.Call) else None) != "assert":
                after = self.evaluate(child, after, facts, sure=sure, depth=depth + 1)
        if after is None:
            return None
        match node:
            case ir.Call():
                return self.call(node, after, facts, sure)
            case ir.Assign():
                self.assign(node, facts)
            case ir.Variable():
                self.forget(node.name, facts)
                if node.init is not None:
                    self.know(node.name, node.init, facts)
                after = self.steps.beside(after, node)
            case ir.Unary(operator="++" | "--" | "p++" | "p--" | "&"):
                self.forget(spelled(node.operand), facts)
        return after

    def call(self, call: ir.Call, status: S, facts: dict[str, int], sure: bool) -> S | None:
        name = ir.called(call)
        if name in _LEAVES:
            return None if sure else status
        frozen = frozenset(facts.items())
        visit = self.ways.visits.setdefault(id(call), Visit(call))
        visit.statuses.add(status)
        visit.facts = frozen if visit.facts is None else visit.facts & frozen
        after = self.steps.step(status, call, frozen)
        return after if sure or after == status else self.steps.unknown

    def assign(self, node: ir.Assign, facts: dict[str, int]) -> None:
        target = spelled(node.target)
        self.forget(target, facts)
        if node.operator == "=":
            self.know(target, node.value, facts)

    def know(self, target: str, value: ir.Expr, facts: dict[str, int]) -> None:
        """Remember a constant that a variable was given."""
        if target not in self.relevant:
            return
        constant = 0 if ir.is_null(value) else _number(value)
        if constant is not None:
            facts[target] = constant
        elif ir.called(ir.strip(value)) == "PyEval_SaveThread":
            facts[target] = 1

    def forget(self, name: str, facts: dict[str, int]) -> None:
        if name:
            for key in [key for key in facts if key == name or name in _IDENTIFIER.findall(key)]:
                del facts[key]

    def learn(self, condition: ir.Expr, value: bool, facts: dict[str, int]) -> None:
        """Remember how a condition came out, where that matters."""
        inner = ir.strip(condition)
        match inner:
            case ir.Unary(operator="!"):
                self.learn(inner.operand, not value, facts)
            case ir.Binary(operator="&&" | "||") if value == (inner.operator == "&&"):
                self.learn(inner.left, value, facts)
                self.learn(inner.right, value, facts)
            case ir.Binary(operator="==" | "!=") if ir.is_null(inner.right):
                self.learn(inner.left, value == (inner.operator == "!="), facts)
            case ir.Assign(operator="="):
                self.learn(inner.target, value, facts)
            case _:
                key = _key(inner)
                if key and key not in facts and not self.relevant.isdisjoint(_IDENTIFIER.findall(key)):
                    facts[key] = int(value)


def _key(expr: ir.Expr) -> str:
    """The text of a condition that has the same outcome when it is asked again; "" for none."""
    inner = ir.strip(expr)
    if isinstance(inner, ir.Constant):
        return inner.text
    if isinstance(inner, ir.Unary) and inner.operator == "-":
        return f"-{_key(inner.operand)}"
    if isinstance(inner, ir.Binary) and inner.operator in _REPEATABLE:
        left, right = _key(inner.left), _key(inner.right)
        return f"({left} {inner.operator} {right})" if left and right else ""
    if any(not _ACCESSOR.search(ir.called(call)) for call in ir.calls(inner)):
        return ""
    return "NULL" if ir.is_null(inner) else spelled(inner)


def _number(expr: ir.Expr) -> int | None:
    value = number(expr)
    if value is None and isinstance(inner := ir.strip(expr), ir.Name):
        return {"true": 1, "TRUE": 1, "false": 0, "FALSE": 0, "NULL": 0}.get(inner.text)
    return value


def truth(condition: ir.Expr, facts: Mapping[str, int]) -> bool | None:
    """Whether a condition holds, by what is known; None when that is open."""
    inner = ir.strip(condition)
    if (value := _number(inner)) is not None:
        return bool(value)
    match inner:
        case ir.Unary(operator="!"):
            known = truth(inner.operand, facts)
            return None if known is None else not known
        case ir.Binary(operator="&&" | "||"):
            sides = (truth(inner.left, facts), truth(inner.right, facts))
            decisive = inner.operator == "||"
            return decisive if decisive in sides else None if None in sides else not decisive
        case ir.Binary(operator="==" | "!=") if ir.is_null(inner.right):
            known = truth(inner.left, facts)
            return None if known is None else known == (inner.operator == "!=")
        case ir.Assign(operator="="):
            return truth(inner.target, facts)
        case ir.Binary() if inner.operator in COMPARISONS:
            key = _key(inner)
            if key in facts:
                return bool(facts[key])
            left, right = spelled(inner.left), number(inner.right)
            value = facts.get(left, 1)  # 1 may stand for any value but 0
            return COMPARISONS[inner.operator](value, right) if right is not None and value != 1 else None
    key = _key(inner)
    return bool(facts[key]) if key and key in facts else None
