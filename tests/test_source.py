"""From byte offsets to lines and columns."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint.findings import Span
from heaplint.source import UTF8_BOM, SourceFile


def at(data: bytes, offset: int) -> tuple[int, int]:
    return SourceFile("a.c", data).position(offset)


def test_lines_and_columns_are_counted_from_one() -> None:
    data = b"int a;\n\n  int b;\n"
    assert at(data, 0) == (1, 1)
    assert at(data, 6) == (1, 7)
    assert at(data, 7) == (2, 1)
    assert at(data, data.index(b"b;")) == (3, 7)
    assert at(data, len(data)) == (4, 1)


def test_columns_count_code_points() -> None:
    data = '/* é€😀 */ x'.encode()
    assert at(data, data.index(b"x")) == (1, 11)


def test_bytes_that_are_no_utf8_count_one_each() -> None:
    data = b"/* \xe9\xe8 */ x"
    assert at(data, data.index(b"x")) == (1, 10)


def test_the_byte_order_mark_is_kept_but_not_counted() -> None:
    source = SourceFile("a.c", UTF8_BOM + b"int x;\nint y;\n")
    assert source.data.startswith(UTF8_BOM)
    assert source.position(3 + 4) == (1, 5)
    assert source.position(0) == (1, 1)
    assert source.line_text(1) == "int x;"
    assert source.position(source.data.index(b"y")) == (2, 5)


@given(st.binary(max_size=30) | st.text("aé€😀\n\r\ufeff", max_size=30).map(str.encode))
def test_offset_is_the_inverse_of_position(data: bytes) -> None:
    source = SourceFile("a.c", data)
    for offset in range(len(data) + 1):
        place = source.position(offset)
        assert source.position(source.offset(*place)) == place
        if data.isascii():
            assert source.offset(*place) == offset


@pytest.mark.parametrize("place", [(0, 1), (1, 0), (1, 8), (3, 1), (2, 2), (1, 99)])
def test_a_place_outside_the_file_is_an_error(place: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"no (line|column)"):
        SourceFile("a.c", "int é;\n".encode()).offset(*place)


@pytest.mark.parametrize("offset", [-1, 5])
def test_an_offset_outside_the_file_is_an_error(offset: int) -> None:
    with pytest.raises(ValueError, match="offset"):
        at(b"abcd", offset)


def test_a_span_ends_before_its_end() -> None:
    source = SourceFile("src/a.c", b"int a;\nint b;\n")
    assert source.span(4, 11) == Span("src/a.c", 1, 5, 2, 5)


def test_line_endings_are_not_part_of_a_line() -> None:
    source = SourceFile("a.c", b"one\r\ntwo\nthree")
    assert [source.line_text(line) for line in (1, 2, 3)] == ["one", "two", "three"]


@pytest.mark.parametrize("line", [0, 3])
def test_a_line_that_is_not_there_is_an_error(line: int) -> None:
    with pytest.raises(ValueError, match="no line"):
        SourceFile("a.c", b"one\ntwo").line_text(line)


def test_an_empty_file_has_one_empty_line() -> None:
    source = SourceFile("a.c", b"")
    assert source.position(0) == (1, 1)
    assert source.line_text(1) == ""


def test_sources_travel_between_processes() -> None:
    source = SourceFile("a.c", b"one\ntwo")
    source.position(5)
    assert pickle.loads(pickle.dumps(source)).position(5) == (2, 2)


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\ufeff")), st.data())
def test_positions_lead_back_to_the_character(text: str, data: st.DataObject) -> None:
    source = SourceFile("a.c", text.encode())
    index = data.draw(st.integers(0, len(text)))
    line, column = source.position(len(text[:index].encode()))
    lines = text.split("\n")
    assert sum(len(one) + 1 for one in lines[: line - 1]) + column - 1 == index


@given(st.binary())
def test_the_lines_of_any_bytes_can_be_read(data: bytes) -> None:
    source = SourceFile("a.c", data)
    assert all("\n" not in source.line_text(line) for line in range(1, data.count(b"\n") + 2))
