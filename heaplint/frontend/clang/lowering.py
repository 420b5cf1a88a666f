"""libclang's cursors of one stretch of a file → IR.

What macros expand to carries the place of their use, as everywhere in the IR. Names that stay calls in the default
front end (`Py_VISIT`) are functions of the prelude here, so that both give the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal

from clang.cindex import CursorKind as Kind
from clang.cindex import TypeKind

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.clang.cursors import Cursor, children, operator_of
from heaplint.frontend.clang.declarations import Declarations, storage_of
from heaplint.frontend.clang.expressions import BINARY
from heaplint.frontend.clang.types import CLASSES, MAX_DEPTH
from heaplint.frontend.parsed import Parsed

_TRAILING = re.compile(rb"\s*;")


def _variadic(cursor: Cursor) -> bool:
    return cursor.type.kind == TypeKind.FUNCTIONPROTO and bool(cursor.type.is_function_variadic())


class Lowering(Declarations):
    """Turns cursors of one file into IR: functions with their statements, and what stands between them."""

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
            start, end, self.shown, sys.intern(cursor.spelling), self.ctype(cursor.result_type, storage_of(cursor)),
            parameters, _variadic(cursor), self.block(body),
        )

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
            if self.depth > MAX_DEPTH:
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

    def declaration(self, cursor: Cursor) -> ir.Stmt:
        start, end = self.place(cursor)
        variables: list[ir.Variable] = []
        for child in children(cursor):
            if child.kind in (Kind.VAR_DECL, Kind.TYPEDEF_DECL, Kind.TYPE_ALIAS_DECL):
                variables.append(self.variable(child))
            elif child.kind == Kind.FUNCTION_DECL:
                variables.append(self.prototype(child))
            elif child.kind in CLASSES:
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
        if self.places.use_at(path, start) is None:
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
            elif part.kind == Kind.DECL_STMT or (part.kind == Kind.BINARY_OPERATOR and BINARY[operator_of(part)] == "=" and index == 0):
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
