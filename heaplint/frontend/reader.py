"""The files of a run as the views see them: lexed once, preprocessed once per view that differs, cut, parsed lazily."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence

from heaplint import lazy_re as re
from heaplint.digest import DIGEST, blake2b
from heaplint.findings import Notice, NoticeKind
from heaplint.frontend.cplusplus_items import NO_SCOPES, Scopes, cut_cplusplus
from heaplint.frontend.expand import expandable, stays
from heaplint.frontend.items import Cut, cut
from heaplint.frontend.lexical import APART, Lexed, lex
from heaplint.frontend.parsed import Parsed
from heaplint.frontend.preprocess import (
    Macro,
    Outcome,
    Reading,
    blank,
    go_through,
    hidden_branches,
    included,
)
from heaplint.frontend.text import ExactReader, Text, UnitView
from heaplint.frontend.treesitter import FrontEnd, TreeSitterFrontEnd
from heaplint.frontend.views import View
from heaplint.packed import pack
from heaplint.records import dataclass
from heaplint.source import SourceFile, is_cplusplus

_NEVER_OF_THE_PROJECT = re.compile(r"(?:.*/)?(?:Python\.h|structmember\.h|pycore_\w+\.h|pyconfig\.h|internal/.*)\Z")
_SYSTEM = frozenset({"errno.h", "time.h", "math.h", "string.h", "stdio.h", "stdlib.h", "limits.h", "assert.h"})
_INCLUDE = re.compile(rb'#[ \t]*include[ \t]*"([^"\n]+)"')
_CONDITIONAL = frozenset({"if", "ifdef", "ifndef", "elif", "elifdef", "elifndef", "else", "endif"})
_WORD = re.compile(r"[A-Za-z_]\w*")
_MAX_INCLUDE_DEPTH = 150
_MAX_INDENT = 1000
_TYPEDEF = re.compile(rb"\btypedef\b[^;{}()]{0,300}?([A-Za-z_]\w*)\s*;")
_ON_VERSION = re.compile(r"\bPY_(?:VERSION|MAJOR|MINOR)")
_OF_INTEREST = re.compile(
    rb"Py(?:(?:(?<!\wPy)|(?<=_Py)(?<!\w_Py))(?:TypeObject|Type_|Module|Object_(?:GC|New|NEW|Del|DEL|Free|FREE|Init|HEAD|VAR|Clear|"
    rb"Visit|Call)|StructSequence|MODINIT|Init_|VarObject_HEAD|State_|GILState|Unstable_)|"
    rb"(?<!\wPy)(?:_(?:tp_|mod_|nb_|sq_|mp_|am_|bf_|TPFLAGS|VISIT|CLEAR|DECREF|XDECREF|TRASHCAN|AtExit)|Object\s*\*\s*\w+\s*[;=,]))|"
    rb"tp_(?<!\wtp_)\w|m_(?<!\wm_)(?:size|slots|traverse|clear|free)\b|visit\b(?<!\wvisit)|Track\b|UNTRACK|"
    rb"static(?<!\wstatic)\s+\w+\s*\*|\{\s*(?:NULL|0)\b[^{}]*\}\s*,?\s*(?:/\*[^*]*\*/\s*)?\Z"
)
"""What makes a branch worth a view of its own: names of the C API that the model or a rule looks at, the end of a table."""


def _typedefs(code: bytes, regions: Sequence[tuple[int, int]]) -> frozenset[str]:
    """The names that some regions of a text make types, of those without a body."""
    names: set[str] = set()
    for start, end in regions:
        if code.find(b"typedef", start, end) >= 0:
            names.update(found.group(1).decode() for found in _TYPEDEF.finditer(code, start, end))
    return frozenset(names)


@dataclass(slots=True, eq=False)
class _Way:
    """One way to read a file, in all views that come to it."""

    outcome: Outcome
    headers: tuple[Reading, ...]
    plus_plus: bool
    reading: Reading | None = None
    hidden: frozenset[int] | None = None
    """The branches of interest, by offset, that are not read."""


def _words(code: bytes) -> bytes:
    """Every word once, each between line feeds; numbers are no words."""
    return b"\n%b\n" % b"\n".join([one for one in set(code.translate(APART).split()) if not one[:1].isdigit()])


class Reader:
    """Reads files; holds what has been read."""

    def __init__(
        self, files: Mapping[str, SourceFile], versions: Sequence[tuple[int, int]], exact: ExactReader | None = None
    ) -> None:
        self.files = files
        self.versions = tuple(versions)
        self.exact = exact
        self.notices: dict[str, set[Notice]] = {}
        """By path."""
        self._lexed: dict[str, Lexed] = {}
        self._by_view: dict[str, dict[object, _Way]] = {}
        self._ways: dict[str, dict[tuple[bool, tuple[int, ...]], list[_Way]]] = {}
        """Of a file, by whether it is read as C++ and by the identities of its headers."""
        self._names: dict[str, list[str]] = {}
        self._needed: Counter[str] = Counter()
        """How many of the main files that are not forgotten include a file."""
        self._included: dict[str, list[str]] = {}
        self._branches: dict[str, frozenset[int]] = {}
        self._readings: dict[tuple[object, ...], Reading] = {}
        self._cuts: dict[tuple[str, bool, tuple[tuple[int, int], ...]], tuple[bytes, bytes, Cut, Scopes]] = {}
        self._texts: dict[tuple[int, int], Text] = {}
        self._unit_views: dict[str, list[UnitView]] = {}
        self._free_words: dict[int, frozenset[str]] = {}
        """Of an included reading the words that are no macros there."""
        self._main_macros: dict[int, set[str]] = {}
        """Of the main reading that was last asked for the macros that are expanded."""
        self._shared: dict[tuple[str, bool], dict[tuple[int, bytes], Parsed]] = {}
        self._macro_names = expandable(())
        self._front_end = TreeSitterFrontEnd()
        self._opening: set[str] = set()
        self._by_name: dict[str, list[str]] = {}
        for path in files:
            self._by_name.setdefault(posixpath.basename(path), []).append(path)

    def _note(self, path: str, line: int, kind: NoticeKind, message: str) -> None:
        self.notices.setdefault(path, set()).add(Notice(path, line, kind, message))

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
            directives: frozenset[int] | None = None
            opened = closed = -1
            last = 0
            for found in _INCLUDE.finditer(data):
                before = data[max(0, found.start() - _MAX_INDENT) : found.start()].rstrip(b" \t")
                if not (before.endswith(b"\n") or (not before and found.start() < _MAX_INDENT)):
                    continue
                opened = max(opened, data.rfind(b"/*", last, found.start()))
                closed = max(closed, data.rfind(b"*/", last, found.start()))
                last = found.start()
                if opened >= 0 and closed < opened + 2:  # in a comment, or behind a string that looks like its beginning
                    directives = directives if directives is not None else self._lines_of_directives(path)
                    if last not in directives:
                        continue
                target = self.resolve(path, found.group(1).decode("utf-8", "replace"))
                if target is not None and target != path:
                    known.append(target)
        return known

    def _lines_of_directives(self, path: str) -> frozenset[int]:
        """The offsets of a file's `#`, those in comments left out."""
        data = self.files[path].data
        return frozenset(data.find(b"#", one.start, one.end) for one in self.lexed(path).directives)

    def know_included(self, included: Mapping[str, list[str]]) -> None:
        """Take what some files include from whoever has found it out for the very same files."""
        self._included.update(included)

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
                    self._note(path, line, "unterminated", f"{what} does not end; the rest was not read")
        return known

    def reading(self, path: str, view: View) -> Reading:
        """A file in one view; views that give the same text and macros share one reading."""
        way = self._way(path, view)
        if way.reading is None:
            way.reading = self._reading_of(path, way)
        return way.reading

    def _reading_of(self, path: str, way: _Way) -> Reading:
        lexed, outcome, headers, plus_plus = self.lexed(path), way.outcome, way.headers, way.plus_plus
        if outcome.unbalanced is not None:
            line = self.files[path].position(outcome.unbalanced)[0]
            self._note(path, line, "conditional", "#if without #endif, or the other way round")
        inactive = tuple(outcome.inactive)
        identity = (path, inactive, tuple(id(one) for one in headers), _macro_key(outcome), plus_plus)
        reading = self._readings.get(identity)
        if reading is None:
            shape = path, plus_plus, inactive
            if shape not in self._cuts:
                skeleton = blank(lexed.skeleton, inactive)
                done, scopes = cut_cplusplus(skeleton) if plus_plus else (cut(skeleton), NO_SCOPES)
                code = blank(lexed.code, inactive)
                self._cuts[shape] = pack(code), _words(code), done, scopes
            packed, words, _, scopes = self._cuts[shape]
            if plus_plus:
                scopes = scopes.with_others(header.scopes for header in headers)
            reading = self._readings[identity] = Reading(
                path, packed, words, outcome.macros, headers, inactive, outcome.defines,
                tuple(offset for offset, _, _ in outcome.branches), _typedefs(lexed.code, inactive),
                tuple(outcome.includes), plus_plus, scopes, self._digest(path, identity, headers),
            )
            self._macro_names.update(expandable(outcome.macros))
        return reading

    def _digest(self, path: str, identity: tuple[object, ...], headers: Sequence[Reading]) -> bytes:
        """What identifies a reading in any run: its identity with contents instead of objects."""
        _, inactive, _, macros, plus_plus = identity
        parts = (path, self.files[path].digest, inactive, [one.digest for one in headers], macros, plus_plus)
        return blake2b(repr(parts).encode("utf-8", "surrogateescape"), digest_size=DIGEST).digest()

    def _way(self, path: str, view: View) -> _Way:
        """Which way a file is read in a view: one that another view has gone before, when that answers the same."""
        known = self._by_view.setdefault(path, {}).get(view.key)
        if known is None:
            headers = tuple(self._headers(path, view).values())
            same = view.plus_plus, tuple([id(one) for one in headers])
            ways = self._ways.setdefault(path, {}).setdefault(same, [])
            known = next((one for one in ways if one.outcome.holds_in(view)), None)
            if known is None:
                known = _Way(go_through(path, self.lexed(path), view, headers), headers, view.plus_plus)
                ways.append(known)
            self._by_view[path][view.key] = known
        return known

    def _headers(self, path: str, view: View) -> dict[int, Reading]:
        """The readings of what a file includes, each followed by those that it includes, by identity."""
        headers: dict[int, Reading] = {}
        self._opening.add(path)
        try:
            for name in self._named_in(path):
                target = self.resolve(path, name)
                if target is not None and len(self._opening) > _MAX_INCLUDE_DEPTH:
                    message = f"{name} is included more than {_MAX_INCLUDE_DEPTH} levels deep"
                    self._note(path, 0, "too-complex", message)
                elif target is not None and target not in self._opening:
                    one = self.reading(target, view)
                    for header in (one, *one.headers):
                        headers.setdefault(id(header), header)
        finally:
            self._opening.discard(path)
        return headers

    def _named_in(self, path: str) -> list[str]:
        """What a file's `#include "..."` name."""
        names = self._names.get(path)
        if names is None:
            names = self._names[path] = included(self.lexed(path))
        return names

    def text(self, reading: Reading, python: tuple[int, int], main: Reading | None = None) -> Text:
        """A reading cut into items; its own for a main file whose macros it leans on."""
        key = id(reading), id(main)
        known = self._texts.get(key)
        if known is None:
            _, _, done, _ = self._cuts[reading.path, reading.plus_plus, reading.inactive]
            if done.unbalanced is not None:
                line = self.files[reading.path].position(done.unbalanced)[0]
                self._note(reading.path, line, "unbalanced", "a brace without its partner")
            shared = self._shared.setdefault((reading.path, reading.plus_plus), {})
            known = self._texts[key] = Text(
                reading, done.items, self._front_end_for(reading, done), shared, self._macro_names, python, self.exact
            )
        return known

    def _front_end_for(self, reading: Reading, done: Cut) -> FrontEnd:
        """What parses the items of a reading; the grammar of C++ is loaded for the first file that is C++."""
        if not reading.plus_plus:
            return self._front_end
        from heaplint.frontend.cplusplus import CPlusPlusFrontEnd

        return CPlusPlusFrontEnd(done.items, reading.scopes)

    # -- views -----------------------------------------------------------------------------------------------------

    def unit_views(self, path: str) -> list[UnitView]:
        """The views of the translation unit whose main file this is; those that differ in nothing of interest are one.

        Which branches are of interest: those whose text names something of the C API (see _OF_INTEREST).
        """
        if path in self._unit_views:
            return self._unit_views[path]
        members = self.closure(path)
        plus_plus = is_cplusplus(self.files[path])
        found: list[tuple[View, list[tuple[int, int]], dict[str, frozenset[int]]]] = []

        in_circle = any(path in self.included(one) for one in members)

        def add(view: View, of: Sequence[tuple[int, int]]) -> None:
            if in_circle:  # what a file includes depends on where the circle is entered: here
                self._way(path, view)
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
            outcomes = list({id(way): way.outcome for view in seen for way in (self._way(one, view),)}.values())
            for chosen in hidden_branches(outcomes, lambda offset, one=one: offset in self._interesting(one)):  # type: ignore[misc]
                for python, alike in groups:
                    add(View(python, "on", chosen, plus_plus), alike)
        result = []
        for view, of, _ in found:
            main = self.reading(path, view)
            texts: list[Text] = []
            places = self._include_places(main)
            for reading in (main, *main.headers):
                leans = bool(texts) and self._leans(reading, main)
                text = self.text(reading, view.python, main if leans else None)
                if texts and text.first is None:
                    text.first = texts[0]
                    if leans:
                        text.includer, text.included_at = texts[0], places.get(reading.path, 0)
                texts.append(text)
            result.append(UnitView(view, tuple(sorted(of)), tuple(texts)))
        self._unit_views[path] = result
        return result

    def _leans(self, reading: Reading, main: Reading) -> bool:
        """Whether an included file has words that are macros in the including one alone: it is read for each anew."""
        words = self._free_words.get(id(reading))
        if words is None:
            bodies = (
                one.body for part in (reading, *reading.headers) for many in part.macros.values()
                for one in many if isinstance(one, Macro)
            )
            found = set(reading.words.decode().split()).union(*map(_WORD.findall, bodies))
            words = self._free_words[id(reading)] = frozenset(found - reading.macro_names())
        if id(main) not in self._main_macros:
            self._main_macros = {id(main): {name for name in main.macro_names() if not stays(name)}}
        return not words.isdisjoint(self._main_macros[id(main)])

    def _include_places(self, main: Reading) -> dict[str, int]:
        """Where a file includes each of its headers first, by way of others perhaps."""
        places: dict[str, int] = {}
        for offset, named, _ in main.includes:
            target = self.resolve(main.path, named[1:-1])
            if target is not None and target not in places:
                for path in self.closure(target):
                    places.setdefault(path, offset)
        return places

    def _hidden(self, path: str, view: View) -> frozenset[int]:
        """The branches of interest (by offset) that a view does not read."""
        way = self._way(path, view)
        if way.hidden is None:
            unread = [offset for offset, active, _ in way.outcome.branches if not active]
            way.hidden = self._interesting(path).intersection(unread) if unread else frozenset()
        return way.hidden

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
                self._by_view.pop(one, None)
                self._ways.pop(one, None)
                self._names.pop(one, None)
                self._branches.pop(one, None)
                self.files[one].put_away()

    def release(self) -> None:
        """Drop all that only reading needs, once every unit has been read."""
        for known in (
            self._lexed, self._by_view, self._ways, self._names, self._readings, self._branches, self._free_words
        ):
            known.clear()
        self._main_macros.clear()


def _macro_key(outcome: Outcome) -> tuple[object, ...]:
    return tuple(
        (name, tuple(one if isinstance(one, int) else one.offset for one in many))
        for name, many in outcome.macros.items()
    )
