"""Instance structs: which fields are objects, and under which paths code reaches them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.model.unit import Unit
from heaplint.records import dataclass

OBJECT_STRUCT = re.compile(
    r"(?:PyObject|PyVarObject|PyTypeObject|PyHeapTypeObject|PyLongObject|PyFloatObject|PyComplexObject|PyUnicodeObject|"
    r"PyBytesObject|PyByteArrayObject|PyListObject|PyTupleObject|PyDictObject|PySetObject|PyModuleObject|"
    r"PyFunctionObject|PyCFunctionObject|PyCMethodObject|PyMethodObject|PyCodeObject|PyFrameObject|PyGenObject|PyCoroObject|"
    r"PyBaseExceptionObject|PyCellObject|PySliceObject|PyMemoryViewObject|PyWeakReference|PyDescrObject|"
    r"PyOSErrorObject|PyUnicodeErrorObject|PyImportErrorObject|PyStopIterationObject|PySyntaxErrorObject|"
    r"PySystemExitObject|PyContext|PyContextVar|PyCapsule|PyPickleBufferObject|PyArrayObject|PyArray_Descr)\Z"
)
"""Structs of the interpreter (and of numpy) that begin with an object head."""

_MAX_FIELDS = 10_000
_MAX_DEPTH = 6


@dataclass(frozen=True, slots=True)
class OwnedMember:
    """A field that can hold a strong reference."""

    path: str
    """From the object: `name`, `head.next`, without subscripts."""
    field: ir.Variable
    many: bool = False
    """An array of objects, or a pointer to one."""
    exact: bool = True
    """Declared as PyObject *; a pointer to another object struct otherwise."""


def is_object_struct(unit: Unit, name: str, depth: int = 0) -> bool:
    """Whether a struct begins with an object head."""
    bare = name.removeprefix("struct ").strip()
    if OBJECT_STRUCT.match(bare):
        return True
    if depth > _MAX_DEPTH:
        return False
    struct = unit.struct(bare)
    if struct is None or struct.union or not struct.fields:
        return False
    first = struct.fields[0]
    return not first.type.pointers and not first.type.arrays and is_object_struct(unit, first.type.name, depth + 1)



def owned_members(unit: Unit, struct: ir.Struct) -> Iterator[OwnedMember]:
    """The fields of a struct that can hold strong references, nested structs by value included.

    The head (`ob_base`) and an embedded base struct at the beginning are left out: they are the base type's.
    """
    return _owned(unit, struct, "", (), count())


def _owned(
    unit: Unit, struct: ir.Struct, prefix: str, around: tuple[ir.Struct, ...], looked_at: Iterator[int]
) -> Iterator[OwnedMember]:
    """The same of a struct that others are `around`; a struct that holds itself, or too many, is nonsense."""
    for index, field in enumerate(struct.fields):
        if next(looked_at) > _MAX_FIELDS:
            return
        kind = field.type
        path = prefix + field.name if field.name else prefix.rstrip(".")
        if kind.function:
            continue
        if kind.pointers == 0:
            if index == 0 and not around and is_object_struct(unit, kind.base):
                continue
            inner = field.fields or (unit.struct(kind.name) if not kind.base.startswith("enum") else None)
            if (
                inner is not None and len(around) < _MAX_DEPTH and not inner.union
                and not is_object_struct(unit, kind.base) and not any(inner is one for one in (struct, *around))
            ):
                yield from _owned(unit, inner, path + "." if field.name else prefix, (*around, struct), looked_at)
            continue
        plain = kind.name == "PyObject"
        if kind.pointers == 1 and is_object_struct(unit, kind.base):
            yield OwnedMember(path, field, bool(kind.arrays), plain)
        elif kind.pointers == 2 and plain and not kind.arrays:
            yield OwnedMember(path, field, True, True)
