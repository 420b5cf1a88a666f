"""The census as table, JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from heaplint.census import Census, CensusModule, CensusType
from heaplint.records import asdict, fields
from heaplint.report import sanitize
from heaplint.report.report import counted

_TYPE_COLUMNS = ("kind", "written as", "gc", "visits type", "tracked", "immutable", "instantiable", "symbol", "place")
_MODULE_COLUMNS = ("init", "state", "interpreters", "gil", "module", "place")


def table(census: Census) -> Iterator[str]:
    """Types, modules and totals for people; `?` is unknown, `-` where a question does not arise."""
    if census.types:
        yield from _columns(_TYPE_COLUMNS, [_type_cells(one) for one in census.types])
        yield "\n"
    if census.modules:
        yield from _columns(_MODULE_COLUMNS, [_module_cells(one) for one in census.modules])
        yield "\n"
    totals = census.totals
    yield f"{totals['static']} static, {totals['heap']} heap"
    if totals["heap"]:
        yield f"; {totals['heap_meets_all']} of the heap types meet all three conditions"
    yield f". {counted(totals['modules'], 'module')}: "
    yield f"{totals['modules_single_phase']} single-phase, {totals['modules_multi_phase']} multi-phase.\n"


def _answer(value: bool | None) -> str:
    return "?" if value is None else "yes" if value else "no"


def _type_cells(one: CensusType) -> list[str]:
    heap_only = (one.visits_type, one.tracked, one.immutable, one.instantiable)
    answers = [_answer(value) if one.kind == "heap" or value is not None else "-" for value in heap_only]
    return [one.kind, one.written_as, _answer(one.gc), *answers, one.symbol, f"{one.path}:{one.line}"]


def _module_cells(one: CensusModule) -> list[str]:
    place = f"{one.path}:{one.line}"
    return [one.init, one.state_size or "?", one.multiple_interpreters or "-", one.gil or "-", one.name or "?", place]


def _columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    safe = [list(titles), *([sanitize.text(cell) for cell in row] for row in rows)]
    widths = [max(map(sanitize.width, column)) for column in zip(*safe, strict=True)]
    for row in safe:
        padded = (cell + " " * (size - sanitize.width(cell)) for cell, size in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip() + "\n"


def json(census: Census) -> str:
    """One document with every type, every module and the totals; unknown is null."""
    return sanitize.json_document(
        {
            "types": [asdict(one) for one in census.types],
            "modules": [asdict(one) for one in census.modules],
            "totals": dict(census.totals),
        }
    )


def csv(census: Census) -> Iterator[str]:
    """The types, one row each; flags are joined by `|`, unknown is an empty cell."""
    names = [field.name for field in fields(CensusType)]
    yield sanitize.csv_row(names)
    for one in census.types:
        yield sanitize.csv_row(_csv_cell(getattr(one, name)) for name in names)


def _csv_cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "|".join(map(str, value)) if isinstance(value, tuple) else value
