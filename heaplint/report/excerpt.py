"""Lines of the linted source as HTML, with the place that is meant marked."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.findings import Span
from heaplint.report import sanitize
from heaplint.report.markup import Markup, element
from heaplint.report.report import Report

MAX_LINES = 6
"""How many lines of a long place are shown."""

LINE_WIDTH = 160
"""Lines are cut to this many code points around the place."""

_ELLIPSIS = "…"
_NEWLINE = Markup("\n")


def excerpt(report: Report, span: Span, around: int) -> Markup:
    """The lines of a place and `around` ones before and after it; nothing when the file is not one of the run."""
    source = report.sources.get(span.path)
    if source is None or not 1 <= span.line <= len(source.line_starts):
        return Markup()
    last = min(span.end_line, span.line + MAX_LINES - 1)
    first_shown, last_shown = max(1, span.line - around), min(len(source.line_starts), last + around)
    numbers = range(first_shown, last_shown + 1)
    return element("pre", *(_row(source.line_text(number), number, span, last) for number in numbers))


def _row(line: str, number: int, span: Span, last: int) -> Markup:
    gutter = element("span", str(number), class_="line")
    if not span.line <= number <= last:
        return element("span", gutter, *_cut(line, 0, 0), _NEWLINE, class_="row")
    start = span.column - 1 if number == span.line else len(line) - len(line.lstrip())
    end = span.end_column - 1 if number == span.end_line else len(line.rstrip())
    start = min(start, len(line))
    return element("span", gutter, *_cut(line, start, max(end, start + 1)), _NEWLINE, class_="row here")


def _cut(line: str, start: int, end: int) -> Iterator[str]:
    """The part of a line around the code points from `start` to `end`, which are marked if there are any."""
    first = max(0, min(start - LINE_WIDTH // 2, len(line) - LINE_WIDTH))
    last = min(len(line), first + LINE_WIDTH)
    shown = sanitize.characters(line[first:last].rstrip())
    yield _ELLIPSIS if first else ""
    yield "".join(shown[: start - first])
    if start < end:
        yield element("mark", "".join(shown[start - first : end - first]) or " ")
    yield "".join(shown[end - first :])
    yield _ELLIPSIS if last < len(line) else ""
