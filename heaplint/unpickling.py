"""Pickles of what nobody trusts: they load plain data and the classes that are allowed, and nothing else."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

Classes = Mapping[tuple[str, str], type]
"""By module and name."""


_NONE: Classes = {}


class _Loader(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Classes) -> None:
        super().__init__(io.BytesIO(data))
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected here")
        return self._allowed[module, name]


DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError)
"""What is raised where data is not what it should be, by `unpickled` and by whoever takes apart what that gives."""


def unpickled(data: bytes, allowed: Classes = _NONE) -> Any:
    """What a pickle holds; raises pickle.UnpicklingError for a class that is not allowed, and what pickle.loads raises."""
    return _Loader(data, allowed).load()
