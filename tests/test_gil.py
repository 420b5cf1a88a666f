"""Who holds the GIL: regions, helpers that take or give it, ways out of a region (HL605, HL606)."""

from __future__ import annotations

import pytest
from reading import findings
from test_paths import method, module


@pytest.mark.parametrize(
    ("before", "body", "found"),
    [
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nwork();\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="plain",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPyList_Append(arg, self);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="needs",
        ),
        pytest.param(
            "",
            'Py_BEGIN_ALLOW_THREADS\nif (work() < 0) {\n    PyErr_SetString(PyExc_OSError, "no");\n}\n'
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "PyErr_SetString")],
            id="error-set",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nif (work() < 0) {\n    Py_BLOCK_THREADS\n"
            '    PyErr_SetString(PyExc_OSError, "no");\n    Py_UNBLOCK_THREADS\n}\nPy_END_ALLOW_THREADS\n'
            "Py_RETURN_NONE;",
            [],
            id="blocked",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nif (work() < 0) {\n    Py_BLOCK_THREADS\n"
            "    return PyErr_SetFromErrno(PyExc_OSError);\n}\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="blocked-return",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nif (work() < 0) {\n    return NULL;\n}\nPy_END_ALLOW_THREADS\n"
            "Py_RETURN_NONE;",
            [("HL606", "Py_BEGIN_ALLOW_THREADS")],
            id="return",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nif (work() < 0) {\n    goto fail;\n}\nPy_END_ALLOW_THREADS\n"
            "Py_RETURN_NONE;\nfail:\n    return PyErr_SetFromErrno(PyExc_OSError);",
            [("HL606", "Py_BEGIN_ALLOW_THREADS")],
            id="goto-out",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nif (work() < 0) {\n    goto done;\n}\nwork();\ndone:\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="goto-inside",
        ),
        pytest.param(
            "",
            "PyThreadState *ts = PyEval_SaveThread();\nwork();\nPyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [],
            id="save",
        ),
        pytest.param(
            "",
            "PyThreadState *ts = PyEval_SaveThread();\nPyObject_Str(arg);\nPyEval_RestoreThread(ts);\n"
            "Py_RETURN_NONE;",
            [("HL605", "PyObject_Str")],
            id="save-needs",
        ),
        pytest.param(
            "",
            "PyThreadState *ts = PyEval_SaveThread();\nif (work() < 0) {\n    return NULL;\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="save-return",
        ),
        pytest.param(
            "static PyThreadState *kept;\n",
            "PyThreadState *ts = PyEval_SaveThread();\nkept = ts;\nif (work() < 0) {\n    return NULL;\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [],
            id="save-kept",
        ),
        pytest.param(
            "",
            "PyThreadState *ts = PyEval_SaveThread();\nstart(ts);\nif (work() < 0) {\n    return NULL;\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [],
            id="save-given",
        ),
        pytest.param(
            "",
            "PyThreadState *ts = PyEval_SaveThread();\nstart(&ts);\nif (work() < 0) {\n    return NULL;\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [],
            id="save-address",
        ),
        pytest.param(
            "",
            "PyThreadState *ts;\nts = PyEval_SaveThread();\nif (work() < 0) {\n    return NULL;\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [("HL606", "PyEval_SaveThread")],
            id="save-assigned",
        ),
        pytest.param(
            "",
            "static PyThreadState *ts;\nts = PyEval_SaveThread();\nif (work() < 0) {\n    return NULL;\n}\n"
            "PyEval_RestoreThread(ts);\nPy_RETURN_NONE;",
            [],
            id="save-static",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPyGILState_STATE st = PyGILState_Ensure();\nPyList_Append(arg, self);\n"
            "PyGILState_Release(st);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="ensure",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPyGILState_STATE st = PyGILState_Ensure();\nPyGILState_Release(st);\n"
            "PyList_Append(arg, self);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="ensure-after",
        ),
        pytest.param(
            "static void report(PyObject *o)\n{\n    PyErr_SetObject(PyExc_ValueError, o);\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "report")],
            id="helper",
        ),
        pytest.param(
            "static void report(PyObject *o)\n{\n    PyGILState_STATE st = PyGILState_Ensure();\n"
            "    PyErr_SetObject(PyExc_ValueError, o);\n    PyGILState_Release(st);\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="helper-takes",
        ),
        pytest.param(
            "static void inner(PyObject *o)\n{\n    PyErr_SetObject(PyExc_ValueError, o);\n}\n"
            "static void report(PyObject *o)\n{\n    inner(o);\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "report")],
            id="helper-two",
        ),
        pytest.param(
            "static void report(PyObject *o, int loud)\n{\n    if (loud) {\n"
            "        PyErr_SetObject(PyExc_ValueError, o);\n    }\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg, 0);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="helper-flag-off",
        ),
        pytest.param(
            "static void report(PyObject *o, int loud)\n{\n    if (loud) {\n"
            "        PyErr_SetObject(PyExc_ValueError, o);\n    }\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg, 1);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "report")],
            id="helper-flag-on",
        ),
        pytest.param(
            "static void report(PyObject *o, bool loud)\n{\n    if (loud) {\n"
            "        PyErr_SetObject(PyExc_ValueError, o);\n    }\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg, true);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "report")],
            id="helper-flag-true",
        ),
        pytest.param(
            "static void report(PyObject *o, bool loud)\n{\n    if (loud) {\n"
            "        PyErr_SetObject(PyExc_ValueError, o);\n    }\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(arg, false);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="helper-flag-false",
        ),
        pytest.param(
            "static void report(PyObject *o)\n{\n    if (o != NULL) {\n"
            "        PyErr_SetObject(PyExc_ValueError, o);\n    }\n}\n",
            "Py_BEGIN_ALLOW_THREADS\nreport(NULL);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="helper-flag-null",
        ),
        pytest.param(
            "static PyThreadState *begin(void)\n{\n    return PyEval_SaveThread();\n}\n"
            "static void end(PyThreadState *ts)\n{\n    PyEval_RestoreThread(ts);\n}\n",
            "PyThreadState *ts = begin();\nPyList_Append(arg, self);\nend(ts);\nPy_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="begin-helper",
        ),
        pytest.param(
            "static PyThreadState *begin(void)\n{\n    return PyEval_SaveThread();\n}\n"
            "static void end(PyThreadState *ts)\n{\n    PyEval_RestoreThread(ts);\n}\n",
            "PyThreadState *ts = begin();\nwork();\nend(ts);\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="begin-helper-fine",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nif (PyGILState_Check()) {\n    PyList_Append(arg, self);\n}\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="asked",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nself->take_gil(self);\nPyList_Append(arg, self);\nPy_END_ALLOW_THREADS\n"
            "Py_RETURN_NONE;",
            [],
            id="pointer-gil",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nself->run(self);\nPyList_Append(arg, self);\nPy_END_ALLOW_THREADS\n"
            "Py_RETURN_NONE;",
            [("HL605", "PyList_Append")],
            id="pointer-other",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nacquire_python_lock();\nPyList_Append(arg, self);\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="unknown-gil",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nTAKE_IT\nPyList_Append(arg, self);\nPy_END_ALLOW_THREADS\n"
            "Py_RETURN_NONE;",
            [],
            id="macro",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPyThreadState_Swap(NULL);\nPyList_Append(arg, self);\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="swap",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPy_BEGIN_ALLOW_THREADS\nwork();\nPy_END_ALLOW_THREADS\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "Py_BEGIN_ALLOW_THREADS"), ("HL606", "Py_END_ALLOW_THREADS")],
            id="twice",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPyMem_RawFree(PyMem_RawMalloc(3));\nPy_AtExit(0);\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="free-api",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPyMem_Free(PyMem_Malloc(3));\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "PyMem_Free"), ("HL605", "PyMem_Malloc")],
            id="mem-api",
        ),
        pytest.param(
            "",
            "void (*PyList_Append_)(void) = 0;\nPy_BEGIN_ALLOW_THREADS\nPyList_Append_();\n"
            "Py_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [],
            id="local-name",
        ),
        pytest.param(
            "",
            "for (int i = 0; i < 3; i++) {\nPy_BEGIN_ALLOW_THREADS\nwork();\nPy_END_ALLOW_THREADS\n"
            "PyList_Append(arg, self);\n}\nPy_RETURN_NONE;",
            [],
            id="loop",
        ),
        pytest.param(
            "",
            "for (int i = 0; i < 3; i++) {\nPy_BEGIN_ALLOW_THREADS\nif (work()) {\n    break;\n}\n"
            "Py_END_ALLOW_THREADS\n}\nPy_RETURN_NONE;",
            [("HL606", "Py_BEGIN_ALLOW_THREADS")],
            id="break-out",
        ),
        pytest.param(
            "",
            "if (PyObject_IsTrue(arg)) {\nPy_BEGIN_ALLOW_THREADS\nwork();\nPy_END_ALLOW_THREADS\n}\n"
            "PyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="one-branch",
        ),
        pytest.param(
            "",
            "PyEval_RestoreThread(kept());\nPyList_Append(arg, self);\nPy_RETURN_NONE;",
            [],
            id="restore-only",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nPy_DECREF(arg);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;",
            [("HL605", "Py_DECREF")],
            id="decref",
        ),
        pytest.param(
            "",
            "Py_BEGIN_ALLOW_THREADS\nswitch (work()) {\ncase 1:\n    return NULL;\n}\nPy_END_ALLOW_THREADS\n"
            "Py_RETURN_NONE;",
            [("HL606", "Py_BEGIN_ALLOW_THREADS")],
            id="switch",
        ),
    ],
)
def test_the_gil_in_a_function(before: str, body: str, found: list[tuple[str, str]]) -> None:
    reports = findings(module(before + method(body)))
    assert [(one.rule, one.item) for one in reports if one.rule in ("HL605", "HL606")] == found


@pytest.mark.parametrize(
    ("start", "named"),
    [
        ("pthread_create(&t, NULL, work, NULL);", True),
        ("PyThread_start_new_thread(work, NULL);", True),
        ("thrd_create(&t, work, NULL);", True),
        ("run_now(work, NULL);", False),
        ("void *(*work)(void *) = other; pthread_create(&t, NULL, work, NULL);", False),
    ],
)
def test_a_function_that_a_thread_runs_begins_without_the_gil(start: str, named: bool) -> None:
    text = module("static void *work(void *x)\n{\n    PyList_Append(x, x);\n    return NULL;\n}\n" + method(start + "\nPy_RETURN_NONE;"))
    assert [(one.rule, one.function) for one in findings(text) if one.rule == "HL605"] == [("HL605", "work")] * named


def test_a_report_says_where_the_gil_went_and_where_it_is_needed() -> None:
    helper = "static void inner(PyObject *o)\n{\n    PyErr_SetObject(o, o);\n}\nstatic void report(PyObject *o)\n{\n    inner(o);\n}\n"
    text = module(helper + method("Py_BEGIN_ALLOW_THREADS\nreport(arg);\nPy_END_ALLOW_THREADS\nPy_RETURN_NONE;"))
    [report] = [one for one in findings(text) if one.rule == "HL605"]
    assert "PyErr_SetObject" in report.message and "(through report and inner)" in report.message
    lines = text.splitlines()
    assert [lines[one.span.line - 1].strip() for one in report.related] == [
        "Py_BEGIN_ALLOW_THREADS", "PyErr_SetObject(o, o);",
    ]  # fmt: skip
