"""`primaryLocationLineHash` is what GitHub's upload action computes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint.report.sarif_fingerprint import line_hashes

GREETINGS = "e9496ae3ebfced30 fb7c023a8b9ccb3f ce8ba1a563dcdaca e20e36e16fcb0cc8 b3edc88f2938467e c8e28b0b4002a3a0"
VECTORS = [
    ("", "c129715d7a2bc9a3"),
    (" a\nb\n  \t\tc\n d", "271789c17abda88f 54703d4cd895b18 180aee12dab6264 a23a3dc5e078b07b"),
    (
        " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End",
        "8b7cf3e952e7aeb2 b1ae1287ec4718d9 bff680108adb0fcc c6805c5e1288b612 b86d3392aea1be30 e6ceba753e1a442",
    ),
    (" hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n", f"{GREETINGS} c129715d7a2bc9a3"),
    (" hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r", f"{GREETINGS} c129715d7a2bc9a3"),
    (" hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n", f"{GREETINGS} c129715d7a2bc9a3"),
    (" hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n", f"{GREETINGS} c129715d7a2bc9a3"),
]
"""The vectors of github/codeql-action, src/fingerprints.test.ts; every hash is the first of its kind in its file."""


@pytest.mark.parametrize(("text", "hashes"), VECTORS)
def test_published_vectors(text: str, hashes: str) -> None:
    wanted = [f"{one}:1" for one in hashes.split()]
    assert line_hashes(text.encode(), range(1, 20)) == dict(enumerate(wanted, 1))


def test_published_vector_of_repeated_lines() -> None:
    assert list(line_hashes(b"Lorem ipsum dolor sit amet.\n" * 10, range(1, 20)).values()) == [
        *(f"a7f2ff13bc495cf2:{number}" for number in range(1, 7)),
        "a7f2ff1481e87703:1", "a9cf91f7bbf1862b:1", "55ec222b86bcae53:1", "cc97dc7b1d7d8f7b:1", "c129715d7a2bc9a3:1",
    ]  # fmt: skip


def one_unit_at_a_time(data: bytes) -> list[str]:
    """The definition, unit by unit, for every line."""
    units: list[int] = []
    starts: list[int] = []
    at_start, text = True, data.decode(errors="replace")
    for index, one in enumerate(text):
        if one in " \t" or (one == "\n" and text[index - 1 : index] == "\r"):
            continue
        if at_start:
            starts.append(len(units))
        at_start = one in "\r\n"
        encoded = (b"\n\0" if at_start else one.encode("utf-16-le"))
        units += [int.from_bytes(encoded[place : place + 2], "little") for place in range(0, len(encoded), 2)]
    if at_start:
        starts.append(len(units))
    units += [0xFFFF] + [0] * 100
    seen: dict[int, int] = {}
    result = []
    for start in starts:
        value = 0
        for unit in units[start : start + 100]:
            value = (value * 37 + unit) & (2**64 - 1)
        seen[value] = seen.get(value, 0) + 1
        result.append(f"{value:x}:{seen[value]}")
    return result


@given(st.lists(st.sampled_from([b"int x;", b" ", b"\t", b"\n", b"\r", b"\r\n", b"}", "😀é".encode(), b"\xff", b"0" * 60])))
def test_any_text_is_hashed_as_defined(parts: list[bytes]) -> None:
    data = b"".join(parts)
    hashes = one_unit_at_a_time(data)
    assert line_hashes(data, range(1, len(hashes) + 3)) == dict(enumerate(hashes, 1))
    assert line_hashes(data, [len(hashes)]) == {len(hashes): hashes[-1]}


def test_no_lines_are_asked_for() -> None:
    assert line_hashes(b"int x;\n", ()) == {}
