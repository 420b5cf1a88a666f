"""The calls that take a format string of the C API, with the formats read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.formats import FUNCTIONS, Format, Formatting, read
from heaplint.frontend.text import Text
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_LITERALS: Final = re.compile(rb'(?:"(?:[^"\\\n]|\\.)*"[\s\\]*)+', re.S)
_MACRO: Final = re.compile(r"[A-Z_][A-Z0-9_]*\Z")
_NOT_MACROS: Final = frozenset({"NULL", "TRUE", "FALSE"})


@dataclass(frozen=True, slots=True, eq=False)
class FormatCall:
    """One call with a literal format."""

    function: ir.Function
    call: ir.Call
    name: str
    """The function that is called."""
    takes: Formatting
    literal: ir.Expr
    format: Format

    @property
    def arguments(self) -> tuple[ir.Expr, ...] | None:
        """The arguments that the format is about; None where they come in a va_list."""
        return self.call.args[self.takes.first :] if self.takes.first is not None else None


def format_calls(unit: Unit) -> Iterator[FormatCall]:
    """The calls in the unit's own functions; those whose format is no literal, or not the same everywhere, are left out."""
    for function in unit.functions_mentioning(FUNCTIONS.keys()):
        for call in ir.calls(function.body):
            name = ir.called(call)
            takes = FUNCTIONS.get(name)
            if takes is None or takes.format >= len(call.args):
                continue
            literal = call.args[takes.format]
            value = ir.string_value(literal)
            text = unit.text_of(function.path)
            if value is None or text is None or not _as_written(text, call, literal):
                continue
            if (format := read(value, takes.dialect)) is not None:
                yield FormatCall(function, call, name, takes, literal, format)


def _as_written(text: Text, call: ir.Call, literal: ir.Expr) -> bool:
    """Whether a format is the same on every system: no macro is a part of it, and no `#if` lies in the call."""
    branches = text.reading.branches
    if bisect_left(branches, call.start) != bisect_left(branches, call.end):
        return False
    return _LITERALS.fullmatch(text.code, literal.start, literal.end) is not None


def is_one_argument(expr: ir.Expr) -> bool:
    """Whether what was read as one argument surely is one: a macro that is not seen may stand for several, or for none."""
    name = expr.text if isinstance(expr, ir.Name) else ir.called(expr)
    return not isinstance(expr, ir.Opaque) and (name in _NOT_MACROS or not _MACRO.match(name))
