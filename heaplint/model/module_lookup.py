"""Which module definition an expression names, which one belongs to a unit, and what its functions call."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint import ir
from heaplint.model.expressions import key_of, number
from heaplint.model.modules import ModuleDef
from heaplint.model.unit import LINKED, Unit

_MAX_HELPERS = 60


def module_named(unit: Unit, expr: ir.Expr | None) -> ModuleDef | None:
    """The definition that `&def` means in a unit: its own, one of a file it includes, or the only one of that name."""
    if expr is None or isinstance(ir.strip(expr), ir.Member):
        return None
    name = key_of(expr)
    if not name:
        return None
    files = {text.path for text in unit.texts}
    own = [module for module in unit.modules if module.symbol == name]
    if own:
        return own[0]
    others = [
        module for other in unit.others((path for path, _ in unit.ask("module", name)), LINKED, model=True)
        for module in other.modules if module.symbol == name
    ]
    near = [module for module in others if module.place.path in files]
    if near:
        return near[0]
    return others[0] if len({module.place for module in others}) == 1 else None


def size(module: ModuleDef) -> int | None:
    """`m_size` as a number, 0 when it is left out; None when it is computed."""
    written = module.fields.get("m_size")
    return 0 if written is None else number(written)


def modules_around(unit: Unit) -> tuple[ModuleDef, ...]:
    """The modules that a unit's code is part of: those it defines or includes, else the only one of its folder.

    A unit of the same folder is part of the module only when the two include a header of the project in common.
    """
    files = {text.path for text in unit.texts}
    holders = {path for file in sorted(files) for path, _ in unit.ask("module in file", file)}
    own = [
        module for other in unit.others(sorted(holders | {unit.path}), LINKED) for module in other.modules
        if module.fields and (other is unit or module.place.path in files)
    ]
    if own:
        return tuple(own)
    told = unit.ask("module in folder", unit.path.rpartition("/")[0])
    if len({value[0] for _, values in told for value in values if isinstance(value, tuple) and value[1]}) > 1:
        return ()
    near = [
        (other, module) for other in unit.others((path for path, _ in told), LINKED)
        for module in other.modules if module.fields
    ]
    if len({module.symbol for _, module in near}) != 1:
        return ()
    return tuple(module for other, module in near if any(text.path in files for text in other.texts))


def reached(unit: Unit, names: list[str]) -> Iterator[ir.Function]:
    """The functions of the program with these names and those that they call by name, each once."""
    seen: set[int] = set()
    todo = list(names)
    while todo and len(seen) < _MAX_HELPERS:
        function = unit.function(todo.pop(0))
        if function is None or id(function) in seen:
            continue
        seen.add(id(function))
        yield function
        todo += called_names(function)


@functools.lru_cache(maxsize=512)
def called_names(function: ir.Function) -> tuple[str, ...]:
    """The names of the functions that a function calls by name, in order, each once."""
    return tuple(dict.fromkeys(name for call in ir.calls(function.body) if (name := ir.called(call))))
