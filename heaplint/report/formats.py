"""The formats of `check` by name, and what each writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from heaplint.report import Format, text
from heaplint.report.report import Report

DOCUMENTS = {"json": "json_", "sarif": "sarif", "gitlab": "gitlab", "junit": "junit", "html": "html"}
"""The formats that are one document with all that there is to say, and the modules that write them."""


def has_place_for_notices(output_format: Format) -> bool:
    """Whether notices are part of what a format writes; GitLab's knows findings only."""
    return output_format in DOCUMENTS and output_format != "gitlab"


def lines(report: Report, output_format: Format, palette: text.Palette, *, counted: bool, closing: bool) -> Iterable[str]:
    """The report in a format.

    `counted` shows how many findings each rule has instead of the findings, in the formats for people; `closing` adds
    the summary to these.
    """
    if output_format not in DOCUMENTS and (counted or output_format == "text"):
        end = [text.summary(report)] if closing else []
        return [*(_renderer("statistics")(report) if counted else text.render(report, palette)), *end]
    return _renderer(DOCUMENTS.get(output_format, output_format))(report)


def _renderer(module: str) -> Callable[[Report], Iterable[str]]:
    render: Callable[[Report], Iterable[str]] = import_module(f"heaplint.report.{module}").render
    return render
