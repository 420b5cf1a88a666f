"""Expressions: cursors → IR."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from clang.cindex import CursorKind as Kind
from clang.cindex import TypeKind

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.clang import prelude
from heaplint.frontend.clang.cursors import Cursor, children, evaluated, operator_of
from heaplint.frontend.clang.types import MAX_DEPTH, NOT_OF_C, QUALIFIERS, Types, ctype, is_member

_SHOWN = 200
"""How much of a text that could not be read is kept."""
BINARY: Final = (
    "? .* ->* * / % + - << >> <=> < > <= >= == != & ^ | && || = *= /= %= += -= <<= >>= &= ^= |= ,".split()
)
"""The operators by their number in libclang (CXBinaryOperatorKind)."""
_UNARY: Final = "? p++ p-- ++ -- & * + - ~ ! __real __imag __extension__ co_await".split()
"""The same of CXUnaryOperatorKind; `p++` is the postfix one."""
_SIZEOF = re.compile(r"sizeof\s*\(\s*(\w[\w\s]*?)\s*((?:\*\s*)*)\)")
_PREDEFINED = frozenset({"__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "__FILE__"})
_DESIGNATED = re.compile(r"\.[A-Za-z_]|\[")
_BUILT_IN = frozenset(
    """
    char short int long float double void signed unsigned bool size_t ssize_t ptrdiff_t intptr_t uintptr_t max_align_t
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t char8_t char16_t char32_t char64_t
    """.split()
)
"""What the grammar of the default front end takes for a type wherever it stands."""
_CALLED: Final = (Kind.FUNCTION_DECL, Kind.VAR_DECL, Kind.PARM_DECL, Kind.FIELD_DECL)
"""What C calls: functions, and pointers to them."""
_POINTER_SIZE = 8
_BY_SIZE: Final = {1: "char", 2: "short", 4: "int", 8: "long"}


def _written(spelling: str) -> str:
    """The name of a type without what libclang says before it: `struct foo` stays, `class Foo` does not."""
    return spelling.removeprefix("class ").strip()


class Expressions(Types):
    """Lowers expressions."""

    def statement(self, cursor: Cursor) -> ir.Stmt:
        """A statement inside an expression (GNU's `({ … })`): the class that knows statements says how."""
        raise NotImplementedError

    def opaque(self, cursor: Cursor) -> ir.Opaque:
        start, end = self.place(cursor)
        if self.plus_plus:
            self.of_cplusplus(cursor)
        text = self.places.text(cursor)[:_SHOWN]
        if self.depth > MAX_DEPTH:
            return ir.Opaque(start, end, text)
        parts: list[ir.Node] = [
            self.expr(one) if one.kind.is_expression() else self.statement(one)
            for one in children(cursor)
            if one.kind.is_expression() or one.kind.is_statement()
        ]
        return ir.Opaque(start, end, text, tuple(parts))

    def expr(self, cursor: Cursor) -> ir.Expr:
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
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
            if named is not None and (is_member(named) or named.type.kind in NOT_OF_C):
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
        operator = BINARY[operator_of(cursor)]
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
            return ir.SizeOf(start, end, ctype(value.text), value) if isinstance(value, ir.Name) else ir.SizeOf(start, end, None, value)
        written = None if self.places.in_macro(cursor) else _SIZEOF.match(self.places.text(cursor))
        of = next((one for one in inside if one.kind == Kind.TYPE_REF), None)
        bare = written.group(1) if written is not None else ""
        base = " ".join(QUALIFIERS.sub(" ", bare).split())
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
        return ir.SizeOf(start, end, ctype(base, pointers), ir.Name(start, end, base) if alone else None)

    def init_list(self, cursor: Cursor) -> ir.Expr:
        start, end = self.place(cursor)
        return ir.InitList(start, end, tuple(self.entry(one) for one in children(cursor)))

    def entry(self, cursor: Cursor) -> ir.Entry:
        start, end = self.place(cursor)
        inside = children(cursor) if cursor.kind == Kind.UNEXPOSED_EXPR else []
        if len(inside) < 2:
            if cursor.kind == Kind.UNEXPOSED_EXPR and _DESIGNATED.match(self.places.text(cursor)):
                self.fail(cursor, "a designator that libclang does not know")
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


_EXPRESSIONS: Final[dict[Any, Callable[[Expressions, Cursor], ir.Expr]]] = {
    Kind.UNEXPOSED_EXPR: Expressions.unexposed,
    Kind.DECL_REF_EXPR: Expressions.name,
    Kind.MEMBER_REF_EXPR: Expressions.member,
    Kind.CALL_EXPR: Expressions.call,
    Kind.INTEGER_LITERAL: Expressions.number,
    Kind.FLOATING_LITERAL: Expressions.number,
    Kind.STRING_LITERAL: Expressions.string,
    Kind.CHARACTER_LITERAL: Expressions.char,
    Kind.PAREN_EXPR: Expressions.inner,
    Kind.UNARY_OPERATOR: Expressions.unary,
    Kind.ARRAY_SUBSCRIPT_EXPR: Expressions.index,
    Kind.BINARY_OPERATOR: Expressions.binary,
    Kind.COMPOUND_ASSIGNMENT_OPERATOR: Expressions.binary,
    Kind.CONDITIONAL_OPERATOR: Expressions.conditional,
    Kind.CSTYLE_CAST_EXPR: Expressions.cast,
    Kind.COMPOUND_LITERAL_EXPR: Expressions.compound_literal,
    Kind.INIT_LIST_EXPR: Expressions.init_list,
    Kind.CXX_UNARY_EXPR: Expressions.sizeof,
    Kind.CXX_STATIC_CAST_EXPR: Expressions.cast,
    Kind.CXX_REINTERPRET_CAST_EXPR: Expressions.cast,
    Kind.CXX_CONST_CAST_EXPR: Expressions.cast,
    Kind.CXX_NULL_PTR_LITERAL_EXPR: Expressions.null,
    Kind.GNU_NULL_EXPR: Expressions.null,
    Kind.CXX_BOOL_LITERAL_EXPR: Expressions.truth,
}
