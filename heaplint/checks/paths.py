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
_LEAF = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]]*\])*\Z")


def reports(unit: Unit, words: Mapping[str, Words]) -> Iterator[Report]:
    """The reports of some rules for a unit's own functions, in the order of the text."""
    for result in analysis(unit).results():
        for draft in result.drafts:
            said = words.get(draft.rule)
            if said is not None:
                yield _report(result, draft, said)


def _report(result: Result, draft: Draft, words: Words) -> Report:
    function = result.function
    item = _leaf(draft.item)
    return Report(
        draft.rule, place(function.path, draft.node), words(draft, draft.item), function=function.name, item=item or None,
        steps=tuple(_steps(function, draft)),
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
