"""What attribute macros after a prototype say of a function."""

from __future__ import annotations

import pytest
from reading import views

from heaplint.capi.attributes import attributed


def said(code: str) -> dict[str, tuple[str, list[str]]]:
    """Function → (result, kinds of its parameters)."""
    return {
        name: (known.result, [parameter.kind for parameter in known.parameters])
        for name, known in attributed(code.encode()).items()
    }


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("PyObject *peek(struct box *b) CPYCHECKER_RETURNS_BORROWED_REF;", {"peek": ("borrowed", [])}),
        ("extern PyObject *\npeek(void)\n  BORROWED;", {"peek": ("borrowed", [])}),
        ("BORROWED PyObject *peek(void) { return it; }", {"peek": ("borrowed", [])}),
        ("int put(struct box *, PyObject *) CPYCHECKER_STEALS_REFERENCE_TO_ARG(2);", {"put": ("plain", ["object", "steals"])}),
        ("void put2(PyObject *a, PyObject *b) STEALS(1) STEALS(2);", {"put2": ("void", ["steals", "steals"])}),
        ("PyObject *wrap(PyObject *a) STEALS(1);", {"wrap": ("new", ["steals"])}),
        ("PyObject *made(void) CPYCHECKER_RETURNS_NEW_REF;", {"made": ("new", [])}),
        ("PyObject *p(void) __attribute__((cpychecker_returns_borrowed_ref));", {"p": ("borrowed", [])}),
        (
            "int q(PyObject *o) __attribute__((cpychecker_steals_reference_to_arg(1)));\nint unrelated(PyObject *o);",
            {"q": ("plain", ["steals"])},
        ),
        ("int count(void) CPYCHECKER_NEGATIVE_RESULT_SETS_EXCEPTION;", {"count": ("count", [])}),
    ],
)
def test_a_prototype_that_carries_attributes(code: str, expected: dict[str, tuple[str, list[str]]]) -> None:
    assert said(code) == expected


def test_a_function_that_sets_an_exception() -> None:
    assert "raises" in attributed(b"void complain(int code) CPYCHECKER_SETS_EXCEPTION;")["complain"].flags


def test_the_text_of_a_file_as_the_front_end_gives_it() -> None:
    text = (
        "#define STEALS(n) __attribute__((cpychecker_steals_reference_to_arg(n)))\n"
        "#include <Python.h>\n"
        "/* PyObject *old(void) BORROWED; */\n"
        "int put(PyObject *table, PyObject *item) STEALS(2);\n"
        "static PyObject *peek(void)\n    __attribute__((cpychecker_returns_borrowed_ref));\n"
    )
    code = views(text)[0].texts[0].code
    assert sorted(attributed(code)) == ["peek", "put"]


@pytest.mark.parametrize(
    "code",
    [
        "",
        "PyObject *peek(void);",
        "int f(void) { return take(STEALS(1)); }",
        "int f(void) { x = BORROWED; return g(x) + BORROWED; }",
        'static const char *text = "PyObject *peek(void) BORROWED;";',
        "enum kind { BORROWED, OWNED };",
        "if (kind == BORROWED) go(kind);",
    ],
)
def test_what_is_no_attribute_of_a_prototype_says_nothing(code: str) -> None:
    assert said(code) == {}
