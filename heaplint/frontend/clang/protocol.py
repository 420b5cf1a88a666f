"""What the two sides of the exact front end say to each other."""

from __future__ import annotations

from heaplint.records import dataclass

KEPT = 3
"""How many translation units the child keeps for further questions: the oldest makes room."""


@dataclass(frozen=True, slots=True)
class Request:
    """A question for items of one file of a translation unit."""

    key: int
    """Of the unit; equal ones are the same sources."""
    main: str
    """One of `files`."""
    files: dict[str, bytes]
    """Name → text; their includes name each other so."""
    plus_plus: bool
    flags: tuple[str, ...]
    file: str
    """The one of `files` that is asked for."""
    shown: str
    """Its path in the project."""
    items: tuple[tuple[int, int], ...]
    """Start and end of each item."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request."""

    items: tuple[bytes | str, ...]
    """For each item a pickled `Parsed`, or why it could not be read exactly."""
    failure: str = ""
    """Why nothing could be read at all."""
