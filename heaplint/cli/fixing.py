"""What `--fix` and `--diff` do with the files that were fixed: show the change, or write it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from heaplint.report.stream import OutputError, Replacement

if TYPE_CHECKING:
    from heaplint.discovery import Discovery
    from heaplint.repair import Repaired
    from heaplint.source import SourceFile


def summary(repaired: Repaired) -> str:
    """`Fixed 3 findings in 2 files.`; empty when nothing was."""
    from heaplint.report.report import counted

    if not repaired.fixed:
        return ""
    return f"Fixed {counted(len(repaired.fixed), 'finding')} in {counted(len(repaired.changed), 'file')}.\n"


def diff(before: Discovery, changed: Mapping[str, SourceFile]) -> Iterator[str]:
    """The changes of all files, in the order of their paths."""
    from heaplint.report import patch

    for source in before.files:
        if source.path in changed:
            yield from patch.render(source, changed[source.path])


def write(before: Discovery, changed: Mapping[str, SourceFile]) -> None:
    """Replace the files on disk, all or none of them: every new file is complete before the first takes its name.

    Only regular files in the tree are written, through no link, and only while they hold what was analysed. Raises
    OutputError.
    """
    root = before.root.resolve()
    with ExitStack() as stack:
        replacements = []
        for source in before.files:
            if source.path in changed:
                target = _target(root, source)
                replacement = stack.enter_context(Replacement(str(target), str(target)))
                replacement.write(changed[source.path].data)
                replacements.append(replacement)
        for replacement in replacements:
            replacement.finish()


def _target(root: Path, source: SourceFile) -> Path:
    """Where a file lies; raises OutputError when it is not one that may be written."""
    target = root / source.path
    try:
        mode = os.lstat(target).st_mode
        if not stat.S_ISREG(mode) or target.resolve() != target:
            raise OutputError(f"{source.path}: a link, or no regular file: it was not fixed, and nothing was")
        if target.read_bytes() != source.data:
            raise OutputError(f"{source.path}: changed while it was analysed: it was not fixed, and nothing was")
    except OSError as error:
        raise OutputError(f"{source.path}: {error.strerror or error}") from error
    return target
