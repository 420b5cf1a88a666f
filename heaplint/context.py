"""Which files are read around the named ones, so that what they refer to is known: included ones, then the nearest."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Sequence

from heaplint import lazy_re as re
from heaplint.records import dataclass
from heaplint.source import SourceFile

MAX_CONTEXT_BYTES = 2 << 20
"""How much is read besides the named files, about a second's work: few extensions are larger as a whole."""

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]{1,200})[">]', re.M)


@dataclass(frozen=True, slots=True)
class Context:
    """What was chosen, by path, and how many files were left out because they would have been too much."""

    files: tuple[SourceFile, ...]
    left_out: int


def choose(
    named: Sequence[SourceFile],
    others: Iterable[str],
    read: Callable[[str], SourceFile | None],
    limit: int = MAX_CONTEXT_BYTES,
) -> Context:
    """The files of a project to read around the named ones: at most `limit` bytes.

    `others` are the paths of the project's other files; `read` gives one of them, or None when it is not for reading.
    """
    waiting = dict.fromkeys(_nearest_first([source.path for source in named], others))
    by_name: dict[str, list[str]] = {}
    for path in waiting:
        by_name.setdefault(posixpath.basename(path), []).append(path)
    chosen: list[SourceFile] = []
    left_out = 0

    def take(path: str) -> SourceFile | None:
        nonlocal limit, left_out
        del waiting[path]
        source = read(path)
        if source is not None and len(source.data) > limit:
            left_out += 1
            return None
        if source is not None:
            limit -= len(source.data)
            chosen.append(source)
        return source

    including = list(named)
    while including:
        for include in _includes(including.pop(0)):
            for path in by_name.get(posixpath.basename(include), ()):
                if path in waiting and f"/{path}".endswith(f"/{include}") and (source := take(path)) is not None:
                    including.append(source)
    for path in list(waiting):
        take(path)
    return Context(tuple(sorted(chosen, key=lambda source: source.path)), left_out)


def _includes(source: SourceFile) -> Iterator[str]:
    """The paths that the `#include` lines of a file give, without what leads upwards."""
    for found in _INCLUDE.finditer(source.data):
        path = posixpath.normpath(found[1].decode("utf-8", "surrogateescape"))
        yield path.removeprefix("/").replace("../", "")


def _nearest_first(named: Sequence[str], others: Iterable[str]) -> list[str]:
    """Paths by how many folders lie between them and the nearest of the named ones."""
    folders = {tuple(path.split("/")[:-1]) for path in named}

    def distance(path: str) -> int:
        own = path.split("/")[:-1]
        return min(_steps(own, folder) for folder in folders)

    return sorted(others, key=lambda path: (distance(path), path))


def _steps(first: Sequence[str], second: Sequence[str]) -> int:
    """How many steps up and down lead from one folder to another."""
    shared = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        shared += 1
    return len(first) + len(second) - 2 * shared
