"""Offsets stay true: whatever surrounds a definition, the model points at the bytes of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from reading import program

from heaplint import ir
from heaplint.frontend.apimacros import CALL_LIKE, OBJECT_LIKE
from heaplint.frontend.items import cut
from heaplint.frontend.lexical import lex
from heaplint.model.program import Program

DEFINITIONS = [
    (
        'static PyTypeObject T@ = {\n    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "m.T@",\n'
        "    .tp_dealloc = (destructor)d@, .tp_new = n@,\n};\n"
    ),
    'PyTypeObject\nT@ = {\n    PyVarObject_HEAD_INIT(NULL, 0)\n    "m.T@", sizeof(F@), 0, d@,\n};\n',
    (
        "static PyType_Slot s@[] = {{Py_tp_new, n@}, {Py_tp_dealloc, d@}, {0, NULL}};\n"
        'static PyType_Spec T@ = {"m.T@", 0, 0, Py_TPFLAGS_DEFAULT, s@};\n'
    ),
    "typedef struct { PyObject_HEAD PyObject *a@; F@ *b@; } F@;\n",
    (
        "static int\nf@(PyObject *self, visitproc visit, void *arg)\n{\n"
        "    Py_VISIT(((F@ *)self)->a@);\n    return g@(self);\n}\n"
    ),
    (
        "static void d@(F@ *self)\n{\n    Py_BEGIN_ALLOW_THREADS\n    x@ = y@(self);\n"
        "    Py_END_ALLOW_THREADS\n    Py_CLEAR(self->a@);\n}\n"
    ),
    'static PyModuleDef m@ = {PyModuleDef_HEAD_INIT, "m@", NULL, -1};\n',
    "static PyMethodDef ms@[] = {\n    A@_METHODDEF\n    {NULL}\n};\n",
    '#define MAKE@(n) static PyTypeObject n##_Type = {PyVarObject_HEAD_INIT(NULL, 0) "m." #n}\nMAKE@(Made@);\n',
    "#define TWICE@(x) x x\nint h@(void) { TWICE@(u@();) return v@; }\n",
    "#define NUL@ NULL\nPyObject *p@ = NUL@, *q@ = r@;\n",
    'HIDDEN PyTypeObject T@ = {PyVarObject_HEAD_INIT(NULL, 0) "m.T@"};\n',
]
NOISE = [
    "",
    "\n",
    "/* é € 😀 */\n",
    "// ü \\\n still\n",
    "\t\v\f ",
    "#if 0\ndon't { \" garbage\n#endif\n",
    ("#ifdef HAVE_@\nint on@;\n#else\nint off@;\n#endif\n"),
    'static const char *c@ = "ä \\" { /* ";\n',
    ("#if PY_VERSION_HEX < 0x030B0000\nstatic PyTypeObject O@;\n#endif\n"),
    "#include <Python.h>\n",
    "long l@ = 1'000;\n",
    "@@@;\n",
    "}\n",
    '#define UNUSED@ { ( \\\n  " \n',
    "int k@(",
    "\r\n",
    'R"(}{)";\n',
    "/**/",
]

mixtures = st.lists(
    st.tuples(st.sampled_from(NOISE), st.sampled_from(DEFINITIONS), st.booleans()), min_size=1, max_size=7
)
NAME = re.compile(rb"[A-Za-z_]\w*")


def text_of(mixture: list[tuple[str, str, bool]]) -> bytes:
    parts = []
    for number, (noise, definition, windows) in enumerate(mixture):
        part = (noise + definition).replace("@", str(number))
        parts.append(part.replace("\n", "\r\n") if windows else part)
    return "".join(parts).encode()


def nodes(made: Program) -> Iterator[ir.Node]:
    """All of the IR of a program: bodies of functions, initialisers."""
    for unit in made.units:
        for text in unit.texts:
            for item in text.items:
                parsed = text.parse(item)
                for variable in parsed.variables:
                    yield from ir.walk(variable)
                for function in parsed.functions:
                    yield from ir.walk(function.body)


def from_macro(data: bytes, start: int) -> bool:
    """Whether a place is the use of a macro: what came out of it stands for the whole use."""
    found = NAME.match(data, start)
    name = found.group().decode() if found else ""
    return (
        name in OBJECT_LIKE
        or name in CALL_LIKE
        or re.search(rb"#\s*define\s+" + re.escape(name.encode()) + rb"\b", data) is not None
    )


@given(mixtures)
@settings(max_examples=150, deadline=None)
def test_every_identifier_lies_where_the_model_says(mixture: list[tuple[str, str, bool]]) -> None:
    data = text_of(mixture)
    made = program(data)
    for node in nodes(made):
        if isinstance(node, ir.Opaque):
            continue
        assert 0 <= node.start <= node.end <= len(data)
        if isinstance(node, ir.Name) and node.text:
            found = data[node.start : node.end].decode("utf-8", "replace")
            assert (
                found == node.text
                or from_macro(data, node.start)
                or node.text.startswith("Py_")
                or node.text.endswith(",")
            ), (node.text, found)
    for unit in made.units:
        for one in unit.types:
            found = data[one.place.start : one.place.end].decode()
            assert found == one.symbol or from_macro(data, one.place.start)
            for slot in one.slots.values():
                assert slot.function in data[slot.place.start : slot.place.end].decode(
                    "utf-8", "replace"
                ) or from_macro(data, slot.place.start)
        for text in unit.texts:
            for item in text.items:
                for function in text.parse(item).functions:
                    assert data[function.start : function.end].decode() == function.name


@given(mixtures)
@settings(max_examples=150, deadline=None)
def test_items_are_in_order_and_do_not_overlap(mixture: list[tuple[str, str, bool]]) -> None:
    check_items(lex(text_of(mixture)).skeleton)


BRACES = [
    b"{", b"}", b"(", b")", b";", b"=", b",", b" ", b"\n", b"\n}", b"x", b"struct ", b'extern "C" ', b"namespace ",
    b"f(int a)",
    b"enum ", b"if ", b"__attribute__((x)) ", b"ABC(1) ", b"[]", b"\xff",
]  # fmt: skip


@given(st.lists(st.sampled_from(BRACES), max_size=50).map(b"".join))
@settings(max_examples=500, deadline=None)
def test_items_of_anything_do_not_overlap(text: bytes) -> None:
    check_items(text)


def check_items(skeleton: bytes) -> None:
    done = cut(skeleton)
    at = 0
    for item in done.items:
        assert at <= item.start < item.end <= len(skeleton)
        assert item.start <= item.body <= item.end
        assert (item.kind == "function") == bool(item.name)
        at = item.end
    assert done.unbalanced is None or skeleton[done.unbalanced : done.unbalanced + 1] in (b"{", b"}")


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_can_be_read(data: bytes) -> None:
    list(nodes(program(data)))
