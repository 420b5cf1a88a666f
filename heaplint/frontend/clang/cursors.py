"""libclang's cursors as the lowering needs them: places in the files that were given, children, texts."""

from __future__ import annotations

from bisect import bisect_right
from ctypes import POINTER, byref, c_double, c_longlong, c_uint, c_void_p, cast
from typing import Any, TypeAlias

from clang import cindex

from heaplint import lazy_re as re

Cursor: TypeAlias = Any
"""A `clang.cindex.Cursor`; the bindings carry no types."""

_lib: Any = cindex.conf.lib
_TOKEN = re.compile(
    rb"""(?:u8|[uUL])?"(?:[^"\\\n]|\\.)*"|(?:u8|[uUL])?'(?:[^'\\\n]|\\.)*'|\.?\d(?:[eEpP][+-]|'(?=\w)|[\w.])*|[A-Za-z_]\w*""", re.S
)

def children(cursor: Cursor) -> list[Cursor]:
    """The direct children in the order in which libclang gives them."""
    result: list[Cursor] = []
    _lib.clang_visitChildren(cursor, _COLLECT, (cursor._tu, result))
    return result


def _collect(child: Cursor, _parent: Cursor, into: tuple[Any, list[Cursor]]) -> int:
    unit, found = into
    child._tu = unit  # libclang owns what cursors point to; the bindings keep the unit alive this way
    found.append(child)
    return 1


_COLLECT: Any = cindex.callbacks["cursor_visit"](_collect)


_FLOATING = 2


def operator_of(cursor: Cursor) -> int:
    """The number of a binary or unary operator in libclang's enumerations, 0 when it has none."""
    binary = cursor.kind in (cindex.CursorKind.BINARY_OPERATOR, cindex.CursorKind.COMPOUND_ASSIGNMENT_OPERATOR)
    ask = _lib.clang_getCursorBinaryOperatorKind if binary else _lib.clang_getCursorUnaryOperatorKind
    return int(ask(cursor))


_SIGNATURES: dict[str, tuple[list[Any], Any]] = {
    "clang_getCursorBinaryOperatorKind": ([cindex.Cursor], c_uint),
    "clang_getCursorUnaryOperatorKind": ([cindex.Cursor], c_uint),
    "clang_getExpansionLocation": (
        [cindex.SourceLocation, POINTER(c_void_p), POINTER(c_uint), POINTER(c_uint), POINTER(c_uint)], None
    ),
    "clang_Cursor_isAnonymousRecordDecl": ([cindex.Cursor], c_uint),
    "clang_Cursor_Evaluate": ([cindex.Cursor], c_void_p),
    "clang_EvalResult_getKind": ([c_void_p], c_uint),
    "clang_EvalResult_getAsLongLong": ([c_void_p], c_longlong),
    "clang_EvalResult_getAsDouble": ([c_void_p], c_double),
    "clang_EvalResult_dispose": ([c_void_p], None),
    "clang_Cursor_getVarDeclInitializer": ([cindex.Cursor], cindex.Cursor),
}
"""Functions of libclang that the bindings leave out, or declare without what is needed here."""
for _name, (_arguments, _result) in _SIGNATURES.items():
    getattr(_lib, _name).argtypes, getattr(_lib, _name).restype = _arguments, _result


def initializer(cursor: Cursor) -> Cursor | None:
    """What a variable is initialised with."""
    found = _lib.clang_Cursor_getVarDeclInitializer(cursor)
    found._tu = cursor._tu
    return None if found.kind.is_invalid() else found


def is_anonymous_member(cursor: Cursor) -> bool:
    """Whether a struct or union in another one has neither a tag nor a member's name: its members are the outer one's."""
    return bool(_lib.clang_Cursor_isAnonymousRecordDecl(cursor))


def evaluated(cursor: Cursor) -> int | float:
    """The value of a constant expression; 0 when libclang finds none."""
    result = _lib.clang_Cursor_Evaluate(cursor)
    if not result:
        return 0
    try:
        if _lib.clang_EvalResult_getKind(result) == _FLOATING:
            return float(_lib.clang_EvalResult_getAsDouble(result))
        return int(_lib.clang_EvalResult_getAsLongLong(result))
    finally:
        _lib.clang_EvalResult_dispose(result)


class Places:
    """Where cursors lie in the files of one translation unit."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self._names: dict[int | None, str] = {None: ""}
        self._uses: dict[str, tuple[list[int], list[int]]] = {}
        """Starts and ends of the uses of macros in each file, in order."""

    def expansion(self, location: Any) -> tuple[str, int]:
        """File and offset; in what a macro made, those of the macro's use."""
        file, offset = c_void_p(), c_uint()
        _lib.clang_getExpansionLocation(location, byref(file), None, None, byref(offset))
        name = self._names.get(file.value)
        if name is None:
            name = self._names[file.value] = str(cindex.File(cast(file, cindex.c_object_p)).name)
        return name, offset.value

    def start(self, cursor: Cursor) -> tuple[str, int]:
        """File and offset of a cursor's first token."""
        return self.expansion(_lib.clang_getRangeStart(_lib.clang_getCursorExtent(cursor)))

    def extent(self, cursor: Cursor) -> tuple[str, int, int]:
        """File, offset of the first token and offset behind the last one."""
        extent = _lib.clang_getCursorExtent(cursor)
        path, start = self.expansion(_lib.clang_getRangeStart(extent))
        _, end = self.expansion(_lib.clang_getRangeEnd(extent))
        return path, start, end

    def name(self, cursor: Cursor) -> tuple[str, int, int]:
        """File and offsets of the name that a declaration gives; of the macro's use when a macro gives it."""
        path, start = self.expansion(_lib.clang_getCursorLocation(cursor))
        use = self.use_at(path, start)
        return (path, *use) if use is not None else (path, start, start + len(self.token(path, start)))

    def add_use(self, cursor: Cursor) -> None:
        """Note the use of a macro; outer ones come before those in their arguments."""
        path, start, end = self.extent(cursor)
        starts, ends = self._uses.setdefault(path, ([], []))
        if not ends or start >= ends[-1]:
            starts.append(start)
            ends.append(end)

    def use_at(self, path: str, offset: int) -> tuple[int, int] | None:
        """Start and end of the use of a macro that an offset lies in."""
        starts, ends = self._uses.get(path, ((), ()))
        index = bisect_right(starts, offset) - 1
        return (starts[index], ends[index]) if index >= 0 and offset < ends[index] else None

    def token(self, path: str, offset: int) -> bytes:
        """The identifier, number, string or character at an offset of a file that was given; b"" when there is none."""
        found = _TOKEN.match(self.files.get(path, b""), offset)
        return found.group() if found else b""

    def text(self, cursor: Cursor) -> str:
        """What stands in the file where a cursor lies."""
        path, start, end = self.extent(cursor)
        return self.files.get(path, b"")[start:end].decode("utf-8", "replace")

    def in_macro(self, cursor: Cursor) -> bool:
        """Whether some of it came out of a macro."""
        path, start, end = self.extent(cursor)
        starts, ends = self._uses.get(path, ((), ()))
        index = bisect_right(starts, end - 1) - 1
        return index >= 0 and ends[index] > start
