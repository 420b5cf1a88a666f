"""The commands put together, and the one place where errors become a line on standard error and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, cast

import typer

from heaplint import __version__
from heaplint.cli import INTERRUPTED, completion
from heaplint.findings import TRACEBACK
from heaplint.report.stream import OutputError

ERROR = 2
"""Exit code of usage, configuration and input errors."""
BROKEN_PIPE = 141

_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])

COMMANDS = ("check", "baseline", "census", "completion", "explain", "lsp", "matcher", "rules", "verify")
"""Modules of this package by the name of their command, in the order of the help."""


def application(names: Sequence[str] = COMMANDS) -> typer.Typer:
    """The commands of these names put together: typer works out the options of each, which takes time."""
    app = typer.Typer(
        name="heaplint",
        help="Find broken types, garbage-collection and isolation defects in C extensions of CPython.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in names:
        app.command(name)(import_module(f"heaplint.cli.{name}").command)
    app.callback()(_options)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"heaplint {__version__}\n")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find broken types, garbage-collection and isolation defects in C extensions of CPython."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed, never raised."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        code = _command(arguments) if arguments else max(ERROR, _command(["--help"]))
        sys.stdout.flush()
    except BrokenPipeError:
        # the reader has gone; what is left in the buffer must not fail again when the process ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except _UsageError as error:
        return _fail(error.format_message())
    except _expected() as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}")
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        cause = f"{type(error).__name__}: {error}"
        return _fail(f"internal error: {cause} (please report it; with {TRACEBACK}=1 it shows where)")
    return code


def _command(arguments: Sequence[str]) -> int:
    """Let typer read the arguments; the command it picks gives the task, which runs outside of it.

    A shell that asks what a word can become says so in the environment; typer answers it and ends the process.
    """
    names: Sequence[str] = COMMANDS
    if completion.VARIABLE in os.environ:
        completion.know_shells()
    elif arguments[0] in COMMANDS:
        names = (arguments[0],)
    outcome: object = application(names)(list(arguments), prog_name="heaplint", standalone_mode=False)
    if callable(outcome):
        return cast("Callable[[], int]", outcome)()
    return outcome if isinstance(outcome, int) else 0


def _expected() -> tuple[type[Exception], ...]:
    """The errors that are the user's to mend; their modules are imported by the time one is raised."""
    from heaplint.cards import CardError
    from heaplint.config import ConfigError
    from heaplint.discovery import InputError

    return (OutputError, ConfigError, InputError, CardError)


def _fail(cause: str, code: int = ERROR) -> int:
    from heaplint.report import sanitize

    sys.stderr.write(f"heaplint: error: {sanitize.text(cause.rstrip('.'))}\n")
    return code
