"""The baseline: findings that are known, told apart by rule, file, subject and context and never by line numbers.

An entry is the finding's path, rule, symbol, function and item, and a digest of the tokens it stands at. What is
found is matched with the entries in three rounds, each entry once:

1. everything is alike;
2. the tokens differ: the flagged code was edited. Only for findings that name a symbol or a function;
3. the path differs: the code was moved to another file. Only for the same, and only for entries that would be stale.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from heaplint import lazy_re as re
from heaplint.config import ConfigError
from heaplint.filters.select import Selection
from heaplint.findings import Finding
from heaplint.records import dataclass, replace
from heaplint.source import SourceFile

VERSION = 1
"""Of the file's form: raised when older versions of heaplint could not read it."""

DEFAULT_FILE = "heaplint-baseline.json"

MAX_BASELINE_BYTES = 64 << 20
"""A larger file is refused: the linted tree is not trusted."""

_CONTEXT_BYTES = 4096
"""How much of the flagged code counts."""

_TOKEN = re.compile(
    rb"(?P<nothing>/\*.*?(?:\*/|\Z)|//(?:[^\\\n]|\\.)*|\\\r?\n|\s+)"
    rb"|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|\w+|.",
    re.S,
)
_KEYS = ("path", "rule", "symbol", "function", "item", "context")

Rebase = Callable[[str], str]
"""From the path of a finding to the path that stands in the baseline: relative to the folder of its file."""


class BaselineError(ConfigError):
    """A baseline that cannot be used; the message names the file and the cause."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One known finding."""

    path: str
    """Relative to the folder of the baseline's file, with forward slashes."""
    rule: str
    symbol: str | None
    function: str | None
    item: str | None
    context: str
    """Digest of the tokens that were flagged: white space and comments do not count."""

    @property
    def sort_key(self) -> tuple[str, ...]:
        """Entries are written by path, rule, subject and context."""
        return (self.path, self.rule, self.symbol or "", self.function or "", self.item or "", self.context)

    @property
    def has_subject(self) -> bool:
        """Whether the entry says what it is about; another one is told by its context alone."""
        return self.symbol is not None or self.function is not None

    @property
    def subject(self) -> str:
        """What the entry is about, for people."""
        parts = [f"`{part}`" for part in (self.symbol, self.item) if part]
        return ", ".join(parts) + (f" in {self.function}" if self.function else "")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found, against what is known."""

    new: tuple[Finding, ...]
    known: tuple[Entry, ...]
    """The entries that were found again, as they would be written today."""
    stale: tuple[Entry, ...]
    """The entries whose finding is gone."""
    unjudged: tuple[Entry, ...]
    """The entries about which the run says nothing: their file was not read, or their rule did not run."""


def entry_of(finding: Finding, sources: Mapping[str, SourceFile], rebase: Rebase) -> Entry:
    """The entry for a finding."""
    return Entry(
        rebase(finding.span.path), finding.rule, finding.symbol, finding.function, finding.item,
        _context(finding, sources.get(finding.span.path)),
    )  # fmt: skip


def compare(
    findings: Iterable[Finding],
    sources: Mapping[str, SourceFile],
    entries: Iterable[Entry],
    rebase: Rebase,
    is_judged: Callable[[Entry], bool],
) -> Comparison:
    """Tell new findings from known ones; `is_judged` says whether a run could have found an entry's finding."""
    left = [(finding, entry_of(finding, sources, rebase)) for finding in findings]
    open_entries = list(entries)
    known: list[Entry] = []
    for key_of in (_whole, _without_context, _without_path):
        if key_of is _without_path:
            unjudged = tuple(entry for entry in open_entries if not is_judged(entry))
            open_entries = [entry for entry in open_entries if is_judged(entry)]
        places: defaultdict[Entry, list[int]] = defaultdict(list)
        for index, entry in reversed(list(enumerate(open_entries))):
            if (key := key_of(entry)) is not None:
                places[key].append(index)
        matched: set[int] = set()
        unmatched = []
        for finding, entry in left:
            key = key_of(entry)
            if key is not None and places.get(key):
                matched.add(places[key].pop())
                known.append(entry)
            else:
                unmatched.append((finding, entry))
        left = unmatched
        open_entries = [entry for index, entry in enumerate(open_entries) if index not in matched]
    return Comparison(tuple(finding for finding, _ in left), tuple(known), tuple(open_entries), unjudged)


def judge(
    selection: Selection, read: Iterable[str], rebase: Rebase, exists: Callable[[str], bool]
) -> Callable[[Entry], bool]:
    """What `compare` asks: `read` are the paths of the run; `exists` takes the path of an entry.

    An entry is judged when its file was read or is gone, and its rule ran there unfiltered or is no rule any more.
    """
    of_run = {rebase(path): path for path in read}

    def is_judged(entry: Entry) -> bool:
        if entry.rule not in selection.cards:
            return True
        if not selection.is_unfiltered:
            return False
        path = of_run.get(entry.path)
        if path is not None:
            return selection.is_selected(entry.rule, path)
        return entry.rule in selection.rules and not exists(entry.path)

    return is_judged


def render(entries: Iterable[Entry]) -> str:
    """The file, in ASCII: sorted, and one line that ends in a comma for each entry, so that branches merge by line."""
    lines = [_line(entry) for entry in sorted(entries, key=lambda entry: entry.sort_key)]
    head = f'{{\n"tool": "heaplint",\n"version": {VERSION},\n"baseline": [\n'
    return head + "".join(f"{line},\n" for line in lines) + "null\n]\n}\n"


def parse(data: bytes, origin: str) -> tuple[Entry, ...]:
    """Read a file that `render` wrote; raises BaselineError, which names `origin`, for any other."""
    if len(data) > MAX_BASELINE_BYTES:
        raise BaselineError(f"{origin}: no baseline: larger than {MAX_BASELINE_BYTES >> 20} MiB")
    try:
        document: object = json.loads(data)
    except RecursionError as error:
        raise BaselineError(f"{origin}: no baseline: nested too deeply") from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise BaselineError(f"{origin}: no baseline: {error}") from error
    if not isinstance(document, dict) or document.get("tool") != "heaplint" or "baseline" not in document:
        raise BaselineError(f"{origin}: no baseline: `heaplint baseline` did not write it")
    if document.get("version") != VERSION:
        raise BaselineError(f"{origin}: its version is {document.get('version')!r}; this heaplint reads {VERSION}")
    lines = document["baseline"]
    if not isinstance(lines, list):
        raise BaselineError(f"{origin}: baseline: expected a list")
    return tuple(_entry(line, number, origin) for number, line in enumerate(lines, 1) if line is not None)


def _line(entry: Entry) -> str:
    told = {key: value for key in _KEYS if (value := getattr(entry, key)) is not None}
    return json.dumps(told, ensure_ascii=True).replace("\x7f", "\\u007f")


def _entry(line: object, number: int, origin: str) -> Entry:
    if not isinstance(line, dict):
        raise BaselineError(f"{origin}: entry {number}: expected an object")
    for key in _KEYS:
        value = line.get(key)
        if not isinstance(value, str) and (value is not None or key in ("path", "rule", "context")):
            raise BaselineError(f"{origin}: entry {number}: {key}: expected a string")
    return Entry(*(line.get(key) for key in _KEYS))  # type: ignore[arg-type]  # checked in the loop above


def _whole(entry: Entry) -> Entry | None:
    return entry


def _without_context(entry: Entry) -> Entry | None:
    return replace(entry, context="") if entry.has_subject else None


def _without_path(entry: Entry) -> Entry | None:
    return replace(entry, path="") if entry.has_subject else None


def _context(finding: Finding, source: SourceFile | None) -> str:
    if source is None:
        return ""
    span = finding.span
    start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
    code = source.data[start : min(end, start + _CONTEXT_BYTES)]
    tokens = [found.group() for found in _TOKEN.finditer(code) if found["nothing"] is None]
    return sha256(b" ".join(tokens)).hexdigest()[:12]
