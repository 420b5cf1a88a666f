"""What lowering asks of expressions: what they name, set, assert or spell."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.model.expressions import number

_ACCESSOR = re.compile(r"\w*(?:Check|CheckExact|_CHK|CHK|_SIZE|_READY|FLAGS?|Flags?|_TYPE|[iI]s[A-Z]\w*|IS_\w+|Has[A-Z]\w*|HAS_\w+)")
"""Calls that give the same for the same arguments, as far as a condition is concerned."""


def pointed(node: ir.Expr) -> ir.Expr | None:
    """The variable of `&variable`."""
    inner = ir.strip(node)
    return inner.operand if isinstance(inner, ir.Unary) and inner.operator == "&" else None


def asserted(expr: ir.Expr) -> str:
    """The variable that an assertion says is not NULL."""
    inner = ir.strip(expr)
    if isinstance(inner, ir.Binary) and inner.operator == "!=" and ir.is_null(inner.right):
        inner = ir.strip(inner.left)
    return inner.text if isinstance(inner, ir.Name) else ""


def whole(node: ir.Expr) -> int | None:
    """The value of a literal number, `-1.0` among them; None for anything else."""
    known = number(node)
    if known is not None:
        return known
    inner = ir.strip(node)
    if isinstance(inner, ir.Unary) and inner.operator == "-":
        value = whole(inner.operand)
        return None if value is None else -value
    if isinstance(inner, ir.Constant) and inner.kind == "number" and inner.text.rstrip("fFlL") in ("0.0", "1.0", "0.", "1."):
        return int(inner.text[0])
    return None


def effects(node: ir.Node) -> Iterator[ir.Node]:
    return (one for one in ir.walk(node) if isinstance(one, (ir.Call, ir.Assign)))


def set_in(body: ir.Stmt) -> set[str]:
    """The variables that a statement may set, by assignment or through their address."""
    result = set()
    for node in ir.walk(body):
        match node:
            case ir.Assign():
                target = ir.strip(node.target)
            case ir.Unary() if node.operator == "&":
                target = ir.strip(node.operand)
            case _:
                continue
        if isinstance(target, ir.Name):
            result.add(target.text)
    return result


def cases(body: ir.Stmt) -> tuple[ir.Stmt, ...]:
    return body.body if isinstance(body, ir.Block) else (body,)


def scalar_locals(function: ir.Function, local: dict[str, ir.Variable]) -> dict[str, ir.Variable]:
    """Every declared variable by name; `local` gets the automatic ones whose address is only taken for a call."""
    declared = dict(local)
    exposed: set[str] = set()
    in_calls: set[int] = set()
    addresses: list[ir.Unary] = []
    for node in ir.walk(function.body):
        if isinstance(node, (ir.Name, ir.Constant)):
            continue
        if isinstance(node, ir.Call):
            in_calls.update([id(ir.strip(one)) for one in node.args])
        elif isinstance(node, ir.Member):
            if node.arrow:
                in_calls.add(id(ir.strip(node.object)))
        elif isinstance(node, ir.Unary):
            if node.operator == "*":
                in_calls.add(id(ir.strip(node.operand)))
            elif node.operator == "&":
                addresses.append(node)
        elif isinstance(node, ir.Variable) and node.name:
            declared.setdefault(node.name, node)
            if (not node.type.storage & {"static", "extern", "typedef"} and not node.type.function) or (node.type.function and node.type.pointers):
                local.setdefault(node.name, node)
    for node in addresses:
        operand = ir.strip(node.operand)
        if isinstance(operand, ir.Name) and id(node) not in in_calls:
            exposed.add(operand.text)
    exposed.update(name for name, variable in declared.items() if variable.type.storage & {"reference", "class"})
    for name in exposed:
        local.pop(name, None)
    return declared


def spelling(node: ir.Expr) -> str:
    """A text that is the same for conditions that are spelled the same; "" for ones with calls that may differ."""
    inner = ir.strip(node)
    match inner:
        case ir.Name():
            return inner.text
        case ir.Constant():
            return inner.text
        case ir.Member():
            base = spelling(inner.object)
            return f"{base}{'->' if inner.arrow else '.'}{inner.field}" if base else ""
        case ir.Index():
            base, index = spelling(inner.object), spelling(inner.index)
            return f"{base}[{index}]" if base and index else ""
        case ir.Unary() if inner.operator in ("!", "*", "&", "-", "~"):
            operand = spelling(inner.operand)
            return f"{inner.operator}{operand}" if operand else ""
        case ir.Binary():
            left, right = spelling(inner.left), spelling(inner.right)
            return f"({left} {inner.operator} {right})" if left and right else ""
        case ir.Call():
            name = ir.called(inner)
            if _ACCESSOR.fullmatch(name):
                args = [spelling(one) for one in inner.args]
                return f"{name}({', '.join(args)})" if all(args) else ""
    return ""


def roots(node: ir.Node) -> Iterator[str]:
    return (one.text for one in ir.walk(node) if isinstance(one, ir.Name))
