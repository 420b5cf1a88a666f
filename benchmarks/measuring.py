"""What the benchmarks share: processes of their own and what they used, a bare parse, copies of trees, generated pages."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
HEAPLINT = (sys.executable, "-I", "-m", "heaplint")
"""The one that is installed, which may be a compiled one, and not the sources of the folder at hand."""
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit of ru_maxrss: bytes on macOS, kibibytes on Linux (getrusage(2))."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Of the processes that are measured: with the variable, a checkout would be compiled anew by each of them."""
MEASURED = "measured"
"""The name of a page's part that is generated, unless it has several."""


class RunError(Exception):
    """A command that could not be measured; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a process and its children used: user plus system seconds, wall-clock seconds, peak resident bytes of one."""

    cpu: float
    wall: float
    peak: int


@dataclass(frozen=True, slots=True)
class Parse:
    """What was parsed: files, their size in bytes, and the user plus system seconds it took."""

    files: int
    size: int
    cpu: float


def run(command: Sequence[str], *, output: Path | None = None, seconds: float | None = None) -> Run:
    """Run a command to its end, its standard output to a file or nowhere; all that it started ends with it.

    Raises RunError for an exit code that is not 0, and when it is not done after so many `seconds`.
    """
    start = time.monotonic()
    with open(output or os.devnull, "wb") as stream:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        late = threading.Event()

        def stop() -> None:
            late.set()
            with contextlib.suppress(ProcessLookupError):  # it ended at the last moment
                os.killpg(process.pid, signal.SIGKILL)

        alarm = threading.Timer(seconds, stop) if seconds is not None else None
        if alarm is not None:
            alarm.start()
        assert process.stderr is not None, "it is a pipe"
        try:
            errors = process.stderr.read()
            process.stderr.close()
            _, status, usage = os.wait4(process.pid, 0)
        except KeyboardInterrupt:
            stop()
            raise
        finally:
            if alarm is not None:
                alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise RunError(f"not done after {seconds:g} s: {shlex.join(command)}")
    if process.returncode != 0:
        last = (errors.decode(errors="replace").strip().splitlines() or ["nothing said"])[-1]
        raise RunError(f"exit code {process.returncode}: {shlex.join(command)}: {last}")
    return Run(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * MAXRSS_BYTES)


def compile_heaplint() -> None:
    """Compile heaplint to bytecode, as its installation does; RunError when it cannot be."""
    run([sys.executable, "-m", "compileall", "-q", str(REPOSITORY / "heaplint")])


def bare_parse(root: Path) -> Parse:
    """Parse what heaplint would read below a folder, each file once as it is, keeping no tree, Python's collector off.

    In a process of its own: Linux hands the peak memory of a parent on to what it starts.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_parse, (root,))


def _parse(root: Path) -> Parse:
    sys.path.insert(0, str(REPOSITORY))
    import gc

    import tree_sitter_c
    import tree_sitter_cpp
    from tree_sitter import Language, Parser

    from heaplint.config import Config
    from heaplint.discovery import discover
    from heaplint.source import is_cplusplus

    parsers = Parser(Language(tree_sitter_c.language())), Parser(Language(tree_sitter_cpp.language()))
    files = discover([str(root)], Config(), root).files
    jobs = [(parsers[is_cplusplus(file)], file.data) for file in files]
    gc.disable()
    start = time.process_time()
    for parser, data in jobs:
        parser.parse(data)
    return Parse(len(jobs), sum(len(data) for _, data in jobs), time.process_time() - start)


@functools.cache
def options_of_check() -> frozenset[str]:
    """The options that `heaplint check` knows."""
    told = subprocess.run([*HEAPLINT, "check", "--help"], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return frozenset(word.rstrip(",") for word in told.stdout.split() if word.startswith("-"))


def has_cache() -> bool:
    """Whether this heaplint keeps a cache."""
    return "--cache-dir" in options_of_check()


def has_jobs() -> bool:
    """Whether this heaplint works in several processes."""
    return "-j" in options_of_check()


def check_command(*options: str, jobs: int = 1, cache: Path | None = None) -> list[str]:
    """The command line of `heaplint check` in one process with no cache, unless something else is asked for."""
    command = [*HEAPLINT, "check", "--exit-zero", *options]
    if has_jobs():
        command += ["-j", str(jobs)]
    if has_cache():
        command += ["--no-cache"] if cache is None else ["--cache-dir", str(cache)]
    return command


def copy_tree(source: Path, target: Path, suffixes: frozenset[str]) -> Path:
    """Copy the files of some suffixes (lower case), and no links, to a project of their own with no configuration."""
    for path in sorted(source.rglob("*")):
        if path.suffix.lower() in suffixes and path.is_file() and not path.is_symlink():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    target.mkdir(parents=True, exist_ok=True)
    (target / "heaplint.toml").write_bytes(b"")
    return target


def markers(part: str) -> tuple[str, str]:
    """The lines between which a generated part of a page stands."""
    return f"<!-- {part}:start -->", f"<!-- {part}:end -->"


def write_between_markers(page: Path, text: str, part: str = MEASURED) -> None:
    """Replace what stands between the marker lines of a page; a page that has none yet gets both at its end."""
    first, last = markers(part)
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    before, start, rest = old.partition(first)
    _, end, after = rest.partition(last)
    if bool(start) != bool(end):
        raise RunError(f"{page}: only one of {first} and {last}")
    if not start:
        before, after = (old.rstrip("\n") + "\n\n" if old else ""), "\n"
    page.write_text(f"{before}{first}\n{text}{last}{after}", encoding="utf-8", newline="\n")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, rule, *rows)) + "\n"
