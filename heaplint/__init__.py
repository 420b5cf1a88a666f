"""heaplint: static analysis of C extensions for CPython."""

__version__ = "0.1.0"
