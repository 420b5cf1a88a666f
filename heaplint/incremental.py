"""Which results of an earlier run still hold, and what to keep of this one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias, cast

from heaplint import ir
from heaplint.cache import Record, State, encoded, joined, line, packed, split
from heaplint.digest import DIGEST, blake2b
from heaplint.flow.paths import analysis
from heaplint.flow.paths.summary import Summary, plain
from heaplint.frontend.text import Text
from heaplint.model.aspects import INDEXES, Value
from heaplint.model.mentions import ABROAD
from heaplint.model.program import SUMMARY, Group, Index, Known, Program
from heaplint.model.types import TypeDef
from heaplint.model.unit import LINKED, READ
from heaplint.records import dataclass, field, fields, replace
from heaplint.results import GroupResult
from heaplint.source import SourceFile
from heaplint.unpickling import unpickled

_VARIABLE = "variable"


def known(record: Record) -> Known:
    """What a program needs of a main file while it is not read."""
    return Known(tuple(path for path, _ in record.closure), record.views, _Lazy(record.facts), record.words)


Facts: TypeAlias = tuple[Index, Mapping[tuple[str, str], Value], Mapping[str, Value]]
"""What a main file says of itself: the index of each aspect, answers by aspect and key, summaries by function."""
Names: TypeAlias = tuple[Value, ...]
Read: TypeAlias = tuple[str, str, str]
"""Kind, main file and name of a definition."""


class _Lazy:
    """What a main file says of itself, unpacked when somebody asks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._facts: Facts | None = None
        self._trees: Mapping[tuple[str, str], tuple[bytes, bytes]] = {}

    def trees(self, kind: str, name: str) -> tuple[ir.Struct | ir.Function | None, ...]:
        self.facts()
        if (kind, name) not in self._trees:
            return ()
        found = unpickled(self._trees[kind, name][1], ir.CLASSES)
        return found if isinstance(found, tuple) else ()

    def kept(self, kind: str, name: str) -> tuple[bytes, bytes] | None:
        """What identifies a kept definition, and the trees as they were packed."""
        self.facts()
        return self._trees.get((kind, name))

    def facts(self) -> Facts:
        if self._facts is None:
            *facts, self._trees = unpickled(self._data)
            self._facts = facts[0], facts[1], facts[2]
        assert self._facts is not None
        return self._facts


def records_of(
    program: Program, results: Mapping[str, GroupResult], before: Mapping[str, Record], sources: Mapping[str, SourceFile]
) -> dict[str, Record]:
    """What to keep of every group: of those that were checked, and of the others with what was asked meanwhile."""
    wanted: dict[str, set[tuple[str, str]]] = {}
    for group in program.groups:
        kept = [read for read, _ in before[group.path].reads] if group.path not in results else []
        for kind, path, name in (*kept, *group.reads):
            if kind != _VARIABLE:
                wanted.setdefault(path, set()).add((kind, name))
    records = {}
    for group in program.groups:
        names = wanted.get(group.path, set())
        if group.path in results:
            records[group.path] = _record_of(program, group, names, sources, results[group.path])
        else:
            records[group.path] = _updated(before[group.path], program, group, names)
    return records


def _record_of(
    program: Program, group: Group, wanted: Iterable[tuple[str, str]], sources: Mapping[str, SourceFile], result: GroupResult
) -> Record:
    words, other_words = group.words()
    return Record(
        tuple((path, sources[path].digest) for path in group.paths),
        signature(program, group),
        tuple(group.digests()),
        joined(words),
        joined(other_words),
        model_of(group),
        tuple(sorted(result.paths.difference(group.paths))),
        tuple(sorted(group.leans_on)),
        tuple(sorted(group.leans_on_models)),
        tuple(sorted((read, digest(program, read)) for read in group.reads)),
        joined(map(line, group.asks)),
        _facts(program, group, wanted),
        encoded(result),
        result.functions,
    )


def _updated(record: Record, program: Program, group: Group, wanted: Iterable[tuple[str, str]]) -> Record:
    if not (group.asks or group.reads or group.leans_on or group.leans_on_models or group.answers or group.views is not None):
        return record
    return replace(
        record,
        model=model_of(group) if group.stage >= LINKED else record.model,
        asks=joined({*split(record.asks), *map(line, group.asks)}),
        reads=tuple(sorted({**dict(record.reads), **{read: digest(program, read) for read in group.reads}}.items())),
        leans_on=tuple(sorted({*record.leans_on, *group.leans_on})),
        leans_on_models=tuple(sorted({*record.leans_on_models, *group.leans_on_models})),
        facts=_facts(program, group, wanted),
    )


def _facts(program: Program, group: Group, wanted: Iterable[tuple[str, str]]) -> bytes:
    index = {kind: dict(program.index_of(group, kind)) for kind in INDEXES}
    before: Facts = group.known.told.facts() if group.known is not None else ({}, {}, {})
    answers = {asked: value for asked, value in {**before[1], **group.answers}.items() if value}
    summaries: dict[str, Value] = {}
    trees: dict[tuple[str, str], tuple[bytes, bytes]] = {}
    for kind, name in sorted(wanted):
        if kind != SUMMARY:
            trees[kind, name] = _kept_before(group, kind, name) or (
                program.digest(kind, group.path, name),
                packed(_trees_of(group, kind, name)),
            )
        else:
            summaries[name] = _kept(program, group.path, name)
    return packed((index, answers, summaries, trees))


def _kept_before(group: Group, kind: str, name: str) -> tuple[bytes, bytes] | None:
    """What an earlier run kept of a definition of a group that has not changed since."""
    return group.known.told.kept(kind, name) if group.known is not None and isinstance(group.known.told, _Lazy) else None


def _trees_of(group: Group, kind: str, name: str) -> tuple[ir.Struct | ir.Function | None, ...]:
    """A struct or function in each view of a group; None in one that does not have it."""
    look: Callable[[Text], ir.Struct | ir.Function | None] = (
        (lambda text: text.struct(name)) if kind == "struct" else lambda text: text.function(name)
    )
    return tuple(unit.first(look) for unit in group.units)


def digest(program: Program, read: Read) -> bytes:
    """What identifies a definition of another group, or what callers are told of it, in all its views."""
    kind, path, name = read
    if kind != SUMMARY:
        kept = _kept_before(program.group(path), kind, name)
        return kept[0] if kept is not None else program.digest(kind, path, name)
    return blake2b(repr(_kept(program, path, name)).encode(), digest_size=DIGEST).digest()


def _kept(program: Program, path: str, name: str) -> tuple[Value, ...]:
    """What callers are told of a function in each view."""
    if (path, name) not in program.kept:
        group = program.group(path)
        if group.known is not None and name in (kept := group.known.told.facts()[2]):
            program.kept[path, name] = cast("tuple[Value, ...]", kept[name])
        else:
            program.bring(group, READ)
            told = analysis.kept_summary(group, name)
            program.kept[path, name] = tuple(plain(one) if isinstance(one, Summary) else None for one in told)
    return program.kept[path, name]


def kept_since(program: Program, reads: Iterable[Read]) -> dict[tuple[str, str], tuple[Value, ...]]:
    """What callers are told of the functions among some definitions, for another process."""
    return {(path, name): _kept(program, path, name) for kind, path, name in reads if kind == SUMMARY}


def signature(program: Program, group: Group) -> bytes:
    """What identifies which of a group's texts are its own, and the Pythons that they are read for, in a program."""
    state = blake2b(digest_size=DIGEST)
    for (_, texts, _), own in zip(group.digests(), group.own, strict=True):
        for text, mine in zip(texts, own, strict=True):
            state.update(text + (b"+" if mine else b"-") + repr(sorted(program.versions(text))).encode())
    return state.digest()


def model_of(group: Group) -> bytes:
    """What identifies a group's types and modules as they are linked, wherever in their files they stand."""
    state = blake2b(digest_size=DIGEST)
    for unit in group.units:
        for made in (*unit.types, *unit.modules):
            shown: Any = made
            state.update(repr([_described(getattr(made, one.name)) for one in fields(shown)]).encode("utf-8", "surrogateescape"))
    return state.digest()


def _described(value: Any) -> object:
    """A value without places, as something whose `repr` is the same in every run."""
    if isinstance(value, TypeDef):
        return value.place.path, value.symbol
    if isinstance(value, (frozenset, set)):
        return sorted(map(repr, value))
    if isinstance(value, dict):
        return [(key, _described(one)) for key, one in value.items()]
    if isinstance(value, (tuple, list)):
        return [_described(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        shown = (one.name for one in fields(value) if one.name not in ("start", "end"))
        return type(value).__name__, [_described(getattr(value, name)) for name in shown]
    return value


# -- which records still hold ------------------------------------------------------------------------------------------


def stale(
    program: Program, state: State, read: Collection[str], sources: Mapping[str, SourceFile], hot: set[str]
) -> set[str]:
    """The main files whose records do not hold in a program of which the main files `read` were read anew.

    Of those that were read `hot` are the ones that say something else than before, or may: whoever leans on them has to
    be checked anew. The files that are found for another reason than that are added to it.
    """
    records = state.records
    remade = {path for path in read if path in records and model_of(program.group(path)) != records[path].model}
    hot |= remade
    changed = _changes(program, state, read)
    lines = {joined([line(ask)]) for ask in changed.asks}
    abroad = [(joined([line((ABROAD, key))]), names) for key, names in changed.abroad.items()]
    files = {
        path for one in records.values() for path, known in one.closure
        if path not in sources or sources[path].digest != known
    }
    remade |= changed.gone
    found = set()
    for group in program.groups:
        record = records.get(group.path)
        if record is None or group.path in hot:
            continue
        if not (
            hot.isdisjoint(record.leans_on) and changed.gone.isdisjoint(record.leans_on) and remade.isdisjoint(record.leans_on_models)
        ):
            found.add(group.path)
        if (
            any(line in record.asks for line in lines)
            or any(line in record.asks and any(name in record.words or name in record.other_words for name in names) for line, names in abroad)
            or any(path in changed.gone or (path in read and digest(program, (kind, path, name)) != known)
                   for (kind, path, name), known in record.reads)
            or signature(program, group) != record.signature
            or not files.isdisjoint(record.points_to)
        ):
            found.add(group.path)
            hot.add(group.path)
    return found.difference(read)


@dataclass(slots=True)
class _Changes:
    asks: set[tuple[str, str]] = field(default_factory=set)
    abroad: dict[str, list[bytes]] = field(default_factory=dict)
    """Of a question for functions that mention something the names that came and went, each between line feeds."""
    gone: set[str] = field(default_factory=set)


def _changes(program: Program, state: State, read: Collection[str]) -> _Changes:
    """What the program is told otherwise by some main files than it was when the records were made."""
    result, records = _Changes(), state.records
    nothing: Facts = ({}, {}, {})
    for path in sorted({*read, *(set(records) - program.paths)}):
        old = records.get(path)
        index, answers, _ = _Lazy(old.facts).facts() if old is not None else nothing
        group = program.group(path) if path in program.paths else None
        if group is None:
            result.gone.add(path)
        for kind in INDEXES:
            before, now = index.get(kind, {}), program.index_of(group, kind) if group is not None else {}
            for key in before.keys() | now.keys():
                if before.get(key) != now.get(key):
                    result.asks.add((kind, key))
        for kind, key in sorted(state.asked):
            was = answers.get((kind, key), ())
            is_now = program.answer_of(group, kind, key) if group is not None else ()
            if was == is_now:
                continue
            if kind != ABROAD:
                result.asks.add((kind, key))
                continue
            moved = {str(name) for name in set(cast("Names", was)) ^ set(cast("Names", is_now))}
            result.abroad.setdefault(key, []).extend(joined([name.encode()]) for name in moved)
            result.asks.update((ABROAD, f"{key}/{name}") for name in moved)
        before_words = set(split(old.words)) if old is not None else set()
        now_words = group.words()[0] if group is not None else frozenset()
        result.asks.update(("word", word.decode("latin-1")) for word in before_words ^ now_words)
    return result


