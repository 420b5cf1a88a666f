"""HL507: `#` in formats of files that do not define PY_SSIZE_T_CLEAN before they include Python.h."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heaplint.capi.scalars import scalar
from heaplint.checks.registry import Report, check
from heaplint.model.expression_types import Declarations, ExpressionTypes
from heaplint.model.expressions import place
from heaplint.model.format_calls import FormatCall, format_calls
from heaplint.model.ssize_t_clean import comes_too_late, ssize_t_clean
from heaplint.model.unit import Unit

_NOT_NEEDED: Final = (3, 13)
"""The first Python whose lengths are Py_ssize_t whatever the file defines: its modsupport.h does not ask for the macro."""


@check("HL507")
def missing_ssize_t_clean(unit: Unit) -> Iterator[Report]:
    """The first such call of each file."""
    if min(unit.view.versions) >= _NOT_NEEDED or ssize_t_clean(unit) is not False:
        return
    by_path: dict[str, list[FormatCall]] = {}
    for call in format_calls(unit):
        if call.format.lengths:
            by_path.setdefault(call.function.path, []).append(call)
    declarations = Declarations(unit)
    if not comes_too_late(unit) and not any(_counts_in_int(declarations, one) for all_ in by_path.values() for one in all_):
        return  # lengths are Py_ssize_t: the build may define the macro
    for path, found in by_path.items():
        first, *others = found
        more = f" (and {len(others)} more in this file)" if others else ""
        yield Report(
            "HL507", place(path, first.literal),
            f"{first.name} with a # in its format{more} needs #define PY_SSIZE_T_CLEAN before #include <Python.h>",
            function=first.function.name, item=first.name, python="<3.13",
            related=tuple((place(path, one.literal), f"a # in {one.function.name} as well") for one in others[:10]),
        )


def _counts_in_int(declarations: Declarations, call: FormatCall) -> bool:
    """Whether a length of a call is as small as an int."""
    types = ExpressionTypes(declarations, call.function)
    for wanted, argument in zip(call.format.wanted, call.arguments or (), strict=False):
        if wanted.unit.endswith("#") and wanted.base == "Py_ssize_t" and (given := types.of(argument)) is not None:
            number = scalar(given.base)
            if number is not None and given.pointers == wanted.pointers and number.unix == 4:
                return True
    return False
