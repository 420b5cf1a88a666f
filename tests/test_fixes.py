"""Fixes: what they write, that they cure what they are for and nothing else, and how files keep their shape."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from test_cards import CARDS, TARGET, blocks, named

from heaplint import engine
from heaplint.cards import Card, Example
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.findings import Edit, Finding, Fix, Span
from heaplint.fixes import FIXERS
from heaplint.fixes.apply import apply
from heaplint.pythons import TargetRange
from heaplint.repair import Repaired, repair
from heaplint.source import SourceFile


def configuration(text: str, *rules: str, target: str = "") -> Config:
    found = TARGET.match(text)
    return Config(
        target=TargetRange.parse(target or (found.group(1) if found else ">=3.10")),
        selectors=(Selectors(origin="test", select=None, extend_select=rules, ignore=()),),
    )


def repaired(data: str | bytes, *rules: str, unsafe: bool = True, target: str = "", path: str = "example.c") -> Repaired:
    source = SourceFile(path, data if isinstance(data, bytes) else data.encode())
    text = source.data.decode(errors="replace")
    discovery = Discovery(root=Path("/"), project=Path("/"), files=(source,), notices=())
    return repair(discovery, configuration(text, *rules, target=target), None, unsafe=unsafe)


def after(outcome: Repaired) -> str:
    return outcome.discovery.files[0].data.decode()


def subject(finding: Finding) -> tuple[str | None, ...]:
    return finding.rule, finding.symbol, finding.function, finding.item


def test_the_cards_say_which_rules_have_fixes() -> None:
    assert {card.id for card in CARDS.values() if card.fix != "none"} == set(FIXERS)


@pytest.mark.parametrize(("card", "number", "example"), blocks("Bad"), ids=named)
def test_a_fixed_example_is_clean_for_what_was_fixed(card: Card, number: int, example: Example) -> None:
    """Nothing that was fixed is found again, nothing new is found, and there is nothing left to fix."""
    text = example.text
    source = SourceFile(example.path, text.encode())
    discovery = Discovery(root=Path("/"), project=Path("/"), files=(source,), notices=())
    before = engine.run(discovery, configuration(text, card.id), None).findings
    outcome = repaired(text, card.id, path=example.path)
    left = {subject(finding) for finding in outcome.result.findings}
    assert not left & {subject(finding) for finding in outcome.fixed if finding.fix is not None}
    assert left <= {subject(finding) for finding in before}
    assert all(finding.fix is None for finding in outcome.result.findings)
    assert repaired(after(outcome), card.id, path=example.path).changed == {}


@pytest.mark.parametrize("card", [card for card in CARDS.values() if card.fix != "none"], ids=lambda card: card.id)
def test_every_rule_with_fixes_fixes_one_of_its_examples(card: Card) -> None:
    assert any(
        finding.rule == card.id
        for example in card.examples("Bad")
        for finding in repaired(example.text, card.id, path=example.path).fixed
    )


TIMER = """\
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *callback;
} Timer;

static int
timer_init(Timer *self, PyObject *args, PyObject *kwargs)
{
    Py_XSETREF(self->callback, Py_NewRef(args));
    return 0;
}

static void
timer_dealloc(Timer *self)
{
    Py_XDECREF(self->callback);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* What a timer can do. */
static PyType_Slot timer_slots[] = {
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, timer_init},
    {Py_tp_dealloc, timer_dealloc},
    {0, NULL},
};

PyType_Spec timer_spec = {
    .name = "clock.Timer",
    .basicsize = sizeof(Timer),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = timer_slots,
};
"""

WHOLE = """\
static void
timer_dealloc(Timer *self)
{
    PyTypeObject *tp = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_XDECREF(self->callback);
    Py_TYPE(self)->tp_free((PyObject *)self);
    Py_DECREF(tp);
}

static int
timer_traverse(PyObject *op, visitproc visit, void *arg)
{
    Timer *self = (Timer *)op;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->callback);
    return 0;
}

static int
timer_clear(PyObject *op)
{
    Timer *self = (Timer *)op;
    Py_CLEAR(self->callback);
    return 0;
}

/* What a timer can do. */
static PyType_Slot timer_slots[] = {
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, timer_init},
    {Py_tp_dealloc, timer_dealloc},
    {Py_tp_traverse, timer_traverse},
    {Py_tp_clear, timer_clear},
    {0, NULL},
};
"""


def test_the_whole_protocol_is_written() -> None:
    fixed = after(repaired(TIMER))
    assert WHOLE in fixed
    assert ".flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC," in fixed


def test_what_needs_a_look_is_left_alone_unless_asked_for() -> None:
    assert "Py_tp_clear" not in after(repaired(TIMER, unsafe=False))
    assert "Py_DECREF(tp);" in after(repaired(TIMER, unsafe=False))


def test_the_type_is_visited_under_a_guard_where_python_3_8_is_a_target() -> None:
    guarded = "#if PY_VERSION_HEX >= 0x03090000\n    Py_VISIT(Py_TYPE(self));\n#endif\n"
    assert guarded in after(repaired(TIMER, target=">=3.8"))
    assert guarded not in after(repaired(TIMER, target=">=3.9"))


@pytest.mark.parametrize("shape", ["crlf", "tabs", "bom"])
def test_a_file_keeps_its_shape(shape: str) -> None:
    def shaped(text: str) -> bytes:
        if shape == "tabs":
            text = text.replace("    ", "\t")
        data = text.encode()
        return b"\xef\xbb\xbf" + data if shape == "bom" else data.replace(b"\n", b"\r\n") if shape == "crlf" else data

    outcome = repaired(shaped(TIMER))
    assert outcome.discovery.files[0].data == shaped(after(repaired(TIMER)))


def finding(*edits: Edit, rule: str = "HL108", unsafe: bool = False) -> Finding:
    fix = Fix("unsafe" if unsafe else "safe", edits)
    return Finding(rule, "x", "warning", "high", "m", Span("a.c", 1, 1, 1, 2), fix=fix)


@pytest.mark.parametrize(
    ("second", "made"),
    [
        ((4, 6), 2),
        ((2, 4), 2),  # they touch, and insert nothing at one place
        ((1, 3), 1),
        ((0, 2), 1),
        ((3, 3), 2),
        ((1, 1), 1),
    ],
)
def test_fixes_in_each_others_way_wait_for_the_next_round(second: tuple[int, int], made: int) -> None:
    first = finding(Edit("a.c", 0, 2, "X"))
    other = finding(Edit("a.c", *second, "Y"))
    applied = apply([first, other], {"a.c": SourceFile("a.c", b"abcdefgh")}, unsafe=False)
    assert len(applied.findings) == made


def test_an_edit_that_two_fixes_make_is_made_once() -> None:
    shared = Edit("a.c", 3, 3, "S")
    applied = apply(
        [finding(shared, Edit("a.c", 0, 1, "A")), finding(shared, Edit("a.c", 5, 6, "F"))],
        {"a.c": SourceFile("a.c", b"abcdef")},
        unsafe=False,
    )
    assert applied.sources["a.c"].data == b"AbcSdeF"


def test_an_unsafe_fix_is_made_only_when_asked_for() -> None:
    one = finding(Edit("a.c", 0, 1, "A"), unsafe=True)
    sources = {"a.c": SourceFile("a.c", b"abc")}
    assert apply([one], sources, unsafe=False).sources == {}
    assert apply([one], sources, unsafe=True).sources["a.c"].data == b"Abc"


FIXTURES = Path(__file__).parent / "fixtures"


def include_folders() -> list[str]:
    """Where the headers of the Python that runs the tests are."""
    import sysconfig

    return [sysconfig.get_paths()["include"]]


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("extension", ["heap_types", "broken_gc", "static_types", "multi_phase_state"])
def test_fixed_fixtures_compile_without_new_warnings(extension: str, tmp_path: Path) -> None:
    def warnings(folder: Path) -> list[str]:
        found = []
        for file in sorted(folder.glob("*.c")):
            command = ["gcc", "-fsyntax-only", "-Wall", "-Wextra", f"-I{folder}", *(f"-I{p}" for p in include_folders()), str(file)]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            found += [line.split(": ", 1)[1] for line in run.stderr.splitlines() if ": warning: " in line or ": error: " in line]
        return sorted(found)

    from heaplint.cli import fixing
    from heaplint.discovery import discover

    folder = tmp_path / extension
    shutil.copytree(FIXTURES / extension, folder)
    before = warnings(folder)
    config = configuration("")
    discovery = discover([str(folder)], config, tmp_path)
    outcome = repair(discovery, config, None, unsafe=True)
    fixing.write(discovery, outcome.changed)
    new = warnings(folder)
    assert [line for line in new if line not in before] == []


MATCH = """\
#include <Python.h>
typedef struct { PyObject_HEAD long value; } Match;
PyTypeObject *match_type;

static PyObject *
match_create(long value)
{
    Match *match = NULL;
    if (value < 0) {
        goto done;
    }
    match = PyObject_New(Match, match_type);
    if (match == NULL) {
        goto done;
    }
    match->value = value;
done:
    return (PyObject *)match;
}

static PyType_Slot match_slots[] = {
    {Py_tp_dealloc, match_dealloc},
    {Py_tp_traverse, match_traverse},
    {0, NULL},
};

static PyType_Spec match_spec = {
    .name = "re2.Match",
    .basicsize = sizeof(Match),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = match_slots,
};

static int
match_exec(PyObject *module)
{
    match_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &match_spec, NULL);
    return match_type == NULL ? -1 : 0;
}
"""


def test_an_instance_that_may_be_null_is_tracked_under_a_condition() -> None:
    fixed = after(repaired(MATCH))
    assert "match = PyObject_GC_New(Match, match_type);" in fixed
    assert "done:\n    if (match != NULL) {\n        PyObject_GC_Track(match);\n    }\n    return" in fixed
