"""The parent's side of the exact front end: starts the child, asks it, and outlives whatever becomes of it."""

from __future__ import annotations

import importlib.util
import os
import pickle
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from heaplint import ir
from heaplint.frontend.clang.protocol import Answer, Request
from heaplint.frontend.parsed import Parsed
from heaplint.unpickling import unpickled

MEMORY: Final = 2_000_000_000
"""Bytes of address space that the child may take."""
SECONDS: Final = 20
"""Processor time for one question; on the clock it may take three times as long."""
_MAX_ANSWER: Final = 200_000_000
_START: Final = (
    "import sys; sys.path[:0] = {paths!r}; from heaplint.frontend.clang.worker import main; main({memory}, {seconds})"
)


_SENT: Final = ir.CLASSES | {(one.__module__, one.__name__): one for one in (Parsed, Answer)}


class LostError(Exception):
    """The child died, or had to be killed; the text says why."""


class MissingError(Exception):
    """libclang is not installed."""


def loaded(data: bytes) -> object:
    """What the child has sent; raises pickle.UnpicklingError for anything but IR."""
    return unpickled(data, _SENT)


def _paths() -> list[str]:
    """Where the child finds heaplint and libclang; never the folder that heaplint was started in."""
    own = Path(__file__).resolve().parents[3]
    here = Path.cwd().resolve()
    spec = importlib.util.find_spec("clang")
    places = [Path(one).resolve().parent for one in (spec.submodule_search_locations or ())] if spec else []
    places = [one for one in places if one != here or own == here]
    if not places:
        raise MissingError("libclang is not installed: pip install libclang")
    return list(dict.fromkeys([str(own), *map(str, places)]))


def installed() -> bool:
    """Whether there is a libclang to ask."""
    try:
        return bool(_paths())
    except MissingError:
        return False


class Child:
    """One worker process, started at the first question and again after it was lost."""

    def __init__(self, memory: int = MEMORY, seconds: int = SECONDS) -> None:
        self.memory = memory
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: Request) -> Answer:
        """The answer to a request; raises LostError when the child does not survive it, MissingError without libclang."""
        process = self._process or self._start()
        assert process.stdin is not None
        data = pickle.dumps(request, protocol=pickle.HIGHEST_PROTOCOL)
        deadline = threading.Timer(3 * self.seconds, process.kill)
        deadline.start()
        try:
            process.stdin.write(struct.pack("<Q", len(data)) + data)
            process.stdin.flush()
            (length,) = struct.unpack("<Q", self._read(process, 8))
            if length > _MAX_ANSWER:
                raise LostError("the answer is too long")
            answer = loaded(self._read(process, length))
        except BrokenPipeError as error:
            self.close()
            raise LostError(_reason(process)) from error
        except (OSError, EOFError, pickle.UnpicklingError, struct.error) as error:
            self.close()
            raise LostError(str(error) or type(error).__name__) from error
        except (LostError, KeyboardInterrupt):
            self.close()
            raise
        finally:
            deadline.cancel()
        if not isinstance(answer, Answer) or len(answer.items) not in (0, len(request.items)):
            self.close()
            raise LostError("it answered something else")
        return answer

    def _read(self, process: subprocess.Popen[bytes], length: int) -> bytes:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        parts: list[bytes] = []
        while length:
            part = os.read(descriptor, min(length, 1 << 20))
            if not part:
                raise LostError(_reason(process))
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def _start(self) -> subprocess.Popen[bytes]:
        code = _START.format(paths=_paths(), memory=self.memory, seconds=self.seconds)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            cwd=os.path.dirname(os.path.abspath(__file__)), start_new_session=True,
        )
        return self._process

    def close(self) -> None:
        """End the child; another question starts a new one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not sent yet has nobody to go to
                    stream.close()


def _reason(process: subprocess.Popen[bytes]) -> str:
    """Why a process has ended that should not have."""
    return _REASONS.get(-process.wait(), "it ended without an answer")


_REASONS: Final = {
    24: "it took too much processor time", 9: "it was killed, for the time it took perhaps", 11: "libclang crashed",
    6: "libclang gave up, for lack of memory perhaps",
}
"""Signals of POSIX → what they mean here (SIGXCPU has this number on Linux and macOS)."""
