"""Type objects as their authors think of them, however they are written."""

from __future__ import annotations

from typing import Literal

from heaplint.ir import Expr, Place, Struct
from heaplint.records import dataclass, field

Kind = Literal["static", "heap"]
WrittenAs = Literal["initializer", "spec", "structseq", "macro", "runtime"]

HAVE_GC = "Py_TPFLAGS_HAVE_GC"

TYPE_OBJECT_FIELDS: tuple[str, ...] = tuple(
    """
    ob_base tp_name tp_basicsize tp_itemsize tp_dealloc tp_vectorcall_offset tp_getattr tp_setattr tp_as_async tp_repr
    tp_as_number tp_as_sequence tp_as_mapping tp_hash tp_call tp_str tp_getattro tp_setattro tp_as_buffer tp_flags tp_doc
    tp_traverse tp_clear tp_richcompare tp_weaklistoffset tp_iter tp_iternext tp_methods tp_members tp_getset tp_base
    tp_dict tp_descr_get tp_descr_set tp_dictoffset tp_init tp_alloc tp_new tp_free tp_is_gc tp_bases tp_mro tp_cache
    tp_subclasses tp_weaklist tp_del tp_version_tag tp_finalize tp_vectorcall
    """.split()
)
"""The fields of PyTypeObject in order (Include/cpython/object.h)."""

SPEC_FIELDS = ("name", "basicsize", "itemsize", "flags", "slots")
"""The fields of PyType_Spec in order (Include/object.h)."""


@dataclass(frozen=True, slots=True, eq=False)
class Flags:
    """`tp_flags` as written: names, and why they are not known in full ("" when they are)."""

    names: frozenset[str]
    place: Place
    unknown: str = ""

    def __contains__(self, name: str) -> bool:
        return name in self.names


@dataclass(frozen=True, slots=True, eq=False)
class SlotDef:
    """One slot as written: `name` in tp_ form (`tp_dealloc`, `nb_add`), the value, where it stands."""

    name: str
    value: Expr
    place: Place
    function: str = ""
    """The name of the function the value is; "" for NULL and for what is no name."""
    runtime: bool = False
    """Assigned by a statement, not by an initialiser."""


@dataclass(frozen=True, slots=True, eq=False)
class Creation:
    """A call that makes a heap type out of a spec."""

    path: str
    function: str
    """The C function that contains the call."""
    call: Place
    api: str
    """The API function in the end: PyType_FromSpec, PyType_FromModuleAndSpec, …; "" when it is not known."""
    bases: Expr | None
    """The bases argument; None when there is none."""
    targets: tuple[str, ...]
    """The names (of variables, of members) that the result is stored in."""
    bases_unknown: bool = False
    """The bases come in a way that is not followed."""


@dataclass(slots=True, eq=False)
class TypeDef:
    """One type. Built once, then only read."""

    symbol: str
    """The C symbol: of the spec for a heap type, of the type object for a static one."""
    name: str | None
    """`tp_name`; None when it is not a literal."""
    kind: Kind
    written_as: WrittenAs
    place: Place
    """Where the symbol stands in its definition."""
    static_linkage: bool = True
    flags: Flags | None = None
    """None when no flags are written (0 for a static type)."""
    slots: dict[str, SlotDef] = field(default_factory=dict)
    duplicates: list[SlotDef] = field(default_factory=list)
    """Slots given again, in order."""
    slots_unknown: str = ""
    """Why the slots are not known in full; "" when they are."""
    slots_place: Place | None = None
    """Where the slot array's symbol stands."""
    slots_terminated: bool = True
    basicsize: Expr | None = None
    basicsize_place: Place | None = None
    name_place: Place | None = None
    struct: Struct | None = None
    """The instance struct, when `basicsize` names one that is known."""
    creations: list[Creation] = field(default_factory=list)
    bases: list[TypeDef | str] = field(default_factory=list)
    """The bases in order: types of the program, or C names (`PyList_Type`, `PyExc_OSError`); empty is object."""
    base_place: Place | None = None
    bases_unknown: str = ""
    """Why the bases are not known; "" when they are."""
    local_to: str = ""
    """The C function whose local variable it is."""
    targets: set[str] = field(default_factory=set)
    """Names (of variables, of members) under which C code holds the type object."""

    def slot(self, name: str) -> SlotDef | None:
        """A slot of its own with a value other than NULL."""
        return self.slots.get(name)

    @property
    def is_spec(self) -> bool:
        """Made from a PyType_Spec."""
        return self.kind == "heap" and self.written_as != "structseq"
