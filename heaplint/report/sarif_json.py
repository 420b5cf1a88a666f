"""sarif-om's objects as JSON values."""

from __future__ import annotations

import functools
from typing import Any

import attr

_KEPT = "level"
"""Always written: GitHub reads a result or rule without it otherwise than the standard says."""


def json_value(value: Any) -> Any:
    """A sarif-om object with all it holds, without what is None or the default of the standard.

    Numbers, strings and dictionaries are taken as they are, the latter as property bags, or as objects that were
    turned into JSON before.
    """
    kind = value.__class__
    if kind is dict or kind is str or kind is int or kind is bool:
        return value
    result = {}
    properties = _properties(kind)
    given = [(attribute, one) for attribute, one in vars(value).items() if one is not None]  # few of many are
    for attribute, one in given:
        name, default = properties[attribute]
        if one is default or (default is not None and one == default):
            continue
        kind = one.__class__
        if kind is str or kind is int or kind is dict:
            result[name] = one
        elif kind is list:
            result[name] = list(map(json_value, one))
        else:
            result[name] = json_value(one)
    return result


@functools.cache
def _properties(kind: Any) -> dict[str, tuple[str, object]]:
    """Names and defaults of a class's properties by the attributes of its objects."""
    found = {}
    for field in attr.fields(kind):
        name = field.metadata["schema_property_name"]
        found[field.name] = name, _default(name, field.default)
    return found


def _default(name: str, declared: Any) -> object:
    """The value that may be left out; nothing equals that of a property which has none."""
    if name == _KEPT:
        return object()
    return declared.factory() if hasattr(declared, "factory") else declared
