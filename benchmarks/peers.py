"""heaplint beside the compilers and analyzers that are installed, on the very same files."""

from __future__ import annotations

import shutil
import statistics
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

from measuring import Run, RunError, check_command, run, table

SECONDS = 120
"""How long one of them may take for one file."""
FILES = 4
SIZES = range(15_000, 50_000)
"""Bytes of the modules of CPython that are compared on: neither tiny nor the ones that take minutes."""
PEERS = {
    "`gcc -fsyntax-only`": ("gcc", "-fsyntax-only", "-w"),
    "`gcc -O2 -c`": ("gcc", "-O2", "-c", "-w", "-o", "/dev/null"),
    "`gcc -fanalyzer`": ("gcc", "-fanalyzer", "-S", "-w", "-o", "/dev/null"),
    "`clang -fsyntax-only`": ("clang", "-fsyntax-only", "-w"),
    "`clang --analyze`": ("clang", "--analyze", "-o", "/dev/null"),
    "`cppcheck`": ("cppcheck", "--quiet", "--std=c11"),
}
INCLUDE = f"-I{sysconfig.get_paths()['include']}"


def measure_peers(
    small: Path, cpython: Path | None, scratch: Path, repeat: int, rules: Sequence[str], say: Callable[[str], None]
) -> str:
    """The section of the report on a small file and, with a checkout of CPython, some of its modules that compile."""
    sets = {f"{small.name}, {small.stat().st_size / 1e3:.0f} kB": ([small], [INCLUDE])}
    if cpython is not None:
        flags = headers_of(cpython)
        chosen = modules_that_compile(cpython, flags)
        size = sum(path.stat().st_size for path in chosen)
        names = ", ".join(f"`{path.name}`" for path in chosen)
        sets[f"CPython's {names}, {size / 1e3:.0f} kB"] = chosen, flags
    section = "### Compilers and analyzers on the same files\n\n"
    for number, (name, (files, flags)) in enumerate(sets.items()):
        tree = scratch / str(number)
        tree.mkdir(parents=True)
        (tree / "heaplint.toml").write_bytes(b"")
        for file in files:
            shutil.copyfile(file, tree / file.name)
        size = sum(file.stat().st_size for file in files)
        figures: dict[str, list[float]] = {}
        failed: dict[str, str] = {}
        for _ in range(repeat):
            for label, options in (("heaplint, default rules", ()), ("heaplint, all rules", tuple(rules))):
                figures.setdefault(label, []).append(run(check_command("-q", *options, str(tree))).cpu)
            for label, command in PEERS.items():
                if label in failed or shutil.which(command[0]) is None:
                    continue
                try:
                    cpu = sum(one.cpu for one in each(command, flags, files))
                except RunError as error:
                    say(str(error))
                    failed[label] = f"more than {SECONDS} s" if "not done" in str(error) else "failed"
                    continue
                figures.setdefault(label, []).append(cpu)
                say(f"{label}: {cpu:.2f} s")
        own = statistics.median(figures["heaplint, all rules"])
        rows = []
        for label in ("heaplint, default rules", "heaplint, all rules", *PEERS):
            if label in failed or label not in figures:
                rows.append((label, failed.get(label, "not installed"), "", ""))
            else:
                cpu = statistics.median(figures[label])
                rows.append((label, f"{cpu:.2f}", f"{cpu / size * 1e6:.1f}", f"{cpu / own:.2f}"))
        section += f"{name}:\n\n" + table(("", "CPU s", "s a MB", "× heaplint, all rules"), rows)
    return section


def each(command: Sequence[str], flags: Sequence[str], files: Sequence[Path]) -> list[Run]:
    """Run a compiler or analyzer on each file, one process a file as a build does."""
    if command[0] == "cppcheck":
        flags = [flag for flag in flags if flag.startswith(("-I", "-D"))]
    return [run([*command, *flags, str(file)], seconds=SECONDS) for file in files]


def headers_of(cpython: Path) -> list[str]:
    """The flags to compile a module of a checkout that was not configured: pyconfig.h is that of this Python."""
    folders = [cpython / "Include", cpython / "Include" / "internal", cpython / "Modules"]
    return [*(f"-I{folder}" for folder in folders), INCLUDE, "-DPy_BUILD_CORE_MODULE"]


def modules_that_compile(cpython: Path, flags: Sequence[str]) -> list[Path]:
    """The first modules of CPython by name that are of middling size and compile with these flags."""
    compiler = next(filter(None, map(shutil.which, ("gcc", "clang"))), None)
    chosen: list[Path] = []
    for path in sorted((cpython / "Modules").glob("*module.c")):
        if len(chosen) == FILES:
            break
        if path.stat().st_size not in SIZES:
            continue
        if compiler is not None:
            try:
                run([compiler, "-fsyntax-only", "-w", *flags, str(path)], seconds=SECONDS)
            except RunError:
                continue
        chosen.append(path)
    if not chosen:
        raise RunError(f"{cpython}: none of its modules compiles with {' '.join(flags)}")
    return chosen
