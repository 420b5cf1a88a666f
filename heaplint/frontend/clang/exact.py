"""Items of texts read by libclang: which unit they belong to, what became of it, and what that has cost.

Nothing of it is loaded before the first item is asked for: most runs never ask.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from heaplint import lazy_re as re
from heaplint.findings import Notice
from heaplint.frontend.items import Item
from heaplint.frontend.parsed import Parsed
from heaplint.frontend.text import ExactMode, Text
from heaplint.records import dataclass, field
from heaplint.source import SourceFile

if TYPE_CHECKING:
    from heaplint.frontend.clang.client import Child
    from heaplint.frontend.clang.compile_flags import Flags
    from heaplint.frontend.clang.sources import Composer, Resolve, Sources

DATABASE = "compile_commands.json"
_PLACES = ("", "build")
"""Where in a project a compile database is looked for."""
_NAMED_HEADERS = 3
_BLANK = re.compile(rb"\s*")


@dataclass(slots=True)
class Tally:
    """How the items of one file were read."""

    exact: int = 0
    default: int = 0
    """Those that libclang could not read exactly, and that the default front end read instead."""
    first_error: str = ""
    first_at: int = 0
    missing: tuple[str, ...] = ()
    """Headers that nobody has, of the unit in which the file was read first."""


@dataclass(slots=True)
class ExactFrontEnd:
    """Asks the child for items; one for all of a run."""

    mode: ExactMode
    files: Mapping[str, SourceFile]
    resolve: Resolve
    root: Path
    database: Path | None = None
    """The compile database that was named."""
    tallies: dict[str, Tally] = field(default_factory=dict)
    lost: set[Notice] = field(default_factory=set)
    _child: Child | None = None
    _composer: Composer | None = None
    _absent: bool = False
    """libclang is not installed, which only `auto` puts up with."""
    _sources: dict[int, tuple[Text, Sources]] = field(default_factory=dict)
    """Of the last units that were asked for, by the identity of their main text, which the reader keeps."""
    _unreadable: set[int] = field(default_factory=set)
    _answers: dict[int, dict[int, bytes | str]] = field(default_factory=dict)
    """By the identity of a text: its items by their start."""

    def parse(self, text: Text, item: Item) -> Parsed | None:
        """An item as libclang reads it; None when it cannot be read exactly."""
        if self._absent:
            return None
        answers = self._answers.setdefault(id(text), {})
        if item.start not in answers:
            self._ask(text, text.items if self.mode == "clang" else (item,), answers)
        answer = answers.get(item.start)
        if not isinstance(answer, bytes):
            return None
        from heaplint.frontend.clang.client import loaded

        found = loaded(answer)
        assert isinstance(found, Parsed)
        return found

    def _ask(self, text: Text, items: Sequence[Item], answers: dict[int, bytes | str]) -> None:
        from heaplint.frontend.clang.client import Child, LostError, MissingError
        from heaplint.frontend.clang.protocol import KEPT, Request

        main = text.first or text
        key = id(main)
        if key not in self._sources:
            while len(self._sources) >= KEPT:
                del self._sources[next(iter(self._sources))]
            self._sources[key] = main, self._compose(main)
        _, sources = self._sources[key]
        name = sources.names.get(text.path)
        found: Sequence[bytes | str] = ["libclang could not read the file"] * len(items)
        if name is not None and key not in self._unreadable:
            self._child = self._child or Child()
            request = Request(
                key, sources.main, sources.files, sources.plus_plus, sources.flags, name, text.path,
                tuple((item.start, item.end) for item in items),
            )
            try:
                answer = self._child.ask(request)
                if answer.failure:
                    raise LostError(answer.failure)
                found = answer.items
            except LostError as lost:
                self._unreadable.add(key)
                message = f"libclang could not read it: {lost}; tree-sitter's reading stands"
                self.lost.add(Notice(main.path, 0, "front-end", message))
            except MissingError:
                self._absent = True
                return
        tally = self.tallies.setdefault(text.path, Tally())
        for item, one in zip(items, found, strict=True):
            answers[item.start] = one
            if isinstance(one, bytes):
                tally.exact += 1
            else:
                tally.default += 1
                if not tally.first_error:
                    begins = _BLANK.match(text.code, item.start)
                    tally.first_at = begins.end() if begins else item.start
                    tally.first_error, tally.missing = one, sources.missing

    def _compose(self, main: Text) -> Sources:
        from heaplint.frontend.clang.sources import Composer

        if self._composer is None:
            self._composer = Composer(self.files, self.resolve, self._flags())
        return self._composer.compose(main)

    def _flags(self) -> Callable[[str], Flags]:
        from heaplint.frontend.clang.compile_flags import NO_FLAGS, CompileDatabaseError, load

        named = [self.database] if self.database is not None else [self.root / place / DATABASE for place in _PLACES]
        known: Mapping[str, Flags] = {}
        for place in named:
            if place.is_file():
                try:
                    known = load(place, self.root)
                except CompileDatabaseError as error:
                    if self.database is not None:
                        raise
                    self.lost.add(Notice(place.relative_to(self.root).as_posix(), 0, "front-end", f"not used: {error}"))
                break
        return lambda path: known.get(str(self.root / path), NO_FLAGS)

    def notices(self, paths: Collection[str]) -> Iterator[Notice]:
        """What could not be read of some files as was asked for, and what is wrong with what they all depend on.

        Units that were lost, and in mode `clang` what headers are missed.
        """
        yield from sorted(one for one in self.lost if one.path in paths or one.path not in self.files)
        if self.mode == "auto":
            return
        for path in sorted(paths):
            tally = self.tallies.get(path)
            if tally is None or not tally.default or any(one.path == path for one in self.lost):
                continue
            headers = ", ".join(tally.missing[:_NAMED_HEADERS])
            more = len(tally.missing) - _NAMED_HEADERS
            without = f"; without {headers}{f' and {more} more' if more > 0 else ''}" if headers else ""
            line = self.files[path].position(tally.first_at)[0]
            total = tally.exact + tally.default
            message = f"{tally.default} of {total} items were read by tree-sitter ({tally.first_error}{without})"
            yield Notice(path, line, "front-end", message)

    def close(self) -> None:
        """End the child; another one is started when there is something to ask again."""
        if self._child is not None:
            self._child.close()
            self._child = None
