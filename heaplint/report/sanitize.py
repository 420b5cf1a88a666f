"""The only road from untrusted text to output: names, messages and source lines of the linted tree are escaped here.

A file name or a source line can hold control sequences that rewrite a terminal, and characters that reorder what is
read ("Trojan Source", CVE-2021-42574). Each function makes text safe for one kind of output; the functions
for text to be read are idempotent, those for a syntax (workflow commands, links, URIs, XML) escape their own escape
character as well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from heaplint import lazy_re as re

if TYPE_CHECKING:
    from json import JSONEncoder

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
_LINK_SYNTAX = re.compile(r"[\[\]\\]")
_NONCHARACTER = re.compile("[\ufffe\uffff]")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
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
    from html import escape  # here and below: what few formats need is imported by those

    return escape(text(value), quote=True)


def characters(line: str) -> list[str]:
    """A source line, one safe string for each code point; a tab becomes four spaces."""
    if line.isascii() and line.isprintable():
        return list(line)
    return ["    " if one == "\t" else text(one) for one in line]


def width(shown: str) -> int:
    """How many terminal cells a safe string takes (Unicode Standard Annex 11)."""
    if shown.isascii():
        return len(shown)
    import unicodedata

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


def uri_path(path: str) -> str:
    """A relative path as a URI reference (RFC 3986): every byte but letters, digits, `/`, `-`, `.`, `_`, `~` as `%5B`."""
    from urllib.parse import quote

    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def sarif_text(value: str) -> str:
    """Literal text of a SARIF message: as `text`, and what could begin or end a link escaped (SARIF 2.1.0, 3.11.6)."""
    return _LINK_SYNTAX.sub(r"\\\g<0>", text(value))


def xml_text(value: str) -> str:
    """Text of an XML element or attribute: as `text`, without markup, and without what XML 1.0 cannot hold."""
    return _NONCHARACTER.sub(_escaped, text(value)).translate(_MARKUP)


def csv_row(cells: Iterable[object]) -> str:
    """A line of CSV; a cell that a spreadsheet would take for a formula begins with an apostrophe instead."""
    import csv
    import io

    row = io.StringIO()
    safe = (text(str(cell)) for cell in cells)
    csv.writer(row, lineterminator="\n").writerow("'" + cell if cell.startswith(_FORMULA) else cell for cell in safe)
    return row.getvalue()


def json_document(value: object) -> str:
    """A JSON document in ASCII, ending in a newline; strings keep every character but lone surrogates.

    Bytes of file names that are no UTF-8 become `\\xff`, as a lone surrogate is no Unicode text (RFC 8259, 8.2).
    """
    return _encoded(value, _indented) + "\n"


def json_line(value: object) -> str:
    """The same on one line that does not end."""
    return _encoded(value, _encoder(",", ":").encode)


@functools.cache
def _encoder(between: str, behind_keys: str) -> JSONEncoder:
    import json

    return json.JSONEncoder(separators=(between, behind_keys))


def _indented(value: object, depth: int = 0) -> str:
    """What json.JSONEncoder(indent=2) writes.

    That is written in Python, one value at a time; here everything that holds no other container is written in C, which
    separates its values by a line end and the blanks of its depth.
    """
    line, last = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    encoder = _encoder("," + line, ": ")
    if not _holds(value):
        return encoder.encode(value)
    parts: list[str] = []
    if isinstance(value, dict):
        flat: dict[object, object] = {}
        for key, one in value.items():
            if not _holds(one):
                flat[key] = one
                continue
            if flat:
                parts.append(encoder.encode(flat)[1:-1])
                flat = {}
            parts.append(f"{encoder.encode(key)}: {_indented(one, depth + 1)}")
        if flat:
            parts.append(encoder.encode(flat)[1:-1])
        return "{" + line + ("," + line).join(parts) + last + "}"
    assert isinstance(value, (list, tuple))
    parts = [_indented(one, depth + 1) for one in value] if any(map(_holds, value)) else [encoder.encode(value)[1:-1]]
    return "[" + line + ("," + line).join(parts) + last + "]"


def _holds(value: object) -> bool:
    """Whether it is a container that is not empty."""
    return isinstance(value, (dict, list, tuple)) and bool(value)


def _encoded(value: object, encode: Callable[[object], str]) -> str:
    document = encode(value)
    if "\\ud" in document:  # a surrogate, perhaps one that stands alone
        document = encode(_without_surrogates(value))
    return document.replace("\x7f", "\\u007f")


_SURROGATE = re.compile("[\ud800-\udfff]")


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub(_escaped, value)
    if isinstance(value, dict):
        return {key: _without_surrogates(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(one) for one in value]
    return value
