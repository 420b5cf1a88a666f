"""HL401–HL407, HL409–HL412: references that are lost, used after their release, or released by who does not own them."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.paths import origin, reports
from heaplint.checks.registry import Report, check
from heaplint.flow.paths.machine import Draft
from heaplint.model.unit import Unit


@check("HL401", "HL402", "HL403", "HL404", "HL405", "HL406", "HL407", "HL409", "HL410", "HL411", "HL412")
def references(unit: Unit) -> Iterator[Report]:
    """Every reference that is lost, or used or released by who does not own it, on some path."""
    return reports(unit, _WORDS)


def _leaked(draft: Draft, item: str) -> str:
    if draft.detail == "temporary":
        return f"the new reference from {item} is lost: the call it is given to does not take it over; keep it in a variable and Py_DECREF it"
    if draft.detail == "left":
        return f"{item} is left with a new reference although the function fails, and callers do not release it"
    if draft.detail == "consumed":
        return f"{item} is not released on this way to fail, but on others, and taken over on success: the caller cannot know"
    if draft.detail == "taken":
        return f"the reference taken to {item} is not released on this path; Py_DECREF({item})"
    return f"{item}, a new reference from {origin(draft)}, is not released on this path; Py_DECREF({item})"


def _overwritten(draft: Draft, item: str) -> str:
    return f"{item} is overwritten while it holds a reference from {origin(draft)}; release that first"


def _used(draft: Draft, item: str) -> str:
    where = f" in {draft.detail}" if draft.detail and draft.detail != "return" else ""
    return f"{item} is used{where} after its reference was released"


def _borrowed(draft: Draft, item: str) -> str:
    if draft.detail == "given":
        return f"{item} is borrowed, and the call takes over a reference that is not there; Py_INCREF it first"
    return f"{item} is a borrowed reference{_from(draft)} and not the function's to release"


def _returned(draft: Draft, item: str) -> str:
    if draft.detail == "given away":
        return f"{item} is returned although its reference was given away: the caller gets one that does not exist"
    return f"{item} is borrowed{_from(draft)}, and the caller is given it as a new reference; return Py_NewRef({item})"


def _twice(draft: Draft, item: str) -> str:
    return f"{item} is released again: its reference was given up before on this path"


def _stolen(draft: Draft, item: str) -> str:
    if draft.detail == "given":
        return f"the call takes over a reference to {item} that nobody took; Py_INCREF({item}) first"
    if draft.detail == "again":
        return f"the reference to {item} is given away a second time; Py_INCREF it before each call that takes it over"
    if draft.detail:
        return f"{item} is used in {draft.detail} although a call before took over, and may have dropped, the reference"
    return f"{item} is released although a call before took over its reference"


def _across(draft: Draft, item: str) -> str:
    if draft.detail == "during":
        return f"{item} is borrowed, and the comparison runs code that may drop it meanwhile; hold a reference over the call"
    return f"{item} is borrowed{_from(draft)}, and code has run since that may have dropped it; hold a reference over the call"


def _dangling(draft: Draft, item: str) -> str:
    return f"{item} still points to the object while its reference is released, and code that runs then can see it; use Py_CLEAR or Py_SETREF"


def _again(draft: Draft, item: str) -> str:
    return f"a second __init__ overwrites {item} and leaks what it held; use Py_XSETREF"


def _surplus(draft: Draft, item: str) -> str:
    return f"{item} is a new reference from {origin(draft)}, and another one is taken on top that nobody releases"


def _from(draft: Draft) -> str:
    return f" from {origin(draft)}" if draft.site is not None and draft.site.kind == "borrowed" else ""


_WORDS = {
    "HL401": _leaked, "HL402": _overwritten, "HL403": _used, "HL404": _borrowed, "HL405": _returned, "HL406": _twice,
    "HL407": _stolen, "HL409": _across, "HL410": _dangling, "HL411": _again, "HL412": _surplus,
}
