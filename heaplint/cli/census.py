"""`heaplint census`: every type and module of a project, and how far their conversion to heap types has come."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from heaplint.cli import project

Format = Literal["table", "json", "csv"]


def command(
    paths: project.Paths = None,
    output_format: Annotated[Format, typer.Option("--format", help="How to report.")] = "table",
    output: project.Output = None,
    target_python: project.TargetPython = None,
    quiet: project.Quiet = False,
    verbose: project.Verbose = False,
    config: project.ConfigFile = None,
    isolated: project.Isolated = False,
    exclude: project.Exclude = None,
    include_generated: project.IncludeGenerated = None,
) -> Callable[[], int]:
    """List every type and module: static or heap, garbage-collected or not, init style and state."""

    def task() -> int:
        from heaplint import engine
        from heaplint.config import Overrides
        from heaplint.report import census, notices
        from heaplint.report.stream import destination

        overrides = Overrides(
            exclude=tuple(exclude or ()), include_generated=include_generated, target_python=target_python
        )
        settings, discovery = project.read(paths, overrides, config, isolated=isolated, verbose=verbose)
        with destination(output) as stream:
            found = engine.census(discovery, settings)
            rendered = {"table": census.table, "json": census.json, "csv": census.csv}[output_format](found)
            stream.writelines(rendered)
        if not quiet:
            sys.stdout.flush()
            sys.stderr.writelines(notices.render(discovery.notices, every=verbose))
        return 0

    return task
