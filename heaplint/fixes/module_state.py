"""The fix of HL304: a member of the module state that a function leaves out."""

from __future__ import annotations

from heaplint import ir
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.registry import Fixing, fixer
from heaplint.fixes.subject import can_visit
from heaplint.model.expressions import values_of

_GET_STATE = frozenset({"PyModule_GetState", "_PyModule_GetState"})


@fixer("HL304")
def member_dealt_with(fixing: Fixing) -> list[Edit] | None:
    """Visit or clear the member before the return that ends the function, or behind its last statement."""
    report, data = fixing.report, fixing.data
    function = fixing.function()
    module = next((one for one in fixing.unit.modules if one.symbol == report.symbol), None)
    if function is None or module is None or module.state is None or not report.remedy or not report.item:
        return None
    if "." in report.item:
        return None
    field = next((one for one in module.state.fields if one.name == report.item), None)
    state = _state_name(fixing, function)
    if field is None or field.type.arrays or field.type.pointers != 1 or not state:
        return None
    if report.remedy == "Py_VISIT" and not can_visit(function):
        return None
    line = f"{report.remedy}({state}->{report.item});"
    edit = place.before_return(function.path, data, function, line)
    if edit is None and function.body.body and not any(isinstance(one, ir.Return) for one in ir.walk(function.body)):
        edit = place.behind(function.path, data, function.body.body[-1], line)
    return [edit] if edit else None


def _state_name(fixing: Fixing, function: ir.Function) -> str:
    """A local that holds the state of the module, which is the function's parameter."""
    for node in function.body.body:
        for variable in node.variables if isinstance(node, ir.Declaration) else ():
            if any(_gives_state(fixing, value) for value in values_of(function, variable.name)):
                return variable.name
    return ""


def _gives_state(fixing: Fixing, value: ir.Expr) -> bool:
    name = ir.called(ir.strip(value))
    if name in _GET_STATE:
        return True
    helper = fixing.unit.function(name) if name else None
    return helper is not None and len(helper.parameters) == 1 and any(
        ir.called(call) in _GET_STATE for call in ir.calls(helper.body)
    )
