"""Comments that silence findings, and findings about comments that silence nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_select import CARDS

from heaplint.config import Config, Selectors
from heaplint.filters import suppress
from heaplint.filters.select import Selection
from heaplint.findings import Finding
from heaplint.source import SourceFile

DEFECT = b"DEFECT"


def remaining(text: str | bytes, config: Config | None = None) -> list[tuple[str, int]]:
    """(rule, line) of what is left, where every word DEFECT is an HL101 and an HL201 finding."""
    data = text.encode() if isinstance(text, str) else text
    source = SourceFile("a.c", data)
    selection = Selection.from_config(config or Config(), CARDS)
    found = []
    offset = data.find(DEFECT)
    while offset >= 0:
        for rule in ("HL101", "HL201"):
            span = source.span(offset, offset + len(DEFECT))
            found.append(Finding(rule, CARDS[rule].name, "warning", "high", "A defect.", span))
        offset = data.find(DEFECT, offset + 1)
    kept = suppress.apply(filter(selection.keeps, found), {"a.c": source}, selection)
    return [(one.rule, one.span.line) for one in kept]


BOTH = [("HL101", 1), ("HL201", 1)]


def test_without_comments_everything_stays() -> None:
    assert remaining("DEFECT;\n") == BOTH


@pytest.mark.parametrize(
    "line",
    [
        "DEFECT; // heaplint: ignore[HL101, HL201] because",
        "DEFECT; // heaplint: ignore[HL101,HL201]",
        "DEFECT; //heaplint:ignore [ HL101 HL201 ]",
        "DEFECT; // heaplint: ignore[static-type, heap-type-without-gc]",
        "DEFECT; // heaplint: ignore[hl101, hl201]",
        "DEFECT; /* heaplint: ignore[HL101, HL201] */",
        "/* heaplint: ignore[HL101, HL201] */ DEFECT;",
        "DEFECT; // heaplint: ignore",
        "DEFECT; // heaplint: ignore because it is on purpose",
        "DEFECT; // NOLINT // heaplint: ignore[HL101, HL201] // more",
        "DEFECT; // heaplint: ignore-file",
        "\"a // b\"; '\"'; 1'000'000; u8'\\''; DEFECT; // heaplint: ignore",
        'R"x(// )" // heaplint: ignore[HL999] )x"; DEFECT; // heaplint: ignore',
        "DEFECT; // heaplint: \\\n ignore, heaplint: nothing\n// heaplint: ignore-file",
    ],
)
def test_a_comment_on_the_line_silences_it(line: str) -> None:
    assert remaining(line + "\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "// heaplint: ignore\nDEFECT;\n",
        "  /* heaplint: ignore */\r\nDEFECT;\r\n",
        "/* A long story.\n * heaplint: ignore[HL101, HL201]\n * It goes on. */\nDEFECT;\n",
        "// heaplint: ignore[HL101]\n// heaplint: ignore[HL201]\nDEFECT;\n",
        "// heaplint: ignore\n// The type that everybody needs.\nDEFECT;\n",
        "\ufeff// heaplint: ignore\nDEFECT;\n",
        "///< heaplint: ignore\nDEFECT;\n",
    ],
)
def test_a_comment_alone_silences_the_line_of_code_below(text: str) -> None:
    assert remaining(text) == []


def test_a_comment_alone_ends_at_an_empty_line_and_at_code() -> None:
    assert remaining("// heaplint: ignore\n\nDEFECT;\n") == [("HL901", 1), ("HL101", 3), ("HL201", 3)]
    assert remaining("// heaplint: ignore\nint x;\nDEFECT;\n") == [("HL901", 1), ("HL101", 3), ("HL201", 3)]


def test_only_what_is_named_is_silenced() -> None:
    assert remaining("DEFECT; // heaplint: ignore[HL101]\n") == [("HL201", 1)]


def test_a_whole_file() -> None:
    assert remaining("DEFECT;\nDEFECT;\n// heaplint: ignore-file[HL101] old\n") == [("HL201", 1), ("HL201", 2)]


@pytest.mark.parametrize(
    "line",
    [
        'DEFECT; char *s = "// heaplint: ignore";',
        'DEFECT; char *s = "\\"// heaplint: ignore";',
        "DEFECT; // see the manual on heaplint: ignore",
        "DEFECT; // `heaplint: ignore` would hide it",
        "DEFECT; // heaplint: ignored",
        "DEFECT; // heaplint: ignore-files",
        'DEFECT; R"(// heaplint: ignore)";',
    ],
)
def test_what_is_no_suppression(line: str) -> None:
    assert remaining(line + "\n") == BOTH


@pytest.mark.parametrize(
    ("line", "column", "item", "message"),
    [
        ("int x; // heaplint: ignore", 11, None, "this suppression suppresses nothing"),
        ("int x; // heaplint: ignore[HL101] reason", 28, "HL101", "this suppression of HL101 suppresses nothing"),
        ("// heaplint: ignore-file[static-type]", 26, "static-type", "this suppression of HL101 suppresses nothing"),
        ("int x; // heaplint: ignore[]", 11, None, "this suppression names no rule"),
        (
            "int x; // heaplint: ignore[HL2O1]", 28, "HL2O1",
            "this suppression names no rule: `HL2O1` (did you mean HL201?)",
        ),
        (
            "// heaplint: ignore[no-such-thing-at-all]", 21, "no-such-thing-at-all",
            "this suppression names no rule: `no-such-thing-at-all`",
        ),
        ("DEFECT // heaplint: ignore[HL101, HL201", 11, None, "the list of this suppression is not closed by `]`"),
    ],
)  # fmt: skip
def test_suppressions_of_no_use_are_reported(line: str, column: int, item: str | None, message: str) -> None:
    source = SourceFile("a.c", line.encode() + b"\n")
    selection = Selection.from_config(Config(), CARDS)
    found = suppress.apply([], {"a.c": source}, selection)
    assert ("HL901", column, item, message) in [(one.rule, one.span.column, one.item, one.message) for one in found]


def test_a_rule_that_did_not_run_is_not_judged() -> None:
    assert remaining("int x; // heaplint: ignore[HL106]\n") == []
    only_901 = Config(selectors=(Selectors("", select=("HL901",)),))
    assert remaining("int x; // heaplint: ignore[HL101]\n", only_901) == []
    assert remaining("int x; // heaplint: ignore[HL101]\n", Config(severity="warning")) == []


def test_without_hl901_nothing_is_reported() -> None:
    assert remaining("int x; // heaplint: ignore[HL999]\n", Config(selectors=(Selectors("", ignore=("HL901",)),))) == []


def test_hl901_can_be_silenced_by_name_only() -> None:
    assert remaining("int x; // heaplint: ignore[HL101, HL901] needed elsewhere\n") == []
    assert remaining("int x; // heaplint: ignore[HL101]\n// heaplint: ignore-file[unused-suppression]\n") == []
    assert remaining("int x; // heaplint: ignore[HL101] // heaplint: ignore\n") == [("HL901", 1), ("HL901", 1)]


@given(st.lists(st.sampled_from(
    ["/*", "*/", "//", "\n", "\\", '"', "'", 'R"(', ')"', "heaplint: ignore", "[", "]", "HL101", " ", "DEFECT", "1'"]
)))  # fmt: skip
def test_any_text_is_read(pieces: list[str]) -> None:
    remaining("".join(pieces))


@pytest.mark.parametrize("piece", ["/" * 80, "/*", '"\\', "'", 'R"(', "// heaplint: ignore[", "/* heaplint:\n"])
def test_hostile_text_is_read_in_linear_time(piece: str) -> None:
    began = time.monotonic()
    remaining("heaplint:\n" + piece * (200_000 // len(piece)))
    assert time.monotonic() - began < 10
