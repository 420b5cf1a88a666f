"""Damaged C by the hundred thousand, and what must hold of each: no traceback, no hang, no file that is lost.

`python benchmarks/fuzz.py --count 100000 --seed 1 [--corpus DIR]` makes inputs of the project's own fixtures and
examples, and of the C files below each DIR, and analyses them, fifty to a run, with every rule selected. The same seed,
count and corpus give the same inputs, whatever `--jobs`. Runs are made in a child process: one that takes too much
processor time or memory, or dies, costs that child only. What fails is reduced to the fewest files and lines that still
fail, and written to `--failures`, a folder for each, with the cause. `--replay FOLDER` runs such a folder again.

Exit code: 0 when nothing failed, 1 otherwise.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

import mutations
from children import Failure, answers, of_exception, processor_time
from mutations import Stock
from properties import Case, Check, Tally, examine, planned

INPUTS: Final = 50
"""Files of one run."""
SECONDS: Final = 15.0
"""Processor time that one run may take; the usual one takes a fiftieth of it."""
SLOW: Final = 1.5
"""Seconds of a run whose inputs are then timed one by one."""
SLOW_INPUT: Final = 0.8
"""Seconds that one input may take; the usual one takes a hundredth of it."""
RUNS_OF_A_CHILD: Final = 500
SAVED: Final = 2
"""How many cases with the same cause are reduced and kept."""
PATIENCE: Final = 90.0
"""Seconds that it may take to reduce one case."""
ENOUGH: Final = 3.0
"""Processor time after which a run that is to be reduced counts as one that takes too long."""
SOMETIMES: Final = 60.0
"""Seconds between two lines that tell how far it is."""
FACTS: Final = "case.json"
"""The file of a failure's folder that says how its files were analysed, and what became of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one case."""

    number: int
    seconds: float
    kinds: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    failure: Failure | None = None
    peak: int = 0
    """Peak resident bytes of the child so far."""


@dataclass(slots=True)
class Progress:
    """What one lane has done."""

    inputs: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    """Processor time of all runs."""
    slowest: float = 0.0
    peak: int = 0

    def add(self, answer: Answer) -> None:
        """Count one case."""
        self.inputs += INPUTS
        self.kinds += answer.kinds
        self.seconds += answer.seconds
        self.slowest, self.peak = max(self.slowest, answer.seconds), max(self.peak, answer.peak)
        self.tally.add(answer.tally)
        if answer.failure:
            self.failures[answer.failure.cause] += 1
            self.tally.states["in failed runs"] += INPUTS

    def shown(self, seconds: float) -> str:
        """A line for a log."""
        states = ", ".join(f"{count} {state}" for state, count in sorted(self.tally.states.items()))
        return (
            f"{self.inputs} inputs in {seconds:.0f} s ({1000 * self.seconds / max(1, self.inputs):.2f} ms of the processor each): {states}; "
            f"{self.tally.findings.total()} findings of {len(self.tally.findings)} rules, "
            f"{self.tally.notices.total()} notices; slowest run {self.slowest:.1f} s, peak {self.peak >> 20} MiB; "
            f"{self.failures.total()} failed runs of {len(self.failures)} causes"
        )


def main(arguments: Sequence[str]) -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--count", type=int, default=20_000, help="inputs in all (default: %(default)s)")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--jobs", type=int, default=1, help="processes side by side")
    reader.add_argument("--seconds", type=float, help="stop after this long, whatever the count")
    reader.add_argument("--corpus", type=Path, action="append", default=[], help="a folder of C files")
    reader.add_argument("--failures", type=Path, default=Path("fuzz-failures"), help="where failures go")
    reader.add_argument("--replay", type=Path, help="run the failures of a folder again, or one of them")
    options = reader.parse_args(arguments)
    if options.replay:
        return _replay(options.replay)
    known = mutations.stock(options.corpus)
    print(f"{len(known.c)} pieces of C, {len(known.plus_plus)} of C++; seed {options.seed}", flush=True)
    runs = -(-options.count // INPUTS)
    gc.collect()
    gc.freeze()
    lanes = []
    for lane in range(1, options.jobs):
        if (child := os.fork()) == 0:
            os._exit(_lane(known, options, range(lane, runs, options.jobs)))
        lanes.append(child)
    failed = _lane(known, options, range(0, runs, options.jobs))
    for child in lanes:
        failed |= os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return int(bool(failed))


def case(known: Stock, seed: int, number: int) -> tuple[Case, Counter[str]]:
    """The case of some number, and how many of its inputs each kind of mutation had a part in."""
    chance = Random(f"{seed}:{number}")
    made = mutations.mutants(known, INPUTS, chance)
    kinds = Counter(kind for one in made for kind in dict.fromkeys(one.kinds))
    return planned({one.name: one.text for one in made}, number, chance), kinds


def _lane(known: Stock, options: argparse.Namespace, numbers: range) -> int:
    """Run the cases of some numbers, one child after another; 1 when something failed."""
    start = told = time.monotonic()
    done = Progress()
    label = f"[{numbers.start}] " if numbers.step > 1 else ""
    while numbers:
        for answer in _answers(known, options.seed, numbers[:RUNS_OF_A_CHILD]):
            numbers = numbers[1:]
            done.add(answer)
            if failure := answer.failure:
                print(f"{label}seed {options.seed}, run {answer.number}: {failure.kind}: {failure.cause}", flush=True)
                if done.failures[failure.cause] <= SAVED:
                    _keep(known, options, answer.number, failure)
            if time.monotonic() - told > SOMETIMES:
                told = time.monotonic()
                print(label + done.shown(told - start), flush=True)
        if options.seconds is not None and time.monotonic() - start > options.seconds:
            break
    print(label + done.shown(time.monotonic() - start))
    for name, counts in (("mutations", done.kinds), ("notices", done.tally.notices), ("findings", done.tally.findings)):
        print(f"{label}{name}: " + ", ".join(f"{key} {count}" for key, count in counts.most_common()))
    for cause, count in done.failures.most_common():
        print(f"{label}failed {count} times: {cause}")
    sys.stdout.flush()
    return int(bool(done.failures))


def _answers(known: Stock, seed: int, numbers: range) -> Iterator[Answer]:
    """Run cases in a child until one fails or all are done; what ends the child is a failure of the case it was at."""

    def work(say: object) -> None:
        for number in numbers:
            made, kinds = case(known, seed, number)
            answer = replace(attempt(made, number), kinds=kinds)
            say(answer)  # type: ignore[operator]
            if answer.failure:
                return

    number = numbers.start
    for answer in answers(work):
        if isinstance(answer, Failure):
            yield Answer(number, SECONDS, failure=answer)
            return
        yield answer
        number = answer.number + numbers.step


def attempt(made: Case, number: int = 0, limit: float = SECONDS) -> Answer:
    """Run one case in this process; the bound on its time ends the process."""
    start = time.process_time()
    failure, tally = None, Tally()
    try:
        with processor_time(limit):
            tally = examine(made)
            if time.process_time() - start > SLOW:
                failure = _slow(made)
    except Exception as error:
        failure = of_exception(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Answer(number, time.process_time() - start, tally=tally if failure is None else Tally(), failure=failure, peak=peak)


def _slow(made: Case) -> Failure | None:
    """The input of a case that alone takes longer than an input may."""
    for name, data in made.files.items():
        start = time.process_time()
        examine(replace(made, files={name: data}, checks=frozenset()))
        if (seconds := time.process_time() - start) > SLOW_INPUT:
            return Failure("time", "one input takes too long", f"{name}: {seconds:.1f} s for {len(data)} bytes")
    return None


# what failed


def failure_of(made: Case, seconds: float = SECONDS) -> Failure | None:
    """Why a case fails, when it does, in a child of its own."""
    for answer in answers(lambda say: say(attempt(made, limit=seconds))):
        if isinstance(answer, Failure):
            return answer
        if answer.failure:
            return answer.failure  # type: ignore[no-any-return]
    return None


def reduced(made: Case, cause: str) -> Case:
    """The fewest checks, files and lines of a case that fail for the same cause."""
    deadline = time.monotonic() + PATIENCE

    def fails(files: Mapping[str, bytes], checks: frozenset[Check]) -> bool:
        if time.monotonic() > deadline:
            return False
        failure = failure_of(replace(made, files=files, checks=checks), ENOUGH)
        return failure is not None and failure.cause == cause

    files, checks = dict(made.files), made.checks
    for fewer in (frozenset[Check](), *(frozenset({one}) for one in sorted(made.checks))):
        if fails(files, fewer):
            checks = fewer
            break
    names = _fewest(list(files), lambda some: fails({name: files[name] for name in some}, checks))
    files = {name: files[name] for name in names}
    for name in names:
        for cut in (lambda data: data.splitlines(keepends=True), lambda data: [data[i : i + 1] for i in range(len(data))]):
            parts = cut(files[name])
            files[name] = b"".join(_fewest(parts, lambda some, name=name: fails({**files, name: b"".join(some)}, checks)))
    return replace(made, files=files, checks=checks)


def _fewest(things: list, holds) -> list:  # type: ignore[no-untyped-def, type-arg]
    """A shortest part of a list of which something holds, as far as leaving out stretches finds it."""
    size = len(things) // 2
    while size:
        at = 0
        while at < len(things):
            fewer = things[:at] + things[at + size :]
            if fewer and holds(fewer):
                things = fewer
            else:
                at += size
        size //= 2
    return things


def _keep(known: Stock, options: argparse.Namespace, number: int, failure: Failure) -> None:
    """Write a failing case to a folder: as small as it gets, or whole when it does not fail alone."""
    small = reduced(case(known, options.seed, number)[0], failure.cause)
    folder = options.failures / f"{options.seed}-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in small.files.items():
        (folder / name).write_bytes(data)
    facts = {
        "kind": failure.kind, "cause": failure.cause, "seed": options.seed, "run": number, "target": small.target,
        "frontend": small.frontend, "checks": sorted(small.checks), "format": small.output_format, "text": failure.text,
    }  # fmt: skip
    (folder / FACTS).write_text(json.dumps(facts, indent=1))


def kept(folder: Path) -> Case:
    """The case that was written to a folder."""
    facts = json.loads((folder / FACTS).read_text())
    files = {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.name != FACTS}
    return Case(files, facts["target"], facts["frontend"], frozenset(facts["checks"]), facts["format"])


def _replay(top: Path) -> int:
    failed = 0
    for facts in sorted(top.rglob(FACTS)):
        failure = failure_of(kept(facts.parent))
        failed += failure is not None
        print(f"{facts.parent}: {f'{failure.kind}: {failure.cause}' if failure else 'nothing fails'}")
        if failure:
            print(failure.text)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
