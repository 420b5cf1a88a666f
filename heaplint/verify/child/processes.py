"""Processes that a check starts: a group for each, and none of them outlives it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants (Linux, prctl(2)), so that they can be found and ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def threads() -> int:
    """How many threads this process has; 1 where the system does not tell."""
    with contextlib.suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return 1


def own_group(pid: int) -> None:
    """Put a child into a group of its own; it does so too, whichever comes first."""
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


def end_strays(group: int) -> None:
    """End what is left of a group, and descendants that left it; collect them."""
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)
    for _ in range(100):  # each round may orphan the children of those it ends
        children = _children()
        if not children:
            break
        for pid in children:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    with contextlib.suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]
    return []
