"""HL201, HL202, HL218: does a type take part in garbage collection when it has to."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.flow.lifecycle import lives
from heaplint.model.inherit import immutable
from heaplint.model.types import HAVE_GC
from heaplint.model.unit import Unit


@check("HL201")
def heap_type_without_gc(unit: Unit) -> Iterator[Report]:
    """Heap types that do not have the flag after inheritance."""
    for life in lives(unit):
        made = life.made
        if not made.is_spec or life.gc is not False:
            continue
        owns = any(life.owned(member.path) and not life.atomic(member.path) for member in life.members)
        light = immutable(made) is True and not owns
        yield Report(
            "HL201", made.place,
            f"heap type {made.symbol} has no Py_TPFLAGS_HAVE_GC: cycles through its instances, each of which refers to its "
            "type, are never collected",
            symbol=made.symbol, severity="note" if light else None,
        )


@check("HL202")
def missing_traverse(unit: Unit) -> Iterator[Report]:
    """An explicit flag stops tp_traverse from being inherited."""
    for life in lives(unit):
        made = life.made
        if made.flags is None or HAVE_GC not in made.flags or made.written_as == "structseq":
            continue
        if life.slot("tp_traverse").kind == "absent":
            yield Report(
                "HL202", made.place, f"{made.symbol} has Py_TPFLAGS_HAVE_GC but no tp_traverse", symbol=made.symbol
            )


@check("HL218")
def container_without_gc(unit: Unit) -> Iterator[Report]:
    """Static types that own references to arbitrary objects."""
    for life in lives(unit):
        made = life.made
        if made.kind != "static" or made.written_as == "structseq" or life.gc is not False:
            continue
        owned = [m.path for m in life.members if life.owned(m.path) and not life.atomic(m.path)]
        if owned:
            yield Report(
                "HL218", made.place,
                f"static type {made.symbol} owns {_listed(owned)} but has no Py_TPFLAGS_HAVE_GC: cycles through it leak",
                symbol=made.symbol,
            )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
