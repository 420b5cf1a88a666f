"""Findings in the words of the protocol: ranges, diagnostics, code actions, hovers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types
from pygls import uris

from heaplint import lazy_re as re
from heaplint.cards import all_cards
from heaplint.filters.suppress import UNUSED
from heaplint.findings import Edit, Finding, Related, Severity, Span
from heaplint.lsp.document import Checked
from heaplint.report import catalogue, sanitize
from heaplint.source import SourceFile

Encoding = types.PositionEncodingKind | str

_SEVERITY: dict[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
_UNIT = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
_RULE = re.compile(r"\bHL\d{3}\b")
_SUPPRESSION = re.compile(r"heaplint:[ \t]*ignore\[[^\]\n]*(?=\])")


def position(source: SourceFile, line: int, column: int, encoding: Encoding) -> types.Position:
    """A 1-based line and column in code points as the editor counts: from 0, in units of the encoding agreed on."""
    codec, size = _UNIT[str(getattr(encoding, "value", encoding))]
    before = source.line_text(line)[: column - 1]
    return types.Position(line - 1, len(before.encode(codec, errors="replace")) // size)


def range_of(span: Span, source: SourceFile, encoding: Encoding) -> types.Range:
    """A span as a range of the editor's text."""
    return types.Range(
        position(source, span.line, span.column, encoding), position(source, span.end_line, span.end_column, encoding)
    )


def diagnostic(finding: Finding, checked: Checked, encoding: Encoding) -> types.Diagnostic:
    """A finding as a diagnostic; its steps and related places are related information."""
    url = all_cards()[finding.rule].url
    held = f" (Python {finding.python})" if finding.python else ""
    return types.Diagnostic(
        range=range_of(finding.span, checked.source, encoding),
        message=sanitize.text(finding.message + held),
        severity=_SEVERITY[finding.severity],
        code=finding.rule,
        code_description=types.CodeDescription(url) if url else None,
        source="heaplint",
        related_information=[
            place for one in (*finding.steps, *finding.related) for place in _related(one, checked, encoding)
        ],
    )


def _related(place: Related, checked: Checked, encoding: Encoding) -> Iterator[types.DiagnosticRelatedInformation]:
    source = checked.sources.get(place.span.path)
    if source is not None:
        where = types.Location(uri(checked.root, source.path), range_of(place.span, source, encoding))
        yield types.DiagnosticRelatedInformation(where, sanitize.text(place.message))


def actions(
    finding: Finding, checked: Checked, encoding: Encoding, diagnosed: types.Diagnostic
) -> Iterator[types.CodeAction]:
    """What can be done about a finding: its fix, and a comment that suppresses it."""
    if finding.fix is not None:
        changes: dict[str, list[types.TextEdit]] = {}
        for edit in finding.fix.edits:
            source = checked.sources[edit.path]
            changes.setdefault(uri(checked.root, edit.path), []).append(_text_edit(edit, source, encoding))
        unsafe = "" if finding.fix.applicability == "safe" else " (unsafe: look at it)"
        yield types.CodeAction(
            title=f"Fix {finding.rule} {finding.name}{unsafe}",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[diagnosed],
            is_preferred=finding.fix.applicability == "safe",
            edit=types.WorkspaceEdit(changes=changes),
        )
    if finding.rule != UNUSED:
        comment = suppression(finding, checked.source)
        yield types.CodeAction(
            title=f"Ignore {finding.rule} {finding.name} here",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[diagnosed],
            edit=types.WorkspaceEdit(
                changes={uri(checked.root, finding.span.path): [_text_edit(comment, checked.source, encoding)]}
            ),
        )


def suppression(finding: Finding, source: SourceFile) -> Edit:
    """The edit that silences a finding on its line: a comment at the end, or one id more in the comment there."""
    line = source.line_text(finding.span.line)
    there = _SUPPRESSION.search(line)
    continued = line.rstrip().endswith("\\")
    if there:
        column, text = there.end(), f", {finding.rule}"
    elif continued:  # a comment to the end of the line would swallow the next one
        column, text = len(line.rstrip()) - 1, f"/* heaplint: ignore[{finding.rule}] */ "
    else:
        column, text = len(line), f"  // heaplint: ignore[{finding.rule}]"
    offset = source.offset(finding.span.line, column + 1)
    return Edit(source.path, offset, offset, text)


def _text_edit(edit: Edit, source: SourceFile, encoding: Encoding) -> types.TextEdit:
    return types.TextEdit(range_of(source.span(edit.start, edit.end), source, encoding), edit.text)


def hover(checked: Checked, at: types.Position, encoding: Encoding) -> types.Hover | None:
    """The cards of the rules found, or named in a comment, at a place; None when there are none."""
    rules: dict[str, types.Range] = {}
    for finding in checked.findings:
        place = range_of(finding.span, checked.source, encoding)
        if _key(place.start) <= _key(at) <= _key(place.end):
            rules.setdefault(finding.rule, place)
    if at.line < len(checked.source.line_starts):
        for word in _RULE.finditer(checked.source.line_text(at.line + 1)):
            place = types.Range(
                position(checked.source, at.line + 1, word.start() + 1, encoding),
                position(checked.source, at.line + 1, word.end() + 1, encoding),
            )
            if word.group() in all_cards() and _key(place.start) <= _key(at) <= _key(place.end):
                rules[word.group()] = place
    if not rules:
        return None
    pages = [catalogue.explanation(all_cards()[rule]) for rule in rules]
    return types.Hover(
        types.MarkupContent(types.MarkupKind.Markdown, "\n---\n\n".join(pages)), range=next(iter(rules.values()))
    )


def touches(finding: Finding, place: types.Range) -> bool:
    """Whether a finding stands on one of the lines of a range."""
    return finding.span.line - 1 <= place.end.line and finding.span.end_line - 1 >= place.start.line


def uri(root: Path, path: str) -> str:
    """The URI of a path of a run."""
    return uris.from_fs_path(os.path.join(root, path)) or ""


def _key(place: types.Position) -> tuple[int, int]:
    return place.line, place.character
