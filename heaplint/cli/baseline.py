"""`heaplint baseline`: write down the present findings, so that `check --baseline` reports only new ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from heaplint.cli import project
from heaplint.records import replace

if TYPE_CHECKING:
    from heaplint.config import Config
    from heaplint.discovery import Discovery
    from heaplint.engine import Result
    from heaplint.filters.baseline import Comparison, Entry

Output = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The baseline.")]
Rules = Annotated[list[str] | None, typer.Option(metavar="RULES", help="As for check.")]


def command(
    paths: project.Paths = None,
    output: Output = "heaplint-baseline.json",
    prune: Annotated[
        bool, typer.Option("--prune", help="Only remove the entries whose finding is gone; add none.")
    ] = False,
    select: Rules = None,
    ignore: Rules = None,
    extend_select: Rules = None,
    target_python: project.TargetPython = None,
    quiet: project.Quiet = False,
    verbose: project.Verbose = False,
    config: project.ConfigFile = None,
    isolated: project.Isolated = False,
    exclude: project.Exclude = None,
    include_generated: project.IncludeGenerated = None,
) -> Callable[[], int]:
    """Write the present findings to a file: `heaplint check --baseline FILE` reports only what is not in it."""

    def task() -> int:
        from heaplint import engine
        from heaplint.cli.progress import progress_bar
        from heaplint.config import Overrides
        from heaplint.filters import baseline
        from heaplint.report.report import counted
        from heaplint.report.stream import destination

        overrides = Overrides(
            select=None if select is None else project.split(select),
            extend_select=project.split(extend_select),
            ignore=project.split(ignore),
            exclude=tuple(exclude or ()),
            include_generated=include_generated,
            target_python=target_python,
        )
        settings, discovery = project.read(paths, overrides, config, isolated=isolated, verbose=verbose)
        known = entries(output) if prune else ()
        with destination(output) as stream:
            with progress_bar(quiet=quiet) as progress:
                result = engine.run(discovery, settings, progress)
            compared = compare(result, output, known, discovery, settings)
            if prune:
                kept = (*compared.known, *compared.unjudged)
                told = f"{counted(len(compared.stale), 'stale entry', 'stale entries')} removed, {len(kept)} kept"
            else:
                sources = {source.path: source for source in discovery.files}
                rebase = rebased(discovery, output)
                kept = tuple(baseline.entry_of(finding, sources, rebase) for finding in result.findings)
                told = f"{counted(len(kept), 'finding')} written"
            stream.write(baseline.render(kept))
        if not quiet:
            project.say(f"baseline: {output}: {told}")
        return 0

    return task


def only_new(
    result: Result, file: str, known: Sequence[Entry], discovery: Discovery, settings: Config, *, quiet: bool
) -> Result:
    """What `check --baseline` reports: the findings that are not among the known ones, and a notice for each stale entry."""
    from heaplint.findings import Notice
    from heaplint.report.report import counted

    compared = compare(result, file, known, discovery, settings)
    if compared.known and not quiet:
        project.say(f"baseline: {counted(len(compared.known), 'known finding')} not shown")
    folder = os.path.dirname(os.path.realpath(file))
    stale = [
        Notice(
            os.path.relpath(os.path.join(folder, entry.path), os.path.realpath(discovery.root)).replace(os.sep, "/"),
            0, "stale-baseline",
            f"{' '.join(filter(None, (entry.rule, entry.subject)))} is in the baseline and no longer found "
            "(`heaplint baseline --prune` removes it)",
        )
        for entry in sorted(compared.stale, key=lambda entry: entry.sort_key)
    ]  # fmt: skip
    return replace(result, findings=compared.new, notices=(*result.notices, *dict.fromkeys(stale)))


def entries(file: str) -> tuple[Entry, ...]:
    """The entries of a baseline; raises BaselineError."""
    from heaplint.filters.baseline import MAX_BASELINE_BYTES, BaselineError, parse

    try:
        with open(file, "rb") as stream:
            return parse(stream.read(MAX_BASELINE_BYTES + 1), file)
    except OSError as error:
        raise BaselineError(f"{file}: {error.strerror or error} (`heaplint baseline` writes a baseline)") from error


def compare(
    result: Result, file: str, known: Sequence[Entry], discovery: Discovery, settings: Config
) -> Comparison:
    """What was found against the entries of a baseline's file."""
    from heaplint.cards import all_cards
    from heaplint.filters import baseline
    from heaplint.filters.select import Selection

    rebase = rebased(discovery, file)
    folder = os.path.dirname(os.path.realpath(file))
    selection = Selection.from_config(settings, all_cards(), discovery.root)
    sources = {source.path: source for source in discovery.files}
    judge = baseline.judge(selection, sources, rebase, lambda path: os.path.lexists(os.path.join(folder, path)))
    return baseline.compare(result.findings, sources, known, rebase, judge)


def rebased(discovery: Discovery, file: str) -> Callable[[str], str]:
    """From the paths of a run to those of a baseline, which are relative to the folder of its file."""
    root, folder = os.path.realpath(discovery.root), os.path.dirname(os.path.realpath(file))
    return lambda path: os.path.relpath(os.path.join(root, path), folder).replace(os.sep, "/")
