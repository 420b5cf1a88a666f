"""HL311: callbacks with objects that are registered outside the module and never taken back."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.aspects import Value, answer
from heaplint.model.expressions import assigned, function_name, place
from heaplint.model.module_lookup import reached
from heaplint.model.static_objects import static_object
from heaplint.model.unit import Unit

_TRACE = {
    "PyEval_SetTrace": "PyEval_SetTrace(NULL, NULL)",
    "PyEval_SetProfile": "PyEval_SetProfile(NULL, NULL)",
    "PyEval_SetTraceAllThreads": "PyEval_SetTraceAllThreads(NULL, NULL)",
    "PyEval_SetProfileAllThreads": "PyEval_SetProfileAllThreads(NULL, NULL)",
}
_RELEASES = frozenset({"Py_CLEAR", "Py_DECREF", "Py_XDECREF", "Py_SETREF", "Py_XSETREF"})
_CALLS = re.compile(r"PyObject_(?:Call\w*|Vectorcall\w*)\Z")


@check("HL311")
def process_wide_callback(unit: Unit) -> Iterator[Report]:
    """Registrations without an end."""
    for function in unit.functions_mentioning(
        [*_TRACE, "PyCodec_Register", "PyOS_InputHook", "Py_AtExit", "register_at_fork"]
    ):
        fork = _mentions_string(function, "register_at_fork")
        for node in ir.walk(function.body):
            if isinstance(node, ir.Call):
                yield from _of_call(unit, function, node)
            elif isinstance(node, ir.Assign):
                yield from _of_hook(unit, function, node)
        if fork is not None:
            yield _report(
                function,
                _registering_call(function, fork),
                "os.register_at_fork keeps the handler, and what it refers to, until the interpreter ends; "
                "register an object that refers to the module weakly",
            )


def _report(function: ir.Function, node: ir.Node, message: str) -> Report:
    return Report("HL311", place(function.path, node), message, function=function.name)


def _of_call(unit: Unit, function: ir.Function, call: ir.Call) -> Iterator[Report]:
    name = ir.called(call)
    if name in _TRACE:
        holds = len(call.args) == 2 and _is_function(function, call.args[0]) and not ir.is_null(call.args[1])
        if holds and not unit.answers("ended", " ".join(sorted(_TRACE))):
            yield _report(
                function,
                call,
                f"{name} keeps its object for the thread and nothing ends it; call {_TRACE[name]} when it is over",
            )
    elif name == "PyCodec_Register":
        if not unit.mentioned_anywhere("PyCodec_Unregister"):
            yield _report(
                function,
                call,
                "PyCodec_Register keeps the search function until the interpreter ends; call PyCodec_Unregister",
            )
    elif name == "Py_AtExit" and call.args:
        used = _objects_used(unit, function_name(call.args[0]))
        if used:
            yield _report(
                function,
                call,
                f"Py_AtExit runs {function_name(call.args[0])} when the interpreter is gone, "
                f"and it uses {used}; use the atexit module",
            )


def _is_function(function: ir.Function, expr: ir.Expr) -> bool:
    """A function by name, and not a variable of this one that may hold NULL."""
    name = function_name(expr)
    variables = (*function.parameters, *ir.walk(function.body))
    return bool(name) and not any(isinstance(node, ir.Variable) and node.name == name for node in variables)


def _of_hook(unit: Unit, function: ir.Function, node: ir.Assign) -> Iterator[Report]:
    if not (isinstance(node.target, ir.Name) and node.target.text == "PyOS_InputHook" and node.operator == "="):
        return
    hook = function_name(node.value)
    if unit.function(hook) is None:
        return
    used = _objects_used(unit, hook)
    if used and not _hook_put_back(unit):
        yield _report(
            function,
            node,
            f"PyOS_InputHook is one for the process: {hook} uses {used} for every interpreter, "
            "and nothing takes it back",
        )


_GIVEN_NULL = re.compile(rb"\s*\(\s*(?:NULL|0|nullptr)\b")


@answer("ended")
def _ended(unit: Unit, names: str) -> Iterator[Value]:
    """Whether the unit somewhere calls one of some functions, whose names have blanks between them, with NULL."""
    if any(
        _GIVEN_NULL.match(text.code, at + len(name))
        for text in unit.own for name in names.split(" ") if text.may_mention(name) for at in text.mentions(name)
    ):
        yield True


def _hook_put_back(unit: Unit) -> bool:
    """Whether something other than a function of the program is assigned to the hook."""
    for one in unit.mentioning(["PyOS_InputHook"]):
        for text in one.own:
            if not text.may_mention("PyOS_InputHook"):
                continue
            for found in re.finditer(rb"\bPyOS_InputHook\s*=(?!=)\s*(?:\([^()]*\)\s*)?&?\s*(\w+)", text.code):
                if one.function(found.group(1).decode()) is None:
                    return True
    return False


def _objects_used(unit: Unit, name: str) -> str:
    """What objects a callback deals with, in words; "" when it deals with none, or that is not known."""
    for function in reached(unit, [name] if name else []):
        for node in ir.walk(function.body):
            if isinstance(node, ir.Name) and static_object(unit, function, node.text) is not None:
                return f"the object in {node.text}"
            if isinstance(node, ir.Call) and ir.called(node) in _RELEASES:
                return f"objects ({ir.called(node)})"
    return ""


def _mentions_string(function: ir.Function, wanted: str) -> ir.Call | None:
    for call in ir.calls(function.body):
        if any(ir.string_value(argument) == wanted for argument in call.args):
            return call
    return None


def _registering_call(function: ir.Function, named: ir.Call) -> ir.Node:
    """The call that registers: the one that names the function, or the one that calls what was looked up."""
    if "Call" in ir.called(named):
        return named
    holder = ""
    for name, value in assigned(function):
        if ir.strip(value) is named:
            holder = name
    for call in ir.calls(function.body):
        if (
            _CALLS.match(ir.called(call))
            and call.args
            and isinstance(first := ir.strip(call.args[0]), ir.Name)
            and first.text == holder
        ):
            return call
    return named
