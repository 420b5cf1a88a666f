"""Which results of an earlier run still hold, and what to keep of this one."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from heaplint.cache import Record, State, encoded, joined, line, packed, split, unpacked
from heaplint.model.aspects import INDEXES, Value
from heaplint.model.mentions import ABROAD
from heaplint.model.program import Group, Index, Known, Program
from heaplint.results import GroupResult
from heaplint.source import SourceFile

_DIGEST = 16


def known(record: Record) -> Known:
    """What a program needs of a main file while it is not read."""
    return Known(tuple(path for path, _ in record.closure), record.views, _Lazy(record.facts), record.words)


class _Lazy:
    """Index and answers, unpacked when somebody asks."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._facts: tuple[Index, Mapping[tuple[str, str], Value]] | None = None

    def facts(self) -> tuple[Index, Mapping[tuple[str, str], Value]]:
        if self._facts is None:
            self._facts = unpacked(self._data)
        assert self._facts is not None
        return self._facts


def record_of(program: Program, group: Group, sources: Mapping[str, SourceFile], result: GroupResult) -> Record:
    """What to keep of a group that was read and checked."""
    words = {word for text in group.texts() for word in text.words()}
    return Record(
        tuple((path, sources[path].digest) for path in group.paths),
        signature(program, group),
        tuple(group.digests()),
        b"\n" + b"\n".join(sorted(words)) + b"\n",
        tuple(sorted(group.leans_on)),
        tuple(sorted((read, program.digest(*read)) for read in group.reads)),
        joined(map(line, group.asks)),
        _facts(program, group),
        encoded(result),
    )


def updated(record: Record, program: Program, group: Group) -> Record:
    """The record of a group that was not checked anew, with what was asked in its name for others, and of it."""
    if not (group.asks or group.reads or group.leans_on or group.answers):
        return record
    return dataclasses.replace(
        record,
        asks=joined({*split(record.asks), *map(line, group.asks)}),
        reads=tuple(sorted({**dict(record.reads), **{read: program.digest(*read) for read in group.reads}}.items())),
        leans_on=tuple(sorted({*record.leans_on, *group.leans_on})),
        facts=_facts(program, group),
    )


def _facts(program: Program, group: Group) -> bytes:
    index = {kind: dict(program.index_of(group, kind)) for kind in INDEXES}
    answers = {**(group.known.told.facts()[1] if group.known is not None else {}), **group.answers}
    return packed((index, {asked: value for asked, value in answers.items() if value}))


def signature(program: Program, group: Group) -> bytes:
    """What identifies which of a group's texts are its own, and the Pythons that they are read for, in a program."""
    digest = blake2b(digest_size=_DIGEST)
    for (_, texts), own in zip(group.digests(), group.own, strict=True):
        for text, mine in zip(texts, own, strict=True):
            digest.update(text + (b"+" if mine else b"-") + repr(sorted(program.versions(text))).encode())
    return digest.digest()


# -- which records still hold ------------------------------------------------------------------------------------------


def stale(program: Program, state: State, read: Collection[str], sources: Mapping[str, SourceFile]) -> set[str]:
    """The main files whose records do not hold in a program of which the main files `read` were read anew."""
    records = state.records
    changed = _changes(program, state, read)
    lines = {b"\n" + line(ask) + b"\n" for ask in changed.asks}
    abroad = [(b"\n" + line((ABROAD, key)) + b"\n", names) for key, names in changed.abroad.items()]
    files = {
        path for one in records.values() for path, digest in one.closure
        if path not in sources or sources[path].digest != digest
    } if any(path in records for path in read) else set()
    again = {path for path in read if path in program.paths}
    found = set()
    for group in program.groups:
        record = records.get(group.path)
        if record is None or group.path in read:
            continue
        if (
            not again.isdisjoint(record.leans_on) or not changed.gone.isdisjoint(record.leans_on)
            or any(line in record.asks for line in lines)
            or any(line in record.asks and any(name in record.words for name in names) for line, names in abroad)
            or any(path in changed.gone or (path in again and program.digest(kind, path, name) != digest)
                   for (kind, path, name), digest in record.reads)
            or signature(program, group) != record.signature
            or (files and not files.isdisjoint(record.found().paths))
        ):
            found.add(group.path)
    return found


@dataclass(slots=True)
class _Changes:
    asks: set[tuple[str, str]] = field(default_factory=set)
    abroad: dict[str, list[bytes]] = field(default_factory=dict)
    """Of a question for functions that mention something the names that came and went, each between line feeds."""
    gone: set[str] = field(default_factory=set)


def _changes(program: Program, state: State, read: Collection[str]) -> _Changes:
    """What the program is told otherwise by some main files than it was when the records were made."""
    result, records = _Changes(), state.records
    nothing: tuple[Index, Mapping[tuple[str, str], Value]] = ({}, {})
    for path in sorted({*read, *(set(records) - program.paths)}):
        old = records.get(path)
        index, answers = _Lazy(old.facts).facts() if old is not None else nothing
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
            if was != is_now:
                result.asks.add((kind, key))
                if kind == ABROAD:
                    result.asks.discard((kind, key))
                    names = {name for many in (was, is_now) if isinstance(many, tuple) for name in many}
                    same = set(was if isinstance(was, tuple) else ()) & set(is_now if isinstance(is_now, tuple) else ())
                    moved = sorted(str(name) for name in names - same)
                    result.abroad.setdefault(key, []).extend(f"\n{name}\n".encode() for name in moved)
                    result.asks.update((ABROAD, f"{key}/{name}") for name in moved)
        before_words = set(split(old.words)) if old is not None else set()
        now_words = {word for text in group.texts() for word in text.words()} if group is not None else set()
        result.asks.update(("word", word.decode("latin-1")) for word in before_words ^ now_words)
    return result


