"""A function as basic blocks of simple operations: what lowering makes and interpretation runs.

Operands: a key (text: a local variable, a temporary `%3`, a path such as `self->items`), a whole number, a `Ref` (the
address of a key), a `Text` (a string literal), a `Symbol` (a named number), or None for a value that is not followed.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from heaplint import ir
from heaplint.records import dataclass, field

CALL: Final = 0
"""(CALL, destination key or "", callee name, operands, node, base of a call through a pointer)"""
SET: Final = 1
"""(SET, key, operand, node): a local variable or temporary is assigned."""
STORE: Final = 2
"""(STORE, key, operand, node): something that outlives the function is assigned."""
LOAD: Final = 3
"""(LOAD, destination, key, node): something that outlives the function is read."""
DEREF: Final = 4
"""(DEREF, operand, node): a pointer is followed."""
FORGET: Final = 5
"""(FORGET, key): a variable gets a value that is not followed."""
DECLARE: Final = 6
"""(DECLARE, key, node): a local variable begins its life without a value."""
END: Final = 7
"""(END, node): the statement is over, its temporaries are gone."""
EXPOSE: Final = 8
"""(EXPOSE, key, node): the address of a variable goes where it is not followed."""

SKIPPED: Final = 9
"""(SKIPPED, counter key, names): behind a loop; where its body was not run, what it sets is not known any more."""

ESCAPE: Final = 10
"""(ESCAPE, operand): a pointer takes part in arithmetic."""

Op: TypeAlias = tuple[Any, ...]


class Ref(NamedTuple):
    """The address of what a key names."""

    key: str


class Text(NamedTuple):
    """A string literal, as written."""

    text: str


class Symbol(NamedTuple):
    """A name in capitals that stands for a number: a macro or an enumerator."""

    name: str


Operand: TypeAlias = str | int | Ref | Text | Symbol | None


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The end of a block with two ways on: `left OPERATOR right`, or `left` alone against zero with `!=`."""

    operator: str
    """== != < > <= >=, or "" for a condition that is only known by its text."""
    left: Operand
    right: Operand
    text: str
    """How the condition is spelled, for conditions that come again; "" when it may not be the same again."""
    roots: frozenset[str]
    """The variables that the condition depends on."""
    node: ir.Expr
    then: int
    otherwise: int
    flipped: bool = False
    """The source has the opposite condition."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The end of a block at a switch: (constant or None for one not known, block) in order; the default last."""

    subject: Operand
    cases: tuple[tuple[int | str | None, int], ...]
    default: int
    node: ir.Expr


@dataclass(frozen=True, slots=True, eq=False)
class Leave:
    """The end of a block that returns."""

    operand: Operand
    value: bool
    """A value is returned."""
    node: ir.Node


@dataclass(slots=True, eq=False)
class Block:
    """Operations without a branch, and how control goes on; without an end it stops there (abort, exit)."""

    ops: list[Op] = field(default_factory=list)
    end: Branch | Choice | Leave | int | None = None


@dataclass(slots=True, eq=False)
class Code:
    """A function, lowered."""

    function: ir.Function
    blocks: list[Block]
    local: dict[str, ir.Variable]
    """Parameters and automatic variables whose address does not get away, by name."""
    parameters: tuple[str, ...]
    dependents: dict[str, list[str]]
    """Variable → the longer keys that begin with it."""
    order: list[int]
    """Block → its rank in reverse post-order."""
    live: list[frozenset[str]]
    """Block → the variables that may be read from there on."""
    repeated: frozenset[str]
    """The texts of conditions that are tested in more than one place."""
    returns_object: bool
    """The function returns a pointer."""
    in_loop: frozenset[int]
    """The blocks that lie in a loop."""
    callees: frozenset[str]
    """The names of what is called."""
