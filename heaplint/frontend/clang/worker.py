"""The child process: parses translation units with libclang and answers with IR.

It reads requests from its standard input and writes answers to the descriptor it was started with as its standard
output, each a length of eight bytes and a pickle; what is loaded on the other side is limited to the IR. Nothing that
is parsed can make it write a file, and processor time and memory are limited by the system where it can.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
from bisect import bisect_left
from operator import itemgetter
from typing import Any, BinaryIO

from clang import cindex

from heaplint.frontend.clang.cursors import Places, children
from heaplint.frontend.clang.lowering import Lowering
from heaplint.frontend.clang.protocol import KEPT, Answer, Request
from heaplint.frontend.clang.tolerance import WINDOW, Learned, Lesson
from heaplint.frontend.parsed import Parsed
from heaplint.records import dataclass

ROOT = "/heaplint/"
"""Where the files that are given lie, for libclang; no such folder exists, or needs to."""
_ROUNDS = 12
"""How often a unit is read again with what its diagnostics have taught."""
_OPTIONS = 0x200 | cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD
"""Go on after what libclang calls fatal; note where macros are used."""
_HARMLESS = ("initializer element is not a compile-time constant",)
"""Errors that leave the tree as it is."""
_TRANSPARENT = frozenset({cindex.CursorKind.LINKAGE_SPEC, cindex.CursorKind.NAMESPACE, cindex.CursorKind.UNEXPOSED_DECL})


class Offsets:
    """Things of one file by offset: those of a stretch are found without a look at all others."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int, Any]] = []
        self._sorted = True

    def add(self, offset: int, what: Any) -> None:
        self._entries.append((offset, len(self._entries), what))
        self._sorted = False

    def within(self, start: int, end: int) -> list[Any]:
        """What lies in a stretch, in the order in which it was added."""
        if not self._sorted:
            self._entries.sort(key=_OFFSET_AND_TURN)
            self._sorted = True
        first = bisect_left(self._entries, (start,), key=lambda one: one[:1])
        last = bisect_left(self._entries, (end,), key=lambda one: one[:1])
        return [what for _, _, what in sorted(self._entries[first:last], key=_TURN)]


_OFFSET_AND_TURN = itemgetter(0, 1)
_TURN = itemgetter(1)


@dataclass(slots=True)
class _Unit:
    unit: Any
    places: Places
    errors: dict[str, Offsets]
    _cursors: dict[str, Offsets] | None = None

    @property
    def cursors(self) -> dict[str, Offsets]:
        """What stands in each file by offset; looked for when the first item without an error is asked for."""
        if self._cursors is None:
            self._cursors = _declarations(self.unit, self.places)
        return self._cursors


_NOTHING = Offsets()


def _diagnostics(unit: Any, places: Places) -> tuple[list[Lesson], dict[str, Offsets]]:
    """Each error, and the errors of each file by offset."""
    lessons: list[Lesson] = []
    errors: dict[str, Offsets] = {}
    for one in unit.diagnostics:
        if one.severity < cindex.Diagnostic.Error or (message := one.spelling) in _HARMLESS:
            continue
        path, offset = places.expansion(one.location)
        token, text = places.token(path, offset), places.files.get(path, b"")
        end = offset + len(token)
        before, after = text[max(0, offset - WINDOW) : offset], text[end : end + WINDOW]
        lessons.append(
            Lesson(message, token.decode("utf-8", "replace"), before.decode("latin-1"), after.decode("latin-1"))
        )
        errors.setdefault(path, Offsets()).add(offset, message)
    return lessons, errors


def read(request: Request) -> _Unit:
    """Parse a unit, again and again while its errors teach what is missing; raises cindex.TranslationUnitLoadError."""
    files = {ROOT + name: text for name, text in request.files.items()}
    code = b"\n".join(files.values()).decode("latin-1")
    learned = Learned(code, request.plus_plus)
    arguments = [
        "-x", "c++" if request.plus_plus else "c", "-std=gnu++20" if request.plus_plus else "-std=gnu17",
        "-target", "x86_64-unknown-linux-gnu", "-nostdinc", "-ferror-limit=0", "-Wno-everything", "-fno-spell-checking",
        "-fdeclspec", "-include", f"{ROOT}prelude.h",
        *request.flags,
    ]
    index = cindex.Index.create()
    for _ in range(_ROUNDS):
        given = [*files.items(), (f"{ROOT}prelude.h", learned.prelude().encode())]
        unit = index.parse(ROOT + request.main, args=arguments, unsaved_files=given, options=_OPTIONS)
        places = Places(dict(given))
        lessons, errors = _diagnostics(unit, places)
        if not learned.learn(lessons):
            break
    return _Unit(unit, places, errors)


def _declarations(unit: Any, places: Places) -> dict[str, Offsets]:
    """The declarations of each file by offset; `places` learns where macros are used."""
    found: dict[str, Offsets] = {}
    todo = children(unit.cursor)[::-1]
    while todo:
        cursor = todo.pop()
        if cursor.kind in _TRANSPARENT:
            todo.extend(children(cursor)[::-1])
            continue
        if cursor.kind == cindex.CursorKind.MACRO_INSTANTIATION:
            places.add_use(cursor)
            continue
        if cursor.kind.is_preprocessing():
            continue
        path, start = places.start(cursor)
        found.setdefault(path, Offsets()).add(start, cursor)
    return found


def item(unit: _Unit, request: Request, start: int, end: int) -> Parsed | str:
    """What stands in a stretch of a file; the first error when it could not be read exactly."""
    path = ROOT + request.file
    for message in unit.errors.get(path, _NOTHING).within(start, end):
        return str(message)
    chosen = unit.cursors.get(path, _NOTHING).within(start, end)
    if not chosen:  # a file that this view does not include, a part of what a macro makes
        return "libclang sees nothing here"
    parsed = Lowering(unit.places, path, request.shown, request.plus_plus).unit(chosen)
    return parsed if parsed.complete else parsed.problem


def answer(units: dict[int, _Unit], request: Request) -> Answer:
    """Read what is asked for; the unit is kept in `units`."""
    if request.key not in units:
        while len(units) >= KEPT:
            del units[next(iter(units))]
        try:
            units[request.key] = read(request)
        except cindex.TranslationUnitLoadError as error:
            return Answer((), str(error))
    found = (item(units[request.key], request, start, end) for start, end in request.items)
    return Answer(tuple(one if isinstance(one, str) else dumped(one) for one in found))


def dumped(value: object) -> bytes:
    """A value as it travels."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def _limit(memory: int) -> None:
    """Take away what reading does not need: files to write, cores to dump, more memory than was agreed."""
    try:
        import resource
    except ImportError:  # Windows: the time limit of the other side is all there is
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _allow(seconds: int) -> None:
    """Allow that much processor time from now on; the system kills what takes more."""
    try:
        import resource
    except ImportError:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + seconds, hard))


def _message(stream: BinaryIO) -> object | None:
    header = stream.read(8)
    if len(header) < 8:
        return None
    (length,) = struct.unpack("<Q", header)
    request: object = pickle.loads(stream.read(length))
    return request


def main(memory: int, seconds: int) -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # libclang tells of crashes there
        os.dup2(nowhere, descriptor)
    _limit(memory)
    sys.setrecursionlimit(10_000)
    units: dict[int, _Unit] = {}
    while (request := _message(requests)) is not None:
        _allow(seconds)
        assert isinstance(request, Request)
        try:
            data = dumped(answer(units, request))
        except (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
            data = dumped(Answer((), f"{type(error).__name__}: {error}"))  # told as a notice, and the next unit goes on
        answers.write(struct.pack("<Q", len(data)) + data)
        answers.flush()
