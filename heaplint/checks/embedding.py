"""HL801, HL802, HL803: programs that start and end the interpreter, and what they do before, between and after."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.capi.interpreter import needs_interpreter
from heaplint.checks.registry import Report, check
from heaplint.flow.embedding import INITIALIZES, NAMES, Embedding, Life
from heaplint.flow.ways import Visit, Ways
from heaplint.model.expressions import function_name, place
from heaplint.model.mentions import reaching
from heaplint.model.types import TypeDef
from heaplint.model.unit import LINKED, Unit

_ALLOCATORS = frozenset({"PyMem_SetAllocator", "PyObject_SetArenaAllocator"})
_WRAPS = frozenset({"PyMem_GetAllocator", "PyObject_GetArenaAllocator"})
"""Who asks for the old allocator wraps it, or puts it back: both leave memory where it came from."""
_MAINS = frozenset({"main", "wmain", "WinMain", "wWinMain", "_tmain"})


@check("HL801")
def allocator_changed_late(unit: Unit) -> Iterator[Report]:
    """Allocators set while an interpreter is there, or between two of them."""
    if not any(text.may_mention(name) for text in unit.texts for name in NAMES):
        return
    if unit.mentioned_anywhere(*sorted(_WRAPS)):
        return
    for function, embedding, ways in _embedders(unit):
        for visit, user, call in _uses(embedding, function, ways, _ALLOCATORS):
            if visit.statuses == {"up"}:
                yield _report("HL801", function, visit.call, f"{ir.called(call)} after the interpreter has been initialised: "
                              "what the old allocator gave out is freed by the new one", user, call)
            elif visit.statuses == {"down"} and _initialises_later(ways, visit.call):
                yield _report("HL801", function, visit.call, f"{ir.called(call)} between Py_Finalize and a new Py_Initialize: "
                              "memory that the first interpreter has left behind is freed by the new allocator", user, call)


@check("HL802")
def api_before_initialize(unit: Unit) -> Iterator[Report]:
    """Calls that need an interpreter where there is none."""
    for function, embedding, ways in _embedders(unit):
        # elsewhere Python may be running already, and Py_Initialize do nothing
        early = function.name in _MAINS and any(
            _initialises(embedding, function, visit.call, "entry") for visit in ways.visits.values()
        )
        asked = any(ir.called(call) == "Py_IsInitialized" for call in ir.calls(function.body))
        told: set[str] = set()
        for visit in ways.visits.values():
            when = ""
            if visit.statuses == {"down"}:
                when = "after Py_Finalize"
            elif visit.statuses == {"entry"} and early and not asked:
                when = "before Py_Initialize"
            if not when or when in told:
                continue
            name = ir.called(visit.call)
            need, user = (visit.call, function) if needs_interpreter(name) else (None, function)
            if need is None and name not in embedding.leading:
                helper = embedding.helper(function, visit.call)
                if helper is not None:
                    need, user = embedding.first_need(helper), helper
            if need is not None:
                told.add(when)
                yield _report("HL802", function, visit.call, f"{ir.called(need)} needs an interpreter and is called {when}", user, need)


@check("HL803")
def reinitialized_with_static_types(unit: Unit) -> Iterator[Report]:
    """A second Py_Initialize in a program that brings static types."""
    types: list[TypeDef] | None = None
    for function, embedding, ways in _embedders(unit):
        for visit in ways.visits.values():
            if "down" not in visit.statuses or not _initialises(embedding, function, visit.call, "down"):
                continue
            if types is None:
                types = _static_types(unit)
            if types:
                yield Report(
                    "HL803", place(function.path, visit.call),
                    f"{function.name} initialises Python again, and the static type {types[0].symbol} of this program keeps "
                    "what the first interpreter put into it: make it a heap type",
                    function=function.name, symbol=types[0].symbol,
                    related=tuple((made.place, f"{made.symbol} is static") for made in types[:3]),
                )
                break


def _embedders(unit: Unit) -> Iterator[tuple[ir.Function, Embedding, Ways[Life]]]:
    """The functions that start or end an interpreter, and those that call such functions of this unit."""
    if not any(text.may_mention(name) for text in unit.own for name in NAMES):
        return
    embedding = Embedding(unit, reaching(unit, NAMES, 3))
    direct = list(unit.functions_mentioning(NAMES))
    seen = {id(function) for function in direct}
    callers = unit.functions_mentioning([function.name for function in direct])
    for function in (*direct, *(one for one in callers if id(one) not in seen)):
        ways = embedding.ways(function) if function.complete else None
        if ways is not None:
            yield function, embedding, ways


def _uses(
    embedding: Embedding, function: ir.Function, ways: Ways[Life], names: frozenset[str]
) -> Iterator[tuple[Visit[Life], ir.Function, ir.Call]]:
    """The calls of some API functions, in the function itself or in a helper that neither starts nor ends an interpreter."""
    for visit in list(ways.visits.values()):
        if ir.called(visit.call) in names:
            yield visit, function, visit.call
        elif ir.called(visit.call) not in embedding.leading and (helper := embedding.helper(function, visit.call)) is not None:
            found = next((call for call in ir.calls(helper.body) if ir.called(call) in names), None)
            if found is not None:
                yield visit, helper, found


def _initialises(embedding: Embedding, function: ir.Function, call: ir.Call, life: Life) -> bool:
    """Whether a call starts an interpreter, itself or in a helper that is called as said."""
    if ir.called(call) in INITIALIZES:
        return True
    helper = embedding.helper(function, call) if ir.called(call) in embedding.leading else None
    inside = embedding.ways(helper, life, 1) if helper is not None else None
    return inside is not None and any(
        ir.called(one.call) in INITIALIZES and one.statuses == {life} for one in inside.visits.values()
    )


def _initialises_later(ways: Ways[Life], call: ir.Call) -> bool:
    """Whether an interpreter may be started behind a call."""
    at = next((node.index for node in ways.cfg.nodes if any(one is call for one in ir.calls(node.node))), None)
    if at is None:
        return False
    after = ways.cfg.reachable(at)
    return any(ir.called(one) in INITIALIZES for index in after for one in ir.calls(ways.cfg.nodes[index].node))


def _static_types(unit: Unit) -> list[TypeDef]:
    """The static types of the unit and of those whose modules it makes built-in."""
    modules = {
        function_name(call.args[1])
        for function in unit.functions_mentioning(["PyImport_AppendInittab"])
        for call in ir.calls(function.body) if ir.called(call) == "PyImport_AppendInittab" and len(call.args) == 2
    }
    paths = {path for name in sorted(modules) if name for path, _ in unit.ask("function", name)} - {unit.path}
    units = (unit, *unit.others(sorted(paths), LINKED))
    return [made for one in units for made in one.types if made.kind == "static"]


def _report(rule: str, function: ir.Function, call: ir.Call, message: str, user: ir.Function, need: ir.Call) -> Report:
    return Report(
        rule, place(function.path, call), message, function=function.name, item=ir.called(call),
        related=() if user is function else ((place(user.path, need), f"{ir.called(need)} is called here"),),
    )
