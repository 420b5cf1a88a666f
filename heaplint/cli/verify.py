"""`heaplint verify`: load built extension modules and check what the rules claim about their source."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Literal

import typer

from heaplint.cli import project

Format = Literal["table", "json", "sarif"]


def command(
    modules: Annotated[
        list[str] | None, typer.Argument(metavar="MODULES", help="Extension modules, or packages that hold some.")
    ] = None,
    stdlib: Annotated[bool, typer.Option("--stdlib", help="Verify the modules of the standard library too.")] = False,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="The interpreter to run them in.", show_default="this one")
    ] = None,
    path: Annotated[
        list[str] | None, typer.Option(metavar="DIR", help="Look for modules there first (repeatable).")
    ] = None,
    exercise: Annotated[
        str | None, typer.Option(metavar="FILE", help="A script or test module to run after the import.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="DIR", help="Join the verdicts to the static findings in this folder.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, max=86_400, help="Seconds that a check may take.")] = 20,
    memory: Annotated[int, typer.Option(min=64, max=1 << 24, help="Megabytes that a check may use.")] = 4096,
    output_format: Annotated[Format, typer.Option("--format", help="How to report.")] = "table",
    output: project.Output = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 when something fails.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 when something stays unknown.")] = False,
    quiet: project.Quiet = False,
    verbose: project.Verbose = False,
    config: project.ConfigFile = None,
    isolated: project.Isolated = False,
    exclude: project.Exclude = None,
    include_generated: project.IncludeGenerated = None,
) -> Callable[[], int]:
    """Run built modules in processes of their own and see whether they do what they should.

    Exit code: 0 nothing failed, 1 something did, 2 an error.
    """

    def task() -> int:
        from heaplint import engine
        from heaplint.cli.progress import progress_bar
        from heaplint.config import Overrides
        from heaplint.report import notices, verification
        from heaplint.report.stream import destination
        from heaplint.verify import run
        from heaplint.verify.join import JOINED_RULES, join

        settings = run.settings(python or sys.executable, path or (), exercise, timeout, memory)
        names, version = run.modules_of(modules or (), settings, standard=stdlib)
        with destination(output) as stream:
            static = None
            if source is not None:  # before the modules are run, which may take long: what is wrong with it is told at once
                overrides = Overrides(
                    select=JOINED_RULES,
                    exclude=tuple(exclude or ()),
                    include_generated=include_generated,
                    target_python=f"{version[0]}.{version[1]}",
                )
                options, discovery = project.read([source], overrides, config, isolated=isolated, verbose=verbose)
                static = engine.run_with_census(discovery, options, None)
            with progress_bar(quiet=quiet) as progress:
                seen = run.verify(names, version, settings, progress)
            if static is not None:
                seen = join(seen, static[0].findings, static[1])
            if output_format == "table":
                stream.writelines(verification.table(seen, closing=not quiet))
            else:
                stream.write({"json": verification.json, "sarif": verification.sarif}[output_format](seen))
        if static is not None and not quiet:
            sys.stdout.flush()
            sys.stderr.writelines(notices.render(static[0].notices, every=verbose))
        return run.exit_code(seen, strict=strict, exit_zero=exit_zero)

    return task
