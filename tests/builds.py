"""The extension modules of tests/fixtures/verify, compiled for the interpreters that this machine has.

Without a compiler or headers a test is skipped; with CI=true in the environment it fails.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from real_tools import unavailable

SOURCES = Path(__file__).parent / "fixtures" / "verify"
_PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
_BUILDS = tempfile.TemporaryDirectory(prefix="heaplint-build-")
_INCLUDE = "import sysconfig; print(sysconfig.get_path('include'))"


def interpreters() -> list[str]:
    """This Python, then one of pyenv's of each minor version from 3.9 on."""
    found = {sys.version_info[:2]: sys.executable}
    for folder in sorted(_PYENV.glob("3.*")) if _PYENV.is_dir() else ():
        version = re.fullmatch(r"3\.(\d+)\.\d+", folder.name)
        python = folder / "bin" / "python"
        if version and int(version[1]) >= 9 and python.exists():
            found.setdefault((3, int(version[1])), str(python))
    return list(found.values())


INTERPRETERS = interpreters()


def version_of(python: str) -> tuple[int, int]:
    """Major and minor version of an interpreter."""
    text = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=True
    ).stdout
    major, minor = map(int, text.split())
    return major, minor


@functools.cache
def built(python: str, name: str, *options: str) -> str:
    """The folder in which a fixture lies as a module, compiled once for an interpreter in each test process."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        unavailable("no C compiler")
    include = subprocess.run([python, "-c", _INCLUDE], capture_output=True, text=True, check=True).stdout.strip()
    if not Path(include, "Python.h").exists():
        unavailable(f"{python} has no headers")
    folder = tempfile.mkdtemp(dir=_BUILDS.name)
    command = [
        compiler, "-shared", "-fPIC", "-O1", f"-I{include}", *options, str(SOURCES / f"{name}.c"), "-o", f"{folder}/{name}.so",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return folder
