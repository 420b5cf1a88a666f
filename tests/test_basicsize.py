"""The basic size of a type against its struct and its base (HL112)."""

from __future__ import annotations

import pytest
from reading import findings

OBJECT = "typedef struct { PyObject_HEAD PyObject *a; int n; } Obj;\n"
BIG = "typedef struct { PyObject_HEAD PyObject *a; int n; double more[1]; PyObject *last; } Big;\n"


def problem(struct: str, base: str = "", size: str = "sizeof(Obj)", bases: str = "NULL") -> str:
    """What is said about the basic size of a heap type, its name and that of its struct left out; "" for nothing."""
    text = (
        f"#include <Python.h>\n{struct}static void\nobj_dealloc(Obj *self)\n{{\n    self->n = 0;\n}}\n"
        f"static PyType_Slot s[] = {{{{Py_tp_dealloc, obj_dealloc}}, {base} {{0, NULL}}}};\n"
        f'static PyType_Spec spec = {{"m.Obj", {size}, 0, Py_TPFLAGS_DEFAULT, s}};\n'
        f"static int e(PyObject *m) {{ PyObject *t = PyType_FromModuleAndSpec(m, &spec, {bases}); return 0; }}\n"
    )
    found = [one.message for one in findings(text) if one.rule == "HL112"]
    assert len(found) <= 1
    return found[0].partition("the basic size of spec is the size of ")[2] if found else ""


@pytest.mark.parametrize(
    ("struct", "base", "size", "bases", "told"),
    [
        (OBJECT, "", "sizeof(Obj)", "NULL", ""),
        (OBJECT, "", "sizeof *self", "NULL", ""),
        (OBJECT, "", "0", "NULL", ""),
        (OBJECT + BIG, "", "sizeof(Big)", "NULL", ""),
        (OBJECT, "", "sizeof(Obj *)", "NULL", "a pointer (Obj *)"),
        (OBJECT, "", "sizeof(PyObject)", "NULL", "PyObject, but obj_dealloc takes self for a Obj"),
        (OBJECT, "{Py_tp_base, &PyList_Type},", "sizeof(Obj)", "NULL", "Obj, smaller than that of its base PyList_Type"),
        (OBJECT, "{Py_tp_base, &PyDict_Type},", "sizeof(Obj)", "NULL", "Obj, smaller than that of its base PyDict_Type"),
        (OBJECT, "{Py_tp_base, &PyBaseObject_Type},", "sizeof(Obj)", "NULL", ""),
        (OBJECT, "{Py_tp_base, &PyFloat_Type},", "sizeof(Obj)", "NULL", ""),
        (OBJECT, "", "sizeof(Obj)", "PyExc_ValueError", "Obj, smaller than that of its base PyExc_ValueError"),
        ("typedef struct { PyListObject head; int n; } Obj;\n", "{Py_tp_base, &PyList_Type},", "sizeof(Obj)", "NULL", ""),
        ("typedef struct { PyBaseExceptionObject head; int n; } Obj;\n", "", "sizeof(Obj)", "PyExc_ValueError", ""),
        ("typedef struct { PyObject_HEAD Unknown n; } Obj;\n", "{Py_tp_base, &PyDict_Type},", "sizeof(Obj)", "NULL", ""),
    ],
)  # fmt: skip
def test_the_basic_size(struct: str, base: str, size: str, bases: str, told: str) -> None:
    assert problem(struct, base, size, bases) == told
