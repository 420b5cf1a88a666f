"""HL605, HL606: what is done while the GIL is released, and ways that leave with it released."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

from heaplint import ir
from heaplint.checks.registry import Report, check
from heaplint.flow.gil import NAMES, RELEASE_MACROS, RELEASED, TAKE_MACROS, WORDS, Gil, Hold, local_names
from heaplint.flow.holdings import spelled
from heaplint.flow.ways import Point, Ways
from heaplint.model.expressions import function_name, place
from heaplint.model.mentions import reaching
from heaplint.model.unit import Unit

_STARTS: Mapping[str, int] = {
    "PyThread_start_new_thread": 0, "pthread_create": 2, "thrd_create": 1, "CreateThread": 2, "_beginthreadex": 2,
    "_beginthread": 0, "RegisterWaitForSingleObject": 2, "QueueUserWorkItem": 0, "CreateTimerQueueTimer": 2,
}  # fmt: skip
"""Functions that have another run in a thread of which Python knows nothing → the argument that is this function."""
_RESTORES = TAKE_MACROS | {"PyEval_RestoreThread"}


@check("HL605")
def call_without_gil(unit: Unit) -> Iterator[Report]:
    """Calls that need the GIL, on every way to them released, and calls in functions that threads start with."""
    gil = _gil(unit)
    for function, ways in _released_in(unit, gil):
        yield from _calls(gil, function, ways, "while the GIL is released")
    for function in _thread_functions(unit):
        entered = gil.ways(function, RELEASED)
        if entered is not None:
            reports = _calls(gil, function, entered, "in a new thread that has not taken the GIL")
            first = min(reports, key=lambda report: report.place, default=None)
            if first is not None:  # it takes one PyGILState_Ensure for all
                yield first


@check("HL606")
def unbalanced_allow_threads(unit: Unit) -> Iterator[Report]:
    """Ways that leave a function with the GIL released in it, and ways that take it a second time."""
    gil = _gil(unit)
    for function in unit.functions_mentioning(NAMES):
        ways = gil.ways(function)
        if ways is not None and function.complete:
            yield from _left(function, ways)
            yield from _taken_twice(function, ways)


@functools.lru_cache(maxsize=1)
def _gil(unit: Unit) -> Gil:
    """What both checks ask about one unit."""
    return Gil(unit, reaching(unit, WORDS, 0))


def _released_in(unit: Unit, gil: Gil) -> Iterator[tuple[ir.Function, Ways[Hold]]]:
    """The functions in which the GIL is released, by themselves or by a function that is there to do it."""
    done: set[tuple[str, int]] = set()
    openers: set[str] = set()
    for function in unit.functions_mentioning(NAMES):
        ways = gil.ways(function)
        done.add((function.path, function.start))
        if ways is not None:
            if ways.ends and all(hold.kind == "released" for _, hold in ways.ends):
                openers.add(function.name)
            yield function, ways
    for function in unit.functions_mentioning(openers) if openers else ():
        if (function.path, function.start) not in done and (ways := gil.ways(function)) is not None:
            yield function, ways


def _thread_functions(unit: Unit) -> Iterator[ir.Function]:
    seen: set[str] = set()
    for function in unit.functions_mentioning(_STARTS):
        for call in ir.calls(function.body):
            position = _STARTS.get(ir.called(call))
            if position is None or position >= len(call.args):
                continue
            name = function_name(call.args[position])
            if name and name not in seen and name not in local_names(function) and unit.has_function(name):
                seen.add(name)
                started = unit.function(name)
                if started is not None:
                    yield started


def _calls(gil: Gil, function: ir.Function, ways: Ways[Hold], when: str) -> Iterator[Report]:
    seen: set[tuple[int, str]] = set()
    for visit in ways.visits.values():
        if not all(hold.kind == "released" for hold in visit.statuses):
            continue
        need = gil.need(function, visit.call, visit.facts or frozenset())
        if need is None or (visit.call.start, need.name) in seen:
            continue
        seen.add((visit.call.start, need.name))
        through = f" (through {' and '.join(need.through)})" if need.through else ""
        origin = _origin(ways, visit.statuses)
        if origin is not None and _behind_the_region(function, origin, visit.call):
            continue  # what leads here is a jump that HL606 tells of
        yield Report(
            "HL605", place(function.path, visit.call),
            f"{need.name} needs the GIL and is called {when}{through}",
            function=function.name, item=ir.called(visit.call).removesuffix("__"),
            related=(
                *(((place(function.path, origin), "released here"),) if origin is not None else ()),
                *(((place(need.function.path, need.call), f"{need.name} is called here"),) if need.through else ()),
            ),
        )


def _origin(ways: Ways[Hold], holds: Iterable[Hold]) -> ir.Call | None:
    """The first call, in the order of the text, that left the GIL so; None when it is not in this function."""
    calls = [ways.visits[hold.origin].call for hold in holds if hold.origin in ways.visits]
    return min(calls, key=lambda call: call.start, default=None)


def _behind_the_region(function: ir.Function, origin: ir.Call, call: ir.Call) -> bool:
    """Whether a call stands behind all places that end a region."""
    ends = [one.start for one in ir.calls(function.body) if ir.called(one) in _RESTORES and one.start > origin.start]
    if not ends or call.start < origin.start:
        return False
    if ir.called(origin) in RELEASE_MACROS:
        closing = [one.start for one in ir.calls(function.body)
                   if ir.called(one) == "Py_END_ALLOW_THREADS__" and one.start > origin.start]
        return call.start > min(closing or ends)
    return call.start > max(ends)


# -- HL606 ---------------------------------------------------------------------------------------------------------


def _left(function: ir.Function, ways: Ways[Hold]) -> Iterator[Report]:
    told: set[tuple[int, int]] = set()
    for point, hold in ways.ends:
        origin = _origin(ways, [hold])
        if hold.kind != "released" or origin is None or not _comes_back(function, origin):
            continue
        jump = _way_out(ways, point, origin)
        where = jump if jump is not None else ir.Name(function.start, function.end, function.name)
        if (origin.start, where.start) in told:
            continue
        told.add((origin.start, where.start))
        how = {"Return": "this return", "Jump": "this jump"}.get(type(where).__name__, "the end of the function")
        yield Report(
            "HL606", place(function.path, where),
            f"{how} leaves {function.name} with the GIL released: take it back with "
            f"{'Py_BLOCK_THREADS' if ir.called(origin) in RELEASE_MACROS else 'PyEval_RestoreThread'} before",
            function=function.name, item=ir.called(origin).removesuffix("__"),
            related=((place(function.path, origin), "released here"),),
        )


def _way_out(ways: Ways[Hold], point: Point[Hold], origin: ir.Call) -> ir.Node | None:
    """The statement by which a way leaves the region: the first jump behind the release, else the return."""
    first: ir.Node | None = None
    for node in ways.back(point):
        if any(call is origin for call in ir.calls(node)):
            break
        if (isinstance(node, ir.Return) and first is None) or (isinstance(node, ir.Jump) and node.kind == "goto"):
            first = node
    return first


def _comes_back(function: ir.Function, origin: ir.Call) -> bool:
    """Whether the thread state stays in the function, so that nothing else can take the GIL back."""
    name = ir.called(origin)
    if name == "Py_BEGIN_ALLOW_THREADS__":
        return True
    kept = "_save"
    if name == "PyEval_SaveThread":
        kept = _receiver(function, origin)
    elif name != "Py_UNBLOCK_THREADS__":
        return False
    return bool(kept) and _stays(function, kept)


def _receiver(function: ir.Function, origin: ir.Call) -> str:
    for node in ir.walk(function.body):
        if isinstance(node, ir.Variable) and node.init is not None and ir.strip(node.init) is origin:
            return node.name
        if isinstance(node, ir.Assign) and ir.strip(node.value) is origin:
            return spelled(node.target)
    return ""


def _stays(function: ir.Function, name: str) -> bool:
    """Whether a thread state is in a local variable of which nothing else gets to know."""
    local = [
        node for node in ir.walk(function.body)
        if isinstance(node, ir.Variable) and node.name == name and "static" not in node.type.storage
    ]
    if not local:
        return name == "_save" and any(ir.called(call) == "Py_BEGIN_ALLOW_THREADS__" for call in ir.calls(function.body))
    for node in ir.walk(function.body):
        match node:
            case ir.Return() if spelled(node.value) == name:
                return False
            case ir.Assign() if spelled(node.value) == name:
                return False
            case ir.Variable() if spelled(node.init) == name:
                return False
            case ir.Unary(operator="&") if spelled(node.operand) == name:
                return False
            case ir.Call() if ir.called(node) not in _RESTORES and any(spelled(one) == name for one in node.args):
                return False
            case ir.InitList() if any(spelled(entry.value) == name for entry in node.entries):
                return False
    return True


def _taken_twice(function: ir.Function, ways: Ways[Hold]) -> Iterator[Report]:
    told: set[int] = set()
    for visit in ways.visits.values():
        name = ir.called(visit.call)
        if name not in _RESTORES or visit.call.start in told:
            continue
        if all(hold.kind == "taken" and hold.below is None and hold.origin != -1 for hold in visit.statuses):
            told.add(visit.call.start)
            first = _origin(ways, visit.statuses)
            yield Report(
                "HL606", place(function.path, visit.call),
                f"{name.removesuffix('__')} takes the GIL that this thread has already taken back",
                function=function.name, item=name.removesuffix("__"),
                related=((place(function.path, first), "taken here"),) if first is not None else (),
            )
