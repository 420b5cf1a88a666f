"""Constant indexes against constant sizes, and containers that leave with items unset (HL508)."""

from __future__ import annotations

import pytest
from reading import findings
from test_paths import method, module

SEQUENCE = """
static PyStructSequence_Field rows[] = {{"a", ""}, {"b", ""}, {"c", ""}, {NULL}};
static PyStructSequence_Desc desc = {"m.S", NULL, rows, 2};
static PyTypeObject *SType;
static int ex(PyObject *m) { SType = PyStructSequence_NewType(&desc); return 0; }
"""


def told(body: str) -> list[tuple[str | None, str]]:
    """Item and message of what is reported of a method."""
    reports = findings(module(SEQUENCE + method(body)))
    return [(one.item, one.message) for one in reports if one.rule == "HL508"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(
            "return PyTuple_Pack(2, arg, self);",
            [],
            id="pack",
        ),
        pytest.param(
            "return PyTuple_Pack(2, arg);",
            [("PyTuple_Pack", "PyTuple_Pack is told of 2 items and given 1")],
            id="pack-few",
        ),
        pytest.param(
            "return PyTuple_Pack(1, arg, self);",
            [("PyTuple_Pack", "PyTuple_Pack is told of 1 item and given 2")],
            id="pack-many",
        ),
        pytest.param(
            "return PyTuple_Pack(1, arg, NULL);",
            [],
            id="pack-end-mark",
        ),
        pytest.param(
            "return PyTuple_Pack(n, arg);",
            [],
            id="pack-variable",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, 0, arg);\nPyTuple_SET_ITEM(t, 1, arg);\n"
            "return t;",
            [],
            id="set-last",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, 0, arg);\nPyTuple_SET_ITEM(t, 1, arg);\n"
            "PyTuple_SET_ITEM(t, 2, arg);\nreturn t;",
            [("PyTuple_SET_ITEM", "item 2 of a tuple of 2 items")],
            id="set-behind",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nPyTuple_SET_ITEM(t, 0, arg);\nPyTuple_SetItem(t, -1, arg);\n"
            "return t;",
            [("PyTuple_SetItem", "item -1 of a tuple of 1 item")],
            id="set-negative",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(3);\nPyTuple_SET_ITEM(t, 0, arg);\nPyTuple_SET_ITEM(t, 2, arg);\n"
            "return t;",
            [("t", "t, a tuple of 3 items, is given away with item 1 never set")],
            id="never-set",
        ),
        pytest.param(
            "PyObject *t = PyList_New(9);\nPyList_SET_ITEM(t, 0, arg);\nreturn t;",
            [("t", "t, a list of 9 items, is given away with items 1, 2, 3, 4, 5, … never set")],
            id="many-never-set",
        ),
        pytest.param(
            "PyObject *t = PyList_New(1);\nPyList_SetItem(t, 0, arg);\nreturn t;",
            [],
            id="list",
        ),
        pytest.param(
            "PyObject *t = PyList_New(1);\nPyList_SetItem(t, 1, arg);\nPyList_SetItem(t, 0, arg);\nreturn t;",
            [("PyList_SetItem", "item 1 of a list of 1 item")],
            id="list-behind",
        ),
        pytest.param(
            "PyObject *t = PyList_New(0);\nPyList_Append(t, arg);\nreturn t;",
            [],
            id="list-appended",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(0);\nreturn t;",
            [],
            id="empty",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(2);\nfor (int i = 0; i < 2; i++) {\n"
            "    PyTuple_SET_ITEM(t, i, arg);\n}\nreturn t;",
            [],
            id="loop",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, 0, arg);\nif (self) {\n"
            "    PyTuple_SET_ITEM(t, 1, arg);\n}\nreturn t;",
            [],
            id="one-branch",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(2);\nif (t == NULL) {\n    return NULL;\n}\n"
            "PyTuple_SET_ITEM(t, 0, arg);\nPyObject *o = PyObject_Str(arg);\nif (o == NULL) {\n"
            "    Py_DECREF(t);\n    return NULL;\n}\nPyTuple_SET_ITEM(t, 1, o);\nreturn t;",
            [],
            id="error-way",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(n);\nPyTuple_SET_ITEM(t, 7, arg);\nreturn t;",
            [],
            id="unknown-size",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("(ii)", 1, 2);\nPyObject *o = PyTuple_GET_ITEM(t, 2);\n'
            "return Py_NewRef(o);",
            [("PyTuple_GET_ITEM", "item 2 of a tuple of 2 items")],
            id="get-behind",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("(ii)", 1, 2);\nPyObject *o = PyTuple_GET_ITEM(t, 1);\n'
            "return Py_NewRef(o);",
            [],
            id="get",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("(i(ii)[s#])", 1, 2, 3, s, n);\n'
            "PyObject *o = PyTuple_GET_ITEM(t, 2);\nreturn Py_NewRef(o);",
            [],
            id="get-nested",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("(i(ii)[s#])", 1, 2, 3, s, n);\n'
            "PyObject *o = PyTuple_GET_ITEM(t, 3);\nreturn Py_NewRef(o);",
            [("PyTuple_GET_ITEM", "item 3 of a tuple of 3 items")],
            id="get-nested-behind",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("s#, i", s, n, 1);\nPyObject *o = PyTuple_GET_ITEM(t, 2);\n'
            "return Py_NewRef(o);",
            [("PyTuple_GET_ITEM", "item 2 of a tuple of 2 items")],
            id="get-two-units",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("s#, i", s, n, 1);\nPyObject *o = PyTuple_GET_ITEM(t, 1);\n'
            "return Py_NewRef(o);",
            [],
            id="get-two-units-last",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("[ii]", 1, 2);\nPyObject *o = PyList_GET_ITEM(t, 2);\n'
            "return Py_NewRef(o);",
            [("PyList_GET_ITEM", "item 2 of a list of 2 items")],
            id="get-list",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("{ii}", 1, 2);\nPyObject *o = PyTuple_GET_ITEM(t, 2);\n'
            "return Py_NewRef(o);",
            [],
            id="get-dict",
        ),
        pytest.param(
            'PyObject *t = Py_BuildValue("i", 1);\nPyObject *o = PyTuple_GET_ITEM(t, 2);\n'
            "return Py_NewRef(o);",
            [],
            id="get-one",
        ),
        pytest.param(
            "PyObject *t = PyTuple_Pack(1, arg);\nPyObject *o = PyTuple_GET_ITEM(t, 1);\n"
            "return Py_NewRef(o);",
            [("PyTuple_GET_ITEM", "item 1 of a tuple of 1 item")],
            id="get-packed",
        ),
        pytest.param(
            "PyObject *t = PyStructSequence_New(SType);\nPyStructSequence_SET_ITEM(t, 0, arg);\n"
            "PyStructSequence_SET_ITEM(t, 1, arg);\nPyStructSequence_SET_ITEM(t, 2, arg);\nreturn t;",
            [],
            id="sequence",
        ),
        pytest.param(
            "PyObject *t = PyStructSequence_New(SType);\nPyStructSequence_SET_ITEM(t, 0, arg);\n"
            "PyStructSequence_SET_ITEM(t, 1, arg);\nPyStructSequence_SET_ITEM(t, 3, arg);\nreturn t;",
            [("PyStructSequence_SET_ITEM", "item 3 of a struct sequence of 3 items")],
            id="sequence-behind",
        ),
        pytest.param(
            "PyObject *t = PyStructSequence_New(SType);\nPyStructSequence_SET_ITEM(t, 0, arg);\n"
            "PyStructSequence_SET_ITEM(t, 1, arg);\nreturn t;",
            [],
            id="sequence-hidden-unset",
        ),
        pytest.param(
            "PyObject *t = PyStructSequence_New(SType);\nPyStructSequence_SET_ITEM(t, 0, arg);\nreturn t;",
            [("t", "t, a struct sequence of 3 items, is given away with item 1 never set")],
            id="sequence-unset",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1), *l = PyList_New(0);\nPyList_Append(l, t);\n"
            "PyTuple_SET_ITEM(t, 0, arg);\nreturn l;",
            [],
            id="set-later",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nPyObject *r = PyObject_CallObject(self, t);\nreturn r;",
            [("t", "t, a tuple of 1 item, is given away with item 0 never set")],
            id="called-unset",
        ),
        pytest.param(
            "int i = 0;\nPyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, i++, arg);\n"
            "PyTuple_SET_ITEM(t, i++, arg);\nreturn t;",
            [],
            id="counted",
        ),
        pytest.param(
            "int i = 0;\nPyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, i++, arg);\n"
            "PyTuple_SET_ITEM(t, i++, arg);\nPyTuple_SET_ITEM(t, i++, arg);\nreturn t;",
            [("PyTuple_SET_ITEM", "item 2 of a tuple of 2 items")],
            id="counted-too-far",
        ),
        pytest.param(
            "int i = 0;\nPyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, i, arg);\n"
            "PyTuple_SET_ITEM(t, ++i, arg);\nreturn t;",
            [],
            id="counted-before",
        ),
        pytest.param(
            "int i = 0;\nPyObject *t = PyTuple_New(1);\nPyTuple_SET_ITEM(t, i, arg);\n"
            "PyTuple_SET_ITEM(t, ++i, arg);\nreturn t;",
            [("PyTuple_SET_ITEM", "item 1 of a tuple of 1 item")],
            id="counted-before-too-far",
        ),
        pytest.param(
            "int i = 1;\nPyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, i--, arg);\n"
            "PyTuple_SET_ITEM(t, i--, arg);\nreturn t;",
            [],
            id="counted-down",
        ),
        pytest.param(
            "int i = 0;\nPyObject *t = PyTuple_New(1);\nPyTuple_SET_ITEM(t, i--, arg);\n"
            "PyTuple_SET_ITEM(t, i, arg);\nreturn t;",
            [("PyTuple_SET_ITEM", "item -1 of a tuple of 1 item")],
            id="counted-down-too-far",
        ),
        pytest.param(
            "int n = 3;\nPyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, n - 3, arg);\n"
            "PyTuple_SET_ITEM(t, n - 2, arg);\nreturn t;",
            [],
            id="computed",
        ),
        pytest.param(
            "int n = 1;\nPyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, 0, arg);\n"
            "PyTuple_SET_ITEM(t, n * 2, arg);\nPyTuple_SET_ITEM(t, 1, arg);\nreturn t;",
            [("PyTuple_SET_ITEM", "item 2 of a tuple of 2 items")],
            id="computed-too-far",
        ),
        pytest.param(
            "int n = 1;\nPyObject *t = PyTuple_New(3);\nPyTuple_SET_ITEM(t, 0, arg);\n"
            "PyTuple_SET_ITEM(t, n, arg);\nPyTuple_SET_ITEM(t, n + 1, arg);\nreturn t;",
            [],
            id="computed-sum",
        ),
        pytest.param(
            "int n = 0;\nn += 1;\nPyObject *t = PyTuple_New(1);\nPyTuple_SET_ITEM(t, n, arg);\n"
            "PyTuple_SET_ITEM(t, 0, arg);\nreturn t;",
            [("PyTuple_SET_ITEM", "item 1 of a tuple of 1 item")],
            id="added",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1), *u = t;\nPyTuple_SET_ITEM(u, 0, arg);\nreturn t;",
            [],
            id="copied",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nfill(t);\nreturn t;",
            [],
            id="given-first",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\n_PyTuple_Resize(&t, 2);\nPyTuple_SET_ITEM(t, 1, arg);\n"
            "PyTuple_SET_ITEM(t, 0, arg);\nreturn t;",
            [],
            id="resized",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nt = PyTuple_New(2);\nPyTuple_SET_ITEM(t, 0, arg);\n"
            "PyTuple_SET_ITEM(t, 1, arg);\nreturn t;",
            [],
            id="another-container",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nheld->it = t;\nreturn NULL;",
            [],
            id="stored",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nPy_DECREF(t);\nreturn NULL;",
            [],
            id="released",
        ),
        pytest.param(
            "PyObject *l = PyList_New(1);\nPyList_Append(l, arg);\nPyList_SET_ITEM(l, 0, arg);\n"
            "PyList_SET_ITEM(l, 1, arg);\nreturn l;",
            [],
            id="appended-to",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1);\nPyTuple_SET_ITEM(t, 0, PyTuple_New(2));\nreturn t;",
            [],
            id="nested",
        ),
        pytest.param(
            "PyObject *t = PyList_New(3);\nfor (int i = 0; i <= 2; i++) {\n    PyList_SET_ITEM(t, i, arg);\n"
            "}\nreturn t;",
            [],
            id="loop-over-all",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(2);\nPyTuple_SET_ITEM(t, 0, arg);\nswitch (n) {\ncase 1:\n"
            "    PyTuple_SET_ITEM(t, 1, arg);\n    break;\ndefault:\n    PyTuple_SET_ITEM(t, 1, self);\n}\n"
            "return t;",
            [],
            id="switch",
        ),
    ],
)
def test_items(body: str, found: list[tuple[str, str]]) -> None:
    assert told(body) == found
