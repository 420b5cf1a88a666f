"""Verdicts of the running module beside the findings of the static analysis: confirmed, refuted, or found here only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from heaplint.census import Census, CensusType
from heaplint.findings import Finding
from heaplint.records import replace
from heaplint.verdicts import RULES, TYPE_CHECKS, At, Joined, Undecided, Verdict, Verification
from heaplint.verify.symbols import source_name

JOINED_RULES: tuple[str, ...] = tuple(sorted({rule for rules in RULES.values() for rule in rules}))
"""The rules whose claims can be put to the test."""


def join(seen: Verification, findings: Sequence[Finding], census: Census) -> Verification:
    """The same with every verdict joined to the finding at its place, and the findings that no verdict speaks of."""
    joiner = _Joiner(findings, census)
    modules = tuple(
        replace(module, verdicts=tuple(joiner.verdict(verdict) for verdict in module.verdicts)) for module in seen.modules
    )
    left = [one for one in findings if one.rule in JOINED_RULES and one not in joiner.decided]
    undecided = tuple(Undecided(one.rule, one.symbol or "", _place(one)) for one in left)
    return replace(seen, modules=modules, undecided=undecided, joined=True)


def _place(finding: Finding) -> At:
    return At(finding.span.path, finding.span.line)


class _Joiner:
    def __init__(self, findings: Iterable[Finding], census: Census) -> None:
        self._census = census
        self._findings: dict[str, list[Finding]] = {}
        for finding in findings:
            self._findings.setdefault(finding.rule, []).append(finding)
        self.decided: set[Finding] = set()

    def verdict(self, verdict: Verdict) -> Verdict:
        """The verdict with its finding, if there is one; a claim that does not hold and was not made stays as it is."""
        if verdict.claim is None:
            return verdict
        found = self._found(verdict)
        if found:
            joined: Joined = "confirmed" if verdict.claim else "refuted"
            if verdict.check == "static-state" and len(found) > 1:
                return self._one_of(found, replace(verdict, joined=joined))
            self.decided.update(found)
            return replace(verdict, joined=joined, rule=found[0].rule, at=_place(found[0]))
        if not verdict.claim or not RULES[verdict.check] or self._is_definition(verdict):
            return verdict
        made = self._type(verdict.subject) if verdict.check in (*TYPE_CHECKS, "heap-type") else None
        where = At(made.path, made.line) if made else None
        return replace(verdict, joined="only-at-run-time", rule=RULES[verdict.check][-1], at=where)

    def _one_of(self, found: list[Finding], verdict: Verdict) -> Verdict:
        """Joined to the first of several variables of one name that no other verdict took, without a place."""
        free = next((one for one in found if one not in self.decided), None)
        if free is None:
            return replace(verdict, joined="only-at-run-time", rule=found[0].rule)
        self.decided.add(free)
        return replace(verdict, rule=free.rule)

    def _found(self, verdict: Verdict) -> list[Finding]:
        candidates = [finding for rule in RULES[verdict.check] for finding in self._findings.get(rule, ())]
        last = verdict.module.rpartition(".")[2]
        if verdict.check == "multi-phase":
            return [one for one in candidates if one.symbol == f"PyInit_{last}"]
        if verdict.check == "own-gil":
            places = {(one.path, one.symbol) for one in self._census.modules if (one.name or "").rpartition(".")[2] == last}
            return [one for one in candidates if (one.span.path, one.symbol) in places]
        if verdict.check == "static-state":
            name = source_name(verdict.subject)
            return [one for one in candidates if (one.symbol or "").rpartition("::")[2] == name]
        made = self._type(verdict.subject)
        if made is None:
            return []
        alone = sum(one.symbol == made.symbol for one in self._census.types) == 1
        return [one for one in candidates if one.symbol == made.symbol and (alone or one.span.path == made.path)]

    def _type(self, name: str) -> CensusType | None:
        """The type of the source that has this name, or the only one with its last part."""
        exact = [one for one in self._census.types if one.name == name]
        last = name.rpartition(".")[2]
        alike = exact or [one for one in self._census.types if (one.name or "").rpartition(".")[2] == last]
        return alike[0] if len(alike) == 1 else None

    def _is_definition(self, verdict: Verdict) -> bool:
        """Whether what static storage holds is the import system's copy of a single-phase module, in its definition."""
        return verdict.check == "static-state" and any(
            one.symbol == source_name(verdict.subject) for one in self._census.modules
        )
