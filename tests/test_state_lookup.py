"""How functions find the module's state: through the type of the object, of an operand, of a base (HL310, HL312)."""

from __future__ import annotations

import pytest
from reading import findings

HEAD = """
#include <Python.h>
static struct PyModuleDef def;
typedef struct { int x; } State;
typedef struct { PyObject_HEAD int n; } Obj;
"""
OPEN = "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE"


def told(
    body: str, slot: str = "Py_tp_repr", signature: str = "PyObject *self", flags: str = OPEN, before: str = ""
) -> list[tuple[str, str | None]]:
    """Rule and item of what is reported of the function in a slot of a heap type."""
    text = (
        f"{HEAD}{before}static PyObject *\nf({signature})\n{{\n{body}\nreturn NULL;\n}}\n"
        f"static PyType_Slot s[] = {{{{{slot}, f}}, {{0, NULL}}}};\n"
        f'static PyType_Spec spec = {{"m.T", sizeof(Obj), 0, {flags}, s}};\n'
    )
    return [(one.rule, one.item) for one in findings(text) if one.rule in ("HL310", "HL312")]


@pytest.mark.parametrize(
    ("before", "body", "through_a_subclass"),
    [
        pytest.param(
            "",
            "PyObject *m = PyType_GetModule(Py_TYPE(self));",
            True,
            id="module",
        ),
        pytest.param(
            "",
            "State *st = PyType_GetModuleState(Py_TYPE(self));",
            True,
            id="state",
        ),
        pytest.param(
            "",
            "PyObject *m = PyType_GetModuleByDef(Py_TYPE(self), &def);",
            False,
            id="by-def",
        ),
        pytest.param(
            "",
            "PyTypeObject *tp = Py_TYPE(self);\nPyObject *m = PyType_GetModule(tp);",
            True,
            id="local",
        ),
        pytest.param(
            "",
            "PyObject *m = PyType_GetModule(self->ob_type);",
            True,
            id="ob_type",
        ),
        pytest.param(
            "",
            "PyObject *m = PyType_GetModule((PyTypeObject *)Py_NewRef(Py_TYPE(self)));",
            True,
            id="newref",
        ),
        pytest.param(
            "",
            "PyObject *m = PyType_GetModule(Py_TYPE(find(self)));",
            False,
            id="other-object",
        ),
        pytest.param(
            "",
            "PyTypeObject *tp = Py_TYPE(self);\ntp = other_type();\nPyObject *m = PyType_GetModule(tp);",
            False,
            id="spoilt",
        ),
        pytest.param(
            "static State *get(PyObject *o) { return PyType_GetModuleState(Py_TYPE(o)); }\n",
            "State *st = get(self);",
            True,
            id="helper",
        ),
        pytest.param(
            "static State *get(PyTypeObject *t) { return PyType_GetModuleState(t); }\n",
            "State *st = get(Py_TYPE(self));",
            True,
            id="helper-type",
        ),
        pytest.param(
            "static State *get(PyObject *o) { return PyType_GetModuleState(Py_TYPE(o)); }\n",
            "State *st = get(find(self));",
            False,
            id="helper-other",
        ),
        pytest.param(
            "static State *get(PyObject *o) { if (x) { return get(o); } return PyType_GetModuleState(Py_TYPE(o)); }\n"
            "",
            "State *st = get(self);",
            True,
            id="helper-recursive",
        ),
    ],
)
def test_the_type_of_the_object_may_be_a_subclass(before: str, body: str, through_a_subclass: bool) -> None:
    assert told(body, before=before) == [("HL310", None)] * through_a_subclass
    assert told(body, before=before, flags="Py_TPFLAGS_DEFAULT") == []


def test_a_class_is_given_to_tp_new() -> None:
    body = "PyObject *m = PyType_GetModule(type);"
    assert told(body, "Py_tp_new", "PyTypeObject *type, PyObject *args, PyObject *kw") == [("HL310", None)]
    assert told(body, "Py_tp_call", "PyObject *type, PyObject *args, PyObject *kw") == []


STATE = "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE({}), &def));"
TWO = "PyObject *a, PyObject *b"


@pytest.mark.parametrize(
    ("slot", "signature", "body", "foreign"),
    [
        pytest.param(
            "Py_nb_add", TWO,
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(a), &def));",
            "a",
            id="add-left",
        ),
        pytest.param(
            "Py_nb_add", TWO,
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(b), &def));",
            "b",
            id="add-right",
        ),
        pytest.param(
            "Py_nb_add", TWO,
            "PyObject *m = PyType_GetModuleByDef(Py_TYPE(a), &def);\nif (m == NULL) {\n    return NULL;\n}\n"
            "State *st = PyModule_GetState(m);",
            None,
            id="add-checked",
        ),
        pytest.param(
            "Py_nb_add", TWO,
            "if (!PyObject_TypeCheck(b, T)) {\n    Py_RETURN_NOTIMPLEMENTED;\n}\n"
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(b), &def));",
            None,
            id="add-asked",
        ),
        pytest.param(
            "Py_nb_add", TWO,
            "if (!PyObject_TypeCheck(b, T)) {\n    Py_RETURN_NOTIMPLEMENTED;\n}\n"
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(a), &def));",
            "a",
            id="add-asked-other",
        ),
        pytest.param(
            "Py_nb_add", TWO,
            "PyObject *m = PyType_GetModuleByDef(Py_TYPE(a), &def);\nPyErr_Clear();",
            None,
            id="add-cleared",
        ),
        pytest.param(
            "Py_nb_negative", "PyObject *a",
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(a), &def));",
            None,
            id="negative",
        ),
        pytest.param(
            "Py_nb_inplace_add", TWO,
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(a), &def));",
            None,
            id="inplace-left",
        ),
        pytest.param(
            "Py_nb_inplace_add", TWO,
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(b), &def));",
            "b",
            id="inplace-right",
        ),
        pytest.param(
            "Py_tp_richcompare", "PyObject *a, PyObject *b, int op",
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(a), &def));",
            None,
            id="compare-left",
        ),
        pytest.param(
            "Py_tp_richcompare", "PyObject *a, PyObject *b, int op",
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(b), &def));",
            "b",
            id="compare-right",
        ),
        pytest.param(
            "Py_tp_init", "PyObject *a, PyObject *b, PyObject *kw",
            "State *st = PyModule_GetState(PyType_GetModuleByDef(Py_TYPE(b), &def));",
            None,
            id="init",
        ),
    ],
)
def test_an_operand_may_be_of_any_type(slot: str, signature: str, body: str, foreign: str | None) -> None:
    assert told(body, slot, signature) == ([("HL312", foreign)] if foreign else [])


def test_an_operand_is_followed_into_a_helper() -> None:
    helper = "static State *get(PyObject *o)\n{\n    return " + STATE.format("o").partition(" = ")[2] + "\n}\n"
    assert told("State *st = get(b);", "Py_nb_add", TWO, before=helper) == [("HL312", "o")]
    assert told("State *st = get(known());", "Py_nb_add", TWO, before=helper) == []


BY_STATE = "State *st = PyModule_GetState(m);\n"


@pytest.mark.parametrize(
    ("use", "python"),
    [
        ("Py_VISIT(st->x);\nreturn 0;", "<=3.8"),
        ("if (st == NULL) {\n    return 0;\n}\nPy_VISIT(st->x);\nreturn 0;", None),
        ("return 0;", None),
    ],
)
def test_before_python_3_9_a_module_may_have_no_state_yet(use: str, python: str | None) -> None:
    text = (
        "#include <Python.h>\ntypedef struct { PyObject *x; } State;\n"
        f"static int\nm_traverse(PyObject *m, visitproc visit, void *arg)\n{{\n{BY_STATE}{use}\n}}\n"
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "m", .m_size = sizeof(State), '
        ".m_traverse = m_traverse};\n"
    )
    assert [one.python for one in findings(text, ">=3.8") if one.rule == "HL312"] == ([python] if python else [])
    assert [one for one in findings(text, ">=3.9") if one.rule == "HL312"] == []
