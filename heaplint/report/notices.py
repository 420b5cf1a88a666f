"""Notices for people: what was not analysed, a few lines for each kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from heaplint.findings import Finding, Notice
from heaplint.report import sanitize

FEW = 3
"""How many notices of a kind are shown one by one."""


def render_all(notices: Iterable[Notice]) -> Iterator[str]:
    """One line for each notice."""
    for notice in notices:
        place = sanitize.text(notice.path) + (f":{notice.line}" if notice.line else "")
        where = "" if notice.path == "." else f"{place}: "
        yield f"heaplint: {notice.kind}: {where}{sanitize.text(notice.message)}\n"


def render_few(notices: Sequence[Notice]) -> Iterator[str]:
    """The first notices of each kind, and how many more there are."""
    ordered = sorted(notices, key=lambda notice: (notice.kind, notice))
    for kind, group in groupby(ordered, key=lambda notice: notice.kind):
        alike = list(group)
        shown = alike if len(alike) <= FEW + 1 else alike[:FEW]
        yield from render_all(shown)
        if len(shown) < len(alike):
            yield f"heaplint: {kind}: and {len(alike) - len(shown)} more (-v shows them)\n"


def render(notices: Sequence[Notice], *, every: bool) -> Iterator[str]:
    """All of them, or the first of each kind."""
    return render_all(notices) if every else render_few(notices)


DELIBERATE = frozenset({"front-end", "skipped-generated", "skipped-vendored", "skipped-context", "stale-baseline"})
"""Kinds of notices that tell of nothing which was asked to be analysed and was not."""


def exit_code(findings: Sequence[Finding], notices: Collection[Notice], *, strict: bool, exit_zero: bool) -> int:
    """The exit code: 2 for an internal error, or for what could not be analysed when that matters; 1 for findings; else 0."""
    if any(notice.kind == "failed" for notice in notices):
        return 2
    if strict and any(notice.kind not in DELIBERATE for notice in notices):
        return 2
    return 1 if findings and not exit_zero else 0
