"""`heaplint explain NAME`: the page of one rule, or what is known of one function of the C API."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer


def command(
    name: Annotated[str, typer.Argument(metavar="RULE", help="Id or name of a rule, or a function of the C API.")],
) -> Callable[[], int]:
    """Explain a rule: what is wrong, why it matters, bad and good code; or what is known of a C-API function."""

    def task() -> int:
        from heaplint.cards import all_cards
        from heaplint.config import near
        from heaplint.filters.select import SelectorError, rule_named
        from heaplint.report import catalogue, functions

        page = functions.explanation(name)
        if page is None and functions.looks_like_one(name):
            raise SelectorError(f"explain: unknown function {name!r}{near(name, functions.names())}")
        sys.stdout.write(page or catalogue.explanation(rule_named(name, all_cards(), "explain")))
        return 0

    return task
