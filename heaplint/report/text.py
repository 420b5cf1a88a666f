"""The text format: each finding with its source line, why it matters and where to read more."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint.findings import Finding, Related, Severity, Span
from heaplint.records import dataclass, replace
from heaplint.report import sanitize
from heaplint.report.report import Report, counted

SNIPPET_WIDTH = 160
"""Source lines are cut to this many code points around the place they are shown for."""

_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Palette:
    """Escape sequences (ECMA-48) by role; all empty where no colour is wanted."""

    error: str = ""
    warning: str = ""
    note: str = ""
    path: str = ""
    frame: str = ""
    reset: str = ""
    link: str = ""
    """What stands before the target of a hyperlink (OSC 8), and with no target ends one."""
    target_end: str = ""

    def linked(self, words: str, url: str | None) -> str:
        """Words that lead to a URL where links are wanted."""
        if not self.link or url is None:
            return words
        return f"{self.link}{sanitize.text(url)}{self.target_end}{words}{self.link}{self.target_end}"

    def severity(self, severity: Severity) -> str:
        """The sequence of a severity."""
        return {"error": self.error, "warning": self.warning, "note": self.note}[severity]


PLAIN = Palette()
COLOUR = Palette(
    error="\x1b[1;31m", warning="\x1b[1;33m", note="\x1b[1;36m", path="\x1b[1m", frame="\x1b[34m", reset="\x1b[0m"
)


def with_links(palette: Palette) -> Palette:
    """The same colours, and hyperlinks: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda."""
    return replace(palette, link="\x1b]8;;", target_end="\x1b\\")


def render(report: Report, palette: Palette) -> Iterator[str]:
    """The findings, one block of lines each; an empty line stands behind each block."""
    for finding in report.findings:
        yield "\n".join(_block(finding, report, palette)) + "\n\n"


def summary(report: Report) -> str:
    """The closing line: `Found 3 findings (1 error, 2 warnings) in 12 files.`"""
    files = counted(report.files, "file")
    if not report.findings:
        return f"No findings in {files}.\n"
    severities = ", ".join(counted(number, severity) for severity, number in report.by_severity.items() if number)
    return f"Found {counted(len(report.findings), 'finding')} ({severities}) in {files}.\n"


def _block(finding: Finding, report: Report, palette: Palette) -> Iterator[str]:
    tone = palette.severity(finding.severity)
    place = f"{palette.path}{_place(finding.span)}{palette.reset}:"
    card = report.cards.get(finding.rule)
    name = palette.linked(finding.rule, card.url if card else None)
    rule = f"{tone}{finding.severity}[{name} {finding.name}]{palette.reset}"
    yield f"{place} {rule} {sanitize.text(finding.message)}"
    margin = len(str(finding.span.line))
    yield from _snippet(finding.span, report, palette, tone, margin)
    for number, step in enumerate(finding.steps, 1):
        yield from _related(f"step {number}", step, palette, margin)
    for place_nearby in finding.related:
        yield from _related("see", place_nearby, palette, margin)
    if finding.python is not None:
        yield _aside("python", sanitize.text(finding.python), palette, margin)
    if finding.fix is not None:
        option = "--fix" if finding.fix.applicability == "safe" else "--fix --unsafe-fixes"
        yield _aside("fix", f"heaplint check {option}", palette, margin)
    if card is not None:
        yield _aside("why", card.summary, palette, margin)
        yield _aside("help", f"heaplint explain {finding.rule}", palette, margin)


def _place(span: Span) -> str:
    return f"{sanitize.text(span.path)}:{span.line}:{span.column}"


def _aside(label: str, words: str, palette: Palette, margin: int) -> str:
    return f"{' ' * margin} {palette.frame}={palette.reset} {label}: {words}"


def _related(label: str, related: Related, palette: Palette, margin: int) -> Iterator[str]:
    yield _aside(label, f"{_place(related.span)}: {sanitize.text(related.message)}", palette, margin)


def _snippet(span: Span, report: Report, palette: Palette, tone: str, margin: int) -> Iterator[str]:
    """The source line with the place underlined; nothing when the file is not one of the run."""
    source = report.sources.get(span.path)
    if source is None or not 1 <= span.line <= len(source.line_starts):
        return
    line = source.line_text(span.line)
    start = min(span.column - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
    end = max(end, start + 1)
    first = max(0, min(start - SNIPPET_WIDTH // 2, len(line) - SNIPPET_WIDTH))
    last = min(len(line), first + SNIPPET_WIDTH)
    shown = sanitize.characters(line[first:last])
    lead = _ELLIPSIS if first else ""
    tail = _ELLIPSIS if last < len(line) else ""
    before = sanitize.width(lead + "".join(shown[: start - first]))
    under = max(1, sanitize.width("".join(shown[start - first : end - first])))
    bar = f"{palette.frame}|{palette.reset}"
    yield f"{' ' * margin} {bar}"
    yield f"{palette.frame}{span.line}{palette.reset} {bar} {lead}{''.join(shown).rstrip()}{tail}"
    yield f"{' ' * margin} {bar} {' ' * before}{tone}{'^' * under}{palette.reset}"
