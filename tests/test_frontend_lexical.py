"""Bytes to code: comments, strings and preprocessor lines are told apart, and nothing ever moves."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heaplint.frontend.lexical import lex

PIECES = [
    b'"',
    b"'",
    b"\\",
    b"\n",
    b"\r\n",
    b"\r",
    b"#",
    b"//",
    b"/*",
    b"*/",
    b"(",
    b")",
    b"{",
    b"}",
    b" ",
    b"\t",
    b"x",
    b"R",
    b"u8",
    b"define",
    b"#define A(x) #x\n",
    b"#if 0\n",
    b"#endif\n",
    b"\\\n",
    b"\\\r\n",
    b'R"(',
    b')"',
    b"1'000",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    "ä€".encode(),
    b"\x0b",
    b"\x0c",
    b"??/\n",
]


def positions(data: bytes, byte: bytes) -> list[int]:
    return [index for index in range(len(data)) if data[index : index + 1] == byte]


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
@example(b'#define A "\\\n/*')
@example(b"// \\\r\n#if\r\n")
@example(b'R"x(")x" "')
@settings(max_examples=500, deadline=None)
def test_any_bytes_keep_their_length_and_lines(data: bytes) -> None:
    lexed = lex(data)
    for text in (lexed.code, lexed.skeleton):
        assert len(text) == len(data)
        assert positions(text, b"\n") == positions(data, b"\n")
    assert all(0 <= one.start < one.end <= len(data) for one in lexed.directives)
    assert all(first.end <= second.start for first, second in zip(lexed.directives, lexed.directives[1:], strict=False))
    assert all(0 <= offset < len(data) for offset, _ in lexed.unterminated)


@given(st.one_of(st.binary(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)))
@settings(max_examples=300, deadline=None)
def test_what_is_left_is_what_was_there(data: bytes) -> None:
    """A byte of the code is the byte of the file, or a blank (a backslash before a line end moves by one)."""
    code, skeleton = lex(data).code, lex(data).skeleton
    for offset, (left, was) in enumerate(zip(code, data, strict=True)):
        assert left == was or left == 0x20 or (left == 0x5C and data[offset - 1 : offset + 1] == b"\\\r")
    for left, *was in zip(skeleton, code, data, strict=True):
        assert left in was or left == 0x20


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a/* b */c", "a c"),
        ("a// b\nc", "a c"),
        ("a// b \\\nstill\nc", "a c"),
        ("a// b \\\r\nstill\r\nc", "a c"),
        ('"/* no comment */"', '"/* no comment */"'),
        ("'\"' /* ' */ x", "'\"' x"),
        ("'\\'' // x\ny", "'\\'' y"),
        ("'/*' x", "'/*' x"),
        ('"a\\"//b" c', '"a\\"//b" c'),
        ('"a \\\n b" /* c */ d', '"a \\ b" d'),
        ('"a \\\r\n b" /* c */ d', '"a \\ b" d'),
        ("1'000'000 /* x */ + y", "1'000'000 + y"),
        ("a / b / c", "a / b / c"),
        ("a /**/ b", "a b"),
        ("a /***/ b", "a b"),
        ("/*/ a */ b", "b"),
        ("#define X 1\ny", "y"),
        ("#define X \\\n  1\ny", "y"),
        ("#define X \\\r\n  1\r\ny", "y"),
        ("  #  if 1 /* two\nlines */\ny", "y"),
        ("/* c */ #define X\ny", "y"),
        ('#define Q "/*"\ny /* z */', "y"),
        ("#error don't do that\ny", "y"),
        ("a # b\n", "a # b"),
        ('R"(/* " */)" /* x */ y', 'R"(/* " */)" y'),
    ],
)
def test_code(text: str, code: str) -> None:
    assert lex(text.encode()).code.decode().split() == code.split()


@pytest.mark.parametrize(
    ("text", "skeleton"),
    [
        ("f(\"{;}\", '{');", "f(\"   \", ' ');"),
        ('x = R"({"})" + 1; // }', 'x = R"       + 1;     '),
        ('x = u8"{" L"}" U\'{\';', 'x = u8" " L" " U\' \';'),
        ('x = R"ab()" )" )ab" {', None),
    ],
)
def test_skeleton(text: str, skeleton: str | None) -> None:
    found = lex(text.encode()).skeleton.decode()
    if skeleton is None:
        assert found.count("{") == 1 and ")" not in found
    else:
        assert "{" not in found and "}" not in found
        assert found.replace(" ", "").replace('"', "") == skeleton.replace(" ", "").replace('"', "")


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("#define A(x) #x ## 1\n", [("define", "A(x) #x ## 1")]),
        ("#define A \\\r\n  b\r\n", [("define", "A    b")]),
        ("#if A /* c */ && B // d\n", [("if", "A   && B")]),
        ("#if 0\n# else\n#\tendif\n", [("if", "0"), ("else", ""), ("endif", "")]),
        ("#\n#include <a.h>\n", [("include", "<a.h>")]),
        ("x #define A\n", []),
        ("x # y\n#define A\n", [("define", "A")]),
        ("don't # y\n#define A\n", [("define", "A")]),
        ('"\n#define A\n', [("define", "A")]),
        ("'\n#define A\n", [("define", "A")]),
        ("/*\n#define A\n*/\n", []),
        ('R"(\n#define A\n)"\n', []),
        ("// \\\n#define A\n#define B\n", [("define", "B")]),
    ],
)
def test_directives(text: str, directives: list[tuple[str, str]]) -> None:
    found = [(one.name, one.text) for one in lex(text.encode()).directives]
    assert [(name, text.split()) for name, text in found] == [(name, text.split()) for name, text in directives]


@pytest.mark.parametrize(
    ("text", "unterminated"),
    [
        ("a /* b", [(2, "comment")]),
        ('a "b\\\r\nc" d', []),
        ('a "b\nc', [(2, "string")]),
        ('a "b\\\nc" d', []),
        ("don't\nx", []),
        ('R"(a', []),
    ],
)
def test_what_does_not_end_is_named(text: str, unterminated: list[tuple[int, str]]) -> None:
    assert list(lex(text.encode()).unterminated) == unterminated


def test_what_does_not_end_ends_with_its_line_or_file() -> None:
    assert lex(b'a "b {\nc {').skeleton == b'a "   \nc {'
    assert lex(b"a /* {\nc {").code == b"a     \n   "


def test_a_byte_order_mark_is_blank() -> None:
    assert lex(b"\xef\xbb\xbf#define A\nx").code == b"   " + b" " * 9 + b"\nx"
