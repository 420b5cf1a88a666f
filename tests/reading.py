"""C text read as the engine reads it, for the tests of the front end and the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from heaplint import engine, ir
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.findings import Finding
from heaplint.frontend.reader import Reader
from heaplint.frontend.text import UnitView
from heaplint.model.modules import ModuleDef
from heaplint.model.program import Program
from heaplint.model.types import TypeDef
from heaplint.pythons import TargetRange
from heaplint.source import SourceFile
from heaplint.work import Work

Files = str | bytes | Mapping[str, str | bytes]
"""The text of example.c, or the texts of several files by path."""

NEW = ">=3.10"


def sources(files: Files) -> dict[str, SourceFile]:
    texts = {"example.c": files} if isinstance(files, str | bytes) else files
    return {path: SourceFile(path, text.encode() if isinstance(text, str) else text) for path, text in texts.items()}


def views(files: Files, target: str = NEW) -> list[UnitView]:
    """The views of the first file."""
    known = sources(files)
    return Reader(known, TargetRange.parse(target).versions).unit_views(next(iter(known)))


def program(files: Files, target: str = NEW) -> Program:
    return Work(sources(files), Config(target=TargetRange.parse(target), frontend="tree-sitter"), Path()).read()


def types(files: Files, target: str = NEW) -> dict[str, TypeDef]:
    """The types by symbol; of several views the first that has one."""
    found: dict[str, TypeDef] = {}
    for unit in program(files, target).units:
        for made in unit.types:
            found.setdefault(made.symbol, made)
    return found


def modules(files: Files, target: str = NEW) -> dict[str, ModuleDef]:
    return {made.symbol: made for unit in reversed(program(files, target).units) for made in unit.modules}


def function(files: Files, name: str, target: str = NEW) -> ir.Function:
    unit = program(files, target).units[0]
    found = unit.function(name)
    assert found is not None, name
    return found


def struct(files: Files, name: str, target: str = NEW) -> ir.Struct:
    found = program(files, target).units[0].struct(name)
    assert found is not None, name
    return found


def fields(found: ir.Struct) -> list[tuple[str, str, int]]:
    """Name, type and pointers of each field."""
    return [(one.name, one.type.base, one.type.pointers) for one in found.fields]


def calls(found: ir.Function) -> list[str]:
    """The names of the functions that are called, in order."""
    return [ir.called(one) for one in ir.calls(found.body)]


def names(node: ir.Node | None) -> Iterator[ir.Name]:
    return (one for one in ir.walk(node) if isinstance(one, ir.Name))


def findings(files: Files, target: str = NEW) -> list[Finding]:
    """What the rules that are on by default report."""
    discovery = Discovery(Path("/"), Path("/"), tuple(sources(files).values()), ())
    return list(engine.run(discovery, Config(target=TargetRange.parse(target)), None).findings)


def findings_of(files: Files, *rules: str, target: str = NEW) -> list[Finding]:
    """What some rules report, whether they are on by default or not."""
    discovery = Discovery(Path("/"), Path("/"), tuple(sources(files).values()), ())
    config = Config(target=TargetRange.parse(target), selectors=(Selectors(origin="test", select=rules, ignore=()),))
    return list(engine.run(discovery, config, None).findings)
