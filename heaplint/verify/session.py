"""A module under test: a process in which it is imported, renewed when a check takes the process with it."""

from __future__ import annotations

from types import TracebackType

from heaplint.records import dataclass
from heaplint.verify.host import Host, Reply

RENEWALS = 3
"""How often the process of a module is started anew before its other checks are given up."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How modules are run."""

    python: str
    """The interpreter."""
    path: tuple[str, ...] = ()
    """Folders in which modules are looked for first."""
    exercise: str | None = None
    """A script or test module that is run after the import."""
    seconds: int = 20
    """What one check may take."""
    memory: int = 4 << 30
    """Bytes of address space that one check may use."""

    def host(self) -> Host:
        """A new interpreter; raises HostError."""
        return Host(self.python, self.seconds, self.memory)


class Session:
    """Asks checks of one module; each costs at most itself."""

    def __init__(self, module: str, settings: Settings) -> None:
        self.module = module
        self._settings = settings
        self._left = RENEWALS
        self._host: Host | None = None
        self._inline = False
        self.prepared = self._start()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._host is not None:
            self._host.close()

    def _start(self) -> Reply:
        """Import and exercise the module in a new process."""
        self._host = self._settings.host()
        reply = self._host.ask(
            "prepare", {"module": self.module, "path": self._settings.path, "exercise": self._settings.exercise}
        )
        threads = reply.last.get("threads", 1)
        self._inline = isinstance(threads, int) and threads > 1
        return reply

    @property
    def forks(self) -> bool:
        """Whether checks are forks; a module that starts threads gets a new process for each instead."""
        return not self._inline

    def ask(self, check: str, **fields: object) -> Reply:
        """The answer to a check."""
        if self._host is None or not self._host.alive:
            if self._left <= 0:
                return Reply([{"error": "given up: the process of the module ended too often"}])
            self._left -= 1
            started = self._start()
            if started.failure is not None:
                return started
        assert self._host is not None
        reply = self._host.ask("check", {"check": check, "inline": self._inline, **fields})
        if self._inline:
            self._host.close()
            self._left += reply.ended == "done"
        return reply
