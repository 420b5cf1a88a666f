"""Damaged C, made from C that is sound: pieces of real files, and the ways in which a file can be broken.

All is a function of what it is given and of a `random.Random`, so that a seed gives the same inputs again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
C_NAMES: Final = frozenset({".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx"})
CPLUSPLUS_NAMES: Final = C_NAMES - {".c", ".h"}

LARGEST: Final = 6000
"""Bytes of the largest input; a mutation that grows beyond is cut there."""
_LINES: Final = range(3, 60)
"""How many lines a piece of a file may have."""

_TOKEN: Final = re.compile(
    rb"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|/\*.*?\*/|//[^\n]*|[A-Za-z_]\w*|\.?\d[\w.]*|[ \t]+|\n|"
    rb"->|::|\+\+|--|<<|>>|[-+*/%&|^=!<>]=|&&|\|\||\.\.\.|##|.",
    re.S,
)
_NAME: Final = re.compile(rb"\b[A-Za-z_]\w*\b")
_NUMBER: Final = re.compile(rb"\b\d\w*\b")
_FENCE: Final = re.compile(r"^```c[^\n]*\n(.*?)^```", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Piece:
    """A few lines of C that stand for themselves: a function, a table, an example."""

    text: bytes
    plus_plus: bool


@dataclass(frozen=True, slots=True)
class Stock:
    """What inputs are made of: pieces of C, and of C++."""

    c: Sequence[Piece]
    plus_plus: Sequence[Piece]
    words: Sequence[bytes]
    """The tokens of all pieces, each as often as it occurs among the first thousands."""


def stock(corpora: Iterable[Path] = ()) -> Stock:
    """The pieces of the project's own fixtures and examples, and of the C files below other folders."""
    pieces: dict[Piece, None] = {}
    for card in sorted((REPOSITORY / "rules").glob("*.md")):
        for block in _FENCE.findall(card.read_text(encoding="utf-8")):
            pieces[Piece(block.encode(), "class " in block or "namespace " in block or "nullptr" in block)] = None
    for folder in (REPOSITORY / "tests" / "fixtures", *corpora):
        for file in sorted(folder.rglob("*")):
            if file.suffix in C_NAMES and file.is_file():
                plus_plus = file.suffix in CPLUSPLUS_NAMES
                pieces.update((Piece(text, plus_plus), None) for text in cut(file.read_bytes()))
    texts = list(pieces)
    words = [word for one in texts[::-1][:4000] for word in _TOKEN.findall(one.text) if not word.isspace()]
    return Stock([one for one in texts if not one.plus_plus], [one for one in texts if one.plus_plus], words)


def cut(text: bytes) -> Iterator[bytes]:
    """The parts of a file that end with a brace in the first column, of a size that a person reads at a glance."""
    start = 0
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(b"}") or number + 1 == len(lines):
            if number + 1 - start in _LINES:
                yield b"".join(lines[start : number + 1])
            start = number + 1


# What is done to a text. `other` is a piece of elsewhere.

Mutation = Callable[[bytes, bytes, Random], bytes]


def _place(text: bytes, chance: Random) -> int:
    return chance.randrange(len(text) + 1)


def _range(text: bytes, chance: Random, most: int = 40) -> tuple[int, int]:
    start = _place(text, chance)
    return start, min(len(text), start + chance.randrange(1, most))


def _bytes(text: bytes, _: bytes, chance: Random) -> bytes:
    """Single bytes changed, put in and left out, of those that mean something to a reader of C most often."""
    data = bytearray(text)
    for _ in range(chance.randrange(1, 12)):
        byte = chance.choice(b"\\\"'{}()[];,#/*\n\r\t\0\x0b\x0c\x1a \xff\xc3\x80?<>:&=.0") if chance.random() < 0.7 \
            else chance.randrange(256)  # fmt: skip
        place = chance.randrange(len(data) + 1)
        match chance.randrange(3):
            case 0:
                data.insert(place, byte)
            case 1:
                data[place : place + 1] = bytes([byte])
            case _:
                del data[place : place + chance.randrange(1, 4)]
    return bytes(data)


def _lines(text: bytes, other: bytes, chance: Random) -> bytes:
    """Lines left out, doubled, exchanged, moved, taken from elsewhere."""
    lines = text.splitlines(keepends=True) or [b"\n"]
    for _ in range(chance.randrange(1, 5)):
        one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                del lines[one : one + chance.randrange(1, 4)]
            case 1:
                lines[one:one] = lines[one : one + chance.randrange(1, 4)]
            case 2:
                lines[one], lines[two] = lines[two], lines[one]
            case 3:
                lines.insert(two, lines.pop(one))
            case _:
                lines.insert(one, chance.choice(other.splitlines(keepends=True) or [b""]))
        lines = lines or [b"\n"]
    return b"".join(lines)


def _truncation(text: bytes, _: bytes, chance: Random) -> bytes:
    """The file ends, or begins, in the middle."""
    place = _place(text, chance)
    return text[:place] if chance.random() < 0.7 else text[place:]


def _splice(text: bytes, other: bytes, chance: Random) -> bytes:
    """The beginning of one file and the end of another, or a piece of the other in the middle."""
    place, start = _place(text, chance), _place(other, chance)
    if chance.random() < 0.5:
        return text[:place] + other[start:]
    return text[:place] + other[start : start + chance.randrange(400)] + text[place:]


def _tokens(text: bytes, other: bytes, chance: Random) -> bytes:
    """Tokens left out, doubled, exchanged, replaced by one of elsewhere."""
    tokens = _TOKEN.findall(text) or [b" "]
    foreign = _TOKEN.findall(other) or [b" "]
    for _ in range(chance.randrange(1, 10)):
        one, two = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(5):
            case 0:
                tokens[one] = b""
            case 1:
                tokens[one] *= 2
            case 2:
                tokens[one], tokens[two] = tokens[two], tokens[one]
            case 3:
                tokens[one] = chance.choice(foreign)
            case _:
                tokens[one] += b" " + tokens[two]
    return b"".join(tokens)


def _nesting(text: bytes, _: bytes, chance: Random) -> bytes:
    """Braces, parentheses, quotes and the ends of statements and comments left out or put in."""
    signs = (b"{", b"}", b"(", b")", b"[", b"]", b";", b",", b'"', b"'", b"/*", b"*/", b"//", b"<", b">")
    for _ in range(chance.randrange(1, 5)):
        sign = chance.choice(signs)
        if chance.random() < 0.6 and sign in text:
            place = text.find(sign, _place(text, chance))
            place = text.find(sign) if place < 0 else place
            text = text[:place] + text[place + len(sign) :]
        else:
            place = _place(text, chance)
            text = text[:place] + sign * chance.choice((1, 1, 1, 2, 30)) + text[place:]
    return text


_CONDITIONS: Final = (
    b"#if 0", b"#if 1", b"#else", b"#endif", b"#elif PY_VERSION_HEX >= 0x030C0000", b"#if PY_VERSION_HEX < 0x03090000",
    b"#ifdef Py_GIL_DISABLED", b"#ifndef Py_LIMITED_API", b"#ifdef HAVE_X", b"#if defined(A) && !defined(B)", b"#elif A",
    b"#if", b"#if (", b"#if A > ", b"#elifdef B", b"#if 1 / 0", b"#ifdef", b"#if X(1)", b"#if PY_MINOR_VERSION == 12",
    b"#ifdef __cplusplus", b"#error x", b"#line 3", b"#pragma once", b"#undef NULL", b"#", b"#if 0 \\", b"#ifdef _WIN32",
    b"#if __has_include(<x.h>)", b"#if 'a' == \"a\"", b"#warning '",
)  # fmt: skip


def _conditionals(text: bytes, _: bytes, chance: Random) -> bytes:
    """Directives put in between lines, or left out."""
    lines = text.splitlines(keepends=True)
    directives = [number for number, line in enumerate(lines) if line.lstrip().startswith(b"#")]
    for _ in range(chance.randrange(1, 6)):
        if directives and chance.random() < 0.3:
            lines[chance.choice(directives)] = b"\n"
        else:
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(_CONDITIONS) + b"\n")
    return b"".join(lines)


def _names(text: bytes, other: bytes, chance: Random) -> bytes:
    """One name takes the place of another, at one place or at all; of this file, or of elsewhere."""
    for _ in range(chance.randrange(1, 5)):
        here = _NAME.findall(text)
        there = _NAME.findall(other if chance.random() < 0.5 else text)
        if not here or not there:
            return text
        old, new = chance.choice(here), chance.choice(there)
        pattern = re.compile(rb"\b" + old + rb"\b")
        if chance.random() < 0.5:
            text = pattern.sub(new, text)
        else:
            found = chance.choice(list(pattern.finditer(text)))
            text = text[: found.start()] + new + text[found.end() :]
    return text


def _macros(text: bytes, other: bytes, chance: Random) -> bytes:
    """Names and stretches of the text made macros, whole or with parameters, sound or not."""
    names = _NAME.findall(text) or [b"x"]
    for _ in range(chance.randrange(1, 4)):
        name = chance.choice(names)
        start, end = _range(text, chance, 120)
        stretch = text[start:end].replace(b"\n", b" \\\n")
        body = chance.choice(
            (stretch, chance.choice(names), name, b"", b"{", b"}", b"(", b")", b",", b";", b"do { x; } while (0)",
             b"a##b", b"#a", b"__VA_ARGS__", name + b"(" + name + b")", chance.choice(names) + b"##a",
             chance.choice(other.splitlines() or [b"y"]), b'"', b"/*", b"\\", b"a b, a; a")
        )  # fmt: skip
        head = chance.choice((b"", b"(a)", b"(a, b)", b"(...)", b"(a, ...)", b"()", b"(", b"(a,", b"(a...)", b"(1)"))
        define = b"\n#" + chance.choice((b"define ", b"define ", b"define ", b"undef ")) + name + head + b" " + body + b"\n"
        place = 0 if chance.random() < 0.6 else _place(text, chance)
        text = text[:place].removesuffix(b"\n") + define + text[place:].removeprefix(b"\n")
        if chance.random() < 0.4:
            place = _place(text, chance)
            text = text[:place] + b" " + name + chance.choice((b"(", b"()", b"(1, 2)", b"(x)(y)", b"((,))")) + text[place:]
    return text


def _includes(text: bytes, _: bytes, chance: Random) -> bytes:
    """Other inputs of the run are included, and what does not exist."""
    for _ in range(chance.randrange(1, 4)):
        name = b"%d.%s" % (chance.randrange(40), chance.choice((b"c", b"h", b"cpp", b"hpp")))
        line = chance.choice((b'#include "%s"', b"#include <%s>", b'#include "./%s"', b'#include "../%s', b"#include %s"))
        lines = text.splitlines(keepends=True)
        lines.insert(chance.randrange(len(lines) + 1), line % name + b"\n")
        text = b"".join(lines)
    return text


def _numbers(text: bytes, _: bytes, chance: Random) -> bytes:
    """Numbers become other numbers, extreme ones, and what only begins like one."""
    values = (b"0", b"1", b"-1", b"99999999999999999999999", b"0x", b"1e999", b"0b2", b"08", b"1'0", b"0xFFFFFFFFFFFFFFFFu",
              b"1.5", b"''", b"'\\x'", b"'ab'", b"sizeof", b"1u.x", b"9" * 5000)  # fmt: skip
    return _NUMBER.sub(lambda found: chance.choice(values) if chance.random() < 0.3 else found.group(), text)


def _strings(text: bytes, _: bytes, chance: Random) -> bytes:
    """What stands between quotes becomes something else: formats, escapes, nothing."""
    values = (b"", b"\\", b"\\x", b"\\777", b"%", b"%s%n%*d", b"O!O&|$:;", b"(((((", b"y*z#", b"\\u12", b"m.", b".", b"..T",
              b"a\\\nb", b"\xff", b"\xe2\x82", b"??/", b"\\0")  # fmt: skip
    return re.sub(
        rb'"[^"\n]*"', lambda found: b'"' + chance.choice(values) + b'"' if chance.random() < 0.4 else found.group(), text
    )


def _repetition(text: bytes, _: bytes, chance: Random) -> bytes:
    """A stretch of the text, or one sign, many times."""
    place = _place(text, chance)
    if chance.random() < 0.5:
        start, end = _range(text, chance, 60)
        what = text[start:end]
    else:
        what = chance.choice((b"(", b"{", b"[", b"*", b"!", b"a ? ", b"if (x) ", b"else ", b"x = ", b"(T)", b"f(", b"&", b"->a",
                              b"::a", b"<a", b"{{", b"#if A\n", b"goto a; a: ", b"/* ", b"\\\n", b"1 + ", b",", b"struct {",
                              b"case 1: ", b"for (;;) ", b"template <class T> ", b"namespace a { "))  # fmt: skip
    return text[:place] + what * chance.choice((2, 5, 20, 60, 150, 300)) + text[place:]


def _encoding(text: bytes, _: bytes, chance: Random) -> bytes:
    """Other line ends, byte order marks, continued lines, letters beyond ASCII, no text at all."""
    match chance.randrange(9):
        case 0:
            return text.replace(b"\n", b"\r\n")
        case 1:
            return text.replace(b"\n", b"\r")
        case 2:
            return b"\xef\xbb\xbf" + text
        case 3:
            return text.decode("latin-1").encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-7")))
        case 4:
            return re.sub(rb"[ \n]", lambda found: b"\\\n" if chance.random() < 0.1 else found.group(), text)
        case 5:
            return re.sub(rb"[a-z]", lambda found: "é".encode() if chance.random() < 0.02 else found.group(), text)
        case 6:
            return text.replace(b" ", chance.choice((b"\t", b"\x0b", b"\x0c", b"\xc2\xa0", b"\n", b"/**/")))
        case 7:
            return text.replace(b"{", b"<%").replace(b"}", b"%>").replace(b"#", b"%:")
        case _:
            return text.replace(b"\n", b" ")


def _blocks(text: bytes, other: bytes, chance: Random) -> bytes:
    """A stretch of one text put into braces, a function, a type, a conditional, another function."""
    start, end = _range(text, chance, 300)
    before, after = chance.choice(
        ((b"{", b"}"), (b"if (x) {", b"}"), (b"static int f(void) {", b"}"), (b"struct s {", b"};"), (b"#if 0\n", b"\n#endif\n"),
         (b"#if PY_VERSION_HEX > 0x030b0000\n", b"\n#else\n"), (b"/*", b"*/"), (b'"', b'"'), (b"(", b")"), (b"for (;;) {", b"}"),
         (b"switch (x) { case 1:", b"}"), (b"do {", b"} while (x)"), (b"namespace a {", b"}"), (b'extern "C" {', b"}"),
         (b"[&](auto x) {", b"}"), (b"template <class T> class A {", b"};"), (b"PyTypeObject T = {", b"};"),
         (b"PyType_Slot s[] = {", b"};"), (other[:200], other[200:400]))
    )  # fmt: skip
    return text[:start] + before + text[start:end] + after + text[end:]


MUTATIONS: Final[Mapping[str, Mutation]] = {
    "bytes": _bytes, "lines": _lines, "truncation": _truncation, "splice": _splice, "tokens": _tokens, "nesting": _nesting,
    "conditionals": _conditionals, "names": _names, "macros": _macros, "includes": _includes, "numbers": _numbers,
    "strings": _strings, "repetition": _repetition, "encoding": _encoding, "blocks": _blocks,
}  # fmt: skip


def soup(known: Stock, chance: Random) -> bytes:
    """Tokens of all pieces in no order at all."""
    separators = (b" ", b" ", b" ", b"\n", b"")
    return b"".join(
        chance.choice(known.words) + chance.choice(separators) for _ in range(chance.choice((5, 30, 100, 300)))
    )


@dataclass(frozen=True, slots=True)
class Mutant:
    """One input."""

    name: str
    """The name of its file; its end says whether it is C or C++."""
    text: bytes
    kinds: tuple[str, ...]
    """The mutations that made it, in order."""


def mutants(known: Stock, count: int, chance: Random) -> list[Mutant]:
    """So many inputs, of all kinds of mutation."""
    return [_mutant(known, number, chance) for number in range(count)]


def _mutant(known: Stock, number: int, chance: Random) -> Mutant:
    end = chance.choice(("c",) * 7 + ("cpp", "cpp", "h", "hpp"))
    name = f"{number}.{end}"
    if chance.random() < 0.05:
        return Mutant(name, soup(known, chance)[:LARGEST], ("soup",))
    usual = known.plus_plus if end.endswith("pp") and chance.random() < 0.5 else known.c
    pool = usual or known.c
    first = chance.randrange(len(pool))
    text = b"\n".join(one.text for one in pool[first : first + chance.choice((1, 1, 1, 2))])
    kinds = chance.choices(list(MUTATIONS), k=chance.choice((1, 1, 1, 2, 2, 3, 4)))
    for kind in kinds:
        text = MUTATIONS[kind](text[:LARGEST], chance.choice(pool).text, chance)
    return Mutant(name, text[:LARGEST], tuple(kinds))
