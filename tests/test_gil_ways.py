"""The GIL where it is released under a condition: which ways lead where (HL605, HL606)."""

from __future__ import annotations

import pytest
from reading import findings
from test_paths import method, module

HELD = "PyThreadState *ts = NULL;\nint n = PyObject_IsTrue(arg), m = PyObject_IsTrue(self);\n"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (n) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="same",
        ),
        pytest.param(
            "if (n == 1) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (n == 1) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="same-equal",
        ),
        pytest.param(
            "if (!n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (!n) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="not-not",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (n != 0) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="compare-zero",
        ),
        pytest.param(
            "if (ts == NULL) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (ts != NULL) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="compare-null",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (ts) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="by-state",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (ts != NULL) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="by-state-null",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (m) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="other",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (!n) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="opposite",
        ),
        pytest.param(
            "if (n && m) {\n    ts = PyEval_SaveThread();\n}\nwork();\nif (n && m) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="and",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nwork();\nn = 0;\nif (n) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="changed",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nn++;\nif (n) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="counted",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nchange(&n);\nif (n) {\n    PyEval_RestoreThread(ts);\n"
            "}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="given",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nif (!n) {\n    PyList_Append(arg, self);\n}\nif (n) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPy_RETURN_NONE;",
            [],
            id="needs-inside",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nif (n) {\n    PyList_Append(arg, self);\n}\nif (n) {\n"
            "    PyEval_RestoreThread(ts);\n}\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="needs-inside-wrong",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n    work();\n    PyEval_RestoreThread(ts);\n}\nelse {\n"
            "    PyList_Append(arg, self);\n}\nPy_RETURN_NONE;",
            [],
            id="else-branch",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n}\nelse {\n    ts = PyEval_SaveThread();\n}\n"
            "PyList_Append(arg, self);\nPyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="both-branches",
        ),
        pytest.param(
            "if (n) {\n    ts = PyEval_SaveThread();\n    if (m) {\n        return NULL;\n    }\n"
            "    PyEval_RestoreThread(ts);\n}\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="return-inside",
        ),
        pytest.param(
            "while (n) {\n    ts = PyEval_SaveThread();\n    n = work();\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="while",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\ndo {\n    n = work();\n} while (n);\nPyList_Append(arg, self);\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="do",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\nswitch (n) {\ncase 1:\n    PyEval_RestoreThread(ts);\n    break;\n"
            "default:\n    PyEval_RestoreThread(ts);\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="switch",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\nswitch (n) {\ncase 1:\n    work();\ncase 2:\n    work();\n}\n"
            "PyList_Append(arg, self);\nPyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="switch-falls",
        ),
        pytest.param(
            "ts = n ? PyEval_SaveThread() : NULL;\nwork();\nif (n) {\n    PyEval_RestoreThread(ts);\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="conditional",
        ),
        pytest.param(
            "again:\nts = PyEval_SaveThread();\nn = work();\nPyEval_RestoreThread(ts);\nif (n) {\n"
            "    goto again;\n}\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="goto-back",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\nn && PyList_Append(arg, self);\nPyEval_RestoreThread(ts);\n"
            "Py_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="and-call",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\nwork(PyLong_AsLong(arg));\nPyEval_RestoreThread(ts);\n"
            "Py_RETURN_NONE;",
            [("HL605", "PyLong_AsLong")],
            id="in-argument",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\nif (PyObject_IsTrue(arg) > 0) {\n    work();\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [("HL605", "PyObject_IsTrue")],
            id="in-condition",
        ),
        pytest.param(
            "ts = PyEval_SaveThread();\nreturn PyObject_Str(arg);",
            [("HL606", "PyEval_SaveThread"), ("HL605", "PyObject_Str")],
            id="in-return",
        ),
    ],
)
def test_ways_through_a_function(body: str, found: list[tuple[str, str]]) -> None:
    """Conditions that are asked again go the same way, unless what they ask has changed in between."""
    reports = findings(module(method(HELD + body)))
    assert [(one.rule, one.item) for one in reports if one.rule in ("HL605", "HL606")] == found
