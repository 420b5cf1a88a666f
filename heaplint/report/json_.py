"""The JSON format, version 1: the contract of DESIGN.md §8, for programs."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import __version__
from heaplint.findings import Finding, Fix, Notice, Related
from heaplint.report import sanitize
from heaplint.report.report import Report

VERSION = 1
"""Raised when a key changes its meaning or goes; new keys may come without."""


def render(report: Report) -> Iterator[str]:
    """The whole report as one document; the same report gives the same bytes."""
    yield sanitize.json_document(
        {
            "version": VERSION,
            "tool": {"name": "heaplint", "version": __version__},
            "findings": [_finding(finding) for finding in report.findings],
            "notices": [_notice(notice) for notice in report.notices],
            "files": [{"path": path, "front_end": used} for path, used in report.front_ends.items()],
            "summary": {
                "files": report.files,
                "findings": len(report.findings),
                "notices": len(report.notices),
                "by_severity": report.by_severity,
                "by_rule": report.by_rule,
            },
        }
    )


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity,
        "precision": finding.precision,
        "message": finding.message,
        "path": finding.span.path,
        "line": finding.span.line,
        "column": finding.span.column,
        "end_line": finding.span.end_line,
        "end_column": finding.span.end_column,
        "symbol": finding.symbol,
        "function": finding.function,
        "item": finding.item,
        "python": finding.python,
        "fingerprint": finding.fingerprint,
        "steps": [_place(step) for step in finding.steps],
        "related": [_place(place) for place in finding.related],
        "fix": _fix(finding.fix),
    }


def _place(place: Related) -> dict[str, object]:
    span = place.span
    return {"path": span.path, "line": span.line, "column": span.column, "message": place.message}


def _fix(fix: Fix | None) -> dict[str, object] | None:
    if fix is None:
        return None
    edits = [{"path": edit.path, "start": edit.start, "end": edit.end, "text": edit.text} for edit in fix.edits]
    return {"applicability": fix.applicability, "edits": edits}


def _notice(notice: Notice) -> dict[str, object]:
    return {"kind": notice.kind, "path": notice.path, "line": notice.line, "message": notice.message}
