"""Whole small extensions: what is reported in each is exactly what its `// expect:` comments say.

The golden outputs of one of them, in every format, are in tests/fixtures/golden. Write them anew with

    HEAPLINT_WRITE_GOLDEN=1 python -m pytest tests/test_fixtures.py

and read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from heaplint import engine
from heaplint.census import Census
from heaplint.cli.app import run
from heaplint.config import Config, Overrides, load
from heaplint.discovery import Discovery, discover
from heaplint.findings import Finding

FIXTURES = Path(__file__).parent / "fixtures"
GOLDEN = FIXTURES / "golden"
EXPECT = re.compile(r"//\s*expect:(.*)$")
EXPECTED = re.compile(r'(HL\d{3})\s+"([^"]*)"')
EXTENSIONS = sorted(folder.name for folder in FIXTURES.iterdir() if (folder / "heaplint.toml").exists())

SUFFIXES = {".c", ".h", ".cpp", ".hpp"}

Expectation = tuple[str, int, str, str]
"""Path, line, rule, and the symbol, function or item concerned."""


def read(extension: str) -> tuple[Discovery, Config]:
    folder = FIXTURES / extension
    config = load(folder, Overrides(), folder)
    return discover(["."], config, folder), config


def expected(discovery: Discovery) -> list[Expectation]:
    return sorted(
        (source.path, line, rule, subject)
        for source in discovery.files
        for line, text in enumerate(source.data.decode().splitlines(), 1)
        if (found := EXPECT.search(text))
        for rule, subject in EXPECTED.findall(found.group(1))
    )


def reported(findings: tuple[Finding, ...], wanted: list[Expectation]) -> list[Expectation]:
    """The findings in the words of the expectations, where there are any for rule and line."""
    result = []
    for finding in findings:
        place = (finding.span.path, finding.span.line, finding.rule)
        items = (finding.item or "").split(",")  # several members are one item, joined by commas
        subjects = {finding.symbol, finding.function, finding.item, *items}
        named = [subject for *where, subject in wanted if (*where,) == place and subject in subjects]
        result += [(*place, subject) for subject in named or [f"{finding.symbol}/{finding.function}/{finding.item}"]]
    return sorted(result)


def test_there_are_extensions() -> None:
    assert {
        "static_types", "heap_types", "broken_gc", "multi_phase_state", "macros_and_conditionals", "cplusplus",
    } <= set(EXTENSIONS)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_findings_are_what_the_comments_expect(extension: str) -> None:
    discovery, config = read(extension)
    result = engine.run(discovery, config, None)
    wanted = expected(discovery)
    assert reported(result.findings, wanted) == wanted, "\n".join(finding.message for finding in result.findings)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_everything_is_read(extension: str) -> None:
    discovery, config = read(extension)
    result = engine.run(discovery, config, None)
    assert result.notices == ()
    assert result.files == len([path for path in (FIXTURES / extension).rglob("*") if path.suffix in SUFFIXES])


def test_the_heap_twin_is_clean() -> None:
    discovery, config = read("heap_types")
    assert expected(discovery) == []
    assert engine.run(discovery, config, None).findings == ()


def kinds(census: Census) -> dict[str, str]:
    """The Python names of the types, with what they are."""
    return {str(one.name).rpartition(".")[2]: one.kind for one in census.types}


def test_the_twins_have_the_same_types() -> None:
    static, heap = (kinds(engine.census(*read(extension))) for extension in ("static_types", "heap_types"))
    assert {name for name in static if name != "None"} == {"Bead", "Frame", "FrameIter"}
    assert set(static.values()) == {"static"}
    assert heap == {"Bead": "heap", "Frame": "heap", "FrameIter": "heap", "size": "heap"}


def test_the_census_of_macro_made_types() -> None:
    census = engine.census(*read("macros_and_conditionals"))
    found = {one.symbol: (one.kind, one.written_as, one.gc, one.visits_type) for one in census.types}
    assert found["slider_spec"] == ("heap", "macro", True, True)
    assert found["button_spec"] == ("heap", "macro", True, True)
    assert found["toggle_spec"] == ("heap", "macro", True, False)
    assert found["dial_spec"][:3] == ("heap", "spec", False)
    assert found["Dial_Type"][:2] == found["Window_Type"][:2] == ("static", "initializer")
    assert found["Knob_Type"][:2] == found["Lever_Type"][:2] == ("static", "macro")
    assert len(found) == 8


def test_pythons_and_platforms_of_the_conditional_types() -> None:
    result = engine.run(*read("macros_and_conditionals"), None)
    pythons = {finding.symbol: finding.python for finding in result.findings if finding.rule in ("HL101", "HL201")}
    assert pythons == {
        "Dial_Type": "<=3.11",
        "dial_spec": ">=3.12",
        "Window_Type": None,  # whatever the Python, where there are windows
        "Knob_Type": None,
        "Lever_Type": None,
    }


@pytest.mark.parametrize("output_format", ["text", "gcc", "json"])
def test_golden_output(output_format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(FIXTURES / "broken_gc")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert run(["check", "--format", output_format]) == 1
    output, errors = capsys.readouterr()
    assert errors == ""
    golden = GOLDEN / f"broken_gc.{output_format}"
    if os.environ.get("HEAPLINT_WRITE_GOLDEN"):
        golden.write_text(output, encoding="utf-8")
    assert output == golden.read_text(encoding="utf-8")
    if output_format == "json":
        assert json.loads(output)["version"] == 1


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_same_input_gives_the_same_bytes(extension: str) -> None:
    """Whatever the order in which Python's sets and dictionaries of strings are gone through."""
    outputs = []
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-m", "heaplint", "check", "--select", "ALL", "--format", "json"],
            cwd=FIXTURES / extension, capture_output=True, timeout=60, check=False,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        outputs.append((done.returncode, done.stdout, done.stderr))
    assert outputs[0][0] in (0, 1) and outputs[0][1]
    assert outputs[1:] == outputs[:1] * 2
