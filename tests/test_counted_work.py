"""The work that heaplint does on fixed inputs is counted: more than what benchmarks/work.toml allows fails here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "benchmarks" / "work.py"

DOUBLED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import work
from heaplint.cli import app
once = app.run
app.run = lambda arguments: once(arguments) or once(arguments)
print(json.dumps(work.count_here(sys.argv[2], sys.argv[3:])))
"""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("work", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = sys.modules["work"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def work() -> ModuleType:
    return load()


@pytest.fixture(scope="module")
def counted(work: ModuleType) -> dict[str, tuple]:
    return {one.name: (one, work.count(one)) for one in work.inputs()}


def test_the_work_is_what_is_recorded(work: ModuleType, counted: dict[str, tuple]) -> None:
    record = work.read_record()
    found = [str(difference) for one, counts in counted.values() for difference in work.compare(one, counts, record)]
    assert not found, "\n".join([*found, "If it is meant to be so: python benchmarks/work.py --record"])
    assert record.keys() == counted.keys()


def test_four_times_the_source_is_four_times_the_work(counted: dict[str, tuple]) -> None:
    start, once, four_times = (counted[name][1] for name in ("start", "generated", "generated-4x"))
    for key in once.keys() - {"modules"}:
        assert four_times[key] - start[key] <= 4.2 * (once[key] - start[key]), key


def test_twice_the_work_is_told(work: ModuleType, counted: dict[str, tuple], tmp_path: Path) -> None:
    one, counts = counted["generated"]
    for name, data in {**one.files, "heaplint.toml": b""}.items():
        (tmp_path / name).write_bytes(data)
    command = work.check_command("-q", "--select", "ALL", "-o", str(tmp_path / "found"), str(tmp_path))
    doubled: dict[str, int] = {}
    for what in ("calls", "lines"):
        told = subprocess.run(
            [sys.executable, "-c", DOUBLED, str(SCRIPT.parent), what, *command[len(work.HEAPLINT) :]],
            cwd=work.REPOSITORY, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        doubled |= json.loads(told.stdout)
    assert doubled["bytes-parsed"] == 2 * counts["bytes-parsed"]
    found = work.compare(one, doubled, {one.name: {"input": one.digest, **counts}})
    told_of = {difference.message.partition(" grew")[0] for difference in found}
    assert told_of >= {"calls-checks", "calls-flow", "calls-frontend", "calls-model", "lines", "objects"}


def test_how_sets_are_ordered_changes_next_to_nothing(work: ModuleType, tmp_path: Path) -> None:
    for name, data in {**work.extension(1, 2), "heaplint.toml": b""}.items():
        (tmp_path / name).write_bytes(data)
    command = work.check_command("-q", "--select", "ALL", "-o", str(tmp_path / "found"), str(tmp_path))
    first, second = (work.count_apart("calls", command[len(work.HEAPLINT) :], seed) for seed in (1, 2))
    for key in first:
        assert second[key] == pytest.approx(first[key], rel=0.02), key


@pytest.mark.parametrize(
    ("now", "told"),
    [(900, ""), (1100, ""), (1110, "lines grew: 1000 to 1110 (+11%)"), (890, "lines shrank: 1000 to 890 (-11%)")],
)
def test_a_count_may_be_a_tenth_off(work: ModuleType, now: int, told: str) -> None:
    one = work.Input("one", {"a.c": b""})
    found = work.compare(one, {"lines": now}, {"one": {"input": one.digest, "lines": 1000}})
    assert [difference.message for difference in found] == ([told] if told else [])


def test_what_is_not_recorded_or_of_another_input_is_told(work: ModuleType) -> None:
    one = work.Input("one", {"a.c": b""})
    other = work.Input("one", {"a.c": b"int x;"})
    record = {"one": {"input": other.digest, "lines": 1000}}

    def told(one: object, **counts: int) -> list[str]:
        return [difference.message for difference in work.compare(one, counts, record)]

    assert told(one, lines=1000) == ["the input is not the one that was recorded"]
    assert told(work.Input("two", {}), lines=1000) == ["not recorded"]
    assert told(other, lines=1000, objects=1) == ["objects grew: 0 to 1 (new)"]
    assert told(other) == ["lines shrank: 1000 to 0 (-100%)"]


def test_the_record_reads_back(work: ModuleType, tmp_path: Path) -> None:
    one = work.Input("one", {"a.c": b""})
    path = tmp_path / "work.toml"
    path.write_text(work.as_toml([(one, {"lines": 5})]))
    assert work.read_record(path) == {"one": {"input": one.digest, "lines": 5}}
    assert work.read_record(tmp_path / "none.toml") == {}
