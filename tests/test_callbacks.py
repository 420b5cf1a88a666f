"""Callbacks that are registered for the whole process and never taken back (HL311)."""

from __future__ import annotations

import pytest
from reading import findings_of


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            "static int hook(PyObject *o, PyFrameObject *f, int w, PyObject *a) { return 0; }\n"
            "static void on(PyObject *o) { PyEval_SetTrace(hook, o); }\n",
            True,
            id="trace",
        ),
        pytest.param(
            "static int hook(PyObject *o, PyFrameObject *f, int w, PyObject *a) { return 0; }\n"
            "static void on(PyObject *o) { PyEval_SetTrace(hook, NULL); }\n",
            False,
            id="trace-null",
        ),
        pytest.param(
            "static int hook(PyObject *o, PyFrameObject *f, int w, PyObject *a) { return 0; }\n"
            "static void on(PyObject *o) { PyEval_SetTrace(hook, o); }\n"
            "static void off(void) { PyEval_SetTrace(NULL, NULL); }\n",
            False,
            id="trace-ended",
        ),
        pytest.param(
            "static int hook(PyObject *o, PyFrameObject *f, int w, PyObject *a) { return 0; }\n"
            "static void on(PyObject *o) { PyEval_SetProfile(hook, o); }\n"
            "static void off(void) { PyEval_SetProfile(0, NULL); }\n",
            False,
            id="trace-ended-zero",
        ),
        pytest.param(
            "static void on(PyObject *o, Py_tracefunc hook) { PyEval_SetTrace(hook, o); }\n",
            False,
            id="trace-variable",
        ),
        pytest.param(
            "static void on(PyObject *o) { PyCodec_Register(o); }\n",
            True,
            id="codec",
        ),
        pytest.param(
            "static void on(PyObject *o) { PyCodec_Register(o); }\n"
            "static void off(PyObject *o) { PyCodec_Unregister(o); }\n",
            False,
            id="codec-ended",
        ),
        pytest.param(
            "static PyObject *kept;\nstatic void bye(void) { Py_CLEAR(kept); }\n"
            "static void on(void) { Py_AtExit(bye); }\n",
            True,
            id="atexit",
        ),
        pytest.param(
            "static int n;\nstatic void bye(void) { n = 0; }\nstatic void on(void) { Py_AtExit(bye); }\n",
            False,
            id="atexit-plain",
        ),
        pytest.param(
            "static void drop(PyObject *o) { Py_DECREF(o); }\nstatic void bye(void) { drop(0); }\n"
            "static void on(void) { Py_AtExit(bye); }\n",
            True,
            id="atexit-through",
        ),
        pytest.param(
            "static void on(void) { Py_AtExit(elsewhere); }\n",
            False,
            id="atexit-unknown",
        ),
        pytest.param(
            "static PyObject *kept;\nstatic int idle(void) { PyObject_CallNoArgs(kept); return 0; }\n"
            "static void on(void) { PyOS_InputHook = idle; }\n",
            True,
            id="hook",
        ),
        pytest.param(
            "static PyObject *kept;\nstatic int idle(void) { PyObject_CallNoArgs(kept); return 0; }\n"
            "static void on(void) { PyOS_InputHook = idle; }\n"
            "static void off(void) { PyOS_InputHook = NULL; }\n",
            False,
            id="hook-back",
        ),
        pytest.param(
            "static PyObject *kept;\nstatic int (*old)(void);\n"
            "static int idle(void) { PyObject_CallNoArgs(kept); return 0; }\n"
            "static void on(void) { PyOS_InputHook = idle; }\n"
            "static void off(void) { PyOS_InputHook = old; }\n",
            False,
            id="hook-old-back",
        ),
        pytest.param(
            "static int idle(void) { return 0; }\nstatic void on(void) { PyOS_InputHook = idle; }\n",
            False,
            id="hook-plain",
        ),
        pytest.param(
            "static PyObject *kept;\nstatic int idle(void) { PyObject_CallNoArgs(kept); return 0; }\n"
            "static void on(void) { if (PyOS_InputHook == NULL) { PyOS_InputHook = idle; } }\n",
            True,
            id="hook-asked",
        ),
        pytest.param(
            'static void on(PyObject *os, PyObject *cb) { PyObject *r = PyObject_CallMethod(os, "register_at_fork", "O", cb); }\n'
            "",
            True,
            id="fork",
        ),
        pytest.param(
            'static void on(PyObject *os, PyObject *kw) { PyObject *f = PyObject_GetAttrString(os, "register_at_fork"); '
            'PyObject *r = PyObject_Call(f, kw, kw); }\n'
            "",
            True,
            id="fork-looked-up",
        ),
    ],
)
def test_a_callback(text: str, told: bool) -> None:
    reports = findings_of(f"#include <Python.h>\n{text}", "HL311")
    assert [(one.rule, one.function) for one in reports] == [("HL311", "on")] * told
