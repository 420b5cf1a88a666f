"""The gcc format: `file:line:column: warning: message [HL201]`, which editors and CI systems know how to read."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.findings import Span
from heaplint.report import sanitize
from heaplint.report.report import Report


def render(report: Report) -> Iterator[str]:
    """One line for each finding, then one `note:` line for each step and related place."""
    for finding in report.findings:
        yield _line(finding.span, finding.severity, f"{finding.message} [{finding.rule}]")
        for place in (*finding.steps, *finding.related):
            yield _line(place.span, "note", place.message)


def _line(span: Span, level: str, message: str) -> str:
    return f"{sanitize.text(span.path)}:{span.line}:{span.column}: {level}: {sanitize.text(message)}\n"
