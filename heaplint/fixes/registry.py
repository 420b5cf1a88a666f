"""How a fixer is given what it works on, and how it makes itself known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from heaplint import ir
from heaplint.cards import Card
from heaplint.checks.registry import Report
from heaplint.findings import Edit, Fix
from heaplint.flow.lifecycle import Life, lives
from heaplint.model.unit import Unit
from heaplint.pythons import Version
from heaplint.records import dataclass, replace
from heaplint.source import SourceFile


@dataclass(frozen=True, slots=True)
class Fixing:
    """One report with what a fixer may look at."""

    report: Report
    unit: Unit
    sources: Mapping[str, SourceFile]
    oldest: Version
    """The oldest Python that the code is for."""

    @property
    def data(self) -> bytes:
        """The file that the report is about, as on disk."""
        return self.sources[self.report.place.path].data

    def function(self) -> ir.Function | None:
        """The function that the report is about, when the report's file has it."""
        found = self.unit.function(self.report.function) if self.report.function else None
        return found if found is not None and found.path == self.report.place.path else None

    def lives(self) -> list[Life]:
        """The types of the unit that the report may be about: of several with its symbol, all."""
        return [life for life in lives(self.unit) if life.symbol == self.report.symbol]

    def life(self) -> Life | None:
        """The one type that the report is about."""
        found = self.lives()
        return found[0] if len(found) == 1 else None


class Unsafe(list[Edit]):
    """Edits that need a look, whatever the rule's card says of fixes.

    A new tp_clear makes members NULL while methods can still be called: the code has to bear that.
    """


Fixer = Callable[[Fixing], "list[Edit] | None"]
"""Gives the edits, in any order, or None where the change would not be a local one."""

FIXERS: dict[str, Fixer] = {}
"""Every fixer by the id of its rule; filled when heaplint.fixes is imported, then only read."""


def fixer(*rules: str) -> Callable[[Fixer], Fixer]:
    """Register a function as the fixer of one or more rules."""

    def register(function: Fixer) -> Fixer:
        for rule in rules:
            if rule in FIXERS:
                raise ValueError(f"{rule} has two fixers")
            FIXERS[rule] = function
        return function

    return register


def fix_for(fixing: Fixing, card: Card) -> Fix | None:
    """The fix of a report; None when there is none for it. It is as safe as the rule's card says."""
    function = FIXERS.get(card.id)
    if function is None or card.fix == "none":
        return None
    edits = function(fixing)
    if not edits or any(_is_outside(edit, fixing.sources) for edit in edits):
        return None
    applicability: Literal["safe", "unsafe"] = "unsafe" if card.fix == "unsafe" or isinstance(edits, Unsafe) else "safe"
    shaped = (_with_line_ends(edit, fixing.sources[edit.path].data) for edit in edits)
    return Fix(applicability, tuple(sorted(shaped, key=lambda edit: (edit.path, edit.start, edit.end))))


def _with_line_ends(edit: Edit, data: bytes) -> Edit:
    """The edit with lines that end as most of the file's do."""
    if "\n" not in edit.text or data.count(b"\r\n") * 2 <= data.count(b"\n"):
        return edit
    return replace(edit, text=edit.text.replace("\n", "\r\n"))


def _is_outside(edit: Edit, sources: Mapping[str, SourceFile]) -> bool:
    source = sources.get(edit.path)
    return source is None or not 0 <= edit.start <= edit.end <= len(source.data)
