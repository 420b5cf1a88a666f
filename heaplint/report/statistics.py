"""How many findings each rule has, the most frequent first."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.report import sanitize
from heaplint.report.report import Report


def render(report: Report) -> Iterator[str]:
    """One line for each rule: count, id, name."""
    counts = sorted(report.by_rule.items(), key=lambda entry: (-entry[1], entry[0]))
    names = {finding.rule: finding.name for finding in report.findings}
    digits = len(str(counts[0][1])) if counts else 0
    for rule, number in counts:
        yield f"{number:>{digits}}  {sanitize.text(rule)}  {sanitize.text(names[rule])}\n"
