"""Every rule card keeps its word: each Bad block reports what its `expect` comments say, each Good block nothing."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Literal

import pytest

from heaplint import engine
from heaplint.cards import KEYS, SECTIONS, Card, CardError, Example, all_cards, parse_card, rules_folder
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.findings import Finding
from heaplint.pythons import TargetRange
from heaplint.source import SourceFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.id)
def test_the_front_matter_says_what_its_toml_says(card: Card) -> None:
    page = (rules_folder() / f"{card.id}-{card.name}.md").read_text(encoding="utf-8")
    front = tomllib.loads(page.split("+++\n")[1])
    data = {key: tuple(value) if isinstance(value, list) else value for key, value in front.items()}
    assert data == {key: getattr(card, key) for key in KEYS}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('summary = "one \\" two"', "is not plain TOML"),
        ("summary = 'single'", "is not plain TOML"),
        ("default = yes", "is not plain TOML"),
        ('tags = ["open"', "is not plain TOML"),
        ("# a remark", "is not plain TOML"),
        ('color = "red"', "keys are"),
        ('severity = "grave"', "severity or precision"),
        ('fix = "perhaps"', "fix is not"),
    ],
)
def test_a_card_that_breaks_the_form_is_named(line: str, complaint: str) -> None:
    page = (rules_folder() / "HL201-heap-type-without-gc.md").read_text(encoding="utf-8").splitlines()
    replaced = [one for one in page if not one.startswith(line.partition("=")[0] + "=")]
    broken = "\n".join([replaced[0], line, *replaced[1:]])
    with pytest.raises(CardError, match=rf"HL201\.md: .*{complaint}"):
        parse_card(broken, "HL201.md")


def test_a_page_without_front_matter_is_no_card() -> None:
    for page in ("# Title\n", "+++\nid = \"HL201\"\n", "\n+++\n+++\n"):
        with pytest.raises(CardError, match=r"page\.md: no TOML front matter"):
            parse_card(page, "page.md")
