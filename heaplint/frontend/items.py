"""A preprocessed file cut into its top-level items: functions and declarations, none of them parsed yet.

Cutting before parsing keeps damage local (what cannot be read spoils one item) and makes reading lazy: only the items
that a question needs are ever parsed.
"""

from __future__ import annotations

import sys
from typing import Literal

from heaplint import lazy_re as re
from heaplint.records import dataclass

Kind = Literal["function", "declaration"]

PATIENCE = 20
"""How many items may lack their end before every brace in column 0 is taken for one: looking ahead takes time."""
_BRACE = re.compile(rb"[{}]")
_COLUMN_ZERO_CLOSE = re.compile(rb"\n\}")
_TRANSPARENT = re.compile(rb'(?:\bextern\s*"[^"]*"|\bnamespace\b[\w\s:]*|\blinkage\b)\s*\Z')
_MAX_HEAD = 2000
"""How many bytes before a brace are looked at for the struct, union, enum or class that it belongs to."""
_AGGREGATE_WORD = re.compile(rb"struct|union|enum|class")
_AGGREGATE = re.compile(rb"\b(?:struct|union|enum|class)\b[^(){};=]*\Z")
_AGGREGATE_WITH_ATTRIBUTE = re.compile(rb"\b(?:struct|union|enum|class)\s+(?:__attribute__\s*\(\(.*\)\)|\w+\s*\([^()]*\))\s*\w*\s*\Z", re.S)
_AFTER_PARAMETERS = re.compile(
    rb"(?:\s|\b(?:const|noexcept|override|final|try|throw)\b|__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|"
    rb"\b[A-Z][A-Z0-9_]*(?:\s*\([^()]*\))?)*\Z"
)
_ASSIGN = re.compile(rb"=(?!=)")
_NAME_BEFORE = re.compile(rb"([A-Za-z_]\w*)\s*\Z")
_KEYWORDS = frozenset({b"if", b"while", b"for", b"switch", b"return", b"sizeof", b"do", b"else"})
_ATTRIBUTE = re.compile(rb"__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)|__declspec\s*\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Item:
    """One top-level item: `start` to `end` in the file; `body` is the offset of a function's `{` (else `end`)."""

    start: int
    end: int
    kind: Kind
    name: str
    """Of a function; "" for a declaration."""
    body: int
    outer: int = -1
    """Of a function written in a class: the index of the class's item; else -1."""
    holds: bool = False
    """Whether other items lie within this one."""
    internal: bool = False
    """Whether it stands in a namespace without a name: no other file can refer to it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What `cut` gives."""

    items: tuple[Item, ...]
    unbalanced: int | None
    """Offset of the first brace that has no partner."""


def _partner(text: bytes, close: int) -> int:
    """The offset of the parenthesis that the one at `close` closes; -1 when there is none."""
    opening, closing = text.rfind(b"(", 0, close), text.rfind(b")", 0, close)
    depth = 1
    while opening >= 0:
        if closing > opening:
            depth += 1
            closing = text.rfind(b")", 0, closing)
        else:
            depth -= 1
            if depth == 0:
                return opening
            opening = text.rfind(b"(", 0, opening)
    return -1


def function_name(header: bytes) -> str:
    """The name of the function whose definition starts with this header (up to its `{`); "" when it is none."""
    text = _ATTRIBUTE.sub(lambda m: b" " * len(m.group()), header) if b"__" in header else header
    close = text.rfind(b")")
    if close < 0 or not _AFTER_PARAMETERS.match(text, close + 1):
        return ""
    while True:
        at = _partner(text, close)
        if at < 0:
            return ""
        before = _NAME_BEFORE.search(text, max(0, at - 200), at)
        if before is None:  # (name)(parameters), or a pointer to a function returned
            inner = re.search(rb"\(\s*\*?\s*([A-Za-z_]\w*)\s*(?:\([^()]*\)\s*)?\)?\s*\Z", text[:at])
            return inner.group(1).decode() if inner else ""
        name = before.group(1)
        if name in _KEYWORDS:
            return ""
        previous = text.rfind(b")", 0, before.start())
        if name.isupper() and previous >= 0 and not text[previous + 1 : before.start()].strip():
            close = previous  # an attribute macro with arguments behind the parameters
            continue
        return name.decode()


def _top_level_braces(skeleton: bytes) -> tuple[list[tuple[int, int]], int | None]:
    """(open, close) of each outermost pair that is not transparent, and the first brace without a partner."""
    pairs: list[tuple[int, int]] = []
    broken: int | None = None
    depth, opened, transparent, at = 0, 0, 0, 0
    boundary = 0
    find = _BRACE.finditer
    restarts = 0
    scanning = True
    while scanning:
        scanning = False
        for found in find(skeleton, at):
            offset = found.start()
            if skeleton[offset] == 0x7B:
                if depth == 0:
                    start = max(boundary, skeleton.rfind(b";", boundary, offset) + 1, offset - 120)
                    if _TRANSPARENT.search(skeleton, start, offset):
                        transparent += 1
                        boundary = offset + 1
                        pairs.append((offset, offset))
                        continue
                    opened = offset
                depth += 1
            elif depth > 0:
                at_margin = restarts > PATIENCE and skeleton[offset - 1 : offset] == b"\n"
                depth = 0 if at_margin else depth - 1
                if depth == 0:
                    pairs.append((opened, offset))
                    boundary = offset + 1
            elif transparent > 0:
                transparent -= 1
                boundary = offset + 1
                pairs.append((offset, offset))
            elif broken is None:
                broken = offset
        if depth > 0:  # an item that does not end: close it at the next brace in column 0
            broken = opened if broken is None else broken
            close = _COLUMN_ZERO_CLOSE.search(skeleton, opened)
            if close is not None:
                pairs.append((opened, close.end() - 1))
                at, depth, boundary, scanning = close.end(), 0, close.end(), True
                restarts += 1
    return pairs, broken


def cut(skeleton: bytes) -> Cut:
    """The items of a file in order."""
    pairs, broken = _top_level_braces(skeleton)
    items: list[Item] = []
    start = 0
    in_braces = -1  # the end of the last body (of a struct or an initialiser) of the item that is open

    def declarations(upto: int) -> None:
        nonlocal start
        while (semicolon := skeleton.find(b";", max(start, in_braces), upto)) >= 0:
            end = semicolon + 1
            if skeleton[start:semicolon].strip():
                items.append(Item(start, end, "declaration", "", end))
            start = end

    for opened, closed in pairs:
        if opened == closed:
            declarations(opened)
            start, in_braces = opened + 1, -1
            continue
        if in_braces < 0 or skeleton.find(b";", in_braces, opened) >= 0:
            declarations(opened)
            in_braces = -1
        header = skeleton[start:opened]
        name = ""
        near = max(0, len(header) - _MAX_HEAD)
        if not _ASSIGN.search(header) and not (
            _AGGREGATE_WORD.search(header, near)
            and (_AGGREGATE.search(header, near) or _AGGREGATE_WITH_ATTRIBUTE.search(header, near))
        ):
            name = function_name(header)
        if name:
            end = closed + 1
            items.append(Item(start, end, "function", sys.intern(name), opened))
            start, in_braces = end, -1
        elif header.strip():
            in_braces = closed + 1
        else:
            start = closed + 1
    declarations(len(skeleton))
    if skeleton[start:].strip():
        items.append(Item(start, len(skeleton), "declaration", "", len(skeleton)))
    return Cut(tuple(items), broken)
