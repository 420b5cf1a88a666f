"""Requests come in as lines of JSON; each check runs in a fork of this process, and its answer goes out as a line."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from typing import Any, Callable

from heaplint.verify.child import checks, limits, modules, processes
from heaplint.verify.child.instances import NoInstanceError
from heaplint.verify.child.inventory import Inventory

Request = dict[str, Any]
LONGEST_REQUEST = 1 << 26


class Server:
    """One interpreter under test. What its checks print goes nowhere: answers have a pipe of their own.

    Every line that goes out begins with a token, so that what a module writes to the descriptor by chance is not taken
    for an answer.
    """

    def __init__(self, requests: int, answers: int, token: str) -> None:
        self._requests = os.fdopen(requests, "rb")
        self._answers = answers
        self._token = token.encode()
        self._inventory: Inventory | None = None
        os.set_inheritable(answers, False)
        processes.adopt_orphans()

    def serve(self) -> None:
        """Answer until the requests end."""
        self.answer({"ready": list(sys.version_info[:3]), "implementation": sys.implementation.name})
        for line in iter(lambda: self._requests.readline(LONGEST_REQUEST), b""):
            request: Request = json.loads(line)
            operation: Callable[[Request], dict[str, Any]] = getattr(self, "_" + request["op"])
            try:
                reply = operation(request)
            except Exception as error:  # of the module's doing: the other requests are still to be served
                reply = {"error": modules.describe(error)}
            self.answer({"done": request["id"], **reply})

    def answer(self, what: dict[str, Any]) -> None:
        """Write one line."""
        line = self._token + b" " + json.dumps(what).encode("ascii") + b"\n"
        while line:
            line = line[os.write(self._answers, line) :]

    def _resolve(self, request: Request) -> dict[str, Any]:
        return {"modules": modules.resolve(request["module"], request["path"])}

    def _standard(self, request: Request) -> dict[str, Any]:
        return {"modules": modules.standard()}

    def _prepare(self, request: Request) -> dict[str, Any]:
        """Import the module and run the exercise in this process, from which the checks are forked."""
        limits.set_limits(request)
        self._inventory = inventory = Inventory(request["module"], request["path"], request["exercise"], self._teller(request))
        return {
            "file": inventory.file,
            "types": inventory.described(),
            "dependencies": inventory.dependencies,
            "phases": inventory.phases,
            "exercised": inventory.exercised,
            "threads": max(processes.threads(), threading.active_count()),
        }

    def _check(self, request: Request) -> dict[str, Any]:
        """Run a check in a fork, or here when the request says that forks are unsafe."""
        if request["inline"]:
            self._run(request)
            return {"status": 0}
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            os.close(self._requests.fileno())
            code = 1
            try:
                self._run(request)
                code = 0
            finally:
                os._exit(code)
        processes.own_group(pid)
        self.answer({"started": request["id"], "group": pid})
        status = os.waitpid(pid, 0)[1]
        processes.end_strays(pid)
        return {"status": os.waitstatus_to_exitcode(status)}

    def _run(self, request: Request) -> None:
        limits.set_limits(request)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        tell = self._teller(request)
        try:
            checks.CHECKS[request["check"]](self._inventory, request, tell)
        except NoInstanceError as error:
            tell(error=str(error))
        except BaseException as error:
            tell(error=modules.describe(error))
        tell(end=True)

    def _teller(self, request: Request) -> Callable[..., None]:
        """What tells the other side something on the way to the end of a request."""

        def tell(**what: Any) -> None:
            self.answer({"told": request["id"], **what})

        return tell
