"""Constructing an instance by calling its type, and calling slots that do no harm to a sound object."""

from __future__ import annotations

import operator
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Callable

from heaplint.verify.child.inventory import Inventory

_SLOTS: list[tuple[str, Callable[[Any], Any]]] = [
    ("tp_repr", repr),
    ("tp_str", str),
    ("tp_hash", hash),
    ("nb_bool", bool),
    ("sq_length", len),
    ("tp_richcompare", lambda one: one == one),
    ("tp_iter", iter),
    ("tp_iternext", lambda one: next(one)),
    ("sq_contains", lambda one: operator.contains(one, None)),
    ("mp_subscript", lambda one: one[0]),
    ("nb_int", int),
    ("bf_getbuffer", memoryview),
]
_METHODS = (
    "__sizeof__", "__dir__", "__reduce__", "__reduce_ex__", "__getstate__", "__copy__", "copy", "__length_hint__",
    "keys", "values", "items",
)
"""Methods of protocols that only read: pickling, copying, mappings."""


def construct(inventory: Inventory, request: dict[str, Any], tell: Callable[..., None]) -> None:
    """Call the type without arguments, then slots, attributes and methods of the instance; tells before each."""
    one = inventory.types[request["type"]]
    tell(doing="the constructor")
    try:
        instance = one()
    except Exception as error:
        tell(refused=f"{type(error).__name__}: {error}"[:200])
        return
    tell(constructed=type(instance) is one)
    if type(instance) is not one:
        return
    for name, call in _SLOTS:
        tell(doing=name)
        _attempt(call, instance)
    for name, value in sorted(vars(one).items()):
        if isinstance(value, (GetSetDescriptorType, MemberDescriptorType)):
            tell(doing=f"attribute {name}")
            _attempt(operator.attrgetter(name), instance)
    for name in _METHODS:
        if hasattr(one, name):
            tell(doing=f"method {name}")
            _attempt(operator.methodcaller(name, *((2,) if name == "__reduce_ex__" else ())), instance)
    tell(doing="the deallocator")
    del instance
    tell(finished=True)


def _attempt(call: Callable[[Any], Any], instance: Any) -> None:
    """Call; an exception is an answer as good as any."""
    try:
        call(instance)
    except Exception:
        return
