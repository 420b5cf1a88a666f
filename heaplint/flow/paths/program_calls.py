"""What a call of a function of the program does to a state, by the function's summary."""

from __future__ import annotations

from collections.abc import Sequence

from heaplint import ir
from heaplint.flow.paths.code import Operand, Ref
from heaplint.flow.paths.machine import Machine
from heaplint.flow.paths.summary import WITH_NULL, Effect, Outcome, Summary
from heaplint.flow.paths.values import (
    ANYTHING,
    DEAD,
    ESCAPED,
    FAILED,
    HELD,
    NEGATIVE,
    NULL,
    POSITIVE,
    SET,
    SOMETHING,
    UNINITIALIZED,
    UNKNOWN,
    ZERO,
    Known,
    Site,
    State,
    as_value,
    is_null,
)


def summarised(
    machine: Machine, state: State, into: str, name: str, args: tuple[Operand, ...], node: ir.Call, summary: Summary
) -> list[State]:
    """The states in which the call can end, one for each outcome that its arguments allow."""
    pairs = [(operand, machine.read(state, operand)) for operand in args]
    if any(known == 0 and type(known) is int for _, known in pairs):
        machine.shared = True
    for index, (operand, known) in enumerate(pairs):
        machine.use(state, operand, known, node, name, index in summary.needed)
    if summary.runs_python:
        machine.runs_python = True
        if state.exc == SET:
            machine.report("HL604", node, name, None, state)
    result = []
    possible = [
        one for one in zip(summary.outcomes, _effects(machine, summary), strict=True) if _fits(state, pairs, one[0])
    ]
    for index, (outcome, effects) in enumerate(possible):
        last = index + 1 == len(possible)
        after = state if last else state.copy()
        _come_to(machine, after, into, name, pairs, node, summary, outcome, effects)
        if len(possible) > 1:
            after.note(node, f"{name} {_described(outcome, summary)}")
        result.append(after)
    return result


def _fits(state: State, pairs: list[tuple[Operand, Known | None]], outcome: Outcome) -> bool:
    """Whether the arguments can be what they are found to be in an outcome."""
    for (_, known), effect in zip(pairs, outcome.effects, strict=False):
        if effect.refined != ANYTHING:
            if is_null(known) and not effect.refined & ZERO:
                return False
            if type(known) is int and not state.values[known][0] & effect.refined:
                return False
    return True


def _described(outcome: Outcome, summary: Summary) -> str:
    if (outcome.exc == SET and outcome.mask == ZERO) or outcome.mask == NEGATIVE:
        return "fails"
    if outcome.mask == ZERO:
        return "returns NULL" if _gives_pointer(summary) else "returns 0"
    return "succeeds"


def _gives_pointer(summary: Summary) -> bool:
    return any(one.kind in ("new", "shared", "memory", "borrowed", "argument") for one in summary.outcomes)


def _come_to(
    machine: Machine, state: State, into: str, name: str, pairs: list[tuple[Operand, Known | None]], node: ir.Call,
    summary: Summary, outcome: Outcome, effects: Sequence[Effect],
) -> None:
    for operand, _ in pairs:
        if type(operand) is Ref and state.env.get("&" + operand.key) is UNINITIALIZED:
            machine.bind(state, "&" + operand.key, None, node)  # it may be filled in
    for (operand, known), effect in zip(pairs, effects, strict=False):
        if type(operand) is Ref:
            if effect.escaped or effect.stored:
                machine.expose(state, operand.key, node)
            elif effect.given < 0:
                machine.unbuffer(state, operand.key, node)
        elif type(known) is int and known in state.values:
            _affect(machine, state, operand, known, effect, node)
    for index in range(len(effects), len(pairs)):
        machine.escape(state, pairs[index][0], pairs[index][1], node)
    outs = dict(outcome.outs)
    for index, (operand, _) in enumerate(pairs):
        if type(operand) is str and index in outs and operand in machine.code.parameters:
            machine.bind(state, "*" + operand, SOMETHING, node)
        if type(operand) is Ref:
            kind = outs.get(index)
            if kind is not None:
                _out(machine, state, operand.key, name, kind, node, summary)
            else:
                for one in (operand.key, *machine.code.dependents.get(operand.key, ())):
                    held = state.env.get(one)
                    if type(held) is int:
                        machine.mark(state, held, ESCAPED)
                if state.env.get(operand.key) is UNINITIALIZED:
                    machine.bind(state, operand.key, None, node)
    if outcome.exc in (SET, UNKNOWN):
        state.exc = outcome.exc
    _give_result(machine, state, into, name, pairs, node, summary, outcome)


_NOTHING = Effect()[:4]
"""The effect on an argument that only learns what it is."""
_UNSURE = Effect(escaped=True)


def _effects(machine: Machine, summary: Summary) -> Sequence[Sequence[Effect]]:
    """What happens to the arguments in each outcome of a summary, as a caller is to see it."""
    known = machine.effects.get(id(summary))
    if known is None:
        known = machine.effects[id(summary)] = summary, tuple([
            tuple([_seen(summary, index, outcome) for index in range(len(outcome.effects))]) for outcome in summary.outcomes
        ])
    return known[1]


def _seen(summary: Summary, index: int, outcome: Outcome) -> Effect:
    effect = outcome.effects[index]
    if effect[:4] == _NOTHING and effect.refined != ZERO and _unsure(summary, index, outcome):
        return _UNSURE  # on a condition that is not followed
    if effect.given < 0 and _other_way(summary, index, outcome):
        return _UNSURE
    return effect


def _unsure(summary: Summary, index: int, outcome: Outcome) -> bool:
    """Whether a function releases an argument at times, in outcomes that are successes or failures like this one."""
    failed = outcome.exc == SET
    return any(
        index < len(one.effects) and one.effects[index].given < 0 and (one.exc == SET) == failed for one in summary.outcomes
    )


def _other_way(summary: Summary, index: int, outcome: Outcome) -> bool:
    """Whether a function that releases an argument may as well leave it alone, with nothing for the caller to tell by."""
    return any(
        one is not outcome
        and index < len(one.effects)
        and one.effects[index][:4] == _NOTHING
        and (one.kind, one.value, one.mask, one.exc) == (outcome.kind, outcome.value, outcome.mask, outcome.exc)
        and all(mine.refined & other.refined for mine, other in zip(outcome.effects, one.effects, strict=False))
        for one in summary.outcomes
    )


def _affect(machine: Machine, state: State, operand: Operand, vid: int, effect: Effect, node: ir.Call) -> None:
    if effect.refined != ANYTHING:
        machine.refine(state, vid, effect.refined & ANYTHING)
    if effect.escaped or effect.stored:
        machine.mark(state, vid, ESCAPED | HELD)
    elif effect.given < 0:
        mask, owned, bits, source = state.values[vid]
        site = machine.origin(vid)
        if owned > 0:
            dead = DEAD if owned == 1 and site.owns and not effect.held and not bits & (HELD | ESCAPED) else 0
            state.values[vid] = (mask, owned - 1, bits | dead | (HELD if effect.held else 0), source)
            machine.released_at[vid] = node
        else:
            state.values[vid] = as_value(mask, owned - 1, bits | ESCAPED, source)
    elif effect.given > 0:
        machine.acquire(state, vid, node)
    if effect.held:
        machine.mark(state, vid, HELD)


def _out(machine: Machine, state: State, key: str, name: str, kind: str, node: ir.Call, summary: Summary) -> None:
    local = key in machine.code.local
    if kind == "changed":
        machine.expose(state, key, node)
    elif kind == "null":
        machine.bind(state, key, NULL, node)
    elif kind in ("new", "memory") and local:
        site = machine.site(kind, f"{name} {key}", node, domain=summary.domain)
        machine.bind(state, key, machine.fresh(state, site, POSITIVE, 1), node)
    elif kind == "borrowed":
        site = machine.site("unknown", f"{name} {key}", node)
        machine.bind(state, key, machine.fresh(state, site, POSITIVE, 0, HELD), node)
    else:
        machine.bind(state, key, None, node)


def _give_result(
    machine: Machine, state: State, into: str, name: str, pairs: list[tuple[Operand, Known | None]], node: ir.Call,
    summary: Summary, outcome: Outcome,
) -> None:
    kind = outcome.kind
    made: Site
    if kind == "nothing":
        machine.bind(state, into, None, node)
        return
    if kind == "number" and outcome.mask == ZERO and outcome.exact and _gives_pointer(summary):
        quiet = "clean" if any(one.kind == "memory" for one in summary.outcomes) else "quiet"
        made = machine.site("borrowed", name, node, fails=ZERO, failure="raises" if outcome.exc == SET else quiet)
        machine.bind(state, into, machine.fresh(state, made, ZERO, 0, HELD), node)
        return
    if kind == "number" and outcome.exact:
        machine.bind(state, into, (outcome.value, FAILED) if outcome.exc == SET else (outcome.value,), node)
        return
    if kind == "symbol":
        machine.bind(state, into, ("symbol", outcome.value), node)
        return
    if kind == "argument":
        index = int(outcome.value)
        known = pairs[index][1] if index < len(pairs) else None
        if type(known) is int and known not in state.values:
            known = None
        machine.bind(state, into, known, node)
        return
    lazily = outcome.exc == WITH_NULL
    fails = (ZERO if kind != "number" else NEGATIVE) if lazily else 0
    if kind == "shared":  # what a field held, or NULL because it held nothing
        made = machine.site("new", name, node)
        machine.bind(state, into, machine.fresh(state, made, outcome.mask, 1), node)
        return
    if kind in ("new", "memory"):
        null_only = outcome.mask == ZERO
        quiet = "clean" if kind == "memory" else "quiet"
        failure = "raises" if lazily else quiet if outcome.mask & ZERO else "never"
        made = machine.site(kind, name, node, fails=ZERO if outcome.mask & ZERO else 0, failure=failure, domain=summary.domain)
        vid = machine.fresh(state, made, outcome.mask, 0 if null_only else 1)
    elif kind == "borrowed":
        failure = "raises" if lazily else "quiet" if outcome.mask & ZERO else "never"
        made = machine.site("borrowed", name, node, fails=fails or outcome.mask & ZERO, failure=failure)
        vid = machine.fresh(state, made, outcome.mask, 0)
    else:
        made = machine.site("number" if kind == "number" else "unknown", name, node, fails=fails, failure="raises" if lazily else "never")
        vid = machine.fresh(state, made, outcome.mask, 0, HELD | (ESCAPED if kind == "unknown" else 0))
        if kind == "number" and lazily:
            kept = [
                known for (_, known), effect in zip(pairs, outcome.effects, strict=False)
                if effect.held and type(known) is int and known in state.values
            ]
            if kept:
                machine.kept_if[vid] = kept
    if lazily:
        machine.pend(state, vid)
    machine.bind(state, into, vid, node)
