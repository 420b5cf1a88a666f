"""What is linked together: the units of a run, by the main files they belong to, and how names resolve across them.

A unit looks at others through the methods of this module and of Unit alone. So each main file's group knows what it
asked: that is what decides, when something changes, whose results still hold (heaplint.cache). For the same reason a
group need not be read: what is known of an unchanged one answers most questions, and it is read when it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from heaplint import ir
from heaplint.capi.api import ApiFunction
from heaplint.digest import DIGEST, blake2b
from heaplint.frontend.items import Item
from heaplint.frontend.text import Text, UnitView
from heaplint.model.aspects import ANSWERS, INDEXES, Value, told_together
from heaplint.model.board import Board
from heaplint.model.link import connect, define
from heaplint.model.unit import DEFINED, LINKED, READ, Unit, initialised, initialised_item, is_static
from heaplint.records import dataclass, field

if TYPE_CHECKING:
    from heaplint.pythons import Version

Found = TypeVar("Found")
SUMMARY = "summary"
"""The kind of what is read when callers are told what a function does."""
ViewState: TypeAlias = "tuple[tuple[Version, ...], tuple[bytes, ...], str]"
"""Of a view its Pythons, the digests of its texts, and its mode, if that is all it assumes."""
Index = Mapping[str, Mapping[str, tuple[Value, ...]]]
"""Of an aspect its keys, each with what the group says of it."""

class ReadOtherwiseError(Exception):
    """A main file that was taken for known does not read as it did: nothing that is known can be relied on."""


class Told(Protocol):
    """What a main file says of itself."""

    def facts(self) -> tuple[Index, Mapping[tuple[str, str], Value], Mapping[str, Value]]:
        """The index of each aspect, answers by aspect and key, and what is kept of functions, by name."""

    def trees(self, kind: str, name: str) -> tuple[ir.Struct | ir.Function | None, ...]:
        """In each view a struct or function that is kept because others have read it; () of one that is not."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a main file that has not changed since it was analysed."""

    paths: tuple[str, ...]
    """The main file and what it includes."""
    views: tuple[ViewState, ...]
    told: Told
    words: bytes
    """The identifiers of its own texts, each between line feeds."""


@dataclass(slots=True, eq=False)
class Group:
    """A main file in all its views."""

    path: str
    known: Known | None = None
    views: list[UnitView] | None = None
    """None as long as it is not read."""
    units: list[Unit] = field(default_factory=list)
    stage: int = 0
    own: tuple[tuple[bool, ...], ...] = ()
    """Of each view, which texts are analysed as part of it."""
    asks: set[tuple[str, str]] = field(default_factory=set)
    """Aspect and key of all that was asked of the whole program."""
    reads: set[tuple[str, str, str]] = field(default_factory=set)
    """Kind, main file and name of the definitions of other groups that were read."""
    leans_on: set[str] = field(default_factory=set)
    """The main files of other groups that were looked into without saying what for."""
    leans_on_models: set[str] = field(default_factory=set)
    """Those of whose types and modules alone something was wanted."""
    index: dict[str, Mapping[str, tuple[Value, ...]]] = field(default_factory=dict)
    answers: dict[tuple[str, str], Value] = field(default_factory=dict)
    partly_followed: dict[tuple[str, int], str] = field(default_factory=dict)
    """The own functions with more ways through them than were gone, by path and offset: their names."""
    done: bool = False
    """Its checks have been made."""
    functions: bytes = b""
    """What an earlier run has kept of its functions (heaplint.flow.paths.kept)."""

    @property
    def paths(self) -> Collection[str]:
        """The files of all units."""
        if self.views is None:
            assert self.known is not None
            return self.known.paths
        return dict.fromkeys(text.path for view in self.views for text in view.texts)

    def digests(self) -> Sequence[ViewState]:
        """What identifies each view."""
        if self.views is None:
            assert self.known is not None
            return self.known.views
        return [
            (view.versions, tuple(text.reading.digest for text in view.texts), view.view.plain) for view in self.views
        ]

    def texts(self) -> Iterator[Text]:
        """The texts of all units, each once."""
        yield from {id(text): text for unit in self.units for text in unit.texts}.values()

    def own_texts(self) -> Iterator[Text]:
        """Those that are analysed as part of this group, each once."""
        yield from {id(text): text for unit in self.units for text in unit.own}.values()

    def words(self) -> tuple[frozenset[bytes], frozenset[bytes]]:
        """The identifiers of its own texts, and those that only the others have."""
        own = set(map(id, self.own_texts()))
        mine, others = set[bytes](), set[bytes]()
        for text in self.texts():
            (mine if id(text) in own else others).update(text.words())
        return frozenset(mine), frozenset(others - mine)


class Program:
    """All units of a run; the road from a name in one unit to its definition in another."""

    def __init__(self, read: Callable[[str], list[UnitView]] | None = None) -> None:
        """`read` gives the views of a main file of which only `Known` was added."""
        self._read = read
        self._groups: dict[str, Group] = {}
        self._versions: dict[bytes, set[Version]] = {}
        self._indexes: dict[str, dict[str, list[tuple[str, tuple[Value, ...]]]]] = {}
        self._answers: dict[tuple[str, str], tuple[tuple[str, Value], ...]] = {}
        self._asked_before: Set[tuple[str, str]] = frozenset()
        self._homes: dict[str, str] | None = None
        self._waiting: list[Group] = []
        self._linking = False
        self._working: Group | None = None
        self.kept: dict[tuple[str, str], tuple[Value, ...]] = {}
        """What callers are told of functions, by main file and name, as far as somebody wanted to keep it."""
        self.failed: Callable[[str, str, Exception], None] | None = None
        """Is told of an internal error: the main file, what was being done, the error; without it errors are raised."""
        self.keeps = False
        """Whether what is found out about functions is kept for another run."""
        self.board: Board | None = None
        """Where the processes of a run tell each other what they have found out about functions."""
        self.facts: Mapping[str, ApiFunction] = {}
        """What the project's configuration says of functions that cannot be seen."""

    # -- the groups ------------------------------------------------------------------------------------------------

    def add(
        self, views: Mapping[str, list[UnitView]], known: Mapping[str, Known] | None = None,
        asked: Set[tuple[str, str]] = frozenset(),
    ) -> None:
        """Take in every main file, each text as the own of the first unit, by path, that has its like.

        `asked` are the questions, by aspect and key, that all those which are known have answered.
        """
        self._asked_before = asked
        for path in sorted({*views, *(known or ())}):
            self._groups[path] = Group(path, None if path in views else (known or {})[path], views.get(path))
        taken: set[bytes] = set()
        for group in self._groups.values():
            own = []
            for versions, digests, _ in group.digests():
                own.append(tuple(digest not in taken for digest in digests))
                taken.update(digests)
                for digest in digests:
                    self._versions.setdefault(digest, set()).update(versions)
            group.own = tuple(own)
            if group.views is not None:
                self._make_units(group)

    def _make_units(self, group: Group) -> None:
        assert group.views is not None
        for view, own in zip(group.views, group.own, strict=True):
            texts = tuple(text for text, mine in zip(view.texts, own, strict=True) if mine)
            group.units.append(Unit(view, texts, self, group))
        group.stage = READ

    @property
    def paths(self) -> Set[str]:
        """The main files."""
        return self._groups.keys()

    @property
    def groups(self) -> Collection[Group]:
        """All groups in the order of their paths."""
        return self._groups.values()

    @property
    def units(self) -> list[Unit]:
        """All units, read and linked: for whoever looks at everything. A check does not: it asks its unit."""
        for group in self._groups.values():
            self.bring(group, LINKED)
        return [unit for group in self._groups.values() for unit in group.units]

    def group(self, path: str) -> Group:
        """The group of a main file."""
        return self._groups[path]

    def bring(self, group: Group, stage: int) -> None:
        """Bring a group to a stage; all that it leads to is linked when this returns, unless linking is under way."""
        if group.stage < READ:
            assert self._read is not None
            group.views = self._read(group.path)
            if group.known is not None and tuple(group.digests()) != group.known.views:
                raise ReadOtherwiseError(group.path)
            self._make_units(group)
        if stage >= DEFINED and group.stage < DEFINED:
            group.stage = DEFINED
            with self.at_work(group):
                for unit in group.units:
                    self._try(group, "finding its types", define, unit)
            self._waiting.append(group)
        if stage >= LINKED and not self._linking:
            self._link_waiting()

    def _link_waiting(self) -> None:
        self._linking = True
        try:
            while self._waiting:
                group = self._waiting.pop(0)
                if group.stage < LINKED:
                    group.stage = LINKED
                    with self.at_work(group):
                        self._try(group, "linking its types", connect, group)
        finally:
            self._linking = False

    def _try(self, group: Group, doing: str, work: Callable[[Found], None], of: Found) -> None:
        """Do a part of the work on a group; when it fails, `failed` decides."""
        try:
            work(of)
        except Exception as error:
            if self.failed is None:
                raise
            self.failed(group.path, doing, error)

    def lean(self, group: Group, other: Group, *, model: bool = False) -> None:
        """Note that a group looks into another without saying what for, and so does the one that is being checked.

        With `model` it looks at nothing but types and modules.
        """
        for one in (group, self._working):
            if one is not None and one is not other:
                (one.leans_on_models if model else one.leans_on).add(other.path)

    def looked_for(self, name: str, *groups: Group) -> None:
        """Note that the group at work wants to know what a function of this name is in others, and what stands in it."""
        working = self._working
        if working is None:
            return
        if self.keeps:
            working.asks.add(("function", name))
        for one in groups:
            if one is not working:
                working.reads.add(("function", one.path, name))

    @contextmanager
    def at_work(self, group: Group) -> Iterator[None]:
        """Meanwhile what could not be read in full of the group's own texts is noted, and of no other's."""
        before = self._working
        self._count(before, False)
        self._working = group
        self._count(group, True)
        try:
            yield
        finally:
            self._count(group, False)
            self._working = before
            self._count(before, True)

    @staticmethod
    def _count(group: Group | None, counts: bool) -> None:
        if group is not None:
            for unit in group.units:
                for text in unit.own:
                    text.counts = counts

    def works_on(self, group: Group) -> bool:
        """Whether a group is the one that is at work."""
        return self._working is group

    def versions(self, digest: bytes) -> set[Version]:
        """The Pythons of all views that have a text, which its digest identifies."""
        return self._versions[digest]

    def home(self, path: str) -> Group | None:
        """The first group that has a file."""
        if self._homes is None:
            self._homes = {}
            for group in self._groups.values():
                for one in group.paths:
                    self._homes.setdefault(one, group.path)
        return self._groups[self._homes[path]] if path in self._homes else None

    # -- what the program is asked ---------------------------------------------------------------------------------

    def index(self, kind: str) -> Mapping[str, Sequence[tuple[str, tuple[Value, ...]]]]:
        """Of an aspect each key with the groups, in order of path, that say something of it, and what."""
        if kind not in self._indexes:
            merged: dict[str, list[tuple[str, tuple[Value, ...]]]] = {}
            for group in self._groups.values():
                for key, values in self.index_of(group, kind).items():
                    merged.setdefault(key, []).append((group.path, values))
            self._indexes[kind] = merged
        return self._indexes[kind]

    def index_of(self, group: Group, kind: str) -> Mapping[str, tuple[Value, ...]]:
        """What one group says of an aspect."""
        if group.known is not None:
            return group.known.told.facts()[0].get(kind, {})
        if kind not in group.index:
            for one in told_together(kind):
                self._find_index(group, one)
        return group.index[kind]

    def _find_index(self, group: Group, kind: str) -> None:
        needed, function = INDEXES[kind]
        self.bring(group, DEFINED if needed else READ)
        found: dict[str, dict[Value, None]] = {}
        for unit in group.units:
            for key, value in function(unit):
                found.setdefault(key, {})[value] = None
        group.index[kind] = {key: tuple(values) for key, values in found.items()}

    def tell(self, groups: Iterable[Group]) -> None:
        """Find out now what some groups say of every aspect."""
        for group in groups:
            for kind in INDEXES:
                self.index_of(group, kind)

    def answers(self, kind: str, key: str) -> Sequence[tuple[str, Value]]:
        """What each group says to a question, in order of path; those that have nothing to say left out."""
        if (kind, key) not in self._answers:
            said = ((group.path, self.answer_of(group, kind, key)) for group in self._groups.values())
            self._answers[kind, key] = tuple((path, value) for path, value in said if value)
        return self._answers[kind, key]

    def answer_of(self, group: Group, kind: str, key: str) -> Value:
        """What one group says to a question."""
        if group.known is not None and (kind, key) in self._asked_before:
            return group.known.told.facts()[1].get((kind, key), ())
        if (kind, key) not in group.answers:
            function = ANSWERS[kind]
            self.bring(group, READ)
            found: dict[Value, None] = {}
            for unit in group.units:
                found.update(dict.fromkeys(function(unit, key)))
            if not found:
                return ()  # most have nothing to say to most questions
            group.answers[kind, key] = tuple(found)
        return group.answers[kind, key]

    @property
    def asked(self) -> Set[tuple[str, str]]:
        """The questions that were asked, by aspect and key."""
        return self._answers.keys()

    @property
    def answered(self) -> Set[tuple[str, str]]:
        """The questions to which it is known of every main file what it says."""
        return self._answers.keys() | self._asked_before

    def learn(self, kind: str, key: str, answers: Iterable[tuple[str, Value]]) -> None:
        """Take what another process has found the answers to be."""
        self._answers[kind, key] = tuple(answers)
        for path, value in self._answers[kind, key]:
            self._groups[path].answers[kind, key] = value

    def mentioning(self, words: Iterable[str]) -> list[Group]:
        """The groups whose own texts may have one of some words (of a member of a class the last part), by path."""
        names = [(name, f"\n{name}\n".encode()) for name in {one.rpartition("::")[2] for one in words}]
        found = []
        for group in self._groups.values():
            if group.known is not None:
                if any(word in group.known.words for _, word in names):
                    found.append(group)
            elif any(text.may_mention(name) for unit in group.units for text in unit.own for name, _ in names):
                found.append(group)
        return found

    # -- definitions in other units --------------------------------------------------------------------------------

    def external_function(self, name: str, unit: Unit) -> tuple[ir.Function, Unit] | None:
        """A function with external linkage defined in another unit, and that unit.

        None when there is none, or more than one.
        """
        return self._nearest("function", name, unit, lambda text: text.function(name))

    def external_struct(self, name: str, unit: Unit) -> ir.Struct | None:
        """A struct that no file included by the unit defines, by its name alone."""
        if isinstance(kept := self._kept("struct", name, unit), ir.Struct):
            return kept
        found = self._nearest("struct", name, unit, lambda text: text.struct(name))
        return found[0] if found is not None else None

    def kept_function(self, name: str, unit: Unit) -> ir.Function | None:
        """A function with external linkage that another main file defines, while that need not be read."""
        kept = self._kept("function", name, unit)
        return kept if isinstance(kept, ir.Function) else None

    def _kept(self, kind: str, name: str, unit: Unit) -> ir.Struct | ir.Function | None:
        """What was kept of a definition of another main file, while that need not be read."""
        known = self._unread(kind, name, unit)
        kept = known.told.trees(kind, name) if known is not None else ()
        if known is None or not kept:
            return None
        unit.group.reads.add((kind, known.paths[0], name))
        return _of_view(kept, known, unit)

    def _unread(self, kind: str, name: str, unit: Unit) -> Known | None:
        """What is known of the main file that defines a name, unless it has been read."""
        path = self._definer(kind, name, unit)
        group = self._groups[path] if path is not None else None
        return group.known if group is not None and group.views is None else None

    def external_variable(self, name: str, unit: Unit) -> ir.Variable | None:
        """An initialised variable with external linkage of another unit."""
        found = self._nearest("variable", name, unit, lambda text: initialised(text, name))
        return found[0] if found is not None else None

    def _nearest(
        self, kind: str, name: str, unit: Unit, look: Callable[[Text], Found | None]
    ) -> tuple[Found, Unit] | None:
        """What `look` finds in the main file that defines a name."""
        path = self._definer(kind, name, unit)
        if path is None:
            return None
        group = self._groups[path]
        self.bring(group, READ)
        unit.group.reads.add((kind, path, name))
        chosen = group.units[_like([(one.view.versions, one.view.view.plain) for one in group.units], unit)]
        for one in (chosen, *(other for other in group.units if other is not chosen)):
            if (found := one.first(look)) is not None:
                return found, one
        return None

    @staticmethod
    def _definer(kind: str, name: str, unit: Unit) -> str | None:
        """The one other main file that defines a name, or the one of several that lies in the unit's own folder."""
        candidates = [path for path, _ in unit.ask(kind, name) if path != unit.path]
        if len(candidates) > 1:
            folder = unit.path.rpartition("/")[0]
            candidates = [path for path in candidates if path.rpartition("/")[0] == folder]
        return candidates[0] if len(candidates) == 1 else None

    def known_summary(self, name: str, unit: Unit) -> Value:
        """What was kept of a function that another main file defines, while that need not be read; None for all others."""
        if unit.owns_function(name):
            return None
        known = self._unread("function", name, unit)
        kept = known.told.facts()[2].get(name) if known is not None else None
        if known is None or not isinstance(kept, tuple):
            return None
        unit.group.reads.add((SUMMARY, known.paths[0], name))
        return _of_view(kept, known, unit)

    def digest(self, kind: str, path: str, name: str) -> bytes:
        """What identifies a group's definitions of a name in all its views, wherever in their files they stand."""
        group = self._groups[path]
        self.bring(group, READ)
        digest = blake2b(digest_size=DIGEST)
        for unit in group.units:
            for text in unit.texts:
                for item in _items(text, kind, name):
                    expanded = text.expander.expand(item.start, item.end).text
                    digest.update(b"%d" % is_static(text, item) + _spaced(expanded) + b"\0")
            digest.update(b"\1")
        return digest.digest()


def _like(views: Sequence[tuple[tuple[Version, ...], str]], unit: Unit) -> int:
    """Which of another main file's views goes with a unit's view."""
    wanted = unit.view.view
    for index, (versions, plain) in enumerate(views):
        if wanted.python in versions and plain == wanted.mode:
            return index
    return next((index for index, (versions, _) in enumerate(views) if wanted.python in versions), 0)


def _of_view(kept: Sequence[Found], known: Known, unit: Unit) -> Found | None:
    """Of what was kept for each view that of the one which goes with a unit's view, else the first."""
    chosen = _like([(versions, plain) for versions, _, plain in known.views], unit)
    return next((one for one in (kept[chosen], *kept) if one is not None), None)


def _spaced(text: bytes) -> bytes:
    """Code with one blank for blanks and line ends outside strings, so that comments do not count."""
    if b"'" in text or b'\\"' in text:
        return text  # it takes more to tell where its strings end
    parts = text.split(b'"')
    parts[::2] = [b" ".join(part.split()) for part in parts[::2]]
    return b'"'.join(parts)


def _items(text: Text, kind: str, name: str) -> Iterator[Item]:
    match kind:
        case "function":
            yield from text.functions.get(name, ())
        case "struct":
            yield from text.struct_items(name)
        case _:
            item = initialised_item(text, name)
            if item is not None:
                yield item

