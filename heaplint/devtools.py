"""Tools for those who work on heaplint: `python -m heaplint.devtools rules-page` and `new-rule`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from heaplint import lazy_re as re
from heaplint.cards import Card, all_cards
from heaplint.report import catalogue

START, END = "<!-- rules:start -->", "<!-- rules:end -->"
"""The README's rule table stands between these lines."""

ID = re.compile(r"HL[1-9]\d\d\Z")
NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*\Z")

FAMILIES = {
    "HL1": "Types: static or heap",
    "HL2": "The garbage-collector protocol",
    "HL3": "Module isolation",
    "HL4": "References",
    "HL5": "Memory",
    "HL6": "Exceptions, calls, the GIL",
    "HL7": "Free threading",
    "HL8": "Embedding",
    "HL9": "About the run",
}
"""Titles of the families of rules, by the prefix of their ids."""

CARD = '''+++
id = "{id}"
name = "{name}"
summary = "One sentence: the defect."
severity = "warning"
precision = "low"
default = false
python = ""
fix = "none"
tags = []
references = ["https://docs.python.org/3/c-api/"]
since = "{since}"
+++
## Why
What goes wrong, for whom, and what to do instead.

## Bad
```c
int defect;  // expect: {id} "defect"
```

## Good
```c
int no_defect;
```

## Limits
What the rule does not see, and where it may be wrong.
'''

CHECK = '''"""{id} {name}."""

from __future__ import annotations
'''


class StaleError(Exception):
    """A generated page that is not what the cards say now."""


def rules_page(cards: Sequence[Card]) -> str:
    """docs/rules.md: every rule with its metadata and its whole card."""
    parts = ["# Rules\n\n<!-- Written by `python -m heaplint.devtools rules-page` from the cards under rules/. -->\n"]
    for prefix, title in FAMILIES.items():
        family = [card for card in cards if card.id.startswith(prefix)]
        if family:
            parts.append(f"\n## {title}\n\n{''.join(catalogue.markdown(family))}")
            parts.extend("\n" + _one_deeper(catalogue.explanation(card)) for card in family)
    return "".join(parts)


def _one_deeper(page: str) -> str:
    """A card's page with its headings two levels deeper, code left alone."""
    fenced = False
    lines = []
    for line in page.splitlines():
        fenced ^= line.startswith("```")
        lines.append(f"##{line}" if line.startswith("#") and not fenced else line)
    return "\n".join(lines) + "\n"


def with_table(readme: str, cards: Sequence[Card]) -> str:
    """The README with a fresh rule table; raises StaleError when the marker lines are missing."""
    before, start, rest = readme.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise StaleError(f"README.md: no {START} and {END} lines")
    return f"{before}{START}\n{''.join(catalogue.markdown(cards))}{END}{after}"


def write_pages(root: Path, *, check: bool) -> None:
    """Write docs/rules.md and the README's table, or with `check` raise StaleError when they are not fresh."""
    cards = list(all_cards().values())
    readme = root / "README.md"
    pages = {root / "docs" / "rules.md": rules_page(cards)}
    if readme.exists():
        pages[readme] = with_table(readme.read_text(encoding="utf-8"), cards)
    elif check:
        raise StaleError("README.md: missing")
    for path, page in pages.items():
        if check and (not path.exists() or path.read_text(encoding="utf-8") != page):
            raise StaleError(f"{path.relative_to(root)}: stale; run `python -m heaplint.devtools rules-page`")
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(page, encoding="utf-8", newline="\n")


def new_rule(root: Path, rule: str, name: str) -> tuple[Path, Path]:
    """Write the card and the check of a new rule and return their paths; raises ValueError when it cannot be new."""
    if not ID.match(rule) or not NAME.match(name):
        raise ValueError(f"{rule} {name}: expected an id such as HL227 and a name such as missing-traverse")
    for card in all_cards().values():
        if rule == card.id or name == card.name:
            raise ValueError(f"{rule} {name}: taken by {card.id} {card.name}")
    from heaplint import __version__

    page = root / "rules" / f"{rule}-{name}.md"
    check = root / "heaplint" / "checks" / f"{name.replace('-', '_')}.py"
    for path in (page, check):
        if path.exists():
            raise ValueError(f"{path}: exists")
    since = ".".join(__version__.split(".")[:2])
    page.write_text(CARD.format(id=rule, name=name, since=since), encoding="utf-8")
    check.write_text(CHECK.format(id=rule, name=name), encoding="utf-8")
    return page, check


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one tool; the exit code is 1 when a page is stale and 2 when a rule cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m heaplint.devtools", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent, help=argparse.SUPPRESS)
    tools = parser.add_subparsers(dest="tool", required=True)
    pages = tools.add_parser("rules-page", help="write docs/rules.md and the README's rule table from the cards")
    pages.add_argument("--check", action="store_true", help="write nothing; exit with 1 when a page is stale")
    rule = tools.add_parser("new-rule", help="write the card and the check of a new rule")
    rule.add_argument("id", help="such as HL227")
    rule.add_argument("name", help="the defect, such as missing-traverse")
    options = parser.parse_args(arguments)
    try:
        if options.tool == "rules-page":
            write_pages(options.root, check=options.check)
        else:
            for path in new_rule(options.root, options.id, options.name):
                sys.stdout.write(f"{path}\n")
    except StaleError as error:
        sys.stderr.write(f"heaplint.devtools: {error}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"heaplint.devtools: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
