"""The small C tree that every front end produces and every check reads.

Offsets are bytes into the file that the node's function or item comes from; code that came out of a macro carries the
place where the macro was used. Nodes compare by identity: two equal expressions at two places are two nodes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from heaplint.records import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stretch of a file: byte offsets, the end exclusive."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """An identifier."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """A number, character or string; `text` as written, adjacent strings joined as written."""

    start: int
    end: int
    kind: Literal["number", "char", "string"]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """`function(args)`."""

    start: int
    end: int
    function: Expr
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """`object.field` or `object->field`."""

    start: int
    end: int
    object: Expr
    field: str
    arrow: bool


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """`object[index]`."""

    start: int
    end: int
    object: Expr
    index: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Unary:
    """`&x *x !x -x +x ~x ++x --x`, and postfix `x++ x--` written `p++ p--`."""

    start: int
    end: int
    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """Any two-operand expression but assignment; the comma is one of them."""

    start: int
    end: int
    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Assign:
    """`target = value`, and `+=` and its like."""

    start: int
    end: int
    operator: str
    target: Expr
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """`condition ? then : otherwise`."""

    start: int
    end: int
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """`(type)operand`, and C++'s `static_cast<type>(operand)` and its like."""

    start: int
    end: int
    type: CType
    operand: Expr


@dataclass(frozen=True, slots=True, eq=False)
class SizeOf:
    """`sizeof(type)` or `sizeof expression`."""

    start: int
    end: int
    type: CType | None
    operand: Expr | None


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One element of an initialiser list: `.a.b[0] = value` has the designators `("a", "b", "[0]")`."""

    start: int
    end: int
    designators: tuple[str, ...]
    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class InitList:
    """`{…}`; with a type it is a compound literal."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    type: CType | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """An expression, statement or declaration that could not be read; its children that could be are kept."""

    start: int
    end: int
    text: str
    parts: tuple[Node, ...] = ()


Expr: TypeAlias = (
    Name | Constant | Call | Member | Index | Unary | Binary | Assign | Conditional | Cast | SizeOf | InitList | Opaque
)


@dataclass(frozen=True, slots=True)
class CType:
    """A type as written: `static struct foo *a[3]` is base `struct foo`, pointers 1, arrays ("3",), storage {static}."""

    base: str
    pointers: int = 0
    arrays: tuple[str, ...] = ()
    storage: frozenset[str] = frozenset()
    """static, extern, const, volatile, thread_local, typedef, inline. Of C++: reference for a variable that is another's name, class for an
    object of a class, which has what is given to it and may give it away when it goes."""
    function: bool = False
    """A function or pointer to one."""

    @property
    def name(self) -> str:
        """The base without `struct`, `union` or `enum`."""
        return self.base.rpartition(" ")[2] if self.base.startswith(("struct ", "union ", "enum ")) else self.base


@dataclass(frozen=True, slots=True, eq=False)
class Variable:
    """A declared variable, parameter or field; bit-fields and unnamed parameters included (name "")."""

    start: int
    end: int
    name: str
    type: CType
    init: Expr | None = None
    fields: Struct | None = None
    """The body, when the variable's struct type is written in place."""


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """A struct, union or C++ class with its fields in order; a body that includes another by macro is flattened."""

    start: int
    end: int
    name: str
    """The tag or, without one, the typedef's name; "" for a nested anonymous one."""
    union: bool
    fields: tuple[Variable, ...]
    complete: bool = True
    """False when a part of the body could not be read."""


@dataclass(frozen=True, slots=True, eq=False)
class ExprStmt:
    """An expression and a semicolon."""

    start: int
    end: int
    expr: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """Local variables."""

    start: int
    end: int
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Return:
    """`return value;`, and the `Py_RETURN_…` macros, whose value is a Name of the macro."""

    start: int
    end: int
    value: Expr | None


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """`if (condition) then else otherwise`."""

    start: int
    end: int
    condition: Expr
    then: Stmt
    otherwise: Stmt | None


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """while, do and for; a missing condition is endless."""

    start: int
    end: int
    kind: Literal["while", "do", "for"]
    init: Stmt | None
    condition: Expr | None
    step: Expr | None
    body: Stmt


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """`switch (subject) body`; its Case statements lie in the body."""

    start: int
    end: int
    subject: Expr
    body: Stmt


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """`case value:` (None for default) with the statements up to the next one."""

    start: int
    end: int
    value: Expr | None
    body: tuple[Stmt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Jump:
    """break, continue or `goto label`."""

    start: int
    end: int
    kind: Literal["break", "continue", "goto"]
    label: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """`name: statement`."""

    start: int
    end: int
    name: str
    body: Stmt | None


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """`{…}`."""

    start: int
    end: int
    body: tuple[Stmt, ...]


Stmt: TypeAlias = ExprStmt | Declaration | Return | If | Loop | Switch | Case | Jump | Label | Block | Opaque
Node: TypeAlias = Expr | Stmt | Entry | Variable


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function definition."""

    start: int
    """Offset of the function's name."""
    end: int
    """Offset behind the function's name."""
    path: str
    name: str
    returns: CType
    parameters: tuple[Variable, ...]
    variadic: bool
    body: Block
    complete: bool = True
    """False when some part of the body could not be read."""


_CHILDREN: dict[type, Callable[[Any], tuple[Node | None, ...]]] = {
    Name: lambda node: (),
    Constant: lambda node: (),
    Jump: lambda node: (),
    Call: lambda node: (node.function, *node.args),
    ExprStmt: lambda node: (node.expr,),
    Member: lambda node: (node.object,),
    Index: lambda node: (node.object, node.index),
    Unary: lambda node: (node.operand,),
    Cast: lambda node: (node.operand,),
    SizeOf: lambda node: (node.operand,),
    Binary: lambda node: (node.left, node.right),
    Assign: lambda node: (node.value, node.target),
    Conditional: lambda node: (node.condition, node.then, node.otherwise),
    Entry: lambda node: (node.value,),
    Return: lambda node: (node.value,),
    InitList: lambda node: node.entries,
    Opaque: lambda node: node.parts,
    Variable: lambda node: (node.init,),
    Declaration: lambda node: node.variables,
    If: lambda node: (node.condition, node.then, node.otherwise),
    Loop: lambda node: (node.init, node.condition, node.body, node.step),
    Switch: lambda node: (node.subject, node.body),
    Case: lambda node: (node.value, *node.body),
    Label: lambda node: (node.body,),
    Block: lambda node: node.body,
}


def children(node: Node) -> tuple[Node | None, ...]:
    """The direct children of a node in the order in which C evaluates or writes them; absent ones are None."""
    return _CHILDREN[type(node)](node)


def walk(node: Node | None) -> Iterator[Node]:
    """The node and everything below it, depth first, in source order of evaluation."""
    return iter(_flat(node)) if type(node) is Block else _walk(node)


def calls(node: Node | None) -> Iterator[Call]:
    """Every call below a node."""
    if type(node) is Block:
        return iter(_calls(node))
    return (one for one in _walk(node) if type(one) is Call)


def _walk(node: Node | None) -> Iterator[Node]:
    stack: list[Node | None] = [node]
    pop, push, below = stack.pop, stack.extend, _CHILDREN
    while stack:
        one = pop()
        if one is not None:
            yield one
            more = below[type(one)](one)
            if more:
                push(more[::-1])


@functools.lru_cache(maxsize=256)
def _flat(block: Block) -> tuple[Node, ...]:
    """What walking a block gives: function bodies are walked again and again by the checks of one unit."""
    return tuple(_walk(block))


@functools.lru_cache(maxsize=256)
def _calls(block: Block) -> tuple[Call, ...]:
    return tuple(one for one in _flat(block) if type(one) is Call)


def strip(expr: Expr) -> Expr:
    """The expression without casts around it."""
    while isinstance(expr, Cast):
        expr = expr.operand
    return expr


def called(expr: Expr | None) -> str:
    """The name of the function that a call calls by name; "" for anything else."""
    return expr.function.text if isinstance(expr, Call) and isinstance(expr.function, Name) else ""


def string_value(expr: Expr | None) -> str | None:
    """The text of a string literal without quotes (escapes left as written), adjacent literals joined; else None."""
    if not isinstance(expr, Constant) or expr.kind != "string":
        return None
    parts: list[str] = []
    text, at = expr.text, 0
    while True:
        first = text.find('"', at)
        if first < 0:
            return "".join(parts)
        last = first + 1
        while last < len(text) and text[last] != '"':
            last += 2 if text[last] == "\\" else 1
        parts.append(text[first + 1 : last])
        at = last + 1


def is_null(expr: Expr | None) -> bool:
    """NULL, nullptr, 0, or one of them cast; CPython has a name of its own for it in headers that C++ reads too."""
    if expr is None:
        return False
    inner = strip(expr)
    match inner:
        case Name(text="NULL" | "nullptr" | "_Py_NULL"):
            return True
        case Constant(kind="number", text="0" | "0L" | "0UL"):
            return True
    return False


CLASSES: dict[tuple[str, str], type] = {
    (__name__, name): one for name, one in globals().items() if isinstance(one, type) and one.__module__ == __name__
}
"""Every class of the tree by module and name: what a pickle of it may name."""
