"""The analysis along paths across calls: what a function of the program does to its caller, and what its caller makes of it."""

from __future__ import annotations

import pytest
from test_paths import STR, in_run, method, subjects

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
