"""Verdicts about a module as a whole: in interpreters beside the main one, imported again, and in static storage."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint import lazy_re as re
from heaplint.records import replace
from heaplint.verdicts import Answer, Check, Verdict
from heaplint.verify.host import AnswerError, Host, Reply
from heaplint.verify.session import Session, Settings
from heaplint.verify.symbols import SymbolsError, writable

SEQUENCE, TOGETHER = 3, 4
"""Interpreters one after the other, and at the same time."""
BEFORE, MEASURED, AGAIN = 4, 12, 48
"""Interpreters that come and go before the growth is measured, while it is, and when it is too near to chance."""
LONGER = 3
"""The growth may take so many times what another check may."""
TRIES = 5
"""How many processes are tried until the shared object lies where pointers into it can be counted."""
CHANCE = 24
"""Pointers into the shared object that may be left, whatever the number of interpreters: what was freed to free lists
keeps some ten of them."""
TIMES = 30
"""How often a module is imported again."""
_REFUSED = re.compile(r"module (\S+) does not support loading in subinterpreters")

Version = tuple[int, int, int]


class Lives:
    """Asks about whole modules, in a process that imports none of them itself."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._host: Host | None = None

    def close(self) -> None:
        """End the process."""
        if self._host is not None:
            self._host.close()

    def _ask(self, check: str, module: str, longer: float = 1.0, **fields: object) -> Reply:
        """Ask in a process that has not imported the module."""
        if self._host is None or not self._host.alive:
            self._host = self._settings.host()
        request = {
            "check": check, "module": module, "inline": False, "path": self._settings.path,
            "exercise": self._settings.exercise, **fields,
        }  # fmt: skip
        return self._host.ask("check", request, longer)

    def verdicts(self, session: Session, version: Version) -> Iterator[Verdict]:
        """Every verdict about the module of a session whose import went well."""
        name = session.module
        facts = session.prepared.last
        phases = facts.get("phases")
        if phases == "multi-phase":
            yield Verdict(name, name, "multi-phase", "pass", "is initialised in several phases", False)
        elif phases == "single-phase":
            words = "its PyInit function makes the module: single-phase initialisation"
            yield Verdict(name, name, "multi-phase", "fail", words, True)
        yield from self._statics(session)
        yield self._reimport(name)
        shared = self._interpreters(session, "subinterpreter", isolated=False, parallel=False)
        yield shared
        alone = shared
        if version >= (3, 12):
            alone = self._interpreters(session, "own-gil", isolated=True, parallel=False)
            # that a single-phase module is refused says nothing of what it declares
            yield replace(alone, claim=None) if phases == "single-phase" else alone
            if alone.answer == "pass":
                yield self._interpreters(session, "parallel", isolated=True, parallel=True)
        if alone.answer == "pass" or shared.answer == "pass":
            yield self._growth(session, isolated=version >= (3, 12) and alone.answer == "pass")

    def _interpreters(self, session: Session, check: Check, *, isolated: bool, parallel: bool) -> Verdict:
        name = session.module
        count = TOGETHER if parallel else SEQUENCE
        ask = functools.partial(self._ask, "interpreters", isolated=isolated, parallel=parallel, count=count)
        reply = ask(name, dependencies=())
        verdict = functools.partial(Verdict, name, name, check)
        if reply.failure is not None:
            bare = ask("", dependencies=_dependencies(session), exercise=None)
            if bare.failure is not None:
                return verdict("unknown", f"{reply.failure}; without the module: {bare.failure}")
            return verdict("fail" if reply.crashed else "unknown", reply.failure)
        outcomes = [one for one in reply.listed("outcomes") if isinstance(one, dict) and one]
        if not outcomes:
            how = "at the same time" if parallel else "one after the other"
            gil = "with a GIL of their own" if isolated else "that share the GIL"
            return verdict("pass", f"{count} interpreters {gil}, {how}", claim=False)
        stage, error = str(outcomes[0].get("stage")), str(outcomes[0].get("error"))
        refused = _REFUSED.search(error)
        if refused and refused.group(1) not in (name, name.rpartition(".")[2]):
            return verdict("unknown", f"{refused.group(1)}, which it needs, is refused: {error}")
        if stage == "exercise":
            if session.prepared.last.get("exercised"):
                return verdict("unknown", f"the exercise fails in the main interpreter too: {error}")
            return verdict("fail", f"the exercise fails in another interpreter: {error}")
        return verdict("fail", error, claim=True if refused else None)

    def _growth(self, session: Session, *, isolated: bool) -> Verdict:
        """Whether interpreters that have ended leave behind what points into the shared object."""
        name = session.module
        verdict = functools.partial(Verdict, name, name, "growth")
        left, count = self._grown(session, isolated, MEASURED), MEASURED
        if isinstance(left, int) and MEASURED <= left < MEASURED + CHANCE:
            left, count = self._grown(session, isolated, AGAIN), AGAIN
        if isinstance(left, str):
            return verdict("unknown", left)
        if left < CHANCE:
            return verdict("pass", "interpreters leave nothing behind that points into the shared object")
        if left < count:
            return verdict("unknown", f"too near to chance: {count} interpreters leave {left} pointers into the shared object")
        return verdict("fail", f"each interpreter leaves about {round(left / count)} pointers into the shared object behind")

    def _grown(self, session: Session, isolated: bool, count: int) -> int | str:
        """Pointers that so many interpreters leave behind; or why there is no such figure."""
        file = str(session.prepared.last.get("file"))
        for _ in range(TRIES):
            reply = self._ask(
                "growth", session.module, isolated=isolated, dependencies=(), file=file, before=BEFORE, count=count,
                longer=LONGER,
            )  # fmt: skip
            if not reply.get("unlucky"):
                break
            self.close()  # a new process has another layout
        failed = reply.get("failed")
        if reply.failure is not None:
            return reply.failure
        if isinstance(failed, dict):
            return f"the {failed.get('stage')} fails in another interpreter: {failed.get('error')}"
        if reply.get("unlucky"):
            return "pointers cannot be counted where it lies"
        if reply.get("uncounted"):
            return str(reply.get("uncounted"))
        return reply.numbers("grown", 1)[0]

    def _reimport(self, name: str) -> Verdict:
        verdict = functools.partial(Verdict, name, name, "reimport")
        reply = self._ask("reimport", name, times=TIMES)
        if reply.failure is not None:
            if reply.crashed:
                return verdict("fail", f"importing it again {reply.failure}")
            return verdict("unknown", reply.failure)
        if reply.get("same"):
            return verdict("pass", "importing it again gives the same module")
        alive, times = reply.numbers("alive", 2)
        words = f"of {times} modules that were imported again and dropped, {alive} stay alive"
        answer: Answer = "fail" if alive else "pass"
        return verdict(answer, words)

    def _statics(self, session: Session) -> Iterator[Verdict]:
        """One verdict for each variable that holds something, or one that says that none does."""
        name = session.module
        verdict = functools.partial(Verdict, name, check="static-state")
        file = session.prepared.last.get("file")
        try:
            symbols = writable(str(file), self._settings.seconds)
        except SymbolsError as error:
            yield verdict(name, answer="unknown", message=str(error))
            return
        reply = session.ask(
            "statics", symbols=symbols.variables, sections=list(symbols.sections)
        )
        if reply.failure is not None or reply.get("scanned") is None:
            reason = reply.failure or str(reply.get("unscanned"))
            yield verdict(name, answer="unknown", message=reason)
            return
        found = [line for line in reply.told if "static" in line]
        for line in found:
            address, what = line.get("address"), str(line.get("what"))
            if not isinstance(address, int):
                raise AnswerError("no answer of a check: static")
            # a static type has a verdict of its own
            claim = None if what.startswith("static type") else True
            symbol = symbols.name(str(line["static"]), address)
            yield verdict(symbol, answer="fail", message=f"static storage holds: {what}", claim=claim)
        if not found:
            count = len(symbols.variables)
            yield verdict(name, answer="pass", message=f"no object in static storage ({count} variables)")


def _dependencies(session: Session) -> tuple[str, ...]:
    return tuple(map(str, session.prepared.listed("dependencies")))
