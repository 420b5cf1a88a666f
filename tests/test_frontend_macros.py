"""Macros of the project: expanded where a type, table, struct or function needs it, and never without end."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import calls, fields, function, program, sources, struct, types, views

from heaplint import ir
from heaplint.config import Config
from heaplint.frontend.expand import Expander
from heaplint.pythons import TargetRange
from heaplint.work import Work


def expanded(text: str) -> str:
    """What the last line of a text becomes."""
    reading = views(text)[0].texts[0].reading
    start = text.rstrip("\n").rfind("\n") + 1
    return " ".join(Expander(reading).expand(start, len(text.encode())).text.decode().split())


@pytest.mark.parametrize(
    ("defines", "line", "result"),
    [
        (["X 1"], "a = X;", "a = 1;"),
        (["X(a) a + a"], "X(b);", "b + b;"),
        (["X(a) a"], "X;", "X;"),
        (["X(a) a"], "X (b, c);", "X (b, c);"),
        (["X() y"], "X();", "y;"),
        (["X(a) #a"], 'X("q" + 1);', '"\\"q\\" + 1";'),
        (["X(a, b) a##b"], "X(foo, bar);", "foobar;"),
        (["X(a) a ## _Type"], "X(Foo);", "Foo_Type;"),
        (["X(a) pre_ ## a"], "X(Foo);", "pre_Foo;"),
        (["Y Z", "X(a) a##_t a"], "X(Y);", "Y_t Z;"),
        (["S(a) #a", "X(a) S(a)", "N 3"], "X(N) S(N);", '"3" "N";'),
        (["X(...) f(__VA_ARGS__)"], "X(a, b, {c, d});", "f(a, b, {c, d});"),
        (["X(a, ...) f(a, __VA_ARGS__)"], "X(1, 2, 3);", "f(1, 2, 3);"),
        (["X(a, rest...) f(a, rest)"], "X(1, 2);", "f(1, 2);"),
        (["X(f, ...) f(__VA_ARGS__)"], "X(g, (a, b), c);", "g((a, b), c);"),
        (["X(a) {a}"], 'X("),(");', '{"),("};'),
        (["X(a) {a}"], "X(')');", "{')'};"),
        (["X X"], "X;", "X;"),
        (["X Y", "Y X"], "X;", "X;"),
        (["X f(X)"], "X;", "f(X);"),
        (["X(a) X(a + 1)"], "X(0);", "X(0 + 1);"),
        (["X(a) a"], "X(X(X(b)));", "b;"),
        (["X 1", "X 2"], "X;", "2;"),
        (["LPAREN (", "X(a) a"], "X LPAREN 1);", "X ( 1);"),
        (["X /* nothing */"], "a X b;", "a b;"),
        (["X a \\\n  b"], "X;", "a b;"),
        (["X 'X' \"X\""], "X;", "'X' \"X\";"),
        (["F(g) g(h) g(i)", "G(x) [x]"], "F(G);", "[h] [i];"),
        (["é 1", "X 2"], "X;", "2;"),
        (["E(t) t"], "E(long)name;", "long name;"),
        (["E(t) t"], "E(long) name;", "long name;"),
        (["E(t) t*"], "E(long)name;", "long*name;"),
        (["X"], "f(a X);", "f(a );"),
        (["X(a) [a]"], "X();", "[];"),
        (["X(a) [a]"], "X\t( 1 );", "[1];"),
        (["X() y"], "X( );", "y;"),
        (["X() y"], "X(1);", "X(1);"),
        (["X(a, b) a-b"], "X(1);", "X(1);"),
        (["X(a, b) a-b"], "X(1,);", "1-;"),
        (["X(a, b) a-b"], "X(,1);", "-1;"),
        (["X(a, b) a-b"], "X((1, 2), f[3, 4]);", "(1, 2)-f[3, 4];"),
        (["X(...) f(__VA_ARGS__)"], "X();", "f();"),
        (["X(a, ...) f(a, __VA_ARGS__)"], "X(1);", "f(1, );"),
        (["S(a) #   a"], "S(q);", '"q";'),
        (["S(a) #a"], 'S("\\n");', '"\\"\\\\n\\"";'),
        (["X(a) a ##   _t"], "X(q);", "q_t;"),
        (["X(a) a   ##_t c"], "X(q);", "q_t c;"),
        (["X(a, b) a ## b ## _end"], "X(p, q);", "pq_end;"),
        (["X(a) x.a a1 a"], "X(q);", "x.q a1 q;"),
        (['X(a) "a" a'], "X(q);", '"a" q;'),
        (["X 1"], 'f("X", X, \'X\', X_, xX);', 'f("X", 1, \'X\', X_, xX);'),
        (["X 1", "Y X + Z"], "Y;", "1 + Z;"),
        (["X(a) a", "Y X"], "Y(2);", "X(2);"),
        (["X 1"], "a.X + X.b + X;", "a.1 + 1.b + 1;"),
    ],
)
def test_expansion(defines: list[str], line: str, result: str) -> None:
    text = "".join(f"#define {one}\n" for one in defines) + line + "\n"
    assert expanded(text) == result


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("static PyObject *f(PyObject *self)", "f"),
        ("static PyObject *(f)(PyObject *self)", "f"),
        ("static PyObject *(*f(int a))(PyObject *self)", "f"),
        ("void __attribute__((format(printf, 1, 2))) f(const char *text, ...)", "f"),
        ("int f(int (*callback)(int), int (*other)(void))", "f"),
        ("int f(int a) NOTHROW", "f"),
        ("int f(int a) GUARDED_BY(lock)", "f"),
        ("int f(int a) GUARDED_BY(lock) RETURNS(x)", "f"),
        ("EXPORT(int) f(int a)", "f"),
        ("struct pair f(struct pair a)", "f"),
        ("static inline const char *f(enum colour a)", "f"),
        ("int F(int a)", "F"),
    ],
)
def test_the_name_of_a_function_whatever_stands_around_it(header: str, name: str) -> None:
    text = f"struct pair {{ int a, b; }};\nint before(void) {{ return 0; }}\n{header}\n{{\n    return g();\n}}\nint after(void) {{ return h(); }}\n"
    assert calls(function(text, name)) == ["g"]
    assert calls(function(text, "after")) == ["h"]


def test_undefined_and_redefined_in_the_middle() -> None:
    text = "#define X 1\nint a = X;\n#undef X\nint b = X;\n#define X 2\nint c = X;\n"
    unit = program(text).units[0]
    values = [ir.walk(variable.init) for name in "abc" if (variable := unit.variable(name)) is not None]
    assert [next(one).text for one in values] == ["1", "X", "2"]  # type: ignore[union-attr]  # names and numbers have text


def test_before_its_own_definition_a_file_has_that_of_the_header() -> None:
    text = '#include "x.h"\nint a = X;\n#define X 2\nint b = X;\n#undef X\nint c = X;\n'
    unit = program({"a.c": text, "x.h": "#define X 1\n"}).units[0]
    values = [ir.walk(variable.init) for name in "abc" if (variable := unit.variable(name)) is not None]
    assert [next(one).text for one in values] == ["1", "2", "X"]  # type: ignore[union-attr]  # names and numbers have text


@pytest.mark.parametrize(
    "bomb",
    [
        "".join(f"#define A{n} A{n + 1} A{n + 1} A{n + 1} A{n + 1}\n" for n in range(30))
        + "#define A30 x\nint f(void) { A0; }\n",
        "".join(f"#define A{n}(x) A{n + 1}(x x) A{n + 1}(x x)\n" for n in range(40))
        + "#define A40(x) x\nint f(void) { A0(y); }\n",
        "#define A(x) x x x x\nint f(void) { " + "A(" * 60 + "y" + ")" * 60 + "; }\n",
        "".join(f"#define A{n} A{n + 1}\n" for n in range(5000)) + "int f(void) { A0; }\n",
        "#define A A(\nint f(void) { A A A; }\n",
        "#define A(x) A(x\nint f(void) { A(1); }\n",
        "#define A B\n#define B A\n#if A\n#endif\n#if B > A\n#endif\nint f(void) { A; }\n",
        "#define A(" + ", ".join(f"p{n}" for n in range(3000)) + ") p0\nint f(void) { A(1, 2); }\n",
    ],
)
def test_macros_without_end_are_given_up(bomb: str) -> None:
    text = bomb + 'static PyTypeObject T = {\n    PyVarObject_HEAD_INIT(NULL, 0)\n    "m.T",\n};\n'
    made = program(text)
    assert [one.name for one in made.units[0].types] == ["m.T"]
    made.units[0].function("f")


def test_types_that_macros_make() -> None:
    text = """
#define TYPE(Name, ...) \\
    static PyTypeObject Name##_Type = { \\
        PyVarObject_HEAD_INIT(NULL, 0) \\
        .tp_name = "m." #Name, \\
        .tp_dealloc = Name##_dealloc, \\
        __VA_ARGS__ \\
    }
TYPE(Foo, .tp_new = foo_new);
TYPE(Bar, .tp_iter = bar_iter, .tp_repr = bar_repr,);
#define BAZ TYPE(Baz, )
BAZ;
"""
    found = types(text)
    assert {symbol: (made.name or "").replace(" ", "") for symbol, made in found.items()} == {
        "Foo_Type": "m.Foo", "Bar_Type": "m.Bar", "Baz_Type": "m.Baz",
    }  # fmt: skip
    assert set(found["Bar_Type"].slots) == {"tp_dealloc", "tp_iter", "tp_repr"}
    assert all(made.written_as == "macro" for made in found.values())
    place = found["Foo_Type"].place
    assert text[place.start : place.end].startswith("TYPE(Foo")


def test_specs_and_slots_that_macros_make_in_a_header_that_includes_nothing() -> None:
    files = {
        "m.c": '#include "make.h"\n#include "foo.h"\n',
        "make.h": """
#define SLOTS(p) static PyType_Slot p##_slots[] = { {Py_tp_new, p##_new}, {0, NULL} };
#define SPEC(p) SLOTS(p) static PyType_Spec p##_spec = { .name = "m." #p, .slots = p##_slots }
""",
        "foo.h": "SPEC(foo);\n",
    }
    made = types(files)["foo_spec"]
    assert (made.slots_unknown, made.slots["tp_new"].function, made.place.path) == ("", "foo_new", "foo.h")


def test_slots_from_an_object_like_macro() -> None:
    text = """
#define SHARED \\
    {Py_tp_dealloc, it_dealloc}, \\
    {Py_tp_traverse, it_traverse}, \\

static PyType_Slot slots[] = {
    SHARED
    {Py_tp_iternext, it_next},
    {0, NULL}
};
static PyType_Spec spec = {"m.It", 0, 0, Py_TPFLAGS_DEFAULT, slots};
"""
    made = types(text)["spec"]
    assert {name: slot.function for name, slot in made.slots.items()} == {
        "tp_dealloc": "it_dealloc", "tp_traverse": "it_traverse", "tp_iternext": "it_next",
    }  # fmt: skip
    assert made.slots_terminated


def test_slots_from_an_x_macro() -> None:
    text = """
#define OPERATORS(X) X(add) X(subtract)
#define SLOT(name) {Py_nb_##name, t_##name},
static PyType_Slot slots[] = { OPERATORS(SLOT) {0, NULL} };
static PyType_Spec spec = {"m.T", 0, 0, Py_TPFLAGS_DEFAULT, slots};
"""
    assert {name: slot.function for name, slot in types(text)["spec"].slots.items()} == {
        "nb_add": "t_add",
        "nb_subtract": "t_subtract",
    }


def test_struct_heads_from_macros() -> None:
    text = """
#define COMMON_HEAD(k) PyObject_HEAD \\
    PyObject *k##_owner;
#define TAIL int a; int b;
typedef struct { COMMON_HEAD(foo) long own; TAIL } Foo;
"""
    assert fields(struct(text, "Foo")) == [
        ("ob_base", "PyObject", 0), ("foo_owner", "PyObject", 1), ("own", "long", 0), ("a", "int", 0), ("b", "int", 0),
    ]  # fmt: skip


def test_members_visited_by_an_x_macro_of_the_function() -> None:
    text = """
#define FIELDS(X) X(a) X(b)
int f(Foo *s, visitproc visit, void *arg)
{
#define VISIT(m) Py_VISIT(s->m);
    FIELDS(VISIT)
#undef VISIT
    return 0;
}
"""
    found = function(text, "f")
    visited = [one.args[0] for one in ir.calls(found.body) if ir.called(one) == "Py_VISIT"]
    assert [one.field for one in visited if isinstance(one, ir.Member)] == ["a", "b"]


def test_statement_and_expression_macros() -> None:
    text = """
#define MyAlloc(s, t) (s *)t.tp_alloc(&t, 0)
#define MyFree(o) Py_TYPE(o)->tp_free((PyObject *)o)
#define CHECK(x) do { if (!(x)) { goto fail; } } while (0)
int f(PyObject *o) { p = MyAlloc(Foo, Foo_Type); CHECK(p); fail: MyFree(o); return 0; }
"""
    found = function(text, "f")
    members = [one.function.field for one in ir.calls(found.body) if isinstance(one.function, ir.Member)]
    assert members == ["tp_alloc", "tp_free"]
    assert found.complete


def test_names_of_functions_from_macros() -> None:
    text = "#define INIT(n) PyMODINIT_FUNC PyInit_##n\nINIT(spam)(void)\n{\n    return g();\n}\n"
    assert calls(function(text, "PyInit_spam")) == ["g"]
    text = "#define UNARY(NAME) static PyObject *NAME(PyObject *self)\nUNARY(minus)\n{\n    return g(self);\n}\n"
    assert calls(function(text, "minus")) == ["g"]


def test_the_conditional_fallback_of_an_api_macro_is_left_alone() -> None:
    text = (
        "#ifndef Py_VISIT\n#define Py_VISIT(x) if (x) { visit(x, arg); }\n#endif\n"
        "int f(PyObject *s) { Py_VISIT(s); return 0; }\n"
    )
    assert calls(function(text, "f")) == ["Py_VISIT"]


def test_include_guards_and_circles() -> None:
    files = {
        "a.c": '#include "a.h"\n#include "b.h"\n#include "a.h"\nFOO;\n',
        "a.h": (
            '#ifndef A_H\n#define A_H\n#include "b.h"\n'
            '#define FOO PyTypeObject T = { PyVarObject_HEAD_INIT(0, 0) "m.T" }\n'
            "typedef struct { PyObject_HEAD int a; } A;\n#endif\n"
        ),
        "b.h": '#pragma once\n#include "a.h"\n#include "b.h"\n#include "a.c"\ntypedef struct { A base; int b; } B;\n',
    }
    found = [made for unit in program(files).units for made in unit.types]
    assert [(made.symbol, made.name) for made in found] == [("T", "m.T")]
    assert [name for name, *_ in fields(struct(files, "B"))] == ["base", "b"]


def test_an_include_that_is_a_macro_or_missing() -> None:
    text = (
        '#include FT_FREETYPE_H\n#include "nowhere.h"\n#include\n#include "\n#include <\n'
        'PyTypeObject T = { PyVarObject_HEAD_INIT(0, 0) "m.T" };\n'
    )
    assert types(text)["T"].name == "m.T"


def test_a_template_that_is_included_with_other_macros() -> None:
    files = {
        "oo.c": '#define NAME "oo"\n#define KIND PyObject *\n#include "template.c"\n',
        "template.c": (
            "typedef struct { PyObject_HEAD KIND key; } Bucket;\n"
            'static PyTypeObject BucketType = { PyVarObject_HEAD_INIT(NULL, 0) NAME "Bucket", sizeof(Bucket) };\n'
        ),
    }
    made = types(files)["BucketType"]
    assert (made.name or "").replace(" ", "") == "ooBucket"
    assert made.struct is not None
    assert [(one.name, one.type.pointers) for one in made.struct.fields] == [("ob_base", 0), ("key", 1)]


def test_reading_the_same_files_again_gives_the_same() -> None:
    files = sources({"b.c": '#include "x.h"\n', "a.c": '#include "x.h"\n', "x.h": "static PyTypeObject T;\n"})
    config = Config(target=TargetRange.parse(">=3.10"))
    seen = [
        [
            (unit.path, made.symbol, made.place)
            for unit in Work(files, config, Path()).read().units
            for made in unit.types
        ]
        for _ in range(2)
    ]
    assert seen[0] == seen[1] and len(seen[0]) == 1
