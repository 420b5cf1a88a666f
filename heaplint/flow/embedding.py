"""Is there an interpreter at each point of a function that starts or ends one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from heaplint import ir
from heaplint.capi.interpreter import needs_interpreter
from heaplint.flow.gil import local_names
from heaplint.flow.ways import Facts, Ways, explore
from heaplint.model.unit import Unit
from heaplint.records import dataclass, field

INITIALIZES = frozenset(
    "Py_Initialize Py_InitializeEx Py_InitializeFromConfig Py_InitializeFromInitConfig _Py_InitializeMain _Py_InitializeCore "
    "_Py_InitializeFromConfig _Py_InitializeFromArgs _Py_InitializeFromWideArgs _Py_InitializeEx_Private".split()
)
FINALIZES = frozenset({"Py_Finalize", "Py_FinalizeEx", "Py_RunMain", "Py_Main", "Py_BytesMain"})
_LEAVES = frozenset({"Py_ExitStatusException", "Py_Exit"})
NAMES = INITIALIZES | FINALIZES
_MAX_DEPTH = 3

Life = Literal["entry", "up", "down", "unknown"]
"""No interpreter has been started here yet, there is one, it is gone again, not known."""


@dataclass(slots=True, eq=False)
class Embedding:
    """The interpreter in the functions of one unit."""

    unit: Unit
    leading: Collection[str]
    """The program's functions that may start or end an interpreter, themselves or through others."""
    _ways: dict[tuple[str, int, Life], Ways[Life] | None] = field(default_factory=dict)
    _effects: dict[tuple[str, Life], Life] = field(default_factory=dict)

    def ways(self, function: ir.Function, start: Life = "entry", depth: int = 0) -> Ways[Life] | None:
        """The ways through a function; None when there are too many."""
        key = (function.path, function.start, start)
        if key not in self._ways:
            self._ways[key] = explore(function, start, _Steps(self, function, depth), {})
        return self._ways[key]

    def helper(self, function: ir.Function, call: ir.Call) -> ir.Function | None:
        """The program's function that a call reaches."""
        name = ir.called(call)
        if name in local_names(function) or not self.unit.has_function(name) or name.startswith(("Py", "_Py")):
            return None
        return self.unit.function(name)

    def effect(self, name: str, life: Life, depth: int) -> Life:
        """What there is behind the call of a helper."""
        if depth >= _MAX_DEPTH:
            return "unknown"
        key = (name, life)
        if key not in self._effects:
            self._effects[key] = "unknown"  # a recursive function tells nothing about itself
            helper = self.unit.function(name)
            ways = self.ways(helper, life, depth + 1) if helper is not None else None
            ends: set[Life] = {end for _, end in ways.ends} if ways is not None else {"unknown"}
            if len(ends) == 1:
                self._effects[key] = ends.pop()
        return self._effects[key]

    def first_need(self, function: ir.Function, depth: int = 0) -> ir.Call | None:
        """A call that a function makes in any case, itself or in a helper, and that needs an interpreter."""
        for call in _always(function):
            if ir.called(call) in NAMES or ir.called(call) in self.leading or ir.called(call) == "Py_IsInitialized":
                return None
            if needs_interpreter(ir.called(call)):
                return call
            helper = self.helper(function, call)
            if helper is not None and depth < _MAX_DEPTH and (found := self.first_need(helper, depth + 1)) is not None:
                return found
        return None


def _always(function: ir.Function) -> Iterator[ir.Call]:
    """The calls of the statements that a function begins with, up to the first branch."""
    for statement in function.body.body:
        match statement:
            case ir.ExprStmt() | ir.Declaration() | ir.Return():
                if any(isinstance(node, ir.Conditional) or (isinstance(node, ir.Binary) and node.operator in ("&&", "||"))
                       for node in ir.walk(statement)):
                    return
                yield from ir.calls(statement)
            case _:
                return


@dataclass(frozen=True, slots=True)
class _Steps:
    embedding: Embedding
    function: ir.Function
    depth: int

    @property
    def unknown(self) -> Life:
        return "unknown"

    def decides(self, call: ir.Call) -> bool:
        name = ir.called(call)
        return name in NAMES or name in self.embedding.leading

    def step(self, life: Life, call: ir.Call, facts: Facts) -> Life | None:
        name = ir.called(call)
        if name in _LEAVES:
            return None
        if name in INITIALIZES:
            return "up"
        if name in FINALIZES:
            return "down"
        if name in self.embedding.leading and self.embedding.helper(self.function, call) is not None:
            return self.embedding.effect(name, life, self.depth)
        return life

    def beside(self, life: Life, node: ir.Variable | ir.Opaque | ir.Name) -> Life:
        if isinstance(node, ir.Opaque) and any(name in node.text for name in NAMES):
            return "unknown"
        return life

    def asked(self, life: Life, condition: ir.Expr) -> Life:
        if any(ir.called(call) in ("Py_IsInitialized", "Py_IsFinalizing") for call in ir.calls(condition)):
            return "unknown"
        return life
