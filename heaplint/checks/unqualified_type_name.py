"""HL111: type names without a module part."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.model.unit import Unit


@check("HL111")
def unqualified_type_name(unit: Unit) -> Iterator[Report]:
    """Names of types, known as literals, without a dot."""
    for made in unit.types:
        if made.name and "." not in made.name and made.written_as != "structseq":
            yield Report(
                "HL111", made.name_place or made.place,
                f'the name "{made.name}" of {made.symbol} has no module part: write it as "module.{made.name}"',
                symbol=made.symbol,
            )
