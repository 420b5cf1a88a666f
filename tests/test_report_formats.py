"""The formats of a check: text, gcc, JSON, statistics, notices."""

from __future__ import annotations

import dataclasses
import json

import pytest
from test_select import CARDS

from heaplint import __version__
from heaplint.findings import Edit, Finding, Fix, Notice, NoticeKind, Related, Span
from heaplint.report import gcc, json_, notices, statistics, text
from heaplint.report.report import Report
from heaplint.source import SourceFile

SOURCE = SourceFile("src/spam.c", "/* 日本 */ static PyTypeObject Spam;\n\tint\u202e x;\n".encode())


def finding(**changes: object) -> Finding:
    start = SOURCE.data.index(b"Spam")
    base = Finding(
        "HL101", "static-type", "warning", "high", "`Spam` is a static type.", SOURCE.span(start, start + 4),
        symbol="Spam",
    )  # fmt: skip
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # keys vary by test


def report(*findings: Finding, told: tuple[Notice, ...] = ()) -> Report:
    return Report(findings, told, 2, {SOURCE.path: SOURCE}, CARDS)


def shown(*findings: Finding, palette: text.Palette = text.PLAIN) -> str:
    return "".join(text.render(report(*findings), palette))


def test_text() -> None:
    place = Related(Span("src/eggs.c", 7, 3, 7, 5), "it is readied here")
    step = Related(Span("src/eggs.c", 6, 1, 6, 2), "the module is created")
    assert shown(finding(python=">=3.9", related=(place,), steps=(step,))) == (
        """\
src/spam.c:1:30: warning[HL101 static-type] `Spam` is a static type.
  |
1 | /* 日本 */ static PyTypeObject Spam;
  |                                ^^^^
  = step 1: src/eggs.c:6:1: the module is created
  = see: src/eggs.c:7:3: it is readied here
  = python: >=3.9
  = why: A summary.
  = help: heaplint explain HL101

"""
    )


def test_text_shows_tabs_and_hostile_characters_safely() -> None:
    lines = shown(finding(span=Span("src/spam.c", 2, 7, 2, 8), message="a\x1b[2Jb")).splitlines()
    assert lines[0].endswith("a\\x1b[2Jb")
    assert lines[2] == "2 |     int\\u202e x;"
    assert lines[3].index("^") == lines[2].index("x")


def test_text_of_a_file_that_is_not_of_the_run_has_no_snippet() -> None:
    lines = shown(finding(span=Span("/etc/passwd", 1, 1, 1, 2))).splitlines()
    assert lines[1] == "  = why: A summary."


@pytest.mark.parametrize("column", [1, 300, 1000, 5000])
def test_text_cuts_long_lines_around_the_place(column: int) -> None:
    source = SourceFile("long.c", b"x" * (column - 1) + b"@" + b"y" * 3000)
    one = finding(span=source.span(column - 1, column))
    _, _, line, caret, *_ = "".join(
        text.render(Report([one], (), 1, {"long.c": source}, CARDS), text.PLAIN)
    ).splitlines()
    assert len(line) < text.SNIPPET_WIDTH + 10
    assert line[caret.index("^")] == "@"


def test_text_underlines_the_first_line_of_a_long_place() -> None:
    source = SourceFile("a.c", b"int a =\n  1;\n")
    lines = "".join(
        text.render(Report([finding(span=source.span(0, 11))], (), 1, {"a.c": source}, CARDS), text.PLAIN)
    ).splitlines()
    assert lines[3] == "  | ^^^^^^^"


def test_text_in_colour_says_the_same() -> None:
    coloured = shown(finding(), palette=text.COLOUR)
    assert "\x1b[1;33mwarning[HL101 static-type]\x1b[0m" in coloured
    for code in (*dataclasses.astuple(text.COLOUR),):
        coloured = coloured.replace(code, "")
    assert coloured == shown(finding())


def test_the_summary_counts() -> None:
    assert text.summary(report()) == "No findings in 2 files.\n"
    assert text.summary(report(finding())) == "Found 1 finding (1 warning) in 2 files.\n"
    three = report(finding(), finding(severity="error"), finding(severity="error"))
    assert text.summary(three) == "Found 3 findings (2 errors, 1 warning) in 2 files.\n"


def test_gcc() -> None:
    place = Related(Span("src/eggs.c", 7, 3, 7, 5), "here")
    assert list(gcc.render(report(finding(related=(place,)), finding(severity="error", message="a\nb")))) == [
        "src/spam.c:1:30: warning: `Spam` is a static type. [HL101]\n",
        "src/eggs.c:7:3: note: here\n",
        "src/spam.c:1:30: error: a\\x0ab [HL101]\n",
    ]


def test_json_keeps_its_contract() -> None:
    place = Related(Span("src/eggs.c", 7, 3, 7, 5), "here")
    fix = Fix("safe", (Edit("src/spam.c", 3, 5, "x"),))
    one = finding(function="f", item="m", python=">=3.9", steps=(place,), related=(place,), fix=fix)
    told = (Notice("src/big.c", 0, "skipped-size", "too large"),)
    at = {"path": "src/eggs.c", "line": 7, "column": 3, "message": "here"}
    assert json.loads("".join(json_.render(report(one, finding(), told=told)))) == {
        "version": 1,
        "tool": {"name": "heaplint", "version": __version__},
        "findings": [
            {
                "rule": "HL101", "name": "static-type", "severity": "warning", "precision": "high",
                "message": "`Spam` is a static type.", "path": "src/spam.c", "line": 1, "column": 30, "end_line": 1,
                "end_column": 34, "symbol": "Spam", "function": "f", "item": "m", "python": ">=3.9",
                "fingerprint": one.fingerprint, "steps": [at], "related": [at],
                "fix": {
                    "applicability": "safe",
                    "edits": [{"path": "src/spam.c", "start": 3, "end": 5, "text": "x"}],
                },
            },
            {
                "rule": "HL101", "name": "static-type", "severity": "warning", "precision": "high",
                "message": "`Spam` is a static type.", "path": "src/spam.c", "line": 1, "column": 30, "end_line": 1,
                "end_column": 34, "symbol": "Spam", "function": None, "item": None, "python": None,
                "fingerprint": finding().fingerprint, "steps": [], "related": [], "fix": None,
            },
        ],
        "notices": [{"kind": "skipped-size", "path": "src/big.c", "line": 0, "message": "too large"}],
        "files": [],
        "summary": {
            "files": 2,
            "findings": 2,
            "notices": 1,
            "by_severity": {"error": 0, "warning": 2, "note": 0},
            "by_rule": {"HL101": 2},
        },
    }  # fmt: skip


def test_statistics_put_the_most_frequent_first() -> None:
    many = [finding() for _ in range(10)]
    other = finding(rule="HL201", name="heap-type-without-gc")
    assert "".join(statistics.render(report(other, *many))) == (
        "10  HL101  static-type\n 1  HL201  heap-type-without-gc\n"
    )
    assert list(statistics.render(report())) == []


def told(kind: NoticeKind, number: int) -> list[Notice]:
    return [Notice(f"{index}.c", 0, kind, "why") for index in range(number)]


def test_notices_are_few_lines_for_each_kind() -> None:
    lines = list(notices.render_few([*told("unreadable", 9), *told("skipped-size", 4)]))
    assert lines == [
        *(f"heaplint: skipped-size: {index}.c: why\n" for index in range(4)),
        *(f"heaplint: unreadable: {index}.c: why\n" for index in range(3)),
        "heaplint: unreadable: and 6 more (-v shows them)\n",
    ]


def test_all_notices_with_their_lines() -> None:
    some = [Notice("a\n.c", 3, "unbalanced", "why"), Notice(".", 0, "skipped-generated", "skipped 2 files")]
    assert list(notices.render_all(some)) == [
        "heaplint: unbalanced: a\\x0a.c:3: why\n",
        "heaplint: skipped-generated: skipped 2 files\n",
    ]


@pytest.mark.parametrize(
    ("findings", "kind", "strict", "exit_zero", "code"),
    [
        (0, None, False, False, 0),
        (1, None, False, False, 1),
        (1, None, False, True, 0),
        (0, "unreadable", False, False, 0),
        (0, "unreadable", True, False, 2),
        (1, "unreadable", True, True, 2),
        (0, "skipped-generated", True, False, 0),
        (1, "skipped-vendored", True, False, 1),
    ],
)
def test_exit_codes(findings: int, kind: NoticeKind | None, strict: bool, exit_zero: bool, code: int) -> None:
    some = told(kind, 1) if kind else []
    assert notices.exit_code([finding()] * findings, some, strict=strict, exit_zero=exit_zero) == code
