"""Places in SARIF: relative URIs, and regions with columns in UTF-16 units."""

from __future__ import annotations

from collections.abc import Mapping

import sarif_om

from heaplint.findings import Edit, Related, Span
from heaplint.report import sanitize
from heaplint.report.sarif_json import json_value
from heaplint.source import SourceFile

ROOT = "%SRCROOT%"
"""The name under which GitHub knows the top of the repository."""


class Places:
    """Turns the places of one run into SARIF; what the results of a file share is made once."""

    def __init__(self, sources: Mapping[str, SourceFile]) -> None:
        self._sources = sources
        self._artifacts: dict[str, object] = {}
        self._wide: dict[str, SourceFile | None] = {}

    def artifact(self, path: str) -> object:
        """The location of a file."""
        found = self._artifacts.get(path)
        if found is None:
            location = sarif_om.ArtifactLocation(uri=sanitize.uri_path(path), uri_base_id=ROOT)
            found = self._artifacts[path] = json_value(location)
        return found

    def physical(self, span: Span) -> sarif_om.PhysicalLocation:
        """A stretch of a file."""
        return sarif_om.PhysicalLocation(artifact_location=self.artifact(span.path), region=self._region(span))

    def primary(self, span: Span) -> sarif_om.Location:
        """The place of a finding."""
        return sarif_om.Location(physical_location=self.physical(span))

    def told(self, place: Related, number: int | None = None) -> sarif_om.Location:
        """A step, or, with the number that messages link to, a related place."""
        location = sarif_om.Location(
            physical_location=self.physical(place.span),
            message=sarif_om.Message(text=sanitize.sarif_text(place.message)),
        )
        if number is not None:
            location.id = number
        return location

    def line(self, path: str, line: int) -> sarif_om.Location:
        """A line of a file, or the file, when `line` is 0."""
        region = sarif_om.Region(start_line=line) if line else None
        return sarif_om.Location(
            physical_location=sarif_om.PhysicalLocation(artifact_location=self.artifact(path), region=region)
        )

    def replacement(self, edit: Edit) -> sarif_om.Replacement:
        """An edit of a file of the run; its text is code, and stays as it is."""
        span = self._sources[edit.path].span(edit.start, edit.end)
        inserted = sarif_om.ArtifactContent(text=edit.text) if edit.text else None
        return sarif_om.Replacement(deleted_region=self._region(span), inserted_content=inserted)

    def _region(self, span: Span) -> sarif_om.Region:
        start_column, end_column = span.column, span.end_column
        source = self._not_ascii(span.path)
        if source is not None:
            start_column = _utf16_column(source, span.line, start_column)
            end_column = _utf16_column(source, span.end_line, end_column)
        return sarif_om.Region(
            start_line=span.line, start_column=start_column, end_line=span.end_line, end_column=end_column
        )

    def _not_ascii(self, path: str) -> SourceFile | None:
        """The source of a path when its columns have to be counted anew."""
        if path not in self._wide:
            source = self._sources.get(path)
            self._wide[path] = None if source is None or source.data.isascii() else source
        return self._wide[path]


def _utf16_column(source: SourceFile, line: int, column: int) -> int:
    """The column in UTF-16 units of a column in code points; lines that are not there have no wide characters."""
    if not 1 <= line <= len(source.line_starts):
        return column
    return column + sum(one > "\uffff" for one in source.line_text(line)[: column - 1])
