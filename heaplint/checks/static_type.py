"""HL101: type objects with static storage, however they are written."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.model.unit import Unit


@check("HL101")
def static_type(unit: Unit) -> Iterator[Report]:
    """Every static type but struct sequences, which HL102 reports."""
    for made in unit.types:
        if made.kind == "static" and made.written_as != "structseq":
            yield Report(
                "HL101", made.place,
                f"{made.symbol} is a static type: it is shared by all interpreters of the process; "
                "make it a heap type with PyType_FromModuleAndSpec",
                symbol=made.symbol,
            )
