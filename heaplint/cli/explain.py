"""`heaplint explain RULE`: the page of one rule."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer


def command(rule: Annotated[str, typer.Argument(metavar="RULE", help="Id or name of a rule.")]) -> Callable[[], int]:
    """Explain a rule: what is wrong, why it matters, bad and good code."""

    def task() -> int:
        from heaplint.cards import all_cards
        from heaplint.filters.select import rule_named
        from heaplint.report import catalogue

        sys.stdout.write(catalogue.explanation(rule_named(rule, all_cards(), "explain")))
        return 0

    return task
