"""Which types C code makes instances of, in factories and through helpers that are given the type (HL107)."""

from __future__ import annotations

import pytest
from reading import findings

TYPES = """
#include <Python.h>
typedef struct { PyObject_HEAD int n; } It;
static PyType_Slot s[] = {{Py_tp_iternext, it_next}, {0, NULL}};
static PyType_Spec spec = {"m.It", sizeof(It), 0, Py_TPFLAGS_DEFAULT, s};
static PyTypeObject *ItType;
static PyType_Slot t[] = {{Py_tp_repr, other_repr}, {0, NULL}};
static PyType_Spec other = {"m.Other", sizeof(PyObject), 0, Py_TPFLAGS_DEFAULT, t};
static PyTypeObject *OtherType;
"""
EXEC = """
static int ex(PyObject *m) {
    ItType = (PyTypeObject *)PyType_FromModuleAndSpec(m, &spec, NULL);
    OtherType = (PyTypeObject *)PyType_FromModuleAndSpec(m, &other, NULL);
    return 0;
}
"""


def made(text: str) -> list[str | None]:
    return [one.symbol for one in findings(text) if one.rule == "HL107"]


@pytest.mark.parametrize(
    ("factory", "symbols"),
    [
        pytest.param(
            "",
            [],
            id="nobody",
        ),
        pytest.param(
            "static PyObject *make(void) { return ItType->tp_alloc(ItType, 0); }\n",
            ["spec"],
            id="tp_alloc",
        ),
        pytest.param(
            "static PyObject *make(void) { return (PyObject *)PyObject_New(It, ItType); }\n",
            ["spec"],
            id="object-new",
        ),
        pytest.param(
            "static PyObject *make(void) { return (PyObject *)PyObject_GC_New(It, ItType); }\n",
            ["spec"],
            id="gc-new",
        ),
        pytest.param(
            "static PyObject *make(void) { return PyType_GenericAlloc(ItType, 0); }\n",
            ["spec"],
            id="generic-alloc",
        ),
        pytest.param(
            "static PyObject *make(void) { return PyType_GenericNew(ItType, NULL, NULL); }\n",
            [],
            id="generic-new",
        ),
        pytest.param(
            "static PyObject *make(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n"
            "static PyObject *it(void) { return make(ItType); }\n",
            ["spec"],
            id="helper",
        ),
        pytest.param(
            "static PyObject *make(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n"
            "static PyObject *it(void) { return make(OtherType); }\n",
            ["other"],
            id="helper-other",
        ),
        pytest.param(
            "static PyObject *make(int n, PyTypeObject *type) { return type->tp_alloc(type, n); }\n"
            "static PyObject *it(void) { return make(0, ItType); }\n",
            ["spec"],
            id="helper-second",
        ),
        pytest.param(
            "static PyObject *make(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n"
            "static PyObject *more(PyTypeObject *which) { return make(which); }\n"
            "static PyObject *it(void) { return more(ItType); }\n",
            ["spec"],
            id="two-helpers",
        ),
        pytest.param(
            "static PyObject *make(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n",
            [],
            id="helper-not-called",
        ),
        pytest.param(
            "static PyObject *make(void) { PyTypeObject *type = ItType; return type->tp_alloc(type, 0); }\n"
            "",
            ["spec"],
            id="local",
        ),
        pytest.param(
            "static PyObject *make(PyObject *m) { PyTypeObject *type = find_type(m); return (PyObject *)PyObject_New(It, type); }\n"
            "",
            [],
            id="by-struct",
        ),
        pytest.param(
            "static PyObject *make(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n"
            "static PyObject *it(void) { return make(); }\n",
            [],
            id="too-few-arguments",
        ),
    ],
)
def test_the_types_that_a_factory_makes(factory: str, symbols: list[str]) -> None:
    assert made(TYPES + EXEC + factory) == symbols


@pytest.mark.parametrize(
    ("factory", "symbols"),
    [
        ("(PyObject *)PyObject_New(It, type)", ["spec"]),
        ("kept((It *)_PyObject_New(type))", ["spec"]),
        ("(PyObject *)PyObject_New(Unknown, type)", []),
        ("(PyObject *)_PyObject_New(type)", []),
    ],
)
def test_a_type_that_another_file_creates_is_told_by_its_struct(factory: str, symbols: list[str]) -> None:
    text = f"static PyObject *make(PyObject *m) {{ PyTypeObject *type = find_type(m); return {factory}; }}\n"
    assert made(TYPES + text) == symbols


def test_a_static_helper_of_another_file_is_another_helper() -> None:
    helper = "static PyObject *make(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n"
    use = "static PyObject *it(void) { return make(ItType); }\n"
    shown = {"a.c": TYPES + EXEC + use, "b.c": "#include <Python.h>\n" + helper}
    assert [one.symbol for one in findings(shown) if one.rule == "HL107"] == []
    shared = {path: text.replace("static PyObject *make", "PyObject *make") for path, text in shown.items()}
    assert [one.symbol for one in findings(shared) if one.rule == "HL107"] == ["spec"]
