"""The files of a run as the views see them: lexed once, preprocessed once per view that differs, cut, parsed lazily."""

from __future__ import annotations

import functools
import posixpath
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import blake2b

from heaplint import ir
from heaplint.findings import Notice
from heaplint.frontend.expand import Expanded, Expander, expandable
from heaplint.frontend.items import Cut, Item, cut, function_name
from heaplint.frontend.lexical import Lexed, lex
from heaplint.frontend.preprocess import (
    Outcome,
    Reading,
    blank,
    go_through,
    hidden_branches,
)
from heaplint.frontend.treesitter import Parsed, TreeSitterFrontEnd
from heaplint.frontend.views import View
from heaplint.source import SourceFile

_WORD = re.compile(rb"[A-Za-z_]\w*")
_STRUCT_BODY = re.compile(
    rb"(?:struct\b(?<!\wstruct)|union\b(?<!\wunion)|class\b(?<!\wclass))\s*([A-Za-z_]\w*)?[^;{}()=]{0,1000}\{"
)
_TYPEDEF_ALIAS = re.compile(rb"\s*typedef\s+(?:(?:const|struct|union)\s+)*([A-Za-z_]\w*)\s+(?:\*\s*)?([A-Za-z_]\w*)\s*;\s*\Z")
_NEVER_OF_THE_PROJECT = re.compile(r"(?:.*/)?(?:Python\.h|structmember\.h|pycore_\w+\.h|pyconfig\.h|internal/.*)\Z")
_SYSTEM = frozenset({"errno.h", "time.h", "math.h", "string.h", "stdio.h", "stdlib.h", "limits.h", "assert.h"})
_PLUS_PLUS = (".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".C")
_LEADING_MACROS = re.compile(rb"\s*(?:[A-Z][A-Z0-9_]*\s+)+(?=(?:[A-Za-z_]\w*\s+)*[A-Za-z_]\w*[\s*]+[A-Za-z_])")
_LEADING_CALL = re.compile(rb"\s*[A-Za-z_]\w*\s*\((?:[^(){};]|\([^(){};]*\))*\)\s*\n(?=\s*[A-Za-z_][\w\s*]*[\s*][A-Za-z_]\w*\s*\()")
_NOT_MACROS = frozenset({b"FILE", b"DIR", b"BOOL", b"DWORD", b"HANDLE", b"UINT", b"LONG", b"ULONG", b"WORD", b"BYTE", b"INT", b"SOCKET"})


_INCLUDE = re.compile(rb'#[ \t]*include[ \t]*"([^"\n]+)"')
_CONDITIONAL = frozenset({"if", "ifdef", "ifndef", "elif", "elifdef", "elifndef", "else", "endif"})
_MAX_INCLUDE_DEPTH = 150
_MAX_INDENT = 1000
_ON_VERSION = re.compile(r"\bPY_(?:VERSION|MAJOR|MINOR)")
_OF_INTEREST = re.compile(
    rb"Py(?:(?:(?<!\wPy)|(?<=_Py)(?<!\w_Py))(?:TypeObject|Type_|Module|Object_(?:GC|New|NEW|Del|DEL|Free|FREE|Init|HEAD|VAR|Clear|"
    rb"Visit|Call)|StructSequence|MODINIT|Init_|VarObject_HEAD|State_|GILState|Unstable_)|"
    rb"(?<!\wPy)(?:_(?:tp_|mod_|nb_|sq_|mp_|am_|bf_|TPFLAGS|VISIT|CLEAR|DECREF|XDECREF|TRASHCAN|AtExit)|Object\s*\*\s*\w+\s*[;=,]))|"
    rb"tp_(?<!\wtp_)\w|m_(?<!\wm_)(?:size|slots|traverse|clear|free)\b|visit\b(?<!\wvisit)|Track\b|UNTRACK|"
    rb"static(?<!\wstatic)\s+\w+\s*\*|\{\s*(?:NULL|0)\b[^{}]*\}\s*,?\s*(?:/\*[^*]*\*/\s*)?\Z"
)
"""What makes a branch worth a view of its own: names of the C API that the model or a rule looks at, the end of a table."""

_API_WORD = re.compile(rb"Py\w+")
_IN_WORDS = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


_WORD_LIST = re.compile(rb"(?:\\b)?(?:\(\?:)?((?:[A-Za-z_]\w*)(?:\|[A-Za-z_]\w*)*)\)?\\b")
_NOT_LITERAL = re.compile(rb"\[[^\]]*\]|\\.|\((?:[^()]|\([^()]*\))*\)[?*]?|[A-Za-z_][?*]")
_LITERAL = re.compile(rb"[A-Za-z_]\w{3,}")


@functools.lru_cache(maxsize=4096)
def _plan(pattern: re.Pattern[bytes]) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """How to search for a pattern quickly: the words that it is a list of, or else literals of which one must occur.

    `bytes.find` is some twenty times quicker than a regular expression that does not begin with a literal.
    """
    listed = _WORD_LIST.fullmatch(pattern.pattern)
    if listed:
        return tuple(dict.fromkeys(word.decode() for word in listed.group(1).split(b"|"))), ()
    needed = []
    for branch in _NOT_LITERAL.sub(b" ", pattern.pattern).split(b"|"):
        literals = _LITERAL.findall(branch)
        if not literals:
            return (), ()
        needed.append(max(literals, key=len))
    return (), tuple(needed)


@dataclass(slots=True)
class Text:
    """One file in one view, cut into items."""

    reading: Reading
    items: tuple[Item, ...]
    front_end: TreeSitterFrontEnd
    shared: dict[tuple[int, bytes], Parsed]
    """Parsed items of the same file in other views, by offset and digest of the expanded text."""
    macro_names: Set[str]
    """Every name that is a macro in some file of the run."""
    includer: Text | None = None
    """The text that includes this one first: its macros are in force here too."""
    index: dict[str, Item] | None = None
    """Initialised variables by name; whoever needs it first fills it."""
    _functions: dict[str, list[Item]] | None = None
    _structs: dict[str, Item] | None = None
    _aliases: dict[str, str] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)
    _api: frozenset[bytes] | None = None
    """The words of the text that look like names of the C API, without leading underscores."""
    _parsed: dict[int, Parsed] = field(default_factory=dict)
    _problems: dict[int, tuple[Item, str, int]] = field(default_factory=dict)
    _expander: Expander | None = None

    @property
    def path(self) -> str:
        """The file's path."""
        return self.reading.path

    @property
    def code(self) -> bytes:
        """The file's text without comments, directives and inactive branches; offsets are the file's."""
        return self.reading.code

    @property
    def expander(self) -> Expander:
        """What expands this file's macros."""
        if self._expander is None:
            self._expander = Expander(
                self.reading, self.includer.reading if self.includer else None, self.macro_names
            )
        return self._expander

    def item_at(self, offset: int) -> Item | None:
        """The item that an offset lies in."""
        if not self._starts:
            self._starts = [item.start for item in self.items]
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or offset >= self.items[index].end:
            return None
        return self.items[index]

    @property
    def functions(self) -> dict[str, list[Item]]:
        """The function definitions by name; a name made by a macro is the expanded one."""
        if self._functions is None:
            self._functions = {}
            expander = self.expander
            for item in self.items:
                if item.kind != "function":
                    continue
                name = item.name
                if name in expander.names or expander.uses_project_macro(item.start, item.body):
                    expanded = expander.expand(item.start, item.body).text
                    name = function_name(expanded) or name
                self._functions.setdefault(name, []).append(item)
        return self._functions

    def function_names(self) -> dict[int, str]:
        """The names of the function definitions by the start of their items."""
        return {item.start: name for name, items in self.functions.items() for item in items}

    def items_with(self, pattern: re.Pattern[bytes]) -> Iterator[Item]:
        """The items whose text matches somewhere, in order, each once."""
        names, needed = _plan(pattern)
        if names:
            yield from self.items_mentioning(names)
            return
        if needed and not any(word in self.code for word in needed):
            return
        last = -1
        for found in pattern.finditer(self.code):
            if found.start() < last:
                continue
            item = self.item_at(found.start())
            if item is not None:
                last = item.end
                yield item

    def items_mentioning(self, names: Collection[str]) -> Iterator[Item]:
        """The items in which one of these identifiers stands as a word, in order, each once.

        Quicker than `items_with` and a pattern of the same words.
        """
        api = self._api_words()
        places = [
            at for name in names if not name.startswith(("Py", "_Py")) or name.encode().lstrip(b"_") in api
            for at in self.mentions(name)
        ]
        last = -1
        for at in sorted(places):
            if at >= last and (item := self.item_at(at)) is not None:
                last = item.end
                yield item

    def may_mention(self, name: str) -> bool:
        """False when an identifier surely occurs nowhere in the text; names of the C API cost next to nothing."""
        word = name.encode()
        if not word.startswith((b"Py", b"_Py")):
            return word in self.code
        return word.lstrip(b"_") in self._api_words()

    def _api_words(self) -> frozenset[bytes]:
        if self._api is None:
            self._api = frozenset(_API_WORD.findall(self.code))
        return self._api

    def names_python(self) -> bool:
        """Whether the text has a name of the C API at all."""
        return _API_WORD.search(self.code) is not None

    def mentions(self, name: str) -> Iterator[int]:
        """The offsets at which an identifier stands as a word; comments are no text, strings are."""
        code, word = self.code, name.encode()
        at = code.find(word)
        while at >= 0:
            end = at + len(word)
            if not ((at and code[at - 1] in _IN_WORDS) or (end < len(code) and code[end] in _IN_WORDS)):
                yield at
            at = code.find(word, end)

    def parse(self, item: Item) -> Parsed:
        """Read an item; a second call gives the same object."""
        known = self._parsed.get(item.start)
        if known is None:
            expanded = self.expander.expand(item.start, item.end)
            key = (item.start, blake2b(expanded.text, digest_size=16).digest())
            known = self.shared.get(key)
            if known is None:
                known = self.front_end.parse(expanded, self.path)
                if not known.complete:
                    known = self._second_try(item, known)
                if expanded.too_deep and known.complete:
                    known = Parsed(known.functions, known.variables, known.structs, known.loose, False,
                                   "macros that expand without end", item.start)
                self.shared[key] = known
            self._parsed[item.start] = known
            if not known.complete:
                self._problems[item.start] = (item, known.problem, known.problem_at)
        return known

    def _second_try(self, item: Item, first: Parsed) -> Parsed:
        """Without what stands before the declaration and is neither C nor a known macro (attributes, calls)."""
        for pattern in (_LEADING_MACROS, _LEADING_CALL):
            found = pattern.match(self.code, item.start, item.end)
            if found and not _NOT_MACROS.intersection(found.group().split()):
                again = self.front_end.parse(self.expander.expand(found.end(), item.end), self.path)
                if again.complete or len(again.functions) > len(first.functions):
                    return again
        return first

    def forget(self) -> None:
        """Drop what was parsed; it is read again when somebody asks."""
        self._parsed.clear()
        self.shared.clear()
        self._api = None

    def problems(self) -> Iterator[tuple[Item, str, int]]:
        """The items that were parsed, but not in full: the item, why, and where (an offset)."""
        yield from (self._problems[start] for start in sorted(self._problems))

    def function(self, name: str) -> ir.Function | None:
        """The definition of a function; None when this file has none, or it could not be read."""
        for item in self.functions.get(name, ()):
            for function in self.parse(item).functions:
                if function.name == name or item.name == name:
                    return function
        return None

    def signature(self, name: str) -> ir.Function | None:
        """A function of this file, with an empty body where nobody has read it yet."""
        for item in self.functions.get(name, ()):
            if (known := self._parsed.get(item.start)) is not None:
                for function in known.functions:
                    if function.name == name:
                        return function
            head = self.expander.expand(item.start, item.body)
            braces = Expanded(head.text + b"{}", head.starts, head.origins)
            for function in self.front_end.parse(braces, self.path).functions:
                if function.name == name:
                    return function
        return None

    def struct(self, name: str) -> ir.Struct | None:
        """The struct or union with this tag or typedef name."""
        if self._structs is None:
            self._index_structs()
        assert self._structs is not None
        item = self._structs.get(name)
        if item is None:
            alias = self._aliases.get(name)
            return self.struct(alias) if alias and alias != name and alias in self._structs else None
        structs = self.parse(item).structs
        return next((one for one in structs if one.name == name), None) or next(
            (one for one in reversed(structs) if one.fields and name in self._tail_names(item)), None
        )

    def struct_names(self) -> list[str]:
        """The tags and typedef names of the structs that this file defines."""
        if self._structs is None:
            self._index_structs()
        assert self._structs is not None
        return list(self._structs)

    def alias(self, name: str) -> str | None:
        """What a `typedef struct tag Name;` of this file makes of a name."""
        if self._structs is None:
            self._index_structs()
        return self._aliases.get(name)

    def _tail_names(self, item: Item) -> set[str]:
        tail = self.code[self.code.rfind(b"}", item.start, item.end) + 1 : item.end]
        return {word.decode() for word in _WORD.findall(tail)}

    def _index_structs(self) -> None:
        self._structs = {}
        for item in self.items:
            if item.kind != "declaration":
                continue
            limit = min(item.end, item.start + 2000)
            found = None
            if self.code.find(b"{", item.start, limit) >= 0:
                found = _STRUCT_BODY.search(self.code, item.start, limit)
            if found:
                text = self.code[item.start : item.end]
                for body in _STRUCT_BODY.finditer(text):
                    if body.group(1):
                        self._structs.setdefault(body.group(1).decode(), item)
                if b"typedef" in text[: found.start() - item.start + 1] or text.lstrip().startswith(b"typedef"):
                    for name in self._tail_names(item):
                        self._structs.setdefault(name, item)
            else:
                alias = _TYPEDEF_ALIAS.match(self.code, item.start, item.end)
                if alias:
                    self._aliases.setdefault(alias.group(2).decode(), alias.group(1).decode())
        makers = [name for name in self.reading.macros if self._makes_struct(name)]
        if makers:
            pattern = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in makers) + rb")\b")
            for item in self.items_with(pattern):
                for struct in self.parse(item).structs:
                    if struct.name:
                        self._structs.setdefault(struct.name, item)

    def _makes_struct(self, name: str) -> bool:
        macro = self.reading.last(name)
        return macro is not None and "struct" in macro.body and "{" in macro.body


@dataclass(frozen=True, slots=True)
class UnitView:
    """A translation unit in one view: its own text first, then the project's files that it includes."""

    view: View
    versions: tuple[tuple[int, int], ...]
    """The Pythons for which the unit reads like this."""
    texts: tuple[Text, ...]

    @property
    def path(self) -> str:
        """The path of the unit's main file."""
        return self.texts[0].path


class Reader:
    """Reads files; holds what has been read."""

    def __init__(self, files: Mapping[str, SourceFile], versions: Sequence[tuple[int, int]]) -> None:
        self.files = files
        self.versions = tuple(versions)
        self.notices: set[Notice] = set()
        self._lexed: dict[str, Lexed] = {}
        self._outcomes: dict[str, dict[object, tuple[Outcome, list[Reading]]]] = {}
        self._by_view: dict[str, dict[object, Reading]] = {}
        self._needed: Counter[str] = Counter()
        """How many of the main files that are not forgotten include a file."""
        self._included: dict[str, list[str]] = {}
        self._branches: dict[str, frozenset[int]] = {}
        self._readings: dict[tuple[object, ...], Reading] = {}
        self._cuts: dict[tuple[str, tuple[tuple[int, int], ...]], tuple[bytes, Cut]] = {}
        self._texts: dict[int, Text] = {}
        self._shared: dict[str, dict[tuple[int, bytes], Parsed]] = {}
        self._macro_names = expandable(())
        self._front_end = TreeSitterFrontEnd()
        self._opening: set[str] = set()
        self._by_name: dict[str, list[str]] = {}
        for path in files:
            self._by_name.setdefault(posixpath.basename(path), []).append(path)

    # -- includes --------------------------------------------------------------------------------------------------

    def resolve(self, path: str, include: str) -> str | None:
        """The project's file that `#include "include"` in `path` means; None for those of others."""
        if _NEVER_OF_THE_PROJECT.match(include):
            return None
        near = posixpath.normpath(posixpath.join(posixpath.dirname(path), include))
        if near in self.files:
            return near
        if include in _SYSTEM:
            return None
        wanted = "/" + posixpath.normpath(include).lstrip("./")
        found = [one for one in self._by_name.get(posixpath.basename(include), ()) if ("/" + one).endswith(wanted)]
        if len(found) > 1:  # the nearest one, when there is a nearest one
            def shared(one: str) -> int:
                return len(posixpath.commonprefix([posixpath.dirname(path) + "/", one]))
            found.sort(key=lambda one: (-shared(one), one))
            if shared(found[0]) == shared(found[1]):
                return None
        return found[0] if found else None

    def included(self, path: str) -> list[str]:
        """The project's files that a file includes, whatever the view."""
        known = self._included.get(path)
        if known is None:
            known = self._included[path] = []
            data = self.files[path].data
            for found in _INCLUDE.finditer(data):
                before = data[max(0, found.start() - _MAX_INDENT) : found.start()].rstrip(b" \t")
                if not (before.endswith(b"\n") or (not before and found.start() < _MAX_INDENT)):
                    continue
                target = self.resolve(path, found.group(1).decode("utf-8", "replace"))
                if target is not None and target != path:
                    known.append(target)
        return known

    def main_files(self) -> list[str]:
        """The files that no other one includes: one translation unit each; all files belong to at least one."""
        included: set[str] = set()
        for path in self.files:
            included.update(self.included(path))
        mains = [path for path in self.files if path not in included]
        self._needed = Counter(member for path in mains for member in self.closure(path))
        for path in self.files:  # files that include each other in a circle
            if path not in self._needed:
                mains.append(path)
                self._needed.update(self.closure(path))
        return sorted(mains)

    def closure(self, path: str) -> list[str]:
        """A file and everything of the project that it includes, in order of first inclusion."""
        order: dict[str, None] = {}
        todo = [path]
        while todo:
            one = todo.pop()
            if one not in order:
                order[one] = None
                todo.extend(reversed(self.included(one)))
        return list(order)

    # -- reading ---------------------------------------------------------------------------------------------------

    def lexed(self, path: str) -> Lexed:
        """A file's lexed text; unterminated comments and strings become notices."""
        known = self._lexed.get(path)
        if known is None:
            known = self._lexed[path] = lex(self.files[path].data)
            for offset, what in known.unterminated:
                if what == "comment":
                    line = self.files[path].position(offset)[0]
                    self.notices.add(Notice(path, line, "unterminated", f"{what} does not end; the rest was not read"))
        return known

    def reading(self, path: str, view: View) -> Reading:
        """A file in one view; views that give the same text and macros share one reading."""
        known = self._by_view.setdefault(path, {}).get(view.key)
        if known is not None:
            return known
        lexed = self.lexed(path)
        outcome, headers = self.outcome(path, view)
        if outcome.unbalanced is not None:
            line = self.files[path].position(outcome.unbalanced)[0]
            self.notices.add(Notice(path, line, "conditional", "#if without #endif, or the other way round"))
        inactive = tuple(outcome.inactive)
        identity = (path, inactive, tuple(id(one) for one in headers), _macro_key(outcome))
        reading = self._readings.get(identity)
        if reading is None:
            if (path, inactive) not in self._cuts:
                self._cuts[path, inactive] = blank(lexed.code, inactive), cut(blank(lexed.skeleton, inactive))
            code, _ = self._cuts[path, inactive]
            reading = self._readings[identity] = Reading(
                path, code, outcome.macros, tuple(headers), inactive, outcome.defines
            )
            self._macro_names.update(expandable(outcome.macros))
        self._by_view.setdefault(path, {})[view.key] = reading
        return reading

    def outcome(self, path: str, view: View) -> tuple[Outcome, list[Reading]]:
        """What a file's directives come to in one view, and the readings of what it includes."""
        known = self._outcomes.setdefault(path, {}).get(view.key)
        if known is not None:
            return known
        headers: dict[int, Reading] = {}

        def open_headers(names: list[str]) -> Sequence[Reading]:
            for name in names:
                target = self.resolve(path, name)
                if target is not None and len(self._opening) > _MAX_INCLUDE_DEPTH:
                    message = f"{name} is included more than {_MAX_INCLUDE_DEPTH} levels deep"
                    self.notices.add(Notice(path, 0, "too-complex", message))
                elif target is not None and target not in self._opening:
                    one = self.reading(target, view)
                    for header in (one, *one.headers):
                        headers.setdefault(id(header), header)
            return list(headers.values())

        lexed = self.lexed(path)
        if not lexed.directives:
            result: tuple[Outcome, list[Reading]] = (Outcome([], {}, [], [], None), [])
        else:
            self._opening.add(path)
            try:
                result = go_through(path, lexed, view, open_headers), list(headers.values())
            finally:
                self._opening.discard(path)
        self._outcomes.setdefault(path, {})[view.key] = result
        return result

    def text(self, reading: Reading) -> Text:
        """A reading cut into items."""
        known = self._texts.get(id(reading))
        if known is None:
            _, done = self._cuts[reading.path, reading.inactive]
            if done.unbalanced is not None:
                line = self.files[reading.path].position(done.unbalanced)[0]
                self.notices.add(Notice(reading.path, line, "unbalanced", "a brace without its partner"))
            shared = self._shared.setdefault(reading.path, {})
            known = self._texts[id(reading)] = Text(reading, done.items, self._front_end, shared, self._macro_names)
        return known

    # -- views -----------------------------------------------------------------------------------------------------

    def unit_views(self, path: str) -> list[UnitView]:
        """The views of the translation unit whose main file this is; those that differ in nothing of interest are one.

        Which branches are of interest: those whose text names something of the C API (see _OF_INTEREST).
        """
        members = self.closure(path)
        plus_plus = path.endswith(_PLUS_PLUS)
        found: list[tuple[View, list[tuple[int, int]], dict[str, frozenset[int]]]] = []

        in_circle = any(path in self.included(one) for one in members)

        def add(view: View, of: Sequence[tuple[int, int]]) -> None:
            if in_circle:  # what a file includes depends on where the circle is entered: here
                self.outcome(path, view)
            hidden = {one: self._hidden(one, view) for one in members}
            for _, versions, known in found:
                if known == hidden:
                    versions.extend(version for version in of if version not in versions)
                    return
            found.append((view, list(of), hidden))

        for version in reversed(self.versions):
            add(View(version, "on", {}, plus_plus), (version,))
        for version in reversed(self.versions):
            add(View(version, "off", {}, plus_plus), (version,))
        seen = [view for view, _, _ in found]
        groups: list[tuple[tuple[int, int], Sequence[tuple[int, int]]]]
        groups = [(version, (version,)) for version in reversed(self.versions)]
        if not any(_ON_VERSION.search(directive.text) for one in members for directive in self.lexed(one).directives):
            groups = [(self.versions[-1], self.versions)]
        for one in members:
            outcomes = [self.outcome(one, view)[0] for view in seen]
            for chosen in hidden_branches(outcomes, lambda offset, one=one: offset in self._interesting(one)):  # type: ignore[misc]
                for python, alike in groups:
                    add(View(python, "on", chosen, plus_plus), alike)
        result = []
        for view, of, _ in found:
            main = self.reading(path, view)
            texts: list[Text] = []
            for reading in (main, *main.headers):
                text = self.text(reading)
                if text.includer is None and texts:
                    text.includer = texts[0]
                texts.append(text)
            result.append(UnitView(view, tuple(sorted(of)), tuple(texts)))
        return result

    def _hidden(self, path: str, view: View) -> frozenset[int]:
        """The branches of interest (by offset) that a view does not read."""
        outcome, _ = self.outcome(path, view)
        unread = [offset for offset, active, _ in outcome.branches if not active]
        return self._interesting(path).intersection(unread) if unread else frozenset()

    def _interesting(self, path: str) -> frozenset[int]:
        """The offsets of the branches of a file whose text, nested branches left out, is of interest."""
        known = self._branches.get(path)
        if known is None:
            data, code = self.files[path].data, self.lexed(path).code  # with the macros, and without the comments
            result: list[int] = []
            stack: list[list[int]] = []  # of the branches that are open: [offset, 1 when it is of interest]
            last = 0
            for directive in self.lexed(path).directives:
                if directive.name not in _CONDITIONAL:
                    continue
                if stack and not stack[-1][1] and (
                    _OF_INTEREST.search(data, last, directive.start) or _OF_INTEREST.search(code, last, directive.start)
                ):
                    stack[-1][1] = 1
                last = directive.end
                if not directive.name.startswith("if") and stack:
                    offset, interest = stack.pop()
                    if interest:
                        result.append(offset)
                    if interest and stack:
                        stack[-1][1] = 1
                if directive.name != "endif":
                    stack.append([directive.end, 0])
            known = self._branches[path] = frozenset(result)
        return known

    def forget(self, path: str) -> None:
        """Drop what only reading a unit needs, of its files those that no main file needs any more."""
        for one in self.closure(path):
            self._needed[one] -= 1
            if self._needed[one] <= 0:
                self._lexed.pop(one, None)
                self._outcomes.pop(one, None)
                self._by_view.pop(one, None)
                self._branches.pop(one, None)


    def release(self) -> None:
        """Drop all that only reading needs, once every unit has been read."""
        for known in (self._lexed, self._outcomes, self._by_view, self._readings, self._branches):
            known.clear()


def _macro_key(outcome: Outcome) -> tuple[object, ...]:
    return tuple(
        (name, tuple(one if isinstance(one, int) else one.offset for one in many))
        for name, many in outcome.macros.items()
    )
