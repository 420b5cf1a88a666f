"""A fact put together from what a project says of its own function: a table of the configuration, or attribute macros."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from heaplint.capi.api import NEVER_FAIL, RESULTS, ApiFunction, Parameter

RETURNS = tuple(sorted(RESULTS - {"memory", "argument", "interior"} | {"none"}))
"""What `returns` may say; `none`: no object is returned."""

EFFECTS = ("steals", "steals-on-success", "releases", "acquires", "keeps")
"""The kinds of parameter that a list of numbers says."""

_UNSAID = "plain"
"""The result of a function of which nobody says what it returns: nothing follows from it, and whether it fails is not known."""


def declared(
    name: str,
    *,
    returns: str | None = None,
    fails: str | None = None,
    effects: Mapping[str, Collection[int]] = {},
    flags: Collection[str] = (),
) -> ApiFunction:
    """A function of a project; `effects` is a kind of parameter (`steals`, `releases`) → parameters, counted from 1.

    A number that stands under two kinds has the later one. NULL may be given for every parameter: only the data of the
    C API says where it may not.
    """
    result = _UNSAID if returns in (None, "none") else returns
    unsaid = "maybe" if returns is None and not {"raises", "erases"} & set(flags) else ""
    kinds = {number: kind for kind, numbers in effects.items() for number in numbers}
    return ApiFunction(
        name=name,
        result=result,
        of="",
        failure=fails or unsaid or ("never" if result in NEVER_FAIL else "raises"),
        parameters=tuple(
            Parameter(f"argument{number}", kinds.get(number, "object"), "", True) for number in range(1, max(kinds, default=0) + 1)
        ),
        variadic=True,
        flags=frozenset(flags),
        availability=(),
        rest=Parameter("...", "object", "", True),
    )
