"""One file in one view: inactive branches blanked, macros collected; offsets stay true."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from heaplint import lazy_re as re
from heaplint.capi.facts import since
from heaplint.frontend.conditions import Condition, Value, evaluate, parse, satisfy
from heaplint.frontend.cplusplus_items import NO_SCOPES, Scopes
from heaplint.frontend.lexical import BLANK, Directive, Lexed
from heaplint.frontend.views import ALWAYS_DEFINED, NEVER, Question, View, constant
from heaplint.packed import unpacked
from heaplint.records import dataclass, field

_DEFINE = re.compile(r"([A-Za-z_]\w*)(\(([^()]*)\))?\s*(.*)", re.S)
_NAME = re.compile(r"[A-Za-z_]\w*")
_INCLUDE = re.compile(r'"([^"]+)"|<([^>]+)>')
_MAX_EXTRA_VIEWS = 4
_MAX_MACRO_DEPTH = 12
_MAX_CHAIN = 30


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro of the project; `parameters` is None for an object-like one, `variadic` names its last one "...":"""

    name: str
    parameters: tuple[str, ...] | None
    body: str
    path: str
    offset: int


def parse_define(text: str, path: str, offset: int) -> Macro | None:
    """The macro of a `#define` line; None when the line is not well formed."""
    found = _DEFINE.match(text)
    if found is None:
        return None
    parameters = None
    if found.group(2) is not None:
        parameters = tuple(part.strip() for part in found.group(3).split(",")) if found.group(3).strip() else ()
    return Macro(found.group(1), parameters, found.group(4).strip(), path, offset)


@dataclass(slots=True)
class Reading:
    """A file as one view sees it."""

    path: str
    packed: bytes
    """The code (heaplint.packed)."""
    words: bytes
    """Every word of the code once, each between line feeds: far less to search than the code."""
    macros: dict[str, Sequence[Macro | int]]
    """Definitions of each macro in order; an int is the offset of an `#undef`."""
    headers: tuple[Reading, ...] = ()
    """The project's files that this one includes, each followed by those it includes, without repetition."""
    inactive: tuple[tuple[int, int], ...] = ()
    defines: frozenset[str] = frozenset()
    """Every macro that some branch of this file defines, active or not."""
    branches: tuple[int, ...] = ()
    """Where each branch of the `#if` groups begins, in order."""
    unread_typedefs: frozenset[str] = frozenset()
    """Names that a branch which this view does not read makes a type."""
    includes: tuple[tuple[int, str, bool], ...] = ()
    """Each `#include` that is read: its offset, what it names, with the quotes or angle brackets, and whether it
    stands in a branch."""
    plus_plus: bool = False
    """Whether it is read as C++."""
    scopes: Scopes = NO_SCOPES
    """The classes and namespaces of this file and of those it includes; none when it is read as C."""
    digest: bytes = b""
    """What identifies the text and all that its macros depend on, here and in the headers."""
    macro_index: object = None
    """What the model looks its macros up in (heaplint.model.macros)."""
    _cache: dict[str, Macro | None] = field(default_factory=dict)
    _bodies: str | None = None
    _with: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def code(self) -> bytes:
        """The file's text with comments, directives and inactive branches blanked."""
        return unpacked(self.packed)

    def macro(self, name: str, offset: int) -> Macro | None:
        """The definition in force at an offset: the last one before it, else one of an included file."""
        own = self.macros.get(name)
        if own is not None:
            best: Macro | None = None
            for entry in own:
                if (entry if isinstance(entry, int) else entry.offset) > offset:
                    break
                best = entry if isinstance(entry, Macro) else None
            if best is not None or self._defined_before(own, offset):
                return best
        if name not in self._cache:
            self._cache[name] = next(
                (one for header in self.headers if (one := header.last(name)) is not None), None
            )
        return self._cache[name]

    @staticmethod
    def _defined_before(own: Sequence[Macro | int], offset: int) -> bool:
        first = own[0]
        return (first if isinstance(first, int) else first.offset) <= offset

    def last(self, name: str) -> Macro | None:
        """The definition in force at the end of this file."""
        own = self.macros.get(name)
        return own[-1] if own and isinstance(own[-1], Macro) else None

    def macros_with(self, word: str) -> tuple[str, ...]:
        """This file's own macros that have a definition with a string somewhere in its body."""
        found = self._with.get(word)
        if found is None:
            if self._bodies is None:
                self._bodies = "\n".join(
                    one.body for many in self.macros.values() for one in many if isinstance(one, Macro)
                )
            found = self._with[word] = () if word not in self._bodies else tuple(
                name for name, many in self.macros.items()
                if any(isinstance(one, Macro) and word in one.body for one in many)
            )
        return found

    def macro_names(self) -> set[str]:
        """Every macro that may be in force somewhere in this file."""
        names = set(self.macros)
        for header in self.headers:
            names.update(header.macros)
        return names


class _Evaluator:
    """Values of conditions while the directives of one file are gone through."""

    def __init__(self, view: View, defined_here: frozenset[str], headers: Sequence[Reading]) -> None:
        self.view = view
        self.asked: dict[tuple[Question, str], Value] = {}
        """What the view was asked, and what it said."""
        self.defined_here = defined_here
        self.headers = headers
        self.macros: dict[str, Sequence[Macro | int]] = {}
        self.depth = 0

    def ask(self, question: Question, name: str) -> Value:
        asked = question, name
        if asked not in self.asked:
            self.asked[asked] = self.view.answer(question, name)
        return self.asked[asked]

    def current(self, name: str) -> Macro | None:
        own = self.macros.get(name)
        if own:
            return own[-1] if isinstance(own[-1], Macro) else None
        for header in self.headers:
            if (found := header.last(name)) is not None:
                return found
        return None

    def lookup(self, atom: Condition) -> Value:
        name = atom.text
        if atom.operator == "unknown":
            return None
        if name == "__cplusplus":
            return int(self.view.plus_plus) * (1 if atom.operator == "defined" else 201703)
        if self.view.known(name) is not None:
            return 1 if atom.operator == "defined" else self.ask("known", name)
        if atom.operator == "defined" and name in ALWAYS_DEFINED:
            return 1
        macro = self.current(name)
        if macro is not None:
            if atom.operator == "defined":
                return 1
            return self.macro_value(macro) if atom.operator == "name" else None
        if name in since():
            there = self.ask("there", name)
            return there if atom.operator == "defined" or not there else None
        if name in self.defined_here or self.decided_by_header(name):
            return 0
        if atom.operator == "call":
            chosen = self.ask("chosen", name)
            return self.call_value(name) if chosen is None else chosen
        assumed = self.ask("assumed", name)
        return assumed if atom.operator == "defined" or not assumed or self.ask("chosen", name) is not None else None

    def decided_by_header(self, name: str) -> bool:
        """Whether an included file of the project defines a macro under a condition, which does not hold here."""
        return self.ask("chosen", name) is None and any(name in header.defines for header in self.headers)

    def macro_value(self, macro: Macro) -> Value:
        if macro.parameters is not None or self.depth > _MAX_MACRO_DEPTH:
            return None
        if not macro.body:
            return 1
        self.depth += 1
        try:
            return evaluate(parse(macro.body), self.lookup)
        finally:
            self.depth -= 1

    def call_value(self, text: str) -> Value:
        """`PY_VERSION_AT_LEAST(3, 9)`-like macros of headers that are not in the project stay unknown."""
        name, _, arguments = text.partition("(")
        if name in ("__has_include", "__has_attribute", "__has_builtin", "__has_feature", "__has_c_attribute"):
            return 0
        if name == "PY_VERSION_CHECK" or name == "_Py_PACK_VERSION" or name == "Py_PACK_VERSION":
            numbers = [int(part) for part in re.findall(r"\d+", arguments)]
            return (numbers[0] << 24) | (numbers[1] << 16) if len(numbers) >= 2 else None
        return None


@functools.lru_cache(maxsize=4096)
def _condition(name: str, text: str) -> Condition:
    """What the `#if` or `#elif` of this name and text asks."""
    if name in ("ifdef", "elifdef", "ifndef", "elifndef"):
        defined = Condition("defined", text=text.split()[0] if text.split() else "")
        return defined if name in ("ifdef", "elifdef") else Condition("!", (defined,))
    return parse(text)


@dataclass(frozen=True, slots=True)
class Branch:
    """What must hold for a branch: none of the conditions before it in its group, its own, and the branches around it."""

    group: list[Condition]
    """The conditions of its group in order."""
    earlier: int
    """How many of them come before it."""
    own: Condition | None
    around: Branch | None

    def chain(self) -> tuple[Condition, ...]:
        """All of the conditions, those of the outermost branch first; of a deep nest the innermost ones."""
        links: list[Branch] = []
        one: Branch | None = self
        while one is not None and len(links) < _MAX_CHAIN:
            links.append(one)
            one = one.around
        return tuple(condition for link in reversed(links) for condition in link._conditions())

    def _conditions(self) -> Iterator[Condition]:
        for one in self.group[: self.earlier]:
            yield Condition("!", (one,))
        if self.own is not None:
            yield self.own


@dataclass(slots=True)
class _Open:
    """An `#if` group that has not met its `#endif`."""

    active_outside: bool
    taken: bool
    active: bool
    since: int
    conditions: list[Condition]
    """Those of the branches so far."""
    branch: Branch | None = None
    """The current one."""


@dataclass(slots=True)
class Outcome:
    """What going through the directives of a file in one view gave."""

    inactive: list[tuple[int, int]]
    macros: dict[str, Sequence[Macro | int]]
    includes: list[tuple[int, str, bool]]
    """As in Reading."""
    branches: list[tuple[int, bool, Branch]]
    """Offset, whether it was read, and the conditions of each branch."""
    unbalanced: int | None
    """Offset of an `#endif` or `#else` without `#if`, or of an `#if` without `#endif`."""
    defines: frozenset[str] = frozenset()
    """Every macro that some branch defines."""
    asked: Mapping[tuple[Question, str], Value] = field(default_factory=dict)
    """What the view was asked, and what it said."""

    def holds_in(self, view: View) -> bool:
        """Whether another view says the same, so that the file is the same in it if its headers are."""
        return all(view.answer(question, name) == said for (question, name), said in self.asked.items())


def _defined(lexed: Lexed, directive: Directive, path: str) -> tuple[Macro, ...]:
    """The macro of a `#define` line, alone in a tuple that all views share; nothing when the line is broken."""
    known: tuple[Macro, ...] | None = lexed.parsed.get(directive.start)
    if known is None:
        macro = parse_define(directive.text, path, directive.start)
        known = lexed.parsed[directive.start] = (macro,) if macro is not None else ()
    return known


def included(lexed: Lexed) -> list[str]:
    """What the `#include "..."` of a file name, whatever branch they stand in."""
    return [
        found.group(1) for one in lexed.directives if one.name in ("include", "include_next")
        and (found := _INCLUDE.match(one.text)) and found.group(1)
    ]  # fmt: skip


def go_through(path: str, lexed: Lexed, view: View, headers: Sequence[Reading]) -> Outcome:
    """Evaluate the directives of a file; `headers` are the readings of the files included."""
    defined_here = frozenset(
        found.group() for d in lexed.directives if d.name == "define" and (found := _NAME.match(d.text))
    )
    evaluator = _Evaluator(view, defined_here, headers)
    stack: list[_Open] = []
    active = True
    outcome = Outcome([], evaluator.macros, [], [], None, defined_here, evaluator.asked)

    def enter(group: _Open, directive: Directive, condition: Condition | None) -> None:
        nonlocal active
        around = stack[-2].branch if len(stack) > 1 else None
        group.branch = Branch(group.conditions, len(group.conditions), condition, around)
        if condition is not None:
            group.conditions.append(condition)
        if group.active_outside and not group.taken:
            value = 1 if condition is None else evaluate(condition, evaluator.lookup)
            group.active = bool(evaluator.ask("undecided", "") if value is None else value)
            group.taken = group.active
        else:
            group.active = False
        outcome.branches.append((directive.end, group.active, group.branch))
        active = group.active_outside and group.active
        group.since = directive.end

    for directive in lexed.directives:
        name = directive.name
        if name in ("if", "ifdef", "ifndef"):
            group = _Open(active, False, active, directive.end, [])
            stack.append(group)
            enter(group, directive, _condition(name, directive.text))
        elif name in ("elif", "elifdef", "elifndef", "else"):
            if not stack:
                outcome.unbalanced = directive.start
                continue
            group = stack[-1]
            if not active and group.active_outside:
                outcome.inactive.append((group.since, directive.start))
            enter(group, directive, None if name == "else" else _condition(name, directive.text))
        elif name == "endif":
            if not stack:
                outcome.unbalanced = directive.start
                continue
            group = stack.pop()
            if not active and group.active_outside:
                outcome.inactive.append((group.since, directive.start))
            active = group.active_outside
        elif not active:
            continue
        elif name == "define":
            alone = _defined(lexed, directive, path)
            if alone:
                name = alone[0].name
                evaluator.macros[name] = (*evaluator.macros[name], alone[0]) if name in evaluator.macros else alone
        elif name == "undef":
            name = directive.text.split(" ")[0]
            evaluator.macros[name] = (*evaluator.macros.get(name, ()), directive.start)
        elif name in ("include", "include_next"):
            found = _INCLUDE.match(directive.text)
            if found:
                outcome.includes.append((directive.start, found.group(), bool(stack)))
    if stack:
        outcome.unbalanced = stack[0].since
        if not active:
            outcome.inactive.append((stack[-1].since, len(lexed.code)))
    return outcome


def blank(text: bytes, regions: Iterable[tuple[int, int]]) -> bytes:
    """The text with regions turned into spaces, line ends kept."""
    out: bytearray | None = None
    for start, end in regions:
        if out is None:
            out = bytearray(text)
        out[start:end] = text[start:end].translate(BLANK)
    return text if out is None else bytes(out)


def _decided(name: str) -> bool:
    """Whether the Python of a view decides about a macro, so that there is nothing to choose."""
    return name in ALWAYS_DEFINED or name in NEVER or name in since()


def hidden_branches(outcomes: Sequence[Outcome], wanted: Callable[[int], bool]) -> list[dict[str, bool]]:
    """Choices of unknown macros that make wanted branches readable which none of the outcomes reads; at most a few."""
    seen: set[int] = set()
    branches: dict[int, Branch] = {}
    for outcome in outcomes:
        for offset, active, branch in outcome.branches:
            branches[offset] = branch
            if active:
                seen.add(offset)
    choices: list[dict[str, bool]] = []
    for offset, branch in branches.items():
        if offset in seen or not wanted(offset):
            continue
        chain = branch.chain()
        if any(constant(one) == 0 for one in chain):
            continue
        chosen: dict[str, bool] = {}
        for one in chain:
            satisfy(one, True, chosen)
        chosen = {name: value for name, value in chosen.items() if not _decided(name)}
        if chosen and chosen not in choices:
            choices.append(chosen)
        if len(choices) == _MAX_EXTRA_VIEWS:
            break
    return choices
