"""How a type is made and what it inherits: the calls that make it, its bases, its slots and flags once it is ready."""

from __future__ import annotations

import pytest
from reading import program, types

from heaplint.model.inherit import has_gc, immutable, instantiable, slot, subclassable

SPEC = """
#include <Python.h>
static PyType_Slot s[] = {{Py_tp_repr, r}, {0, NULL}};
static PyType_Spec spec = {"m.T", 0, 0, Py_TPFLAGS_DEFAULT, s};
static PyTypeObject Base = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Base", .tp_flags = Py_TPFLAGS_DEFAULT};
typedef struct { PyTypeObject *made; } State;
"""


def in_exec(helper: str, body: str) -> str:
    return f"{SPEC}{helper}static int\nexec(PyObject *m)\n{{\n{body}\nreturn 0;\n}}\n"


@pytest.mark.parametrize(
    ("helper", "body", "made"),
    [
        # the API that makes it, its bases ("?" when they are not known), the names that hold it
        pytest.param(
            "",
            "State *st = PyModule_GetState(m);\nst->made = (PyTypeObject *)PyType_FromSpec(&spec);",
            (["PyType_FromSpec"], [], ["made"]),
            id="from-spec",
        ),
        pytest.param(
            "",
            "PyObject *t = PyType_FromSpecWithBases(&spec, (PyObject *)&Base);",
            (["PyType_FromSpecWithBases"], ["Base"], ["t"]),
            id="with-bases",
        ),
        pytest.param(
            "",
            "PyObject *t = PyType_FromSpecWithBases(&spec, NULL);",
            (["PyType_FromSpecWithBases"], [], ["t"]),
            id="with-null",
        ),
        pytest.param(
            "",
            "PyObject *t = PyType_FromModuleAndSpec(m, &spec, (PyObject *)&Base);",
            (["PyType_FromModuleAndSpec"], ["Base"], ["t"]),
            id="module",
        ),
        pytest.param(
            "",
            "PyObject *t = PyType_FromMetaclass(NULL, m, &spec, (PyObject *)&PyList_Type);",
            (["PyType_FromMetaclass"], ["PyList_Type"], ["t"]),
            id="metaclass",
        ),
        pytest.param(
            "",
            "PyObject *b = PyTuple_Pack(2, &Base, PyExc_ValueError);\n"
            "PyObject *t = PyType_FromModuleAndSpec(m, &spec, b);",
            (["PyType_FromModuleAndSpec"], ["Base", "PyExc_ValueError"], ["t"]),
            id="packed",
        ),
        pytest.param(
            "",
            "PyObject *t = PyType_FromModuleAndSpec(m, &spec, PyTuple_Pack(1, &PyLong_Type));",
            (["PyType_FromModuleAndSpec"], ["PyLong_Type"], ["t"]),
            id="packed-in-place",
        ),
        pytest.param(
            "",
            'PyObject *b = PyObject_GetAttrString(m, "Base");\n'
            "PyObject *t = PyType_FromModuleAndSpec(m, &spec, b);",
            (["PyType_FromModuleAndSpec"], "?", ["t"]),
            id="stranger",
        ),
        pytest.param(
            "static PyTypeObject *add(PyObject *m, PyType_Spec *sp, PyTypeObject *base) {\n"
            "    return (PyTypeObject *)PyType_FromModuleAndSpec(m, sp, (PyObject *)base);\n}\n",
            "PyTypeObject *t = add(m, &spec, &Base);",
            (["PyType_FromModuleAndSpec"], ["Base"], ["t"]),
            id="helper",
        ),
        pytest.param(
            "static PyTypeObject *add(PyObject *m, PyType_Spec *sp, PyTypeObject *base) {\n"
            "    return (PyTypeObject *)PyType_FromModuleAndSpec(m, sp, (PyObject *)base);\n}\n",
            "PyTypeObject *t = add(m, &spec, NULL);",
            (["PyType_FromModuleAndSpec"], [], ["t"]),
            id="helper-null",
        ),
        pytest.param(
            "static PyObject *add(PyObject *m, PyType_Spec *sp) {\n"
            "    return PyType_FromModuleAndSpec(m, sp, NULL);\n}\n",
            "PyObject *t = add(m, &spec);",
            (["PyType_FromModuleAndSpec"], [], ["t"]),
            id="helper-no-bases",
        ),
        pytest.param(
            "static PyObject *add(PyObject *m, PyType_Spec *sp, PyTypeObject *base) {\n"
            "    PyObject *bases = PyTuple_Pack(1, base);\n"
            "    return PyType_FromModuleAndSpec(m, sp, bases);\n}\n",
            "PyObject *t = add(m, &spec, &Base);",
            (["PyType_FromModuleAndSpec"], ["Base"], ["t"]),
            id="helper-packs",
        ),
        pytest.param(
            "static PyObject *add(PyObject *m, PyType_Spec *sp, PyTypeObject *base) {\n"
            "    PyObject *bases;\n    bases = PyTuple_Pack(1, base);\n"
            "    return PyType_FromModuleAndSpec(m, sp, bases);\n}\n",
            "PyObject *t = add(m, &spec, &Base);",
            (["PyType_FromModuleAndSpec"], ["Base"], ["t"]),
            id="helper-packs-assigned",
        ),
        pytest.param(
            "static PyObject *add(PyObject *m, PyType_Spec *sp) {\n    PyObject *bases = find_bases();\n"
            "    return PyType_FromModuleAndSpec(m, sp, bases);\n}\n",
            "PyObject *t = add(m, &spec);",
            (["PyType_FromModuleAndSpec"], "?", ["t"]),
            id="helper-own-bases",
        ),
        pytest.param(
            "static PyObject *inner(PyType_Spec *a, PyObject *m, PyObject *b) {\n"
            "    return PyType_FromModuleAndSpec(m, a, b);\n}\n"
            "static PyObject *add(PyObject *m, PyType_Spec *sp, PyTypeObject *base) {\n"
            "    return inner(sp, m, (PyObject *)base);\n}\n",
            "PyObject *t = add(m, &spec, &Base);",
            (["PyType_FromModuleAndSpec"], ["Base"], ["t"]),
            id="two-helpers",
        ),
        pytest.param(
            "static int add(PyObject *m, PyType_Spec *sp, PyTypeObject **to) {\n"
            "    *to = (PyTypeObject *)PyType_FromModuleAndSpec(m, sp, NULL);\n    return *to ? 0 : -1;\n}\n",
            "State *st = PyModule_GetState(m);\nadd(m, &spec, &st->made);",
            (["PyType_FromModuleAndSpec"], [], ["made"]),
            id="helper-out",
        ),
        pytest.param(
            "",
            "PyObject *t = make_elsewhere(m, &spec);",
            (["?"], "?", ["t"]),
            id="helper-unseen",
        ),
        pytest.param(
            "static PyTypeObject *kept;\n",
            "PyObject *t = PyType_FromSpec(&spec);\nkept = (PyTypeObject *)t;",
            (["PyType_FromSpec"], [], ["kept", "t"]),
            id="copied",
        ),
        pytest.param(
            "static PyObject *kept;\n",
            "PyObject *t = kept = PyType_FromSpec(&spec);",
            (["PyType_FromSpec"], [], ["kept", "t"]),
            id="chained",
        ),
        pytest.param(
            "",
            "PyErr_Format(PyExc_ValueError, spec.name);",
            ([], [], []),
            id="not-used",
        ),
    ],
)
def test_the_call_that_makes_a_type(helper: str, body: str, made: tuple[list[str], list[str] | str, list[str]]) -> None:
    found = types(in_exec(helper, body))["spec"]
    bases = "?" if found.bases_unknown else [one if isinstance(one, str) else one.symbol for one in found.bases]
    assert ([one.api for one in found.creations], bases, sorted(found.targets)) == made
    assert all(one.function == "exec" for one in found.creations)


@pytest.mark.parametrize(
    ("body", "flags", "unknown"),
    [
        ("spec.flags |= Py_TPFLAGS_HAVE_GC;", {"Py_TPFLAGS_DEFAULT", "Py_TPFLAGS_HAVE_GC"}, False),
        ("spec.flags = Py_TPFLAGS_BASETYPE;", {"Py_TPFLAGS_BASETYPE"}, False),
        ("spec.flags &= ~Py_TPFLAGS_DEFAULT;", {"Py_TPFLAGS_DEFAULT"}, True),
        ("other.flags = Py_TPFLAGS_BASETYPE;", {"Py_TPFLAGS_DEFAULT"}, False),
        ("spec->flags = Py_TPFLAGS_BASETYPE;", {"Py_TPFLAGS_DEFAULT"}, False),
        ("spec.flags |= 1UL << 18;", {"Py_TPFLAGS_DEFAULT"}, True),
    ],
)
def test_flags_set_before_the_type_is_made(body: str, flags: set[str], unknown: bool) -> None:
    found = types(in_exec("", f"{body}\nPyObject *t = PyType_FromSpec(&spec);"))["spec"].flags
    assert found is not None
    assert (found.names, bool(found.unknown)) == (flags, unknown)


def test_fields_set_before_a_static_type_is_ready() -> None:
    body = (
        "Base.tp_base = &PyList_Type;\nBase.tp_new = base_new;\nBase.tp_basicsize = sizeof(State);\n"
        "Base.tp_flags |= Py_TPFLAGS_HAVE_GC;\nPyType_Ready(&Base);"
    )
    base = types(in_exec("", body))["Base"]
    assert base.flags is not None and base.flags.names == {"Py_TPFLAGS_DEFAULT", "Py_TPFLAGS_HAVE_GC"}
    assert base.bases == ["PyList_Type"]
    assert {name: one.function for name, one in base.slots.items() if one.runtime} == {
        "tp_base": "PyList_Type", "tp_new": "base_new",
    }  # fmt: skip
    assert base.basicsize is not None


def test_a_slot_set_through_a_pointer_to_the_new_type() -> None:
    body = "PyObject *t = PyType_FromSpec(&spec);\n((PyTypeObject *)t)->tp_new = NULL;"
    made = types(in_exec("", body))["spec"]
    assert (slot(made, "tp_new").kind, instantiable(made)) == ("absent", False)


def test_specs_in_an_array_are_made_one_by_one_or_all() -> None:
    more = 'static PyType_Spec more[] = {{"m.A", 0, 0, 0, s}, {"m.B", 0, 0, 0, s}, {"m.C", 0, 0, 0, s}};\n'
    for body, made in (
        ("a = PyType_FromSpec(&more[0]);", [["a"], [], []]),
        ("a = PyType_FromSpec(&more[1]); c = PyType_FromSpec(more + 2);", [[], ["a"], ["c"]]),
        ("for (int i = 0; i < 3; i++) { all[i] = PyType_FromSpec(&more[i]); }", [["all"], ["all"], ["all"]]),
    ):
        found = types(in_exec(more + "static PyObject *a, *c, *all[3];\n", body))
        assert [sorted(found[f"more[{index}]"].targets) for index in range(3)] == made, body


def test_a_spec_that_another_file_makes_a_type_of() -> None:
    files = {
        "a.c": SPEC.replace("static PyType_Spec", "PyType_Spec") + 'static PyType_Spec own = {"m.O", 0, 0, 0, s};\n',
        "b.c": "#include <Python.h>\nextern PyType_Spec spec;\nextern PyType_Spec own;\nint ex(PyObject *m)\n{\n"
        "PyObject *t = PyType_FromModuleAndSpec(m, &spec, (PyObject *)&PyList_Type);\n"
        "PyObject *u = PyType_FromModuleAndSpec(m, &own, NULL);\nreturn 0;\n}\n",
    }
    found = types(files)
    assert (found["spec"].bases, [(one.path, one.function) for one in found["spec"].creations]) == (["PyList_Type"], [("b.c", "ex")])
    assert found["own"].creations == []  # the other file means another one


def test_local_specs_of_one_name() -> None:
    text = SPEC + "".join(
        f"static PyObject *\n{name}(PyObject *m)\n{{\n"
        f'PyType_Spec local = {{"m.{name}", 0, 0, 0, s}};\nreturn PyType_FromModuleAndSpec(m, &local, (PyObject *)&{base});\n}}\n'
        for name, base in (("first", "PyList_Type"), ("second", "PyDict_Type"))
    )
    found = {one.name: one.bases for unit in program(text).units for one in unit.types if one.symbol == "local"}
    assert found == {"m.first": ["PyList_Type"], "m.second": ["PyDict_Type"]}


def static(symbol: str, fields: str) -> str:
    head = 'PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.' + symbol + '"'
    return f"static PyTypeObject {symbol} = {{{head}, {fields}}};\n"


INHERITING = "#include <Python.h>\n" + "".join(
    static(symbol, f".tp_flags = {flags}{more}")
    for symbol, flags, more in (
        ("Plain", "Py_TPFLAGS_DEFAULT", ""),
        ("OfList", "Py_TPFLAGS_DEFAULT", ", .tp_base = &PyList_Type"),
        ("OfLong", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE", ", .tp_base = &PyLong_Type"),
        ("OfObject", "Py_TPFLAGS_DEFAULT", ", .tp_base = &PyBaseObject_Type"),
        ("OfGenerator", "Py_TPFLAGS_DEFAULT", ", .tp_base = &PyGen_Type"),
        ("OfStranger", "Py_TPFLAGS_DEFAULT", ", .tp_base = &Stranger_Type"),
        ("Gc", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC", ", .tp_traverse = gc_traverse, .tp_clear = gc_clear, .tp_dealloc = gc_dealloc"),
        ("OfGc", "Py_TPFLAGS_DEFAULT", ", .tp_base = &Gc"),
        ("OfOfGc", "Py_TPFLAGS_DEFAULT", ", .tp_base = &OfGc, .tp_new = own_new"),
        ("OfGcTraverse", "Py_TPFLAGS_DEFAULT", ", .tp_base = &Gc, .tp_traverse = my_traverse"),
        ("OfGcFlag", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC", ", .tp_base = &Gc"),
        ("NullNew", "Py_TPFLAGS_DEFAULT", ", .tp_base = &PyList_Type, .tp_new = NULL"),
        ("NotCalled", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION", ", .tp_new = own_new"),
        ("OddFlags", "SOME_FLAGS", ""),
        ("OfOddFlags", "Py_TPFLAGS_DEFAULT", ", .tp_base = &OddFlags"),
    )
) + """
static PyType_Slot repr_slots[] = {{Py_tp_repr, r}, {0, NULL}};
static PyType_Spec heap = {"m.Heap", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, repr_slots};
static PyType_Slot list_slots[] = {{Py_tp_base, &PyList_Type}, {0, NULL}};
static PyType_Spec heap_list = {"m.HeapList", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, list_slots};
static PyType_Slot dealloc_slots[] = {{Py_tp_dealloc, d_dealloc}, {0, NULL}};
static PyType_Spec heap_dealloc = {"m.D", 0, 0, 0, dealloc_slots};
static PyType_Spec heap_elsewhere = {"m.E", 0, 0, Py_TPFLAGS_DEFAULT, more_slots};
"""


@pytest.mark.parametrize(
    ("symbol", "gc", "slots", "called", "subclassed", "closed"),
    [
        # GC; whose tp_traverse, tp_new, tp_dealloc and tp_repr it has; whether Python can call it, derive from it, change it
        ("Plain", False, "- - PyBaseObject_Type -", False, False, True),
        ("OfList", True, "PyList_Type PyList_Type PyList_Type PyList_Type", True, False, True),
        ("OfLong", False, "- PyLong_Type PyLong_Type PyLong_Type", True, True, True),
        ("OfObject", False, "- PyBaseObject_Type PyBaseObject_Type -", True, False, True),
        ("OfGenerator", True, "PyGen_Type PyBaseObject_Type PyGen_Type PyGen_Type", True, False, True),
        ("OfStranger", None, "? ? ? ?", None, False, True),
        ("Gc", True, "Gc - Gc -", False, False, True),
        ("OfGc", True, "Gc PyBaseObject_Type Gc -", True, False, True),
        ("OfOfGc", True, "Gc OfOfGc Gc -", True, False, True),
        ("OfGcTraverse", False, "OfGcTraverse PyBaseObject_Type Gc -", True, False, True),
        ("OfGcFlag", True, "- PyBaseObject_Type Gc -", True, False, True),
        ("NullNew", True, "PyList_Type PyList_Type PyList_Type PyList_Type", True, False, True),
        ("NotCalled", False, "- NotCalled PyBaseObject_Type -", False, False, True),
        ("OddFlags", None, "? - PyBaseObject_Type -", None, None, True),
        ("OfOddFlags", None, "? PyBaseObject_Type PyBaseObject_Type -", True, False, True),
        ("heap", False, "- PyBaseObject_Type subtype_dealloc heap", True, False, True),
        ("heap_list", True, "PyList_Type PyList_Type subtype_dealloc PyList_Type", True, True, False),
        ("heap_dealloc", False, "- PyBaseObject_Type heap_dealloc -", True, False, False),
        ("heap_elsewhere", None, "? ? ? ?", None, False, False),
    ],
)  # fmt: skip
def test_what_a_type_inherits(
    symbol: str, gc: bool | None, slots: str, called: bool | None, subclassed: bool | None, closed: bool | None
) -> None:
    made = types(INHERITING)[symbol]
    found = [slot(made, name) for name in ("tp_traverse", "tp_new", "tp_dealloc", "tp_repr")]
    shown = [one.builtin or (one.owner.symbol if one.owner else {"absent": "-"}.get(one.kind, "?")) for one in found]
    assert " ".join(shown) == slots
    assert (has_gc(made), instantiable(made), subclassable(made), immutable(made)) == (gc, called, subclassed, closed)
    assert all((one.kind == "inherited") == (one.owner is not None and one.owner is not made) for one in found)
