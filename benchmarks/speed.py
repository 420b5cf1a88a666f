"""How long heaplint takes on a tree of C files, against a bare tree-sitter parse of the same files.

`python benchmarks/speed.py DIR` prints the median of user plus system seconds of both, their ratio (DESIGN.md §10)
and heaplint's peak memory. Each runs in a process of its own; heaplint's start-up counts, the parser's does not.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# To be replaced by heaplint.discovery, so that both sides read exactly the same files.
SUFFIXES = frozenset({".c", ".h", ".cpp", ".cc", ".cxx", ".hpp"})
REPOSITORY = Path(__file__).resolve().parent.parent
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit of ru_maxrss: bytes on macOS, kibibytes on Linux (getrusage(2))."""


@dataclass(frozen=True, slots=True)
class Parse:
    """What was parsed, and the user plus system seconds of it."""

    files: int
    size: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Run:
    """What heaplint used: user plus system seconds, wall-clock seconds, and peak resident bytes."""

    cpu: float
    wall: float
    peak: int


def parse(root: Path) -> Parse:
    """Read the C files below a folder, then parse each once, keeping no tree, with Python's garbage collector off."""
    import tree_sitter_c
    from tree_sitter import Language, Parser

    sources = [path.read_bytes() for path in sorted(root.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
    parser = Parser(Language(tree_sitter_c.language()))
    gc.disable()
    start = time.process_time()
    for source in sources:
        parser.parse(source)
    return Parse(len(sources), sum(map(len, sources)), time.process_time() - start)


def parse_apart(root: Path) -> Parse:
    """Parse in a process of its own: Linux hands the peak memory of a parent on to what it starts."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(parse, (root,))


def run(command: Sequence[str]) -> Run:
    """Run a command to its end and give what it and its children used; SystemExit when it fails."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"error: exit code {process.returncode}: {shlex.join(command)}")
    return Run(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * MAXRSS_BYTES)


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line names and print it."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    reader = argparse.ArgumentParser(
        usage="%(prog)s [-h] [--repeat N] [--command COMMAND] DIR [-- OPTION ...]",
        description=(__doc__ or "").partition("\n")[0],
        epilog="What follows -- goes to `heaplint check`.",
    )
    reader.add_argument("root", type=Path, metavar="DIR")
    reader.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of each; medians are printed (3)")
    reader.add_argument("--command", default=f"{shlex.quote(sys.executable)} -m heaplint", help="how heaplint is run")
    options = reader.parse_args(arguments[:cut])
    if options.repeat < 1 or not options.root.is_dir():
        reader.error("DIR is a folder and --repeat is positive")
    command = [*shlex.split(options.command), "check", "--exit-zero", "-q"]
    command += [*arguments[cut + 1 :], str(options.root.resolve())]
    parses, runs = [], []
    for _ in range(options.repeat):  # in turn, so that a busy moment hits both
        parses.append(parse_apart(options.root))
        runs.append(run(command))
    if not parses[0].files:
        reader.error(f"no C files in {options.root}")
    parse_cpu, run_cpu = statistics.median(it.cpu for it in parses), statistics.median(it.cpu for it in runs)
    wall, peak = statistics.median(it.wall for it in runs), max(it.peak for it in runs)
    print(f"files     {parses[0].files} ({parses[0].size / 1e6:.1f} MB)")
    print(f"parse     {parse_cpu:.2f} s user+sys, median of {options.repeat}")
    print(f"heaplint  {run_cpu:.2f} s user+sys, {wall:.2f} s wall")
    print(f"ratio     {run_cpu / parse_cpu:.2f}")
    print(f"peak      {peak / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
