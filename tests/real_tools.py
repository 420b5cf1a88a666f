"""The programs of others that tests marked `external` run: found on the machine, or installed to a cache.

Where a tool cannot be had, the test is skipped; with CI=true in the environment it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heaplint-test-tools"


def unavailable(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """The path of the first of some programs that the machine has."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or unavailable(f"none of {', '.join(names)} is installed")


def from_pypi(requirement: str, command: str) -> str:
    """A command of a package, installed into a virtual environment of its own when the machine does not have it."""
    name = requirement.partition("=")[0].rstrip("<>~!")
    folder = CACHE / name
    own = folder / "bin" / command
    beside = shutil.which(command) or shutil.which(command, path=str(Path(sys.executable).parent))
    if beside or own.exists():
        return beside or str(own)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    done = subprocess.run(
        [str(folder / "bin" / "pip"), "install", "-q", requirement], capture_output=True, text=True, check=False
    )
    return str(own) if done.returncode == 0 else unavailable(f"{requirement} cannot be installed: {done.stderr[-300:]}")


def environment(**more: str) -> dict[str, str]:
    """The environment in which `python -m heaplint` is this tree's."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}
