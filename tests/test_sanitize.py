"""Nothing of the linted tree reaches the output unescaped."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint.report import sanitize

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""Lone surrogates included: names of files may hold them."""

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def is_safe(shown: str) -> bool:
    return not any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in shown if one not in ALLOWED)


ALLOWED = frozenset(
    chr(number)
    for number in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13456))
) | frozenset(chr(number) for number in range(0x1BCA0, 0x1BCA4))
"""Format characters that are visible: number signs, marks over hieroglyphs and shorthand."""


@given(ANY_TEXT)
def test_text_is_one_visible_line(value: str) -> None:
    assert is_safe(sanitize.text(value))
    assert len(sanitize.text(value).splitlines()) <= 1


@given(ANY_TEXT)
def test_text_is_escaped_once(value: str) -> None:
    assert sanitize.text(sanitize.text(value)) == sanitize.text(value)


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="\u115f\u1160\u3164\uffa0")))
def test_what_is_harmless_stays(value: str) -> None:
    assert sanitize.text(value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("user\u202e // admin", "user\\u202e // admin"),
        ("caf\udce9.c", "caf\\xe9.c"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\ufeffint", "\\ufeffint"),
        ("naïve 😀 日本", "naïve 😀 日本"),
    ],
)
def test_escapes(value: str, shown: str) -> None:
    assert sanitize.text(value) == shown


def test_every_reordering_character_is_escaped() -> None:
    assert sanitize.text(BIDI).isascii()


@given(ANY_TEXT)
def test_characters_of_a_line_are_safe_and_as_many(value: str) -> None:
    shown = sanitize.characters(value)
    assert len(shown) == len(value)
    assert is_safe("".join(shown))


def test_width_counts_cells() -> None:
    assert [sanitize.width(one) for one in ("abc", "日本", "e\u0301", "")] == [3, 4, 1, 0]


@given(ANY_TEXT)
def test_workflow_commands_cannot_be_broken_out_of(value: str) -> None:
    assert not set("\r\n") & set(sanitize.workflow_data(value))
    assert not set("\r\n:,") & set(sanitize.workflow_property(value))


def test_workflow_escapes_are_github_s() -> None:
    assert sanitize.workflow_data("50%\r\n: a, b") == "50%25%0D%0A: a, b"
    assert sanitize.workflow_property("50%\r\n: a, b") == "50%25%0D%0A%3A a%2C b"


@given(st.lists(ANY_TEXT, min_size=1))
def test_csv_reads_back_as_one_row(cells: list[str]) -> None:
    line = sanitize.csv_row(cells)
    [row] = list(csv.reader(io.StringIO(line)))
    assert [cell.removeprefix("'") for cell in row] == [sanitize.text(cell).removeprefix("'") for cell in cells]
    assert line.count("\n") == 1


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x"])
def test_csv_holds_no_formulas(cell: str) -> None:
    assert sanitize.csv_row([cell]) == f"'{cell}\n"


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()))))
def test_json_is_ascii_and_reads_back(value: dict[str, object]) -> None:
    document = sanitize.json_document(value)
    assert json.loads(document) == value
    assert document.isascii()
    assert all(one == "\n" or one.isprintable() for one in document)


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(alphabet=st.characters(exclude_characters="\x7f", exclude_categories=["Cs"]))),
    lambda below: st.one_of(st.lists(below), st.dictionaries(st.text(alphabet="ab\n\""), below)),
))  # fmt: skip
def test_json_is_indented_as_the_standard_library_does(value: object) -> None:
    assert sanitize.json_document(value) == json.dumps(value, indent=2) + "\n"


@given(ANY_TEXT)
def test_json_holds_no_lone_surrogates(value: str) -> None:
    json.loads(sanitize.json_document([value]))[0].encode()
