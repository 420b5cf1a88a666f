"""What heaplint says: findings, notices, and the places they point to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from heaplint.records import dataclass, field, replace

Severity = Literal["error", "warning", "note"]
Precision = Literal["very-high", "high", "medium", "low"]

TRACEBACK = "HEAPLINT_TRACEBACK"
"""Environment variable: when it is set, an internal error is no notice and no line, but shows where it happened."""

SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")
"""All severities, least serious first."""

PRECISIONS: tuple[Precision, ...] = ("low", "medium", "high", "very-high")
"""All precisions, least trustworthy first (GitHub code scanning's scale)."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one file: lines and columns are 1-based, columns count code points, the end is exclusive."""

    path: str
    """Relative to the root of the run, with forward slashes."""
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Related:
    """A place that helps to understand a finding (related place), or a step of the path that leads to it."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the bytes from `start` to `end` (offsets into the file as it is on disk) of `path` by `text`."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that cures a finding; `safe` never changes what correct code does."""

    applicability: Literal["safe", "unsafe"]
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect at one place, for a range of Pythons."""

    rule: str
    name: str
    severity: Severity
    precision: Precision
    message: str
    span: Span
    symbol: str | None = None
    """The type, module or global concerned, as C spells it."""
    function: str | None = None
    item: str | None = None
    """The member, variable or argument."""
    python: str | None = None
    """Range of Pythons in which the defect exists (`>=3.9`); None for all targets."""
    steps: tuple[Related, ...] = ()
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    ordinal: int = field(default=0, compare=False)
    """Tells apart findings that are alike but for their line (0 for the first)."""

    @property
    def identity(self) -> str:
        """Stable under edits elsewhere in the file: rule, file and subject, never a line number."""
        subject = (self.rule, self.span.path, self.symbol, self.function, self.item, str(self.ordinal))
        return "\0".join(part or "" for part in subject)

    @property
    def fingerprint(self) -> str:
        """The identity in sixteen hexadecimal digits."""
        import hashlib  # slow to import: it loads a cryptographic library

        return hashlib.sha256(self.identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Findings are reported by path, line, column, rule."""
        return (self.span.path, self.span.line, self.span.column, self.rule, self.message)


def numbered(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that differ in nothing but their line get an ordinal, for their fingerprints."""
    seen: dict[str, int] = {}
    result = []
    for finding in findings:
        count = seen.get(finding.identity, 0)
        seen[finding.identity] = count + 1
        result.append(replace(finding, ordinal=count) if count else finding)
    return result


NoticeKind = Literal[
    "skipped-generated", "skipped-vendored", "skipped-size", "skipped-binary", "skipped-encoding",
    "skipped-context", "unreadable",
    "unterminated", "unbalanced", "conditional", "too-complex", "unresolved", "partly-analyzed", "link-outside", "front-end",
    "stale-baseline", "failed",
]


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """Something that was not analysed, or only in part, or a baseline entry without a finding; never a finding."""

    path: str
    line: int
    """1-based; 0 when the notice is about the whole file."""
    kind: NoticeKind
    message: str
