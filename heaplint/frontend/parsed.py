"""What reading one item gives, whichever front end read it."""

from __future__ import annotations

from heaplint import ir
from heaplint.records import dataclass


@dataclass(frozen=True, slots=True)
class Parsed:
    """The top-level nodes of one item."""

    functions: tuple[ir.Function, ...] = ()
    variables: tuple[ir.Variable, ...] = ()
    """Declared variables, typedefs (storage `typedef`) and prototypes (type.function)."""
    structs: tuple[ir.Struct, ...] = ()
    loose: tuple[ir.Node, ...] = ()
    """Statements and expressions at top level: macro calls, mostly."""
    complete: bool = True
    problem: str = ""
    """Why the item is not complete."""
    problem_at: int = 0
    exact: bool = False
    """Whether libclang read what the default front end could not: it depends on more than its own text and macros."""
