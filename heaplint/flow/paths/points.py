"""Which of the states that come to one point of a function are gone on with.

Up to `MAX_EXACT` states each is followed by itself. From then on those in which the same references are owned, lost or
given away, with the same to say of the exception, become one, and what they disagree in otherwise is forgotten; what a
path owns is never mixed with what another does not (Das, Lerner, Seigle: ESP, PLDI 2002).
"""

from __future__ import annotations

from typing import Final, TypeAlias

from heaplint.flow.paths.values import (
    ANYTHING,
    DANGLING,
    DEAD,
    ESCAPED,
    STALE,
    STOLEN,
    TAKEN,
    UNKNOWN,
    Known,
    State,
    Value,
    as_value,
)

MAX_EXACT: Final = 6
"""How many states of one point are told apart in everything."""
MAX_STATES: Final = 64
"""How many states one point is looked at in: to go on with less knowledge would make up defects."""
_TOLD: Final = DEAD | DANGLING | STALE
_NO_VALUES: Final[frozenset[tuple[int, Value]]] = frozenset()
_NO_KEYS: Final[frozenset[tuple[str, Known]]] = frozenset()

_Sight: TypeAlias = tuple[int | frozenset[int], frozenset[tuple[int, Value]], frozenset[tuple[str, Known]]]


class Point:
    """One point of a function."""

    __slots__ = ("admitted", "full", "joined", "seen", "superseded")

    def __init__(self) -> None:
        self.seen: dict[tuple[int | frozenset[int], int, int], list[State]] = {}
        """What was gone on with, by what can be compared at once; a state in here is not changed any more."""
        self.joined: dict[_Sight, State] = {}
        """Beyond the first few, the state that all of one sight have become."""
        self.admitted = 0
        self.superseded: State | None = None
        """The state that knows more than the one that was admitted last, which stands for it: it need not be gone on with."""
        self.full = False
        """A state came that was one too many."""

    def admit(self, state: State, arguments: int) -> State | None:
        """The state to go on with; None when all that it knows was gone on with before.

        The values below `arguments` are the parameters': what becomes of them is for the caller to know.
        """
        self.superseded = None
        alike = self._alike(state)
        if _among(alike, state):
            return None
        if self.admitted >= MAX_EXACT:
            sight = _sight(state)
            before = self.joined.get(sight)
            if before is not None:
                state = _join(before, state, arguments)
                if state.env == before.env and state.values == before.values:
                    return None
                alike = self._alike(state)
                if _among(alike, state):
                    return None
                self.superseded = before
            self.joined[sight] = state
        if self.admitted >= MAX_STATES:
            self.full = True
            state = State({}, {}, UNKNOWN, state.trace, state.length)
            alike = self._alike(state)
            if _among(alike, state):
                return None
        alike.append(state)
        self.admitted += 1
        return state

    def _alike(self, state: State) -> list[State]:
        """Those gone on with in which as much is known, and the same of the exception."""
        sizes = state.exc, len(state.env), len(state.values)
        alike = self.seen.get(sizes)
        if alike is None:
            alike = self.seen[sizes] = []
        return alike


def _among(states: list[State], state: State) -> bool:
    """Whether the same is known in one of the states."""
    env, values = state.env, state.values
    for one in states:  # noqa: SIM110 - a generator for each state that comes is what this costs otherwise
        if one.values == values and one.env == env:
            return True
    return False


def _sight(state: State) -> _Sight:
    """What defects are made of: states that differ in this are never joined."""
    exc, values = state.exc, state.values
    told = {
        vid for vid, (_, owned, bits, _) in values.items()
        if (bits & _TOLD if bits & ESCAPED else owned or bits & (_TOLD | STOLEN | TAKEN))
    }
    if isinstance(exc, frozenset):
        told |= exc
    if not told:
        return exc, _NO_VALUES, _NO_KEYS
    told.update([source for vid in told if (source := values[vid][3]) in values])
    return (
        exc,
        frozenset([(vid, values[vid]) for vid in told]),
        frozenset([(key, held) for key, held in state.env.items() if type(held) is int and held in told]),
    )


def _join(one: State, other: State, arguments: int) -> State:
    """What both know, on the way of the other."""
    values: dict[int, Value] = {}
    for vid, mine in one.values.items():
        theirs = other.values.get(vid)
        if theirs == mine:
            values[vid] = mine
        elif theirs is None:
            if vid < arguments:
                values[vid] = (ANYTHING, *mine[1:])
        else:
            bits = mine[2] | theirs[2]
            source = mine[3] if mine[3] == theirs[3] else -1
            if vid < arguments or (mine[0] == theirs[0] and source == mine[3]):
                mask, owned = mine[0] | theirs[0], max(mine[1], theirs[1])
                values[vid] = as_value(mask, owned, bits, source)
    for vid, theirs in other.values.items():
        if vid < arguments and vid not in one.values:
            values[vid] = (ANYTHING, *theirs[1:])
    env = {
        key: held for key, held in one.env.items() if other.env.get(key) == held and (type(held) is not int or held in values)
    }
    used = set(env.values())
    for vid in [vid for vid in values if vid >= arguments and vid not in used]:
        if values[vid][1] <= 0 or values[vid][2] & ESCAPED:
            del values[vid]
    return State(env, values, other.exc, other.trace, other.length)
