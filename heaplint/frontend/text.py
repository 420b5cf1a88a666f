"""One file in one view, cut into items that are parsed when somebody asks; and the files that make up a unit."""

from __future__ import annotations

import functools
import sys
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Set
from typing import Literal, Protocol

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.digest import DIGEST, blake2b
from heaplint.frontend.cplusplus_items import LAMBDA
from heaplint.frontend.expand import Expanded, Expander
from heaplint.frontend.items import Item, function_name
from heaplint.frontend.lexical import IN_WORDS
from heaplint.frontend.parsed import Parsed
from heaplint.frontend.preprocess import Reading
from heaplint.frontend.treesitter import FrontEnd
from heaplint.frontend.views import View
from heaplint.records import dataclass, field, replace

_WORD = re.compile(rb"[A-Za-z_]\w*")
_STRUCT_BODY = re.compile(
    rb"(?:struct\b(?<!\wstruct)|union\b(?<!\wunion)|class\b(?<!\wclass))\s*([A-Za-z_]\w*)?[^;{}()=]{0,1000}\{"
)
_TYPEDEF_ALIAS = re.compile(rb"\s*typedef\s+(?:(?:const|struct|union)\s+)*([A-Za-z_]\w*)\s+(?:\*\s*)?([A-Za-z_]\w*)\s*;\s*\Z")
_LEADING_MACROS = re.compile(rb"\s*(?:[A-Z][A-Z0-9_]*\s+)+(?=(?:[A-Za-z_]\w*\s+)*[A-Za-z_]\w*[\s*]+[A-Za-z_])")
_LEADING_CALL = re.compile(rb"\s*[A-Za-z_]\w*\s*\((?:[^(){};]|\([^(){};]*\))*\)\s*\n(?=\s*[A-Za-z_][\w\s*]*[\s*][A-Za-z_]\w*\s*\()")
_NOT_MACROS = frozenset({b"FILE", b"DIR", b"BOOL", b"DWORD", b"HANDLE", b"UINT", b"LONG", b"ULONG", b"WORD", b"BYTE", b"INT", b"SOCKET"})
_API_WORD = re.compile(rb"Py\w+")
_API_NAME = ("Py", "_Py")
_NAMES_OF_API = re.compile(rb"\n(_?Py\w*)")
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


def _is_word(name: str) -> bool:
    """Whether a name is one of the words that a reading lists."""
    return name.isascii() and name.isidentifier()


@functools.lru_cache(maxsize=4096)
def _sorted_out(names: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """What names of a program are as words, each once: those of the C API, and the others."""
    words = frozenset([name.rpartition("::")[2] for name in names])
    of_api = frozenset([word for word in words if word.startswith(_API_NAME)])
    return of_api, tuple(sorted(words - of_api))


def word_offsets(code: bytes, word: bytes) -> Iterator[int]:
    """The offsets at which an identifier stands as a word; what damage left without a name stands nowhere."""
    at = code.find(word) if word else -1
    while at >= 0:
        end = at + len(word)
        if not ((at and code[at - 1] in IN_WORDS) or (end < len(code) and code[end] in IN_WORDS)):
            yield at
        at = code.find(word, end)


ExactMode = Literal["clang", "auto"]


class ExactReader(Protocol):
    """What reads an item exactly, where it can."""

    mode: ExactMode
    """Whether it reads all items, or those that the default front end could not read in full."""

    def parse(self, text: Text, item: Item) -> Parsed | None:
        """The item; None when it cannot be read exactly."""


@dataclass(slots=True)
class Text:
    """One file in one view, cut into items."""

    reading: Reading
    items: tuple[Item, ...]
    front_end: FrontEnd
    shared: dict[tuple[int, bytes], Parsed]
    """Parsed items of the same file in other views, by offset and digest of the expanded text."""
    macro_names: Set[str]
    """Every name that is a macro in some file of the run."""
    python: tuple[int, int] = (3, 0)
    """The Python of the view in which the text was made."""
    exact: ExactReader | None = None
    first: Text | None = None
    """The main text of the unit that had this one first, for an included file."""
    includer: Text | None = None
    """The unit's main text, where this one uses macros that are only in force because that one includes it."""
    included_at: int = 0
    """Where it does so, by way of other files perhaps."""
    counts: bool = False
    """Whether items that cannot be read in full are noted."""
    index: dict[str, Item] | None = None
    """Initialised variables by name; whoever needs it first fills it."""
    _functions: dict[str, tuple[Item, ...]] | None = None
    _structs: dict[str, Item] | None = None
    _aliases: dict[str, str] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)
    _api: frozenset[str] | None = None
    """The words of the text that look like names of the C API."""
    _parsed: dict[int, Parsed] = field(default_factory=dict)
    _problems: dict[int, tuple[Item, str, int]] = field(default_factory=dict)
    _expander: Expander | None = None
    _expanded: tuple[Item, Expanded] | None = None
    """The last item that was expanded: whoever looks whether it is known reads it next when it is not."""

    @property
    def path(self) -> str:
        """The file's path."""
        return self.reading.path

    @property
    def code(self) -> bytes:
        """The file's text without comments, directives and inactive branches; offsets are the file's."""
        return self.reading.code

    @property
    def held(self) -> int:
        """How many of its items have been parsed and are kept."""
        return len(self._parsed)

    @property
    def expander(self) -> Expander:
        """What expands this file's macros."""
        if self._expander is None:
            self._expander = Expander(
                self.reading, self.includer.reading if self.includer else None, self.included_at, self.macro_names
            )
        return self._expander

    def item_at(self, offset: int) -> Item | None:
        """The item that an offset lies in."""
        if not self._starts:
            self._starts = [item.start for item in self.items]
        index = bisect_right(self._starts, offset) - 1
        while index >= 0 and offset >= self.items[index].end:
            index = self.items[index].outer
        return self.items[index] if index >= 0 else None

    @property
    def functions(self) -> dict[str, tuple[Item, ...]]:
        """The function definitions by name; a name made by a macro is the expanded one."""
        if self._functions is None:
            self._functions = {}
            expander = self.expander
            for item in self.items:
                if item.kind != "function":
                    continue
                name = self.reading.scopes.canonical(item.name)
                if name in expander.names or expander.uses_project_macro(item.start, item.body):
                    expanded = expander.expand(item.start, item.body).text
                    name = function_name(expanded) or name
                self._functions[name] = (*self._functions.get(name, ()), item)
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
        if needed and not any(word in self.reading.words for word in needed):
            return
        yield from self._items_at(found.start() for found in pattern.finditer(self.code))

    def items_mentioning(self, names: Collection[str]) -> Iterator[Item]:
        """The items in which one of these identifiers (of a member of a class the last part) stands as a word.

        In order, each once.

        Quicker than `items_with` and a pattern of the same words.
        """
        of_api, others = _sorted_out(tuple(names))
        there = [*(of_api & self._api_words()), *(name for name in others if self.may_mention(name))]
        yield from self._items_at(sorted([at for name in there for at in word_offsets(self.code, name.encode())]))

    def _items_at(self, offsets: Iterable[int]) -> Iterator[Item]:
        """The innermost items that some offsets, in order, lie in; each once."""
        last = -1
        around: set[int] = set()
        for at in offsets:
            if at >= last and (item := self.item_at(at)) is not None:
                if not item.holds:
                    last = item.end
                elif item.start in around:
                    continue
                else:
                    around.add(item.start)
                yield item

    def may_mention(self, name: str) -> bool:
        """False when an identifier surely occurs nowhere in the text; names of the C API cost next to nothing."""
        if not _is_word(name):
            return self.code.find(name.encode()) >= 0
        if name.startswith(_API_NAME):
            return name in self._api_words()
        return self.reading.words.find(b"\n%b\n" % name.encode()) >= 0  # `in` makes an exception first, each time

    def _api_words(self) -> frozenset[str]:
        if self._api is None:
            self._api = frozenset([sys.intern(word.decode()) for word in _NAMES_OF_API.findall(self.reading.words)])
        return self._api

    def words(self) -> frozenset[bytes]:
        """Every identifier of the text, and what stands between words in its strings."""
        return frozenset(self.reading.words.split())

    def names_python(self) -> bool:
        """Whether the text has a name of the C API at all."""
        return _API_WORD.search(self.reading.words) is not None

    def is_macro(self, name: str, offset: int) -> bool:
        """Whether a name is a macro in force at an offset."""
        return self.expander.find(name, offset) is not None

    def mentions(self, name: str) -> Iterator[int]:
        """The offsets at which an identifier stands as a word; comments are no text, strings are.

        Of a member's name (`A::b`, with blanks or without) the offsets that the name's length leads behind it from.
        """
        if "::" in name:
            pattern = rb"\b" + re.escape(name).encode().replace(rb"::", rb"\s*::\s*") + rb"\b"
            return (found.end() - len(name) for found in re.finditer(pattern, self.code))
        word = name.encode()
        if _is_word(name) and not self.may_mention(name):
            return iter(())
        return word_offsets(self.code, word)

    def expanded(self, item: Item) -> Expanded:
        """The text of an item with its macros expanded."""
        if self._expanded is None or self._expanded[0] is not item:
            self._expanded = item, self.expander.expand(item.start, item.end)
        return self._expanded[1]

    def parse(self, item: Item) -> Parsed:
        """Read an item; a second call gives the same object."""
        known = self._parsed.get(item.start)
        if known is None:
            expanded = self.expanded(item)
            key = (item.start, blake2b(expanded.text, digest_size=DIGEST).digest())
            known = self.shared.get(key)
            if known is None:
                known = self.shared[key] = self._read(item, expanded)
            self._parsed[item.start] = known
        if self.counts and not known.complete:
            self._problems[item.start] = (item, known.problem, known.problem_at)
        return known

    def _read(self, item: Item, expanded: Expanded) -> Parsed:
        """With the exact front end first or the default one, and the other one where that could not."""
        exact = self.exact
        if exact is not None and exact.mode == "clang" and (known := exact.parse(self, item)) is not None:
            return known
        known = self.front_end.parse(expanded, self.path)
        if not known.complete:
            known = self._second_try(item, known)
        if expanded.too_deep and known.complete:
            known = Parsed(known.functions, known.variables, known.structs, known.loose, False,
                           "macros that expand without end", item.start)
        if exact is not None and exact.mode == "auto" and not known.complete and _API_WORD.search(self.code, item.start, item.end):
            read = exact.parse(self, item)
            known = replace(read, exact=True) if read is not None else known
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
        self._expanded = None
        self.shared.clear()

    def problems(self) -> Iterator[tuple[Item, str, int]]:
        """The items that were parsed while that counted, but not in full: the item, why, and where (an offset)."""
        yield from (self._problems[start] for start in sorted(self._problems))

    def function(self, name: str) -> ir.Function | None:
        """The definition of a function; None when this file has none or overloads it, or it could not be read."""
        if name.startswith(LAMBDA):
            at = self.item_at(int(name.removeprefix(LAMBDA)))
            return next((one for one in self.parse(at).functions if one.name == name), None) if at is not None else None
        items = self.functions.get(name, ())
        if len(items) > 1 and self.reading.plus_plus:
            return None  # which of several overloads is called is not known
        for item in items:
            functions = self.parse(item).functions
            named = next((one for one in functions if one.name == name), None)  # macros before it may make others
            if named is not None:
                return named
            if functions and item.name == name:
                return functions[0]
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

    def struct_items(self, name: str) -> Iterator[Item]:
        """The items that say what a tag or typedef name is, in this file alone."""
        if self._structs is None:
            self._index_structs()
        assert self._structs is not None
        item = self._structs.get(name) or self._structs.get(self._aliases.get(name, ""))
        if item is not None:
            yield item

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
        code = self.code
        for item in self.items:
            if item.kind != "declaration":
                continue
            limit = min(item.end, item.start + 2000)
            found = None
            if code.find(b"{", item.start, limit) >= 0:
                found = _STRUCT_BODY.search(code, item.start, limit)
            if found:
                text = code[item.start : item.end]
                for body in _STRUCT_BODY.finditer(text):
                    if body.group(1):
                        self._structs.setdefault(body.group(1).decode(), item)
                if b"typedef" in text[: found.start() - item.start + 1] or text.lstrip().startswith(b"typedef"):
                    for name in self._tail_names(item):
                        self._structs.setdefault(name, item)
            else:
                alias = _TYPEDEF_ALIAS.match(code, item.start, item.end)
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
