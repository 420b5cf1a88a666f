"""What running modules showed: verdicts about their types, their static storage and their life in interpreters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from heaplint.records import dataclass

Answer = Literal["pass", "fail", "unknown"]
Joined = Literal["confirmed", "refuted", "only-at-run-time", "undecided"]
Check = Literal[
    "import", "have-gc", "visits-type", "tracked", "releases-type", "instantiation", "heap-type",
    "multi-phase", "subinterpreter", "own-gil", "parallel", "growth", "reimport", "static-state",
]  # fmt: skip

TYPE_CHECKS: tuple[Check, ...] = ("have-gc", "visits-type", "tracked", "releases-type", "instantiation")
"""The checks that ask something of each type, in the order of a table's columns."""

RULES: Mapping[Check, tuple[str, ...]] = {
    "import": (),
    "have-gc": ("HL201",),
    "visits-type": ("HL202", "HL203"),
    "tracked": ("HL205",),
    "releases-type": ("HL207",),
    "instantiation": ("HL107",),
    "heap-type": ("HL101", "HL102"),
    "multi-phase": ("HL301",),
    "subinterpreter": (),
    "own-gil": ("HL306",),
    "parallel": (),
    "growth": (),
    "reimport": (),
    "static-state": ("HL303",),
}
"""The rules that make the same claim about the source as a failed check makes about the running module."""


@dataclass(frozen=True, slots=True, order=True)
class At:
    """Where the static analysis found what a verdict speaks of: a path relative to the root, a 1-based line."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to one question about one subject."""

    module: str
    subject: str
    """The full name of a type, the symbol of a variable, or the name of the module."""
    check: Check
    answer: Answer
    message: str
    """What was seen, or for an unknown why nothing can be said."""
    claim: bool | None = None
    """Whether what the check's rules claim is so; a harmless violation passes and is claimed all the same."""
    joined: Joined | None = None
    rule: str | None = None
    """The rule of the static finding that the verdict was joined to."""
    at: At | None = None


@dataclass(frozen=True, slots=True)
class RuntimeType:
    """A type as the interpreter has it."""

    name: str
    kind: Literal["static", "heap"]
    made: Literal["specification", "call"]
    """Whether it is made from C data, or by calling a metatype, as exceptions are."""
    flags: int
    base: str
    gc: bool
    immutable: bool
    instantiable: bool
    basetype: bool


@dataclass(frozen=True, slots=True)
class VerifiedModule:
    """A module with its types and what was seen of both."""

    name: str
    file: str | None
    """The name of the shared object; None when it was not loaded."""
    types: tuple[RuntimeType, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    """Circumstances that a reader should know."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A static finding of a joined rule that no verdict speaks of."""

    rule: str
    symbol: str
    at: At


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was seen in one interpreter."""

    python: str
    """`3.13.0`"""
    modules: tuple[VerifiedModule, ...]
    undecided: tuple[Undecided, ...] = ()
    joined: bool = False
    """Whether the verdicts were joined to static findings."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, by module, in the order in which they were asked for."""
        return tuple(verdict for module in self.modules for verdict in module.verdicts)

    @property
    def answers(self) -> dict[Answer, int]:
        """How many verdicts there are of each kind."""
        counts = Counter(verdict.answer for verdict in self.verdicts)
        return {"pass": counts["pass"], "fail": counts["fail"], "unknown": counts["unknown"]}

    @property
    def joins(self) -> dict[str, dict[Joined, int]]:
        """How often running confirmed, refuted, or added to what each rule says; by rule id."""
        counts: dict[str, Counter[Joined]] = {}
        for verdict in self.verdicts:
            if verdict.joined is not None and verdict.rule is not None:
                counts.setdefault(verdict.rule, Counter())[verdict.joined] += 1
        for finding in self.undecided:
            counts.setdefault(finding.rule, Counter())["undecided"] += 1
        kinds: tuple[Joined, ...] = ("confirmed", "refuted", "only-at-run-time", "undecided")
        return {rule: {kind: counts[rule][kind] for kind in kinds} for rule in sorted(counts)}
