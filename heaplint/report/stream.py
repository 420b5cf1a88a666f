"""Where a report goes: standard output, or a file that is written as a whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class OutputError(Exception):
    """An output file that cannot be written; the message names it and the cause."""


def wants_colour(stream: TextIO, asked: bool | None) -> bool:
    """Whether to colour: as asked, else as NO_COLOR (https://no-color.org) and FORCE_COLOR say, else on a terminal."""
    if asked is not None:
        return asked
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def wants_links(stream: TextIO, asked_colour: bool | None) -> bool:
    """Whether to make hyperlinks (OSC 8): as FORCE_HYPERLINK says (`0`: never), else on a terminal that gets colour.

    Output without colour holds no escape sequences at all, so NO_COLOR and --no-color turn links off too.
    """
    forced = os.environ.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    return stream.isatty() and os.environ.get("TERM") != "dumb" and wants_colour(stream, asked_colour)


@contextmanager
def destination(path: str | None) -> Iterator[TextIO]:
    """The stream to write a report to: standard output, or the file `path` (UTF-8, `\\n`).

    The file is opened at once, so that a place that cannot be written is known before the work is done, and it takes
    its name when all is written: a failure leaves what was there. Raises OutputError.
    """
    if path is None:
        yield sys.stdout
        return
    if not path or os.path.isdir(path):
        raise OutputError(f"--output: {path!r} is no file")
    target = os.path.realpath(path)
    with _named_errors(path):
        if os.path.exists(target) and not stat.S_ISREG(os.stat(target).st_mode):
            with open(target, "w", encoding="utf-8", newline="\n") as device:
                yield device
        else:
            with _replacing(target) as stream:
                yield stream


@contextmanager
def _named_errors(path: str) -> Iterator[None]:
    """Errors of writing, which name no file or the temporary one, as OutputError about `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None or os.path.dirname(error.filename) == os.path.dirname(os.path.realpath(path)):
            raise OutputError(f"{path}: {error.strerror or error}") from error
        raise


@contextmanager
def _replacing(target: str) -> Iterator[TextIO]:
    """A new file that replaces `target` when the block ends well, and goes when it does not."""
    with Replacement(target, target) as replacement:
        stream = io.TextIOWrapper(replacement.file, encoding="utf-8", newline="\n")
        try:
            yield stream
            stream.flush()
        finally:
            stream.detach()
        replacement.finish()


class Replacement:
    """A file that is written beside another and takes its name and mode when it is finished, or goes.

    Raises OutputError about `name` when it cannot be written.
    """

    def __init__(self, target: str, name: str) -> None:
        self.target, self.name = target, name
        folder, base = os.path.split(target)
        self._temporary = os.path.join(folder, f".{base[:100]}.{os.getpid()}.tmp")
        self._mode: int | None = None
        self._done = False

    def __enter__(self) -> Replacement:
        with _named_errors(self.name):
            if os.path.exists(self.target):
                self._mode = stat.S_IMODE(os.stat(self.target).st_mode)
                if not os.access(self.target, os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self.target)
            descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            self.file = os.fdopen(descriptor, "wb")
        return self

    def write(self, data: bytes) -> None:
        """Write all that the file is to hold, as far as the disk."""
        with _named_errors(self.name):
            self.file.write(data)
            self.file.flush()

    def finish(self) -> None:
        """Let the file take its name."""
        with _named_errors(self.name):
            self.file.close()
            if self._mode is not None:
                os.chmod(self._temporary, self._mode)
            os.replace(self._temporary, self.target)
        self._done = True

    def __exit__(self, *_: object) -> None:
        if not self._done:
            try:
                self.file.close()
            finally:
                os.unlink(self._temporary)
