"""Items of texts read by libclang: which unit they belong to, what became of it, and what that has cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from heaplint.findings import Notice
from heaplint.frontend.clang.client import Child, Lost, loaded
from heaplint.frontend.clang.protocol import Request
from heaplint.frontend.clang.sources import Composer, Sources
from heaplint.frontend.items import Item
from heaplint.frontend.parsed import Parsed
from heaplint.frontend.text import Text

Mode = Literal["clang", "auto"]


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

    composer: Composer
    mode: Mode
    child: Child = field(default_factory=Child)
    tallies: dict[str, Tally] = field(default_factory=dict)
    notices: set[Notice] = field(default_factory=set)
    _sources: dict[int, tuple[Text, Sources]] = field(default_factory=dict)
    """By the identity of the unit's main text, which is kept so that the identity stays its own."""
    _lost: set[int] = field(default_factory=set)
    _answers: dict[int, dict[int, bytes | str]] = field(default_factory=dict)
    """By the identity of a text: its items by their start."""

    def parse(self, text: Text, item: Item) -> Parsed | None:
        """An item as libclang reads it; None when it cannot be read exactly."""
        answers = self._answers.setdefault(id(text), {})
        if item.start not in answers:
            wanted = text.items if self.mode == "clang" else (item,)
            self._ask(text, wanted, answers)
        answer = answers[item.start]
        if isinstance(answer, bytes):
            found = loaded(answer)
            assert isinstance(found, Parsed)
            return found
        return None

    def _ask(self, text: Text, items: Sequence[Item], answers: dict[int, bytes | str]) -> None:
        main = text.includer or text
        tally = self.tallies.setdefault(text.path, Tally())
        if id(main) not in self._sources:
            self._sources[id(main)] = main, self.composer.compose(main)
        _, sources = self._sources[id(main)]
        name = sources.names.get(text.path)
        found: Sequence[bytes | str] = ["libclang could not read the file"] * len(items)
        if name is not None and id(main) not in self._lost:
            request = Request(
                id(main), sources.main, sources.files, sources.plus_plus, sources.flags, name, text.path,
                tuple((item.start, item.end) for item in items),
            )
            try:
                answer = self.child.ask(request)
                if answer.failure:
                    raise Lost(answer.failure)
                found = answer.items
            except Lost as lost:
                self._lost.add(id(main))
                self.notices.add(Notice(main.path, 0, "front-end", f"libclang could not read it: {lost}"))
        for item, one in zip(items, found, strict=True):
            answers[item.start] = one
            if isinstance(one, bytes):
                tally.exact += 1
            else:
                tally.default += 1
                if not tally.first_error:
                    tally.first_error, tally.first_at, tally.missing = one, item.start, sources.missing

    def close(self) -> None:
        """End the child."""
        self.child.close()
