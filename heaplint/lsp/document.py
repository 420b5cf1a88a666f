"""One document of an editor, checked as the file it is, with the project and the other open documents around it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from heaplint import engine
from heaplint.config import Overrides, load
from heaplint.discovery import discover
from heaplint.findings import Finding
from heaplint.records import dataclass
from heaplint.source import SourceFile


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one state of a document."""

    text: str
    root: Path
    """What the paths of findings are relative to."""
    source: SourceFile
    findings: tuple[Finding, ...]
    sources: Mapping[str, SourceFile]
    """Every file that was read, by path."""


def check(path: str, folder: str, texts: Mapping[str, str]) -> Checked:
    """Check the document of a path by `texts`, the texts of all open documents by path.

    `folder` is the one that was opened in the editor. A file that the configuration excludes, or that is generated, has
    no findings. Raises ConfigError and InputError.
    """
    here = Path(folder if Path(path).is_relative_to(folder) else os.path.dirname(path))
    data = {os.path.realpath(one): encoded(text) for one, text in texts.items()}
    config = load(Path(path), Overrides(force_exclude=True), here)
    discovery = discover([path], config, here, data)
    result = engine.run(discovery, config, None)
    source = discovery.files[0] if discovery.files else SourceFile(os.path.basename(path), encoded(texts[path]))
    return Checked(texts[path], discovery.root, source, result.findings, discovery.sources)


def encoded(text: str) -> bytes:
    """The bytes of a file with this text; halves of surrogate pairs, which JSON can hold, become `?`."""
    return text.encode("utf-8", errors="replace")
