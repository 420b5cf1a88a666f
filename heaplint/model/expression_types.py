"""The C type of an expression, as far as declarations that heaplint reads, casts, literals and the C API's own types say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.api import api
from heaplint.capi.returns import FIELDS, RETURNS
from heaplint.capi.scalars import Scalar, canonical, common, promoted, scalar
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_API_STRUCT: Final = re.compile(r"_?Py(?:[A-Z]\w*)?Object\Z|Py_buffer\Z|Py_complex\Z|PyThreadState\Z|PyModuleDef\Z|PyMethodDef\Z")
_API_TYPE: Final = re.compile(r"_?Py[A-Z]\w*_Type\Z")
_API_OBJECT: Final = re.compile(r"PyExc_[A-Z]\w*\Z")
_OBJECTS: Final = frozenset({"Py_None", "Py_True", "Py_False", "Py_NotImplemented", "Py_Ellipsis"})
_OF_C: Final = frozenset(
    {"void", "float", "double", "_Bool"}
    | {sign + size for sign in ("", "unsigned ") for size in ("char", "short", "int", "long", "long long")}
)
"""What no project defines otherwise."""
_COMPARISONS: Final = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})
_FLOATING: Final = re.compile(r"(?!0[xX])[\d.']+(?:[eE][-+]?\d+)?([fF]?)\Z")
_MAX_DIGITS = 100
_INTEGER: Final = re.compile(r"(0[xX][\da-fA-F']+|0[bB][01']+|0[0-7']*|[1-9][\d']*)([uU]?[lL]{0,2}[uU]?)\Z")
_DECLARED: Final = re.compile(rb"\s*[;,=\[]")
"""What stands behind the name that a declaration declares."""
_MAX_TYPEDEFS: Final = 20


@dataclass(frozen=True, slots=True)
class Kind:
    """A type: `base` is a scalar (see heaplint.capi.scalars), void, or a struct by its tag or typedef name."""

    base: str
    pointers: int
    array: bool = False
    """An array, of which `pointers` counts one: its value is a pointer, its address is not one to a pointer."""

    @property
    def scalar(self) -> Scalar | None:
        """The number that it is; None for pointers and structs."""
        return scalar(self.base) if not self.pointers else None

    def __str__(self) -> str:
        return f"{self.base} {'*' * self.pointers}".rstrip()


class Declarations:
    """What the names of one unit are declared as; finds out once what it is asked for."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._named: dict[str, Kind | None] = {}
        self._globals: dict[str, Kind | None] = {}

    def kind(self, declared: ir.CType, depth: int = 0) -> Kind | None:
        """The type that a declaration spells; None for functions, arrays of arrays and names that are not known."""
        if declared.function or len(declared.arrays) > 1 or "class" in declared.storage:
            return None  # an object of a class may be converted, and so may its address
        named = self.named(declared.base, depth)
        if named is None or (named.array and (declared.arrays or declared.pointers)):
            return None
        is_array = bool(declared.arrays)
        return Kind(named.base, named.pointers + declared.pointers + is_array, is_array or named.array)

    def named(self, base: str, depth: int = 0) -> Kind | None:
        """A type by its name alone, typedefs of the unit followed."""
        name = canonical(base)
        if name.startswith("enum "):
            return Kind("int", 0)
        if name.startswith(("struct ", "union ")):
            return Kind(name.partition(" ")[2], 0)
        if name not in self._named:
            self._named[name] = None
            self._named[name] = self._look_up(name, depth)
        return self._named[name]

    def _look_up(self, name: str, depth: int) -> Kind | None:
        standard = scalar(name) is not None and (name.startswith("Py_") or name.endswith("_t"))
        if name in _OF_C or standard or _API_STRUCT.match(name):
            return Kind(name, 0)
        if not name.isidentifier() or depth > _MAX_TYPEDEFS:
            return None
        if any(name in text.reading.unread_typedefs or name in text.reading.macros for text in self.unit.texts):
            return None  # another system has another type, or it is a macro that is not expanded
        for declared in self._file_level(name):
            if "typedef" in declared.type.storage:
                if declared.type.base.startswith(("struct <", "union <")) and not declared.type.function:
                    plain = not declared.type.pointers and not declared.type.arrays
                    return Kind(name, 0) if plain else None
                return self.kind(declared.type, depth + 1)
        if scalar(name) is not None:
            return Kind(name, 0)
        struct = self.unit.struct(name)  # C++
        return Kind(name, 0) if struct is not None and struct.name == name else None

    def variable(self, name: str) -> Kind | None:
        """A file-level variable of the unit, initialised or not."""
        if name not in self._globals:
            kinds = {self.kind(one.type) for one in self._file_level(name) if "typedef" not in one.type.storage}
            kind = kinds.pop() if len(kinds) == 1 else None
            if kind is None and not kinds and _API_TYPE.match(name) and not self.unit.ask("type", name):
                kind = Kind("PyTypeObject", 0)
            if kind is None and not kinds and (_API_OBJECT.match(name) or name in _OBJECTS):
                kind = Kind("PyObject", 1)
            self._globals[name] = kind
        return self._globals[name]

    def _file_level(self, name: str) -> Iterator[ir.Variable]:
        for text in self.unit.texts:
            last = -1
            for at in text.mentions(name):
                if at < last or not _DECLARED.match(text.code, at + len(name)):
                    continue
                if (item := text.item_at(at)) is not None and item.kind == "declaration":
                    last = item.end
                    yield from (one for one in text.parse(item).variables if one.name == name)

    def member(self, struct: str, field: str) -> Kind | None:
        """A member of a struct by the struct's name, those of nameless structs in it included."""
        known = self.unit.struct(struct)
        if known is not None:
            return self._field(known, field)
        text = FIELDS.get(struct, {}).get(field)
        return written(text) if text is not None else None

    def _field(self, struct: ir.Struct, field: str) -> Kind | None:
        for one in struct.fields:
            if one.name == field:
                return self.kind(one.type)
            if not one.name and one.fields is not None and (found := self._field(one.fields, field)) is not None:
                return found
        return None

    def returned(self, name: str) -> Kind | None:
        """What a function of the program or of the C API returns."""
        if self.unit.has_function(name):
            function = self.unit.signature(name)
            alone = all(len(text.functions.get(name, ())) < 2 for text in self.unit.texts)
            return self.kind(function.returns) if function is not None and alone else None
        if name in RETURNS:
            return written(RETURNS[name])
        known = api(name)
        return Kind("PyObject", 1) if known is not None and known.result in ("new", "borrowed") else None


def written(text: str) -> Kind:
    """A type that is written as in `char *`."""
    base = text.rstrip("* ")
    return Kind(base, text.count("*"))


class ExpressionTypes:
    """The types of the expressions in one function."""

    def __init__(self, declarations: Declarations, function: ir.Function) -> None:
        self.declarations = declarations
        self._locals: dict[str, set[ir.CType]] = {}
        for node in (*function.parameters, *ir.walk(function.body)):
            if type(node) is ir.Variable:
                self._locals.setdefault(node.name, set()).add(node.type)

    def of(self, expr: ir.Expr) -> Kind | None:
        """The type of an expression; None when it is not known."""
        match expr:
            case ir.Name():
                return self._name(expr.text)
            case ir.Constant():
                return _constant(expr)
            case ir.Cast():
                return self.declarations.kind(expr.type)
            case ir.InitList():
                return self.declarations.kind(expr.type) if expr.type is not None else None
            case ir.SizeOf():
                return Kind("size_t", 0)
            case ir.Member():
                owner = self.of(expr.object)
                if owner is None or owner.pointers != int(expr.arrow):
                    return None
                return self.declarations.member(owner.base, expr.field)
            case ir.Index():
                return _pointee(self.of(expr.object))
            case ir.Assign():
                return self.of(expr.target)
            case ir.Call():
                name = ir.called(expr)
                return self.declarations.returned(name) if name and name not in self._locals else None
            case ir.Conditional():
                return self._either(expr.then, expr.otherwise)
            case ir.Unary():
                return self._unary(expr)
            case ir.Binary():
                return self._binary(expr)
            case ir.Opaque():
                return None

    def _name(self, name: str) -> Kind | None:
        declared = self._locals.get(name)
        if declared is not None:
            kinds = {self.declarations.kind(one) for one in declared}
            return kinds.pop() if len(kinds) == 1 else None
        return self.declarations.variable(name)

    def _either(self, then: ir.Expr, otherwise: ir.Expr) -> Kind | None:
        if ir.is_null(then):
            return self.of(otherwise)
        first, second = self.of(then), self.of(otherwise)
        if ir.is_null(otherwise) or first == second:
            return first
        if first is None or second is None:
            return None
        if first.array or second.array:
            return Kind(first.base, first.pointers) if (first.base, first.pointers) == (second.base, second.pointers) else None
        return _arithmetic(first, second)

    def _unary(self, expr: ir.Unary) -> Kind | None:
        if expr.operator == "!":
            return Kind("int", 0)
        inner = self.of(expr.operand)
        if inner is None:
            return None
        if expr.operator == "&":
            if inner.array or not isinstance(expr.operand, (ir.Name, ir.Member, ir.Index, ir.Unary, ir.InitList)):
                return None
            return Kind(inner.base, inner.pointers + 1)
        if expr.operator == "*":
            return _pointee(inner)
        if expr.operator in ("-", "+", "~"):
            number = inner.scalar
            return Kind(promoted(number).name, 0) if number is not None else None
        return inner

    def _binary(self, expr: ir.Binary) -> Kind | None:
        if expr.operator in _COMPARISONS:
            return Kind("int", 0)
        right = self.of(expr.right)
        if expr.operator == ",":
            return right
        left = self.of(expr.left)
        if left is not None and left.pointers:
            if expr.operator == "+" or (right is not None and right.scalar is not None):
                return Kind(left.base, left.pointers)
            return Kind("ptrdiff_t", 0) if right is not None and right.pointers else None
        if left is None or right is None:
            return None
        if right.pointers:
            return Kind(right.base, right.pointers) if expr.operator == "+" else None
        if expr.operator in ("<<", ">>"):
            return Kind(promoted(left.scalar).name, 0) if left.scalar is not None else None
        return _arithmetic(left, right)


def _pointee(kind: Kind | None) -> Kind | None:
    return Kind(kind.base, kind.pointers - 1) if kind is not None and kind.pointers else None


def _arithmetic(first: Kind, second: Kind) -> Kind | None:
    one, other = first.scalar, second.scalar
    if one is None or other is None:
        return None
    both = common(one, other)
    return Kind(both.name, 0) if both is not None else None


def _constant(constant: ir.Constant) -> Kind | None:
    text = constant.text
    if constant.kind == "string":
        return Kind("char", 1) if text.startswith(('"', "u8")) else None
    if constant.kind == "char":
        return Kind("int", 0) if text.startswith("'") else None
    if (found := _INTEGER.match(text)) is not None:
        digits = found.group(1).replace("'", "")
        if len(digits) > _MAX_DIGITS:
            return None  # no C type holds it
        octal = digits[0] == "0" and digits.isdigit()
        longs = found.group(2).lower().count("l")
        if int(digits, 8 if octal else 0) > (0x7FFFFFFF if digits.isdigit() and not octal else 0xFFFFFFFF):
            return Kind("long long", 0) if longs == 2 else None
        return Kind(("int", "long", "long long")[longs], 0)
    if (decimal := _FLOATING.match(text)) is not None:
        return Kind("float" if decimal.group(1) else "double", 0)
    return None
