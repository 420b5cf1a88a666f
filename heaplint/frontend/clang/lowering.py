"""libclang's cursors of one stretch of a file → IR.

What macros expand to carries the place of their use, as everywhere in the IR. Names that stay calls in the default
front end (`Py_VISIT`) are functions of the prelude here, so that both give the same.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

from clang.cindex import CursorKind as Kind
from clang.cindex import StorageClass, TLSKind, TypeKind

from heaplint import ir
from heaplint.frontend.clang import prelude
from heaplint.frontend.clang.cursors import (
    Cursor,
    Places,
    children,
    evaluated,
    initializer,
    is_anonymous_member,
    operator_of,
)
from heaplint.frontend.parsed import Parsed

_MAX_DEPTH = 220
_SHOWN = 200
"""How much of a text that could not be read is kept."""
_BINARY: Final = (
    "? .* ->* * / % + - << >> <=> < > <= >= == != & ^ | && || = *= /= %= += -= <<= >>= &= ^= |= ,".split()
)
_UNARY: Final = "? p++ p-- ++ -- & * + - ~ ! __real __imag __extension__ co_await".split()
_UNNAMED = re.compile(r"\((?:unnamed|anonymous)\b")
_QUALIFIERS = re.compile(r"\b(?:const|volatile|restrict|__restrict)\b")
_ATOMIC = re.compile(r"_Atomic\((.*)\)\Z")
_TRAILING = re.compile(rb"\s*;")
_SIZEOF = re.compile(r"sizeof\s*\(\s*(\w[\w\s]*?)\s*((?:\*\s*)*)\)")
_PREDEFINED = frozenset({"__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "__FILE__"})
_BUILT_IN = frozenset(
    """
    char short int long float double void signed unsigned bool size_t ssize_t ptrdiff_t intptr_t uintptr_t max_align_t
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t char8_t char16_t char32_t char64_t
    """.split()
)
"""What the grammar of the default front end takes for a type wherever it stands."""
_CLASSES: Final = (Kind.STRUCT_DECL, Kind.UNION_DECL, Kind.CLASS_DECL)
_CALLED: Final = (Kind.FUNCTION_DECL, Kind.VAR_DECL, Kind.PARM_DECL, Kind.FIELD_DECL)
"""What C calls: functions, and pointers to them."""
_NOT_OF_C: Final = (
    TypeKind.LVALUEREFERENCE, TypeKind.RVALUEREFERENCE, TypeKind.MEMBERPOINTER, TypeKind.DEPENDENT, TypeKind.UNEXPOSED,
    TypeKind.INVALID,
)
_POINTER_SIZE = 8
_BY_SIZE: Final = {1: "char", 2: "short", 4: "int", 8: "long"}

_ctype = functools.lru_cache(maxsize=4096)(ir.CType)


class Lowering:
    """Turns cursors of one file into IR."""

    def __init__(self, places: Places, path: str, shown: str, plus_plus: bool) -> None:
        """`path` is the file's name in the translation unit, `shown` the one in the project.

        Of C++ only what it shares with C is lowered here; the rest is a problem, so that the default front end, which
        gives classes, references and exceptions their shape in the IR, reads that item.
        """
        self.plus_plus = plus_plus
        self.places = places
        self.path = path
        self.shown = shown
        self.depth = 0
        self.last = (0, 0)
        self.structs: list[ir.Struct] = []
        self.bodies: dict[int, ir.Struct] = {}
        self.problem = ""
        self.problem_at = 0

    # -- small things ----------------------------------------------------------------------------------------------

    def place(self, cursor: Cursor) -> tuple[int, int]:
        path, start, end = self.places.extent(cursor)
        if path != self.path:  # an included file in the middle of a function: the nearest place in this one
            return self.last
        self.last = start, max(start, end)
        return self.last

    def named(self, cursor: Cursor) -> tuple[int, int]:
        path, start, end = self.places.name(cursor)
        return (start, end) if path == self.path else self.last

    def fail(self, cursor: Cursor, why: str) -> None:
        if not self.problem:
            self.problem, self.problem_at = why, self.place(cursor)[0]

    def of_cplusplus(self, cursor: Cursor) -> None:
        """Note what only C++ has."""
        self.fail(cursor, f"C++: {cursor.kind.name.lower()}")

    # -- declarations ----------------------------------------------------------------------------------------------

    def unit(self, cursors: Iterable[Cursor]) -> Parsed:
        """The top-level declarations that some cursors are."""
        functions: list[ir.Function] = []
        variables: list[ir.Variable] = []
        for cursor in cursors:
            match cursor.kind:
                case Kind.FUNCTION_DECL | Kind.CXX_METHOD | Kind.CONSTRUCTOR | Kind.DESTRUCTOR | Kind.CONVERSION_FUNCTION:
                    function = self.function(cursor)
                    if function is not None:
                        functions.append(function)
                    else:
                        variables.append(self.prototype(cursor))
                case Kind.VAR_DECL | Kind.TYPEDEF_DECL | Kind.TYPE_ALIAS_DECL:
                    variables.append(self.variable(cursor))
                case Kind.STRUCT_DECL | Kind.UNION_DECL | Kind.CLASS_DECL:
                    self.struct(cursor)
                case Kind.ENUM_DECL | Kind.USING_DIRECTIVE | Kind.USING_DECLARATION | Kind.STATIC_ASSERT:
                    pass
                case _ if self.plus_plus:
                    self.of_cplusplus(cursor)
        return Parsed(
            tuple(functions), tuple(variables), tuple(self.structs), (), not self.problem, self.problem, self.problem_at
        )

    def function(self, cursor: Cursor) -> ir.Function | None:
        """A function definition; None for a declaration."""
        body = next((one for one in children(cursor) if one.kind == Kind.COMPOUND_STMT), None)
        if body is None:
            return None
        start, end = self.named(cursor)
        if cursor.kind != Kind.FUNCTION_DECL:
            self.of_cplusplus(cursor)
        parameters = tuple(self.parameter(one) for one in children(cursor) if one.kind == Kind.PARM_DECL)
        return ir.Function(
            start, end, self.shown, sys.intern(cursor.spelling), self.ctype(cursor.result_type, _storage(cursor)),
            parameters, _variadic(cursor), self.block(body),
        )

    def prototype(self, cursor: Cursor) -> ir.Variable:
        start, end = self.named(cursor)
        returned = self.ctype(cursor.result_type, _storage(cursor))
        return ir.Variable(
            start, end, sys.intern(cursor.spelling), _ctype(returned.base, returned.pointers, (), returned.storage, True)
        )

    def parameter(self, cursor: Cursor) -> ir.Variable:
        start, end = self.place(cursor)
        return ir.Variable(start, end, sys.intern(cursor.spelling), self.declared_type(cursor))

    def variable(self, cursor: Cursor) -> ir.Variable:
        """A variable, field or typedef."""
        start, end = self.named(cursor)
        typedef = cursor.kind in (Kind.TYPEDEF_DECL, Kind.TYPE_ALIAS_DECL)
        if self.plus_plus and cursor.kind == Kind.VAR_DECL:
            of_class = cursor.type.get_canonical().kind == TypeKind.RECORD and not cursor.type.is_pod()
            if of_class or cursor.semantic_parent.kind in _CLASSES:
                self.of_cplusplus(cursor)
        body = self.inline_body(cursor)
        kind = self.declared_type(cursor)
        if body is not None and not body.name:
            kind = _ctype(f"{'union' if body.union else 'struct'} <{body.start}>", kind.pointers, kind.arrays, kind.storage)
        init = None
        if cursor.kind == Kind.VAR_DECL and (value := initializer(cursor)) is not None:
            init = self.expr(value)
        if typedef:
            kind = _ctype(kind.base, kind.pointers, kind.arrays, kind.storage | {"typedef"}, kind.function)
            if body is not None and not kind.pointers and not body.name:
                self.structs.append(
                    ir.Struct(body.start, body.end, sys.intern(cursor.spelling), body.union, body.fields, body.complete)
                )
        return ir.Variable(start, end, sys.intern(cursor.spelling), kind, init, body)

    def inline_body(self, cursor: Cursor) -> ir.Struct | None:
        """The struct that is written in place as a declaration's type."""
        for child in children(cursor):
            if child.kind in (Kind.STRUCT_DECL, Kind.UNION_DECL) and child.is_definition():
                return self.struct(child)
        return None

    def struct(self, cursor: Cursor) -> ir.Struct | None:
        """A struct, union or class with a body; None for one without."""
        known = self.bodies.get(cursor.hash)
        if known is not None:
            return known
        if not cursor.is_definition():
            return None
        start, end = self.place(cursor)
        fields: list[ir.Variable] = []
        for child in children(cursor):
            if child.kind == Kind.FIELD_DECL:
                fields.append(self.variable(child))
            elif self.plus_plus and (child.kind not in _CLASSES or child.kind == Kind.CLASS_DECL):
                self.of_cplusplus(child)
            elif child.kind in _CLASSES and child.is_anonymous():
                body = self.struct(child)
                if body is not None and is_anonymous_member(child):
                    fields.append(ir.Variable(*self.place(child), "", _ctype(f"{_word(child)} <{body.start}>"), None, body))
            elif child.kind in _CLASSES:
                self.struct(child)
        name = "" if cursor.is_anonymous() or _UNNAMED.search(cursor.spelling) or self.typedef_names(cursor) else cursor.spelling
        made = ir.Struct(start, end, sys.intern(name), cursor.kind == Kind.UNION_DECL, tuple(fields))
        self.bodies[cursor.hash] = made
        self.structs.append(made)
        return made

    def typedef_names(self, cursor: Cursor) -> bool:
        """Whether the name that libclang gives a struct is no tag but that of its typedef: it stands behind the body."""
        path, start, _ = self.places.extent(cursor)
        named, _, _ = self.places.name(cursor)
        return named == path and self.places.name(cursor)[1] == start

    # -- types -----------------------------------------------------------------------------------------------------

    def declared_type(self, cursor: Cursor) -> ir.CType:
        typedef = cursor.kind in (Kind.TYPEDEF_DECL, Kind.TYPE_ALIAS_DECL)
        kind = self.ctype(cursor.underlying_typedef_type if typedef else cursor.type, _storage(cursor))
        if not kind.arrays or cursor.kind == Kind.PARM_DECL:
            return kind
        value = initializer(cursor) if cursor.kind == Kind.VAR_DECL else None
        sizes = [one for one in children(cursor) if one.kind.is_expression() and (value is None or one != value)]
        written = ["" if self.places.in_macro(one) else self.places.text(one) for one in sizes]
        unwritten = max(0, len(kind.arrays) - len(written))  # `[]` takes its size from the initialiser
        known = kind.arrays[unwritten:]
        arrays = ("",) * unwritten + tuple(text or size for text, size in zip(written, known, strict=False))
        return _ctype(kind.base, kind.pointers, arrays, kind.storage, kind.function)

    def ctype(self, kind: Any, storage: frozenset[str] = frozenset()) -> ir.CType:
        """A type as it is written, as far as libclang keeps that."""
        pointers, arrays, function = 0, [], False
        if self.plus_plus and kind.get_canonical().kind in _NOT_OF_C:
            self.problem = self.problem or "C++: a type that C does not have"
        while True:
            match kind.kind:
                case TypeKind.POINTER | TypeKind.LVALUEREFERENCE | TypeKind.RVALUEREFERENCE | TypeKind.BLOCKPOINTER:
                    pointers += 1
                    kind = kind.get_pointee()
                case TypeKind.CONSTANTARRAY:
                    arrays.append(str(kind.element_count))
                    kind = kind.element_type
                case TypeKind.INCOMPLETEARRAY | TypeKind.VARIABLEARRAY | TypeKind.DEPENDENTSIZEDARRAY:
                    arrays.append("")
                    kind = kind.element_type
                case TypeKind.FUNCTIONPROTO | TypeKind.FUNCTIONNOPROTO:
                    function, pointers = True, 0
                    kind = kind.get_result()
                case _:
                    break
        qualifiers = {word for word, on in (("const", kind.is_const_qualified()), ("volatile", kind.is_volatile_qualified())) if on}
        return _ctype(self.base(kind), pointers, tuple(arrays), storage | qualifiers, function)

    def base(self, kind: Any) -> str:
        spelling = _ATOMIC.sub(r"\1", str(kind.spelling))
        declaration = kind.get_declaration()
        if _UNNAMED.search(spelling):
            if declaration.kind == Kind.ENUM_DECL:
                return "enum "
            return f"{_word(declaration)} <{self.places.start(declaration)[1]}>"
        if declaration.kind == Kind.ENUM_DECL and kind.kind != TypeKind.TYPEDEF and self.typedef_names(declaration):
            return "enum "
        words = " ".join(_QUALIFIERS.sub(" ", spelling).split())
        return sys.intern(words)

    # -- statements ------------------------------------------------------------------------------------------------

    def block(self, cursor: Cursor) -> ir.Block:
        start, end = self.place(cursor)
        return ir.Block(start, end, tuple(self.statements(children(cursor))))

    def statements(self, cursors: list[Cursor]) -> Iterator[ir.Stmt]:
        """A list of statements; each `case` takes those up to the next one."""
        rest = list(cursors)
        while rest:
            one = rest.pop(0)
            if one.kind not in (Kind.CASE_STMT, Kind.DEFAULT_STMT):
                yield self.statement(one)
                continue
            while one.kind in (Kind.CASE_STMT, Kind.DEFAULT_STMT):
                start, end = self.place(one)
                inside = children(one)
                value = self.expr(inside[0]) if one.kind == Kind.CASE_STMT and inside else None
                if len(inside) > 2:  # GNU's `case 1 ... 9`
                    value = ir.Opaque(start, end, self.places.text(inside[0]))
                following = inside[-1] if inside else None
                if following is not None and following.kind in (Kind.CASE_STMT, Kind.DEFAULT_STMT):
                    yield ir.Case(start, end, value, ())
                    one = following
                    continue
                body = [following] if following is not None else []
                while rest and rest[0].kind not in (Kind.CASE_STMT, Kind.DEFAULT_STMT):
                    body.append(rest.pop(0))
                made = tuple(self.statement(each) for each in body)
                yield ir.Case(start, max([end, *(each.end for each in made)]), value, made)
                break

    def statement(self, cursor: Cursor) -> ir.Stmt:
        self.depth += 1
        try:
            if self.depth > _MAX_DEPTH:
                self.fail(cursor, "nested too deeply")
                return self.opaque(cursor)
            handler = _STATEMENTS.get(cursor.kind)
            if handler is not None:
                return handler(self, cursor)
            if cursor.kind.is_expression():
                value = self.expr(cursor)
                return ir.ExprStmt(value.start, self.behind(cursor, value.end), value)
            return self.opaque(cursor)
        finally:
            self.depth -= 1

    def behind(self, cursor: Cursor, end: int) -> int:
        """The end of an expression statement: behind its semicolon."""
        found = _TRAILING.match(self.places.files.get(self.path, b""), end)
        return found.end() if found else end

    def opaque(self, cursor: Cursor) -> ir.Opaque:
        start, end = self.place(cursor)
        if self.plus_plus:
            self.of_cplusplus(cursor)
        text = self.places.text(cursor)[:_SHOWN]
        if self.depth > _MAX_DEPTH:
            return ir.Opaque(start, end, text)
        parts: list[ir.Node] = [
            self.expr(one) if one.kind.is_expression() else self.statement(one)
            for one in children(cursor)
            if one.kind.is_expression() or one.kind.is_statement()
        ]
        return ir.Opaque(start, end, text, tuple(parts))

    def declaration(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        variables: list[ir.Variable] = []
        for child in children(cursor):
            if child.kind in (Kind.VAR_DECL, Kind.TYPEDEF_DECL, Kind.TYPE_ALIAS_DECL):
                variables.append(self.variable(child))
            elif child.kind == Kind.FUNCTION_DECL:
                variables.append(self.prototype(child))
            elif child.kind in _CLASSES:
                self.struct(child)
        return ir.Declaration(start, end, tuple(variables))

    def return_(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        inside = children(cursor)
        return ir.Return(start, self.behind(cursor, end), self.expr(inside[0]) if inside else None)

    def if_(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        inside = children(cursor)
        while len(inside) > 2 and inside[0].kind in (Kind.DECL_STMT, Kind.VAR_DECL):  # C++: if (T *p = f())
            inside.pop(0)
        otherwise = self.statement(inside[2]) if len(inside) > 2 else None
        return ir.If(start, end, self.expr(inside[0]), self.statement(inside[1]), otherwise)

    def while_(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        condition, body = children(cursor)[-2:]
        return ir.Loop(start, end, "while", None, self.expr(condition), None, self.statement(body))

    def do(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        body, condition = children(cursor)[:2]
        return ir.Loop(start, self.behind(cursor, end), "do", None, self.expr(condition), None, self.statement(body))

    def for_(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        *head, body = children(cursor)
        parts = self.for_parts(cursor, head, body)
        init = self.statement(parts[0]) if parts[0] is not None else None
        condition = self.expr(parts[1]) if parts[1] is not None else None
        step = self.expr(parts[2]) if parts[2] is not None else None
        return ir.Loop(start, end, "for", init, condition, step, self.statement(body))

    def for_parts(self, cursor: Cursor, head: list[Cursor], body: Cursor) -> list[Cursor | None]:
        """Which of `init; condition; step` the parts of a `for` are: libclang leaves out those that are not there."""
        parts: list[Cursor | None] = [None, None, None]
        if len(head) >= 3:
            return list(head[-3:])
        path, start, _ = self.places.extent(cursor)
        text = self.places.files.get(path, b"")
        semicolons: list[int] = []
        if not self.places.in_macro(cursor):
            at, depth = text.find(b"(", start), 0
            for found in re.finditer(rb"""["](?:[^"\\\n]|\\.)*["]|'(?:[^'\\\n]|\\.)*'|[()\[\]{};]""", text[at:]):
                depth += {b"(": 1, b"[": 1, b"{": 1, b")": -1, b"]": -1, b"}": -1}.get(found.group(), 0)
                if depth == 0 or len(semicolons) == 2:
                    break
                if found.group() == b";" and depth == 1:
                    semicolons.append(at + found.start())
        for index, part in enumerate(head):
            if len(semicolons) == 2:
                begins = self.places.start(part)[1]
                parts[(begins > semicolons[0]) + (begins > semicolons[1])] = part
            elif part.kind == Kind.DECL_STMT or (part.kind == Kind.BINARY_OPERATOR and _BINARY[operator_of(part)] == "=" and index == 0):
                parts[0] = part
            else:
                parts[2 if part.kind in (Kind.UNARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR) else 1] = part
        return parts

    def switch(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        subject, body = children(cursor)[-2:]
        made = self.statement(body) if body.kind == Kind.COMPOUND_STMT else ir.Block(start, end, tuple(self.statements([body])))
        return ir.Switch(start, end, self.expr(subject), made)

    def label(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        inside = children(cursor)
        return ir.Label(start, end, sys.intern(cursor.spelling), self.statement(inside[0]) if inside else None)

    def goto(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        inside = children(cursor)
        return ir.Jump(start, self.behind(cursor, end), "goto", sys.intern(inside[0].spelling) if inside else "")

    def jump(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        kind: Literal["break", "continue"] = "break" if cursor.kind == Kind.BREAK_STMT else "continue"
        return ir.Jump(start, self.behind(cursor, end), kind)

    def empty(self, cursor: Cursor) -> ir.Stmt:
        return ir.Block(*self.place(cursor), ())

    # -- expressions -----------------------------------------------------------------------------------------------

    def expr(self, cursor: Cursor) -> ir.Expr:
        self.depth += 1
        try:
            if self.depth > _MAX_DEPTH:
                self.fail(cursor, "nested too deeply")
                return self.opaque(cursor)
            handler = _EXPRESSIONS.get(cursor.kind)
            return handler(self, cursor) if handler is not None else self.opaque(cursor)
        finally:
            self.depth -= 1

    def unexposed(self, cursor: Cursor) -> ir.Expr:
        inside = children(cursor)
        token = self.token_at(cursor)
        if len(inside) == 1 and inside[0].kind.is_expression() and token not in _PREDEFINED:
            return self.expr(inside[0])  # a conversion that nobody wrote
        if token in ("__builtin_offsetof", "offsetof") or (inside and inside[-1].kind == Kind.MEMBER_REF):
            return self.offset_of(cursor, inside)
        if not inside and cursor.spelling:
            return ir.Name(*self.place(cursor), sys.intern(cursor.spelling))
        if token in _PREDEFINED:
            return ir.Name(*self.place(cursor), token)
        return self.opaque(cursor)

    def offset_of(self, cursor: Cursor, inside: list[Cursor]) -> ir.Expr:
        start, end = self.place(cursor)
        of = next((one for one in inside if one.kind == Kind.TYPE_REF), None)
        members = [one.spelling for one in inside if one.kind == Kind.MEMBER_REF]
        base = _written(of.spelling) if of is not None else ""
        return ir.Call(
            start, end, ir.Name(start, start + 8, "offsetof"),
            (ir.Name(start, end, base), ir.Name(start, end, ".".join(members))),
        )

    def name(self, cursor: Cursor) -> ir.Expr:
        if self.plus_plus:
            named = cursor.referenced
            if named is not None and (named.semantic_parent.kind in _CLASSES or named.type.kind in _NOT_OF_C):
                self.of_cplusplus(named)
        return ir.Name(*self.place(cursor), sys.intern(cursor.spelling))

    def number(self, cursor: Cursor) -> ir.Expr:
        token = self.token_at(cursor)
        if token == "__LINE__":
            return ir.Name(*self.place(cursor), token)
        if not token[:1].isdigit() and token[:1] != ".":  # out of a macro: what it was written as is not kept
            token = str(evaluated(cursor))
        return ir.Constant(*self.place(cursor), "number", token)

    def char(self, cursor: Cursor) -> ir.Expr:
        token = self.token_at(cursor)
        if not token.endswith("'"):
            token = repr(chr(int(evaluated(cursor)) & 0xFF))
        return ir.Constant(*self.place(cursor), "char", token)

    def token_at(self, cursor: Cursor) -> str:
        """The token in the file where a cursor begins: of a macro's use its name."""
        return self.places.token(*self.places.start(cursor)).decode("utf-8", "replace")

    def string(self, cursor: Cursor) -> ir.Expr:
        token = self.token_at(cursor)
        if token in _PREDEFINED:
            return ir.Name(*self.place(cursor), token)
        text = cursor.spelling if self.places.in_macro(cursor) else self.places.text(cursor)
        return ir.Constant(*self.place(cursor), "string", text if text.endswith('"') else cursor.spelling)

    def inner(self, cursor: Cursor) -> ir.Expr:
        inside = children(cursor)
        return self.expr(inside[0]) if len(inside) == 1 else self.opaque(cursor)

    def call(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = children(cursor)
        if not inside:
            return self.opaque(cursor)
        if self.plus_plus and (called := cursor.referenced) is not None and called.kind not in _CALLED:
            self.of_cplusplus(called)
        return ir.Call(start, end, self.expr(inside[0]), tuple(self.expr(one) for one in inside[1:]))

    def member(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = [one for one in children(cursor) if one.kind.is_expression()]
        field = sys.intern(cursor.spelling)
        if not inside:  # C++: a member of *this
            return self.opaque(cursor)
        if not field:
            return self.expr(inside[0])
        arrow = inside[0].type.get_canonical().kind == TypeKind.POINTER
        return ir.Member(start, end, self.expr(inside[0]), field, arrow)

    def index(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = children(cursor)
        if len(inside) != 2:
            return self.opaque(cursor)
        return ir.Index(start, end, self.expr(inside[0]), self.expr(inside[1]))

    def unary(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = children(cursor)
        if not inside:
            return self.opaque(cursor)
        operator = _UNARY[operator_of(cursor)]
        operand = self.expr(inside[0])
        if operator == "__extension__":
            return operand
        if operator in ("-", "+") and isinstance(operand, ir.Constant) and operand.kind == "number" and operand.text[0].isdigit():
            return ir.Constant(start, end, "number", operator + operand.text)
        if operator == "*" and (named := ir.called(operand)).removesuffix("__") in prelude.PLACES:
            assert isinstance(operand, ir.Call)
            args = tuple(ir.Name(start, end, ir.string_value(one) or "") for one in operand.args)
            return ir.Call(start, end, ir.Name(start, end, named.removesuffix("__")), args)
        return ir.Unary(start, end, operator, operand)

    def binary(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = children(cursor)
        if len(inside) != 2:
            return self.opaque(cursor)
        left, right = self.expr(inside[0]), self.expr(inside[1])
        operator = _BINARY[operator_of(cursor)]
        if operator.endswith("=") and operator not in ("==", "!=", "<=", ">="):
            return ir.Assign(start, end, operator, left, right)
        return ir.Binary(start, end, operator, left, right)

    def conditional(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = children(cursor)
        if len(inside) != 3:
            return self.opaque(cursor)
        return ir.Conditional(start, end, *(self.expr(one) for one in inside))

    def cast(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = [one for one in children(cursor) if one.kind.is_expression()]
        if len(inside) != 1:
            return self.opaque(cursor)
        return ir.Cast(start, end, self.ctype(cursor.type), self.expr(inside[0]))

    def sizeof(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = children(cursor)
        if inside and inside[-1].kind.is_expression():
            value = self.expr(inside[-1])
            return ir.SizeOf(start, end, _ctype(value.text), value) if isinstance(value, ir.Name) else ir.SizeOf(start, end, None, value)
        written = None if self.places.in_macro(cursor) else _SIZEOF.match(self.places.text(cursor))
        of = next((one for one in inside if one.kind == Kind.TYPE_REF), None)
        bare = written.group(1) if written is not None else ""
        base = " ".join(_QUALIFIERS.sub(" ", bare).split())
        if written is not None and (of is None or base == _written(of.spelling)):
            return self.sized(start, end, base, len(written.group(2).replace(" ", "")))
        if of is None:
            return self.sized(start, end, _BY_SIZE.get(int(evaluated(cursor)), "int"), 0)
        # libclang does not say whether the type is a pointer to what it names; the size does
        return self.sized(start, end, _written(of.spelling), int(evaluated(cursor) == _POINTER_SIZE != of.type.get_size()))

    @staticmethod
    def sized(start: int, end: int, base: str, pointers: int) -> ir.SizeOf:
        """`sizeof(type)`; a lone identifier may be a type or a variable, in the IR, and stands as both."""
        alone = base.isidentifier() and not pointers and base not in _BUILT_IN
        return ir.SizeOf(start, end, _ctype(base, pointers), ir.Name(start, end, base) if alone else None)

    def init_list(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        return ir.InitList(start, end, tuple(self.entry(one) for one in children(cursor)))

    def entry(self, cursor: Cursor) -> ir.Entry:
        start, end = self.place(cursor)
        inside = children(cursor) if cursor.kind == Kind.UNEXPOSED_EXPR else []
        if len(inside) < 2:
            return ir.Entry(start, end, (), self.expr(cursor))
        *designators, value = inside
        names = tuple(
            one.spelling if one.kind == Kind.MEMBER_REF else f"[{self.places.text(one)}]" for one in designators
        )
        return ir.Entry(start, end, names, self.expr(value))

    def null(self, cursor: Cursor) -> ir.Expr:
        return ir.Name(*self.place(cursor), "NULL")

    def truth(self, cursor: Cursor) -> ir.Expr:
        token = self.token_at(cursor)
        return ir.Name(*self.place(cursor), token if token in ("true", "false") else str(bool(evaluated(cursor))).lower())

    def compound_literal(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        inside = [one for one in children(cursor) if one.kind == Kind.INIT_LIST_EXPR]
        made = self.expr(inside[0]) if inside else None
        return ir.InitList(start, end, made.entries if isinstance(made, ir.InitList) else (), self.ctype(cursor.type))


def _storage(cursor: Cursor) -> frozenset[str]:
    words: set[str] = set()
    storage = cursor.storage_class
    if storage == StorageClass.STATIC:
        words.add("static")
    elif storage == StorageClass.EXTERN:
        words.add("extern")
    if cursor.kind == Kind.VAR_DECL and cursor.tls_kind != TLSKind.NONE:
        words.add("thread_local")
    return frozenset(words)


def _variadic(cursor: Cursor) -> bool:
    return cursor.type.kind == TypeKind.FUNCTIONPROTO and bool(cursor.type.is_function_variadic())


def _word(cursor: Cursor) -> str:
    return "union" if cursor.kind == Kind.UNION_DECL else "struct"


def _written(spelling: str) -> str:
    """The name of a type without what libclang says before it: `struct foo` stays, `class Foo` does not."""
    return spelling.removeprefix("class ").strip()


_STATEMENTS: Final[dict[Any, Callable[[Lowering, Cursor], ir.Stmt]]] = {
    Kind.COMPOUND_STMT: Lowering.block,
    Kind.DECL_STMT: Lowering.declaration,
    Kind.RETURN_STMT: Lowering.return_,
    Kind.IF_STMT: Lowering.if_,
    Kind.WHILE_STMT: Lowering.while_,
    Kind.DO_STMT: Lowering.do,
    Kind.FOR_STMT: Lowering.for_,
    Kind.SWITCH_STMT: Lowering.switch,
    Kind.LABEL_STMT: Lowering.label,
    Kind.GOTO_STMT: Lowering.goto,
    Kind.BREAK_STMT: Lowering.jump,
    Kind.CONTINUE_STMT: Lowering.jump,
    Kind.NULL_STMT: Lowering.empty,
}

_EXPRESSIONS: Final[dict[Any, Callable[[Lowering, Cursor], ir.Expr]]] = {
    Kind.UNEXPOSED_EXPR: Lowering.unexposed,
    Kind.DECL_REF_EXPR: Lowering.name,
    Kind.MEMBER_REF_EXPR: Lowering.member,
    Kind.CALL_EXPR: Lowering.call,
    Kind.INTEGER_LITERAL: Lowering.number,
    Kind.FLOATING_LITERAL: Lowering.number,
    Kind.STRING_LITERAL: Lowering.string,
    Kind.CHARACTER_LITERAL: Lowering.char,
    Kind.PAREN_EXPR: Lowering.inner,
    Kind.UNARY_OPERATOR: Lowering.unary,
    Kind.ARRAY_SUBSCRIPT_EXPR: Lowering.index,
    Kind.BINARY_OPERATOR: Lowering.binary,
    Kind.COMPOUND_ASSIGNMENT_OPERATOR: Lowering.binary,
    Kind.CONDITIONAL_OPERATOR: Lowering.conditional,
    Kind.CSTYLE_CAST_EXPR: Lowering.cast,
    Kind.COMPOUND_LITERAL_EXPR: Lowering.compound_literal,
    Kind.INIT_LIST_EXPR: Lowering.init_list,
    Kind.CXX_UNARY_EXPR: Lowering.sizeof,
    Kind.CXX_STATIC_CAST_EXPR: Lowering.cast,
    Kind.CXX_REINTERPRET_CAST_EXPR: Lowering.cast,
    Kind.CXX_CONST_CAST_EXPR: Lowering.cast,
    Kind.CXX_NULL_PTR_LITERAL_EXPR: Lowering.null,
    Kind.GNU_NULL_EXPR: Lowering.null,
    Kind.CXX_BOOL_LITERAL_EXPR: Lowering.truth,
}
