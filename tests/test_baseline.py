"""The baseline: what is known stays known while code moves, and only then."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
from pathlib import Path

import pytest
from conftest import CLEAN, SPAM, Command, Outcome, write
from hypothesis import given
from hypothesis import strategies as st
from test_fixtures import EXTENSIONS, read
from test_metamorphic import CHANGES, Change, Files, with_other_names

from heaplint import engine as analysis
from heaplint.config import Config
from heaplint.discovery import Discovery
from heaplint.filters import baseline
from heaplint.filters.baseline import BaselineError, Comparison, Entry
from heaplint.findings import Finding
from heaplint.source import SourceFile

FILE = "heaplint-baseline.json"


def same(path: str) -> str:
    return path


def always(_: Entry) -> bool:
    return True


# with the real engine: changes that make nothing new

Run = tuple[tuple[Finding, ...], dict[str, SourceFile]]


def found_in(files: Files, config: Config) -> Run:
    sources = tuple(SourceFile(path, text.encode()) for path, text in sorted(files.items()))
    findings = analysis.run(Discovery(Path("/"), Path("/"), sources, ()), config, None).findings
    return findings, {source.path: source for source in sources}


def entries_of(run: Run) -> tuple[Entry, ...]:
    written = baseline.render(baseline.entry_of(finding, run[1], same) for finding in run[0])
    return baseline.parse(written.encode(), FILE)


def compared(before: Run, after: Run) -> Comparison:
    return baseline.compare(*after, entries_of(before), same, always)


def with_lines_above(files: Files, _: random.Random) -> Files:
    return {path: "/* one */\n#include <Python.h>\nint above;\n\n\n" + text for path, text in files.items()}


def indented(files: Files, _: random.Random) -> Files:
    return {path: re.sub(r"^(?=[^#\n])", "\t  ", text, flags=re.M) for path, text in files.items()}


def with_an_unrelated_function(files: Files, _: random.Random) -> Files:
    return {path: "static int unrelated_one(int a) { return a; }\n" + text for path, text in files.items()}


@pytest.mark.parametrize(
    "change",
    [with_lines_above, indented, with_an_unrelated_function, *(one for one in CHANGES if one is not with_other_names)],
    ids=lambda change: change.__name__,
)
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_what_keeps_the_meaning_makes_nothing_new(extension: str, change: Change) -> None:
    discovery, config = read(extension)
    files = {source.path: source.data.decode() for source in discovery.files}
    before, after = found_in(files, config), found_in(change(files, random.Random(extension)), config)
    assert compared(before, after).new == ()
    assert len(compared(before, after).stale) == len(before[0]) - len(after[0])  # alike findings on one line are one


def test_files_that_move_keep_their_baseline() -> None:
    discovery, config = read("broken_gc")
    files = {source.path: source.data.decode() for source in discovery.files}
    before, after = found_in(files, config), found_in({f"lib/{path}": text for path, text in files.items()}, config)
    assert len(before[0]) > 10
    assert (compared(before, after).new, compared(before, after).stale) == ((), ())


LEAKS = """\
#include <Python.h>
static int add(PyObject *m) {
    PyModule_AddObject(m, "a", PyLong_FromLong(1));
    PyModule_AddObject(m, "b", PyLong_FromLong(2));
    return 0;
}
"""
LEAK_A, LEAK_B = LEAKS.splitlines(keepends=True)[2:4]


def test_of_alike_findings_the_one_that_was_added_is_new() -> None:
    one, two = found_in({"a.c": LEAKS.replace(LEAK_B, "")}, Config()), found_in({"a.c": LEAKS}, Config())
    assert [finding.span.line for finding in two[0]] == [3, 4]
    new = compared(one, two).new
    assert [(finding.rule, finding.span.line) for finding in new] == [("HL408", 4)]
    above = found_in({"a.c": LEAKS.replace(LEAK_A, LEAK_B + LEAK_A, 1)}, Config())
    assert [finding.span.line for finding in compared(one, above).new] == [3, 5]


def test_of_alike_findings_one_that_is_cured_leaves_the_other_known() -> None:
    two, last = found_in({"a.c": LEAKS}, Config()), found_in({"a.c": LEAKS.replace(LEAK_A, "")}, Config())
    assert (compared(two, last).new, len(compared(two, last).stale)) == ((), 1)


def test_an_edit_of_the_flagged_code_is_no_new_finding() -> None:
    before = found_in({"a.c": LEAKS.replace(LEAK_B, "")}, Config())
    after = found_in({"a.c": LEAKS.replace(LEAK_B, "").replace("FromLong(1)", "FromLong(one)")}, Config())
    assert entries_of(before) != entries_of(after)
    assert (compared(before, after).new, compared(before, after).stale) == ((), ())


def test_a_new_defect_is_new() -> None:
    discovery, config = read("heap_types")
    files = {source.path: source.data.decode() for source in discovery.files}
    broken = {path: text.replace(" | Py_TPFLAGS_HAVE_GC", "") for path, text in files.items()}
    new = compared(found_in(files, config), found_in(broken, config)).new
    assert {finding.rule for finding in new} == {"HL201", "HL209"}


# the comparison by itself

TOKENS = st.sampled_from(["aa", "bb"])
NAMES = st.none() | st.sampled_from(["f", "g"])
ENTRIES = st.lists(st.builds(Entry, st.sampled_from(["a.c", "b.c"]), TOKENS, NAMES, NAMES, NAMES, TOKENS), max_size=8)


def finding_of(entry: Entry) -> Finding:
    """A finding whose entry has the same key; the context is found in a source of one line each."""
    span = SOURCES[entry.path].span(*{"aa": (0, 2), "bb": (3, 5)}[entry.context])
    return Finding(entry.rule, "n", "note", "low", "m", span, entry.symbol, entry.function, entry.item)


SOURCES = {path: SourceFile(path, b"aa bb\n") for path in ("a.c", "b.c")}


def entry_for(finding: Finding) -> Entry:
    return baseline.entry_of(finding, SOURCES, same)


@given(ENTRIES, ENTRIES)
def test_every_finding_and_every_entry_is_told_once(now: list[Entry], then: list[Entry]) -> None:
    findings = [finding_of(entry) for entry in now]
    result = baseline.compare(findings, SOURCES, [entry_for(finding_of(entry)) for entry in then], same, always)
    assert len(result.new) + len(result.known) == len(now)
    assert len(result.stale) + len(result.known) == len(then)
    assert result.unjudged == ()
    again = baseline.compare(findings, SOURCES, result.known, same, always)  # what was known stays so once written
    assert (sorted(map(repr, again.new)), again.stale) == (sorted(map(repr, result.new)), ())


@given(ENTRIES)
def test_the_same_findings_are_all_known(now: list[Entry]) -> None:
    findings = [finding_of(entry) for entry in now]
    shuffled = sorted((entry_for(one) for one in findings), key=lambda entry: entry.sort_key)
    result = baseline.compare(findings, SOURCES, shuffled, same, always)
    assert (result.new, result.stale) == ((), ())


def test_a_finding_without_subject_is_told_by_its_context() -> None:
    then = Entry("a.c", "HL901", None, None, "HL1", "aa")
    result = baseline.compare([finding_of(dataclasses.replace(then, context="bb"))], SOURCES,
                              [entry_for(finding_of(then))], same, always)  # fmt: skip
    assert (len(result.new), len(result.stale)) == (1, 1)


def test_code_does_not_move_out_of_a_file_that_was_not_read() -> None:
    then = entry_for(finding_of(Entry("a.c", "HL101", "Spam", None, None, "aa")))
    now = finding_of(Entry("b.c", "HL101", "Spam", None, None, "aa"))
    result = baseline.compare([now], SOURCES, [then], same, lambda _: False)
    assert (result.new, result.stale, result.unjudged) == ((now,), (), (then,))


# the file

ANY_TEXT = st.text() | st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF))


@given(st.lists(st.builds(Entry, *[ANY_TEXT] * 2, *[st.none() | ANY_TEXT] * 3, ANY_TEXT), max_size=5))
def test_reading_is_the_inverse_of_writing(entries: list[Entry]) -> None:
    written = baseline.render(entries)
    assert all(" " <= character <= "~" or character == "\n" for character in written)
    assert len(written.splitlines()) == len(entries) + 7
    read_again = baseline.parse(written.encode(), FILE)
    assert list(read_again) == sorted(entries, key=lambda entry: entry.sort_key)


def test_the_file_has_one_line_for_each_entry() -> None:
    second = Entry("b.c", "HL101", "Spam", None, None, "00ff")
    first = Entry("a.c", "HL303", "cache", "init", "x", "11ee")
    assert baseline.render([second, first]) == (
        """\
{
"tool": "heaplint",
"version": 1,
"baseline": [
{"path": "a.c", "rule": "HL303", "symbol": "cache", "function": "init", "item": "x", "context": "11ee"},
{"path": "b.c", "rule": "HL101", "symbol": "Spam", "context": "00ff"},
null
]
}
"""
    )


GOOD = '{"path": "a.c", "rule": "HL101", "context": ""}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no baseline"),
        (b"<<<<<<< HEAD\n", "no baseline: Expecting value: line 1"),
        (b"\xff\xfe\x00", "no baseline"),
        (b"[" * 200_000, "no baseline: nested too deeply"),
        (b"[]", "`heaplint baseline` did not write it"),
        (b'{"version": 1, "findings": []}', "`heaplint baseline` did not write it"),
        (b'{"tool": "heaplint", "version": 2, "baseline": []}', "its version is 2; this heaplint reads 1"),
        (b'{"tool": "heaplint", "version": 1, "baseline": {}}', "expected a list"),
        (b'{"tool": "heaplint", "version": 1, "baseline": [1]}', "entry 1: expected an object"),
        (b'{"tool": "heaplint", "version": 1, "baseline": [%s, {}]}' % GOOD.encode(), "entry 2: path: expected a st"),
        (b'{"tool": "heaplint", "version": 1, "baseline": [{"path": "", "rule": "", "context": "", "item": 1}]}', "item"),
    ],
)
def test_a_file_that_is_no_baseline(cli: Command, text: bytes, words: str) -> None:
    write("a.c", SPAM)
    write("b.json", text)
    assert cli("check", "--baseline", "b.json").is_error(f"b.json: {words}" if words.startswith("no") else words)
    assert cli("baseline", "--prune", "-o", "b.json").is_error("b.json")
    assert Path("b.json").read_bytes() == text


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MAX_BASELINE_BYTES", 10)
    with pytest.raises(BaselineError, match="larger than"):
        baseline.parse(b" " * 11, FILE)


# the command line


def test_what_is_written_is_not_reported(cli: Command) -> None:
    write("src/a.c", SPAM)
    assert cli("baseline") == Outcome(0, "", f"heaplint: baseline: {FILE}: 1 finding written\n")
    assert cli("baseline", "-q") == Outcome(0, "", "")
    assert cli("check", "--baseline", FILE) == Outcome(
        0, "No findings in 1 file.\n", "heaplint: baseline: 1 known finding not shown\n"
    )
    write("src/a.c", "\n\n" + SPAM + "static PyTypeObject Eggs;\n")
    outcome = cli("check", "--baseline", FILE, "--format", "gcc")
    assert (outcome.code, outcome.out) == (1, "src/a.c:4:21: warning: `Eggs` is a static type. [HL101]\n")
    assert json.loads(cli("check", "--baseline", FILE, "--format", "json").out)["summary"]["findings"] == 1


def test_the_same_findings_give_the_same_file(cli: Command) -> None:
    write("src/a.c", SPAM)
    write("b.c", SPAM)
    cli("baseline")
    first = Path(FILE).read_bytes()
    cli("baseline", "src", "b.c")
    assert Path(FILE).read_bytes() == first
    assert sorted(path.name for path in Path().iterdir()) == [".git", "b.c", FILE, "src"]


@pytest.mark.parametrize("place", ["src", "src/inner"])
def test_paths_are_relative_to_the_file(cli: Command, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    write("src/inner/a.c", SPAM)
    cli("baseline")
    monkeypatch.chdir(place)
    up = "../" * len(Path(place).parts)
    assert cli("check", "--baseline", f"{up}{FILE}").code == 0
    assert cli("check", "--baseline", f"{up}{FILE}", "..").code == 0


def test_stale_entries_are_notices_and_pruned(cli: Command) -> None:
    write("a.c", SPAM + "static PyTypeObject Eggs;\n")
    write("gone.c", "static PyTypeObject Gone;\n")
    write("other.c", "static PyTypeObject Other;\n")
    cli("baseline")
    Path("gone.c").unlink()
    write("a.c", SPAM)
    about_eggs = (
        "heaplint: stale-baseline: a.c: HL101 `Eggs` is in the baseline and no longer found "
        "(`heaplint baseline --prune` removes it)\n"
    )
    outcome = cli("check", "--baseline", FILE, "a.c")  # other.c was not read: nothing is known of it
    assert outcome.code == 0
    assert outcome.err.splitlines(keepends=True)[1:] == [about_eggs, about_eggs.replace("a.c", "gone.c").replace("Eggs", "Gone")]
    assert cli("check", "--baseline", FILE, "--strict").code == 0
    told = json.loads(cli("check", "--baseline", FILE, "--format", "json").out)["notices"]
    assert [(notice["kind"], notice["path"]) for notice in told] == [("stale-baseline", "a.c"), ("stale-baseline", "gone.c")]
    write("new.c", "static PyTypeObject New;\n")
    assert cli("baseline", "--prune").err == f"heaplint: baseline: {FILE}: 2 stale entries removed, 2 kept\n"
    assert [entry.symbol for entry in baseline.parse(Path(FILE).read_bytes(), FILE)] == ["Spam", "Other"]
    outcome = cli("check", "--baseline", FILE)
    assert outcome.code == 1 and "`New`" in outcome.out and "stale" not in outcome.err


def test_a_rule_that_did_not_run_makes_nothing_stale(cli: Command) -> None:
    write("a.c", SPAM)
    cli("baseline")
    for arguments in (("--select", "HL2"), ("--severity", "error"), ("--precision", "very-high")):
        assert "stale" not in cli("check", "--baseline", FILE, *arguments).err
    assert cli("baseline", "--prune", "--select", "HL2").err.endswith("0 stale entries removed, 1 kept\n")
    assert cli("check", "--baseline", FILE).code == 0


def test_pruning_twice_changes_nothing(cli: Command) -> None:
    write("a.c", SPAM)
    cli("baseline")
    cli("baseline", "--prune")
    first = Path(FILE).read_bytes()
    cli("baseline", "--prune")
    assert Path(FILE).read_bytes() == first


def test_a_missing_baseline_is_an_error(cli: Command) -> None:
    write("a.c", CLEAN)
    assert cli("check", "--baseline", "nix.json").is_error("nix.json: No such file", "`heaplint baseline` writes")
    assert cli("baseline", "--prune").is_error(FILE)
    assert not Path(FILE).exists()


def test_a_baseline_that_cannot_be_written_leaves_the_old_one(cli: Command) -> None:
    write("a.c", SPAM)
    cli("baseline")
    before = Path(FILE).read_bytes()
    write("heaplint.toml", "select = 3")
    assert cli("baseline").is_error("heaplint.toml: select")
    assert Path(FILE).read_bytes() == before
    for place in ("no/such/x.json", ".", "", "/dev/full"):
        assert cli("baseline", "--isolated", "-o", place).is_error(place)
    assert sorted(path.name for path in Path().iterdir()) == [".git", "a.c", FILE, "heaplint.toml"]


def test_hostile_names_reach_terminal_and_file_escaped(cli: Command) -> None:
    name = os.fsdecode(b"a\x1b[2J\n\xff\xe2\x80\xae.c")
    write(name, SPAM)
    cli("baseline")
    assert Path(FILE).read_bytes().isascii() and b"\x1b" not in Path(FILE).read_bytes()
    assert cli("check", "--baseline", FILE).code == 0
    write(name, CLEAN)
    outcome = cli("check", "--baseline", FILE)
    assert "stale-baseline: a\\x1b[2J\\x0a\\xff\\u202e.c: HL101" in outcome.err
