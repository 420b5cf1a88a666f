"""JUnit XML, which most CI systems show: a suite for each file, a failed test for each finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from heaplint.findings import Finding, Notice, Related
from heaplint.report import sanitize
from heaplint.report.report import Report

_NAME = "heaplint"


def render(report: Report) -> Iterator[str]:
    """The whole report as one document: findings are failures, notices are skipped tests, and no findings one success.

    Files without findings are not named.
    """
    tests = max(len(report.findings), 1) + len(report.notices)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes(name=_NAME, **_counts(tests, len(report.findings), len(report.notices)))}>\n"
    if not report.findings:
        yield from _suite(_NAME, _counts(1, 0, 0), [f"    <testcase{_attributes(name='no findings', classname=_NAME)}/>\n"])
    for path, group in groupby(report.findings, key=lambda finding: finding.span.path):
        findings = list(group)
        yield from _suite(path, _counts(len(findings), len(findings), 0), [_failure(finding) for finding in findings])
    if report.notices:
        number = len(report.notices)
        yield from _suite("not analysed", _counts(number, 0, number), [_skipped(notice) for notice in report.notices])
    yield "</testsuites>\n"


def _counts(tests: int, failures: int, skipped: int) -> dict[str, object]:
    return {"tests": tests, "failures": failures, "errors": 0, "skipped": skipped}


def _suite(name: str, counts: dict[str, object], cases: Sequence[str]) -> Iterator[str]:
    yield f"  <testsuite{_attributes(name=name, **counts)}>\n"
    yield from cases
    yield "  </testsuite>\n"


def _failure(finding: Finding) -> str:
    span = finding.span
    case = _attributes(
        name=f"{finding.rule} {finding.name}, line {span.line}", classname=span.path, file=span.path, line=span.line
    )
    failure = _attributes(type=finding.severity, message=finding.message)
    body = "\n".join(sanitize.xml_text(line) for line in _body(finding))
    return f"    <testcase{case}>\n      <failure{failure}>{body}</failure>\n    </testcase>\n"


def _body(finding: Finding) -> Iterator[str]:
    yield f"{finding.span.path}:{finding.span.line}:{finding.span.column}: {finding.severity}: {finding.message}"
    for number, step in enumerate(finding.steps, 1):
        yield f"step {number}: {_place(step)}"
    for place in finding.related:
        yield f"see: {_place(place)}"


def _place(place: Related) -> str:
    return f"{place.span.path}:{place.span.line}:{place.span.column}: {place.message}"


def _skipped(notice: Notice) -> str:
    case = _attributes(name=notice.kind, classname=notice.path, **({"line": notice.line} if notice.line else {}))
    return f"    <testcase{case}>\n      <skipped{_attributes(message=notice.message)}/>\n    </testcase>\n"


def _attributes(**values: object) -> str:
    return "".join(f' {name}="{sanitize.xml_text(str(value))}"' for name, value in values.items())
