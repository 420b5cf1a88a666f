"""The analysis along paths on small idioms of C, and on helpers that give, take or keep: what each of them leads to."""

from __future__ import annotations

import pytest
from test_paths import in_run, method, subjects


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\n(void)PyObject_Repr(a);\nreturn a;",
            [("HL401", "PyObject_Repr")],
            id="void-cast-drops",
        ),
        pytest.param(
            "PyObject *a, *b;\na = PyObject_Str(arg), b = PyObject_Repr(arg);\n"
            "if (a == NULL || b == NULL) {\n    Py_XDECREF(a);\n    return NULL;\n}\nPy_DECREF(b);\nreturn a;",
            [("HL401", "b")],
            id="comma-statement-leak",
        ),
        pytest.param(
            "PyObject *a, *b;\na = PyObject_Str(arg), b = PyObject_Repr(arg);\n"
            "if (a == NULL || b == NULL) {\n    Py_XDECREF(a);\n    Py_XDECREF(b);\n    return NULL;\n}\n"
            "Py_DECREF(b);\nreturn a;",
            [],
            id="comma-statement",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nn++, Py_DECREF(a);\nPy_RETURN_NONE;",
            [],
            id="comma-releases",
        ),
        pytest.param(
            "PyObject *a;\nif (a = PyObject_Str(arg), a == NULL) {\n    return NULL;\n}\nreturn a;",
            [],
            id="comma-condition",
        ),
        pytest.param(
            "PyObject *a;\nif (a = PyObject_Str(arg), PyUnicode_GET_LENGTH(a) > 1) {\n    return a;\n}\n"
            "Py_RETURN_NONE;",
            [("HL501", "a"), ("HL401", "a")],
            id="comma-condition-leak",
        ),
        pytest.param(
            "PyObject *a = (PyErr_Clear(), PyObject_Str(arg));\nreturn a;",
            [],
            id="comma-value",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nassert(a != NULL);\nPy_ssize_t n = PyUnicode_GET_LENGTH(a);\n"
            "Py_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="asserted",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nassert(self != NULL);\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [("HL501", "a")],
            id="asserted-other",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nassert(PyUnicode_Check(a));\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [("HL501", "a")],
            id="asserted-checked",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\n_PyObject_ASSERT(self, a != NULL);\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="object-asserted",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    abort();\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="aborts",
        ),
        pytest.param(
            'PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    Py_FatalError("no");\n}\n'
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="fatal",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\na ? Py_DECREF(a) : PyErr_Clear();\nPy_RETURN_NONE;",
            [],
            id="conditional-statement",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nn > 3 ? Py_DECREF(a) : PyErr_Clear();\n"
            "Py_RETURN_NONE;",
            [("HL401", "a")],
            id="conditional-statement-leak",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nn > 3 && PyList_Append(self, a) < 0;\nreturn a;",
            [("HL602", "PyList_Append")],
            id="and-statement",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nn > 3 || PyObject_IsTrue(a);\nPy_RETURN_NONE;",
            [("HL401", "a")],
            id="or-statement-leak",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nif (1) {\n    Py_DECREF(a);\n}\nPy_RETURN_NONE;",
            [],
            id="constant-true",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nif (0) {\n    Py_DECREF(a);\n}\nPy_RETURN_NONE;",
            [("HL401", "a")],
            id="constant-false",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nwhile (1) {\n    if (PyObject_IsTrue(arg)) {\n"
            "        break;\n    }\n}\nreturn a;",
            [],
            id="while-true",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nwhile (1) {\n    if (PyObject_IsTrue(arg)) {\n"
            "        break;\n    }\n}\nPy_RETURN_NONE;",
            [("HL401", "a")],
            id="while-true-leak",
        ),
        pytest.param(
            "PyObject *a = NULL;\ndo {\n    a = PyObject_Str(arg);\n    if (a == NULL) {\n        break;\n"
            "    }\n    Py_DECREF(a);\n    Py_RETURN_TRUE;\n} while (0);\nreturn NULL;",
            [],
            id="do-once",
        ),
        pytest.param(
            "PyObject *a = NULL;\ndo {\n    a = PyObject_Str(arg);\n"
            "    if (a == NULL || PyUnicode_GET_LENGTH(a) > 1) {\n        break;\n    }\n    Py_DECREF(a);\n"
            "    Py_RETURN_TRUE;\n} while (0);\nreturn NULL;",
            [("HL401", "a"), ("HL601", None)],
            id="do-once-leak",
        ),
        pytest.param(
            "for (int i = 0; i < 3; i++) {\n    PyObject *a = PyObject_Str(arg);\n    if (a == NULL) {\n"
            "        return NULL;\n    }\n    if (PyUnicode_GET_LENGTH(a) > 1) {\n        continue;\n    }\n"
            "    Py_DECREF(a);\n}\nPy_RETURN_NONE;",
            [("HL402", "a"), ("HL401", "a")],
            id="continue-leak",
        ),
        pytest.param(
            "for (int i = 0; i < 3; i++) {\n    PyObject *a = PyObject_Str(arg);\n    if (a == NULL) {\n"
            "        return NULL;\n    }\n    if (PyUnicode_GET_LENGTH(a) > 1) {\n        Py_DECREF(a);\n"
            "        continue;\n    }\n    Py_DECREF(a);\n}\nPy_RETURN_NONE;",
            [],
            id="continue",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (__builtin_expect(a == NULL, 0)) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="likely",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (!!a) {\n    Py_ssize_t n = PyUnicode_GET_LENGTH(a);\n"
            "    Py_DECREF(a);\n    return PyLong_FromSsize_t(n);\n}\nreturn NULL;",
            [],
            id="not-not",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (!a) {\n    Py_ssize_t n = PyUnicode_GET_LENGTH(a);\n"
            "    return PyLong_FromSsize_t(n);\n}\nreturn a;",
            [("HL501", "a")],
            id="negated-wrong",
        ),
        pytest.param(
            "int ok = 0;\nPyObject *a = PyObject_Str(arg);\nif (a != NULL) {\n    ok = 1;\n}\nif (ok) {\n"
            "    Py_DECREF(a);\n    Py_RETURN_NONE;\n}\nreturn NULL;",
            [],
            id="flag",
        ),
        pytest.param(
            "int ok = 0;\nPyObject *a = PyObject_Str(arg);\nif (a != NULL) {\n    ok = 1;\n}\nif (!ok) {\n"
            "    Py_DECREF(a);\n    Py_RETURN_NONE;\n}\nreturn NULL;",
            [("HL501", "a"), ("HL401", "a"), ("HL601", None)],
            id="flag-wrong",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nint failed = (a == NULL);\nif (failed) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="bool-of-compare",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nint failed = !a;\nif (failed) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="value-not",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nint fine = !a;\nif (fine) {\n    return a;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nreturn PyLong_FromSsize_t(n);",
            [("HL401", "a")],
            id="value-not-wrong",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg), *b = PyObject_Repr(arg);\nint both = a && b;\nif (!both) {\n"
            "    Py_XDECREF(a);\n    Py_XDECREF(b);\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a) + PyUnicode_GET_LENGTH(b);\nPy_DECREF(a);\n"
            "Py_DECREF(b);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="value-and",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg), *b = PyObject_Repr(arg);\nint any = a || b;\nif (!any) {\n"
            "    return NULL;\n}\nPy_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_XDECREF(a);\nPy_XDECREF(b);\n"
            "return PyLong_FromSsize_t(n);",
            [("HL501", "a")],
            id="value-or",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nelsewhere(&a);\nPy_RETURN_NONE;",
            [],
            id="address-kept",
        ),
        pytest.param(
            "PyObject *all[2];\nall[0] = PyObject_Str(arg);\nif (all[0] == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(all[0]);\nreturn PyLong_FromSsize_t(n);",
            [("HL401", "all")],
            id="array-element",
        ),
        pytest.param(
            "PyObject *all[2];\nall[0] = PyObject_Str(arg);\nif (all[0] == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(all[0]);\nPy_DECREF(all[0]);\n"
            "return PyLong_FromSsize_t(n);",
            [],
            id="array-element-released",
        ),
        pytest.param(
            "struct { PyObject *it; int n; } held;\nheld.it = PyObject_Str(arg);\nif (held.it == NULL) {\n"
            "    return NULL;\n}\nheld.n = (int)PyUnicode_GET_LENGTH(held.it);\n"
            "return PyLong_FromLong(held.n);",
            [("HL401", "it")],
            id="struct-member",
        ),
        pytest.param(
            "struct { PyObject *it; int n; } held;\nheld.it = PyObject_Str(arg);\nif (held.it == NULL) {\n"
            "    return NULL;\n}\nheld.n = (int)PyUnicode_GET_LENGTH(held.it);\nPy_DECREF(held.it);\n"
            "return PyLong_FromLong(held.n);",
            [],
            id="struct-member-released",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nswitch (n) {\ncase 0:\n    Py_DECREF(a);\n"
            "    Py_RETURN_NONE;\ncase 1:\n    return a;\ndefault:\n    Py_RETURN_TRUE;\n}",
            [("HL401", "a")],
            id="switch",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nswitch (n) {\ncase 0:\n    Py_INCREF(arg);\ncase 1:\n"
            "    Py_DECREF(a);\n    break;\ndefault:\n    Py_DECREF(a);\n}\nPy_RETURN_NONE;",
            [],
            id="switch-falls",
        ),
        pytest.param(
            "PyObject *t, *v, *tb;\nPyErr_Fetch(&t, &v, &tb);\nPyObject *a = PyObject_Str(arg);\n"
            "Py_XDECREF(a);\nPyErr_Restore(t, v, tb);\nPy_RETURN_NONE;",
            [],
            id="fetch-restore",
        ),
        pytest.param(
            "PyObject *a, *b;\na = b = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(b);\nPy_DECREF(b);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="chained",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif ((a) == (PyObject *)NULL) {\n    return NULL;\n}\n"
            "return (PyObject *)a;",
            [],
            id="compound-value",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (NULL == a) {\n    return NULL;\n}\nreturn a;",
            [],
            id="mirrored",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (NULL != a) {\n    return NULL;\n}\nreturn a;",
            [("HL401", "a"), ("HL601", None)],
            id="mirrored-wrong",
        ),
        pytest.param(
            "long n = PyLong_AsLong(arg);\nif (n == -1 && PyErr_Occurred()) {\n    return NULL;\n}\n"
            "return PyLong_FromLong(n);",
            [],
            id="number-minus-one",
        ),
        pytest.param(
            "long n = PyLong_AsLong(arg);\nif (n == -1) {\n    return NULL;\n}\nreturn PyLong_FromLong(n);",
            [("HL601", None)],
            id="number-minus-one-alone",
        ),
        pytest.param(
            "long n = PyLong_AsLong(arg);\nif (PyErr_Occurred()) {\n    return NULL;\n}\n"
            "return PyLong_FromLong(n);",
            [],
            id="occurred-first",
        ),
        pytest.param(
            "PyObject *(*f)(PyObject *) = PyObject_Str;\nPyObject *a = f(arg);\nreturn a;",
            [],
            id="function-pointer",
        ),
        pytest.param(
            "PyObject *a = NULL, *b = NULL;\na = PyObject_Str(arg);\nif (a == NULL) {\n    goto done;\n}\n"
            "b = PyObject_Repr(a);\ndone:\n    Py_XDECREF(a);\n    return b;",
            [],
            id="goto-out",
        ),
        pytest.param(
            "PyObject *a = NULL, *b = NULL;\na = PyObject_Str(arg);\nif (a == NULL) {\n    goto done;\n}\n"
            "b = PyObject_Repr(a);\ndone:\n    return b;",
            [("HL401", "a")],
            id="goto-out-leak",
        ),
        pytest.param(
            "PyObject *a = NULL, *b;\na = PyObject_Str(arg);\nif (a == NULL) {\n    goto done;\n}\n"
            "b = PyObject_Repr(a);\ndone:\n    Py_XDECREF(a);\n    return b;",
            [("HL505", "b")],
            id="uninitialised-goto",
        ),
        pytest.param(
            "char *p = PyMem_Malloc(10);\nif (p == NULL) {\n    return PyErr_NoMemory();\n}\np[0] = 0;\n"
            "Py_RETURN_NONE;",
            [("HL509", "p")],
            id="memory",
        ),
        pytest.param(
            "char *p = PyMem_Malloc(10);\nif (p == NULL) {\n    return PyErr_NoMemory();\n}\np[0] = 0;\n"
            "PyMem_Free(p);\nPy_RETURN_NONE;",
            [],
            id="memory-freed",
        ),
        pytest.param(
            "char *p = PyMem_Malloc(10);\nif (p == NULL) {\n    return PyErr_NoMemory();\n}\n"
            "char *q = p + 4;\nPyMem_Free(q - 4);\nPy_RETURN_NONE;",
            [],
            id="memory-shifted",
        ),
        pytest.param(
            "char *p = PyMem_Malloc(10);\nif (p == NULL) {\n    return PyErr_NoMemory();\n}\np[0] = 0;\n"
            "free(p);\nPy_RETURN_NONE;",
            [("HL502", "p")],
            id="memory-wrong-free",
        ),
        pytest.param(
            "Py_buffer view;\nif (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0) {\n    return NULL;\n}\n"
            "Py_ssize_t n = view.len;\nif (n == 0) {\n    Py_RETURN_NONE;\n}\nPyBuffer_Release(&view);\n"
            "return PyLong_FromSsize_t(n);",
            [("HL504", "view")],
            id="buffer",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\nPy_CLEAR(a);\n"
            "Py_XDECREF(a);\nPy_RETURN_NONE;",
            [],
            id="cleared",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_SETREF(a, PyObject_Repr(arg));\nreturn a;",
            [],
            id="setref",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPyObject *b = Py_NewRef(a);\nreturn b;",
            [("HL412", "a")],
            id="newref-leak",
        ),
        pytest.param(
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPyObject *b = Py_NewRef(a);\nPy_DECREF(a);\nreturn b;",
            [],
            id="newref",
        ),
        pytest.param(
            "PyObject *a = PyTuple_GetItem(arg, 0);\nreturn a;",
            [("HL405", "a")],
            id="borrowed-returned",
        ),
        pytest.param(
            "PyObject *a = PyTuple_GetItem(arg, 0);\nPy_XINCREF(a);\nreturn a;",
            [],
            id="borrowed-kept",
        ),
        pytest.param(
            "if (PyObject_IsTrue(arg) == 1) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL601", None)],
            id="null-without-exception",
        ),
        pytest.param(
            "PyObject *a = PyList_New(0);\nif (a == NULL || PyList_Append(a, arg) < 0) {\n"
            "    Py_XDECREF(a);\n    return NULL;\n}\nPy_DECREF(a);\nPy_DECREF(a);\nPy_RETURN_NONE;",
            [("HL406", "a")],
            id="list-double",
        ),
        pytest.param(
            "PyObject *a = PyList_New(0);\nif (a == NULL || PyList_Append(a, arg) < 0) {\n"
            "    Py_XDECREF(a);\n    return NULL;\n}\nPy_DECREF(a);\nPy_ssize_t n = PyList_GET_SIZE(a);\n"
            "return PyLong_FromSsize_t(n);",
            [("HL403", "a")],
            id="list-after",
        ),
    ],
)
def test_statements_and_conditions(body: str, found: list[tuple[str, str | None]]) -> None:
    assert in_run(body) == found


@pytest.mark.parametrize(
    ("helper", "body", "found"),
    [
        pytest.param(
            "static int\nget(PyObject *from, PyObject **out)\n{\n*out = PyObject_Str(from);\n"
            "if (*out == NULL) {\n    return -1;\n}\nreturn 0;\n}\n",
            "PyObject *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nreturn PyLong_FromSsize_t(n);",
            [("HL401", "run", "a")],
            id="out-new-leak",
        ),
        pytest.param(
            "static int\nget(PyObject *from, PyObject **out)\n{\n*out = PyObject_Str(from);\n"
            "if (*out == NULL) {\n    return -1;\n}\nreturn 0;\n}\n",
            "PyObject *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="out-new",
        ),
        pytest.param(
            "static int\nget(PyObject *from, PyObject **out)\n{\n*out = PyObject_Str(from);\n"
            "if (*out == NULL) {\n    return -1;\n}\nreturn 0;\n}\n",
            "PyObject *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\nreturn a;",
            [],
            id="out-new-returned",
        ),
        pytest.param(
            "static int\nget(PyObject *from, PyObject **out)\n{\n*out = PyTuple_GetItem(from, 0);\n"
            "if (*out == NULL) {\n    return -1;\n}\nreturn 0;\n}\n",
            "PyObject *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\nreturn Py_NewRef(a);",
            [],
            id="out-borrowed-kept",
        ),
        pytest.param(
            "static int\nget(PyObject *from, PyObject **out)\n{\n*out = NULL;\nreturn 0;\n}\n",
            "PyObject *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\nPy_XDECREF(a);\n"
            "Py_RETURN_NONE;",
            [],
            id="out-null",
        ),
        pytest.param(
            "static int\nget(PyObject *from, PyObject **out)\n{\n*out = NULL;\nif (PyList_Check(from)) {\n"
            "    return 0;\n}\n*out = PyObject_Str(from);\nreturn *out == NULL ? -1 : 0;\n}\n",
            "PyObject *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [("HL501", "run", "a")],
            id="out-sometimes",
        ),
        pytest.param(
            "static int\nget(PyObject *from, char **out)\n{\n*out = PyMem_Malloc(8);\nif (*out == NULL) {\n"
            "    PyErr_NoMemory();\n    return -1;\n}\nreturn 0;\n}\n",
            "char *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\na[0] = 1;\nPy_RETURN_NONE;",
            [("HL509", "run", "a")],
            id="out-memory-leak",
        ),
        pytest.param(
            "static int\nget(PyObject *from, char **out)\n{\n*out = PyMem_Malloc(8);\nif (*out == NULL) {\n"
            "    PyErr_NoMemory();\n    return -1;\n}\nreturn 0;\n}\n",
            "char *a = NULL;\nif (get(arg, &a) < 0) {\n    return NULL;\n}\na[0] = 1;\nPyMem_Free(a);\n"
            "Py_RETURN_NONE;",
            [],
            id="out-memory",
        ),
        pytest.param(
            "static PyObject *\nmake(PyObject *x)\n{\nreturn PyObject_Str(x);\n}\n",
            "PyObject *a = make(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nreturn PyLong_FromSsize_t(n);",
            [("HL401", "run", "a")],
            id="result-new",
        ),
        pytest.param(
            "static PyObject *\nmake(PyObject *x)\n{\nreturn PyObject_Str(x);\n}\n",
            "PyObject *a = make(arg);\nPy_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\n"
            "return PyLong_FromSsize_t(n);",
            [("HL501", "run", "a")],
            id="result-unchecked",
        ),
        pytest.param(
            "static PyObject *\nsame(PyObject *x)\n{\nreturn x;\n}\n",
            "PyObject *a = same(arg);\nreturn a;",
            [("HL405", "run", "arg")],
            id="result-argument",
        ),
        pytest.param(
            "static PyObject *\nsame(PyObject *x)\n{\nreturn x;\n}\n",
            "PyObject *b = PyObject_Str(arg);\nif (b == NULL) {\n    return NULL;\n}\nPyObject *a = same(b);\n"
            "return a;",
            [],
            id="result-argument-new",
        ),
        pytest.param(
            "static PyObject *\nsame(PyObject *x)\n{\nPy_INCREF(x);\nreturn x;\n}\n",
            "PyObject *a = same(arg);\nreturn a;",
            [],
            id="result-argument-taken",
        ),
        pytest.param(
            "static int\neat(PyObject *x)\n{\nint n = PyObject_IsTrue(x);\nPy_DECREF(x);\nreturn n;\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\nif (eat(a) < 0) {\n"
            "    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="steals",
        ),
        pytest.param(
            "static int\neat(PyObject *x)\n{\nint n = PyObject_IsTrue(x);\nPy_DECREF(x);\nreturn n;\n}\n",
            "PyObject *a = PyList_New(0);\nif (a == NULL) {\n    return NULL;\n}\nif (eat(a) < 0) {\n"
            "    return NULL;\n}\nPy_DECREF(a);\nPy_RETURN_NONE;",
            [("HL406", "run", "a")],
            id="steals-twice",
        ),
        pytest.param(
            "static int\neat(PyObject *x)\n{\nif (PyObject_IsTrue(x) < 0) {\n    return -1;\n}\nPy_DECREF(x);\n"
            "return 0;\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\nif (eat(a) < 0) {\n"
            "    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL401", "run", "a")],
            id="steals-on-success",
        ),
        pytest.param(
            "static int\neat(PyObject *x)\n{\nif (PyObject_IsTrue(x) < 0) {\n    return -1;\n}\nPy_DECREF(x);\n"
            "return 0;\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\nif (eat(a) < 0) {\n"
            "    Py_DECREF(a);\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="steals-on-success-released",
        ),
        pytest.param(
            "static int\neat(PyObject *x)\n{\nif (PyList_Check(x)) {\n"
            '    PyErr_SetString(PyExc_TypeError, "list");\n    return -1;\n}\n'
            "if (PyObject_IsTrue(x) < 0) {\n    Py_DECREF(x);\n    return -1;\n}\nPy_DECREF(x);\nreturn 0;\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\nif (eat(a) < 0) {\n"
            "    return NULL;\n}\nPy_RETURN_NONE;",
            [("HL401", "eat", "x"), ("HL401", "run", "a")],
            id="at-times",
        ),
        pytest.param(
            "static char *\nroom(int n)\n{\nchar *p = malloc(n);\nif (p == NULL) {\n    PyErr_NoMemory();\n}\n"
            "return p;\n}\n",
            "char *p = room(3);\nif (p == NULL) {\n    return NULL;\n}\nfree(p);\nPy_RETURN_NONE;",
            [],
            id="loud-helper",
        ),
        pytest.param(
            "static int\ncheck(PyObject *x)\n{\nif (!PyList_Check(x)) {\n"
            '    PyErr_SetString(PyExc_TypeError, "no list");\n    return -1;\n}\nreturn 0;\n}\n',
            "if (check(arg) < 0) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="code",
        ),
        pytest.param(
            "static int\ncheck(PyObject *x)\n{\nif (!PyList_Check(x)) {\n"
            '    PyErr_SetString(PyExc_TypeError, "no list");\n    return -1;\n}\nreturn 0;\n}\n',
            "if (check(arg) < 0) {\n    PyErr_Clear();\n    Py_RETURN_FALSE;\n}\nPy_RETURN_NONE;",
            [],
            id="code-cleared",
        ),
        pytest.param(
            "static PyObject *\nmake(PyObject *x, int keep)\n{\nif (keep) {\n    return Py_NewRef(x);\n}\n"
            "return x;\n}\n",
            "return make(arg, 0);",
            [("HL405", "run", "arg")],
            id="flag-not-given",
        ),
        pytest.param(
            "enum { FINE, BROKEN };\nstatic int\ncheck(PyObject *x)\n{\nif (PyObject_IsTrue(x) < 0) {\n"
            "    return BROKEN;\n}\nreturn FINE;\n}\n",
            "if (check(arg) == BROKEN) {\n    return NULL;\n}\nPy_RETURN_NONE;",
            [],
            id="symbol",
        ),
        pytest.param(
            "static PyObject *kept;\nstatic void\nkeep(PyObject *x)\n{\nkept = x;\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\nkeep(a);\n"
            "Py_RETURN_NONE;",
            [],
            id="keeps",
        ),
        pytest.param(
            "static void\nlook(PyObject *x)\n{\nPyObject_Print(x, stderr, 0);\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nlook(a);\nPy_RETURN_NONE;",
            [("HL401", "run", "a")],
            id="looks",
        ),
        pytest.param(
            "static Py_ssize_t\nlength(PyObject *x)\n{\nreturn PyUnicode_GET_LENGTH(x);\n}\n",
            "PyObject *a = PyObject_Str(arg);\nPy_ssize_t n = length(a);\nPy_DECREF(a);\n"
            "return PyLong_FromSsize_t(n);",
            [("HL501", "run", "a")],
            id="wants-no-null",
        ),
        pytest.param(
            "static Py_ssize_t\nlength(PyObject *x)\n{\nreturn x ? PyUnicode_GET_LENGTH(x) : 0;\n}\n",
            "PyObject *a = PyObject_Str(arg);\nPy_ssize_t n = length(a);\nif (a == NULL) {\n"
            "    return NULL;\n}\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="takes-null",
        ),
        pytest.param(
            "static void\nfail(void)\n{\nabort();\n}\n",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    fail();\n}\n"
            "Py_ssize_t n = PyUnicode_GET_LENGTH(a);\nPy_DECREF(a);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="never-returns",
        ),
        pytest.param(
            "",
            "PyObject *t = PyTuple_New(1), *a = PyList_New(0);\nif (t == NULL || a == NULL) {\n"
            "    Py_XDECREF(t);\n    Py_XDECREF(a);\n    return NULL;\n}\nPyTuple_SET_ITEM(t, 0, a);\n"
            "Py_DECREF(a);\nreturn t;",
            [("HL407", "run", "a")],
            id="stolen-reused",
        ),
        pytest.param(
            "",
            "PyObject *t = PyTuple_New(1), *a = PyList_New(0);\nif (t == NULL || a == NULL) {\n"
            "    Py_XDECREF(t);\n    Py_XDECREF(a);\n    return NULL;\n}\nPyTuple_SET_ITEM(t, 0, a);\n"
            "return t;",
            [],
            id="stolen",
        ),
        pytest.param(
            "",
            "PyObject *t = PyTuple_New(1);\nif (t == NULL) {\n    return NULL;\n}\n"
            "PyTuple_SET_ITEM(t, 0, arg);\nreturn t;",
            [("HL404", "run", "arg")],
            id="stolen-borrowed",
        ),
        pytest.param(
            "",
            "PyObject *t = PyTuple_New(1);\nif (t == NULL) {\n    return NULL;\n}\n"
            "PyTuple_SET_ITEM(t, 0, Py_NewRef(arg));\nreturn t;",
            [],
            id="stolen-kept",
        ),
        pytest.param(
            "",
            "PyObject *t = PyList_New(0);\nif (t == NULL) {\n    return NULL;\n}\n"
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL || PyList_Append(t, a) < 0) {\n"
            "    Py_XDECREF(a);\n    Py_DECREF(t);\n    return NULL;\n}\nreturn t;",
            [("HL401", "run", "a")],
            id="appended-leak",
        ),
        pytest.param(
            "",
            "PyObject *t = PyList_New(0);\nif (t == NULL) {\n    return NULL;\n}\n"
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL || PyList_Append(t, a) < 0) {\n"
            "    Py_XDECREF(a);\n    Py_DECREF(t);\n    return NULL;\n}\nPy_DECREF(a);\nreturn t;",
            [],
            id="appended",
        ),
        pytest.param(
            "",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            'return Py_BuildValue("(N)", a);',
            [],
            id="build-N",
        ),
        pytest.param(
            "",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            'return Py_BuildValue("(O)", a);',
            [("HL401", "run", "a")],
            id="build-O",
        ),
        pytest.param(
            "",
            "PyObject *a = PyObject_Str(arg);\nif (a == NULL) {\n    return NULL;\n}\n"
            'PyObject *b = Py_BuildValue("(O)", a);\nPy_DECREF(a);\nreturn b;',
            [],
            id="build-O-released",
        ),
        pytest.param(
            "",
            'PyObject *a;\nif (!PyArg_ParseTuple(arg, "O", &a)) {\n    return NULL;\n}\nreturn a;',
            [("HL405", "run", "a")],
            id="parsed-borrowed",
        ),
        pytest.param(
            "",
            'PyObject *a;\nif (!PyArg_ParseTuple(arg, "O", &a)) {\n    return NULL;\n}\nreturn Py_NewRef(a);',
            [],
            id="parsed-kept",
        ),
        pytest.param(
            "",
            'char *s = NULL;\nif (!PyArg_ParseTuple(arg, "es", "utf-8", &s)) {\n    return NULL;\n}\n'
            "PyObject *r = PyUnicode_FromString(s);\nreturn r;",
            [("HL509", "run", "s")],
            id="parsed-memory",
        ),
        pytest.param(
            "",
            'char *s = NULL;\nif (!PyArg_ParseTuple(arg, "es", "utf-8", &s)) {\n    return NULL;\n}\n'
            "PyObject *r = PyUnicode_FromString(s);\nPyMem_Free(s);\nreturn r;",
            [],
            id="parsed-memory-freed",
        ),
        pytest.param(
            "",
            'Py_buffer b;\nif (!PyArg_ParseTuple(arg, "y*", &b)) {\n    return NULL;\n}\n'
            "Py_ssize_t n = b.len;\nreturn PyLong_FromSsize_t(n);",
            [("HL504", "run", "b")],
            id="parsed-buffer",
        ),
        pytest.param(
            "",
            'Py_buffer b;\nif (!PyArg_ParseTuple(arg, "y*", &b)) {\n    return NULL;\n}\n'
            "Py_ssize_t n = b.len;\nPyBuffer_Release(&b);\nreturn PyLong_FromSsize_t(n);",
            [],
            id="parsed-buffer-released",
        ),
        pytest.param(
            "",
            "char *p = malloc(3);\nif (p == NULL) {\n    return PyErr_NoMemory();\n}\np = realloc(p, 10);\n"
            "if (p == NULL) {\n    return PyErr_NoMemory();\n}\nfree(p);\nPy_RETURN_NONE;",
            [("HL503", "run", "p")],
            id="realloc",
        ),
        pytest.param(
            "",
            "char *p = malloc(3);\nif (p == NULL) {\n    return PyErr_NoMemory();\n}\n"
            "char *q = realloc(p, 10);\nif (q == NULL) {\n    free(p);\n    return PyErr_NoMemory();\n}\n"
            "free(q);\nPy_RETURN_NONE;",
            [],
            id="realloc-kept",
        ),
    ],
)
def test_what_helpers_do_is_seen(helper: str, body: str, found: list[tuple[str, str | None, str | None]]) -> None:
    assert subjects(helper + method(body)) == found
