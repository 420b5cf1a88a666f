"""What is found in one main file, and how the results of all of them become the findings of a run."""

from __future__ import annotations

from collections.abc import Iterable

from heaplint.findings import Finding, Notice, numbered
from heaplint.pythons import TargetRange, Version, range_text
from heaplint.records import dataclass, replace


@dataclass(frozen=True, slots=True)
class Located:
    """A defect in one reading of a file, but for the range of Pythons and the ordinal, which the whole run decides."""

    finding: Finding
    versions: tuple[Version, ...]
    """The Pythons for which the file reads like that, and in which the defect exists."""

    @property
    def key(self) -> tuple[object, ...]:
        """Alike for what is one finding: the same rule, place and subject."""
        one = self.finding
        return (one.rule, one.span.path, one.span.line, one.symbol, one.function, one.item)


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What was found in one main file and the files that are analysed with it."""

    located: tuple[Located, ...]
    notices: tuple[Notice, ...]
    front_ends: tuple[tuple[str, str], ...] = ()
    """What read the files that tree-sitter did not read alone."""
    functions: bytes = b""
    """What the next run can use of its functions (heaplint.flow.paths.kept)."""

    @property
    def paths(self) -> set[str]:
        """Every file that a finding points into or changes."""
        found = set()
        for one in self.located:
            finding = one.finding
            found.add(finding.span.path)
            found.update(related.span.path for related in (*finding.steps, *finding.related))
            if finding.fix is not None:
                found.update(edit.path for edit in finding.fix.edits)
        return found


def merged(results: Iterable[GroupResult], target: TargetRange) -> list[Finding]:
    """One finding for what several groups or views found alike, in order of path, line, column and rule."""
    first: dict[tuple[object, ...], Finding] = {}
    pythons: dict[tuple[object, ...], set[Version]] = {}
    for result in results:
        for one in result.located:
            first.setdefault(one.key, one.finding)
            pythons.setdefault(one.key, set()).update(one.versions)
    findings = []
    for key, finding in first.items():
        python = range_text(pythons[key], target)
        findings.append(finding if python is None else replace(finding, python=python))
    findings.sort(key=lambda finding: finding.sort_key)
    return numbered(findings)
