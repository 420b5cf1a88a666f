"""A progress bar on standard error, for long work on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 1.0
"""Seconds of work before a bar appears."""


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A function to call with (done, total); None when nobody watches. The bar is gone when the work is done."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    began = time.monotonic()
    bars: list[Progress] = []

    def advance(done: int, total: int) -> None:
        if not bars and time.monotonic() - began < PATIENCE:
            return
        if not bars:
            bars.append(_started())
            bars[0].add_task("heaplint", total=total)
        bars[0].update(bars[0].task_ids[0], completed=done, total=total)

    try:
        yield advance
    finally:
        for bar in bars:
            bar.stop()


def _started() -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.start()
    return bar
