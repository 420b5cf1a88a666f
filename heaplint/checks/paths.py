"""What the analysis along paths met, as reports: places, subjects, steps. The rules' words are with their families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report
from heaplint.flow.paths.analysis import analysis
from heaplint.flow.paths.kept import Result
from heaplint.flow.paths.machine import Draft
from heaplint.model.expressions import place
from heaplint.model.unit import Unit

Words = Callable[[Draft, str], str]
"""From a draft and its subject as the function spells it to the message."""

_MAX_STEPS = 10
_MAX_RELATED = 20
_MANY = 3
"""More than so many defects of one kind, variable and callee in one function are told as one."""
_SHADOWED = re.compile(r"'\d+")
"""What tells apart the keys of variables of one name."""
_LEAF = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])*\Z")


def reports(unit: Unit, words: Mapping[str, Words]) -> Iterator[Report]:
    """The reports of some rules for a unit's own functions, in the order of the text."""
    for result in analysis(unit).results():
        wanted = [draft for draft in result.drafts if draft.rule in words]
        for drafts in _alike(wanted):
            yield _report(result, drafts, words[drafts[0].rule])


def origin(draft: Draft) -> str:
    """What gave the value that a draft is about, for messages."""
    return draft.site.callee if draft.site is not None else "a call"


def _alike(drafts: list[Draft]) -> Iterator[list[Draft]]:
    """Drafts in the order of the text; many of one kind, of one variable from one callee, are told as one."""
    groups: dict[tuple[object, ...], dict[int, Draft]] = {}
    for draft in sorted(drafts, key=lambda draft: (draft.node.start, draft.rule)):
        callee = draft.site.name if draft.site is not None else ""
        groups.setdefault((draft.rule, draft.item, callee), {}).setdefault(draft.node.start, draft)
    for group in groups.values():
        if len(group) > _MANY:
            yield list(group.values())
        else:
            yield from ([draft] for draft in group.values())


def _report(result: Result, drafts: list[Draft], words: Words) -> Report:
    function, draft = result.function, drafts[0]
    places = list(dict.fromkeys(place(function.path, one.node) for one in drafts))
    message = words(draft, _SHADOWED.sub("", draft.item))
    if len(places) > 1:
        message += f" (and in {len(places) - 1} more places)" if len(places) > 2 else " (and in one more place)"
    return Report(
        draft.rule, places[0], message, function=function.name, item=_leaf(draft.item) or None,
        steps=tuple(_steps(function, draft)), related=tuple((one, "also here") for one in places[1:_MAX_RELATED]),
    )


def _leaf(item: str) -> str:
    """The variable, or the last member, of a path."""
    found = _LEAF.search(_SHADOWED.sub("", item))
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
