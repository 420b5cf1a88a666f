"""How many small defects in the code the tests see: mutants of a random sample of places, each against the tests that run it.

    pip install cosmic-ray coverage
    python benchmarks/mutation.py --seed 1 --sample 150

The operators are cosmic-ray's, and four of ours for what it leaves alone (`in`, conditions of comprehensions, returned
values, statements that are calls). A place is a position in the text and a kind of operator; of the replacements that
are possible there one is drawn, so that a `+` that can become eleven other signs counts once. Annotations are no places, nor is
`is` for `==`. First each test is run in a process of its own to see which lines it runs. Then, for each mutant, a process forked
from one that has collected the tests gets the mutated functions and runs the tests that ran the line: of cards and
units before the metamorphic ones, those that run most of the file first, until one fails or a budget of seconds is
spent. What is evaluated on import (tables, defaults, decorators) is imported anew in the forked process, tests too.

A mutant is killed by a test that fails, by the end of its time (ten times what the test took, and two seconds) or of
its memory. `equivalent_mutants.tsv` holds those that were read and found to change nothing that can be observed.
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
    "cards paths paths_helpers paths_reports program fixtures frontend_conditions frontend_cplusplus frontend_lexical "
    "frontend_macros frontend_offsets frontend_traps frontend_views frontend_clang capi capi_attributes formats context "
    "references_metamorphic"
).split()
LATE = ("tests/test_metamorphic.py", "tests/test_references_metamorphic.py", "tests/test_fixes.py")
"""What says again, of changed texts, what other tests say."""
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
        at = [n for n, one in enumerate(node.children) if n % 2 and one.get_code().split() in (["in"], ["not", "in"])][index]
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

    def text(self) -> str:
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
    nodes = list(tree(parso.parse(text)))
    found: dict[tuple[Position, str], list[Mutant]] = defaultdict(list)
    for name, operator in operators().items():
        count = 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                if start[0] * 1000 + start[1] not in unevaluated:
                    mutant = Mutant(part, str(path.relative_to(REPOSITORY)), start[0], name, count)
                    found[start, name.partition("_")[0]].append(mutant)
                count += 1
    return [found[key] for key in sorted(found)]


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

    lines: dict[str, dict[str, frozenset[int]]] = field(default_factory=lambda: defaultdict(dict))
    seconds: dict[str, float] = field(default_factory=dict)

    def tests(self, mutant: Mutant, imported: bool, budget: float) -> list[str]:
        """The tests to run, likely killers first, of a line of a function or of one that is evaluated on import."""
        ran = self.lines.get(mutant.path, {})
        chosen = [test for test, lines in ran.items() if imported or mutant.line in lines]
        if imported and not chosen:
            chosen = list(self.seconds)
        chosen.sort(key=lambda test: (test.startswith(LATE), -len(ran.get(test, ())), self.seconds[test], test))
        kept, spent = [], 0.0
        for test in chosen:
            if self.seconds[test] <= SLOW and (not kept or spent + self.seconds[test] <= budget):
                kept.append(test)
                spent += self.seconds[test]
        return kept


def state() -> str:
    """A hash of all that decides which lines a test runs."""
    digest = hashlib.sha256()
    files = [REPOSITORY / "benchmarks" / "mutation.py", *(REPOSITORY / "rules").glob("*.md")]
    for folder in ("heaplint", "tests"):
        files += [path for path in (REPOSITORY / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    for path in sorted(files):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


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


def cover(items: Sequence[pytest.Item], files: Sequence[str]) -> Coverage:
    """Each test once, in a process of its own, so that no cache hides what it runs."""
    known = Coverage()
    for count, item in enumerate(items):
        if count % 500 == 0:
            print(f"which lines tests run: {count} of {len(items)}", file=sys.stderr)

        def work(item: pytest.Item = item) -> tuple[int, bytes]:
            quiet()
            forget_results()
            watched = coverage.Coverage(data_file=None, include=list(files), messages=False)
            start = time.perf_counter()
            watched.start()
            reports = runtestprotocol(item, log=False, nextitem=None)
            watched.stop()
            spent = time.perf_counter() - start
            data = watched.get_data()
            lines = {file: frozenset(data.lines(file) or ()) for file in data.measured_files()}
            return 0, pickle.dumps((spent, lines, [str(one.longrepr) for one in reports if one.failed]))

        status, out = forked(work, 120)
        spent, lines, failures = pickle.loads(out) if out else (0, {}, [f"status {status}"])
        if failures:
            print(f"left out, it fails on its own: {item.nodeid}", *failures, sep="\n", file=sys.stderr)
            continue
        known.seconds[item.nodeid] = spent
        for file, ran in lines.items():
            known.lines[str(Path(file).relative_to(REPOSITORY))][item.nodeid] = ran
    return known


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
        return importlib.machinery.ModuleSpec(name, self, origin=self.get_filename(name), is_package=self.path.endswith("__init__.py"))

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


def outcome(mutant: Mutant, known: Coverage, items: dict[str, pytest.Item], budget: float) -> Outcome:
    start = time.monotonic()
    path = REPOSITORY / mutant.path
    old, text = compile(path.read_text(), str(path), "exec", dont_inherit=True), mutant.text()
    try:
        new = compile(text, str(path), "exec", dont_inherit=True)
    except SyntaxError:
        return Outcome(mutant, "killed", 0, 0.0)
    imported = imported_part(old) != imported_part(new)
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
        for name in list(sys.modules):
            if name.partition(".")[0] == "heaplint" or getattr(sys.modules[name], "__file__", None) and "/tests/" in str(sys.modules[name].__file__):
                if str(REPOSITORY) in str(getattr(sys.modules[name], "__file__", "")) or name.startswith("heaplint"):
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
        files = sorted({str(path) for part in PARTS for one in PARTS[part] for path in (REPOSITORY / "heaplint").glob(one)})
        for file in files:
            importlib.import_module(module_name(str(Path(file).relative_to(REPOSITORY))))
        runtestprotocol(session.items[0], log=False, nextitem=None)  # facts of the C API are read once for all
        gc.collect()
        LOADED.extend(
            one
            for one in gc.get_objects()
            if isinstance(one, types.FunctionType | functools._lru_cache_wrapper)
            and (one.__module__ or "").startswith(CHANGED)
        )
        gc.freeze()
        cache = options.cache / f"coverage-{state()[:16]}.pickle" if options.cache else None
        if cache is not None and cache.exists():
            known = pickle.loads(cache.read_bytes())
        else:
            known = cover(session.items, files)
            if cache is not None:
                cache.parent.mkdir(parents=True, exist_ok=True)
                known.lines = dict(known.lines)
                cache.write_bytes(pickle.dumps(known))
        items = {item.nodeid: item for item in session.items}
        for mutant in drawn:
            one = outcome(mutant, known, items, options.budget)
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
    reader.add_argument("--budget", type=float, default=15, metavar="SECONDS", help="of tests for one mutant (15)")
    reader.add_argument("--out", type=Path, metavar="FILE", help="append one JSON line for each mutant")
    reader.add_argument("--cache", type=Path, metavar="DIR", help="keep which lines tests run")
    reader.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = reader.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        reader.error(f"no such part: {', '.join(sorted(unknown))}")
    hypothesis.settings.register_profile("same", derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck))
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
