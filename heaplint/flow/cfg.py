"""The control-flow graph of a function: one node per expression, declaration, condition or return."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from heaplint import ir
from heaplint.records import dataclass, field

State = TypeVar("State")
NO_RETURN = frozenset({"Py_FatalError", "abort", "exit", "_exit", "Py_Exit", "Py_UNREACHABLE", "__builtin_unreachable", "throw"})
"""Calls behind which nothing follows; `throw` is that of C++."""
_MAX_NODES = 20_000


@dataclass(slots=True, eq=False)
class CfgNode:
    """What happens at one point: `node` is None at entry, exit and joins."""

    index: int
    node: ir.Node | None
    edges: list[tuple[int, bool | None]] = field(default_factory=list)
    """Successors; behind a condition with the value it had."""
    jump: ir.Jump | None = None
    """Of a node where control only goes elsewhere."""


@dataclass(slots=True, eq=False)
class Cfg:
    """Nodes by index: 0 is the entry, 1 the exit (every return leads to it)."""

    nodes: list[CfgNode]

    def reachable(self, start: int) -> set[int]:
        """The nodes that control can come to from a node, itself only by way of a loop."""
        return _closure(start, [[target for target, _ in node.edges] for node in self.nodes])

    def reaching(self, end: int) -> set[int]:
        """The nodes from which control can come to a node, itself only by way of a loop."""
        before: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for target, _ in node.edges:
                before[target].append(node.index)
        return _closure(end, before)

    def forward(
        self, start: State, transfer: Callable[[CfgNode, State], State], join: Callable[[State, State], State]
    ) -> dict[int, State]:
        """The state before each node that control can come to, to a fixpoint, by the node's index."""
        before: dict[int, State] = {0: start}
        todo = [0]
        steps = 0
        while todo and steps < _MAX_NODES * 8:
            steps += 1
            index = todo.pop()
            after = transfer(self.nodes[index], before[index])
            for target, _ in self.nodes[index].edges:
                if target not in before:
                    before[target] = after
                    todo.append(target)
                elif (new := join(before[target], after)) != before[target]:
                    before[target] = new
                    todo.append(target)
        return before


def _closure(start: int, neighbours: list[list[int]]) -> set[int]:
    seen: set[int] = set()
    todo = [start]
    while todo:
        for one in neighbours[todo.pop()]:
            if one not in seen:
                seen.add(one)
                todo.append(one)
    return seen


class _Builder:
    def __init__(self) -> None:
        self.nodes = [CfgNode(0, None), CfgNode(1, None)]
        self.labels: dict[str, int] = {}
        self.gotos: list[tuple[int, str]] = []
        self.breaks: list[list[int]] = []
        self.continues: list[int] = []

    def add(self, node: ir.Node | None, frm: list[tuple[int, bool | None]]) -> int:
        index = len(self.nodes)
        self.nodes.append(CfgNode(index, node))
        for one, value in frm:
            self.nodes[one].edges.append((index, value))
        return index

    def statement(self, stmt: ir.Stmt | None, frm: list[tuple[int, bool | None]]) -> list[tuple[int, bool | None]]:
        """Add a statement behind some loose ends; gives the new loose ends (none: control does not get here)."""
        match stmt:
            case None:
                return frm
            case ir.Block():
                for one in stmt.body:
                    frm = self.statement(one, frm)
                return frm
            case ir.ExprStmt():
                here = self.add(stmt.expr, frm)
                if ir.called(ir.strip(stmt.expr)) in NO_RETURN:
                    return []
                return [(here, None)]
            case ir.Declaration() | ir.Opaque():
                return [(self.add(stmt, frm), None)]
            case ir.Return():
                here = self.add(stmt, frm)
                self.nodes[here].edges.append((1, None))
                return []
            case ir.If():
                here = self.add(stmt.condition, frm)
                entered: list[tuple[int, bool | None]] = [] if ir.is_null(stmt.condition) else [(here, True)]
                ends = self.statement(stmt.then, entered)
                return ends + (self.statement(stmt.otherwise, [(here, False)]) if stmt.otherwise else [(here, False)])
            case ir.Loop():
                return self.loop(stmt, frm)
            case ir.Switch():
                return self.switch(stmt, frm)
            case ir.Case():
                for one in stmt.body:
                    frm = self.statement(one, frm)
                return frm
            case ir.Label():
                here = self.add(None, frm)
                self.labels[stmt.name] = here
                return self.statement(stmt.body, [(here, None)])
            case ir.Jump():
                here = self.add(None, frm)
                self.nodes[here].jump = stmt
                if stmt.kind == "goto":
                    self.gotos.append((here, stmt.label))
                elif stmt.kind == "break" and self.breaks:
                    self.breaks[-1].append(here)
                elif stmt.kind == "continue" and self.continues:
                    self.nodes[here].edges.append((self.continues[-1], None))
                return []
        return frm

    def loop(self, stmt: ir.Loop, frm: list[tuple[int, bool | None]]) -> list[tuple[int, bool | None]]:
        frm = self.statement(stmt.init, frm)
        self.breaks.append([])
        head = self.add(None, frm)
        endless = stmt.condition is None or (isinstance(stmt.condition, ir.Constant) and stmt.condition.text == "1")
        once = stmt.kind == "do" and ir.is_null(stmt.condition)
        if stmt.kind == "do":
            check = self.add(stmt.condition, [])
            self.continues.append(check)
            ends = self.statement(stmt.body, [(head, None)])
            for one, value in ends:
                self.nodes[one].edges.append((check, value))
            if not once:
                self.nodes[check].edges.append((head, True))
            out: list[tuple[int, bool | None]] = [] if endless else [(check, False)]
        else:
            check = self.add(stmt.condition, [(head, None)])
            step = self.add(stmt.step, [])
            self.nodes[step].edges.append((head, None))
            self.continues.append(step)
            for one, value in self.statement(stmt.body, [(check, True)]):
                self.nodes[one].edges.append((step, value))
            out = [] if endless else [(check, False)]
        self.continues.pop()
        return out + [(one, None) for one in self.breaks.pop()]

    def switch(self, stmt: ir.Switch, frm: list[tuple[int, bool | None]]) -> list[tuple[int, bool | None]]:
        head = self.add(stmt.subject, frm)
        self.breaks.append([])
        ends: list[tuple[int, bool | None]] = []
        has_default = False
        body = stmt.body.body if isinstance(stmt.body, ir.Block) else (stmt.body,)
        for one in body:
            if isinstance(one, ir.Case):
                has_default = has_default or one.value is None
                ends = self.statement(one, [*ends, (head, None)])
            else:
                ends = self.statement(one, ends)
        if not has_default:
            ends.append((head, None))
        return ends + [(one, None) for one in self.breaks.pop()]


def build(function: ir.Function) -> Cfg:
    """The graph of a function."""
    builder = _Builder()
    ends = builder.statement(function.body, [(0, None)])
    for one, value in ends:
        builder.nodes[one].edges.append((1, value))
    for one, label in builder.gotos:
        builder.nodes[one].edges.append((builder.labels.get(label, 1), None))
    return Cfg(builder.nodes)
