"""Where in a file an edit goes: lines, indentation, statements; all offsets are bytes of the file as on disk."""

from __future__ import annotations

from collections import Counter

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.findings import Edit

_BODY = re.compile(rb"^(?:\{|[^\s#/].*\)\s*\{)[ \t]*\r?\n([ \t]+)\S", re.M)
COMMA = re.compile(rb"\s*,")
_CONDITIONAL = re.compile(rb"^[ \t]*#[ \t]*(if|endif)", re.M)
_INDENT = re.compile(rb"[ \t]*")


def line_start(data: bytes, offset: int) -> int:
    """The offset at which the line of an offset begins."""
    return data.rfind(b"\n", 0, offset) + 1


def line_end(data: bytes, offset: int) -> int:
    """The offset behind the newline of an offset's line."""
    end = data.find(b"\n", offset)
    return len(data) if end < 0 else end + 1


def indent(data: bytes, offset: int) -> str:
    """The white space that an offset's line begins with."""
    found = _INDENT.match(data, line_start(data, offset))
    return found.group().decode() if found else ""


def step(data: bytes) -> str:
    """One level of indentation as most function bodies of the file have it."""
    found = Counter(one.group(1) for one in _BODY.finditer(data))
    return found.most_common(1)[0][0].decode() if found else "    "


def has_own_body(data: bytes, function: ir.Function) -> bool:
    """Whether a function's body is written out in the file, not made by a macro."""
    body = function.body
    return (
        data[body.start : body.start + 1] == b"{" and data[body.end - 1 : body.end] == b"}"
        and data[function.start : function.end] == function.name.encode()
    )


def starts_line(data: bytes, offset: int) -> bool:
    """Whether nothing but white space stands before an offset on its line."""
    return not data[line_start(data, offset) : offset].strip()


def first_statement(function: ir.Function) -> ir.Stmt | None:
    """The first statement of a body that is no declaration."""
    return next((one for one in function.body.body if not isinstance(one, ir.Declaration)), None)


def before(path: str, data: bytes, statement: ir.Stmt, *lines: str) -> Edit | None:
    """Put lines before a statement, indented as it is; None when the statement does not begin a line."""
    if not starts_line(data, statement.start):
        return None
    at = line_start(data, statement.start)
    lead = indent(data, statement.start)
    return Edit(path, at, at, "".join(f"{_lead(line, lead)}{line}\n" for line in lines))


def behind(path: str, data: bytes, statement: ir.Stmt, *lines: str) -> Edit | None:
    """Put lines behind a statement, indented as it is; None when something stands behind it on its last line."""
    if not has_own_line(data, statement):
        return None
    at = line_end(data, statement.end)
    lead = indent(data, statement.start)
    return Edit(path, at, at, "".join(f"{_lead(line, lead)}{line}\n" for line in lines))


def _lead(line: str, lead: str) -> str:
    return "" if line.startswith("#") else lead


def at_beginning(path: str, data: bytes, function: ir.Function, *lines: str) -> Edit | None:
    """Put lines before the first statement of a function, behind the declarations it begins with."""
    if not has_own_body(data, function):
        return None
    first = first_statement(function)
    if first is not None:
        return before(path, data, first, *lines)
    if function.body.body:
        return behind(path, data, function.body.body[-1], *lines)
    return None


def before_return(path: str, data: bytes, function: ir.Function, *lines: str) -> Edit | None:
    """Put lines before the return that ends a function; None when it ends otherwise."""
    last = function.body.body[-1] if function.body.body else None
    if not has_own_body(data, function) or not isinstance(last, ir.Return):
        return None
    return before(path, data, last, *lines)


def without_line(path: str, data: bytes, statement: ir.Stmt) -> Edit | None:
    """Take out a statement that has its line for itself, with the comment behind it."""
    if not has_own_line(data, statement):
        return None
    return Edit(path, line_start(data, statement.start), line_end(data, statement.end), "")


def has_own_line(data: bytes, statement: ir.Stmt) -> bool:
    """Whether nothing but a comment that ends there shares a statement's lines."""
    rest = data[statement.end : line_end(data, statement.end)].strip()
    if rest.startswith(b"/*"):
        return starts_line(data, statement.start) and rest.endswith(b"*/") and rest.count(b"*/") == 1
    return starts_line(data, statement.start) and (not rest or rest.startswith(b"//")) and not rest.endswith(b"\\")


def statement_of(function: ir.Function, place: ir.Place) -> ir.Stmt | None:
    """The statement at the top of a body that a place lies in."""
    if place.path != function.path:
        return None
    return next((one for one in function.body.body if one.start <= place.start and place.end <= one.end), None)


def renamed(path: str, data: bytes, place: ir.Place, old: str, new: str) -> Edit | None:
    """Another name for the function that a call at a place calls; None when it does not begin with the old one."""
    if place.path != path or data[place.start : place.start + len(old)] != old.encode():
        return None
    return Edit(path, place.start, place.start + len(old), new)


def is_unconditional(data: bytes, start: int, offset: int) -> bool:
    """Whether no `#if` that opens behind `start` is still open at an offset."""
    depth = 0
    for found in _CONDITIONAL.finditer(data, line_start(data, start), offset):
        depth += -1 if found.group(1) == b"endif" else 1
    return depth <= 0


def mentions(data: bytes, start: int, end: int, word: str) -> bool:
    """Whether an identifier occurs in a stretch of a file."""
    return re.search(rb"\b" + re.escape(word.encode()) + rb"\b", data[start:end]) is not None
