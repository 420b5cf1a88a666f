"""One file of C as it is on disk: its bytes, and the way from byte offsets to lines and columns."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from heaplint import lazy_re as re
from heaplint.digest import DIGEST, blake2b
from heaplint.findings import Span
from heaplint.packed import pack, unpacked

CPLUSPLUS_SUFFIXES = (".cc", ".cpp", ".cxx", ".c++", ".hpp", ".hh", ".hxx", ".h++", ".C")
"""Names of files that are C++."""

UTF8_BOM = b"\xef\xbb\xbf"
_ONLY_CPLUSPLUS = re.compile(
    rb"^[ \t]*(?:namespace\b[\w \t:]*\{?[ \t]*$|template[ \t]*<|class[ \t]+\w+[ \t]*(?:[:{;]|$)|using[ \t]+(?:namespace\b|\w+[ \t]*=)|"
    rb"(?:public|private|protected)[ \t]*:)", re.M,
)
_FOR_CPLUSPLUS = re.compile(rb"^[ \t]*#[ \t]*(?:if|ifdef|elif)\b[^\n]*\b__cplusplus\b", re.M)


class SourceFile:
    """The bytes of one file; offsets are 0-based bytes, lines and columns 1-based, columns in code points."""

    __slots__ = ("_ascii", "_data", "_digest", "_packed", "_starts", "names_heaplint", "path", "size")

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        """Relative to the root of the run, with forward slashes."""
        self.size = len(data)
        """In bytes."""
        self._data: bytes | None = data
        self._packed = b""
        self._ascii = data.isascii()
        self.names_heaplint = b"heaplint:" in data
        """Whether there may be comments for heaplint: known without the bytes, which are put away."""
        self._starts: array[int] | None = None
        self._digest: bytes | None = None

    @property
    def data(self) -> bytes:
        """As on disk; a UTF-8 byte order mark is kept."""
        return unpacked(self._packed) if self._data is None else self._data

    def put_away(self) -> None:
        """Keep the bytes compressed from now on: few will look at them."""
        if self._data is not None:
            self._packed, self._data = pack(self._data), None

    @property
    def digest(self) -> bytes:
        """What identifies the contents (BLAKE2b, 16 bytes)."""
        if self._digest is None:
            self._digest = blake2b(self.data, digest_size=DIGEST).digest()
        return self._digest

    def __reduce__(self) -> tuple[type[SourceFile], tuple[str, bytes]]:
        return SourceFile, (self.path, self.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SourceFile) and (self.path, self.digest) == (other.path, other.digest)

    def __hash__(self) -> int:
        return hash((self.path, self.digest))

    @property
    def line_starts(self) -> Sequence[int]:
        """The offset at which each line begins (computed once; not to be changed)."""
        if self._starts is None:
            lengths = [len(line) + 1 for line in self.data.split(b"\n")]
            self._starts = array("I", [0, *accumulate(lengths[:-1])])
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of a byte offset; raises ValueError when it lies outside the file.

        Bytes that are no UTF-8 count as one code point each sequence; the byte order mark is not counted, as editors
        do not show it.
        """
        if not 0 <= offset <= self.size:
            raise ValueError(f"{self.path}: offset {offset} is not within {self.size} bytes")
        line = bisect_right(self.line_starts, offset)
        if self._ascii:
            return line, 1 + offset - self.line_starts[line - 1]
        before = self.data[self._visible_start(line) : offset]
        return line, 1 + (len(before) if before.isascii() else len(before.decode("utf-8", errors="replace")))

    def span(self, start: int, end: int) -> Span:
        """The stretch from byte `start` up to, not including, byte `end`; raises ValueError as `position` does."""
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        return Span(self.path, line, column, end_line, end_column)

    def offset(self, line: int, column: int) -> int:
        """The byte offset of a line and column: the inverse of `position`; raises ValueError when there is no such place.

        Past the end of a line its line ending is counted as one more column, as `position` does.
        """
        if not 1 <= line <= len(self.line_starts):
            raise ValueError(f"{self.path}: no line {line}")
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else self.size
        visible = self._visible_start(line)
        text = self.data[visible:end]
        if text.isascii():
            found = visible + column - 1
        else:  # the last offset before which there are as many code points as wanted: never within a character
            found = visible + bisect_right(
                range(len(text) + 1), column - 1, key=lambda size: len(text[:size].decode("utf-8", errors="replace"))
            ) - 1  # fmt: skip
        if column < 1 or found > end or self.position(max(found, start))[1] != column:
            raise ValueError(f"{self.path}: no column {column} in line {line}")
        return found

    def line_text(self, line: int) -> str:
        """The text of a line without its line ending; raises ValueError when there is no such line."""
        if not 1 <= line <= len(self.line_starts):
            raise ValueError(f"{self.path}: no line {line}")
        end = self.line_starts[line] - 1 if line < len(self.line_starts) else self.size
        return self.data[self._visible_start(line) : end].removesuffix(b"\r").decode("utf-8", errors="replace")

    def _visible_start(self, line: int) -> int:
        start = self.line_starts[line - 1]
        return len(UTF8_BOM) if start == 0 and self.data.startswith(UTF8_BOM) else start


def is_cplusplus(source: SourceFile) -> bool:
    """Whether a file that is read for itself is C++: by its name, a header that no other file includes by its text."""
    if source.path.endswith(CPLUSPLUS_SUFFIXES) or source.path.lower().endswith(CPLUSPLUS_SUFFIXES):
        return True
    if not source.path.endswith(".h") or _ONLY_CPLUSPLUS.search(source.data) is None:
        return False
    return _FOR_CPLUSPLUS.search(source.data) is None
