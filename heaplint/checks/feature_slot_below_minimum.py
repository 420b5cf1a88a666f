"""HL116: slots and flags that the oldest target Python does not have."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.capi.facts import since
from heaplint.checks.registry import Report, check
from heaplint.model.unit import Unit
from heaplint.pythons import version_text


@check("HL116")
def feature_slot_below_minimum(unit: Unit) -> Iterator[Report]:
    """Names of the API in specs and flags of a view that an older Python reads too."""
    oldest = min(unit.view.versions)
    for made in unit.types:
        found: list[tuple[str, ir.Place]] = []
        if made.is_spec:
            found += [(f"Py_{slot.name}", slot.place) for slot in made.slots.values() if not slot.runtime]
        if made.flags is not None:
            found += [(name, made.flags.place) for name in sorted(made.flags.names)]
        for name, place in found:
            first = since().get(name)
            if first is not None and oldest < first:
                yield Report(
                    "HL116", place,
                    f"{made.symbol} uses {name}, which came with Python {version_text(first)}, "
                    f"but is to work on {version_text(oldest)}: guard it with #if PY_VERSION_HEX",
                    symbol=made.symbol, item=name,
                )
