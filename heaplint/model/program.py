"""What is linked together: the units of a run, and how names resolve across them with C linkage."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from heaplint import ir
from heaplint.capi.api import ApiFunction
from heaplint.frontend.items import Item
from heaplint.frontend.preprocess import Macro
from heaplint.frontend.text import Text, UnitView
from heaplint.model.globals import GlobalVariable
from heaplint.model.macros import Definitions, MacroIndex
from heaplint.model.modules import ModuleDef
from heaplint.model.types import TypeDef

Found = TypeVar("Found")

_INITIALISED = re.compile(rb"((?:[A-Za-z_]\w*\s*::\s*){0,8}[A-Za-z_]\w*)\s*(?:\[[^\[\]]*\]\s*)*=(?!=)")
_BRACED = re.compile(
    rb"\s*(?!(?:class|struct|union|enum|namespace|typedef|template)\b[^;{]*\{[^;]*[;(])(?:[A-Za-z_]\w*(?:\s*::\s*|[\s*]+)){1,12}"
    rb"((?:[A-Za-z_]\w*\s*::\s*){0,8}[A-Za-z_]\w*)\s*(?:\[[^\[\]]*\]\s*)*\{"
)
"""`T name{…}` of C++."""
_ASSIGNED = re.compile(rb"\s*(?:\[[^\]]{0,200}\]\s*)*(?:=(?!=)|,)")
_MACRO_USE = re.compile(rb"\s*(?:[A-Za-z_]\w*\s+){0,3}([A-Za-z_]\w*)\s*\(")
_STATIC = re.compile(rb"\s*(?:\w+\s+)*?static\b")


@dataclass(slots=True, eq=False)
class Unit:
    """One translation unit in one view, with what the model found in it.

    `own` are the texts that are analysed as part of this unit; the others were analysed as part of another one.
    """

    view: UnitView
    own: tuple[Text, ...]
    program: Program
    types: list[TypeDef] = field(default_factory=list)
    modules: list[ModuleDef] = field(default_factory=list)
    globals: list[GlobalVariable] = field(default_factory=list)
    _variables: dict[str, ir.Variable | None] = field(default_factory=dict)
    _functions: dict[str, ir.Function | None] = field(default_factory=dict)
    _structs: dict[str, ir.Struct | None] = field(default_factory=dict)
    _paths: frozenset[str] | None = None

    @property
    def path(self) -> str:
        """The main file."""
        return self.view.path

    @property
    def paths(self) -> frozenset[str]:
        """The files of all texts."""
        if self._paths is None:
            self._paths = frozenset(text.path for text in self.texts)
        return self._paths

    @property
    def texts(self) -> tuple[Text, ...]:
        """The main file first, then the project's files that it includes."""
        return self.view.texts

    def forget(self) -> None:
        """Drop the functions that were read; they are read again when somebody asks."""
        self._functions.clear()
        for text in self.own:
            text.forget()

    def function(self, name: str) -> ir.Function | None:
        """The definition that a call of `name` in this unit reaches; None when the program has none."""
        if name not in self._functions:
            found = next((one for text in self.texts if (one := text.function(name)) is not None), None)
            self._functions[name] = found if found is not None else self.program.external_function(name, self)
        return self._functions[name]

    def has_function(self, name: str) -> bool:
        """Whether the program defines a function that a call of `name` may reach; nothing is read for the answer."""
        return any(name in text.functions for text in self.texts) or self.program.has_external_function(name)

    def struct(self, name: str) -> ir.Struct | None:
        """A struct or union by its tag or typedef name, typedefs of typedefs followed."""
        bare = name.removeprefix("struct ").removeprefix("union ").strip()
        if bare not in self._structs:
            self._structs[bare] = None
            found = next((one for text in self.texts if (one := text.struct(bare)) is not None), None)
            if found is None:
                alias = next((known for text in self.texts if (known := text.alias(bare))), None)
                if alias is not None and alias != bare:
                    found = self.struct(alias)
            self._structs[bare] = found if found is not None else self.program.external_struct(bare, self)
        return self._structs[bare]

    def variable(self, name: str) -> ir.Variable | None:
        """An initialised file-level variable by name (a slot array, a method table); None when there is none."""
        if name not in self._variables:
            found = None
            for text in self.texts:
                if (found := initialised(text, name)) is not None:
                    break
            self._variables[name] = found if found is not None else self.program.external_variable(name, self)
        return self._variables[name]

    def functions_with(self, pattern: re.Pattern[bytes]) -> Iterator[ir.Function]:
        """The unit's own function definitions whose text, or a macro in it, matches a pattern (comments are no text)."""
        macros = self.visible(self.program.macros.matching(pattern))
        for text in self.own:
            yield from _functions(text, text.items_with(pattern), macros)

    def all_functions_with(self, pattern: re.Pattern[bytes]) -> Iterator[ir.Function]:
        """The same over all texts of the unit, those analysed elsewhere included."""
        macros = self.visible(self.program.macros.matching(pattern))
        for text in self.texts:
            yield from _functions(text, text.items_with(pattern), macros)

    def visible(self, macros: Definitions) -> set[str]:
        """Those of some macros that a file of the unit defines."""
        own = self.paths
        return {name for name, paths in macros.items() if not paths.isdisjoint(own)}

    def functions_assigning(self, member: str) -> Iterator[ir.Function]:
        """The functions of all texts that seem to assign `x->member` or `x.member`, by = or by Py_SETREF."""
        for text in self.texts:
            last = -1
            for at in text.mentions(member):
                if at < last or not text.code[max(0, at - 12) : at].rstrip().endswith((b"->", b".")):
                    continue
                if _ASSIGNED.match(text.code, at + len(member)) and (item := text.item_at(at)) is not None:
                    last = item.end
                    if item.kind == "function":
                        yield from text.parse(item).functions
        yield from self._through_macros(member)

    def _through_macros(self, member: str) -> Iterator[ir.Function]:
        """The functions that use a macro of the project whose body seems to assign the member."""
        assigned = re.compile(r"(?:->|\.)\s*" + re.escape(member) + r"\s*(?:\[[^\]]{0,200}\]\s*)*(?:=(?!=)|,)")
        names = {
            name for text in self.texts for name in text.reading.macros_with(member)
            if any(isinstance(one, Macro) and assigned.search(one.body) for one in text.reading.macros[name])
        }
        if names:
            for text in self.texts:
                for item in text.items_mentioning(names):
                    if item.kind == "function":
                        yield from text.parse(item).functions

    def signature(self, name: str) -> ir.Function | None:
        """The head of the function that `function` gives, quicker to read: there may be no body."""
        for text in self.texts:
            if (found := text.signature(name)) is not None:
                return found
        return self.function(name)

    def versions_of(self, path: str) -> set[tuple[int, int]]:
        """The Pythons for which a file of the unit reads like this, in whichever unit and view."""
        text = self.text_of(path)
        return self.program.versions_of(text) if text is not None else set(self.view.versions)

    def functions_mentioning(self, names: Collection[str]) -> Iterator[ir.Function]:
        """The unit's own function definitions that mention one of these identifiers, themselves or by a macro."""
        macros = self.visible(self.program.macros.mentioning(frozenset(names)))
        for text in self.own:
            yield from _functions(text, text.items_mentioning(names), macros)

    def all_functions_mentioning(self, names: Collection[str]) -> Iterator[ir.Function]:
        """The same over all texts of the unit, those analysed elsewhere included."""
        macros = self.visible(self.program.macros.mentioning(frozenset(names)))
        for text in self.texts:
            yield from _functions(text, text.items_mentioning(names), macros)

    def scope_of(self, function: str) -> tuple[Text, ...]:
        """The texts in which a function of the unit can be called by name: all, when it has external linkage."""
        items = [(text, item) for text in self.texts for item in text.functions.get(function, ())]
        if items and all(is_static(text, item) for text, item in items):
            return self.texts
        others = (text for one in self.program.units if one.path != self.path for text in one.own)
        return (*self.texts, *others)

    def text_of(self, path: str) -> Text | None:
        """The text of a file as this unit sees it."""
        return next((text for text in self.texts if text.path == path), None)


def _functions(text: Text, items: Iterator[Item], macros: Collection[str]) -> Iterator[ir.Function]:
    """The functions of some items and of those that use a macro, in the order of the text."""
    if macros and (users := {item.start: item for item in text.items_mentioning(macros)}):
        users.update((item.start, item) for item in items)
        items = iter([users[start] for start in sorted(users)])
    for item in items:
        if item.kind == "function":
            yield from text.parse(item).functions


def is_static(text: Text, item: Item) -> bool:
    """Whether the definition of a function has internal linkage."""
    return item.internal or _STATIC.match(text.code, item.start, item.body) is not None


def _initialised_index(text: Text) -> dict[str, Item]:
    index = text.index
    if index is None:
        index = text.index = {}
        for item in text.items:
            if item.kind != "declaration":
                continue
            end = text.code.find(b"{", item.start, item.end)
            end = item.end if end < 0 else end
            found = None
            if text.code.find(b"=", item.start, min(end + 1, item.end)) >= 0:
                found = _INITIALISED.search(text.code, item.start, end)
            if found:
                index.setdefault(text.reading.scopes.canonical(found.group(1).decode()), item)
            elif text.reading.plus_plus and (braced := _BRACED.match(text.code, item.start, item.end)):
                index.setdefault(text.reading.scopes.canonical(braced.group(1).decode()), item)
            elif (use := _MACRO_USE.match(text.code, item.start, item.end)) and _defines(text, use.group(1), item):
                for variable in text.parse(item).variables:
                    if variable.init is not None:
                        index.setdefault(variable.name, item)
    return index


def _defines(text: Text, name: bytes, item: Item) -> bool:
    """Whether a name that begins an item is a macro of the project that may stand for an initialised variable."""
    macro = text.expander.find(name.decode(), item.start)
    return macro is not None and bool(macro.path) and len(macro.body) > 20


def initialised(text: Text, name: str) -> ir.Variable | None:
    """An initialised file-level variable of one text."""
    item = _initialised_index(text).get(name)
    if item is None:
        return None
    return next((one for one in text.parse(item).variables if one.name == name and one.init is not None), None)


class Program:
    """All units of a run; the road from a name in one unit to its definition in another."""

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self._by_path: dict[str, list[UnitView]] = {}
        self._versions: dict[int, set[tuple[int, int]]] = {}
        self._functions: dict[str, list[str]] | None = None
        self._structs: dict[str, list[str]] | None = None
        self._variables: dict[str, list[str]] | None = None
        self._macros: MacroIndex | None = None
        self._units: dict[str, list[Unit]] = {}
        self.facts: Mapping[str, ApiFunction] = {}
        """What the project's configuration says of functions that cannot be seen."""
        self.partly_followed: dict[tuple[str, int], str] = {}
        """The functions with more ways through them than were gone, by path and offset: their names."""
        self.names: dict[str, list[TypeDef]] = {}
        """Names under which C code holds a type object (symbols, variables, members) → types."""

    def add(self, views: Mapping[str, list[UnitView]]) -> None:
        """Take in every unit view; each text becomes the own of the first unit that has it."""
        taken: set[int] = set()
        self._by_path = dict(views)
        for path in sorted(views):
            for view in views[path]:
                own = []
                for text in view.texts:
                    if id(text) not in taken:
                        taken.add(id(text))
                        own.append(text)
                self.units.append(Unit(view, tuple(own), self))
                for text in view.texts:
                    self._versions.setdefault(id(text), set()).update(view.versions)

    @property
    def macros(self) -> MacroIndex:
        """The macros of all files."""
        if self._macros is None:
            self._macros = MacroIndex(text for _, text in self._first_texts())
        return self._macros

    def units_of(self, path: str) -> Sequence[Unit]:
        """The units of a main file, one for each view."""
        if not self._units:
            for unit in self.units:
                self._units.setdefault(unit.path, []).append(unit)
        return self._units.get(path, ())

    def versions_of(self, text: Text) -> set[tuple[int, int]]:
        """The Pythons of all views that have this very text."""
        return self._versions[id(text)]

    def view_of(self, path: str, unit: Unit) -> UnitView:
        """The view of another main file that goes with a unit's view."""
        candidates = self._by_path[path]
        wanted = unit.view.view
        for one in candidates:
            if wanted.python in one.versions and one.view.mode == wanted.mode and not one.view.chosen:
                return one
        return next((one for one in candidates if wanted.python in one.versions), candidates[0])

    def _first_texts(self) -> Iterator[tuple[str, Text]]:
        for path, views in self._by_path.items():
            seen: set[int] = set()
            for view in views:
                for text in view.texts:
                    if id(text) not in seen:
                        seen.add(id(text))
                        yield path, text

    def _texts_near(self, path: str, unit: Unit) -> Iterator[Text]:
        chosen = self.view_of(path, unit)
        yield from chosen.texts
        for view in self._by_path[path]:
            if view is not chosen:
                yield from view.texts

    def external_function(self, name: str, unit: Unit) -> ir.Function | None:
        """A function with external linkage defined in another unit; None when there is none, or more than one."""
        paths = self._external_functions().get(name, ())
        return self._nearest(paths, unit, lambda text: text.function(name))

    def has_external_function(self, name: str) -> bool:
        """Whether some unit defines a function of this name with external linkage."""
        return name in self._external_functions()

    def _external_functions(self) -> dict[str, list[str]]:
        if self._functions is None:
            self._functions = {}
            for path, text in self._first_texts():
                for known, items in text.functions.items():
                    if not all(is_static(text, item) for item in items):
                        where = self._functions.setdefault(known, [])
                        if path not in where:
                            where.append(path)
        return self._functions

    def external_struct(self, name: str, unit: Unit) -> ir.Struct | None:
        """A struct that no file included by the unit defines, by its name alone."""
        if self._structs is None:
            self._structs = {}
            for path, text in self._first_texts():
                for known in text.struct_names():
                    where = self._structs.setdefault(known, [])
                    if path not in where:
                        where.append(path)
        return self._nearest(self._structs.get(name, ()), unit, lambda text: text.struct(name))

    def external_variable(self, name: str, unit: Unit) -> ir.Variable | None:
        """An initialised variable with external linkage of another unit."""
        if self._variables is None:
            self._variables = {}
            for path, text in self._first_texts():
                for known, item in _initialised_index(text).items():
                    if not item.internal and not _STATIC.match(text.code, item.start, item.end):
                        where = self._variables.setdefault(known, [])
                        if path not in where:
                            where.append(path)
        return self._nearest(self._variables.get(name, ()), unit, lambda text: initialised(text, name))

    def _nearest(self, paths: Sequence[str], unit: Unit, look: Callable[[Text], Found | None]) -> Found | None:
        """What `look` finds in the one path, or in the one of several that lies in the unit's own folder."""
        candidates = [path for path in paths if path != unit.path]
        if len(candidates) > 1:
            folder = unit.path.rpartition("/")[0]
            near = [path for path in candidates if path.rpartition("/")[0] == folder]
            candidates = near if len(near) == 1 else []
        for path in candidates:
            for text in self._texts_near(path, unit):
                if (found := look(text)) is not None:
                    return found
        return None
