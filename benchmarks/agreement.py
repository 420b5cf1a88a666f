"""Compare what the two front ends make of the same sources, and name every difference.

`python benchmarks/agreement.py DIR…` reads each folder once with tree-sitter and once with libclang and compares the
models (types, flags, slots, members, modules) and the findings. Without folders it reads the packages of
ecosystem.toml. `--select` chooses rules (HL1,HL2,HL3). Exit code: 0 when at least `--at-least` (0.99) of all
items agree, 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heaplint import engine
from heaplint.capi.scalars import canonical
from heaplint.config import Config, FrontEndName, Overrides, isolated
from heaplint.discovery import Discovery, discover
from heaplint.model.expressions import key_of
from heaplint.model.members import owned_members
from heaplint.model.program import Program, Unit
from heaplint.model.types import TypeDef
from heaplint.report.report import counted
from heaplint.work import Work


@dataclass(frozen=True, slots=True)
class Reading:
    """What one front end makes of some sources."""

    model: frozenset[str]
    findings: frozenset[str]
    exact: int
    """Items that libclang read."""
    default: int
    """Items that tree-sitter read because libclang could not."""
    seconds: float
    """On the clock: libclang works in a process of its own."""


def type_facts(unit: Unit, made: TypeDef) -> Iterator[str]:
    """What the model says of one type, one line for each item."""
    name = f"{made.place.path} {made.symbol}"
    yield f"type {name} {made.kind} {made.written_as} {made.name} {made.bases_unknown or len(made.bases)} {made.slots_unknown}"
    if made.flags is not None:
        yield from (f"flag {name} {flag}" for flag in made.flags.names)
        yield f"flags {name} {made.flags.unknown}"
    yield from (f"slot {name} {slot.name} {slot.function or key_of(slot.value)}" for slot in made.slots.values())
    if made.struct is not None:
        for field in made.struct.fields:
            yield f"field {name} {field.name} {'' if '<' in field.type.base else canonical(field.type.name)} {field.type.pointers}"
        yield from (f"member {name} {one.path}" for one in owned_members(unit, made.struct))


def facts(program: Program) -> Iterator[str]:
    """What the model says of a program, one line for each item."""
    for unit in program.units:
        for made in unit.types:
            yield from type_facts(unit, made)
        for module in unit.modules:
            name = f"{module.place.path} {module.symbol}"
            yield f"module {name} {module.name} {module.init} {module.size} {module.slots_unknown}"
            yield from (f"module slot {name} {slot.name} {slot.function or key_of(slot.value)}" for slot in module.slots)
        yield from (f"global {one.place.path} {one.function} {one.name}" for one in unit.globals)


def read(discovery: Discovery, config: Config) -> Reading:
    """Read and check some sources with the front end of a configuration."""
    began = time.monotonic()
    with engine.collector_at_rest():
        work = Work(discovery.sources, config, discovery.root)
        exact = work.exact
        model = frozenset(facts(work.read()))
        work.close()
        found = engine.run(discovery, config, None).findings
    findings = frozenset(
        f"{one.rule} {one.span.path}:{one.span.line} {one.symbol} {one.function} {one.item}" for one in found
    )
    tallies = exact.tallies.values() if exact is not None else ()
    return Reading(
        model, findings, sum(one.exact for one in tallies), sum(one.default for one in tallies), time.monotonic() - began
    )


def compare(folder: Path, select: Sequence[str], target: str, frontend: FrontEndName = "clang") -> tuple[int, int, list[str]]:
    """(items that agree, items of either, the differences) of one folder; says what it measured."""
    readings = []
    for one in ("tree-sitter", frontend):
        config = isolated(Overrides(select=tuple(select), target_python=target, frontend=one), folder)
        readings.append(read(discover(["."], config, folder, {}), config))
    default, exact = readings
    same = len(default.model & exact.model) + len(default.findings & exact.findings)
    every = len(default.model | exact.model) + len(default.findings | exact.findings)
    differences = [
        *(f"- {one}" for one in sorted((default.model - exact.model) | (default.findings - exact.findings))),
        *(f"+ {one}" for one in sorted((exact.model - default.model) | (exact.findings - default.findings))),
    ]
    read_exactly = exact.exact / max(1, exact.exact + exact.default)
    print(
        f"{folder.name}: {same} of {every} items agree; {counted(len(default.findings), 'finding')} and "
        f"{len(exact.findings)}; libclang read {read_exactly:.1%} of the items; "
        f"{exact.seconds / max(default.seconds, 0.01):.1f} times the time", flush=True,
    )
    return same, every, differences


def folders_of(options: argparse.Namespace) -> Iterator[Path]:
    """The folders that were named, or those of the packages of the list."""
    if options.folders:
        yield from options.folders
        return
    from packages import read_packages, source_tree

    for package in read_packages():
        tree = source_tree(package, options.cache.resolve())
        yield from (tree / path for path in package.paths or ("",))


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; see the module's text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="DIR")
    parser.add_argument("--select", default="HL1,HL2,HL3")
    parser.add_argument("--target-python", default="3.12")
    parser.add_argument("--at-least", type=float, default=0.99)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "heaplint-ecosystem", metavar="DIR")
    options = parser.parse_args(arguments)
    same = every = 0
    for folder in folders_of(options):
        alike, of, differences = compare(folder.resolve(), options.select.split(","), options.target_python)
        same, every = same + alike, every + of
        print("".join(f"    {line}\n" for line in differences), end="", flush=True)
    print(f"all: {same} of {every} items agree ({same / max(1, every):.2%})")
    return 0 if same >= options.at_least * every else 1


if __name__ == "__main__":
    sys.exit(main())
