"""Every function of a unit along its paths, callees first; each is run once, its summary serves all callers."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from heaplint import ir
from heaplint.capi.api import ApiFunction, api, slot
from heaplint.capi.attributes import attributed
from heaplint.flow.paths.code import Code
from heaplint.flow.paths.contract import Contract
from heaplint.flow.paths.contracts import contract_of
from heaplint.flow.paths.interpret import Run, interpret
from heaplint.flow.paths.lowering import lower
from heaplint.flow.paths.machine import Draft, Machine
from heaplint.flow.paths.summary import UNFOLLOWED, Outcome, Summary, condensed
from heaplint.model.members import OBJECT_STRUCT, is_object_struct
from heaplint.model.program import Program, Unit

_MAX_DEPTH = 12
_OF_PYTHON = frozenset({"mem", "object", "gc"})
"""The families of memory whose functions only code with an interpreter at hand calls."""


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What is known of one function."""

    function: ir.Function
    drafts: tuple[Draft, ...]
    summary: Summary | None
    """None when nothing can be said of it to its callers."""
    complete: bool
    contract: Contract | None
    silent: tuple[Draft, ...] = ()
    """Where it returns a failure without an exception, for its callers to complain of."""
    left: tuple[Draft, ...] = ()
    """Where it returns a failure and leaves a new reference behind a parameter."""


@dataclass(slots=True, eq=False)
class _Known:
    """What is known of a program's functions."""

    homes: dict[str, Unit]
    """Path → the first unit that has the file."""
    results: dict[int, Result | None] = field(default_factory=dict)
    """By the identity of the function, which two views share where they read the same; None while it is being made."""
    summaries: dict[tuple[str, int, str], Summary | None] = field(default_factory=dict)
    """What callers need of the functions of files that are done, by path, offset and name: those of the first view."""
    analyses: dict[str, dict[Unit, Analysis]] = field(default_factory=dict)
    """By the path of the units."""
    open: str = ""
    """The file whose views are being looked at."""
    depth: int = 0
    recursive: set[int] = field(default_factory=set)
    """The functions that call themselves, perhaps through others."""

    def go_on_to(self, path: str) -> None:
        """Another file is looked at: of the one before only the summaries are kept, and its syntax trees can go."""
        if path == self.open:
            return
        ended = self.analyses.get(self.open, {})
        done = {text.path for unit in ended for text in unit.own}
        for key, result in list(self.results.items()):
            if result is not None and result.function.path in done:
                function = result.function
                self.summaries.setdefault((function.path, function.start, function.name), result.summary)
                del self.results[key]
                self.recursive.discard(key)
        for one in ended.values():
            one.forget()
        self.open = path


@functools.lru_cache(maxsize=1)
def _known(program: Program) -> _Known:
    homes: dict[str, Unit] = {}
    for unit in program.units:
        for text in unit.texts:
            homes.setdefault(text.path, unit)
    return _Known(homes)


class Analysis:
    """The functions of one unit."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.known = _known(unit.program)
        self._attributed = {
            name: fact for text in unit.texts for name, fact in attributed(text.code).items()
        }
        self._results: list[Result] | None = None
        self._cleanup: re.Pattern[bytes] | None = None
        self._summaries: dict[str, Summary | ApiFunction | None] = {}

    def results(self) -> list[Result]:
        """The results of the unit's own functions."""
        if self._results is None:
            self.known.go_on_to(self.unit.path)
            functions = [
                function for text in self.unit.own if text.names_python() for item in text.items if item.kind == "function"
                for function in text.parse(item).functions
            ]
            made = [result for function in functions if (result := self.result(function)) is not None]
            self._results = self._moved_to_their_place(made)
        return self._results

    def forget(self) -> None:
        """Drop the results; the checks of the unit have had them."""
        self._results = None

    def _moved_to_their_place(self, results: list[Result]) -> list[Result]:
        """A failure without an exception is reported in the helper that could have set one, not where it is passed on."""
        own = {(result.function.path, result.function.start): result for result in results}
        moved: dict[tuple[str, int], dict[int, Draft]] = {}
        kept: dict[tuple[str, int], list[Draft]] = {}
        for place, result in own.items():
            for draft in result.drafts:
                places = list(self._culprits(draft, own, 0)) if draft.rule == "HL601" and draft.item else []
                places += self._left_behind(draft, own) if draft.rule in ("HL401", "HL509") else ()
                for culprit, better in places:
                    moved.setdefault((culprit.function.path, culprit.function.start), {}).setdefault(id(better.node), better)
                if not places and not (draft.rule == "HL601" and draft.item and self._unexplained(draft.item, own, 0)):
                    kept.setdefault(place, []).append(draft)
        return [
            replace(result, drafts=(*kept.get(place, ()), *moved.get(place, {}).values())) for place, result in own.items()
        ]

    def _unexplained(self, name: str, own: Mapping[tuple[str, int], Result], depth: int) -> bool:
        """Whether it is not seen why a helper of the program fails without an exception."""
        if api(name) is not None or not self.unit.has_function(name):
            return False
        function = self.unit.function(name)
        result = own.get((function.path, function.start)) if function is not None else None
        if result is None or depth > _MAX_DEPTH:
            return True
        return not any(not self._unexplained(one.item, own, depth + 1) for one in result.silent)

    def _left_behind(self, draft: Draft, own: Mapping[tuple[str, int], Result]) -> Iterator[tuple[Result, Draft]]:
        """The places in a helper that fail and leave a new reference to the caller, who does not look for one."""
        callee = draft.site.callee if draft.site is not None else ""
        step = draft.trace
        while step is not None and step.what != f"{callee} fails":
            step = step.before
        function = self.unit.function(callee) if step is not None and self.unit.has_function(callee) else None
        result = own.get((function.path, function.start)) if function is not None else None
        if result is not None:
            for one in result.left:
                yield result, one

    def _culprits(
        self, draft: Draft, own: Mapping[tuple[str, int], Result], depth: int
    ) -> Iterator[tuple[Result, Draft]]:
        """The helpers, and the places in them, that a failure without an exception comes from."""
        function = self.unit.function(draft.item) if self.unit.has_function(draft.item) else None
        result = own.get((function.path, function.start)) if function is not None else None
        if result is None or depth > _MAX_DEPTH:
            return
        for one in result.silent:
            if _of_python(one.item):
                yield result, one
            elif api(one.item) is None:
                yield from self._culprits(one, own, depth + 1)

    def summary(self, function: ir.Function) -> Summary | None:
        """What a function does to its callers; None when nothing can be said of it."""
        place = (function.path, function.start, function.name)
        if place in self.known.summaries:
            return self.known.summaries[place]
        result = self.result(function)
        return result.summary if result is not None else None

    def result(self, function: ir.Function) -> Result | None:
        """The result of a function; None while it is being made: the function calls itself."""
        key = id(function)
        results = self.known.results
        if key in results:
            if results[key] is None:
                self.known.recursive.add(key)
            return results[key]
        results[key] = None
        if self.known.depth >= _MAX_DEPTH:
            del results[key]
            return None
        self.known.depth += 1
        try:
            made = self.run(function)
            if key in self.known.recursive and made.summary is not None:  # once more, with what the first run found
                results[key] = made
                made = self.run(function)
            results[key] = made
        finally:
            self.known.depth -= 1
        return made

    def run(self, function: ir.Function) -> Result:
        contract = contract_of(self.unit, function)
        if not function.complete:
            return Result(function, (), None, False, contract)
        code = lower(function, self._cleaned(function))
        first = function.parameters[0].type.name if function.parameters else ""
        owner = bool(OBJECT_STRUCT.match(first)) or is_object_struct(self.unit, first)
        run = interpret(code, self.lookup, contract, owner)
        if not run.complete:
            self.unit.program.partly_followed[function.path, function.start] = function.name
        machine = run.machine
        settled = _settled(code, run)
        outcomes = condensed(settled) if run.complete else None
        needed = frozenset(
            position for position, name in enumerate(code.parameters)
            for site in machine.sites
            if site.kind == "parameter" and site.name == name and site.index in machine.needed
        )
        domains = {site.domain for site in machine.sites if site.kind == "memory"}
        summary = None
        if outcomes is not None:
            summary = Summary(outcomes, needed, machine.runs_python, domains.pop() if len(domains) == 1 else "")
        drafts = [*machine.drafts.values(), *_taken_over_at_times(code, machine)]
        if machine.returns_new and function.returns.name == "PyObject":
            drafts += {id(one.node): one for one in machine.lent_returns}.values()
        if machine.raises:  # some failures come with an exception: a caller cannot tell those that do not
            drafts += [one for one in machine.silent.values() if _of_python(one.item)]
        return Result(
            function, tuple(drafts), summary, run.complete, contract, tuple(machine.silent.values()),
            tuple(machine.left.values()),
        )

    def _cleaned(self, function: ir.Function) -> frozenset[str]:
        """The variables that the compiler cleans up (`__attribute__((cleanup(f)))`, by whatever macro)."""
        text = self.unit.text_of(function.path)
        item = text.item_at(function.start) if text is not None else None
        if text is None or item is None:
            return frozenset()
        if self._cleanup is None:
            names = {name for one in self.unit.texts for name in one.reading.macros_with("cleanup")}
            names |= {name for one in self.unit.texts for name in one.reading.macros_with("__cleanup__")}
            words = "|".join(map(re.escape, sorted(names | {"g_autoptr", "g_autofree", "cleanup", "__cleanup__"})))
            self._cleanup = re.compile(rf"\b(?:{words})\b(?:\s*\([^()]*\))?[\s)]*(?:\w+[\s*]+)*?(\w+)\s*[=;,]".encode())
        code = text.code[item.start : item.end]
        return frozenset(found.decode() for found in self._cleanup.findall(code))

    def lookup(self, name: str) -> Summary | ApiFunction | None:
        """What is known of a callee by its name in the unit."""
        if name in self._summaries:
            return self._summaries[name]
        found = self._find(name)
        if found is not None or name[:1] in "-*":
            self._summaries[name] = found
        return found

    def _find(self, name: str) -> Summary | ApiFunction | None:
        if name.startswith("->"):
            return slot(name[2:])
        if name.startswith("*"):
            return None
        told = self.unit.program.facts.get(name) or self._attributed.get(name)
        if told is not None:
            return told
        own = not name.startswith(("Py", "_Py")) and self.unit.has_function(name)
        if not own and (fact := api(name)) is not None:
            return fact
        function = self.unit.function(name) if own or self.unit.has_function(name) else None
        if function is None:
            return None
        if "class" in function.returns.storage:
            return UNFOLLOWED  # the object that it returns may have what it was given
        home = self.unit if function.path in self.unit.paths else self.known.homes.get(function.path, self.unit)
        return (self if home is self.unit else analysis(home)).summary(function) or UNFOLLOWED


def _taken_over_at_times(code: Code, machine: Machine) -> Iterator[Draft]:
    """An argument that a helper takes over when it succeeds and in some of its failures, but not in others."""
    for position, name in enumerate(code.parameters):
        ways = [way for way in machine.exits if way[0] == position]
        succeeded = {given for _, given, failed, *_ in ways if not failed}
        failures = {given for _, given, failed, *_ in ways if failed}
        if succeeded == {-1} and failures == {-1, 0}:
            reported: set[int] = set()
            for _, given, failed, node, trace, length in ways:
                if failed and given == 0 and id(node) not in reported:
                    reported.add(id(node))
                    site = next(site for site in machine.sites if site.kind == "parameter" and site.name == name)
                    yield Draft("HL401", node, name, site, trace, length, "consumed")


def _of_python(name: str) -> bool:
    """Whether a function allocates memory for code that has an interpreter at hand."""
    fact = api(name)
    return fact is not None and fact.result == "memory" and fact.of in _OF_PYTHON


def _settled(code: Code, run: Run) -> set[Outcome]:
    """The outcomes; a reference that is taken on every way is taken for the caller, one taken on some is a leak here."""
    drafts = run.machine.drafts
    always = set()
    for position, name in enumerate(code.parameters):
        given = {one.effects[position].given for one in run.outcomes if not one.effects[position].escaped}
        if given and min(given) > 0:
            always.add(position)
            for key, draft in list(drafts.items()):
                if draft.rule == "HL401" and draft.site is not None and (draft.site.kind, draft.site.name) == ("parameter", name):
                    del drafts[key]
    return {
        one._replace(effects=tuple(
            effect._replace(given=0) if effect.given > 0 and position not in always and one.kind != "argument" else effect
            for position, effect in enumerate(one.effects)
        )) for one in run.outcomes
    }


def analysis(unit: Unit) -> Analysis:
    """The analysis of a unit; the checks of one unit share it."""
    analyses = _known(unit.program).analyses.setdefault(unit.path, {})
    if unit not in analyses:
        analyses[unit] = Analysis(unit)
    return analyses[unit]
