"""The census of a linked program."""

from __future__ import annotations

from collections.abc import Mapping

from heaplint import ir
from heaplint.census import Census, CensusModule, CensusType, in_order
from heaplint.checks.allocation import untracked_instance
from heaplint.flow.lifecycle import Life, lives
from heaplint.model.expressions import key_of, number
from heaplint.model.inherit import immutable, instantiable
from heaplint.model.modules import ModuleDef
from heaplint.model.program import Program
from heaplint.model.unit import Unit
from heaplint.source import SourceFile


def take_census(program: Program, sources: Mapping[str, SourceFile]) -> Census:
    """Every type and module of all units and views, each once."""
    types: dict[tuple[str, int], CensusType] = {}
    modules: dict[tuple[str, int], CensusModule] = {}
    for unit in program.units:
        untracked = {report.symbol for report in untracked_instance(unit)} if unit.types else set()
        for life in lives(unit):
            made = life.made
            if made.written_as == "structseq" and made.slots_unknown:
                continue  # the description of a static struct sequence: its type object is listed
            key = (made.place.path, made.place.start)
            types.setdefault(key, _type(life, made.symbol in untracked, sources))
        for module in unit.modules:
            modules.setdefault((module.place.path, module.place.start), _module(unit, module, sources))
    return in_order(types.values(), modules.values())


def _type(life: Life, untracked: bool, sources: Mapping[str, SourceFile]) -> CensusType:
    made = life.made
    return CensusType(
        path=made.place.path,
        line=sources[made.place.path].position(made.place.start)[0],
        symbol=made.symbol,
        name=made.name,
        kind=made.kind,
        written_as=made.written_as,
        flags=tuple(sorted(made.flags.names)) if made.flags is not None and not made.flags.unknown else None,
        gc=life.gc,
        visits_type=life.visits_type() if made.is_spec else None,
        tracked=(life.gc and not untracked) if made.is_spec else None,
        immutable=immutable(made),
        instantiable=instantiable(made),
    )


def _module(unit: Unit, module: ModuleDef, sources: Mapping[str, SourceFile]) -> CensusModule:
    source = sources[module.place.path]
    size = module.fields.get("m_size")
    inter = module.slot("Py_mod_multiple_interpreters")
    gil = module.slot("Py_mod_gil")
    return CensusModule(
        path=module.place.path,
        line=source.position(module.place.start)[0],
        symbol=module.symbol,
        name=module.name,
        init=module.init,
        state_size=_written(size, source),
        slots=tuple(slot.name for slot in module.slots),
        multiple_interpreters=key_of(inter.value) or None if inter else None,
        gil=key_of(gil.value) or None if gil else _set_by_call(unit),
    )


def _set_by_call(unit: Unit) -> str | None:
    """What single-phase modules say of the GIL with PyUnstable_Module_SetGIL, in whichever reading of the unit."""
    for one in unit.group.units:
        for function in one.functions_mentioning(["PyUnstable_Module_SetGIL"]):
            for call in ir.calls(function.body):
                if ir.called(call) == "PyUnstable_Module_SetGIL" and len(call.args) == 2:
                    return key_of(call.args[1]) or None
    return None


def _written(expr: ir.Expr | None, source: SourceFile) -> str | None:
    """A number as a number, anything else as it is written, on one line."""
    if expr is None:
        return None
    value = number(expr)
    text = source.data[expr.start : expr.end].decode("utf-8", "replace")
    return " ".join(text.split()) if value is None else str(value)
