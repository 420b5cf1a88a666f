"""Which Pythons a run is about: known and supported versions, target ranges, version specifiers."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable

from heaplint import lazy_re as re
from heaplint.records import dataclass

Version = tuple[int, int]

KNOWN: tuple[Version, ...] = tuple((3, minor) for minor in range(8, 16))
"""Every Python whose C API heaplint knows, oldest first."""

SUPPORTED: tuple[Version, ...] = tuple((3, minor) for minor in range(11, 16))
"""The Pythons that get fixes (https://devguide.python.org/versions/; 3.10 ended in October 2026)."""

_NUMBER = r"(\d+(?:\.\d+){0,3})"
_EXACT = re.compile(rf"\s*{_NUMBER}\s*\Z")
_BETWEEN = re.compile(rf"\s*{_NUMBER}\s*-\s*{_NUMBER}\s*\Z")
_CLAUSE = re.compile(rf"\s*(>=|<=|>|<|===|==|!=|~=)\s*{_NUMBER}(?:\.?(?:a|b|rc|dev|post)\d*)*(\.\*)?\s*\Z")
_LONGEST = 200
"""A longer specifier is nonsense; the bound keeps hostile input cheap."""


class TargetError(ValueError):
    """A range of Pythons that cannot be read or holds no known Python; the message says which and why."""


@dataclass(frozen=True, slots=True)
class TargetRange:
    """The Pythons a run looks at, oldest first; never empty."""

    versions: tuple[Version, ...] = SUPPORTED

    @classmethod
    def parse(cls, text: str) -> TargetRange:
        """Read `3.12` (exactly that), `3.9-3.12`, `>=3.9` or `>=3.9,<3.13`; raises TargetError.

        A range is cut to the known Pythons; it is an error when nothing of it is left.
        """
        versions = tuple(version for version in KNOWN if specifier_matches(text, version))
        if not text.strip():
            raise TargetError("an empty range of Pythons; expected one like 3.12, 3.9-3.12 or >=3.9")
        if not versions:
            raise TargetError(
                f"{text!r} holds no Python that heaplint knows ({version_text(KNOWN[0])} to {version_text(KNOWN[-1])})"
            )
        return cls(versions)

    @property
    def oldest(self) -> Version:
        """The first Python of the range."""
        return self.versions[0]

    @property
    def newest(self) -> Version:
        """The last Python of the range."""
        return self.versions[-1]

    def __str__(self) -> str:
        return ", ".join(_between(first, last) for first, last in _runs(frozenset(self.versions), KNOWN))


def default_target(target_python: str | None, requires_python: str | None) -> TargetRange:
    """The range of DESIGN §3: what was asked for, else what the linted project requires, else what is supported."""
    if target_python is not None:
        return TargetRange.parse(target_python)
    if requires_python is not None and requires_python.strip():
        return TargetRange.parse(requires_python)
    return TargetRange(SUPPORTED)


def version_text(version: Version) -> str:
    """`(3, 12)` as `3.12`."""
    return f"{version[0]}.{version[1]}"


@functools.lru_cache(maxsize=512)
def specifier_matches(spec: str, version: Version) -> bool:
    """Whether a Python falls into a range; the empty range holds every Python. Raises TargetError.

    Forms: `3.12`, `3.9-3.12`, or clauses of PEP 440 joined by commas. Versions are compared by minor release, so
    `>3.9` begins with 3.10; a bound inside a minor release (`>=3.9.2`, `<3.13.1`) lets that release in.
    """
    return not spec.strip() or all(
        _clause_holds(operator, number, version) for operator, number in _clauses(spec)
    )


@functools.lru_cache(maxsize=128)
def _clauses(spec: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """(operator, numbers) of each clause; a star is written as the operator `==*` or `!=*`."""
    if len(spec) > _LONGEST:
        raise TargetError(f"a range of Pythons of {len(spec)} characters")
    if exact := _EXACT.match(spec):
        return (("==", _numbers(exact.group(1))),)
    if between := _BETWEEN.match(spec):
        first, last = _numbers(between.group(1)), _numbers(between.group(2))
        if first > last:
            raise TargetError(f"{spec!r} ends before it begins")
        return ((">=", first), ("<=", last))
    clauses = []
    for part in spec.split(","):
        clause = _CLAUSE.match(part)
        if clause is None or (clause.group(3) and clause.group(1) not in ("==", "!=")):
            raise TargetError(f"{spec!r} is not a range of Pythons; expected one like 3.12, 3.9-3.12 or >=3.9,<3.13")
        clauses.append((clause.group(1) + ("*" if clause.group(3) else ""), _numbers(clause.group(2))))
    return tuple(clauses)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _clause_holds(operator: str, number: tuple[int, ...], version: Version) -> bool:
    minor: Version = (number[0], number[1] if len(number) > 1 else 0)
    inside = len(number) > 2 and any(number[2:])
    if operator.endswith("*"):
        return (version[: len(number)] == number[:2]) == (operator == "==*")
    match operator:
        case ">=":
            return version >= minor
        case ">":
            return version >= minor if inside else version > minor
        case "<=":
            return version <= minor
        case "<":
            return version <= minor if inside else version < minor
        case "~=":
            return version == minor if len(number) > 2 else version >= minor and version[0] == minor[0]
        case "!=":
            return version != minor or len(number) > 2
    return version == minor


def range_text(versions: Iterable[Version], target: TargetRange) -> str | None:
    """How a finding names its Pythons: `>=3.9`, `<=3.8`, `3.9-3.11`, `3.12`; None when it is all of the target.

    Raises ValueError when `versions` is empty or leaves the target.
    """
    chosen = frozenset(versions)
    if not chosen or not chosen <= frozenset(target.versions):
        raise ValueError(f"{sorted(chosen)} is no part of {target.versions}")
    if len(chosen) == len(target.versions):
        return None
    texts = []
    for first, last in _runs(chosen, target.versions):
        if last == target.newest:
            texts.append(f">={version_text(first)}")
        elif first == target.oldest:
            texts.append(f"<={version_text(last)}")
        else:
            texts.append(_between(first, last))
    return ", ".join(texts)


def _runs(chosen: frozenset[Version], order: tuple[Version, ...]) -> list[tuple[Version, Version]]:
    """First and last of each stretch of `order` that is wholly in `chosen`."""
    groups = itertools.groupby(order, key=chosen.__contains__)
    stretches = [list(group) for inside, group in groups if inside]
    return [(stretch[0], stretch[-1]) for stretch in stretches]


def _between(first: Version, last: Version) -> str:
    return version_text(first) if first == last else f"{version_text(first)}-{version_text(last)}"
