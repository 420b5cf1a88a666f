"""The rules themselves: as a list, and one rule as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from heaplint.cards import Card
from heaplint.records import fields
from heaplint.report import sanitize


def text(cards: Iterable[Card]) -> Iterator[str]:
    """One line for each rule; a circle marks those that are off by default."""
    rows = list(cards)
    longest = max((len(card.name) for card in rows), default=0)
    for card in rows:
        mark = " " if card.default else "○"
        yield f"{card.id} {mark} {card.name:<{longest}}  {card.severity:<7}  {card.summary}\n"
    if any(not card.default for card in rows):
        yield "\n○ off by default. `heaplint explain HL201` tells more of a rule.\n"


def json(cards: Iterable[Card]) -> str:
    """A JSON array of the metadata of each rule."""
    names = [field.name for field in fields(Card) if field.name != "body"]
    return sanitize.json_document([{name: getattr(card, name) for name in names} for card in cards])


def markdown(cards: Iterable[Card]) -> Iterator[str]:
    """A Markdown table, one row for each rule."""
    yield "| id | name | what it finds | Python | severity | fix |\n|---|---|---|---|---|---|\n"
    for card in cards:
        cells = (card.id, card.name, card.summary, card.python or "all", _severity(card), card.fix)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def explanation(card: Card) -> str:
    """A rule as a page for the terminal, in Markdown."""
    facts = [
        f"severity: {_severity(card)}",
        f"precision: {card.precision}",
        f"Python: {card.python or 'all'}",
        f"fix: {card.fix}",
        f"tags: {', '.join(card.tags)}",
        f"since: {card.since}",
    ]
    references = [f"* {reference}" for reference in card.references]
    return "\n".join(
        [
            f"# {card.id} {card.name}",
            "",
            card.summary,
            "",
            *(f"* {fact}" for fact in facts),
            "",
            card.body.strip(),
            *(["", "## References", "", *references] if references else []),
            "",
        ]
    )


def _severity(card: Card) -> str:
    return card.severity if card.default else f"{card.severity}, off by default"
