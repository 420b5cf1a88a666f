"""Rule cards: the Markdown files under rules/ that are documentation, metadata and test of each rule."""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path
from typing import Literal, NamedTuple, cast

from heaplint.findings import PRECISIONS, SEVERITIES, Precision, Severity
from heaplint.records import dataclass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FixKind = Literal["safe", "unsafe", "none"]
FRONT_MATTER = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.S)
SECTIONS = ("Why", "Bad", "Good", "Limits")
KEYS = {"id", "name", "summary", "severity", "precision", "default", "python", "fix", "tags", "references", "since"}


class CardError(Exception):
    """A card that breaks the form of DESIGN.md §7; the message names the card and the cause."""


class Example(NamedTuple):
    """A file that a card shows."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """The metadata of one rule; `body` is the Markdown behind the front matter."""

    id: str
    name: str
    summary: str
    severity: Severity
    precision: Precision
    default: bool
    python: str
    """Range of Pythons in which the defect exists, as a version specifier; empty for all."""
    fix: FixKind
    tags: tuple[str, ...]
    references: tuple[str, ...]
    since: str
    body: str

    @property
    def url(self) -> str | None:
        """The first of its references, where to read on; None when it has none."""
        return self.references[0] if self.references else None

    def section(self, title: str) -> str:
        """The text of the section `## title`, without its heading; empty when there is none."""
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.body, re.S | re.M)
        return found.group(1).strip("\n") if found else ""

    def examples(self, title: Literal["Bad", "Good"]) -> list[Example]:
        """The blocks of C and C++ in a section."""
        found = re.findall(r"^```(c|cpp)\n(.*?)^```", self.section(title), re.S | re.M)
        return [Example(f"example.{language}", text) for language, text in found]


def parse_card(text: str, origin: str) -> Card:
    """Read one card; raises CardError when it breaks the form."""
    front = FRONT_MATTER.match(text)
    if front is None:
        raise CardError(f"{origin}: no TOML front matter between +++ lines")
    try:
        data = tomllib.loads(front.group(1))
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{origin}: {error}") from error
    if set(data) != KEYS:
        raise CardError(f"{origin}: keys are {sorted(data)}, expected {sorted(KEYS)}")
    if data["severity"] not in SEVERITIES or data["precision"] not in PRECISIONS:
        raise CardError(f"{origin}: severity or precision is not one of {SEVERITIES}, {PRECISIONS}")
    if data["fix"] not in ("safe", "unsafe", "none"):
        raise CardError(f"{origin}: fix is not safe, unsafe or none")
    return Card(
        id=data["id"],
        name=data["name"],
        summary=data["summary"],
        severity=cast(Severity, data["severity"]),
        precision=cast(Precision, data["precision"]),
        default=bool(data["default"]),
        python=data["python"],
        fix=cast(FixKind, data["fix"]),
        tags=tuple(data["tags"]),
        references=tuple(data["references"]),
        since=data["since"],
        body=text[front.end() :],
    )


def rules_folder() -> Path:
    """Where the cards lie: inside the installed package, or beside it in a source tree."""
    package = Path(__file__).resolve().parent
    for folder in (package / "rules", package.parent / "rules"):
        if folder.is_dir():
            return folder
    raise CardError("the rule cards are missing from this installation")


@functools.cache
def all_cards() -> dict[str, Card]:
    """Every card by rule id, in the order of ids; raises CardError when one is malformed or its file misnamed."""
    cards: dict[str, Card] = {}
    for path in sorted(rules_folder().glob("HL*.md")):
        card = parse_card(path.read_text(encoding="utf-8"), path.name)
        if path.stem != f"{card.id}-{card.name}":
            raise CardError(f"{path.name}: the card calls itself {card.id}-{card.name}")
        cards[card.id] = card
    return cards
