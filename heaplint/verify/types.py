"""Verdicts about the types of a module: the three conditions, deallocation, accidental instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heaplint.verdicts import Answer, Check, RuntimeType, Verdict
from heaplint.verify.session import INSTANCE, Session, first_answer

BATCHES = (64, 512)
"""Instances in the two batches whose difference decides about a type's reference count."""
_NEAR = 0.1
"""How far a slope may be from a whole number of references."""

Described = Mapping[str, object]


def runtime_type(described: Described) -> RuntimeType:
    """A type as a child described it."""
    return RuntimeType(
        name=str(described["key"]),
        kind="heap" if described["kind"] == "heap" else "static",
        made="call" if described["made"] == "call" else "specification",
        flags=int(str(described["flags"])),
        base=str(described["base"]),
        gc=bool(described["gc"]),
        immutable=bool(described["immutable"]),
        instantiable=bool(described["instantiable"]),
        basetype=bool(described["basetype"]),
    )


def verdicts(session: Session, described: Described) -> Iterator[Verdict]:
    """Every verdict about one type."""
    one = runtime_type(described)
    asked = _Asked(session, one, described)
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

    def __init__(self, session: Session, one: RuntimeType, described: Described) -> None:
        self._session, self._one, self._described = session, one, described

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
        if self._described["lazy"]:
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
            small, great = reply.get("small"), reply.get("great")
            if reply.failure is not None or not isinstance(small, list) or not isinstance(great, list):
                reasons.append(f"{INSTANCE[origin]}: {reply.failure}")
                continue
            slope = (great[1] - small[1]) / (great[0] - small[0])
            seen = f"batches of {small[0]} and {great[0]} ({INSTANCE[origin].split(' ', 1)[1]}s) change the type's " + (
                f"reference count by {small[1]} and {great[1]}"
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
            return self.verdict(check, "fail", f"{what} {reply.failure}", constructed and bool(self._described["bare"]))
        if reply.failure is not None:
            return self.verdict(check, "unknown", reply.failure)
        refused = reply.get("refused")
        if refused is not None:
            return self.verdict(check, "pass", f"refuses: {refused}", False)
        if not reply.get("constructed"):
            return self.verdict(check, "pass", "calling it gives an instance of another type", False)
        if not self._described["bare"]:
            return self.verdict(check, "pass", "its constructor makes an instance that bears use", False)
        if self._one.basetype:
            return self.verdict(check, "pass", "is made to be a base class; an instance bears use", False)
        if self._described["stateless"]:
            return self.verdict(check, "pass", "its instances have nothing to initialise", False)
        words = "can be called although it has neither tp_new nor tp_init: the instance is uninitialised"
        return self.verdict(check, "fail", words, True)

    def _first(self, check: str, origins: tuple[str, ...], wanted: str) -> tuple[str, object, list[str]]:
        return first_answer(self._session, check, self._one.name, origins, wanted)
