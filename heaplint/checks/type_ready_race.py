"""HL104: static types made ready each time a module that supports several interpreters is executed."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.checks.static_type_holds_object import static_type_of
from heaplint.model.expressions import key_of
from heaplint.model.mentions import reaching
from heaplint.model.modules import ModuleDef
from heaplint.model.unit import Unit

_READIES = {"PyType_Ready": 0, "PyModule_AddType": 1}
"""API functions that make a type ready → the argument that is the type."""
_SUPPORT = frozenset({"Py_MOD_PER_INTERPRETER_GIL_SUPPORTED", "Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED"})
_NO_GIL = "Py_MOD_GIL_NOT_USED"
_MAX_FUNCTIONS = 200
_MAX_DEPTH = 8


@check("HL104")
def type_ready_race(unit: Unit) -> Iterator[Report]:
    """Static types readied by the exec functions, and by what these call, of a module that says this is safe."""
    for module in unit.modules:
        claim = _declaration(module)
        if not claim:
            continue
        seen: set[str] = set()
        leading = reaching(unit, frozenset(_READIES), _MAX_DEPTH)
        for function, call in _calls_from(unit, module.exec_functions, leading):
            position = _READIES.get(ir.called(call))
            if position is None or position >= len(call.args):
                continue
            made = static_type_of(unit, call.args[position], function)
            if made is None or made.symbol in seen:
                continue
            if position == 1 and made not in unit.types:
                continue  # a type of another file may well be ready when it is added
            seen.add(made.symbol)
            yield Report(
                "HL104", made.place,
                f"static type {made.symbol} is made ready by every interpreter that imports the module, which declares "
                f"{claim}: make it a heap type",
                symbol=made.symbol, severity="warning" if claim == _NO_GIL else None,
                related=((ir.Place(function.path, call.start, call.end), f"{function.name} makes it ready"),),
            )


def _declaration(module: ModuleDef) -> str:
    """What the module declares of running in parallel; "" when it does not, or refuses more than one interpreter.

    Without a GIL, a module that says nothing of interpreters supports them (PEP 703, PEP 684).
    """
    values = {slot.name: key_of(slot.value) for slot in module.slots}
    interpreters = values.get("Py_mod_multiple_interpreters")
    if interpreters is not None:
        return interpreters if interpreters in _SUPPORT else ""
    return _NO_GIL if values.get("Py_mod_gil") == _NO_GIL else ""


def _calls_from(unit: Unit, roots: list[str], leading: Collection[str]) -> Iterator[tuple[ir.Function, ir.Call]]:
    """Every call in those functions, and in the program's functions that they call, that have one of some names."""
    todo = [name for name in roots if name in leading]
    seen = set(todo)
    for name in todo:
        function = unit.function(name)
        if function is None:
            continue
        for call in ir.calls(function.body):
            yield function, call
            callee = ir.called(call)
            if callee in leading and callee not in seen and len(seen) < _MAX_FUNCTIONS:
                seen.add(callee)
                todo.append(callee)
