"""What `--fix` and `--diff` do with the files that were fixed: show the change, or write it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from heaplint.report.stream import OutputError, Replacement

if TYPE_CHECKING:
    from heaplint.config import Config
    from heaplint.discovery import Discovery
    from heaplint.engine import Progress, Result
    from heaplint.repair import Repaired
    from heaplint.source import SourceFile


def show(
    discovery: Discovery, config: Config, progress: Progress | None, stream: TextIO, *, unsafe: bool
) -> bool:
    """Write what fixes would change, the files in the order of their paths; whether they would change anything."""
    from heaplint.repair import repair
    from heaplint.report import patch

    repaired = repair(discovery, config, progress, unsafe=unsafe)
    for source in discovery.files:
        if source.path in repaired.changed:
            stream.writelines(patch.render(source, repaired.changed[source.path]))
    _tell("Would fix", repaired)
    return bool(repaired.changed)


def carry_out(discovery: Discovery, config: Config, progress: Progress | None, *, unsafe: bool) -> tuple[Discovery, Result]:
    """Fix the files, on disk too, and give them as they are now, with what is found in them. Raises OutputError."""
    from heaplint.repair import repair

    repaired = repair(discovery, config, progress, unsafe=unsafe)
    write(discovery, repaired.changed)
    _tell("Fixed", repaired)
    return repaired.discovery, repaired.result


def _tell(done: str, repaired: Repaired) -> None:
    """`Fixed 3 findings in 2 files.` on standard error; nothing when nothing was."""
    from heaplint.report.report import counted

    if repaired.fixed:
        files = counted(len(repaired.changed), "file")
        sys.stderr.write(f"{done} {counted(len(repaired.fixed), 'finding')} in {files}.\n")


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
