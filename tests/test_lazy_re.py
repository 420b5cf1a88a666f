"""heaplint.lazy_re gives what the standard library's `re` gives, later."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import heaplint
from heaplint import lazy_re


@given(st.text("ab1 ", max_size=12))
def test_both_find_the_same(text: str) -> None:
    ours, standard = lazy_re.compile(r"(?P<word>[AB]+)|\d", lazy_re.I), re.compile(r"(?P<word>[AB]+)|\d", re.I)
    assert [one.groups() for one in ours.finditer(text)] == [one.groups() for one in standard.finditer(text)]
    assert (ours.findall(text), ours.split(text)) == (standard.findall(text), standard.split(text))
    assert (ours.sub("<>", text), ours.subn("<>", text)) == (standard.sub("<>", text), standard.subn("<>", text))
    for name in ("match", "fullmatch", "search"):
        assert bool(getattr(ours, name)(text, 1)) == bool(getattr(standard, name)(text, 1))
    assert (ours.pattern, ours.flags, ours.groups, ours.groupindex) == (
        standard.pattern, standard.flags, standard.groups, standard.groupindex,
    )  # fmt: skip


def test_a_pattern_is_compiled_by_its_first_use() -> None:
    broken = lazy_re.compile("(")
    with pytest.raises(re.error):
        broken.match("")


def test_equal_patterns_are_one() -> None:
    assert lazy_re.compile("a+", lazy_re.M) is lazy_re.compile("a+", lazy_re.M)
    assert len({lazy_re.compile("a+"), lazy_re.compile("a+", lazy_re.M), lazy_re.compile(b"a+")}) == 3


def test_every_pattern_of_heaplint_can_be_compiled() -> None:
    made = 0
    for module in pkgutil.walk_packages(heaplint.__path__, "heaplint."):
        if not module.name.startswith(("heaplint.__main__", "heaplint.verify.child")):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, lazy_re.Lazy):
                    made += re.compile(value.pattern, value._flags).groups >= 0
    assert made > 200
