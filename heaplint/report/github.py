"""GitHub workflow commands: findings as annotations of the lines they are about.

The form of a command is that of `@actions/core`; GitHub takes ten annotations of each severity from a step.
"""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.findings import SEVERITIES, Finding, Severity
from heaplint.report import sanitize
from heaplint.report.report import Report, counted

SHOWN = 10
"""How many annotations of a severity GitHub shows of one step."""

_COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report) -> Iterator[str]:
    """One command for each finding that GitHub would show, the most severe first, then how many there are besides."""
    rest = []
    for severity in reversed(SEVERITIES):
        alike = [finding for finding in report.findings if finding.severity == severity]
        for finding in alike[:SHOWN]:
            yield _command(finding) + "\n"
        if len(alike) > SHOWN:
            rest.append(counted(len(alike) - SHOWN, severity))
    if rest:
        yield f"heaplint: and {', '.join(rest)} more (GitHub shows {SHOWN} annotations of each severity)\n"


def _command(finding: Finding) -> str:
    span = finding.span
    properties = {"title": f"{finding.rule} {finding.name}", "file": span.path, "line": span.line}
    if span.end_line == span.line:  # GitHub takes columns of single lines only; its ends are inclusive
        properties |= {"endLine": span.line, "col": span.column, "endColumn": max(span.column, span.end_column - 1)}
    else:
        properties |= {"endLine": span.end_line}
    listed = ",".join(f"{key}={sanitize.workflow_property(str(value))}" for key, value in properties.items())
    return f"::{_COMMANDS[finding.severity]} {listed}::{sanitize.workflow_data(_message(finding))}"


def _message(finding: Finding) -> str:
    lines = [sanitize.text(finding.message)]
    lines += [_place(f"step {number}", step.span.path, step.span.line, step.message)
              for number, step in enumerate(finding.steps, 1)]  # fmt: skip
    lines += [_place("see", place.span.path, place.span.line, place.message) for place in finding.related]
    return "\n".join(lines)


def _place(label: str, path: str, line: int, message: str) -> str:
    return f"{label}: {sanitize.text(path)}:{line}: {sanitize.text(message)}"
