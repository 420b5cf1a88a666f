"""A file cut into its top-level items: what belongs to each, and where braces have no partner."""

from __future__ import annotations

import pytest

from heaplint.frontend.items import cut


def shown(text: str) -> list[str]:
    """The items: a function by its name, a declaration by its text without white space."""
    return [
        one.name if one.kind == "function" else "".join(text[one.start : one.end].split()) for one in cut(text.encode()).items
    ]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("int a; int b;", ["inta;", "intb;"]),
        ("int f(void) { } int b;", ["f", "intb;"]),
        ("struct s { int a; }; int b;", ["structs{inta;};", "intb;"]),
        ("struct s { int a; } f(void) { }", ["f"]),
        ("int a[] = { 1, 2 }, b; int c;", ["inta[]={1,2},b;", "intc;"]),
        ("static T t = { f(x) }; int c;", ["staticTt={f(x)};", "intc;"]),
        ("enum { A, B }; int f(void) { }", ["enum{A,B};", "f"]),
        ('extern "C" { int a; int f(void) { } } int b;', ["inta;", "f", "intb;"]),
        ('extern "C" { extern "C" { int a; } int b; } int c;', ["inta;", "intb;", "intc;"]),
        ("namespace x { int f(void) { if (a) { b; } } } int c;", ["f", "intc;"]),
        ("if (x) { } int b;", ["if(x){}intb;"]),
        ("; ; int a;", ["inta;"]),
        ("int f(void) { }; int b;", ["f", "intb;"]),
        ("int f(void) {", ["intf(void){"]),
        ("int a", ["inta"]),
        ("", []),
    ],
)
def test_items(text: str, items: list[str]) -> None:
    assert shown(text) == items


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("int f(void) { }", None),
        ("int f(void) { { } { { } } }", None),
        ('extern "C" { int f(void) { } }', None),
        ("int f(void) { } }", 16),
        ("} int f(void) { } }", 0),
        ("int f(void) { {\n}\nint g(void) { }", 12),
        ("int f(void) { {\n}\nint g(void) { {\n}\n", 12),
        ('extern "C" { int a; } }', 22),
    ],
)
def test_the_first_brace_without_a_partner(text: str, at: int | None) -> None:
    assert cut(text.encode()).unbalanced == at
