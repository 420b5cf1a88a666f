"""How a type is written: what is read of it, whatever form its author chose."""

from __future__ import annotations

import pytest
from reading import types

HEAD = "#include <Python.h>\ntypedef struct { PyObject_HEAD int n; } Obj;\n"
Shown = tuple[str | None, str, str, str | None, str, bool, int, str]


def shown(text: str) -> Shown | None:
    """Of the type T: its name, how it is written, its linkage, its struct, its slots ("?" when they are not known in
    full), whether they end, how many are given twice, and the function that it is local to."""
    made = types(HEAD + text).get("T")
    if made is None:
        return None
    return (
        made.name, made.written_as, "internal" if made.static_linkage else "shared",
        made.struct.name if made.struct is not None else None,
        "?" if made.slots_unknown else " ".join(f"{name}={slot.function}" for name, slot in sorted(made.slots.items())),
        made.slots_terminated, len(made.duplicates), made.local_to,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "read"),
    [
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", sizeof(Obj)};',
            ("m.T", "initializer", "internal", "Obj", "", True, 0, ""),
            id="static",
        ),
        pytest.param(
            'PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", sizeof(Obj)};',
            ("m.T", "initializer", "shared", "Obj", "", True, 0, ""),
            id="shared",
        ),
        pytest.param(
            "extern PyTypeObject T;",
            None,
            id="extern",
        ),
        pytest.param(
            "static PyTypeObject T;",
            (None, "runtime", "internal", None, "", True, 0, ""),
            id="tentative",
        ),
        pytest.param(
            'static PyTypeObject T;\nstatic PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T"};',
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="tentative-then-full",
        ),
        pytest.param(
            "static PyTypeObject T;\nstatic PyTypeObject T;",
            (None, "runtime", "internal", None, "", True, 0, ""),
            id="tentative-twice",
        ),
        pytest.param(
            'void f(void) { static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T"}; }',
            ("m.T", "initializer", "internal", None, "", True, 0, "f"),
            id="local-static",
        ),
        pytest.param(
            "void f(void) { static PyTypeObject T; }",
            (None, "runtime", "internal", None, "", True, 0, "f"),
            id="local-static-bare",
        ),
        pytest.param(
            "void f(void) { PyTypeObject T; }",
            None,
            id="local-bare",
        ),
        pytest.param(
            "static PyTypeObject *T;",
            None,
            id="pointer",
        ),
        pytest.param(
            "static PyTypeObject T[3];",
            None,
            id="array-bare",
        ),
        pytest.param(
            "typedef PyTypeObject T;",
            None,
            id="typedef",
        ),
        pytest.param(
            'static PyHeapTypeObject T = { .ht_type = {PyVarObject_HEAD_INIT(NULL, 0) "m.T"} };',
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="heap-type-object",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", offsetof(Obj, n)};',
            ("m.T", "initializer", "internal", "Obj", "", True, 0, ""),
            id="offsetof",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", sizeof(Obj) + 8};',
            ("m.T", "initializer", "internal", "Obj", "", True, 0, ""),
            id="size-plus",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", sizeof(Obj *)};',
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="size-pointer",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", 40};',
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="size-number",
        ),
        pytest.param(
            "static PyNumberMethods nums = {.nb_add = add, .nb_bool = NULL};\n"
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", .tp_as_number = &nums, .tp_repr = r};',
            ("m.T", "initializer", "internal", None, "nb_add=add tp_as_number=nums tp_repr=r", True, 0, ""),
            id="number-table",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", .tp_as_number = &elsewhere};',
            ("m.T", "initializer", "internal", None, "tp_as_number=elsewhere", True, 0, ""),
            id="table-unseen",
        ),
        pytest.param(
            'static PyTypeObject T = {PyObject_HEAD_INIT(NULL) 0, "m.T", sizeof(Obj)};',
            ("m.T", "initializer", "internal", "Obj", "", True, 0, ""),
            id="python-2-zero",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", sizeof(Obj), 0, d, 0, 0, 0, 0, r};',
            ("m.T", "initializer", "internal", "Obj", "tp_dealloc=d tp_repr=r", True, 0, ""),
            id="positional",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m.T", .tp_itemsize = 3, d};',
            ("m.T", "initializer", "internal", None, "tp_dealloc=d", True, 0, ""),
            id="mixed",
        ),
        pytest.param(
            '#define NAME "m.T"\nstatic PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) NAME};',
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="name-macro",
        ),
        pytest.param(
            'static const char name[] = "m.T";\n'
            "static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) name};",
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="name-variable",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) "m." "T"};',
            ("m.T", "initializer", "internal", None, "", True, 0, ""),
            id="name-joined",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", sizeof(Obj), 0, Py_TPFLAGS_DEFAULT, s};',
            ("m.T", "spec", "internal", "Obj", "tp_repr=r", True, 0, ""),
            id="spec",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, r}, {0, NULL}};\n"
            'PyType_Spec T = {"m.T", sizeof(Obj), 0, Py_TPFLAGS_DEFAULT, s};',
            ("m.T", "spec", "shared", "Obj", "tp_repr=r", True, 0, ""),
            id="spec-shared",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{.slot = Py_tp_repr, .pfunc = r}, {0}};\n"
            'static PyType_Spec T = {.name = "m.T", .basicsize = sizeof(Obj), .slots = s};',
            ("m.T", "spec", "internal", "Obj", "tp_repr=r", True, 0, ""),
            id="spec-designated",
        ),
        pytest.param(
            'static PyType_Slot s[] = {{Py_tp_repr, r}};\nstatic PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "tp_repr=r", False, 0, ""),
            id="spec-no-end",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{0, NULL}, {Py_tp_repr, r}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "", True, 0, ""),
            id="spec-after-end",
        ),
        pytest.param(
            'static PyType_Spec T = {"m.T", 0, 0, 0, NULL};',
            ("m.T", "spec", "internal", None, "", True, 0, ""),
            id="spec-null-slots",
        ),
        pytest.param(
            'static PyType_Spec T = {"m.T", 0, 0, 0, elsewhere};',
            ("m.T", "spec", "internal", None, "?", True, 0, ""),
            id="spec-slots-elsewhere",
        ),
        pytest.param(
            'static PyType_Spec T = {"m.T", 0, 0, 0, pick()};',
            ("m.T", "spec", "internal", None, "?", True, 0, ""),
            id="spec-slots-computed",
        ),
        pytest.param(
            'static PyType_Spec T = {"m.T", 0, 0, 0, (PyType_Slot []){{Py_tp_repr, r}, {0, NULL}}};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, ""),
            id="spec-slots-in-place",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, &s[0]};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, ""),
            id="spec-slots-address",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{OWN_ID, q}, {Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "?", True, 0, ""),
            id="spec-odd-slot",
        ),
        pytest.param(
            "static PyType_Slot s[] = {MORE_SLOTS, {Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "?", True, 0, ""),
            id="spec-odd-element",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_str}, {Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, ""),
            id="spec-slot-without-value",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, q}, {Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 1, ""),
            id="spec-twice",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};\nvoid f(void) { s[0].pfunc = q; }',
            ("m.T", "spec", "internal", None, "?", True, 0, ""),
            id="spec-patched",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, (void *)r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, ""),
            id="spec-cast",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, &r}, {0, NULL}};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, ""),
            id="spec-address",
        ),
        pytest.param(
            "static PyType_Spec T;",
            (None, "spec", "internal", None, "?", True, 0, ""),
            id="spec-bare",
        ),
        pytest.param(
            'void f(void) { PyType_Slot s[] = {{Py_tp_repr, r}, {0, NULL}}; PyType_Spec T = {"m.T", 0, 0, 0, s}; }',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, "f"),
            id="spec-local",
        ),
        pytest.param(
            "void f(void) { PyType_Spec T; }",
            None,
            id="spec-local-bare",
        ),
        pytest.param(
            "static PyType_Slot s[] = {{Py_tp_repr, r}, PySlot_END};\n"
            'static PyType_Spec T = {"m.T", 0, 0, 0, s};',
            ("m.T", "spec", "internal", None, "tp_repr=r", True, 0, ""),
            id="spec-new-end",
        ),
        pytest.param(
            'static PyStructSequence_Desc T = {"m.T", NULL, rows, 2};',
            ("m.T", "structseq", "internal", None, "", True, 0, ""),
            id="structseq",
        ),
        pytest.param(
            "static PyStructSequence_Desc T;",
            None,
            id="structseq-bare",
        ),
    ],
)
def test_a_type(text: str, read: Shown | None) -> None:
    assert shown(text) == read
