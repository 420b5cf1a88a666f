"""Modules: what their state owns and who visits and clears it, how PyInit_ makes them, who asks for the state (HL3)."""

from __future__ import annotations

import pytest
from reading import findings

OWNED = "State *st = GET(m);\nst->a = PyList_New(0);\nst->b = PyDict_New();"
FUNCTIONS = ".m_traverse = m_traverse, .m_clear = m_clear, .m_free = m_free"
HEAD = """
#include <Python.h>
typedef struct { PyObject *a; PyObject *b; int n; } State;
static struct PyModuleDef def;
#define GET(m) ((State *)PyModule_GetState(m))
"""
INIT = "PyMODINIT_FUNC\nPyInit_m(void)\n{\n    return PyModuleDef_Init(&def);\n}\n"
CALLBACK = "static void cb(void)\n{\n    PyGILState_STATE g = PyGILState_Ensure();\n    PyGILState_Release(g);\n}\n"


def told(text: str, *rules: str) -> list[tuple[str, str, str]]:
    """Rule, item and function of what is reported."""
    return sorted((one.rule, one.item or "", one.function or "") for one in findings(text) if one.rule in rules)


def module(
    *,
    exec_: str = OWNED,
    trav: str = "Py_VISIT(GET(m)->a);\nPy_VISIT(GET(m)->b);\nreturn 0;",
    clear: str = "Py_CLEAR(GET(m)->a);\nPy_CLEAR(GET(m)->b);\nreturn 0;",
    free: str = "m_clear((PyObject *)m);",
    fields: str = FUNCTIONS,
    before: str = "",
    slots: str = "{Py_mod_exec, m_exec},",
    more: str = "",
) -> str:
    """A module whose functions do what is right but for what is given."""
    return (
        f"{HEAD}{before}static int\nm_exec(PyObject *m)\n{{\n{exec_}\nreturn 0;\n}}\n"
        f"static int\nm_traverse(PyObject *m, visitproc visit, void *arg)\n{{\n{trav}\n}}\n"
        f"static int\nm_clear(PyObject *m)\n{{\n{clear}\n}}\nstatic void\nm_free(void *m)\n{{\n{free}\n}}\n{more}"
        f"static PyModuleDef_Slot slots[] = {{ {slots} {{0, NULL}} }};\n"
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "m", .m_size = sizeof(State), .m_slots = slots, '
        f"{fields}}};\n{INIT}"
    )


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        pytest.param({}, [], id="right"),
        pytest.param({"trav": "Py_VISIT(GET(m)->a);\nreturn 0;"}, [("HL304", "b", "m_traverse")], id="traverse-half"),
        pytest.param({"clear": "Py_CLEAR(GET(m)->a);\nreturn 0;"}, [("HL304", "b", "m_clear")], id="clear-half"),
        pytest.param({"free": "Py_CLEAR(GET((PyObject *)m)->a);"}, [("HL304", "b", "m_free")], id="free-own-half"),
        pytest.param({"free": ""}, [("HL304", "a", "m_free"), ("HL304", "b", "m_free")], id="free-nothing"),
        pytest.param({"fields": ""}, [("HL304", "", "")], id="no-functions"),
        pytest.param(
            {
                "fields": ".m_clear = m_clear, .m_free = m_free",
            },
            [("HL304", "m_traverse", "")],
            id="no-traverse",
        ),
        pytest.param(
            {
                "fields": ".m_traverse = m_traverse, .m_free = m_free",
            },
            [("HL304", "m_clear", "")],
            id="no-clear",
        ),
        pytest.param(
            {
                "fields": ".m_traverse = m_traverse, .m_clear = m_clear",
            },
            [("HL304", "m_free", "")],
            id="no-free",
        ),
        pytest.param(
            {
                "exec_": 'State *st = GET(m);\nst->a = PyUnicode_FromString("x");\nst->b = PyLong_FromLong(1);',
                "fields": ".m_clear = m_clear, .m_free = m_free",
            },
            [],
            id="strings-only",
        ),
        pytest.param(
            {
                "exec_": 'State *st = GET(m);\nst->a = PyUnicode_FromString("x");\nst->b = PyDict_New();',
                "trav": "Py_VISIT(GET(m)->b);\nreturn 0;",
            },
            [],
            id="strings-not-visited",
        ),
        pytest.param(
            {
                "exec_": 'State *st = GET(m);\nst->a = PyUnicode_FromString("x");\nst->b = PyDict_New();',
                "fields": ".m_clear = m_clear, .m_free = m_free",
            },
            [("HL304", "m_traverse", "")],
            id="one-string",
        ),
        pytest.param(
            {
                "exec_": "State *st = GET(m);\nst->a = PyExc_ValueError;\nst->b = PyModule_GetDict(m);",
                "fields": "",
            },
            [],
            id="borrowed",
        ),
        pytest.param(
            {
                "exec_": "State *st = GET(m);\nst->a = PyExc_ValueError;\nPy_INCREF(st->a);\nst->b = PyModule_GetDict(m);",
                "fields": "",
            },
            [("HL304", "", "")],
            id="borrowed-taken",
        ),
        pytest.param(
            {
                "exec_": "State *st = GET(m);\nPyObject *e = PyModule_GetDict(m);\nPy_INCREF(e);\nst->a = e;",
                "fields": "",
            },
            [("HL304", "", "")],
            id="borrowed-variable-taken",
        ),
        pytest.param({"exec_": "", "fields": ""}, [], id="never-set"),
        pytest.param({"exec_": "GET(m)->a = NULL;", "fields": ""}, [], id="set-null"),
        pytest.param(
            {
                "exec_": "GET(m)->a = PyList_New(0);",
                "trav": "Py_VISIT(GET(m)->a);\nreturn 0;",
                "clear": "Py_CLEAR(GET(m)->a);\nreturn 0;",
            },
            [],
            id="one-never-set",
        ),
        pytest.param(
            {
                "exec_": "State *st = GET(m);\nPy_XSETREF(st->a, PyList_New(0));",
                "fields": "",
            },
            [("HL304", "", "")],
            id="setref",
        ),
        pytest.param(
            {
                "exec_": "State *st = GET(m);\nfill(&st->a);",
                "fields": "",
                "before": "static int fill(PyObject **to) { *to = PyList_New(0); return 0; }\n",
            },
            [("HL304", "", "")],
            id="by-address",
        ),
        pytest.param({"trav": "return visit_state(GET(m), visit, arg);"}, [], id="escapes"),
        pytest.param(
            {
                "before": (
                "static int vis(State *s, visitproc visit, void *arg)\n{\nPy_VISIT(s->a);\nPy_VISIT(s->b);\n"
                "return 0;\n}\n"
            ),
                "trav": "return vis(GET(m), visit, arg);",
            },
            [],
            id="helper",
        ),
        pytest.param(
            {
                "before": "static int vis(State *s, visitproc visit, void *arg)\n{\nPy_VISIT(s->a);\nreturn 0;\n}\n",
                "trav": "return vis(GET(m), visit, arg);",
            },
            [("HL304", "b", "m_traverse")],
            id="helper-half",
        ),
        pytest.param(
            {
                "trav": "State *st = GET(m);\nif (st != NULL) {\nPy_VISIT(st->a);\nPy_VISIT(st->b);\n}\nreturn 0;",
            },
            [],
            id="null-checked",
        ),
        pytest.param(
            {
                "more": "static PyObject *get(void)\n{\n    return PyState_FindModule(&def);\n}\n",
            },
            [("HL305", "", "get")],
            id="find-module",
        ),
        pytest.param({"exec_": OWNED + "\nPyState_AddModule(m, &def);"}, [("HL305", "", "m_exec")], id="add-module"),
        pytest.param(
            {
                "slots": "{Py_mod_exec, m_exec}, {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},",
                "more": CALLBACK,
            },
            [],
            id="interpreters-none",
        ),
        pytest.param(
            {
                "slots": "{Py_mod_exec, m_exec}, {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},",
                "more": CALLBACK,
            },
            [("HL309", "", "cb")],
            id="interpreters-own-gil",
        ),
        pytest.param(
            {
                "slots": "{Py_mod_exec, m_exec}, {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED},",
                "more": CALLBACK,
            },
            [("HL309", "", "cb")],
            id="interpreters-several",
        ),
    ],
)
def test_the_state_and_its_functions(parts: dict[str, str], found: list[tuple[str, str, str]]) -> None:
    assert told(module(**parts), "HL304", "HL305", "HL309") == found


@pytest.mark.parametrize(
    ("slots", "told_so"),
    [
        ("{Py_mod_exec, m_exec},", True),
        ("{Py_mod_exec, m_exec}, {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},", False),
        ("{Py_mod_exec, m_exec}, MORE_SLOTS", False),
    ],
)
def test_interpreters_are_undeclared(slots: str, told_so: bool) -> None:
    assert told(module(slots=slots), "HL306") == [("HL306", "", "")] * told_so


@pytest.mark.parametrize(
    ("helper", "body", "found"),
    [
        pytest.param(
            "",
            "return PyModule_Create(&def);",
            ["HL301"],
            id="direct",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nif (m == NULL) {\n    return NULL;\n}\nreturn m;",
            ["HL301"],
            id="variable",
        ),
        pytest.param(
            "",
            "PyObject *m;\nreturn m = PyModule_Create2(&def, PYTHON_API_VERSION);",
            ["HL301"],
            id="assigned",
        ),
        pytest.param(
            "",
            "return ready ? PyModule_Create(&def) : NULL;",
            ["HL301"],
            id="conditional",
        ),
        pytest.param(
            "",
            "return ready ? NULL : PyModule_Create(&def);",
            ["HL301"],
            id="conditional-other",
        ),
        pytest.param(
            "static PyObject *make(void) { PyObject *m = PyModule_Create(&def); return m; }\n",
            "return make();",
            ["HL301"],
            id="helper",
        ),
        pytest.param(
            "",
            "return PyModuleDef_Init(&def);",
            [],
            id="two-phase",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def), *n = m;\nreturn n;",
            ["HL301"],
            id="copied",
        ),
        pytest.param(
            "",
            "PyObject *m = NULL, *n = m;\nm = n;\nreturn m;",
            [],
            id="circle",
        ),
        pytest.param(
            "",
            "return make_elsewhere();",
            [],
            id="unseen",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st = PyModule_GetState(m);\nst[0] = 1;\nreturn m;",
            ["HL301", "HL312"],
            id="state-none",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st = PyModule_GetState(m);\nif (st != NULL) {\n"
            "    st[0] = 1;\n}\nreturn m;",
            ["HL301"],
            id="state-none-checked",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st = PyModule_GetState(m);\nreturn m;",
            ["HL301"],
            id="state-none-unused",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\n((int *)PyModule_GetState(m))[0] = 1;\nreturn m;",
            ["HL301", "HL312"],
            id="state-none-cast",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\n*(int *)PyModule_GetState(m) = 1;\nreturn m;",
            ["HL301", "HL312"],
            id="state-none-deref",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st = PyModule_GetState(m);\nassert(st);\nst[0] = 1;\n"
            "return m;",
            ["HL301"],
            id="state-none-assert",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nvoid *p = PyModule_GetState(m);\nint *st = p;\n"
            "st[0] = 1;\nreturn m;",
            ["HL301", "HL312"],
            id="state-none-alias",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nstruct { int x; } *st;\nst = PyModule_GetState(m);\n"
            "st->x = 1;\nreturn m;",
            ["HL301", "HL312"],
            id="state-none-arrow",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st = PyModule_GetState(m);\nwhile (st) {\n"
            "    st[0] = 1;\n}\nreturn m;",
            ["HL301"],
            id="state-none-while",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st;\nif (!(st = PyModule_GetState(m))) {\n"
            "    return NULL;\n}\nst[0] = 1;\nreturn m;",
            ["HL301"],
            id="state-none-not",
        ),
        pytest.param(
            "",
            "PyObject *m = PyModule_Create(&def);\nint *st = PyModule_GetState(m);\nst = other();\n"
            "st[0] = 1;\nreturn m;",
            ["HL301"],
            id="state-none-overwritten",
        ),
    ],
)
def test_how_a_module_is_made_and_its_missing_state_used(helper: str, body: str, found: list[str]) -> None:
    text = (
        '#include <Python.h>\nstatic struct PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "m", .m_size = -1};\n'
        f"{helper}PyMODINIT_FUNC\nPyInit_m(void)\n{{\n{body}\n}}\n"
    )
    assert [rule for rule, _, _ in told(text, "HL301", "HL312")] == found
