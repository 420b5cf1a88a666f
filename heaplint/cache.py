"""What is kept between runs: the result of each main file with all that it depends on, and which of them still hold.

One file for each project, set of paths and configuration. It holds plain data only, is replaced in one step and has a
checksum; what is damaged, or was written for anything else, counts as absent.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from pathlib import Path
from typing import Any

import heaplint
from heaplint.config import Config
from heaplint.digest import DIGEST, blake2b
from heaplint.findings import Edit, Finding, Fix, Notice, Related, Span
from heaplint.pythons import Version
from heaplint.records import dataclass, fields
from heaplint.results import GroupResult, Located
from heaplint.source import SourceFile
from heaplint.unpickling import DAMAGED, unpickled

MAX_BYTES = 512 << 20
"""The files of a cache together; the ones that were used longest ago go first."""
ENVIRONMENT = "HEAPLINT_CACHE_DIR"
"""The environment variable that names the folder."""

_MAGIC = b"heaplint cache 2\n"
_SUFFIX = ".cache"
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder can be deleted at any time (https://bford.info/cachedir/).\n"


def packed(value: object) -> bytes:
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def default_folder() -> Path | None:
    """Where caches are kept when nobody says where; None when the system tells of no place of the user's."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    base = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_CACHE_HOME")
    if base and os.path.isabs(base):
        return Path(base) / "heaplint"
    home = os.path.expanduser("~")
    return Path(home) / ".cache" / "heaplint" if os.path.isabs(home) else None


# -- one main file -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of one main file."""

    closure: tuple[tuple[str, bytes], ...]
    """The file and those that it includes, with digests of their contents."""
    signature: bytes
    """What identifies which of its texts are its own, and the Pythons that they are read for."""
    views: tuple[tuple[tuple[Version, ...], tuple[bytes, ...], str], ...]
    """Of each view its Pythons, the digests of its texts, and its mode."""
    words: bytes
    """The identifiers of its own texts, each between line feeds."""
    other_words: bytes
    """Those that only its other texts have."""
    model: bytes
    """What identifies its types and modules, wherever in their files they stand."""
    points_to: tuple[str, ...]
    """The files that findings point into, its own left out."""
    leans_on: tuple[str, ...]
    leans_on_models: tuple[str, ...]
    """Those of which only types and modules were looked at."""
    reads: tuple[tuple[tuple[str, str, str], bytes], ...]
    """What was read of other groups' definitions, and what identifies it."""
    asks: bytes
    """Aspect and key of all that was asked, each between line feeds."""
    facts: bytes
    """What it says of itself: index and answers."""
    result: bytes
    functions: bytes
    """What was found along the paths of its functions (heaplint.flow.paths.kept)."""

    def found(self) -> GroupResult:
        """What was found in it."""
        return _decoded(self.result)


def line(ask: tuple[str, str]) -> bytes:
    return "\t".join(ask).encode("utf-8", "surrogateescape").replace(b"\n", b" ")


def joined(lines: Iterable[bytes]) -> bytes:
    return b"\n" + b"\n".join(sorted(lines)) + b"\n"


def split(joined: bytes) -> list[bytes]:
    return [line for line in joined.split(b"\n") if line]


# -- the file ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """What a run leaves to the next."""

    files: Mapping[str, tuple[bytes, tuple[str, ...]]]
    """The digest of every file that was read, and the project's files that it includes."""
    records: Mapping[str, Record]
    asked: Set[tuple[str, str]]
    """The questions that every main file has answered, by aspect and key; where a record has none it had none to give."""

    def is_of(self, sources: Mapping[str, SourceFile]) -> bool:
        """Whether nothing has changed since."""
        return sources.keys() == self.files.keys() and all(
            sources[path].digest == digest for path, (digest, _) in self.files.items()
        )

    def included(self, sources: Mapping[str, SourceFile]) -> dict[str, list[str]]:
        """What unchanged files include; nothing when there are other files than there were: a name may mean another."""
        if sources.keys() != self.files.keys():
            return {}
        return {path: list(names) for path, (digest, names) in self.files.items() if sources[path].digest == digest}


@dataclass(slots=True)
class Store:
    """The cache file of one project, set of paths and configuration."""

    folder: Path
    scope: str
    """What tells apart runs over different parts of a project: the paths of the command line."""
    problem: str = ""
    """Why the last state was not kept; "" when it was."""

    def load(self, root: Path, config: Config, rules: Collection[str]) -> State | None:
        """What the last run left for this one; None when there is nothing that can be used."""
        key = self._key(root, config, rules)
        try:
            data = self._file(key).read_bytes()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # that it was used only matters where it can be written
            os.utime(self._file(key))
        size = len(_MAGIC) + DIGEST
        if not data.startswith(_MAGIC) or blake2b(memoryview(data)[size:], digest_size=DIGEST).digest() != data[len(_MAGIC):size]:
            return None
        try:
            written_for, files, records, asked = unpickled(data[size:])
            if written_for != key:
                return None
            return State(files, {path: Record(*values) for path, values in records.items()}, asked)
        except DAMAGED:
            return None  # whole, yet not ours

    def save(self, root: Path, config: Config, rules: Collection[str], state: State) -> None:
        """Keep a state, in one step; a cache that cannot be written is no error."""
        key = self._key(root, config, rules)
        records = {path: tuple(getattr(one, each.name) for each in fields(one)) for path, one in state.records.items()}
        payload = packed((key, dict(state.files), records, frozenset(state.asked)))
        try:
            self._prepare()
            with tempfile.NamedTemporaryFile(dir=self.folder, prefix="new-", delete=False) as stream:
                try:
                    stream.write(_MAGIC + blake2b(payload, digest_size=DIGEST).digest())
                    stream.write(payload)
                    stream.close()
                    os.replace(stream.name, self._file(key))
                except BaseException:
                    stream.close()
                    with contextlib.suppress(OSError):
                        os.unlink(stream.name)
                    raise
            self._prune()
            self.problem = ""
        except OSError as error:
            self.problem = f"{error.filename or self.folder}: {error.strerror or error}"

    def _prepare(self) -> None:
        """The folder, with what keeps version control and backups away from it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in ((".gitignore", "*\n"), ("CACHEDIR.TAG", _TAG)):
            if not (self.folder / name).exists():
                (self.folder / name).write_text(text, encoding="utf-8")

    def _prune(self) -> None:
        """Remove what was used longest ago until the rest is within bounds, and what a killed run left half written."""
        entries = []
        for path in self.folder.iterdir():
            if path.suffix == _SUFFIX or path.name.startswith("new-"):
                with contextlib.suppress(FileNotFoundError):  # another run was quicker
                    found = path.stat()
                    entries.append((found.st_mtime, found.st_size, path))
        total = 0
        newest = max((time for time, _, _ in entries), default=0.0)
        for time, size, path in sorted(entries, key=lambda one: (-one[0], one[2].name)):
            total += size
            if total > MAX_BYTES or (path.suffix != _SUFFIX and time < newest - 3600):
                path.unlink(missing_ok=True)

    def _file(self, key: bytes) -> Path:
        return self.folder / f"{key.hex()}{_SUFFIX}"

    def _key(self, root: Path, config: Config, rules: Collection[str]) -> bytes:
        """What identifies all that results depend on beside the files."""
        parts = (
            heaplint.__version__, _program_stamp(), str(root), self.scope, sorted(rules), config.target.versions,
            config.frontend, _database_stamp(root, config), _canonical(config.api),
        )
        return blake2b(repr(parts).encode("utf-8", "surrogateescape"), digest_size=DIGEST).digest()


@functools.cache
def _program_stamp() -> tuple[tuple[str, int, int], ...]:
    """What identifies heaplint's own files: an editable installation changes without a new version."""
    package = os.path.dirname(os.path.abspath(heaplint.__file__))
    found = []
    for folder in (package, os.path.join(os.path.dirname(package), "rules")):
        for path, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                known = os.stat(os.path.join(path, name))
                found.append((os.path.join(path, name), known.st_size, known.st_mtime_ns))
    return tuple(found)


def _database_stamp(root: Path, config: Config) -> list[tuple[str, str]]:
    """The compile databases that libclang may be given, by content."""
    places = [config.compile_commands] if config.compile_commands is not None else [
        root / place / "compile_commands.json" for place in ("", "build")
    ]
    found = []
    for place in places:
        with contextlib.suppress(OSError):
            found.append((str(place), blake2b(place.read_bytes(), digest_size=DIGEST).hexdigest()))
    return found


def _canonical(value: Any) -> Any:
    """A value as something whose `repr` is the same in every run."""
    if hasattr(value, "__dataclass_fields__"):
        return [(one.name, _canonical(getattr(value, one.name))) for one in fields(value)]
    if isinstance(value, Mapping):
        return sorted((repr(key), _canonical(one)) for key, one in value.items())
    if isinstance(value, (frozenset, set)):
        return sorted(repr(_canonical(one)) for one in value)
    if isinstance(value, (tuple, list)):
        return [_canonical(one) for one in value]
    return value


# -- results as plain data ---------------------------------------------------------------------------------------------


def encoded(result: GroupResult) -> bytes:
    located = [(_plain(one.finding), one.versions) for one in result.located]
    notices = [(one.path, one.line, one.kind, one.message) for one in result.notices]
    return packed((located, notices, result.front_ends))


def _decoded(data: bytes) -> GroupResult:
    located, notices, front_ends = unpickled(data)
    return GroupResult(
        tuple(Located(_finding(plain), versions) for plain, versions in located),
        tuple(Notice(*one) for one in notices), front_ends,
    )


def _plain(one: Finding) -> tuple[object, ...]:
    fix = one.fix and (one.fix.applicability, [(edit.path, edit.start, edit.end, edit.text) for edit in one.fix.edits])
    return (
        one.rule, one.name, one.severity, one.precision, one.message, _plain_span(one.span), one.symbol, one.function,
        one.item, [(_plain_span(step.span), step.message) for step in one.steps],
        [(_plain_span(step.span), step.message) for step in one.related], fix,
    )


def _plain_span(span: Span) -> tuple[object, ...]:
    return (span.path, span.line, span.column, span.end_line, span.end_column)


def _finding(plain: tuple[Any, ...]) -> Finding:
    rule, name, severity, precision, message, span, symbol, function, item, steps, related, fix = plain
    return Finding(
        rule, name, severity, precision, message, Span(*span), symbol, function, item, None, tuple(_related(steps)),
        tuple(_related(related)), fix and Fix(fix[0], tuple(Edit(*edit) for edit in fix[1])),
    )


def _related(plain: Iterable[tuple[Any, str]]) -> Iterator[Related]:
    return (Related(Span(*span), message) for span, message in plain)
