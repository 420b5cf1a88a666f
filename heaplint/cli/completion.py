"""`heaplint completion SHELL`: the script with which a shell completes heaplint's commands, options and values.

typer's own options for this are off: they import a detector of shells at every start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import typer

Shell = Literal["bash", "zsh", "fish"]

VARIABLE = "_HEAPLINT_COMPLETE"
"""Environment variable in which the script asks heaplint for completions."""


def command(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> Callable[[], int]:
    """Print the script that teaches a shell to complete heaplint's commands and options."""

    def task() -> int:
        from typer.completion import shell_complete
        from typer.main import get_command

        from heaplint.cli.app import application

        know_shells()
        return shell_complete(get_command(application()), {}, "heaplint", VARIABLE, f"source_{shell}")

    return task


def know_shells() -> None:
    """Let typer register the shells that it knows."""
    from typer.completion import get_completion_inspect_parameters

    get_completion_inspect_parameters()
