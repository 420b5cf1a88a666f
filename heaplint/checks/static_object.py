"""HL303: objects in variables with static storage, and what they are used for as far as that can be told."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.aspects import Value, answer, index
from heaplint.model.static_objects import StaticObject, static_objects
from heaplint.model.unit import Unit

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
    return bool(unit.ask("global in main file", one.name))


@index("global in main file", of_types=True)
def _globals_of_main(unit: Unit) -> Iterator[tuple[str, Value]]:
    for one in unit.globals:
        if one.place.path == unit.path and "static" not in one.variable.type.storage and not one.function:
            yield one.name, None


def _points_to_static_types(unit: Unit, one: StaticObject) -> bool:
    """A pointer to type objects that only ever gets the addresses of static ones: those are what HL101 reports."""
    kind = one.variable.variable.type
    if kind.name != "PyTypeObject" or kind.arrays or one.members:
        return False
    values = [value for _, many in unit.answers("stores", one.name) if isinstance(many, tuple) for value in many]
    given = [value for value in values if isinstance(value, bytes) and value != b"NULL"]
    return bool(given) and all(
        (found := re.fullmatch(rb"(?:\([^()]*\)\s*)?&\s*(\w+)", value)) is not None
        and unit.names_static_type(found.group(1).decode())
        for value in given
    )


@answer("stores")
def _stores(unit: Unit, name: str) -> Iterator[Value]:
    """The texts of what the unit stores in variables of a name."""
    for text in unit.own:
        for at in text.mentions(name):
            if (found := _STORED.match(text.code, at + len(name))) is not None:
                yield found.group(1).strip()


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
