"""The analysis along paths: what it makes of C's control flow, of helpers and of loops, and how it tells what it met."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reading import sources

from heaplint import engine
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.findings import Finding, Notice
from heaplint.pythons import TargetRange

SELECTED = Selectors(origin="test", select=("HL4", "HL5", "HL6"), ignore=("HL603", "HL604", "HL607"))
METHOD = re.compile(r"^(\w+)\(PyObject \*self, PyObject \*arg\)", re.M)
HEAD = "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n"


def module(text: str) -> str:
    """A file of which the interpreter calls every function that takes `self` and `arg`."""
    entries = "".join(f'    {{"{name}", {name}, METH_O, NULL}},\n' for name in METHOD.findall(text))
    return f"{HEAD}{text}\nstatic PyMethodDef methods[] = {{\n{entries}    {{NULL, NULL, 0, NULL}},\n}};\n"


def method(body: str, name: str = "run") -> str:
    return f"static PyObject *\n{name}(PyObject *self, PyObject *arg)\n{{\n{body}\n}}\n"


def run(text: str) -> tuple[list[Finding], list[Notice]]:
    config = Config(target=TargetRange.parse(">=3.10"), selectors=(SELECTED,))
    discovery = Discovery(Path("/"), Path("/"), tuple(sources(module(text)).values()), ())
    result = engine.run(discovery, config, None)
    return list(result.findings), list(result.notices)


def subjects(text: str) -> list[tuple[str, str | None, str | None]]:
    return [(one.rule, one.function, one.item) for one in run(text)[0]]


def in_run(body: str, before: str = "") -> list[tuple[str, str | None]]:
    """Rule and item of what is found in a method with this body, and in what stands before it."""
    return [(rule, item) for rule, _, item in subjects(before + method(body))]


def line_of(text: str, part: str) -> int:
    """The 1-based line of the file made of `text` on which a part stands; it stands there once."""
    lines = [number for number, line in enumerate(module(text).splitlines(), 1) if part in line]
    assert len(lines) == 1, (part, lines)
    return lines[0]


# conditions

STR = (
    "PyObject *text = PyObject_Str(arg);\nif (text == NULL) {\n    return NULL;\n}\n"
    "Py_ssize_t size = PyUnicode_GET_LENGTH(text);\n"
)
"""A new reference that has been of use: one given up unused is known to be kept by somebody else."""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "PyObject *a = PyObject_Str(arg), *b = NULL;\n"
            "if (a == NULL || (b = PyObject_Repr(arg)) == NULL) {\n    Py_XDECREF(a);\n    return NULL;\n}\n"
            "Py_DECREF(a);\nreturn b;",
            [],
            id="or-released",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg), *b = NULL;\n"
            "if (a == NULL || (b = PyObject_Repr(arg)) == NULL) {\n    return NULL;\n}\n"
            "Py_DECREF(a);\nreturn b;",
            [("HL401", "a")],
            id="or-leaked",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg), *b = NULL;\n"
            "if (a != NULL && (b = PyObject_Repr(arg)) != NULL) {\n    Py_DECREF(a);\n    return b;\n}\n"
            "Py_XDECREF(a);\nreturn NULL;",
            [],
            id="and-released",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg), *b = NULL;\n"
            "if (a != NULL && (b = PyObject_Repr(arg)) != NULL) {\n    Py_DECREF(a);\n    return b;\n}\n"
            "return NULL;",
            [("HL401", "a")],
            id="and-leaked",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a && Py_SIZE(a) > 2) {\n    Py_DECREF(a);\n    Py_RETURN_TRUE;\n}\n"
            "Py_XDECREF(a);\nif (a == NULL) {\n    return NULL;\n}\nPy_RETURN_FALSE;",
            [],
            id="use-behind-and",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a || Py_SIZE(a) > 2) {\n    Py_XDECREF(a);\n    Py_RETURN_TRUE;\n}\n"
            "return NULL;",
            [("HL501", "a")],
            id="use-behind-or",
        ),
        pytest.param(
            'PyObject *a = PyObject_Str(arg);\nreturn a != NULL ? a : PyUnicode_FromString("");',
            [("HL602", "PyObject_Str")],
            id="conditional-hides-a-failure",
        ),
        pytest.param(
            "PyObject *a = self == arg ? PyList_New(0) : PyDict_New();\nif (a == NULL) {\n    return NULL;\n}\n"
            "PyObject *b = PyObject_Repr(a);\nreturn b;",
            [("HL401", "a")],
            id="conditional-leaked",
        ),
        pytest.param(
            STR + "return PyObject_IsTrue(arg) == 1 ? text : PyObject_Repr(text);",
            [("HL401", "text")],
            id="conditional-one-side-leaks",
        ),
        pytest.param(
            STR + "int owned = 1;\nif (self == arg) {\n    Py_DECREF(text);\n    owned = 0;\n}\n"
            "if (owned) {\n    Py_DECREF(text);\n}\nPy_RETURN_NONE;",
            [],
            id="flag",
        ),
        pytest.param(
            STR + "int owned = 1;\nif (self == arg) {\n    Py_DECREF(text);\n}\n"
            "if (owned) {\n    Py_DECREF(text);\n}\nPy_RETURN_NONE;",
            [("HL406", "text")],
            id="flag-forgotten",
        ),
    ],
)
def test_conditions(body: str, expected: list[tuple[str, str | None]]) -> None:
    assert in_run(body) == expected


# switch, goto, noreturn, macros

SWITCH = (
    STR + "switch (size) {\ncase 0:\n    <first>\ncase 1:\n    Py_DECREF(text);\n    break;\n"
    "default:\n    <default>\n}\nPy_RETURN_NONE;"
)


@pytest.mark.parametrize(
    ("first", "default", "expected"),
    [
        ("/* falls through */", "Py_DECREF(text);", []),
        ("Py_DECREF(text); break;", "Py_DECREF(text);", []),
        ("Py_DECREF(text);", "Py_DECREF(text);", [("HL406", "text")]),
        ("break;", "Py_DECREF(text);", [("HL401", "text")]),
        ("/* falls through */", "break;", [("HL401", "text")]),
    ],
)
def test_switch(first: str, default: str, expected: list[tuple[str, str | None]]) -> None:
    assert in_run(SWITCH.replace("<first>", first).replace("<default>", default)) == expected


GOTO = (
    "PyObject *a = NULL, *b = NULL, *result = NULL;\na = PyObject_Str(arg);\nif (a == NULL)\n    goto done;\n"
    "b = PyObject_Repr(arg);\nif (b == NULL)\n    goto {target};\nresult = PyTuple_Pack(2, a, b);\n"
    "Py_DECREF(b);\nrelease:\nPy_DECREF(a);\ndone:\nreturn result;"
)


@pytest.mark.parametrize(("target", "expected"), [("release", []), ("done", [("HL401", "a")])])
def test_goto(target: str, expected: list[tuple[str, str | None]]) -> None:
    assert in_run(GOTO.format(target=target)) == expected


def test_goto_backwards() -> None:
    body = (
        "PyObject *a;\nint left = 3;\nagain:\na = PyObject_Str(arg);\nif (a == NULL)\n    return NULL;\n"
        "if (left-- > 0) {{\n    {release}goto again;\n}}\nreturn a;"
    )
    assert in_run(body.format(release="Py_DECREF(a);\n    ")) == []
    assert in_run(body.format(release="")) == [("HL402", "a")]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ('Py_FatalError("no text");', []),
        ("abort();", []),
        ("give_up();", []),
        ("Py_UNREACHABLE();", []),
        ("note();", [("HL501", "text")]),
    ],
)
def test_calls_that_do_not_return(end: str, expected: list[tuple[str, str | None]]) -> None:
    helpers = "static void give_up(void)\n{\n    exit(2);\n}\nstatic void note(void)\n{\n}\n"
    body = f"PyObject *text = PyObject_Str(arg);\nif (text == NULL) {{\n    {end}\n}}\n"
    assert (
        in_run(body + "Py_ssize_t size = Py_SIZE(text);\nPy_DECREF(text);\nreturn PyLong_FromSsize_t(size);", helpers)
        == expected
    )


def test_a_return_hidden_in_a_macro() -> None:
    macro = "#define CHECK(value) do { if ((value) == NULL) return NULL; } while (0)\n"
    body = STR + "PyObject *other = PyObject_Repr(arg);\n{check}\nPy_DECREF(text);\nreturn other;"
    assert in_run(body.replace("{check}", "CHECK(other);"), macro) == [("HL401", "text")]
    released = "if (other == NULL) {\n    Py_DECREF(text);\n    return NULL;\n}"
    assert in_run(body.replace("{check}", released), macro) == []


def test_a_goto_hidden_in_a_macro() -> None:
    macro = "#define CHECK(value) do { if ((value) == NULL) goto error; } while (0)\n"
    body = (
        STR + "PyObject *other = PyObject_Repr(arg);\nCHECK(other);\nPy_DECREF(text);\nreturn other;\n"
        "error:\n{release}return NULL;"
    )
    assert in_run(body.replace("{release}", "Py_DECREF(text);\n"), macro) == []
    assert in_run(body.replace("{release}", ""), macro) == [("HL401", "text")]


# loops

LOOP = (
    "PyObject *item;\nPyObject *it = PyObject_GetIter(arg);\nif (it == NULL)\n    return NULL;\n"
    "while ((item = PyIter_Next(it)) != NULL) {{\n    if (Py_SIZE(item) == 7) {{\n        {inside}\n    }}\n    {after}\n}}\n"
    "Py_DECREF(it);\nif (PyErr_Occurred())\n    return NULL;\nPy_RETURN_NONE;"
)


@pytest.mark.parametrize(
    ("inside", "after", "expected"),
    [
        ("Py_DECREF(item); break;", "Py_DECREF(item);", []),
        ("Py_DECREF(item); continue;", "Py_DECREF(item);", []),
        ("continue;", "Py_DECREF(item);", [("HL402", "item")]),
        ("break;", "Py_DECREF(item);", [("HL401", "item")]),
        ("Py_DECREF(item);", "Py_DECREF(item);", [("HL406", "item")]),
        ("Py_DECREF(item); Py_DECREF(it); return NULL;", "Py_DECREF(item);", [("HL601", None)]),
        (
            'Py_DECREF(item); PyErr_SetString(PyExc_ValueError, "None"); return NULL;',
            "Py_DECREF(item);",
            [("HL401", "it")],
        ),
    ],
)
def test_ways_out_of_a_loop(inside: str, after: str, expected: list[tuple[str, str | None]]) -> None:
    assert in_run(LOOP.format(inside=inside, after=after)) == expected


@pytest.mark.parametrize(
    "head",
    ["for (;;)", "while (1)", "for (int i = 0; i < 10; i++)", "for (Py_ssize_t i = 0; i < PyList_GET_SIZE(arg); i++)"],
)
def test_a_leak_of_every_round_is_reported_once(head: str) -> None:
    body = (
        f"PyObject *text = NULL;\n{head} {{\n    text = PyObject_Str(arg);\n    if (text == NULL)\n        return NULL;\n"
        "    if (PyUnicode_GET_LENGTH(text) == 7)\n        break;\n}\nPy_XDECREF(text);\nPy_RETURN_NONE;"
    )
    assert in_run(body) == [("HL402", "text")]


def test_loops_in_loops_come_to_an_end() -> None:
    body = (
        "PyObject *kept = NULL;\nint a = 0, b = 0, c = 0;\nfor (;;) {\n    a++;\n    while (b != a) {\n        b += c;\n"
        "        do {\n            c = a + b;\n            Py_XDECREF(kept);\n            kept = PyLong_FromLong(c);\n"
        "            if (kept == NULL)\n                return NULL;\n        } while (c < 100);\n    }\n"
        "    if (a == 1000)\n        return kept;\n}"
    )
    assert [rule for rule, _ in in_run(body)] == []


# helpers of the program

NEW = "static PyObject *\nmake(PyObject *of)\n{\n    return PyObject_Str(of);\n}\n"
NEW_THROUGH = (
    NEW + "static PyObject *\nmake_more(PyObject *of)\n{\n    PyObject *made = make(of);\n    return made;\n}\n"
)
BORROWED = "static PyObject *\nfind(PyObject *of)\n{\n    return PyTuple_GET_ITEM(of, 0);\n}\n"
SELF = "static PyObject *\nsame(PyObject *of)\n{\n    return of;\n}\n"


@pytest.mark.parametrize(
    ("helper", "body", "expected"),
    [
        pytest.param(NEW, "PyObject *a = make(arg);\nif (!a)\n    return NULL;\nPy_RETURN_NONE;", [("HL401", "a")], id="new-lost"),
        pytest.param(NEW, "PyObject *a = make(arg);\nreturn a;", [], id="new-returned"),
        pytest.param(NEW_THROUGH, "PyObject *a = make_more(arg);\nif (!a)\n    return NULL;\nPy_RETURN_NONE;", [("HL401", "a")], id="new-through-two"),
        pytest.param(NEW, "PyObject *a = make(arg);\nreturn PyLong_FromSsize_t(Py_SIZE(a));", [("HL401", "a"), ("HL501", "a")], id="new-unchecked"),
        pytest.param(BORROWED, "PyObject *a = find(arg);\nPy_DECREF(a);\nPy_RETURN_NONE;", [("HL404", "a")], id="borrowed-released"),
        pytest.param(BORROWED, "return Py_NewRef(find(arg));", [], id="borrowed-taken"),
        pytest.param(BORROWED, "PyObject *a = find(arg);\nreturn a;", [("HL405", "a")], id="borrowed-returned"),
        pytest.param(SELF, "PyObject *a = PyObject_Str(arg);\nif (!a)\n    return NULL;\nreturn same(a);", [], id="argument-returned"),
        pytest.param(SELF, "PyObject *a = PyObject_Str(arg);\nif (!a)\n    return NULL;\nsame(a);\nPy_RETURN_NONE;", [("HL401", "a")], id="argument-lost"),
    ],
)  # fmt: skip
def test_results_of_helpers(helper: str, body: str, expected: list[tuple[str, str | None]]) -> None:
    assert in_run(body, helper) == expected


ON_SUCCESS = (
    "static int\nput(PyObject *file, PyObject *value)\n{\n    if (PyFile_WriteObject(value, file, 0) < 0)\n        return -1;\n"
    "    Py_DECREF(value);\n    return 0;\n}\n"
)
ALWAYS = (
    "static int\nput(PyObject *file, PyObject *value)\n{\n    int failed = PyFile_WriteObject(value, file, 0);\n"
    "    Py_DECREF(value);\n    return failed;\n}\n"
)
PUT = STR + "if (put(self, text) < 0) {\n    <failed>return NULL;\n}\n<after>Py_RETURN_NONE;"


@pytest.mark.parametrize(
    ("helper", "failed", "after", "expected"),
    [
        pytest.param(ON_SUCCESS, "Py_DECREF(text);\n    ", "", [], id="on-success"),
        pytest.param(ON_SUCCESS, "", "", [("HL401", "text")], id="on-success-leaked"),
        pytest.param(
            ON_SUCCESS, "Py_DECREF(text);\n    ", "Py_DECREF(text);\n", [("HL406", "text")], id="on-success-twice"
        ),
        pytest.param(ALWAYS, "", "", [], id="always"),
        pytest.param(ALWAYS, "Py_DECREF(text);\n    ", "", [("HL406", "text")], id="always-twice"),
    ],
)
def test_helpers_that_take_over_a_reference(
    helper: str, failed: str, after: str, expected: list[tuple[str, str | None]]
) -> None:
    assert in_run(PUT.replace("<failed>", failed).replace("<after>", after), helper) == expected


OUT = (
    "static int\nfetch(PyObject *of, PyObject **result)\n{\n    *result = PyObject_Str(of);\n"
    "    return *result == NULL ? -1 : 0;\n}\n"
)


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("return text;", []),
        ("Py_DECREF(text);\nPy_RETURN_NONE;", []),
        ("Py_RETURN_NONE;", [("HL401", "text")]),
        ("Py_INCREF(text);\nreturn text;", [("HL412", "text")]),
    ],
)
def test_a_reference_through_a_parameter(rest: str, expected: list[tuple[str, str | None]]) -> None:
    body = "PyObject *text;\nif (fetch(arg, &text) < 0) {\n    return NULL;\n}\n" + rest
    assert in_run(body, OUT) == expected


def test_the_result_tells_whether_a_parameter_was_set() -> None:
    body = "PyObject *text = NULL;\n<fetch>\nPyObject *result = PyObject_Repr(text);\nPy_DECREF(text);\nreturn result;"
    checked = body.replace("<fetch>", "if (fetch(arg, &text) < 0)\n    return NULL;")
    assert in_run(checked, OUT) == []
    unchecked = body.replace("<fetch>", "fetch(arg, &text);")
    assert in_run(unchecked, OUT) == [("HL501", "text")]


FREES = "static void\nfree_if(char *block, int owned)\n{\n    if (owned)\n        PyMem_Free(block);\n}\n"


def test_a_release_on_a_condition_that_is_not_followed() -> None:
    """What becomes of the block is not known, and nothing is said of it."""
    body = (
        "char *block = PyMem_Malloc(10);\nif (block == NULL)\n    return PyErr_NoMemory();\nblock[0] = 1;\n"
        "<release>Py_RETURN_NONE;"
    )
    assert in_run(body.replace("<release>", "free_if(block, self == arg);\n"), FREES) == []
    assert in_run(body.replace("<release>", ""), FREES) == [("HL509", "block")]


FREES_UNLESS_NULL = "static void\nfree_block(char *block)\n{\n    if (block != NULL)\n        PyMem_Free(block);\n}\n"


@pytest.mark.parametrize(
    ("after", "expected"),
    [("", []), ("PyMem_Free(block);\n", [("HL406", "block")]), ("block[1] = 2;\n", [("HL403", "block")])],
)
def test_a_release_on_a_condition_that_is_followed(after: str, expected: list[tuple[str, str | None]]) -> None:
    body = (
        "char *block = NULL;\nif (self == arg) {\n    block = PyMem_Malloc(10);\n    if (block == NULL)\n"
        "        return PyErr_NoMemory();\n    block[0] = 1;\n    free_block(block);\n"
        f"    {after}}}\nelse {{\n    free_block(block);\n}}\nPy_RETURN_NONE;"
    )
    assert in_run(body, FREES_UNLESS_NULL) == expected


def test_helpers_that_call_themselves() -> None:
    helper = (
        "static PyObject *\ndeep(PyObject *of, int depth)\n{\n    PyObject *text = PyObject_Str(of);\n"
        "    if (text == NULL || depth == 0)\n        return text;\n    <release>return deep(of, depth - 1);\n}\n"
    )
    caller = method("return deep(arg, 3);")
    assert subjects(helper.replace("<release>", "Py_DECREF(text);\n    ") + caller) == []
    assert subjects(helper.replace("<release>", "") + caller) == [("HL401", "deep", "text")]


def test_helpers_that_call_each_other() -> None:
    helper = (
        "static PyObject *odd(PyObject *of, int depth);\n"
        "static PyObject *\neven(PyObject *of, int depth)\n{\n    if (depth == 0)\n        return PyObject_Str(of);\n"
        "    return odd(of, depth - 1);\n}\n"
        "static PyObject *\nodd(PyObject *of, int depth)\n{\n    PyObject *text = PyObject_Repr(of);\n"
        "    if (text == NULL || depth == 0)\n        return text;\n    return even(of, depth - 1);\n}\n"
    )
    assert subjects(helper + method("return even(arg, 3);")) == [("HL401", "odd", "text")]


# what a report tells

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


def test_a_function_below_the_bound_is_followed_whole() -> None:
    assert [one for one in run(tangled(2))[1] if one.kind == "partly-analyzed"] == []


def test_two_runs_say_the_same() -> None:
    text = tangled(12) + TWO_WAYS + ON_SUCCESS + method(PUT.replace("<failed>", "").replace("<after>", ""), "other")
    assert repr(run(text)) == repr(run(text))
