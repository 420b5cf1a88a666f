"""Which findings a run is to report: rules by selector, files by pattern, thresholds of severity and precision."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from heaplint import lazy_re as re
from heaplint.cards import Card
from heaplint.config import Config, ConfigError, Selectors, near
from heaplint.findings import PRECISIONS, SEVERITIES, Finding, Precision, Severity
from heaplint.records import dataclass

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

ALL = "ALL"
_PREFIX = re.compile(r"HL\d{0,2}\Z")

Weight = tuple[int, int]
"""(specificity, importance of the source): of two selectors that name a rule the heavier one decides."""


class SelectorError(ConfigError):
    """A selector that names no rule; the message says where it stands and which ones are near."""


def rules_named(selector: str, cards: Mapping[str, Card], origin: str) -> tuple[frozenset[str], int]:
    """The ids of the rules a selector names, and how specific it is; raises SelectorError when it names none.

    ALL is least specific, then tags, then prefixes by their length, then ids and names.
    """
    upper, lower = selector.strip().upper(), selector.strip().lower()
    if upper == ALL:
        return frozenset(cards), 0
    if upper in cards:
        return frozenset({upper}), len(upper)
    if _PREFIX.match(upper) and (by_prefix := frozenset(one for one in cards if one.startswith(upper))):
        return by_prefix, len(upper)
    if by_name := frozenset(card.id for card in cards.values() if card.name == lower):
        return by_name, len("HL101")
    if by_tag := frozenset(card.id for card in cards.values() if lower in card.tags):
        return by_tag, 1
    raise SelectorError(f"{origin}: unknown rule {selector!r}{nearest(selector, cards)}")


def rule_named(word: str, cards: Mapping[str, Card], origin: str) -> Card:
    """The one rule an id or a name stands for; raises SelectorError."""
    for card in cards.values():
        if word.upper() == card.id or word.lower() == card.name:
            return card
    raise SelectorError(f"{origin}: unknown rule {word!r}{nearest(word, cards)}")


def nearest(word: str, cards: Mapping[str, Card]) -> str:
    """` (did you mean …?)` with the rules nearest to a word that names none; empty when none is near."""
    tags = {tag for card in cards.values() for tag in card.tags}
    by_id = word.upper().replace("O", "0").replace("I", "1")
    if by_id in cards:
        return f" (did you mean {by_id}?)"
    return near(word.upper(), cards) or near(word.lower(), {card.name for card in cards.values()} | tags)


@dataclass(frozen=True, slots=True)
class _FileIgnore:
    """Rules ignored in the files of one pattern."""

    spec: GitIgnoreSpec
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules of a run and the thresholds its findings must reach."""

    rules: frozenset[str]
    """The ids of the selected rules: only their checks need to run."""
    cards: Mapping[str, Card]
    severity: Severity
    precision: Precision
    root: Path
    """What the paths of findings are relative to."""
    folder: Path
    """What the patterns of per-file-ignores are relative to."""
    file_ignores: tuple[_FileIgnore, ...]

    @classmethod
    def from_config(cls, config: Config, cards: Mapping[str, Card], root: Path | None = None) -> Selection:
        """The selection a configuration describes; raises SelectorError for a selector that names no rule.

        `root` is the root of the run (Discovery.root), by default the current folder.
        """
        selected, ignored = _weights(config.selectors, cards)
        return cls(
            rules=frozenset(rule for rule, weight in selected.items() if weight > ignored.get(rule, (-1, -1))),
            cards=cards,
            severity=config.severity,
            precision=config.precision,
            root=Path(os.path.realpath(root or Path.cwd())),
            folder=Path(os.path.realpath(config.folder)),
            file_ignores=_file_ignores(config, cards),
        )

    def is_selected(self, rule: str, path: str) -> bool:
        """Whether a rule is wanted in a file, whatever the thresholds say."""
        if rule not in self.rules:
            return False
        if not self.file_ignores:
            return True
        inside = os.path.relpath(self.root / path, self.folder).replace(os.sep, "/")
        return not any(
            rule in one.rules and one.spec.match_file(inside)
            for one in self.file_ignores
            if not inside.startswith("../")
        )

    def keeps(self, finding: Finding) -> bool:
        """Whether a finding is to be reported."""
        return (
            SEVERITIES.index(finding.severity) >= SEVERITIES.index(self.severity)
            and PRECISIONS.index(finding.precision) >= PRECISIONS.index(self.precision)
            and self.is_selected(finding.rule, finding.span.path)
        )

    @property
    def is_unfiltered(self) -> bool:
        """Whether no threshold hides findings of the selected rules."""
        return self.severity == SEVERITIES[0] and self.precision == PRECISIONS[0]


def _weights(sources: Iterable[Selectors], cards: Mapping[str, Card]) -> tuple[dict[str, Weight], dict[str, Weight]]:
    """For each rule the heaviest selector that asks for it, and the heaviest that ignores it.

    A source that says `select` replaces what lesser ones select, not what they ignore.
    """
    selected: dict[str, Weight] = {card.id: (0, -1) for card in cards.values() if card.default}
    ignored: dict[str, Weight] = {}
    for importance, source in enumerate(sources):
        if source.select is not None:
            selected = {}
            _weigh(selected, source.select, cards, _origin(source, "select"), importance)
        _weigh(selected, source.extend_select, cards, _origin(source, "extend-select"), importance)
        _weigh(ignored, source.ignore, cards, _origin(source, "ignore"), importance)
    return selected, ignored


def _origin(source: Selectors, key: str) -> str:
    return f"{source.origin}: {key}" if source.origin else f"--{key}"


def _weigh(
    weights: dict[str, Weight], selectors: Iterable[str], cards: Mapping[str, Card], origin: str, importance: int
) -> None:
    for selector in selectors:
        rules, specificity = rules_named(selector, cards, origin)
        for rule in rules:
            weights[rule] = max(weights.get(rule, (-1, -1)), (specificity, importance))


def _file_ignores(config: Config, cards: Mapping[str, Card]) -> tuple[_FileIgnore, ...]:
    if not config.per_file_ignores:
        return ()
    from heaplint.excludes import PatternError, compile_pattern  # pathspec is slow to import

    found = []
    for one in config.per_file_ignores:
        origin = f"{config.file}: per-file-ignores.{one.pattern}"
        rules = [rules_named(selector, cards, origin)[0] for selector in one.ignore]
        try:
            found.append(_FileIgnore(compile_pattern(one.pattern), frozenset[str]().union(*rules)))
        except PatternError as error:
            raise ConfigError(f"{origin}: {error}") from error
    return tuple(found)
