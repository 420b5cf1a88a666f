"""GitLab's code quality report: a JSON array, one object for each finding.

The keys are those that GitLab reads of the Code Climate format; the report has no place for notices.
"""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.findings import Finding, Severity
from heaplint.report import sanitize
from heaplint.report.report import Report

_SEVERITIES: dict[Severity, str] = {"error": "critical", "warning": "major", "note": "info"}


def render(report: Report) -> Iterator[str]:
    """The findings as one document."""
    yield sanitize.json_document([_issue(finding) for finding in report.findings])


def _issue(finding: Finding) -> dict[str, object]:
    return {
        "description": f"{sanitize.text(finding.message)} ({finding.rule} {finding.name})",
        "check_name": finding.rule,
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": finding.span.path,
            "lines": {"begin": finding.span.line, "end": finding.span.end_line},
        },
    }
