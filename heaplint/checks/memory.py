"""HL501–HL505, HL509: results used unchecked, memory and buffers lost or freed by the wrong function."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.paths import origin, reports
from heaplint.checks.registry import Report, check
from heaplint.flow.paths.machine import Draft
from heaplint.model.unit import Unit


@check("HL501", "HL502", "HL503", "HL504", "HL505", "HL509")
def memory(unit: Unit) -> Iterator[Report]:
    """Every use of what may be NULL or is not there, and every block or buffer that is lost, on some path."""
    return reports(unit, _WORDS)


def _unchecked(draft: Draft, item: str) -> str:
    where = f"handed to {draft.detail}" if draft.detail else "followed"
    if draft.site is not None and draft.site.kind == "parameter":
        return f"{item} is {where}, but it may be NULL here: the value of a deletion, or no keywords; check it first"
    if draft.site is None:
        return f"{item} is NULL on this path and {where}"
    return f"{item} is {where}, but {draft.site.callee} gives NULL when it fails; check it first"


def _mixed(draft: Draft, item: str) -> str:
    made, _, freed = draft.detail.partition(">")
    if draft.site is not None and draft.site.kind == "parameter":
        return f"{item} is an object and is freed as {freed} memory; use tp_free or PyObject_Free"
    return f"{item} was allocated by {origin(draft)} ({made} memory) and is freed as {freed} memory"


def _reallocated(draft: Draft, item: str) -> str:
    return f"the old block is lost when {draft.detail} fails: {item} is overwritten with NULL; use a second variable"


def _held(draft: Draft, item: str) -> str:
    return f"the buffer {item} is not released on this path; PyBuffer_Release(&{item})"


def _unset(draft: Draft, item: str) -> str:
    return f"{item} is used, but has no value on this path"


def _lost(draft: Draft, item: str) -> str:
    return f"{item}, allocated by {origin(draft)}, is not freed on this path"


_WORDS = {
    "HL501": _unchecked, "HL502": _mixed, "HL503": _reallocated, "HL504": _held, "HL505": _unset, "HL509": _lost,
}
