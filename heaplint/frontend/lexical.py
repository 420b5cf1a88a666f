"""Bytes of C → text without comments, text without strings, and the preprocessor lines; all of the same length.

Every byte that is taken out is replaced by a space (newlines stay), so that an offset means the same place in the
file, in `code` and in `skeleton`.
"""

from __future__ import annotations

from typing import Any

from heaplint import lazy_re as re
from heaplint.records import dataclass, field

BLANK = bytes(byte if byte in b"\r\n" else 32 for byte in range(256))
"""Translation table that turns everything but line ends into spaces."""
IN_WORDS = frozenset(b"_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""The bytes of words."""
_BETWEEN = bytes(frozenset(range(256)) - IN_WORDS)
APART = bytes.maketrans(_BETWEEN, b" " * len(_BETWEEN))
"""Translation table that leaves words and numbers, and blanks between them."""

_STRING = rb'"[^"\\\n]*(?:\\(?:\r\n|.)[^"\\\n]*)*"'
_CHAR = rb"'[^'\\\n]*(?:\\(?:\r\n|.)[^'\\\n]*)*'"
_BLOCK = rb"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/"
_LINE = rb"//[^\\\n]*(?:\\(?:\r\n|.)?[^\\\n]*)*"
_DIRECTIVE = (
    rb"#[^\n\\/\"']*(?:(?:\\\r\n|\\.|" + _BLOCK + rb"|" + _LINE + rb"|" + _STRING + rb"|" + _CHAR
    + rb"|[/\"'\\])[^\n\\/\"']*){0,20000}"
)
_TOKEN = re.compile(rb"(?:" + rb"|".join((_STRING, _CHAR, _BLOCK, _LINE, rb"/\*", rb'"', rb"'", _DIRECTIVE)) + rb")", re.S)
_IN_DIRECTIVE = re.compile(rb"(?:" + _STRING + rb"|" + _CHAR + rb"|" + _BLOCK + rb"|" + _LINE + rb"|\\\r?\n)", re.S)
_NAME = re.compile(rb"#\s*([A-Za-z_]\w*)?\s*(.*)\Z", re.S)
_RAW = re.compile(rb'"([^()\\\s]{0,16})\(')
_PREFIX = re.compile(rb"(?:^|[^A-Za-z0-9_])(?:u8|[uUL])?R\Z")


@dataclass(frozen=True, slots=True)
class Directive:
    """One preprocessor line with its continuations: `text` is what follows the name, comments taken out."""

    start: int
    end: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Lexed:
    """What `lex` gives."""

    code: bytes
    """Comments and preprocessor lines blanked."""
    skeleton: bytes
    """The same with the insides of strings and characters blanked too."""
    directives: tuple[Directive, ...]
    unterminated: tuple[tuple[int, str], ...]
    """Offsets of comments and strings that do not end, with what they are."""
    parsed: dict[int, Any] = field(default_factory=dict)
    """What the preprocessor made of directives, by offset, so that all views share it."""


def _directive_text(raw: bytes) -> bytes:
    def replace(match: re.Match[bytes]) -> bytes:
        return match.group() if match.group()[:1] in (b'"', b"'") else b" "

    if b"/" not in raw and b"\\" not in raw:
        return raw
    return _IN_DIRECTIVE.sub(replace, raw)


def _raw_string_end(data: bytes, quote: int) -> int:
    """The end of the C++ raw string whose quote stands at `quote`; -1 when it is none."""
    opening = _RAW.match(data, quote)
    if opening is None or not _PREFIX.search(data, max(0, quote - 4), quote):
        return -1
    closing = data.find(b")" + opening.group(1) + b'"', opening.end())
    return len(data) if closing < 0 else closing + len(opening.group(1)) + 2


def lex(data: bytes) -> Lexed:
    """Read a file's bytes; never fails: what does not end is blanked to the end and named in `unterminated`."""
    code = bytearray(data)
    if code.startswith(b"\xef\xbb\xbf"):
        code[:3] = b"   "
    code_out, skeleton = code, bytearray(code)
    directives: list[Directive] = []
    unterminated: list[tuple[int, str]] = []
    at = 0
    search = _TOKEN.search
    while found := search(data, at):
        start, end = found.span()
        first = data[start]
        at = end
        if first == 0x22:  # "
            if start and data[start - 1] in b"R" and (raw_end := _raw_string_end(data, start)) > 0:
                end = at = raw_end
            elif end - start == 1:
                at = _line_end(data, start)
                end = at + 1
                unterminated.append((start, "string"))
            skeleton[start + 1 : end - 1] = data[start + 1 : end - 1].translate(BLANK)
        elif first == 0x27:  # '
            if end - start == 1:  # a digit separator or an apostrophe in an inactive branch
                continue
            skeleton[start + 1 : end - 1] = data[start + 1 : end - 1].translate(BLANK)
        elif first == 0x2F:  # /
            if end - start == 2 and data[start + 1] == 0x2A:
                unterminated.append((start, "comment"))
                end = at = len(data)
            blank = data[start:end].translate(BLANK)
            code_out[start:end] = blank
            skeleton[start:end] = blank
        else:
            line_start = data.rfind(b"\n", 0, start) + 1
            if code_out[line_start:start].strip():
                at = start + 1  # an operator of some other language, or inside a broken line
                continue
            raw = data[start:end]
            blank = raw.translate(BLANK)
            code_out[start:end] = blank
            skeleton[start:end] = blank
            named = _NAME.match(_directive_text(raw))
            if named and named.group(1):
                text = named.group(2).decode("utf-8", "replace").strip()
                directives.append(Directive(start, end, named.group(1).decode(), text))
    if b"\\\r\n" in code_out:
        code_out = code_out.replace(b"\\\r\n", b" \\\n")
        skeleton = skeleton.replace(b"\\\r\n", b" \\\n")
    if b"\\\n" in skeleton:
        skeleton = skeleton.replace(b"\\\n", b" \n")
    return Lexed(bytes(code_out), bytes(skeleton), tuple(directives), tuple(unterminated))


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end
