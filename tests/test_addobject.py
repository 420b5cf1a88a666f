"""PyModule_AddObject takes a reference over only when it succeeds: which references leak when it fails (HL408)."""

from __future__ import annotations

import pytest
from reading import findings

HEAD = """
#include <Python.h>
static PyObject *kept;
static PyTypeObject Plain = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Plain", .tp_flags = Py_TPFLAGS_DEFAULT};
typedef struct { PyObject *error; } State;
static void drop(PyObject *o) { Py_XDECREF(o); }
static void look(PyObject *o) { PyObject_Print(o, stderr, 0); }
static void keep(PyObject *o) { kept = o; }
"""


def leaks(body: str, before: str = "") -> list[tuple[str | None, str]]:
    """Item and severity of what is reported of a function that fills a module."""
    text = f"{HEAD}{before}\nstatic int\nfill(PyObject *m)\n{{\n{body}\n}}\n"
    return [(one.item, one.severity) for one in findings(text) if one.rule == "HL408"]


@pytest.mark.parametrize(
    ("helper", "gives"),
    [
        pytest.param(
            "static PyObject *make(PyObject *m) { return PyLong_FromLong(1); }",
            True,
            id="passes-on",
        ),
        pytest.param(
            "static PyObject *inner(PyObject *m) { return PyList_New(0); }\n"
            "static PyObject *make(PyObject *m) { return inner(m); }",
            True,
            id="through-another",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { PyObject *o = PyList_New(0); if (o == NULL) { return NULL; } return o; }",
            True,
            id="local",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { PyObject *o = NULL; o = (PyObject *)PyDict_New(); return o; }",
            True,
            id="local-assigned",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { PyObject *o = (PyObject *)PyObject_New(PyObject, &Plain); return o; }",
            True,
            id="instance",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { return Plain.tp_alloc(&Plain, 0); }",
            True,
            id="tp_alloc",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { static PyObject *o = NULL; if (!o) { o = PyList_New(0); } return o; }",
            False,
            id="static-local",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { kept = PyList_New(0); return kept; }",
            False,
            id="global",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { PyObject *o = PyList_New(0); kept = o; return o; }",
            False,
            id="stored-too",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { PyObject *o = PyList_New(0); if (m) { o = kept; } return o; }",
            False,
            id="sometimes-borrowed",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { if (m) { return kept; } return PyList_New(0); }",
            False,
            id="one-way-borrowed",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { return m; }",
            False,
            id="parameter",
        ),
        pytest.param(
            "static int make_n(void) { return 1; }\n"
            "static PyObject *make(PyObject *m) { return PyLong_FromLong(make_n()); }",
            True,
            id="number",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { return NULL; }",
            False,
            id="null",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { return PyModule_GetDict(m); }",
            False,
            id="borrowed-api",
        ),
    ],
)
def test_what_a_helper_gives_is_a_new_reference_or_not(helper: str, gives: bool) -> None:
    assert leaks('return PyModule_AddObject(m, "a", make(m));', helper) == ([("a", "warning")] if gives else [])
    checked = "PyObject *o = make(m);\nif (o == NULL) {\n    return -1;\n}\n"
    for call in ('return PyModule_AddObject(m, "a", o);', 'if (PyModule_AddObject(m, "a", o) < 0) {\n    return -1;\n}\nreturn 0;'):
        assert leaks(checked + call, helper) == ([("o", "warning")] if gives else [])


@pytest.mark.parametrize(
    ("body", "leaked"),
    [
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    Py_XDECREF(o);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="released",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    drop(o);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="released-by-helper",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    look(o);\n'
            "    return -1;\n}\nreturn 0;",
            [("o", "warning")],
            id="helper-looks-only",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    keep(o);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="helper-keeps",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    elsewhere(o);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="unknown-helper",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n'
            "    PyObject_Print(o, stderr, 0);\n    return -1;\n}\nreturn 0;",
            [("o", "warning")],
            id="api-looks",
        ),
        pytest.param(
            'PyObject *t = PyTuple_New(1), *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n'
            "    PyTuple_SetItem(t, 0, o);\n    Py_DECREF(t);\n    return -1;\n}\nPy_DECREF(t);\nreturn 0;",
            [],
            id="stolen",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nint rc = PyModule_AddObject(m, "a", o);\nif (rc < 0) {\n'
            "    Py_DECREF(o);\n}\nreturn rc;",
            [],
            id="returned-code",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nint rc = PyModule_AddObject(m, "a", o);\nreturn rc;',
            [("o", "warning")],
            id="returned-code-leak",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nint rc = PyModule_AddObject(m, "a", o);\nif (rc == 0) {\n'
            "    return 0;\n}\nPy_DECREF(o);\nreturn -1;",
            [],
            id="code-negated",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nint rc = PyModule_AddObject(m, "a", o);\nif (rc == 0) {\n'
            "    Py_DECREF(o);\n    return 0;\n}\nreturn -1;",
            [("o", "warning")],
            id="code-wrong-way",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    goto fail;\n}\n'
            "return 0;\nfail:\n    Py_DECREF(o);\n    return -1;",
            [],
            id="goto",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    goto fail;\n}\n'
            "return 0;\nfail:\n    Py_DECREF(m);\n    return -1;",
            [("o", "warning")],
            id="goto-leak",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nPyModule_AddObject(m, "a", o);\nreturn 0;',
            [("o", "warning")],
            id="ignored",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\n(void)PyModule_AddObject(m, "a", o);\nreturn 0;',
            [("o", "warning")],
            id="void",
        ),
        pytest.param(
            'Py_INCREF(kept);\nif (PyModule_AddObject(m, "a", kept) < 0) {\n    return -1;\n}\nreturn 0;',
            [("kept", "warning")],
            id="incref-before",
        ),
        pytest.param(
            'Py_INCREF(kept);\nif (PyModule_AddObject(m, "a", kept) < 0) {\n    Py_DECREF(kept);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="incref-before-released",
        ),
        pytest.param(
            'if (PyModule_AddObject(m, "a", Py_NewRef(kept)) < 0) {\n    return -1;\n}\nreturn 0;',
            [("kept", "warning")],
            id="newref",
        ),
        pytest.param(
            'if (PyModule_AddObject(m, "a", Py_NewRef(kept)) < 0) {\n    Py_DECREF(kept);\n    return -1;\n}\n'
            "return 0;",
            [],
            id="newref-released",
        ),
        pytest.param(
            'PyModule_AddObject(m, "a", kept);\nPy_INCREF(kept);\nreturn 0;',
            [("kept", "warning")],
            id="incref-after-ignored",
        ),
        pytest.param(
            'return PyModule_AddObject(m, "a", kept);',
            [],
            id="borrowed",
        ),
        pytest.param(
            'Py_INCREF(Py_None);\nreturn PyModule_AddObject(m, "a", Py_None);',
            [],
            id="singleton",
        ),
        pytest.param(
            'return PyModule_AddObject(m, "a", PyBool_FromLong(1));',
            [],
            id="bool",
        ),
        pytest.param(
            'Py_INCREF(PyExc_ValueError);\nreturn PyModule_AddObject(m, "a", PyExc_ValueError);',
            [],
            id="of-the-interpreter",
        ),
        pytest.param(
            'Py_INCREF(&PyList_Type);\nreturn PyModule_AddObject(m, "a", (PyObject *)&PyList_Type);',
            [],
            id="builtin-type",
        ),
        pytest.param(
            'Py_INCREF(&Plain);\nif (PyModule_AddObject(m, "a", (PyObject *)&Plain) < 0) {\n    return -1;\n}\n'
            "return 0;",
            [],
            id="static-type-checked",
        ),
        pytest.param(
            'Py_INCREF(&Plain);\nPyModule_AddObject(m, "a", (PyObject *)&Plain);\nreturn 0;',
            [("Plain", "note")],
            id="static-type-ignored",
        ),
        pytest.param(
            'PyObject *o = Py_True;\nPy_INCREF(o);\nreturn PyModule_AddObject(m, "a", o);',
            [],
            id="singleton-variable",
        ),
        pytest.param(
            "PyObject *o = Py_True;\nif (kept) {\n    o = PyList_New(0);\n}\nPy_INCREF(o);\n"
            'return PyModule_AddObject(m, "a", o);',
            [("o", "warning")],
            id="sometimes-singleton",
        ),
        pytest.param(
            'PyObject *o;\nif (PyModule_AddObject(m, "a", o = PyList_New(0)) < 0) {\n    return -1;\n}\n'
            "return 0;",
            [("o", "warning")],
            id="assigned-in-argument",
        ),
        pytest.param(
            'kept = PyErr_NewException("m.E", NULL, NULL);\nif (PyModule_AddObject(m, "a", kept) < 0) {\n'
            "    return -1;\n}\nreturn 0;",
            [("kept", "warning")],
            id="into-global",
        ),
        pytest.param(
            'kept = PyErr_NewException("m.E", NULL, NULL);\nPy_INCREF(kept);\n'
            'if (PyModule_AddObject(m, "a", kept) < 0) {\n    return -1;\n}\nreturn 0;',
            [("kept", "warning")],
            id="into-global-incref",
        ),
        pytest.param(
            'kept = PyErr_NewException("m.E", NULL, NULL);\nPy_INCREF(kept);\n'
            'if (PyModule_AddObject(m, "a", kept) < 0) {\n    Py_DECREF(kept);\n    return -1;\n}\nreturn 0;',
            [],
            id="into-global-incref-released",
        ),
        pytest.param(
            'State *st = PyModule_GetState(m);\nst->error = PyErr_NewException("m.E", NULL, NULL);\n'
            'if (PyModule_AddObject(m, "a", st->error) < 0) {\n    return -1;\n}\nreturn 0;',
            [("error", "warning")],
            id="into-state",
        ),
        pytest.param(
            'State *st = PyModule_GetState(m);\nst->error = PyErr_NewException("m.E", NULL, NULL);\n'
            'Py_INCREF(st->error);\nif (PyModule_AddObject(m, "a", st->error) < 0) {\n    return -1;\n}\n'
            "return 0;",
            [("error", "warning")],
            id="into-state-incref",
        ),
        pytest.param(
            "for (int i = 0; i < 3; i++) {\n    PyObject *o = PyLong_FromLong(i);\n"
            '    if (PyModule_AddObject(m, "a", o) < 0) {\n        return -1;\n    }\n}\nreturn 0;',
            [("o", "warning")],
            id="loop",
        ),
        pytest.param(
            "for (int i = 0; i < 3; i++) {\n    PyObject *o = PyLong_FromLong(i);\n"
            '    if (PyModule_AddObject(m, "a", o) < 0) {\n        Py_DECREF(o);\n        return -1;\n    }\n}\n'
            "return 0;",
            [],
            id="loop-released",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (o == NULL || PyModule_AddObject(m, "a", o) < 0) {\n'
            "    Py_XDECREF(o);\n    return -1;\n}\nreturn 0;",
            [],
            id="or",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (o == NULL || PyModule_AddObject(m, "a", o) < 0) {\n'
            "    return -1;\n}\nreturn 0;",
            [("o", "warning")],
            id="or-leak",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nreturn PyModule_AddObject(m, "a", o) < 0 ? -1 : 0;',
            [("o", "warning")],
            id="conditional",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    Py_FatalError("no");\n'
            "}\nreturn 0;",
            [],
            id="aborts",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0), *p = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n'
            '    Py_DECREF(o);\n    Py_DECREF(p);\n    return -1;\n}\nif (PyModule_AddObject(m, "b", p) < 0) {\n'
            "    return -1;\n}\nreturn 0;",
            [("p", "warning")],
            id="twice",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0), *p = o;\nif (PyModule_AddObject(m, "a", o) < 0) {\n'
            "    Py_DECREF(p);\n    return -1;\n}\nreturn 0;",
            [],
            id="alias",
        ),
        pytest.param(
            'int rc = 0;\nPyObject *o = PyList_New(0);\nrc |= PyModule_AddObject(m, "a", o);\nreturn rc;',
            [("o", "warning")],
            id="errors-summed",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (!PyModule_AddObject(m, "a", o)) {\n    return 0;\n}\n'
            "Py_DECREF(o);\nreturn -1;",
            [],
            id="not",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (!PyModule_AddObject(m, "a", o)) {\n    return 0;\n}\nreturn -1;',
            [("o", "warning")],
            id="not-leak",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) != 0) {\n    return -1;\n}\n'
            "return 0;",
            [("o", "warning")],
            id="ne",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) == -1) {\n    Py_DECREF(o);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="eq-minus-one",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (0 > PyModule_AddObject(m, "a", o)) {\n    Py_DECREF(o);\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="mirrored",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (0 <= PyModule_AddObject(m, "a", o)) {\n    Py_DECREF(o);\n'
            "    return -1;\n}\nreturn 0;",
            [("o", "warning")],
            id="mirrored-ok",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    Py_CLEAR(o);\n}\n'
            "return o ? 0 : -1;",
            [],
            id="cleared",
        ),
        pytest.param(
            'PyObject *o = PyList_New(0);\nif (PyModule_AddObject(m, "a", o) < 0) {\n    kept = o;\n'
            "    return -1;\n}\nreturn 0;",
            [],
            id="returned-object",
        ),
    ],
)
def test_what_leaks_when_the_call_fails(body: str, leaked: list[tuple[str, str]]) -> None:
    assert leaks(body) == leaked
