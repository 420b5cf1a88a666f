"""Ranges of Pythons: what is read, what is refused, and how a part of a range is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint.pythons import (
    KNOWN,
    SUPPORTED,
    TargetError,
    TargetRange,
    Version,
    default_target,
    range_text,
    specifier_matches,
)


def minors(target: TargetRange) -> list[int]:
    return [minor for _, minor in target.versions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.12", [12]),
        (" 3.12 ", [12]),
        ("3.12.4", [12]),
        ("3.9-3.12", [9, 10, 11, 12]),
        ("3.6 - 3.9", [8, 9]),
        (">=3.9", list(range(9, 16))),
        (">=3.9,<3.13", [9, 10, 11, 12]),
        (">= 3.9 , < 3.13", [9, 10, 11, 12]),
        (">3.9", list(range(10, 16))),
        (">3.9.2,<3.12", [9, 10, 11]),
        ("<=3.9", [8, 9]),
        ("<3.9.1", [8, 9]),
        ("~=3.13", [13, 14, 15]),
        ("~=3.13.1", [13]),
        ("==3.12.*", [12]),
        ("==3.*,!=3.9.*", [8, *range(10, 16)]),
        ("!=3.9.1", list(range(8, 16))),
        (">=2.7, !=3.0.*, !=3.1.*, <4", list(range(8, 16))),
        (">=3", list(range(8, 16))),
        (">=3.13.0rc1", [13, 14, 15]),
    ],
)
def test_ranges_that_are_understood(text: str, expected: list[int]) -> None:
    assert minors(TargetRange.parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "  ", "three", "3.12-", "3.12-3.9", ">=", ">=3.9,", "^3.9", "3.*", ">=3.*", "3.7", "2.7", "<3.8", "=3.9"],
)
def test_nonsense_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        TargetRange.parse(text)
    assert "\n" not in str(caught.value)


def test_a_refusal_names_the_known_pythons() -> None:
    with pytest.raises(TargetError, match=r"'3\.7' holds no Python that heaplint knows \(3\.8 to 3\.15\)"):
        TargetRange.parse("3.7")


@given(st.text(alphabet="0123456789.<>=!~-,* abrc", max_size=300))
def test_any_text_gives_a_range_or_a_target_error(text: str) -> None:
    try:
        versions = TargetRange.parse(text).versions
    except TargetError:
        return
    assert versions and set(versions) <= set(KNOWN)


def test_the_default_is_what_was_asked_for_then_what_is_required_then_what_is_supported() -> None:
    assert default_target("3.12", ">=3.9").versions == ((3, 12),)
    assert default_target(None, ">=3.14").versions == ((3, 14), (3, 15))
    assert default_target(None, "").versions == SUPPORTED
    assert default_target(None, None).versions == SUPPORTED


ALL = TargetRange(KNOWN)


@pytest.mark.parametrize(
    ("chosen", "target", "expected"),
    [
        (range(9, 16), ALL, ">=3.9"),
        (range(8, 9), ALL, "<=3.8"),
        (range(9, 12), ALL, "3.9-3.11"),
        (range(12, 13), ALL, "3.12"),
        (range(15, 16), ALL, ">=3.15"),
        (range(8, 16), ALL, None),
        ((9, 10, 12), ALL, "3.9-3.10, 3.12"),
        ((8, 15), ALL, "<=3.8, >=3.15"),
        ((12,), TargetRange.parse("3.12"), None),
        ((9, 11), TargetRange.parse("!=3.10,<3.13"), "3.9-3.11"),
    ],
)
def test_a_part_of_the_target_has_a_name(chosen: tuple[int, ...], target: TargetRange, expected: str | None) -> None:
    assert range_text([(3, minor) for minor in chosen], target) == expected


def test_a_part_must_be_a_part() -> None:
    with pytest.raises(ValueError, match="no part"):
        range_text([], ALL)
    with pytest.raises(ValueError, match="no part"):
        range_text([(3, 8)], TargetRange.parse(">=3.9"))


@given(st.sets(st.sampled_from(KNOWN), min_size=1))
def test_the_name_of_a_part_reads_back_as_that_part(chosen: set[Version]) -> None:
    text = range_text(chosen, ALL)
    parts = [""] if text is None else text.split(", ")
    assert {version for version in KNOWN if any(specifier_matches(part, version) for part in parts)} == chosen


@given(st.sets(st.sampled_from(KNOWN), min_size=1))
def test_a_target_prints_as_a_range(chosen: set[Version]) -> None:
    target = TargetRange(tuple(sorted(chosen)))
    assert {v for part in str(target).split(", ") for v in TargetRange.parse(part).versions} == chosen


def test_an_empty_specifier_holds_every_python() -> None:
    assert all(specifier_matches("", version) for version in KNOWN)
    assert specifier_matches("<=3.8", (3, 8)) and not specifier_matches("<=3.8", (3, 9))
