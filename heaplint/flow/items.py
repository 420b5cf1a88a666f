"""Which items of a fresh tuple, list or struct sequence a function has set, and numbers that its variables hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from heaplint import ir
from heaplint.flow.cfg import CfgNode
from heaplint.model.expressions import number
from heaplint.records import dataclass, replace

SETS = frozenset(
    "PyTuple_SET_ITEM PyTuple_SetItem PyList_SET_ITEM PyList_SetItem PyStructSequence_SET_ITEM PyStructSequence_SetItem".split()
)
"""Functions and macros that set an item of their first argument."""
_GET = frozenset(
    "PyTuple_GET_ITEM PyTuple_GetItem PyList_GET_ITEM PyList_GetItem PyList_GetItemRef PyStructSequence_GET_ITEM "
    "PyStructSequence_GetItem".split()
)
_LOOKS = frozenset(
    "PyTuple_GET_SIZE PyTuple_Size PyList_GET_SIZE PyList_Size Py_SIZE Py_INCREF Py_XINCREF Py_TYPE assert "
    "PyObject_GC_UnTrack PyObject_GC_Track PyTuple_Check PyList_Check".split()
)
_ENDS = frozenset("Py_DECREF Py_XDECREF Py_CLEAR".split())
_GROWS = frozenset({"PyList_Append"})
_HANDS_OUT = frozenset(
    "PyObject_Call PyObject_CallObject PyDict_SetItem PyDict_SetItemString PyObject_SetAttr PyObject_SetAttrString "
    "PyModule_AddObject PyModule_AddObjectRef PyModule_Add PyErr_SetObject PyUnicode_Format PyList_Append".split()
)
_MAX_SIZE = 512

Kind = Literal["tuple", "list", "struct sequence"]


@dataclass(frozen=True, slots=True)
class Container:
    """A container that a local variable holds and nothing else knows."""

    made: int
    """The identity of the call that made it."""
    kind: Kind
    size: int
    visible: int
    """How many items must be set before anybody sees it."""
    filled: frozenset[int] | None
    """The items set on some way; None when that is not known."""
    grown: bool = False
    """Items may have been added at the end."""


@dataclass(frozen=True, slots=True)
class Known:
    """The state at one point."""

    numbers: frozenset[tuple[str, int]] = frozenset()
    containers: frozenset[tuple[str, Container]] = frozenset()


@dataclass(frozen=True, slots=True)
class Outside:
    """An index that the container does not have."""

    call: ir.Call
    container: Container
    index: int


@dataclass(frozen=True, slots=True)
class Unset:
    """A container that is given away with items that nothing has set."""

    node: ir.Node
    name: str
    container: Container
    missing: tuple[int, ...]


Make = Callable[[ir.Call], Container | None]


def join(one: Known, other: Known) -> Known:
    """What holds on both of two ways."""
    if one == other:
        return one
    containers: list[tuple[str, Container]] = []
    theirs = dict(other.containers)
    for name, mine in one.containers:
        their = theirs.get(name)
        if their is not None and their.made == mine.made:
            filled = None if mine.filled is None or their.filled is None else mine.filled | their.filled
            containers.append((name, replace(mine, filled=filled, grown=mine.grown or their.grown)))
    return Known(one.numbers & other.numbers, frozenset(containers))


class Reader:
    """Carries a state over the expressions of one function; `found` says what it meets."""

    def __init__(self, make: Make, local: frozenset[str]) -> None:
        self.make = make
        self.local = local
        self.numbers: dict[str, int] = {}
        self.containers: dict[str, Container] = {}
        self.met: list[Outside | Unset] = []

    def transfer(self, node: CfgNode, before: Known) -> Known:
        """The state behind a node."""
        self.numbers, self.containers = dict(before.numbers), dict(before.containers)
        match node.node:
            case None:
                pass
            case ir.Return(value=value) if value is not None and (name := self.held(value)):
                self.given_away(node.node, name)
                self.containers.pop(name, None)
            case ir.Name():
                pass  # a test
            case _:
                self.visit(node.node)
        return self.state()

    def state(self) -> Known:
        return Known(frozenset(self.numbers.items()), frozenset(self.containers.items()))

    def found(self, node: CfgNode, before: Known) -> Iterator[Outside | Unset]:
        """What is wrong at a node."""
        self.met = []
        self.transfer(node, before)
        yield from self.met

    def held(self, expr: ir.Expr) -> str:
        """The variable with a container that an expression names."""
        inner = ir.strip(expr)
        return inner.text if isinstance(inner, ir.Name) and inner.text in self.containers else ""

    # -- expressions -----------------------------------------------------------------------------------------------

    def visit(self, node: ir.Node) -> int | None:
        """Follow what a node does; its value when it is a number that is known."""
        match node:
            case ir.Constant():
                return number(node)
            case ir.Name():
                self.containers.pop(node.text, None)  # somebody else gets it
                return self.numbers.get(node.text)
            case ir.Cast() | ir.Unary(operator="+"):
                return self.visit(node.operand)
            case ir.Unary(operator="!") if self.held(node.operand):
                return None
            case ir.Unary(operator="-"):
                value = self.visit(node.operand)
                return None if value is None else -value
            case ir.Unary(operator="++" | "--" | "p++" | "p--"):
                return self.step(node)
            case ir.Unary(operator="&"):
                if isinstance(inner := ir.strip(node.operand), ir.Name):
                    self.numbers.pop(inner.text, None)
                self.visit(node.operand)
            case ir.Binary(operator="==" | "!=") if self.held(node.left) and ir.is_null(node.right):
                return None
            case ir.Binary(operator="&&" | "||"):
                self.visit(node.left)
                self.sometimes(node.right)
            case ir.Binary():
                return self.binary(node)
            case ir.Conditional():
                self.visit(node.condition)
                self.sometimes(node.then)
                self.sometimes(node.otherwise)
            case ir.Assign():
                return self.assign(node)
            case ir.Variable():
                if node.init is not None:
                    self.put(node.name, node.init)
            case ir.Call():
                self.call(node)
            case ir.SizeOf():
                pass
            case _:
                for child in ir.children(node):
                    if child is not None:
                        self.visit(child)
        return None

    def sometimes(self, node: ir.Node) -> None:
        before = self.state()
        self.visit(node)
        after = join(before, self.state())
        self.numbers, self.containers = dict(after.numbers), dict(after.containers)

    def step(self, node: ir.Unary) -> int | None:
        inner = ir.strip(node.operand)
        if not isinstance(inner, ir.Name):
            self.visit(node.operand)
            return None
        before = self.numbers.pop(inner.text, None)
        if before is None:
            return None
        after = before + (1 if "+" in node.operator else -1)
        self.numbers[inner.text] = after
        return before if node.operator.startswith("p") else after

    def binary(self, node: ir.Binary) -> int | None:
        left, right = self.visit(node.left), self.visit(node.right)
        if node.operator == ",":
            return right
        if left is None or right is None:
            return None
        return {"+": left + right, "-": left - right, "*": left * right}.get(node.operator)

    def assign(self, node: ir.Assign) -> int | None:
        target = ir.strip(node.target)
        if not isinstance(target, ir.Name):
            self.visit(node.value)
            self.visit(node.target)
            return None
        if node.operator == "=":
            return self.put(target.text, node.value)
        value, before = self.visit(node.value), self.numbers.pop(target.text, None)
        if value is not None and before is not None and node.operator in ("+=", "-="):
            self.numbers[target.text] = before + value if node.operator == "+=" else before - value
        return self.numbers.get(target.text)

    def put(self, name: str, value: ir.Expr) -> int | None:
        known = self.visit(value)
        self.numbers.pop(name, None)
        self.containers.pop(name, None)
        if name in self.local:
            inner = ir.strip(value)
            if known is not None:
                self.numbers[name] = known
            elif isinstance(inner, ir.Call) and (made := self.make(inner)) is not None:
                self.containers[name] = made
        return known

    def call(self, call: ir.Call) -> None:
        name = ir.called(call)
        holder = self.held(call.args[0]) if call.args else ""
        if name in _HANDS_OUT:
            for argument in call.args[0 if name.startswith("PyObject_Call") else 1 :]:
                if given := self.held(argument):
                    self.given_away(call, given)
        if holder and name in SETS | _GET and len(call.args) >= 2:
            index = self.visit(call.args[1])
            for argument in call.args[2:]:
                self.visit(argument)
            if holder in self.containers:
                self.item(call, holder, index)
        elif holder and name in _GROWS:
            for argument in call.args[1:]:
                self.visit(argument)
            if holder in self.containers:
                self.containers[holder] = replace(self.containers[holder], grown=True)
        elif holder and name in _LOOKS:
            for argument in call.args[1:]:
                self.visit(argument)
        elif holder and name in _ENDS:
            self.containers.pop(holder, None)
        else:
            for child in (call.function, *call.args):
                self.visit(child)

    def item(self, call: ir.Call, holder: str, index: int | None) -> None:
        container = self.containers[holder]
        if index is not None and (index < 0 or (index >= container.size and not container.grown)):
            self.met.append(Outside(call, container, index))
        if ir.called(call) in SETS:
            filled = None if index is None or container.filled is None else container.filled | {index}
            self.containers[holder] = replace(container, filled=filled)

    def given_away(self, node: ir.Node, name: str) -> None:
        container = self.containers[name]
        if container.filled is None or container.visible > _MAX_SIZE:
            return
        missing = tuple(index for index in range(container.visible) if index not in container.filled)
        if missing:
            self.met.append(Unset(node, name, container, missing))
