"""Dataclasses with slots whose methods are compiled by their first call.

The standard library compiles up to ten methods of each dataclass while its module is imported, half a millisecond: every
run pays for all classes and calls a third of these methods. Here a class is made with stubs for `__init__`, `__eq__`,
`__hash__` and the comparisons; a stub that is called puts the method in its place. To a type checker these are the standard
library's dataclasses, and they behave as those do, for `fields`, `replace`, matching, copying and pickling too. What no
class here needs is not there: InitVar, ClassVar, keyword-only fields, `__post_init__`.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError, asdict, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, cast

__all__ = ["asdict", "dataclass", "described", "field", "fields", "replace", "replaced"]

_T = TypeVar("_T")
_COMPARISONS = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}


def _dataclass(
    *, slots: Literal[True], frozen: bool = False, eq: bool = True, order: bool = False
) -> Callable[[type[_T]], type[_T]]:
    """As `dataclasses.dataclass`."""
    written = ["__init__", *["__eq__"] * eq, *["__hash__"] * (eq and frozen), *list(_COMPARISONS) * order]
    ready: dict[str, Any] = {"__repr__": _repr}
    if eq and not frozen:
        ready["__hash__"] = None
    if frozen:
        ready |= {"__setattr__": _set, "__delattr__": _delete, "__getstate__": _state, "__setstate__": _restore}

    def with_slots(plain: type[_T]) -> type[_T]:
        def stub(name: str) -> Callable[..., Any]:
            def method(self: _T, *args: Any, **kwargs: Any) -> Any:
                compiled = _compiled(made, name, known, frozen=frozen)
                setattr(made, name, compiled)
                return compiled(self, *args, **kwargs)

            return method

        contents = {name: value for name, value in vars(plain).items() if name not in ("__dict__", "__weakref__")}
        own = {name: (type_, contents.pop(name, MISSING)) for name, type_ in plain.__annotations__.items()}
        known = _Fields(plain, own)
        added = {
            "__slots__": tuple(own),
            "__match_args__": tuple(name for name, (_, default) in known.every.items() if _is_parameter(default)),
            "__dataclass_fields__": known,
            "__qualname__": plain.__qualname__,
        }
        members = {**ready, **{name: stub(name) for name in written}, **contents, **added}
        made: Any = type(plain)(plain.__name__, plain.__bases__, members)  # type: ignore[misc]  # the metaclass is called
        return cast("type[_T]", made)

    return with_slots


class _Fields:
    """The fields of a class; as its `__dataclass_fields__`, what the functions of the standard library look for there."""

    def __init__(self, plain: type, own: dict[str, tuple[Any, Any]]) -> None:
        self.every: dict[str, tuple[Any, Any]] = {}
        """Names → types, and default values, `field(…)` or MISSING; those of the bases first."""
        for base in reversed(plain.__mro__):
            if isinstance(those := vars(base).get("__dataclass_fields__"), _Fields):
                self.every |= those.every
        self.every |= own
        self._described: dict[str, Field[Any]] | None = None

    def __get__(self, instance: object, owner: type) -> dict[str, Field[Any]]:
        if self._described is None:
            made = dataclasses.make_dataclass(
                owner.__name__,
                [(name, type_) if default is MISSING else (name, type_, default) for name, (type_, default) in self.every.items()],
            )
            self._described = {one.name: one for one in fields(made)}
        return self._described


def _is_parameter(default: object) -> bool:
    """Whether `__init__` takes a value for a field; one that it does not take is made by a factory."""
    return not isinstance(default, Field) or default.init


def _compiled(owner: type, name: str, known: _Fields, *, frozen: bool) -> Callable[..., Any]:
    """A method as the standard library writes it."""
    names: dict[str, Any] = {"_MISSING": MISSING}
    if name == "__init__":
        parameters, lines = ["self"], []
        for one, (_, default) in known.every.items():
            value, described = one, isinstance(default, Field)
            if described and default.default_factory is not MISSING:
                names[f"_new_{one}"], names[f"_default_{one}"] = default.default_factory, MISSING
                value = f"_new_{one}() if {one} is _MISSING else {one}"
            elif (simple := default.default if described else default) is not MISSING:
                names[f"_default_{one}"] = simple
            if _is_parameter(default):
                parameters.append(f"{one}=_default_{one}" if f"_default_{one}" in names else one)
            else:
                value = f"_new_{one}()"
            if frozen:
                names[f"_set_{one}"] = vars(owner)[one].__set__  # faster than object.__setattr__
            lines.append(f"_set_{one}(self, {value})" if frozen else f"self.{one} = {value}")
    else:
        compared = [one for one, (_, default) in known.every.items() if not isinstance(default, Field) or default.compare]
        mine, theirs = ("".join(f"{side}.{one}, " for one in compared) for side in ("self", "other"))
        parameters, lines = ["self", "other"], [
            "if other.__class__ is not self.__class__: return NotImplemented",
            f"return ({mine}) {_COMPARISONS.get(name, '==')} ({theirs})",
        ]
        if name == "__hash__":
            parameters, lines = ["self"], [f"return hash(({mine}))"]
    body = "\n ".join(lines or ["pass"])
    exec(compile(f"def {name}({', '.join(parameters)}):\n {body}", f"<{owner.__qualname__}>", "exec"), names)
    method: Callable[..., Any] = names[name]
    method.__qualname__, method.__module__ = f"{owner.__qualname__}.{name}", owner.__module__
    return method


@reprlib.recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _set(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


def described(made: type, names: Iterable[str]) -> None:
    """Tell the names of a compiled class's fields; its methods are written out (native/native_sources.py)."""
    made.__dataclass_fields__ = _Fields(made, dict.fromkeys(names, (Any, MISSING)))  # type: ignore[attr-defined]


replaced: Callable[..., Any] = replace
"""For compiled classes."""


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
