"""How fast heaplint is: on CPython's C files, NumPy and a file of 200 lines, against a bare parse, compilers, analyzers.

`python benchmarks/speed.py --cpython CHECKOUT` prints one Markdown report: medians of user plus system seconds, children
included, every measurement in a process of its own and all of them in turn, so that a busy moment hits all; ratios to a
bare tree-sitter parse of the same files (DESIGN.md §10); peak memory. heaplint's start-up counts, the parser's does not.
`--output PAGE` replaces what stands between the markers of a page. What this heaplint has no options for is "n/a".
Run by the Python of an environment with a compiled heaplint (docs/developing.md), it measures that one.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from measuring import (
    HEAPLINT,
    MEASURED,
    REPOSITORY,
    Run,
    RunError,
    bare_parse,
    check_command,
    compile_heaplint,
    copy_tree,
    has_cache,
    has_jobs,
    run,
    table,
    write_between_markers,
)  # fmt: skip
from packages import Package, PackageError, source_tree
from peers import measure_peers
from scaling import copies_of, part_of_modules

SUFFIXES = frozenset({".c", ".h", ".cc", ".hh", ".cpp", ".hpp", ".cxx", ".hxx"})
NUMPY = Package("numpy", "2.5.5", "5cddc243c75114ba845f01b1f87aca1572dbf7b6c2d88636ed3e1d2bccd7f1bf", ("numpy",))
SMALL = REPOSITORY / "tests" / "fixtures" / "multi_phase_state" / "ledger.c"
"""The file of about 200 lines."""
SMALL_REPEATS = 5
"""How often what takes a tenth of a second is run, for each run of what takes long."""
FAMILIES = {
    "HL1, HL2, HL3": ("--select", "HL1,HL2,HL3"),
    "HL4": ("--select", "HL4"),
    "HL5": ("--select", "HL5"),
    "HL6": ("--select", "HL6"),
    "HL8": ("--select", "HL8"),
    "default rules": (),
    "all rules": ("--select", "ALL"),
}
ALL = FAMILIES["all rules"]
FILLING, WARM, TWO, ONE = "all rules, cache filled", "all rules, cache warm", "all rules, -j 2", "all rules"
COPIES = (1, 2, 4, 8)
NOT_THERE = "n/a"

Job = Callable[[], Run]


@dataclass(slots=True)
class Sample:
    """The runs of one measurement."""

    runs: list[Run] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """The median of user plus system seconds."""
        return statistics.median(one.cpu for one in self.runs)

    @property
    def wall(self) -> float:
        """The median of wall-clock seconds."""
        return statistics.median(one.wall for one in self.runs)

    @property
    def peak(self) -> int:
        """The most resident bytes of any process."""
        return max(one.peak for one in self.runs)


Samples = dict[str, Sample]


@dataclass(frozen=True, slots=True)
class Bound:
    """What DESIGN.md §10 or the project promises, and what was measured; nothing where it could not be."""

    what: str
    limit: float
    measured: float | None
    unit: str = "×"
    at_least: bool = False

    def row(self) -> tuple[str, str, str, str]:
        """The cells of the table of bounds."""
        limit = f"{'≥' if self.at_least else '≤'} {self.limit:g} {self.unit}"
        if self.measured is None:
            return self.what, limit, NOT_THERE, NOT_THERE
        kept = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return self.what, limit, f"{self.measured:.2f} {self.unit}", "yes" if kept else "**no**"


def measure(jobs: Mapping[str, Job], repeat: int) -> Samples:
    """Run all jobs in turn, so many times; RunError when one fails."""
    samples: Samples = {name: Sample() for name in jobs}
    for round_ in range(repeat):
        for name, job in jobs.items():
            samples[name].runs.append(job())
            say(f"{name}: {samples[name].runs[-1].cpu:.2f} s ({round_ + 1}/{repeat})")
    return samples


def say(what: str) -> None:
    """Tell on standard error how far it has come."""
    print(what, file=sys.stderr, flush=True)


def heaplint_jobs(tree: Path, cache: Path) -> dict[str, Job]:
    """heaplint on a tree: by family, cold and warm, in one process and in two."""
    jobs: dict[str, Job] = {}
    for name, options in FAMILIES.items():
        jobs[name] = lambda options=options: run(check_command("-q", *options, str(tree)))
    if has_cache():

        def fill() -> Run:
            shutil.rmtree(cache, ignore_errors=True)
            return run(check_command("-q", *ALL, str(tree), cache=cache))

        jobs[FILLING] = fill
        jobs[WARM] = lambda: run(check_command("-q", *ALL, str(tree), cache=cache))
    if has_jobs():
        jobs[TWO] = lambda: run(check_command("-q", *ALL, str(tree), jobs=2))
    return jobs


def parse_job(tree: Path) -> Job:
    """A bare parse of a tree: its CPU time alone, the rest of its process left out."""

    def parse() -> Run:
        cpu = bare_parse(tree).cpu
        return Run(cpu, cpu, 0)

    return parse


def measure_tree(name: str, tree: Path, cache: Path, repeat: int) -> tuple[Samples, str]:
    """Measure heaplint on a tree, and tell it as a section of the report."""
    what = bare_parse(tree)
    if not what.files:
        raise RunError(f"{name}: no C files")
    samples = measure({"bare tree-sitter parse": parse_job(tree), **heaplint_jobs(tree, cache)}, repeat)
    parse = samples["bare tree-sitter parse"]
    rows = [("bare tree-sitter parse", f"{parse.cpu:.2f}", "1.00", "", "")]
    for row in (*FAMILIES, FILLING, WARM, TWO):
        if one := samples.get(row):
            figures = f"{one.cpu:.2f}", f"{one.cpu / parse.cpu:.2f}", f"{one.wall:.2f}", f"{one.peak / 1e6:.0f}"
            rows.append((row, *figures))
        else:
            rows.append((row, *[NOT_THERE] * 4))
    title = f"### {name}: {what.files} files, {what.size / 1e6:.1f} MB\n\n"
    return samples, title + table(("", "CPU s", "× parse", "wall s", "peak MB"), rows)


def measure_small(tree: Path, file: Path, cache: Path, repeat: int) -> tuple[Samples, str]:
    """Measure start-up and one small file against an interpreter that does nothing."""
    parse = "import tree_sitter, tree_sitter_c as c; t = open({!r}, 'rb').read(); " \
        "tree_sitter.Parser(tree_sitter.Language(c.language())).parse(t)"  # fmt: skip
    jobs: dict[str, Job] = {
        "`python -c pass`": lambda: run([sys.executable, "-c", "pass"]),
        "bare tree-sitter parse, with its start": lambda: run([sys.executable, "-c", parse.format(str(file))]),
        "`heaplint --version`": lambda: run([*HEAPLINT, "--version"]),
        **heaplint_jobs(tree, cache),
    }
    samples = measure(jobs, repeat * SMALL_REPEATS)
    nothing = samples["`python -c pass`"].cpu
    rows = []
    for row in (*list(jobs)[:3], *FAMILIES, FILLING, WARM, TWO):
        one = samples.get(row)
        rows.append((row, f"{one.cpu * 1e3:.0f}", f"{one.cpu / nothing:.2f}") if one else (row, NOT_THERE, NOT_THERE))
    lines = file.read_bytes().count(b"\n")
    return samples, f"### A file of {lines} lines\n\n" + table(("", "CPU ms", "× `python -c pass`"), rows)


@dataclass(frozen=True, slots=True)
class Changes:
    """What linting again took after one file was changed: median and maximum of CPU seconds; the section that tells it."""

    median: float | None
    maximum: float | None
    same: bool | None
    """Whether the last output was that of a cold run."""
    section: str


def measure_changes(tree: Path, cache: Path, repeat: int, scratch: Path) -> Changes:
    """Change one C file after the other of a tree whose cache is warm, and lint all of it after each change.

    Changes stay, so that each run finds one file that is new to the cache. At the end the output is compared with that
    of a run without the cache.
    """
    title = "### One changed file, cache warm, all rules\n\n"
    if not has_cache():
        return Changes(None, None, None, f"{title}{NOT_THERE}\n\n")
    sized = sorted((path.stat().st_size, path) for path in tree.rglob("*.c") if function_start(path) is not None)
    places = {"small": 0.1, "median": 0.5, "large": 0.9, "largest": 1.0}
    chosen = {name: sized[round(part * (len(sized) - 1))] for name, part in places.items()}
    edits = {"a comment": b"/* changed */\n", "a statement": b"    (void)sizeof(int);\n"}
    samples: dict[tuple[str, str], Sample] = {(name, edit): Sample() for name in chosen for edit in edits}
    command = check_command("-q", *ALL, str(tree), cache=cache)
    for _ in range(repeat):
        for (name, edit), sample in samples.items():
            insert(chosen[name][1], edits[edit])
            sample.runs.append(run(command))
            say(f"{edit} in {chosen[name][1].name}: {sample.runs[-1].cpu:.2f} s")
    warm, cold = scratch / "warm.json", scratch / "cold.json"
    run(check_command("--format", "json", *ALL, str(tree), cache=cache), output=warm)
    run(check_command("--format", "json", *ALL, str(tree)), output=cold)
    same = warm.read_bytes() == cold.read_bytes()
    rows = [
        (f"{chosen[name][1].name}, {chosen[name][0] / 1e3:.0f} kB ({name}): {edit}", f"{sample.cpu:.2f}")
        for (name, edit), sample in samples.items()
    ]
    figures = [one.cpu for sample in samples.values() for one in sample.runs]
    median, maximum = statistics.median(figures), max(figures)
    rows += [("median of all", f"{median:.2f}"), ("maximum of all", f"{maximum:.2f}")]
    told = f"Output after the last change is {'' if same else '**not** '}that of a run without the cache.\n\n"
    return Changes(median, maximum, same, title + table(("", "CPU s"), rows) + told)


def function_start(path: Path) -> int | None:
    """The offset behind the brace that starts a file's first function, as CPython sets it; None when it has none."""
    data = path.read_bytes()
    found = data.find(b")\n{\n")
    return found + len(b")\n{\n") if found >= 0 else None


def insert(path: Path, line: bytes) -> None:
    """Put a line at the start of a file's first function."""
    data, start = path.read_bytes(), function_start(path)
    path.write_bytes(data[:start] + line + data[start:])


def measure_scaling(cpython: Path, scratch: Path, repeat: int) -> tuple[float, str]:
    """Lint 1, 2, 4 and 8 copies of a part of CPython's modules.

    Gives what a copy costs of the last half, to what one costs of the first half but for the first, which bears the start
    of the process; and the section that tells all.
    """
    part = part_of_modules(cpython)
    trees = {count: copies_of(part, count, scratch / f"copies-{count}") for count in COPIES}
    jobs: dict[str, Job] = {}
    for count, tree in trees.items():
        jobs[f"parse {count}"] = parse_job(tree)
        jobs[f"{count} copies"] = lambda tree=tree: run(check_command("-q", *ALL, str(tree)))
    samples = measure(jobs, repeat)
    rows = []
    for count in COPIES:
        one, parse = samples[f"{count} copies"], samples[f"parse {count}"]
        figures = f"{one.cpu:.2f}", f"{one.cpu / count:.2f}", f"{one.cpu / parse.cpu:.2f}", f"{one.peak / 1e6:.0f}"
        rows.append((f"{count}×", *figures))
    once, half, whole = (samples[f"{count} copies"].cpu for count in (COPIES[0], COPIES[-2], COPIES[-1]))
    first, last = (half - once) / (COPIES[-2] - COPIES[0]), (whole - half) / (COPIES[-1] - COPIES[-2])
    size = sum(map(len, part.values())) / 1e6
    title = (
        f"### Scaling: {size:.1f} MB of CPython's `Modules/`, all rules\n\n"
        "Each copy in a folder of its own, its external names its own.\n\n"
    )
    return last / first, title + table(("", "CPU s", "CPU s a copy", "× parse", "peak MB"), rows)


def kind_of_heaplint() -> str:
    """Whether the heaplint that is measured is compiled."""
    where = [*HEAPLINT[:2], "-c", "import heaplint.ir; print(heaplint.ir.__file__)"]
    told = subprocess.run(where, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return "pure Python" if told.stdout.strip().endswith(".py") else "compiled"


def environment(repeat: int) -> str:
    """What the figures depend on besides heaplint, and which heaplint it was."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True).stdout.strip()

    commit = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = ", with changes that are not committed" if git("status", "--porcelain", "--", "heaplint", "rules") else ""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    grammars = ", ".join(f"{name} {version(name)}" for name in ("tree-sitter", "tree-sitter-c", "tree-sitter-cpp"))
    return (
        f"heaplint {version('heaplint')}, {kind_of_heaplint()}, at {commit}{changed}; Python {platform.python_version()}, {grammars}; "
        f"{platform.system()}, {model}. Medians of {repeat}.\n\n"
    )


def bounds(trees: Mapping[str, Samples], small: Samples, changes: Changes | None, growth: float | None) -> str:
    """The table of what is promised and what was measured."""
    found: list[Bound] = []
    for name, samples in trees.items():
        parse, alone = samples["bare tree-sitter parse"].cpu, samples[ONE]
        warm, two = samples.get(WARM), samples.get(TWO)
        found += [
            Bound(f"{name}: HL1, HL2, HL3, to a bare parse", 3, samples["HL1, HL2, HL3"].cpu / parse),
            Bound(f"{name}: all rules, to a bare parse", 8, alone.cpu / parse),
            Bound(f"{name}: warm cache, to a bare parse", 0.3, warm.cpu / parse if warm else None),
            Bound(f"{name}: two workers, wall clock", 1.6, alone.wall / two.wall if two else None, at_least=True),
        ]
        if name.startswith("CPython"):
            found.append(Bound(f"{name}: peak memory", 200, alone.peak / 1e6, "MB"))
    nothing = small["`python -c pass`"].cpu
    found += [
        Bound("`--version`, to `python -c pass`", 1.5, small["`heaplint --version`"].cpu / nothing),
        Bound("one small file, to `python -c pass`", 12, small["default rules"].cpu / nothing),
    ]
    if changes is not None:
        found.append(Bound("CPython: one changed file, warm cache, the slowest", 0.5, changes.maximum, "s"))
    if growth is not None:
        found.append(Bound("one of 8 copies (the last 4), to one of 4 (the last 3)", 1.1, growth))
    rows = [bound.row() for bound in found]
    if changes is not None:
        same = NOT_THERE if changes.same is None else "yes" if changes.same else "**no**"
        rows.append(("CPython: output with the cache as without", "the same", same, same))
    return "### Bounds\n\n" + table(("", "bound", "measured", "kept"), rows)


def python_of(checkout: Path) -> str:
    """The version that a checkout of CPython says it is; RunError when it is none."""
    header = checkout / "Include" / "patchlevel.h"
    if header.is_file():
        for line in header.read_text(encoding="utf-8").splitlines():
            if line.startswith("#define PY_VERSION "):
                return line.split('"')[1]
    raise RunError(f"{checkout}: no checkout of CPython (Include/patchlevel.h tells the version)")


def numpy_tree(folder: Path | None, cache: Path) -> tuple[str, Path]:
    """The name of the NumPy that is measured, and the folder of its sources, fetched when none is given."""
    root = folder if folder is not None else source_tree(NUMPY, cache)
    info = root / "PKG-INFO"
    lines: Iterable[str] = info.read_text(encoding="utf-8").splitlines() if info.exists() else ()
    told = next((line.split()[1] for line in lines if line.startswith("Version: ")), "")
    inner = root / NUMPY.paths[0]
    return f"NumPy {told}".strip(), inner if inner.is_dir() else root


def report(options: argparse.Namespace, scratch: Path) -> str:
    """Measure everything and give the report."""
    repeat = 1 if options.quick else options.repeat
    compile_heaplint()
    sources: dict[str, Path] = {}
    if options.cpython is not None:
        sources[f"CPython {python_of(options.cpython)}"] = options.cpython
    if not options.no_numpy:
        name, folder = numpy_tree(options.numpy, options.cache)
        sources[name] = folder
    trees: dict[str, Samples] = {}
    sections: list[str] = []
    changes: Changes | None = None
    for number, (name, source) in enumerate(sources.items()):
        say(f"-- {name}")
        tree = copy_tree(source, scratch / f"tree-{number}", SUFFIXES)
        cache = scratch / f"cache-{number}"
        trees[name], section = measure_tree(name, tree, cache, repeat)
        sections.append(section)
        if source == options.cpython:
            changes = measure_changes(tree, cache, repeat, scratch)
            sections.append(changes.section)
    say("-- a small file")
    folder = scratch / "small"
    folder.mkdir()
    shutil.copyfile(SMALL, folder / SMALL.name)
    small_tree = copy_tree(folder, scratch / "small-tree", SUFFIXES)
    small, section = measure_small(small_tree, small_tree / SMALL.name, scratch / "cache-small", repeat)
    sections.append(section)
    say("-- compilers and analyzers")
    sections.append(measure_peers(small_tree / SMALL.name, options.cpython, scratch / "peers", repeat, ALL, say))
    growth = None
    if options.cpython is not None:
        say("-- scaling")
        growth, section = measure_scaling(options.cpython, scratch, repeat)
        sections.append(section)
    return environment(repeat) + bounds(trees, small, changes, growth) + "".join(sections)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 2 when something cannot be measured."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument(
        "--cpython", type=Path, metavar="DIR", help="a checkout of CPython; without it less is measured"
    )
    reader.add_argument("--numpy", type=Path, metavar="DIR", help=f"NumPy's sources (numpy {NUMPY.version}, fetched)")
    reader.add_argument("--no-numpy", action="store_true", help="leave NumPy out")
    reader.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "heaplint-ecosystem", metavar="DIR")
    reader.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each; medians are told (3)")
    reader.add_argument("--quick", action="store_true", help="run each once")
    reader.add_argument("--output", type=Path, metavar="PAGE", help="write between the markers of a page")
    reader.add_argument("--part", default=MEASURED, metavar="NAME", help=f"which markers ({MEASURED})")
    options = reader.parse_args(arguments)
    if options.repeat < 1:
        reader.error("--repeat is positive")
    try:
        with tempfile.TemporaryDirectory(prefix="heaplint-speed-") as scratch:
            text = report(options, Path(scratch).resolve())
        if options.output is None:
            print(text, end="")
        else:
            write_between_markers(options.output, text, options.part)
    except (RunError, PackageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
