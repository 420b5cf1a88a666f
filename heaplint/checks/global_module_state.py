"""HL302: modules that say, or show, that they keep their state in C globals."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.model.aspects import Value
from heaplint.model.expressions import place
from heaplint.model.module_lookup import reached, size
from heaplint.model.static_objects import StaticObject, static_object, static_objects
from heaplint.model.unit import Unit

_RESETS = frozenset({"Py_SETREF", "Py_XSETREF"})


@check("HL302")
def global_module_state(unit: Unit) -> Iterator[Report]:
    """Definitions with a negative m_size, and multi-phase modules whose exec functions fill static object variables."""
    for module in unit.modules:
        number = size(module)
        if number is not None and number < 0:
            consequence = (
                "which a multi-phase module must not have"
                if module.init == "multi-phase"
                else "which says that its state is in C globals"
            )
            kept = _kept(unit)
            if kept:
                cure = f"move {_listed(kept)} to the module state and set m_size to its sizeof"
            else:
                cure = "none was found there: unless it is elsewhere, set m_size to 0"
            yield Report(
                "HL302",
                module.place,
                f"{module.symbol} has m_size {number}, {consequence}; {cure}",
                symbol=module.symbol,
            )
        elif module.init == "multi-phase" and (found := _filled(unit, module.exec_functions)) is not None:
            one, function, node = found
            yield Report(
                "HL302",
                module.place,
                f"{module.symbol} is initialised in two phases, but {function.name}() stores an object in the "
                f"{'static' if 'static' in one.variable.variable.type.storage else 'global'} variable {one.name}: "
                "each interpreter that imports the module overwrites that of the one before; move it to the module state",
                symbol=module.symbol,
                related=((place(function.path, node), f"{one.name} is set here"),),
            )


def _kept(unit: Unit) -> list[str]:
    """The static types and object variables of a module's file, and of its folder when that is the one module there."""
    folder = unit.path.rpartition("/")[0]
    modules = (value for _, values in unit.ask("module in folder", folder) for value in values)
    several = len({value[0] for value in modules if isinstance(value, tuple)}) > 1
    types: list[Value] = []
    objects: list[Value] = []
    for path, readings in unit.ask("kept in folder", folder):
        for kept in readings if path == unit.path or not several else ():
            assert isinstance(kept, tuple) and isinstance(kept[0], tuple) and isinstance(kept[1], tuple)
            types += kept[0]
            objects += kept[1]
    return [name for name in dict.fromkeys((*types, *objects)) if isinstance(name, str)]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _filled(unit: Unit, functions: list[str]) -> tuple[StaticObject, ir.Function, ir.Node] | None:
    """The first object variable with static storage that one of the functions, or one that they call, writes."""
    if not any(static_objects(other) for other in unit.group.units):
        return None
    for function in reached(unit, functions):
        for node in ir.walk(function.body):
            target: ir.Expr | None = None
            if isinstance(node, ir.Assign) and node.operator == "=" and not ir.is_null(node.value):
                target = node.target
            elif isinstance(node, ir.Call) and ir.called(node) in _RESETS and node.args:
                target = node.args[0]
            name = _variable(target)
            found = static_object(unit, function, name) if name else None
            if found is not None:
                return found, function, node
    return None


def _variable(target: ir.Expr | None) -> str:
    """The variable that an assignment writes, in whole or a part of it; "" when it goes through a pointer."""
    inner = ir.strip(target) if target is not None else None
    while isinstance(inner, ir.Index) or (isinstance(inner, ir.Member) and not inner.arrow):
        inner = ir.strip(inner.object)
    return inner.text if isinstance(inner, ir.Name) else ""
