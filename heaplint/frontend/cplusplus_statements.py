"""The statements of C++ that C does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tree_sitter import Node

from heaplint import ir
from heaplint.frontend.treesitter import STATEMENTS, Declared, Lowering, ctype

if TYPE_CHECKING:
    from heaplint.frontend.cplusplus import CPlusPlusLowering

_NO_CODE = (
    "using_declaration", "alias_declaration", "static_assert_declaration", "namespace_alias_definition", "friend_declaration",
    "template_instantiation", "concept_definition", "comment",
)


def no_code(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    start, end = lower.place(node)
    return ir.Block(start, end, ())


def expression_statement(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    """`T* x(y);` is a variable; the grammar may take it for a product that nobody wants."""
    inner = node.named_children
    if len(inner) == 1 and inner[0].type == "binary_expression":
        left, right = inner[0].child_by_field_name("left"), inner[0].child_by_field_name("right")
        operator = inner[0].child_by_field_name("operator")
        function = right.child_by_field_name("function") if right is not None and right.type == "call_expression" else None
        if (
            left is not None and left.type in ("identifier", "qualified_identifier") and right is not None
            and operator is not None and operator.type == "*" and function is not None and function.type == "identifier"
        ):
            start, end = lower.place(node)
            kind = ctype(lower.scopes.canonical("".join(lower.text(left).split())), 1)
            name = lower.word(function)
            given = lower.arguments(right.child_by_field_name("arguments"))
            lower.local[name] = kind
            first, last = lower.place(function)
            return ir.Declaration(start, end, (ir.Variable(first, last, name, kind, lower.made(kind, given, first, last)),))
    return Lowering.expression_statement(lower, node)


def attributed(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    inner = [child for child in node.named_children if child.type != "attribute_declaration"]
    return lower.statement(inner[-1]) if inner else no_code(lower, node)


def condition_of(lower: CPlusPlusLowering, node: Node) -> tuple[list[ir.Stmt], ir.Expr | None]:
    """What a condition declares, and what it asks."""
    clause = node.child_by_field_name("condition")
    if clause is None:
        return [], None
    before: list[ir.Stmt] = []
    first = clause.child_by_field_name("initializer")
    if first is not None:
        inner = first.named_children[0] if first.type == "init_statement" and first.named_children else first
        before.append(lower.statement(inner))
    value = clause.child_by_field_name("value")
    if value is None:
        return before, lower.expr(clause)
    if value.type != "declaration":
        return before, lower.expr(value)
    start, end = lower.place(value)
    base = lower.type_of(value.child_by_field_name("type"))
    declarator = value.child_by_field_name("declarator")
    declared = lower.declarator(declarator) if declarator is not None else Declared()
    declared.init = value.child_by_field_name("value")
    variable = lower.variable(declared, base, lower.storage(value), None)
    lower.local[variable.name] = variable.type
    before.append(ir.Declaration(start, end, (variable,)))
    return before, ir.Name(start, end, variable.name)


def if_statement(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    start, end = lower.place(node)
    before, condition = condition_of(lower, node)
    then = node.child_by_field_name("consequence")
    otherwise = node.child_by_field_name("alternative")
    if otherwise is not None and otherwise.type == "else_clause":
        otherwise = next(iter(otherwise.named_children), None)
    made = ir.If(
        start, end, condition if condition is not None else ir.Opaque(start, end, ""),
        lower.statement(then) if then is not None else ir.Block(start, end, ()),
        lower.statement(otherwise) if otherwise is not None else None,
    )
    return ir.Block(start, end, (*before, made)) if before else made


def while_statement(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    start, end = lower.place(node)
    before, condition = condition_of(lower, node)
    body_node = node.child_by_field_name("body")
    body = lower.statement(body_node) if body_node is not None else ir.Block(start, end, ())
    if not before:
        return ir.Loop(start, end, "while", None, condition, None, body)
    asked = condition if condition is not None else ir.Opaque(start, end, "")
    out = ir.If(start, start, ir.Unary(start, start, "!", asked), ir.Jump(start, start, "break"), None)
    return ir.Loop(start, end, "while", None, None, None, ir.Block(start, end, (*before, out, body)))


def switch_statement(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    start, end = lower.place(node)
    before, subject = condition_of(lower, node)
    body = node.child_by_field_name("body")
    made = ir.Switch(
        start, end, subject if subject is not None else ir.Opaque(start, end, ""),
        lower.statement(body) if body is not None else ir.Block(start, end, ()),
    )
    return ir.Block(start, end, (*before, made)) if before else made


def range_loop(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    """`for (T x : range)`: how often it runs, and what it gives, is not known."""
    start, end = lower.place(node)
    declarator = node.child_by_field_name("declarator")
    declared = lower.declarator(declarator) if declarator is not None else Declared()
    source = node.child_by_field_name("right")
    given = (lower.expr(source),) if source is not None else ()
    base = lower.type_of(node.child_by_field_name("type"))
    kind = lower.kind_of(declared, base, lower.storage(node), False)
    element = ir.Call(start, end, ir.Name(start, end, "begin{}"), given)
    variable = ir.Variable(declared.start, declared.end, declared.name, kind, element)
    lower.local[declared.name] = kind
    body_node = node.child_by_field_name("body")
    body = lower.statement(body_node) if body_node is not None else ir.Block(start, end, ())
    inner = ir.Block(start, end, (ir.Declaration(start, end, (variable,)), body))
    return ir.Loop(start, end, "for", None, ir.Opaque(start, end, ""), None, inner)


def try_block(lower: CPlusPlusLowering, node: Node) -> ir.Block:
    """The block, and the handlers behind it where control does not come to."""
    start, end = lower.place(node)
    body = node.child_by_field_name("body")
    result: list[ir.Stmt] = [lower.statement(body)] if body is not None else []
    for clause in node.named_children:
        handler = clause.child_by_field_name("body") if clause.type == "catch_clause" else None
        if handler is not None:
            first, last = lower.place(clause)
            never = ir.Constant(first, first, "number", "0")
            result.append(ir.If(first, last, never, lower.statement(handler), None))
    return ir.Block(start, end, tuple(result))


def throw(lower: CPlusPlusLowering, node: Node) -> ir.Stmt:
    start, end = lower.place(node)
    given = tuple(lower.expr(one) for one in node.named_children)
    return ir.ExprStmt(start, end, ir.Call(start, end, ir.Name(start, start + 5, "throw"), given))


CPLUSPLUS_STATEMENTS: Mapping[str, Callable[[Any, Node], ir.Stmt]] = {
    **STATEMENTS,
    **dict.fromkeys(_NO_CODE, no_code),
    "expression_statement": expression_statement,
    "attributed_statement": attributed,
    "if_statement": if_statement,
    "while_statement": while_statement,
    "switch_statement": switch_statement,
    "for_range_loop": range_loop,
    "try_statement": try_block,
    "throw_statement": throw,
}
"""What lowers a statement, by the kind of its node."""
