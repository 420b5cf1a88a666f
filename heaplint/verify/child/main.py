"""The script that the interpreter under test runs: finds its own package, opens the pipes, serves requests."""

from __future__ import annotations

import importlib.util
import os
import sys


def _load_package() -> None:
    """Make this file's package known as `heaplint.verify.child`, although heaplint is not installed here.

    Its packages are taken from beside this file even when another heaplint is: both sides must be of one version.
    """
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [os.path.dirname(os.path.dirname(here)), os.path.dirname(here), here]
    for name, folder in zip(("heaplint", "heaplint.verify", "heaplint.verify.child"), folders):
        spec = importlib.util.spec_from_file_location(
            name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)


def main() -> None:
    """Serve the requests of the pipe whose descriptor is the first argument, answer on the second's."""
    requests, answers = int(sys.argv[1]), int(sys.argv[2])
    token = sys.argv[3]
    sys.path[:1] = []  # the folder of this script
    sys.argv[:] = ["heaplint-verify"]
    sys.dont_write_bytecode = True
    _load_package()
    from heaplint.verify.child.server import Server

    Server(requests, answers, token).serve()


main()
