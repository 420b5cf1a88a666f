"""How much heaplint does on fixed inputs, counted and not timed, so that a busy machine changes nothing.

`python benchmarks/work.py` shows the counts beside those in work.toml, `--check` fails where one is more than 10 % off,
`--record` writes them down. A count that shrank fails too: a figure that is no longer true would let the next growth pass.

Counted are calls of heaplint's own functions by layer, lines of it that ran, objects of dataclasses that were made, bytes
that tree-sitter was given and modules that were imported, Python's own left out. Comprehensions do not count, since they
are calls up to Python 3.11 only; what is left differs by less than 4 % between Pythons. Nothing in heaplint counts:
profile and trace hooks of the interpreter do.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generated import extension
from measuring import HEAPLINT, REPOSITORY, RunError, check_command, has_cache, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECORD = Path(__file__).with_name("work.toml")
ALLOWED = 0.10
"""How far a count may be off, as a part of what is recorded."""
LAYERS = ("checks", "flow", "frontend", "model")
"""Folders of heaplint whose calls are counted apart; those of all others are `calls-other`."""
INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>"})
FIXTURES = (
    "cplusplus/orchard.hpp", "cplusplus/tree.cpp", "heap_types/abacus.c", "heap_types/abacus.h", "heap_types/frame.c",
    "macros_and_conditionals/config.h", "macros_and_conditionals/slider.h", "macros_and_conditionals/widgets.c",
    "multi_phase_state/ledger.c", "references/seeds.c", "static_types/abacus.h", "static_types/frame.c",
)  # fmt: skip
CHANGED = "baskets1.c"
"""The file of a cached tree that is changed."""

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Input:
    """A tree to lint: names to contents; with a cache, which holds what it was, where `changed` names a file, before."""

    name: str
    files: Mapping[str, bytes]
    cached: bool = False
    changed: str | None = None

    @property
    def digest(self) -> str:
        """What tells whether it is still the same: two counts are comparable only then."""
        text = json.dumps([(name, hashlib.sha256(data).hexdigest()) for name, data in sorted(self.files.items())])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def inputs() -> list[Input]:
    """What is counted; those with a cache only where there is one."""
    fixtures = {name: (REPOSITORY / "tests" / "fixtures" / name).read_bytes() for name in FIXTURES}
    small, large = extension(2, 2), extension(8, 2)
    every = [Input("start", {"empty.c": b""}), Input("fixtures", fixtures)]
    every += [Input("generated", small), Input("generated-4x", large)]
    if has_cache():
        every += [Input("cached", large, cached=True), Input("cached-changed", large, cached=True, changed=CHANGED)]
    return every


def count(one: Input) -> Counts:
    """Lint an input twice, in processes of their own: once to count calls, once to count lines."""
    counts: Counts = {}
    for what in ("calls", "lines"):
        with tempfile.TemporaryDirectory(prefix="heaplint-work-") as folder:
            tree, cache = Path(folder, "tree"), Path(folder, "cache") if one.cached else None
            for name, data in {**one.files, "heaplint.toml": b""}.items():
                path = tree / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            command = check_command("-q", "--select", "ALL", str(tree), cache=cache)
            if one.cached:
                run(command)
            if one.changed is not None:
                path = tree / one.changed
                path.write_bytes(path.read_bytes().replace(b"\n{\n", b"\n{\n    (void)sizeof(int);\n", 1))
            arguments = [*command[len(HEAPLINT) :], "--output", str(Path(folder, "findings"))]
            counts |= count_apart(what, arguments)
    return dict(sorted(counts.items()))


def count_apart(what: str, arguments: Sequence[str], seed: int = 0) -> Counts:
    """Count one run of heaplint with these arguments in a process of its own; sets hash alike in all of them."""
    told = subprocess.run(
        [sys.executable, __file__, "--count", what, *arguments],
        cwd=REPOSITORY, env={**os.environ, "PYTHONHASHSEED": str(seed)}, capture_output=True, text=True,
    )  # fmt: skip
    if told.returncode != 0:
        raise RunError(f"counting {what} failed: {told.stderr.strip()}")
    return {str(key): int(value) for key, value in json.loads(told.stdout).items()}


def count_here(what: str, arguments: Sequence[str]) -> Counts:
    """Count one run of heaplint in this process, which has run nothing of it before; RunError when it fails."""
    import tree_sitter

    class CountingParser:
        """tree_sitter.Parser, which cannot be inherited from, with a count of the bytes it is given."""

        given = 0

        def __init__(self, language: tree_sitter.Language) -> None:
            self._parser = Parser(language)

        def parse(self, source: bytes) -> tree_sitter.Tree:
            CountingParser.given += len(source)
            return self._parser.parse(source)

    Parser, tree_sitter.Parser = tree_sitter.Parser, CountingParser  # type: ignore[assignment,misc]  # noqa: N806
    sys.path.insert(0, str(REPOSITORY))
    import heaplint
    from heaplint.cli.app import run as run_heaplint

    package = os.path.dirname(heaplint.__file__) + os.sep
    if what == "calls":
        profile = cProfile.Profile(subcalls=False, builtins=False)
        code = profile.runcall(run_heaplint, arguments)
        counts = calls_of(profile, package)
        counts["bytes-parsed"] = CountingParser.given
        counts["modules"] = sum(name.partition(".")[0] not in sys.stdlib_module_names for name in sys.modules)
    else:
        lines = LineCounter(package)
        sys.settrace(lines.enter)
        code = run_heaplint(arguments)
        sys.settrace(None)
        counts = Counter({"lines": lines.lines})
    if code != 0:
        raise RunError(f"heaplint ended with exit code {code}")
    return dict(counts)


def calls_of(profile: cProfile.Profile, package: str) -> Counter[str]:
    """The calls of a profile that are heaplint's own, by layer, and the objects of dataclasses that were made."""
    counts: Counter[str] = Counter()
    for entry in profile.getstats():
        if isinstance(entry.code, str) or entry.code.co_name in INLINED:
            continue
        file, name = entry.code.co_filename, entry.code.co_name
        if file.startswith(package):
            layer = file.removeprefix(package).partition(os.sep)[0]
            counts[f"calls-{layer if layer in LAYERS else 'other'}"] += entry.callcount
        elif file.startswith("<") and name == "__init__":  # as heaplint.records compiles them, in "<Name of the class>"
            counts["objects"] += entry.callcount
    return counts


class LineCounter:
    """A trace function (sys.settrace) that counts the lines that run below a folder."""

    def __init__(self, package: str) -> None:
        self.package, self.lines = package, 0

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Follow a function that is called when it lies in the folder."""
        return self.step if frame.f_code.co_filename.startswith(self.package) else None

    def step(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Count one event of a function that is followed."""
        self.lines += event == "line"
        return self.step


@dataclass(frozen=True, slots=True)
class Difference:
    """A count that is too far from what is recorded, or a record that is not of this input."""

    input: str
    message: str

    def __str__(self) -> str:
        return f"{self.input}: {self.message}"


def compare(one: Input, counts: Counts, record: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    """What of an input's counts does not agree with the record."""
    known = record.get(one.name)
    if known is None or known["input"] != one.digest:
        return [Difference(one.name, "not recorded" if known is None else "the input is not the one that was recorded")]
    found = []
    for key in sorted((known.keys() | counts.keys()) - {"input"}):
        was, now = known.get(key, 0), counts.get(key, 0)
        if abs(now - was) > was * ALLOWED:
            change = f"{(now - was) / was:+.0%}" if was else "new"
            found.append(Difference(one.name, f"{key} {'grew' if now > was else 'shrank'}: {was} to {now} ({change})"))
    return found


def read_record(path: Path = RECORD) -> dict[str, dict[str, Any]]:
    """What was recorded, by input; nothing when nothing was."""
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def as_toml(counted: Sequence[tuple[Input, Counts]]) -> str:
    """The counts as they are recorded."""
    parts = [
        "# What heaplint does on fixed inputs; written by `python benchmarks/work.py --record`, which says what it is.\n"
    ]
    for one, counts in counted:
        parts.append(f'\n[{one.name}]\ninput = "{one.digest}"\n')
        parts += [f"{key} = {value}\n" for key, value in counts.items()]
    return "".join(parts)


def main(arguments: Sequence[str]) -> int:
    """Count and show, check or record; 1 when a check fails."""
    if arguments[:1] == ["--count"]:
        print(json.dumps(count_here(arguments[1], arguments[2:])))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help=f"fail where a count is more than {ALLOWED:.0%} off")
    what.add_argument("--record", action="store_true", help=f"write the counts to {RECORD.name}")
    options = parser.parse_args(arguments)
    counted = [(one, count(one)) for one in inputs()]
    record = read_record()
    if options.record:
        RECORD.write_text(as_toml(counted), encoding="utf-8", newline="\n")
        return 0
    differences: list[Difference] = []
    for one, counts in counted:
        differences += compare(one, counts, record)
        if not options.check:
            known = record.get(one.name, {})
            print("".join(f"{one.name:15} {key:15} {now:10} {known.get(key, 0):10}\n" for key, now in counts.items()))
    for difference in differences:
        print(difference)
    if differences:
        print("If it is meant to be so: python benchmarks/work.py --record")
    return int(options.check and bool(differences))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
