"""One view per Python range that differs, unknown macros both ways, hidden branches found, findings merged."""

from __future__ import annotations

from collections import Counter

import pytest
from reading import findings, program, types, views

from heaplint.frontend import reader as reading
from heaplint.frontend.lexical import Lexed
from heaplint.frontend.preprocess import Outcome, Reading
from heaplint.frontend.reader import Reader
from heaplint.frontend.views import View
from heaplint.source import SourceFile


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


BOTH = "3.9 3.10 3.11 3.12"


@pytest.mark.parametrize(
    ("before", "condition", "then", "otherwise"),
    [
        ("", "if PY_VERSION_HEX >= 0x030B00F0", "3.11 3.12", "3.9 3.10"),
        ("", "if PY_VERSION_HEX > 0x030B00F0", "3.12", "3.9 3.10 3.11"),
        ("", "if PY_VERSION_HEX == 0x030B00F0", "3.11", "3.9 3.10 3.12"),
        ("", "if PY_MICRO_VERSION > 0", "", BOTH),
        ("", "if PY_RELEASE_LEVEL == 0xF", BOTH, ""),
        ("", "if PY_RELEASE_SERIAL == 0", BOTH, ""),
        ("", "if PY_MAJOR_VERSION == 3", BOTH, ""),
        ("", "if CHAR_BIT == 8", BOTH, ""),
        ("", "if PY_SSIZE_T_MAX > 2147483647", BOTH, ""),
        ("", "if PY_VERSION_HEX >= Py_PACK_VERSION(3, 11)", "3.11 3.12", "3.9 3.10"),
        ("", "if PY_VERSION_HEX >= _Py_PACK_VERSION(3, 11)", "3.11 3.12", "3.9 3.10"),
        ("", "if PY_VERSION_HEX >= PY_VERSION_CHECK(3, 11, 0)", "3.11 3.12", "3.9 3.10"),
        ("", "if PY_VERSION_HEX >= Py_PACK_VERSION(3)", BOTH, BOTH),
        ("", "if PY_VERSION_HEX >= OTHER_CHECK(3, 11)", BOTH, BOTH),
        ("", "ifdef PY_VERSION_HEX", BOTH, ""),
        ("", "ifndef PY_VERSION", "", BOTH),
        ("", "if defined(Py_PYTHON_H)", BOTH, ""),
        ("#define FLAG\n", "ifdef FLAG", BOTH, ""),
        ("#define FLAG\n", "if FLAG", BOTH, ""),
        ("#define FLAG 0\n", "if FLAG", "", BOTH),
        ("#define FLAG OTHER\n#define OTHER 0\n", "if FLAG", "", BOTH),
        ("#define FLAG(x) 0\n", "if FLAG", BOTH, BOTH),
        ("#define FLAG(x) x\n", "if FLAG(1)", BOTH, BOTH),
        ("#define FLAG\n#undef FLAG\n", "ifdef FLAG", "", BOTH),
        ("#undef FLAG\n#define FLAG\n", "ifdef FLAG", BOTH, ""),
        ("#define FLAG 1\n#undef FLAG\n#define FLAG 0\n", "if FLAG", "", BOTH),
        ("#define FLAG FLAG\n", "if FLAG", BOTH, BOTH),
        ("", "ifdef Py_mod_gil", "", BOTH),
        ("", "if Py_mod_gil", "", BOTH),
        ("", "ifdef Py_TPFLAGS_IMMUTABLETYPE", "3.10 3.11 3.12", "3.9"),
        ("", "ifndef Py_TPFLAGS_DISALLOW_INSTANTIATION", "3.9", "3.10 3.11 3.12"),
        ("#if PY_VERSION_HEX < 0x030B0000\n#define OLD\n#endif\n", "ifdef OLD", "3.9 3.10", "3.11 3.12"),
        ("#if 0\n#define NEVER\n#endif\n", "ifdef NEVER", "", BOTH),
        ("", "if X\n#elifdef Y", BOTH, BOTH),
        ("", "if 0\n#elifdef Y", BOTH, BOTH),
        ("", "if 0\n#elifndef Y", BOTH, BOTH),
        ("", "if 0\n#elif 1", BOTH, ""),
        ("", "if 1\n#elif 1", "", ""),
        ("", "if UNKNOWN", BOTH, BOTH),
        ("", "if !UNKNOWN", BOTH, BOTH),
        ("", "if UNKNOWN && !MORE", BOTH, BOTH),
        ("", "ifdef __cplusplus", "", BOTH),
        ("", "if __cplusplus >= 201103L", "", BOTH),
        ("", "ifdef PYPY_VERSION", "", BOTH),
        ("", "if !defined(PYPY_VERSION)", BOTH, ""),
        ("", "if PYPY_VERSION_NUM >= 1", "", BOTH),
    ],
)
def test_which_pythons_read_which_branch(before: str, condition: str, then: str, otherwise: str) -> None:
    text = f"{before}#{condition}\n{static('Then')}#else\n{static('Otherwise')}#endif\n"
    found = {symbol: " ".join(pythons) for symbol, pythons in held(text, "3.9-3.12").items()}
    assert (found.get("Then", ""), found.get("Otherwise", "")) == (then, otherwise)


def test_conditions_of_an_included_file_hold_for_the_includer() -> None:
    """A header that defines a macro on some platform only, or for some Pythons only, decides about it."""
    header = "#if PY_VERSION_HEX < 0x030B0000\n#define OLD 1\n#endif\n#ifdef NEVER_SET\n#define FAST 1\n#endif\n#undef GONE\n"
    text = f'#include "config.h"\n#if OLD\n{static("A")}#endif\n#ifdef GONE\n{static("B")}#else\n{static("C")}#endif\n'
    found: dict[str, set[tuple[int, int]]] = {}
    for unit in program({"m.c": text, "config.h": header}, "3.10-3.12").units:
        for made in unit.types:
            found.setdefault(made.symbol, set()).update(unit.view.versions)
    assert found["A"] == {(3, 10)}
    assert found["C"] == {(3, 10), (3, 11), (3, 12)}


def test_nested_branches_are_opened_together() -> None:
    text = (
        f"#ifdef _WIN32\n#ifdef __MINGW32__\n{static('A')}#else\n{static('B')}#endif\n#elif defined(__APPLE__)\n"
        f"{static('C')}#else\n{static('D')}#endif\n"
    )
    assert set(held(text)) == {"A", "B", "C", "D"}


def test_branches_with_nothing_of_interest_make_no_view() -> None:
    assert len(views(f"#ifdef _WIN32\nint x;\n#endif\n#ifdef __APPLE__\nint y;\n#endif\n{static('T')}")) == 1


def test_at_most_a_few_branches_are_opened() -> None:
    text = "".join(f"#ifdef _WIN32\n#ifdef OPTION_{n}\n{static(f'T{n}')}#endif\n#endif\n" for n in range(3))
    assert set(held(text)) == {"T0", "T1", "T2"}
    text = "".join(f"#if defined(_WIN32) && !defined(O{n})\n{static(f'T{n}')}#endif\n" for n in range(40))
    assert 2 <= len(views(text)) <= 6


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


PYTHONS = ((3, 11), (3, 12), (3, 13))


@pytest.mark.parametrize(("text", "ways"), [
    ("int plain;\n", 1),
    ("#ifdef ELSEWHERE\nint a;\n#endif\n", 1),
    ("#if PY_VERSION_HEX >= 0x030C0000\nint a;\n#endif\n", 3),  # what the version is was asked, not what came of it
    ("#ifdef Py_mod_gil\nint a;\n#endif\n", 2),
])  # fmt: skip
def test_a_file_is_gone_through_once_for_all_views_that_answer_it_alike(
    text: str, ways: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: Counter[str] = Counter()

    def counted(path: str, lexed: Lexed, view: View, headers: tuple[Reading, ...]) -> Outcome:
        gone[path] += 1
        return go_through(path, lexed, view, headers)

    go_through = reading.go_through
    monkeypatch.setattr(reading, "go_through", counted)
    files = {"a.c": '#include "a.h"\nint b;\n', "a.h": text}
    reader = Reader({path: SourceFile(path, data.encode()) for path, data in files.items()}, PYTHONS)
    found = [reader.reading("a.c", View(version)) for version in PYTHONS]
    assert gone["a.h"] == ways
    read = {one.headers[0].code for one in found}
    assert len(read) == (1 if "a;" not in text or ways == 1 else 2)
    for version, one in zip(PYTHONS, found, strict=True):  # and it is what a reader that knows of no other view reads
        alone = Reader(reader.files, PYTHONS).reading("a.c", View(version))
        assert (one.headers[0].code, one.digest) == (alone.headers[0].code, alone.digest)


def test_a_macro_that_is_chosen_is_another_answer() -> None:
    reader = Reader({"a.c": SourceFile("a.c", b"#ifdef MS_WINDOWS\nint a;\n#else\nint b;\n#endif\n")}, PYTHONS)
    chosen = View(PYTHONS[0], "on", {"MS_WINDOWS": True})
    assert b"int a" not in reader.reading("a.c", View(PYTHONS[0])).code
    assert b"int a" in reader.reading("a.c", chosen).code
    assert reader.reading("a.c", View(PYTHONS[1])) is reader.reading("a.c", View(PYTHONS[2]))


def test_the_words_of_a_reading_are_those_of_its_code() -> None:
    text = b'#define GONE x\nint a1, _b; /* comment */ char *c = "in a string"; float d = 1e5f + 0x1fUL;\n'
    reader = Reader({"a.c": SourceFile("a.c", text)}, PYTHONS)
    words = reader.reading("a.c", View(PYTHONS[0])).words
    assert set(words.split()) == {b"int", b"a1", b"_b", b"char", b"c", b"in", b"a", b"string", b"float", b"d"}
    assert words.startswith(b"\n") and words.endswith(b"\n")
