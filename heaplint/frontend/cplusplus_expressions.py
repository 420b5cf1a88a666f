"""The expressions of C++ that C does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tree_sitter import Node

from heaplint import ir
from heaplint.frontend.cplusplus_items import LAMBDA, MemberKind
from heaplint.frontend.treesitter import EXPRESSIONS, Lowering, ctype

if TYPE_CHECKING:
    from heaplint.frontend.cplusplus import CPlusPlusLowering


def identifier(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    return lower.name(lower.word(node), start, end)


def qualified(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    return lower.name("".join(lower.text(node).split()), start, end)


def template_function(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    name = node.child_by_field_name("name")
    return lower.expr(name) if name is not None else lower.opaque(node)


def call(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    function = node.child_by_field_name("function")
    if function is None:
        return Lowering.call(lower, node)
    start, end = lower.place(node)
    given = node.child_by_field_name("arguments")
    kind = function.type
    if kind == "field_expression":
        return method_call(lower, node, function, given)
    if kind == "primitive_type":
        inner = lower.arguments(given)
        return ir.Cast(start, end, ctype(lower.text(function)), inner[0]) if len(inner) == 1 else lower.opaque(node)
    if kind == "template_function" and lower.text(function).partition("<")[0].strip().endswith("_cast"):
        inner = lower.arguments(given)
        target = function.child_by_field_name("arguments")
        if len(inner) == 1 and target is not None and len(target.named_children) == 1:
            return ir.Cast(start, end, lower.type_of(target.named_children[0]), inner[0])
    if kind not in ("identifier", "qualified_identifier", "template_function"):
        return Lowering.call(lower, node)
    callee = lower.expr(function)
    arguments = lower.arguments(given)
    if isinstance(callee, ir.Name):
        arguments = by_address(lower, callee.text, arguments)
        if callee.text in lower.scopes.classes:
            callee = ir.Name(callee.start, callee.end, f"{callee.text}{{}}")
        elif "this" in lower.local and member_kind(lower, callee.text) == "method":
            arguments = (ir.Name(callee.start, callee.end, "this"), *arguments)
    return ir.Call(start, end, callee, arguments)


def by_address(lower: CPlusPlusLowering, callee: str, arguments: tuple[ir.Expr, ...]) -> tuple[ir.Expr, ...]:
    """The arguments of a call, of those that the callee takes by reference the addresses."""
    positions = lower.scopes.references.get(callee)
    if not positions:
        return arguments
    result = list(arguments)
    for at in positions:
        if at < len(result) and isinstance(one := ir.strip(result[at]), (ir.Name, ir.Member, ir.Index, ir.Unary)):
            if isinstance(one, ir.Unary):
                result[at] = one.operand if one.operator == "*" else one
            else:
                result[at] = ir.Unary(one.start, one.end, "&", one)
    return tuple(result)


def member_kind(lower: CPlusPlusLowering, name: str) -> MemberKind | None:
    owner, _, own = name.rpartition("::")
    return lower.scopes.classes.get(owner, {}).get(own)


def method_call(lower: CPlusPlusLowering, node: Node, function: Node, given: Node | None) -> ir.Expr:
    """`x->f(y)`: where the class of x is known it is the call of `X::f(x, y)`."""
    start, end = lower.place(node)
    field = function.child_by_field_name("field")
    target = member(lower, function)
    arguments = lower.arguments(given)
    if field is None or not isinstance(target, ir.Member):
        return ir.Call(start, end, target, arguments)
    if field.type == "destructor_name":
        return ir.Call(start, end, ir.Name(target.start, target.end, target.field), (target.object, *arguments))
    holder = target.object
    if target.arrow and isinstance(holder, ir.Name) and (known := lower.local.get(holder.text)) is not None:
        method = f"{known.name}::{target.field}"
        if known.pointers == 1 and member_kind(lower, method) == "method":
            arguments = by_address(lower, method, arguments)
            return ir.Call(start, end, ir.Name(target.start, target.end, method), (holder, *arguments))
    return ir.Call(start, end, target, arguments)


def member(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    field = node.child_by_field_name("field")
    arrow = any(child.type == "->" for child in node.children)
    name = "".join(lower.text(field).split()).removeprefix("template").partition("<")[0] if field is not None else ""
    holder = lower.field(node, "argument")
    if not arrow and isinstance(holder, ir.Unary) and holder.operator == "*":
        return ir.Member(start, end, holder.operand, name, True)
    return ir.Member(start, end, holder, name, arrow)


def subscript(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    indices = node.child_by_field_name("indices")
    inner = indices.named_children if indices is not None else []
    index: ir.Expr = lower.expr(inner[0]) if len(inner) == 1 else ir.Opaque(start, end, "")
    return ir.Index(start, end, lower.field(node, "argument"), index)


def new(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    """`new T(…)`: never NULL, and what it is given is its own."""
    start, end = lower.place(node)
    placed = lower.arguments(node.child_by_field_name("placement"))
    given = node.child_by_field_name("arguments")
    kind = lower.type_of(node.child_by_field_name("type"))
    made = ir.Call(start, end, ir.Name(start, start + 3, "new"), (*placed, *lower.arguments(given)))
    return ir.Cast(start, end, ctype(kind.base, kind.pointers + 1), made)


def delete(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    given = tuple(lower.expr(one) for one in node.named_children)
    return ir.Call(start, end, ir.Name(start, start + 6, "delete"), given)


def raw_string(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    return ir.Constant(start, end, "string", quoted(lower, node))


def quoted(lower: CPlusPlusLowering, node: Node) -> str:
    """A raw string as an ordinary one."""
    content = next((child for child in node.named_children if child.type == "raw_string_content"), None)
    text = lower.text(content) if content is not None else ""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def concatenated(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    start, end = lower.place(node)
    parts = [child for child in node.named_children if child.type != "comment"]
    if not all(part.type in ("string_literal", "raw_string_literal") for part in parts):
        return Lowering.concatenated(lower, node)
    texts = [quoted(lower, part) if part.type[0] == "r" else lower.text(part) for part in parts]
    return ir.Constant(start, end, "string", " ".join(texts))


def literal(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    """`1.5_km`: the literal without its suffix."""
    return lower.expr(node.named_children[0]) if node.named_children else lower.opaque(node)


def only_child(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    return lower.expr(node.named_children[0]) if node.named_children else lower.opaque(node)


def lambda_expression(lower: CPlusPlusLowering, node: Node) -> ir.Expr:
    """A function of its own; one that captures variables is a value that has them."""
    start, end = lower.place(node)
    body = node.child_by_field_name("body")
    if body is None:
        return lower.opaque(node)
    declarator = node.child_by_field_name("declarator")
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    returns = (lower.trailing_type(declarator) if declarator is not None else None) or ctype("auto")
    outside, lower.local = lower.local, dict(lower.local)
    by_reference, lower.by_reference = lower.by_reference, lower.by_reference | lower.references(parameters)
    variables, variadic = lower.parameters(parameters)
    lower.local.update((one.name, one.type) for one in variables)
    before, lower.problem = lower.problem, ""
    block = lower.block(body)
    broken = bool(lower.problem)
    lower.problem, lower.local, lower.by_reference = before or lower.problem, outside, by_reference
    name = f"{LAMBDA}{start}"
    lower.lambdas.append(ir.Function(start, end, lower.path, name, returns, variables, variadic, block, not broken))
    captures = node.child_by_field_name("captures")
    if captures is None or not captures.named_children:
        return ir.Name(start, end, name)
    used = (one for one in ir.walk(block) if isinstance(one, ir.Name) and one.text in outside)
    return ir.Opaque(start, end, lower.text(node)[:200], tuple(used))


CPLUSPLUS_EXPRESSIONS: Mapping[str, Callable[[Any, Node], ir.Expr]] = {
    **EXPRESSIONS,
    "identifier": identifier,
    "this": Lowering.identifier,
    "qualified_identifier": qualified,
    "template_function": template_function,
    "call_expression": call,
    "field_expression": member,
    "subscript_expression": subscript,
    "new_expression": new,
    "delete_expression": delete,
    "raw_string_literal": raw_string,
    "concatenated_string": concatenated,
    "user_defined_literal": literal,
    "parameter_pack_expansion": only_child,
    "co_await_expression": only_child,
    "lambda_expression": lambda_expression,
}
"""What lowers an expression, by the kind of its node."""
