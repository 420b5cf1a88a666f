"""The exact front end: the same IR as the default one, what it declares by itself, and what hostile input costs."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from reading import Files, sources

from heaplint import ir
from heaplint.frontend.clang import compile_flags, prelude
from heaplint.frontend.clang.client import Child, LostError, loaded
from heaplint.frontend.clang.exact import ExactFrontEnd
from heaplint.frontend.clang.protocol import Request
from heaplint.frontend.clang.tolerance import Learned, Lesson, use_of
from heaplint.frontend.reader import Reader
from heaplint.frontend.text import Text
from heaplint.pythons import TargetRange

FIXTURES = Path(__file__).with_name("fixtures")
HEAD = "#include <Python.h>\n"


class Both:
    """The items of the first file, read by both front ends."""

    def __init__(self, files: Files, child: Child | None = None) -> None:
        known = sources(files)
        reader = Reader(known, TargetRange.parse("3.12").versions)
        self.texts = reader.unit_views(next(iter(known)))[0].texts
        self.exact = ExactFrontEnd("clang", known, reader.resolve, Path())
        self.exact._child = child
        try:
            self.trees = [(shape(text, text.parse(item)), shape(text, self.exact.parse(text, item))) for text in self.texts for item in text.items]
        finally:
            self.exact.close()

    @property
    def messages(self) -> list[str]:
        return [one.message for one in self.exact.notices(self.exact.files)]


def shape(text: Text, node: object) -> object:
    """A tree without its places, as far as the two front ends agree on them, and without how literals are written."""
    match node:
        case ir.SizeOf():
            return "SizeOf", node.type, shape(text, node.operand)
        case ir.Constant(kind="string"):
            return "string"
        case ir.CType():
            kept = node.storage - {"inline", "const", "volatile"}
            return " ".join(sorted(node.base.split())), node.pointers, len(node.arrays), sorted(kept), node.function
        case tuple():
            return tuple(shape(text, one) for one in node)
        case _ if dataclasses.is_dataclass(node):
            skipped = {"start", "end", "problem_at", "loose"}
            values = {one.name: getattr(node, one.name) for one in dataclasses.fields(node) if one.name not in skipped}
            return type(node).__name__, {name: shape(text, value) for name, value in values.items()}
    return node


ALIKE = {
    "declarations": "typedef struct foo { PyObject_HEAD PyObject *a, **b; int c[3]; union { int u; float f; } v; } foo;\nstatic foo x;\nfoo *y[2];",
    "types": (
        "static PyType_Slot slots[] = {{Py_tp_dealloc, (void *)d}, {Py_tp_doc, (void *)\"x\" \"y\"}, {0, NULL}};\n"
        "static PyType_Spec spec = {.name = \"m.T\", .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, .slots = slots};"
    ),
    "static type": "static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = \"T\", .tp_basicsize = sizeof(PyObject)};",
    "loops": (
        "static int f(int n) { int i; for (i = 0; i < n; i++) { if (i) continue; } for (;;) break; for (; n;) n--; "
        "while (n) n -= 2; do n++; while (n < 3); return -1; }"
    ),
    "switch": "static int f(int n) { switch (n) { case 1: case 2: n++; break; case 3: return 0; default: n = 2; n++; } return n; }",
    "labels": "static PyObject *f(PyObject *o) { if (!o) goto fail; Py_INCREF(o); return o; fail: Py_XDECREF(o); return NULL; }",
    "expressions": (
        "static long f(PyObject *o, char **p) { long n = o ? (long)sizeof(int) : -1; n = n & 3 || !n; n <<= 2; p[n]++; --n; "
        "return (Py_ssize_t)-1 + ~n + o->ob_refcnt + (*p)[0] + 'a' + offsetof(PyObject, ob_type); }"
    ),
    "macros of Python": (
        "static PyObject *f(PyObject *s) { Py_BEGIN_ALLOW_THREADS g(); Py_END_ALLOW_THREADS Py_CLEAR(s); Py_RETURN_NONE; }\n"
        "PyMODINIT_FUNC PyInit_m(void) { return PyModuleDef_Init(&m); }"
    ),
    "traverse": "static int t(PyObject *self, visitproc visit, void *arg) { Py_VISIT(Py_TYPE(self)); return 0; }",
    "loops with macros inside": (
        "#define NOTE(x) f(x)\nstatic int g(int n) { int i, j; for (i = 0, j = 1;;) { NOTE(i); if (n) break; } "
        "for (; n;) NOTE(n); for (;; n++) { NOTE(j); } }"
    ),
    "macros of the project": "#define TWICE(x) do { f(x); f(x); } while (0)\n#define LIMIT 10\nstatic void g(int a) { TWICE(a + LIMIT); }",
    "a header that nobody has": (
        "#include <other.h>\nstatic int f(other_t *t, struct thing *s) { OTHER o; other_init(&o); "
        "return t->n == OTHER_LIMIT ? s->size : other_state.count; }"
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_both_front_ends_give_the_same_tree(name: str) -> None:
    read = Both(HEAD + ALIKE[name])
    assert read.messages == []
    for default, exact in read.trees:
        assert default == exact


def units(folder: Path) -> Iterator[dict[str, bytes]]:
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in (".c", ".h")}
    for name in files:
        if name.endswith(".c"):
            yield {name: files[name], **files}


@pytest.mark.parametrize("folder", ["heap_types", "static_types", "multi_phase_state", "references", "broken_gc"])
def test_both_front_ends_read_the_fixtures_alike(folder: str) -> None:
    for files in units(FIXTURES / folder):
        for default, exact in Both(files).trees:
            if exact is not None:
                assert default == exact


def test_an_item_that_is_wrong_is_left_to_the_default_front_end() -> None:
    read = Both(HEAD + "static int good(void) { return 1; }\nstatic int bad(void) { return 1 +; }\n")
    (_, good), (_, bad) = read.trees
    assert good is not None and bad is None
    assert read.messages == ["1 of 2 items were read by tree-sitter (expected expression)"]


def test_the_notice_names_the_headers_that_are_missed() -> None:
    text = "#include <a.h>\n#include <b.h>\n#include <c.h>\n#include <d.h>\nint f(void) { return 1 +; }\n"
    assert Both(text).messages == [
        "1 of 1 items were read by tree-sitter (expected expression; without a.h, b.h, c.h and 1 more)"
    ]


def test_conditionals_are_those_of_the_view() -> None:
    text = "#if PY_VERSION_HEX < 0x03090000\nint old;\n#else\nint new;\n#endif\n#ifdef _WIN32\nint windows;\n#endif\n"
    assert [exact and exact[1]["variables"][0][1]["name"] for _, exact in Both(text).trees] == ["new"]  # type: ignore[index]


def test_a_header_without_a_guard_that_includes_itself_ends() -> None:
    files = {"example.c": '#include "self.h"\nint x;\n', "self.h": '#include "self.h"\nint y;\n'}
    assert all(default == exact for default, exact in Both(files).trees if exact is not None)


def test_places_are_those_of_the_file() -> None:
    text = HEAD + "#define MAKE(name) static int name(void)\n/* é */ MAKE(first) { return 7; }\n"
    known = sources(text)
    reader = Reader(known, TargetRange.parse("3.12").versions)
    (view,) = reader.unit_views("example.c")
    exact = ExactFrontEnd("clang", known, reader.resolve, Path())
    try:
        (function,) = [one for item in view.texts[0].items if (parsed := exact.parse(view.texts[0], item)) for one in parsed.functions]
    finally:
        exact.close()
    data = text.encode()
    assert data[function.start : function.end] == b"MAKE(first)"
    (returned,) = function.body.body
    assert data[returned.start : returned.end] == b"return 7;"


# -- what nobody declares ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(
    ("before", "after", "use"),
    [
        ("f(", ", 1)", "constant"), ("x = (", " *)y;", "type"), ("{ ", " *p = 0;", "type"), ("sizeof(", ")", "type"),
        ("f(a, ", "->b)", "pointer"), ("f(", ".b)", "member"), ("f(", "[1])", "array"), ("f(&", ")", "variable"),
        ("", " = 1;", "variable"), ("x & ", ";", "constant"), ("f(", " name, int", "type"), ("f((", ")x)", "type"),
    ],
)
def test_how_a_name_is_used_says_what_it_is(before: str, after: str, use: str) -> None:
    assert use_of("NAME", before, after) == use


def test_a_type_becomes_a_number_where_one_is_wanted() -> None:
    learned = Learned("", False)
    assert learned.learn([Lesson("unknown type name 'handle'", "handle", "", "")])
    assert "typedef struct handle__ handle;" in learned.prelude()
    assert learned.learn([Lesson("invalid operands to binary expression ('handle' (aka 'struct handle__') and 'int')", "&", "", "")])
    assert "typedef long handle;" in learned.prelude()
    assert not learned.learn([Lesson("something else", "", "", "")])


def test_a_macro_before_a_declaration_is_no_type() -> None:
    (default, exact), = Both(HEAD + "OTHER_HIDDEN PyObject *\nf(void) { return NULL; }\n").trees
    assert default == exact


def test_what_the_project_declares_itself_is_left_out() -> None:
    learned = Learned("", False)
    assert "struct timeval {" in learned.prelude()
    assert learned.learn([Lesson("redefinition of 'timeval'", "timeval", "struct ", " {")])
    assert "struct timeval {" not in learned.prelude()


def test_no_name_is_declared_twice() -> None:
    seen: set[str] = set()
    for line in prelude.lines(False):
        assert not (line.names & seen) or line.text.startswith("struct _typeobject {"), line.text
        seen |= line.names
    assert not seen & set(prelude.constants())


# -- isolation ---------------------------------------------------------------------------------------------------------

def nested(depth: int) -> str:
    return "int f(int x) { Py_INCREF(Py_None); return " + "!" * depth + "x; }\n"


HOSTILE: Mapping[str, Callable[[], str]] = {
    "bangs": lambda: nested(200_000),
    "else if": lambda: "void f(int x) { Py_INCREF(Py_None); if (x) ; " + "else if (x) ; " * 20_000 + "}\n",
    "macro bomb": lambda: (
        "#define A0 x + x + x + x + x + x + x + x\n"
        + "".join(f"#define A{n} A{n - 1} + A{n - 1} + A{n - 1} + A{n - 1}\n" for n in range(1, 15)) + "int f(int x) { Py_INCREF(Py_None); return A14; }\n"
    ),
    "device": lambda: '#include "/dev/zero"\n#include </dev/zero>\nint f(void) { return 0; }\n',
}


@pytest.mark.skipif(os.name == "nt", reason="limits of memory and processor time are those of POSIX")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_costs_itself_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text(HEAD + HOSTILE[name]())
    (tmp_path / "good.c").write_text(HEAD + "static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = \"T\"};\n")
    before = sorted(os.listdir(tmp_path))
    command = [sys.executable, "-m", "heaplint", "check", "--isolated", "--frontend", "clang", "--format", "json", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert any(one["path"] == "good.c" for one in report["findings"])
    assert {"path": "good.c", "front_end": "clang"} in report["files"]
    if name != "device":
        assert any(one["path"] == "bad.c" and one["kind"] == "front-end" for one in report["notices"])
    assert sorted(os.listdir(tmp_path)) == before


def test_a_child_that_takes_too_long_is_lost(tmp_path: Path) -> None:
    child = Child(seconds=1)
    read = Both(HEAD + HOSTILE["macro bomb"](), child)
    assert [exact for _, exact in read.trees] == [None]
    (message,) = read.messages
    assert message.startswith("libclang could not read it: ")


def test_a_child_that_dies_is_replaced() -> None:
    child = Child()
    first = Both("int x;\n", child)
    assert first.trees[0][1] is not None
    process = child._start()
    process.kill()
    assert Both("int x;\n", child).messages == ["libclang could not read it: it was killed, for the time it took perhaps; tree-sitter's reading stands"]
    assert Both("int x;\n", child).messages == []


def test_the_answer_of_a_child_can_load_nothing_but_ir() -> None:
    assert loaded(pickle.dumps(ir.Name(0, 1, "x")))
    for evil in (os.system, subprocess.Popen, Path("x")):
        with pytest.raises(pickle.UnpicklingError, match="is not expected here"):
            loaded(pickle.dumps(evil))


def test_too_little_memory_is_told() -> None:
    child = Child(memory=50_000_000)
    try:
        why = child.ask(Request(1, "0", {"0": b"int x;"}, False, (), "0", "x.c", ((0, 6),))).failure
    except LostError as lost:
        why = str(lost)
    finally:
        child.close()
    assert why


# -- compile databases -------------------------------------------------------------------------------------------------

def database(tmp_path: Path, *entries: object) -> Path:
    path = tmp_path / "compile_commands.json"
    path.write_text(json.dumps(entries))
    return path


def test_only_harmless_flags_are_taken_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    root = tmp_path / "project"
    (root / "include").mkdir(parents=True)
    outside.mkdir()
    words = [
        "cc", "-I", str(outside), "-Iinclude", "-DA=1", "-D", "B", "-UC", "-Xclang", "-dependency-file", "-Xclang", "out.d", "-MD",
        "-MF", "x.d", "@response", "-fplugin=evil.so", "-load", "evil.so", "-o", "x.o", "-include", "/etc/passwd", "-DX=$(touch y)",
        "-save-temps", "-c", "a.c",
    ]
    flags = compile_flags.load(database(tmp_path, {"directory": str(root), "file": "a.c", "arguments": words}), root)[str(root / "a.c")]
    assert flags.definitions == ("-DA=1", "-DB", "-UC")
    assert [one for one in flags.directories if not one.startswith("/usr")] == [str(outside)]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{", "Expecting"), ("{}", "not a list of commands"), ("[{}]", "entry 1 names no file"),
        ("[1]", "entry 1 names no file"), ("[" * 100_000, "recursion|Expecting"),
    ],
)
def test_a_broken_database_is_told(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "db.json"
    path.write_text(text)
    with pytest.raises(compile_flags.CompileDatabaseError, match=cause):
        compile_flags.load(path, tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_headers_that_are_pipes_or_devices_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.h")
    (tmp_path / "plain.h").write_text("")
    flags = compile_flags.Flags((str(tmp_path),))
    assert flags.has_header("plain.h")
    assert not flags.has_header("pipe.h")
    assert not flags.has_header("/dev/zero")
    assert not flags.has_header("../plain.h")


def test_a_database_brings_headers(tmp_path: Path) -> None:
    headers, root = tmp_path / "headers", tmp_path / "project"
    headers.mkdir()
    root.mkdir()
    (headers / "lib.h").write_text("#define LIB_HEAD PyVarObject_HEAD_INIT(NULL, 0)\n")
    (root / "a.c").write_text('#include <Python.h>\n#include <lib.h>\nstatic PyTypeObject T = { LIB_HEAD .tp_name = "T", .tp_basicsize = LIB_SIZE };\n')
    place = database(root, {"directory": str(root), "file": "a.c", "arguments": ["cc", f"-I{headers}", "-DLIB_SIZE=16", "a.c"]})
    command = [sys.executable, "-m", "heaplint", "check", "--isolated", "--frontend", "clang", "-v", "."]
    done = subprocess.run([*command, "--compile-commands", str(place)], cwd=root, capture_output=True, text=True)
    assert "heaplint: clang: a.c" in done.stderr
    assert done.returncode == 1 and "HL101" in done.stdout
