"""One translation unit in one view: what it holds, and the ways from it to what other units define."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.items import Item
from heaplint.frontend.preprocess import Macro, Reading
from heaplint.frontend.text import Text, UnitView
from heaplint.model.aspects import Value, index
from heaplint.model.globals import GlobalVariable
from heaplint.model.macros import matching, mentioning
from heaplint.model.modules import ModuleDef
from heaplint.model.types import TypeDef
from heaplint.records import dataclass, field

if TYPE_CHECKING:
    from heaplint.model.link import FieldSet
    from heaplint.model.program import Group, Program

Found = TypeVar("Found")

READ, DEFINED, LINKED = 1, 2, 3
"""How far a group of units is: its files are read; its types and modules are known; so is all that others do to them."""

_INITIALISED = re.compile(rb"((?:[A-Za-z_]\w*\s*::\s*){0,8}[A-Za-z_]\w*)\s*(?:\[[^\[\]]*\]\s*)*=(?!=)")
_BRACED = re.compile(
    rb"\s*(?!(?:class|struct|union|enum|namespace|typedef|template)\b[^;{]*\{[^;]*[;(])(?:[A-Za-z_]\w*(?:\s*::\s*|[\s*]+)){1,12}"
    rb"((?:[A-Za-z_]\w*\s*::\s*){0,8}[A-Za-z_]\w*)\s*(?:\[[^\[\]]*\]\s*)*\{"
)
"""`T name{…}` of C++."""
_ASSIGNED = re.compile(rb"\s*(?:\[[^\]]{0,200}\]\s*)*(?:=(?!=)|,)")
_MACRO_USE = re.compile(rb"\s*(?:[A-Za-z_]\w*\s+){0,3}([A-Za-z_]\w*)\s*\(")
_PASTED = re.compile(r"(?:->|\.)\s*(\w+)\s*##\s*\w+\s*=(?!=)")
"""An assignment to a member whose name a macro makes; what the name begins with."""
_STATIC = re.compile(rb"\s*(?:\w+\s+)*?static\b")


@dataclass(slots=True, eq=False)
class Unit:
    """One translation unit in one view, with what the model found in it.

    `own` are the texts that are analysed as part of this unit; the others were analysed as part of another one.
    """

    view: UnitView
    own: tuple[Text, ...]
    program: Program
    group: Group
    types: list[TypeDef] = field(default_factory=list)
    modules: list[ModuleDef] = field(default_factory=list)
    globals: list[GlobalVariable] = field(default_factory=list)
    _variables: dict[str, ir.Variable | None] = field(default_factory=dict)
    _functions: dict[str, tuple[ir.Function, Unit] | None] = field(default_factory=dict)
    _kept: dict[str, ir.Function | None] = field(default_factory=dict)
    _structs: dict[str, ir.Struct | None] = field(default_factory=dict)
    field_sets: tuple[FieldSet, ...] | None = None
    """The assignments to fields of type objects; heaplint.model.link finds them."""
    _paths: frozenset[str] | None = None
    _asked: dict[tuple[str, str], Sequence[tuple[str, tuple[Value, ...]]]] = field(default_factory=dict)

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

    def first(self, look: Callable[[Text], Found]) -> Found | None:
        """What `look` finds in the first of the texts in which it finds something."""
        return next((found for text in self.texts if (found := look(text)) is not None), None)

    def owns_function(self, name: str) -> bool:
        """Whether one of the texts defines a function; nothing is read for the answer."""
        return any(name in text.functions for text in self.texts)

    def forget_names(self) -> None:
        """Drop what names of functions and variables were found to mean, and answers; who asks again has them looked for.

        Not those of structs: what the types say of theirs is compared by identity.
        """
        self._functions.clear()
        self._variables.clear()
        self._asked.clear()

    def forget(self) -> None:
        """Drop what was read, too, but for the structs of types and modules."""
        self.forget_names()
        kept = {id(one.struct) for one in self.types} | {id(one.state) for one in self.modules}
        self._structs = {name: one for name, one in self._structs.items() if id(one) in kept and one is not None}
        for text in self.own:
            text.forget()

    def function(self, name: str) -> ir.Function | None:
        """The definition that a call of `name` in this unit reaches; None when the program has none."""
        found = self._functions.get(name)
        if found is None and name not in self._functions and (kept := self._kept_function(name)) is not None:
            return kept
        found = self.definition(name)
        return found[0] if found is not None else None

    def _kept_function(self, name: str) -> ir.Function | None:
        if name not in self._kept:
            self._kept[name] = None if self.owns_function(name) else self.program.kept_function(name, self)
        return self._kept[name]

    def definition(self, name: str) -> tuple[ir.Function, Unit] | None:
        """The same, and the unit whose names the function's own calls mean: this one for what it includes."""
        if name not in self._functions:
            own = self.first(lambda text: text.function(name))
            self._functions[name] = (own, self) if own is not None else self.program.external_function(name, self)
        return self._functions[name]

    def has_function(self, name: str) -> bool:
        """Whether the program defines a function that a call of `name` may reach; nothing is read for the answer."""
        return self.owns_function(name) or bool(self.ask("function", name))

    # -- the rest of the program -----------------------------------------------------------------------------------

    def ask(self, kind: str, key: str) -> Sequence[tuple[str, tuple[Value, ...]]]:
        """What the program's main files say of an aspect (heaplint.model.aspects), in order of path."""
        known = self._asked.get((kind, key))
        if known is None:
            self.note(kind, key)
            known = self._asked[kind, key] = self.program.index(kind).get(key, ())
        return known

    def answers(self, kind: str, key: str) -> Sequence[tuple[str, Value]]:
        """What the program's main files say to a question, in order of path; those with nothing to say left out."""
        self.note(kind, key)
        return self.program.answers(kind, key)

    def note(self, kind: str, key: str) -> None:
        """Remember that the program was asked something, where the next run is to know."""
        if self.program.keeps:
            self.group.asks.add((kind, key))

    def others(self, paths: Iterable[str], stage: int, *, model: bool = False) -> Iterator[Unit]:
        """The units of some main files, this one's among them perhaps, brought to a stage.

        Whoever looks at nothing of theirs but `types` and `modules` says so (`model`): then no other change concerns it.
        """
        for path in paths:
            group = self.program.group(path)
            self.program.lean(self.group, group, model=model)
            self.program.bring(group, stage)
            yield from group.units

    def types_named(self, name: str) -> list[TypeDef]:
        """The types that the unit's code holds by a name (of a variable, a member).

        Those of its own view, else of its files, else the program's, when that has one definition by this name alone.
        """
        told = self.ask("type", name)
        places = {path: {file for value in values if isinstance(value, tuple) for file in value[:1]} for path, values in told}
        if self.path in places:
            chosen = [self.path]
        else:
            chosen = [path for path, files in places.items() if not files.isdisjoint(self.paths)]
            if not chosen and len({value[:2] for _, values in told for value in values if isinstance(value, tuple)}) == 1:
                chosen = list(places)
        units = self.others(chosen, LINKED, model=True)
        types = [made for unit in units for made in unit.types if name == made.symbol or name in made.targets]
        if len(types) > 1:
            mine = {id(made) for made in self.types}
            if of_view := [made for made in types if id(made) in mine]:
                return of_view
        near = [made for made in types if made.place.path in self.paths]
        return near or (types if len({(made.place.path, made.symbol) for made in types}) == 1 else [])

    def names_static_type(self, name: str) -> bool:
        """Whether some static type of the program is held by a name."""
        told = self.ask("type", name)
        return any(isinstance(value, tuple) and "static" in value[2:] for _, values in told for value in values)

    def mentioning(self, names: Collection[str]) -> Iterator[Unit]:
        """The units of the program, this one among them perhaps, whose own texts may have one of some identifiers."""
        return self.others([group.path for group in self._mentioning(names)], READ)

    def mentioned_anywhere(self, *names: str) -> bool:
        """Whether a file of the program may have one of some identifiers."""
        return bool(self._mentioning(names))

    def _mentioning(self, names: Collection[str]) -> list[Group]:
        for name in names:
            self.note("word", name.rpartition("::")[2])
        return self.program.mentioning(names)

    def struct(self, name: str) -> ir.Struct | None:
        """A struct or union by its tag or typedef name, typedefs of typedefs followed."""
        bare = name.removeprefix("struct ").removeprefix("union ").strip()
        if bare not in self._structs:
            self._structs[bare] = None
            found = self.first(lambda text: text.struct(bare))
            if found is None:
                alias = next((known for text in self.texts if (known := text.alias(bare))), None)
                if alias is not None and alias != bare:
                    found = self.struct(alias)
            self._structs[bare] = found if found is not None else self.program.external_struct(bare, self)
        return self._structs[bare]

    def variable(self, name: str) -> ir.Variable | None:
        """An initialised file-level variable by name (a slot array, a method table); None when there is none."""
        if name not in self._variables:
            found = self.first(lambda text: initialised(text, name))
            self._variables[name] = found if found is not None else self.program.external_variable(name, self)
        return self._variables[name]

    def functions_with(self, pattern: re.Pattern[bytes]) -> Iterator[ir.Function]:
        """The unit's own function definitions whose text, or a macro in it, matches a pattern (comments are no text)."""
        macros = self.macros_matching(pattern)
        for text in self.own:
            yield from _functions(text, text.items_with(pattern), macros)

    def all_functions_with(self, pattern: re.Pattern[bytes]) -> Iterator[ir.Function]:
        """The same over all texts of the unit, those analysed elsewhere included."""
        macros = self.macros_matching(pattern)
        for text in self.texts:
            yield from _functions(text, text.items_with(pattern), macros)

    def macros_matching(self, pattern: re.Pattern[bytes]) -> frozenset[str]:
        """The macros of the unit's files whose bodies match a pattern somewhere, those that use them, and so on."""
        return matching(self._readings(), pattern)

    def macros_mentioning(self, words: Collection[str]) -> frozenset[str]:
        """The same of macros whose bodies mention one of some words."""
        return mentioning(self._readings(), frozenset(words))

    def _readings(self) -> list[Reading]:
        return [text.reading for text in self.texts]

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
        names |= {
            name for text in self.texts for name in text.reading.macros_with("##")
            if any(
                isinstance(one, Macro) and any(member.startswith(found) for found in _PASTED.findall(one.body))
                for one in text.reading.macros[name]
            )
        }
        if names:
            for text in self.texts:
                for item in text.items_mentioning(names):
                    if item.kind == "function":
                        yield from text.parse(item).functions

    def signature(self, name: str) -> ir.Function | None:
        """The head of the function that `function` gives, quicker to read: there may be no body."""
        found = self.first(lambda text: text.signature(name))
        return found if found is not None else self.function(name)

    def versions_of(self, path: str) -> set[tuple[int, int]]:
        """The Pythons for which a file of the unit reads like this, in whichever unit and view."""
        text = self.text_of(path)
        return self.program.versions(text.reading.digest) if text is not None else set(self.view.versions)

    def functions_mentioning(self, names: Collection[str]) -> Iterator[ir.Function]:
        """The unit's own function definitions that mention one of these identifiers, themselves or by a macro."""
        macros = self.macros_mentioning(names)
        for text in self.own:
            yield from _functions(text, text.items_mentioning(names), macros)

    def all_functions_mentioning(self, names: Collection[str]) -> Iterator[ir.Function]:
        """The same over all texts of the unit, those analysed elsewhere included."""
        macros = self.macros_mentioning(names)
        for text in self.texts:
            yield from _functions(text, text.items_mentioning(names), macros)

    def keeps_to_itself(self, function: str) -> bool:
        """Whether a function of the unit has internal linkage, so that no other unit calls it by name."""
        items = [(text, item) for text in self.texts for item in text.functions.get(function, ())]
        return bool(items) and all(is_static(text, item) for text, item in items)

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
        code = text.code
        for item in text.items:
            if item.kind != "declaration":
                continue
            end = code.find(b"{", item.start, item.end)
            end = item.end if end < 0 else end
            found = None
            if code.find(b"=", item.start, min(end + 1, item.end)) >= 0:
                found = _INITIALISED.search(code, item.start, end)
            if found:
                index.setdefault(text.reading.scopes.canonical(found.group(1).decode()), item)
            elif text.reading.plus_plus and (braced := _BRACED.match(code, item.start, item.end)):
                index.setdefault(text.reading.scopes.canonical(braced.group(1).decode()), item)
            elif (use := _MACRO_USE.match(code, item.start, item.end)) and _defines(text, use.group(1), item):
                for variable in text.parse(item).variables:
                    if variable.init is not None:
                        index.setdefault(variable.name, item)
    return index


def _defines(text: Text, name: bytes, item: Item) -> bool:
    """Whether a name that begins an item is a macro of the project that may stand for an initialised variable."""
    macro = text.expander.find(name.decode(), item.start)
    return macro is not None and bool(macro.path) and len(macro.body) > 20


def initialised_item(text: Text, name: str) -> Item | None:
    """The item of an initialised file-level variable of one text."""
    return _initialised_index(text).get(name)


def initialised(text: Text, name: str) -> ir.Variable | None:
    """An initialised file-level variable of one text."""
    item = initialised_item(text, name)
    if item is None:
        return None
    return next((one for one in text.parse(item).variables if one.name == name and one.init is not None), None)


@index("function")
def _external_functions(unit: Unit) -> Iterator[tuple[str, Value]]:
    for text in unit.texts:
        for name, items in text.functions.items():
            if not all(is_static(text, item) for item in items):
                yield name, None


@index("struct")
def _external_structs(unit: Unit) -> Iterator[tuple[str, Value]]:
    for text in unit.texts:
        for name in text.struct_names():
            yield name, None


@index("variable")
def _external_variables(unit: Unit) -> Iterator[tuple[str, Value]]:
    for text in unit.texts:
        for name, item in _initialised_index(text).items():
            if not item.internal and not _STATIC.match(text.code, item.start, item.end):
                yield name, None


@index("type", of_types=True)
def _names_of_types(unit: Unit) -> Iterator[tuple[str, Value]]:
    for made in unit.types:
        for name in sorted({made.symbol, *made.targets}):
            yield name, (made.place.path, made.symbol, made.kind)


@index("struct of a type", of_types=True)
def _structs_of_types(unit: Unit) -> Iterator[tuple[str, Value]]:
    for made in unit.types:
        if made.struct is not None:
            yield made.struct.name, None


@index("kind of type", of_types=True)
def _kinds_of_types(unit: Unit) -> Iterator[tuple[str, Value]]:
    for made in unit.types:
        yield made.kind, None


@index("module", of_types=True)
def _modules(unit: Unit) -> Iterator[tuple[str, Value]]:
    for module in unit.modules:
        yield module.symbol, None


@index("module in file", of_types=True)
def _files_of_modules(unit: Unit) -> Iterator[tuple[str, Value]]:
    for module in unit.modules:
        yield module.place.path, None


@index("module in folder", of_types=True)
def _folders_of_modules(unit: Unit) -> Iterator[tuple[str, Value]]:
    """The symbols, and whether it is known already that something is written in the fields."""
    for module in unit.modules:
        yield unit.path.rpartition("/")[0], (module.symbol, bool(module.fields))


@index("run by import", of_types=True)
def _initialisers(unit: Unit) -> Iterator[tuple[str, Value]]:
    for module in unit.modules:
        for name in (*module.exec_functions, module.init_function):
            if name:
                yield name, None
