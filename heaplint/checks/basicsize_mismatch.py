"""HL112: basic sizes that are not those of the struct the slots use, or smaller than the base's."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.model.members import OBJECT_STRUCT
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_HEADS = {"PyObject": 16, "PyVarObject": 24}
_SCALARS = {
    "char": 1, "signed char": 1, "unsigned char": 1, "bool": 1, "_Bool": 1, "int8_t": 1, "uint8_t": 1,
    "short": 2, "unsigned short": 2, "int16_t": 2, "uint16_t": 2,
    "int": 4, "unsigned": 4, "unsigned int": 4, "float": 4, "int32_t": 4, "uint32_t": 4, "Py_UCS4": 4,
    "long": 8, "unsigned long": 8, "long long": 8, "unsigned long long": 8, "double": 8, "int64_t": 8, "uint64_t": 8,
    "Py_ssize_t": 8, "size_t": 8, "ssize_t": 8, "Py_hash_t": 8,
}
_BASE_SIZES = {
    "PyList_Type": 40, "PyDict_Type": 48, "PySet_Type": 200, "PyFrozenSet_Type": 200, "PyTuple_Type": 24,
    "PyUnicode_Type": 56, "PyModule_Type": 48, "PyByteArray_Type": 56, "PyComplex_Type": 32, "PyType_Type": 800,
    "PyProperty_Type": 56, "PyFloat_Type": 24, "PyLong_Type": 24,
}
"""The least basic size on a 64-bit platform, over Python 3.8 to 3.15 (Include/cpython/*.h)."""
_EXCEPTION_SIZE = 64
_NOT_ABOUT_SELF = frozenset(
    {"tp_new", "tp_alloc", "tp_free", "tp_richcompare", "tp_descr_get", "tp_is_gc", "tp_vectorcall"}
)
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class _Use:
    """A struct that a slot function takes `self` for."""

    struct: ir.Struct
    function: ir.Function


@check("HL112")
def basicsize_mismatch(unit: Unit) -> Iterator[Report]:
    """Sizes of pointers, of other structs, and below the base's."""
    for made in unit.types:
        inner = ir.strip(made.basicsize) if made.basicsize is not None else None
        if not isinstance(inner, ir.SizeOf) or inner.type is None or inner.type.arrays or made.basicsize_place is None:
            continue
        problem = ""
        if inner.type.pointers:
            problem = f"the size of a pointer ({inner.type.name} *)"
        elif base := _larger_base(unit, made, inner.type):
            problem = f"the size of {inner.type.name}, smaller than that of its base {base}"
        elif use := _other_struct(unit, made, inner.type):
            problem = f"the size of {inner.type.name}, but {use.function.name} takes self for a {_name_of(use)}"
        if problem:
            yield Report(
                "HL112", made.basicsize_place, f"the basic size of {made.symbol} is {problem}", symbol=made.symbol
            )


def _larger_base(unit: Unit, made: TypeDef, kind: ir.CType) -> str:
    """The base whose instances are certainly larger than the type's; "" when there is none."""
    if made.bases_unknown or not made.bases:
        return ""
    base = made.bases[0]
    size = _size(unit, kind, 0)
    if size is None:
        return ""
    if isinstance(base, str):
        least = _EXCEPTION_SIZE if base.startswith("PyExc_") else _BASE_SIZES.get(base, 0)
        return base if size < least else ""
    own = unit.struct(kind.name)
    if base.struct is None or own is None or own is base.struct or _like(unit, base.struct, own):
        return ""
    whole = ir.strip(base.basicsize) if base.basicsize is not None else None
    if not isinstance(whole, ir.SizeOf) or whole.type is None or whole.type.pointers:
        return ""
    other = _size(unit, whole.type, 0)
    return base.symbol if other is not None and size < other else ""


def _size(unit: Unit, kind: ir.CType, depth: int) -> int | None:
    """At most how many bytes a variable of a type takes on a 64-bit platform; None when that is not known."""
    if kind.arrays or depth > _MAX_DEPTH:
        return None
    if kind.pointers or kind.function:
        return 8
    known = _HEADS.get(kind.name) or _SCALARS.get(kind.name)
    if known is not None:
        return known
    struct = unit.struct(kind.name)
    return None if struct is None else _struct_size(unit, struct, depth + 1)


def _struct_size(unit: Unit, struct: ir.Struct, depth: int) -> int | None:
    if struct.union or not struct.complete:
        return None
    total = 0
    for field in struct.fields:
        size = None if field.fields is not None else _size(unit, field.type, depth)
        if size is None:
            return None
        total += -total % min(size, 8) + size if size else 0
    return total + -total % 8


def _other_struct(unit: Unit, made: TypeDef, kind: ir.CType) -> _Use | None:
    """A slot function's use of self as another struct, when no slot function takes it for the type's own."""
    own = made.struct
    if own is None and kind.name != "PyObject":
        return None
    if own is not None and (not own.complete or own.union):
        return None
    wrong: _Use | None = None
    for slot in made.slots.values():
        if slot.name in _NOT_ABOUT_SELF or slot.name.startswith(("nb_", "sq_concat")) or not slot.function:
            continue
        function = unit.function(slot.function)
        if function is None or not function.parameters or not function.complete:
            continue
        for struct, certain in _structs_of_self(unit, function):
            if struct is own or (own is not None and (_like(unit, struct, own) or _same_name(struct, own))):
                if own is not None and len(struct.fields) > 1:
                    return None
                continue
            if own is None and len(struct.fields) <= 1:
                continue
            if not certain or not struct.complete or struct.union or not _is_object(unit, struct, 0):
                return None
            if _reaches_beyond(unit, function, struct, own):
                wrong = wrong or _Use(struct, function)
    return wrong


def _reaches_beyond(unit: Unit, function: ir.Function, struct: ir.Struct, own: ir.Struct | None) -> bool:
    """Whether a function uses a member of a struct that the type's own has not at the same place."""
    ours = _flat(unit, own) if own is not None else []
    theirs = _flat(unit, struct)
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    beyond = {field.name for field in struct.fields[max(1, same - (len(theirs) - len(struct.fields))) :]}
    return any(isinstance(node, ir.Member) and node.arrow and node.field in beyond for node in ir.walk(function.body))


def _structs_of_self(unit: Unit, function: ir.Function) -> Iterator[tuple[ir.Struct, bool]]:
    """The structs that a function takes its first parameter for, each with whether it does so at once."""
    subject = function.parameters[0]
    if subject.type.pointers == 1 and not OBJECT_STRUCT.match(subject.type.name):
        declared = unit.struct(subject.type.name)
        if declared is not None:
            yield declared, True
    at_once = {
        id(node.init) for statement in function.body.body if isinstance(statement, ir.Declaration)
        for node in statement.variables if node.init is not None
    }
    for node in ir.walk(function.body):
        if not isinstance(node, ir.Cast) or node.type.pointers != 1 or not isinstance(inner := ir.strip(node), ir.Name):
            continue
        if inner.text == subject.name and (struct := unit.struct(node.type.name)) is not None:
            yield struct, id(node) in at_once


def _is_object(unit: Unit, struct: ir.Struct, depth: int) -> bool:
    """Whether a struct visibly begins with an object head."""
    if not struct.fields or depth > _MAX_DEPTH:
        return False
    first = struct.fields[0].type
    if first.pointers or first.arrays:
        return False
    if OBJECT_STRUCT.match(first.name):
        return True
    inner = unit.struct(first.name)
    return inner is not None and _is_object(unit, inner, depth + 1)


def _flat(unit: Unit, struct: ir.Struct, depth: int = 0) -> list[str]:
    """The types of a struct's fields in order, the struct that it begins with taken apart."""
    result: list[str] = []
    for index, field in enumerate(struct.fields):
        inner = unit.struct(field.type.name) if index == 0 and not field.type.pointers and depth < _MAX_DEPTH else None
        if inner is not None and not OBJECT_STRUCT.match(field.type.name):
            result += _flat(unit, inner, depth + 1)
        else:
            kind = field.type
            result.append(f"{kind.name}{'*' * kind.pointers}{''.join(kind.arrays)}{kind.function}")
    return result


def _like(unit: Unit, beginning: ir.Struct, whole: ir.Struct) -> bool:
    """Whether a struct can be looked at as another: it begins with the same fields."""
    shorter, longer = _flat(unit, beginning), _flat(unit, whole)
    return longer[: len(shorter)] == shorter


def _same_name(one: ir.Struct, other: ir.Struct) -> bool:
    """Two views' readings of one struct."""
    return bool(one.name) and one.name == other.name


def _name_of(use: _Use) -> str:
    kind = use.function.parameters[0].type
    return use.struct.name or kind.name
