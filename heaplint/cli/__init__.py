"""The command line: one module per command, and nothing but options and the order of steps in them."""

from __future__ import annotations

import contextlib
import gc
import os
import sys


def main() -> None:
    """Run the command that the arguments name, and leave the process with its exit code."""
    if sys.argv[1:] == ["--version"]:  # before anything slow is imported
        from heaplint import __version__

        sys.stdout.write(f"heaplint {__version__}\n")
        return
    from heaplint.cli.app import run

    if sys.argv[1:2] != ["lsp"]:  # all others are over before it would be worth looking for cycles
        gc.disable()
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # `run` has told of a stream that takes nothing
            stream.flush()
    os._exit(code)  # everything is written; to take apart what was read, node by node, is of no use to anybody
