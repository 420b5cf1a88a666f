"""Main files checked in several processes at once; what comes out is what one process finds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from heaplint.incremental import kept_since
from heaplint.model.aspects import Value
from heaplint.model.board import Board
from heaplint.model.program import Group, Program
from heaplint.records import dataclass
from heaplint.results import GroupResult

BYTES_FOR_A_WORKER = 400_000
"""Less C than this for each is done sooner than another process has begun."""
LOOKS = 64
"""How often it is looked at anew which main files are to go first."""

Check = Callable[[Group], GroupResult]
"""Checks one group and forgets what was parsed for it."""

_Asked = tuple[str, set[tuple[str, str]], set[tuple[str, str, str]], set[str], set[str]]
"""Of a main file what was asked in its name: aspects and keys, definitions that were read, files that it leans on, as a
whole and for their types and modules."""
_Answers = tuple[tuple[str, str], list[tuple[str, Value]]]


@dataclass(frozen=True, slots=True)
class _Done:
    path: str
    result: GroupResult
    asked: list[_Asked]
    answers: list[_Answers]
    kept: dict[tuple[str, str], tuple[Value, ...]]


def processors() -> int:
    """How many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def worthwhile(wanted: int | None, groups: Sequence[Group]) -> int:
    """How many processes to use, of `wanted` or (None) as many as there are processors: not more than there is work for.

    They are forked from one that has read everything; where the system cannot do that, or not safely (macOS, whose own
    libraries do not bear it: https://docs.python.org/3/library/multiprocessing.html), there is one.
    """
    if not hasattr(os, "fork") or sys.platform == "darwin":
        return 1
    if wanted is not None:
        return max(1, min(wanted, len(groups)))
    size = sum(len(text.code) for group in groups for text in group.texts())
    return max(1, min(processors(), len(groups), size // BYTES_FOR_A_WORKER))


_state: tuple[Program, Check] | None = None
"""What the processes inherit."""


def check_all(program: Program, groups: Sequence[Group], check: Check, jobs: int) -> Iterator[tuple[str, GroupResult]]:
    """Check groups; in whatever order they are done, what they have asked and answered is with the program's groups."""
    global _state
    if jobs <= 1:
        for group in _in_turn(groups):
            yield group.path, check(group)
        return
    import multiprocessing  # 8 ms that one process does not need
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    largest_first = sorted(groups, key=lambda group: -sum(len(text.code) for text in group.own_texts()))
    left = {group.path: group for group in groups}
    _state = program, check
    program.board = board = Board.new()
    try:
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
            futures = [pool.submit(_check, group.path) for group in largest_first]
            try:
                for future in as_completed(futures):
                    done = future.result()
                    _take(program, done)
                    del left[done.path]
                    yield done.path, done.result
            except BrokenProcessPool:  # a worker was killed: what it had not done is done here
                if program.keeps:  # others may have relied on what it found, and it has not told what that depends on
                    left = {group.path: group for group in groups}
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        _state = program.board = None
        if board is not None:
            board.close()
    for group in _in_turn(left.values()):
        yield group.path, check(group)


def _in_turn(groups: Iterable[Group]) -> Iterator[Group]:
    """Groups in an order that keeps little in memory: those first of which others have had most parsed, which then goes."""
    left = list(groups)
    step = max(1, len(left) // LOOKS)
    while left:
        held = {group.path: sum(text.held for text in group.own_texts()) for group in left}
        left.sort(key=lambda group: (-held[group.path], group.path))
        yield from left[:step]
        del left[:step]


def _check(path: str) -> _Done:
    """In a worker: check a main file, and tell what has been asked and answered since the last one."""
    assert _state is not None
    program, check = _state
    before = set(program.asked)
    result = check(program.group(path))
    asked: list[_Asked] = []
    kept: dict[tuple[str, str], tuple[Value, ...]] = {}
    for group in program.groups:
        told = group.asks, group.reads, group.leans_on, group.leans_on_models
        if any(told):
            asked.append((group.path, set(group.asks), set(group.reads), set(group.leans_on), set(group.leans_on_models)))
            kept.update(kept_since(program, group.reads))
            for one in told:
                one.clear()
    return _Done(path, result, asked, [(one, list(program.answers(*one))) for one in sorted(program.asked - before)], kept)


def _take(program: Program, done: _Done) -> None:
    for path, asks, reads, leans_on, leans_on_models in done.asked:
        group = program.group(path)
        group.asks |= asks
        group.reads |= reads
        group.leans_on |= leans_on
        group.leans_on_models |= leans_on_models
    program.kept.update(done.kept)
    for (kind, key), answers in done.answers:
        program.learn(kind, key, answers)
