"""The command line: one module per command, and nothing but options and the order of steps in them."""

from __future__ import annotations

import gc
import io
import os
import sys

INTERRUPTED = 130
"""Exit code when somebody presses Ctrl-C."""


def main() -> None:
    """Run the command that the arguments name, and leave the process with its exit code."""
    if sys.argv[1:] == ["--version"]:  # before anything slow is imported
        from heaplint import __version__

        try:
            sys.stdout.write(f"heaplint {__version__}\n")
            sys.stdout.flush()
            _leave(0)
        except OSError:
            pass  # `run` meets it again, and tells of it
    if sys.argv[1:2] != ["lsp"]:  # all others are over before it would be worth looking for cycles
        gc.disable()
    try:
        from heaplint.cli.app import run
    except KeyboardInterrupt:
        sys.stderr.write("heaplint: error: interrupted\n")
        _leave(INTERRUPTED)

    _write_all()
    _leave(run(sys.argv[1:]))


def _leave(code: int) -> None:
    """End the process at once: everything is written, and to take apart what was read, node by node, is of no use to anybody."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # `run` has told of a stream that takes nothing
    os._exit(code)


def _write_all() -> None:
    """Put a buffer under standard output where PYTHONUNBUFFERED has taken it away.

    Without one Python makes one attempt at each write: what a disk that gets full takes only in part is cut off, and
    nobody is told.
    """
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.FileIO):
        raw = io.FileIO(raw.fileno(), "w", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw), sys.stdout.encoding, line_buffering=sys.stdout.isatty(), write_through=True
        )
