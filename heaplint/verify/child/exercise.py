"""Running a script, then the tests that it defines. Other interpreters run this file's text: it imports next to nothing."""

from __future__ import annotations

import contextlib
import sys
from typing import Any


def run(file: str, space: dict[str, Any]) -> None:
    """Run it in a namespace that keeps what it makes; raises the first error.

    Tests are functions without parameters whose names begin with `test`, and the cases of unittest.
    """
    space.update({"__name__": "__main__", "__file__": file})
    with open(file, "rb") as stream:
        code = compile(stream.read(), file, "exec")
    with contextlib.suppress(SystemExit):  # unittest.main() ends so
        exec(code, space)
    framework = sys.modules.get("unittest")
    for name, one in list(space.items()):
        if framework and isinstance(one, type) and issubclass(one, framework.TestCase):
            outcome = framework.TestResult()
            framework.defaultTestLoader.loadTestsFromTestCase(one).run(outcome)
            for case, told in (*outcome.errors, *outcome.failures):
                raise AssertionError(f"{case}: {told.splitlines()[-1]}")
        elif name.startswith("test") and hasattr(one, "__code__") and not one.__code__.co_argcount:
            space[f"result of {name}"] = one()
