"""The functions of a unit, read only when what an earlier run has kept of them does not do.

An item of a file is identified by its text and by what its macros expand to, wherever in the file it stands; places are
kept as distances from its first word.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.digest import DIGEST, blake2b
from heaplint.frontend.cplusplus_items import LAMBDA
from heaplint.frontend.items import Item
from heaplint.frontend.text import Text
from heaplint.model.module_lookup import called_names
from heaplint.model.unit import Unit
from heaplint.records import dataclass, replace

_BLANK = re.compile(rb"\s*")


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A function of an item."""

    head: ir.Function
    """Without its body, and with its places as distances."""
    called: tuple[str, ...]
    """The functions that it calls by name."""
    ways: tuple[tuple[Any, tuple[Any, ...]], ...]
    """Under which circumstances it was looked at, and what was found, as plain data."""

    def function(self, path: str, base: int) -> ir.Function:
        """The function without its body, as it stands in a file whose item begins there."""
        return replace(self.head, start=self.head.start + base, end=self.head.end + base, path=path)


class Function:
    """A function that some text of a unit defines."""

    __slots__ = ("_called", "_tree", "asked", "base", "head", "item", "kept", "path", "text", "ways")

    def __init__(self, text: Text, item: Item, tree: ir.Function | None, kept: Kept | None = None) -> None:
        self.text, self.item, self.path = text, item, text.path
        self.base = first_word(text, item)
        """The offset that distances are measured from."""
        self._tree = tree
        self.kept = kept
        if tree is None:
            assert kept is not None
            self.head = kept.function(self.path, self.base)
        else:
            self.head = tree
        self._called: tuple[str, ...] | None = kept.called if kept is not None else None
        self.ways: dict[Hashable, tuple[Any, ...]] = {}
        """What was found out about it, by circumstances, as far as the next run can use it."""
        self.asked: set[str] = set()
        """The names that it asked for while it was looked at together with others."""

    @property
    def name(self) -> str:
        """Its name; of a member of a class a qualified one."""
        return self.head.name

    @property
    def start(self) -> int:
        """The offset of its name."""
        return self.head.start

    @property
    def tree(self) -> ir.Function:
        """The function with its body."""
        if self._tree is None:
            self._tree = next(one for one in self.text.parse(self.item).functions if one.start == self.start and one.name == self.name)
        return self._tree

    @property
    def called(self) -> tuple[str, ...]:
        """The names of the functions that it calls by name."""
        if self._called is None:
            self._called = called_names(self.tree)
        return self._called

    def keep(self) -> Kept:
        """What the next run can use of it."""
        head = self.kept.head if self.kept is not None else bodiless(self.tree, self.base)
        return Kept(head, self.called, tuple(self.ways.items()))


class Functions:
    """The functions of one unit, by item and by name."""

    def __init__(self, unit: Unit, kept: Mapping[bytes, tuple[Kept, ...]], *, keep: bool) -> None:
        """`kept` is what an earlier run kept of the unit's main file; `keep` says whether something is to be kept now."""
        self.unit = unit
        self._kept, self._keep = kept, keep
        self._by_item: dict[tuple[str, int], tuple[Function, ...]] = {}
        self._identities: dict[tuple[str, int], bytes] = {}

    def own(self) -> Iterator[Function]:
        """Those of the unit's own texts, as far as these have to do with Python."""
        for text in self.unit.own:
            if text.names_python():
                for item in text.items:
                    if item.kind == "function":
                        yield from self.of_item(text, item)

    def of_item(self, text: Text, item: Item) -> tuple[Function, ...]:
        """The functions that an item defines."""
        key = text.path, item.start
        found = self._by_item.get(key)
        if found is None:
            one = identity(text, item) if self._keep or self._kept else None
            kept = self._kept.get(one) if one is not None else None
            if kept is not None:
                found = tuple(Function(text, item, None, known) for known in kept)
            else:
                parsed = text.parse(item)
                found = tuple(Function(text, item, function) for function in parsed.functions)
                if parsed.exact or not parsed.complete:
                    one = None
            if one is not None:
                self._identities[key] = one
            self._by_item[key] = found
        return found

    def named(self, name: str) -> Function | None:
        """The one that a name means in the unit's texts; None where none is meant, or it is not known which."""
        for text in self.unit.texts:
            if text.reading.plus_plus or name.startswith(LAMBDA):
                tree = text.function(name)
                if tree is not None:
                    return self.of_tree(text, tree)
                continue
            for item in text.functions.get(name, ()):
                functions = self.of_item(text, item)
                for one in functions:
                    if one.name == name:
                        return one
                if functions and item.name == name:
                    return functions[0]
        return None

    def of_tree(self, text: Text, tree: ir.Function) -> Function:
        """The one that has been read as a tree."""
        item = text.item_at(tree.start)
        if item is not None:
            for one in self.of_item(text, item):
                if one.start == tree.start and one.name == tree.name:
                    return one
        return Function(text, item or Item(tree.start, tree.end, "function", tree.name, tree.start), tree)

    def kept(self) -> dict[bytes, tuple[Kept, ...]]:
        """What the next run can use, by what identifies each item."""
        return {
            identity: tuple(one.keep() for one in self._by_item[key]) for key, identity in self._identities.items()
        }

    def identity(self, function: Function) -> bytes | None:
        """What identifies the item of a function; None when the next run can use nothing of it, or nobody asks for that."""
        return self._identities.get((function.path, function.item.start)) if self._keep else None

    def forget(self) -> None:
        """Drop them; they are looked for anew when somebody asks."""
        self._by_item.clear()
        self._identities.clear()


def identity(text: Text, item: Item) -> bytes | None:
    """What identifies an item and its syntax tree; None where that depends on more than its text and macros."""
    if text.reading.plus_plus or (text.exact is not None and text.exact.mode == "clang"):
        return None
    expanded = text.expanded(item)
    if expanded.too_deep:
        return None
    base = first_word(text, item)
    digest = blake2b(text.code[base : item.end], digest_size=DIGEST)
    digest.update(b"\0%d\0" % (item.body - base) + item.name.encode() + b"\0" + expanded.text.lstrip() + b"\0")
    if len(expanded.starts) > 1:
        uses = [(max(start, base) - base, end - base if end >= 0 else -1) for start, end in expanded.origins]
        starts = [max(start - (base - item.start), 0) for start in expanded.starts]
        digest.update(repr((starts, uses)).encode())
    return digest.digest()


def first_word(text: Text, item: Item) -> int:
    """Where an item begins, blanks and comments before it left out."""
    found = _BLANK.match(text.code, item.start, item.end)
    return found.end() if found else item.start


def bodiless(function: ir.Function, base: int) -> ir.Function:
    """The head of a function, as `Kept` has it."""
    return replace(function, start=function.start - base, end=function.end - base, path="", body=ir.Block(0, 0, ()))
