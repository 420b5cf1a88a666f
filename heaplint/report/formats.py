"""The formats of `check` by name, and what each writes."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from heaplint.report import Format, gcc, github, statistics, text
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
    if output_format in DOCUMENTS:
        rendered: Iterable[str] = import_module(f"heaplint.report.{DOCUMENTS[output_format]}").render(report)
        return rendered
    end = [text.summary(report)] if closing and (counted or output_format == "text") else []
    if counted:
        return [*statistics.render(report), *end]
    if output_format == "github":
        return github.render(report)
    if output_format == "gcc":
        return gcc.render(report)
    return [*text.render(report, palette), *end]
