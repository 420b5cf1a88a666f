"""Imports point one way: DESIGN.md §2, and STYLE.md's `checks` → `model`, `flow`, `capi` → `ir`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "heaplint"

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"digest", "records", "lazy_re", "unpickling"}),
    frozenset({"findings", "packed", "pythons"}),
    frozenset({"source", "cards", "ir"}),
    frozenset({"capi"}),
    frozenset({"config", "provenance"}),
    frozenset({"excludes", "frontend", "context"}),
    frozenset({"discovery", "model"}),
    frozenset({"flow"}),
    frozenset({"checks"}),
    frozenset({"fixes"}),
    frozenset({"census", "filters", "results", "verdicts"}),
    frozenset({"cache", "checking"}),
    frozenset({"census_of_program", "incremental"}),
    frozenset({"workers"}),
    frozenset({"work"}),
    frozenset({"engine"}),
    frozenset({"repair", "verify"}),
    frozenset({"report"}),
    frozenset({"lsp"}),
    frozenset({"cli", "devtools"}),
    frozenset({"__main__"}),
)
"""A part imports from itself and from layers above it in this list."""

ONLY: dict[str, frozenset[str]] = {
    "ir": frozenset(),
    "capi": frozenset({"ir", "pythons"}),
    "model": frozenset({"ir", "capi", "findings", "pythons", "frontend"}),  # it reads items when it needs them
    "flow": frozenset({"ir", "capi", "model", "findings", "pythons"}),
    "checks": frozenset({"ir", "capi", "model", "flow", "findings", "pythons", "cards"}),
    "fixes": frozenset({"ir", "capi", "model", "flow", "checks", "findings", "pythons", "cards", "source"}),
    "report": frozenset({"findings", "cards", "source", "census", "capi", "verdicts"}),
    "verify": frozenset({"findings", "census", "discovery", "verdicts"}),
    "filters": frozenset({"findings", "cards", "source", "config", "excludes"}),
}
"""Parts that may know no more than this: checks see no parser, paths, configuration or streams; reports no analysis."""


def part_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(file: Path) -> Iterator[tuple[int, str]]:
    """(line, part of heaplint) for each import, those within functions too."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import"
            if node.module == "heaplint":
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif node.module and node.module.startswith("heaplint."):
                yield node.lineno, node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[1]) for alias in node.names if "heaplint." in alias.name)


FILES = sorted(file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__init__.py")
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_come_from_below(file: Path) -> None:
    part = part_of(file)
    for line, imported in imports_of(file):
        if imported in (part, "__version__"):
            continue
        assert RANK[imported] < RANK[part], f"{file}:{line}: {part} imports {imported}"
        assert imported in {*ONLY.get(part, RANK), *LAYERS[0]}, f"{file}:{line}: {part} must not know {imported}"


def test_no_class_or_pattern_is_compiled_before_its_use() -> None:
    for file in FILES:
        if part_of(file) not in ("records", "lazy_re") and "child" not in file.parts:  # a child runs without heaplint
            lines = file.read_text(encoding="utf-8").splitlines()
            assert not {"import re", "import dataclasses"} & set(lines), file
            assert not any(line.startswith(("from dataclasses import", "from re import")) for line in lines), file


def test_every_report_module_that_renders_sanitizes() -> None:
    textless = {"__init__.py", "formats.py", "sanitize.py", "report.py", "stream.py"}
    textless |= {f"sarif_{part}.py" for part in ("fingerprint", "json", "limits", "rules")}
    for file in sorted((PACKAGE / "report").glob("*.py")):
        if file.name in textless:
            continue
        assert "from heaplint.report import sanitize" in file.read_text(encoding="utf-8"), file


def test_only_the_sanitizer_writes_json_and_csv() -> None:
    for file in sorted((PACKAGE / "report").glob("*.py")):
        if file.name != "sanitize.py":
            names = {alias.name for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Import)
                     for alias in node.names}  # fmt: skip
            assert not names & {"json", "csv"}, file


@pytest.mark.parametrize("part", ["ir", "model", "flow", "capi", "checks"])
def test_the_analysis_does_no_input_or_output(part: str) -> None:
    for file in FILES:
        if part_of(file) != part or part == "capi":  # capi reads its own data files
            continue
        for node in ast.walk(ast.parse(file.read_bytes())):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id
            assert called not in ("open", "print", "input"), f"{file}:{getattr(node, 'lineno', 0)}"


def test_the_command_line_has_no_logic() -> None:
    for file in sorted((PACKAGE / "cli").glob("*.py")):
        reach = {imported for _, imported in imports_of(file)}
        assert not reach & {"frontend", "ir", "model", "flow", "checks", "capi"}, file
        tree = ast.parse(file.read_bytes())
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)], file
