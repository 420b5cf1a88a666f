"""Formats of the C API are read as CPython reads them; types have the sizes of the two 64-bit ABIs."""

from __future__ import annotations

import pytest

from heaplint.capi import formats
from heaplint.capi.scalars import SYSTEMS, canonical, common, differ, promoted, scalar
from heaplint.flow.paths.formats import parameters as arguments


@pytest.mark.parametrize(
    ("text", "units", "parameters"),
    [
        ("", [], 0),
        ("OO|i$p:f", ["O", "O", "i", "p"], 4),
        ("O!O&|es#;no: units", ["O!", "O!", "O&", "O&", "es#", "es#", "es#"], 3),
        ("(ii)s*|y#", ["i", "i", "s*", "y#", "y#"], 3),
    ],
)
def test_what_is_parsed(text: str, units: list[str], parameters: int) -> None:
    format = formats.read(text, "parse")
    assert format is not None and not format.problem
    assert [one.unit for one in format.wanted] == units
    assert format.parameters == parameters


@pytest.mark.parametrize("text", ["O#", "t#", "w", "i i", "(ii", "ii)", "%d", "o"])
def test_what_is_not_parsed(text: str) -> None:
    format = formats.read(text, "parse")
    assert format is not None and format.problem


@pytest.mark.parametrize("text", ["{s:i,s:N}", "(y#)", " [d\tf] ", "O&", ""])
def test_what_is_built(text: str) -> None:
    format = formats.read(text, "build")
    assert format is not None and not format.problem


@pytest.mark.parametrize("text", ["{s:i,s}", "(i]", "((i)", "e", "%s"])
def test_what_is_not_built(text: str) -> None:
    format = formats.read(text, "build")
    assert format is not None and format.problem


@pytest.mark.parametrize(
    ("text", "dialect", "units"),
    [
        ("100%% of %.200s at %05zd", "unicode", ["%s", "%zd"]),
        ("%-*.*s|%V", "unicode", ["*", "*", "%s", "%V", "%V"]),
        (r"\x25d \" %lld\n", "unicode", ["%lld"]),
        ("%zu %5.3ld%%", "bytes", ["%zu", "%ld"]),
        ("%+5.2f %hhx", "printf", ["%f", "%hhx"]),
    ],
)
def test_what_is_printed(text: str, dialect: formats.Dialect, units: list[str]) -> None:
    format = formats.read(text, dialect)
    assert format is not None
    assert [one.unit for one in format.wanted] == units


@pytest.mark.parametrize(
    ("text", "before"), [("%d %x", None), ("%lx", (3, 12)), ("%*d", (3, 12)), ("%-d", (3, 12)), ("%T %lx", (3, 13))]
)
def test_units_that_came_later(text: str, before: tuple[int, int] | None) -> None:
    format = formats.read(text, "unicode")
    assert format is not None and format.before == before


def test_a_unit_of_the_compiler_alone_is_not_judged() -> None:
    assert formats.read("%I64d", "printf") is None


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("unsigned", "unsigned int"), ("long unsigned int", "unsigned long"), ("long int long", "long long"),
        ("const volatile char", "char"), ("short int", "short"), ("struct tm", "struct tm"),
    ],
)
def test_one_name_for_one_type(written: str, name: str) -> None:
    assert canonical(written) == name


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ("int", "unsigned int", frozenset()), ("Py_ssize_t", "size_t", frozenset()), ("DWORD", "unsigned long", frozenset()),
        ("int", "long", {"unix"}), ("long", "Py_ssize_t", {"windows"}), ("int", "Py_ssize_t", SYSTEMS),
        ("double", "long long", SYSTEMS), ("char", "int", SYSTEMS),
    ],
)
def test_where_two_types_differ(one: str, other: str, where: frozenset[str]) -> None:
    first, second = scalar(one), scalar(other)
    assert first is not None and second is not None
    assert differ(first, second) == differ(second, first) == where


def test_arithmetic_and_passing_widen() -> None:
    names = {name: scalar(name) for name in ("char", "float", "int", "long", "Py_ssize_t")}
    assert promoted(names["char"]) == names["int"]  # type: ignore[arg-type]  # all of them are known
    assert promoted(names["float"]) == scalar("double")  # type: ignore[arg-type]
    assert common(names["long"], names["Py_ssize_t"]) == names["Py_ssize_t"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "optional"), [("OO", None), ("O|O", 1), ("|O", 0), ("s#|O&i", 2), ("(O|O)i", 1), ("O|O$O", 1), ("O:a|b", None)]
)
def test_where_arguments_may_be_missing(text: str, optional: int | None) -> None:
    known = formats.read(text, "parse")
    assert known is not None and not known.problem and known.optional == optional


@pytest.mark.parametrize(
    ("language", "literal", "kinds"),
    [
        ("parse", '"O!O&es#y*S:f"', "c out-borrowed c out c out-memory out buffer out-borrowed"),
        ("build", '"{s:N,s:O&}i"', "c steals c c object c"),
        ("text", '"%V of %R: %zd"', "object c object c"),
        ("c", '"%s: %*d%%"', "c c c"),
    ],
)
def test_what_becomes_of_the_arguments_behind_a_format(language: str, literal: str, kinds: str) -> None:
    known = arguments(language, literal)
    assert known is not None and " ".join(one.kind for one in known) == kinds


@pytest.mark.parametrize(("language", "literal"), [("parse", '"O?"'), ("text", '"at %"')])
def test_a_format_that_is_not_understood_says_nothing_of_its_arguments(language: str, literal: str) -> None:
    assert arguments(language, literal) is None
