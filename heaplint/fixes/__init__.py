"""Fixes: the change of the source that cures a report, for the rules where that change is local."""

from __future__ import annotations

from heaplint.fixes import addobject, clear, dealloc, flags, instances, module_slots, protocol, sentinel, traverse
from heaplint.fixes.registry import FIXERS, Fixing, fix_for

__all__ = [
    "FIXERS", "Fixing", "addobject", "clear", "dealloc", "fix_for", "flags", "instances", "module_slots", "protocol",
    "sentinel", "traverse",
]
