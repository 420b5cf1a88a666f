"""All checks: importing this package registers every module in it and compares them with the cards."""

from __future__ import annotations

import importlib
import pkgutil

from heaplint.cards import CardError, all_cards
from heaplint.checks.registry import CHECKS, Check, Report

__all__ = ["CHECKS", "Check", "Report"]

OF_THE_RUN = frozenset({"HL901", "HL902"})
"""Rules about the run itself: the suppression filter and the engine report them, no check does."""

for _module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
    if _module != "registry":
        importlib.import_module(f"{__name__}.{_module}")

_differ = (set(all_cards()) - OF_THE_RUN) ^ set(CHECKS)
if _differ:
    raise CardError(f"cards and checks differ: {', '.join(sorted(_differ))}")
