"""`heaplint rules`: the list of all rules."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Literal

import typer

Format = Literal["text", "json", "md"]


def command(
    output_format: Annotated[Format, typer.Option("--format", help="How to list them.")] = "text",
) -> Callable[[], int]:
    """List all rules."""

    def task() -> int:
        from heaplint.cards import all_cards
        from heaplint.report import catalogue

        render = {"text": catalogue.text, "json": catalogue.json, "md": catalogue.markdown}[output_format]
        sys.stdout.writelines(render(list(all_cards().values())))
        return 0

    return task
