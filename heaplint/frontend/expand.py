"""Macros expanded in the text of one item, with a map from places in the result to places in the file.

Only what is going to be parsed is expanded. Text that came out of a macro stands for the place of its use.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterable, Set

from heaplint import lazy_re as re
from heaplint.frontend.apimacros import CALL_LIKE, OBJECT_LIKE, OPAQUE
from heaplint.frontend.lexical import APART
from heaplint.frontend.preprocess import Macro, Reading
from heaplint.records import dataclass

_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|' r"'(?:[^'\\\n]|\\.)*'", re.S)
_WORD = re.compile(r"[A-Za-z_]\w*")
_PASTE = re.compile(r"\s*##\s*")
_CPP_CAST = re.compile(r"\b(?:static|reinterpret|const|dynamic)_cast\s*<((?:[^<>();]|<[^<>();]*>)*)>(?=\s*\()")
_LONE_ELEMENT = re.compile(r"\b(\w+_(?:METHODDEF|GETSETDEF|MEMBERDEF))\b(?!\s*[,(])")
_ARGUMENT_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|' r"'(?:[^'\\\n]|\\.)*'|[(){}\[\],]", re.S)
_IN_BODY = re.compile(r'"(?:[^"\\\n]|\\.)*"|' r"'(?:[^'\\\n]|\\.)*'|(#{1,2})|([A-Za-z_]\w*)|\d[\w.]*", re.S)
_OF_PYTHON = {name: Macro(name, None, body, "", -1) for name, body in OBJECT_LIKE.items()} | {
    name: Macro(name, parameters, body, "", -1) for name, (parameters, body) in CALL_LIKE.items()
    if name not in OBJECT_LIKE
}
_MAX_DEPTH = 24
_MAX_OUTPUT = 2_000_000
_MAX_UNCLOSED = 50


@dataclass(frozen=True, slots=True)
class Expanded:
    """Text to parse, and where it came from."""

    text: bytes
    starts: tuple[int, ...]
    """Where each segment starts in the text."""
    origins: tuple[tuple[int, int], ...]
    """For each segment its place in the file: (start, -1) for text taken over, (start, end) for a macro's use."""
    too_deep: bool = False

    def at(self, offset: int) -> int:
        """The place in the file of an offset into the text."""
        index = bisect_right(self.starts, offset) - 1
        start, end = self.origins[index]
        return start if end >= 0 else start + offset - self.starts[index]

    def until(self, offset: int) -> int:
        """The same for the exclusive end of a stretch: the end of the use where a macro's text ends."""
        index = bisect_right(self.starts, max(0, offset - 1)) - 1
        start, end = self.origins[index]
        return end if end >= 0 else start + offset - self.starts[index]


def _words(code: bytes) -> set[str]:
    """The words and numbers of a text."""
    return set(code.translate(APART).decode("latin-1").split())


def expandable(names: Iterable[str]) -> set[str]:
    """Those of several macros that are expanded, with Python's own that always are."""
    return set(names).difference(OPAQUE).union(_OF_PYTHON)


def stays(name: str) -> bool:
    """Whether a macro of this name is never expanded to a project's definition of it."""
    return name in OPAQUE or name in _OF_PYTHON


class Expander:
    """Expands the macros in force in one reading of a file."""

    def __init__(
        self, reading: Reading, includer: Reading | None = None, included_at: int = 0, names: Set[str] | None = None
    ) -> None:
        """`included_at` is where the includer includes the file: the macros in force there are in force here.

        `names` are those that may be macros, more than there are do no harm; None takes them from the readings.
        """
        self.reading = reading
        self.includer = includer
        self.included_at = included_at
        if names is None:
            names = expandable(reading.macro_names() | (includer.macro_names() if includer else set()))
        self.names = names
        self.size = self.unclosed = 0
        self.too_deep = False

    def uses_project_macro(self, start: int, end: int) -> bool:
        """Whether a stretch of the file names a macro that is not one of Python's own headers."""
        found = _words(self.reading.code[start:end]) & self.names
        return any(word not in _OF_PYTHON and self.find(word, start) is not None for word in found)

    def find(self, name: str, offset: int) -> Macro | None:
        """The macro to expand for a name at an offset of the file; None for those that stay."""
        if name not in self.names:
            return None
        if (own := _OF_PYTHON.get(name)) is not None:
            return own
        found = self.reading.macro(name, offset)
        if found is None and self.includer is not None:
            found = self.includer.macro(name, self.included_at)
        return found

    def expand(self, start: int, end: int) -> Expanded:
        """Expand the stretch of the file's code from `start` to `end`."""
        code = self.reading.code[start:end]
        words = _words(code)
        text = code.decode("latin-1")
        if "_cast" in text:
            text = _CPP_CAST.sub(lambda m: f"({m.group(1)})".ljust(len(m.group()))[: len(m.group())], text)
        if not (wanted := words & self.names):
            text = self._complete_elements(text, words)
            return Expanded(text.encode("latin-1"), (0,), ((start, -1),))
        self.size, self.unclosed, self.too_deep = 0, 0, False
        pieces: list[str] = []
        starts: list[int] = []
        origins: list[tuple[int, int]] = []
        length = last = at = 0
        for place, name in _occurrences(text, wanted):
            if place < at:
                continue  # inside the use of a macro that was expanded
            if (macro := self.find(name, start + place)) is None:
                continue
            use = self._use(text, place, macro, start + place, frozenset(), 0)
            if use is None:
                continue
            replacement, at = use
            if place > last:
                starts.append(length)
                origins.append((start + last, -1))
                pieces.append(text[last:place])
                length += place - last
            if not replacement and macro.parameters is None:
                replacement = " "
            elif replacement and at < len(text) and _in_word(replacement[-1]) and _in_word(text[at]):
                replacement += " "  # `EXPORT(long)name`: two tokens
            starts.append(length)
            origins.append((start + place, start + at))
            pieces.append(replacement)
            length += len(replacement)
            last = at
        starts.append(length)
        origins.append((start + last, -1))
        pieces.append(text[last:])
        joined = "".join(pieces)
        completed = self._complete_elements(joined, words)
        return Expanded(completed.encode("latin-1"), tuple(starts), tuple(origins), self.too_deep)

    @staticmethod
    def _complete_elements(text: str, words: set[str]) -> str:
        """Give generated elements whose macro is not to be had (`FOO_METHODDEF` on a line) the comma they bring.

        The comma takes the place of the last letter of the name, so that the length stays.
        """
        if not any(word.endswith(("_METHODDEF", "_GETSETDEF", "_MEMBERDEF")) for word in words):
            return text
        return _LONE_ELEMENT.sub(lambda match: match.group(1)[:-1] + ",", text)

    def _use(
        self, text: str, start: int, macro: Macro, place: int, hidden: frozenset[str], depth: int
    ) -> tuple[str, int] | None:
        """What a use of a macro at `start` of `text` becomes, and where the use ends; None when it is no use."""
        if self.too_deep:
            return None
        after = start + len(macro.name)
        body = macro.body.encode("utf-8").decode("latin-1") if not macro.body.isascii() else macro.body
        if macro.parameters is None:
            return self._rescan(_PASTE.sub("", body), place, hidden | {macro.name}, depth), after
        taken = _arguments(text, after)
        if taken is None:
            if text[after : after + 200].lstrip()[:1] == "(":  # it does not end: each such look reads all of the text
                self.unclosed += 1
                self.too_deep |= self.unclosed > _MAX_UNCLOSED
            return None
        arguments, after = taken
        if macro.path == "" and arguments and arguments[0].startswith("sizeof"):
            return None  # PyObject_New(sizeof(T), type): rewritten already
        names = macro.parameters
        if names and names[-1].endswith("..."):
            fixed = len(names) - 1
            rest = ", ".join(arguments[fixed:])
            arguments = [*arguments[:fixed], rest]
            names = (*names[:-1], names[-1][:-3].strip() or "__VA_ARGS__")
        if len(arguments) != len(names):
            if macro.path == "" and names and len(arguments) > len(names):
                arguments = [*arguments[: len(names) - 1], ", ".join(arguments[len(names) - 1 :])]
            elif len(names) == 1 and not arguments:
                arguments = [""]
            elif not names and arguments == [""]:
                arguments = []
            else:
                return None
        table = dict(zip(names, arguments, strict=True))
        full = {name: self._rescan(value, place, hidden, depth + 1) for name, value in table.items()}
        substituted = "" if self.too_deep else _substitute(body, table, full)
        self.size += len(substituted)
        if self.too_deep or self.size > _MAX_OUTPUT:
            self.too_deep = True
            return None
        return self._rescan(substituted, place, hidden | {macro.name}, depth), after

    def _rescan(self, text: str, place: int, hidden: frozenset[str], depth: int) -> str:
        if depth > _MAX_DEPTH or self.size > _MAX_OUTPUT:
            self.too_deep = True
            return text
        wanted = (set(_WORD.findall(text)) & self.names) - hidden
        if not wanted:
            self.size += len(text)
            return text
        pieces: list[str] = []
        last = at = 0
        for start, name in _occurrences(text, wanted):
            if start < at:
                continue  # inside the use of a macro that was expanded
            if (macro := self.find(name, place)) is None:
                continue
            use = self._use(text, start, macro, place, hidden, depth + 1)
            if use is None:
                continue
            replacement, at = use
            pieces.append(text[last:start])
            pieces.append(replacement)
            last = at
        pieces.append(text[last:])
        result = "".join(pieces)
        self.size += len(result)
        return result


def _occurrences(text: str, words: Iterable[str]) -> list[tuple[int, str]]:
    """Where some identifiers stand as words of a text and not in its strings, in order.

    Most tokens of a text are of no interest, so that one search for each word beats one look at each token.
    """
    found: list[tuple[int, str]] = []
    for word in words:
        at = text.find(word)
        while at >= 0:
            end = at + len(word)
            if not ((at and _in_word(text[at - 1])) or (end < len(text) and _in_word(text[end]))):
                found.append((at, word))
            at = text.find(word, end)
    found.sort()
    if found and ('"' in text or "'" in text):
        strings = [match.span() for match in _STRING.finditer(text)]
        starts = [start for start, _ in strings]
        found = [
            (at, word) for at, word in found
            if not (index := bisect_right(starts, at)) or at >= strings[index - 1][1]
        ]
    return found


def _in_word(char: str) -> bool:
    return char == "_" or char.isalnum()


def _arguments(text: str, at: int) -> tuple[list[str], int] | None:
    """The arguments of a macro call whose "(" comes next, and the offset behind its ")"; None when there is none."""
    length = len(text)
    while at < length and text[at] in " \t\r\n":
        at += 1
    if at >= length or text[at] != "(":
        return None
    depth, begin, arguments = 0, at + 1, []
    for token in _ARGUMENT_TOKEN.finditer(text, at):
        char = token.group()
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if depth == 0:
                arguments.append(text[begin : token.start()].strip())
                return ([] if arguments == [""] else arguments), token.end()
        elif char == "," and depth == 1:
            arguments.append(text[begin : token.start()].strip())
            begin = token.end()
    return None



@functools.lru_cache(maxsize=1024)
def _tokens(body: str) -> list[re.Match[str]]:
    return list(_IN_BODY.finditer(body))


def _substitute(body: str, raw: dict[str, str], expanded: dict[str, str]) -> str:
    """A macro's body with its parameters replaced, `#` and `##` carried out."""
    if not raw and "#" not in body:
        return body
    pieces: list[str] = []
    last = 0
    paste = stringize = False
    tokens = _tokens(body)
    for index, token in enumerate(tokens):
        if token.group(1) == "##":
            pieces.append(body[last : token.start()].rstrip())
            if pieces and not pieces[-1]:
                while pieces and not pieces[-1].strip():
                    pieces.pop()
                if pieces:
                    pieces[-1] = pieces[-1].rstrip()
            last = token.end()
            while last < len(body) and body[last] in " \t":
                last += 1
            paste = True
        elif token.group(1) == "#":
            pieces.append(body[last : token.start()])
            last = token.end()
            while last < len(body) and body[last] in " \t":
                last += 1
            stringize = True
        elif token.group(2) in raw:
            pieces.append(body[last : token.start()])
            name = token.group(2)
            last = token.end()
            follows = index + 1 < len(tokens) and tokens[index + 1].group(1) == "##"
            if stringize:
                pieces.append('"' + raw[name].replace("\\", "\\\\").replace('"', '\\"') + '"')
            elif paste or follows:
                pieces.append(raw[name])
            else:
                pieces.append(expanded[name])
            paste = stringize = False
        else:
            paste = stringize = False
    pieces.append(body[last:])
    return "".join(pieces)
