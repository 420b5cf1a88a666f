"""C++: what its grammar adds comes out as the same IR that C gives, under the names that the model looks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from reading import calls, findings, function, names, program, struct, types, views

from heaplint import ir
from heaplint.flow.lifecycle import lives

HEAD = "#include <Python.h>\n"
CLASS = """
namespace shop {
class Till {
public:
    explicit Till(PyObject* o) : m_object(o), m_count{0} {}
    ~Till() { Py_XDECREF(m_object); }
    static Till* of(PyObject* o);
    void close();
    void count(int& out) const { out = m_count; }
    bool operator==(const Till& other) const { return m_object == other.m_object; }
    operator PyObject*() const { return m_object; }
    static PyTypeObject* type;
private:
    PyObject* m_object;
    int m_count{};
};
}
"""


def body(text: str, declared: str = "", before: str = "") -> ir.Function:
    """The function `f` with this body, of C++."""
    return function({"example.cpp": f"{HEAD}{before}\nPyObject* f(PyObject* self{declared}) {{ {text} }}\n"}, "f")


def texts(node: ir.Node | None) -> set[str]:
    return {one.text for one in names(node)}


def first(text: str, kind: type[ir.Node], before: str = "") -> ir.Node:
    made = body(text, before=before)
    assert made.complete
    return next(one for one in ir.walk(made.body) if isinstance(one, kind))


# items


def items(text: str) -> list[tuple[str, str]]:
    (view,) = views({"example.cpp": text})
    return [(item.kind, item.name) for item in view.texts[0].items]


def test_namespaces_and_linkage_blocks_are_no_items() -> None:
    text = 'namespace a { namespace b { int f() { return 1; } } }\nextern "C" {\nint g() { return 2; }\n}\nnamespace { int h; }'
    assert items(text) == [("function", "f"), ("function", "g"), ("declaration", "")]


def test_methods_in_a_class_are_items_within_its_own() -> None:
    assert [one for one in items(CLASS) if one[0] == "function"] == [
        ("function", "Till::Till"),
        ("function", "Till::~Till"),
        ("function", "Till::count"),
        ("function", "Till::operator=="),
        ("function", "Till::operatorPyObject*"),
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("template <typename T = int> T f(T a) { return a; }", "f"),
        ("int f(int a = 1, const char* b = \"x\") { return a; }", "f"),
        ("auto f(int a) -> std::vector<int> { return {a}; }", "f"),
        ("X::X(int a) : m(a), n{a} { g(); }", "X::X"),
        ("a::B<int>::~B() noexcept(true) { g(); }", "a::B<int>::~B"),
        ("X& X::operator=(const X& other) { return *this; }", "X::operator="),
        ("bool operator<(const X& a, const X& b) { return true; }", "operator<"),
        ("int f() const& noexcept override try { g(); } catch (...) { h(); }", "f"),
        ("struct Y* f(struct Y* y) { return y; }", "f"),
    ],
)
def test_names_of_functions(text: str, name: str) -> None:
    kind, found = items(text)[0]
    assert kind == "function"
    assert found.replace("<int>", "") == name.replace("<int>", "")


@pytest.mark.parametrize(
    "text",
    [
        "enum class Colour { red, blue };",
        "struct Point final : public Base<int> { int x = 0; };",
        "std::map<int, int> table = { {1, 2} };",
        "int table[]{1, 2, 3};",
        "auto handler = [](int a) { return a; };",
    ],
)
def test_what_is_no_function(text: str) -> None:
    assert items(text) == [("declaration", "")]


def test_a_brace_that_does_not_end_spoils_one_item() -> None:
    assert items("void f() {\n  if (x) {\n}\nvoid g() { }\n")[-1] == ("function", "g")


# names


def test_a_method_has_the_name_of_its_class_and_this() -> None:
    made = function({"example.cpp": CLASS + "void shop::Till::close() { Py_CLEAR(m_object); }"}, "Till::close")
    assert [one.name for one in made.parameters] == ["this"]
    (call,) = ir.calls(made.body)
    (argument,) = call.args
    assert isinstance(argument, ir.Member)
    assert (argument.field, argument.arrow) == ("m_object", True)


def test_static_members_have_the_name_of_their_class_too() -> None:
    text = CLASS + "namespace shop { Till* Till::of(PyObject* o) { return o == (PyObject*)type ? nullptr : nullptr; } }"
    made = function({"example.cpp": text}, "Till::of")
    assert [one.name for one in made.parameters] == ["o"]
    assert "Till::type" in texts(made.body)


def test_a_local_variable_hides_a_member() -> None:
    made = function({"example.cpp": CLASS + "void shop::Till::close() { int m_object = 0; g(m_object); }"}, "Till::close")
    (call,) = ir.calls(made.body)
    assert isinstance(call.args[0], ir.Name)


def test_methods_called_through_a_pointer_are_the_class_s() -> None:
    made = function({"example.cpp": CLASS + "void f(shop::Till* till) { till->close(); }"}, "f")
    assert calls(made) == ["Till::close"]
    (call,) = ir.calls(made.body)
    assert isinstance(call.args[0], ir.Name)


def test_members_of_a_class_that_a_header_declares() -> None:
    files = {"a.cpp": '#include "a.hpp"\nvoid shop::Till::close() { Py_CLEAR(m_object); }', "a.hpp": CLASS}
    (call,) = ir.calls(function(files, "Till::close").body)
    assert isinstance(call.args[0], ir.Member)


def test_fields_are_what_each_object_has() -> None:
    made = struct({"example.cpp": CLASS}, "Till")
    assert made.complete
    assert [one.name for one in made.fields] == ["m_object", "m_count"]


def test_a_class_declared_in_a_class_is_no_field_of_it() -> None:
    made = struct({"example.cpp": "struct A { struct B { PyObject* doc; }; B* b; };"}, "A")
    assert [one.name for one in made.fields] == ["b"]


def test_overloads_are_not_guessed() -> None:
    unit = program({"example.cpp": "int f(int a) { return a; }\nint f(char* a) { return 0; }"}).units[0]
    assert unit.has_function("f")
    assert unit.function("f") is None


# expressions and statements


@pytest.mark.parametrize(
    ("text", "base", "pointers"),
    [
        ("x = static_cast<Foo*>(y);", "Foo", 1),
        ("x = reinterpret_cast<PyObject*>(g(h(y)));", "PyObject", 1),
        ("x = const_cast<char**>(y);", "char", 2),
        ("x = int(y);", "int", 0),
        ("x = new Foo(1);", "Foo", 1),
    ],
)
def test_casts(text: str, base: str, pointers: int) -> None:
    cast = first(text, ir.Cast)
    assert isinstance(cast, ir.Cast)
    assert (cast.type.base, cast.type.pointers) == (base, pointers)


@pytest.mark.parametrize("text", ["T x(g(self));", "T x{g(self)};", "T x = g(self);", "T x = {g(self)};"])
def test_initialisers_are_kept(text: str) -> None:
    variable = first(text.replace("T", "a::T"), ir.Variable)
    assert isinstance(variable, ir.Variable)
    assert "class" in variable.type.storage
    assert not variable.type.function
    assert "g" in texts(variable)


@pytest.mark.parametrize("text", ["PyObject* x(g(self));", "PyObject* x{g(self)};", "auto* x = g(self);"])
def test_pointers_are_followed_however_they_are_initialised(text: str) -> None:
    variable = first(text, ir.Variable)
    assert isinstance(variable, ir.Variable)
    assert "class" not in variable.type.storage
    assert variable.type.pointers == 1
    assert ir.called(variable.init) == "g"


def test_a_prototype_in_a_function_stays_one() -> None:
    variable = first("int g(PyObject *o, int n);", ir.Variable)
    assert isinstance(variable, ir.Variable)
    assert variable.type.function


def test_reference_parameters_are_pointers() -> None:
    made = function({"example.cpp": "void f(PyObject*& out, const T& in, T& own) { out = g(in); own.n = 1; }"}, "f")
    assert [one.type.pointers for one in made.parameters] == [2, 0, 1]
    targets = [one.target for one in ir.walk(made.body) if isinstance(one, ir.Assign)]
    assert isinstance(targets[0], ir.Unary) and targets[0].operator == "*"
    assert isinstance(targets[1], ir.Member) and targets[1].arrow


def test_what_is_given_by_reference_is_given_by_address() -> None:
    text = "bool find(PyObject*& out);\nvoid f() { PyObject* p; find(p); g(p); }"
    found, other = ir.calls(function({"example.cpp": text}, "f").body)
    assert isinstance(found.args[0], ir.Unary) and found.args[0].operator == "&"
    assert isinstance(other.args[0], ir.Name)


def test_a_lambda_without_captures_is_a_function() -> None:
    files = {"example.cpp": "void* slot = (void*)+[](PyObject* self) -> PyObject* { return Py_NewRef(self); };"}
    unit = program(files).units[0]
    variable = unit.variable("slot")
    assert variable is not None
    (name,) = (one.text for one in ir.walk(variable.init) if isinstance(one, ir.Name))
    made = unit.function(name)
    assert made is not None
    assert calls(made) == ["Py_NewRef"]


def test_a_lambda_has_what_it_captures() -> None:
    made = body("PyObject* held = g(); auto later = [&]() { h(held); }; later();")
    value = next(one for one in ir.walk(made.body) if isinstance(one, ir.Opaque))
    assert [one.text for one in value.parts if isinstance(one, ir.Name)] == ["held"]


@pytest.mark.parametrize(
    "text",
    [
        "try { g(); } catch (const std::exception& e) { h(); } catch (...) { throw; }",
        "for (const auto& [key, value] : table) { g(key, value); }",
        "for (PyObject* one : list) g(one);",
        "if (auto* x = g()) { h(x); } else { k(); }",
        "if (int n = g(); n > 1) h(n);",
        "while (PyObject* x = g()) { h(x); }",
        "switch (auto n = g()) { case A::B: break; default: h(); }",
        "if constexpr (sizeof(int) > 2) { g(); }",
        "using namespace std; using T = int; static_assert(sizeof(T) == 4, \"\"); T n{1};",
        "auto x = g<int, 3>(a); x->template h<int>(b); delete x; delete[] y; new (p) T(1);",
        "const char* s = R\"x(a \"quoted\" b)x\" \"c\"; std::string t{s}; t[0] = 'a';",
        "[[maybe_unused]] int n = 1'000'000; return {};",
        "return static_cast<PyObject*>(a::b::C<int>::d(x)->e().f);",
    ],
)
def test_what_is_read_in_full(text: str) -> None:
    assert body(text).complete


def test_handlers_are_seen_and_never_entered() -> None:
    made = body("try { g(); } catch (...) { h(); }")
    assert calls(made) == ["g", "h"]
    (handler,) = (one for one in ir.walk(made.body) if isinstance(one, ir.If))
    assert ir.is_null(handler.condition)


def test_raw_strings_are_strings() -> None:
    constant = first('g(R"(a "b" \\n)");', ir.Constant)
    assert ir.string_value(constant) == 'a \\"b\\" \\\\n'


# the model


def test_specs_of_two_classes_in_one_file_are_two_types() -> None:
    text = HEAD + "".join(
        f"""
struct {name} {{ PyObject_HEAD static PyType_Spec spec; static PyTypeObject* type; static bool ready(); }};
static PyType_Slot {name}_slots[] = {{ {{Py_tp_dealloc, void_cast({name}_dealloc)}}, {{0, 0}} }};
PyType_Spec {name}::spec = {{ "m.{name}", sizeof({name}), 0, Py_TPFLAGS_DEFAULT, {name}_slots }};
PyTypeObject* {name}::type = NULL;
bool {name}::ready() {{ type = (PyTypeObject*)PyType_FromSpec(&spec); return type != NULL; }}
"""
        for name in ("A", "B")
    )
    found = types({"example.cpp": text})
    assert {symbol: made.name for symbol, made in found.items()} == {"A::spec": "m.A", "B::spec": "m.B"}
    for name in ("A", "B"):
        made = found[f"{name}::spec"]
        assert made.slots["tp_dealloc"].function == f"{name}_dealloc"
        assert made.struct is not None and made.struct.name == name
        assert [(one.function, one.targets) for one in made.creations] == [(f"{name}::ready", (f"{name}::type",))]


def test_tables_in_braces_without_an_equals_sign() -> None:
    text = """
static PyType_Slot slots[]{ {Py_tp_dealloc, (void*)d}, {0, nullptr} };
static PyType_Spec spec{ "m.T", sizeof(T), 0, Py_TPFLAGS_DEFAULT, slots };
"""
    made = types({"example.cpp": text})["spec"]
    assert (made.name, made.slots["tp_dealloc"].function, made.slots_terminated) == ("m.T", "d", True)


def test_a_static_method_as_a_slot_function() -> None:
    text = """
struct T { PyObject_HEAD PyObject* a;
  static int traverse(T* self, visitproc visit, void* arg) { Py_VISIT(self->a); Py_VISIT(Py_TYPE(self)); return 0; } };
static PyType_Slot slots[] = { {Py_tp_traverse, (void*)T::traverse}, {0, nullptr} };
static PyType_Spec spec = { "m.T", sizeof(T), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots };
"""
    unit = program({"example.cpp": HEAD + text}).units[0]
    (life,) = lives(unit)
    assert life.visits_type() is True


# the line between C and C++


def test_a_header_is_read_as_the_file_that_includes_it() -> None:
    header = "class A { public: int f() { return 1; } };\n"
    found = {}
    for main in ("a.c", "a.cpp"):
        (view,) = views({main: '#include "a.h"\n', "a.h": header})
        found[main] = view.texts[1].reading.plus_plus
    assert found == {"a.c": False, "a.cpp": True}


@pytest.mark.parametrize(
    ("text", "plus_plus"),
    [
        ("namespace a {\nint f();\n}\n", True),
        ("template <class T> T f(T);\n", True),
        ("struct S { int a; };\n", False),
        ("#ifdef __cplusplus\nnamespace a {\n#endif\nint f();\n", False),
    ],
)
def test_a_header_on_its_own_is_what_its_text_says(text: str, plus_plus: bool) -> None:
    assert views({"a.h": text})[0].view.plus_plus is plus_plus


def test_the_grammar_of_cplusplus_is_loaded_for_cplusplus_only() -> None:
    code = (
        "import sys; sys.path.insert(0, %r); from reading import program; program({%r: 'int f(void) { return 1; }'}); "
        "print('tree_sitter_cpp' in sys.modules)"
    )
    for path, loaded in (("a.c", "False"), ("a.cpp", "True")):
        command = [sys.executable, "-c", code % (str(Path(__file__).parent), path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.stdout.strip(), done.stderr) == (loaded, "")


# what it is for


def test_an_object_of_a_class_owns_what_it_is_given() -> None:
    text = """
PyObject* f(PyObject* self) {
    a::ref held(PyList_New(0));
    a::ref other = PyList_New(0);
    a::ref third;
    third = PyList_New(0);
    return held ? held.release() : nullptr;
}
"""
    assert findings({"example.cpp": HEAD + text}) == []


def test_a_plain_pointer_does_not() -> None:
    text = "PyObject* f(PyObject* self) { PyObject* list(PyList_New(0)); if (!g(self)) return nullptr; return list; }"
    assert [one.rule for one in findings({"example.cpp": HEAD + text})] == ["HL401"]


def test_what_stands_in_a_namespace_without_a_name_is_not_linked() -> None:
    text = """
namespace {{
PyType_Spec spec = {{ "m.{name}", 0, 0, Py_TPFLAGS_DEFAULT, nullptr }};
int helper(int n) {{ return n; }}
}}
int {name}_exec(PyObject* module) {{ PyObject* {name} = PyType_FromSpec(&spec); return {name} != nullptr; }}
"""
    made = program({"a.cpp": HEAD + text.format(name="A"), "b.cpp": HEAD + text.format(name="B")})
    found = {one.name: one for unit in made.units for one in unit.types}
    assert {name: [one.targets for one in made.creations] for name, made in found.items()} == {
        "m.A": [("A",)],
        "m.B": [("B",)],
    }
    assert "helper" not in made.index("function")
    assert "A_exec" in made.index("function")
