"""Module definitions as their authors think of them."""

from __future__ import annotations

from typing import Literal

from heaplint.ir import Expr, Place, Struct
from heaplint.records import dataclass, field

MODULE_DEF_FIELDS = (
    "m_base", "m_name", "m_doc", "m_size", "m_methods", "m_slots", "m_traverse", "m_clear", "m_free",
)
"""The fields of PyModuleDef in order (Include/moduleobject.h)."""


@dataclass(frozen=True, slots=True, eq=False)
class ModuleSlot:
    """One entry of m_slots: `name` such as `Py_mod_exec`."""

    name: str
    value: Expr
    place: Place
    function: str = ""


@dataclass(slots=True, eq=False)
class ModuleDef:
    """One PyModuleDef. Built once, then only read."""

    symbol: str
    name: str | None
    place: Place
    fields: dict[str, Expr] = field(default_factory=dict)
    """The fields as written, zeros included; assigned at run time too."""
    size: int | None = None
    """`m_size` when it is a plain number."""
    slots: list[ModuleSlot] = field(default_factory=list)
    slots_unknown: str = ""
    slots_place: Place | None = None
    slots_terminated: bool = True
    state: Struct | None = None
    """The struct of the module state, when m_size is its sizeof."""
    init: Literal["single-phase", "multi-phase", "unknown"] = "unknown"
    init_function: str = ""
    """PyInit_x, when it is known."""
    functions: dict[str, str] = field(default_factory=dict)
    """m_traverse, m_clear, m_free → function names, NULL left out."""
    local_to: str = ""

    def slot(self, name: str) -> ModuleSlot | None:
        """The first slot of this name."""
        return next((slot for slot in self.slots if slot.name == name), None)

    @property
    def exec_functions(self) -> list[str]:
        """The functions of its Py_mod_exec slots."""
        return [slot.function for slot in self.slots if slot.name == "Py_mod_exec" and slot.function]
