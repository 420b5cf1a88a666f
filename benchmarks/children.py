"""Work in a child process with bounds on processor time and memory: what ends the child is told as a Failure."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import re
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from heaplint.checking import TRACEBACK

MEMORY: Final = 1 << 30
"""Bytes of address space that a child may have beyond what it starts with."""
PATIENCE: Final = 600.0
"""Seconds without a word after which a child is ended: it waits for something."""

Kind = Literal["exception", "property", "time", "memory", "killed", "silent"]
_FRAME: Final = re.compile(r'File "[^"]*?/(heaplint/[^"]+)", line \d+,? in (\w+)')
_VARYING: Final = re.compile(r"0x[0-9a-f]+|\d+")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed."""

    kind: Kind
    cause: str
    """One line that is the same for the same defect: the error, and the function of heaplint that it comes from."""
    text: str
    """The traceback."""


def of_exception(error: BaseException) -> Failure:
    """What an exception tells."""
    text = "".join(traceback.format_exception(error))
    if type(error).__name__ == "PropertyError":
        return Failure("property", _VARYING.sub("N", str(error))[:90].replace("\n", " "), text)
    kind: Kind = "memory" if isinstance(error, MemoryError) else "exception"
    if isinstance(error, RecursionError):  # which function is the last one says nothing
        return Failure(kind, "RecursionError", text)
    return Failure(kind, f"{type(error).__name__} in {_where(_FRAME.findall(text)[-1:])}", text)


def _where(frames: list[tuple[str, str]]) -> str:
    return " ".join(f"{function}() of {file}" for file, function in frames) or "none of heaplint's functions"


@contextlib.contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """End the process, with its stack told, when the block takes longer."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def answers(work: Callable[[Callable[[Any], None]], None]) -> Iterator[Any]:
    """Everything that `work` says in a child process, and a Failure last when that did not end well."""
    readable, writable = os.pipe()
    stack = os.memfd_create("stack")
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(readable)
        _work(work, writable, stack)
    os.close(writable)
    silent = False
    try:
        with open(readable, "rb") as stream:
            while not silent:
                silent = not select.select([stream], [], [], PATIENCE)[0]
                if not silent:
                    try:
                        answer = pickle.load(stream)
                    except EOFError:
                        break
                    yield answer
    finally:
        if silent or sys.exc_info()[0] is not None:  # nobody listens any more
            os.kill(child, signal.SIGPROF)  # it tells its stack, and ends
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told = os.pread(stack, 100_000, 0).decode("utf-8", "replace")
        os.close(stack)
    if status != 0:
        kind: Kind = "silent" if silent else "time" if status == -signal.SIGPROF else "killed"
        name = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        yield Failure(kind, f"{kind}: {name} in {_where(_FRAME.findall(told)[:1])}", told)


def _work(work: Callable[[Callable[[Any], None]], None], pipe: int, stack: int) -> None:
    """The child's part; never returns."""
    os.environ[TRACEBACK] = "1"
    faulthandler.enable(stack)
    faulthandler.register(signal.SIGPROF, stack, all_threads=False, chain=True)
    with open("/proc/self/statm") as facts:
        size = int(facts.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    code = 1
    try:
        with open(pipe, "wb", buffering=0) as stream:
            work(lambda thing: pickle.dump(thing, stream))
        code = 0
    except BaseException:
        os.write(stack, traceback.format_exc().encode())
    finally:
        os._exit(code)
