"""Flags and slots as CPython computes them when a type is made ready: inheritance, defaults, what is not known.

Source: inherit_special, inherit_slots and PyType_FromMetaclass in Objects/typeobject.c.
"""

from __future__ import annotations

from typing import Literal

from heaplint.capi.facts import builtin
from heaplint.ir import is_null
from heaplint.model.types import HAVE_GC, SlotDef, TypeDef
from heaplint.records import dataclass

_MAX_BASES = 40


@dataclass(frozen=True, slots=True)
class Slot:
    """The value of a slot after inheritance.

    own: written for the type itself (`definition`); inherited: from a type of the program (`definition`, `owner`);
    builtin: from a type of the interpreter (`builtin`, its C name, or PyBaseObject_Type); absent: NULL;
    unknown: cannot be told.
    """

    kind: Literal["own", "inherited", "builtin", "absent", "unknown"]
    definition: SlotDef | None = None
    owner: TypeDef | None = None
    builtin: str = ""

    @property
    def function(self) -> str:
        """The name of the function in the slot; "" when there is none or it is not the program's."""
        return self.definition.function if self.definition is not None else ""


def has_gc(made: TypeDef, depth: int = 0) -> bool | None:
    """Whether the type takes part in garbage collection once it is ready; None when it cannot be told.

    A type without the flag, without tp_traverse and without tp_clear inherits all three from its base.
    """
    if made.written_as == "structseq":
        return True
    if depth > _MAX_BASES:
        return None
    if made.flags is not None and HAVE_GC in made.flags:
        return True
    if made.flags is not None and made.flags.unknown:
        return None
    if made.kind == "heap" and made.flags is None:
        return None
    if made.slots_unknown:
        return None
    if made.slot("tp_traverse") is not None or made.slot("tp_clear") is not None:
        return False
    return _base_gc(made, depth)


def _base_gc(made: TypeDef, depth: int) -> bool | None:
    if made.bases_unknown:
        return None
    for base in made.bases:
        known = _gc_of(base, depth)
        if known is not False:
            return known
    return False


def _gc_of(base: TypeDef | str, depth: int) -> bool | None:
    if isinstance(base, TypeDef):
        return has_gc(base, depth + 1)
    fact = builtin(base)
    return fact.gc if fact is not None else None


def slot(made: TypeDef, name: str, depth: int = 0) -> Slot:
    """A slot of a type once it is ready."""
    own = made.slot(name)
    if own is not None:
        if own.runtime and not own.function:
            return Slot("absent", own) if is_null(own.value) else Slot("own", own, made)
        return Slot("own", own, made)
    if made.slots_unknown or depth > _MAX_BASES:
        return Slot("unknown")
    if name in ("tp_traverse", "tp_clear"):
        return _gc_slot(made, name, depth)
    if made.bases_unknown:
        return Slot("unknown")
    if name == "tp_dealloc" and made.kind == "heap":
        return Slot("builtin", builtin="subtype_dealloc")
    for base in made.bases:
        found = slot(base, name, depth + 1) if isinstance(base, TypeDef) else _builtin_slot(base, name)
        if found.kind == "own":
            return Slot("inherited", found.definition, found.owner)
        if found.kind != "absent":
            return found
    if name == "tp_new":
        if made.kind == "static" and not made.bases:
            return Slot("absent")
        return Slot("builtin", builtin="PyBaseObject_Type")
    if name in ("tp_alloc", "tp_free", "tp_dealloc", "tp_init"):
        return Slot("builtin", builtin="PyBaseObject_Type")
    return Slot("absent")


def _builtin_slot(base: str, name: str) -> Slot:
    fact = builtin(base)
    if fact is None:
        return Slot("unknown")
    if name in ("tp_traverse", "tp_clear"):
        return Slot("builtin", builtin=base) if fact.gc else Slot("absent")
    if name == "tp_new":
        return Slot("builtin", builtin=base) if fact.new else Slot("absent")
    if base == "PyBaseObject_Type" and name not in ("tp_alloc", "tp_free", "tp_dealloc", "tp_init"):
        return Slot("absent")
    return Slot("builtin", builtin=base)


def _gc_slot(made: TypeDef, name: str, depth: int) -> Slot:
    if made.flags is not None and HAVE_GC in made.flags:
        return Slot("absent")
    if made.flags is not None and made.flags.unknown:
        return Slot("unknown")
    if made.slot("tp_traverse") is not None or made.slot("tp_clear") is not None:
        return Slot("absent")
    if made.bases_unknown:
        return Slot("unknown")
    for base in made.bases:
        if isinstance(base, TypeDef):
            known = has_gc(base, depth + 1)
            if known is None:
                return Slot("unknown")
            if known:
                found = slot(base, name, depth + 1)
                return Slot("inherited", found.definition, found.owner) if found.kind == "own" else found
        else:
            found = _builtin_slot(base, name)
            if found.kind != "absent":
                return found
    return Slot("absent")


def subclassable(made: TypeDef) -> bool | None:
    """Py_TPFLAGS_BASETYPE, which is not inherited; None when the flags are not known."""
    if made.flags is None:
        return False if made.kind == "static" else None
    if "Py_TPFLAGS_BASETYPE" in made.flags:
        return True
    return None if made.flags.unknown else False


def immutable(made: TypeDef) -> bool | None:
    """Static types and Py_TPFLAGS_IMMUTABLETYPE (3.10); None when the flags are not known."""
    if made.kind == "static":
        return True
    if made.flags is None:
        return None
    if "Py_TPFLAGS_IMMUTABLETYPE" in made.flags:
        return True
    return None if made.flags.unknown else False


def instantiable(made: TypeDef) -> bool | None:
    """Whether Python code can call the type; None when it cannot be told."""
    if made.flags is not None and "Py_TPFLAGS_DISALLOW_INSTANTIATION" in made.flags:
        return False
    found = slot(made, "tp_new")
    if found.kind == "unknown" or (made.flags is not None and made.flags.unknown):
        return None
    return found.kind != "absent"
