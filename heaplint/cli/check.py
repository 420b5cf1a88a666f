"""`heaplint check`: look for defects and report them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from heaplint.cli import project
from heaplint.findings import Precision, Severity
from heaplint.report import Format

Rules = Annotated[
    list[str] | None,
    typer.Option(metavar="RULES", help="Ids, prefixes, names or tags, comma-separated; ALL (replaces the default)."),
]


def command(
    paths: project.Paths = None,
    stdin_filename: project.StdinFilename = None,
    select: Rules = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULES", help="Rules not to look for.")] = None,
    extend_select: Annotated[
        list[str] | None, typer.Option(metavar="RULES", help="Rules to look for besides the selected ones.")
    ] = None,
    output_format: Annotated[Format, typer.Option("--format", help="How to report.")] = "text",
    output: project.Output = None,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Count findings by rule instead of showing them.")
    ] = False,
    target_python: project.TargetPython = None,
    frontend: project.Frontend = None,
    compile_commands: project.CompileCommands = None,
    severity: Annotated[Severity | None, typer.Option(help="Report this severity and above.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="Report rules of this precision and above.")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Fix what can be fixed safely, then report what is left.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what --fix would change, and change nothing.")] = False,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Fix also where the result needs a look.")
    ] = False,
    baseline: Annotated[
        str | None, typer.Option(metavar="FILE", help="Report only what is not in this baseline.")
    ] = None,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 when there are findings.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 2 when something could not be analysed.")
    ] = False,
    jobs: project.Jobs = "auto",
    cache_dir: project.CacheFolder = None,
    no_cache: project.NoCache = False,
    quiet: project.Quiet = False,
    verbose: project.Verbose = False,
    config: project.ConfigFile = None,
    isolated: project.Isolated = False,
    exclude: project.Exclude = None,
    force_exclude: project.ForceExclude = False,
    include_generated: project.IncludeGenerated = None,
    color: Annotated[bool | None, typer.Option("--color/--no-color", help="Default: on a terminal only.")] = None,
) -> Callable[[], int]:
    """Look for defects. Exit code: 0 nothing found, 1 findings, 2 an error."""

    def task() -> int:
        from heaplint import engine
        from heaplint.cards import all_cards
        from heaplint.cli import fixing
        from heaplint.cli.baseline import entries, only_new
        from heaplint.cli.progress import progress_bar
        from heaplint.config import Overrides
        from heaplint.discovery import InputError
        from heaplint.report import formats, notices, text
        from heaplint.report.report import Report
        from heaplint.report.stream import destination, wants_colour, wants_links

        overrides = Overrides(
            select=None if select is None else project.split(select),
            extend_select=project.split(extend_select),
            ignore=project.split(ignore),
            exclude=tuple(exclude or ()),
            force_exclude=force_exclude,
            include_generated=include_generated,
            target_python=target_python,
            frontend=frontend,
            compile_commands=compile_commands,
            severity=severity,
            precision=precision,
        )
        settings, discovery = project.read(
            paths, overrides, config, isolated=isolated, verbose=verbose, stdin_filename=stdin_filename
        )
        if fix and not diff and paths == ["-"]:
            raise InputError("--fix: standard input cannot be written: --diff shows the change")
        processes = project.jobs_of(jobs)
        store = project.store(paths, cache_dir, no_cache=no_cache or stdin_filename is not None)
        known = entries(baseline) if baseline is not None else ()
        result, census = None, None
        with destination(output) as stream:
            with progress_bar(quiet=quiet) as progress:
                if diff:
                    changes = fixing.show(discovery, settings, progress, stream, unsafe=unsafe_fixes)
                    return 1 if changes and not exit_zero else 0
                if fix:
                    discovery, result = fixing.carry_out(discovery, settings, progress, unsafe=unsafe_fixes)
                if output_format == "html":
                    result, census = engine.run_with_census(discovery, settings, progress)
                elif result is None:
                    result = engine.run(discovery, settings, progress, store, processes)
            hushed = quiet or output_format in formats.DOCUMENTS
            if baseline is not None:
                result = only_new(result, baseline, known, discovery, settings, quiet=hushed)
            report = Report(
                result.findings, result.notices, result.files, discovery.sources, all_cards(), census, result.front_ends
            )
            if verbose:
                project.say_front_ends(result.front_ends)
                if store is not None and store.problem:
                    project.say(f"warning: the cache is not kept: {store.problem}")
            palette = text.COLOUR if wants_colour(stream, color) else text.PLAIN
            palette = text.with_links(palette) if wants_links(stream, color) else palette
            stream.writelines(formats.lines(report, output_format, palette, counted=statistics, closing=not quiet))
        if not quiet and not formats.has_place_for_notices(output_format):
            sys.stdout.flush()
            sys.stderr.writelines(notices.render(result.notices, every=verbose))
        return notices.exit_code(result.findings, result.notices, strict=strict, exit_zero=exit_zero)

    return task
