"""HL109: tables of slots, methods, members and attributes without the element of zeros at their end."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.expressions import number
from heaplint.model.unit import Unit

_TABLES = frozenset({"PyType_Slot", "PyMethodDef", "PyMemberDef", "PyGetSetDef", "PyModuleDef_Slot"})
_TABLE = re.compile(
    rb"\b(?:PyType_Slot|PyMethodDef|PyMemberDef|PyGetSetDef|PyModuleDef_Slot)\b[^;{}()]*\[[^;{}]*\]\s*="
)
_GIVEN = (
    rb"(?:\bPy_tp_(?:methods|members|getset)\s*,\s*(?:\([^()]*\)\s*)?|"
    rb"\.\s*(?:tp_methods|tp_members|tp_getset|m_methods|m_slots|slots|pfunc)\s*=\s*(?:\([^()]*\)\s*)?)&?\s*"
)


@check("HL109")
def unterminated_slots(unit: Unit) -> Iterator[Report]:
    """Arrays, of a file or of a function, whose last element is known and not zero."""
    for text in unit.own:
        for item in text.items_mentioning(sorted(_TABLES)):
            if not _TABLE.search(text.code, item.start, item.end):
                continue
            parsed = text.parse(item)
            variables = [(one, "") for one in parsed.variables]
            for function in parsed.functions:
                variables += [(node, function.name) for node in ir.walk(function.body) if isinstance(node, ir.Variable)]
            for variable, where in variables:
                if _unterminated(variable) and not _counted(unit, variable.name):
                    yield Report(
                        "HL109", ir.Place(text.path, variable.start, variable.end),
                        f"{variable.name} has no element of zeros at its end: CPython reads on behind it; add {{0}}",
                        symbol=variable.name, function=where or None,
                    )


def _unterminated(variable: ir.Variable) -> bool:
    kind = variable.type
    if kind.name not in _TABLES or kind.pointers or len(kind.arrays) != 1 or not isinstance(variable.init, ir.InitList):
        return False
    elements = variable.init.entries
    if not elements or any(entry.designators for entry in elements):
        return False
    if any(_is_zero(entry.value) for entry in elements) or not isinstance(elements[-1].value, ir.InitList):
        return False
    if not _is_known(elements[-1].value):
        return False
    length = kind.arrays[0].strip()
    if not length:
        return True
    return length.isdigit() and int(length) <= len(elements)


def _is_zero(element: ir.Expr) -> bool:
    if not isinstance(element, ir.InitList):
        return False
    first = next((e for e in element.entries if not e.designators or e.designators[0] in _FIRST), None)
    return first is None or ir.is_null(first.value) or number(first.value) == 0


_FIRST = frozenset({"slot", "name", "ml_name"})
"""The first fields of the structs, which end the table when they are zero."""


def _is_known(element: ir.InitList) -> bool:
    """Whether the element begins with something that cannot be zero: a string, a slot's id or a macro's text."""
    first = next((e for e in element.entries if not e.designators or e.designators[0] in _FIRST), None)
    inner = ir.strip(first.value) if first is not None else None
    if isinstance(inner, ir.Name):
        return inner.text.startswith("Py_")
    return isinstance(inner, ir.Constant)


def _counted(unit: Unit, name: str) -> bool:
    """Whether code takes the elements one by one, and no type or module gets the table."""
    word = re.escape(name.encode())
    taken = re.compile(
        rb"\bsizeof\s*\(?\s*" + word + rb"\b|"
        rb"\b(?:Py_ARRAY_LENGTH|ARRAY_SIZE|countof|_countof|ARRAYSIZE)\s*\(\s*" + word + rb"\s*\)|"
        rb"(?<![\w.>])" + word + rb"\s*\[\s*[\w+-]+\s*\]\s*(?!\s*=\s*\{)[.,)]|\bstd::(?:size|begin|end)\s*\(\s*" + word
    )
    given = re.compile(_GIVEN + word + rb"\b(?!\s*\[)")
    if not any(taken.search(text.code) for text in unit.texts):
        return False
    return not any(given.search(text.code) for text in unit.texts)
