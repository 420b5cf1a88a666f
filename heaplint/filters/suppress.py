"""Comments in the linted source that silence findings: `// heaplint: ignore[HL201] reason` and `ignore-file[...]`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from heaplint import lazy_re as re
from heaplint.cards import Card
from heaplint.filters.select import Selection, nearest
from heaplint.findings import Finding, numbered
from heaplint.records import dataclass
from heaplint.source import SourceFile

UNUSED = "HL901"
"""The rule that reports suppressions which suppress nothing, or name no rule."""

_TOKEN = rb"""
      (?P<block>/\*.*?(?:\*/|\Z))
    | (?P<line>//(?:[^\\\n]+|\\\r?\n|\\){0,20000})
    | (?:u8|[uUL])?R"(?P<fence>[^()\\\s]{0,16})\(.*?(?:\)(?P=fence)"|\Z)
    | "(?:[^"\\\n]+|\\\r?\n|\\.){0,20000}"?
    | [0-9](?:[0-9A-Za-z_.]|'(?=[0-9A-Za-z]))*
    | [A-Za-z_][0-9A-Za-z_]*
    | '(?:[^'\\\n]+|\\\r?\n|\\.){0,20000}'?
    | (?P<code>[^\s])
"""
"""Comments, and what could be mistaken for one: strings, raw strings, characters; numbers hold digit separators."""

_DIRECTIVE = rb"""
    (?://|/\*|\n)[ \t*/!<]{0,80}
    (?P<word>heaplint:)[ \t]*ignore(?P<file>-file)?(?![\w-])[ \t]*
    (?P<list>\[(?P<codes>[^\]\n]*)(?P<end>\]?))?
"""
"""A suppression at the start of a comment, of a line of it, or of a comment within the comment."""

_CODE = re.compile(rb"[^\s,]+")


MAX_DIRECTIVES = 100
"""How many suppressions one comment can hold; what follows is not read."""

Key = tuple[int | None, str]
"""A line, None for the whole file, and the id of the rule silenced there, empty for all rules."""


@dataclass(frozen=True, slots=True)
class _Code:
    """One id or name in the brackets of a suppression."""

    text: str
    rule: str | None
    """The id it stands for; None when it names no rule."""
    start: int
    """Offset."""
    end: int


@dataclass(frozen=True, slots=True)
class _Suppression:
    """One suppression comment."""

    start: int
    """Offset of `heaplint:`."""
    end: int
    line: int | None
    """The line whose findings it silences; None for the whole file."""
    codes: tuple[_Code, ...] | None
    """None when there are no brackets: all rules."""
    closed: bool
    """Whether the bracket is closed."""

    @property
    def keys(self) -> set[Key]:
        """What it silences."""
        if self.codes is None:
            return {(self.line, "")}
        return {(self.line, code.rule) for code in self.codes if code.rule is not None}


class _FileSuppressions:
    """The suppressions of one file, and which of them were of use."""

    def __init__(self, source: SourceFile, cards: Mapping[str, Card]) -> None:
        self.source, self.cards = source, cards
        self.all = list(_suppressions(source, cards))
        self.keys: set[Key] = set().union(*(one.keys for one in self.all))
        self.used: set[Key] = set()

    def silence(self, finding: Finding) -> bool:
        """Whether a finding is silenced; notes what silenced it.

        HL901 is silenced by name only: an unused suppression of all rules must not hide itself.
        """
        rules = (finding.rule,) if finding.rule == UNUSED else (finding.rule, "")
        lines = (None, finding.span.line, finding.span.end_line)
        hits = self.keys.intersection((line, rule) for line in lines for rule in rules)
        self.used |= hits
        return bool(hits)

    def complaints(self, selection: Selection) -> Iterator[Finding]:
        """An HL901 finding for each part of a suppression that is of no use."""
        for one in self.all:
            if not one.closed:
                yield self._complaint("the list of this suppression is not closed by `]`", one)
            if one.codes is None:
                if (one.line, "") not in self.used and selection.is_unfiltered:
                    yield self._complaint("this suppression suppresses nothing", one)
                continue
            if not one.codes:
                yield self._complaint("this suppression names no rule", one)
            for code in one.codes:
                if code.rule is None:
                    hint = nearest(code.text, self.cards)
                    yield self._complaint(f"this suppression names no rule: `{code.text}`{hint}", code)
                elif (one.line, code.rule) not in self.used and self._is_judged(code.rule, selection):
                    yield self._complaint(f"this suppression of {code.rule} suppresses nothing", code)

    def _is_judged(self, rule: str, selection: Selection) -> bool:
        """Whether a rule could have reported anything here in this run."""
        return rule != UNUSED and selection.is_unfiltered and selection.is_selected(rule, self.source.path)

    def _complaint(self, message: str, about: _Suppression | _Code) -> Finding:
        card = self.cards[UNUSED]
        span = self.source.span(about.start, about.end)
        item = about.text if isinstance(about, _Code) else None
        return Finding(card.id, card.name, card.severity, card.precision, message, span, item=item)


def apply(findings: Iterable[Finding], sources: Mapping[str, SourceFile], selection: Selection) -> tuple[Finding, ...]:
    """The findings that no comment silences, with an HL901 finding for each suppression of no use, in report order.

    `findings` are those the selection keeps; `sources` are all files of the run by path. A suppression that names a
    rule which did not run in its file is left alone, as are all when thresholds hide findings.
    """
    by_path = {
        path: _FileSuppressions(source, selection.cards)
        for path, source in sources.items()
        if source.names_heaplint
    }
    kept = [one for one in findings if one.span.path not in by_path or not by_path[one.span.path].silence(one)]
    for path, suppressions in by_path.items():
        if selection.is_selected(UNUSED, path):
            complaints = sorted(suppressions.complaints(selection), key=lambda finding: finding.sort_key)
            reports = (one for one in numbered(complaints) if selection.keeps(one))
            kept += [one for one in reports if not suppressions.silence(one)]
    return tuple(sorted(kept, key=lambda finding: finding.sort_key))


def _suppressions(source: SourceFile, cards: Mapping[str, Card]) -> Iterator[_Suppression]:
    """The suppressions of a file. One that stands alone covers the line of code below it, not beyond an empty line."""
    data = source.data
    rules = {word: card.id for card in cards.values() for word in (card.id, card.name)}
    tokens, directives = re.compile(_TOKEN, re.S | re.X), re.compile(_DIRECTIVE, re.X)  # few runs need them
    alone: list[re.Match[bytes]] = []
    end = 0
    for token in tokens.finditer(data):
        is_code = token["block"] is None and token["line"] is None
        is_apart = data.count(b"\n", end, token.start()) > 1
        if alone and (is_code or is_apart):
            yield from (_suppression(source, found, None if is_apart else token.start(), rules) for found in alone)
            alone = []
        end = token.end()
        if is_code:
            continue
        is_alone = not _has_code_before(data, token.start())
        for found in islice(directives.finditer(data, *token.span()), MAX_DIRECTIVES):
            if is_alone and not found["file"]:
                alone.append(found)
            else:
                yield _suppression(source, found, None, rules)
    yield from (_suppression(source, found, None, rules) for found in alone)


def _suppression(
    source: SourceFile, found: re.Match[bytes], code: int | None, rules: Mapping[str, str]
) -> _Suppression:
    """The suppression a directive stands for; `code` is an offset in the line it covers, None for its own line."""
    covered = None if found["file"] else source.position(found.start("word") if code is None else code)[0]
    closed = not found["list"] or bool(found["end"])
    return _Suppression(found.start("word"), found.end(), covered, _codes(found, rules), closed)


def _has_code_before(data: bytes, offset: int) -> bool:
    """Whether something stands before a comment on its first line."""
    return bool(data[data.rfind(b"\n", 0, offset) + 1 : offset].removeprefix(b"\xef\xbb\xbf").strip())


def _codes(found: re.Match[bytes], rules: Mapping[str, str]) -> tuple[_Code, ...] | None:
    if not found["list"]:
        return None
    offset = found.start("codes")
    codes = []
    for word in _CODE.finditer(found["codes"]):
        text = word.group().decode("utf-8", errors="replace")
        rule = rules.get(text.upper()) or rules.get(text.lower())
        codes.append(_Code(text, rule, offset + word.start(), offset + word.end()))
    return tuple(codes)
