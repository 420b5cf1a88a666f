"""`heaplint lsp`: the editor server."""

from __future__ import annotations

from collections.abc import Callable


def command() -> Callable[[], int]:
    """Serve an editor on standard input and output (Language Server Protocol)."""

    def task() -> int:
        from importlib.util import find_spec

        from heaplint.config import ConfigError

        if find_spec("pygls") is None:
            raise ConfigError("lsp: the editor server needs pygls: pip install 'heaplint[lsp]'")
        from heaplint.lsp.server import create

        create().start_io()
        return 0

    return task
