"""Variables with static storage, and who writes them when (HL308)."""

from __future__ import annotations

import pytest
from reading import findings_of


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        pytest.param(
            "static int n;\nint hit(void) { n++; return n; }\n",
            ["n"],
            id="counter",
        ),
        pytest.param(
            "static int n;\nint hit(void) { --n; return n; }\n",
            ["n"],
            id="counter-down",
        ),
        pytest.param(
            "static int n;\nint hit(int v) { n = v; return 0; }\n",
            ["n"],
            id="assigned",
        ),
        pytest.param(
            "static int n;\nint hit(int v) { n += v; return 0; }\n",
            ["n"],
            id="added",
        ),
        pytest.param(
            "static int n = 3;\nint hit(void) { return n; }\n",
            [],
            id="read",
        ),
        pytest.param(
            "static int n = 3;\nint hit(int v) { return n == v; }\n",
            [],
            id="compared",
        ),
        pytest.param(
            "static const int n = 3;\nint hit(int v) { return n; }\n",
            [],
            id="const",
        ),
        pytest.param(
            "static int all[4];\nint hit(int v) { all[v] = 1; return 0; }\n",
            ["all"],
            id="array",
        ),
        pytest.param(
            "static int *p;\nint hit(int v) { p[v] = 1; return 0; }\n",
            [],
            id="through-pointer",
        ),
        pytest.param(
            "static int *p;\nint hit(int *v) { p = v; return 0; }\n",
            ["p"],
            id="pointer",
        ),
        pytest.param(
            "static struct { int a, b; } s;\nint hit(int v) { s.a = v; return 0; }\n",
            ["s"],
            id="struct",
        ),
        pytest.param(
            "static struct x *s;\nint hit(int v) { s->a = v; return 0; }\n",
            [],
            id="struct-arrow",
        ),
        pytest.param(
            "int hit(int v) { static int n; n = v; return n; }\n",
            ["n"],
            id="static-local",
        ),
        pytest.param(
            "int hit(int v) { static int n = 3; return n + v; }\n",
            [],
            id="static-local-read",
        ),
        pytest.param(
            "static int n;\nint hit(int n) { n = 3; return n; }\n",
            [],
            id="hidden-parameter",
        ),
        pytest.param(
            "static int n;\nint hit(int v) { int n; n = v; return n; }\n",
            [],
            id="hidden-local",
        ),
        pytest.param(
            "static int n;\nint hit(int v) { { int n; n = v; } return v; }\n",
            [],
            id="hidden-block",
        ),
        pytest.param(
            "static int n;\nint hit(int v) { { int n; n = v; } n = v; return v; }\n",
            ["n"],
            id="beside-block",
        ),
        pytest.param(
            "static _Thread_local int n;\nint hit(int v) { n = v; return 0; }\n",
            [],
            id="thread-local",
        ),
        pytest.param(
            "static PyThread_type_lock lock;\n"
            "int hit(void) { lock = PyThread_allocate_lock(); return 0; }\n",
            [],
            id="lock",
        ),
        pytest.param(
            "extern int n;\nint hit(int v) { n = v; return 0; }\n",
            [],
            id="extern",
        ),
        pytest.param(
            "static int n;\nPyMODINIT_FUNC PyInit_m(void) { n = 3; return NULL; }\n",
            [],
            id="init",
        ),
        pytest.param(
            "static int n;\nstatic void set_up(void) { n = 3; }\n"
            "PyMODINIT_FUNC PyInit_m(void) { set_up(); return NULL; }\n",
            [],
            id="init-helper",
        ),
        pytest.param(
            "static int n;\nstatic void set_up(void) { n = 3; }\n"
            "PyMODINIT_FUNC PyInit_m(void) { set_up(); return NULL; }\n"
            "int hit(void) { set_up(); return 0; }\n",
            ["n"],
            id="init-helper-called",
        ),
        pytest.param(
            "static int n;\nstatic void set_up(void) { n = 3; }\nstatic void (*all[])(void) = {set_up};\n"
            "PyMODINIT_FUNC PyInit_m(void) { set_up(); return NULL; }\n",
            ["n"],
            id="init-helper-taken",
        ),
        pytest.param(
            "static int n;\nstatic int ex(PyObject *m) { n = 3; return 0; }\n"
            "static PyModuleDef_Slot slots[] = {{Py_mod_exec, ex}, {0, NULL}};\n"
            'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "m", .m_slots = slots};\n',
            [],
            id="exec",
        ),
    ],
)
def test_a_variable_that_functions_write(text: str, symbols: list[str]) -> None:
    assert [one.symbol for one in findings_of(f"#include <Python.h>\n{text}", "HL308")] == symbols
