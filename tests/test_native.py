"""A compiled heaplint (docs/developing.md): what is compiled, the form it is brought into, and that it says the same."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import native_sources
import pytest

from heaplint.records import fields, replace

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = '''
from __future__ import annotations

from heaplint.records import dataclass, field, replace


@dataclass(frozen=True, slots=True, order=True)
class Frozen:
    """A place."""

    path: str
    start: int = 3
    """In bytes."""


@dataclass(slots=True)
class Mutable:
    """What is filled."""

    name: object
    many: list[int] = field(default_factory=list)
    one: list[int] = field(default_factory=lambda: [1])

    def grown(self) -> Mutable:
        return replace(self, many=[*self.many, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One of a tree."""

    below: tuple[Node, ...] = ()
'''


CASES = '''
class Unary:
    def __init__(self, operator, operand=None, arrow=False):
        self.operator, self.operand, self.arrow = operator, operand, arrow


class Call(Unary):
    pass


class Name:
    pass


def kind(node, more=True):
    match node:
        case None:
            return "none"
        case Call():
            return "call"
        case Unary(operator="!" | "~", arrow=False) if more:
            below = node.operand
            match below:
                case None:
                    return "not nothing"
                case Name() | Unary(operator="*"):
                    return "not a name"
            return "not"
        case Unary(operator="!"):
            node = None
        case Unary(arrow=True):
            return "arrow"
        case _:
            return "else"
    return "fell out"


def captured(node):
    match node:
        case Unary(operand=operand):
            return operand


def in_one_line(node):
    match node:
        case Unary(): return 1
'''


def run(text: str) -> Any:
    module = types.ModuleType("sample")
    sys.modules["sample"] = module
    exec(compile(text, "sample.py", "exec"), vars(module))
    return module


@pytest.fixture(params=["as written", "as compiled"])
def sample(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield run(SAMPLE if request.param == "as written" else native_sources.rewritten(SAMPLE))
    del sys.modules["sample"]


def test_parts_that_are_compiled_exist_and_are_found() -> None:
    parts = {part: ROOT / "heaplint" / part for part in (*native_sources.COMPILED, *native_sources.INTERPRETED)}
    assert [part for part, path in parts.items() if not path.exists()] == []
    found = native_sources.modules()
    assert {"heaplint/ir.py", "heaplint/flow/paths/interpret.py", "heaplint/frontend/treesitter.py"} <= set(found)
    assert [name for name in found if "frontend/clang" in name] == []


@pytest.mark.parametrize("name", native_sources.modules())
def test_what_is_compiled_does_not_need_the_frame_of_a_caller_nor_what_stays_python(name: str) -> None:
    tree = ast.parse((ROOT / name).read_bytes())
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert called.isdisjoint({"vars", "locals", "exec", "eval"})
    imported = [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    imported += [one.name for node in tree.body if isinstance(node, ast.Import) for one in node.names]
    assert [one for one in imported if one.startswith(("clang", "heaplint.frontend.clang", "heaplint.cli", "rich", "typer"))] == []


@pytest.mark.parametrize("name", native_sources.modules())
def test_every_dataclass_is_written_out(name: str) -> None:
    text = native_sources.rewritten((ROOT / name).read_text("utf-8"))
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes if node.decorator_list] == []


def test_cases_of_classes_are_told_by_tests() -> None:
    text = native_sources.rewritten(CASES)
    matches = [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Match)]
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert [name for name, one in functions.items() if any(one.lineno < at <= (one.end_lineno or 0) for at in matches)] == [
        "captured", "in_one_line",
    ]  # fmt: skip
    assert text.splitlines()[-1] == CASES.splitlines()[-1]


def test_tests_in_the_place_of_cases_tell_the_same() -> None:
    written, compiled = run(CASES), run(native_sources.rewritten(CASES))

    def told(sample: Any) -> list[object]:
        below = [None, sample.Name(), sample.Unary("*"), sample.Unary("-")]
        nodes = [None, 3, sample.Name(), sample.Call("!"), sample.Unary("!", None, True), sample.Unary("-", None, True)]
        nodes += [sample.Unary(operator, one) for operator in ("!", "~", "-") for one in below]
        return [sample.kind(node, more) for node in nodes for more in (True, False)]

    assert told(written) == told(compiled)
    assert len(set(told(written))) == 8


def test_a_dataclass_that_is_written_out_is_made_and_shown_as_before(sample: Any) -> None:
    assert repr(sample.Frozen("a.c")) == "Frozen(path='a.c', start=3)"
    assert [one.name for one in fields(sample.Mutable("x"))] == ["name", "many", "one"]
    assert sample.Mutable("x").one == [1] and sample.Mutable("x", one=[2]).one == [2]
    assert sample.Mutable("x").many is not sample.Mutable("x").many
    grown = sample.Mutable("x").grown()
    assert (grown.name, grown.many) == ("x", [1])
    assert replace(sample.Frozen("a.c"), start=4) == sample.Frozen(path="a.c", start=4)


def test_a_dataclass_that_is_written_out_compares_as_before(sample: Any) -> None:
    one, same, later = sample.Frozen("a", 1), sample.Frozen("a", 1), sample.Frozen("a", 2)
    assert one == same and hash(one) == hash(same) and one != later and one < later and later >= same and one != ("a", 1)
    assert sorted([later, one]) == [one, later]
    assert sample.Mutable("x") == sample.Mutable("x") != sample.Mutable("y")
    with pytest.raises(TypeError, match="unhashable"):
        hash(sample.Mutable("x"))
    assert sample.Node() != sample.Node()
    assert len({sample.Node(), sample.Node()}) == 2


def test_a_frozen_dataclass_that_is_written_out_is_copied_and_pickled(sample: Any) -> None:
    tree = sample.Node((sample.Node(), sample.Node((sample.Node(),))))
    for made in (copy.copy(tree), pickle.loads(pickle.dumps(tree))):
        assert type(made) is sample.Node
        assert [len(one.below) for one in made.below] == [0, 1]
    assert pickle.loads(pickle.dumps(sample.Frozen("a", 2))) == sample.Frozen("a", 2)


def test_a_dataclass_that_cannot_be_written_out_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="B: a dataclass with bases"):
        native_sources.rewritten("@dataclass(slots=True)\nclass B(A):\n    x: int\n")
    with pytest.raises(NotImplementedError, match=r"B.x: compare"):
        native_sources.rewritten("@dataclass(slots=True)\nclass B:\n    x: list[int] = field(default_factory=list, compare=False)\n")


@pytest.mark.external
def test_a_compiled_heaplint_says_the_same(tmp_path: Path) -> None:
    environment = {**os.environ, "HATCH_BUILD_HOOK_ENABLE_CUSTOM": "1", "MYPYC_OPT_LEVEL": "0"}  # built sooner
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    made = subprocess.run([python, "-m", "pip", "install", "-q", ROOT], env=environment, capture_output=True, text=True)
    if made.returncode and "CI" not in os.environ:
        pytest.skip(f"cannot be built here: {made.stderr[-500:]}")
    assert made.returncode == 0, made.stderr[-3000:]
    told: list[list[bytes]] = []
    for one, folder in ((python, tmp_path), (Path(sys.executable), ROOT)):
        where = [one, "-c", "import heaplint.ir; print(heaplint.ir.__file__)"]
        assert subprocess.run(where, cwd=folder, capture_output=True, text=True, check=True).stdout.strip().endswith(".py") == (folder is ROOT)
        slices = [one, "-c", "from heaplint.source import SourceFile; print(SourceFile('a.c', b'\\xef\\xbb\\xbfx').position(0))"]
        assert subprocess.run(slices, cwd=folder, capture_output=True, text=True, check=True).stdout == "(1, 1)\n"
        command = [one, "-m", "heaplint", "check", "--select", "ALL", "--format", "json", "--exit-zero", "-j", "1"]
        cached = {**os.environ, "HEAPLINT_CACHE_DIR": str(tmp_path / f"cache of {folder.name}")}
        told.append([
            subprocess.run([*command, *more, ROOT / "tests" / "fixtures"], cwd=folder, env=cached, capture_output=True, check=True).stdout
            for more in (["--no-cache"], [], [])  # without a cache, filling one, from one
        ])  # fmt: skip
    assert len(told[0][0]) > 10_000
    assert told[0] == told[1]
