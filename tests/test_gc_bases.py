"""The traverse of a type whose base is collected too (HL216)."""

from __future__ import annotations

import pytest
from reading import findings

BASE = """
#include <Python.h>
typedef struct { PyObject_HEAD PyObject *a; } Base;
typedef struct { Base head; PyObject *b; } Sub;
static int
base_traverse(Base *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->a);
    return 0;
}
static PyObject *
base_new(PyTypeObject *t, PyObject *args, PyObject *kw)
{
    Base *self = (Base *)t->tp_alloc(t, 0);
    self->a = Py_NewRef(args);
    return (PyObject *)self;
}
static PyObject *
sub_new(PyTypeObject *t, PyObject *args, PyObject *kw)
{
    Sub *self = (Sub *)t->tp_alloc(t, 0);
    self->head.a = Py_NewRef(args);
    self->b = Py_NewRef(args);
    return (PyObject *)self;
}
static PyTypeObject BaseType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "m.Base", .tp_basicsize = sizeof(Base), .tp_new = base_new, .tp_traverse = base_traverse,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
};
"""
SUB = """
static PyTypeObject SubType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "m.Sub", .tp_basicsize = sizeof(Sub), .tp_new = sub_new, .tp_traverse = sub_traverse, .tp_base = BASE,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
};
"""


@pytest.mark.parametrize(
    ("base", "body", "found"),
    [
        pytest.param(
            "&BaseType",
            "Py_VISIT(self->b);\nreturn base_traverse((Base *)self, visit, arg);",
            [],
            id="called",
        ),
        pytest.param(
            "&BaseType",
            "Py_VISIT(self->b);\nreturn 0;",
            [("HL216", "")],
            id="not-called",
        ),
        pytest.param(
            "&BaseType",
            "Py_VISIT(self->b);\nreturn BaseType.tp_traverse((PyObject *)self, visit, arg);",
            [],
            id="through-type",
        ),
        pytest.param(
            "&BaseType",
            "Py_VISIT(self->b);\nreturn Py_TYPE(self)->tp_base->tp_traverse((PyObject *)self, visit, arg);",
            [],
            id="through-tp_base",
        ),
        pytest.param(
            "&BaseType",
            "Py_VISIT(self->b);\nPy_VISIT(self->head.a);\nreturn 0;",
            [],
            id="members-visited",
        ),
        pytest.param(
            "&BaseType",
            "int r = base_traverse((Base *)self, visit, arg);\nif (r) {\n    return r;\n}\n"
            "Py_VISIT(self->b);\nreturn 0;",
            [],
            id="called-first",
        ),
        pytest.param(
            "&BaseType",
            "return base_traverse((Base *)self, visit, arg);",
            [("HL204", "b")],
            id="own-left-out",
        ),
        pytest.param(
            "&PyList_Type",
            "Py_VISIT(self->b);\nreturn PyList_Type.tp_traverse((PyObject *)self, visit, arg);",
            [],
            id="list-called",
        ),
        pytest.param(
            "&PyList_Type",
            "Py_VISIT(self->b);\nreturn 0;",
            [("HL216", "")],
            id="list-not-called",
        ),
        ("&PyLong_Type", "Py_VISIT(self->b);\nreturn 0;", []),
        ("&Unknown_Type", "Py_VISIT(self->b);\nreturn 0;", []),
        ("NULL", "Py_VISIT(self->b);\nreturn 0;", []),
    ],
)
def test_the_traverse_of_the_base(base: str, body: str, found: list[tuple[str, str]]) -> None:
    text = f"{BASE}static int\nsub_traverse(Sub *self, visitproc visit, void *arg)\n{{\n{body}\n}}\n{SUB.replace('BASE', base)}"
    assert [(one.rule, one.item or "") for one in findings(text) if one.rule in ("HL204", "HL213", "HL216")] == found
