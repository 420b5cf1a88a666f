"""HL508: items that a container does not have, and items that nobody sets."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.flow.cfg import build
from heaplint.flow.items import SETS, Container, Kind, Known, Outside, Reader, Unset, join
from heaplint.model.expressions import fields_of, key_of, number, place
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_MAKES = frozenset({"PyTuple_New", "PyList_New", "PyStructSequence_New"})
_INITIALIZES = frozenset({"PyStructSequence_InitType", "PyStructSequence_InitType2"})
_DESC = ("name", "doc", "fields", "n_in_sequence")
"""The fields of PyStructSequence_Desc in order (Include/structseq.h)."""
_OPENING, _CLOSING, _BLANK = "([{", ")]}", " \t,:"


@check("HL508")
def item_out_of_range(unit: Unit) -> Iterator[Report]:
    """Constant indexes against constant sizes, and fresh containers that leave with items unset."""
    told: set[tuple[str, int]] = set()
    for function in unit.functions_mentioning([*_MAKES, "PyTuple_Pack", "Py_BuildValue"]):
        for report in (*_packs(function), *_items(unit, function)):
            if (report.place.path, report.place.start) not in told:
                told.add((report.place.path, report.place.start))
                yield report


def _packs(function: ir.Function) -> Iterator[Report]:
    for call in ir.calls(function.body):
        if ir.called(call) != "PyTuple_Pack" or not call.args:
            continue
        wanted, given = number(call.args[0]), len(call.args) - 1
        while wanted is not None and given > wanted and ir.is_null(call.args[given]):
            given -= 1  # a NULL to mark the end is nobody's item
        plain = not any(isinstance(one, ir.Opaque) or (isinstance(one, ir.Name) and "VA_ARGS" in one.text) for one in call.args)
        if wanted is not None and wanted != given and plain:
            yield Report(
                "HL508", place(function.path, call), f"PyTuple_Pack is told of {_count(wanted)} and given {given}",
                function=function.name, item="PyTuple_Pack",
            )


def _items(unit: Unit, function: ir.Function) -> Iterator[Report]:
    calls = list(ir.calls(function.body))
    if not any(ir.called(call) in _MAKES or ir.called(call) == "PyTuple_Pack" or _formatted(call) is not None for call in calls):
        return
    local = frozenset(
        node.name for node in ir.walk(function.body)
        if isinstance(node, ir.Variable) and not node.type.storage & {"static", "extern"} and not node.type.arrays
    )
    reader = Reader(_Maker(unit).make, local)
    cfg = build(function)
    states = cfg.forward(Known(), reader.transfer, join)
    for node in cfg.nodes:
        if node.index in states:
            for met in reader.found(node, states[node.index]):
                if isinstance(met, Unset) and _set_later(calls, met):
                    continue
                yield _outside(function, met) if isinstance(met, Outside) else _unset(function, met)


def _set_later(calls: list[ir.Call], met: Unset) -> bool:
    """Whether items are set when a container already has them in another: nobody need have looked until then."""
    if not isinstance(met.node, ir.Call) or ir.called(met.node).startswith("PyObject_Call"):
        return False
    return any(
        ir.called(call) in SETS and call.start > met.node.start and key_of(call.args[0]) == met.name
        for call in calls if call.args
    )


def _outside(function: ir.Function, met: Outside) -> Report:
    return Report(
        "HL508", place(function.path, met.call),
        f"item {met.index} of a {met.container.kind} of {_count(met.container.size)}",
        function=function.name, item=ir.called(met.call),
    )


def _unset(function: ir.Function, met: Unset) -> Report:
    numbers = ", ".join(str(index) for index in met.missing[:5]) + (", …" if len(met.missing) > 5 else "")
    plural = "items" if len(met.missing) > 1 else "item"
    return Report(
        "HL508", place(function.path, met.node),
        f"{met.name}, a {met.container.kind} of {_count(met.container.size)}, is given away with {plural} {numbers} never set",
        function=function.name, item=met.name,
    )


def _count(number_of: int) -> str:
    return "1 item" if number_of == 1 else f"{number_of} items"


@dataclass(frozen=True, slots=True)
class _Maker:
    unit: Unit

    def make(self, call: ir.Call) -> Container | None:
        """The container that a call makes; None when its size is not known."""
        name = ir.called(call)
        if name in ("PyTuple_New", "PyList_New") and len(call.args) == 1:
            size = number(call.args[0])
            if size is None or size < 0:
                return None
            return Container(id(call), "tuple" if name == "PyTuple_New" else "list", size, size, frozenset())
        if name == "PyTuple_Pack" and call.args and number(call.args[0]) == len(call.args) - 1:
            return Container(id(call), "tuple", len(call.args) - 1, 0, None)
        if name == "PyStructSequence_New" and len(call.args) == 1:
            return self._sequence(call)
        made = _formatted(call)
        return Container(id(call), made[0], made[1], 0, None) if made is not None else None

    def _sequence(self, call: ir.Call) -> Container | None:
        desc = self.unit.variable(self._desc(key_of(call.args[0])))
        if desc is None or not isinstance(desc.init, ir.InitList):
            return None
        fields, unknown = fields_of(desc.init, _DESC)
        rows = self.unit.variable(key_of(fields.get("fields")))
        if unknown or rows is None or not isinstance(rows.init, ir.InitList):
            return None
        visible = number(fields.get("n_in_sequence")) or 0
        for count, entry in enumerate(rows.init.entries):
            row = entry.value
            if entry.designators or not isinstance(row, ir.InitList) or not row.entries:
                return None
            if ir.is_null(row.entries[0].value):
                # one that has a text all the same gets its name at run time
                ends = count >= visible and all(ir.is_null(one.value) for one in row.entries)
                return Container(id(call), "struct sequence", count, visible, frozenset()) if ends else None
        return None

    def _desc(self, holder: str) -> str:
        """The PyStructSequence_Desc of the type that a name holds; "" when it is not the only one."""
        made = {
            one.symbol for one in self.unit.types
            if one.written_as == "structseq" and one.kind == "heap" and holder in one.targets
        }
        for function in self.unit.functions_mentioning(_INITIALIZES):
            for call in ir.calls(function.body):
                if ir.called(call) in _INITIALIZES and len(call.args) == 2 and key_of(call.args[0]) == holder:
                    made.add(key_of(call.args[1]))
        return made.pop() if len(made) == 1 else ""


def _formatted(call: ir.Call) -> tuple[Kind, int] | None:
    """The kind and size of what Py_BuildValue makes of a format; None for what is no tuple or list."""
    if ir.called(call) != "Py_BuildValue" or not call.args:
        return None
    text = ir.string_value(call.args[0])
    if text is None:
        return None
    items = _split(text)
    if items is None or len(items) == 0:
        return None
    if len(items) > 1:
        return "tuple", len(items)
    inner = _split(items[0][1:-1]) if items[0][0] in "([" else None
    return ("tuple" if items[0][0] == "(" else "list", len(inner)) if inner is not None else None


def _split(text: str) -> list[str] | None:
    """The units of a format; None when brackets do not match."""
    items: list[str] = []
    depth, start = 0, 0
    for at, character in enumerate(text):
        if character in _OPENING:
            start = at if depth == 0 else start
            depth += 1
        elif character in _CLOSING:
            depth -= 1
            if depth < 0:
                return None
            if depth == 0:
                items.append(text[start : at + 1])
        elif depth == 0 and character in "#&!":
            if not items:
                return None
            items[-1] += character
        elif depth == 0 and character not in _BLANK:
            items.append(character)
    return items if depth == 0 else None
