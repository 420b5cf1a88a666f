"""Functions in method tables against what their flags promise (HL607)."""

from __future__ import annotations

import pytest
from reading import findings


@pytest.mark.parametrize(
    ("flags", "returns", "parameters", "severity", "problem"),
    [
        ("METH_NOARGS", "PyObject *", "PyObject *s, PyObject *a", None, ""),
        ("METH_NOARGS", "PyObject *", "PyObject *s", "note", "has 1 parameter, not the 2 of METH_NOARGS"),
        ("METH_NOARGS", "PyObject *", "void", None, ""),
        ("METH_NOARGS", "PyObject *", "", None, ""),
        ("METH_NOARGS", "PyObject *", "PyObject *s, PyObject *a, PyObject *b",
         "error", "has 3 parameters, not the 2 of METH_NOARGS"),
        ("METH_NOARGS", "PyObject *", "Obj *s, void *a", None, ""),
        ("METH_NOARGS", "PyObject *", "int s, PyObject *a",
         "error", "takes a int as parameter 1, not an object, for METH_NOARGS"),
        ("METH_NOARGS", "PyObject *", "PyObject **s, PyObject *a",
         "error", "takes a PyObject ** as parameter 1, not an object, for METH_NOARGS"),
        ("METH_O", "PyObject *", "PyObject *s, PyObject *a", None, ""),
        ("METH_O", "PyObject *", "PyObject *s", "warning", "has 1 parameter, not the 2 of METH_O"),
        ("METH_O", "PyObject *", "PyObject *s, int a",
         "error", "takes a int as parameter 2, not an object, for METH_O"),
        ("METH_O", "PyObject *", "PyObject *s, const char *a", None, ""),
        ("METH_O", "PyObject *", "PyObject *s, long a", None, ""),
        ("METH_VARARGS", "PyObject *", "PyObject *s, PyObject *a", None, ""),
        ("METH_VARARGS", "PyObject *", "PyObject *s, PyObject *a, PyObject *k",
         "error", "has 3 parameters, not the 2 of METH_VARARGS"),
        ("METH_VARARGS", "PyObject *", "PyObject *s, ...", None, ""),
        ("METH_VARARGS | METH_KEYWORDS", "PyObject *", "PyObject *s, PyObject *a, PyObject *k", None, ""),
        ("METH_VARARGS | METH_KEYWORDS", "PyObject *", "PyObject *s, PyObject *a",
         "warning", "has 2 parameters, not the 3 of METH_VARARGS | METH_KEYWORDS"),
        ("METH_VARARGS | METH_CLASS", "PyObject *", "PyTypeObject *s, PyObject *a", None, ""),
        ("METH_FASTCALL", "PyObject *", "PyObject *s, PyObject *const *a, Py_ssize_t n", None, ""),
        ("METH_FASTCALL", "PyObject *", "PyObject *s, PyObject *a, Py_ssize_t n",
         "error", "takes a PyObject * as parameter 2, not an array of objects, for METH_FASTCALL"),
        ("METH_FASTCALL", "PyObject *", "PyObject *s, PyObject *const *a, int n",
         "error", "takes a int as parameter 3, not a Py_ssize_t, for METH_FASTCALL"),
        ("METH_FASTCALL", "PyObject *", "PyObject *s, PyObject *const *a, long n", None, ""),
        ("METH_FASTCALL", "PyObject *", "PyObject *s, PyObject *const *a",
         "warning", "has 2 parameters, not the 3 of METH_FASTCALL"),
        ("METH_FASTCALL | METH_KEYWORDS", "PyObject *", "PyObject *s, PyObject *const *a, Py_ssize_t n, PyObject *k",
         None, ""),
        ("METH_FASTCALL | METH_KEYWORDS", "PyObject *", "PyObject *s, PyObject *const *a, Py_ssize_t n",
         "warning", "has 3 parameters, not the 4 of METH_FASTCALL | METH_KEYWORDS"),
        ("METH_METHOD | METH_FASTCALL | METH_KEYWORDS", "PyObject *", "PyObject *s, PyTypeObject *c, PyObject *const *a, Py_ssize_t n, PyObject *k",
         None, ""),
        ("METH_METHOD | METH_FASTCALL | METH_KEYWORDS", "PyObject *", "PyObject *s, PyObject *const *a, Py_ssize_t n, PyObject *k",
         "warning", "has 4 parameters, not the 5 of METH_METHOD | METH_FASTCALL | METH_KEYWORDS"),
        ("OWN_FLAGS", "PyObject *", "PyObject *s", None, ""),
        ("1", "PyObject *", "PyObject *s, PyObject *a", None, ""),
        ("1", "PyObject *", "PyObject *s", "warning", "has 1 parameter, not the 2 of METH_VARARGS"),
        ("METH_VARARGS | METH_O", "PyObject *", "PyObject *s", None, ""),
        ("METH_NOARGS", "int ", "PyObject *s, PyObject *a", "error", "returns int, not an object, for METH_NOARGS"),
        ("METH_NOARGS", "void ", "PyObject *s, PyObject *a", "error", "returns void, not an object, for METH_NOARGS"),
        ("METH_NOARGS", "Obj *", "PyObject *s, PyObject *a", None, ""),
        ("METH_NOARGS", "Py_ssize_t ", "PyObject *s, PyObject *a",
         "error", "returns Py_ssize_t, not an object, for METH_NOARGS"),
    ],
)  # fmt: skip
def test_a_method(flags: str, returns: str, parameters: str, severity: str | None, problem: str) -> None:
    text = (
        "#include <Python.h>\ntypedef struct { PyObject_HEAD int n; } Obj;\n"
        f"static {returns}\nf({parameters})\n{{\n    return 0;\n}}\n"
        f'static PyMethodDef methods[] = {{\n    {{"f", (PyCFunction)f, {flags}, NULL}},\n    {{NULL, NULL, 0, NULL}},\n}};\n'
    )
    found = [(one.severity, one.message) for one in findings(text) if one.rule == "HL607"]
    assert found == ([(severity, f"f {problem}, as which methods has it")] if problem else [])


@pytest.mark.parametrize(
    ("row", "function", "told"),
    [
        ('{"x", (getter)f}', "PyObject *f(PyObject *s, void *c)", False),
        ('{"x", (getter)f}', "PyObject *f(PyObject *s)", True),
        ('{"x", (getter)f}', "int f(PyObject *s, void *c)", True),
        ('{"x", (getter)f}', "PyObject *f(PyObject *s, int c)", True),
        ('{"x", NULL, (setter)f}', "int f(PyObject *s, PyObject *v, void *c)", False),
        ('{"x", NULL, (setter)f}', "PyObject *f(PyObject *s, PyObject *v, void *c)", True),
        ('{"x", NULL, (setter)f}', "void f(PyObject *s, PyObject *v, void *c)", True),
        ('{.name = "x", .set = f}', "int f(PyObject *s, PyObject *v)", True),
        ("{.name = \"x\", .get = elsewhere}", "int f(PyObject *s)", False),
    ],
)
def test_an_attribute(row: str, function: str, told: bool) -> None:
    text = f"#include <Python.h>\nstatic {function}\n{{\n    return 0;\n}}\nstatic PyGetSetDef rows[] = {{{row}, {{NULL}}}};\n"
    assert [one.function for one in findings(text) if one.rule == "HL607"] == ["f"] * told


def test_a_function_with_two_definitions_is_not_judged() -> None:
    body = "{\n    return 0;\n}\n"
    text = (
        f"#include <Python.h>\n#if PY_VERSION_HEX < 0\nstatic int f(void)\n{body}#endif\nstatic PyObject *f(PyObject *s)\n{body}"
        'static PyMethodDef one = {"f", f, METH_O, NULL};\n'
    )
    assert len([one for one in findings(text) if one.rule == "HL607"]) == 1
