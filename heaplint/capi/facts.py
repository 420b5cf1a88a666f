"""Loads the facts about the C API (facts.toml)."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heaplint.records import dataclass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class Builtin:
    """What is known of a type of the interpreter."""

    name: str
    gc: bool
    new: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """Of a slot function: `returns` is o (object or pointer), i (int), s (Py_ssize_t), h (Py_hash_t) or v (void)."""

    returns: str
    parameters: int


@functools.cache
def _facts() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("facts.toml").read_text(encoding="utf-8"))


@functools.cache
def builtin(name: str) -> Builtin | None:
    """A built-in type by its C name; exceptions (`PyExc_…`) all take part in garbage collection and have tp_new."""
    if name.startswith(("PyExc_", "_PyExc_")):
        return Builtin(name, True, True)
    known = _facts()["types"].get(name)
    return Builtin(name, bool(known["gc"]), bool(known["new"])) if known else None


def builtin_names() -> tuple[str, ...]:
    """The C names of the built-in types that are known, exceptions not among them."""
    return tuple(_facts()["types"])


@functools.cache
def since() -> Mapping[str, tuple[int, int]]:
    """Slots and flags → the first Python that has them."""
    return {name: (int(text.split(".")[0]), int(text.split(".")[1])) for name, text in _facts()["since"].items()}


@functools.cache
def signatures() -> Mapping[str, Signature]:
    """Slot names (tp_ form) → what their functions look like."""
    return {name: Signature(one[0], one[1]) for name, one in _facts()["signatures"].items()}


@functools.cache
def table_fields(table: str) -> tuple[str, ...]:
    """The fields of PyNumberMethods and its like, in order; empty for other structs."""
    return tuple(_facts()["tables"].get(table, "").split())


@functools.cache
def family(name: str) -> frozenset[str]:
    """The functions of a family that makes or frees objects; raises KeyError for one that facts.toml does not have."""
    return frozenset(_facts()["memory"][name].split())
