"""heaplint.records makes what the standard library's dataclasses are."""

from __future__ import annotations

import copy
import dataclasses
import operator
import pickle
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint import records

T = TypeVar("T")
_lazily: Any = records.dataclass


def both(**options: bool) -> Any:
    """A class made by the standard library and by heaplint."""

    def make(plain: type) -> tuple[type, type]:
        contents = {name: value for name, value in vars(plain).items() if name not in ("__dict__", "__weakref__")}
        other = type(plain)(plain.__name__, plain.__bases__, contents)
        return dataclasses.dataclass(slots=True, **options)(other), _lazily(slots=True, **options)(plain)

    return make


@both(frozen=True, order=True)
class Ordered:
    """Values that are compared."""

    first: int
    second: str = "none"
    third: list[int] = records.field(default_factory=list, compare=False)


@both(frozen=True)
class Frozen:
    first: int
    second: object = None


@both(frozen=True, eq=False)
class Identical:
    first: int
    second: object = None


@both()
class Open:
    first: int
    second: list[int] = records.field(default_factory=list)


@both(eq=False)
class Holder(Generic[T]):
    first: T
    second: T | None = None

    def twice(self) -> tuple[T, T]:
        return self.first, self.first


@both(frozen=True)
class Computed:
    first: int
    second: int = 0
    third: list[int] = records.field(default_factory=list, init=False, repr=False, compare=False)


@records.dataclass(slots=True)
class Base:
    one: int = 1
    two: list[int] = records.field(default_factory=list)


@records.dataclass(slots=True)
class Derived(Base):
    three: int = 3


@records.dataclass(frozen=True, slots=True)
class Stored:
    name: str
    inner: Stored | None = None


PAIRS = [Ordered, Frozen, Identical, Open, Holder, Computed]
VALUES = st.lists(st.integers(-2, 2) | st.sampled_from(["a", "b"]), min_size=1, max_size=2)


def outcome(function: Callable[..., object], *arguments: object) -> object:
    """What a call gives or raises."""
    try:
        return function(*arguments)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
@given(one=VALUES, other=VALUES)
def test_both_behave_alike(pair: tuple[Any, Any], one: list[object], other: list[object]) -> None:
    results = []
    for cls in pair:
        left, right = cls(*one), cls(*other)
        results.append([
            repr(left),
            left == right, left == cls(*one), left != right, left == 3,
            *(outcome(compare, left, right) for compare in (operator.lt, operator.le, operator.gt, operator.ge)),
            left == cls(*one) and outcome(hash, left),
            repr(dataclasses.replace(left, first=7)), repr(copy.copy(left)), repr(copy.deepcopy(left)),
            dataclasses.asdict(left),
            outcome(setattr, left, "first", 8), outcome(delattr, left, "second"),
            outcome(getattr, left, "first"), outcome(getattr, left, "second"), outcome(getattr, left, "third"),
        ])  # fmt: skip
    assert results[0] == results[1]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__name__)
def test_both_are_made_alike(pair: tuple[Any, Any]) -> None:
    standard, ours = pair
    for name in ("__match_args__", "__slots__", "__doc__", "__name__", "__qualname__", "__module__", "__bases__"):
        if name != "__doc__" or ours.__doc__ is not None:  # the standard library writes one where there is none
            assert getattr(standard, name) == getattr(ours, name)
    described = [[(one.name, one.type, one.default, one.compare) for one in dataclasses.fields(cls)] for cls in pair]
    assert described[0] == described[1]
    assert all(map(dataclasses.is_dataclass, pair))
    for arguments in ((), (1, 2, 3, 4)):
        assert outcome(standard, *arguments) is outcome(ours, *arguments) is TypeError
    assert outcome(lambda: standard(first=1).first) == outcome(lambda: ours(first=1).first) == 1
    assert outcome(lambda: ours(1, fourth=2)) is TypeError


def test_an_order_between_classes_is_none() -> None:
    ours: Any = Ordered
    assert outcome(operator.lt, ours[1](1), Stored("a")) is TypeError


def test_each_object_has_a_list_of_its_own() -> None:
    ours: Any = Open
    one, other = ours[1](1), ours[1](1)
    one.second.append(1)
    assert other.second == []


def test_the_fields_of_a_base_come_first() -> None:
    assert repr(Derived(5, three=4)) == "Derived(one=5, two=[], three=4)"
    assert Derived() == Derived(1, [], 3) != Base()
    assert [one.name for one in dataclasses.fields(Derived)] == ["one", "two", "three"]
    assert vars(Derived)["__slots__"] == ("three",)
    assert not hasattr(Derived(), "__dict__")


def test_a_class_is_matched_by_position() -> None:
    match Stored("a", Stored("b")):
        case Stored(outer, Stored(inner)):
            assert (outer, inner) == ("a", "b")
        case _:
            pytest.fail("no match")


def test_frozen_objects_are_pickled() -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(Stored("a", Stored("b")), protocol)) == Stored("a", Stored("b"))


def test_a_cycle_has_a_representation() -> None:
    ours: Any = Open
    cyclic = ours[1](1)
    cyclic.second.append(cyclic)
    assert repr(cyclic) == "Open(first=1, second=[...])"


def test_a_method_is_compiled_by_its_first_call() -> None:
    @records.dataclass(frozen=True, slots=True)
    class Fresh:
        first: int

    before = vars(Fresh)["__init__"], vars(Fresh)["__hash__"]
    assert hash(Fresh(1)) == hash(Fresh(1))
    after = vars(Fresh)["__init__"], vars(Fresh)["__hash__"]
    assert before[0] is not after[0] and before[1] is not after[1]
    assert Fresh(2).first == 2
