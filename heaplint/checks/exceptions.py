"""HL601–HL604: results that do not go with the exception, errors that are ignored or written over."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.paths import reports
from heaplint.checks.registry import Report, check
from heaplint.flow.paths.machine import Draft
from heaplint.model.unit import Unit


@check("HL601", "HL602", "HL603", "HL604")
def exceptions(unit: Unit) -> Iterator[Report]:
    """Every result without its exception, exception without its result, and error that goes unseen."""
    return reports(unit, _WORDS)


def _silent(draft: Draft, item: str) -> str:
    value = draft.detail
    why = f"{item} fails without setting one" if item else "none is set on this path"
    return f"{value} is returned without an exception: {why}"


def _both(draft: Draft, item: str) -> str:
    if draft.detail == "doubtful":
        return f"a value is returned although {item} may have set an exception; check PyErr_Occurred, or the result, first"
    return f"a value is returned although an exception is set ({item}): the interpreter raises SystemError"


def _ignored(draft: Draft, item: str) -> str:
    if draft.detail == "truth":
        return f"{item} gives -1 when it fails, which counts as true here; compare with 0 and with -1"
    return f"the result of {item} is ignored: when it fails, the exception stays set and the function goes on"


def _pending(draft: Draft, item: str) -> str:
    return f"{item} may run Python code and is called with an exception set; deal with that first"


_WORDS = {"HL601": _silent, "HL602": _both, "HL603": _ignored, "HL604": _pending}
