"""What is said of the Bad examples, word for word: places, messages, steps, related places, and how many edits cure it.

The words are in tests/fixtures/golden/cards.text. Write them anew with

    HEAPLINT_WRITE_GOLDEN=1 python -m pytest -p no:xdist tests/test_card_messages.py

and read the difference before it is committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cards import CARDS, lint

from heaplint.cards import Card
from heaplint.findings import Span

GOLDEN = Path(__file__).parent / "fixtures" / "golden" / "cards.text"


def at(span: Span) -> str:
    end = f"{span.end_line}:" if span.end_line != span.line else ""
    return f"{span.line}:{span.column}-{end}{span.end_column}"


def said(card: Card) -> Iterator[str]:
    for number, example in enumerate(card.examples("Bad"), 1):
        yield f"## {card.id} {number}"
        for one in lint(card, example):
            where = f" in {one.function}" if one.function else ""
            python = f" [{one.python}]" if one.python else ""
            cure = f" ({one.fix.applicability}: {len(one.fix.edits)} edits)" if one.fix else ""
            yield f"{at(one.span)} {one.severity} {one.rule}{where}{python}: {one.message}{cure}"
            yield from (f"    {step.span.line}: {step.message}" for step in one.steps)
            yield from (f"    see {at(more.span)}: {more.message}" for more in one.related)


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)
def test_what_is_said(card: Card) -> None:
    lines = list(said(card))
    known = dict(re.findall(r"^# (HL\d+)\n(.*?)\n\n", GOLDEN.read_text(encoding="utf-8"), re.M | re.S)) if GOLDEN.exists() else {}
    if os.environ.get("HEAPLINT_WRITE_GOLDEN"):
        known[card.id] = "\n".join(lines)
        GOLDEN.write_text("".join(f"# {rule}\n{known[rule]}\n\n" for rule in sorted(known)), encoding="utf-8")
    assert known[card.id].splitlines() == lines
