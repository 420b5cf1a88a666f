"""What a function of the program does to its caller, as a few outcomes that exclude each other."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any, Final, NamedTuple, cast

from heaplint.flow.paths.values import CLEAR, NEGATIVE, POSITIVE, SET, UNKNOWN, ZERO
from heaplint.model.aspects import Value

MAX_OUTCOMES: Final = 8


class Effect(NamedTuple):
    """What happens to one argument."""

    given: int = 0
    """References that the callee gives up (-1) or takes for its caller (+1)."""
    held: bool = False
    """Something keeps a reference that outlives the call."""
    stored: bool = False
    """It was stored, and no reference taken for that."""
    escaped: bool = False
    """It went where it is not followed."""
    refined: int = 7
    """What the argument is found to be."""


class Outcome(NamedTuple):
    """One way in which a call ends."""

    kind: str
    """Of the result: new, shared, borrowed, memory, argument, number, symbol, nothing, unknown."""
    value: int | str
    """The argument's index for argument, an exact number for number, a name for symbol."""
    exact: bool
    """`value` is the number that is returned."""
    mask: int
    """What the result may be (bits of heaplint.flow.paths.values)."""
    exc: int
    """CLEAR, SET, UNKNOWN; 3: set if, and only if, the result is NULL."""
    effects: tuple[Effect, ...]
    outs: tuple[tuple[int, str], ...] = ()
    """(parameter, what `*parameter` is given: new, borrowed, null, memory, unknown)"""
    pointer: bool = False
    """The function returns a pointer."""


WITH_NULL: Final = 3
"""Of Outcome.exc: an exception is set if the result is NULL, and only then."""


class Summary(NamedTuple):
    """What is known of a function of the program."""

    outcomes: tuple[Outcome, ...]
    """None at all: the function does not return."""
    needed: frozenset[int]
    """Parameters that are followed without a test for NULL."""
    runs_python: bool
    domain: str
    """Of memory: what frees it."""


def condensed(outcomes: Collection[Outcome]) -> tuple[Outcome, ...] | None:
    """The outcomes, those that differ in their success alone as one; None when there are too many to follow."""
    groups: dict[tuple[object, ...], list[Outcome]] = {}
    for one in _unmistakable(sorted(outcomes, key=_order)):  # what is merged must not depend on the order in a set
        groups.setdefault((one.effects, one.outs), []).append(one)
    result: list[Outcome] = []
    for group in groups.values():
        result += _merged(group)
    if len(result) > MAX_OUTCOMES:
        return None
    return tuple([_shared(one) for one in sorted(result, key=_order)])


def _order(one: Outcome) -> tuple[object, ...]:
    """What outcomes are put in order by: all of one, its value as a text, as it may be a number or a name."""
    return one.kind, str(one.value), *one[2:]


@functools.lru_cache(maxsize=2048)
def _shared(outcome: Outcome) -> Outcome:
    """Equal ones as one object: most functions end in one of a few ways, and summaries are kept for the whole run."""
    return outcome


@functools.lru_cache(maxsize=2048)
def shared(summary: Summary) -> Summary:
    """Equal ones as one object: they are kept for the whole run."""
    return summary


def _unmistakable(outcomes: list[Outcome]) -> list[Outcome]:
    """Where failures come with an exception, what comes without one is taken for no failure, as far as it may be."""
    result = outcomes
    for failure in (ZERO, NEGATIVE):
        if any(one.exc == SET and one.exact and one.mask == failure for one in outcomes):
            result = [
                one._replace(mask=one.mask & ~failure)
                if one.exc not in (SET, WITH_NULL) and not one.exact and one.kind in ("unknown", "number", "borrowed") and one.mask & ~failure
                and (failure == NEGATIVE or one.pointer) else one
                for one in result
            ]
    return result


def _merged(group: list[Outcome]) -> list[Outcome]:
    """A failure (NULL, -1) with an exception and a success of one kind: one outcome that the caller's test splits."""
    if len(group) < 2:
        return group
    failures = [one for one in group if one.exc == SET and one.mask in (ZERO, NEGATIVE)]
    rest = [one for one in group if one not in failures]
    masks = {one.mask for one in failures}
    kinds = {one.kind for one in rest}
    if not failures or len(masks) != 1 or len(kinds) != 1:
        return _alike(group)
    if any(one.exc not in (CLEAR, WITH_NULL) for one in rest):
        return _alike(group)
    mask = next(iter(masks))
    merged = _alike(rest)
    if len(merged) != 1:
        return _alike(group)
    success = merged[0]
    if mask == ZERO and success.kind in ("new", "shared", "borrowed", "memory", "unknown") and not success.mask & ZERO:
        return [success._replace(mask=success.mask | ZERO, exc=WITH_NULL)]
    if mask == ZERO and success.exc == WITH_NULL:
        return [success]
    if mask == NEGATIVE and success.kind == "number" and not success.mask & NEGATIVE:
        return [success._replace(mask=success.mask | NEGATIVE, exact=False, value=0, exc=WITH_NULL)]
    return _alike(group)


def _alike(group: list[Outcome]) -> list[Outcome]:
    """Outcomes that differ in a number alone, as one."""
    result: dict[tuple[object, ...], Outcome] = {}
    for one in group:
        number = one.kind in ("number", "unknown")
        key = (one.kind if not number else "number", 0 if number else one.value, one.exc, number or one.mask)
        known = result.get(key)
        if known is None:
            result[key] = one
        else:
            result[key] = known._replace(
                mask=known.mask | one.mask, exact=known.exact and one.exact and known.value == one.value,
                kind=known.kind if known.kind == one.kind else "unknown",
            )
    return list(result.values())


_UNKNOWN_RESULT: Final = Outcome("unknown", 0, False, ZERO | POSITIVE | NEGATIVE, UNKNOWN, (), ())
UNFOLLOWED: Final = Summary((_UNKNOWN_RESULT,), frozenset(), False, "")
"""Of a function of the program that could not be followed: anything may become of its arguments."""


def plain(summary: Summary) -> Value:
    """A summary as plain data."""
    outcomes = tuple((*one[:5], tuple(map(tuple, one.effects)), one.outs, one.pointer) for one in summary.outcomes)
    return outcomes, tuple(sorted(summary.needed)), summary.runs_python, summary.domain


def from_plain(value: Value) -> Summary:
    """The summary that `plain` was given."""
    outcomes, needed, runs_python, domain = cast("tuple[Any, ...]", value)
    return Summary(
        tuple(Outcome(*one)._replace(effects=tuple(Effect(*effect) for effect in one[5])) for one in outcomes),
        frozenset(needed), runs_python, domain,
    )
