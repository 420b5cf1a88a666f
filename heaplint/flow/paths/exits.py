"""What a return means: for the caller an outcome, and where the interpreter calls, whether the contract is kept."""

from __future__ import annotations

from heaplint import ir
from heaplint.capi.api import api
from heaplint.flow.paths.code import CALL, Leave, Ref
from heaplint.flow.paths.contract import Contract
from heaplint.flow.paths.machine import Draft, Machine, mask_of
from heaplint.flow.paths.summary import WITH_NULL, Effect, Outcome
from heaplint.flow.paths.values import (
    ANYTHING,
    CLEAR,
    DEAD,
    DOUBTFUL_NULL,
    DOUBTFUL_NUMBER,
    ESCAPED,
    GENERATIONS,
    HELD,
    NEGATIVE,
    POSITIVE,
    SET,
    STORED,
    TAKEN,
    UNKNOWN,
    ZERO,
    Known,
    State,
    Step,
)


def check(machine: Machine, state: State, known: Known | None, end: Leave, contract: Contract) -> None:
    """Report a result that the interpreter does not expect."""
    exc = state.exc
    mask = mask_of(known, state)
    if contract.returns == "object" and machine.code.returns_object:
        if not contract.silent:
            _null(machine, state, known, end, mask)
        if mask & POSITIVE:
            _value(machine, state, known, end, mask == POSITIVE)
        if type(known) is int:
            _borrowed(machine, state, known, end)
    elif contract.returns == "int" and end.value and known is not None:
        if mask == NEGATIVE and exc in (CLEAR, DOUBTFUL_NUMBER) and (type(known) is int or (isinstance(known, tuple) and known[0] == -1)):
            step = _last(state.trace, _FAILED) if exc == CLEAR else None
            if not _plain(machine, step, known, exc):
                return
            machine.report("HL601", _place(step, end), _callee(step), None, state, "-1")
        elif not mask & NEGATIVE and not (contract.executes and mask == POSITIVE):
            _value(machine, state, known, end, True)


def silent(machine: Machine, state: State, known: Known | None, end: Leave) -> None:
    """Remember that a helper returns a failure without an exception, after a call that failed without one."""
    mask = mask_of(known, state)
    if state.exc == CLEAR and end.value and mask == (ZERO if machine.code.returns_object else NEGATIVE):
        if (step := _last(state.trace, _FAILED)) is not None:
            value = "NULL" if mask == ZERO else "-1"
            draft = Draft("HL601", _place(step, end), _callee(step), None, state.trace, state.length, value)
            machine.silent.setdefault((id(draft.node), draft.item), draft)
    elif state.exc == SET and end.value and mask in (ZERO, NEGATIVE):
        machine.raises = True


def lost(machine: Machine, state: State, vid: int, bits: int, end: Leave) -> None:
    """Report what the function still owns when it returns."""
    site = machine.origin(vid)
    name = machine.name_of(state, vid)
    match site.kind:
        case "buffer":
            machine.report("HL504", end.node, site.name, site, state)
        case "memory":
            machine.report("HL509", end.node, name or site.name, site, state)
        case "new":
            if site.name in _ALLOCATE and vid in machine.taken_at:
                pass  # an object of the program's own: a reference for its own purposes
            elif bits & STORED and machine.code.callees & _ADD_TO_MODULE:
                pass  # the reference may be given away under the name of the place where it is stored
            elif vid in machine.taken_at and (bits & HELD):
                machine.report("HL412", machine.taken_at[vid], name or site.name, site, state)
            else:
                machine.report("HL401", end.node, name or site.name, site, state)
        case "parameter" | "borrowed" | "field" if not _releases(machine, name):
            pass  # taken and released nowhere: for somebody else, it seems
        case "field" if name not in machine.code.local:
            pass  # it goes with the storage that the field is copied to
        case "parameter" | "borrowed" | "field":
            machine.report("HL401", end.node, name or site.name, site, state, "taken")


def _releases(machine: Machine, name: str) -> bool:
    """Whether the function releases a variable or member anywhere."""
    return any(
        op[0] == CALL and op[2] in _RELEASES and op[3] and (op[3][0] == name or (type(op[3][0]) is Ref and op[3][0].key == name))
        for block in machine.code.blocks for op in block.ops
    )


NUMBERS = frozenset({
    "int", "long", "char", "short", "double", "float", "size_t", "Py_ssize_t", "unsigned int", "unsigned long", "void", "bool", "_Bool", "Py_hash_t",
    "int64_t", "int32_t", "uint32_t", "uint64_t", "ssize_t", "npy_intp",
})
_RELEASES = frozenset({"Py_DECREF", "Py_XDECREF", "Py_CLEAR", "Py_SETREF", "Py_XSETREF", "Py_DecRef"})
_ADD_TO_MODULE = frozenset({"PyModule_AddObject", "PyModule_Add"})
_ALLOCATE = frozenset({
    "PyObject_New", "PyObject_NewVar", "PyObject_GC_New", "PyObject_GC_NewVar", "tp_alloc", "PyType_GenericAlloc",
})
_TYPE_TESTS = frozenset({
    "PyLong_Check", "PyLong_CheckExact", "PyFloat_Check", "PyFloat_CheckExact", "PyNumber_Check", "PyIndex_Check", "PyBool_Check",
})
_FAR = 200
"""In bytes."""
_FAILED = (" fails", " returns NULL")
_RAISED = (" fails", " raises")


def _null(machine: Machine, state: State, known: Known | None, end: Leave, mask: int) -> None:
    """NULL is returned where an exception has to go with it."""
    if mask == ZERO and state.exc in (CLEAR, DOUBTFUL_NUMBER):
        step = _last(state.trace, _FAILED) if state.exc == CLEAR else None
        if not _plain(machine, step, known, state.exc):
            return
        machine.report("HL601", _place(step, end), _callee(step), None, state, "NULL")
    elif mask & ZERO and state.exc == CLEAR and type(known) is int:
        site = machine.origin(known)
        if site.failure == "clean" and site.kind in ("new", "borrowed", "memory"):
            machine.report("HL601", end.node, site.name, site, state, "NULL")


def _plain(machine: Machine, step: Step | None, known: Known | None, exc: int | frozenset[int]) -> bool:
    """Whether it is plain that no exception is set: by what failed, or because nothing was called that may set one."""
    if exc != CLEAR:
        return True
    if step is None:  # a helper may have set one in a way that is not followed
        return not machine.calls_program and isinstance(known, tuple)
    fact = api(_callee(step))
    return fact is None or fact.failure == "clean" or (fact.failure == "raises" and not machine.calls_program)


def _value(machine: Machine, state: State, known: Known | None, end: Leave, sure: bool) -> None:
    """A value is returned that no exception may go with."""
    exc = state.exc
    if not sure and (type(known) is not int or machine.origin(known).kind not in ("new", "borrowed", "field", "parameter")):
        return
    if exc == SET:
        if (step := _last(state.trace, _RAISED)) is not None and api(_callee(step)) is not None:
            machine.report("HL602", end.node, _callee(step), None, state)
    elif exc in (DOUBTFUL_NULL, DOUBTFUL_NUMBER):
        if (step := _last(state.trace, (" fails",))) is not None and api(_callee(step)) is not None:
            machine.report("HL602", end.node, _callee(step), None, state, "doubtful")
    elif isinstance(exc, frozenset):
        for one in exc:
            site = machine.origin(one)
            named = any(held == one and key[0] != "%" for key, held in state.env.items())
            if site.failure == "maybe" and machine.code.callees & _TYPE_TESTS:
                continue  # for what has been tested a conversion does not fail
            if one != known and named and site.kind == "number" and site.fails == NEGATIVE and state.values[one][0] & POSITIVE:
                machine.report("HL602", end.node, site.name, site, state, "doubtful")


def _borrowed(machine: Machine, state: State, vid: int, end: Leave) -> None:
    """A reference that is not owned is given to the interpreter, which will release it."""
    mask, owned, bits, _ = state.values[vid]
    site = machine.origin(vid)
    if owned >= 0 or mask == ZERO or bits & (ESCAPED | DEAD) or "[*]" in site.name:
        return
    if site.kind == "constant" and not (_literally(end, site.name) or end.operand in machine.code.local):
        return
    if site.kind in ("borrowed", "parameter", "field", "global", "constant"):
        machine.report("HL405", end.node, machine.name_of(state, vid) or site.name, site, state)
    elif site.kind == "new" and owned == -1:
        machine.report("HL405", end.node, machine.name_of(state, vid) or site.name, site, state, "given away")


def _last(step: Step | None, endings: tuple[str, ...]) -> Step | None:
    """The last step on the way at which a call failed, or raised."""
    while step is not None and not step.what.endswith(endings):
        step = step.before
    return step


def _callee(step: Step | None) -> str:
    return step.what.partition(" ")[0] if step is not None else ""


def _place(step: Step | None, end: Leave) -> ir.Node:
    """Where an exception is missing: the return, or the test of the call where the two are far apart (a shared exit)."""
    if step is not None and not 0 <= end.node.start - step.node.end < _FAR:
        return step.node
    return end.node


def _literally(end: Leave, name: str) -> bool:
    value = end.node.value if isinstance(end.node, ir.Return) else None
    inner = ir.strip(value) if value is not None else None
    return isinstance(inner, ir.Name) and inner.text == name


def outcome_of(machine: Machine, state: State, known: Known | None, end: Leave) -> Outcome:
    """What a way out is to the caller; the reference that is returned has been taken from its value."""
    kind, value, exact, mask = _result(machine, state, known, end)
    exc = state.exc
    code = (WITH_NULL if exc == {known} else UNKNOWN) if isinstance(exc, frozenset) else exc if exc in (CLEAR, SET) else UNKNOWN
    if code == SET and not exact:  # what is returned with an exception set is a failure, if it can be one
        failure = ZERO if machine.code.returns_object else NEGATIVE
        if mask & failure and kind not in ("nothing",):
            kind, value, exact, mask = "number", 0 if failure == ZERO else -1, True, failure
        else:
            code = UNKNOWN
    elif code == UNKNOWN and machine.calls_python and exact and mask == (ZERO if machine.code.returns_object else NEGATIVE):
        code = SET  # a failure: it will have its exception
    effects = []
    index = 0
    for position, parameter in enumerate(machine.code.function.parameters):
        if not parameter.name:
            effects.append(Effect())
            continue
        if not parameter.type.pointers and parameter.type.name in NUMBERS:
            effects.append(Effect())
            index += 1
            continue
        effects.append(_effect(state, index * GENERATIONS, kind == "argument" and value == position and type(known) is int))
        index += 1
    if kind == "new":
        machine.returns_new = True
    elif type(known) is int and kind == "borrowed" and machine.contract is None and state.values[known][1] == -1:
        site = machine.origin(known)
        machine.lent_returns.append(Draft("HL405", end.node, machine.name_of(state, known) or site.name, site, state.trace, state.length))
    if machine.contract is None:
        failed = exact and mask == (ZERO if machine.code.returns_object else NEGATIVE) and code != CLEAR
        for position, effect in enumerate(effects):
            if not effect.escaped and not effect.stored and effect.refined != ZERO:
                machine.exits.append((position, effect.given, failed, end.node, state.trace, state.length))
    outs = []
    for position, name in enumerate(machine.code.parameters):
        held = state.env.get("*" + name)
        if held is not None:
            read = any(site.kind == "field" and site.name == "*" + name for site in machine.sites)
            outs.append((position, "changed" if read else _out(machine, state, held)))
    if exact and code == SET:
        for position, made in outs:
            if made in ("new", "memory"):
                name = machine.code.parameters[position]
                draft = Draft("HL401", end.node, "*" + name, None, state.trace, state.length, "left")
                machine.left.setdefault((position, id(end.node)), draft)
    return Outcome(kind, value, exact, mask, code, tuple(effects), tuple(outs), machine.code.returns_object)


def _result(machine: Machine, state: State, known: Known | None, end: Leave) -> tuple[str, int | str, bool, int]:
    if not end.value:
        return "nothing", 0, False, ANYTHING
    if type(known) is not int:
        if isinstance(known, tuple) and type(known[0]) is int:
            return "number", known[0], True, mask_of(known, state)
        if isinstance(known, tuple) and known[0] == "symbol":
            return "symbol", str(known[1]), True, ANYTHING
        return "unknown", 0, False, mask_of(known, state)
    mask, owned, bits, _ = state.values[known]
    site = machine.origin(known)
    if mask == ZERO:
        return "number", 0, True, ZERO
    if not machine.code.returns_object and (machine.code.function.returns.name in NUMBERS or site.kind not in ("new", "memory")):
        return "number", 0, False, mask
    if site.kind == "parameter":
        return "argument", _position(machine, site.name), False, mask
    if bits & ESCAPED:
        return "unknown", 0, False, mask
    if site.kind in ("new", "memory") and owned >= 0:
        return site.kind, 0, False, mask
    if site.kind in ("borrowed", "field", "global", "constant") and owned >= 0 and bits & TAKEN:
        return "shared", 0, False, mask
    if site.kind == "borrowed":
        return "borrowed", 0, False, mask
    return "unknown", 0, False, mask


def _position(machine: Machine, name: str) -> int:
    return machine.code.parameters.index(name)


def _effect(state: State, vid: int, returned: bool) -> Effect:
    value = state.values.get(vid)
    if value is None:
        return Effect()
    mask, owned, bits, _ = value
    if returned:
        owned += 1
    if bits & ESCAPED:
        return Effect(0, True, False, True, ANYTHING)
    refined = mask if mask in (ZERO, POSITIVE) else ANYTHING
    stored = owned < 0 and bool(bits & STORED) and not returned
    return Effect(owned, bool(bits & HELD) and not (returned and owned >= 0 and not bits & TAKEN), stored, False, refined)


def _out(machine: Machine, state: State, held: Known) -> str:
    if isinstance(held, tuple):
        return "null" if held == (0,) else "unknown"
    mask, owned, bits, _ = state.values[held]
    if mask == ZERO:
        return "null"
    site = machine.origin(held)
    if bits & ESCAPED or mask & ZERO or site.kind == "constant":
        return "unknown"
    if site.kind in ("new", "memory"):
        return site.kind if owned >= 0 else "unknown"
    if site.kind in ("borrowed", "parameter", "field", "global", "constant"):
        return "new" if bits & TAKEN and owned >= 0 else "borrowed"
    return "unknown"
