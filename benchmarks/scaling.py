"""Copies of a part of CPython's modules that do not know each other: twice the copies is twice the source, no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

PART_BYTES = 500_000
_TYPE = rb"^(?!static\b|typedef\b)[A-Za-z_][\w *]*"
EXTERNAL = re.compile(_TYPE + rb"(?:\n(\w+)\([^;{}]*\)\n\{|[ *](\w+) = \{)", re.MULTILINE)
"""A function or variable as CPython defines one that is not static: a function's type stands on the line before it."""


def part_of_modules(cpython: Path) -> dict[str, bytes]:
    """The first modules of a checkout by name, half a megabyte, with what Argument Clinic wrote for them."""
    part: dict[str, bytes] = {}
    for path in sorted((cpython / "Modules").glob("*.c")):
        if sum(map(len, part.values())) >= PART_BYTES:
            break
        clinic = path.parent / "clinic" / f"{path.name}.h"
        for file in (path, clinic):
            if file.is_file():
                part[file.relative_to(cpython / "Modules").as_posix()] = file.read_bytes()
    return part


def copies_of(part: Mapping[str, bytes], count: int, tree: Path) -> Path:
    """Write so many copies to a project, each in a folder of its own and with external names of its own."""
    tree.mkdir(parents=True)
    (tree / "heaplint.toml").write_bytes(b"")
    names = sorted({found[1] or found[2] for data in part.values() for found in EXTERNAL.finditer(data)})
    word = re.compile(rb"\b(?:" + b"|".join(map(re.escape, names)) + rb")\b")
    for number in range(count):
        suffix = f"_{number}".encode()
        for name, data in part.items():
            path = tree / f"copy{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(word.sub(lambda found, suffix=suffix: found[0] + suffix, data))
    return tree
