"""The configuration of a run: found in the project, merged with the command line, validated, frozen."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from heaplint.findings import PRECISIONS, SEVERITIES, Precision, Severity
from heaplint.pythons import TargetError, TargetRange, default_target
from heaplint.records import dataclass, field

if TYPE_CHECKING:
    from heaplint.capi.api import ApiFunction

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIG_NAMES = ("heaplint.toml", "pyproject.toml")
"""Files that may configure heaplint; in one folder the first wins."""

MAX_CONFIG_BYTES = 1 << 20
"""A configuration file above this size is refused: the linted tree is not trusted."""

_PROJECT_EDGES = (".git", ".hg", ".svn")
"""A folder that holds one of these is the top of its project: nothing above it configures the run."""

DEFAULT_EXCLUDE: tuple[str, ...] = (
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", ".eggs", "*.egg-info", "__pycache__", "node_modules",
    "build", "dist", "_skbuild", "cmake-build-*", ".mypy_cache", ".pytest_cache", ".ruff_cache",
)  # fmt: skip
"""Names of folders that hold no sources of the project: repositories, environments, build output, caches."""


FrontEndName = Literal["auto", "tree-sitter", "clang"]

FRONT_ENDS: tuple[FrontEndName, ...] = ("auto", "tree-sitter", "clang")
"""What may read C: tree-sitter alone; libclang, and tree-sitter where that cannot; or the other way round (auto)."""


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the file, the key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Selectors:
    """Which rules one source of configuration asks for; a selector is an id, prefix, name, tag or ALL."""

    origin: str
    """The configuration file; empty for the command line."""
    select: tuple[str, ...] | None = None
    """None: the rules that are on by default."""
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PerFileIgnore:
    """Selectors ignored in the files that a gitignore-style pattern, relative to the configuration's folder, names."""

    pattern: str
    ignore: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PatternSet:
    """Gitignore-style patterns and the folder to which they are relative."""

    origin: str
    """The file and key, or the option, that gave them."""
    folder: Path
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a run can be told; the defaults are those of a project without configuration."""

    file: Path | None = None
    """The configuration file used."""
    folder: Path = Path()
    """The folder to which the file's patterns are relative."""
    selectors: tuple[Selectors, ...] = ()
    """Least important first."""
    per_file_ignores: tuple[PerFileIgnore, ...] = ()
    default_exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    """Names of folders (shell patterns) that no search enters."""
    exclude: tuple[PatternSet, ...] = ()
    include_generated: bool = False
    force_exclude: bool = False
    """What is left out is left out when it is named, too."""
    target: TargetRange = field(default_factory=TargetRange)
    frontend: FrontEndName = "auto"
    compile_commands: Path | None = None
    """The compile database that was named; None when one is looked for."""
    severity: Severity = "note"
    """Findings less serious are dropped."""
    precision: Precision = "low"
    """Findings of less trustworthy rules are dropped."""
    api: Mapping[str, ApiFunction] = field(default_factory=dict)
    """What the project says of functions that heaplint cannot see."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says; None where it says nothing."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Relative to the current folder; on top of what the file excludes."""
    include_generated: bool | None = None
    force_exclude: bool = False
    target_python: str | None = None
    frontend: str | None = None
    compile_commands: Path | None = None
    severity: str | None = None
    precision: str | None = None


def load(first: Path, overrides: Overrides, cwd: Path, config_file: Path | None = None) -> Config:
    """The configuration for a run whose first path is `first`; raises ConfigError.

    `config_file` is used instead of the one found from `first` upwards.
    """
    read = functools.cache(_read)  # a pyproject.toml may be asked twice
    if config_file is None:
        file, table = _find(first, read)
    else:
        file, table = config_file, _table_of(config_file, read(config_file))
        if table is None:
            raise ConfigError(f"{config_file}: no [tool.heaplint] table")
    folder = cwd if file is None else file.resolve().parent
    return _build(_Table(str(file or ""), table or {}), file, folder, overrides, cwd, _requires_python(first, read))


def isolated(overrides: Overrides, cwd: Path) -> Config:
    """The configuration of the command line alone: no file is read; raises ConfigError."""
    return _build(_Table("", {}), None, cwd, overrides, cwd, None)


def near(word: str, known: Iterable[str]) -> str:
    """` (did you mean …?)` with the known words nearest to an unknown one; empty when none is near."""
    import difflib  # only errors need it

    found = difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(found)}?)" if found else ""


def _upwards(start: Path) -> list[Path]:
    """The folders from `start` to the top of its project."""
    place = start.resolve()
    folders = []
    for folder in (place, *place.parents) if place.is_dir() else place.parents:
        folders.append(folder)
        if any((folder / edge).exists() for edge in _PROJECT_EDGES):
            break
    return folders


_Reader = Callable[[Path], dict[str, Any]]


def _find(first: Path, read: _Reader) -> tuple[Path | None, dict[str, Any] | None]:
    for folder in _upwards(first):
        for name in CONFIG_NAMES:
            file = folder / name
            if file.is_file() and (table := _table_of(file, read(file))) is not None:
                return file, table
    return None, None


def _requires_python(first: Path, read: _Reader) -> tuple[str, str] | None:
    """(file, specifier) of the nearest `requires-python`."""
    for folder in _upwards(first):
        file = folder / "pyproject.toml"
        if file.is_file() and isinstance(project := read(file).get("project"), dict):
            spec = project.get("requires-python")
            return (str(file), spec) if isinstance(spec, str) else None
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.exists() and not file.is_file():
            raise ConfigError(f"{file}: not a file")
        if file.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{file}: larger than {MAX_CONFIG_BYTES} bytes")
        data: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        return data
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: nested too deeply") from error
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise ConfigError(f"{file}: {error}") from error


def _table_of(file: Path, data: dict[str, Any]) -> dict[str, Any] | None:
    """heaplint's table: the whole file, or [tool.heaplint] of a pyproject.toml; None when it has none."""
    if file.name != "pyproject.toml":
        return data
    tool = data.get("tool")
    table = tool.get("heaplint") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{file}: tool.heaplint: expected a table")
    return table


class _Table:
    """A table of a configuration file whose values are taken by key and checked on the way."""

    def __init__(self, origin: str, data: dict[str, Any], prefix: str = "") -> None:
        self.origin, self.data, self.prefix = origin, data, prefix

    def error(self, key: str, cause: str) -> ConfigError:
        return ConfigError(f"{self.origin}: {self.prefix}{key}: {cause}")

    def only(self, allowed: Sequence[str]) -> None:
        for key in self.data:
            if key not in allowed:
                hint = near(key, allowed) or f"; allowed are {', '.join(allowed)}"
                raise self.error(key, f"unknown key{hint}")

    def strings(self, key: str) -> tuple[str, ...] | None:
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.error(key, "expected a list of strings")
        return tuple(value)

    def patterns(self, key: str) -> tuple[str, ...] | None:
        value = self.strings(key)
        for pattern in value or ():
            self.confined(key, pattern)
        return value

    def confined(self, key: str, pattern: str) -> None:
        if not pattern.strip():
            raise self.error(key, "an empty pattern")
        parts = pattern.replace("\\", "/").split("/")
        if "\0" in pattern or ".." in parts or parts[0] == "~" or parts[0][1:] == ":":
            raise self.error(key, f"{pattern!r} leaves the project; patterns are relative to the file's folder")

    def text(self, key: str) -> str | None:
        value = self.data.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(key, "expected a string")
        return value

    def flag(self, key: str) -> bool | None:
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, "expected true or false")
        return value

    def one_of(self, key: str, words: Sequence[str]) -> str | None:
        value = self.text(key)
        if value is not None and value not in words:
            raise self.error(key, f"{value!r} is not one of {', '.join(words)}{near(value, words)}")
        return value

    def numbers(self, key: str) -> tuple[int, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(type(one) is int and 1 <= one <= 99 for one in value):
            raise self.error(key, "expected a list of parameter numbers, counted from 1")
        return tuple(value)

    def tables(self, key: str) -> dict[str, Any]:
        value = self.data.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "expected a table")
        return value


KEYS = (
    "select", "extend-select", "ignore", "per-file-ignores", "exclude", "extend-exclude", "include-generated",
    "target-python", "frontend", "severity", "precision", "api",
)  # fmt: skip


def _build(
    table: _Table, file: Path | None, folder: Path, overrides: Overrides, cwd: Path, requires: tuple[str, str] | None
) -> Config:
    table.only(KEYS)
    exclude = table.patterns("exclude")
    own = (exclude or ()) + (table.patterns("extend-exclude") or ())
    of_project = PatternSet(f"{table.origin}: exclude", folder, own)
    of_command = PatternSet("--exclude", cwd, overrides.exclude)
    generated = table.flag("include-generated")
    of_file = Selectors(
        table.origin, table.strings("select"), table.strings("extend-select") or (), table.strings("ignore") or ()
    )
    of_line = Selectors("", overrides.select, overrides.extend_select, overrides.ignore)
    return Config(
        file=file,
        folder=folder,
        selectors=(of_file, of_line),
        per_file_ignores=_per_file_ignores(table),
        default_exclude=DEFAULT_EXCLUDE if exclude is None else (),
        exclude=tuple(patterns for patterns in (of_project, of_command) if patterns.patterns),
        include_generated=bool(generated if overrides.include_generated is None else overrides.include_generated),
        force_exclude=overrides.force_exclude,
        target=_target(table, overrides.target_python, requires),
        frontend=cast(FrontEndName, _level(table, "frontend", overrides.frontend, FRONT_ENDS)),
        compile_commands=overrides.compile_commands,
        severity=cast(Severity, _level(table, "severity", overrides.severity, SEVERITIES)),
        precision=cast(Precision, _level(table, "precision", overrides.precision, PRECISIONS)),
        api=_api(table),
    )


def _level(table: _Table, key: str, asked: str | None, levels: Sequence[str]) -> str:
    """The word asked for on the command line, else in the file, else the first of those that are allowed."""
    told = table.text(key)
    level = asked if asked is not None else told if told is not None else levels[0]
    if level not in levels:
        cause = f"{level!r} is not one of {', '.join(levels)}{near(level, levels)}"
        raise table.error(key, cause) if asked is None else ConfigError(f"--{key}: {cause}")
    return level


def _target(table: _Table, asked: str | None, requires: tuple[str, str] | None) -> TargetRange:
    told = table.text("target-python")
    try:
        if asked is not None:
            origin = "--target-python"
            return TargetRange.parse(asked)
        if told is not None:
            origin = f"{table.origin}: target-python"
            return TargetRange.parse(told)
        origin = f"{requires[0]}: requires-python" if requires else ""
        return default_target(None, requires[1] if requires else None)
    except TargetError as error:
        raise ConfigError(f"{origin}: {error}") from error


def _per_file_ignores(table: _Table) -> tuple[PerFileIgnore, ...]:
    entries = _Table(table.origin, table.tables("per-file-ignores"), "per-file-ignores.")
    found = []
    for pattern in entries.data:
        entries.confined(pattern, pattern)
        if pattern.startswith("!"):
            raise entries.error(pattern, "a pattern here cannot be negated")
        found.append(PerFileIgnore(pattern, entries.strings(pattern) or ()))
    return tuple(found)


def _api(table: _Table) -> dict[str, ApiFunction]:
    functions = _Table(table.origin, table.tables("api"), "api.")
    facts = {}
    for name in functions.data:
        if not (name.isascii() and name.isidentifier()):
            raise functions.error(name, "not the name of a C function")
        facts[name] = _api_function(name, _Table(table.origin, functions.tables(name), f"api.{name}."))
    return facts


def _api_function(name: str, fact: _Table) -> ApiFunction:
    from heaplint.capi.api import FAILURES, FLAGS, FactError, parse  # only projects with such a table need them
    from heaplint.capi.declared import EFFECTS, RETURNS, declared

    fact.only(("returns", "fails", *EFFECTS, *sorted(FLAGS), "line"))
    line = fact.text("line")
    if line is not None:
        if len(fact.data) > 1:
            raise fact.error("line", "says everything: no other key beside it")
        try:
            return parse(name, line)
        except FactError as error:
            raise fact.error("line", str(error).partition(": ")[2]) from error
    returns = fact.one_of("returns", RETURNS)
    fails = fact.one_of("fails", sorted(FAILURES))
    effects = {kind: fact.numbers(kind) for kind in EFFECTS}
    twice = [one for one in sum(effects.values(), ()) if sum(effects.values(), ()).count(one) > 1]
    if twice:
        raise fact.error(next(kind for kind in EFFECTS if twice[0] in effects[kind]), f"parameter {twice[0]} stands twice")
    flags = [flag for flag in sorted(FLAGS) if fact.flag(flag)]
    return declared(name, returns=returns, fails=fails, effects=effects, flags=flags)
