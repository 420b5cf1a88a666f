"""Rule cards: the Markdown files under rules/ that are documentation, metadata and test of each rule.

Their front matter is TOML of the plainest kind (`key = "text"`, `true`, `["text", …]`) and is read in a fraction of its
parser's time; a test compares the two.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any, Literal, NamedTuple

from heaplint import lazy_re as re
from heaplint.findings import PRECISIONS, SEVERITIES, Precision, Severity
from heaplint.records import dataclass

FixKind = Literal["safe", "unsafe", "none"]
_FENCE = "+++\n"
_ENTRY = re.compile(r'^(?:(\w+) = ("[^"\\\n]*"|true|false|\[(?:\s*"[^"\\\n]*",?)*\s*\])$|(.+))', re.M)
_TEXT = re.compile(r'"([^"\n]*)"')
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
    before, start, rest = text.partition(_FENCE)
    front, end, body = rest.partition("\n" + _FENCE)
    if before or not (start and end):
        raise CardError(f"{origin}: no TOML front matter between +++ lines")
    data: dict[str, Any] = {}
    for key, written, strange in _ENTRY.findall(front):
        if strange:
            raise CardError(f"{origin}: {strange!r} is not plain TOML")
        data[key] = _value(written)
    if set(data) != KEYS:
        raise CardError(f"{origin}: keys are {sorted(data)}, expected {sorted(KEYS)}")
    if data["severity"] not in SEVERITIES or data["precision"] not in PRECISIONS:
        raise CardError(f"{origin}: severity or precision is not one of {SEVERITIES}, {PRECISIONS}")
    if data["fix"] not in ("safe", "unsafe", "none"):
        raise CardError(f"{origin}: fix is not safe, unsafe or none")
    return Card(**data, body=body)


def _value(written: str) -> Any:
    """A text, a truth value or a list of texts."""
    if written[0] == "[":
        return tuple(_TEXT.findall(written))
    return written[1:-1] if written[0] == '"' else written == "true"


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
    folder = str(rules_folder())
    for file in sorted(os.listdir(folder)):
        if not (file.startswith("HL") and file.endswith(".md")):
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as stream:
            card = parse_card(stream.read(), file)
        if file != f"{card.id}-{card.name}.md":
            raise CardError(f"{file}: the card calls itself {card.id}-{card.name}")
        cards[card.id] = card
    return cards
