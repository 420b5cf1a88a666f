"""Fix real packages with --unsafe-fixes and see that they still build without new warnings and pass their own tests.

`python benchmarks/fixes.py --python PATH [--python PATH]` does so for each interpreter given, in virtual environments in
a temporary folder. Unlike the other benchmarks it runs what the packages bring: their setup.py and their tests.
Exit code: 0 when all is as it was, 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from packages import LIST_FILE, Package, read_packages, source_tree

WARNING = re.compile(r"warning: .*")
TOOLS = ("setuptools", "wheel", "pytest", "cffi", "packaging")


@dataclass(frozen=True, slots=True)
class Trial:
    """How a package is tested from its source folder once it is built in place."""

    tests: str
    import_from: str = "."
    environment: tuple[tuple[str, str], ...] = ()


TRIALS = {
    "brotli": Trial("python/tests", "python"),
    "simplejson": Trial("simplejson/tests"),
    "zstandard": Trial("tests", environment=(("PYTHON_ZSTANDARD_IMPORT_POLICY", "cext"),)),
}


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command with its output as text, standard error behind standard output."""
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


def warnings_of_build(python: Path, folder: Path) -> Counter[str]:
    """Build in place and give the compiler's warnings; raises RuntimeError when it does not build."""
    shutil.rmtree(folder / "build", ignore_errors=True)
    built = run([str(python), "setup.py", "build_ext", "--inplace"], folder, CFLAGS="-Wall -Wextra -O0")
    if built.returncode:
        raise RuntimeError(f"{folder.name} does not build:\n{built.stdout[-2000:]}")
    return Counter(WARNING.findall(built.stdout))


def heaplint(folder: Path, *options: str) -> str:
    """heaplint's output for a folder, without the configuration that lies in it."""
    command = [sys.executable, "-m", "heaplint", "check", "--isolated", "--exit-zero", "-q", *options, str(folder)]
    return run(command, Path(__file__).resolve().parent.parent).stdout


def try_package(package: Package, trial: Trial, python: Path, work: Path, cache: Path) -> list[str]:
    """What is worse after the fixes; empty when nothing is."""
    tree = source_tree(package, cache)
    before, after = work / f"{package.name}-before", work / f"{package.name}-after"
    for copy in (before, after):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tree, copy)
    fixed = heaplint(after, "--fix", "--unsafe-fixes", "--statistics").splitlines()
    old, new = warnings_of_build(python, before), warnings_of_build(python, after)
    worse = [f"new {warning}" for warning in (new - old)]
    paths = os.pathsep.join(str(after / part) for part in (trial.import_from, "."))
    tested = run([str(python), "-m", "pytest", "-q", trial.tests], after, PYTHONPATH=paths, **dict(trial.environment))
    if tested.returncode:
        worse.append(f"the tests fail:\n{tested.stdout[-2000:]}")
    left = heaplint(after, "--diff", "--unsafe-fixes")
    if left:
        worse.append(f"there is something left to fix:\n{left[:2000]}")
    last = tested.stdout.strip().splitlines()[-1] if tested.stdout.strip() else ""
    changed = next((line for line in fixed if line.startswith("Fixed")), "nothing fixed.")
    print(f"{package.name} {package.version}, {python.parent.parent.name}: {changed} {sum(new.values())} warnings; {last}")
    return worse


def main() -> int:
    """Every package of the table with every interpreter."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", type=Path, required=True, metavar="PATH")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "heaplint-ecosystem")
    parser.add_argument("package", nargs="*", help="only these", metavar="PACKAGE")
    options = parser.parse_args()
    packages = [one for one in read_packages(LIST_FILE) if one.name in (options.package or TRIALS)]
    bad = False
    with tempfile.TemporaryDirectory() as temporary:
        for number, interpreter in enumerate(options.python):
            work = Path(temporary) / f"{number}-{interpreter.absolute().parent.parent.name}"
            run([str(interpreter), "-m", "venv", str(work)], Path(temporary)).check_returncode()
            python = work / "bin" / "python"
            run([str(python), "-m", "pip", "install", "-q", *TOOLS], work).check_returncode()
            for package in packages:
                for line in try_package(package, TRIALS[package.name], python, work, options.cache):
                    bad = True
                    print(f"    {line}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
