"""Which files a run reads: from paths, folders and globs to sources, and notices for what was left out."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from heaplint import context
from heaplint.config import CONFIG_NAMES, Config
from heaplint.excludes import Excludes
from heaplint.findings import Notice, NoticeKind
from heaplint.provenance import foreign_encoding, generator_of
from heaplint.records import dataclass, replace
from heaplint.source import SourceFile

C_SUFFIXES = frozenset({".c", ".h", ".cc", ".hh", ".cpp", ".hpp", ".cxx", ".hxx", ".c++", ".h++"})
"""How names of C and C++ files end, lower case; other files are read when named, or through an `#include`."""

MAX_SOURCE_BYTES = 8 << 20
"""A larger file is not read; a notice says so."""

VENDORED = frozenset({"pythoncapi_compat.h"})
"""Headers that projects carry a copy of; their defects are not the project's."""

_EXAMPLES = 3
"""How many files a counting notice names."""


class InputError(Exception):
    """A path that was asked for and cannot be read; the message names it and the cause."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The sources of a run, by path, and what was left out."""

    root: Path
    """What the paths of sources, findings and notices are relative to."""
    project: Path
    """The top of the project; links that leave it are not followed."""
    files: tuple[SourceFile, ...]
    notices: tuple[Notice, ...]
    context: tuple[SourceFile, ...] = ()
    """Files around the named ones: read so that what those refer to is known, never reported on."""

    @property
    def sources(self) -> dict[str, SourceFile]:
        """Everything that is read, by path."""
        return {source.path: source for source in sorted((*self.files, *self.context), key=lambda one: one.path)}


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that may be read."""

    path: str
    """Absolute, as it was reached."""
    named: bool
    """Named on the command line: read whatever it is."""
    text: bytes | None = None
    """What stands for the file's contents on disk."""


def discover(paths: Sequence[str], config: Config, cwd: Path, texts: Mapping[str, bytes] | None = None) -> Discovery:
    """Find and read the C files of `paths`; raises InputError when a path that was named cannot be read.

    Files below `cwd` are reported relative to it, others relative to the project: the nearest folder upwards from all
    paths that holds pyproject.toml, heaplint.toml or .git. When the paths are files only, the project's other files are
    their context.

    `texts` stand for the contents of files, by real path (`os.path.realpath`): what an editor or a pipe holds. A file
    that is named need not exist when it has a text.
    """
    texts = texts or {}
    here = os.path.realpath(cwd)
    named, found = _expand(paths, here, texts)
    project = _project_of([*named, *found], here)
    walk = _Walk(config, project, texts)
    for path in named:
        walk.add_named(path)
    for path in found:
        walk.add_found(path)
    walk.finish()
    root = _display_root(project, here, [candidate.path for candidate in walk.candidates.values()])
    discovery = _read_all(walk, config, project, root)
    if not discovery.files or walk.searched or not _is_project(project):
        return discovery
    return _with_context(discovery, walk, config)


def _expand(paths: Sequence[str], here: str, texts: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """The absolute paths that were named, and those that a glob found; neither repeats a path."""
    import glob  # slow to import, and shells expand most globs

    named: dict[str, None] = {}
    found: dict[str, None] = {}
    for path in paths:
        absolute = os.path.normpath(os.path.join(here, path))
        if not path:
            raise InputError("an empty path")
        if os.path.lexists(absolute) or os.path.realpath(absolute) in texts:
            only_folder = len(paths) == 1 and os.path.isdir(absolute)
            named[os.path.realpath(absolute) if only_folder else absolute] = None
            continue
        if not glob.has_magic(path):
            raise InputError(f"{path}: no such file or folder")
        matches = sorted(glob.glob(absolute, recursive=True))
        if not matches:
            raise InputError(f"{path}: no file matches")
        found.update(dict.fromkeys(matches))
    return list(named), [path for path in found if path not in named]


def _project_of(paths: Sequence[str], here: str) -> str:
    """The top of the project that holds all paths."""
    try:
        folders = [path if os.path.isdir(path) else os.path.dirname(path) for path in paths]
        common = os.path.commonpath(folders or [here])
    except ValueError as error:
        raise InputError(f"{paths[0]}: {error}") from error
    folder = common
    while True:
        if _is_project(folder):
            return folder
        if folder == os.path.dirname(folder):
            return here if _within(common, here) else common
        folder = os.path.dirname(folder)


def _is_project(folder: str) -> bool:
    return any(os.path.lexists(os.path.join(folder, name)) for name in (*CONFIG_NAMES, ".git"))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _display_root(project: str, here: str, paths: Sequence[str]) -> str:
    """The current folder when it holds every file, else the project."""
    real = os.path.realpath(project)
    if _within(real, here) or (_within(here, real) and all(_within(path, here) for path in paths)):
        return here
    return project


class _Walk:
    """Collects the files of a project, each once, by the place it really has."""

    def __init__(self, config: Config, project: str, texts: Mapping[str, bytes]) -> None:
        self.project, self.real_project = project, os.path.realpath(project)
        self.config, self.texts = config, texts
        self.candidates: dict[str, _Candidate] = {}
        self.notices: list[tuple[str, NoticeKind, str]] = []
        """(absolute path, kind, message)."""
        self.linked: list[tuple[str, Excludes]] = []
        """Folders reached through links: searched last, so that a file keeps its own path."""
        self.seen: set[str] = set()
        """Real paths of the folders that were searched."""

    @property
    def searched(self) -> bool:
        """Whether a folder was searched, that is, whether not only files were asked for."""
        return bool(self.seen)

    def add_named(self, path: str) -> None:
        """A file or folder of the command line."""
        if not os.path.exists(path) and os.path.realpath(path) not in self.texts:
            raise InputError(f"{path}: dangling link")
        if not self._stays(path):
            return
        if self.config.force_exclude and self._excludes_at(path) is None:
            return
        if os.path.isdir(path):
            self._search(path, self._excludes_above(path))
        else:
            self._add(path, os.path.realpath(path), named=True)

    def add_found(self, path: str) -> None:
        """A file or folder that a glob found: it is excluded as if the search had come by it."""
        if not self._stays(path):
            return
        excludes = self._excludes_at(path)
        if excludes is None:
            return
        if os.path.isdir(path):
            self._search(path, excludes)
        elif _is_c(path):
            self._add(path, os.path.realpath(path), named=False)

    def finish(self) -> None:
        """Search the folders that links lead to."""
        while self.linked:
            self._search(*self.linked.pop(0))

    def _stays(self, path: str) -> bool:
        """Whether a path really lies in the project; notes a link that leaves it."""
        if _within(os.path.realpath(path), self.real_project):
            return True
        self.notices.append((path, "link-outside", "the link leaves the project and was not followed"))
        return False

    def _add(self, path: str, real: str, *, named: bool) -> None:
        """A file to read, once however often it is reached: under its own path rather than that of a link."""
        known = self.candidates.get(real)
        if known is not None:
            named |= known.named
            path = path if os.path.islink(known.path) and not os.path.islink(path) else known.path
        self.candidates[real] = _Candidate(path, named, self.texts.get(real))

    def _excludes_above(self, folder: str) -> Excludes:
        """What holds in a folder where a search starts."""
        excludes = Excludes.of_run(self.config)
        for place in _folders_down(self.project, folder)[:-1]:
            excludes = self._entered(place, excludes)
        return excludes.except_for(folder)

    def _excludes_at(self, path: str) -> Excludes | None:
        """What holds in the folder of a path that a search from the project's top comes by; None when it would not."""
        excludes = Excludes.of_run(self.config)
        if path == self.project:
            return excludes
        for folder in _folders_down(self.project, os.path.dirname(path)):
            if folder != self.project and excludes.hold(folder + os.sep):
                return None
            excludes = self._entered(folder, excludes)
        return None if excludes.hold(path + os.sep if os.path.isdir(path) else path) else excludes

    def _entered(self, folder: str, excludes: Excludes) -> Excludes:
        entered, complaints = excludes.entering(folder)
        ignore = os.path.join(folder, ".gitignore")
        self.notices += [(ignore, "unreadable", complaint) for complaint in complaints]
        return entered

    def _search(self, start: str, excludes: Excludes) -> None:
        pending = [(start, excludes)]
        while pending:
            folder, outer = pending.pop()
            real = os.path.realpath(folder)
            if real in self.seen:
                continue
            self.seen.add(real)
            inner = self._entered(folder, outer)
            for entry in self._entries(folder):
                if entry.is_symlink():
                    self._add_link(entry, inner)
                elif entry.is_dir(follow_symlinks=False):
                    if not inner.hold(entry.path + os.sep) and not _is_environment(entry.path):
                        pending.append((entry.path, inner))
                elif _is_c(entry.name) and not inner.hold(entry.path):
                    self._add(entry.path, os.path.join(real, entry.name), named=False)

    def _entries(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                yield from sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            self.notices.append((folder, "unreadable", error.strerror or str(error)))

    def _add_link(self, entry: os.DirEntry[str], excludes: Excludes) -> None:
        try:
            is_folder = stat.S_ISDIR(entry.stat().st_mode)
        except OSError as error:
            if _is_c(entry.name) and not excludes.hold(entry.path):
                self.notices.append((entry.path, "unreadable", f"dangling link: {error.strerror or error}"))
            return
        if not is_folder and not _is_c(entry.name):
            return
        if not excludes.hold(entry.path + os.sep if is_folder else entry.path) and self._stays(entry.path):
            if is_folder:
                self.linked.append((entry.path, excludes))
            else:
                self._add(entry.path, os.path.realpath(entry.path), named=False)


def _folders_down(top: str, folder: str) -> list[str]:
    """The folders from `top` down to `folder`, both included."""
    below = [place for place in map(str, Path(folder).parents) if _within(place, top)]
    return [*reversed(below), folder]


def _is_c(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in C_SUFFIXES


def _is_environment(folder: str) -> bool:
    """Whether a folder is a virtual environment, whatever its name (PEP 405)."""
    return os.path.exists(os.path.join(folder, "pyvenv.cfg"))


def _shown_in(project: str, root: str) -> Callable[[str], str]:
    """From the paths of a project's files to those that reports show, which are relative to the root."""
    real_project, real_root = os.path.realpath(project), os.path.realpath(root)
    within = os.path.join(real_root, "")

    def shown(path: str) -> str:
        inside = real_project + path[len(project) :] if _within(path, project) and project != os.sep else ""
        if inside.startswith(within):  # as nearly all do: what follows gives the same, and takes forty times as long
            return inside[len(within) :].replace(os.sep, "/")
        inside = os.path.join(real_project, os.path.relpath(path, project))
        return os.path.relpath(inside, real_root).replace(os.sep, "/")

    return shown


def _read_all(walk: _Walk, config: Config, project: str, root: str) -> Discovery:
    files: list[SourceFile] = []
    shown = _shown_in(project, root)
    notices = [Notice(shown(path), 0, kind, message) for path, kind, message in walk.notices]
    skipped: defaultdict[tuple[NoticeKind, str], list[str]] = defaultdict(list)
    for candidate in walk.candidates.values():
        path = shown(candidate.path)
        outcome = _read_one(candidate, path, config)
        if isinstance(outcome, SourceFile):
            files.append(outcome)
        elif isinstance(outcome, Notice):
            notices.append(outcome)
        else:
            skipped[outcome].append(path)
    notices += [_counted(kind, origin, places) for (kind, origin), places in skipped.items()]
    return Discovery(
        Path(root), Path(project), tuple(sorted(files, key=lambda file: file.path)), tuple(sorted(set(notices)))
    )


def _read_one(candidate: _Candidate, path: str, config: Config) -> SourceFile | Notice | tuple[NoticeKind, str]:
    """A file, what is wrong with it, or why nobody means it: the kind of notice and the file's origin."""
    as_found = not candidate.named or config.force_exclude
    if as_found and os.path.basename(path) in VENDORED:
        return "skipped-vendored", os.path.basename(path)
    outcome = _read(candidate, path)
    if isinstance(outcome, SourceFile) and as_found and not config.include_generated:
        generator = generator_of(outcome.data)
        return ("skipped-generated", generator) if generator else outcome
    return outcome


def _with_context(discovery: Discovery, walk: _Walk, config: Config) -> Discovery:
    """The run with the project's other files, as far as there is room for them."""
    project = str(discovery.project)
    shown = _shown_in(project, str(discovery.root))
    around = _Walk(config, project, walk.texts)
    around.add_named(project)
    around.finish()
    others = {
        shown(candidate.path): candidate
        for real, candidate in around.candidates.items()
        if real not in walk.candidates
    }

    def read(path: str) -> SourceFile | None:
        outcome = _read_one(others[path], path, config)
        return outcome if isinstance(outcome, SourceFile) else None

    chosen = context.choose(discovery.files, others, read)
    if not chosen.left_out:
        return replace(discovery, context=chosen.files)
    told = Notice(
        ".", 0, "skipped-context",
        f"the project is large: {chosen.left_out} of its files were not looked at for what the named ones refer to",
    )  # fmt: skip
    return replace(discovery, context=chosen.files, notices=tuple(sorted((*discovery.notices, told))))


def _counted(kind: NoticeKind, origin: str, places: list[str]) -> Notice:
    """One notice for all files that were left out for one reason."""
    if kind == "skipped-vendored":
        what = f"vendored {'copy' if len(places) == 1 else 'copies'} of {origin}"
    else:
        what = f"{'file' if len(places) == 1 else 'files'} generated by {origin}"
    named = sorted(places)
    examples = ", ".join(named[:_EXAMPLES]) + (", …" if len(named) > _EXAMPLES else "")
    return Notice(".", 0, kind, f"skipped {len(named)} {what}: {examples}")


def _read(candidate: _Candidate, path: str) -> SourceFile | Notice:
    """Read one file, or say why not; raises InputError when it was named and cannot be opened."""
    data, size = candidate.text, len(candidate.text or b"")
    if data is None:
        try:
            facts = os.stat(candidate.path)
            if not stat.S_ISREG(facts.st_mode):
                return _unreadable(candidate, path, "not a regular file")
            size = facts.st_size
            if size <= MAX_SOURCE_BYTES:
                with open(candidate.path, "rb") as stream:
                    data = stream.read(size + 1)
                    if len(data) > size:  # it is growing
                        data += stream.read(MAX_SOURCE_BYTES - size)
                    size = max(size, len(data))
        except OSError as error:
            return _unreadable(candidate, path, error.strerror or str(error))
    if data is None or size > MAX_SOURCE_BYTES:
        told = f"{size / (1 << 20):.1f} MiB, more than {MAX_SOURCE_BYTES >> 20} MiB"
        return Notice(path, 0, "skipped-size", f"the file is too large: {told}")
    if encoding := foreign_encoding(data):
        return Notice(path, 0, "skipped-encoding", f"the file is written in {encoding}; C compilers read UTF-8")
    if b"\0" in data:
        return Notice(path, 0, "skipped-binary", "the file holds NUL bytes: it is not text")
    return SourceFile(path, data)


def _unreadable(candidate: _Candidate, path: str, cause: str) -> Notice:
    if candidate.named:
        raise InputError(f"{path}: {cause}")
    return Notice(path, 0, "unreadable", cause)
