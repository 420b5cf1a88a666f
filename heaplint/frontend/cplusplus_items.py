"""A preprocessed C++ file cut into its top-level items; functions written in a class are items within that of the class.

Namespaces and `extern "C"` blocks are no items: what they enclose is. The names that classes declare are collected on the
way, so that whoever parses an item can tell a member from a variable.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Literal

from heaplint import lazy_re as re
from heaplint.frontend.items import PATIENCE, Cut, Item
from heaplint.records import dataclass, field, replace

MemberKind = Literal["static", "method", "data", "type"]
"""A static member (function or variable), another function, another variable, a type."""

LAMBDA = "lambda:"
"""What the names of functions without one begin with; the offset in their file follows."""

_TOKEN = re.compile(rb"[{};]")
_BRACE = re.compile(rb"[{}]")
_COLUMN_ZERO_CLOSE = re.compile(rb"\n\}")
_PARENTHESES = re.compile(rb"\(([^()]*)\)")
_BRACED = re.compile(rb"\{([^{}]*)\}")
_ANGLES = re.compile(rb"<([^<>(){};]*)>")
_MAX_ROUNDS = 40
_MAX_HEAD = 4000
"""How many bytes before a brace are looked at for what it belongs to."""
_NAMESPACE = re.compile(rb"(?:\bnamespace\b(?P<name>[\w\s:]*)|\bextern\s*\"[^\"]*\")\s*\Z")
_ACCESS = re.compile(rb"\s*(?:(?:public|private|protected)\s*:(?!:)|(?:friend|Q_OBJECT)\b)")
_TEMPLATE = re.compile(rb"\s*template\s*<")
_CLASS = re.compile(rb"\b(?:class|struct|union)\b(?P<rest>[^=;]*)\Z")
_ENUM = re.compile(rb"\benum\b[^=;()]*\Z")
_ASSIGN = re.compile(rb"(?<![=!<>])=(?!=)")
_INITIALIZERS = re.compile(rb"\)\s*(?:(?:const|try|noexcept)\b\s*)*:(?!:)")
_AFTER_PARAMETERS = re.compile(
    rb"(?:\s|&|\b(?:const|volatile|noexcept|override|final|try|throw|mutable)\b(?:\s*\(\s*\))?|"
    rb"\b__attribute__\s*\(\s*\)|->[\s\w:<>,*&]*|\b[A-Z][A-Z0-9_]*\b(?:\s*\(\s*\))?)*\Z"
)
_GROUP = re.compile(rb"\(\s*\)")
_OPERATOR = re.compile(rb"((?:[A-Za-z_]\w*\s*::\s*){0,8})\boperator\b\s*(\(\s*\)|[^\s\w(]{1,3}|[\w\s:*&]+?)\s*\Z")
_NAME = re.compile(rb"((?:[A-Za-z_]\w*\s*::\s*){0,8}(?:~\s*)?[A-Za-z_]\w*)\s*\Z")
_NO_FUNCTION = frozenset(
    {"if", "while", "for", "switch", "return", "sizeof", "do", "else", "catch", "decltype", "alignas", "__declspec", "__attribute__"}
)
_TRAILING = frozenset({"noexcept", "throw", "__attribute__", "requires", "decltype", "alignas", "__declspec"})
_CLASS_NAME = re.compile(rb"([A-Za-z_]\w*(?:\s*::\s*[A-Za-z_]\w*)*)\s*(?:\bfinal\b)?\s*\Z")
_DECLARED = re.compile(rb"(?<!:)\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*(?=[,=;{]|:(?!:)|\Z)")
_NO_MEMBER = re.compile(rb"\s*(?:using|typedef|friend|enum|class|struct|union|template|static_assert|public|private|protected)\b")
_CONST = re.compile(rb"\bconst\b")
_STATIC = re.compile(rb"\bstatic\b")
_MEMBER_OF_HEAD = {b"PyObject_HEAD", b"PyObject_VAR_HEAD"}


@dataclass(frozen=True, slots=True)
class Scopes:
    """The classes and namespaces of some files."""

    classes: Mapping[str, Mapping[str, MemberKind]] = field(default_factory=dict)
    """By the name of a class, that of a nested one behind its own class's, what it declares."""
    namespaces: frozenset[str] = frozenset()
    references: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """By the name of a function, of a method behind its class's, which of its parameters it may change."""

    def with_others(self, others: Iterable[Scopes]) -> Scopes:
        """These and those of other files; of two classes of one name the first one counts."""
        classes: dict[str, Mapping[str, MemberKind]] = dict(self.classes)
        namespaces = set(self.namespaces)
        references = dict(self.references)
        for other in others:
            for name, positions in other.references.items():
                references[name] = references.get(name, frozenset()) | positions
            for name, members in other.classes.items():
                classes.setdefault(name, members)
            namespaces.update(other.namespaces)
        return Scopes(classes, frozenset(namespaces), references)

    def canonical(self, name: str) -> str:
        """A name as written without blanks, template arguments and the namespaces of the files: `a::B<int>::c` is `B::c`."""
        if "::" not in name:
            return name
        parts = [part.strip() for part in _without_angles(name).split("::")]
        while len(parts) > 1 and (not parts[0] or (parts[0] in self.namespaces and parts[0] not in self.classes)):
            del parts[0]
        return sys.intern("::".join(parts))


NO_SCOPES = Scopes()
"""What a file of C has."""


def _without_angles(name: str) -> str:
    """A name without the arguments of templates."""
    if "<" not in name:
        return name
    depth, kept = 0, []
    for char in name:
        if char == "<":
            depth += 1
        elif char == ">":
            depth -= 1
        elif depth <= 0:
            kept.append(char)
    return "".join(kept)


@dataclass(slots=True)
class _Scope:
    """A namespace or class that is open."""

    start: int
    """Where its item starts (of a class), or where it opens."""
    name: str
    """Of a class with those around it; "" for a namespace."""
    members: dict[str, MemberKind] | None = None
    """None for a namespace."""
    anonymous: bool = False
    """A namespace without a name."""


def _blanks(match: re.Match[bytes]) -> bytes:
    return b" " * len(match.group())


def flat(text: bytes) -> bytes:
    """A declaration without what stands in its parentheses and braces; of the same length."""
    for pattern, opener, closer in ((_PARENTHESES, b"(", b")"), (_BRACED, b"{", b"}")):
        if opener not in text:
            continue
        for _ in range(_MAX_ROUNDS):  # the innermost ones first, which the next round does not see as brackets
            replaced = pattern.sub(lambda found: b"\x01" + b" " * (len(found.group()) - 2) + b"\x02", text)
            if replaced == text:
                break
            text = replaced
        text = text.replace(b"\x01", opener).replace(b"\x02", closer)
    return text


def _strip_template(header: bytes) -> bytes:
    """A declaration with its `template <…>` blanked."""
    while (found := _TEMPLATE.match(header)) is not None:
        depth, at = 1, found.end()
        while depth and at < len(header):
            depth += {0x3C: 1, 0x3E: -1}.get(header[at], 0)
            at += 1
        header = b" " * at + header[at:]
        if depth:
            break
    return header


def _without_template_arguments(header: bytes) -> bytes:
    """A declaration with `<…>` blanked where that can only be the arguments of a template."""
    for _ in range(_MAX_ROUNDS):
        replaced = _ANGLES.sub(_blanks, header)
        if replaced == header:
            break
        header = replaced
    return header


def method_name(header: bytes) -> str:
    """The name, with those of its classes as written, of the function whose definition a header begins; "" for none."""
    text = flat(header)
    initializers = _INITIALIZERS.search(text)
    if initializers is not None:
        text = text[: initializers.start() + 1]
    groups = list(_GROUP.finditer(text))
    if not groups:
        return ""
    arrow = text.find(b"->", groups[0].end())
    if arrow >= 0 and b"operator" not in text:
        groups = [one for one in groups if one.end() <= arrow]
    if not _AFTER_PARAMETERS.match(text, groups[-1].end()):
        return ""
    while groups:
        group = groups.pop()
        before = text[: group.start()]
        if b"operator" in before and (found := _OPERATOR.search(before)) is not None:
            return (found.group(1) + b"operator" + found.group(2)).replace(b" ", b"").decode()
        named = _NAME.search(_without_template_arguments(before) if before.rstrip().endswith(b">") or b"::" in before else before)
        if named is None:
            return ""
        name = b"".join(named.group(1).split()).decode()
        if groups and (name in _TRAILING or (name.isupper() and not before[groups[-1].end() : named.start()].strip())):
            continue
        return "" if name in _NO_FUNCTION else name
    return ""


def parameters_of(header: bytes) -> list[bytes]:
    """The parameters of the function whose header this is, each as written."""
    level = flat(header)
    groups = list(_GROUP.finditer(level))
    if not groups:
        return []
    start, end = groups[-1].start() + 1, groups[-1].end() - 1
    inner = _without_template_arguments(flat(header[start:end]))
    result, begin = [], 0
    for at in [*(found.start() for found in re.finditer(rb",", inner)), len(inner)]:
        result.append(inner[begin:at])
        begin = at + 1
    return result


class _Cutter:
    def __init__(self, skeleton: bytes) -> None:
        self.text = skeleton
        self.items: list[Item] = []
        self.classes: dict[str, dict[str, MemberKind]] = {}
        self.namespaces: set[str] = set()
        self.scopes: list[_Scope] = []
        self.references: dict[str, frozenset[int]] = {}
        self.broken: int | None = None
        self.restarts = 0
        """How many braces had no partner."""
        self.start = 0

    def partner(self, opened: int) -> int:
        """The offset behind the brace that closes the one at `opened`."""
        depth = 0
        hurried = self.restarts > PATIENCE
        for found in _BRACE.finditer(self.text, opened):
            offset = found.start()
            depth += 1 if self.text[offset] == 0x7B else -1
            if depth == 0 or (hurried and depth > 0 and self.text[offset - 1 : offset + 1] == b"\n}"):
                return found.end()
        self.restarts += 1
        self.broken = opened if self.broken is None else self.broken
        close = _COLUMN_ZERO_CLOSE.search(self.text, opened)
        return close.end() if close is not None else len(self.text)

    def begin(self, at: int) -> None:
        """Begin an item, behind what says how it can be reached."""
        in_class = bool(self.scopes) and self.scopes[-1].members is not None
        while in_class and (found := _ACCESS.match(self.text, at)) is not None:
            at = found.end()
        self.start = at

    def add(self, end: int, name: str = "", body: int = -1) -> None:
        """End the item that is open."""
        if not self.text[self.start : end].strip(b"; \t\r\n\f\v"):
            return
        kind: Literal["function", "declaration"] = "function" if name else "declaration"
        internal = any(scope.anonymous for scope in self.scopes)
        self.items.append(Item(self.start, end, kind, sys.intern(name), body if name else end, internal=internal))

    def run(self) -> None:
        at = 0
        text = self.text
        while (found := _TOKEN.search(text, at)) is not None:
            offset, at = found.start(), found.end()
            token = text[offset]
            scope = self.scopes[-1] if self.scopes else None
            if token == 0x3B:
                self.ends(scope, at)
            elif token == 0x7D:
                if scope is None:
                    self.broken = offset if self.broken is None else self.broken
                    self.begin(at)
                    continue
                self.scopes.pop()
                if scope.members is None:
                    self.add(offset)
                    self.begin(at)
                else:
                    self.start = scope.start  # the class goes on to its semicolon
            else:
                at = self.brace(offset)
        self.add(len(text))

    def ends(self, scope: _Scope | None, at: int) -> None:
        """A semicolon ends an item, or in a class a member."""
        if scope is None or scope.members is None:
            self.refers(self.text[max(self.start, at - _MAX_HEAD) : at - 1], "")
            self.add(at)
        else:
            self.member(scope.members, self.text[self.start : at - 1])
        self.begin(at)

    def member(self, members: dict[str, MemberKind], text: bytes) -> None:
        """Take in a declaration of a class."""
        declared = flat(_strip_template(text))
        if _NO_MEMBER.match(declared) and not _GROUP.search(declared):
            if declared.lstrip().startswith((b"using", b"typedef")) and (found := _NAME.search(declared.partition(b"=")[0])):
                members.setdefault(found.group(1).decode(), "type")
            return
        name = method_name(text) if b"(" in declared else ""
        if not name and b"(" in declared and (group := _GROUP.search(declared)) is not None:  # `= 0`, `= delete`
            named = _NAME.search(declared, 0, group.start())
            name = named.group(1).decode() if named is not None and b"=" not in declared[: group.start()] else ""
        static = _STATIC.search(declared) is not None
        if name:
            members[name] = "static" if static else "method"
            self.refers(text, self.scopes[-1].name)
            return
        for found in _DECLARED.finditer(_without_template_arguments(declared)):
            if found.group(1) not in _MEMBER_OF_HEAD:
                members.setdefault(found.group(1).decode(), "static" if static else "data")

    def refers(self, header: bytes, owner: str) -> None:
        """Take in which parameters of a function, declared or defined, are references that it may change."""
        if b"&" not in header or b"(" not in header or _assigned(flat(_strip_template(header))):
            return
        name = method_name(_strip_template(header))
        found = frozenset(
            index for index, one in enumerate(parameters_of(header))
            if one.count(b"&") == 1 and (b"*" in one or not _CONST.search(one))
        )
        if name and found:
            name = f"{owner}::{name}" if owner and "::" not in name else name
            self.references[name] = self.references.get(name, frozenset()) | found

    def brace(self, offset: int) -> int:
        """Go past, or into, what a brace at the level of declarations opens; gives where to go on."""
        start = max(self.start, offset - _MAX_HEAD)
        header = self.text[start:offset]
        space = _NAMESPACE.search(header)
        if space is not None and b"using" not in header[: space.start()][-10:]:
            names = [part.strip().decode() for part in (space.group("name") or b"").split(b"::") if part.strip()]
            self.namespaces.update(names)
            self.namespaces.discard("std")
            self.start = start + space.start() if not header[: space.start()].strip() else self.start
            self.scopes.append(_Scope(offset, "", anonymous=space.group("name") is not None and not names))
            self.begin(offset + 1)
            return offset + 1
        plain = _strip_template(header)
        level = flat(plain)
        name = "" if _assigned(level) else method_name(plain)
        if name:
            return self.function(offset, name, level)
        enclosing = self.scopes[-1] if self.scopes else None
        found = None if _ENUM.search(level) or _assigned(level) else _CLASS.search(level)
        if found is not None:
            own = _class_name(found.group("rest"))
            outer = enclosing.name if enclosing is not None else ""
            path = "::".join(part for part in (outer, own) if part)
            members = self.classes.setdefault(path, {}) if own else {}
            if enclosing is not None and enclosing.members is not None and own:
                enclosing.members.setdefault(own, "type")
            self.scopes.append(_Scope(self.start, path, members))
            self.begin(offset + 1)
            return offset + 1
        if not level.strip() or level.strip().startswith((b"catch", b"else")):  # no item: a block on its own
            end = self.partner(offset)
            self.begin(end)
            return end
        return self.partner(offset)

    def function(self, offset: int, name: str, level: bytes) -> int:
        """The body of a function, or the braces of one of its constructor's initialisers."""
        initializers = _INITIALIZERS.search(level)
        if initializers is not None and level[initializers.end() :].rstrip()[-1:] not in (b")", b"}"):
            return self.partner(offset)
        end = self.partner(offset)
        scope = self.scopes[-1] if self.scopes else None
        if scope is not None and scope.members is not None:
            scope.members[name] = "static" if _STATIC.search(level) else "method"
            name = f"{scope.name}::{name}" if scope.name else name
        self.refers(self.text[max(self.start, offset - _MAX_HEAD) : offset], scope.name if scope is not None else "")
        self.add(end, name, offset)
        self.begin(end)
        return end


def _assigned(level: bytes) -> bool:
    """Whether a declaration has an initialiser behind `=`."""
    found = _ASSIGN.search(level)
    return found is not None and b"operator" not in level[max(0, found.start() - 20) : found.start()]


def _class_name(rest: bytes) -> str:
    """The name of a class from what follows the keyword, without its bases; "" when it has none."""
    head = re.split(rb"(?<!:):(?!:)", _without_template_arguments(rest), maxsplit=1)[0]
    found = _CLASS_NAME.search(re.sub(rb"\bfinal\s*\Z", b"", head.rstrip()))
    return b"".join(found.group(1).split()).decode() if found is not None else ""


def cut_cplusplus(skeleton: bytes) -> tuple[Cut, Scopes]:
    """The items of a C++ file in order, and its classes and namespaces."""
    cutter = _Cutter(skeleton)
    cutter.run()
    items = sorted(cutter.items, key=lambda item: (item.start, -item.end))
    nested: list[Item] = []
    around: list[int] = []
    holding: set[int] = set()
    for index, item in enumerate(items):
        while around and items[around[-1]].end <= item.start:
            around.pop()
        outer = around[-1] if around else -1
        if outer >= 0:
            holding.add(outer)
        nested.append(replace(item, outer=outer))
        around.append(index)
    result = tuple(replace(one, holds=True) if index in holding else one for index, one in enumerate(nested))
    return Cut(result, cutter.broken), Scopes(cutter.classes, frozenset(cutter.namespaces), cutter.references)
