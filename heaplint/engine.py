"""The line from files to findings: read, model, check, merge over views, select, suppress."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from heaplint import checks
from heaplint.cards import Card, all_cards
from heaplint.census import Census
from heaplint.census_of_program import take_census
from heaplint.config import Config, ConfigError
from heaplint.discovery import Discovery
from heaplint.filters import suppress
from heaplint.filters.select import Selection
from heaplint.findings import Finding, Fix, Notice, Related, Span
from heaplint.fixes import Fixing, fix_for
from heaplint.flow.paths import analysis
from heaplint.frontend.clang.exact import ExactFrontEnd
from heaplint.frontend.reader import Reader
from heaplint.ir import Place
from heaplint.model.program import Program
from heaplint.model.unit import LINKED, Unit
from heaplint.pythons import TargetRange, Version, range_text, specifier_matches
from heaplint.records import dataclass, field, replace
from heaplint.source import SourceFile

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


def run(discovery: Discovery, config: Config, progress: Progress | None) -> Result:
    """Analyse the files that were discovered."""
    selection = Selection.from_config(config, all_cards(), root=discovery.root)
    with collector_at_rest(), _read(discovery, config, progress) as read:
        return _check(read, discovery, config, selection)


def run_with_census(discovery: Discovery, config: Config, progress: Progress | None) -> tuple[Result, Census]:
    """Analyse the files that were discovered, and take the census of what was read."""
    selection = Selection.from_config(config, all_cards(), root=discovery.root)
    with collector_at_rest(), _read(discovery, config, progress) as read:
        return _check(read, discovery, config, selection), _census_of(read[0], discovery)


def census(discovery: Discovery, config: Config) -> Census:
    """Every type and module of the files that were discovered."""
    with collector_at_rest(), _read(discovery, config, None) as (program, _, _):
        return _census_of(program, discovery)


_Read: TypeAlias = tuple[Program, Reader, ExactFrontEnd | None]


@contextmanager
def _read(discovery: Discovery, config: Config, progress: Progress | None) -> Iterator[_Read]:
    """What was discovered, read and linked; items are read on demand, so that the front ends stay ready meanwhile."""
    program, reader, exact = read_program(discovery.sources, config, progress, discovery.root)
    try:
        yield program, reader, exact
    finally:
        if exact is not None:
            exact.close()


def _check(read: _Read, discovery: Discovery, config: Config, selection: Selection) -> Result:
    program, reader, exact = read
    sources = discovery.sources
    reported = {source.path: source for source in discovery.files}
    merged = merge(_reports(program, selection), sources, config.target)
    unread = (*sorted(reader.notices), *(exact.notices() if exact is not None else ()), *_unread(program, sources))
    told = (notice for notice in unread if notice.path in reported or notice.kind == "front-end")
    kept = tuple(one for one in merged if one.span.path in reported and selection.keeps(one))
    notices = tuple(dict.fromkeys((*discovery.notices, *told)))
    used = front_ends_of(reported, exact)
    return Result(suppress.apply(kept, reported, selection), notices, len(reported), used)


def _census_of(program: Program, discovery: Discovery) -> Census:
    """The types and modules of the files that are reported on."""
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


def read_program(
    sources: dict[str, SourceFile], config: Config, progress: Progress | None, root: Path = Path()
) -> tuple[Program, Reader, ExactFrontEnd | None]:
    """Read all files and link what they define; whoever is done with the program closes the exact front end."""
    reader = Reader(sources, config.target.versions)
    exact: ExactFrontEnd | None = None
    if config.frontend != "tree-sitter":
        exact = reader.exact = ExactFrontEnd(config.frontend, sources, reader.resolve, root, config.compile_commands)
    views = {}
    mains = reader.main_files()
    for done, path in enumerate(mains):
        views[path] = reader.unit_views(path)
        reader.forget(path)
        if progress is not None:
            progress(done + 1, len(mains))
    reader.release()
    program = Program()
    program.facts = config.api
    program.add(views)
    for group in program.groups:
        program.bring(group, LINKED)
    return program, reader, exact


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


def front_ends_of(reported: Iterable[str], exact: ExactFrontEnd | None) -> dict[str, FrontEndUse]:
    """What read each file; where both did, the default front end read what libclang could not, or the other way round."""
    used: dict[str, FrontEndUse] = {}
    for path in reported:
        tally = exact.tallies.get(path) if exact is not None else None
        if tally is None or not tally.exact:
            used[path] = "tree-sitter"
        else:
            used[path] = "both" if tally.default or (exact is not None and exact.mode == "auto") else "clang"
    return used


def _reports(program: Program, selection: Selection) -> Iterator[tuple[checks.Report, Unit]]:
    """Every report of every selected check on every unit; a check of several rules runs once."""
    functions: dict[checks.Check, None] = {}
    for rule, function in checks.CHECKS.items():
        if rule in selection.rules:
            functions[function] = None
    for group in program.groups:
        with program.at_work(group):
            for unit in group.units:
                unit.forget_names()
            for unit in group.units:
                if unit.own:
                    for function in functions:
                        for report in function(unit):
                            yield report, unit
        analysis.forget(group)
        for unit in group.units:  # not sooner: views of one file share what was parsed
            unit.forget()


def merge(
    reports: Iterable[tuple[checks.Report, Unit]], sources: dict[str, SourceFile], target: TargetRange
) -> list[Finding]:
    """One finding for the reports of several views that are alike in rule, place and subject."""
    first: dict[tuple[object, ...], tuple[checks.Report, Fix | None]] = {}
    pythons: dict[tuple[object, ...], set[Version]] = {}
    cards = all_cards()
    for report, unit in reports:
        card = cards[report.rule]
        valid_for = unit.versions_of(report.place.path)
        versions = {version for version in valid_for if specifier_matches(report.python or card.python, version)}
        if not versions:
            continue
        span = _span(report.place, sources)
        key = (report.rule, report.place.path, span.line, report.symbol, report.function, report.item)
        if key not in first:
            first[key] = report, fix_for(Fixing(report, unit, sources, min(target.versions)), card)
        pythons.setdefault(key, set()).update(versions)
    findings = [
        _finding(report, cards[report.rule], sources, range_text(pythons[key], target), fix)
        for key, (report, fix) in first.items()
    ]
    findings.sort(key=lambda finding: finding.sort_key)
    return _numbered(findings)


def _span(place: Place, sources: dict[str, SourceFile]) -> Span:
    source = sources[place.path]
    start = min(max(place.start, 0), len(source.data))
    return source.span(start, min(max(place.end, start), len(source.data)))


def _finding(
    report: checks.Report, card: Card, sources: dict[str, SourceFile], python: str | None, fix: Fix | None
) -> Finding:
    return Finding(
        rule=card.id,
        name=card.name,
        severity=report.severity or card.severity,
        precision=card.precision,
        message=report.message,
        span=_span(report.place, sources),
        symbol=report.symbol,
        function=report.function,
        item=report.item,
        python=python,
        steps=tuple(Related(_span(place, sources), message) for place, message in report.steps),
        related=tuple(Related(_span(place, sources), message) for place, message in report.related),
        fix=fix,
    )


def _numbered(findings: list[Finding]) -> list[Finding]:
    """Findings that differ in nothing but their line get an ordinal, for their fingerprints."""
    seen: dict[str, int] = {}
    result = []
    for finding in findings:
        count = seen.get(finding.identity, 0)
        seen[finding.identity] = count + 1
        result.append(replace(finding, ordinal=count) if count else finding)
    return result


def _unread(program: Program, sources: dict[str, SourceFile]) -> list[Notice]:
    """HL902: the items of interest that could be read only in part."""
    notices = set()
    for unit in program.units:
        for text in unit.own:
            if not text.names_python():
                continue  # a bundled library: nothing there is for the rules
            for item, problem, offset in text.problems():
                line = sources[text.path].position(min(offset, len(sources[text.path].data)))[0]
                what = f"{item.name}()" if item.name else "a declaration"
                notices.add(Notice(text.path, line, "partly-analyzed", f"{what}: {problem}"))
    partly_followed = {place: name for group in program.groups for place, name in group.partly_followed.items()}
    for (path, offset), name in partly_followed.items():
        line = sources[path].position(min(offset, len(sources[path].data)))[0]
        notices.add(Notice(path, line, "partly-analyzed", f"{name}(): too many ways through it; not all were followed"))
    return sorted(notices)
