"""What is looked for across the files and through the macros of a program."""

from __future__ import annotations

import re

import pytest
from reading import findings, program, types

from heaplint.model.mentions import reaching
from heaplint.model.writes import may_be_set

HEAD = "#include <Python.h>\n"
HEADER = "int path_setup(void);\n"
PATH = HEAD + """
static PyTypeObject Path_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "img.Path",
    .tp_flags = Py_TPFLAGS_DEFAULT,
};

int
path_setup(void)
{
    return PyType_Ready(&Path_Type);
}
"""
MODULE = HEAD + """
#include "img.h"

static int
img_exec(PyObject *module)
{
    return path_setup();
}

static PyModuleDef_Slot img_slots[] = {
    {Py_mod_exec, img_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {0, NULL},
};

static struct PyModuleDef img_module = {PyModuleDef_HEAD_INIT, .m_name = "img", .m_slots = img_slots};

PyMODINIT_FUNC
PyInit_img(void)
{
    return PyModuleDef_Init(&img_module);
}
"""


def test_a_type_that_another_file_makes_ready_is_found() -> None:
    files = {"img.h": HEADER, "module.c": MODULE, "path.c": PATH}
    assert [f.symbol for f in findings(files, ">=3.12") if f.rule == "HL104"] == ["Path_Type"]


def test_reaching_follows_calls_macros_and_files() -> None:
    files = {
        "a.c": HEAD + '#include "b.h"\n#define VIA inner()\nstatic int inner(void) { return far(); }\n'
        "static int outer(void) { return VIA; }\nstatic int other(void) { return 0; }\n",
        "b.h": "int far(void);\n",
        "b.c": HEAD + "int far(void) { return wanted(); }\nstatic int near(void) { return wanted(); }\n",
    }
    unit = next(unit for unit in program(files).units if unit.path == "a.c")
    assert set(reaching(unit, frozenset({"wanted"}), 4)) == {"far", "inner", "outer"}
    assert set(reaching(unit, frozenset({"wanted"}), 0)) == {"far", "inner"}


def test_macros_are_found_by_what_they_lead_to() -> None:
    text = HEAD + "#define FIRST(x) wanted(x)\n#define SECOND(x) FIRST(x)\n#define THIRD unwanted\n"
    unit = program(text + "static int f(void) { return SECOND(1); }\n").units[0]
    assert unit.macros_mentioning(["wanted"]) == {"FIRST", "SECOND"}
    assert unit.macros_matching(re.compile(rb"\bunw\w+")) == {"THIRD"}


def test_slots_set_by_a_macro_in_a_function() -> None:
    text = HEAD + """
#define INIT_TYPE(type, base, new) \\
    type.tp_base = base;           \\
    type.tp_new = new;             \\
    if (PyType_Ready(&type) < 0) return NULL;
static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.T", .tp_flags = Py_TPFLAGS_DEFAULT};
PyMODINIT_FUNC
PyInit_m(void)
{
    INIT_TYPE(T, &PyList_Type, PyType_GenericNew)
    return NULL;
}
"""
    made = types(text)["T"]
    assert made.bases == ["PyList_Type"]
    assert made.slots["tp_new"].function == "PyType_GenericNew"


@pytest.mark.parametrize(
    ("code", "maybe"),
    [
        ("self->held = NULL;", False),
        ("Py_CLEAR(self->held);", False),
        ("PyObject *held = make(); use(held);", False),
        ("if (self->held == value && self->held) return 1;", False),
        ("self->held = value;", True),
        ("self->held[2] = value;", True),
        ("fill(&self->held);", True),
        ("Py_XSETREF(self->held, value);", True),
        ("SET(self, held);", True),
        ("size_t at = offsetof(T, held);", True),
        ("T made = {.held = value};", True),
    ],
)
def test_whether_a_member_may_be_set(code: str, maybe: bool) -> None:
    text = HEAD + "#define SET(o, m) (o)->m = value\n"
    text += "typedef struct { PyObject_HEAD PyObject *held; } T;\n"
    unit = program(text + f"int f(T *self) {{ {code} return 0; }}\n").units[0]
    struct = unit.struct("T")
    assert struct is not None
    assert may_be_set(unit, struct, "held") is maybe
