"""Importing a module again and again: what of the old module objects stays alive."""

from __future__ import annotations

import contextlib
import sys
import weakref
from typing import Any, Callable

from heaplint.verify.child import exercise, instances, modules


def run(inventory: object, request: dict[str, Any], tell: Callable[..., None]) -> None:
    """Forget and import the module `times` times, exercise each, and count the modules that are still alive.

    What was imported first is kept by those who imported it and is not counted, nor is the last.
    """
    modules.search(request["path"])
    name = request["module"]
    first = modules.load(name)
    parent, _, last = name.rpartition(".")
    seen: list[Any] = []
    for number in range(request["times"]):
        tell(doing=f"import {number + 2}")
        del sys.modules[name]
        again = modules.load(name)
        if again is first:
            tell(same=True)
            return
        if parent:
            setattr(sys.modules[parent], last, again)
        if request["exercise"] is not None:
            with contextlib.suppress(Exception):  # that it fails was told when the module was imported first
                exercise.run(request["exercise"], {})
        seen.append(weakref.ref(again))
        del again
    instances.collect()
    tell(alive=[sum(one() is not None for one in seen[:-1]), len(seen) - 1])
