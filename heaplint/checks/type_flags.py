"""HL108, HL113: flags that a type lacks, and flags it must not set."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.expressions import flag_names
from heaplint.model.link import resolve_types
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit

_SETS_FLAGS = re.compile(rb"\btp_flags\s*\|?=(?!=)")
_OF_THE_INTERPRETER = re.compile(
    r"Py_TPFLAGS_(?:HEAPTYPE|READY|READYING|VALID_VERSION_TAG|IS_ABSTRACT|INLINE_VALUES)\Z|_Py_TPFLAGS_STATIC\w*\Z"
)


@check("HL108")
def missing_default_flags(unit: Unit) -> Iterator[Report]:
    """Flags without Py_TPFLAGS_DEFAULT, and static types that never get any."""
    for made in unit.types:
        if made.written_as in ("structseq", "runtime"):
            continue
        if made.flags is None:
            if made.kind == "heap" or made.slots_unknown or not made.slots:
                continue
            place = made.place
        elif made.flags.unknown or any(name.startswith("Py_TPFLAGS_DEFAULT") for name in made.flags.names):
            continue
        else:
            place = made.flags.place
        yield Report(
            "HL108", place, f"the flags of {made.symbol} do not include Py_TPFLAGS_DEFAULT", symbol=made.symbol
        )


@check("HL113")
def hand_set_type_flag(unit: Unit) -> Iterator[Report]:
    """Flags of the interpreter in initialisers, and assigned at run time."""
    late: dict[str, set[str]] = {}
    for function in unit.functions_with(_SETS_FLAGS):
        for node in ir.walk(function.body):
            if not isinstance(node, ir.Assign) or node.operator not in ("=", "|="):
                continue
            target = ir.strip(node.target)
            if not isinstance(target, ir.Member) or target.field != "tp_flags":
                continue
            names = _forbidden(flag_names(node.value)[0])
            if not names:
                continue
            for made in resolve_types(unit, target.object, function, 0):
                if isinstance(made, TypeDef):
                    late.setdefault(made.symbol, set()).update(names)
                    yield _report(made, ir.Place(function.path, node.start, node.end), names)
    for made in unit.types:
        if made.flags is not None:
            names = [name for name in _forbidden(made.flags.names) if name not in late.get(made.symbol, ())]
            if names:
                yield _report(made, made.flags.place, names)


def _forbidden(names: frozenset[str]) -> list[str]:
    return sorted(name for name in names if _OF_THE_INTERPRETER.match(name))


def _report(made: TypeDef, place: ir.Place, names: list[str]) -> Report:
    return Report(
        "HL113", place, f"{' and '.join(names)} of {made.symbol} may be set by the interpreter only: remove it",
        symbol=made.symbol, remedy=" ".join(names),
    )
