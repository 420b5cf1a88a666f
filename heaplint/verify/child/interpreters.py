"""Importing and exercising a module in interpreters beside the main one, in sequence and at the same time."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from typing import Any, Callable

from heaplint.verify.child import exercise as exercises
from heaplint.verify.child import memory, modules
from heaplint.verify.child.images import image_of

Tell = Callable[..., None]

_CODE = """
import sys
sys.path[:] = {path!r}
sys.dont_write_bytecode = True
stage = "import"
try:
    import importlib
    for one in {dependencies!r}:
        try:
            importlib.import_module(one)
        except ImportError:
            pass
    if {name!r}:
        importlib.import_module({name!r})
    stage = "exercise"
    if {exercise!r}:
        runner = {{"__name__": "exercise"}}
        with open({runner!r}, "rb") as stream:
            exec(compile(stream.read(), {runner!r}, "exec"), runner)
        runner["run"]({exercise!r}, {{}})
    stage, told = "", ""
except BaseException as error:
    told = type(error).__name__ + ": " + " ".join(str(error).split())
import os
os.write({descriptor!r}, (stage + "\\0" + told[:400] + "\\n").encode("utf-8", "backslashreplace"))
"""


class Interpreter:
    """An interpreter beside the main one; with a GIL of its own from 3.12 on, when `isolated`."""

    def __init__(self, isolated: bool) -> None:
        if sys.version_info >= (3, 13):
            import _interpreters as low  # type: ignore[import-not-found]  # of the interpreter under test

            self._low, self.identity = low, low.create("isolated" if isolated else "legacy")
        else:
            import _xxsubinterpreters as low  # type: ignore[import-not-found]  # its name up to 3.12

            self._low, self.identity = low, low.create(isolated=isolated)

    def run(self, code: str) -> str | None:
        """Run code in it; gives what went wrong."""
        try:
            if sys.version_info >= (3, 13):
                failed = self._low.exec(self.identity, code)
                return None if failed is None else str(failed.formatted)
            self._low.run_string(self.identity, code)
        except Exception as error:
            return modules.describe(error)
        return None

    def end(self) -> None:
        """Finalise it."""
        self._low.destroy(self.identity)


def once(isolated: bool, name: str, path: list[str], exercise: str | None, dependencies: list[str]) -> dict[str, str]:
    """What became of a module in one new interpreter: `{}`, or the stage at which an error came and the error."""
    reading, writing = os.pipe()
    code = _CODE.format(
        path=path, name=name, exercise=exercise, descriptor=writing, dependencies=dependencies, runner=exercises.__file__
    )
    interpreter = Interpreter(isolated)
    failed = interpreter.run(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read().decode("utf-8", "replace")
    interpreter.end()
    if failed is not None:
        return {"stage": "import", "error": failed}
    stage, _, error = told.rstrip("\n").partition("\0")
    return {"stage": stage, "error": error} if stage else {}


def run(inventory: object, request: dict[str, Any], tell: Tell) -> None:
    """Import and exercise the module in `count` interpreters: one after the other, or all at the same time."""
    path = [*request["path"], *sys.path]
    arguments: tuple[bool, str, list[str], str | None, list[str]] = (
        request["isolated"], request["module"], path, request["exercise"], request["dependencies"],
    )  # fmt: skip
    outcomes: list[dict[str, str]] = []
    if not request["parallel"]:
        for number in range(request["count"]):
            tell(doing=f"interpreter {number + 1}")
            outcomes.append(once(*arguments))
            if outcomes[-1]:
                break
    else:
        tell(doing=f"{request['count']} interpreters at the same time")
        errors: list[str] = []

        def one_of_many() -> None:
            try:
                outcomes.append(once(*arguments))
            except Exception as error:
                errors.append(modules.describe(error))

        threads = [threading.Thread(target=one_of_many) for _ in range(request["count"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcomes.extend({"stage": "interpreter", "error": error} for error in errors)
    tell(outcomes=[json.loads(text) for text in sorted({json.dumps(one, sort_keys=True) for one in outcomes})])


def growth(inventory: object, request: dict[str, Any], tell: Tell) -> None:
    """What stays behind of interpreters that come and go.

    Told are the words of the heap that point into the shared object (its types, their methods, its module objects). A few
    interpreters come and go before, until the heap is steady.
    """
    path = [*request["path"], *sys.path]
    arguments = (request["isolated"], request["module"], path, request["exercise"], request["dependencies"])
    for _ in range(request["before"]):
        outcome = once(*arguments)
        if outcome:
            tell(failed=outcome)
            return
    image = image_of(request["file"])
    if image is None:
        tell(uncounted="where the shared object lies in memory cannot be known")
        return
    areas = image.stretches
    if not memory.is_countable(areas):
        tell(unlucky=True)
        return
    start = _left(areas)
    for _ in range(request["count"]):
        once(*arguments)
    tell(grown=[_left(areas) - start])


def _left(areas: list[tuple[int, int]]) -> int:
    gc.collect()
    maps = memory.Maps()
    return sum(maps.pointers_into(area) for area in areas)
