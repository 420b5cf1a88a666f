"""The default front end: the text of one item → tree-sitter's tree → IR.

tree-sitter never fails, it misreads; what it could not read becomes `Opaque` and makes its function or struct
incomplete. No tree outlives the call that made it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, cast

import tree_sitter_c
from tree_sitter import Language, Node, Parser

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.expand import Expanded
from heaplint.frontend.parsed import Parsed
from heaplint.records import dataclass, replace

_MAX_DEPTH = 220
_MAX_NESTING = 1500
_OPENERS = re.compile(rb"[(\[{]")
_BRACKETS = re.compile(rb'"(?:[^"\\\n]|\\.)*"|' rb"'(?:[^'\\\n]|\\.)*'|[()\[\]{}]", re.S)

TYPE_LIKE = re.compile(
    r"(?:.*_t|.*proc|.*func|destructor|getter|setter|initproc|newfunc|allocfunc|freefunc|inquiry|reprfunc|hashfunc|"
    r"PyCFunction\w*|_PyCFunction\w*|traverseproc|visitproc|getiterfunc|iternextfunc|ternaryfunc|"
    r"vectorcallfunc|PyObject|PyTypeObject|void|char|int|long)\Z"
)
"""Names that, alone in parentheses before another parenthesis, are a cast and no call."""
_ALSO_UNARY = frozenset("-+&*")
"""Operators of two operands that may be meant with one, behind what may be a cast."""


class FrontEnd(Protocol):
    """Whatever reads items."""

    def parse(self, expanded: Expanded, path: str) -> Parsed:
        """Read one item; never fails."""


class TreeSitterFrontEnd:
    """Parses items of C; one parser for all of a run."""

    def __init__(self) -> None:
        self._parser = Parser(Language(tree_sitter_c.language()))

    def parse(self, expanded: Expanded, path: str) -> Parsed:
        """Read one item; never fails."""
        return parse_with(self._parser, Lowering(expanded, path))


def parse_with(parser: Parser, lowering: Lowering) -> Parsed:
    """The tree that a parser makes of a text, lowered; a text nested too deeply for any parser is not read."""
    depth = _nesting(lowering.source)
    if depth > _MAX_NESTING:
        return Parsed(complete=False, problem=f"nested {depth} levels deep", problem_at=lowering.at(0))
    root = parser.parse(lowering.source).root_node
    parsed = lowering.unit(root)
    if parsed.complete and root.has_error and (missing := _missing(root)) is not None:
        problem, at = f"a `{missing.type}` is missing", lowering.at(missing.start_byte)
        return replace(parsed, complete=False, problem=problem, problem_at=at)
    return parsed


def _missing(root: Node) -> Node | None:
    """The first bracket that the parser had to make up; where it puts the next declaration's end may be anywhere.

    A semicolon does no harm: macros of others that make declarations often come without.
    """
    todo = [root]
    while todo:
        node = todo.pop()
        if node.is_missing and node.type in (")", "]", "}"):
            return node
        todo.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)
    return None


def _nesting(text: bytes) -> int:
    if len(text) < _MAX_NESTING or len(_OPENERS.findall(text)) < _MAX_NESTING:
        return 0
    depth = deepest = 0
    for token in _BRACKETS.finditer(text):
        char = text[token.start()]
        if char in b"([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in b")]}":
            depth -= 1
    return deepest


@dataclass(slots=True)
class Declared:
    """What a declarator adds to the type of its declaration."""

    name: str = ""
    start: int = 0
    end: int = 0
    pointers: int = 0
    arrays: tuple[str, ...] = ()
    function: bool = False
    parameters: Node | None = None
    init: Node | None = None
    storage: frozenset[str] = frozenset()
    converts: Node | None = None
    """Of C++: the `operator T()` that it is."""


_DECLARATORS = frozenset(
    {
        "identifier", "pointer_declarator", "array_declarator", "function_declarator", "init_declarator",
        "parenthesized_declarator", "field_identifier", "type_identifier", "attributed_declarator", "primitive_type",
    }
)


ctype = functools.lru_cache(maxsize=4096)(ir.CType)
"""Makes types; equal ones are one object."""


@functools.lru_cache(maxsize=256)
def _storage(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(words)


def both(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    return one | other if one and other else one or other


class Lowering:
    """Turns the tree of one item into IR."""

    def __init__(self, expanded: Expanded, path: str) -> None:
        self.source = expanded.text
        self.at = expanded.at
        self.until = expanded.until
        self.shift = expanded.origins[0][0] if len(expanded.origins) == 1 else None
        self.path = path
        self.depth = 0
        self.problem = ""
        self.problem_at = 0
        self.structs: list[ir.Struct] = []
        self.statements: Mapping[str, Callable[[Any, Node], ir.Stmt]] = STATEMENTS
        self.expressions: Mapping[str, Callable[[Any, Node], ir.Expr]] = EXPRESSIONS

    # -- small things ----------------------------------------------------------------------------------------------

    def text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def word(self, node: Node) -> str:
        """The text of an identifier: equal ones are one object."""
        return sys.intern(self.source[node.start_byte : node.end_byte].decode("utf-8", "replace"))

    def place(self, node: Node) -> tuple[int, int]:
        shift = self.shift
        if shift is not None:  # nothing was expanded
            return shift + node.start_byte, shift + node.end_byte
        return self.at(node.start_byte), self.until(node.end_byte)

    def constant(self, node: Node, kind: Literal["number", "char", "string"]) -> ir.Constant:
        first, last, shift = node.start_byte, node.end_byte, self.shift
        text = self.source[first:last].decode("utf-8", "replace")
        if shift is not None:
            return ir.Constant(shift + first, shift + last, kind, text)
        return ir.Constant(self.at(first), self.until(last), kind, text)

    def fail(self, node: Node, why: str) -> None:
        if not self.problem:
            self.problem, self.problem_at = why, self.at(node.start_byte)

    # -- top level -------------------------------------------------------------------------------------------------

    def unit(self, root: Node) -> Parsed:
        functions: list[ir.Function] = []
        variables: list[ir.Variable] = []
        loose: list[ir.Node] = []
        todo = list(reversed(root.named_children))
        while todo:
            node = todo.pop()
            kind = node.type
            if kind == "function_definition":
                function = self.function(node)
                if function is not None:
                    functions.append(function)
            elif kind in ("declaration", "type_definition", "field_declaration"):
                variables.extend(self.declaration(node))
            elif kind in ("struct_specifier", "union_specifier", "enum_specifier", "class_specifier"):
                self.type_of(node)
            elif kind in ("linkage_specification", "declaration_list", "template_declaration", "namespace_definition"):
                todo.extend(reversed(node.named_children))
            elif kind == "ERROR":
                self.fail(node, "could not be parsed")
                todo.extend(reversed(node.named_children))
            elif kind.endswith("_statement") or kind == "call_expression":
                loose.append(self.statement(node))
        return Parsed(
            tuple(functions), tuple(variables), tuple(self.structs), tuple(loose),
            not self.problem, self.problem, self.problem_at,
        )

    def function(self, node: Node) -> ir.Function | None:
        declarator = node.child_by_field_name("declarator")
        body = node.child_by_field_name("body")
        if declarator is None or body is None:
            return None
        declared = self.declarator(declarator)
        base = self.type_behind_macro(node) or self.type_of(node.child_by_field_name("type"))
        returns = ctype(base.base, declared.pointers, (), both(base.storage, self.storage(node)))
        parameters, variadic = self.parameters(declared.parameters)
        before = self.problem
        self.problem = ""
        block = self.block(body)
        broken = bool(self.problem)
        self.problem = before or self.problem
        return ir.Function(
            declared.start, declared.end, self.path, declared.name, returns, parameters, variadic, block,
            complete=not broken,
        )

    def type_behind_macro(self, node: Node) -> ir.CType | None:
        """`EXPORTED PyObject *f(…)`: the grammar takes the macro of a header of others for the type, and stumbles over that."""
        for child in node.children:
            if child.type == "ERROR" and [one.type for one in child.children] == ["identifier"]:
                return ctype(self.text(child))
        return None

    def parameters(self, node: Node | None) -> tuple[tuple[ir.Variable, ...], bool]:
        if node is None:
            return (), False
        result: list[ir.Variable] = []
        variadic = False
        for child in node.named_children:
            if child.type == "parameter_declaration":
                base = self.type_of(child.child_by_field_name("type"))
                declarator = child.child_by_field_name("declarator")
                declared = self.declarator(declarator) if declarator is not None else Declared()
                start, end = self.place(child)
                storage = both(base.storage, self.storage(child))
                kind = ctype(base.base, base.pointers + declared.pointers, declared.arrays, storage, declared.function)
                if kind.base == "void" and not kind.pointers and not declared.name:
                    continue
                result.append(ir.Variable(start, end, declared.name, kind))
            elif child.type == "variadic_parameter":
                variadic = True
            elif child.type == "identifier":
                start, end = self.place(child)
                result.append(ir.Variable(start, end, self.text(child), ctype("int")))
        return tuple(result), variadic

    def storage(self, node: Node) -> frozenset[str]:
        words = [
            self.text(child)
            for child in node.children
            if child.type in ("storage_class_specifier", "type_qualifier")
        ]
        return _storage(tuple(words)) if words else frozenset()

    def type_of(self, node: Node | None) -> ir.CType:
        """The type of a type specifier; structs with bodies are collected on the way."""
        if node is None:
            return ctype("int")
        kind = node.type
        if kind in ("struct_specifier", "union_specifier", "class_specifier"):
            name_node = node.child_by_field_name("name")
            name = self.text(name_node) if name_node is not None else ""
            word = "union" if kind[0] == "u" else "struct"
            body = node.child_by_field_name("body")
            if body is not None:
                struct = self.struct(node, body, name, word == "union")
                self.structs.append(struct)
                if not name:
                    return ctype(f"{word} <{struct.start}>")
            return ctype(f"{word} {name}")
        if kind == "enum_specifier":
            tag = node.child_by_field_name("name")
            return ctype("enum " + (self.text(tag) if tag is not None else ""))
        if kind == "type_descriptor":
            base = self.type_of(node.child_by_field_name("type"))
            declarator = node.child_by_field_name("declarator")
            if declarator is None:
                return ctype(base.base, base.pointers, (), self.storage(node))
            declared = self.declarator(declarator)
            return ctype(base.base, declared.pointers, declared.arrays, self.storage(node), declared.function)
        if kind == "macro_type_specifier":
            inner = node.child_by_field_name("type")
            return self.type_of(inner) if inner is not None else ctype(self.text(node))
        return ctype(" ".join(self.text(node).split()))

    def struct(self, node: Node, body: Node, name: str, union: bool) -> ir.Struct:
        fields: list[ir.Variable] = []
        before = self.problem
        self.problem = ""
        for child in body.named_children:
            if child.type == "field_declaration":
                fields.extend(self.declaration(child))
            elif child.type == "ERROR":
                self.fail(child, "a field could not be parsed")
        broken = bool(self.problem) or body.has_error
        self.problem = before or self.problem
        start, end = self.place(node)
        return ir.Struct(start, end, name, union, tuple(fields), not broken)

    def declarator(self, node: Node) -> Declared:
        declared = Declared()
        pointers = 0
        while True:
            kind = node.type
            if kind in ("pointer_declarator", "abstract_pointer_declarator"):
                pointers += 1
            elif kind in ("array_declarator", "abstract_array_declarator"):
                size = node.child_by_field_name("size")
                declared.arrays = (self.text(size) if size is not None else "", *declared.arrays)
            elif kind in ("function_declarator", "abstract_function_declarator"):
                declared.function = True
                declared.parameters = node.child_by_field_name("parameters")
                pointers_before, pointers = pointers, 0
                declared.pointers = pointers_before
            elif kind == "init_declarator":
                declared.init = node.child_by_field_name("value")
            elif kind in ("identifier", "field_identifier", "type_identifier", "primitive_type"):
                declared.name = self.word(node)
                declared.start, declared.end = self.place(node)
                break
            following = node.child_by_field_name("declarator")
            if following is None:
                following = next((c for c in node.named_children if c.type in _DECLARATORS or c.type.endswith("_declarator")), None)
            if following is None:
                declared.start, declared.end = self.place(node)
                break
            node = following
        if not declared.function:
            declared.pointers = pointers
        return declared

    def declaration(self, node: Node) -> list[ir.Variable]:
        """The variables of a declaration, field declaration or typedef."""
        before = len(self.structs)
        type_node = node.child_by_field_name("type")
        base = self.type_of(type_node)
        storage = both(base.storage, self.storage(node))
        if node.type == "type_definition":
            storage |= {"typedef"}
        body = self.structs[-1] if len(self.structs) > before else None
        result: list[ir.Variable] = []
        declarators = node.children_by_field_name("declarator")
        for one in declarators:
            declared = self.declarator(one)
            if one.has_error and any(child.type == "ERROR" for child in one.children):  # `HIDDEN PyTypeObject T = …`
                self.fail(one, "a declaration could not be parsed")
            if node.type == "declaration" and declared.name[-1:] in ("", ":"):  # `static PyTypeObject = {…}`: damage
                self.fail(one, "a declaration could not be parsed")
                continue
            if node.type == "type_definition" and body is not None and not body.name and not declared.pointers:
                named = ir.Struct(body.start, body.end, declared.name, body.union, body.fields, body.complete)
                self.structs.append(named)
            result.append(self.variable(declared, base, storage, body))
        if not declarators and node.type == "field_declaration" and body is not None:
            start, end = self.place(node)
            result.append(ir.Variable(start, end, "", base, None, body))
        for child in node.children:
            if child.type == "ERROR":
                self.fail(child, "a declaration could not be parsed")
        return result

    def variable(
        self, declared: Declared, base: ir.CType, storage: frozenset[str], body: ir.Struct | None
    ) -> ir.Variable:
        """One variable of a declaration."""
        kind = ctype(base.base, base.pointers + declared.pointers, declared.arrays, storage, declared.function)
        init = self.expr(declared.init) if declared.init is not None else None
        return ir.Variable(declared.start, declared.end, declared.name, kind, init, body)

    # -- statements ------------------------------------------------------------------------------------------------

    def block(self, node: Node) -> ir.Block:
        start, end = self.place(node)
        return ir.Block(start, end, tuple(self.statement(child) for child in node.named_children))

    def statement(self, node: Node) -> ir.Stmt:
        self.depth += 1
        try:
            if self.depth > _MAX_DEPTH:
                self.fail(node, "nested too deeply")
                return self.opaque(node)
            handler = self.statements.get(node.type)
            if handler is not None:
                return handler(self, node)
            if node.type in self.expressions:
                start, end = self.place(node)
                return ir.ExprStmt(start, end, self.expr(node))
            return self.opaque(node)
        finally:
            self.depth -= 1

    def opaque(self, node: Node) -> ir.Opaque:
        start, end = self.place(node)
        if self.depth > _MAX_DEPTH:
            return ir.Opaque(start, end, self.text(node)[:200])
        if node.type in ("ERROR", "preproc_def"):
            self.fail(node, "could not be parsed")
        self.depth += 1
        parts = tuple(
            self.statement(child) if child.type in self.statements or child.type not in self.expressions else self.expr(child)
            for child in node.named_children
            if child.child_count or child.type == "identifier"
        )
        self.depth -= 1
        return ir.Opaque(start, end, self.text(node)[:200], parts)

    def expression_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        inner = node.named_children
        if not inner:
            return ir.Block(start, end, ())
        return ir.ExprStmt(start, end, self.expr(inner[0]))

    def local_declaration(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        return ir.Declaration(start, end, tuple(self.declaration(node)))

    def return_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        inner = node.named_children
        return ir.Return(start, end, self.expr(inner[0]) if inner else None)

    def condition(self, node: Node | None) -> ir.Expr:
        if node is None:
            return ir.Opaque(0, 0, "")
        return self.expr(node)

    def if_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        otherwise = node.child_by_field_name("alternative")
        if otherwise is not None and otherwise.type == "else_clause":
            otherwise = next(iter(otherwise.named_children), None)
        then = node.child_by_field_name("consequence")
        return ir.If(
            start, end, self.condition(node.child_by_field_name("condition")),
            self.statement(then) if then is not None else ir.Block(start, end, ()),
            self.statement(otherwise) if otherwise is not None else None,
        )

    def loop(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        kind = cast(Literal["while", "do", "for"], node.type.removesuffix("_statement"))
        body_node = node.child_by_field_name("body")
        body: ir.Stmt = self.statement(body_node) if body_node is not None else ir.Block(start, end, ())
        condition = node.child_by_field_name("condition")
        init: ir.Stmt | None = None
        step: ir.Expr | None = None
        if kind == "for":
            first = node.child_by_field_name("initializer")
            if first is not None:
                init = self.statement(first)
            update = node.child_by_field_name("update")
            step = self.expr(update) if update is not None else None
        return ir.Loop(start, end, kind, init, self.expr(condition) if condition is not None else None, step, body)

    def switch_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        body = node.child_by_field_name("body")
        return ir.Switch(
            start, end, self.condition(node.child_by_field_name("condition")),
            self.statement(body) if body is not None else ir.Block(start, end, ()),
        )

    def case_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        value = node.child_by_field_name("value")
        body = [child for child in node.named_children if value is None or child.start_byte != value.start_byte]
        return ir.Case(
            start, end, self.expr(value) if value is not None else None, tuple(self.statement(one) for one in body)
        )

    def jump(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        kind = cast(Literal["break", "continue", "goto"], node.type.removesuffix("_statement"))
        label = node.child_by_field_name("label")
        return ir.Jump(start, end, kind, self.text(label) if label is not None else "")

    def labeled_statement(self, node: Node) -> ir.Stmt:
        start, end = self.place(node)
        label = node.child_by_field_name("label")
        rest = [c for c in node.named_children if label is None or c.start_byte != label.start_byte]
        return ir.Label(
            start, end, self.text(label) if label is not None else "", self.statement(rest[0]) if rest else None
        )

    # -- expressions -----------------------------------------------------------------------------------------------

    def expr(self, node: Node) -> ir.Expr:
        self.depth += 1
        try:
            if self.depth > _MAX_DEPTH:
                self.fail(node, "nested too deeply")
                return self.opaque(node)
            handler = self.expressions.get(node.type)
            return handler(self, node) if handler is not None else self.opaque(node)
        finally:
            self.depth -= 1

    def field(self, node: Node, name: str) -> ir.Expr:
        child = node.child_by_field_name(name)
        if child is None:
            start, end = self.place(node)
            return ir.Opaque(start, end, "")
        return self.expr(child)

    def identifier(self, node: Node) -> ir.Expr:
        first, last, shift = node.start_byte, node.end_byte, self.shift
        word = sys.intern(self.source[first:last].decode("utf-8", "replace"))
        if shift is not None:
            return ir.Name(shift + first, shift + last, word)
        return ir.Name(self.at(first), self.until(last), word)

    def number(self, node: Node) -> ir.Expr:
        return self.constant(node, "number")

    def char(self, node: Node) -> ir.Expr:
        return self.constant(node, "char")

    def string(self, node: Node) -> ir.Expr:
        return self.constant(node, "string")

    def concatenated(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        parts = node.named_children
        if all(part.type == "string_literal" for part in parts):
            return ir.Constant(start, end, "string", self.text(node))
        return self.opaque(node)

    def call(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        args = tuple(self.expr(one) for one in arguments.named_children) if arguments is not None else ()
        if function is not None and function.type == "parenthesized_expression" and len(args) == 1:
            inner = function.named_children
            if len(inner) == 1 and inner[0].type == "identifier" and TYPE_LIKE.match(self.text(inner[0])):
                return ir.Cast(start, end, ctype(self.text(inner[0])), args[0])
        callee = self.expr(function) if function is not None else ir.Opaque(start, end, "")
        return ir.Call(start, end, callee, args)

    def member(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        field = node.child_by_field_name("field")
        operator = node.child_by_field_name("operator")
        arrow = operator is not None and operator.type == "->"
        return ir.Member(start, end, self.field(node, "argument"), self.word(field) if field is not None else "", arrow)

    def subscript(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        return ir.Index(start, end, self.field(node, "argument"), self.field(node, "index"))

    def unary(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        operator = node.child_by_field_name("operator")
        word = self.word(operator) if operator is not None else "?"
        argument = node.child_by_field_name("argument")
        if (
            node.type == "update_expression" and operator is not None and argument is not None
            and operator.start_byte > argument.start_byte
        ):
            word = "p" + word
        return ir.Unary(start, end, word, self.expr(argument) if argument is not None else ir.Opaque(start, end, ""))

    def binary(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        operator = node.child_by_field_name("operator")
        word = self.word(operator) if operator is not None else ","
        if word in _ALSO_UNARY and (named := self.cast_type(node.child_by_field_name("left"))):  # `(size_t)-1`
            right = self.field(node, "right")
            inner = right.start - (self.place(operator)[0] if operator is not None else right.start)
            operand: ir.Expr
            if isinstance(right, ir.Constant) and right.kind == "number" and word in "-+" and inner == 1:
                operand = ir.Constant(right.start - 1, right.end, "number", word + right.text)
            else:
                operand = ir.Unary(right.start - inner, right.end, word, right)
            return ir.Cast(start, end, ctype(named), operand)
        return ir.Binary(start, end, word, self.field(node, "left"), self.field(node, "right"))

    def cast_type(self, node: Node | None) -> str:
        """The type that a lone identifier in parentheses names, by how it looks; "" for every other expression."""
        if node is None or node.type != "parenthesized_expression":
            return ""
        inner = node.named_children
        named = self.text(inner[0]) if len(inner) == 1 and inner[0].type == "identifier" else ""
        return named if named and TYPE_LIKE.match(named) else ""

    def assignment(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        operator = node.child_by_field_name("operator")
        word = self.word(operator) if operator is not None else "="
        return ir.Assign(start, end, word, self.field(node, "left"), self.field(node, "right"))

    def conditional(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        return ir.Conditional(
            start, end, self.field(node, "condition"), self.field(node, "consequence"), self.field(node, "alternative")
        )

    def cast(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        return ir.Cast(start, end, self.type_of(node.child_by_field_name("type")), self.field(node, "value"))

    def sizeof(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        named = node.child_by_field_name("type")
        if named is not None:
            return ir.SizeOf(start, end, self.type_of(named), None)
        value = self.field(node, "value")
        if isinstance(value, ir.Name):
            return ir.SizeOf(start, end, ctype(value.text), value)
        return ir.SizeOf(start, end, None, value)

    def offset_of(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        kind = self.type_of(node.child_by_field_name("type"))
        member = node.child_by_field_name("member")
        return ir.Call(
            start, end, ir.Name(start, start + 8, "offsetof"),
            (ir.Name(start, end, kind.base), ir.Name(start, end, self.text(member) if member is not None else "")),
        )

    def parenthesized(self, node: Node) -> ir.Expr:
        inner = node.named_children
        if len(inner) == 1 and inner[0].type != "compound_statement":
            return self.expr(inner[0])
        return self.opaque(node)

    def initializer_list(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        entries: list[ir.Entry] = []
        for child in node.named_children:
            first, last = self.place(child)
            if child.type == "initializer_pair":
                designators: list[str] = []
                for index, part in enumerate(child.children):
                    if child.field_name_for_child(index) == "designator":
                        text = self.text(part).strip()
                        designators.append(text[1:].strip() if text.startswith(".") else text)
                    elif part.type == "field_identifier" and not designators:  # the old GNU `name: value`
                        designators.append(self.text(part))
                entries.append(ir.Entry(first, last, tuple(designators), self.field(child, "value")))
            elif child.type == "ERROR":
                self.fail(child, "an initialiser could not be parsed")
                entries.append(ir.Entry(first, last, (), self.opaque(child)))
            else:
                entries.append(ir.Entry(first, last, (), self.expr(child)))
        return ir.InitList(start, end, tuple(entries))

    def compound_literal(self, node: Node) -> ir.Expr:
        start, end = self.place(node)
        kind = self.type_of(node.child_by_field_name("type"))
        value = node.child_by_field_name("value")
        inner = self.expr(value) if value is not None else None
        return ir.InitList(start, end, inner.entries if isinstance(inner, ir.InitList) else (), kind)


STATEMENTS: dict[str, Callable[[Lowering, Node], ir.Stmt]] = {
    "compound_statement": Lowering.block,
    "expression_statement": Lowering.expression_statement,
    "declaration": Lowering.local_declaration,
    "type_definition": Lowering.local_declaration,
    "return_statement": Lowering.return_statement,
    "if_statement": Lowering.if_statement,
    "while_statement": Lowering.loop,
    "do_statement": Lowering.loop,
    "for_statement": Lowering.loop,
    "switch_statement": Lowering.switch_statement,
    "case_statement": Lowering.case_statement,
    "break_statement": Lowering.jump,
    "continue_statement": Lowering.jump,
    "goto_statement": Lowering.jump,
    "labeled_statement": Lowering.labeled_statement,
}

EXPRESSIONS: dict[str, Callable[[Lowering, Node], ir.Expr]] = {
    "identifier": Lowering.identifier,
    "field_identifier": Lowering.identifier,
    "type_identifier": Lowering.identifier,
    "true": Lowering.identifier,
    "false": Lowering.identifier,
    "null": Lowering.identifier,
    "number_literal": Lowering.number,
    "char_literal": Lowering.char,
    "string_literal": Lowering.string,
    "concatenated_string": Lowering.concatenated,
    "call_expression": Lowering.call,
    "field_expression": Lowering.member,
    "subscript_expression": Lowering.subscript,
    "pointer_expression": Lowering.unary,
    "unary_expression": Lowering.unary,
    "update_expression": Lowering.unary,
    "binary_expression": Lowering.binary,
    "comma_expression": Lowering.binary,
    "assignment_expression": Lowering.assignment,
    "conditional_expression": Lowering.conditional,
    "cast_expression": Lowering.cast,
    "sizeof_expression": Lowering.sizeof,
    "offsetof_expression": Lowering.offset_of,
    "parenthesized_expression": Lowering.parenthesized,
    "initializer_list": Lowering.initializer_list,
    "compound_literal_expression": Lowering.compound_literal,
}
