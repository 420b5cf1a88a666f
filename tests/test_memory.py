"""What a run holds on to: nothing that was read for a main file whose checks have been made, whoever read it."""

from __future__ import annotations

from reading import program

from heaplint import checking
from heaplint.flow.paths.analysis import analysis

FILES = {
    "a.c": "#include <Python.h>\nstatic int helper(PyObject *o) { return o != NULL; }\nint shared(PyObject *o) { return helper(o); }\n",
    "b.c": "#include <Python.h>\nint shared(PyObject *);\nint user(PyObject *o) { return shared(o); }\n",
}


def test_what_is_read_of_a_file_that_is_done_goes_with_whoever_read_it() -> None:
    linked = program(FILES)
    done, using = linked.group("a.c"), linked.group("b.c")
    text, unit = done.units[0].texts[0], using.units[0]
    checking.forget(done)
    assert unit.function("shared") is not None and text._parsed
    checking.forget(using)
    assert not text._parsed and not using.units[0].texts[0]._parsed
    assert unit.function("shared") is not None  # it can be read again


def test_what_is_read_of_a_file_that_is_to_be_checked_stays() -> None:
    linked = program(FILES)
    waiting, using = linked.group("a.c"), linked.group("b.c")
    assert using.units[0].function("shared") is not None
    checking.forget(using)
    assert waiting.units[0].texts[0]._parsed


def test_of_functions_that_nobody_else_can_call_no_summary_is_kept() -> None:
    linked = program(FILES)
    group = linked.group("a.c")
    found = analysis(group.units[0])
    names = {one.function.name for one in found.results()}
    assert names == {"helper", "shared"}
    checking.forget(group)
    assert {key[3] for key in found.known.summaries} == {"shared"}
    assert not found.known.results
    caller = analysis(linked.group("b.c").units[0])
    assert [one.summary is not None for one in caller.results()] == [True]
    assert {key[3] for key in found.known.summaries} == {"shared", "user"}


def test_the_structs_of_types_stay_the_same_objects() -> None:
    spec = (
        "#include <Python.h>\ntypedef struct { PyObject_HEAD PyObject *held; } Spam;\n"
        'static PyType_Slot slots[] = {{0, NULL}};\nPyType_Spec spec = {"m.S", sizeof(Spam), 0, Py_TPFLAGS_DEFAULT, slots};\n'
        "typedef struct { int x; } Other;\nvoid use(Other *o) { o->x = 1; }\n"
    )
    linked = program({"a.c": spec})
    group = linked.group("a.c")
    unit = group.units[0]
    (made,) = unit.types
    assert made.struct is not None and unit.struct("Spam") is made.struct
    other = unit.struct("Other")
    checking.forget(group)
    assert unit.struct("Spam") is made.struct
    assert unit.struct("Other") is not other
