"""HL110: the same slot twice in one slot array."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.model.unit import Unit


@check("HL110")
def duplicate_slot(unit: Unit) -> Iterator[Report]:
    """Every entry after the first for a slot."""
    for made in unit.types:
        for slot in made.duplicates:
            yield Report(
                "HL110", slot.place,
                f"{made.symbol} gives the slot Py_{slot.name} again: the earlier entry is dropped",
                symbol=made.symbol, item=slot.name,
            )
