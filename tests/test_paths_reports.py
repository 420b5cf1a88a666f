"""How the analysis along paths tells what it met: steps, many places as one, bounds, the same every time."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_paths import STR, line_of, method, module, run

from heaplint.flow.paths.summary import Outcome, condensed
from heaplint.flow.paths.values import ANYTHING, CLEAR, POSITIVE, ZERO

TWO_WAYS = method(
    STR + "PyObject *other = PyObject_Repr(arg);\nif (other == NULL) {\n    return NULL;\n}\n"
    "Py_DECREF(other);\nPy_DECREF(text);\nPy_RETURN_NONE;"
)


def test_steps_go_from_the_acquisition_over_the_failure_to_the_loss() -> None:
    (finding,) = run(TWO_WAYS)[0]
    assert (finding.rule, finding.item) == ("HL401", "text")
    assert [one.message for one in finding.steps] == [
        "PyObject_Str gives a new reference", "PyObject_Str succeeds", "PyObject_Repr fails", "the reference is lost here",
    ]  # fmt: skip
    acquired = line_of(TWO_WAYS, "PyObject_Str")
    assert finding.steps[0].span.line == acquired
    assert finding.steps[-1].span == finding.span
    assert [one.span.line for one in finding.steps] == sorted(one.span.line for one in finding.steps)


DETOUR = "if (PyList_Append(self, arg) < 0)\n    PyErr_Clear();\nif (PyList_Sort(self) < 0)\n    PyErr_Clear();\n"


@pytest.mark.parametrize(
    ("then", "otherwise", "side"), [(DETOUR, "", "false"), ("", DETOUR, "true")], ids=["then-longer", "else-longer"]
)
@pytest.mark.parametrize("values", [(1, 1), (1, 2)], ids=["alike-at-the-end", "different-at-the-end"])
def test_the_shorter_of_two_ways_is_told(values: tuple[int, int], then: str, otherwise: str, side: str) -> None:
    """The loss at the end is reached straight, and over a detour with two failures on it."""
    body = (
        f"int way = 0;\nif (self == arg) {{\nway = {values[0]};\n{then}}}\nelse {{\nway = {values[1]};\n{otherwise}}}\n"
        "return PyLong_FromLong(way);"
    )
    (finding,) = run(method(STR + body))[0]
    assert (finding.rule, finding.item) == ("HL401", "text")
    assert [one.message for one in finding.steps] == [
        "PyObject_Str gives a new reference", "PyObject_Str succeeds", f"the condition is {side}",
        "the reference is lost here",
    ]  # fmt: skip


def test_many_places_are_one_report() -> None:
    exits = "".join(
        f'if (PyUnicode_GET_LENGTH(text) == {size}) {{\n    PyErr_SetString(PyExc_ValueError, "{size}");\n    return NULL; // {size}\n}}\n'
        for size in range(5)
    )
    text = method(STR + exits + "return text;")
    (finding,) = run(text)[0]
    assert (finding.rule, finding.item) == ("HL401", "text")
    assert finding.span.line == line_of(text, "// 0")
    assert [one.span.line for one in finding.related] == [line_of(text, f"// {size}") for size in range(1, 5)]
    assert finding.message.endswith("(and in 4 more places)")


def test_few_places_are_a_report_each() -> None:
    exits = "".join(
        f'if (PyUnicode_GET_LENGTH(text) == {size}) {{\n    PyErr_SetString(PyExc_ValueError, "{size}");\n    return NULL; // {size}\n}}\n'
        for size in range(2)
    )
    text = method(STR + exits + "return text;")
    found = run(text)[0]
    assert [one.span.line for one in found] == [line_of(text, "// 0"), line_of(text, "// 1")]
    assert not any(one.related for one in found)


# bounds


def tangled(objects: int) -> str:
    """A function in which each of so many objects is there or not, independently of the others, until the end."""
    names = [f"o{number}" for number in range(objects)]
    made = "".join(
        f"if (PyList_GET_SIZE(arg) == {at})\n    {name} = PyList_New({at});\n" for at, name in enumerate(names)
    )
    released = "".join(f"Py_XDECREF({name});\n" for name in names)
    return method(f"PyObject *{' = NULL, *'.join(names)} = NULL;\n{made}{released}Py_RETURN_NONE;", "tangled")


def test_a_function_above_the_bound_is_named() -> None:
    findings, notices = run(tangled(12) + TWO_WAYS)
    assert [one for one in findings if one.function == "tangled" and one.rule == "HL401"] == []
    (notice,) = [one for one in notices if one.kind == "partly-analyzed"]
    assert notice.message == "tangled(): too many ways through it; not all were followed"
    assert notice.line == line_of(tangled(12) + TWO_WAYS, "tangled(PyObject *self")
    assert [one.function for one in findings if one.rule == "HL401"] == ["run"]


def independent(count: int) -> tuple[str, str]:
    """So many tests that have nothing to do with one another, and an expression of what they found."""
    tests = "".join(f"int flag{at} = 0;\nif (PyList_GET_SIZE(arg) > {at + 1})\n    flag{at} = 1;\n" for at in range(count))
    return tests, " + ".join(f"flag{at}" for at in range(count))


def conditions(count: int, rest: str) -> str:
    """A function with so many tests that have nothing to do with one another, nor with the reference."""
    tests, used = independent(count)
    return method(f"{tests}{STR}if (PyList_Append(arg, self) < 0) {{\n{rest}    return NULL;\n}}\nPy_DECREF(text);\n"
                  f"return PyLong_FromLong({used});")


@pytest.mark.parametrize(("rest", "expected"), [("", [("HL401", "text")]), ("    Py_DECREF(text);\n", [])])
def test_independent_conditions_do_not_multiply(rest: str, expected: list[tuple[str, str]]) -> None:
    findings, notices = run(conditions(14, rest))
    assert [(one.rule, one.item) for one in findings] == expected
    assert [one for one in notices if one.kind == "partly-analyzed"] == []


def flagged(count: int, condition: str) -> str:
    """After the same tests: a reference that a flag goes with is released where a condition holds."""
    tests, used = independent(count)
    return method(
        f"{tests}PyObject *text = NULL;\nint made = 0;\nif (PyList_Check(arg)) {{\ntext = PyObject_Str(arg);\n"
        "if (text == NULL) {\n    return NULL;\n}\nmade = 1;\n}\n"
        f"if ({condition}) {{\n    Py_DECREF(text);\n}}\nreturn PyLong_FromLong({used});"
    )


@pytest.mark.parametrize(
    ("condition", "expected"), [("made", []), ("!made", [("HL401", "text"), ("HL501", "text")]), ("made && self != arg", [("HL401", "text")])]
)
def test_joined_paths_remember_what_goes_with_a_reference(condition: str, expected: list[tuple[str, str]]) -> None:
    findings = run(flagged(14, condition))[0]
    assert sorted({(one.rule, one.item) for one in findings}) == expected


def test_a_function_below_the_bound_is_followed_whole() -> None:
    assert [one for one in run(tangled(2))[1] if one.kind == "partly-analyzed"] == []


def released_only(condition: str) -> str:
    return method(f"{STR}PyType_GetFlags(Py_TYPE(self));\n#if {condition}\nPy_DECREF(text);\n#endif\nPy_RETURN_NONE;")


@pytest.mark.parametrize(
    ("condition", "python"), [("PY_VERSION_HEX >= 0x030C0000", "<=3.11"), ("PY_VERSION_HEX < 0x030C0000", ">=3.12")]
)
def test_a_function_is_followed_as_each_python_reads_it(condition: str, python: str) -> None:
    """Whichever of the Pythons is read first."""
    (finding,) = run(released_only(condition))[0]
    assert (finding.rule, finding.item, finding.python) == ("HL401", "text", python)


HELPER = (
    "static int\nput(PyObject *file, PyObject *value)\n{\n    if (PyFile_WriteObject(value, file, 0) < 0)\n"
    "        return -1;\n    Py_DECREF(value);\n    return 0;\n}\n"
)
CALLER = method(STR + "if (put(self, text) < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;", "caller")


def test_two_runs_say_the_same(tmp_path: Path) -> None:
    """Byte for byte, in whatever order Python keeps its sets."""
    (tmp_path / "example.c").write_text(module(tangled(12) + TWO_WAYS + HELPER + CALLER))
    first, second = (
        subprocess.run(
            [sys.executable, "-m", "heaplint", "check", "--format", "json", "--select", "HL4,HL5,HL6", "example.c"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=False,
        )
        for seed in ("1", "2")
    )
    assert b"HL401" in first.stdout and b"not all were followed" in first.stdout + first.stderr
    assert (first.returncode, first.stdout, first.stderr) == (second.returncode, second.stdout, second.stderr)


@pytest.mark.parametrize("outcomes", list(itertools.permutations([
    Outcome("number", 0, True, ZERO, CLEAR, ()),
    Outcome("number", 1, True, POSITIVE, CLEAR, ()),
    Outcome("unknown", 0, False, ANYTHING, CLEAR, ()),
    Outcome("symbol", "OTHER", True, ANYTHING, CLEAR, ()),
])))
def test_outcomes_are_merged_alike_in_any_order(outcomes: tuple[Outcome, ...]) -> None:
    # A run collects them in a set, whose order is another one in each process.
    assert condensed(outcomes) == condensed(sorted(outcomes, key=repr))
