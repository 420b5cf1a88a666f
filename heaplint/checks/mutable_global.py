"""HL308: C variables with static storage that functions write after initialisation."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.expressions import place
from heaplint.model.members import is_object_struct
from heaplint.model.mentions import ANYBODY, callers
from heaplint.model.static_objects import of_the_thread, static_objects
from heaplint.model.unit import Unit
from heaplint.model.writes import functions_that_write, writes

_LOCK = re.compile(r"(?i)mutex|lock|once|atomic|tss|cond")
_API_TYPE = re.compile(r"_?Py(?!_ssize_t|_hash_t|_uhash_t|_UCS\d|_UNICODE|ThreadState|InterpreterState)\w+\Z")
_NOT_A_VARIABLE = re.compile(
    rb"\s*(?:extern|typedef|using|namespace|template|friend|class|(?:struct|union|enum)\s*\w*\s*\{[^{}]*\}\s*;)|[^={]*\("
)
_WORD = re.compile(rb"[A-Za-z_]\w*")
_LONGEST = 4000
_MAX_CALLERS = 6


@check("HL308")
def mutable_global(unit: Unit) -> Iterator[Report]:
    """Variables with static storage, written by functions that are not part of initialisation."""
    written_somewhere = writes(unit)
    variables = _file_variables(unit, {name for _, _, name in written_somewhere})
    initialisation = _Initialisation(unit)
    written: set[str] = set()
    for function in functions_that_write(unit, written_somewhere, set(variables)):
        yield from _of_function(unit, function, variables, written, initialisation)


def _file_variables(unit: Unit, names: set[bytes]) -> dict[str, tuple[ir.Variable, ir.Place]]:
    """The file-level variables with one of these names; those that hold objects are HL303's."""
    objects = {one.name for one in static_objects(unit)}
    found: dict[str, tuple[ir.Variable, ir.Place]] = {}
    for text in unit.own:
        for item in text.items:
            if item.kind != "declaration" or item.end - item.start > _LONGEST:
                continue
            if _NOT_A_VARIABLE.match(text.code, item.start, item.end):
                continue
            if names.isdisjoint(_WORD.findall(text.code, item.start, item.end)):
                continue
            for variable in text.parse(item).variables:
                where = place(text.path, variable)
                if variable.name not in objects and _is_candidate(unit, variable, where):
                    found.setdefault(variable.name, (variable, where))
    return found


def _is_candidate(unit: Unit, variable: ir.Variable, where: ir.Place) -> bool:
    kind = variable.type
    if {"extern", "typedef", "thread_local"} & kind.storage or ("const" in kind.storage and not kind.pointers):
        return False
    if _LOCK.search(kind.base) or _LOCK.search(variable.name) or _API_TYPE.match(kind.name):
        return False
    return not is_object_struct(unit, kind.base) and not of_the_thread(unit, where)


def _of_function(
    unit: Unit,
    function: ir.Function,
    variables: dict[str, tuple[ir.Variable, ir.Place]],
    written: set[str],
    initialisation: _Initialisation,
) -> Iterator[Report]:
    scopes = _Scopes(function, variables)
    for name, node, local in scopes.writes():
        if local is None and name not in variables:
            continue
        variable, where = variables[name] if local is None else (local, place(function.path, local))
        key = f"{function.name}:{name}" if local is not None else name
        if key in written or (local is not None and not _is_candidate(unit, variable, where)):
            continue
        if initialisation.only(function.name):
            continue
        written.add(key)
        yield Report(
            "HL308",
            where,
            f"{variable.name} has static storage and is written by {function.name}() after initialisation: "
            "all interpreters and threads share it; move it to the module state, or protect it with a lock",
            symbol=variable.name,
            function=function.name if local is not None else None,
            related=((place(function.path, node), "written here"),),
        )


class _Scopes:
    """Goes through a function's blocks and tells which variable a written name means."""

    def __init__(self, function: ir.Function, variables: dict[str, tuple[ir.Variable, ir.Place]]) -> None:
        self.function = function
        self.variables = variables

    def writes(self) -> Iterator[tuple[str, ir.Node, ir.Variable | None]]:
        """Name, place and, for a static local, the variable; automatic variables and parameters are left out."""
        names: dict[str, ir.Variable | None] = {parameter.name: None for parameter in self.function.parameters}
        yield from self._of(self.function.body, names, set(names))

    def _of(
        self, node: ir.Node, statics: dict[str, ir.Variable | None], hidden: set[str]
    ) -> Iterator[tuple[str, ir.Node, ir.Variable | None]]:
        if isinstance(node, (ir.Block, ir.Loop, ir.Switch, ir.Case)):
            statics, hidden = dict(statics), set(hidden)
        if isinstance(node, ir.Variable):
            hidden.add(node.name)
            statics[node.name] = node if "static" in node.type.storage and not node.type.function else None
        target: ir.Expr | None = None
        if isinstance(node, ir.Assign):
            target = node.target
        elif isinstance(node, ir.Unary) and node.operator in ("++", "--", "p++", "p--"):
            target = node.operand
        if target is not None:
            name, through = _root(target)
            local = statics.get(name)
            if name and not (through and self._is_pointer(name, local)):
                if local is not None:
                    yield name, node, local
                elif name not in hidden:
                    yield name, node, None
        for child in ir.children(node):
            if child is not None:
                yield from self._of(child, statics, hidden)

    def _is_pointer(self, name: str, local: ir.Variable | None) -> bool:
        if local is None and name not in self.variables:
            return True
        kind = (local or self.variables[name][0]).type
        return kind.pointers > 0 and not kind.arrays


def _root(target: ir.Expr) -> tuple[str, bool]:
    """The variable that is written, and whether by subscript; "" when it is reached through a pointer."""
    inner, subscript = ir.strip(target), False
    while True:
        if isinstance(inner, ir.Index):
            inner, subscript = ir.strip(inner.object), True
        elif isinstance(inner, ir.Member) and not inner.arrow:
            inner = ir.strip(inner.object)
        else:
            break
    return (inner.text, subscript) if isinstance(inner, ir.Name) else ("", False)


class _Initialisation:
    """Which functions run during the initialisation of a module only."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.known: dict[str, bool] = {}

    def only(self, name: str) -> bool:
        """PyInit_, exec functions, and what is called from these only."""
        return self._only(name, 0)

    def _only(self, name: str, depth: int) -> bool:
        if name.startswith("PyInit_") or self.unit.ask("run by import", name):
            return True
        if name not in self.known:
            self.known[name] = False
            self.known[name] = depth < _MAX_CALLERS and self._called_by_initialisation(name, depth)
        return self.known[name]

    def _called_by_initialisation(self, name: str, depth: int) -> bool:
        found = callers(self.unit, name)
        return bool(found) and ANYBODY not in found and all(self._only(one, depth + 1) for one in found)
