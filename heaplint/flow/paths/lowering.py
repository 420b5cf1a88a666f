"""A function's IR → basic blocks: short circuits, conditional expressions and assertions become branches."""

from __future__ import annotations

from heaplint import ir
from heaplint.flow.cfg import NO_RETURN
from heaplint.flow.paths.code import (
    CALL,
    DECLARE,
    DEREF,
    END,
    ESCAPE,
    EXPOSE,
    FORGET,
    LOAD,
    SET,
    SKIPPED,
    STORE,
    Block,
    Branch,
    Choice,
    Code,
    Leave,
    Operand,
    Ref,
    Symbol,
    Text,
)
from heaplint.flow.paths.expressions import (
    asserted,
    cases,
    effects,
    pointed,
    roots,
    scalar_locals,
    set_in,
    spelling,
    whole,
)
from heaplint.flow.paths.liveness import arrange
from heaplint.model.expressions import COMPARISONS, number

_CANONICAL = {">=": "<", ">": "<=", "!=": "=="}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_TRUTHS = frozenset({"&&", "||", *COMPARISONS})
_ASSERTIONS = frozenset({"assert", "Py_ASSERT", "_PyObject_ASSERT", "Py_BUILD_ASSERT"})
_NAMES_ONLY = frozenset({"_Py_ID", "_Py_STR", "_Py_IDENTIFIER", "_Py_static_string", "Py_STRINGIFY"})
"""Macros that make a name of their argument, whatever it stands for."""
_LIKELY = frozenset({"likely", "unlikely", "LIKELY", "UNLIKELY", "__builtin_expect", "NPY_LIKELY", "NPY_UNLIKELY"})
_SAME = frozenset({"Py_UNUSED", "_PyObject_CAST", "_Py_CAST"})
_SEEN_THROUGH = _LIKELY | _SAME
_MAX_KEY = 120


class _Lowering:
    def __init__(self, function: ir.Function) -> None:
        self.function = function
        self.blocks: list[Block] = [Block()]
        self.here: Block | None = self.blocks[0]
        self.labels: dict[str, int] = {}
        self.breaks: list[int] = []
        self.continues: list[int] = []
        self.temporaries = 0
        self.pending = False
        self.callees: set[str] = set()
        self.in_loop: set[int] = set()
        self.local = {one.name: one for one in function.parameters if one.name}
        self.scalars = scalar_locals(function, self.local)
        self.names: dict[str, str] = {}
        """Names that mean another variable in the block at hand than outside it → the key of that one."""
        self.visible = {one.name for one in function.parameters}

    # -- blocks ----------------------------------------------------------------------------------------------------

    def new(self) -> int:
        self.blocks.append(Block())
        if self.continues:
            self.in_loop.add(len(self.blocks) - 1)
        return len(self.blocks) - 1

    def start(self, index: int) -> None:
        """Go on in a block; control falls into it from where it was."""
        if self.here is not None and self.here.end is None:
            self.here.end = index
        self.here = self.blocks[index]

    def leap(self, index: int) -> None:
        """Go to a block; what follows is reached in another way or not at all."""
        if self.here is not None and self.here.end is None:
            self.here.end = index
        self.here = None

    def emit(self, *op: object) -> None:
        if self.here is not None:
            self.here.ops.append(op)

    def temporary(self) -> str:
        self.temporaries += 1
        self.pending = True
        return f"%{self.temporaries}"

    def close(self, node: ir.Node) -> None:
        """End a full expression."""
        if self.pending:
            self.emit(END, node)
            self.pending = False

    # -- statements ------------------------------------------------------------------------------------------------

    def statement(self, stmt: ir.Stmt | None) -> None:
        if self.here is None and not isinstance(stmt, (ir.Label, ir.Case, ir.Block, ir.Switch, ir.Loop, ir.If)):
            return
        match stmt:
            case None:
                return
            case ir.Block():
                names, visible = self.names, self.visible
                self.names, self.visible = dict(names), set(visible)
                for one in stmt.body:
                    self.statement(one)
                self.names, self.visible = names, visible
            case ir.ExprStmt():
                self.expression_statement(stmt)
            case ir.Declaration():
                for variable in stmt.variables:
                    self.declare(variable)
            case ir.If():
                self.conditional_statement(stmt)
            case ir.Return():
                self.leave(stmt)
            case ir.Loop():
                self.loop(stmt)
            case ir.Switch():
                self.switch(stmt)
            case ir.Case():
                for one in stmt.body:
                    self.statement(one)
            case ir.Label():
                self.start(self.label(stmt.name))
                self.statement(stmt.body)
            case ir.Jump():
                if stmt.kind == "goto":
                    self.leap(self.label(stmt.label))
                elif stmt.kind == "break" and self.breaks:
                    self.leap(self.breaks[-1])
                elif stmt.kind == "continue" and self.continues:
                    self.leap(self.continues[-1])
            case ir.Opaque():
                self.opaque(stmt)

    def expression_statement(self, stmt: ir.ExprStmt) -> None:
        self.discard(stmt.expr)
        self.close(stmt)

    def discard(self, expr: ir.Expr) -> None:
        """Evaluate for the effect; the result of `(void)f()` is dropped on purpose, as if it had been looked at."""
        inner = ir.strip(expr)
        if isinstance(expr, ir.Cast) and expr.type.base == "void" and isinstance(inner, ir.Call):
            self.emit(FORGET, self.call(inner, ""))
            return
        if isinstance(inner, ir.Binary) and inner.operator == ",":
            self.discard(inner.left)
            self.discard(inner.right)
        elif isinstance(inner, ir.Call) and ir.called(inner) in _ASSERTIONS and inner.args:
            passed, failed = self.new(), self.new()
            if (held := asserted(inner.args[0])) in (one.name for one in self.function.parameters):
                self.emit(DEREF, held, inner)  # the caller has to see to it
            self.condition(inner.args[-1] if ir.called(inner) == "_PyObject_ASSERT" else inner.args[0], passed, failed)
            self.here = self.blocks[passed]
        elif isinstance(inner, ir.Call) and ir.called(inner) in NO_RETURN:
            self.here = None
        elif isinstance(inner, (ir.Binary, ir.Conditional)) and any(True for _ in effects(inner)):
            done = self.new()
            if isinstance(inner, ir.Conditional):
                then, otherwise = self.new(), self.new()
                self.condition(inner.condition, then, otherwise)
                for index, branch in ((then, inner.then), (otherwise, inner.otherwise)):
                    self.here = self.blocks[index]
                    self.discard(branch)
                    self.leap(done)
            elif inner.operator in ("&&", "||"):
                self.condition(inner, done, done)
            else:
                self.value(inner)
            self.start(done)
        else:
            self.value(expr)

    def declare(self, variable: ir.Variable) -> None:
        name = variable.name
        if not name or (variable.type.function and variable.init is None and not variable.type.pointers):
            return
        if variable.type.storage & {"static", "extern", "typedef"}:
            return
        if name in self.visible and name in self.local and variable.start != self.local[name].start:
            name = self.shadow(variable)
        self.visible.add(variable.name)
        if variable.init is None:
            if name in self.local:
                self.emit(DECLARE, name, variable)
            return
        if isinstance(variable.init, ir.InitList):
            self.initialise(name, variable.init, variable)
        elif name in self.local:
            self.assign_local(name, variable.init, variable)
        else:
            self.emit(STORE, name, self.value(variable.init), variable)
        self.close(variable)

    def shadow(self, variable: ir.Variable) -> str:
        """A key for a variable that hides one of the same name."""
        key = f"{variable.name}'{variable.start}"
        self.local[key] = self.scalars[key] = variable
        self.names[variable.name] = key
        return key

    def initialise(self, name: str, init: ir.InitList, node: ir.Variable) -> None:
        """An array or struct: its elements become variables of their own."""
        if node.type.base == "Py_buffer" and name in self.local:
            self.emit(SET, f"{name}.obj", 0, node)
            self.emit(SET, f"{name}.buf", 0, node)
        for index, entry in enumerate(init.entries):
            value = self.value(entry.value)
            if name not in self.local or (entry.designators and entry.designators[0].startswith("[")):
                continue
            if node.type.arrays:
                self.emit(SET, f"{name}[{index}]", value, node)
            elif entry.designators:
                self.emit(SET, f"{name}.{'.'.join(entry.designators)}", value, node)
            elif type(value) is str:
                self.emit(ESCAPE, value)

    def conditional_statement(self, stmt: ir.If) -> None:
        if self.here is None:  # only labels within can be reached
            self.statement(stmt.then)
            self.statement(stmt.otherwise)
            return
        then, done = self.new(), self.new()
        otherwise = self.new() if stmt.otherwise is not None else done
        self.condition(stmt.condition, then, otherwise)
        self.here = self.blocks[then]
        self.statement(stmt.then)
        self.leap(done)
        if stmt.otherwise is not None:
            self.here = self.blocks[otherwise]
            self.statement(stmt.otherwise)
            self.leap(done)
        self.here = self.blocks[done]

    def leave(self, stmt: ir.Return) -> None:
        operand: Operand = None
        if stmt.value is not None:
            inner = ir.strip(stmt.value)
            if isinstance(inner, ir.Conditional) and self.here is not None:
                then, otherwise = self.new(), self.new()
                self.condition(inner.condition, then, otherwise)
                for index, value in ((then, inner.then), (otherwise, inner.otherwise)):
                    self.here = self.blocks[index]
                    self.leave(ir.Return(stmt.start, stmt.end, value))
                self.here = None
                return
            if isinstance(inner, ir.Binary) and inner.operator in _TRUTHS:
                then, otherwise = self.new(), self.new()
                self.condition(inner, then, otherwise)
                for index, truth in ((then, 1), (otherwise, 0)):
                    self.blocks[index].end = Leave(truth, True, stmt)
                self.here = None
                return
            operand = self.value(stmt.value)
            self.shifted(inner)
        if self.here is not None:
            self.here.end = Leave(operand, stmt.value is not None, stmt)
        self.pending = False
        self.here = None

    def loop(self, stmt: ir.Loop) -> None:
        self.statement(stmt.init)
        body, done = self.new(), self.new()
        check = self.new()
        step = self.new() if stmt.step is not None else check
        self.breaks.append(done)
        self.continues.append(step)
        self.in_loop.update((body, step))
        constant = number(stmt.condition) if stmt.condition is not None else 1
        counter = ""
        if stmt.kind == "do":
            self.start(body)
        else:
            if stmt.condition is not None and constant is None:
                counter = f"@{body}"
                self.emit(SET, counter, 0, stmt)
            self.start(check)
            self.check_loop(stmt, constant, body, done)
            self.here = self.blocks[body]
            if counter:
                self.emit(SET, counter, 1, stmt)
        self.statement(stmt.body)
        self.leap(step)
        if stmt.step is not None:
            self.here = self.blocks[step]
            self.discard(stmt.step)
            self.close(stmt.step)
            self.leap(check)
        if stmt.kind == "do":
            self.here = self.blocks[check]
            self.check_loop(stmt, constant, body, done)
        self.breaks.pop()
        self.continues.pop()
        self.here = self.blocks[done]
        if counter and (names := tuple(sorted(set_in(stmt.body) & set(self.local)))):
            self.emit(SKIPPED, counter, names)

    def check_loop(self, stmt: ir.Loop, constant: int | None, body: int, done: int) -> None:
        if constant is not None:
            self.leap(body if constant else done)
        elif stmt.condition is not None:
            self.condition(stmt.condition, body, done)

    def switch(self, stmt: ir.Switch) -> None:
        subject = self.value(stmt.subject)
        self.pending = False
        head, self.here = self.here, None
        done = self.new()
        self.breaks.append(done)
        values: list[tuple[int | str | None, int]] = []
        default = done
        for one in cases(stmt.body):
            if isinstance(one, ir.Case):
                index = self.new()
                self.start(index)
                if one.value is None:
                    default = index
                else:
                    named = one.value.text if isinstance(one.value, ir.Name) and one.value.text.isupper() else None
                    values.append((named or number(one.value), index))
            self.statement(one)
        self.leap(done)
        self.breaks.pop()
        if head is not None and head.end is None:
            head.end = Choice(subject, tuple(values), default, stmt.subject)
        self.here = self.blocks[done]

    def label(self, name: str) -> int:
        if name not in self.labels:
            self.labels[name] = self.new()
        return self.labels[name]

    def opaque(self, node: ir.Opaque) -> None:
        for one in ir.walk(node):
            if isinstance(one, ir.Name) and one.text in self.local:
                self.emit(EXPOSE, one.text, node)

    # -- conditions ------------------------------------------------------------------------------------------------

    def condition(self, expr: ir.Expr, then: int, otherwise: int) -> None:
        """Branch on an expression; nothing falls through."""
        inner = ir.strip(expr)
        while isinstance(inner, ir.Call) and ir.called(inner) in _LIKELY and inner.args:
            inner = ir.strip(inner.args[0])
        match inner:
            case ir.Unary(operator="!"):
                self.condition(inner.operand, otherwise, then)
                return
            case ir.Binary(operator="&&"):
                middle = self.new()
                self.condition(inner.left, middle, otherwise)
                self.here = self.blocks[middle]
                self.condition(inner.right, then, otherwise)
                return
            case ir.Binary(operator="||"):
                middle = self.new()
                self.condition(inner.left, then, middle)
                self.here = self.blocks[middle]
                self.condition(inner.right, then, otherwise)
                return
            case ir.Binary(operator=","):
                self.discard(inner.left)
                self.condition(inner.right, then, otherwise)
                return
            case ir.Constant(kind="number"):
                self.close(expr)
                self.leap(then if number(inner) != 0 else otherwise)
                return
        operator, left, right = "!=", inner, None
        if isinstance(inner, ir.Binary) and inner.operator in COMPARISONS:
            operator, left, right = inner.operator, inner.left, inner.right
            if whole(left) is not None or ir.is_null(left):
                operator, left, right = _MIRRORED[operator], right, left
        elif isinstance(inner, ir.Binary) and inner.operator in ("&", "|", "+", "-", "*", "/", "%", "^", "<<", ">>"):
            operator = ""
        flipped = operator in _CANONICAL and isinstance(inner, ir.Binary)
        if flipped:  # so that a test and its opposite are one condition
            operator, then, otherwise = _CANONICAL[operator], otherwise, then
            text = spelling(ir.Binary(inner.start, inner.end, operator, left, right)) if right is not None else ""
        elif not operator:  # arithmetic: not zero
            flipped, then, otherwise = True, otherwise, then
            text = spelling(ir.Binary(inner.start, inner.end, "==", inner, _ZERO))
        else:
            text = spelling(inner)
        named = frozenset(roots(inner))
        one: Operand = None
        other: Operand = 0
        if operator:
            one = self.value(left)
            other = self.value(right) if right is not None else 0
        else:
            self.value(inner)
        if (here := self.here) is not None:
            here.end = Branch(operator, one, other, text, named, inner, then, otherwise, flipped)
            self.pending = False
        self.here = None

    # -- expressions -----------------------------------------------------------------------------------------------

    def value(self, expr: ir.Expr) -> Operand:
        """Evaluate; gives what holds the value."""
        inner = ir.strip(expr)
        match inner:
            case ir.Name():
                return self.name(inner)
            case ir.Constant():
                if inner.kind == "string":
                    return Text(inner.text)
                return whole(inner) if inner.kind == "number" else None
            case ir.Call():
                return self.call(inner, "")
            case ir.Assign():
                return self.assign(inner)
            case ir.Member() | ir.Index():
                return self.load(inner)
            case ir.Unary():
                return self.unary(inner)
            case ir.Binary():
                return self.binary(inner)
            case ir.Conditional():
                return self.choose(inner)
            case ir.InitList():
                for entry in inner.entries:
                    if type(held := self.value(entry.value)) is str:
                        self.emit(ESCAPE, held)
                return None
            case ir.Opaque():
                self.opaque(inner)
                return None
        return None

    def name(self, node: ir.Name) -> Operand:
        text = self.names.get(node.text, node.text)
        if text in self.local:
            return Ref(text) if self.local[text].type.arrays else text
        if text == "false" or ir.is_null(node):
            return 0
        if text == "Py_CLEANUP_SUPPORTED":
            return 0x20000
        if text == "true":
            return 1
        variable = self.scalars.get(text)
        if variable is not None and variable.type.arrays:
            return Ref(text)
        if variable is not None and not variable.type.storage & {"static", "extern"}:
            return None  # its address is taken: what it holds is not followed
        if text.startswith("Py_RETURN_"):
            return text
        if text.isupper() and len(text) > 1:
            return Symbol(text)
        result = self.temporary()
        self.emit(LOAD, result, text, node)
        return result

    def call(self, node: ir.Call, into: str) -> Operand:
        """A call; its result goes to a variable, or to a temporary when there is none."""
        name = ir.called(node)
        if name in _SEEN_THROUGH and node.args:
            return self.value(node.args[0])
        if name in ("sizeof", "offsetof") or name in _NAMES_ONLY:
            return None
        base: Operand = None
        if not name:
            function = ir.strip(node.function)
            while isinstance(function, ir.Unary) and function.operator == "*":
                function = ir.strip(function.operand)
            if isinstance(function, ir.Member):
                base = self.value(function.object)
                if function.arrow:
                    self.emit(DEREF, base, node)
                name = "->" + function.field
            else:
                self.value(function)
        elif self.names.get(name, name) in self.local:
            name = "*" + self.names.get(name, name)
        args = tuple(self.argument(name, index, one) for index, one in enumerate(node.args))
        result = into or self.temporary()
        self.callees.add(name)
        self.emit(CALL, result, name, args, node, base)
        if name in NO_RETURN:
            self.here = None
        return result

    def argument(self, callee: str, index: int, expr: ir.Expr) -> Operand:
        inner = ir.strip(expr)
        if isinstance(inner, ir.Binary) and inner.operator == "&" and isinstance(inner.left, ir.Name) and inner.left.text.isupper():
            inner = ir.Unary(inner.start, inner.end, "&", inner.right)  # `(LPWSTR) &text`, a cast of an address
        if isinstance(inner, ir.Unary) and inner.operator == "&":
            target = ir.strip(inner.operand)
            key, _ = self.key(target)
            return Ref(key) if key else None
        if index == 0 and callee in ("Py_CLEAR", "Py_SETREF", "Py_XSETREF", "Py_CLEAR_REF"):
            key, _ = self.key(inner)
            return Ref(key) if key else None
        return self.value(expr)

    def assign(self, node: ir.Assign) -> Operand:
        target = ir.strip(node.target)
        if node.operator != "=":
            self.value(node.value)
            key, local = self.key(target)
            if key and local:
                self.emit(FORGET, key)
            return None
        if isinstance(target, ir.Name) and (key := self.names.get(target.text, target.text)) in self.local:
            self.assign_local(key, node.value, node)
            return key
        value = self.value(node.value)
        self.shifted(ir.strip(node.value))
        key, local = self.key(target)
        if not key:
            self.emit(STORE, "", value, node)
            return value
        self.emit(SET if local else STORE, key, value, node)
        return key if local else value

    def assign_local(self, name: str, value: ir.Expr, node: ir.Node) -> None:
        inner = ir.strip(value)
        if isinstance(inner, ir.Call) and ir.called(inner) not in _SEEN_THROUGH:
            self.call(inner, name)
            return
        operand = self.value(inner)
        self.shifted(inner)
        self.emit(SET, name, operand, node)

    def shifted(self, value: ir.Expr) -> None:
        """A pointer into the middle of a block is kept: the block may be known by that one."""
        if isinstance(value, ir.Binary) and value.operator in ("+", "-"):
            for side in (ir.strip(value.left), ir.strip(value.right)):
                if isinstance(side, ir.Name) and (key := self.names.get(side.text, side.text)) in self.local and self.local[key].type.pointers:
                    self.emit(ESCAPE, key)

    def unary(self, node: ir.Unary) -> Operand:
        operator = node.operator
        if operator in ("++", "--", "p++", "p--"):
            key, local = self.key(ir.strip(node.operand))
            if key and local:
                self.emit(FORGET, key)
            return None
        if operator == "&":
            key, _ = self.key(ir.strip(node.operand))
            return Ref(key) if key else None
        if operator == "*":
            return self.load(node)
        known = whole(node)
        if known is not None:
            return known
        if operator == "!" and isinstance(ir.strip(node.operand), ir.Name):
            return self.choose(ir.Conditional(node.start, node.end, node.operand, _ZERO, _ONE))
        value = self.value(node.operand)
        if operator == "!" and isinstance(value, int):
            return int(not value)
        return None

    def binary(self, node: ir.Binary) -> Operand:
        if node.operator == ",":
            self.discard(node.left)
            return self.value(node.right)
        if (
            node.operator in ("&&", "||") or (node.operator in COMPARISONS and any(True for _ in effects(node)))
            or (node.operator in ("==", "!=") and ir.is_null(node.right) and isinstance(ir.strip(node.left), ir.Name))
        ):
            return self.choose(ir.Conditional(node.start, node.end, node, _ONE, _ZERO))
        for one in (self.value(node.left), self.value(node.right)):
            if node.operator in ("|", "&", "^") and type(one) is str:
                self.emit(ESCAPE, one)
        return None

    def choose(self, node: ir.Conditional) -> Operand:
        """A conditional expression: both ways put their value into one temporary."""
        result = self.temporary()
        then, otherwise, done = self.new(), self.new(), self.new()
        self.condition(node.condition, then, otherwise)
        for index, branch in ((then, node.then), (otherwise, node.otherwise)):
            self.here = self.blocks[index]
            self.emit(SET, result, self.value(branch), node)
            self.leap(done)
        self.here = self.blocks[done]
        self.pending = True
        return result

    def load(self, node: ir.Member | ir.Index | ir.Unary) -> Operand:
        key, local = self.key(node)
        if local:
            return key
        result = self.temporary()
        self.emit(LOAD, result, key, node)
        return result

    # -- places ----------------------------------------------------------------------------------------------------

    def key(self, node: ir.Expr) -> tuple[str, bool]:
        """The key of an lvalue ("" for none), and whether it dies with the function; pointers on the way are followed."""
        inner = ir.strip(node)
        match inner:
            case ir.Name():
                text = self.names.get(inner.text, inner.text)
                return text, text in self.local
            case ir.Member(arrow=True) if (variable := pointed(inner.object)) is not None:
                base, local = self.key(variable)
                return (_short(f"{base}.{inner.field}") if base else ""), local and bool(base)
            case ir.Member():
                base, local = self.key(inner.object) if not inner.arrow else (self.pointer(inner.object, inner), False)
                if not base:
                    return "", False
                return _short(base + ("->" if inner.arrow else ".") + inner.field), local
            case ir.Index():
                array = ir.strip(inner.object)
                known = number(inner.index)
                if known is None and type(held := self.value(inner.index)) is str:
                    self.emit(ESCAPE, held)  # an object that is a key: `map[object]`
                if isinstance(array, ir.Name) and (declared := self.scalars.get(array.text)) and declared.type.arrays:
                    text = f"{array.text}[{'*' if known is None else known}]"
                    return text, known is not None and array.text in self.local
                base = self.pointer(array, inner)
                index = ir.strip(inner.index)
                place = str(known) if known is not None else index.text if isinstance(index, ir.Name) else "*"
                return (_short(f"{base}[{place}]") if base else ""), False
            case ir.Unary(operator="*"):
                operand = ir.strip(inner.operand)
                if isinstance(operand, ir.Unary) and operand.operator == "&":
                    return self.key(operand.operand)
                if isinstance(operand, ir.Unary) and operand.operator in ("p++", "++", "p--", "--"):
                    self.value(operand)
                    return "", False
                base = self.pointer(inner.operand, inner)
                return ("*" + base if base else ""), False
            case ir.Conditional() | ir.Assign() | ir.Call() | ir.Binary():
                value = self.value(inner)
                return (value, False) if isinstance(value, str) else ("", False)
        return "", False

    def pointer(self, node: ir.Expr, user: ir.Expr) -> str:
        """The key of a pointer that is followed."""
        inner = ir.strip(node)
        if isinstance(inner, ir.Unary) and inner.operator == "&":
            return "&" + self.key(ir.strip(inner.operand))[0]
        if isinstance(inner, (ir.Member, ir.Index, ir.Unary)):
            key, _ = self.key(inner)
            if key:
                self.emit(DEREF, key, user)
            return key
        value = self.value(inner)
        if isinstance(value, str):
            self.emit(DEREF, value, user)
            if value.startswith("%") and isinstance(inner, ir.Name):
                return inner.text  # a global variable
            return value
        return ""


_ONE = ir.Constant(0, 0, "number", "1")
_ZERO = ir.Constant(0, 0, "number", "0")


def _short(key: str) -> str:
    return key if len(key) <= _MAX_KEY else ""


def lower(function: ir.Function, others: frozenset[str] = frozenset()) -> Code:
    """The blocks of a function; `others` are variables that are cleaned up in another way, and not followed."""
    lowering = _Lowering(function)
    for name in others:
        lowering.local.pop(name, None)
    if any(isinstance(node, ir.Jump) and node.kind == "goto" for node in ir.walk(function.body)):
        for stmt in function.body.body:  # a jump may pass the initialisers by
            if isinstance(stmt, ir.Declaration):
                for variable in stmt.variables:
                    if variable.init is not None and variable.name in lowering.local and not variable.type.storage & {"static"}:
                        lowering.emit(DECLARE, variable.name, variable)
    lowering.statement(function.body)
    if lowering.here is not None and lowering.here.end is None:
        closing = ir.Return(max(function.body.start, function.body.end - 1), function.body.end, None)
        lowering.here.end = Leave(None, False, closing)
    return arrange(function, lowering.blocks, lowering.local, frozenset(lowering.callees), frozenset(lowering.in_loop))
