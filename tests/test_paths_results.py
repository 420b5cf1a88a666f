"""The analysis along paths on results: which way of a comparison failed, and what is left behind there."""

from __future__ import annotations

import pytest
from test_paths import in_run


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r < 0) {\n    return NULL;\n}\nif (r > 0) {\n"
            "    Py_RETURN_TRUE;\n}\nPy_RETURN_FALSE;",
            [],
            id="below-zero",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r != 0) {\n    if (r < 0) {\n        return NULL;\n    }\n"
            "    Py_RETURN_TRUE;\n}\nPy_RETURN_FALSE;",
            [],
            id="not-zero",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r <= 0) {\n    if (r == 0) {\n        Py_RETURN_FALSE;\n"
            "    }\n    return NULL;\n}\nPy_RETURN_TRUE;",
            [],
            id="at-most-zero",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r == 0) {\n    Py_RETURN_FALSE;\n}\nelse if (r > 0) {\n"
            "    Py_RETURN_TRUE;\n}\nelse {\n    return NULL;\n}",
            [],
            id="three-ways",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r != 1) {\n    if (r != 0) {\n        return NULL;\n    }\n"
            "    Py_RETURN_FALSE;\n}\nPy_RETURN_TRUE;",
            [],
            id="not-one",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nswitch (r) {\ncase -1:\n    return NULL;\ncase 0:\n"
            "    Py_RETURN_FALSE;\ndefault:\n    Py_RETURN_TRUE;\n}",
            [],
            id="switch",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nswitch (r) {\ncase 0:\n    Py_RETURN_FALSE;\ncase 1:\n"
            "    Py_RETURN_TRUE;\ndefault:\n    return NULL;\n}",
            [],
            id="switch-other-order",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r == -1) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="minus-one",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r <= -1) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="at-most-minus-one",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r > -1) {\n    Py_RETURN_NONE;\n}\nreturn NULL;",
            [],
            id="above-minus-one",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r >= 0) {\n    Py_RETURN_NONE;\n}\nreturn NULL;",
            [],
            id="at-least-zero",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (0 <= r) {\n    Py_RETURN_NONE;\n}\nreturn NULL;",
            [],
            id="zero-at-most",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (0 > r) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="zero-above",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (-1 == r) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="minus-one-is",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r != -1) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None), ("HL602", "PyObject_IsTrue")],
            id="not-minus-one-wrong",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r > -1) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None), ("HL602", "PyObject_IsTrue")],
            id="above-minus-one-wrong",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r >= 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None), ("HL602", "PyObject_IsTrue")],
            id="at-least-zero-wrong",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r == 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None)],
            id="is-zero-wrong",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r > 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None)],
            id="above-zero-wrong",
        ),
        pytest.param(
            "if (PyObject_IsTrue(arg) < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="in-condition",
        ),
        pytest.param(
            "int r;\nif ((r = PyObject_IsTrue(arg)) < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="assigned-in-condition",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (!(r < 0)) {\n    Py_RETURN_NONE;\n}\nreturn NULL;",
            [],
            id="negated",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (!(r < 0)) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None), ("HL602", "PyObject_IsTrue")],
            id="negated-wrong",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nint q = PyObject_IsTrue(self);\nif (r < 0 || q < 0) {\n"
            "    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="two-tests",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r < 0) {\n    return NULL;\n}\n"
            "int q = PyObject_IsTrue(self);\nif (q < 0 && PyErr_Occurred()) {\n    return NULL;\n}\n"
            "Py_RETURN_NONE;",
            [],
            id="two-tests-and",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nint q = r;\nif (q < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="copied",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nint q = r;\nif (q >= 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None), ("HL602", "PyObject_IsTrue")],
            id="copied-wrong",
        ),
        pytest.param(
            "Py_ssize_t i, n = PyList_Size(arg);\nif (n < 0) {\n    return NULL;\n}\n"
            "for (i = 0; i < n; i++) {\n    int r = PyObject_IsTrue(self);\n    if (r < 0) {\n"
            "        return NULL;\n    }\n}\nPy_RETURN_NONE;",
            [],
            id="loop",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r < 0) {\n    PyErr_Clear();\n    Py_RETURN_FALSE;\n}\n"
            "Py_RETURN_TRUE;",
            [],
            id="cleared",
        ),
        pytest.param(
            "int r = PyObject_IsTrue(arg);\nif (r < 0) {\n    PyErr_Clear();\n    return NULL;\n}\n"
            "Py_RETURN_TRUE;",
            [("HL601", "PyObject_IsTrue")],
            id="cleared-null",
        ),
        pytest.param(
            "long n = PyLong_AsLong(arg);\nif (n < 0 && PyErr_Occurred()) {\n    return NULL;\n}\n"
            'if (n < 0) {\n    PyErr_SetString(PyExc_ValueError, "negative");\n    return NULL;\n}\n'
            "return PyLong_FromLong(n);",
            [],
            id="occurred",
        ),
        pytest.param(
            "long n = PyLong_AsLong(arg);\nif (!PyErr_Occurred()) {\n    return PyLong_FromLong(n);\n}\n"
            "return NULL;",
            [],
            id="occurred-not",
        ),
        pytest.param(
            "long n = PyLong_AsLong(arg);\nif (!PyErr_Occurred()) {\n    return NULL;\n}\n"
            "return PyLong_FromLong(n);",
            [("HL601", None)],
            id="occurred-wrong",
        ),
        pytest.param(
            'PyErr_SetString(PyExc_ValueError, "x");\nreturn NULL;',
            [],
            id="set",
        ),
        pytest.param(
            'PyErr_SetString(PyExc_ValueError, "x");\nPy_RETURN_NONE;',
            [("HL602", "PyErr_SetString")],
            id="set-and-value",
        ),
        pytest.param(
            'if (PyErr_WarnEx(PyExc_DeprecationWarning, "x", 1) < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;',
            [],
            id="warned",
        ),
        pytest.param(
            'if (PyErr_WarnEx(PyExc_DeprecationWarning, "x", 1) == 0) {\n    return NULL;\n}\n'
            "Py_RETURN_NONE;",
            [("HL601", None), ("HL602", "PyErr_WarnEx")],
            id="warned-wrong",
        ),
        pytest.param(
            'int i;\nif (!PyArg_ParseTuple(arg, "i", &i)) {\n    return NULL;\n}\nreturn PyLong_FromLong(i);',
            [],
            id="parsed",
        ),
        pytest.param(
            'int i;\nif (PyArg_ParseTuple(arg, "i", &i)) {\n    return NULL;\n}\nreturn PyLong_FromLong(i);',
            [("HL601", None), ("HL602", "PyArg_ParseTuple")],
            id="parsed-wrong",
        ),
        pytest.param(
            "PyObject *v = PyDict_GetItemWithError(self, arg);\nif (v == NULL) {\n"
            "    if (PyErr_Occurred()) {\n        return NULL;\n    }\n    Py_RETURN_NONE;\n}\n"
            "return Py_NewRef(v);",
            [],
            id="looked-up",
        ),
        pytest.param(
            "PyObject *v = PyDict_GetItemWithError(self, arg);\nif (v == NULL) {\n"
            "    if (!PyErr_Occurred()) {\n        PyErr_SetObject(PyExc_KeyError, arg);\n    }\n"
            "    return NULL;\n}\nreturn Py_NewRef(v);",
            [],
            id="looked-up-key-error",
        ),
        pytest.param(
            "PyObject *it = PyObject_GetIter(arg), *o;\nif (it == NULL) {\n    return NULL;\n}\n"
            "while ((o = PyIter_Next(it)) != NULL) {\n    Py_DECREF(o);\n}\nPy_DECREF(it);\n"
            "if (PyErr_Occurred()) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="iterated",
        ),
        pytest.param(
            "PyObject *it = PyObject_GetIter(arg), *o;\nif (it == NULL) {\n    return NULL;\n}\n"
            "while ((o = PyIter_Next(it)) != NULL) {\n    if (PyObject_IsTrue(o) < 0) {\n"
            "        Py_DECREF(it);\n        return NULL;\n    }\n    Py_DECREF(o);\n}\nPy_DECREF(it);\n"
            "if (PyErr_Occurred()) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL401", "o")],
            id="iterated-leak",
        ),
        pytest.param(
            "PyObject *it = PyObject_GetIter(arg), *o;\nif (it == NULL) {\n    return NULL;\n}\n"
            "while ((o = PyIter_Next(it)) != NULL) {\n    if (PyObject_IsTrue(o) < 0) {\n"
            "        Py_DECREF(o);\n        return NULL;\n    }\n    Py_DECREF(o);\n}\nPy_DECREF(it);\n"
            "if (PyErr_Occurred()) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL401", "it")],
            id="iterated-iterator-leak",
        ),
        pytest.param(
            "PyObject *o = PyList_GET_ITEM(arg, 0);\nPyObject *r = PyObject_CallNoArgs(self);\n"
            "if (r == NULL) {\n    return NULL;\n}\nPy_DECREF(r);\nreturn PyObject_Str(o);",
            [("HL409", "o")],
            id="borrowed-across-call",
        ),
        pytest.param(
            "PyObject *o = Py_NewRef(PyList_GET_ITEM(arg, 0));\nPyObject *r = PyObject_CallNoArgs(self);\n"
            "if (r == NULL) {\n    Py_DECREF(o);\n    return NULL;\n}\nPy_DECREF(r);\nr = PyObject_Str(o);\n"
            "Py_DECREF(o);\nreturn r;",
            [],
            id="borrowed-kept-across-call",
        ),
        pytest.param(
            "PyObject *o = PyObject_Str(arg);\nif (o == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(o);\no = PyObject_Repr(arg);\nreturn o;",
            [("HL402", "o")],
            id="overwritten",
        ),
        pytest.param(
            "PyObject *t = PyTuple_New(1), *o = PyObject_Str(arg);\nif (t == NULL || o == NULL) {\n"
            "    Py_XDECREF(o);\n    return NULL;\n}\nPyTuple_SET_ITEM(t, 0, o);\nreturn t;",
            [("HL401", "t")],
            id="tuple-leak",
        ),
        pytest.param(
            "PyObject *o = PyObject_Str(arg);\nif (o == NULL) {\n    return NULL;\n}\n"
            'if (PyDict_SetItemString(self, "x", o) < 0) {\n    Py_DECREF(o);\n    return NULL;\n}\n'
            "Py_DECREF(o);\nPy_RETURN_NONE;",
            [],
            id="dict-kept",
        ),
        pytest.param(
            "PyObject *o = PyObject_Str(arg);\nif (o == NULL) {\n    return NULL;\n}\n"
            'if (PyDict_SetItemString(self, "x", o) < 0) {\n    return NULL;\n}\nPy_DECREF(o);\n'
            "Py_RETURN_NONE;",
            [("HL401", "o")],
            id="dict-leak",
        ),
        pytest.param(
            "PyObject *o = PyObject_Str(arg);\nif (o == NULL) {\n    return NULL;\n}\n"
            'int r = PyDict_SetItemString(self, "x", o);\nif (r < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;',
            [("HL401", "o"), ("HL401", "o")],
            id="dict-kept-leak",
        ),
    ],
)
def test_results(body: str, found: list[tuple[str, str | None]]) -> None:
    assert in_run(body) == found
