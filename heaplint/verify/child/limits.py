"""Bounds of what a check may take; the parent's clock bounds its time."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from typing import Any


def set_limits(request: Mapping[str, Any]) -> None:
    """Bound the address space (bytes), the processor time (seconds) and the size of files, where the system can."""
    memory, seconds = request["memory"], int(request["seconds"]) + 1
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    _lower(resource.RLIMIT_AS, memory)
    _lower(resource.RLIMIT_CPU, spent + seconds)
    _lower(resource.RLIMIT_FSIZE, 1 << 24)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(which, (bounded, hard))
    except (OSError, ValueError):
        return  # macOS refuses RLIMIT_AS below what is mapped; the parent's clock still holds
