"""Declarations: variables, parameters, structs, typedefs."""

from __future__ import annotations

import sys

from clang.cindex import CursorKind as Kind
from clang.cindex import StorageClass, TLSKind, TypeKind

from heaplint import ir
from heaplint.frontend.clang.cursors import Cursor, Places, children, initializer, is_anonymous_member
from heaplint.frontend.clang.expressions import Expressions
from heaplint.frontend.clang.types import CLASSES, UNNAMED, ctype, is_member, record_word


def storage_of(cursor: Cursor) -> frozenset[str]:
    """The storage of a declaration, in the words of the IR."""
    words: set[str] = set()
    storage = cursor.storage_class
    if storage == StorageClass.STATIC:
        words.add("static")
    elif storage == StorageClass.EXTERN:
        words.add("extern")
    if cursor.kind == Kind.VAR_DECL and cursor.tls_kind != TLSKind.NONE:
        words.add("thread_local")
    return frozenset(words)


class Declarations(Expressions):
    """Lowers declarations; the structs that it meets are collected."""

    def __init__(self, places: Places, path: str, shown: str, plus_plus: bool) -> None:
        super().__init__(places, path, shown, plus_plus)
        self.structs: list[ir.Struct] = []
        self.bodies: dict[int, ir.Struct] = {}

    def declared_type(self, cursor: Cursor) -> ir.CType:
        typedef = cursor.kind in (Kind.TYPEDEF_DECL, Kind.TYPE_ALIAS_DECL)
        kind = self.ctype(cursor.underlying_typedef_type if typedef else cursor.type, storage_of(cursor))
        if not kind.arrays or cursor.kind == Kind.PARM_DECL:
            return kind
        value = initializer(cursor) if cursor.kind == Kind.VAR_DECL else None
        sizes = [one for one in children(cursor) if one.kind.is_expression() and (value is None or one != value)]
        written = ["" if self.places.in_macro(one) else self.places.text(one) for one in sizes]
        unwritten = max(0, len(kind.arrays) - len(written))  # `[]` takes its size from the initialiser
        known = kind.arrays[unwritten:]
        arrays = ("",) * unwritten + tuple(text or size for text, size in zip(written, known, strict=False))
        return ctype(kind.base, kind.pointers, arrays, kind.storage, kind.function)

    def prototype(self, cursor: Cursor) -> ir.Variable:
        start, end = self.named(cursor)
        returned = self.ctype(cursor.result_type, storage_of(cursor))
        return ir.Variable(
            start, end, sys.intern(cursor.spelling), ctype(returned.base, returned.pointers, (), returned.storage, True)
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
            if of_class or is_member(cursor):
                self.of_cplusplus(cursor)
        body = self.inline_body(cursor)
        kind = self.declared_type(cursor)
        if body is not None and not body.name:
            kind = ctype(f"{'union' if body.union else 'struct'} <{body.start}>", kind.pointers, kind.arrays, kind.storage)
        init = None
        if cursor.kind == Kind.VAR_DECL and (value := initializer(cursor)) is not None:
            init = self.expr(value)
        if typedef:
            kind = ctype(kind.base, kind.pointers, kind.arrays, kind.storage | {"typedef"}, kind.function)
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
            elif self.plus_plus and (child.kind not in CLASSES or child.kind == Kind.CLASS_DECL):
                self.of_cplusplus(child)
            elif child.kind in CLASSES and child.is_anonymous():
                body = self.struct(child)
                if body is not None and is_anonymous_member(child):
                    fields.append(ir.Variable(*self.place(child), "", ctype(f"{record_word(child)} <{body.start}>"), None, body))
            elif child.kind in CLASSES:
                self.struct(child)
        name = "" if cursor.is_anonymous() or UNNAMED.search(cursor.spelling) or self.typedef_names(cursor) else cursor.spelling
        made = ir.Struct(start, end, sys.intern(name), cursor.kind == Kind.UNION_DECL, tuple(fields))
        self.bodies[cursor.hash] = made
        self.structs.append(made)
        return made
