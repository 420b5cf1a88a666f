"""SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.report.report import Report


def render(report: Report) -> Iterator[str]:
    """The report."""
    yield from ()
