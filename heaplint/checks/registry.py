"""How a check says what it found, and how it makes itself known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from heaplint.findings import Severity
from heaplint.ir import Place
from heaplint.model.unit import Unit
from heaplint.records import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """One defect in one unit of one view; the engine makes a finding of it."""

    rule: str
    place: Place
    message: str
    """One sentence that names the defect at this place, then, where it helps, how to put it right."""
    symbol: str | None = None
    function: str | None = None
    item: str | None = None
    severity: Severity | None = None
    """When it is not the card's."""
    python: str | None = None
    """The Pythons in which the defect exists, when they are fewer than the card's."""
    related: tuple[tuple[Place, str], ...] = ()
    steps: tuple[tuple[Place, str], ...] = ()
    remedy: str = ""
    """What the rule's fixer is to write: a statement, the name of a function."""


Check = Callable[[Unit], Iterator[Report]]

CHECKS: dict[str, Check] = {}
"""Every check by the id of the rule it is for; filled when heaplint.checks is imported, then only read.

A check that serves several rules stands once for each.
"""


def check(*rules: str) -> Callable[[Check], Check]:
    """Register a function as the check of one or more rules (of several when they share one walk)."""

    def register(function: Check) -> Check:
        for rule in rules:
            if rule in CHECKS:
                raise ValueError(f"{rule} has two checks")
            CHECKS[rule] = function
        return function

    return register
