"""What type an expression of C has, as the rule about format strings tells it (HL506)."""

from __future__ import annotations

import re

import pytest
from reading import findings

UNIT = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define MACRO_TYPE long
typedef struct { PyObject_HEAD int number; struct { long inner; }; unsigned char *bytes; double values[4]; } Thing;
typedef unsigned short small;
typedef double triple[3];
enum colour { RED, GREEN };
static double table[3];
static enum colour paint;
static short helper(int x) { return 0; }
extern Thing *made(void);
static PyObject *
run(PyObject *self, PyObject *arg)
{
    int i = 0; unsigned u = 0; long l = 0; long long ll = 0; short s = 0; char c = 0; size_t z = 0;
    double d = 0; float f = 0; Py_ssize_t n = 0; small sm = 0; MACRO_TYPE hidden = 0; triple three;
    int *ip = &i; int **ipp = &ip; int ints[4]; Thing *t = (Thing *)self; Thing v; void *vp = self;
    { long twice = 0; } { int twice = 0; }
    return Py_BuildValue("s", EXPRESSION);
}
"""
GIVEN = re.compile(r"takes a char \*, but gets an? ([\w *]+)")


def given(expression: str) -> str | None:
    """The type that is told to be given where a string is wanted; None when nothing is told."""
    messages = [one.message for one in findings(UNIT.replace("EXPRESSION", expression)) if one.rule == "HL506"]
    assert len(messages) <= 1
    found = GIVEN.search(messages[0]) if messages else None
    return found.group(1) if found else None


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        # a string, anything, nothing known, or of a type that is not sure: nothing is told
        ("i", "int"), ("u", "unsigned int"), ("l", "long"), ("ll", "long long"), ("s", "short"), ("c", "char"),
        ("z", "size_t"), ("d", "double"), ("f", "float"), ("n", "Py_ssize_t"), ("sm", "unsigned short"),
        ("hidden", "long"), ("three", "double *"), ("ip", "int *"), ("ipp", "int **"), ("ints", "int *"),
        ("t", "Thing *"), ("v", None), ("vp", None), ("self", "PyObject *"), ("twice", None), ("nowhere", None),
        ("paint", "int"), ("table", "double *"), ("table[1]", "double"),
        ("t->number", "int"), ("t->inner", "long"), ("t->bytes", None), ("t->values", "double *"),
        ("t->values[1]", "double"), ("v.number", "int"), ("v->number", None), ("t.number", None),
        ("t->nothing", None), ("t->bytes[0]", "unsigned char"), ("(*t).number", "int"), ("ints[1]", "int"),
        ("ip[0]", "int"), ("i[ip]", None),
        ("&i", "int *"), ("&ip", "int **"), ("&ints", None), ("&t->number", "int *"), ("&v", "Thing *"),
        ("*ip", "int"), ("**ipp", "int"), ("*i", None), ("*t", None), ("&*ip", "int *"),
        ("-i", "int"), ("-s", "int"), ("+c", "int"), ("~u", "unsigned int"), ("!ip", "int"), ("!i", "int"),
        ("-d", "double"), ("-ip", None), ("i++", "int"), ("ip++", "int *"), ("--l", "long"),
        ("i + l", "long"), ("i + d", "double"), ("f + i", None), ("f + f", None), ("s + s", "int"), ("c * c", "int"),
        ("u + l", "long"), ("i - n", "Py_ssize_t"), ("i << l", "int"), ("l << i", "long"), ("s >> 1", "int"),
        ("i & l", "long"), ("i < l", "int"), ("ip == ipp", "int"), ("i && l", "int"), ("ip && ip", "int"),
        ("ip + 1", "int *"), ("1 + ip", "int *"), ("ip - 1", "int *"), ("ip - ip", "ptrdiff_t"),
        ("ip - nowhere", None), ("ip + nowhere", "int *"), ("1 - ip", None), ("nowhere + i", None), ("i, l", None),
        ("l, ip", None),
        ("i ? i : l", "long"), ("i ? ip : NULL", "int *"), ("i ? NULL : ip", "int *"), ("i ? s : s", "short"),
        ("i ? ip : ipp", None), ("i ? nowhere : i", None), ("i ? i : nowhere", None), ("i ? ints : ip", "int *"),
        ("i ? ints : ints", "int *"), ("i ? ints : table", None),
        ("1", "int"), ("1L", "long"), ("1ll", "long long"), ("1LL", "long long"), ("010", "int"),
        ("0x7fffffff", "int"), ("0xffffffff", "int"), ("0x1ffffffff", None), ("2147483647", "int"),
        ("2147483648", None), ("2147483648LL", "long long"), ("4294967295", None), ("017777777777", "int"),
        ("1.5", "double"), ("1.5f", "float"), ("1e3", "double"), (".5F", "float"), ("'a'", "int"), ("L'a'", None),
        ('"x"', None), ('u8"x"', None), ('L"x"', None),
        ("sizeof(int)", "size_t"), ("sizeof i", "size_t"), ("(long)i", "long"), ("(char)i", "char"),
        ("(int *)vp", "int *"), ("(Thing *)self", "Thing *"), ("(triple *)vp", None), ("i = 3", "int"),
        ("l = i", "long"), ("t = NULL", "Thing *"),
        ("helper(1)", "short"), ("made()", None), ("unheard()", None), ("PyList_New(0)", "PyObject *"),
        ("PyLong_AsLong(self)", "long"), ("PyUnicode_AsUTF8(self)", None), ('strlen("x")', "size_t"),
        ("PyList_Size(self)", "Py_ssize_t"), ("PyObject_IsTrue(self)", "int"), ("PyFloat_AsDouble(self)", "double"),
        ("t->number(1)", None), ("PyErr_Occurred()", "PyObject *"),
        ("PyExc_ValueError", "PyObject *"), ("&PyLong_Type", "PyTypeObject *"), ("Py_None", "PyObject *"),
        ("(int){0}", "int"), ("&(int){0}", "int *"),
    ],
)  # fmt: skip
def test_the_type_of_an_expression(expression: str, kind: str | None) -> None:
    assert given(expression) == kind

