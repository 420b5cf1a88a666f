"""What is written somewhere, found in the text without parsing it."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.frontend.items import Item
from heaplint.frontend.text import Text
from heaplint.model.aspects import Value, answer
from heaplint.model.unit import Unit

_WRITE_BACKWARDS = re.compile(
    rb"(?:\+\+|--|=(?<!==)(?:[-+*/%&|^]|<<|>>|(?![=!<>])))\s*(?:\][^\[\];]*\[\s*|\w+\s*\.\s*)*(\w*[A-Za-z_])(?!\w)"
)
"""An assignment from its operator to the variable's name, in a text that is read from its end: few characters begin it."""
_WRITES_BEFORE = (re.compile(rb"\+\+\s*([A-Za-z_]\w*)"), re.compile(rb"--\s*([A-Za-z_]\w*)"))
"""Each begins with what can be looked for quickly."""
_STATIC = re.compile(rb"\bstatic\b")
_GIVEN = re.compile(rb"\s*(?:\[[^\]]{0,200}\]\s*)*(?:=(?!=)(?!\s*(?:NULL|0|nullptr)\s*[;,)])|,)")
_ADDRESS = re.compile(rb"(?<!&)&(?!&)[\s(]*[\w.>\-\[\]\s)*]*\Z")
_ARGUMENT = re.compile(rb"\s*[,)]")
_NAME_BEFORE = re.compile(rb"([A-Za-z_]\w*)\s*\Z")


@functools.lru_cache(maxsize=1024)
def may_be_set(unit: Unit, struct: ir.Struct, path: str) -> bool:
    """False when nothing in the program gives a member of a struct a value other than NULL, going by its name alone.

    A member that a function is given, by itself, by its address or as a macro's argument, may be set by that; so may
    one whose offset is taken.
    """
    member = path.rpartition(".")[2]
    main = unit.texts[0]
    if _sets(main, member) or unit.macros_mentioning([member]):
        return True
    header = next((text.path for text in unit.texts if struct.name in text.struct_names()), None)
    return bool(unit.answers("sets", f"{member} {header or ''}"))


@answer("sets")
def _sets_member(unit: Unit, key: str) -> Iterator[Value]:
    """Whether the unit seems to set a member; the key has the header with the struct too, without which nobody knows it."""
    member, _, header = key.partition(" ")
    if (not header or header in unit.paths) and any(_sets(text, member) for text in unit.own):
        yield True


def _sets(text: Text, member: str) -> bool:
    code = text.code
    for at in text.mentions(member):
        before = code[max(0, at - 120) : at].rstrip()
        behind = at + len(member)
        if before.endswith((b"->", b".")):
            if _GIVEN.match(code, behind) or _ADDRESS.search(before):
                return True
        elif before.endswith((b"(", b",")) and _ARGUMENT.match(code, behind):
            callee = _callee(code, at)
            if callee == "offsetof" or text.is_macro(callee, at):
                return True
    return False


def _callee(code: bytes, at: int) -> str:
    """The name before the parenthesis that an offset lies in; "" when there is none near."""
    depth = 0
    for index in range(at - 1, max(-1, at - 400), -1):
        char = code[index : index + 1]
        if char == b")":
            depth += 1
        elif char == b"(":
            depth -= 1
            if depth < 0:
                found = _NAME_BEFORE.search(code, max(0, index - 100), index)
                return found.group(1).decode() if found else ""
        elif char in b";{}":
            break
    return ""


def writes(unit: Unit) -> list[tuple[Text, int, bytes]]:
    """Where in the unit's own texts something is written, and the name that stands there, in whatever scope."""
    found: list[tuple[Text, int, bytes]] = []
    for text in unit.own:
        code = text.code
        length = len(code)
        found += [(text, length - one.end(1), one[1][::-1]) for one in _WRITE_BACKWARDS.finditer(code[::-1])]
        for pattern in _WRITES_BEFORE:
            found += [(text, one.start(), one[1]) for one in pattern.finditer(code)]
    return found


def functions_that_write(unit: Unit, written: list[tuple[Text, int, bytes]], names: set[str]) -> Iterator[ir.Function]:
    """The functions that write something of one of these names, or have static variables of their own."""
    wanted = {name.encode() for name in names}
    written_in: dict[int, dict[int, Item]] = {}
    for text, at, name in written:
        if name in wanted and (item := text.item_at(at)) is not None:
            written_in.setdefault(id(text), {})[item.start] = item
    for text in unit.own:
        found = written_in.get(id(text), {})
        for item in text.items_with(_STATIC):
            if item.kind == "function" and _STATIC.search(text.code, item.body, item.end):
                found[item.start] = item
        for start in sorted(found):
            if found[start].kind == "function":
                yield from text.parse(found[start]).functions
