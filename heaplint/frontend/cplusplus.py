"""C++ → IR: what its grammar has beyond that of C.

The IR stays that of C. A method is a function named with its class (`Solver::add`), a member that a method names is
`this->member` or, where it is static, `Solver::member`; namespaces of the project and the arguments of templates are left
out of names. Exceptions are no paths: a handler is never entered, `throw` ends the way. What an object of a class does when
it goes is not followed: what was given to it is its own.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

from heaplint import ir
from heaplint.frontend.cplusplus_items import LAMBDA, MemberKind, Scopes
from heaplint.frontend.expand import Expanded
from heaplint.frontend.items import Item
from heaplint.frontend.treesitter import EXPRESSIONS, STATEMENTS, Declared, Lowering, Parsed, both, ctype, parse_with

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
_NO_CODE = frozenset({
    "using_declaration", "alias_declaration", "static_assert_declaration", "namespace_alias_definition", "friend_declaration",
    "template_instantiation", "concept_definition", "comment",
})
REFERENCE = "reference"
"""In the storage of a type: it is a reference to one. A parameter that is one is a pointer, as compilers have it."""


def _has_methods(members: Mapping[str, MemberKind]) -> bool:
    return "method" in members.values()


@dataclass(slots=True)
class _Declarator(Declared):
    """What a declarator of C++ adds."""

    converts: Node | None = None
    """The `operator T()` that it is."""


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
        self.statements = _ALL_STATEMENTS
        self.expressions = _ALL_EXPRESSIONS
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
        block = self.block(body) if body.type == "compound_statement" else self.try_block(body)
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

    def declarator(self, node: Node) -> _Declarator:
        declared = _Declarator()
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
        storage = both(storage, declared.storage)
        if self.depth and not (declared.pointers or declared.arrays) and self.is_object(base, declared):
            storage = both(storage, _CLASS)
        arguments: tuple[ir.Expr, ...] | None = None
        if declared.function and self.depth and declared.parameters is not None:
            arguments = self.arguments_of(declared.parameters)
        function = declared.function and arguments is None
        kind = ctype(base.base, base.pointers + declared.pointers, declared.arrays, storage, function)
        init: ir.Expr | None = None
        if arguments is not None:
            init = self.made(kind, arguments, declared.start, declared.end)
        elif declared.init is not None:
            init = self.constructed(kind, declared.init)
        if kind.base == "auto" and isinstance(init, ir.Cast):
            kind = ctype(init.type.base, init.type.pointers, (), storage, init.type.function)
        name = self.scopes.canonical(declared.name)
        return ir.Variable(declared.start, declared.end, name, kind, init, body)

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

    def identifier(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        return self.name(self.word(node), start, end)

    def qualified(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        return self.name("".join(self.text(node).split()), start, end)

    def template_function(self, node: Node) -> ir.Expr:
        name = node.child_by_field_name("name")
        return self.expr(name) if name is not None else self.opaque(node)

    # -- statements ------------------------------------------------------------------------------------------------

    def no_code(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        return ir.Block(start, end, ())

    def expression_statement(self, node: Node) -> ir.Stmt:
        """`T* x(y);` is a variable; the grammar may take it for a product that nobody wants."""
        inner = node.named_children
        if len(inner) == 1 and inner[0].type == "binary_expression":
            left, right = inner[0].child_by_field_name("left"), inner[0].child_by_field_name("right")
            operator = inner[0].child_by_field_name("operator")
            function = right.child_by_field_name("function") if right is not None and right.type == "call_expression" else None
            if (
                left is not None and left.type in ("identifier", "qualified_identifier") and right is not None
                and operator is not None and operator.type == "*" and function is not None and function.type == "identifier"
            ):
                start, end = self.place(node)
                kind = ctype(self.scopes.canonical("".join(self.text(left).split())), 1)
                name = self.word(function)
                given = self.arguments(right.child_by_field_name("arguments"))
                self.local[name] = kind
                first, last = self.place(function)
                return ir.Declaration(start, end, (ir.Variable(first, last, name, kind, self.made(kind, given, first, last)),))
        return super().expression_statement(node)

    def attributed(self, node: Node) -> ir.Stmt:
        inner = [child for child in node.named_children if child.type != "attribute_declaration"]
        return self.statement(inner[-1]) if inner else self.no_code(node)

    def condition_of(self, node: Node) -> tuple[list[ir.Stmt], ir.Expr | None]:
        """What a condition declares, and what it asks."""
        clause = node.child_by_field_name("condition")
        if clause is None:
            return [], None
        before: list[ir.Stmt] = []
        first = clause.child_by_field_name("initializer")
        if first is not None:
            inner = first.named_children[0] if first.type == "init_statement" and first.named_children else first
            before.append(self.statement(inner))
        value = clause.child_by_field_name("value")
        if value is None:
            return before, self.expr(clause)
        if value.type != "declaration":
            return before, self.expr(value)
        start, end = self.place(value)
        base = self.type_of(value.child_by_field_name("type"))
        declarator = value.child_by_field_name("declarator")
        declared = self.declarator(declarator) if declarator is not None else Declared()
        declared.init = value.child_by_field_name("value")
        variable = self.variable(declared, base, self.storage(value), None)
        self.local[variable.name] = variable.type
        before.append(ir.Declaration(start, end, (variable,)))
        return before, ir.Name(start, end, variable.name)

    def if_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        before, condition = self.condition_of(node)
        then = node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        if otherwise is not None and otherwise.type == "else_clause":
            otherwise = next(iter(otherwise.named_children), None)
        made = ir.If(
            start, end, condition if condition is not None else ir.Opaque(start, end, ""),
            self.statement(then) if then is not None else ir.Block(start, end, ()),
            self.statement(otherwise) if otherwise is not None else None,
        )
        return ir.Block(start, end, (*before, made)) if before else made

    def while_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        before, condition = self.condition_of(node)
        body_node = node.child_by_field_name("body")
        body = self.statement(body_node) if body_node is not None else ir.Block(start, end, ())
        if not before:
            return ir.Loop(start, end, "while", None, condition, None, body)
        asked = condition if condition is not None else ir.Opaque(start, end, "")
        out = ir.If(start, start, ir.Unary(start, start, "!", asked), ir.Jump(start, start, "break"), None)
        return ir.Loop(start, end, "while", None, None, None, ir.Block(start, end, (*before, out, body)))

    def switch_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        before, subject = self.condition_of(node)
        body = node.child_by_field_name("body")
        made = ir.Switch(
            start, end, subject if subject is not None else ir.Opaque(start, end, ""),
            self.statement(body) if body is not None else ir.Block(start, end, ()),
        )
        return ir.Block(start, end, (*before, made)) if before else made

    def range_loop(self, node: Node) -> ir.Stmt:
        """`for (T x : range)`: how often it runs, and what it gives, is not known."""
        start, end = self.place(node)
        declarator = node.child_by_field_name("declarator")
        declared = self.declarator(declarator) if declarator is not None else Declared()
        source = node.child_by_field_name("right")
        given = (self.expr(source),) if source is not None else ()
        base = self.type_of(node.child_by_field_name("type"))
        storage = both(self.storage(node), declared.storage)
        if not declared.pointers and self.is_object(base, declared):
            storage = both(storage, _CLASS)
        kind = ctype(base.base, base.pointers + declared.pointers, (), storage)
        element = ir.Call(start, end, ir.Name(start, end, "begin{}"), given)
        variable = ir.Variable(declared.start, declared.end, declared.name, kind, element)
        self.local[declared.name] = kind
        body_node = node.child_by_field_name("body")
        body = self.statement(body_node) if body_node is not None else ir.Block(start, end, ())
        inner = ir.Block(start, end, (ir.Declaration(start, end, (variable,)), body))
        return ir.Loop(start, end, "for", None, ir.Opaque(start, end, ""), None, inner)

    def try_block(self, node: Node) -> ir.Block:
        """The block, and the handlers behind it where control does not come to."""
        start, end = self.place(node)
        body = node.child_by_field_name("body")
        result: list[ir.Stmt] = [self.statement(body)] if body is not None else []
        for clause in node.named_children:
            handler = clause.child_by_field_name("body") if clause.type == "catch_clause" else None
            if handler is not None:
                first, last = self.place(clause)
                never = ir.Constant(first, first, "number", "0")
                result.append(ir.If(first, last, never, self.statement(handler), None))
        return ir.Block(start, end, tuple(result))

    def throw(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        given = tuple(self.expr(one) for one in node.named_children)
        return ir.ExprStmt(start, end, ir.Call(start, end, ir.Name(start, start + 5, "throw"), given))

    # -- expressions -----------------------------------------------------------------------------------------------

    def arguments(self, node: Node | None) -> tuple[ir.Expr, ...]:
        return tuple(self.expr(one) for one in node.named_children) if node is not None else ()

    def call(self, node: Node) -> ir.Expr:
        function = node.child_by_field_name("function")
        if function is None:
            return super().call(node)
        start, end = self.place(node)
        given = node.child_by_field_name("arguments")
        kind = function.type
        if kind == "field_expression":
            return self.method_call(node, function, given)
        if kind == "primitive_type":
            inner = self.arguments(given)
            return ir.Cast(start, end, ctype(self.text(function)), inner[0]) if len(inner) == 1 else self.opaque(node)
        if kind == "template_function" and self.text(function).partition("<")[0].strip().endswith("_cast"):
            inner = self.arguments(given)
            target = function.child_by_field_name("arguments")
            if len(inner) == 1 and target is not None and len(target.named_children) == 1:
                return ir.Cast(start, end, self.type_of(target.named_children[0]), inner[0])
        if kind not in ("identifier", "qualified_identifier", "template_function"):
            return super().call(node)
        callee = self.expr(function)
        arguments = self.arguments(given)
        if isinstance(callee, ir.Name):
            arguments = self.by_address(callee.text, arguments)
            if callee.text in self.scopes.classes:
                callee = ir.Name(callee.start, callee.end, f"{callee.text}{{}}")
            elif "this" in self.local and self.member_kind(callee.text) == "method":
                arguments = (ir.Name(callee.start, callee.end, "this"), *arguments)
        return ir.Call(start, end, callee, arguments)

    def by_address(self, callee: str, arguments: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
        """The arguments of a call, of those that the callee takes by reference the addresses."""
        positions = self.scopes.references.get(callee)
        if not positions:
            return arguments
        result = list(arguments)
        for at in positions:
            if at < len(result) and isinstance(one := ir.strip(result[at]), ir.Name | ir.Member | ir.Index | ir.Unary):
                if isinstance(one, ir.Unary):
                    result[at] = one.operand if one.operator == "*" else one
                else:
                    result[at] = ir.Unary(one.start, one.end, "&", one)
        return tuple(result)

    def member_kind(self, name: str) -> MemberKind | None:
        owner, _, own = name.rpartition("::")
        return self.scopes.classes.get(owner, {}).get(own)

    def method_call(self, node: Node, function: Node, given: Node | None) -> ir.Expr:
        """`x->f(y)`: where the class of x is known it is the call of `X::f(x, y)`."""
        start, end = self.place(node)
        field = function.child_by_field_name("field")
        target = self.member(function)
        arguments = self.arguments(given)
        if field is None or not isinstance(target, ir.Member):
            return ir.Call(start, end, target, arguments)
        if field.type == "destructor_name":
            return ir.Call(start, end, ir.Name(target.start, target.end, target.field), (target.object, *arguments))
        holder = target.object
        if target.arrow and isinstance(holder, ir.Name) and (known := self.local.get(holder.text)) is not None:
            method = f"{known.name}::{target.field}"
            if known.pointers == 1 and self.member_kind(method) == "method":
                arguments = self.by_address(method, arguments)
                return ir.Call(start, end, ir.Name(target.start, target.end, method), (holder, *arguments))
        return ir.Call(start, end, target, arguments)

    def member(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        field = node.child_by_field_name("field")
        arrow = any(child.type == "->" for child in node.children)
        name = "".join(self.text(field).split()).removeprefix("template").partition("<")[0] if field is not None else ""
        holder = self.field(node, "argument")
        if not arrow and isinstance(holder, ir.Unary) and holder.operator == "*":
            return ir.Member(start, end, holder.operand, name, True)
        return ir.Member(start, end, holder, name, arrow)

    def subscript(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        indices = node.child_by_field_name("indices")
        inner = indices.named_children if indices is not None else []
        index: ir.Expr = self.expr(inner[0]) if len(inner) == 1 else ir.Opaque(start, end, "")
        return ir.Index(start, end, self.field(node, "argument"), index)

    def new(self, node: Node) -> ir.Expr:
        """`new T(…)`: never NULL, and what it is given is its own."""
        start, end = self.place(node)
        placed = self.arguments(node.child_by_field_name("placement"))
        given = node.child_by_field_name("arguments")
        kind = self.type_of(node.child_by_field_name("type"))
        made = ir.Call(start, end, ir.Name(start, start + 3, "new"), (*placed, *self.arguments(given)))
        return ir.Cast(start, end, ctype(kind.base, kind.pointers + 1), made)

    def delete(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        given = tuple(self.expr(one) for one in node.named_children)
        return ir.Call(start, end, ir.Name(start, start + 6, "delete"), given)

    def raw_string(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        return ir.Constant(start, end, "string", self.quoted(node))

    def quoted(self, node: Node) -> str:
        """A raw string as an ordinary one."""
        content = next((child for child in node.named_children if child.type == "raw_string_content"), None)
        text = self.text(content) if content is not None else ""
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    def concatenated(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        parts = [child for child in node.named_children if child.type != "comment"]
        if not all(part.type in ("string_literal", "raw_string_literal") for part in parts):
            return super().concatenated(node)
        texts = [self.quoted(part) if part.type[0] == "r" else self.text(part) for part in parts]
        return ir.Constant(start, end, "string", " ".join(texts))

    def literal(self, node: Node) -> ir.Expr:
        """`1.5_km`: the literal without its suffix."""
        return self.expr(node.named_children[0]) if node.named_children else self.opaque(node)

    def only_child(self, node: Node) -> ir.Expr:
        return self.expr(node.named_children[0]) if node.named_children else self.opaque(node)

    def lambda_expression(self, node: Node) -> ir.Expr:
        """A function of its own; one that captures variables is a value that has them."""
        start, end = self.place(node)
        body = node.child_by_field_name("body")
        if body is None:
            return self.opaque(node)
        declarator = node.child_by_field_name("declarator")
        parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
        returns = (self.trailing_type(declarator) if declarator is not None else None) or ctype("auto")
        outside, self.local = self.local, dict(self.local)
        by_reference, self.by_reference = self.by_reference, self.by_reference | self.references(parameters)
        variables, variadic = self.parameters(parameters)
        self.local.update((one.name, one.type) for one in variables)
        before, self.problem = self.problem, ""
        block = self.block(body)
        broken = bool(self.problem)
        self.problem, self.local, self.by_reference = before or self.problem, outside, by_reference
        name = f"{LAMBDA}{start}"
        self.lambdas.append(ir.Function(start, end, self.path, name, returns, variables, variadic, block, not broken))
        captures = node.child_by_field_name("captures")
        if captures is None or not captures.named_children:
            return ir.Name(start, end, name)
        used = (one for one in ir.walk(block) if isinstance(one, ir.Name) and one.text in outside)
        return ir.Opaque(start, end, self.text(node)[:200], tuple(used))


_ALL_STATEMENTS: Mapping[str, Callable[[Any, Node], ir.Stmt]] = {
    **STATEMENTS,
    **dict.fromkeys(_NO_CODE, CPlusPlusLowering.no_code),
    "expression_statement": CPlusPlusLowering.expression_statement,
    "attributed_statement": CPlusPlusLowering.attributed,
    "if_statement": CPlusPlusLowering.if_statement,
    "while_statement": CPlusPlusLowering.while_statement,
    "switch_statement": CPlusPlusLowering.switch_statement,
    "for_range_loop": CPlusPlusLowering.range_loop,
    "try_statement": CPlusPlusLowering.try_block,
    "throw_statement": CPlusPlusLowering.throw,
}

_ALL_EXPRESSIONS: Mapping[str, Callable[[Any, Node], ir.Expr]] = {
    **EXPRESSIONS,
    "identifier": CPlusPlusLowering.identifier,
    "this": Lowering.identifier,
    "qualified_identifier": CPlusPlusLowering.qualified,
    "template_function": CPlusPlusLowering.template_function,
    "call_expression": CPlusPlusLowering.call,
    "field_expression": CPlusPlusLowering.member,
    "subscript_expression": CPlusPlusLowering.subscript,
    "new_expression": CPlusPlusLowering.new,
    "delete_expression": CPlusPlusLowering.delete,
    "raw_string_literal": CPlusPlusLowering.raw_string,
    "concatenated_string": CPlusPlusLowering.concatenated,
    "user_defined_literal": CPlusPlusLowering.literal,
    "parameter_pack_expansion": CPlusPlusLowering.only_child,
    "co_await_expression": CPlusPlusLowering.only_child,
    "lambda_expression": CPlusPlusLowering.lambda_expression,
}
