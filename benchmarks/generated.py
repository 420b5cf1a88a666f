"""A C extension of any size, the same each time: types, a module, and functions with branches, loops and gotos.

No copy shares a name with another, so that twice the extension is twice the work and nothing else.
"""

from __future__ import annotations

HEAD = """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "shared.h"

"""

SHARED = """\
#ifndef SHARED_H
#define SHARED_H
#define RELEASE_ALL(a, b) do { Py_XDECREF(a); Py_XDECREF(b); } while (0)
#if PY_VERSION_HEX < 0x030A0000
#define Py_NewRef(o) (Py_INCREF(o), (o))
#endif
#endif
"""

PART = """\
typedef struct {
    PyObject_HEAD
    PyObject *items_@;
    PyObject *owner_@;
    Py_ssize_t used_@;
} Basket@;

static int
basket@_traverse(Basket@ *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->items_@);
    return 0;
}

static int
basket@_clear(Basket@ *self)
{
    Py_CLEAR(self->items_@);
    Py_CLEAR(self->owner_@);
    return 0;
}

static void
basket@_dealloc(Basket@ *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    basket@_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
basket@_pick(Basket@ *self, PyObject *key, Py_ssize_t most)
{
    PyObject *found = NULL, *list = PyList_New(0);
    if (list == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(self->items_@); i++) {
        PyObject *item = PyList_GetItem(self->items_@, i);
        int same = PyObject_RichCompareBool(item, key, Py_EQ);
        if (same < 0) {
            goto error;
        }
        if (!same || i > most) {
            continue;
        }
        found = PyNumber_Add(item, key);
        if (found == NULL || PyList_Append(list, found) < 0) {
            goto error;
        }
        Py_CLEAR(found);
    }
    return list;
error:
    RELEASE_ALL(found, list);
    return NULL;
}

static PyObject *
basket@_join(Basket@ *self, PyObject *args)
{
    PyObject *other, *text, *pair;
    if (!PyArg_ParseTuple(args, "O", &other)) {
        return NULL;
    }
    switch (self->used_@) {
    case 0:
        Py_RETURN_NONE;
    case 1:
        text = Py_NewRef(other);
        break;
    default:
        text = PyObject_Str(other);
        if (text == NULL) {
            return NULL;
        }
    }
    pair = PyTuple_Pack(2, text, self->owner_@);
#if PY_VERSION_HEX >= 0x030C0000
    Py_DECREF(text);
#endif
    while (pair != NULL && self->used_@ > PyTuple_GET_SIZE(pair)) {
        PyObject *longer = PySequence_Concat(pair, pair);
        Py_DECREF(pair);
        pair = longer;
    }
    return pair;
}

static PyMethodDef basket@_methods[] = {
    {"join", (PyCFunction)basket@_join, METH_VARARGS, NULL},
    {NULL},
};

static PyType_Slot basket@_slots[] = {
    {Py_tp_traverse, basket@_traverse},
    {Py_tp_clear, basket@_clear},
    {Py_tp_dealloc, basket@_dealloc},
    {Py_tp_methods, basket@_methods},
    {0, NULL},
};

static PyType_Spec basket@_spec = {
    .name = "baskets@.Basket",
    .basicsize = sizeof(Basket@),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = basket@_slots,
};

PyObject *
make_basket@(PyObject *module, PyObject *bases)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &basket@_spec, bases);
    if (type == NULL || PyModule_AddObject(module, "Basket@", type) < 0) {
        return NULL;
    }
    return basket@_pick((Basket@ *)type, bases, 3);
}

"""

TAIL = """\
static int
baskets@_exec(PyObject *module)
{
    return 0;
}

static PyModuleDef_Slot baskets@_slots[] = {
    {Py_mod_exec, baskets@_exec},
    {0, NULL},
};

static struct PyModuleDef baskets@_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "baskets@",
    .m_slots = baskets@_slots,
};

PyMODINIT_FUNC
PyInit_baskets@(void)
{
    return PyModuleDef_Init(&baskets@_def);
}
"""


def extension(files: int, types: int) -> dict[str, bytes]:
    """So many C files with so many types each, and the header that they share: names to contents."""
    tree = {"shared.h": SHARED}
    for file in range(files):
        parts = [PART.replace("@", f"{file}_{kind}") for kind in range(types)]
        tree[f"baskets{file}.c"] = HEAD + "".join(parts) + TAIL.replace("@", str(file))
    return {name: text.encode() for name, text in tree.items()}
