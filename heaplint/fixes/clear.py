"""Fixes of tp_clear: HL211, HL220."""

from __future__ import annotations

from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, Unsafe, fixer
from heaplint.fixes.subject import each_member


@fixer("HL211")
def members_cleared(fixing: Fixing) -> list[Edit] | None:
    """Clear the members before the return that ends the function."""
    for life in fixing.lives():
        function = life.function("tp_clear")
        if function is None or function.path != fixing.report.place.path:
            continue
        lines = each_member(life, function, "Py_CLEAR", (fixing.report.item or "").split(","))
        if lines is None:
            return None
        edit = place.before_return(function.path, fixing.data, function, *lines)
        return Unsafe([edit]) if edit else None
    return None


@fixer("HL220")
def pointer_cleared(fixing: Fixing) -> list[Edit] | None:
    """Py_CLEAR takes the same argument, and NULL as well."""
    for old in ("Py_XDECREF", "Py_DECREF"):
        edit = place.renamed(fixing.report.place.path, fixing.data, fixing.report.place, old, "Py_CLEAR")
        if edit is not None:
            return [edit]
    return None
