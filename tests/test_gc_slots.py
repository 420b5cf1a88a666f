"""The slots of one heap type, written in many ways: what its traverse, clear, dealloc and new must do (HL2)."""

from __future__ import annotations

import pytest
from reading import findings

HEAD = """#include <Python.h>
typedef struct { PyObject *x; int n; } Inner;
typedef struct {
    PyObject_HEAD
    PyObject *a;
    PyObject *b;
    PyObject *name;
    int n;
    PyObject *items[4];
    PyObject **many;
    Py_ssize_t size;
    PyObject *weak;
    Inner in;
} Obj;
"""
NEW = """static PyObject *
obj_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {
        return NULL;
    }
    Obj *self = (Obj *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->a = Py_NewRef(a);
    self->b = Py_NewRef(b);
    return (PyObject *)self;
}
"""
TRAVERSE = "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nreturn 0;"
CLEAR = "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\nreturn 0;"
DEALLOC = (
    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\nPy_CLEAR(self->a);\nPy_CLEAR(self->b);\n"
    "tp->tp_free(self);\nPy_DECREF(tp);"
)
GC = "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC"


def reported(
    *, traverse: str = TRAVERSE, clear: str = CLEAR, dealloc: str = DEALLOC, new: str = NEW, before: str = "",
    flags: str = GC, slots: str = "",
) -> list[tuple[str, str]]:
    """Rule and item of what is reported of a type whose slots do what is right but for what is given."""
    text = (
        f"{HEAD}{before}{new}static int\nobj_traverse(Obj *self, visitproc visit, void *arg)\n{{\n{traverse}\n}}\n"
        f"static int\nobj_clear(Obj *self)\n{{\n{clear}\n}}\nstatic void\nobj_dealloc(Obj *self)\n{{\n{dealloc}\n}}\n"
        "static PyType_Slot obj_slots[] = {\n    {Py_tp_new, obj_new},\n    {Py_tp_traverse, obj_traverse},\n"
        f"    {{Py_tp_clear, obj_clear}},\n    {{Py_tp_dealloc, obj_dealloc}},\n{slots}    {{0, NULL}},\n}};\n"
        f'static PyType_Spec obj_spec = {{"m.Obj", sizeof(Obj), 0, {flags}, obj_slots}};\n'
    )
    return sorted((one.rule, one.item or "") for one in findings(text) if one.rule.startswith("HL2"))


@pytest.mark.parametrize(
    ("traverse", "before", "found"),
    [
        pytest.param(
            "Py_VISIT(self->a);\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [("HL203", "")],
            id="no-type",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nreturn 0;",
            "",
            [("HL204", "b")],
            id="no-b",
        ),
        pytest.param(
            "return 0;",
            "",
            [("HL203", ""), ("HL204", "a,b")],
            id="none",
        ),
        pytest.param(
            "Py_VISIT(self->ob_base.ob_type);\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [],
            id="ob_type",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPy_VISIT(tp);\nPy_VISIT(self->a);\nPy_VISIT(self->b);\n"
            "return 0;",
            "",
            [],
            id="local-type",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nreturn visit_all(self, visit, arg);",
            "static int\nvisit_all(Obj *o, visitproc visit, void *arg)\n{\nPy_VISIT(o->a);\nPy_VISIT(o->b);\n"
            "return 0;\n}\n",
            [],
            id="helper",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nreturn visit_all(self, visit, arg);",
            "static int\nvisit_all(Obj *o, visitproc visit, void *arg)\n{\nPy_VISIT(o->a);\nreturn 0;\n}\n",
            [("HL204", "b")],
            id="helper-half",
        ),
        pytest.param(
            "Obj *o = (Obj *)self;\nPy_VISIT(Py_TYPE(o));\nPy_VISIT(o->a);\nPy_VISIT(((Obj *)self)->b);\n"
            "return 0;",
            "",
            [],
            id="cast",
        ),
        pytest.param(
            "int r;\nPy_VISIT(Py_TYPE(self));\nif (self->a && (r = visit(self->a, arg))) {\n    return r;\n}\n"
            "if (self->b) {\n    r = visit(self->b, arg);\n    if (r) {\n        return r;\n    }\n}\nreturn 0;",
            "",
            [],
            id="by-hand",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nvisit(self->a, arg);\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [("HL214", "")],
            id="dropped",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nPy_VISIT(&self->a);\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [("HL213", "a")],
            id="address",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [("HL213", "a")],
            id="twice",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nif (self->n) {\n    Py_VISIT(self->a);\n}\nelse {\n"
            "    Py_VISIT(self->a);\n}\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [],
            id="either",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nPy_VISIT(Py_TYPE(self));\n"
            "return 0;",
            "",
            [("HL213", "")],
            id="type-twice",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->n);\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nreturn 0;",
            "",
            [("HL213", "n")],
            id="number",
        ),
        pytest.param(
            "Py_INCREF(self->a);\nPy_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\n"
            "Py_DECREF(self->a);\nreturn 0;",
            "",
            [("HL214", ""), ("HL214", "")],
            id="incref",
        ),
        pytest.param(
            'Py_VISIT(Py_TYPE(self));\nPyObject_CallMethod(self->a, "x", NULL);\nPy_VISIT(self->a);\n'
            "Py_VISIT(self->b);\nreturn 0;",
            "",
            [("HL214", "")],
            id="calls",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nreturn visit_elsewhere(self, visit, arg);",
            "",
            [],
            id="unknown",
        ),
        pytest.param(
            "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nPy_VISIT(self->name);\n"
            "return 0;",
            "",
            [],
            id="not-owned",
        ),
    ],
)
def test_traverse(traverse: str, before: str, found: list[tuple[str, str]]) -> None:
    assert reported(traverse=traverse, before=before) == found


@pytest.mark.parametrize(
    ("clear", "before", "found"),
    [
        pytest.param(
            "Py_DECREF(self->a);\nPy_CLEAR(self->b);\nreturn 0;",
            "",
            [("HL220", "a")],
            id="decref",
        ),
        pytest.param(
            "Py_XDECREF(self->a);\nself->a = NULL;\nPy_CLEAR(self->b);\nreturn 0;",
            "",
            [],
            id="xdecref-null",
        ),
        pytest.param(
            "PyObject *t = self->a;\nself->a = NULL;\nPy_XDECREF(t);\nPy_CLEAR(self->b);\nreturn 0;",
            "",
            [],
            id="by-hand",
        ),
        pytest.param(
            "Py_XSETREF(self->a, NULL);\nPy_CLEAR(self->b);\nreturn 0;",
            "",
            [],
            id="setref",
        ),
        pytest.param(
            "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\nPy_DECREF(Py_TYPE(self));\nreturn 0;",
            "",
            [("HL212", "")],
            id="type",
        ),
        pytest.param(
            "empty(self);\nreturn 0;",
            "static void\nempty(Obj *o)\n{\nPy_CLEAR(o->a);\nPy_CLEAR(o->b);\n}\n",
            [],
            id="helper",
        ),
    ],
)
def test_clear(clear: str, before: str, found: list[tuple[str, str]]) -> None:
    assert reported(clear=clear, before=before) == found


@pytest.mark.parametrize(
    ("dealloc", "before", "found"),
    [
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
            "tp->tp_free(self);\nPy_DECREF(tp);",
            "",
            [],
            id="clear",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\n(void)obj_clear(self);\ntp->tp_free(self);\nPy_DECREF(tp);",
            "",
            [("HL206", "")],
            id="no-untrack",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPy_CLEAR(self->a);\nPyObject_GC_UnTrack(self);\n"
            "Py_CLEAR(self->b);\ntp->tp_free(self);\nPy_DECREF(tp);",
            "",
            [("HL206", "")],
            id="late-untrack",
        ),
        pytest.param(
            "PyObject_GC_UnTrack(self);\n(void)obj_clear(self);\nPy_TYPE(self)->tp_free(self);",
            "",
            [("HL207", "")],
            id="no-type",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\nPy_CLEAR(self->a);\n"
            "tp->tp_free(self);\nPy_DECREF(tp);",
            "",
            [("HL219", "b")],
            id="no-b",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
            "PyObject_GC_Del(self);\nPy_DECREF(tp);",
            "",
            [],
            id="gc-del",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
            "PyObject_Del(self);\nPy_DECREF(tp);",
            "",
            [("HL209", "")],
            id="plain-del",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
            "free(self);\nPy_DECREF(tp);",
            "",
            [("HL209", "")],
            id="c-free",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
            "freefunc fr = PyType_GetSlot(tp, Py_tp_free);\nfr(self);\nPy_DECREF(tp);",
            "",
            [],
            id="get-slot",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n"
            "Py_TRASHCAN_BEGIN(self, obj_dealloc)\n(void)obj_clear(self);\ntp->tp_free(self);\n"
            "Py_DECREF(tp);\nPy_TRASHCAN_END",
            "",
            [],
            id="trashcan",
        ),
        pytest.param(
            "PyTypeObject *tp = Py_TYPE(self);\nPy_TRASHCAN_BEGIN(self, obj_dealloc)\n"
            "PyObject_GC_UnTrack(self);\n(void)obj_clear(self);\ntp->tp_free(self);\nPy_DECREF(tp);\n"
            "Py_TRASHCAN_END",
            "",
            [],
            id="trashcan-late",
        ),
        pytest.param(
            "if (self->n) {\n    return;\n}\nPyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n"
            "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\ntp->tp_free(self);\nPy_DECREF(tp);",
            "",
            [],
            id="early-return",
        ),
    ],
)
def test_dealloc(dealloc: str, before: str, found: list[tuple[str, str]]) -> None:
    assert reported(dealloc=dealloc, before=before) == found


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        pytest.param({}, [], id="right"),
        pytest.param(
            {
                "flags": "Py_TPFLAGS_DEFAULT",
            },
            [("HL201", "")],
            id="no-gc-flag",
        ),
        pytest.param(
            {
                "slots": "    {Py_tp_members, obj_members},\n",
                "before": (
                    'static PyMemberDef obj_members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(Obj, weak), READONLY}, {NULL}};\n'
                    ""
                ),
            },
            [("HL223", "")],
            id="weak-not-cleared",
        ),
        pytest.param(
            {
                "slots": "    {Py_tp_members, obj_members},\n",
                "before": (
                    'static PyMemberDef obj_members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(Obj, weak), READONLY}, {NULL}};\n'
                    ""
                ),
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\nif (self->weak != NULL) {\n"
                    "    PyObject_ClearWeakRefs((PyObject *)self);\n}\nPy_CLEAR(self->a);\nPy_CLEAR(self->b);\n"
                    "tp->tp_free(self);\nPy_DECREF(tp);"
                ),
            },
            [],
            id="weak-cleared",
        ),
        pytest.param(
            {
                "slots": "    {Py_tp_members, obj_members},\n",
                "before": (
                    'static PyMemberDef obj_members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(Obj, weak), READONLY}, {NULL}};\n'
                    ""
                ),
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n"
                    "PyObject_ClearWeakRefs((PyObject *)self);\nPy_CLEAR(self->a);\nPy_CLEAR(self->b);\n"
                    "tp->tp_free(self);\nPy_DECREF(tp);"
                ),
                "traverse": (
                    "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nPy_VISIT(self->weak);\n"
                    "return 0;"
                ),
            },
            [("HL224", "weak")],
            id="weak-visited",
        ),
        pytest.param(
            {
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_DICT",
            },
            [("HL217", ""), ("HL217", "")],
            id="managed-dict",
        ),
        pytest.param(
            {
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MANAGED_DICT",
                "traverse": (
                    "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\n"
                    "return PyObject_VisitManagedDict((PyObject *)self, visit, arg);"
                ),
                "clear": (
                    "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\nPyObject_ClearManagedDict((PyObject *)self);\nreturn 0;"
                ),
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n"
                    "PyObject_ClearManagedDict((PyObject *)self);\nPy_CLEAR(self->a);\nPy_CLEAR(self->b);\n"
                    "tp->tp_free(self);\nPy_DECREF(tp);"
                ),
            },
            [],
            id="managed-dict-right",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    "    self->items[0] = Py_NewRef(b);\n    return (PyObject *)self;\n}\n"
                ),
            },
            [("HL204", "items"), ("HL219", "items")],
            id="array-owned",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    "    self->items[0] = Py_NewRef(b);\n    return (PyObject *)self;\n}\n"
                ),
                "traverse": (
                    "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\n"
                    "for (int i = 0; i < 4; i++) {\n    Py_VISIT(self->items[i]);\n}\nreturn 0;"
                ),
                "clear": (
                    "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\nfor (int i = 0; i < 4; i++) {\n"
                    "    Py_CLEAR(self->items[i]);\n}\nreturn 0;"
                ),
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
                    "tp->tp_free(self);\nPy_DECREF(tp);"
                ),
            },
            [],
            id="array-visited",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    "    self->in.x = Py_NewRef(b);\n    return (PyObject *)self;\n}\n"
                ),
            },
            [("HL204", "in.x"), ("HL219", "in.x")],
            id="inner-owned",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    "    self->in.x = Py_NewRef(b);\n    return (PyObject *)self;\n}\n"
                ),
                "traverse": (
                    "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nPy_VISIT(self->b);\nPy_VISIT(self->in.x);\n"
                    "return 0;"
                ),
                "clear": "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\nPy_CLEAR(self->in.x);\nreturn 0;",
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
                    "tp->tp_free(self);\nPy_DECREF(tp);"
                ),
            },
            [],
            id="inner-visited",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    '    self->name = PyUnicode_FromString("x");\n    return (PyObject *)self;\n}\n'
                ),
            },
            [("HL219", "name")],
            id="string-only",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    '    self->name = PyUnicode_FromString("x");\n    return (PyObject *)self;\n}\n'
                ),
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\nPy_CLEAR(self->name);\n"
                    "Py_CLEAR(self->a);\nPy_CLEAR(self->b);\ntp->tp_free(self);\nPy_DECREF(tp);"
                ),
            },
            [],
            id="string-kept",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = (Obj *)type->tp_alloc(type, 0);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = b;\n"
                    "    return (PyObject *)self;\n}\n"
                ),
                "clear": "Py_CLEAR(self->a);\nreturn 0;",
                "traverse": "Py_VISIT(Py_TYPE(self));\nPy_VISIT(self->a);\nreturn 0;",
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\nPy_CLEAR(self->a);\n"
                    "tp->tp_free(self);\nPy_DECREF(tp);"
                ),
            },
            [],
            id="borrowed-member",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = PyObject_GC_New(Obj, type);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    "    PyObject_GC_Track(self);\n    return (PyObject *)self;\n}\n"
                ),
            },
            [],
            id="new-gc-tracked",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = PyObject_GC_New(Obj, type);\n    if (self == NULL) {\n"
                    "        return NULL;\n    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n"
                    "    return (PyObject *)self;\n}\n"
                ),
            },
            [("HL205", "self")],
            id="new-gc-untracked",
        ),
        pytest.param(
            {
                "new": (
                    "static PyObject *\nobj_new(PyTypeObject *type, PyObject *args, PyObject *kw)\n{\n"
                    '    PyObject *a, *b;\n    if (!PyArg_ParseTuple(args, "OO", &a, &b)) {\n        return NULL;\n'
                    "    }\n    Obj *self = PyObject_New(Obj, type);\n    if (self == NULL) {\n        return NULL;\n"
                    "    }\n    self->a = Py_NewRef(a);\n    self->b = Py_NewRef(b);\n    return (PyObject *)self;\n"
                    "}\n"
                ),
            },
            [("HL205", "")],
            id="new-plain",
        ),
        pytest.param(
            {
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
                    "PyObject_GC_Del(self);\nPy_DECREF(tp);"
                ),
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE",
            },
            [],
            id="open-de-gc-del",
        ),
        pytest.param(
            {
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\nPyObject_GC_UnTrack(self);\n(void)obj_clear(self);\n"
                    "PyObject_Del(self);\nPy_DECREF(tp);"
                ),
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE",
            },
            [("HL209", "")],
            id="open-de-plain-del",
        ),
        pytest.param(
            {
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE",
            },
            [],
            id="open-right",
        ),
        pytest.param(
            {
                "dealloc": (
                    "PyTypeObject *tp = Py_TYPE(self);\n(void)obj_clear(self);\ntp->tp_free(self);\nPy_DECREF(tp);"
                ),
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE",
            },
            [("HL206", "")],
            id="open-de-no-untrack",
        ),
        pytest.param(
            {
                "dealloc": (
                    "PyObject_GC_UnTrack(self);\n(void)obj_clear(self);\nPy_TYPE(self)->tp_free(self);"
                ),
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE",
            },
            [("HL207", "")],
            id="open-de-no-type",
        ),
        pytest.param(
            {
                "flags": "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE",
            },
            [("HL201", "")],
            id="no-gc-open",
        ),
    ],
)
def test_members_flags_and_new(parts: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert reported(**parts) == found
