"""What tree-sitter, left to itself, misreads without a word: each shape is read as the compiler reads it."""

from __future__ import annotations

import pytest
from reading import calls, fields, findings, function, modules, names, program, struct, types, views

from heaplint import ir
from heaplint.frontend.text import Text

HEAD = "#include <Python.h>\n"


# heads of types


@pytest.mark.parametrize(
    "head",
    [
        "PyVarObject_HEAD_INIT(NULL, 0).tp_name =",
        "PyVarObject_HEAD_INIT(NULL, 0)\n    .tp_name =",
        "PyVarObject_HEAD_INIT(NULL, 0).tp_name\n    =\n",
        "PyVarObject_HEAD_INIT(DEFERRED_ADDRESS(&PyType_Type), 0) .tp_name =",
        "PyObject_HEAD_INIT(NULL)\n    .tp_name =",
        ".ob_base = PyVarObject_HEAD_INIT(NULL, 0)\n    .tp_name =",
        ".ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name =",
        "PyVarObject_HEAD_INIT(NULL, 0)\n",
        "PyObject_HEAD_INIT(NULL)\n    0,",
        "{ PyObject_HEAD_INIT(NULL) 0 },\n",
        "PyVarObject_HEAD_INIT /* why not */ (\n    NULL, 0)\n    .tp_name =",
    ],
)
def test_heads_of_types(head: str) -> None:
    made = types(
        HEAD
        + f'static PyTypeObject T = {{\n    {head} "m.T",\n    .tp_dealloc = t_dealloc,\n    .tp_new = t_new,\n}};\n'
    )["T"]
    assert (made.name, made.kind, made.slots_unknown) == ("m.T", "static", "")
    assert {name: slot.function for name, slot in made.slots.items()} == {"tp_dealloc": "t_dealloc", "tp_new": "t_new"}


def test_positional_and_designated_mixed() -> None:
    made = types(
        'PyTypeObject T = {PyVarObject_HEAD_INIT(0, 0) "m.T", 0, 0, t_dealloc, .tp_repr = t_repr, 0, .tp_new = t_new};'
    )["T"]
    assert {name: slot.function for name, slot in made.slots.items()} == {
        "tp_dealloc": "t_dealloc",
        "tp_repr": "t_repr",
        "tp_new": "t_new",
    }


def test_a_designator_moves_the_place_of_what_follows() -> None:
    made = types(
        'PyTypeObject T = {PyVarObject_HEAD_INIT(0, 0) .tp_flags = Py_TPFLAGS_DEFAULT, "the doc", t_traverse, t_clear};'
    )["T"]
    assert {name: slot.function for name, slot in made.slots.items() if slot.function} == {
        "tp_traverse": "t_traverse",
        "tp_clear": "t_clear",
    }


@pytest.mark.parametrize(
    "declaration",
    [
        "PyTypeObject\nT = {",
        "static\nPyTypeObject\nT\n=\n{",
        "extern PyTypeObject T;\nPyTypeObject T = {",
        "static PyTypeObject T;\nint x;\nstatic PyTypeObject T = {",
        "HIDDEN PyTypeObject T = {",
        "NPY_NO_EXPORT PyTypeObject T = {",
        'PyAPI_DATA(PyTypeObject) T;\n__attribute__((visibility("hidden"))) PyTypeObject T = {',
        "__declspec(dllexport) PyTypeObject T = {",
        "EXPORT(PyTypeObject) T = {",
        "const PyTypeObject T = {",
        "namespace spam {\nPyTypeObject T = {",
        'extern "C" {\nPyTypeObject T = {',
    ],
)
def test_ways_to_begin_a_definition(declaration: str) -> None:
    closing = "}\n" if declaration.startswith(("namespace", 'extern "C"')) else ""
    text = (
        f"#define EXPORT(kind) kind\n{declaration}\n    PyVarObject_HEAD_INIT(NULL, 0)\n"
        f'    .tp_name = "m.T",\n}};\n{closing}'
    )
    found = [made for unit in program(text).units for made in unit.types]
    assert [(made.symbol, made.name) for made in found] == [("T", "m.T")]


def test_conditionals_inside_an_initialiser_and_an_expression() -> None:
    text = """
static PyType_Spec spec = {
    .name = "m.T",
    .flags = Py_TPFLAGS_DEFAULT
#if PY_VERSION_HEX >= 0x030A0000
        | Py_TPFLAGS_IMMUTABLETYPE
#endif
        | Py_TPFLAGS_HAVE_GC
#ifdef MUCH_MORE
        | Py_TPFLAGS_BASETYPE
#endif
    ,
#ifndef NEVER_EVER
    .slots = slots,
#else
    .slots = others,
#endif
};
"""
    flags = types(text, ">=3.10")["spec"].flags
    assert flags is not None
    assert flags.names == {
        "Py_TPFLAGS_DEFAULT",
        "Py_TPFLAGS_IMMUTABLETYPE",
        "Py_TPFLAGS_HAVE_GC",
        "Py_TPFLAGS_BASETYPE",
    }
    flags = types(text, "3.9")["spec"].flags
    assert flags is not None and "Py_TPFLAGS_IMMUTABLETYPE" not in flags.names


# structs


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("PyObject_HEAD Imaging image;", [("ob_base", "PyObject", 0), ("image", "Imaging", 0)]),
        ("PyObject_HEAD\n    int n;", [("ob_base", "PyObject", 0), ("n", "int", 0)]),
        ("PyObject_HEAD;\n    int n;", [("ob_base", "PyObject", 0), ("n", "int", 0)]),
        (
            "PyObject_VAR_HEAD\n    PyObject *a, *b;",
            [("ob_base", "PyVarObject", 0), ("a", "PyObject", 1), ("b", "PyObject", 1)],
        ),
        ("PyObject_HEAD struct node *next;", [("ob_base", "PyObject", 0), ("next", "struct node", 1)]),
        ("PyObject_HEAD PyObject *class;", [("ob_base", "PyObject", 0), ("class", "PyObject", 1)]),
        (
            "PyObject HEAD;\n    unsigned int bits : 3; /* : 4 */",
            [("HEAD", "PyObject", 0), ("bits", "unsigned int", 0)],
        ),
        (
            "PyObject_HEAD\n#ifdef HAVE_MUCH\n    int much;\n#endif\n    int more;",
            [("ob_base", "PyObject", 0), ("much", "int", 0), ("more", "int", 0)],
        ),
        ("PyObject_HEAD PyObject *items[1];", [("ob_base", "PyObject", 0), ("items", "PyObject", 1)]),
    ],
)
def test_bodies_of_structs(body: str, wanted: list[tuple[str, str, int]]) -> None:
    for text in (
        f"typedef struct {{\n    {body}\n}} Foo;",
        f"typedef struct foo {{ {body} }} Foo;",
        f"struct Foo {{\n    {body}\n}};",
    ):
        assert fields(struct(text, "Foo")) == wanted, text


def test_a_typedef_before_and_after_its_struct() -> None:
    for text in (
        "typedef struct foo Foo;\nstruct foo { PyObject_HEAD int n; };",
        "struct foo { PyObject_HEAD int n; };\ntypedef struct foo Foo;",
    ):
        assert [name for name, *_ in fields(struct(text, "Foo"))] == ["ob_base", "n"]


# statements


def test_allow_threads_before_an_assignment() -> None:
    found = function(
        (
            "int f(int fd)\n{\n    Py_BEGIN_ALLOW_THREADS\n    fd = dup(fd);\n"
            "    Py_END_ALLOW_THREADS\n    return fd;\n}\n"
        ),
        "f",
    )
    assert found.complete
    assert [node for node in ir.walk(found.body) if isinstance(node, ir.Variable)] == []
    assert [node.operator for node in ir.walk(found.body) if isinstance(node, ir.Assign)] == ["="]
    assert "dup" in calls(found)


@pytest.mark.parametrize(
    "region",
    [
        "Py_BEGIN_ALLOW_THREADS\n    x = g();\n    Py_END_ALLOW_THREADS",
        "Py_BEGIN_ALLOW_THREADS;\n    x = g();\n    Py_END_ALLOW_THREADS;",
        "Py_BEGIN_ALLOW_THREADS x = g(); Py_END_ALLOW_THREADS",
        "Py_BEGIN_CRITICAL_SECTION(op);\n    x = g();\n    Py_END_CRITICAL_SECTION();",
        "Py_BEGIN_CRITICAL_SECTION2(a, b) ;\n    x = g();\n    Py_END_CRITICAL_SECTION2() ;",
        "Py_TRASHCAN_BEGIN(op, f)\n    x = g();\n    Py_TRASHCAN_END",
        "PROJECT_BEGIN_THREADS\n    x = g();\n    PROJECT_END_THREADS",
    ],
)
def test_regions(region: str) -> None:
    own = (
        "#define PROJECT_BEGIN_THREADS { PyThreadState *save = PyEval_SaveThread();\n"
        "#define PROJECT_END_THREADS PyEval_RestoreThread(save); }\n"
    )
    found = function(
        (
            f"{own}int f(PyObject *op)\n{{\n    int x;\n    {region}\n    if (x) {{\n"
            f"        h();\n    }}\n    return x;\n}}\n"
        ),
        "f",
    )
    assert found.complete
    assert [name for name in calls(found) if name in ("g", "h")] == ["g", "h"]
    assert [node.name for node in ir.walk(found.body) if isinstance(node, ir.Variable)][:1] == ["x"]


@pytest.mark.parametrize(
    "header",
    [
        "static PyObject *\nf(PyObject *self)",
        "PyMODINIT_FUNC f(void)",
        "PyMODINIT_FUNC\nf(void)",
        "NOINLINE static int f(PyObject *self)",
        "COLD\nstatic int\nf(PyObject *self)",
        "RAISES_NEG static int f(void)",
        "static inline Py_ALWAYS_INLINE int f(void)",
        "__attribute__((noinline, cold)) static int f(void)",
        "static int __attribute__((format(printf, 1, 2))) f(const char *s, ...)",
        "int f(void) __attribute__((unused))",
        "static PyObject *(f)(PyObject *self)",
        "Py_LOCAL_INLINE(int) f(void)",
        "Py_LOCAL(PyObject *)\nf(void)",
        "PyAPI_FUNC(int) f(void)",
        "static void\nf(void *p) noexcept",
        "static int CALLBACK f(int x)",
    ],
)
def test_headers_of_functions(header: str) -> None:
    found = function(f"{header}\n{{\n    g();\n    return 0;\n}}\n", "f")
    assert (found.name, found.complete, calls(found)) == ("f", True, ["g"])


# method tables and clinic

TABLE = """
static PyMethodDef methods[] = {
    SPAM_EGGS_METHODDEF
    {"ham", (PyCFunction)ham, METH_NOARGS, NULL},
    SPAM_LAST_METHODDEF
    {NULL, NULL}
};
"""
CLINIC = """
#define SPAM_EGGS_METHODDEF    \\
    {"eggs", (PyCFunction)spam_eggs, METH_O, spam_eggs__doc__},

#ifndef SPAM_LAST_METHODDEF
    #define SPAM_LAST_METHODDEF
#endif /* !defined(SPAM_LAST_METHODDEF) */
"""


def elements(files: str | dict[str, str]) -> list[str]:
    variable = program(files).units[0].variable("methods")
    assert variable is not None and isinstance(variable.init, ir.InitList)
    found = []
    for entry in variable.init.entries:
        first = entry.value.entries[0].value if isinstance(entry.value, ir.InitList) else entry.value
        found.append(ir.string_value(first) or (first.text if isinstance(first, ir.Name) else "?"))
    return found


def test_clinic_lines_with_their_header() -> None:
    assert elements({"spam.c": '#include "clinic/spam.c.h"\n' + TABLE, "clinic/spam.c.h": CLINIC}) == [
        "eggs",
        "ham",
        "NULL",
    ]


def test_clinic_lines_without_their_header() -> None:
    found = elements(TABLE)
    assert len(found) == 4
    assert [found[1], found[3]] == ["ham", "NULL"]


# C++


@pytest.mark.parametrize(
    "value",
    [
        "reinterpret_cast<void *>(t_new)",
        "static_cast<newfunc>(&t_new)",
        "(void *)t_new",
        "(newfunc)(void (*)(void))t_new",
        "reinterpret_cast<void*>(reinterpret_cast<newfunc>(t_new))",
        "void_cast( t_new )",
        "_PyCFunction_CAST(t_new)",
        "(t_new)",
    ],
)
def test_casts_around_slot_functions(value: str) -> None:
    text = (
        f"static PyType_Slot slots[] = {{\n    {{Py_tp_new, {value}}},\n    {{0, NULL}},\n"
        f'}};\nstatic PyType_Spec spec = {{"m.T", 0, 0, 0, slots}};\n'
    )
    made = types({"example.cpp": text})["spec"]
    assert made.slots["tp_new"].function == "t_new"
    assert made.slots_unknown == ""


# strings and numbers


@pytest.mark.parametrize(
    "noise",
    [
        'static const char *a = R"({"})";',
        'static const char *a = R"x(}{ " )" )x";',
        'static const char *a = u8"}" L"{" "\\"{";',
        "static const char a[] = {'{', '\\'', '\"', '}'};",
        "static const long a = 1'000'000;",
        'static const char a[] = "a \\\n { b";',
        'static const char a[] = "a \\\r\n { b";',
        "/* don't { */ static int a; // \\\n { \n",
        'static const char a[] = "/*"; /* " */',
        "#define OPEN {\n#define APOSTROPHE '\n",
        "#error don't {\n",
    ],
)
def test_nothing_in_strings_numbers_and_comments_counts(noise: str) -> None:
    for text in (noise + '\nPyTypeObject T = {PyVarObject_HEAD_INIT(0, 0) "m.T"};\nint after(void) { return g(); }\n',):
        found = types(text)
        assert {symbol: made.name for symbol, made in found.items()} == {"T": "m.T"}
        assert calls(function(text, "after")) == ["g"]


def test_strings_that_go_on() -> None:
    text = (
        'PyTypeObject T = {PyVarObject_HEAD_INIT(0, 0) "m." /* c */ "T", .tp_doc = "one \\\n'
        ' NULL Py_None \\\n two", .tp_new = t_new};'
    )
    made = types(text)["T"]
    assert made.name is not None and made.name.replace(" ", "") == "m.T"
    assert made.slots["tp_new"].function == "t_new"


# modules


@pytest.mark.parametrize(
    "text",
    [
        'static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "m", NULL, -1, methods};',
        'static PyModuleDef def = {\n    PyModuleDef_HEAD_INIT,\n    .m_name = "m",\n    .m_size = -1,\n};',
        'static PyModuleDef def = { .m_base = PyModuleDef_HEAD_INIT, .m_name = "m", .m_size = -1 };',
        (
            "PyMODINIT_FUNC PyInit_m(void)\n{\n"
            '    static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, "m", NULL, -1};\n'
            "    return PyModule_Create(&def);\n}"
        ),
        (
            "PyMODINIT_FUNC PyInit_m(void)\n{\n"
            '    struct PyModuleDef *p, def = {PyModuleDef_HEAD_INIT, "m", NULL, -1};\n'
            "    return g(&def);\n}"
        ),
        '#define NAME "m"\nstatic PyModuleDef def = {PyModuleDef_HEAD_INIT, NAME, NULL, -1};',
        '#define HEAD PyModuleDef_HEAD_INIT\nstatic PyModuleDef def = {HEAD, "m", NULL, (-1), };',
    ],
)
def test_ways_to_write_a_module(text: str) -> None:
    made = modules(text)["def"]
    assert (made.name, made.size) == ("m", -1)


def test_names_are_those_of_the_file() -> None:
    """Identifiers behind macros and casts keep their place."""
    text = (
        "int f(PyObject *self)\n{\n    Py_BEGIN_ALLOW_THREADS\n    alpha = beta(gamma);\n"
        "    Py_END_ALLOW_THREADS\n    Py_RETURN_NONE;\n}\n"
    )
    for one in names(function(text, "f").body):
        if one.text in ("alpha", "beta", "gamma"):
            assert text[one.start : one.end] == one.text


def test_garbage_between_definitions_spoils_nothing_else() -> None:
    text = (
        'PyTypeObject A = {PyVarObject_HEAD_INIT(0, 0) "m.A"};\n@@ ((( ]] ;\n$ % ^ = = ;\n'
        'PyTypeObject B = {PyVarObject_HEAD_INIT(0, 0) "m.B"};\n'
    )
    assert {made.name for made in types(text).values()} == {"m.A", "m.B"}


def test_a_function_that_does_not_end_spoils_only_itself() -> None:
    text = (
        "int f(void)\n{\n    if (x) {\n    g();\n}\n\nstatic PyTypeObject T = {\n"
        '    PyVarObject_HEAD_INIT(NULL, 0)\n    .tp_name = "m.T",\n};\n'
    )
    assert types(text)["T"].name == "m.T"


def test_one_finding_for_a_type_that_is_declared_thrice() -> None:
    text = (
        "extern PyTypeObject T;\nstatic PyTypeObject T;\nstatic PyTypeObject T;\n"
        'PyTypeObject T = {\n    PyVarObject_HEAD_INIT(NULL, 0)\n    .tp_name = "m.T",\n'
        "    .tp_flags = Py_TPFLAGS_DEFAULT,\n};\n"
    )
    assert [(one.rule, one.symbol, one.span.line) for one in findings(text) if one.rule == "HL101"] == [
        ("HL101", "T", 4)
    ]


def test_a_bracket_that_the_parser_makes_up_is_told() -> None:
    """It takes the type for part of the parameters that nobody closed, and the tree has no error in it."""
    text = "static PyObject *\nlabel(PyObject *\nstatic PyTypeObject T = {\n    PyVarObject_HEAD_INIT(NULL, 0)\n};\n"
    unread = [problem for view in views(text) for one in view.texts for problem in problems(one)]
    assert unread == ["a `)` is missing"]


def test_a_semicolon_that_the_parser_makes_up_is_no_problem() -> None:
    text = "DECLARE_MUTEX(lock)\n\ntypedef struct event {\n    PyObject *sender;\n} Event;\n"
    assert [problem for view in views(text) for one in view.texts for problem in problems(one)] == []
    assert fields(struct(text, "Event")) == [("sender", "PyObject", 1)]


def problems(text: Text) -> list[str]:
    """What of a text could not be read, every item parsed."""
    return [problem for item in text.items if (problem := text.parse(item).problem)]
