"""The formats of CI systems: GitHub's workflow commands, GitLab's code quality, JUnit XML."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint.findings import Finding, Notice, Related, Span
from heaplint.report import github, gitlab, junit
from heaplint.report.report import Report

ANY_TEXT = st.text(st.characters(exclude_categories=()))
HOSTILE = [
    "new\nline.c", "car\rriage.c", "esc\x1b[31m.c", "::error::.c", "50%0A.c", "bidi\u202e.c", "quo\"te'.c", "]]>.c",
    "<script>.c", "&amp;.c", "caf\udce9.c", "a,b:c.c", "\x00.c", "\uffff.c",
]  # fmt: skip


def finding(**changes: object) -> Finding:
    base = Finding("HL101", "static-type", "warning", "high", "is static", Span("src/spam.c", 3, 5, 3, 9))
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # keys vary by test


def report(*findings: Finding, told: tuple[Notice, ...] = ()) -> Report:
    return Report(findings, told, 2, {}, {})


def commands(*findings: Finding) -> list[str]:
    return "".join(github.render(report(*findings))).splitlines()


def test_github() -> None:
    steps = (Related(Span("b.c", 7, 3, 7, 5), "made here"),)
    related = (Related(Span("c.c", 8, 3, 8, 5), "see this"),)
    assert commands(finding(steps=steps, related=related)) == [
        "::warning title=HL101 static-type,file=src/spam.c,line=3,endLine=3,col=5,endColumn=8::is static"
        "%0Astep 1: b.c:7: made here%0Asee: c.c:8: see this"
    ]
    [several_lines] = commands(finding(span=Span("a.c", 3, 5, 4, 2), severity="note"))
    assert several_lines == "::notice title=HL101 static-type,file=a.c,line=3,endLine=4::is static"
    assert commands() == []


def test_github_shows_ten_of_each_severity_and_counts_the_rest() -> None:
    severities = ["note"] * 12 + ["warning"] * 10 + ["error"] * 11
    lines = commands(*(finding(severity=severity, message=str(index)) for index, severity in enumerate(severities)))
    assert [line.split()[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 10 + [
        "heaplint:"
    ]
    assert lines[0].endswith("::22") and lines[10].endswith("::12") and lines[20].endswith("::0")
    assert lines[-1].startswith("heaplint: and 1 error, 2 notes more")


@given(ANY_TEXT, ANY_TEXT)
def test_github_commands_stay_one_line(path: str, message: str) -> None:
    place = Related(Span(path, 1, 1, 1, 1), message)
    output = "".join(github.render(report(finding(span=place.span, message=message, steps=(place,)))))
    assert output.count("\n") == 1 and output.endswith("\n")
    assert output[:-1].isprintable() or not output.isascii()
    assert len(output.splitlines()) == 1


def test_gitlab() -> None:
    one = finding(symbol="Spam")
    assert json.loads("".join(gitlab.render(report(one)))) == [
        {
            "description": "is static (HL101 static-type)",
            "check_name": "HL101",
            "fingerprint": one.fingerprint,
            "severity": "major",
            "location": {"path": "src/spam.c", "lines": {"begin": 3, "end": 3}},
        }
    ]
    assert json.loads("".join(gitlab.render(report()))) == []


def test_gitlab_severities_are_its_own() -> None:
    findings = [finding(severity=severity) for severity in ("error", "warning", "note")]
    assert [one["severity"] for one in json.loads("".join(gitlab.render(report(*findings))))] == [
        "critical", "major", "info",
    ]  # fmt: skip


def tree(*findings: Finding, told: tuple[Notice, ...] = ()) -> ElementTree.Element:
    return ElementTree.fromstring("".join(junit.render(report(*findings, told=told))))


def test_junit() -> None:
    step = Related(Span("b.c", 7, 3, 7, 5), "made here")
    root = tree(finding(steps=(step,)), finding(), finding(span=Span("z.c", 1, 1, 1, 1), severity="error"),
                told=(Notice("big.c", 0, "skipped-size", "too large"),))  # fmt: skip
    assert root.attrib == {"name": "heaplint", "tests": "4", "failures": "3", "errors": "0", "skipped": "1"}
    assert [(suite.get("name"), suite.get("tests"), len(suite)) for suite in root] == [
        ("src/spam.c", "2", 2), ("z.c", "1", 1), ("not analysed", "1", 1),
    ]  # fmt: skip
    case = root[0][0]
    assert case.attrib == {
        "name": "HL101 static-type, line 3", "classname": "src/spam.c", "file": "src/spam.c", "line": "3",
    }  # fmt: skip
    assert case[0].attrib == {"type": "warning", "message": "is static"}
    assert case[0].text == "src/spam.c:3:5: warning: is static\nstep 1: b.c:7:3: made here"
    assert root[2][0][0].attrib == {"message": "too large"}


def test_junit_without_findings_is_a_success() -> None:
    root = tree()
    assert (root.get("tests"), root.get("failures")) == ("1", "0")
    assert len(root[0]) == 1 and len(root[0][0]) == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_files(name: str) -> None:
    one = finding(span=Span(name, 1, 1, 1, 2), message=name)
    root = tree(one, told=(Notice(name, 1, "unreadable", name),))
    assert str(root[0].get("name")).isprintable()
    assert str(root[0][0][0].get("message")).isprintable()
    [command] = commands(one)
    assert command.count("::") == 2 + name.count("::") and "\n" not in command and "\x1b" not in command
    assert command.split("::")[1].count("=") == 6
    [issue] = json.loads("".join(gitlab.render(report(one))))
    assert issue["location"]["path"] == name.replace("\udce9", "\\xe9")


@given(ANY_TEXT)
def test_junit_is_well_formed_whatever_the_text(value: str) -> None:
    root = tree(finding(span=Span(value, 1, 1, 1, 1), message=value), told=(Notice(value, 1, "unreadable", value),))
    assert [child.tag for child in root.iter()] == [
        "testsuites", "testsuite", "testcase", "failure", "testsuite", "testcase", "skipped",
    ]  # fmt: skip
