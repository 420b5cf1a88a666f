"""Declarations for what no header declares: learned from libclang's diagnostics, so that the rest can be read.

A name that is declared nowhere is a type, a constant or a variable, by how the code uses it; a type is a struct until
something asks for a number or a pointer; its members are those that the code names. What is guessed decides nothing
but the shape of the tree: an item with an error left in it is not taken from this front end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from heaplint import lazy_re as re
from heaplint.frontend.clang import prelude
from heaplint.records import dataclass, field

_NAME_OF = "heaplint_of_"
_UNKNOWN_TYPE = re.compile(r"unknown type name '(\w+)'|must use '\w+' tag to refer to type '(\w+)'")
_UNDECLARED = re.compile(r"use of undeclared identifier '(\w+)'")
_INCOMPLETE = re.compile(r"incomplete .*?'(?:const |volatile )*((?:struct|union) )?(\w+)(?:\[\w*\])*'(?: \(aka '(?:const )?(struct|union) (\w+)'\))?")
_NO_MEMBER = re.compile(
    r"no member named '(\w+)' in '(?:struct |union )?(\w+)'|"
    r"field designator '(\w+)' does not refer to any field in type '(?:struct |union )?(\w+)'"
)
_CLASH = re.compile(
    r"^(?:redefinition of|typedef redefinition|conflicting types for|static declaration of|non-static declaration of|"
    r"redeclaration of|definition of type|use of '\w+' with tag type|declaration of '\w+' in global scope conflicts|"
    r"definition with same mangled name)"
)
_AS_NUMBER = re.compile(
    r"invalid operands to binary|arithmetic or pointer type is required|incompatible type|incompatible result type|"
    r"invalid argument type|requires expression of (?:scalar|integer) type|array subscript is not an integer|"
    r"not contextually convertible|no viable conversion|cannot initialize|cannot increment|cannot decrement"
)
_AS_POINTER = re.compile(r"member reference type '(\w+)'.* is not a pointer")
_AS_STRUCT = re.compile(r"member reference base type '(\w+)'.* is not a structure")
_QUOTED = re.compile(r"'(?:const )?(?:struct )?(\w+)'")

Shape = Literal["struct", "number", "pointer"]
Use = Literal["constant", "variable", "call", "array", "member", "pointer", "type"]
_STRENGTH: Final[tuple[Use, ...]] = ("constant", "variable", "call", "array", "member", "pointer", "type")
"""What one use says of a name outweighs what a weaker one says."""
WINDOW: Final = 80
"""How much of the text around a use is looked at."""
_BODY = re.compile(r"\b(?:struct|union)\s+(\w+)\s*\{")
_STATEMENT_BEGINS = re.compile(r"(?:\A|[;{}])\s*(?:(?:const|static|volatile|register|extern)\s+)*\Z")
_OPENED = re.compile(r"[(,]\s*(?:const\s+)?\Z")
_PARENTHESIS = re.compile(r"\(\s*(?:const\s+)?\Z")
_TYPE_WANTED = re.compile(r"(?:\b(?:sizeof|offsetof|alignof)\s*\(\s*|\bva_arg\s*\([^()]*,\s*|_cast\s*<\s*|\bnew\s+)(?:const\s+)?\Z")
_DECLARES = re.compile(r"\s*(?:const\b\s*)?[*&\s]\s*(?:\*\s*)*(?:const\b\s*)?[A-Za-z_]\w*\s*[;=,(\[)]")
_DECORATES = re.compile(r"\s+(?:(?:const|static|inline|struct|union|enum|unsigned|extern)\s+)*[A-Za-z_]\w*(?:\s*\*[\s*]*|\s+)[A-Za-z_]\w*")
_DECLARES_PARAMETER = re.compile(r"\s+[A-Za-z_]\w*\s*[,)]")
_CASTS = re.compile(r"\s*(?:const\b\s*)?(?:\*+\s*\)|\)\s*[\w\"'])")
_ADDRESS = re.compile(r"(?:[(,=?:{]|\breturn)\s*&\s*\Z")
_CHANGED = re.compile(r"\s*(?:(?:[-+|&^*/%]|<<|>>)?=(?!=)|\+\+|--)")


def use_of(name: str, before: str, after: str) -> Use:
    """What a use of a name that nobody declares says it is, by the text before and after."""
    if _TYPE_WANTED.search(before):
        return "type"
    if _STATEMENT_BEGINS.search(before) and _DECLARES.match(after):
        return "type"
    if _OPENED.search(before) and _DECLARES_PARAMETER.match(after):
        return "type"
    if _PARENTHESIS.search(before) and _CASTS.match(after):
        return "type"
    following = after.lstrip()
    if following.startswith("->"):
        return "pointer"
    if re.match(r"\.\s*[A-Za-z_]", following):
        return "member"
    if following.startswith("["):
        return "array"
    if following.startswith("("):
        return "call"
    if _ADDRESS.search(before) or _CHANGED.match(after) or before.rstrip().endswith(("++", "--")):
        return "variable"
    return "constant"


@dataclass(frozen=True, slots=True)
class Lesson:
    """An error: what it says, the token it is about, and the text around that."""

    message: str
    token: str
    before: str
    after: str


@dataclass(slots=True)
class Learned:
    """What the diagnostics of one translation unit have taught so far."""

    code: str
    """All of the unit's own text."""
    plus_plus: bool
    types: dict[str, Shape] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    """Types whose shape was changed once."""
    tags: dict[str, str] = field(default_factory=dict)
    """Structs and unions without a body → the word."""
    members: dict[str, list[str]] = field(default_factory=dict)
    """Struct → members beyond those that are declared."""
    constants: dict[str, None] = field(default_factory=dict)
    decorations: dict[str, None] = field(default_factory=dict)
    """What stands before a declaration and is nothing of C's: a macro that a header of others defines."""
    variables: dict[str, str] = field(default_factory=dict)
    """Variable → its declaration."""
    bodies: frozenset[str] | None = None
    left_out: set[str] = field(default_factory=set)
    """Names of the prelude that the project declares itself."""

    def learn(self, lessons: Iterable[Lesson]) -> bool:
        """Take the errors of one reading; whether anything new was learned."""
        before = self.state()
        uses: dict[str, Use] = {}
        heard: set[tuple[str, str]] = set()
        for lesson in lessons:
            if found := _UNDECLARED.search(lesson.message):
                use = use_of(found.group(1), lesson.before, lesson.after)
                uses[found.group(1)] = max(uses.get(found.group(1), use), use, key=_STRENGTH.index)
            elif (found := _UNKNOWN_TYPE.search(lesson.message)) and _DECORATES.match(lesson.after):
                self.decorations[found.group(1) or found.group(2)] = None
            elif (lesson.message, lesson.token) not in heard:
                heard.add((lesson.message, lesson.token))
                self._one(lesson.message, lesson.token)
        for name, use in uses.items():
            self._undeclared(name, use)
        return self.state() != before

    def state(self) -> tuple[object, ...]:
        """What was learned, to be compared."""
        members = tuple((name, tuple(many)) for name, many in self.members.items())
        return (
            tuple(self.types.items()), tuple(self.tags), members, tuple(self.constants), tuple(self.variables.items()), tuple(self.decorations),
            tuple(sorted(self.left_out)),
        )

    def _one(self, message: str, token: str) -> None:
        if _CLASH.search(message):
            if token:
                self.left_out.add(token)
        elif found := _UNKNOWN_TYPE.search(message):
            self._new_type(found.group(1) or found.group(2))
        elif found := _NO_MEMBER.search(message):
            member, owner = found.group(1) or found.group(3), found.group(2) or found.group(4)
            many = self.members.setdefault(owner.removesuffix("__"), [])
            if member not in many:
                many.append(member)
        elif found := _AS_POINTER.search(message):
            self._reshape(found.group(1), "pointer")
        elif found := _AS_STRUCT.search(message):
            self._reshape(found.group(1), "struct")
        elif (found := _INCOMPLETE.search(message)) is not None:
            word, name, aka_word, aka_name = found.groups()
            tag = aka_name or (name if word else "")
            if tag and tag not in self.tags and tag not in self._defined():
                self.tags.setdefault(tag, (aka_word or word or "struct").strip())
        elif _AS_NUMBER.search(message):
            for name in _QUOTED.findall(message):
                name = name.removesuffix("__")
                if self.types.get(name) == "struct" and not self.members.get(name):
                    self._reshape(name, "number")

    def _defined(self) -> frozenset[str]:
        """The structs and unions that the unit has bodies of."""
        if self.bodies is None:
            self.bodies = frozenset(_BODY.findall(self.code))
        return self.bodies

    def _new_type(self, name: str) -> None:
        self.types.setdefault(name, "number" if name.endswith("_t") else "struct")
        self.constants.pop(name, None)
        self.variables.pop(name, None)

    def _reshape(self, name: str, shape: Shape) -> None:
        if name in self.types and name not in self.settled and self.types[name] != shape:
            self.types[name] = shape
            self.settled.add(name)

    def _undeclared(self, name: str, use: Use) -> None:
        if name in self.types:
            return
        match use:
            case "type":
                self._new_type(name)
            case "member" | "pointer":
                star = "*" if use == "pointer" else ""
                self.variables[name] = f"extern struct {_NAME_OF}{name} {star}{name};"
                self.tags[f"{_NAME_OF}{name}"] = "struct"
            case "array":
                self.variables[name] = f"extern long {name}[];"
            case "call":
                self.variables[name] = f'extern "C" long {name}(...);' if self.plus_plus else f"long {name}();"
            case "variable":
                self.variables[name] = f"extern long {name};"
            case "constant":
                self.constants[name] = None

    # -- text ------------------------------------------------------------------------------------------------------

    def prelude(self) -> str:
        """All declarations: those of the prelude that stay, and those that were learned."""
        lines = prelude.lines(self.plus_plus)
        out = self.left_out - prelude.leaned_on(self.plus_plus)
        constants = [name for name in prelude.constants() if name not in self.left_out]
        if self.plus_plus:
            constants = [name for name in constants if name not in ("NULL", "true", "false")]
        parts = [prelude.head(self.plus_plus), prelude.enumeration([*constants, *self.constants])]
        shapes = {"number": "typedef long {0};", "struct": "typedef struct {0}__ {0};", "pointer": "typedef struct {0}__ *{0};"}
        parts += [shapes[shape].format(name) + "\n" for name, shape in self.types.items()]
        with_members = self.members.keys()
        for line in lines:
            if line.names & out:
                continue
            text = line.text
            extra = [member for name in sorted(line.names & with_members) for member in self.members[name]]
            if extra and (at := text.rfind("}")) >= 0:
                text = text[:at] + "".join(f" long {member};" for member in extra) + text[at:]
            parts.append(text + "\n")
        bodies = {f"{name}__": ("struct", name) for name, shape in self.types.items() if shape != "number"}
        bodies.update({tag: (word, tag) for tag, word in self.tags.items()})
        for tag, (word, name) in bodies.items():
            members = "".join(f" long {member};" for member in self.members.get(name, ()))
            parts.append(f"{word} {tag} {{ long heaplint_member;{members} }};\n")
        parts += [f"{text}\n" for text in self.variables.values()]
        parts += [f"#define {name}\n" for name in self.decorations]
        parts.append(prelude.macros(self.plus_plus))
        return "".join(parts)
