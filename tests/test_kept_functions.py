"""What is kept of single functions: after a change only those are run along their paths that it concerns."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import sources

from heaplint import engine
from heaplint.cache import Store
from heaplint.cards import all_cards
from heaplint.config import Config
from heaplint.discovery import Discovery
from heaplint.engine import Result
from heaplint.filters.select import Selection
from heaplint.pythons import TargetRange

ROOT = Path("/project")
CONFIG = Config(target=TargetRange.parse(">=3.12"), frontend="tree-sitter")
RULES = Selection.from_config(CONFIG, all_cards(), root=ROOT).rules

CODE = """#include <Python.h>
#define MAKE() PyList_New(0)
static PyObject *make(void)
{
    return MAKE();
}
static PyObject *lose(PyObject *self)
{
    PyObject *list = make();
    if (list == NULL) {
        return NULL;
    }
    if (PyList_Append(list, self) < 0) {
        return NULL;
    }
    return list;
}
static int even(int n, PyObject *o);
static int odd(int n, PyObject *o)
{
    PyObject *s = PyObject_Str(o);
    if (s == NULL) {
        return -1;
    }
    if (n == 0) {
        return 0;
    }
    Py_DECREF(s);
    return even(n - 1, o);
}
static int even(int n, PyObject *o)
{
    return n == 0 ? 1 : odd(n - 1, o);
}
static long alone(PyObject *o)
{
    PyObject *item = PySequence_GetItem(o, 0);
    return item ? PyLong_AsLong(item) : -1;
}
"""


def found(text: str, store: Store | None) -> Result:
    files = {"one.c": text, **{f"more{number}.c": "#include <Python.h>\nint more;\n" for number in range(4)}}
    return engine.run(Discovery(ROOT, ROOT, tuple(sources(files).values()), ()), CONFIG, None, store)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path, ".")
    found(CODE, store)
    return store


def changed(old: str, new: str) -> str:
    assert old in CODE
    return CODE.replace(old, new, 1)


CASES = [
    pytest.param("#include <Python.h>\n", "#include <Python.h>\n/* moved */\n\n", set(), id="moved"),
    pytest.param("return item ?", "return item != NULL ?", {"alone"}, id="one function"),
    pytest.param("    return MAKE();", "    return (MAKE());", {"make"}, id="a helper that does the same"),
    pytest.param("    return MAKE();", "    return Py_None;", {"make", "lose"}, id="a helper that does something else"),
    pytest.param("PyList_New(0)", "PyList_New(1)", {"make"}, id="a macro"),
    pytest.param("return n == 0 ? 1 :", "return n == 0 ? 2 :", {"odd", "even"}, id="one of two that call each other"),
    pytest.param(
        "static long alone(PyObject *o)\n{", "static int even2(PyObject *o)\n{\n    return odd(1, o);\n}\nstatic long alone(PyObject *o)\n{",
        {"even2"}, id="one more",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_only_what_a_change_concerns_is_run(store: Store, run: list[str], old: str, new: str, expected: set[str]) -> None:
    text = changed(old, new)
    again = found(text, store)
    assert set(run) == expected
    assert again == found(text, None)


def test_a_function_with_a_new_role_is_run_again(store: Store, run: list[str]) -> None:
    table = 'static PyMethodDef methods[] = {{"alone", (PyCFunction)alone, METH_O, NULL}, {NULL}};\n'
    text = CODE + table
    again = found(text, store)
    assert set(run) == {"alone"}
    assert again == found(text, None)


def test_what_is_kept_lasts_over_several_changes(store: Store, run: list[str]) -> None:
    for number in range(3):
        found(changed("return item ?", f"return item != NULL && {number} ?"), store)
    assert run == ["alone"] * 3
    run.clear()
    found(CODE, store)
    assert run == ["alone"]


def test_there_is_something_to_find(store: Store) -> None:
    assert {one.rule for one in found(CODE, None).findings} >= {"HL401"}
