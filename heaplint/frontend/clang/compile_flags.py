"""Compile databases: which of a compiler's flags are taken over. A database is untrusted input: what it says is read,
never run, and only flags that are known to do no harm pass (an allow-list: `-I -isystem -iquote -idirafter -D -U`).
"""

from __future__ import annotations

import json
import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from heaplint import lazy_re as re
from heaplint.records import dataclass, field

_DIRECTORY = ("-isystem", "-iquote", "-idirafter", "-I")
_DEFINITION: Final = re.compile(r"-D([A-Za-z_]\w*)(?:\([\w\s,.]*\))?(?:=(.{0,1000}))?\Z", re.S)
_UNDEFINED: Final = re.compile(r"-U([A-Za-z_]\w*)\Z")
_HARMLESS: Final = re.compile(r"[-\w\s+*/().,:\"'<>=|&!~^%\[\]{}\\]*\Z")
_MAX_BYTES: Final = 100_000_000
_MAX_FLAGS: Final = 2_000
_SYSTEM: Final = ("/usr/local/include", "/usr/include", "/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu")
"""Where a compiler looks without being told: its database does not say so."""


class CompileDatabaseError(Exception):
    """A compile database that cannot be used; the text names the file and the cause."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What of a command is taken over."""

    directories: tuple[str, ...] = ()
    """Folders of headers, absolute, in order."""
    definitions: tuple[str, ...] = ()
    """-D and -U, as they are given."""
    _known: dict[str, bool] = field(default_factory=dict, compare=False)

    @property
    def arguments(self) -> tuple[str, ...]:
        """For libclang. The folders come after all that is given to it, and none is one of the built-in ones."""
        return (*self.definitions, *(word for folder in self.directories for word in ("-isystem", folder)))

    def has_header(self, name: str) -> bool:
        """Whether one of the folders has this header, as a plain file: no device, no pipe."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = not os.path.isabs(name) and ".." not in name.split("/") and any(
                _is_file(os.path.join(folder, name)) for folder in self.directories
            )
        return known


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


NO_FLAGS: Final = Flags()


def load(database: Path, root: Path) -> Mapping[str, Flags]:
    """Absolute path of a source → the flags of its first entry that are taken over.

    Raises CompileDatabaseError for a file that is none.
    """
    try:
        if not stat.S_ISREG(os.stat(database).st_mode):
            raise CompileDatabaseError(f"{database}: not a plain file")
        if os.stat(database).st_size > _MAX_BYTES:
            raise CompileDatabaseError(f"{database}: more than {_MAX_BYTES:,} bytes")
        entries = json.loads(database.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CompileDatabaseError(f"{database}: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(entries, list):
        raise CompileDatabaseError(f"{database}: not a list of commands")
    result: dict[str, Flags] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            raise CompileDatabaseError(f"{database}: entry {number + 1} names no file")
        folder = entry.get("directory")
        base = root / folder if isinstance(folder, str) else root
        source = os.path.normpath(base / entry["file"])
        if source not in result:
            result[source] = _flags(list(_words(entry)), str(base), os.path.normpath(root))
    return result


def _words(entry: Mapping[str, object]) -> Iterator[str]:
    arguments, command = entry.get("arguments"), entry.get("command")
    if isinstance(arguments, list):
        yield from (one for one in arguments if isinstance(one, str))
    elif isinstance(command, str):
        try:
            yield from shlex.split(command)
        except ValueError:  # an open quote: nothing of it can be trusted
            return


def _flags(words: list[str], base: str, root: str) -> Flags:
    """Folders of the project are left out: its headers are given to libclang as heaplint has read them."""
    directories: dict[str, None] = {}
    definitions: list[str] = []
    at = 1  # the compiler
    while at < min(len(words), _MAX_FLAGS):
        word = words[at]
        at += 1
        option = next((one for one in _DIRECTORY if word.startswith(one)), None)
        if option is not None:
            value = word[len(option) :]
            if not value and at < len(words):
                value = words[at]
                at += 1
            folder = os.path.normpath(os.path.join(base, value))
            outside = os.path.relpath(folder, root).startswith(os.pardir)
            if value and outside and os.path.isdir(folder) and not value.startswith(("=", "-", "@")):
                directories[folder] = None
            continue
        if word in ("-D", "-U") and at < len(words):
            word += words[at]
            at += 1
        defined = _DEFINITION.match(word)
        if (defined and _HARMLESS.match(defined.group(2) or "")) or _UNDEFINED.match(word):
            definitions.append(word)
    for folder in _SYSTEM:
        if os.path.isdir(folder):
            directories[folder] = None
    return Flags(tuple(directories), tuple(definitions))
