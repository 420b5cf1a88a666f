"""`heaplint matcher`: the problem matcher with which GitHub or VS Code reads the gcc format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from heaplint.cli import project

Reader = Literal["github", "vscode"]


def command(
    reader: Annotated[Reader, typer.Option("--for", help="Who reads the output of --format gcc.")],
    output: project.Output = None,
) -> Callable[[], int]:
    """Print the problem matcher for GitHub Actions or VS Code."""

    def task() -> int:
        from heaplint.report import matcher
        from heaplint.report.stream import destination

        with destination(output) as stream:
            stream.write(matcher.render(reader))
        return 0

    return task
