"""The checks run on one main file, and their reports as findings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from heaplint import checks
from heaplint.cards import Card, all_cards
from heaplint.findings import TRACEBACK, Finding, Fix, Notice, Related, Span
from heaplint.fixes import Fixing, fix_for
from heaplint.flow.paths import analysis
from heaplint.ir import Place
from heaplint.model.program import Group, Program
from heaplint.model.unit import Unit
from heaplint.pythons import TargetRange, specifier_matches
from heaplint.records import replace
from heaplint.results import Located
from heaplint.source import SourceFile


def selected(rules: Iterable[str]) -> list[tuple[str, checks.Check]]:
    """The checks of some rules, each once with the first rule that it is for."""
    wanted = set(rules)
    found: dict[checks.Check, str] = {}
    for rule, function in checks.CHECKS.items():
        if rule in wanted:
            found.setdefault(function, rule)
    return [(rule, function) for function, rule in found.items()]


def failure(path: str, doing: str, error: Exception) -> Notice:
    """What is said of a main file that an internal error has kept from being analysed in full; everything else is."""
    if os.environ.get(TRACEBACK):
        raise error
    return Notice(path, 0, "failed", f"internal error while {doing}: {type(error).__name__}: {error} (please report it)")


def check_group(
    program: Program, group: Group, functions: Sequence[tuple[str, checks.Check]], sources: Mapping[str, SourceFile],
    target: TargetRange,
) -> tuple[tuple[Located, ...], tuple[Notice, ...]]:
    """Run checks on every view of a main file; its units keep what was parsed until `forget`."""
    located: dict[tuple[object, ...], Located] = {}
    failed: dict[Notice, None] = {}
    cards = all_cards()
    with program.at_work(group):
        for unit in group.units:
            unit.forget_names()
        for unit in group.units:
            for rule, function in functions if unit.own else ():
                try:
                    for report in function(unit):
                        _take(report, unit, cards[report.rule], sources, target, located)
                except Exception as error:
                    failed[failure(group.path, f"checking {rule}", error)] = None
    return tuple(located.values()), (*failed, *_unread(group, sources))


def forget(group: Group) -> None:
    """Drop what was parsed for a group, once its checks have had it, and what it read of others that are done."""
    group.done = True
    if not group.units:
        return
    program = group.units[0].program
    for path in {group.path, *(path for _, path, _ in group.reads), *group.leans_on, *group.leans_on_models}:
        other = program.group(path)
        if other.done:
            analysis.forget(other)
            for unit in other.units:  # not sooner: views of one file share what was parsed
                unit.forget()


def _take(
    report: checks.Report, unit: Unit, card: Card, sources: Mapping[str, SourceFile], target: TargetRange,
    located: dict[tuple[object, ...], Located],
) -> None:
    valid_for = unit.versions_of(report.place.path)
    versions = {version for version in valid_for if specifier_matches(report.python or card.python, version)}
    if not versions:
        return
    one = Located(_finding(report, card, sources, None), tuple(sorted(versions)))
    known = located.get(one.key)
    if known is None:
        fix = fix_for(Fixing(report, unit, sources, min(target.versions)), card)
        located[one.key] = replace(one, finding=replace(one.finding, fix=fix)) if fix is not None else one
    elif not versions.issubset(known.versions):
        located[one.key] = replace(known, versions=tuple(sorted(versions.union(known.versions))))


def _span(place: Place, sources: Mapping[str, SourceFile]) -> Span:
    source = sources[place.path]
    start = min(max(place.start, 0), source.size)
    return source.span(start, min(max(place.end, start), source.size))


def _finding(report: checks.Report, card: Card, sources: Mapping[str, SourceFile], fix: Fix | None) -> Finding:
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
        steps=tuple(Related(_span(place, sources), message) for place, message in report.steps),
        related=tuple(Related(_span(place, sources), message) for place, message in report.related),
        fix=fix,
    )


def _unread(group: Group, sources: Mapping[str, SourceFile]) -> Iterator[Notice]:
    """HL902: the items of interest that could be read only in part."""
    notices = set()
    for unit in group.units:
        for text in unit.own:
            if not text.names_python():
                continue  # a bundled library: nothing there is for the rules
            for item, problem, offset in text.problems():
                line = sources[text.path].position(min(offset, sources[text.path].size))[0]
                what = f"{item.name}()" if item.name else "a declaration"
                notices.add(Notice(text.path, line, "partly-analyzed", f"{what}: {problem}"))
    for (path, offset), name in group.partly_followed.items():
        line = sources[path].position(min(offset, sources[path].size))[0]
        notices.add(Notice(path, line, "partly-analyzed", f"{name}(): too many ways through it; not all were followed"))
    yield from sorted(notices)
