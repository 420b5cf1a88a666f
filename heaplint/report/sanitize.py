"""The only road from untrusted text to output: names, messages and source lines of the linted tree are escaped here.

A file name or a source line can hold control sequences that rewrite a terminal, and characters that reorder what is
read ("Trojan Source", CVE-2021-42574). Each function makes text safe for one kind of output; all are idempotent
except those for workflow commands, whose escapes escape their own escape character.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable
from html import escape

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # invisible: soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line ends, bidirectional controls
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # fillers, variation selectors, byte order mark, annotations
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # musical formatting, tags
    "\ud800-\udfff"  # bytes of file names that are no UTF-8
    "]"
)
_FORMULA = ("=", "+", "-", "@")


def text(value: str) -> str:
    """One line of visible text: control, invisible and reordering characters as `\\x1b` or `\\u202e`."""
    return value if value.isascii() and value.isprintable() else _UNSAFE.sub(_escaped, value)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found.group())
    if 0xDC80 <= number <= 0xDCFF:  # a byte kept by the `surrogateescape` error handler (PEP 383)
        number -= 0xDC00
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def html(value: str) -> str:
    """One line of visible text for HTML: the content of an element or a quoted attribute."""
    return escape(text(value), quote=True)


def characters(line: str) -> list[str]:
    """A source line, one safe string for each code point; a tab becomes four spaces."""
    return ["    " if one == "\t" else text(one) for one in line]


def width(shown: str) -> int:
    """How many terminal cells a safe string takes (Unicode Standard Annex 11)."""
    if shown.isascii():
        return len(shown)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in shown
    )


def workflow_data(value: str) -> str:
    """The message of a GitHub workflow command: `%`, CR and LF as percent escapes, the rest as `text`."""
    escaped = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text(escaped)


def workflow_property(value: str) -> str:
    """A property of a GitHub workflow command: as its message, and `:` and `,` escaped."""
    return workflow_data(value).replace(":", "%3A").replace(",", "%2C")


def csv_row(cells: Iterable[object]) -> str:
    """A line of CSV; a cell that a spreadsheet would take for a formula begins with an apostrophe instead."""
    row = io.StringIO()
    safe = (text(str(cell)) for cell in cells)
    csv.writer(row, lineterminator="\n").writerow("'" + cell if cell.startswith(_FORMULA) else cell for cell in safe)
    return row.getvalue()


def json_document(value: object) -> str:
    """A JSON document in ASCII, ending in a newline; strings keep every character but lone surrogates.

    Bytes of file names that are no UTF-8 become `\\xff`, as a lone surrogate is no Unicode text (RFC 8259, 8.2).
    """
    document = json.dumps(_without_surrogates(value), indent=2, ensure_ascii=True)
    return document.replace("\x7f", "\\u007f") + "\n"


_SURROGATE = re.compile("[\ud800-\udfff]")


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub(_escaped, value)
    if isinstance(value, dict):
        return {key: _without_surrogates(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(one) for one in value]
    return value
