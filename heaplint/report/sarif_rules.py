"""Rule cards as the rules of a SARIF tool."""

from __future__ import annotations

from collections.abc import Iterable

import sarif_om

from heaplint.cards import Card
from heaplint.findings import Severity
from heaplint.report.sarif_json import json_value

TAGS = 10
"""GitHub shows no more tags of a rule."""
MEMORY_SAFETY = "memory-safety"
"""The tag of rules that GitHub is to list among security alerts."""

_PROBLEM: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "recommendation"}
_SECURITY: dict[Severity, str] = {"error": "7.5", "warning": "5.0", "note": "2.5"}
"""The middle of GitHub's bands high, medium and low: nobody has scored the defects one by one."""


def rules(cards: Iterable[Card]) -> list[object]:
    """The metadata of each rule, with the card's text as help."""
    return [json_value(_rule(card)) for card in cards]


def pascal_name(name: str) -> str:
    """`heap-type-without-gc` as `HeapTypeWithoutGc`: SARIF wants names of rules to be identifiers."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def _rule(card: Card) -> sarif_om.ReportingDescriptor:
    why = card.section("Why")
    return sarif_om.ReportingDescriptor(
        id=card.id,
        name=pascal_name(card.name),
        short_description=sarif_om.MultiformatMessageString(text=card.summary),
        full_description=sarif_om.MultiformatMessageString(text=_first_paragraph(why) or card.summary),
        help=sarif_om.MultiformatMessageString(text=why or card.summary, markdown=_page(card)),
        help_uri=card.references[0] if card.references else None,
        default_configuration=sarif_om.ReportingConfiguration(enabled=card.default, level=card.severity),
        properties=_properties(card),
    )


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().partition("\n\n")[0].split())


def _page(card: Card) -> str:
    references = [f"* <{reference}>" for reference in card.references]
    lines = [f"# {card.id} {card.name}", "", card.summary, "", card.body.strip()]
    return "\n".join([*lines, *(["", "## References", "", *references] if references else []), ""])


def _properties(card: Card) -> dict[str, object]:
    tags = list(card.tags)
    properties: dict[str, object] = {"precision": card.precision, "problem.severity": _PROBLEM[card.severity]}
    if MEMORY_SAFETY in tags:
        tags.insert(0, "security")  # without it GitHub does not read the next
        properties["security-severity"] = _SECURITY[card.severity]
    properties["tags"] = tags[:TAGS]
    return properties
