"""Run heaplint on real packages and show what changed since the findings were recorded.

`python benchmarks/ecosystem.py` checks every package of ecosystem.toml and compares with benchmarks/recorded/;
`--record` rewrites those files, to be read in the commit's diff; `--census` asks instead whether the census names
every type that an independent grep finds. Exit code: 0 as recorded (nothing missing), 1 otherwise, 2 a crash, a
hang, or a package that cannot be had.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from census_grep import spelled_types
from linter import LinterError, ask, census_types, finding_lines, notice_kinds
from packages import LIST_FILE, Package, PackageError, read_packages, source_tree

RECORDED = Path(__file__).with_name("recorded")
SAME, DIFFERENT, BROKEN = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asks for."""

    names: tuple[str, ...]
    list_file: Path
    recorded: Path
    cache: Path
    command: tuple[str, ...]
    timeout: float
    jobs: int
    census: bool
    record: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is said of one package, and the exit code it calls for; `details` are printed below the summary."""

    status: int
    summary: str
    details: tuple[str, ...] = ()


def compare_findings(package: Package, settings: Settings) -> Outcome:
    """Check one package and say which findings came and went, or record them."""
    tree = source_tree(package, settings.cache)
    arguments = ["check", "--format", "json", "--exit-zero", *folders(package, tree)]
    answer = ask(settings.command, arguments, settings.timeout)
    found = finding_lines(answer.document, tree)
    notices = sum(notice_kinds(answer.document).values())
    summary = f"{len(found)} findings, {notices} notices, {answer.seconds:.1f} s"
    recorded_file = settings.recorded / f"{package.name}.txt"
    if settings.record:
        recorded_file.parent.mkdir(parents=True, exist_ok=True)
        recorded_file.write_text("".join(f"{line}\n" for line in found), encoding="utf-8")
        return Outcome(SAME, f"{summary}, recorded")
    if not recorded_file.exists():
        return Outcome(DIFFERENT, f"{summary}, none recorded yet", tuple(f"+ {line}" for line in found))
    recorded = recorded_file.read_text(encoding="utf-8").splitlines()
    gone, new = Counter(recorded) - Counter(found), Counter(found) - Counter(recorded)
    details = (*(f"- {line}" for line in gone.elements()), *(f"+ {line}" for line in new.elements()))
    return Outcome(DIFFERENT if details else SAME, f"{summary}, +{new.total()} -{gone.total()}", details)


def compare_census(package: Package, settings: Settings) -> Outcome:
    """Take the census of one package and say which of the types that the grep finds are not in it."""
    tree = source_tree(package, settings.cache)
    answer = ask(settings.command, ["census", "--format", "json", *folders(package, tree)], settings.timeout)
    listed = census_types(answer.document, tree)
    elsewhere: dict[str, list[str]] = {}
    for path, symbol in sorted(listed):
        elsewhere.setdefault(symbol, []).append(path)
    spelled = spelled_types(tree, package.paths or (".",))
    missing = [
        f"missing {lost.path}:{lost.line} {lost.symbol}"
        + (f" (the census has it in {', '.join(elsewhere[lost.symbol])})" if lost.symbol in elsewhere else "")
        for lost in spelled
        if (lost.path, lost.symbol) not in listed
    ]
    summary = f"{len(listed)} types in the census, {len(spelled)} found by grep, {len(missing)} missing"
    return Outcome(DIFFERENT if missing else SAME, f"{summary}, {answer.seconds:.1f} s", tuple(missing))


def folders(package: Package, tree: Path) -> list[str]:
    """Give the absolute folders of a package that are linted; PackageError when one of them is not in the sdist."""
    chosen = [tree / path for path in package.paths] or [tree]
    absent = [path for path in chosen if not path.is_dir()]
    if absent:
        raise PackageError(f"no folder {absent[0].relative_to(tree)} in the sdist")
    return [str(path) for path in chosen]


def outcome(settings: Settings, package: Package) -> Outcome:
    """Do what is asked with one package; what goes wrong with it is its outcome, and the others go on."""
    try:
        return compare_census(package, settings) if settings.census else compare_findings(package, settings)
    except (LinterError, PackageError) as error:
        return Outcome(BROKEN, f"BROKEN: {error}")


def settings_from(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with code 2 and a usage line when it is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="only these packages of the list")
    parser.add_argument("--list", dest="list_file", type=Path, default=LIST_FILE, metavar="FILE")
    parser.add_argument("--recorded", type=Path, default=RECORDED, metavar="DIR")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "heaplint-ecosystem", metavar="DIR")
    parser.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m heaplint", help="how heaplint is run")
    parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="for each package (300)")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="packages at a time (1)")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--census", action="store_true", help="look for types that the census does not name")
    task.add_argument("--record", action="store_true", help="rewrite the recorded findings")
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.timeout <= 0:
        parser.error("--jobs and --timeout are positive")
    values = vars(options) | {"names": tuple(options.names), "command": tuple(shlex.split(options.command))}
    return Settings(**values | {"cache": options.cache.resolve()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Go through the packages in the order of the list and give the exit code of the worst."""
    settings = settings_from(arguments)
    try:
        packages = read_packages(settings.list_file)
    except PackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return BROKEN
    unknown = set(settings.names) - {package.name for package in packages}
    if unknown:
        print(f"error: not in {settings.list_file}: {', '.join(sorted(unknown))}", file=sys.stderr)
        return BROKEN
    chosen = [package for package in packages if not settings.names or package.name in settings.names]
    worst = SAME
    with ThreadPoolExecutor(settings.jobs) as pool:
        for package, result in zip(chosen, pool.map(partial(outcome, settings), chosen), strict=True):
            print(f"{package.name} {package.version}: {result.summary}")
            print("".join(f"    {line}\n" for line in result.details), end="", flush=True)
            worst = max(worst, result.status)
    return worst


if __name__ == "__main__":
    sys.exit(main())
