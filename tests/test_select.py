"""Which findings a configuration keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from heaplint.cards import Card
from heaplint.config import Config, ConfigError, PerFileIgnore, Selectors
from heaplint.filters.select import Selection, SelectorError, rule_named
from heaplint.findings import Finding, Precision, Severity, Span


def card(rule: str, name: str, *tags: str, default: bool = True) -> Card:
    return Card(rule, name, "A summary.", "warning", "high", default, "", "none", tags, (), "0.1", "")


CARDS = {
    one.id: one
    for one in (
        card("HL101", "static-type", "types"),
        card("HL106", "mutable-heap-type", "types", default=False),
        card("HL201", "heap-type-without-gc", "types", "gc"),
        card("HL203", "traverse-skips-type", "gc"),
        card("HL901", "unused-suppression", "run"),
    )
}
DEFAULT = {"HL101", "HL201", "HL203", "HL901"}


def rules(*sources: Selectors) -> set[str]:
    return set(Selection.from_config(Config(selectors=sources), CARDS).rules)


def said(**keys: Any) -> Selectors:
    return Selectors("heaplint.toml", **keys)


def asked(**keys: Any) -> Selectors:
    return Selectors("", **keys)


def test_the_default_is_the_rules_that_are_on() -> None:
    assert rules() == DEFAULT


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("ALL", set(CARDS)),
        ("HL", set(CARDS)),
        ("HL2", {"HL201", "HL203"}),
        ("hl20", {"HL201", "HL203"}),
        ("HL106", {"HL106"}),
        ("mutable-heap-type", {"HL106"}),
        ("gc", {"HL201", "HL203"}),
        (" HL101 ", {"HL101"}),
    ],
)
def test_selectors(selector: str, expected: set[str]) -> None:
    assert rules(asked(select=(selector,))) == expected


def test_ignore_and_extend() -> None:
    assert rules(asked(ignore=("HL2",))) == {"HL101", "HL901"}
    assert rules(asked(extend_select=("HL106",))) == DEFAULT | {"HL106"}
    assert rules(asked(ignore=("ALL",))) == set()


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        (("HL201",), ("HL2",), {"HL201"}),
        (("HL2",), ("HL201",), {"HL203"}),
        (("HL2",), ("HL2",), set()),
        (("ALL",), ("gc",), {"HL101", "HL106", "HL901"}),
        (("gc",), ("ALL",), {"HL201", "HL203"}),
        (("heap-type-without-gc",), ("HL20",), {"HL201"}),
    ],
)
def test_the_more_specific_selector_wins(select: tuple[str], ignore: tuple[str], expected: set[str]) -> None:
    assert rules(asked(select=select, ignore=ignore)) == expected


def test_the_command_line_wins_over_the_file() -> None:
    assert rules(said(select=("HL1",)), asked(select=("HL2",))) == {"HL201", "HL203"}
    assert rules(said(extend_select=("HL106",)), asked(select=("HL2",))) == {"HL201", "HL203"}
    assert rules(said(ignore=("HL201",)), asked(select=("HL201",))) == {"HL201"}
    assert rules(said(ignore=("HL201",)), asked(select=("ALL",))) == set(CARDS) - {"HL201"}
    assert rules(said(select=("HL2",)), asked(ignore=("HL201",))) == {"HL203"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (asked(select=("HL2O1",)), "--select: unknown rule 'HL2O1' (did you mean HL201?)"),
        (asked(ignore=("static-typ",)), "--ignore: unknown rule 'static-typ' (did you mean static-type?)"),
        (said(extend_select=("HL7",)), "heaplint.toml: extend-select: unknown rule 'HL7'"),
        (asked(select=("",)), "--select: unknown rule ''"),
        (asked(select=("H",)), "--select: unknown rule 'H'"),
    ],
)
def test_an_unknown_selector_is_an_error_that_names_near_ones(source: Selectors, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        rules(source)
    assert str(caught.value).startswith(message)


def finding(rule: str, path: str, severity: Severity = "warning", precision: Precision = "high") -> Finding:
    return Finding(rule, CARDS[rule].name, severity, precision, "A message.", Span(path, 1, 1, 1, 2))


def test_thresholds() -> None:
    strict = Selection.from_config(Config(severity="warning", precision="high"), CARDS)
    assert strict.keeps(finding("HL101", "a.c"))
    assert not strict.keeps(finding("HL101", "a.c", severity="note"))
    assert not strict.keeps(finding("HL101", "a.c", precision="medium"))
    assert strict.keeps(finding("HL101", "a.c", severity="error", precision="very-high"))


def test_per_file_ignores(tmp_path: Path) -> None:
    ignores = (PerFileIgnore("tests/**", ("HL1",)), PerFileIgnore("*_compat.c", ("gc", "HL101")))
    config = Config(folder=tmp_path, per_file_ignores=ignores)
    selection = Selection.from_config(config, CARDS, tmp_path)
    assert not selection.keeps(finding("HL101", "tests/deep/a.c"))
    assert selection.keeps(finding("HL201", "tests/deep/a.c"))
    assert selection.keeps(finding("HL101", "src/tests.c"))
    assert not selection.keeps(finding("HL203", "src/x_compat.c"))
    inner = Selection.from_config(config, CARDS, tmp_path / "tests")
    assert not inner.keeps(finding("HL101", "a.c")), "patterns are relative to the configuration, paths to the root"
    assert inner.keeps(finding("HL101", "../a.c"))


@pytest.mark.parametrize("ignore", [PerFileIgnore("a.c", ("HL99",)), PerFileIgnore("*a*b*c*d*e", ("HL1",))])
def test_per_file_ignores_that_cannot_be_used(ignore: PerFileIgnore) -> None:
    with pytest.raises(ConfigError, match=r"per-file-ignores"):
        Selection.from_config(Config(file=Path("heaplint.toml"), per_file_ignores=(ignore,)), CARDS)


def test_one_rule_by_id_or_name() -> None:
    assert rule_named("hl201", CARDS, "explain").name == "heap-type-without-gc"
    assert rule_named("Static-Type", CARDS, "explain").id == "HL101"
    with pytest.raises(SelectorError, match="explain: unknown rule 'HL2'"):
        rule_named("HL2", CARDS, "explain")
