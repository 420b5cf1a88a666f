"""How tp_new makes an instance of a collected type: tracked in time, and given up as a whole (HL205, HL209, HL215, HL226)."""

from __future__ import annotations

import pytest
from test_gc_slots import reported

HEAD_OF_NEW = "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
GC_NEW = "Obj *self = PyObject_GC_New(Obj, type);\nif (self == NULL) {\n    return NULL;\n}\n"
PLAIN_NEW = "Obj *self = PyObject_New(Obj, type);\nif (self == NULL) {\n    return NULL;\n}\n"
TP_ALLOC = "Obj *self = (Obj *)type->tp_alloc(type, 0);\nif (self == NULL) {\n    return NULL;\n}\n"
SET = "self->a = Py_NewRef(args);\nself->b = Py_NewRef(args);\n"
TRACK = "PyObject_GC_Track(self);\n"
RETURN = "return (PyObject *)self;"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(
            GC_NEW + SET + TRACK + RETURN,
            [],
            id="tracked",
        ),
        pytest.param(
            GC_NEW + SET + RETURN,
            [("HL205", "self")],
            id="never-tracked",
        ),
        pytest.param(
            GC_NEW + "self->a = NULL;\n" + TRACK + SET + RETURN,
            [("HL215", "b")],
            id="tracked-early",
        ),
        pytest.param(
            GC_NEW + "self->a = NULL;\nself->b = NULL;\n" + TRACK + SET + RETURN,
            [],
            id="tracked-early-null",
        ),
        pytest.param(
            GC_NEW + "memset(self, 0, sizeof(Obj));\n" + TRACK + SET + RETURN,
            [],
            id="tracked-early-memset",
        ),
        pytest.param(
            GC_NEW + SET + "if (args) {\n    " + TRACK + "}\n" + RETURN,
            [],
            id="tracked-one-way",
        ),
        pytest.param(
            GC_NEW + SET + "finish(self);\n" + RETURN,
            [],
            id="tracked-by-helper",
        ),
        pytest.param(
            TP_ALLOC + SET + TRACK + RETURN,
            [("HL215", "")],
            id="tracked-twice",
        ),
        pytest.param(
            TP_ALLOC + "PyObject_GC_UnTrack(self);\n" + SET + TRACK + RETURN,
            [],
            id="untracked-and-tracked",
        ),
        pytest.param(
            TP_ALLOC + SET + RETURN,
            [],
            id="alloc",
        ),
        pytest.param(
            PLAIN_NEW + SET + RETURN,
            [("HL205", "")],
            id="plain",
        ),
        pytest.param(
            "Obj *self = PyObject_NewVar(Obj, type, 3);\n" + SET + RETURN,
            [("HL205", "")],
            id="plain-var",
        ),
        pytest.param(
            "Obj *self = PyObject_Malloc(sizeof(Obj));\nPyObject_Init((PyObject *)self, type);\n" + SET + RETURN,
            [("HL205", "")],
            id="init-malloc",
        ),
        pytest.param(
            "Obj *self = free_list_pop();\nPyObject_Init((PyObject *)self, type);\n" + SET + RETURN,
            [],
            id="init-other",
        ),
        pytest.param(
            GC_NEW + SET + "if (PyErr_Occurred()) {\n    Py_DECREF(self);\n    return NULL;\n}\n" + TRACK + RETURN,
            [],
            id="failed-decref",
        ),
        pytest.param(
            GC_NEW + SET + "if (PyErr_Occurred()) {\n    PyObject_GC_Del(self);\n    return NULL;\n}\n" + TRACK + RETURN,
            [("HL226", "self")],
            id="failed-del",
        ),
        pytest.param(
            GC_NEW + "if (PyErr_Occurred()) {\n    PyObject_GC_Del(self);\n    Py_DECREF(type);\n    return NULL;\n}\n" + SET + TRACK + RETURN,
            [],
            id="failed-del-before",
        ),
        pytest.param(
            GC_NEW + "if (PyErr_Occurred()) {\n    PyObject_GC_Del(self);\n    return NULL;\n}\n" + SET + TRACK + RETURN,
            [("HL226", "self")],
            id="failed-del-type",
        ),
        pytest.param(
            GC_NEW + "self->a = Py_NewRef(args);\nif (PyErr_Occurred()) {\n    Py_DECREF(self->a);\n"
            "    PyObject_GC_Del(self);\n    Py_DECREF(type);\n    return NULL;\n}\nself->b = NULL;\n" + TRACK + RETURN,
            [],
            id="failed-del-released",
        ),
        pytest.param(
            GC_NEW + SET + "if (PyErr_Occurred()) {\n    PyObject_Del(self);\n    return NULL;\n}\n" + TRACK + RETURN,
            [("HL209", "self")],
            id="failed-wrong-del",
        ),
        pytest.param(
            TP_ALLOC + SET + "if (PyErr_Occurred()) {\n    type->tp_free(self);\n    return NULL;\n}\n" + RETURN,
            [("HL226", "self")],
            id="failed-tp_free",
        ),
        pytest.param(
            GC_NEW + "self->b = NULL;\nself->a = Py_NewRef(args);\nif (PyErr_Occurred()) {\n"
            "    PyObject_GC_Del(self);\n    Py_DECREF(type);\n    return NULL;\n}\n" + TRACK + RETURN,
            [("HL226", "self")],
            id="failed-after-one",
        ),
        pytest.param(
            GC_NEW + "self->b = NULL;\nself->a = NULL;\nif (PyErr_Occurred()) {\n    PyObject_GC_Del(self);\n"
            "    Py_DECREF(type);\n    return NULL;\n}\n" + SET + TRACK + RETURN,
            [],
            id="failed-null-member",
        ),
    ],
)
def test_new(body: str, found: list[tuple[str, str]]) -> None:
    assert reported(new=f"{HEAD_OF_NEW}{body}\n}}\n") == found
