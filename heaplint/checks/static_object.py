"""HL303: objects in variables with static storage, and what they are used for as far as that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator

from heaplint.checks.registry import Report, check
from heaplint.model.program import Unit
from heaplint.model.static_objects import StaticObject, static_objects

_STORED = re.compile(rb"\s*=(?!=)\s*([^;]*);")
_CURE = "keep it in the module state"


@check("HL303")
def static_object(unit: Unit) -> Iterator[Report]:
    """Every variable with static storage that holds objects."""
    for one in static_objects(unit):
        if _points_to_static_types(unit, one) or _defined_elsewhere(unit, one):
            continue
        yield Report(
            "HL303",
            one.variable.place,
            f"{_what(unit, one)}, which all interpreters share; {_CURE}",
            symbol=one.name,
            function=one.variable.function or None,
        )


def _defined_elsewhere(unit: Unit, one: StaticObject) -> bool:
    """A tentative definition in a header, of a variable that a source file of the program defines."""
    kind = one.variable.variable.type
    if one.variable.function or "static" in kind.storage or one.variable.place.path == unit.path:
        return False
    return any(
        other.name == one.name and "static" not in other.variable.type.storage and not other.function
        for main in unit.program.units for other in main.globals if other.place.path == main.path
    )


def _points_to_static_types(unit: Unit, one: StaticObject) -> bool:
    """A pointer to type objects that only ever gets the addresses of static ones: those are what HL101 reports."""
    kind = one.variable.variable.type
    if kind.name != "PyTypeObject" or kind.arrays or one.members:
        return False
    values: list[bytes] = []
    for other in unit.program.units:
        for text in other.own:
            stores = (_STORED.match(text.code, at + len(one.name)) for at in text.mentions(one.name))
            values += [found.group(1).strip() for found in stores if found is not None]
    given = [value for value in values if value != b"NULL"]
    return bool(given) and all(
        (found := re.fullmatch(rb"(?:\([^()]*\)\s*)?&\s*(\w+)", value)) is not None
        and any(made.kind == "static" for made in unit.program.names.get(found.group(1).decode(), []))
        for value in given
    )


def _what(unit: Unit, one: StaticObject) -> str:
    if one.members:
        listed = ", ".join(one.members[:3]) + (", ..." if len(one.members) > 3 else "")
        return f"the static struct {one.name} holds Python objects ({listed})"
    kind = one.variable.variable.type
    if kind.arrays:
        return f"the static array {one.name} holds Python objects"
    if one.variable.function:
        return f"{one.name}, a static variable of {one.variable.function}(), holds {_use(unit, one)}"
    storage = "static" if "static" in kind.storage else "global"
    return f"the {storage} variable {one.name} holds {_use(unit, one)}"


_USES = (
    ("PyErr_New", "an exception"),
    ("PyUnicode_", "a string"),
    ("PyImport_", "an imported module"),
    ("PyType_From", "a heap type"),
    ("PyStructSequence_NewType", "a heap type"),
    ("PyModule_", "a module"),
    ("PyDict_", "a dictionary"),
    ("PyObject_GetAttr", "an imported object"),
    ("PyContextVar_", "a context variable"),
    ("PyLong_", "a number"),
)


_GETS_RESULT = re.compile(rb"\s*=\s*(?:\([^()]*\)\s*)?(\w+)\s*\(")


def _use(unit: Unit, one: StaticObject) -> str:
    if one.variable.variable.type.name == "PyTypeObject":
        return "a type object"
    for text in unit.texts:
        for at in text.mentions(one.name):
            found = _GETS_RESULT.match(text.code, at + len(one.name))
            called = found.group(1).decode() if found else ""
            for prefix, use in _USES:
                if called.startswith(prefix):
                    return use
    return "a Python object"
