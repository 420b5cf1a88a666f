"""An empty project in which commands are run, with an engine that reports each `static PyTypeObject NAME` as HL101."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import heaplint
from heaplint.cards import all_cards
from heaplint.census import Census, CensusModule, CensusType, in_order
from heaplint.cli.app import run
from heaplint.config import Config
from heaplint.discovery import Discovery
from heaplint.filters import suppress
from heaplint.filters.select import Selection
from heaplint.findings import Finding, Notice
from heaplint.flow.paths import analysis
from heaplint.flow.paths.code import Code
from heaplint.flow.paths.interpret import Run

STATIC_TYPE = re.compile(rb"static PyTypeObject (\w+)")
SPAM = "static PyTypeObject Spam;\n"
CLEAN = "int x;\n"


@dataclass(frozen=True)
class Result:
    findings: tuple[Finding, ...]
    notices: tuple[Notice, ...]
    files: int
    front_ends: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test uses what another one, or the user, has in a cache."""
    monkeypatch.setenv("HEAPLINT_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


def run_engine(
    discovery: Discovery, config: Config, progress: Callable[[int, int], None] | None, store: object = None, jobs: object = 1
) -> Result:
    cards = all_cards()
    selection = Selection.from_config(config, cards, discovery.root)
    card = cards["HL101"]
    found = [
        Finding(
            card.id, card.name, card.severity, card.precision, f"`{name[1].decode()}` is a static type.",
            source.span(*name.span(1)), symbol=name[1].decode(),
        )
        for source in discovery.files
        for name in STATIC_TYPE.finditer(source.data)
    ]  # fmt: skip
    kept = filter(selection.keeps, found)
    sources = {source.path: source for source in discovery.files}
    return Result(suppress.apply(kept, sources, selection), discovery.notices, len(discovery.files))


def run_census(discovery: Discovery, config: Config) -> Census:
    found = [
        CensusType(
            source.path, source.position(name.start())[0], name[1].decode(), None, "static", "initializer", None,
            False, None, None, None, None,
        )
        for source in discovery.files
        for name in STATIC_TYPE.finditer(source.data)
    ]  # fmt: skip
    return in_order(found, [CensusModule("a.c", 1, "m", "m", "unknown", None, (), None, None)])


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    stub = types.ModuleType("heaplint.engine")
    stub.run, stub.census = run_engine, run_census  # type: ignore[attr-defined]  # a module made of two functions
    monkeypatch.setitem(sys.modules, "heaplint.engine", stub)
    monkeypatch.setattr(heaplint, "engine", stub, raising=False)
    return stub


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    def is_error(self, *words: str) -> bool:
        """Whether it is one line on standard error that holds all the words, and exit code 2."""
        lines = self.err.splitlines()
        return (
            (self.code, self.out, len(lines)) == (2, "", 1)
            and lines[0].startswith("heaplint: error: ")
            and all(word in lines[0] for word in words)
        )


Command = Callable[..., Outcome]


@pytest.fixture
def cli(
    engine: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Runs a command in an empty project."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "FORCE_HYPERLINK", "HEAPLINT_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> Outcome:
        code = run(arguments)
        return Outcome(code, *capsys.readouterr())

    return command


def write(name: str, text: str | bytes) -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.fixture(name="run")
def functions_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that were run along their paths, in that order."""
    names: list[str] = []
    interpret = analysis.interpret

    def noted(code: Code, *more: object) -> Run:
        names.append(code.function.name)
        return interpret(code, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(analysis, "interpret", noted)
    return names
