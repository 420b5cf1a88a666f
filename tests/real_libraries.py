"""Packages of others that tests import: found beside the tests, or installed to a cache."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from real_tools import CACHE, unavailable


def library(requirement: str, module: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of a package from PyPI, importable until the test ends."""
    if importlib.util.find_spec(module) is None:
        folder: Path = CACHE / f"{module}-{sys.version_info.major}.{sys.version_info.minor}"
        if not (folder / module).exists():
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder), requirement],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                unavailable(f"{requirement} cannot be installed: {done.stderr[-300:]}")
        monkeypatch.syspath_prepend(str(folder))
    return importlib.import_module(module)
