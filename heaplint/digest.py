"""BLAKE2b, from where `hashlib` has it: importing that loads a cryptographic library first, which takes 3 ms."""

from __future__ import annotations

try:
    from _blake2 import blake2b
except ImportError:  # another implementation of Python, or one that has moved it
    from hashlib import blake2b

__all__ = ["DIGEST", "blake2b"]

DIGEST = 16
"""Bytes of a digest that tells texts apart."""
