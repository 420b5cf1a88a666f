"""Rounds of analysis and fixes until there is nothing left to fix."""

from __future__ import annotations

from collections.abc import Mapping

from heaplint import engine
from heaplint.config import Config
from heaplint.discovery import Discovery
from heaplint.engine import Progress, Result
from heaplint.findings import Finding
from heaplint.fixes.apply import apply
from heaplint.records import dataclass, replace
from heaplint.source import SourceFile

MAX_ROUNDS = 12
"""One fix may make room for another; more rounds than this would mean that two undo each other."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What became of a run's files."""

    result: Result
    """What is found in the files as they are after the fixes."""
    discovery: Discovery
    """The files as they are after the fixes."""
    changed: Mapping[str, SourceFile]
    """The files that were changed, as they are now, by path."""
    fixed: tuple[Finding, ...]
    """What was fixed, in the order in which it was."""


def repair(discovery: Discovery, config: Config, progress: Progress | None, *, unsafe: bool) -> Repaired:
    """Analyse, fix what can be fixed, and analyse again; the files on disk are left alone."""
    changed: dict[str, SourceFile] = {}
    fixed: list[Finding] = []
    result = engine.run(discovery, config, progress)
    for _ in range(MAX_ROUNDS):
        sources = {source.path: source for source in discovery.files}
        applied = apply(result.findings, sources, unsafe=unsafe)
        if not applied.findings:
            break
        changed.update(applied.sources)
        fixed += applied.findings
        files = tuple(applied.sources.get(source.path, source) for source in discovery.files)
        discovery = replace(discovery, files=files)
        result = engine.run(discovery, config, progress)
    return Repaired(result, discovery, changed, tuple(fixed))
