"""Who holds the GIL at each point of a function: the regions that release it, the helpers that do it for others."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Literal, NamedTuple

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.interpreter import free_of_gil, is_api, needs_gil
from heaplint.flow.ways import Facts, Ways, explore
from heaplint.model.expressions import number
from heaplint.model.unit import Unit
from heaplint.records import dataclass, field

RELEASE_MACROS = frozenset({"Py_BEGIN_ALLOW_THREADS__", "Py_UNBLOCK_THREADS__"})
TAKE_MACROS = frozenset({"Py_END_ALLOW_THREADS__", "Py_BLOCK_THREADS__"})
_RELEASES = RELEASE_MACROS | {"PyEval_SaveThread", "PyEval_ReleaseThread", "PyEval_ReleaseLock"}
_TAKES = TAKE_MACROS | {"PyEval_RestoreThread", "PyEval_AcquireThread", "PyEval_AcquireLock"}
_UNSETTLES = frozenset(
    "PyThreadState_Swap Py_NewInterpreter Py_NewInterpreterFromConfig Py_EndInterpreter PyThreadState_DeleteCurrent "
    "Py_Finalize Py_FinalizeEx Py_Initialize Py_InitializeEx Py_InitializeFromConfig Py_Main Py_RunMain Py_BytesMain".split()
)
_STEPS = _RELEASES | _TAKES | _UNSETTLES | {"PyGILState_Ensure", "PyGILState_Release"}
NAMES = frozenset(
    "Py_BEGIN_ALLOW_THREADS Py_UNBLOCK_THREADS PyEval_SaveThread PyEval_ReleaseThread".split()
)
"""What a function mentions that gives the GIL away, as it stands in the source."""
WORDS = frozenset(name.removesuffix("__") for name in _STEPS)
"""The same for everything that changes who has it."""
_PERHAPS = re.compile(r"(?i)gil(?!l|e)|block_?threads|allow_?threads|begin_?threads|end_?threads|(?:python|interp\w*)_?lock|c_api|acquire")
_ASKS = frozenset(
    "PyGILState_Check _PyThreadState_UncheckedGet PyGILState_GetThisThreadState PyThreadState_GetUnchecked Py_IsInitialized "
    "Py_IsFinalizing _Py_IsFinalizing".split()
)
_MAX_ENSURED = 4
_MAX_DEPTH = 4


Kind = Literal["entry", "taken", "released", "unknown"]


class Hold(NamedTuple):
    """Who has the GIL: as at entry, taken again in this function, released, or not known."""

    kind: Kind
    origin: int = -1
    """Of `released` in the function itself: the identity of the call."""
    below: Hold | None = None
    """What PyGILState_Release goes back to."""


ENTRY, TAKEN, RELEASED, UNKNOWN = Hold("entry"), Hold("taken"), Hold("released"), Hold("unknown")


@dataclass(frozen=True, slots=True)
class Need:
    """A call that needs the GIL, in a function that is called without it."""

    name: str
    function: ir.Function
    call: ir.Call
    through: tuple[str, ...] = ()
    """The helpers that lead there, the first called first."""


@dataclass(slots=True, eq=False)
class Gil:
    """The GIL in the functions of one unit."""

    unit: Unit
    leading: Collection[str]
    """The program's functions that mention something that changes who has the GIL."""
    _needs: dict[tuple[str, int, tuple[tuple[str, int], ...]], Need | None] = field(default_factory=dict)
    _ways: dict[tuple[str, int, Kind], Ways[Hold] | None] = field(default_factory=dict)
    _effects: dict[tuple[str, Kind], Kind] = field(default_factory=dict)

    def ways(
        self, function: ir.Function, start: Hold = ENTRY, given: Mapping[str, int] | None = None, depth: int = 0
    ) -> Ways[Hold] | None:
        """The ways through a function that is entered as said; None when there are too many."""
        key = (function.path, function.start, start.kind)
        if depth or given:
            return explore(function, start, _Steps(self, function, depth), given or {})
        if key not in self._ways:
            self._ways[key] = explore(function, start, _Steps(self, function, 0), {})
        return self._ways[key]

    def need(self, function: ir.Function, call: ir.Call, facts: Facts, depth: int = 0) -> Need | None:
        """What a call in a function needs the GIL for, itself or in a helper of the program; None when nothing is seen."""
        name = ir.called(call)
        if not name or name in local_names(function) or depth > _MAX_DEPTH:
            return None
        if name in ("Py_BEGIN_ALLOW_THREADS__", "Py_UNBLOCK_THREADS__", "PyEval_SaveThread"):
            return Need(name.removesuffix("__"), function, call)
        if name in _STEPS or free_of_gil(name):
            return None
        helper = self.unit.function(name) if self.unit.has_function(name) and not is_api(name) else None
        if helper is None:
            return Need(name, function, call) if needs_gil(name) else None
        found = self._inside(helper, call, facts, depth)
        return Need(name, function, call) if found is not None and needs_gil(name) else found

    def _inside(self, helper: ir.Function, call: ir.Call, facts: Facts, depth: int) -> Need | None:
        known = dict(facts)
        given: dict[str, int] = {}
        for parameter, argument in zip(helper.parameters, call.args, strict=False):
            value = 0 if ir.is_null(argument) else number(argument)
            inner = ir.strip(argument)
            if value is None and isinstance(inner, ir.Name):
                value = {"true": 1, "false": 0}.get(inner.text, known.get(inner.text))
            if value is not None and parameter.name:
                given[parameter.name] = value
        key = (helper.path, helper.start, tuple(sorted(given.items())))
        if key not in self._needs:
            self._needs[key] = None  # a recursive function tells nothing about itself
            self._needs[key] = self._first_need(helper, given, depth)
        return self._needs[key]

    def _first_need(self, helper: ir.Function, given: Mapping[str, int], depth: int) -> Need | None:
        ways = self.ways(helper, RELEASED, given, depth + 1)
        if ways is None:
            return None
        for visit in ways.visits.values():
            if all(hold.kind == "released" for hold in visit.statuses):
                found = self.need(helper, visit.call, visit.facts or frozenset(), depth + 1)
                if found is not None:
                    return Need(found.name, found.function, found.call, (helper.name, *found.through))
        return None

    def effect(self, name: str, hold: Hold, depth: int) -> Hold:
        """Who has the GIL behind the call of a helper."""
        if depth >= _MAX_DEPTH:
            return hold
        before: Kind = "released" if hold.kind == "released" else "entry"
        after = self._leaves(name, before, depth)
        if after == before:
            return hold
        return TAKEN if after == "entry" else Hold(after)

    def _leaves(self, name: str, before: Kind, depth: int) -> Kind:
        """The same for a helper that is entered with the GIL held ("entry") or released."""
        key = (name, before)
        if key not in self._effects:
            self._effects[key] = "unknown"  # a recursive function tells nothing about itself
            helper = self.unit.function(name)
            ways = self.ways(helper, Hold(before), None, depth + 1) if helper is not None else None
            if ways is not None:
                ends: set[Kind] = {"entry" if end.kind == "taken" else end.kind for _, end in ways.ends}
                self._effects[key] = before if not ends else ends.pop() if len(ends) == 1 else "unknown"
        return self._effects[key]


@dataclass(frozen=True, slots=True)
class _Steps:
    gil: Gil
    function: ir.Function
    depth: int

    @property
    def unknown(self) -> Hold:
        return UNKNOWN

    def decides(self, call: ir.Call) -> bool:
        name = ir.called(call)
        return name in _STEPS or name in self.gil.leading

    def step(self, hold: Hold, call: ir.Call, facts: Facts) -> Hold | None:
        name = ir.called(call)
        if hold.kind == "unknown" and name not in _TAKES and name not in _RELEASES:
            return hold
        if name in _RELEASES:
            return Hold("released", id(call), hold.below)
        if name in _TAKES:
            return Hold("taken", id(call), hold.below)
        if name == "PyGILState_Ensure":
            return Hold("taken", -1, hold) if _height(hold) < _MAX_ENSURED else UNKNOWN
        if name == "PyGILState_Release":
            return hold.below if hold.below is not None else UNKNOWN
        if name in _UNSETTLES:
            return UNKNOWN
        if not name:
            pointer = ir.strip(call.function)
            return UNKNOWN if isinstance(pointer, ir.Member) and _PERHAPS.search(pointer.field) else hold
        if name in local_names(self.function) or free_of_gil(name):
            return hold
        if self.gil.unit.has_function(name) and (name in self.gil.leading or hold.kind == "released") and not needs_gil(name):
            return self.gil.effect(name, hold, self.depth)
        if _PERHAPS.search(name) and not needs_gil(name) and not self.gil.unit.has_function(name):
            return UNKNOWN
        return hold

    def beside(self, hold: Hold, node: ir.Variable | ir.Opaque | ir.Name) -> Hold:
        if isinstance(node, ir.Name):
            return UNKNOWN if node.text.isupper() else hold
        if isinstance(node, ir.Opaque):
            return UNKNOWN if any(word in node.text for word in WORDS) or _PERHAPS.search(node.text) else hold
        if node.name in _STEPS:  # a macro that is not known stands before it, and the two look like a declaration
            return _plain(node.name, hold)
        # an object of C++ may take the GIL when it is made and give it back when it goes
        perhaps = node.type.pointers == 0 and node.type.base != "PyGILState_STATE" and _PERHAPS.search(node.type.base)
        return UNKNOWN if perhaps else hold

    def asked(self, hold: Hold, condition: ir.Expr) -> Hold:
        if any(ir.called(call) in _ASKS for call in ir.calls(condition)):
            return UNKNOWN
        return UNKNOWN if self.depth and not _tested(condition).isdisjoint(_switches(self.function)) else hold


def _plain(name: str, hold: Hold) -> Hold:
    if name in _RELEASES:
        return Hold("released", -1, hold.below)
    return Hold("taken", -1, hold.below) if name in _TAKES else UNKNOWN


def _height(hold: Hold) -> int:
    return 0 if hold.below is None else 1 + _height(hold.below)


@functools.lru_cache(maxsize=64)
def local_names(function: ir.Function) -> frozenset[str]:
    """The parameters and local variables of a function."""
    return frozenset(one.name for one in _variables(function))


def _variables(function: ir.Function) -> Iterator[ir.Variable]:
    yield from function.parameters
    for node in ir.walk(function.body):
        if isinstance(node, ir.Variable):
            yield node


def _tested(condition: ir.Expr) -> set[str]:
    """The variables that a condition asks for being true, or for one value."""
    names: set[str] = set()
    todo = [condition]
    while todo:
        match ir.strip(todo.pop()):
            case ir.Name(text=text):
                names.add(text)
            case ir.Unary(operator="!", operand=operand):
                todo.append(operand)
            case ir.Binary(operator="&&" | "||" | "==" | "!=", left=left, right=right):
                todo += (left, right)
    return names


def _switches(function: ir.Function) -> frozenset[str]:
    """The parameters that may tell a helper whether the GIL is held."""
    return frozenset(one.name for one in function.parameters if not one.type.pointers and not one.type.arrays)
