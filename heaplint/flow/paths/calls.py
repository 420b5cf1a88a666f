"""What a call does to a state: by the C API's data, by the summary of a function of the program, or as an unknown."""

from __future__ import annotations

from collections.abc import Callable

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.api import ApiFunction
from heaplint.flow.paths.api_calls import ApiCall
from heaplint.flow.paths.code import Op, Operand, Ref
from heaplint.flow.paths.machine import Machine
from heaplint.flow.paths.program_calls import summarised
from heaplint.flow.paths.summary import Summary
from heaplint.flow.paths.values import (
    ANYTHING,
    CLEAR,
    ESCAPED,
    HELD,
    SOMETHING,
    UNKNOWN,
    State,
)

Lookup = Callable[[str], "Summary | ApiFunction | None"]
"""From a callee's name to what is known of it."""

_MACRO = re.compile(r"_?(?:Py_)?[A-Z][A-Z0-9_]*")


def call(machine: Machine, state: State, op: Op, lookup: Lookup) -> list[State]:
    """Carry out a call; gives the states in which it can end."""
    _, into, name, args, node, base = op
    known = lookup(name)
    if known is None:
        machine.calls_program = True
        return _unknown(machine, state, into, name, args, node)
    if isinstance(known, Summary):
        machine.calls_program = True
        return summarised(machine, state, into, name, args, node, known)
    return ApiCall(machine, state, known, into, args, node, base).run()


def _unknown(
    machine: Machine, state: State, into: str, name: str, args: tuple[Operand, ...], node: ir.Call
) -> list[State]:
    """Whatever it does with its arguments is not followed; unknown parts of the C API lend theirs."""
    lent = name.startswith(("Py", "_Py")) and name.isidentifier()
    for operand in args:
        known = machine.read(state, operand)
        if known == 0 and type(known) is int:
            machine.shared = True
        if _MACRO.fullmatch(name) and type(operand) is str:
            machine.expose(state, operand, node)  # a macro that is not to be had may assign it
            continue
        machine.use(state, operand, known, node, name, False)
        if not lent or type(operand) is Ref:
            machine.escape(state, operand, known, node)
        if type(operand) is str and operand in machine.code.parameters:
            machine.bind(state, "*" + operand, SOMETHING, node)
    if isinstance(state.exc, frozenset) or state.exc == CLEAR:
        state.exc = UNKNOWN
    machine.runs_python = True
    site = machine.site("unknown", name, node)
    machine.bind(state, into, machine.fresh(state, site, ANYTHING, 0, ESCAPED | HELD), node)
    return [state]
