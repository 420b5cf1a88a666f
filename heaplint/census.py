"""The census of types and modules: what a project that converts its extensions to heap types wants to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from heaplint.records import dataclass

TypeKind = Literal["static", "heap"]
WrittenAs = Literal["initializer", "spec", "structseq", "macro", "runtime"]
InitStyle = Literal["single-phase", "multi-phase", "unknown"]


@dataclass(frozen=True, slots=True)
class CensusType:
    """One type; None means unknown, or for a static type that the question does not arise."""

    path: str
    line: int
    symbol: str
    """As C spells it."""
    name: str | None
    """The name Python shows."""
    kind: TypeKind
    written_as: WrittenAs
    flags: tuple[str, ...] | None
    gc: bool | None
    """Whether it has Py_TPFLAGS_HAVE_GC, inherited or its own."""
    visits_type: bool | None
    """Whether its traverse visits Py_TYPE(self)."""
    tracked: bool | None
    """Whether its instances are tracked."""
    immutable: bool | None
    instantiable: bool | None

    @property
    def meets_gc_conditions(self) -> bool:
        """Whether it is a heap type known to meet all three conditions of bpo-42972."""
        return self.kind == "heap" and bool(self.gc and self.visits_type and self.tracked)


@dataclass(frozen=True, slots=True)
class CensusModule:
    """One module definition; None means unknown."""

    path: str
    line: int
    symbol: str
    name: str | None
    init: InitStyle
    state_size: str | None
    """`m_size` as written."""
    slots: tuple[str, ...]
    """Module slots as written, without those that carry functions' names."""
    multiple_interpreters: str | None
    """Value of Py_mod_multiple_interpreters as written; None when the slot is absent."""
    gil: str | None
    """Value of Py_mod_gil as written; None when the slot is absent."""


@dataclass(frozen=True, slots=True)
class Census:
    """Every type and module of a run, by path and line, with totals."""

    types: tuple[CensusType, ...]
    modules: tuple[CensusModule, ...]

    @property
    def totals(self) -> Mapping[str, int]:
        """Counts by kind, and how many heap types meet each condition."""
        heap = [one for one in self.types if one.kind == "heap"]
        return {
            "types": len(self.types),
            "static": len(self.types) - len(heap),
            "heap": len(heap),
            "heap_gc": _count(one.gc for one in heap),
            "heap_visits_type": _count(one.visits_type for one in heap),
            "heap_tracked": _count(one.tracked for one in heap),
            "heap_meets_all": _count(one.meets_gc_conditions for one in heap),
            "modules": len(self.modules),
            "modules_single_phase": _count(one.init == "single-phase" for one in self.modules),
            "modules_multi_phase": _count(one.init == "multi-phase" for one in self.modules),
        }


def _count(answers: Iterable[bool | None]) -> int:
    return sum(answer is True for answer in answers)


def in_order(types: Iterable[CensusType], modules: Iterable[CensusModule]) -> Census:
    """A census of these types and modules, by path, line and symbol, each once."""
    return Census(
        tuple(sorted(set(types), key=lambda one: (one.path, one.line, one.symbol))),
        tuple(sorted(set(modules), key=lambda one: (one.path, one.line, one.symbol))),
    )
