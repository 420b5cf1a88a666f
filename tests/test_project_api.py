"""What a project says of its own functions, in the configuration or by attributes, is what the rules go by."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import sources

from heaplint import engine
from heaplint.capi.api import ApiFunction, parse
from heaplint.capi.declared import declared
from heaplint.config import Config, Overrides, Selectors, load
from heaplint.discovery import Discovery
from heaplint.pythons import TargetRange

SELECTED = Selectors(origin="test", select=("HL4", "HL5", "HL6"), ignore=("HL603", "HL604", "HL607"))
PROTOTYPES = """\
PyObject *my_new(PyObject *of);
PyObject *my_get(PyObject *of);
int my_put(PyObject *into, PyObject *value);
void my_drop(PyObject *object);
void my_fail(const char *why);
"""


def found(
    body: str, *facts: ApiFunction, prototypes: str = PROTOTYPES, config: Config | None = None
) -> list[tuple[str, str | None]]:
    """Rule and item of what is reported of a method with this body."""
    text = (
        f"#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n{prototypes}\n"
        f"static PyObject *\nrun(PyObject *self, PyObject *arg)\n{{\n{body}\n}}\n"
        'static PyMethodDef methods[] = {\n    {"run", run, METH_O, NULL},\n    {NULL, NULL, 0, NULL},\n};\n'
    )
    if config is None:
        api = {fact.name: fact for fact in facts}
        config = Config(target=TargetRange.parse(">=3.10"), selectors=(SELECTED,), api=api)
    result = engine.run(Discovery(Path("/"), Path("/"), tuple(sources(text).values()), ()), config, None)
    return [(one.rule, one.item) for one in result.findings]


NEW = declared("my_new", returns="new")
BORROWED = declared("my_get", returns="borrowed")
PUT = declared("my_put", returns="int", effects={"steals": [2]})
PUT_ON_SUCCESS = declared("my_put", returns="int", effects={"steals-on-success": [2]})
DROP = declared("my_drop", effects={"releases": [1]})
FAIL = declared("my_fail", flags=["raises"])

LOSES_NEW = "PyObject *made = my_new(arg);\nif (made == NULL)\n    return NULL;\nPy_RETURN_NONE;"
RELEASES_BORROWED = "PyObject *got = my_get(arg);\nif (got == NULL)\n    return NULL;\nPy_DECREF(got);\nPy_RETURN_NONE;"
TEXT = "PyObject *text = PyObject_Str(arg);\nif (text == NULL)\n    return NULL;\nPy_ssize_t size = PyUnicode_GET_LENGTH(text);\n"
PUTS = TEXT + "if (my_put(self, text) < 0) {\n    <failed>return NULL;\n}\n<after>return PyLong_FromSsize_t(size);"
RELEASED = "Py_DECREF(text);\n"


def puts(failed: str = "", after: str = "") -> str:
    return PUTS.replace("<failed>", failed).replace("<after>", after)


@pytest.mark.parametrize(
    ("body", "fact", "expected"),
    [
        pytest.param(LOSES_NEW, NEW, [("HL401", "made")], id="new-lost"),
        pytest.param("return my_new(arg);", NEW, [], id="new-returned"),
        pytest.param(RELEASES_BORROWED, BORROWED, [("HL404", "got")], id="borrowed-released"),
        pytest.param("PyObject *got = my_get(arg);\nreturn got;", BORROWED, [("HL405", "got")], id="borrowed-returned"),
        pytest.param("PyObject *got = my_get(arg);\nreturn Py_XNewRef(got);", BORROWED, [], id="borrowed-taken"),
        pytest.param(puts(), PUT, [], id="stolen"),
        pytest.param(puts(after=RELEASED), PUT, [("HL407", "text")], id="stolen-and-released"),
        pytest.param(puts(failed=RELEASED), PUT, [("HL407", "text")], id="stolen-and-released-on-failure"),
        pytest.param(puts(failed=RELEASED), PUT_ON_SUCCESS, [], id="stolen-on-success"),
        pytest.param(puts(), PUT_ON_SUCCESS, [("HL401", "text")], id="stolen-on-success-and-leaked-on-failure"),
        pytest.param(TEXT + "my_drop(text);\nPy_RETURN_NONE;", DROP, [], id="released"),
        pytest.param(TEXT + "my_drop(text);\nPy_DECREF(text);\nPy_RETURN_NONE;", DROP, [("HL406", "text")], id="released-twice"),
        pytest.param('my_fail("always");\nreturn NULL;', FAIL, [], id="raises"),
        pytest.param("return NULL;", FAIL, [("HL601", None)], id="raises-elsewhere"),
    ],
)  # fmt: skip
def test_what_the_configuration_says(body: str, fact: ApiFunction, expected: list[tuple[str, str | None]]) -> None:
    assert found(body, fact) == expected


@pytest.mark.parametrize("body", [LOSES_NEW, RELEASES_BORROWED, puts(), puts(after=RELEASED)])
def test_of_a_function_that_nobody_describes_nothing_is_said(body: str) -> None:
    assert found(body) == []


def test_a_line_in_the_grammar_of_the_data() -> None:
    assert found(LOSES_NEW, parse("my_new", "new (of)")) == [("HL401", "made")]
    body = "PyObject *made = my_new(arg);\nif (made == NULL)\n    return NULL;\nreturn made;"
    assert found(body, parse("my_new", "new clean (of)")) == [("HL601", "my_new")]


def test_what_is_said_counts_for_more_than_the_body() -> None:
    body = "PyObject *got = my_cached(arg);\nif (got == NULL)\n    return NULL;\nPy_DECREF(got);\nPy_RETURN_NONE;"
    helper = "static PyObject *\nmy_cached(PyObject *of)\n{\n    return PyObject_Str(of);\n}\n"
    assert found(body, prototypes=helper) == []
    assert found(body, declared("my_cached", returns="borrowed"), prototypes=helper) == [("HL404", "got")]


def test_a_macro_of_the_project() -> None:
    macro = "PyObject *my_make(PyObject *of);\n#define MY_NEW(of) my_make(of)\n"
    body = LOSES_NEW.replace("my_new", "MY_NEW")
    assert found(body, declared("my_make", returns="new"), prototypes=macro) == [("HL401", "made")]


def test_from_the_file_to_the_report(tmp_path: Path) -> None:
    (tmp_path / "heaplint.toml").write_text('select = ["HL401"]\n[api.my_new]\nreturns = "new"\n')
    assert found(LOSES_NEW, config=load(tmp_path, Overrides(), tmp_path)) == [("HL401", "made")]


@pytest.mark.parametrize(
    ("prototypes", "body", "expected"),
    [
        (
            "#define BORROWED __attribute__((cpychecker_returns_borrowed_ref))\nPyObject *my_get(PyObject *of) BORROWED;\n",
            RELEASES_BORROWED,
            [("HL404", "got")],
        ),
        (
            "#define STEALS(n) __attribute__((cpychecker_steals_reference_to_arg(n)))\n"
            "int my_put(PyObject *into, PyObject *value) STEALS(2);\n",
            TEXT + "my_put(self, text);\nPy_DECREF(text);\nreturn PyLong_FromSsize_t(size);",
            [("HL407", "text")],
        ),
        (
            "#define SETS __attribute__((cpychecker_sets_exception))\nvoid my_fail(const char *why) SETS;\n",
            'my_fail("always");\nreturn NULL;',
            [],
        ),
    ],
)
def test_what_attributes_say(prototypes: str, body: str, expected: list[tuple[str, str | None]]) -> None:
    assert found(body, prototypes=prototypes) == expected
