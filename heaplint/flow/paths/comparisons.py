"""What a comparison with a constant tells of a value."""

from __future__ import annotations

from heaplint.flow.paths.values import ANYTHING, NEGATIVE, POSITIVE, ZERO


def masks(operator: str, constant: int) -> tuple[int, int]:
    """What a value may be when it compares true with a constant, and when it does not."""
    if constant == 0:
        true = {
            "==": ZERO, "!=": POSITIVE | NEGATIVE, "<": NEGATIVE, ">": POSITIVE, "<=": ZERO | NEGATIVE, ">=": ZERO | POSITIVE,
        }[operator]
        return true, ANYTHING & ~true
    if constant == -1:  # the one negative number that calls give
        true = {
            "==": NEGATIVE, "!=": ZERO | POSITIVE, "<": NEGATIVE, ">": ZERO | POSITIVE, "<=": NEGATIVE, ">=": ANYTHING,
        }[operator]
        false = {"==": ZERO | POSITIVE, "!=": NEGATIVE, "<": ANYTHING, ">": NEGATIVE, "<=": ZERO | POSITIVE, ">=": 0}[operator]
        return true, false or ANYTHING
    same = POSITIVE if constant > 0 else NEGATIVE
    if operator == "==":
        return same, ANYTHING
    if operator == "!=":
        return ANYTHING, same
    if constant == 1 and operator in ("<", ">="):
        return (ZERO | NEGATIVE, POSITIVE) if operator == "<" else (POSITIVE, ZERO | NEGATIVE)
    if constant > 0:
        return (ANYTHING, POSITIVE) if operator in ("<", "<=") else (POSITIVE, ANYTHING)
    return (NEGATIVE, ANYTHING) if operator in ("<", "<=") else (ANYTHING, NEGATIVE)
