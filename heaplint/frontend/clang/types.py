"""Places and types of cursors: what every part of the lowering stands on."""

from __future__ import annotations

import functools
import sys
from typing import Any, Final

from clang.cindex import CursorKind as Kind
from clang.cindex import TypeKind

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.clang.cursors import Cursor, Places

MAX_DEPTH: Final = 220
"""How deep statements and expressions may be nested."""
UNNAMED = re.compile(r"\((?:unnamed|anonymous)\b")
QUALIFIERS = re.compile(r"\b(?:const|volatile|restrict|__restrict)\b")
_ATOMIC = re.compile(r"_Atomic\((.*)\)\Z")
CLASSES: Final = (Kind.STRUCT_DECL, Kind.UNION_DECL, Kind.CLASS_DECL)
NOT_OF_C: Final = (
    TypeKind.LVALUEREFERENCE, TypeKind.RVALUEREFERENCE, TypeKind.MEMBERPOINTER, TypeKind.DEPENDENT, TypeKind.UNEXPOSED,
    TypeKind.INVALID,
)

ctype = functools.lru_cache(maxsize=4096)(ir.CType)
"""Makes types; equal ones are one object."""


def record_word(cursor: Cursor) -> str:
    """The word of C that a record is written with."""
    return "union" if cursor.kind == Kind.UNION_DECL else "struct"


def is_member(cursor: Cursor) -> bool:
    """Whether a declaration belongs to a class."""
    parent = cursor.semantic_parent
    return parent is not None and parent.kind in CLASSES


class Types:
    """Where the cursors of one file lie, and of what types they are."""

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

    def ctype(self, kind: Any, storage: frozenset[str] = frozenset()) -> ir.CType:
        """A type as it is written, as far as libclang keeps that."""
        pointers, arrays, function = 0, [], False
        if self.plus_plus and kind.get_canonical().kind in NOT_OF_C:
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
        return ctype(self.base(kind), pointers, tuple(arrays), storage | qualifiers, function)

    def base(self, kind: Any) -> str:
        spelling = _ATOMIC.sub(r"\1", str(kind.spelling))
        declaration = kind.get_declaration()
        if UNNAMED.search(spelling):
            if declaration.kind == Kind.ENUM_DECL:
                return "enum "
            return f"{record_word(declaration)} <{self.places.start(declaration)[1]}>"
        if declaration.kind == Kind.ENUM_DECL and kind.kind != TypeKind.TYPEDEF and self.typedef_names(declaration):
            return "enum "
        words = " ".join(QUALIFIERS.sub(" ", spelling).split())
        return sys.intern(words)

    def typedef_names(self, cursor: Cursor) -> bool:
        """Whether the name that libclang gives a struct is no tag but that of its typedef: it stands behind the body."""
        path, start, _ = self.places.extent(cursor)
        named, _, _ = self.places.name(cursor)
        return named == path and self.places.name(cursor)[1] == start
