"""HL102: struct sequences built in a static type object."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.model.unit import Unit


@check("HL102")
def static_structseq(unit: Unit) -> Iterator[Report]:
    """Every static type that PyStructSequence_InitType[2] fills in."""
    for made in unit.types:
        if made.kind == "static" and made.written_as == "structseq":
            yield Report(
                "HL102", made.place,
                f"{made.symbol} is a struct sequence in a static type, shared by all interpreters of the process: "
                "create it with PyStructSequence_NewType",
                symbol=made.symbol,
            )
