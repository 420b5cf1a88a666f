"""The variables with static storage that hold Python objects."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.model.aspects import Value, index
from heaplint.model.expressions import place
from heaplint.model.globals import GlobalVariable
from heaplint.model.members import is_object_struct, owned_members
from heaplint.model.unit import DEFINED, Unit
from heaplint.records import dataclass

_STRUCT_VARIABLE = re.compile(
    rb"\s*(?:(?:static|volatile|struct)\s+)*([A-Za-z_]\w*)\s+[A-Za-z_]\w*\s*(?:\[[^\]]*\]\s*)?(?:=\s*\{|;)"
)
_STRUCT_BODY = re.compile(rb"\s*static\s+struct\b\s*\w*\s*\{")
_OF_THE_THREAD = re.compile(
    rb"\b(?:_Thread_local|__thread|thread_local|Py_THREAD_LOCAL|_Py_thread_local|__declspec\s*\(\s*thread)"
)
_NOT_STORAGE = frozenset({b"return", b"typedef", b"goto", b"extern", b"const", b"enum", b"union", b"case", b"else"})
_API_STRUCT = re.compile(r"_?Py[A-Z_]")
_NOT_OF_ONE_INTERPRETER = frozenset({"PyModuleDef", "_PyArg_Parser", "PyMethodDef"})


@dataclass(frozen=True, slots=True, eq=False)
class StaticObject:
    """A variable with static storage that holds one object or more."""

    variable: GlobalVariable
    members: tuple[str, ...] = ()
    """The members that hold objects, when the variable is a struct."""

    @property
    def name(self) -> str:
        """The variable's name."""
        return self.variable.name


@functools.lru_cache(maxsize=64)
def static_objects(unit: Unit) -> tuple[StaticObject, ...]:
    """The unit's own variables with static storage that hold objects, each once."""
    found: dict[tuple[str, str, str], StaticObject] = {}
    for one in _find(unit):
        found.setdefault((one.variable.place.path, one.variable.function, one.name), one)
    return tuple(found.values())


def _find(unit: Unit) -> Iterator[StaticObject]:
    for variable in unit.globals:
        kind = variable.variable.type
        if (
            kind.pointers == 1
            and not kind.function
            and kind.name not in _NOT_OF_ONE_INTERPRETER
            and is_object_struct(unit, kind.base)
            and not _of_addresses(variable.variable.init)
            and not of_the_thread(unit, variable.place)
        ):
            yield StaticObject(variable)
    for variable in _struct_variables(unit):
        members = _object_members(unit, variable.variable)
        if not members or _of_addresses(variable.variable.init) or of_the_thread(unit, variable.place):
            continue
        if not _API_STRUCT.match(variable.variable.type.name) or _uses_member(unit, variable.name, members):
            yield StaticObject(variable, members)


def _struct_variables(unit: Unit) -> Iterator[GlobalVariable]:
    """File-level variables of a struct type of the program."""
    for text in unit.own:
        code = text.code
        for item in text.items:
            if item.kind != "declaration":
                continue
            call = code.find(b"(", item.start, item.end)
            if call >= 0 and code.find(b"=", item.start, call) < 0:
                continue  # a prototype: they are most
            found = _STRUCT_VARIABLE.match(code, item.start, item.end)
            if found is not None:
                name = found.group(1)
                if name in _NOT_STORAGE or not _members_of(unit, name.decode(), unit.struct(name.decode())):
                    continue
            elif not _STRUCT_BODY.match(code, item.start, item.end) or item.end - item.start > 20_000:
                continue
            for variable in text.parse(item).variables:
                kind = variable.type
                if not kind.pointers and not kind.function and not {"typedef", "extern", "const"} & kind.storage:
                    yield GlobalVariable(variable.name, place(text.path, variable), variable)


def _uses_member(unit: Unit, name: str, members: tuple[str, ...]) -> bool:
    """Whether the unit names one of a variable's object members; tables of the C API have some without a use."""
    used = (
        rb"\b"
        + re.escape(name.encode())
        + rb"\s*\.\s*(?:"
        + b"|".join(re.escape(one.encode()) for one in members)
        + rb")\b"
    )
    return any(re.search(used, text.code) for text in unit.texts)


def _object_members(unit: Unit, variable: ir.Variable) -> tuple[str, ...]:
    return _members_of(unit, variable.type.base, variable.fields or unit.struct(variable.type.name))


def _members_of(unit: Unit, name: str, struct: ir.Struct | None) -> tuple[str, ...]:
    if struct is None or name in _NOT_OF_ONE_INTERPRETER or is_object_struct(unit, name):
        return ()
    return tuple(
        member.path
        for member in owned_members(unit, struct)
        if member.field.type.pointers == 1 and not member.path.startswith("_")
    )


def _of_addresses(init: ir.Expr | None) -> bool:
    """A constant table: its initialiser gives addresses of other variables."""
    return any(isinstance(node, ir.Unary) and node.operator == "&" for node in ir.walk(init))


def of_the_thread(unit: Unit, where: ir.Place) -> bool:
    """Whether the declaration of a variable says that each thread has its own."""
    text = unit.text_of(where.path)
    if text is None:
        return False
    before = max(text.code.rfind(mark, 0, where.start) for mark in (b";", b"{", b"}"))
    return _OF_THE_THREAD.search(text.code, before + 1, where.start) is not None


@index("object variable", of_types=True)
def _object_variables(unit: Unit) -> Iterator[tuple[str, Value]]:
    for one in static_objects(unit):
        if not one.variable.function:
            yield one.name, None


@index("holds objects", of_types=True)
def _holds_objects(unit: Unit) -> Iterator[tuple[str, Value]]:
    if any(not one.variable.function for one in static_objects(unit)):
        yield "", True


def keeps_objects(unit: Unit) -> bool:
    """Whether some file-level variable of the unit's program holds objects."""
    return bool(unit.ask("holds objects", ""))


@index("kept in folder", of_types=True)
def _kept_in_folder(unit: Unit) -> Iterator[tuple[str, Value]]:
    """Of a unit's folder the static types and the file-level object variables that the unit has."""
    own = [one for one in static_objects(unit) if not one.variable.function]
    own.sort(key=lambda one: (one.variable.place.path, one.variable.place.start))
    types = tuple(made.symbol for made in unit.types if made.kind == "static")
    if types or own:
        yield unit.path.rpartition("/")[0], (types, tuple(one.name for one in own))


@index("variable with static storage", of_types=True)
def _static_storage(unit: Unit) -> Iterator[tuple[str, Value]]:
    """The names of all pointers and structs with static storage: a cheap answer to most questions."""
    for name in sorted({*(one.name for one in unit.globals), *(one.name for one in static_objects(unit))}):
        yield name, None


def static_object(unit: Unit, function: ir.Function, name: str) -> StaticObject | None:
    """The object variable with static storage that a name means in a function; None for anything else."""
    if not unit.ask("variable with static storage", name) or any(one.name == name for one in function.parameters):
        return None
    for node in ir.walk(function.body):
        if isinstance(node, ir.Variable) and node.name == name:
            if "static" not in node.type.storage:
                return None
            return next(
                (one for one in static_objects(unit) if (one.variable.function, one.name) == (function.name, name)),
                None,
            )
    files = {text.path for text in unit.texts}
    candidates = [
        one for other in unit.others((path for path, _ in unit.ask("object variable", name)), DEFINED)
        for one in static_objects(other) if one.name == name and not one.variable.function
    ]
    return next((one for one in candidates if one.variable.place.path in files), None) or next(
        (one for one in candidates if "static" not in one.variable.variable.type.storage), None
    )
