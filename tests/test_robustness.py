"""Damaged files: a set of them in every run of the tests, and every input that ever broke something.

`benchmarks/fuzz.py` does the same by the hundred thousand; docs/reliability.md tells what came of it.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import get_args

import fuzz
import mutations
import pytest
from children import Failure, answers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties import FORMATS, Case, Check, PropertyError, examine, found, hold_format, report_of

from heaplint import engine
from heaplint.report import Format, formats
from heaplint.report.report import Report

CORPUS = Path(__file__).parent / "fixtures" / "fuzz"
KNOWN = mutations.stock()
ALL_CHECKS: frozenset[Check] = frozenset(get_args(Check))
SEED = 20
RUNS = 8


@pytest.mark.parametrize("number", range(RUNS))
def test_what_always_holds_of_damaged_files(number: int) -> None:
    """Fifty inputs each; all that is checked in one run, what costs least in the others."""
    case, kinds = fuzz.case(KNOWN, SEED, number)
    checks = frozenset({"format", "again"} if number else ALL_CHECKS)
    tally = examine(replace(case, checks=checks, frontend="tree-sitter"))
    assert sum(tally.states.values()) == fuzz.INPUTS
    assert tally.findings and tally.notices and len(kinds) > 10


@pytest.mark.parametrize("number", range(2))
def test_all_findings_of_damaged_files_can_be_suppressed_and_fixed(number: int) -> None:
    case, _ = fuzz.case(KNOWN, SEED + 1, number)
    examine(replace(case, checks=frozenset({"suppressed", "repair", "census"}), frontend="tree-sitter"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
       end=st.sampled_from(["c", "cpp", "h"]), seed=st.integers(0, 1 << 32))  # fmt: skip
def test_any_bytes_in_any_file(text: bytes, end: str, seed: int) -> None:
    """Hypothesis's bytes as they are, and within a sound file."""
    chance = random.Random(seed)
    sound = chance.choice(KNOWN.c).text
    place = chance.randrange(len(sound) + 1)
    examine(Case({f"0.{end}": text, f"1.{end}": sound[:place] + text + sound[place:]}, checks=frozenset({"format"}),
                 output_format=chance.choice(FORMATS)))  # fmt: skip


BROKEN = sorted(CORPUS.iterdir())
"""The inputs that broke something: each a folder of files, of one mostly."""


@pytest.mark.parametrize("folder", BROKEN, ids=lambda folder: folder.name)
def test_what_once_broke_something(folder: Path) -> None:
    """In a child with bounds: what goes round for ever again fails the test and does not stop it."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert files
    cases = [Case(files, ">=3.8", "tree-sitter", ALL_CHECKS, "gitlab"), Case(files, "3.12", "auto", ALL_CHECKS, "sarif")]
    assert [failure for case in cases if (failure := fuzz.failure_of(case, seconds=10))] == []


# the harness itself can fail


def test_a_run_that_never_ends_is_ended_and_told() -> None:
    def work(say: object) -> None:
        with fuzz.processor_time(0.2):
            while True:
                pass

    (failure,) = answers(work)
    assert isinstance(failure, Failure)
    assert failure.kind == "time"


def test_an_exception_names_the_function_it_came_from() -> None:
    answer = fuzz.attempt(Case({"a.c": b""}, target="2.7"))
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.cause) == ("exception", "TargetError in parse() of heaplint/pythons.py")


def test_a_lost_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine.run

    def forgetful(discovery: object, config: object, progress: object) -> engine.Result:
        result = run(discovery, config, progress)  # type: ignore[arg-type]  # what it was called with
        return replace(result, findings=(), notices=())

    monkeypatch.setattr(engine, "run", forgetful)
    canary = b'static PyTypeObject Canary_1 = { PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Canary" };\n'
    with pytest.raises(PropertyError, match=r"a\.c: what stands in front of the damage"):
        examine(Case({"a.c": canary}))
    with pytest.raises(PropertyError, match=r"a\.c is lost"):
        examine(Case({"a.c": b"\0"}))


def test_a_place_outside_of_its_file_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine.run

    def wrong(discovery: object, config: object, progress: object) -> engine.Result:
        result = run(discovery, config, progress)  # type: ignore[arg-type]  # what it was called with
        moved = tuple(replace(one, span=replace(one.span, end_column=one.span.end_column + 99)) for one in result.findings)
        return replace(result, findings=moved)

    monkeypatch.setattr(engine, "run", wrong)
    with pytest.raises(PropertyError, match="a place outside of its file"):
        examine(Case({"a.c": b"static PyTypeObject T;\n"}))


def test_what_fails_is_reduced_to_what_makes_it_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    run = engine.run

    def touchy(discovery: object, config: object, progress: object) -> engine.Result:
        if any(b"needle" in source.data for source in discovery.files):  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return run(discovery, config, progress)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(engine, "run", touchy)
    case = Case({"a.c": b"int x;\n", "b.c": b"int y;\nint needle(int z);\nint w;\n"}, checks=ALL_CHECKS)
    failure = fuzz.failure_of(case)
    assert failure is not None
    small = fuzz.reduced(case, failure.cause)
    assert (small.files, small.checks) == ({"b.c": b"needle"}, frozenset())


@pytest.mark.parametrize("output_format", [one for one in FORMATS if one != "github"])  # which shows a few of many
def test_a_format_that_loses_a_finding_is_noticed(output_format: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    discovery = found({"a.c": b"static PyTypeObject T;\nstatic PyTypeObject U;\n"})
    report = report_of(discovery, engine.run(discovery, Case({}).config, None))
    hold_format(output_format, report)
    lines = formats.lines

    def fewer(whole: Report, *given: object, **named: object) -> object:
        return lines(replace(whole, findings=whole.findings[1:]), *given, **named)  # type: ignore[arg-type]  # as called

    monkeypatch.setattr(formats, "lines", fewer)
    with pytest.raises(PropertyError, match=rf"{output_format}: \d+ findings of \d+"):
        hold_format(output_format, report)
