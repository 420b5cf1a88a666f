"""What fixes change, as a unified diff that `git apply` and `patch` take."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from heaplint.report import sanitize
from heaplint.source import SourceFile

CONTEXT = 3
"""Lines around each change."""


def render(before: SourceFile, after: SourceFile) -> Iterator[str]:
    """The diff of one file; what a line holds of control characters is shown as text, tabs and line ends stay."""
    name = sanitize.text(before.path)
    old, new = (source.data.decode("utf-8", "surrogateescape").splitlines(keepends=True) for source in (before, after))
    for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}", n=CONTEXT):
        body = line.rstrip("\r\n")
        end = line[len(body) :] or "\n\\ No newline at end of file\n"
        yield "\t".join(sanitize.text(part) for part in body.split("\t")) + end
