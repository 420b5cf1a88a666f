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


# what a call cannot fail for


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ('PyUnicode_AsEncodedString(arg, "utf-8", "strict")', "PyBytes_AsString(made) == NULL"),
        ("PyUnicode_AsUTF8String(arg)", "PyBytes_AsString(made) == NULL"),
        ("PySequence_Tuple(arg)", "PyTuple_Size(made) < 0"),
        ("PyDict_Keys(arg)", "PyList_Size(made) < 0"),
    ],
)
def test_an_accessor_does_not_fail_for_a_result_of_its_type(made: str, asked: str) -> None:
    body = f"PyObject *made = {made};\nif (made == NULL)\n    return NULL;\nif ({asked})\n    return NULL;\nPy_DECREF(made);\nPy_RETURN_NONE;"
    assert in_run(body) == []
    other = body.replace(made, 'PyObject_GetAttrString(arg, "made")')
    assert in_run(other) == [("HL401", "made")]


def test_what_a_converter_gives_has_its_type() -> None:
    body = (
        'PyObject *path = NULL;\nif (!PyArg_ParseTuple(arg, "O&", {}, &path))\n    return NULL;\n'
        "if (PyBytes_AsString(path) == NULL)\n    return NULL;\nPy_DECREF(path);\nPy_RETURN_NONE;"
    )
    assert in_run(body.format("PyUnicode_FSConverter")) == []
    assert in_run(body.format("PyUnicode_FSDecoder")) == [("HL401", "path")]


def test_what_equals_a_member_may_be_released_for_it() -> None:
    struct = "typedef struct {\n    PyObject_HEAD\n    PyObject *held;\n} Box;\n"
    body = "Box *box = (Box *)self;\nif (box->held {} arg) {{\n    box->held = NULL;\n    Py_DECREF(arg);\n}}\nPy_RETURN_NONE;"
    assert in_run(body.format("=="), struct) == []
    assert in_run(body.format("!="), struct) == [("HL404", "arg")]
