"""C++ → IR: what its grammar has beyond that of C.

The IR stays that of C. A method is a function named with its class (`Solver::add`), a member that a method names is
`this->member` or, where it is static, `Solver::member`; namespaces of the project and the arguments of templates are left
out of names. Exceptions are no paths: a handler is never entered, `throw` ends the way. What an object of a class does when
it goes is not followed: what was given to it is its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.cplusplus_expressions import CPLUSPLUS_EXPRESSIONS
from heaplint.frontend.cplusplus_items import MemberKind, Scopes
from heaplint.frontend.cplusplus_statements import CPLUSPLUS_STATEMENTS
from heaplint.frontend.expand import Expanded
from heaplint.frontend.items import Item
from heaplint.frontend.parsed import Parsed
from heaplint.frontend.treesitter import Declared, Lowering, both, ctype, parse_with

_PARSER = Parser(Language(tree_sitter_cpp.language()))

_POINTERS = frozenset({"pointer_declarator", "abstract_pointer_declarator", "pointer_type_declarator"})
_ARRAYS = frozenset({"array_declarator", "abstract_array_declarator"})
_FUNCTIONS = frozenset({"function_declarator", "abstract_function_declarator"})
_REFERENCES = frozenset({"reference_declarator", "abstract_reference_declarator"})
_NAMES = frozenset({
    "identifier", "field_identifier", "type_identifier", "primitive_type", "qualified_identifier", "destructor_name",
    "operator_name", "template_function", "template_type",
})
_SCALARS = frozenset("""
    bool char short int long float double unsigned signed void size_t ssize_t Py_ssize_t Py_hash_t auto wchar_t
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t intptr_t uintptr_t
""".split())
_METHOD_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\.\s*~?\w+\s*\(")
_CLASS = frozenset({"class"})
REFERENCE = "reference"
"""In the storage of a type: it is a reference to one. A parameter that is one is a pointer, as compilers have it."""


def _has_methods(members: Mapping[str, MemberKind]) -> bool:
    return "method" in members.values()


class CPlusPlusFrontEnd:
    """Parses the items of one reading of a C++ file."""

    def __init__(self, items: Sequence[Item], scopes: Scopes) -> None:
        self._scopes = scopes
        methods = [item for item in items if item.outer >= 0 and item.kind == "function"]
        self._starts = [item.start for item in methods]
        self._methods = methods

    def parse(self, expanded: Expanded, path: str) -> Parsed:
        """Read one item; never fails."""
        at = expanded.at(0)
        index = bisect_right(self._starts, at) - 1
        written_in = ""
        if index >= 0 and at < self._methods[index].end:
            written_in = self._scopes.canonical(self._methods[index].name).rpartition("::")[0]
        return parse_with(_PARSER, CPlusPlusLowering(expanded, path, self._scopes, written_in))


class CPlusPlusLowering(Lowering):
    """Turns the tree of one item of C++ into IR."""

    def __init__(self, expanded: Expanded, path: str, scopes: Scopes, written_in: str) -> None:
        super().__init__(expanded, path)
        self.statements = CPLUSPLUS_STATEMENTS
        self.expressions = CPLUSPLUS_EXPRESSIONS
        self.scopes = scopes
        self.written_in = written_in
        """The class whose body the item stands in; "" for none."""
        self.members: Mapping[str, MemberKind] = {}
        """Those of the class whose method is read."""
        self.owner = ""
        self.local: dict[str, ir.CType] = {}
        """What the function at hand has declared so far."""
        self.with_methods: frozenset[str] = frozenset()
        """The names of which the function at hand calls methods, with a dot."""
        self.by_reference: set[str] = set()
        """The parameters of the function at hand that are references."""
        self.lambdas: list[ir.Function] = []

    # -- top level -------------------------------------------------------------------------------------------------

    def unit(self, root: Node) -> Parsed:
        parsed = super().unit(root)
        if not self.lambdas:
            return parsed
        return Parsed(
            (*parsed.functions, *self.lambdas), parsed.variables, parsed.structs, parsed.loose, parsed.complete,
            parsed.problem, parsed.problem_at,
        )

    def function(self, node: Node) -> ir.Function | None:
        declarator = node.child_by_field_name("declarator")
        body = node.child_by_field_name("body")
        if declarator is None or body is None:
            return None
        declared = self.declarator(declarator)
        name = self.scopes.canonical(declared.name)
        if self.written_in and "::" not in name:
            name = f"{self.written_in}::{name}"
        owner, _, own = name.rpartition("::")
        self.owner, self.members = owner, self.scopes.classes.get(owner, {})
        typed = node if declared.converts is None else declared.converts
        base = self.type_of(typed.child_by_field_name("type")) if typed.child_by_field_name("type") is not None else ctype("void")
        storage = both(base.storage, self.storage(node))
        if not declared.pointers and self.is_object(base, Declared()):
            storage = both(storage, _CLASS)
        returns = self.trailing_type(declarator) or ctype(base.base, declared.pointers, (), storage)
        self.local = {}
        parameters, variadic = self.parameters(declared.parameters)
        kind = self.members.get(own)
        if kind == "method" or own.startswith("~") or own == owner.rpartition("::")[2] != "":
            this = ir.Variable(declared.start, declared.end, "this", ctype(owner.rpartition("::")[2], 1))
            parameters = (this, *parameters)
        for one in parameters:
            self.local[one.name] = one.type
        self.by_reference = self.references(declared.parameters)
        self.with_methods = frozenset(_METHOD_CALLED.findall(self.text(body)))
        before = self.problem
        self.problem = ""
        inner = self.statement(body)
        block = inner if isinstance(inner, ir.Block) else ir.Block(inner.start, inner.end, (inner,))
        initialisers = self.initialisers(node)
        if initialisers:
            block = ir.Block(block.start, block.end, (*initialisers, *block.body))
        broken = bool(self.problem)
        self.problem = before or self.problem
        return ir.Function(
            declared.start, declared.end, self.path, name, returns, parameters, variadic, block, complete=not broken
        )

    def initialisers(self, node: Node) -> list[ir.Stmt]:
        """What a constructor gives to its members before its body."""
        result: list[ir.Stmt] = []
        for clause in (child for child in node.named_children if child.type == "field_initializer_list"):
            for one in clause.named_children:
                parts = one.named_children
                if one.type != "field_initializer" or len(parts) < 2 or parts[0].type != "field_identifier":
                    continue
                start, end = self.place(one)
                target = ir.Member(start, end, ir.Name(start, end, "this"), self.word(parts[0]), True)
                value = self.constructed(ctype("auto"), parts[1])
                result.append(ir.ExprStmt(start, end, ir.Assign(start, end, "=", target, value)))
        return result

    def trailing_type(self, declarator: Node) -> ir.CType | None:
        """The type behind `->`."""
        for child in declarator.named_children:
            if child.type == "trailing_return_type" and child.named_children:
                return self.type_of(child.named_children[0])
        return None

    def parameters(self, node: Node | None) -> tuple[tuple[ir.Variable, ...], bool]:
        if node is None:
            return (), False
        result: list[ir.Variable] = []
        variadic = any(child.type == "..." for child in node.children)
        for child in node.named_children:
            if child.type in ("parameter_declaration", "optional_parameter_declaration", "variadic_parameter_declaration"):
                base = self.type_of(child.child_by_field_name("type"))
                declarator = child.child_by_field_name("declarator")
                declared = self.declarator(declarator) if declarator is not None else Declared()
                start, end = self.place(child)
                storage = both(base.storage, self.storage(child))
                pointers = base.pointers + declared.pointers + self.referred(child, declared)
                if not pointers and not declared.arrays and self.is_object(base, declared):
                    storage = both(storage, _CLASS)
                kind = ctype(base.base, pointers, declared.arrays, storage, declared.function)
                if kind.base == "void" and not kind.pointers and not declared.name:
                    continue
                result.append(ir.Variable(start, end, declared.name, kind))
        return tuple(result), variadic

    def referred(self, parameter: Node, declared: Declared) -> bool:
        """Whether a parameter is a reference through which the function may change what it is given."""
        return REFERENCE in declared.storage and (declared.pointers > 0 or "const" not in self.storage(parameter))

    def references(self, parameters: Node | None) -> set[str]:
        """The names of the parameters that are references."""
        found: set[str] = set()
        for child in parameters.named_children if parameters is not None else ():
            declarator = child.child_by_field_name("declarator")
            if declarator is not None and self.referred(child, declared := self.declarator(declarator)):
                found.add(declared.name)
        return found

    def type_of(self, node: Node | None) -> ir.CType:
        if node is None:
            return ctype("int")
        if node.type == "placeholder_type_specifier":
            return ctype("auto")
        if node.type in ("qualified_identifier", "template_type"):
            text = "".join(self.text(node).split())
            return ctype(self.scopes.canonical(text) if "<" not in text else text)
        if node.type in ("struct_specifier", "class_specifier", "union_specifier"):
            name = node.child_by_field_name("name")
            if name is not None and name.type == "template_type" and node.child_by_field_name("body") is None:
                return ctype("struct " + "".join(self.text(name).split()))
        return super().type_of(node)

    def declarator(self, node: Node) -> Declared:
        declared = Declared()
        pointers = 0
        while True:
            kind = node.type
            if kind in _POINTERS:
                pointers += 1
            elif kind in _REFERENCES:
                if node.children and node.children[0].type == "&":
                    declared.storage = frozenset({REFERENCE})
            elif kind in _ARRAYS:
                size = node.child_by_field_name("size")
                declared.arrays = (self.text(size) if size is not None else "", *declared.arrays)
            elif kind in _FUNCTIONS:
                declared.function = True
                declared.parameters = node.child_by_field_name("parameters")
                declared.pointers, pointers = pointers, 0
            elif kind == "init_declarator":
                declared.init = node.child_by_field_name("value")
            elif kind in _NAMES:
                if kind == "qualified_identifier" and (found := self.conversion(node)) is not None:
                    node = found
                    continue
                declared.name = "".join(self.text(node).split())
                declared.start, declared.end = self.place(node)
                break
            elif kind == "operator_cast":
                inner = node.child_by_field_name("declarator")
                while inner is not None and inner.type in _POINTERS:
                    declared.pointers += 1
                    inner = inner.child_by_field_name("declarator")
                declared.function = True
                declared.name = "operator" + self.type_of(node.child_by_field_name("type")).base + "*" * declared.pointers
                declared.converts = node
                declared.parameters = inner.child_by_field_name("parameters") if inner is not None else None
                declared.start, declared.end = self.place(node)
                return declared
            following = node.child_by_field_name("declarator")
            if following is None:
                following = next((c for c in node.named_children if c.type in _NAMES or c.type.endswith("_declarator")), None)
            if following is None:
                declared.start, declared.end = self.place(node)
                break
            node = following
        if not declared.function:
            declared.pointers = pointers
        return declared

    @staticmethod
    def conversion(node: Node) -> Node | None:
        """The `operator T()` of `Class::operator T()`."""
        inner: Node | None = node
        while inner is not None and inner.type == "qualified_identifier":
            inner = inner.child_by_field_name("name")
        return inner if inner is not None and inner.type == "operator_cast" else None

    def struct(self, node: Node, body: Node, name: str, union: bool) -> ir.Struct:
        """A class; its static members and methods are no fields, and what it inherits is its first field."""
        before, self.problem = self.problem, ""
        fields = list(self.bases(node))
        for child in body.named_children:
            if child.type == "field_declaration" and child.has_error and b"(" in self.source[child.start_byte : child.end_byte]:
                continue  # a method whose parameters the grammar does not know
            if child.type == "field_declaration":
                fields += [one for one in self.declaration(child) if self.is_field(one)]
                if child.has_error:
                    self.fail(child, "a field could not be parsed")
            elif child.type == "ERROR":
                self.fail(child, "a field could not be parsed")
        broken = bool(self.problem)
        self.problem = before or self.problem
        start, end = self.place(node)
        return ir.Struct(start, end, name, union, tuple(fields), not broken)

    @staticmethod
    def is_field(member: ir.Variable) -> bool:
        """Whether a member is in each object: no static one, no method, no class that is only declared there."""
        if "static" in member.type.storage or (member.type.function and not member.type.pointers):
            return False
        return bool(member.name) or member.fields is None or not member.fields.name

    def bases(self, node: Node) -> Iterator[ir.Variable]:
        """The classes that a class inherits from, as fields."""
        for clause in node.named_children:
            if clause.type == "base_class_clause":
                for one in clause.named_children:
                    if one.type in ("type_identifier", "qualified_identifier", "template_type"):
                        start, end = self.place(one)
                        yield ir.Variable(start, end, "ob_base", self.type_of(one))

    def declaration(self, node: Node) -> list[ir.Variable]:
        result = super().declaration(node)
        if self.depth:
            for one in result:
                self.local[one.name] = one.type
        return result

    def variable(
        self, declared: Declared, base: ir.CType, storage: frozenset[str], body: ir.Struct | None
    ) -> ir.Variable:
        """`T x(y);` in a function is a variable, whatever the grammar takes it for."""
        arguments: tuple[ir.Expr, ...] | None = None
        if declared.function and self.depth and declared.parameters is not None:
            arguments = self.arguments_of(declared.parameters)
        kind = self.kind_of(declared, base, storage, declared.function and arguments is None)
        init: ir.Expr | None = None
        if arguments is not None:
            init = self.made(kind, arguments, declared.start, declared.end)
        elif declared.init is not None:
            init = self.constructed(kind, declared.init)
        if kind.base == "auto" and isinstance(init, ir.Cast):
            kind = ctype(init.type.base, init.type.pointers, (), kind.storage, init.type.function)
        name = self.scopes.canonical(declared.name)
        return ir.Variable(declared.start, declared.end, name, kind, init, body)

    def kind_of(self, declared: Declared, base: ir.CType, storage: frozenset[str], function: bool) -> ir.CType:
        """The type of a variable; in a function it says whether that is an object of a class."""
        storage = both(storage, declared.storage)
        if self.depth and not (declared.pointers or declared.arrays) and self.is_object(base, declared):
            storage = both(storage, _CLASS)
        return ctype(base.base, base.pointers + declared.pointers, declared.arrays, storage, function)

    def is_object(self, base: ir.CType, declared: Declared) -> bool:
        """Whether a variable of a function is an object of a class, and no struct or number."""
        name = base.name
        if base.pointers or self.scalar(base) or (name.isidentifier() and name.startswith(("Py", "_Py")) and name not in self.scopes.classes):
            return False
        return (
            "::" in name or "<" in name or _has_methods(self.scopes.classes.get(name, {}))
            or declared.name in self.with_methods or (declared.init is not None and declared.init.type == "argument_list")
            or declared.function
        )

    def arguments_of(self, parameters: Node) -> tuple[ir.Expr, ...] | None:
        """The arguments of a constructor that the grammar took for the parameters of a prototype; None for a prototype."""
        result: list[ir.Expr] = []
        for one in parameters.named_children:
            named = one.child_by_field_name("type")
            if one.type != "parameter_declaration" or named is None or named.type in ("primitive_type", "sized_type_specifier"):
                return None
            start, end = self.place(named)
            text = "".join(self.text(named).split())
            value: ir.Expr = self.name(text, start, end)
            inner = one.child_by_field_name("declarator")
            if inner is not None:
                deeper = inner.child_by_field_name("parameters")
                if inner.type != "abstract_function_declarator" or deeper is None:
                    return None
                given = self.arguments_of(deeper)
                if given is None:
                    return None
                value = ir.Call(start, self.place(one)[1], value, given)
            result.append(value)
        return tuple(result) if result else None

    def constructed(self, kind: ir.CType, value: Node) -> ir.Expr:
        """The initialiser of a variable of a type: `= y`, `(y)`, `{y}`."""
        if value.type == "argument_list":
            start, end = self.place(value)
            return self.made(kind, self.arguments(value), start, end)
        if value.type == "initializer_list" and not kind.arrays and self.scalar(kind):
            inner = value.named_children
            return self.expr(inner[0]) if len(inner) == 1 else ir.Constant(*self.place(value), "number", "0")
        return self.expr(value)

    def made(self, kind: ir.CType, arguments: tuple[ir.Expr, ...], start: int, end: int) -> ir.Expr:
        """What a variable holds that is given some arguments."""
        if self.scalar(kind):
            return arguments[0] if arguments else ir.Constant(start, end, "number", "0")
        return ir.Call(start, end, ir.Name(start, end, f"{kind.name}{{}}"), arguments)

    @staticmethod
    def scalar(kind: ir.CType) -> bool:
        return bool(kind.pointers) or kind.function or kind.base.rpartition(" ")[2] in _SCALARS or kind.base.startswith("enum ")

    # -- names -----------------------------------------------------------------------------------------------------

    def name(self, text: str, start: int, end: int) -> ir.Expr:
        """What a name as written means: a variable, or a member of the class whose method is read."""
        if "::" in text:
            return ir.Name(start, end, self.scopes.canonical(text))
        kind = self.members.get(text) if text not in self.local else None
        if kind == "data" and "this" in self.local:
            return ir.Member(start, end, ir.Name(start, end, "this"), text, True)
        if kind in ("static", "method", "data"):
            return ir.Name(start, end, f"{self.owner}::{text}")
        if text in self.by_reference:
            return ir.Unary(start, end, "*", ir.Name(start, end, text))
        return ir.Name(start, end, text)

    def arguments(self, node: Node | None) -> tuple[ir.Expr, ...]:
        return tuple(self.expr(one) for one in node.named_children) if node is not None else ()
