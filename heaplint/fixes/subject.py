"""How a slot function speaks of its instance: the names a fix has to use."""

from __future__ import annotations

from heaplint import ir
from heaplint.flow.lifecycle import Life
from heaplint.model.expressions import values_of
from heaplint.model.members import OwnedMember


def self_name(function: ir.Function) -> str:
    """The name of the parameter that is the instance."""
    return function.parameters[0].name if function.parameters else ""


def typed_name(life: Life, function: ir.Function) -> str:
    """The name under which a function reaches the members of the instance; "" when there is none.

    The parameter when it has the instance's type, else a local that holds it cast.
    """
    if life.made.struct is None or not function.parameters:
        return ""
    first = function.parameters[0]
    if _is_instance(life, first.type):
        return first.name
    for node in ir.walk(function.body):
        if isinstance(node, ir.Variable) and node.init is not None and _is_instance(life, node.type):
            inner = ir.strip(node.init)
            if isinstance(inner, ir.Call) and len(inner.args) == 1:
                inner = ir.strip(inner.args[0])
            if isinstance(inner, ir.Name) and inner.text == first.name:
                return node.name
    return ""


def _is_instance(life: Life, kind: ir.CType) -> bool:
    struct = life.unit.struct(kind.name) if kind.pointers == 1 else None
    return struct is not None and life.made.struct is not None and struct.start == life.made.struct.start


def reaches(life: Life, member: OwnedMember) -> bool:
    """Whether `self->member` is the one object: no array, and no part of one, or of what a pointer leads to."""
    if member.many or life.made.struct is None:
        return False
    struct: ir.Struct | None = life.made.struct
    for name in member.path.split(".")[:-1]:
        field = next((one for one in struct.fields if one.name == name), None) if struct is not None else None
        if field is None or field.type.pointers or field.type.arrays:
            return False
        struct = field.fields or life.unit.struct(field.type.name)
    return True


def each_member(life: Life, function: ir.Function, call: str, names: list[str]) -> list[str] | None:
    """A line with a call (`Py_VISIT`, `Py_CLEAR`) for each of some members; None where one line would not do."""
    members = {member.path: member for member in life.members}
    subject = typed_name(life, function)
    if not subject or any(name not in members or not reaches(life, members[name]) for name in names):
        return None
    return [f"{call}({subject}->{name});" for name in names]


def can_visit(function: ir.Function) -> bool:
    """Whether Py_VISIT works in a function: it uses `visit` and `arg` by these names."""
    return len(function.parameters) == 3 and [one.name for one in function.parameters[1:]] == ["visit", "arg"]


def type_name(function: ir.Function) -> str:
    """A local that holds the instance's type, taken from `Py_TYPE(self)`; "" when there is none."""
    subject = self_name(function)
    for node in ir.walk(function.body):
        if isinstance(node, ir.Variable) and any(_is_type_of(value, subject) for value in values_of(function, node.name)):
            return node.name
    return ""


def _is_type_of(value: ir.Expr, subject: str) -> bool:
    inner = ir.strip(value)
    if ir.called(inner) != "Py_TYPE" or not isinstance(inner, ir.Call) or len(inner.args) != 1:
        return False
    held = ir.strip(inner.args[0])
    return isinstance(held, ir.Name) and held.text == subject


def as_object(function: ir.Function) -> str:
    """The instance as a `PyObject *`."""
    first = function.parameters[0]
    return first.name if first.type.name == "PyObject" and first.type.pointers == 1 else f"(PyObject *){first.name}"
