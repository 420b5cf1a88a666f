"""Problem matchers find in the gcc format what JSON says, coloured or not, in Python's and in JavaScript's syntax."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from pathlib import Path

import pytest
from conftest import Command
from hypothesis import example, given
from hypothesis import strategies as st
from real_tools import program

from heaplint.findings import Finding, Related, Severity, Span
from heaplint.report import gcc, matcher, sanitize
from heaplint.report.report import Report

GOLDEN = Path(__file__).parent / "fixtures" / "golden"
GOLDENS = sorted(GOLDEN.glob("*.gcc"))
PATTERN = re.compile(matcher.PATTERN)
NAMES = ("path", "line", "column", "severity", "message", "rule")

Seen = dict[str, object]

HOSTILE = [
    "C:\\src\\spam.c:3:4: error: `x[0]` is lost: why [not] [HL101]",
    "C:/a b/spam.c:3:4: note: see: here [1]",
    "a:b:1:spam.c:3:4: warning: first: second: 5:6: error: x [HL999]",
    "caf\\xe9 日本.c:30:400: error:  [HL101]",
    "a.c:1:1: warning: [HL101] is named [HL102] twice [HL103]",
]
NOT_FOR_US = [
    "", "Found 13 findings (6 errors, 7 warnings) in 5 files.", "a.c: In function `f`:", "a.c:1: error: no column",
    "heaplint: skipped-generated: skipped 1 file", "src/spam.c:1:30: warning[HL101 static-type] the text format",
    "src/spam.c:1:30: fatal error: nothing of ours", "    a.c:1:1: note: quoted",
]  # fmt: skip


def seen(line: str) -> Seen | None:
    found = PATTERN.match(line)
    return dict(zip(NAMES, found.groups(), strict=True)) if found else None


def coloured(line: str) -> str:
    """A line with the colours that GCC gives to its own."""
    found = PATTERN.match(line)
    assert found is not None
    path, row, column, severity, message, rule = found.groups()
    tail = f" [\x1b[01;35m{rule}\x1b[m\x1b[K]" if rule else ""
    return (
        f"\x1b[01m\x1b[K{path}:{row}:{column}:\x1b[m\x1b[K \x1b[01;35m\x1b[K{severity}: \x1b[m\x1b[K"
        f"{message}{tail}\x1b[0m"
    )


def lines_of(golden: Path) -> list[str]:
    return golden.read_text(encoding="utf-8").splitlines()


def test_there_are_goldens() -> None:
    assert GOLDENS


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda golden: golden.stem)
def test_every_golden_line_is_found_as_json_has_it(golden: Path) -> None:
    document = json.loads(golden.with_suffix(".json").read_text(encoding="utf-8"))
    wanted = []
    for one in document["findings"]:
        wanted.append({"path": one["path"], "line": str(one["line"]), "column": str(one["column"]),
                       "severity": one["severity"], "message": one["message"], "rule": one["rule"]})  # fmt: skip
        for place in (*one["steps"], *one["related"]):
            wanted.append({"path": place["path"], "line": str(place["line"]), "column": str(place["column"]),
                           "severity": "note", "message": place["message"], "rule": None})  # fmt: skip
    assert wanted
    assert [seen(line) for line in lines_of(golden)] == wanted
    assert [seen(coloured(line)) for line in lines_of(golden)] == wanted
    assert [seen(line + "\r") for line in lines_of(golden)] == wanted


WORDS = st.text(st.characters(exclude_categories=()), max_size=40)


@given(
    path=WORDS.filter(lambda path: ":" not in path and path.strip() == path != ""),
    message=WORDS, line=st.integers(1, 10**6), severity=st.sampled_from(["error", "warning", "note"]),
)  # fmt: skip
@example(path="a.c", message="x [HL1] [HL201]: y [HL2012]", line=1, severity="error")
@example(path="a.c", message="", line=1, severity="note")
def test_whatever_a_finding_says_is_found(path: str, message: str, line: int, severity: Severity) -> None:
    one = Finding("HL101", "static-type", severity, "high", message, Span(path, line, 2, line, 3))
    step = Related(Span(path, line, 7, line, 8), "it ends [here]")
    shown = list(gcc.render(Report([dataclasses.replace(one, steps=(step,))], (), 1, {}, {})))
    assert seen(shown[0].removesuffix("\n")) == {
        "path": sanitize.text(path), "line": str(line), "column": "2", "severity": severity,
        "message": sanitize.text(message), "rule": "HL101",
    }  # fmt: skip
    assert seen(shown[1].removesuffix("\n")) == {
        "path": sanitize.text(path), "line": str(line), "column": "7", "severity": "note",
        "message": "it ends [here]", "rule": None,
    }  # fmt: skip


def test_brackets_and_colons() -> None:
    assert [tuple(found.values()) if (found := seen(line)) else None for line in HOSTILE] == [
        ("C:\\src\\spam.c", "3", "4", "error", "`x[0]` is lost: why [not]", "HL101"),
        ("C:/a b/spam.c", "3", "4", "note", "see: here [1]", None),
        ("a:b:1:spam.c", "3", "4", "warning", "first: second: 5:6: error: x", "HL999"),
        ("caf\\xe9 日本.c", "30", "400", "error", "", "HL101"),
        ("a.c", "1", "1", "warning", "[HL101] is named [HL102] twice", "HL103"),
    ]


@pytest.mark.parametrize("line", NOT_FOR_US)
def test_other_lines_are_left_alone(line: str) -> None:
    assert seen(line) is None


@pytest.mark.parametrize("filling", [" ", ":", "[", "1:", "a.c:1:1: ", "\x1b[m", " [HL101"])
def test_a_long_line_takes_no_long_time(filling: str) -> None:
    """Each of these is 200 kB; a pattern that tries every pair of places would not come back."""
    for head in ("", "a.c:1:1: error: "):
        seen(head + filling * (200_000 // len(filling)) + "\x1b")


# The command


def test_github(cli: Command) -> None:
    outcome = cli("matcher", "--for", "github")
    assert (outcome.code, outcome.err) == (0, "")
    (one,) = json.loads(outcome.out)["problemMatcher"]
    assert one["owner"] == "heaplint"
    assert one["pattern"] == [
        {"regexp": matcher.PATTERN, "file": 1, "line": 2, "column": 3, "severity": 4, "message": 5, "code": 6}
    ]


def test_vscode_into_a_file(cli: Command) -> None:
    assert cli("matcher", "--for", "vscode", "--output", "m.json").out == ""
    document = json.loads(Path("m.json").read_text(encoding="ascii"))
    assert document["pattern"]["regexp"] == matcher.PATTERN
    assert document["fileLocation"] == ["autoDetect", "${workspaceFolder}"]


def test_the_reader_must_be_named(cli: Command) -> None:
    assert cli("matcher").is_error("--for")
    assert cli("matcher", "--for", "emacs").is_error("emacs", "github", "vscode")


# JavaScript, in which VS Code reads the pattern

SCRIPT = """
const {regexp, lines} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const pattern = new RegExp(regexp);
const groups = (found) => found && found.slice(1).map((group) => group === undefined ? null : group);
process.stdout.write(JSON.stringify(lines.map((line) => groups(pattern.exec(line)))));
"""


@pytest.mark.external
@pytest.mark.parametrize("reader", ["github", "vscode"])
def test_javascript_finds_the_same(reader: matcher.Reader) -> None:
    node = program("node", "nodejs")
    document = json.loads(matcher.render(reader))
    pattern = document["problemMatcher"][0]["pattern"][0] if reader == "github" else document["pattern"]
    golden = [line for one in GOLDENS for line in lines_of(one)]
    lines = [*golden, *map(coloured, golden), *HOSTILE, *NOT_FOR_US]
    done = subprocess.run(
        [node, "-e", SCRIPT], input=json.dumps({"regexp": pattern["regexp"], "lines": lines}),
        capture_output=True, text=True, encoding="utf-8", check=True, timeout=60,
    )  # fmt: skip
    found = [seen(line) for line in lines]
    assert json.loads(done.stdout) == [None if one is None else list(one.values()) for one in found]
    assert sum(one is not None for one in found) == 2 * len(golden) + len(HOSTILE)
