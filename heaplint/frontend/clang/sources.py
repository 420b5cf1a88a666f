"""The files of one translation unit as libclang gets them: what one view reads of them, at the same offsets.

Conditionals are decided already, by the view: their branches and lines are blank. Definitions and includes stand where
they stood; an include names the file by its number here, so that libclang looks for nothing on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from heaplint import lazy_re as re
from heaplint.frontend.clang.compile_flags import Flags
from heaplint.frontend.expand import stays
from heaplint.frontend.lexical import Directive, lex
from heaplint.frontend.preprocess import Macro, Reading
from heaplint.frontend.text import Text
from heaplint.frontend.views import View
from heaplint.records import dataclass
from heaplint.source import SourceFile

Resolve = Callable[[str, str], str | None]
"""(path of a file, what its include names) → the file of the project that is meant."""

_DECLARED_HERE: Final = re.compile(
    r"(?:Python|structmember|pyconfig|patchlevel|pythread|pystate|frameobject|marshal|datetime|structseq|pyexpat|"
    r"pycapsule|pymacconfig|pymem|object|objimpl|unicodeobject|cpython/\w+|internal/\w+|pycore_\w+|opcode|code|compile|"
    r"eval|ceval|import|longintrepr|modsupport|descrobject|tupleobject|listobject|dictobject|osdefs)\.h\Z"
)
_OF_C: Final = frozenset(
    f"{name}.h" for name in """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic stdbool
    stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype alloca dirent dlfcn fcntl getopt grp
    malloc netdb poll pthread pwd sched search semaphore strings syslog termios unistd utime sys/types sys/stat sys/time sys/wait
    sys/socket sys/select sys/param sys/mman sys/ioctl sys/uio sys/un sys/resource sys/file sys/utsname sys/times netinet/in
    netinet/tcp arpa/inet net/if memory process io direct windows winsock2 ws2tcpip
    """.split()
) | frozenset("cassert cctype cerrno cfloat climits cmath csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib cstring ctime".split())
_OF_THE_VIEW: Final = ("PY_VERSION_HEX", "PY_MAJOR_VERSION", "PY_MINOR_VERSION")
_NAMED: Final = re.compile(r'["<]([^">]+)[">]')


@dataclass(frozen=True, slots=True)
class Sources:
    """A translation unit as it is sent."""

    main: str
    files: dict[str, bytes]
    names: dict[str, str]
    """Path → name in `files`."""
    flags: tuple[str, ...]
    missing: tuple[str, ...]
    """The headers that were asked for and that nobody has, in order."""
    plus_plus: bool


class Composer:
    """Makes the sources of units; remembers the files it has gone through."""

    def __init__(self, files: Mapping[str, SourceFile], resolve: Resolve, flags: Callable[[str], Flags]) -> None:
        self.files = files
        self.resolve = resolve
        self.flags = flags
        self._directives: dict[str, tuple[Directive, ...]] = {}

    def compose(self, main: Text) -> Sources:
        """The sources of the unit whose main file this is, in its view."""
        readings = {one.path: one for one in (main.reading, *main.reading.headers)}
        names = {path: format(number, "x") for number, path in enumerate(readings)}
        given = self.flags(main.path)
        missing: dict[str, None] = {}
        texts = {
            names[path]: self._text(reading, names, given, missing) for path, reading in readings.items()
        }
        version = (f"-D{name}={View(main.python).known(name)}" for name in _OF_THE_VIEW)
        plus_plus = main.reading.plus_plus
        return Sources(names[main.path], texts, names, (*version, *given.arguments), tuple(missing), plus_plus)

    def _text(self, reading: Reading, names: Mapping[str, str], flags: Flags, missing: dict[str, None]) -> bytes:
        text = bytearray(reading.code)
        data = self.files[reading.path].data
        directives = self._of(reading.path)
        ends = {one.start: one.end for one in directives}

        def put(start: int, what: bytes) -> None:
            """Write a line over the blank that a directive left."""
            room = ends.get(start, start) - start
            if what and len(what) <= room:
                text[start : start + len(what)] = what

        for name, many in reading.macros.items():
            if stays(name):
                continue
            for one in many:
                start = one.offset if isinstance(one, Macro) else one
                if start in ends:
                    text[start : ends[start]] = data[start : ends[start]]
        for start, named, _ in reading.includes:
            put(start, self._include(reading.path, named, names, flags, missing))
        for guard in self._guard(directives):
            text[guard.start : guard.end] = data[guard.start : guard.end]
        for directive in directives:
            if directive.name == "pragma" and directive.text.split()[:1] == ["once"]:
                put(directive.start, b"#pragma once")
        return bytes(text)

    def _of(self, path: str) -> tuple[Directive, ...]:
        known = self._directives.get(path)
        if known is None:
            known = self._directives[path] = lex(self.files[path].data).directives
        return known

    @staticmethod
    def _guard(directives: tuple[Directive, ...]) -> tuple[Directive, ...]:
        """The `#ifndef NAME` before a `#define NAME` that keeps a file from being read twice, and its `#endif`."""
        opened: list[tuple[Directive, bool]] = []
        for index, one in enumerate(directives):
            if one.name.startswith("if"):
                after = directives[index + 1] if index + 1 < len(directives) else one
                guards = one.name == "ifndef" and after.name == "define" and after.text.split()[:1] == one.text.split()[:1]
                opened.append((one, guards))
            elif one.name == "endif" and opened:
                first, guards = opened.pop()
                if guards and not opened:
                    return first, one
        return ()

    def _include(
        self, path: str, named: str, names: Mapping[str, str], flags: Flags, missing: dict[str, None]
    ) -> bytes:
        """The line for an include; empty for one that is not to be opened."""
        found = _NAMED.match(named)
        if found is None:
            return b""
        wanted = found.group(1)
        target = self.resolve(path, wanted) if named.startswith('"') else None
        if target is not None and target in names:
            return f'#include "{names[target]}"'.encode()
        if wanted in _OF_C or _DECLARED_HERE.match(wanted):
            return b""
        if flags.has_header(wanted):
            return f"#include <{wanted}>".encode()
        missing[wanted] = None
        return b""
