"""HL107: heap types without tp_new whose instances only C code is to make."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.model.creators import factory_of
from heaplint.model.inherit import slot
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit

_CLOSED = "Py_TPFLAGS_DISALLOW_INSTANTIATION"
_MAX_BASES = 40


@check("HL107")
def accidentally_instantiable(unit: Unit) -> Iterator[Report]:
    """Specs that get object.__new__, which leaves the instance uninitialised, and that a C factory uses."""
    for made in unit.types:
        if not made.is_spec or made.flags is None or made.flags.unknown or _CLOSED in made.flags:
            continue
        new = slot(made, "tp_new")
        if new.kind != "builtin" or new.builtin != "PyBaseObject_Type" or _closed_base(made, 0):
            continue
        factory = factory_of(unit, made)
        if factory is not None:
            yield Report(
                "HL107", made.place,
                f"heap type {made.symbol} has no Py_tp_new and can be called from Python, which gives an object "
                f"with all fields zero: add {_CLOSED}",
                symbol=made.symbol, related=((factory, "instances are made here"),),
            )


def _closed_base(made: TypeDef, depth: int) -> bool:
    """Whether a base has no tp_new to inherit."""
    return depth < _MAX_BASES and any(
        isinstance(base, TypeDef) and (
            (base.flags is not None and _CLOSED in base.flags)
            or slot(base, "tp_new").kind == "absent"
            or _closed_base(base, depth + 1)
        )
        for base in made.bases
    )
