"""The checks by name; each is run in a process of its own and tells what it sees as it goes."""

from __future__ import annotations

import gc
import sys
from typing import Any, Callable

from heaplint.verify.child import instances, interpreters, memory, reimport, slots, statics
from heaplint.verify.child.inventory import Inventory

Tell = Callable[..., None]


def visit(inventory: Inventory, request: dict[str, Any], tell: Tell) -> None:
    """Whether traversing an instance leads to its type."""
    one = inventory.types[request["type"]]
    instance = instances.get(request["origin"], inventory, one)
    tell(visits=any(found is one for found in gc.get_referents(instance)))


def track(inventory: Inventory, request: dict[str, Any], tell: Tell) -> None:
    """Whether the collector tracks an instance."""
    one = inventory.types[request["type"]]
    tell(tracked=gc.is_tracked(instances.get(request["origin"], inventory, one)))


def look(inventory: Inventory, request: dict[str, Any], tell: Tell) -> None:
    """What objects that could be part of a cycle an instance points to, by its own words."""
    one = inventory.types[request["type"]]
    tell(holds=instances.held(instances.get(request["origin"], inventory, one), one))


def dealloc(inventory: Inventory, request: dict[str, Any], tell: Tell) -> None:
    """How the reference count of a type changes over two batches of instances of different size.

    The greater batch runs once before, so that free lists are full; all instances of a batch live at the same time. Told is
    also whether the memory of the instances stays in use.
    """
    one = inventory.types[request["type"]]
    small, great = request["batches"]
    make = instances.maker(request["origin"], one)

    def batch(size: int) -> int:
        before = sys.getrefcount(one)
        made = [make() for _ in range(size)]
        del made
        gc.collect()
        return sys.getrefcount(one) - before

    batch(great)
    few, before = batch(small), memory.bytes_in_use()
    many = batch(great)
    kept = (memory.bytes_in_use() - before) // great >= one.__basicsize__
    tell(changes=[few, many], kept=kept)


CHECKS: dict[str, Callable[[Any, dict[str, Any], Tell], None]] = {
    "visit": visit,
    "track": track,
    "look": look,
    "dealloc": dealloc,
    "construct": slots.construct,
    "interpreters": interpreters.run,
    "growth": interpreters.growth,
    "reimport": reimport.run,
    "statics": statics.scan,
}
"""Those of interpreters and of importing again have no inventory: they import the module themselves."""
