"""npm packages that tests marked `external` run, installed to the cache of tests/real_tools.py."""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

from real_tools import CACHE, program, unavailable


def from_npm(package: str) -> Path:
    """The folder of an npm package."""
    folder = CACHE / "npm" / package.replace("/", "+")
    installed = folder / "node_modules" / package
    if not (installed / "package.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [program("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            unavailable(f"{package} cannot be installed: {done.stderr[-300:]}")
    return installed


def sarif_multitool() -> Path:
    """The folder with the program `Sarif.Multitool` for this system, and the schema that it brings.

    The package's own command hands its arguments to a shell unquoted, which cuts `Sarif;Ghas` in two.
    """
    name = f"sarif-multitool-{platform.system().lower()}"
    return from_npm("@microsoft/sarif-multitool").parent / name
