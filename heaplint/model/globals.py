"""Global variables of C that hold Python objects."""

from __future__ import annotations

from heaplint.ir import Place, Variable
from heaplint.records import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class GlobalVariable:
    """A variable with static storage, file-level or local to a function."""

    name: str
    place: Place
    variable: Variable
    function: str = ""
    """The function whose static local it is."""
