"""One view per Python range that differs, unknown macros both ways, hidden branches found, findings merged."""

from __future__ import annotations

import pytest
from reading import findings, program, types, views


def held(text: str, target: str = ">=3.8") -> dict[str, tuple[str, ...]]:
    """For each type symbol the Pythons of the views that have it."""
    found: dict[str, set[str]] = {}
    for unit in program(text, target).units:
        for made in unit.types:
            found.setdefault(made.symbol, set()).update(f"{major}.{minor}" for major, minor in unit.view.versions)
    return {symbol: tuple(sorted(pythons, key=lambda one: int(one[2:]))) for symbol, pythons in found.items()}


def static(symbol: str) -> str:
    return (
        f"static PyTypeObject {symbol} = {{\n    PyVarObject_HEAD_INIT(NULL, 0)\n"
        f'    .tp_name = "m.{symbol}",\n    .tp_flags = Py_TPFLAGS_DEFAULT,\n}};\n'
    )


def test_a_plain_file_has_one_view() -> None:
    assert len(views(static("T"), ">=3.8")) == 1
    assert len(views("#if PY_VERSION_HEX < 0x030A0000\nint x;\n#else\nint y;\n#endif\n" + static("T"), ">=3.8")) == 1


def test_a_type_for_old_and_one_for_new_pythons() -> None:
    text = f"#if PY_VERSION_HEX >= 0x030A0000\n{static('New')}#else\n{static('Old')}#endif\n"
    assert held(text, "3.8-3.12") == {"Old": ("3.8", "3.9"), "New": ("3.10", "3.11", "3.12")}
    assert {one.symbol: one.python for one in findings(text, "3.8-3.12") if one.rule == "HL101"} == {
        "New": ">=3.10",
        "Old": "<=3.9",
    }


@pytest.mark.parametrize(
    "condition",
    [
        "PY_MAJOR_VERSION == 3 && PY_MINOR_VERSION < 11",
        "PY_VERSION_HEX<0x030B0000",
        "!(PY_VERSION_HEX >= ((3 << 24) | (11 << 16)))",
        "OLD_PYTHON",
        "PY_VERSION_HEX < PY_311",
        "(PY_MINOR_VERSION) <= 10 // as of now",
        "PY_MINOR_VERSION \\\n < 11",
        "PY_MINOR_VERSION \\\r\n < 11",
    ],
)
def test_conditions_on_the_version(condition: str) -> None:
    text = (
        "#define PY_311 0x030B0000\n#define OLD_PYTHON (PY_VERSION_HEX < PY_311)\n"
        f"#if {condition}\n{static('T')}#endif\n"
    )
    assert held(text, "3.9-3.12") == {"T": ("3.9", "3.10")}


def test_unknown_macros_are_read_both_ways() -> None:
    text = f"#ifdef HAVE_FAST\n{static('Fast')}#else\n{static('Slow')}#endif\n"
    assert set(held(text)) == {"Fast", "Slow"}
    assert [one.python for one in findings(text) if one.rule == "HL101"] == [None, None]


def test_unknown_macros_are_consistent_within_a_view() -> None:
    text = f"#ifdef HAVE_FAST\n{static('Fast')}#endif\n#ifndef HAVE_FAST\n{static('Slow')}#endif\n"
    for unit in program(text).units:
        assert len(unit.types) == 1


@pytest.mark.parametrize(
    "condition",
    ["ifdef _WIN32", "if defined(__APPLE__) && !defined(HAVE_X)", "if defined(HAVE_X) && !defined(HAVE_Y)",
    "ifdef Py_GIL_DISABLED",
     "ifdef Py_LIMITED_API", "if USE_IT == 3", "if defined(A) || defined(B)", "if __has_include(<x.h>)"],
)  # fmt: skip
def test_hidden_branches_are_found(condition: str) -> None:
    text = f"#{condition}\n{static('T')}#else\n{static('U')}#endif\n"
    assert set(held(text)) >= ({"U"} if "__has" in condition else {"T", "U"})


def test_a_hidden_branch_holds_for_all_pythons_that_can_read_it() -> None:
    text = f"#ifdef _WIN32\n{static('T')}#if PY_VERSION_HEX < 0x030B0000\n{static('Old')}#endif\n#endif\n"
    assert held(text, "3.9-3.12") == {"T": ("3.9", "3.10", "3.11", "3.12"), "Old": ("3.9", "3.10")}


def test_dead_code_is_never_read() -> None:
    text = (
        f"#if 0\n{static('A')}#endif\n#if 0 && X\n{static('B')}#endif\n#ifdef PYPY_VERSION\n"
        f"{static('C')}#endif\n{static('T')}"
    )
    assert set(held(text)) == {"T"}


def test_contradictions() -> None:
    text = (
        f"#if defined(X) && !defined(X)\n{static('A')}#endif\n#define Y\n#undef Y\n#ifdef Y\n"
        f"{static('B')}#endif\n{static('T')}"
    )
    assert "T" in held(text) and "B" not in held(text)


def test_elif_chains() -> None:
    text = (
        f"#if PY_VERSION_HEX >= 0x030C0000\n{static('A')}#elif PY_VERSION_HEX >= 0x030A0000\n{static('B')}"
        f"#elif defined(NOPE)\n{static('C')}#else\n{static('D')}#endif\n"
    )
    assert held(text, "3.9-3.12") == {"A": ("3.12",), "B": ("3.10", "3.11"), "C": ("3.9",), "D": ("3.9",)}


@pytest.mark.parametrize(
    "text",
    [
        "#if X\n" + static("T"),
        "#endif\n" + static("T"),
        "#else\n" + static("T"),
        "#if 1\n#endif\n#endif\n#else\n" + static("T"),
        "#if\n" + static("T") + "#elif\n#else\n#else\n#endif\n",
        "#ifdef\n#endif\n#ifndef\n" + static("T") + "#endif\n",
        "#if 0\n#else\n" + static("T"),
        "#define\n#undef\n#elif X\n" + static("T"),
    ],
)
def test_unbalanced_conditionals(text: str) -> None:
    assert "T" in held(text)


def test_the_macros_of_one_python_are_not_those_of_another() -> None:
    text = """
#if PY_VERSION_HEX >= 0x030A0000
#define CLOSED Py_TPFLAGS_IMMUTABLETYPE
#else
#define CLOSED 0
#endif
static PyType_Spec spec = {"m.T", 0, 0, Py_TPFLAGS_DEFAULT | CLOSED, slots};
"""
    seen = {}
    for unit in program(text, "3.9-3.11").units:
        for made in unit.types:
            assert made.flags is not None and made.flags.unknown == ""
            seen.update(dict.fromkeys(unit.view.versions, "Py_TPFLAGS_IMMUTABLETYPE" in made.flags))
    assert seen == {(3, 9): False, (3, 10): True, (3, 11): True}


def test_braces_in_branches_are_balanced_per_view() -> None:
    text = (
        f"int f(int x)\n{{\n#ifdef A\n    if (x) {{\n#else\n    if (!x) {{\n#endif\n"
        f"        return 1;\n    }}\n    return 0;\n}}\n{static('T')}"
    )
    assert types(text)["T"].name == "m.T"
    assert all(unit.function("f") is not None for unit in program(text).units)
