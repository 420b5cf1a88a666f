"""Instances of a type: one that is alive, one from the constructor, or one of zeroed memory."""

from __future__ import annotations

import ctypes
import gc
from typing import Any, Callable

from heaplint.verify.child import memory
from heaplint.verify.child.inventory import GC, HEAP, Inventory, all_types

_kept: list[Any] = []
"""Instances that must not die: to take apart a zeroed one is a question of its own."""


class NoInstanceError(Exception):
    """There is no such instance."""


def get(origin: str, inventory: Inventory, one: type) -> Any:
    """An instance that stays alive; `origin` is `live`, `constructed` or `zeroed`. Raises NoInstanceError."""
    if origin == "live":
        instance = inventory.live(one)
        if instance is None:
            raise NoInstanceError("no instance is alive")
    else:
        instance = maker(origin, one)()
    _kept.append(instance)
    return instance


def maker(origin: str, one: type) -> Callable[[], Any]:
    """What makes instances of exactly this type."""
    return (lambda: _zeroed(one)) if origin == "zeroed" else (lambda: _constructed(one))


def _constructed(one: type) -> Any:
    """What calling the type without arguments gives; a metatype is given what a class statement gives it."""
    instance: Any = one("probe", (), {}) if issubclass(one, type) else one()
    if type(instance) is not one:
        raise NoInstanceError(f"calling it gives an instance of {type(instance).__name__}")
    return instance


def _zeroed(one: type) -> Any:
    """An instance as PyType_GenericAlloc gives it: zeroed, tracked, with a reference to its type."""
    if not one.__flags__ & HEAP or issubclass(one, type):
        raise NoInstanceError("a type without a specification of its own cannot be left zeroed")
    allocate = ctypes.pythonapi.PyType_GenericAlloc
    allocate.argtypes, allocate.restype = [ctypes.py_object, ctypes.c_ssize_t], ctypes.py_object
    return allocate(one, 0)


def held(instance: Any, one: type) -> list[str]:
    """The types of the objects in the instance's own words that could be part of a cycle, sorted."""
    known = {id(each) for each in all_types()}
    maps = memory.Maps()
    found: set[str] = set()
    inherited = (one.__base__ or object).__basicsize__
    for word in memory.words(id(instance), one.__basicsize__)[inherited // memory.WORD :]:
        kind = object_type(word, known, maps)
        if kind is not None and kind[0] & GC and word != id(one):
            found.add(kind[1])
    return sorted(found)


def object_type(address: int, types: set[int], maps: memory.Maps) -> Any:
    """(flags, name) of the type of the object at an address; None when no object is there.

    An object begins with a pointer to a type and a count that is not zero; before it its block begins, or the header of
    the collector and the pointers that 3.11 and later put there.
    """
    if address % memory.WORD or not address or not maps.readable(address, 4 * memory.WORD):
        return None
    kind = memory.words(address + memory.TYPE_OFFSET, memory.WORD)[0]
    if kind not in types or not memory.words(address, memory.WORD)[0]:
        return None
    if not maps.static(address) and not any(maps.block(address - before * memory.WORD) for before in (0, 2, 4)):
        return None
    described: tuple[int, str] = _described(kind)
    return described


def _described(kind: int) -> tuple[int, str]:
    one: type = ctypes.cast(kind, ctypes.py_object).value
    return one.__flags__, one.__name__


def collect() -> None:
    """Collect cycles until nothing more is found."""
    for _ in range(3):
        if not gc.collect():
            return
