"""The process of an interpreter under test, seen from outside: requests, answers, and an end to what takes too long."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from heaplint.discovery import InputError
from heaplint.records import dataclass, field

MAIN = Path(__file__).with_name("child") / "main.py"
GRACE = 5.0
"""Seconds in which a process has to tell that a check which was ended has ended."""
START = 30.0
"""Seconds in which an interpreter has to start."""
MARK = "HEAPLINT_VERIFY"
"""The environment variable by which all that a process starts is known."""
_ROUNDS = 100
"""How often processes are looked for that others start while these are ended."""
_MOST = 1 << 25
"""Bytes of answers to one request."""

Ended = Literal["done", "died", "timed-out", "overflowed"]


class HostError(InputError):
    """An interpreter that cannot be run; the message names it and the cause."""


class AnswerError(Exception):
    """An answer that no check gives: a module wrote it itself."""


@dataclass(slots=True)
class Reply:
    """What came back for a request."""

    told: list[dict[str, object]] = field(default_factory=list)
    """What the check told, in order."""
    last: dict[str, object] = field(default_factory=dict)
    """The closing line of the request."""
    ended: Ended = "done"
    status: int = 0
    """Exit code of the check's process, or of the interpreter when that died; negative for a signal."""
    complaint: str = ""
    """What was written to standard error last, or the interpreter's fatal error."""

    def get(self, key: str) -> object:
        """What was told last under a name."""
        return next((line[key] for line in reversed(self.told) if key in line), None)

    def listed(self, key: str) -> list[object]:
        """A list that was told, or closed the request; [] when there was none."""
        value = self.get(key) if key not in self.last else self.last[key]
        return value if isinstance(value, list) else []

    def numbers(self, key: str, count: int) -> list[int]:
        """So many numbers that were told; raises AnswerError."""
        value = self.get(key)
        if not isinstance(value, list) or len(value) != count or not all(isinstance(one, int) for one in value):
            raise AnswerError(f"no answer of a check: {key}")
        return value

    @property
    def failure(self) -> str | None:
        """Why there is no answer, as words; None when the check came to its end."""
        doing = self.get("doing")
        where = f" in {doing}" if doing else ""
        if self.ended == "timed-out":
            return f"takes too long{where}"
        if self.ended == "overflowed":
            return f"answers without end{where}"
        if (self.complaint and self.crashed) or self.status < 0:
            return f"crashes{where} ({self.complaint or _signal(self.status)})"
        if self.crashed:
            return f"ends the process{where} (exit code {self.status})"
        error = self.get("error") or self.last.get("error")
        return str(error) if error else None

    @property
    def crashed(self) -> bool:
        """Whether the process ended by a signal that nobody sent, or was ended by the module."""
        return self.ended == "died" or (self.ended == "done" and (self.status != 0 or self.cut))

    @property
    def cut(self) -> bool:
        """Whether a check's process ended, as if all were well, before the check did."""
        return "status" in self.last and self.ended == "done" and not self.get("end")

    def note_processor_time(self) -> None:
        """Several threads can use up the processor time before the clock ends them: that is no crash."""
        if self.status == -signal.SIGXCPU:
            self.ended = "timed-out"


class Host:
    """A running interpreter; everything that it starts is ended with it."""

    def __init__(self, python: str, seconds: int, memory: int) -> None:
        self._seconds, self._memory = seconds, memory
        self._token = secrets.token_hex(16)
        self._number = 0
        self._buffer = bytearray()
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        os.set_blocking(self._requests, False)  # a process that does not read must not hold up this one
        self._complaints = tempfile.TemporaryFile("w+b")  # noqa: SIM115  # it lives as long as the process
        complaints = os.dup(self._complaints.fileno())
        fcntl.fcntl(complaints, fcntl.F_SETFL, os.O_APPEND)
        try:
            self._process = subprocess.Popen(
                [python, str(MAIN), str(requests), str(answers), self._token],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                pass_fds=(requests, answers),
                start_new_session=True,
                env=_environment(self._token),
            )
        except OSError as error:
            raise HostError(f"--python: {python}: {error.strerror or error}") from error
        finally:
            for descriptor in (requests, answers, complaints):
                os.close(descriptor)
        self.alive = True
        opening = self._await("ready", max(seconds, START), Reply())
        ready = opening.last.get("ready")
        if not isinstance(ready, list) or ready < [3, 9] or opening.last.get("implementation") != "cpython":
            self.close()
            version = ".".join(map(str, ready)) if isinstance(ready, list) else opening.complaint or "it did not answer"
            raise HostError(f"--python: {python}: no CPython 3.9 or newer with a GIL ({version})")
        self.version: tuple[int, int, int] = (ready[0], ready[1], ready[2])

    def ask(self, operation: str, fields: Mapping[str, object], longer: float = 1.0) -> Reply:
        """Make a request and wait for its end; a check that takes `longer` times its seconds is ended."""
        if not self.alive:
            return Reply(ended="died", complaint="the process is gone")
        self._number += 1
        limit = self._seconds * longer
        request = {"op": operation, "id": self._number, "seconds": limit, "memory": self._memory, **fields}
        self._complaints.truncate(0)
        try:
            _write_all(self._requests, json.dumps(request).encode("ascii") + b"\n", time.monotonic() + limit)
        except TimeoutError:
            return self._lost(Reply(ended="timed-out"))
        except OSError:
            return self._lost(Reply())
        return self._await("done", limit, Reply())

    def close(self) -> None:
        """End the process and all that it started; once, as its descriptors may be others' afterwards."""
        if not self.alive:
            return
        self.alive = False
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        _end_marked(self._token)
        for descriptor in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._complaints.close()

    def _await(self, closing: str, seconds: float, reply: Reply) -> Reply:
        """Read lines until the closing one."""
        deadline = time.monotonic() + seconds
        group: int | None = None
        received = 0
        while True:
            line = self._line(deadline)
            if line is None:
                if reply.ended == "timed-out" or group is None:
                    reply.ended = "timed-out"
                    return self._lost(reply)
                reply.ended = "timed-out"
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)
                deadline = time.monotonic() + GRACE
                continue
            received += len(line)
            if not line or received > _MOST:
                reply.ended = "overflowed" if line else "died"
                return self._lost(reply)
            what = self._read(line)
            if closing in what and what[closing] in (self._number, what.get("ready")):
                reply.last = what
                status = what.get("status", 0)
                reply.status = status if isinstance(status, int) else 0
                reply.note_processor_time()
                reply.complaint = self._complaint()
                return reply
            if what.get("started") == self._number and self._is_own(what.get("group")):
                group = int(str(what["group"]))
            elif what.get("told") == self._number:
                reply.told.append(what)

    def _line(self, deadline: float) -> bytes | None:
        """The next line, or what there is of one that is too long; b"" at the end of the answers, None at the end of the time."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return None
            data = os.read(self._answers, 1 << 16)
            if not data:
                return b""
            if searched > _MOST:
                return bytes(self._buffer)
            self._buffer += data
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _read(self, line: bytes) -> dict[str, object]:
        """The content of a line that begins with the token; nothing for any other."""
        token, _, text = line.partition(b" ")
        if token != self._token.encode():
            return {}
        try:
            what = json.loads(text)
        except (ValueError, RecursionError):
            return {}
        return what if isinstance(what, dict) else {}

    def _is_own(self, group: object) -> bool:
        """Whether this is a group of processes that the process started, and not one that a module made up."""
        with contextlib.suppress(OSError):
            return isinstance(group, int) and group > 1 and os.getsid(group) == self._process.pid
        return False

    def _lost(self, reply: Reply) -> Reply:
        """The process cannot be used any more."""
        if reply.ended == "done":
            reply.ended = "died"
        reply.complaint = self._complaint()
        status = self._process.poll()
        if status is None and reply.ended == "died":
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(GRACE)
        reply.status = status or 0
        reply.note_processor_time()
        self.close()
        return reply

    def _complaint(self) -> str:
        """The interpreter's fatal error, or what was written to standard error last."""
        self._complaints.seek(0)
        lines = self._complaints.read(1 << 16).decode("utf-8", "replace").splitlines()
        fatal = next((line for line in lines if line.startswith("Fatal Python error")), None)
        return (fatal or "").strip()[:300]


def _end_marked(token: str) -> None:
    """End every process that has the token in its environment: what left its group and its parent (Linux)."""
    mark = f"{MARK}={token}".encode()
    for _ in range(_ROUNDS):
        found = False
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes() and "Z" not in _state(folder):
                    found = True
                    os.kill(int(folder.name), signal.SIGKILL)
        if not found:
            return


def _state(folder: Path) -> str:
    """The state of a process, as one letter (proc_pid_stat(5))."""
    return (folder / "stat").read_text(errors="replace").rpartition(")")[2][:2]


def _signal(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _environment(token: str) -> dict[str, str]:
    """The user's environment, and memory that can be read: from malloc, and overwritten when it is freed.

    With PYTHONMALLOC=malloc the blocks of glibc's malloc are those of all objects; its tunables (perturb, tcache_count)
    see to it that no freed block looks like one in use.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONINSPECT", "PYTHONSTARTUP")}
    tunables = [*filter(None, [kept.get("GLIBC_TUNABLES")]), "glibc.malloc.perturb=165", "glibc.malloc.tcache_count=0"]
    return {**kept, "PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": ":".join(tunables), MARK: token}


def _write_all(descriptor: int, data: bytes, deadline: float) -> None:
    """Write to a pipe that does not block; raises TimeoutError when nobody reads it until the deadline, and OSError."""
    left = memoryview(data)
    while left:
        if not select.select([], [descriptor], [], max(0, deadline - time.monotonic()))[1]:
            raise TimeoutError
        left = left[os.write(descriptor, left) :]
