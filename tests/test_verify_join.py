"""Verdicts beside findings: what is confirmed, refuted, seen at run time only, or left undecided."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest
from builds import built
from hypothesis import given
from hypothesis import strategies as st

from heaplint.cards import all_cards
from heaplint.census import Census, CensusModule, CensusType, in_order
from heaplint.findings import Finding, Span
from heaplint.report import verification
from heaplint.verdicts import RULES, At, Check, RuntimeType, Verdict, Verification, VerifiedModule
from heaplint.verify.join import JOINED_RULES, join
from heaplint.verify.symbols import SymbolsError, source_name, writable


def finding(rule: str, symbol: str, path: str = "spam.c", line: int = 3) -> Finding:
    card = all_cards()[rule]
    return Finding(rule, card.name, card.severity, card.precision, "x", Span(path, line, 1, line, 2), symbol=symbol)


def heap_type(symbol: str, name: str, path: str = "spam.c") -> CensusType:
    return CensusType(path, 9, symbol, name, "heap", "spec", None, True, True, True, None, None)


CENSUS = in_order(
    [heap_type("egg_spec", "spam.Egg"), heap_type("TypeObject_Spec", "spam.A", "a.cpp"),
     heap_type("TypeObject_Spec", "spam.B", "b.cpp")],
    [CensusModule("spam.c", 20, "spam_module", "spam", "multi-phase", "0", (), None, None)],
)  # fmt: skip


def verdict(check: Check, claim: bool | None, subject: str = "spam.Egg") -> Verdict:
    answer = "unknown" if claim is None else "fail" if claim else "pass"
    return Verdict("pkg.spam", subject, check, answer, "seen", claim)  # type: ignore[arg-type]  # one of the three


def joined(one: Verdict, *findings: Finding, census: Census = CENSUS) -> tuple[Verdict, Verification]:
    seen = join(Verification("3.13.0", (VerifiedModule("pkg.spam", "spam.so", (), (one,)),)), findings, census)
    return seen.verdicts[0], seen


@pytest.mark.parametrize(
    ("claim", "found", "expected"),
    [
        (True, True, "confirmed"),
        (False, True, "refuted"),
        (True, False, "only-at-run-time"),
        (False, False, None),
        (None, True, None),
        (None, False, None),
    ],
)
def test_what_becomes_of_a_verdict(claim: bool | None, found: bool, expected: str | None) -> None:
    one, seen = joined(verdict("releases-type", claim), *([finding("HL207", "egg_spec")] if found else []))
    assert one.joined == expected
    assert one.rule == ("HL207" if expected else None)
    assert bool(seen.undecided) == (claim is None and found)


def test_the_places_are_the_findings_and_else_the_types() -> None:
    one, _ = joined(verdict("visits-type", True), finding("HL203", "egg_spec", line=5))
    assert one.at is not None and (one.at.path, one.at.line) == ("spam.c", 5)
    one, _ = joined(verdict("visits-type", True))
    assert one.at is not None and (one.at.path, one.at.line) == ("spam.c", 9)


def test_types_of_one_symbol_are_told_apart_by_their_files() -> None:
    here, elsewhere = finding("HL201", "TypeObject_Spec", "b.cpp"), finding("HL201", "TypeObject_Spec", "a.cpp")
    one, seen = joined(verdict("have-gc", True, "spam.B"), elsewhere, here)
    assert one.at is not None and one.at.path == "b.cpp"
    assert [left.at.path for left in seen.undecided] == ["a.cpp"]


def test_a_name_without_its_module_is_found_when_it_is_the_only_one() -> None:
    assert joined(verdict("have-gc", True, "other.Egg"), finding("HL201", "egg_spec"))[0].joined == "confirmed"
    twice = in_order([*CENSUS.types, heap_type("egg2_spec", "ham.Egg")], [])
    assert joined(verdict("have-gc", True, "other.Egg"), finding("HL201", "egg_spec"), census=twice)[0].joined == (
        "only-at-run-time"
    )


def test_modules_are_found_by_their_functions_and_definitions() -> None:
    assert joined(verdict("multi-phase", True, "pkg.spam"), finding("HL301", "PyInit_spam"))[0].joined == "confirmed"
    assert joined(verdict("multi-phase", True, "pkg.spam"), finding("HL301", "PyInit_ham"))[0].joined == "only-at-run-time"
    assert joined(verdict("own-gil", False, "pkg.spam"), finding("HL306", "spam_module"))[0].joined == "refuted"


def test_the_import_systems_copy_of_a_module_is_no_variable_that_a_rule_missed() -> None:
    assert joined(verdict("static-state", True, "spam_module"))[0].joined is None
    assert joined(verdict("static-state", True, "cache"))[0].joined == "only-at-run-time"
    assert joined(verdict("static-state", True, "cache.4"), finding("HL303", "cache"))[0].joined == "confirmed"


def test_variables_of_one_name_are_counted_one_by_one() -> None:
    cache = "_ZN4spam1{}5cacheE"
    first, second, third = (verdict("static-state", True, cache.format(letter)) for letter in "ABC")
    module = VerifiedModule("pkg.spam", "spam.so", (), (first, second, third))
    findings = [finding("HL303", "A::cache", "a.cpp"), finding("HL303", "cache", "b.cpp")]
    seen = join(Verification("3.13.0", (module,)), findings, CENSUS)
    assert [one.joined for one in seen.verdicts] == ["confirmed", "confirmed", "only-at-run-time"]
    assert not any(one.at for one in seen.verdicts) and not seen.undecided


def test_the_summary_counts_by_rule() -> None:
    _, seen = joined(verdict("releases-type", True), finding("HL207", "egg_spec"), finding("HL207", "ham_spec"))
    assert seen.joins == {"HL207": {"confirmed": 1, "refuted": 0, "only-at-run-time": 0, "undecided": 1}}


def test_findings_of_other_rules_are_left_alone() -> None:
    _, seen = joined(verdict("releases-type", True), finding("HL410", "egg_spec"))
    assert not seen.undecided


def test_joined_rules_are_rules() -> None:
    assert set(JOINED_RULES) <= all_cards().keys()
    assert all(isinstance(rules, tuple) for rules in RULES.values())


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("cache", "cache"),
        ("cache.12", "cache"),
        ("_ZN10kiwisolver19DuplicateConstraintE", "DuplicateConstraint"),
        ("_ZN4spam12_GLOBAL__N_15cacheE", "cache"),
        ("_ZL5cache", "cache"),
        ("_ZZ3foovE5cache", "_ZZ3foovE5cache"),
        (".bss+0x40", ".bss+0x40"),
    ],
)
def test_names_of_symbols_in_the_source(symbol: str, name: str) -> None:
    assert source_name(symbol) == name


@given(st.text(min_size=1, max_size=30))
def test_any_symbol_has_a_name(symbol: str) -> None:
    assert source_name(symbol)


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" + bytes(100), b"\x7fELF\x02\x01\x01" + bytes(57)])
def test_a_file_that_is_no_shared_object_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.so"
    file.write_bytes(content)
    with pytest.raises(SymbolsError):
        writable(str(file), 60)


def test_a_shared_object_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "x.so"
    os.mkfifo(pipe)
    with pytest.raises(SymbolsError, match="no regular file"):
        writable(str(pipe), 60)


def test_the_symbols_of_a_shared_object_are_read_for_a_time_only() -> None:
    with pytest.raises(SymbolsError, match="takes too long"):
        writable(f"{built(sys.executable, 'sound')}/sound.so", 0)


def test_what_a_module_says_reaches_no_terminal_unescaped() -> None:
    bad = "x\x1b]0;t\x07\u202e\n\x9b2J"
    kind = RuntimeType(bad, "heap", "specification", 0, bad, gc=True, immutable=False, instantiable=True, basetype=False)
    verdicts = tuple(Verdict(bad, bad, "have-gc", answer, bad) for answer in ("pass", "fail", "unknown"))
    module = VerifiedModule(bad, bad, (kind,), verdicts, (bad,))
    seen = join(Verification("3.13.0", (module,)), [finding("HL207", bad, path=bad)], CENSUS)
    located = dataclasses.replace(seen.verdicts[1], joined="confirmed", rule="HL201", at=At(bad, 3))
    shown = dataclasses.replace(seen, modules=(dataclasses.replace(module, verdicts=(*verdicts, located)),))
    for output in ("".join(verification.table(shown)), verification.json(shown), verification.sarif(shown)):
        assert "x" in output
        assert not [one for one in output if not one.isprintable() and one != "\n"]


def test_verdicts_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        verdict("have-gc", True).answer = "pass"  # type: ignore[misc]  # that it cannot is the point
