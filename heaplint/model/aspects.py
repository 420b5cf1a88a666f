"""What a whole program can be asked: aspects, of which each unit tells its part as plain data.

An index lists keys, each with what a unit says of it; an answer is what a unit says to a question that is put with its
key. Both are told without offsets, so that they stay the same when text moves within a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from heaplint.model.unit import Unit

Value: TypeAlias = "str | bytes | int | bool | tuple[Value, ...] | None"
Indexer: TypeAlias = "Callable[[Unit], Iterable[tuple[str, Value]]]"
Answerer: TypeAlias = "Callable[[Unit, str], Iterable[Value]]"

INDEXES: dict[str, tuple[bool, Indexer]] = {}
"""By name: whether a unit's types and modules must be known, and what gives keys and values."""
_TOGETHER: dict[str, list[str]] = {}
ANSWERS: dict[str, Answerer] = {}


def index(kind: str, *, of_types: bool = False) -> Callable[[Indexer], Indexer]:
    """Register what a unit tells of an aspect."""

    def register(function: Indexer) -> Indexer:
        assert kind not in INDEXES, kind
        INDEXES[kind] = of_types, function
        _TOGETHER.setdefault(function.__module__ if of_types else "", []).append(kind)
        return function

    return register


def told_together(kind: str) -> list[str]:
    """The aspects that look at the same of a unit, this one among them: its texts are at hand once for all of them."""
    of_types, function = INDEXES[kind]
    return _TOGETHER[function.__module__ if of_types else ""]


def answer(kind: str) -> Callable[[Answerer], Answerer]:
    """Register what a unit answers to a question, given its key."""

    def register(function: Answerer) -> Answerer:
        assert kind not in ANSWERS, kind
        ANSWERS[kind] = function
        return function

    return register
