"""HL506: arguments that are not those that the format string of a call describes, in number or in type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heaplint import ir
from heaplint.capi.formats import PARSE_UNIT_FOR, PRINT_UNIT_FOR, Wanted
from heaplint.capi.scalars import SYSTEMS, System, differ, promoted, scalar
from heaplint.checks.registry import Report, check
from heaplint.findings import Severity
from heaplint.model.expression_types import Declarations, ExpressionTypes, Kind
from heaplint.model.expressions import key_of, place
from heaplint.model.format_calls import FormatCall, format_calls, is_one_argument
from heaplint.model.ssize_t_clean import ssize_t_clean
from heaplint.model.systems import systems
from heaplint.model.unit import Unit
from heaplint.pythons import version_text

_ALWAYS_SSIZE_T: Final = (3, 13)
"""Since then the length of a `#` unit is a Py_ssize_t whatever the file defines (Include/modsupport.h)."""
_MEMORY: Final = frozenset({"s#", "z#", "y#"})
"""Units whose pointer may lead to anything: the length says how many bytes."""


@check("HL506")
def parse_format_mismatch(unit: Unit) -> Iterator[Report]:
    """Calls with a literal format."""
    declarations: Declarations | None = None
    types: ExpressionTypes | None = None
    of: ir.Function | None = None
    known = SYSTEMS
    for call in format_calls(unit):
        if declarations is None:
            declarations, known = Declarations(unit), systems(unit)
        if types is None or of is not call.function:
            types, of = ExpressionTypes(declarations, call.function), call.function
        if (report := _about_format(unit, call)) is not None:
            yield report
        if (report := _about_count(call)) is not None:
            yield report
            continue  # which argument belongs to which unit is not known
        if (report := _about_keywords(unit, call)) is not None:
            yield report
        yield from _about_types(unit, call, types, known)


def _report(
    call: FormatCall, node: ir.Expr, message: str, item: str = "", python: str | None = None,
    severity: Severity | None = None,
) -> Report:
    return Report(
        "HL506", place(call.function.path, node), message,
        function=call.function.name, item=item or call.name, python=python, severity=severity,
    )


def _shown(call: FormatCall) -> str:
    text = ir.string_value(call.literal) or ""
    return f"\"{text if len(text) <= 40 else text[:37] + '...'}\""


def _about_format(unit: Unit, call: FormatCall) -> Report | None:
    format = call.format
    if not format.problem:
        return None
    if format.before is None:
        return _report(call, call.literal, f"the format {_shown(call)} of {call.name} {format.problem}")
    if min(unit.view.versions) >= format.before:
        return None
    first = version_text(format.before)
    message = f"the format {_shown(call)} of {call.name} {format.problem}, which came with Python {first}"
    return _report(call, call.literal, message, python=f"<{first}")


# -- how many ----------------------------------------------------------------------------------------------------------


def _about_count(call: FormatCall) -> Report | None:
    given = call.arguments
    if given is None or (call.format.problem and call.format.before is None):
        return None
    wanted = len(call.format.wanted)
    if len(given) == wanted or not all(map(is_one_argument, given)):
        return None
    if not call.function.complete and any(isinstance(node, ir.Opaque) for node in ir.walk(call.call)):
        return None
    arguments = "argument" if wanted == 1 else "arguments"
    are = "is" if len(given) == 1 else "are"
    surplus: Severity | None = None
    if len(given) > wanted:
        if all(map(ir.is_null, given[wanted:])):
            return None  # an end mark that nobody reads
        surplus = "warning" if call.takes.dialect != "parse" else None
    return _report(
        call, call.literal,
        f"the format {_shown(call)} of {call.name} describes {wanted} {arguments}, but {len(given)} {are} given",
        severity=surplus,
    )


def _about_keywords(unit: Unit, call: FormatCall) -> Report | None:
    if call.takes.keywords is None or call.format.problem or call.takes.keywords >= len(call.call.args):
        return None
    given = ir.strip(call.call.args[call.takes.keywords])
    name = given.text if isinstance(given, ir.Name) else ""  # `names + 1` is another list
    entries = _keywords(unit, call, name)
    if entries is None:
        return None
    last = next((index for index, entry in enumerate(entries) if ir.is_null(entry)), None)
    if last is None:
        return _report(call, call.literal, f"{name} has no NULL at its end: {call.name} reads on behind it", name)
    wanted = call.format.parameters
    if last == wanted:
        return None
    return _report(
        call, call.literal,
        f"the format {_shown(call)} of {call.name} describes {wanted} parameter{'s' if wanted != 1 else ''}, "
        f"but {name} names {last}", name,
    )


def _keywords(unit: Unit, call: FormatCall, name: str) -> list[ir.Expr] | None:
    """The elements of a list of keywords; None when they are not known one by one."""
    if not name:
        return None
    found: list[ir.Variable] = []
    for node in ir.walk(call.function.body):
        if isinstance(node, ir.Variable) and node.name == name:
            found.append(node)
        elif isinstance(node, ir.Assign) and key_of(node.target) == name:
            return None
    if not found and (outside := unit.variable(name)) is not None:
        found.append(outside)
    if len(found) != 1 or not isinstance(found[0].init, ir.InitList) or not found[0].type.arrays:
        return None
    entries = found[0].init.entries
    if any(entry.designators or not _is_keyword(entry.value) for entry in entries):
        return None
    length = found[0].type.arrays[0].strip()
    if not length:
        return [entry.value for entry in entries]
    if not length.isdigit() or int(length) > 200:
        return None
    zero = ir.Name(found[0].start, found[0].end, "NULL")
    return [entry.value for entry in entries] + [zero] * (int(length) - len(entries))


def _is_keyword(expr: ir.Expr) -> bool:
    return ir.is_null(expr) or isinstance(ir.strip(expr), ir.Constant)


# -- of which types ----------------------------------------------------------------------------------------------------


def _about_types(
    unit: Unit, call: FormatCall, types: ExpressionTypes, known: frozenset[System]
) -> Iterator[Report]:
    stores = call.takes.dialect == "parse"
    for number, (wanted, argument) in enumerate(zip(call.format.wanted, call.arguments or (), strict=False), 1):
        if not is_one_argument(argument):
            return  # what follows may belong to another unit
        given = types.of(argument)
        if given is None:
            continue
        python = None
        if wanted.unit.endswith("#") and wanted.base == "Py_ssize_t":
            python = _when_ssize_t(unit, call)
            if python is None:
                continue
        problem = _stored(wanted, argument, given, known) if stores else _passed(wanted, argument, given, known)
        if problem:
            message = f'"{wanted.unit}" of {call.name} {problem}{_instead(call, given, wanted)}'
            yield _report(call, argument, message, key_of(argument) or f"argument {number}", python or None)


def _when_ssize_t(unit: Unit, call: FormatCall) -> str | None:
    """The Pythons for which the length of a `#` unit is a Py_ssize_t, "" for all of the unit; None for none (HL507)."""
    text = unit.text_of(call.function.path)
    if text is None or call.name in text.reading.macros:
        return None  # PY_SSIZE_T_CLEAN works by a macro of this name
    oldest, newest = min(unit.view.versions), max(unit.view.versions)
    clean = ssize_t_clean(unit)
    if clean or oldest >= _ALWAYS_SSIZE_T:
        return ""
    return f">={version_text(_ALWAYS_SSIZE_T)}" if newest >= _ALWAYS_SSIZE_T else None


def _stored(wanted: Wanted, argument: ir.Expr, given: Kind, known: frozenset[System]) -> str:
    """Why a result cannot be stored through an argument; "" when it can or nothing is sure."""
    if wanted.base == "any" or ir.is_null(argument):
        return ""
    if wanted.unit == "O!" and wanted.pointers == 1:
        bad = given.pointers != 1 or scalar(given.base) is not None
        return f"wants a type, but gets {_a(given)}" if bad and given.base != "void" else ""
    if wanted.unit.startswith("e") and wanted.pointers == 1 and wanted.base == "char":
        text = "wants the name of an encoding"
    else:
        text = f"stores {_a(_spelled(wanted, 1))}"
    if not given.pointers:
        return f"{text}, but gets {_a(given)} and no address" if given.scalar is not None else ""
    if given.base == "void" or (isinstance(argument, ir.Cast) and given.pointers == 1):
        return ""
    if given.pointers != wanted.pointers:
        return f"{text}, but gets {_a(given)}"
    where = _differ(wanted, given)
    return f"{text}, but gets {_a(given)}{_on(where)}" if where & known else ""


def _differ(wanted: Wanted, given: Kind) -> frozenset[System]:
    """The systems on which what two pointers of the same depth lead to is surely not the same."""
    if wanted.unit in _MEMORY and wanted.base == "char":
        return SYSTEMS if _is_object(given) else frozenset()
    number, other = scalar(wanted.base), scalar(given.base)
    if number is None:  # an object, or a struct of the API
        return SYSTEMS if other is not None and (wanted.base == "object" or not given.array) else frozenset()
    if other is None:
        return SYSTEMS if wanted.pointers == 2 or _is_object(given) else frozenset()
    return differ(number, other)


def _is_object(given: Kind) -> bool:
    return given.base.startswith(("Py", "_Py")) and given.base.endswith("Object")


def _passed(wanted: Wanted, argument: ir.Expr, given: Kind, known: frozenset[System]) -> str:
    """Why an argument is not what a unit takes; "" when it is or nothing is sure."""
    text = f"takes {_a(_spelled(wanted, 0))}, but gets {_a(given)}"
    number, other = scalar(wanted.base), scalar(given.base)
    if not wanted.pointers:
        if number is not None and given.pointers:
            other = scalar("uintptr_t")  # it gets through where it has the room
        if other is None or number is None:
            return ""
        where = differ(promoted(number), promoted(other))
        return f"{text}{_on(where)}" if where & known else ""
    if given.scalar is not None:
        return "" if ir.is_null(argument) else text
    if not given.pointers or wanted.base in ("any", "void") or given.base == "void":
        return ""
    if wanted.base == "object":
        return text if given.pointers > 1 or other is not None else ""
    if number is None:
        return ""
    if wanted.unit in _MEMORY and wanted.base == "char":
        return text if given.pointers > 1 or _is_object(given) else ""
    return text if given.pointers > 1 or other is None or differ(number, other) & known else ""


def _on(where: frozenset[System]) -> str:
    """On which systems two types differ, when it is only one of the two."""
    if len(where) != 1:
        return ""
    return " (they differ on 64-bit Windows)" if "windows" in where else " (they differ on 64-bit Unix)"


def _spelled(wanted: Wanted, stars: int) -> Kind:
    """The type of a unit, with some stars less."""
    return Kind({"object": "PyObject", "any": "void"}.get(wanted.base, wanted.base), wanted.pointers - stars)


def _a(kind: Kind) -> str:
    shown = str(kind)
    return f"{'an' if shown[0] in 'aeiou' else 'a'} {shown}"


def _instead(call: FormatCall, given: Kind, wanted: Wanted) -> str:
    """The unit that goes with a number's type, where there is one."""
    stores = call.takes.dialect == "parse"
    if given.pointers != int(stores) or wanted.pointers != int(stores) or wanted.unit.endswith(("#", "x", "X", "o")):
        return ""
    units = PARSE_UNIT_FOR if call.takes.dialect in ("parse", "build") else PRINT_UNIT_FOR
    unit = units.get(given.base)
    return f': use "{unit}"' if unit else ""
