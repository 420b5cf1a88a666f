"""From fixes to changed files: which of them go together, and the bytes that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heaplint.findings import Edit, Finding
from heaplint.records import dataclass
from heaplint.source import SourceFile


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome of one round."""

    sources: Mapping[str, SourceFile]
    """The changed files by path."""
    findings: tuple[Finding, ...]
    """What was fixed."""


def apply(findings: Iterable[Finding], sources: Mapping[str, SourceFile], *, unsafe: bool) -> Applied:
    """Carry out the fixes that do not get in each other's way, in the order of the findings.

    Two fixes that touch the same stretch of a file are not made in one round: the second may mean another thing once
    the first is made. An edit that both make is made once.
    """
    taken: dict[str, list[Edit]] = {}
    done: list[Finding] = []
    for finding in findings:
        if finding.fix is None or (finding.fix.applicability == "unsafe" and not unsafe):
            continue
        if any(edit.path not in sources for edit in finding.fix.edits):
            continue  # a file that was only read to understand the others
        if all(_fits(edit, taken.get(edit.path, ())) for edit in finding.fix.edits):
            done.append(finding)
            for edit in finding.fix.edits:
                many = taken.setdefault(edit.path, [])
                if edit not in many:
                    many.append(edit)
    changed = {path: SourceFile(path, _edited(sources[path].data, edits)) for path, edits in taken.items()}
    return Applied(changed, tuple(done))


def _fits(edit: Edit, others: Iterable[Edit]) -> bool:
    return all(
        edit == other or edit.end < other.start or other.end < edit.start
        or ((edit.end == other.start or other.end == edit.start) and edit.start != other.start)
        for other in others
    )


def _edited(data: bytes, edits: list[Edit]) -> bytes:
    """The file with the edits made."""
    pieces: list[bytes] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += [data[at : edit.start], edit.text.encode()]
        at = edit.end
    pieces.append(data[at:])
    return b"".join(pieces)
