"""The census as table, JSON and CSV."""

from __future__ import annotations

import csv
import json

from heaplint.census import CensusModule, CensusType, in_order
from heaplint.report import census as report

STATIC = CensusType(
    "src/spam.c", 12, "SpamType", "spam.Spam", "static", "initializer", ("Py_TPFLAGS_DEFAULT",), False, None, None,
    None, None,
)  # fmt: skip
HEAP = CensusType(
    "src/eggs.c", 3, "eggs_spec", None, "heap", "spec", ("Py_TPFLAGS_DEFAULT", "Py_TPFLAGS_HAVE_GC"), True, True, True,
    False, True,
)  # fmt: skip
OPEN = CensusType("src/eggs.c", 9, "macro_spec", None, "heap", "macro", None, None, None, None, None, None)
MODULE = CensusModule("src/spam.c", 40, "spammodule", "spam", "single-phase", "-1", (), None, None)
CENSUS = in_order([STATIC, OPEN, HEAP, HEAP], [MODULE])


def test_totals() -> None:
    assert CENSUS.totals == {
        "types": 3, "static": 1, "heap": 2, "heap_gc": 1, "heap_visits_type": 1, "heap_tracked": 1,
        "heap_meets_all": 1, "modules": 1, "modules_single_phase": 1, "modules_multi_phase": 0,
    }  # fmt: skip


def test_table() -> None:
    assert "".join(report.table(CENSUS)) == (
        """\
kind    written as   gc   visits type  tracked  immutable  instantiable  symbol      place
heap    spec         yes  yes          yes      no         yes           eggs_spec   src/eggs.c:3
heap    macro        ?    ?            ?        ?          ?             macro_spec  src/eggs.c:9
static  initializer  no   -            -        -          -             SpamType    src/spam.c:12

init          state  interpreters  gil  module  place
single-phase  -1     -             -    spam    src/spam.c:40

1 static, 2 heap; 1 of the heap types meet all three conditions. 1 module: 1 single-phase, 0 multi-phase.
"""
    )


def test_an_empty_table_is_its_totals() -> None:
    assert "".join(report.table(in_order([], []))) == "0 static, 0 heap. 0 modules: 0 single-phase, 0 multi-phase.\n"


def test_json_has_null_for_unknown() -> None:
    document = json.loads(report.json(CENSUS))
    assert list(document) == ["types", "modules", "totals"]
    assert document["types"][1] == {
        "path": "src/eggs.c", "line": 9, "symbol": "macro_spec", "name": None, "kind": "heap", "written_as": "macro",
        "flags": None, "gc": None, "visits_type": None, "tracked": None, "immutable": None, "instantiable": None,
    }  # fmt: skip
    assert document["types"][0]["flags"] == ["Py_TPFLAGS_DEFAULT", "Py_TPFLAGS_HAVE_GC"]
    assert document["modules"] == [
        {
            "path": "src/spam.c", "line": 40, "symbol": "spammodule", "name": "spam", "init": "single-phase",
            "state_size": "-1", "slots": [], "multiple_interpreters": None, "gil": None,
        }
    ]  # fmt: skip


def test_csv() -> None:
    rows = list(csv.DictReader(list(report.csv(CENSUS))))
    assert [row["symbol"] for row in rows] == ["eggs_spec", "macro_spec", "SpamType"]
    assert rows[0]["flags"] == "Py_TPFLAGS_DEFAULT|Py_TPFLAGS_HAVE_GC"
    assert (rows[0]["gc"], rows[0]["immutable"], rows[1]["gc"]) == ("yes", "no", "")
