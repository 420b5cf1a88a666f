"""Every function of a unit along its paths, callees first; each is run once, its summary serves all callers."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.api import ApiFunction, api, slot
from heaplint.capi.attributes import attributed, may_be_attributed
from heaplint.digest import DIGEST, blake2b
from heaplint.flow.paths.code import Code
from heaplint.flow.paths.contract import Contract
from heaplint.flow.paths.contracts import contract_of, contracts
from heaplint.flow.paths.interpret import Run, interpret
from heaplint.flow.paths.kept import Circumstances, Result, decoded, encoded, plain_result, result_of
from heaplint.flow.paths.lowering import lower
from heaplint.flow.paths.machine import Draft, Machine
from heaplint.flow.paths.summary import UNFOLLOWED, Outcome, Summary, condensed, from_plain, plain, shared
from heaplint.model.functions import Function, Functions, Kept
from heaplint.model.members import OBJECT_STRUCT, is_object_struct
from heaplint.model.program import SUMMARY, Program
from heaplint.model.unit import Unit
from heaplint.records import dataclass, field, replace

if TYPE_CHECKING:
    from heaplint.model.program import Group

_MAX_DEPTH = 12
"""How far a failure is traced back from a caller to the helper that it comes from."""
_OF_PYTHON = frozenset({"mem", "object", "gc"})
"""The families of memory whose functions only code with an interpreter at hand calls."""


Key: TypeAlias = tuple[int, str, int, str]
"""A function as a unit has it: the identity of the unit, the path, the offset and the name of the function."""
Facts: TypeAlias = "Summary | ApiFunction | None"
Around: TypeAlias = "tuple[Contract | None, tuple[str, ...], bool]"
"""What is expected of a function, the variables that the compiler cleans up, and whether it gets an object."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ran:
    """A function that was run, and all that its result depends on."""

    function: ir.Function
    lookups: Mapping[str, Facts]
    circumstances: Around
    result: Result


@dataclass(slots=True, eq=False)
class _Known:
    """What is known of a program's functions."""

    results: dict[int, dict[Key, Result]] = field(default_factory=dict)
    """Those of groups that are not done, by the identity of the unit."""
    summaries: dict[Key, Summary | None] = field(default_factory=dict)
    """What callers need of functions."""
    ran: dict[str, dict[int, list[_Ran]]] = field(default_factory=dict)
    """By the path and the identity of the function, which two views share where they read the same."""
    analyses: dict[str, dict[int, Analysis]] = field(default_factory=dict)
    """By the path of the units, and their identity."""
    making: set[Key] = field(default_factory=set)
    """The functions that call each other and are being made."""
    looping: set[Key] = field(default_factory=set)
    """The functions that call themselves."""
    codes: dict[tuple[int, tuple[str, ...]], Code] = field(default_factory=dict)
    """The lowered form of those being made, by the identity of the function and the variables that are cleaned up."""
    short: bool = False
    """Whether something was asked of one of these that had not been made."""
    kept: dict[str, Mapping[bytes, tuple[Kept, ...]]] = field(default_factory=dict)
    """What an earlier run has kept of a main file's functions."""
    identities: dict[int, tuple[Facts, bytes]] = field(default_factory=dict)
    """What identifies facts, by the identity of what holds them."""

    def done(self, path: str) -> None:
        """A main file has been looked at: of its functions the summaries of those that others can call are kept."""
        units = self.analyses.get(path, {})
        for identity, one in units.items():
            for key, result in self.results.pop(identity, {}).items():
                if "static" in result.function.returns.storage:
                    self.summaries.pop(key, None)
            for text in one.unit.own:
                self.ran.pop(text.path, None)
            one.forget()
        self.kept.pop(path, None)

    def kept_of(self, group: Group) -> Mapping[bytes, tuple[Kept, ...]]:
        """What an earlier run has kept of a group's functions."""
        if group.path not in self.kept:
            self.kept[group.path] = decoded(group.functions) if group.functions else {}
        return self.kept[group.path]

    def identity(self, facts: Facts) -> bytes:
        """What identifies facts in this run and the next."""
        known = self.identities.get(id(facts))
        if known is None:
            shown = repr(_shown(facts)).encode("utf-8", "surrogateescape")
            known = self.identities[id(facts)] = facts, blake2b(shown, digest_size=8).digest()
        return known[1]


@functools.lru_cache(maxsize=1)
def _known(program: Program) -> _Known:
    return _Known()


def kept_summary(group: Group, name: str) -> tuple[Facts, ...]:
    """What callers are told of a function that a group defines, in each view; None in one that does not have it."""
    found: list[Facts] = []
    for unit in group.units:
        home = analysis(unit)
        if name not in home.told:
            function = home.functions.named(name)
            if function is not None:
                follow = "class" not in function.head.returns.storage
                home.told[name] = (home.summary(function) if follow else None) or UNFOLLOWED
        found.append(home.told.get(name))
    return tuple(found)


def kept(group: Group) -> bytes:
    """What the next run can use of what was found out about a group's functions."""
    items: dict[bytes, list[Kept]] = {}
    for unit in group.units:
        for identity, functions in analysis(unit).functions.kept().items():
            known = items.get(identity)
            items[identity] = list(functions) if known is None else [
                replace(one, ways=tuple(dict([*one.ways, *other.ways]).items())) for one, other in zip(known, functions, strict=True)
            ]
    return encoded(items)


def forget(group: Group) -> None:
    """Drop what is known of a group's functions but their summaries; its checks have had it."""
    if group.units:
        _known(group.units[0].program).done(group.path)


class Analysis:
    """The functions of one unit."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.known = _known(unit.program)
        self.functions = Functions(unit, self.known.kept_of(unit.group), keep=unit.program.keeps)
        self._attributed = {
            name: fact for text in unit.texts if may_be_attributed(text.reading.words)
            for name, fact in attributed(text.code).items()
        }
        self._number = -1
        """Of the unit in its group, once it is asked for."""
        self._results: list[Result] | None = None
        self._by_name: Mapping[str, Contract] | None = None
        self._cleanup: re.Pattern[bytes] | None = None
        self._cleaning: Collection[str] = ()
        """The files that may have what `_cleanup` finds."""
        self._around: dict[Function, Around] = {}
        self._summaries: dict[str, Facts] = {}
        self._facts: dict[str, Facts] = {}
        self.told: dict[str, Facts] = {}
        """What callers of the unit's functions were told of them."""

    @property
    def _contracts(self) -> Mapping[str, Contract]:
        if self._by_name is None:
            self._by_name = contracts(self.unit)
        return self._by_name

    def results(self) -> list[Result]:
        """The results of the unit's own functions."""
        if self._results is None:
            made = [self.result(function) for function in self.functions.own()]
            for one in made:
                if not one.complete and one.function.complete:
                    self.unit.group.partly_followed[one.function.path, one.function.start] = one.function.name
            self._results = self._moved_to_their_place(made)
        return self._results

    def forget(self) -> None:
        """Drop the results, the checks of the unit have had them, and all that can be found again."""
        self._results = self._by_name = None
        for known in (self._around, self._summaries, self._facts):
            known.clear()
        self.functions.forget()

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
        result = self._result_named(name, own)
        if result is None or depth > _MAX_DEPTH:
            return True
        return not any(not self._unexplained(one.item, own, depth + 1) for one in result.silent)

    def _left_behind(self, draft: Draft, own: Mapping[tuple[str, int], Result]) -> Iterator[tuple[Result, Draft]]:
        """The places in a helper that fail and leave a new reference to the caller, who does not look for one."""
        callee = draft.site.callee if draft.site is not None else ""
        step = draft.trace
        while step is not None and step.what != f"{callee} fails":
            step = step.before
        result = self._result_named(callee, own) if step is not None else None
        if result is not None:
            for one in result.left:
                yield result, one

    def _culprits(
        self, draft: Draft, own: Mapping[tuple[str, int], Result], depth: int
    ) -> Iterator[tuple[Result, Draft]]:
        """The helpers, and the places in them, that a failure without an exception comes from."""
        result = self._result_named(draft.item, own)
        if result is None or depth > _MAX_DEPTH:
            return
        for one in result.silent:
            if _of_python(one.item):
                yield result, one
            elif api(one.item) is None:
                yield from self._culprits(one, own, depth + 1)

    def _result_named(self, name: str, own: Mapping[tuple[str, int], Result]) -> Result | None:
        """The result of the own function that a name means."""
        function: Function | ir.Function | None = self.functions.named(name)
        if function is None and self.unit.has_function(name):
            function = self.unit.function(name)
        return own.get((function.path, function.start)) if function is not None else None

    def summary(self, function: Function) -> Summary | None:
        """What a function does to its callers; None when nothing can be said of it."""
        key = self._key(function)
        if key not in self.known.summaries:
            if key in self.known.making:
                self.known.short = True
                return None
            if not self._summary_told(function, key):
                self._settle(function)
        return self.known.summaries[key]

    def result(self, function: Function) -> Result:
        """The result of a function."""
        key = self._key(function)
        if key not in self.known.results.get(key[0], {}):
            self.known.summaries.pop(key, None)
            if not self._result_told(function, key):
                self._settle(function)
        return self.known.results[key[0]][key]

    def _key(self, function: Function) -> Key:
        return id(self.unit), function.path, function.start, function.name

    def _settle(self, function: Function) -> None:
        """Run a function, and before it all that it calls; those that call each other are run together.

        Tarjan's algorithm, so that the order, and with it what is found, does not depend on who asks first.
        """
        numbers: dict[Key, int] = {}
        lowest: dict[Key, int] = {}
        path: list[tuple[Analysis, Function, Key]] = []
        unfinished: set[Key] = set()
        todo: list[tuple[Analysis, Function, Key, Iterator[tuple[Analysis, Function]]]] = []

        def enter(home: Analysis, one: Function) -> None:
            key = home._key(one)
            numbers[key] = lowest[key] = len(numbers)
            path.append((home, one, key))
            unfinished.add(key)
            todo.append((home, one, key, home._callees(one)))

        enter(self, function)
        while todo:
            _, _, key, callees = todo[-1]
            for home, callee in callees:
                called = home._key(callee)
                if called == key:  # by its name, or by another that the program has for it
                    self.known.looping.add(key)
                if called in self.known.summaries or called in self.known.making:
                    continue
                if called not in numbers:
                    if home._summary_told(callee, called):
                        continue
                    enter(home, callee)
                    break
                if called in unfinished:
                    lowest[key] = min(lowest[key], numbers[called])
            else:
                todo.pop()
                if todo:
                    caller = todo[-1][2]
                    lowest[caller] = min(lowest[caller], lowest[key])
                if lowest[key] == numbers[key]:
                    at = next(index for index, (_, _, one) in enumerate(path) if one == key)
                    _run_together(self.known, path[at:])
                    unfinished.difference_update(one for _, _, one in path[at:])
                    del path[at:]

    def _callees(self, function: Function) -> Iterator[tuple[Analysis, Function]]:
        """The functions of the program that a function calls by name."""
        for name in function.called:
            if name not in self._summaries and (found := self._followed(name)) is not None:
                yield found

    def run(self, function: Function) -> Result:
        """Run a function, or take what another view of the same file, or an earlier run, found under the same circumstances."""
        if not function.head.complete:
            return Result(function.head, (), None, False, self._circumstances(function)[0])
        if not self.known.making and (held := self.held(function)) is not None:
            return held
        tree, circumstances = function.tree, self._circumstances(function)
        ran = next((
            one for one in self.known.ran.get(tree.path, {}).get(id(tree), ()) if circumstances == one.circumstances
            and all(self.lookup(name) == facts for name, facts in one.lookups.items())
        ), None)
        if ran is None:
            lookups: dict[str, Facts] = {}

            def lookup(name: str) -> Facts:
                if name not in lookups:
                    lookups[name] = self.lookup(name)
                return lookups[name]

            ran = _Ran(tree, lookups, circumstances, self._run(tree, *circumstances, lookup))
            if self.known.making:
                function.asked.update(lookups)
                return ran.result
            self.known.ran.setdefault(tree.path, {}).setdefault(id(tree), []).append(ran)
        self.keep(function, ran.lookups, ran.result)
        return ran.result

    # -- what other processes have found ----------------------------------------------------------------------------

    def tell(self, function: Function, key: Key) -> None:
        """Tell the other processes what was found of a function that one of them may ask for."""
        program = self.unit.program
        result = self.known.results[key[0]][key]
        if program.board is None or not function.head.complete:
            return
        if program.works_on(self.unit.group) and "static" in function.head.returns.storage:
            return  # it has been looked at for those who could ask
        way, found = next(reversed(function.ways.items()), (None, None))
        told = way.plain() if isinstance(way, Circumstances) else None, found or plain_result(result, function.base)
        try:
            program.board.tell(self._name_of(function), told)
        except OSError:  # no more room: they find it out by themselves
            program.board = None

    def _name_of(self, function: Function) -> bytes:
        """What a function of this unit is called among processes."""
        if self._number < 0:
            self._number = next(number for number, unit in enumerate(self.unit.group.units) if unit is self.unit)
        named = f"{self._number}\0{function.start}\0{function.name}\0{function.path}\0{self.unit.path}"
        return named.encode("utf-8", "surrogateescape")

    def _asked_others(self, function: Function) -> Any:
        """What another process has told of a function; None when none has, or it is not to be mixed with what is under way."""
        board = self.unit.program.board
        return None if board is None or self.known.making else board.find(self._name_of(function))

    def _summary_told(self, function: Function, key: Key) -> bool:
        """Take the summary of a function from another process, if one has found it."""
        told = self._asked_others(function)
        if told is None:
            return False
        summary = told[1][4]
        self.known.summaries[key] = None if summary is None else shared(from_plain(summary))
        return True

    def _result_told(self, function: Function, key: Key) -> bool:
        """Take the whole result of a function from another process, if one has found it."""
        told = self._asked_others(function)
        if told is None:
            return False
        way, found = told
        if way is not None and self.functions.identity(function) is not None:
            function.ways[Circumstances.of(way)] = found
        result = result_of(found, function.head, self._circumstances(function)[0], function.base)
        self.known.results.setdefault(key[0], {})[key] = result
        self.known.summaries[key] = result.summary
        return True

    # -- what an earlier run has found ------------------------------------------------------------------------------

    def held(self, function: Function, together: bytes = b"") -> Result | None:
        """What an earlier run found of a function under the same circumstances."""
        if function.kept is None:
            return None
        now = self._circumstances(function)
        for way, found in function.kept.ways:
            if together == way.together and now == (way.contract, way.cleaned, way.owner) and all(
                self.known.identity(self.lookup(name)) == facts for name, facts in way.lookups
            ):
                function.ways[way] = found
                return result_of(found, function.head, way.contract, function.base)
        return None

    def keep(self, function: Function, names: Iterable[str], result: Result, together: bytes = b"") -> None:
        """Keep the result of a function that has asked for some names, if the next run can use it."""
        if self.functions.identity(function) is not None:
            lookups = tuple((name, self.known.identity(self.lookup(name))) for name in names)
            function.ways[Circumstances(*self._circumstances(function), lookups, together)] = plain_result(result, function.base)

    def _circumstances(self, function: Function) -> Around:
        """What is expected of a function, the variables that the compiler cleans up, and whether it gets an object."""
        known = self._around.get(function)
        if known is None:
            head = function.head
            first = head.parameters[0].type.name if head.parameters else ""
            owner = bool(OBJECT_STRUCT.match(first)) or is_object_struct(self.unit, first)
            known = self._around[function] = contract_of(self.unit, self._contracts, head), self._cleaned(function), owner
        return known

    def _run(
        self, function: ir.Function, contract: Contract | None, cleaned: tuple[str, ...], owner: bool,
        lookup: Callable[[str], Facts],
    ) -> Result:
        code = self._code(function, cleaned)
        run = interpret(code, lookup, contract, owner)
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
            summary = shared(Summary(outcomes, needed, machine.runs_python, domains.pop() if len(domains) == 1 else ""))
        drafts = [*machine.drafts.values(), *_taken_over_at_times(code, machine)]
        if machine.returns_new and function.returns.name == "PyObject":
            drafts += {id(one.node): one for one in machine.lent_returns}.values()
        if machine.raises:  # some failures come with an exception: a caller cannot tell those that do not
            drafts += [one for one in machine.silent.values() if _of_python(one.item)]
        return Result(
            function, tuple(drafts), summary, run.complete, contract, tuple(machine.silent.values()),
            tuple(machine.left.values()),
        )

    def _code(self, function: ir.Function, cleaned: tuple[str, ...]) -> Code:
        """What is to be interpreted; of functions that call each other it is kept while these are run, some of them twice."""
        known = self.known.codes.get((id(function), cleaned))
        if known is None:
            known = lower(function, frozenset(cleaned))
            if self.known.making:
                self.known.codes[id(function), cleaned] = known
        return known

    def _cleaned(self, function: Function) -> tuple[str, ...]:
        """The variables that the compiler cleans up (`__attribute__((cleanup(f)))`, by whatever macro)."""
        if self._cleanup is None:
            names = {name for one in self.unit.texts for name in one.reading.macros_with("cleanup")}
            words = sorted(names | {"g_autoptr", "g_autofree", "cleanup", "__cleanup__"})
            choice = "|".join(map(re.escape, words))
            self._cleanup = re.compile(rf"\b(?:{choice})\b(?:\s*\([^()]*\))?[\s)]*(?:\w+[\s*]+)*?(\w+)\s*[=;,]".encode())
            self._cleaning = {text.path for text in self.unit.texts if any(map(text.may_mention, words))}
        if function.path not in self._cleaning:
            return ()
        code = function.text.code[function.item.start : function.item.end]
        return tuple(sorted({found.decode() for found in self._cleanup.findall(code)}))

    def lookup(self, name: str) -> Summary | ApiFunction | None:
        """What is known of a callee by its name in the unit."""
        if name in self._summaries:
            return self._summaries[name]
        followed = self._followed(name)
        if followed is None:
            found = self._told(name)
        else:
            home, function = followed
            found = home.summary(function) or UNFOLLOWED
            if self.unit.program.keeps and not self.known.making:
                home.told[function.name] = found
        if not self.known.making:
            self._summaries[name] = found
        return found

    def outside(self, name: str, members: Collection[Key]) -> bool:
        """Whether a name means none of some functions."""
        followed = self._followed(name)
        return followed is None or followed[0]._key(followed[1]) not in members

    def _told(self, name: str) -> Facts:
        """What is known of a function without a look at it."""
        if name not in self._facts:
            self._facts[name] = self._find(name)
        return self._facts[name]

    def _find(self, name: str) -> Facts:
        if name.startswith("->"):
            return slot(name[2:])
        if name.startswith("*"):
            return None
        told = self.unit.program.facts.get(name) or self._attributed.get(name)
        if told is not None:
            return told
        if (name.startswith(("Py", "_Py")) or not self.unit.has_function(name)) and (fact := api(name)) is not None:
            return fact
        if not self.unit.has_function(name):
            return None
        if (kept := self.unit.program.known_summary(name, self.unit)) is not None:
            return from_plain(kept)
        own = self.functions.named(name)
        found = own.head if own is not None else self.unit.function(name)
        if found is not None and "class" in found.returns.storage:
            return UNFOLLOWED  # the object that it returns may have what it was given
        return None

    def _followed(self, name: str) -> tuple[Analysis, Function] | None:
        """The function of the program that is to be run for what it does; None when there is none, or no need."""
        if self._told(name) is not None or name[:1] in "-*" or not self.unit.has_function(name):
            return None
        own = self.functions.named(name)
        if own is not None:
            return self, own
        found = self.unit.definition(name)
        text = found[1].text_of(found[0].path) if found is not None else None
        if found is None or text is None:
            return None
        tree, unit = found
        if unit.group is not self.unit.group:
            self.unit.group.reads.add((SUMMARY, unit.path, name))
        home = self if unit is self.unit else analysis(unit)
        return home, home.functions.of_tree(text, tree)


def _run_together(known: _Known, members: Sequence[tuple[Analysis, Function, Key]]) -> None:
    """Run functions that call each other, in the order of their places; once more those that asked for a later one."""
    if len(members) == 1 and members[0][2] not in known.looping:
        _run_member(known, members[0])
        if not known.making:
            members[0][0].tell(*members[0][1:])
        return
    members = sorted(members, key=lambda one: (one[2][1:], one[0].unit.path))
    together = _identity_of_all(members) if not known.making else b""
    if together:
        held = [home.held(function, together) for home, function, _ in members]
        if None not in held:
            for (_, _, key), result in zip(members, held, strict=True):
                assert result is not None
                known.results.setdefault(key[0], {})[key] = result
                known.summaries[key] = result.summary
            return
    around, known.making = known.making, known.making | {key for _, _, key in members}
    again = []
    for member in members:
        member[1].asked.clear()
        known.short = False
        _run_member(known, member)
        if known.short:
            again.append(member)
    for member in again:
        _run_member(known, member)
    inside = known.making
    known.making = around
    if not around:
        known.codes.clear()
    known.short = False
    if together:
        for home, function, key in members:
            names = [name for name in sorted(function.asked) if home.outside(name, inside)]
            home.keep(function, names, known.results[key[0]][key], together)
    if not known.making:
        for home, function, key in members:
            home.tell(function, key)


def _shown(facts: Facts) -> object:
    """Facts as something whose `repr` is the same in every run."""
    if isinstance(facts, ApiFunction):
        return sorted(facts.flags), replace(facts, flags=frozenset())
    return plain(facts) if facts is not None else None


def _identity_of_all(members: Sequence[tuple[Analysis, Function, Key]]) -> bytes:
    """What identifies functions that call each other, in their order; nothing when some of them cannot be kept."""
    state = blake2b(digest_size=DIGEST)
    for home, function, _ in members:
        identity = home.functions.identity(function)
        if identity is None or home.unit is not members[0][0].unit:
            return b""
        state.update(identity + function.name.encode("utf-8", "surrogateescape") + b"\0")
    return state.digest()


def _run_member(known: _Known, member: tuple[Analysis, Function, Key]) -> None:
    home, function, key = member
    result = home.run(function)
    known.results.setdefault(key[0], {})[key] = result
    known.summaries[key] = result.summary


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
    if id(unit) not in analyses:
        analyses[id(unit)] = Analysis(unit)
    return analyses[id(unit)]
