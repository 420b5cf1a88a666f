"""What a search leaves out: the configuration's patterns and the project's .gitignore files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from heaplint import lazy_re as re
from heaplint.config import Config, ConfigError
from heaplint.records import dataclass, replace

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MAX_IGNORE_BYTES = 1 << 20
"""A larger .gitignore is not read."""

MAX_WILDCARDS = 4
"""More stars in one pattern make matching a hostile name take very long: such a pattern is refused."""

_STARS = re.compile(r"\*+")


class PatternError(ValueError):
    """A pattern that cannot be used; the message quotes it and says why."""


def compile_pattern(pattern: str) -> GitIgnoreSpec:
    """One gitignore-style pattern, ready to match; raises PatternError."""
    from pathspec import GitIgnoreSpec  # slow to import, and not needed where nothing is excluded

    if len(_STARS.findall(pattern)) > MAX_WILDCARDS:
        raise PatternError(f"{pattern!r} has more than {MAX_WILDCARDS} wildcards")
    try:
        return GitIgnoreSpec.from_lines([pattern])
    except ValueError as error:
        raise PatternError(f"{pattern!r} is not a pattern of gitignore's") from error


@dataclass(frozen=True, slots=True)
class _Layer:
    """Patterns of one place and the folder to which they are relative."""

    folder: str
    specs: tuple[GitIgnoreSpec, ...]
    """One for each pattern; the last that speaks decides."""
    any_of: GitIgnoreSpec | None
    """All patterns: of most paths none says anything. None where there are none."""

    @classmethod
    def of(cls, folder: str, specs: Iterable[GitIgnoreSpec]) -> _Layer:
        """A layer of these patterns."""
        each = tuple(specs)
        return cls(folder, each, type(each[0])([one for spec in each for one in spec.patterns]) if each else None)

    def verdict(self, path: str) -> bool | None:
        """Whether the layer excludes a path (a folder ends in a separator); None when it says nothing."""
        inside = os.path.relpath(path, self.folder)
        if inside.startswith(os.pardir):
            return None
        inside = inside.replace(os.sep, "/") + ("/" if path.endswith(os.sep) else "")
        if self.any_of is None or self.any_of.check_file(inside).include is None:
            return None
        for spec in reversed(self.specs):
            spoken = spec.check_file(inside).include
            if spoken is not None:
                return spoken
        return None


@dataclass(frozen=True, slots=True)
class Excludes:
    """The patterns that hold at one place of a search."""

    names: tuple[str, ...]
    """Folders (shell patterns of their names) that no search enters."""
    always: tuple[_Layer, ...]
    """Patterns of the configuration: any of these layers excludes."""
    ignores: tuple[_Layer, ...] = ()
    """.gitignore files, outermost first: the innermost that speaks decides."""

    @classmethod
    def of_run(cls, config: Config) -> Excludes:
        """What the configuration leaves out; raises ConfigError when a pattern cannot be used."""
        layers = []
        for patterns in config.exclude:
            try:
                specs = tuple(map(compile_pattern, patterns.patterns))
            except PatternError as error:
                raise ConfigError(f"{patterns.origin}: {error}") from error
            layers.append(_Layer.of(os.path.realpath(patterns.folder), specs))
        return cls(config.default_exclude, tuple(layers))

    def entering(self, folder: str) -> tuple[Excludes, list[str]]:
        """What holds inside `folder`, with its .gitignore; and complaints about that file."""
        lines, complaints = _ignore_lines(os.path.join(folder, ".gitignore"))
        specs = []
        for number, line in lines:
            try:
                specs.append(compile_pattern(line))
            except PatternError as error:
                complaints.append(f"line {number} was not used: {error}")
        if not specs:
            return self, complaints
        return replace(self, ignores=(*self.ignores, _Layer.of(folder, specs))), complaints

    def except_for(self, start: str) -> Excludes:
        """Without the patterns that exclude `start` itself: who names a folder means it."""

        def without(layer: _Layer) -> _Layer:
            alone = (_Layer.of(layer.folder, (spec,)) for spec in layer.specs)
            return _Layer.of(layer.folder, (one.specs[0] for one in alone if not one.verdict(start + os.sep)))

        return Excludes(self.names, tuple(map(without, self.always)), tuple(map(without, self.ignores)))

    def hold(self, path: str) -> bool:
        """Whether a path, absolute, a folder with a separator at its end, is left out."""
        name = os.path.basename(path[:-1])
        if path.endswith(os.sep) and any(fnmatchcase(name, pattern) for pattern in self.names):
            return True
        if any(layer.verdict(path) for layer in self.always):
            return True
        spoken = (layer.verdict(path) for layer in reversed(self.ignores))
        return next((verdict for verdict in spoken if verdict is not None), False)


def _ignore_lines(file: str) -> tuple[Iterable[tuple[int, str]], list[str]]:
    """The numbered patterns of a .gitignore file, and why there are none when it cannot be read."""
    try:
        if not os.path.isfile(file) or os.path.islink(file):  # git reads no linked .gitignore either
            return (), []
        with open(file, encoding="utf-8", errors="surrogateescape") as stream:
            text = stream.read(MAX_IGNORE_BYTES + 1)
    except OSError as error:
        return (), [error.strerror or str(error)]
    if len(text) > MAX_IGNORE_BYTES:
        return (), [f"larger than {MAX_IGNORE_BYTES} bytes"]
    lines = enumerate(text.splitlines(), 1)
    return [(number, line) for number, line in lines if line.strip() and not line.startswith("#")], []
