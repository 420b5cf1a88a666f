"""How many small changes of the code the tests notice: mutants at a random sample of places, each with the tests that run it.

    pip install cosmic-ray coverage
    python benchmarks/mutation.py --seed 1 --sample 100

The operators are cosmic-ray's, and four of ours for what it leaves alone (`in`, conditions of comprehensions, returned
conditions, statements that are calls). A place is a position in the text and a kind of operator; of the changes that are
possible there one is drawn, so that a `+` that may become eleven other signs counts once. Not places are annotations,
what only saves memory or time or guards a class (`slots`, `frozen`, `lru_cache`), `is` for `==`, and the order of strings.

First each test runs in a process of its own, which tells the lines that it runs. Then, for each mutant, a process that is
forked from one which has collected the tests exchanges the code of the changed functions and runs the tests that ran the
line, those that run much of the file in little time first, until one fails or a budget of seconds is spent. Where what
changes is evaluated on import (a table, a default, a decorator), the forked process imports heaplint and the tests anew.

Killed is a mutant by a test that fails, or that takes more than ten times its time and two seconds, or all the memory.
`equivalent_mutants.tsv` holds those that were read and found to change nothing that can be observed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import gc
import hashlib
import importlib
import importlib.abc
import importlib.machinery
import json
import math
import os
import pickle
import random
import resource
import signal
import sys
import time
import types
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import parso
import pytest
from _pytest.runner import runtestprotocol
from cosmic_ray.mutating import MutationVisitor
from cosmic_ray.operators import boolean_replacer
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider

REPOSITORY = Path(__file__).resolve().parent.parent
EQUIVALENT = REPOSITORY / "benchmarks" / "equivalent_mutants.tsv"
PARTS = {
    "frontend": [f"frontend/{name}.py" for name in "preprocess conditions lexical items expand views".split()],
    "model": ["model/*.py"],
    "checks": ["checks/*.py"],
    "flow": ["flow/*.py"],
    "flow/paths": ["flow/paths/*.py"],
}
CHANGED = ("heaplint.frontend.", "heaplint.model.", "heaplint.checks.", "heaplint.flow.")
TESTS = (
    "cards card_messages addobject basicsize callbacks creators embedding expression_types format_calls gc_bases gc_slots gil gil_ways globals items "
    "method_signatures module_state new_instances state_lookup types_made types_read paths paths_helpers paths_idioms "
    "paths_reports paths_results program fixtures frontend_conditions frontend_cplusplus frontend_items frontend_lexical "
    "frontend_macros frontend_offsets frontend_traps frontend_views frontend_clang capi capi_attributes formats context "
    "references_metamorphic fixes"
).split()
LATE = ("tests/test_references_metamorphic.py", "tests/test_fixes.py")
"""What says again, of changed texts, what other tests say, or is about what becomes of reports."""
SLOW = 1.0
"""Seconds above which a test has no part in this."""
MEMORY = 4 << 30

Position = tuple[int, int]


# operators


class NegateMembership(Operator):
    """`in` and `not in` change places."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        if node.type == "comparison":
            for one in node.children[1::2]:
                if one.get_code().split() in (["in"], ["not", "in"]):
                    yield one.start_pos, one.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        at = [n for n, one in enumerate(node.children) if n % 2 and one.get_code().split() in (["in"], ["not", "in"])][
            index
        ]
        word = " not in" if node.children[at].get_code().split() == ["in"] else " in"
        node.children[at] = parso.parse(word)
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class NegateFilter(boolean_replacer.AddNot):  # type: ignore[misc]  # cosmic-ray has no types
    """The condition of a comprehension is negated."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        if node.type == "comp_if":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        node.children[1] = parso.parse(f" not ({node.children[1].get_code().strip()})")
        return node


class NegateReturn(NegateFilter):
    """A returned comparison, `and`, `or` or `not` is negated."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        if node.type == "return_stmt" and node.children[1].type in ("comparison", "and_test", "or_test", "not_test"):
            yield node.children[1].start_pos, node.children[1].end_pos


class DropCall(Operator):
    """A statement that is a call is left out."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Position, Position]]:
        if node.type == "simple_stmt" and node.children[0].type == "atom_expr":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        lines = node.children[0].get_code(include_prefix=False).count("\n")
        node.children[0] = parso.parse(node.get_first_leaf().prefix + "(" + "\n" * lines + ")")
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


OURS = {made.__name__: made for made in (NegateMembership, NegateFilter, NegateReturn, DropCall)}


@functools.lru_cache(maxsize=1)
def operators() -> dict[str, Operator]:
    """By name; without those that take arguments, and without `is` for `==`, which is the same for most values."""
    provider = OperatorProvider()
    found = {name: provider[name] for name in provider} | OURS
    return {
        name: made()
        for name, made in found.items()
        if not made.arguments() and ("Is" in name.split("_")) == ("IsNot" in name.split("_"))
    }


# mutants


@dataclass(frozen=True)
class Mutant:
    """One change: the occurrence-th place in the file where an operator can be applied."""

    part: str
    path: str
    line: int
    operator: str
    occurrence: int

    @functools.lru_cache(maxsize=2)  # noqa: B019  # a mutant lives as long as the run
    def text(self) -> str:
        """The file with the change."""
        source = (REPOSITORY / self.path).read_text()
        return str(MutationVisitor.mutate_code(source, operators()[self.operator], self.occurrence))

    def change(self) -> tuple[str, str]:
        """What the lines that differ were and became."""
        old, new = (REPOSITORY / self.path).read_text().splitlines(), self.text().splitlines()
        start = next(n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
        end = next(n for n, pair in enumerate(zip(old[::-1], new[::-1], strict=False)) if pair[0] != pair[1])
        end = min(end, len(old) - start, len(new) - start)
        return tuple(" ".join(map(str.strip, lines[start : len(lines) - end])) for lines in (old, new))  # type: ignore[return-value]


def annotations(text: str) -> set[int]:
    """The offsets, as line * 1000 + column, that annotations take: they are not evaluated."""
    found: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        for one in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if one is not None:
                for line in range(one.lineno, one.end_lineno + 1):
                    start = one.col_offset if line == one.lineno else 0
                    end = one.end_col_offset if line == one.end_lineno else 999
                    found.update(range(line * 1000 + start, line * 1000 + end))
    return found


def places(part: str, path: Path) -> list[list[Mutant]]:
    """The places of a file, each with the mutants that are possible there."""
    text = path.read_text()
    unevaluated = annotations(text)
    nodes = [node for node in tree(parso.parse(text)) if node.type not in ("name", "newline", "string", "endmarker")]
    found: dict[tuple[Position, str], list[Mutant]] = defaultdict(list)
    for name, operator in operators().items():
        count = 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                if has_consequences(name, node) and start[0] * 1000 + start[1] not in unevaluated:
                    mutant = Mutant(part, str(path.relative_to(REPOSITORY)), start[0], name, count)
                    found[start, name.partition("_")[0]].append(mutant)
                count += 1
    return [found[key] for key in sorted(found)]


def has_consequences(name: str, node: Any) -> bool:
    """Not so what only saves memory or time, guards a class against writes, or asks which of two strings comes first."""
    if name == "RemoveDecorator":
        return "lru_cache" not in node.get_code()
    if name.startswith("Replace") and name.partition("_")[0] in ("ReplaceTrueWithFalse", "ReplaceFalseWithTrue"):
        return not (
            node.parent.type == "argument" and node.parent.children[0].get_code().strip() in ("frozen", "slots")
        )
    if name.startswith("ReplaceComparisonOperator") and any(
        part in name.split("_") for part in ("Lt", "LtE", "Gt", "GtE")
    ):
        return not any(one.type == "string" for one in node.children)
    return True


def tree(node: Any) -> Iterator[Any]:
    yield node
    for child in getattr(node, "children", ()):
        yield from tree(child)


def sample(part: str, size: int, seed: int) -> tuple[list[Mutant], int]:
    """Mutants at places drawn without replacement, in the order of the files, and the number of all places."""
    chance = random.Random(f"{seed} {part}")
    files = sorted({path for pattern in PARTS[part] for path in (REPOSITORY / "heaplint").glob(pattern)})
    known = [place for path in files for place in places(part, path)]
    chosen = chance.sample(range(len(known)), min(size, len(known)))
    drawn = [(index, chance.choice(known[index])) for index in chosen]
    return [mutant for _, mutant in sorted(drawn, key=lambda one: one[0])], len(known)


def interval(killed: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, killed / of
    middle = share + z * z / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


# what tests run


@dataclass
class Coverage:
    """For each file the lines that each test ran, and the seconds that each test took."""

    lines: dict[str, dict[str, frozenset[int]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    """Of the files of tests when this was seen."""

    def forget(self, files: set[str]) -> None:
        """Leave out what the tests of some files did."""
        for known in (self.seconds, *self.lines.values()):
            for test in [test for test in known if test.partition("::")[0] in files]:
                del known[test]

    def tests(self, mutant: Mutant, imported: bool, budget: float) -> list[str]:
        """The tests to run, likely killers first, of a line of a function or of one that is evaluated on import."""
        ran = self.lines.get(mutant.path, {})
        wanted = statement(REPOSITORY / mutant.path, mutant.line)
        chosen = [test for test, lines in ran.items() if imported or not wanted.isdisjoint(lines)]
        if imported and not chosen:
            chosen = list(self.seconds)
        chosen.sort(key=lambda test: (test.startswith(LATE), self.seconds[test] / (1 + len(ran.get(test, ()))), test))
        kept, spent = [], 0.0
        for test in chosen:
            if self.seconds[test] <= SLOW and (not kept or spent + self.seconds[test] <= budget):
                kept.append(test)
                spent += self.seconds[test]
        return kept


@functools.lru_cache(maxsize=256)
def statement(path: Path, line: int) -> frozenset[int]:
    """The lines of the innermost statement that has a line, of a compound one those before its body."""
    found = frozenset({line})
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.stmt | ast.match_case | ast.ExceptHandler):
            body = getattr(node, "body", None)
            start = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
            end = max(start, body[0].lineno - 1) if body else (node.end_lineno or start)
            if start <= line <= end:
                found = frozenset(range(start, end + 1))
    return found


def digest(paths: Iterable[Path]) -> str:
    """A hash of files, their names included; of folders all that is below them."""
    found = hashlib.sha256()
    files = {one for path in paths for one in (path.rglob("*") if path.is_dir() else [path]) if one.is_file()}
    for path in sorted(one for one in files if "__pycache__" not in one.parts):
        found.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def digests() -> dict[str, str]:
    """For each file of tests a hash of all that decides which lines its tests run."""
    tests = REPOSITORY / "tests"
    shared = [path for path in tests.iterdir() if not path.name.startswith("test_")]
    shared += [tests / "test_cards.py", tests / "test_paths.py", REPOSITORY / "rules", REPOSITORY / "heaplint"]
    common = digest(shared)
    return {f"tests/test_{name}.py": f"{common}-{digest([tests / f'test_{name}.py'])}" for name in TESTS}


def forked(work: Any, seconds: float) -> tuple[int, bytes]:
    """What a function that runs in a forked process returns, as (wait status, bytes); killed when the time is over."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.close(reading)
        code = 3
        with contextlib.suppress(BaseException):
            code, out = work()
            view = memoryview(out)
            while view:
                view = view[os.write(writing, view) :]
        os._exit(code)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    os.close(writing)
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.alarm(int(seconds) + 1)
    with os.fdopen(reading, "rb") as pipe:
        out = pipe.read()
    _, status = os.waitpid(child, 0)
    signal.alarm(0)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)  # what tests have started
    return status, out


def cover(items: Sequence[pytest.Item], files: Sequence[str], known: Coverage) -> None:
    """Each test once, in a process of its own, so that no cache hides what it runs."""
    wanted = set(files)
    for count, item in enumerate(items):
        if count % 500 == 0:
            print(f"which lines tests run: {count} of {len(items)}", file=sys.stderr)

        def work(item: pytest.Item = item) -> tuple[int, bytes]:
            quiet()
            forget_results()
            watched = coverage.Coverage(data_file=None, include=[f"{REPOSITORY}/heaplint/*"], config_file=False)
            start = time.process_time()
            watched.start()
            reports = runtestprotocol(item, log=False, nextitem=None)
            watched.stop()
            spent = time.process_time() - start
            data = watched.get_data()
            lines = {file: frozenset(data.lines(file) or ()) for file in wanted & data.measured_files()}
            return 0, pickle.dumps((spent, lines, [str(one.longrepr) for one in reports if one.failed]))

        status, out = forked(work, 120)
        spent, lines, failures = pickle.loads(out) if out else (0, {}, [f"status {status}"])
        if failures:
            print(f"left out, it fails on its own: {item.nodeid}", *failures, sep="\n", file=sys.stderr)
            continue
        known.seconds[item.nodeid] = spent
        for file, ran in lines.items():
            known.lines.setdefault(str(Path(file).relative_to(REPOSITORY)), {})[item.nodeid] = ran


def quiet() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forget_results() -> None:
    """Empty the caches of the parts' functions: what was computed before the change must not hide it."""
    for one in LOADED:
        if isinstance(one, functools._lru_cache_wrapper):
            one.cache_clear()


# running a mutant

LOADED: list[Any] = []
"""The functions of the parts, and those with a cache, wherever they are referred to."""


def module_name(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")


def functions(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of the outermost functions of a module, in order; what runs on import has other flags, or no name."""
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            if one.co_flags & 1 and one.co_name[0] != "<":
                yield one
            else:
                yield from functions(one)


def imported_part(code: types.CodeType) -> list[object]:
    """What of a module is evaluated on import, to compare."""
    constants: list[object] = []
    for one in code.co_consts:
        if not isinstance(one, types.CodeType):
            constants.append((type(one), repr(one)))
        elif not (one.co_flags & 1 and one.co_name[0] != "<"):
            constants.append(imported_part(one))
    return [code.co_code, code.co_names, constants]


def exchange(path: str, old: types.CodeType, new: types.CodeType) -> None:
    """Give the functions of a loaded module their new code, wherever they are referred to."""
    changed = {one: other for one, other in zip(functions(old), functions(new), strict=True) if one != other}
    for one in LOADED:
        if isinstance(one, types.FunctionType) and one.__module__ == module_name(path) and one.__code__ in changed:
            one.__code__ = changed[one.__code__]


class Changed(importlib.abc.MetaPathFinder, importlib.abc.SourceLoader):
    """Imports one module with another text."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text

    def find_spec(self, name: str, path: object = None, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != module_name(self.path):
            return None
        return importlib.machinery.ModuleSpec(
            name, self, origin=self.get_filename(name), is_package=self.path.endswith("__init__.py")
        )

    def get_filename(self, name: str) -> str:
        return str(REPOSITORY / self.path)

    def get_data(self, path: str) -> bytes:
        return self.text.encode()


class OnlyThese:
    """Of a nested run: these tests, in this order, each with its time."""

    def __init__(self, tests: Sequence[str], known: Coverage) -> None:
        self.order, self.known = {test: number for number, test in enumerate(tests)}, known

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((one for one in items if one.nodeid in self.order), key=lambda one: self.order[one.nodeid])

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        limit(self.known.seconds[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            raise KeyboardInterrupt(report.nodeid)  # the quickest way out


def limit(seconds: float) -> None:
    """A test's time, of the processor's."""
    signal.setitimer(signal.ITIMER_PROF, 2 + 10 * seconds)


@dataclass(frozen=True)
class Outcome:
    mutant: Mutant
    result: str
    """killed, timeout, survived, untested (no test runs the line)"""
    tests: int
    seconds: float


def outcome(
    mutant: Mutant, text: str, known: Coverage, items: dict[str, pytest.Item], budget: float, imported: bool = False
) -> Outcome:
    """What the tests say of a file with another text; `imported`: it is imported anew even if only functions differ."""
    start = time.monotonic()
    path = REPOSITORY / mutant.path
    old = compile(path.read_text(), str(path), "exec", dont_inherit=True)
    try:
        new = compile(text, str(path), "exec", dont_inherit=True)
    except SyntaxError:
        return Outcome(mutant, "killed", 0, 0.0)
    imported = imported or imported_part(old) != imported_part(new)
    tests = known.tests(mutant, imported, budget)

    def in_place() -> tuple[int, bytes]:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        quiet()
        limit(5)
        forget_results()
        exchange(mutant.path, old, new)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            limit(known.seconds[test])
            reports = runtestprotocol(items[test], log=False, nextitem=items[following] if following else None)
            if any(one.failed for one in reports):
                return 1, test.encode()
        return 0, b"survived"

    def anew() -> tuple[int, bytes]:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        quiet()
        limit(5)
        for name, loaded in list(sys.modules.items()):
            file = str(getattr(loaded, "__file__", None))
            if name.partition(".")[0] == "heaplint" or file.startswith(f"{REPOSITORY}/tests/"):
                del sys.modules[name]
        sys.meta_path.insert(0, Changed(mutant.path, text))
        importlib.import_module(module_name(mutant.path))
        files = sorted({test.partition("::")[0] for test in tests})
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        limit(10)
        code = pytest.main([*ARGUMENTS, *files], plugins=[OnlyThese(tests, known)])
        return (0, b"survived") if code == 0 else (1, str(code).encode())

    if not tests:
        return Outcome(mutant, "untested", 0, 0.0)
    allowed = 60 + 20 * sum(known.seconds[test] for test in tests)
    status, out = forked(anew if imported else in_place, allowed)
    result = "survived" if out == b"survived" and status == 0 else "killed" if os.WIFEXITED(status) else "timeout"
    return Outcome(mutant, result, len(tests), time.monotonic() - start)


# the run

ARGUMENTS = ["-x", "-s", "-p", "no:xdist", "-p", "no:cacheprovider", "--rootdir", str(REPOSITORY)]


class Run:
    """The plugin that runs mutants where pytest would run the tests that it has collected."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.outcomes: list[Outcome] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        options = self.options
        drawn: list[Mutant] = []
        for part in options.parts or PARTS:
            mutants, total = sample(part, options.sample, options.seed)
            print(f"{part}: {len(mutants)} of {total} places", file=sys.stderr)
            drawn += mutants
        files = sorted(
            {str(path) for part in PARTS for one in PARTS[part] for path in (REPOSITORY / "heaplint").glob(one)}
        )
        for file in files:
            importlib.import_module(module_name(str(Path(file).relative_to(REPOSITORY))))
        runtestprotocol(session.items[0], log=False, nextitem=None)  # facts of the C API are read once for all
        watched = coverage.Coverage(data_file=None, include=["/none"], config_file=False, messages=False)
        watched.start()  # what it imports is imported once for all
        watched.stop()
        gc.collect()
        LOADED.extend(
            one
            for one in gc.get_objects()
            if isinstance(one, types.FunctionType | functools._lru_cache_wrapper)
            and (one.__module__ or "").startswith(CHANGED)
        )
        gc.freeze()
        known, now = Coverage(), digests()
        if options.cache and options.cache.exists():
            known = pickle.loads(options.cache.read_bytes())
        stale = {file for file in {*known.digests, *now} if known.digests.get(file) != now.get(file)}
        known.forget(stale)
        cover([item for item in session.items if item.nodeid.partition("::")[0] in stale], files, known)
        known.digests = now
        if options.cache:
            options.cache.write_bytes(pickle.dumps(known))
        items = {item.nodeid: item for item in session.items}
        for mutant in {one.part: one for one in drawn}.values():
            for imported in (False, True):
                unchanged = outcome(
                    mutant, (REPOSITORY / mutant.path).read_text(), known, items, options.budget, imported
                )
                if unchanged.result not in ("survived", "untested"):
                    raise SystemExit(f"error: tests fail without a change of {mutant.path}")
        for count, mutant in enumerate(drawn):
            if count % 50 == 0:
                print(f"mutants: {count} of {len(drawn)}", file=sys.stderr)
            one = outcome(mutant, mutant.text(), known, items, options.budget)
            self.outcomes.append(one)
            if options.out:
                with options.out.open("a") as out:
                    before, after = mutant.change()
                    record = vars(mutant) | {"result": one.result, "tests": one.tests, "seconds": round(one.seconds, 2)}
                    out.write(json.dumps(record | {"before": before, "after": after}) + "\n")
        return True


def equivalent() -> set[tuple[str, str, str]]:
    """Path, text before and after of the mutants that were read and found to be equivalent."""
    if not EQUIVALENT.exists():
        return set()
    rows = (line.split("\t") for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#"))
    return {(path, before, after) for _, path, before, after in rows}


def table(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """For each part and for all: killed, equivalent, survived, and the share with its interval."""
    apart = equivalent()
    rows: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        rows[one.mutant.part].append(one)
        rows["all"].append(one)
    yield "| part | mutants | killed | of them by time | equivalent | survived | killed of those not equivalent |"
    yield "|---|---|---|---|---|---|---|"
    for part, found in rows.items():
        killed = sum(one.result in ("killed", "timeout") for one in found)
        late = sum(one.result == "timeout" for one in found)
        alive = [one for one in found if one.result in ("survived", "untested")]
        same = sum((one.mutant.path, *one.mutant.change()) in apart for one in alive)
        low, high = interval(killed, len(found) - same)
        share = killed / max(1, len(found) - same)
        yield (
            f"| {part} | {len(found)} | {killed} | {late} | {same} | {len(alive) - same} "
            f"| {share:.1%} ({low:.0%} to {high:.0%}) |"
        )


def main(arguments: Sequence[str]) -> int:
    """Draw, run and print."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--sample", type=int, default=150, metavar="N", help="places of each part (150)")
    reader.add_argument("--budget", type=float, default=20, metavar="SECONDS", help="of tests for one mutant (20)")
    reader.add_argument("--out", type=Path, metavar="FILE", help="append one JSON line for each mutant")
    reader.add_argument(
        "--cache", type=Path, metavar="FILE", help="a file, made by this, that keeps which lines tests run"
    )
    reader.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = reader.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        reader.error(f"no such part: {', '.join(sorted(unknown))}")
    hypothesis.settings.register_profile(
        "same", derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    hypothesis.settings.load_profile("same")
    os.chdir(REPOSITORY)
    run = Run(options)
    code = pytest.main([*ARGUMENTS, *(f"tests/test_{name}.py" for name in TESTS)], plugins=[run])
    if code != 0:
        return int(code)
    print("\n".join(table(run.outcomes)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
