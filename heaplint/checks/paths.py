"""What the analysis along paths met, as reports: places, subjects, steps. The rules' words are with their families."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from heaplint import ir
from heaplint.checks.registry import Report
from heaplint.flow.paths.analysis import Result, analysis
from heaplint.flow.paths.machine import Draft
from heaplint.model.expressions import place
from heaplint.model.program import Unit

Words = Callable[[Draft, str], str]
"""From a draft and its subject as the function spells it to the message."""

_MAX_STEPS = 10
_MAX_RELATED = 20
_MANY = 4
"""More than so many defects of one kind, variable and callee in one function are told as one."""
_LOST = frozenset({"HL401", "HL504", "HL509"})
_LEAF = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])*\Z")


def reports(unit: Unit, words: Mapping[str, Words]) -> Iterator[Report]:
    """The reports of some rules for a unit's own functions, in the order of the text."""
    for result in analysis(unit).results():
        wanted = [draft for draft in result.drafts if draft.rule in words]
        for drafts in _alike(wanted):
            yield _report(result, drafts, words[drafts[0].rule])


def _alike(drafts: list[Draft]) -> Iterator[list[Draft]]:
    """Drafts that are one defect: one reference lost at several exits, or one thing done wrong again and again."""
    by_origin: dict[tuple[object, ...], list[Draft]] = {}
    for draft in sorted(drafts, key=lambda draft: (draft.node.start, draft.rule)):
        lost = draft.rule in _LOST and draft.site is not None and draft.detail != "temporary"
        origin = id(draft.site.node) if lost and draft.site is not None else id(draft)
        by_origin.setdefault((draft.rule, draft.item, origin), []).append(draft)
    by_callee: dict[tuple[object, ...], list[list[Draft]]] = {}
    for group in by_origin.values():
        site = group[0].site
        by_callee.setdefault((group[0].rule, group[0].item, site.name if site is not None else ""), []).append(group)
    for groups in by_callee.values():
        if len(groups) > _MANY:
            yield [draft for group in groups for draft in group]
        else:
            yield from groups


def _report(result: Result, drafts: list[Draft], words: Words) -> Report:
    function, draft = result.function, drafts[0]
    places = list(dict.fromkeys(place(function.path, one.node) for one in drafts))
    message = words(draft, draft.item)
    if len(places) > 1:
        message += f" (and in {len(places) - 1} more places)" if len(places) > 2 else " (and in one more place)"
    return Report(
        draft.rule, places[0], message, function=function.name, item=_leaf(draft.item) or None,
        steps=tuple(_steps(function, draft)), related=tuple((one, "also here") for one in places[1:_MAX_RELATED]),
    )


def _leaf(item: str) -> str:
    """The variable, or the last member, of a path."""
    found = _LEAF.search(item)
    return found.group(1) if found else item


def _steps(function: ir.Function, draft: Draft) -> Iterator[tuple[ir.Place, str]]:
    """Where the value came from, the decisions since then, and the end."""
    start = -1
    site = draft.site
    if site is not None and site.kind not in ("parameter", "constant", "global"):
        start = site.node.start
        yield place(function.path, site.node), _ORIGINS.get(site.kind, "{} is read").format(site.name)
    steps = []
    step = draft.trace
    while step is not None:
        if step.node.start >= start and step.node is not (site.node if site is not None else None):
            steps.append((place(function.path, step.node), step.what))
        step = step.before
    yield from reversed(steps[: _MAX_STEPS - 2])
    yield place(function.path, draft.node), _ENDS.get(draft.rule, "here")


_ORIGINS = {
    "new": "{} gives a new reference",
    "borrowed": "{} gives a borrowed reference",
    "interior": "{} gives a pointer into the object",
    "memory": "{} allocates the memory",
    "buffer": "the buffer {} is filled",
    "field": "{} is read",
}
_ENDS = {
    "HL401": "the reference is lost here", "HL402": "it is overwritten here", "HL403": "it is used here",
    "HL404": "it is released here", "HL405": "it is returned here", "HL406": "it is released again here",
    "HL407": "it is released here", "HL409": "it is used here", "HL410": "it is released here",
    "HL411": "it is overwritten here", "HL412": "the surplus reference is taken here", "HL501": "it is used here",
    "HL502": "it is freed here", "HL503": "the old block is lost here", "HL504": "the buffer is still held here",
    "HL505": "it is used here", "HL509": "the memory is lost here", "HL601": "no exception is set here",
    "HL602": "the value is returned here", "HL603": "the error is ignored here", "HL604": "it is called here",
}
