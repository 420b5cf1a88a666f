"""The options that say what is read and how, shared by the commands that read a project."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from heaplint.cache import Store
    from heaplint.config import Config, Overrides
    from heaplint.discovery import Discovery

MAX_JOBS = 1024

Paths = Annotated[list[str] | None, typer.Argument(metavar="PATHS", help="Files, folders or globs.", show_default=".")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Use this configuration file and search for no other.")
]
Isolated = Annotated[bool, typer.Option("--isolated", help="Read no configuration file.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="PATTERN", help="Leave out what a gitignore-style pattern names (repeatable)."),
]
ForceExclude = Annotated[
    bool, typer.Option("--force-exclude", help="Leave out what is excluded or generated although it is named.")
]
IncludeGenerated = Annotated[
    bool | None,
    typer.Option("--include-generated/--no-include-generated", help="Read generated C too (Cython and the like)."),
]
StdinFilename = Annotated[
    str | None,
    typer.Option("--stdin-filename", metavar="FILE", help="The file that standard input stands for, with the path `-`."),
]
TargetPython = Annotated[
    str | None, typer.Option("--target-python", metavar="RANGE", help="Pythons to look at: 3.12, 3.9-3.12, >=3.9.")
]
Frontend = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="What reads C: tree-sitter, clang, or auto (tree-sitter, and clang where that fails)."
    ),
]
CompileCommands = Annotated[
    Path | None,
    typer.Option("--compile-commands", metavar="FILE", help="The compile database for clang; else one is looked for."),
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, all or nothing, not to the terminal.")
]
Jobs = Annotated[
    str,
    typer.Option("--jobs", "-j", metavar="N", help="Processes to work in; auto: as many as the work is worth."),
]
CacheFolder = Annotated[
    Path | None,
    typer.Option("--cache-dir", metavar="DIR", help="Keep results there for the next run, not in the user's cache folder."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither use nor keep results of other runs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print findings only: no notices, no summary.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say which configuration is used; show every notice.")]


def read(
    paths: Sequence[str] | None,
    overrides: Overrides,
    config_file: Path | None,
    *,
    isolated: bool,
    verbose: bool,
    stdin_filename: str | None = None,
) -> tuple[Config, Discovery]:
    """The configuration and the files of a run, in the current folder; the path `-` is standard input."""
    from heaplint import config as configuration
    from heaplint.discovery import InputError, discover
    from heaplint.report.report import counted

    try:
        cwd = Path.cwd()
    except FileNotFoundError as error:
        raise InputError("the current folder is gone") from error
    places = list(paths or ["."])
    texts: dict[str, bytes] = {}
    if "-" in places or stdin_filename is not None:
        texts = standard_input(places, stdin_filename)
        places = [stdin_filename or ""]
    if isolated and config_file is not None:
        raise configuration.ConfigError("--config: cannot be used together with --isolated")
    config = (
        configuration.isolated(overrides, cwd)
        if isolated
        else configuration.load(cwd / places[0], overrides, cwd, config_file)
    )
    if config.frontend == "clang" or config.compile_commands is not None:
        from heaplint import engine

        engine.check_front_end(config)
    discovery = discover(places, config, cwd, texts)
    if verbose:
        say(f"configuration: {config.file or 'none'}")
        say(f"Pythons: {config.target}")
        say(f"root: {discovery.root}; {counted(len(discovery.files), 'file')}")
    if not discovery.files:
        say(f"warning: no C files to read in {' '.join(places)}")
    return config, discovery


def jobs_of(value: str) -> int | None:
    """The number of processes that `--jobs` names; None for `auto`; raises InputError."""
    from heaplint.discovery import InputError

    if value == "auto":
        return None
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= MAX_JOBS:
        raise InputError(f"--jobs: {value!r} is neither auto nor a number from 1 to {MAX_JOBS}")
    return int(value)


def store(paths: Sequence[str] | None, folder: Path | None, *, no_cache: bool) -> Store | None:
    """Where results of runs over these paths are kept; None when they are not."""
    from heaplint.cache import Store, default_folder

    places = paths or ["."]
    chosen = folder or default_folder()
    if no_cache or chosen is None or "-" in places:
        return None
    return Store(chosen, "\0".join(places))


def standard_input(places: Sequence[str], filename: str | None) -> dict[str, bytes]:
    """The text on standard input, by the real path of the file it stands for; raises InputError."""
    from heaplint.discovery import MAX_SOURCE_BYTES, InputError

    if filename is None:
        raise InputError("-: standard input stands for a file: name it with --stdin-filename (a file of that name is ./-)")
    if list(places) != ["-"]:
        raise InputError("--stdin-filename: the text is read from standard input when the only path is `-`")
    if not filename or os.path.isdir(filename) or filename.endswith(("/", os.sep)):
        raise InputError(f"--stdin-filename: {filename!r} is no file")
    return {os.path.realpath(filename): sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1)}


def say(words: str) -> None:
    """A line on standard error."""
    from heaplint.report import sanitize

    sys.stderr.write(f"heaplint: {sanitize.text(words)}\n")


def say_front_ends(front_ends: Mapping[str, str]) -> None:
    """Which front end read each file; those that tree-sitter read alone are only counted."""
    from heaplint.report.report import counted

    others = {path: used for path, used in front_ends.items() if used != "tree-sitter"}
    say(f"tree-sitter: {counted(len(front_ends) - len(others), 'file')}")
    for path, used in others.items():
        say(f"{used if used == 'clang' else 'tree-sitter and clang'}: {path}")


def split(values: Sequence[str] | None) -> tuple[str, ...]:
    """The parts of repeated, comma-separated options."""
    return tuple(part.strip() for value in values or () for part in value.split(","))
