"""What was found along the paths of a function, as plain data: it holds while the function and all that it asked are the same.

Places are kept as distances from where the function's item begins (heaplint.model.functions).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from pickle import HIGHEST_PROTOCOL, dumps
from typing import Any

from heaplint import ir
from heaplint.flow.paths.contract import Contract
from heaplint.flow.paths.machine import Draft
from heaplint.flow.paths.summary import Summary, from_plain, plain, shared
from heaplint.flow.paths.values import Site, Step
from heaplint.model.functions import Kept
from heaplint.records import dataclass
from heaplint.unpickling import DAMAGED, unpickled


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What is known of one function."""

    function: ir.Function
    """Perhaps without its body."""
    drafts: tuple[Draft, ...]
    summary: Summary | None
    """None when nothing can be said of it to its callers."""
    complete: bool
    contract: Contract | None
    silent: tuple[Draft, ...] = ()
    """Where it returns a failure without an exception, for its callers to complain of."""
    left: tuple[Draft, ...] = ()
    """Where it returns a failure and leaves a new reference behind a parameter."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the result of a function depends on beside its own text."""

    contract: Contract | None
    cleaned: tuple[str, ...]
    """The variables that the compiler cleans up."""
    owner: bool
    """Whether its first parameter is an object with members."""
    lookups: tuple[tuple[str, bytes], ...]
    """The names of the functions that it asked about, and what identifies what it was told."""
    together: bytes = b""
    """Of functions that call each other what identifies all of them, in the order in which they were run."""

    def plain(self) -> tuple[Any, ...]:
        """The circumstances as plain data."""
        return self.contract and tuple(self.contract), self.cleaned, self.owner, self.lookups, self.together

    @staticmethod
    def of(plain: tuple[Any, ...]) -> Circumstances:
        """The circumstances of which that was given."""
        contract, cleaned, owner, lookups, together = plain
        return Circumstances(contract and Contract(*contract), cleaned, owner, lookups, together)


def plain_result(result: Result, start: int) -> tuple[Any, ...]:
    """A result as plain data, its places as distances from `start`, where its item begins."""
    nodes: dict[int, tuple[int, ir.Node]] = {}

    def number(node: ir.Node) -> int:
        return nodes.setdefault(id(node), (len(nodes), node))[0]

    drafts, silent, left = (
        tuple(_plain(one, number) for one in many) for many in (result.drafts, result.silent, result.left)
    )
    places = tuple((node.start - start, node.end - start) for _, node in nodes.values())
    summary = None if result.summary is None else plain(result.summary)
    return places, drafts, silent, left, summary, result.complete


def result_of(found: tuple[Any, ...], function: ir.Function, contract: Contract | None, start: int) -> Result:
    """The result that `plain_result` was given, as of an item that begins there now."""
    places, drafts, silent, left, summary, complete = found
    nodes: list[ir.Node] = [ir.Name(first + start, end + start, "") for first, end in places]
    known = None if summary is None else shared(from_plain(summary))
    return Result(
        function, _drafts(drafts, nodes), known, complete, contract, _drafts(silent, nodes), _drafts(left, nodes)
    )


def _plain(draft: Draft, number: Callable[[ir.Node], int]) -> tuple[Any, ...]:
    site = draft.site and (draft.site.kind, draft.site.name, number(draft.site.node))
    steps = []
    step = draft.trace
    while step is not None:
        steps.append((number(step.node), step.what))
        step = step.before
    return draft.rule, number(draft.node), draft.item, site, tuple(steps), draft.length, draft.detail


def _drafts(plain: Iterable[tuple[Any, ...]], nodes: list[ir.Node]) -> tuple[Draft, ...]:
    found = []
    for rule, node, item, site, steps, length, detail in plain:
        trace = None
        for at, what in reversed(steps):
            trace = Step(trace, nodes[at], what)
        origin = site and Site(0, site[0], site[1], nodes[site[2]])
        found.append(Draft(rule, nodes[node], item, origin, trace, length, detail))
    return tuple(found)


def encoded(items: Mapping[bytes, Iterable[Kept]]) -> bytes:
    """What is kept of the functions of some items."""
    data = {
        identity: tuple(
            (one.head, one.called, tuple((*way.plain(), found) for way, found in one.ways)) for one in functions
        ) for identity, functions in items.items()
    }
    return zlib.compress(dumps(data, protocol=HIGHEST_PROTOCOL), 1)


def decoded(data: bytes) -> dict[bytes, tuple[Kept, ...]]:
    """What `encoded` was given; nothing of data that it did not make."""
    try:
        return {
            identity: tuple(
                Kept(head, called, tuple((Circumstances.of(tuple(way)), found) for *way, found in ways))
                for head, called, ways in functions
            ) for identity, functions in unpickled(zlib.decompress(data), ir.CLASSES).items()
        }
    except (zlib.error, *DAMAGED):
        return {}
