"""Every rule card keeps its word: each Bad block reports what its `expect` comments say, each Good block nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from heaplint import engine
from heaplint.cards import SECTIONS, Card, Example, all_cards
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.findings import Finding
from heaplint.pythons import TargetRange
from heaplint.source import SourceFile

EXPECT = re.compile(r"//\s*expect:(.*)$")
EXPECTED = re.compile(r'(HL\d{3})\s+"([^"]*)"')
TARGET = re.compile(r"//\s*target-python:\s*(\S+)")
CARDS = all_cards()


def blocks(title: Literal["Bad", "Good"]) -> list[tuple[Card, int, Example]]:
    return [(card, number, one) for card in CARDS.values() for number, one in enumerate(card.examples(title), 1)]


def named(case: object) -> str | None:
    return case.id if isinstance(case, Card) else str(case) if isinstance(case, int) else ""


def lint(card: Card, example: Example) -> list[Finding]:
    target = TARGET.match(example.text)
    config = Config(
        target=TargetRange.parse(target.group(1) if target else ">=3.10"),
        selectors=(Selectors(origin="test", select=None, extend_select=(card.id,), ignore=()),),
    )
    source = SourceFile(example.path, example.text.encode())
    discovery = Discovery(root=Path("/"), project=Path("/"), files=(source,), notices=())
    return list(engine.run(discovery, config, None).findings)


def expected(text: str) -> list[tuple[int, str, str]]:
    return sorted(
        (line, rule, subject)
        for line, content in enumerate(text.splitlines(), 1)
        if (found := EXPECT.search(content))
        for rule, subject in EXPECTED.findall(found.group(1))
    )


@pytest.mark.parametrize(("card", "number", "example"), blocks("Bad"), ids=named)
def test_bad_example_is_reported_as_the_card_says(card: Card, number: int, example: Example) -> None:
    findings = lint(card, example)
    wanted = expected(example.text)
    got = []
    for finding in findings:
        subjects = (finding.symbol, finding.function, finding.item)  # several members are one item, joined by commas
        subject = next((s for line, rule, s in wanted if (line, rule) == (finding.span.line, finding.rule) and s in subjects), None)
        got.append((finding.span.line, finding.rule, subject or str(subjects)))
    assert sorted(got) == wanted, "\n".join(f.message for f in findings)


@pytest.mark.parametrize(("card", "number", "example"), blocks("Good"), ids=named)
def test_good_example_is_silent(card: Card, number: int, example: Example) -> None:
    """What another rule has to say of it is announced as in a Bad block."""
    findings = lint(card, example)
    others = [(line, rule) for line, rule, _ in expected(example.text)]
    assert card.id not in {rule for _, rule in others}
    assert [(f.span.line, f.rule) for f in findings] == others, [f.message for f in findings]


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)
def test_card_is_complete(card: Card) -> None:
    assert re.findall(r"^## (.*)$", card.body, re.M) == list(SECTIONS)
    assert card.examples("Bad") and card.examples("Good")
    assert card.summary.endswith(".")
