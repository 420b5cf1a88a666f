"""Texts kept compressed: a run has all files at hand, in all views, and few of them are looked at closely at a time."""

from __future__ import annotations

import functools
import zlib


def pack(text: bytes) -> bytes:
    """What to keep of a text."""
    return zlib.compress(text, 1)


@functools.lru_cache(maxsize=64)
def unpacked(packed: bytes) -> bytes:
    """The text; those asked for last are the same object each time."""
    return zlib.decompress(packed)
