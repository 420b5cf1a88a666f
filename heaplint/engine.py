"""The line from files to findings: read, model, check, merge over views, select, suppress."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from heaplint.cards import all_cards
from heaplint.config import Config, ConfigError
from heaplint.discovery import Discovery
from heaplint.filters import suppress
from heaplint.filters.select import Selection
from heaplint.findings import Finding, Notice
from heaplint.records import dataclass, field

if TYPE_CHECKING:
    from heaplint.cache import State, Store
    from heaplint.census import Census
    from heaplint.model.program import Program
    from heaplint.results import GroupResult
    from heaplint.work import Work

Progress = Callable[[int, int], None]
FrontEndUse = Literal["tree-sitter", "clang", "both"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found, in order of path, line, column and rule."""

    findings: tuple[Finding, ...]
    notices: tuple[Notice, ...]
    files: int
    """How many files were read."""
    front_ends: Mapping[str, FrontEndUse] = field(default_factory=dict)
    """What read each of them."""


def run(
    discovery: Discovery, config: Config, progress: Progress | None, store: Store | None = None, jobs: int | None = 1
) -> Result:
    """Analyse the files that were discovered, as far as `store` does not have their results.

    `jobs` is how many processes may work; None for as many as are worth it.
    """
    selection = Selection.from_config(config, all_cards(), root=discovery.root)
    with collector_at_rest():
        return _told(_results(discovery, config, selection.rules, progress, store, jobs), discovery, config, selection)


def run_with_census(discovery: Discovery, config: Config, progress: Progress | None) -> tuple[Result, Census]:
    """Analyse the files that were discovered, and take the census of what was read."""
    selection = Selection.from_config(config, all_cards(), root=discovery.root)
    with collector_at_rest(), _work(discovery, config) as work:
        results = work.results(selection.rules, progress)
        return _told(results, discovery, config, selection), _census_of(work.program, discovery)


def census(discovery: Discovery, config: Config) -> Census:
    """Every type and module of the files that were discovered."""
    with collector_at_rest(), _work(discovery, config) as work:
        return _census_of(work.read(), discovery)


def _told(
    results: Mapping[str, GroupResult], discovery: Discovery, config: Config, selection: Selection
) -> Result:
    """The findings and notices of a run out of the results of its main files."""
    from heaplint.results import merged

    reported = {source.path: source for source in discovery.files}
    ordered = [results[path] for path in sorted(results)]
    unread = sorted({notice for result in ordered for notice in result.notices}, key=_order)
    told = (notice for notice in unread if notice.path in reported or notice.kind == "front-end")
    kept = tuple(one for one in merged(ordered, config.target) if one.span.path in reported and selection.keeps(one))
    notices = tuple(dict.fromkeys((*discovery.notices, *told)))
    used = {path: use for result in ordered for path, use in result.front_ends}
    front_ends = {path: cast("FrontEndUse", used.get(path, "tree-sitter")) for path in reported}
    return Result(suppress.apply(kept, reported, selection), notices, len(reported), front_ends)


def _order(notice: Notice) -> tuple[int, Notice]:
    """What was met while reading first, then what libclang could not read, then what was read in part."""
    return {"front-end": 1, "partly-analyzed": 2, "failed": 3}.get(notice.kind, 0), notice


def _results(
    discovery: Discovery, config: Config, rules: frozenset[str], progress: Progress | None, store: Store | None,
    jobs: int | None,
) -> Mapping[str, GroupResult]:
    """The results of every main file, those that still hold from the store."""
    state = store.load(discovery.root, config, rules) if store is not None else None
    sources = discovery.sources
    if state is not None and state.is_of(sources):
        return {path: record.found() for path, record in state.records.items()}
    with _work(discovery, config, state) as work:
        results = work.results(rules, progress, jobs, keep=store is not None)
        if store is not None and not any(one.kind == "failed" for result in results.values() for one in result.notices):
            store.save(discovery.root, config, rules, work.left())  # of what failed the next run is to try again
        return results


@contextmanager
def _work(discovery: Discovery, config: Config, state: State | None = None) -> Iterator[Work]:
    """The work of a run; items are read on demand, so that the front ends stay ready meanwhile."""
    from heaplint.work import Work

    work = Work(discovery.sources, config, discovery.root, state)
    try:
        yield work
    finally:
        work.close()


def _census_of(program: Program, discovery: Discovery) -> Census:
    """The types and modules of the files that are reported on."""
    from heaplint.census import Census
    from heaplint.census_of_program import take_census

    reported = {source.path for source in discovery.files}
    taken = take_census(program, discovery.sources)
    return Census(
        tuple(one for one in taken.types if one.path in reported),
        tuple(one for one in taken.modules if one.path in reported),
    )


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No cycle collection meanwhile: trees of nodes are no garbage, and looking for it doubles the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def check_front_end(config: Config) -> None:
    """Raise ConfigError when what was asked for cannot be had: libclang, a compile database."""
    if config.frontend == "clang":
        from heaplint.frontend.clang.client import installed

        if not installed():
            raise ConfigError("--frontend clang: libclang is not installed (pip install libclang)")
    if config.compile_commands is not None:
        from heaplint.frontend.clang.compile_flags import CompileDatabaseError, load

        try:
            load(config.compile_commands, Path.cwd())
        except CompileDatabaseError as error:
            raise ConfigError(f"--compile-commands: {error}") from error
