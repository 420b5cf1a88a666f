"""What every format is given: the findings of a run with the sources and cards they speak of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from heaplint.cards import Card
from heaplint.census import Census
from heaplint.findings import SEVERITIES, Finding, Notice, Severity
from heaplint.records import dataclass, field
from heaplint.source import SourceFile


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a run, ready to be shown; findings and notices are in report order."""

    findings: Sequence[Finding]
    notices: Sequence[Notice]
    files: int
    """How many files were read."""
    sources: Mapping[str, SourceFile]
    """By path; the text of other files is never shown."""
    cards: Mapping[str, Card]
    census: Census | None = None
    """The types and modules of the run, for the formats that show them."""
    front_ends: Mapping[str, str] = field(default_factory=dict)
    """What read each file: `tree-sitter`, `clang`, or `both`."""

    @property
    def by_severity(self) -> dict[Severity, int]:
        """How many findings each severity has, the most serious first; none is left out."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in reversed(SEVERITIES)}

    @property
    def by_rule(self) -> dict[str, int]:
        """How many findings each rule has, in the order of ids; rules without findings are left out."""
        return dict(sorted(Counter(finding.rule for finding in self.findings).items()))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `2 files`; `1 entry`, `2 entries` when the plural is said."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"
