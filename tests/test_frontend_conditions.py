"""The expressions of `#if`: what can be known is known, and no text is too strange."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaplint.frontend import conditions
from heaplint.frontend.conditions import UNKNOWN, Condition, Value, atoms, evaluate, parse, satisfy
from heaplint.frontend.preprocess import parse_define
from heaplint.frontend.views import View, constant

TOKENS = [
    "defined",
    "(",
    ")",
    "A",
    "B",
    "0",
    "1",
    "07",
    "09",
    "0x1F",
    "0b10",
    "0X",
    "1u",
    "10UL",
    "1.5",
    "1e9",
    "'a'",
    "'\\n'",
    "''",
    "'",
    "!",
    "~",
    "-",
    "+",
    "*",
    "/",
    "%",
    "&&",
    "||",
    "&",
    "|",
    "^",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "<<",
    ">>",
    "?",
    ":",
    ",",
    "#",
    "$",
    "\\",
    '"',
    "é",
    "٣",
    "²",
    "\x00",
    "\n",
    "__has_include(<x.h>)",
    "PY_VERSION_HEX",
    "PY_VERSION_CHECK(3",
    "99999999999999999999",
]


def nothing(_: Condition) -> Value:
    return None


def one(_: Condition) -> Value:
    return 1


@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join),
        st.lists(st.sampled_from(TOKENS)).map("".join),
    )
)
@settings(max_examples=800, deadline=None)
def test_no_text_is_too_strange(text: str) -> None:
    parsed = parse(text)
    for lookup in (nothing, one):
        value = evaluate(parsed, lookup)
        assert value is None or isinstance(value, int)
    chosen: dict[str, bool] = {}
    satisfy(parsed, True, chosen)
    assert set(chosen) <= set(atoms(parsed))
    constant(parsed)
    parse_define(text, "a.c", 0)


@pytest.mark.parametrize(
    "text", ["(" * 5000, "!" * 5000, "1+" * 5000 + "1", "a?" * 3000, "f(" * 5000, "- " * 1999, "(1" + ")" * 5000]
)
def test_a_very_long_expression_is_not_known(text: str) -> None:
    assert parse(text) is UNKNOWN


@pytest.mark.parametrize("shift", ["1 << 63 << 63 << 63", "1 << 99999999", "1 << -1", "2 * 3 % 0", "7 / 0", "1 >> 100"])
def test_no_arithmetic_runs_away(shift: str) -> None:
    value = evaluate(parse(shift), nothing)
    assert value is None or value < 1 << 200


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1", 1),
        ("010", 8),
        ("0x030C0000 > 0x030B00F0", 1),
        ("2 + 3 * 4 == 14 && 1", 1),
        ("1 ? 0 : 1", 0),
        ("0 && X", 0),
        ("X || 1", 1),
        ("X && 1", None),
        ("!X", None),
        ("X < 3", None),
        ("(1 << 4) | 1", 17),
        ("~0 == -1", 1),
        ("- 1 < 0", 1),
        ("'A' == 65", 1),
        ("7 / 2 == 3", 1),
        ("1, 0", None),
        ("", None),
        ("1 +", None),
        ("defined", None),
        ("defined(", None),
        ("(1", None),
    ],
)
def test_values(text: str, value: Value) -> None:
    assert evaluate(parse(text), nothing) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6 + 3", 9), ("6 - 3", 3), ("6 * 3", 18), ("9 / 2", 4), ("9 % 4", 1), ("8 / 2 / 2", 2), ("8 - 3 - 2", 3),
        ("6 & 3", 2), ("6 | 3", 7), ("6 ^ 3", 5), ("3 << 2", 12), ("17 >> 3", 2), ("1 << 0", 1), ("1 << 64", None),
        ("3 < 3", 0), ("2 < 3", 1), ("3 <= 3", 1), ("4 <= 3", 0), ("3 > 3", 0), ("4 > 3", 1), ("3 >= 3", 1), ("2 >= 3", 0),
        ("3 == 3", 1), ("2 == 3", 0), ("3 == 2", 0), ("3 != 3", 0), ("2 != 3", 1), ("3 != 2", 1),
        ("!0", 1), ("!5", 0), ("!!5", 1), ("~5", -6), ("-5", -5), ("+5", 5), ("- -5", 5), ("-(2 + 3)", -5),
        ("0x1F", 31), ("0XfUL", 15), ("0b101", 5), ("0", 0), ("017", 15), ("10u", 10), ("'a'", 97),
    ],
)  # fmt: skip
def test_each_operator_and_number(text: str, value: Value) -> None:
    assert evaluate(parse(text), nothing) == value


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("1 || 0 && 0", "1 || (0 && 0)"), ("0 && 0 | 1", "0 && (0 | 1)"), ("4 | 1 ^ 1", "4 | (1 ^ 1)"),
        ("6 ^ 2 & 3", "6 ^ (2 & 3)"), ("6 & 2 == 2", "6 & (2 == 2)"), ("2 == 3 < 1", "2 == (3 < 1)"),
        ("0 < 4 >> 2", "0 < (4 >> 2)"), ("1 << 2 + 1", "1 << (2 + 1)"), ("1 + 2 * 3", "1 + (2 * 3)"),
        ("2 * 3 % 4", "(2 * 3) % 4"), ("8 % 5 * 2", "(8 % 5) * 2"), ("7 - 2 + 1", "(7 - 2) + 1"), ("1 << 2 >> 1", "(1 << 2) >> 1"),
        ("3 > 2 > 1", "(3 > 2) > 1"), ("3 != 2 == 1", "(3 != 2) == 1"), ("2 >= 2 <= 0", "(2 >= 2) <= 0"),
        ("!0 == 0", "(!0) == 0"), ("-1 + 2", "(-1) + 2"), ("~0 & 6", "(~0) & 6"),
        ("1 ? 2 : 0 ? 3 : 4", "1 ? 2 : (0 ? 3 : 4)"), ("0 ? 1 : 0 ? 3 : 4", "0 ? 1 : (0 ? 3 : 4)"),
        ("0 || 1 ? 5 : 6", "(0 || 1) ? 5 : 6"),
    ],
)  # fmt: skip
def test_operators_bind_as_in_c(text: str, grouped: str) -> None:
    assert evaluate(parse(text), nothing) == evaluate(parse(grouped), nothing)
    assert parse(text) == parse(grouped)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("X && 0", 0), ("0 && X", 0), ("1 && X", None), ("X && X", None), ("2 && 3", 1), ("1 && 0", 0), ("0 && 1", 0),
        ("X || 0", None), ("0 || X", None), ("2 || X", 1), ("X || 3", 1), ("0 || 0", 0), ("0 || 4", 1),
        ("X + 1", None), ("1 + X", None), ("-X", None), ("~X", None), ("X ? 1 : 2", None), ("1 ? X : 2", None), ("0 ? X : 2", 2),
    ],
)  # fmt: skip
def test_what_is_not_known_spoils_only_what_depends_on_it(text: str, value: Value) -> None:
    assert evaluate(parse(text), nothing) == value


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("defined(A) && B > C", ["A", "B", "C"]),
        ("defined A || !defined(B)", ["A", "B"]),
        ("AT_LEAST(3, (9)) ? X : 1", ["AT_LEAST(3,(9))", "X"]),
        ("F() + _g2", ["F()", "_g2"]),
        ("1 + 2", []),
    ],
)
def test_the_names_that_an_expression_depends_on(text: str, names: list[str]) -> None:
    assert atoms(parse(text)) == names


@pytest.mark.parametrize("text", ["1 2", "A B", "(A", "A)", "1 ? 2", "1 ? 2 3", "defined(A", "defined", "F(1", "$", "&& 1", "1 ||", "()"])
def test_what_is_no_expression_is_not_known(text: str) -> None:
    assert parse(text) is UNKNOWN


def test_a_long_but_plain_expression_is_read() -> None:
    """Some real headers ask for a hundred things at once; parentheses nest a few levels deep."""
    assert evaluate(parse(" + ".join(["1"] * 300)), nothing) == 300
    assert evaluate(parse("(" * 25 + "7" + ")" * 25), nothing) == 7
    assert evaluate(parse("!" * 24 + "7"), nothing) == 1
    assert evaluate(parse(" && ".join(["((1) + (2))"] * 100)), nothing) == 1


@pytest.mark.parametrize(("left", "right"), [("-7 / 2", -3), ("-7 % 2", -1), ("7 / -2", -3), ("7 % -2", 1)])
def test_division_goes_towards_zero_as_in_c(left: str, right: int) -> None:
    assert evaluate(parse(left), nothing) == right


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("defined(A) && !defined(B)", {"A": True, "B": False}),
        ("A", {"A": True}),
        ("!(A || defined B)", {"A": False, "B": False}),
        ("A == 3", {}),
    ],
)
def test_what_makes_a_branch_readable(text: str, chosen: dict[str, bool]) -> None:
    found: dict[str, bool] = {}
    satisfy(parse(text), True, found)
    assert found == chosen


def test_a_view_knows_its_python() -> None:
    view = View((3, 12))
    known = lambda atom: view.known(atom.text)  # noqa: E731  # as short as the question
    assert evaluate(parse("PY_VERSION_HEX >= 0x030C0000"), known) == 1
    assert evaluate(parse("PY_VERSION_HEX >= 0x030D0000"), known) == 0
    assert evaluate(parse("PY_MAJOR_VERSION == 3 && PY_MINOR_VERSION > 11"), known) == 1


def test_parsing_is_remembered_by_text_only() -> None:
    assert conditions.parse("A && B") is conditions.parse("A && B")
