"""The fingerprint by which GitHub code scanning knows a result again: `primaryLocationLineHash`.

GitHub's upload action (github/codeql-action, src/fingerprints.ts) computes it when it is missing and warns when it
differs from its own: a hash of the 100 UTF-16 units from the start of the line on, without spaces and tabs, every
line ending as LF, the end of the file as U+FFFF and NULs. Behind a colon stands which line with that hash it is.
"""

from __future__ import annotations

import itertools
import sys
from array import array
from collections import defaultdict
from collections.abc import Sequence, Set

WINDOW = 100
"""How many UTF-16 units are hashed."""
_END = "\uffff" + "\0" * WINDOW
LANE = 16
"""Bytes in which a hash is computed."""


def line_hashes(data: bytes, lines: Set[int]) -> dict[int, str]:
    """The fingerprint of each of the given lines (1-based) of a file; lines that the file does not have are left out.

    Lines are counted as GitHub counts them: a lone CR ends one too. Of two lines that differ in what is hashed and yet
    have the same hash, GitHub numbers the second 2, and this numbers it 1; the hash is too wide for that to happen
    unless somebody sets out to.
    """
    units = _units(data)
    texts = units.removesuffix(_END).split("\n")
    starts = list(itertools.accumulate(map(len, texts), initial=0))
    # a short line is hashed as another only when it is the same, so that the others need not be looked at
    wanted = {texts[line - 1] for line in lines if 1 <= line <= len(texts)}
    places: dict[str, list[int]] = defaultdict(list)
    for index in [index for index, text in enumerate(texts) if text in wanted or len(text) >= WINDOW]:
        start = starts[index] + index  # a newline for each line before
        places[units[start : start + WINDOW]].append(index + 1)
    return {
        line: f"{value:x}:{number}"
        for value, alike in zip(_hashes(list(places)), places.values(), strict=True)
        for number, line in enumerate(alike, 1)
        if line in lines
    }


def _units(data: bytes) -> str:
    """What is hashed of a file, one character for each UTF-16 unit."""
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if data.isascii():
        return data.translate(None, b" \t").decode("ascii") + _END
    text = data.decode("utf-8", errors="replace").replace(" ", "").replace("\t", "")
    if max(text) > "\uffff":
        order = "le" if sys.byteorder == "little" else "be"
        text = "".join(map(chr, array("H", text.encode(f"utf-16-{order}"))))
    return text + _END


def _hashes(windows: Sequence[str]) -> Sequence[int]:
    """The polynomial in 37 of each window, modulo 2**64.

    Horner's scheme for all of them at once, each in a lane of 128 bits of one large integer: arithmetic on a number
    for each unit would take most of the time of a report.
    """
    units = "".join(windows).encode("utf-16-le", "surrogatepass")
    lanes = len(windows) * LANE
    mask = int.from_bytes((b"\xff" * 8 + b"\0" * 8) * len(windows), "little")
    total = 0
    for place in range(WINDOW):
        column = bytearray(lanes)
        column[0::LANE] = units[2 * place :: 2 * WINDOW]
        column[1::LANE] = units[2 * place + 1 :: 2 * WINDOW]
        total = total * 37 + int.from_bytes(column, "little")
        if place % 10 == 9:  # ten factors of 37 are 53 bits: with the 64 of the hash they stay in their lane
            total &= mask
    hashes = total.to_bytes(lanes, "little")
    return [int.from_bytes(hashes[lane : lane + 8], "little") for lane in range(0, lanes, LANE)]
