"""Verdicts about the types of a module: the three conditions, deallocation, accidental instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heaplint.verdicts import Answer, Check, RuntimeType, Verdict
from heaplint.verify.host import AnswerError, Reply
from heaplint.verify.session import Session

BATCHES = (64, 512)
"""Instances in the two batches whose difference decides about a type's reference count."""
_NEAR = 0.1
"""How far a slope may be from a whole number of references."""

INSTANCE = {"live": "a live instance", "constructed": "a constructed instance", "zeroed": "a zeroed instance"}
"""Origins of instances in words."""
_FIELDS = {
    "key": str, "kind": str, "made": str, "flags": int, "base": str, "gc": bool, "immutable": bool, "instantiable": bool,
    "basetype": bool, "bare": bool, "stateless": bool, "lazy": bool,
}  # fmt: skip

Described = Mapping[str, object]


def described(prepared: Reply) -> list[Described]:
    """The types as a child described them; raises AnswerError."""
    found: list[Described] = []
    for one in prepared.listed("types"):
        if not isinstance(one, dict) or not all(isinstance(one.get(name), kind) for name, kind in _FIELDS.items()):
            raise AnswerError("no answer of a check: types")
        found.append(one)
    return found


def runtime_type(facts: Described) -> RuntimeType:
    """A type as a child described it."""
    return RuntimeType(
        name=str(facts["key"]),
        kind="heap" if facts["kind"] == "heap" else "static",
        made="call" if facts["made"] == "call" else "specification",
        flags=int(str(facts["flags"])),
        base=str(facts["base"]),
        gc=bool(facts["gc"]),
        immutable=bool(facts["immutable"]),
        instantiable=bool(facts["instantiable"]),
        basetype=bool(facts["basetype"]),
    )


def verdicts(session: Session, facts: Described) -> Iterator[Verdict]:
    """Every verdict about one type."""
    one = runtime_type(facts)
    asked = _Asked(session, one, facts)
    if one.made == "call":
        return  # the interpreter's own functions serve it
    heap = one.kind == "heap"
    yield asked.verdict(
        "heap-type", "pass" if heap else "fail", "is a heap type" if heap else "is a static type", not heap
    )
    if heap:
        yield asked.have_gc()
        if one.gc:
            yield asked.visits()
            yield asked.tracked()
        yield asked.releases()
    yield asked.instantiation()


class _Asked:
    """A type about which a session is asked."""

    def __init__(self, session: Session, one: RuntimeType, facts: Described) -> None:
        self._session, self._one, self._facts = session, one, facts

    def verdict(self, check: Check, answer: Answer, message: str, claim: bool | None = None) -> Verdict:
        """A verdict about this type."""
        return Verdict(self._session.module, self._one.name, check, answer, message, claim)

    def have_gc(self) -> Verdict:
        """Whether the type takes part in garbage collection, or need not: immutable, and no object in its instances."""
        check: Check = "have-gc"
        if self._one.gc:
            return self.verdict(check, "pass", "has Py_TPFLAGS_HAVE_GC", False)
        if not self._one.immutable:
            return self.verdict(check, "fail", "has no Py_TPFLAGS_HAVE_GC and can be given attributes", True)
        origin, holds, failures = self._first("look", ("live", "constructed"), "holds")
        if not origin:
            reason = f"no Py_TPFLAGS_HAVE_GC; immutable, but no instance to look into ({'; '.join(failures)})"
            return self.verdict(check, "unknown", reason, True)
        if isinstance(holds, list) and holds:
            held = ", ".join(map(str, holds))
            return self.verdict(check, "fail", f"has no Py_TPFLAGS_HAVE_GC; {INSTANCE[origin]} holds: {held}", True)
        words = f"has no Py_TPFLAGS_HAVE_GC, but is immutable, and {INSTANCE[origin]} holds nothing that could be in a cycle"
        return self.verdict(check, "pass", words, True)

    def visits(self) -> Verdict:
        """Whether traversing leads to the type; a zeroed instance that says no is asked again as a real one."""
        check: Check = "visits-type"
        origin, visits, failures = self._first("visit", ("zeroed",), "visits")
        if visits is not True:
            real, answer, more = self._first("visit", ("constructed", "live"), "visits")
            if real:
                origin, visits = real, answer
            failures += more
        if not origin:
            return self.verdict(check, "unknown", "; ".join(failures))
        if visits is True:
            return self.verdict(check, "pass", f"gc.get_referents of {INSTANCE[origin]} has the type", False)
        return self.verdict(check, "fail", f"gc.get_referents of {INSTANCE[origin]} does not have the type", True)

    def tracked(self) -> Verdict:
        """Whether the collector tracks a real instance; dictionaries and tuples are tracked when they need it."""
        check: Check = "tracked"
        if self._facts["lazy"]:
            return self.verdict(check, "unknown", "a kind of dict or tuple, which the collector may leave untracked")
        origin, tracked, failures = self._first("track", ("live", "constructed"), "tracked")
        if not origin:
            return self.verdict(check, "unknown", "; ".join(failures))
        words = f"{INSTANCE[origin]} is {'' if tracked else 'not '}tracked"
        return self.verdict(check, "pass" if tracked else "fail", words, not tracked)

    def releases(self) -> Verdict:
        """Whether an instance that dies gives back its reference to the type."""
        check: Check = "releases-type"
        reasons = []
        for origin in ("constructed", "zeroed"):
            reply = self._session.ask("dealloc", type=self._one.name, origin=origin, batches=BATCHES)
            if reply.failure is not None:
                reasons.append(f"{INSTANCE[origin]}: {reply.failure}")
                continue
            small, great = BATCHES
            few, many = reply.numbers("changes", 2)
            slope = (many - few) / (great - small)
            seen = f"batches of {small} and {great} ({INSTANCE[origin].split(' ', 1)[1]}s) change the type's " + (
                f"reference count by {few} and {many}"
            )
            if abs(slope) <= _NEAR:
                return self.verdict(check, "pass", seen, False)
            if abs(slope - round(slope)) > _NEAR:
                reasons.append(seen)
            elif slope > 0 and origin == "zeroed" and reply.get("kept"):
                reasons.append(f"{INSTANCE[origin]} is not freed at all: its deallocator may give up on one")
            elif slope > 0:
                return self.verdict(check, "fail", f"leaks {round(slope)} per instance: {seen}", True)
            else:
                return self.verdict(check, "fail", f"releases {-round(slope)} too many per instance: {seen}", False)
        return self.verdict(check, "unknown", "; ".join(reasons))

    def instantiation(self) -> Verdict:
        """Whether calling the type gives an object that was never initialised, or that crashes."""
        check: Check = "instantiation"
        reply = self._session.ask("construct", type=self._one.name)
        if reply.failure is not None and (reply.crashed or reply.ended == "timed-out"):
            if reply.get("doing") is None:
                return self.verdict(check, "unknown", reply.failure)
            constructed = bool(reply.get("constructed"))
            what = "an instance made by calling the type" if constructed else "calling the type"
            if reply.ended == "timed-out":
                return self.verdict(check, "unknown", f"{what} {reply.failure}")
            return self.verdict(check, "fail", f"{what} {reply.failure}", constructed and bool(self._facts["bare"]))
        if reply.failure is not None:
            return self.verdict(check, "unknown", reply.failure)
        refused = reply.get("refused")
        if refused is not None:
            return self.verdict(check, "pass", f"refuses: {refused}", False)
        if not reply.get("constructed"):
            return self.verdict(check, "pass", "calling it gives an instance of another type", False)
        if not self._facts["bare"]:
            return self.verdict(check, "pass", "its constructor makes an instance that bears use", False)
        if self._one.basetype:
            return self.verdict(check, "pass", "is made to be a base class; an instance bears use", False)
        if self._facts["stateless"]:
            return self.verdict(check, "pass", "its instances have nothing to initialise", False)
        words = "can be called although it has neither tp_new nor tp_init: the instance is uninitialised"
        return self.verdict(check, "fail", words, True)

    def _first(self, check: str, origins: tuple[str, ...], wanted: str) -> tuple[str, object, list[str]]:
        """Ask a check of instances of several origins until one answers: (origin, answer, failures before it)."""
        failures: list[str] = []
        for origin in origins:
            reply = self._session.ask(check, type=self._one.name, origin=origin)
            answer = reply.get(wanted)
            if reply.failure is None and answer is not None:
                return origin, answer, failures
            failures.append(f"{INSTANCE[origin]}: {reply.failure}")
        return "", None, failures
