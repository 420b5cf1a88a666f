"""The standard library's `re`, but that a pattern is compiled by its first use: `from heaplint import lazy_re as re`.

A start makes two hundred patterns, a tenth of a millisecond each, and uses a quarter of them.
"""

from __future__ import annotations

import functools
import re
from re import *  # noqa: F403  # all that it has; `compile` is told apart below
from typing import TYPE_CHECKING, Any

_METHODS = ("finditer", "findall", "fullmatch", "match", "search", "split", "sub", "subn")


class Lazy:
    """What stands for a pattern: once it is used, its methods are the pattern's own."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


if not TYPE_CHECKING:
    compile = functools.lru_cache(1024)(lambda pattern, flags=0: Lazy(pattern, flags))  # equal patterns are one
