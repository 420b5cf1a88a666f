"""What is known of a value on one path: how many references are owned, whether it may be NULL, where it came from."""

from __future__ import annotations

from typing import Final, TypeAlias

from heaplint import ir
from heaplint.records import dataclass

ZERO: Final = 1
POSITIVE: Final = 2
NEGATIVE: Final = 4
ANYTHING: Final = 7
"""What a value may be, as bits; for a pointer ZERO is NULL and POSITIVE anything else."""

HELD: Final = 1
"""Something else keeps a reference: a container, a field, the object it was borrowed from."""
DEAD: Final = 2
"""The last reference that is known was given up."""
STOLEN: Final = 4
"""The function's reference was taken over by a call."""
ESCAPED: Final = 8
"""It went where it is not followed: nothing is said of its references any more."""
STALE: Final = 16
"""Borrowed, and since then code ran that may have dropped it."""
TAKEN: Final = 32
"""A reference was taken with Py_INCREF."""
DANGLING: Final = 64
"""The reference that a field keeps was released, and the field still points there."""
STORED: Final = 128
"""It was put somewhere that outlives the function."""
USED: Final = 256
"""It was handed to a call, or followed."""

Value: TypeAlias = tuple[int, int, int, int]
"""(what it may be, references owned, bits, the value it was borrowed from or -1)"""


def as_value(mask: int, owned: int, bits: int, source: int) -> Value:
    """A value; of one that has escaped, what nobody asks any more is made alike, so that states are."""
    if not bits & ESCAPED:
        return mask, owned, bits, source
    told = DEAD | STOLEN | STALE | DANGLING if bits & DEAD else STALE | DANGLING
    return mask, 1 if owned > 0 else 0, ESCAPED | HELD | USED | bits & told, source


Known: TypeAlias = int | tuple[object, ...]
"""What a key holds: the number of a value, a constant `(3,)`, or one of the two below."""

UNINITIALIZED: Final[tuple[object, ...]] = ("uninitialized",)
LITERAL: Final[tuple[object, ...]] = ("literal",)
"""A string, or the address of a variable: no object, and not NULL."""

SOMETHING: Final[tuple[object, ...]] = ("something",)
"""A value that is not followed, where it matters that there is one."""

NULL: Final[tuple[object, ...]] = (0,)


def is_null(known: object) -> bool:
    """Whether a key holds the constant 0."""
    return isinstance(known, tuple) and known[0] == 0 and type(known[0]) is int


ASSIGNED: Final = "assigned"
"""Behind the constant 0: NULL was put there by an assignment, not by a declaration."""
FAILED: Final = "failed"
"""Behind a constant: the result of a call that failed."""

GENERATIONS: Final = 8
"""How many values of one origin are told apart at a time (a loop makes one each time round)."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """Where values come from: a call, a parameter, a field that is read."""

    index: int
    kind: str
    """new, borrowed, interior, memory, buffer, parameter, field, global, constant, number, occurred, matches, unknown."""
    name: str
    """The callee, or the key that is read."""
    node: ir.Node
    fails: int = 0
    """What the value is after a failure (bits)."""
    failure: str = "never"
    """raises, clean, maybe, never (heaplint.capi.api); quiet: a helper of the program that gives NULL as an answer."""
    domain: str = ""
    """Of memory: what frees it."""
    ages: bool = False
    """Borrowed from something that any code may change."""

    @property
    def callee(self) -> str:
        """The function that gave the value; where it came out through a parameter, `name` says that one behind it."""
        return self.name.partition(" ")[0]

    @property
    def owns(self) -> bool:
        """Whether the function owns what came from there: nobody else keeps it, as far as is known."""
        return self.kind in ("new", "memory", "buffer")


class State:
    """What is known at one point of one path."""

    __slots__ = ("env", "exc", "length", "trace", "values")

    def __init__(
        self, env: dict[str, Known], values: dict[int, Value], exc: int | frozenset[int], trace: Step | None, length: int
    ) -> None:
        self.env = env
        self.values = values
        self.exc = exc
        """CLEAR, SET, UNKNOWN, or the values whose failure would mean that an exception is set."""
        self.trace = trace
        self.length = length

    def copy(self) -> State:
        """A state to go another way with."""
        return State(self.env.copy(), self.values.copy(), self.exc, self.trace, self.length)

    def note(self, node: ir.Node, what: str) -> None:
        """Remember a decision on the way here."""
        self.trace = Step(self.trace, node, what)
        self.length += 1


CLEAR: Final = 0
SET: Final = 1
UNKNOWN: Final = 2
"""Whether an exception is set."""
DOUBTFUL_NUMBER: Final = 4
"""Set or not: a conversion gave -1, which may be a number like any other."""
DOUBTFUL_NULL: Final = 5
"""Set or not: a call gave NULL, which may be an answer."""


def is_literal(known: object) -> bool:
    """Whether a key holds a string or the address of a variable."""
    return isinstance(known, tuple) and known[0] == "literal"


class Step:
    """A decision on the way to a state, and those before it."""

    __slots__ = ("before", "node", "what")

    def __init__(self, before: Step | None, node: ir.Node, what: str) -> None:
        self.before = before
        self.node = node
        self.what = what
