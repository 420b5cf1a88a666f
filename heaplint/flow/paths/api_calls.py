"""What a call of the C API does to a state, by the API's data."""

from __future__ import annotations

from heaplint.capi.api import Parameter
from heaplint.flow.paths import formats
from heaplint.flow.paths.api_results import FROM_CONTAINER, CallWithResult
from heaplint.flow.paths.code import Operand, Ref, Text
from heaplint.flow.paths.machine import mask_of
from heaplint.flow.paths.values import (
    CLEAR,
    DEAD,
    DOUBTFUL_NULL,
    ESCAPED,
    FAILED,
    HELD,
    LITERAL,
    NULL,
    POSITIVE,
    SET,
    STALE,
    TAKEN,
    UNINITIALIZED,
    UNKNOWN,
    ZERO,
    State,
    as_value,
    is_null,
)

_SPLITTING = frozenset({
    "steals-on-success", "resizes", "replaces", "replaces-on-success", "out-new", "out-borrowed", "out-memory", "out", "buffer",
})
_KEEPS_POINTER = (
    "PyModule_", "PyModuleDef_", "PyCFunction_New", "PyCMethod_New", "PyDescr_New", "PyType_", "PyCapsule_", "PyThread_",
    "Py_AddPendingCall", "Py_SetProgramName", "Py_SetPythonHome", "putenv", "setvbuf",
)
"""How the names of functions begin that keep the address of a variable."""
_CONVERTERS = frozenset({"PyUnicode_FSConverter", "PyUnicode_FSDecoder"})


class ApiCall(CallWithResult):
    """One call of a function that the data knows, and what it does."""

    def run(self) -> list[State]:
        machine, state, fact = self.machine, self.state, self.fact
        if fact.name == "PyErr_Fetch" and state.exc not in (SET, CLEAR):  # all three are NULL, or there is an exception
            other = state.copy()
            other.exc, state.exc = CLEAR, SET
            other.note(self.node, "no exception is set")
            state.note(self.node, "an exception is set")
            return [*self.run(), *ApiCall(machine, other, fact, self.into, self.args, self.node, self.base).run()]
        pending = self.pending = state.exc
        if fact.failure == "raises" or "raises" in fact.flags:
            machine.calls_python = True
        self.pairs = self.parameters()
        for parameter, _ in self.pairs:
            if parameter.kind in _SPLITTING and (parameter.kind != "out" or fact.result in ("int", "tristate", "zero")):
                self.split = True
        for parameter, operand in self.pairs:
            self.before(parameter, operand)
        if "runs" in fact.flags:
            if "pending" not in fact.flags:
                machine.runs_python = True
            if not fact.name.startswith(("PyDict_", "_PyDict_", "PySet_")) and self.pairs and not any(
                parameter.kind in ("releases", "clears", "sets") for parameter, _ in self.pairs
            ):
                self.age()
        if "runs" in fact.flags and "pending" not in fact.flags and pending in (SET, DOUBTFUL_NULL):
            machine.report("HL604", self.node, fact.name, None, state)
        if "raises" in fact.flags:
            state.exc = self.restored()
            if state.exc == SET:
                state.note(self.node, f"{fact.name} raises")
        elif "erases" in fact.flags:
            state.exc = CLEAR
        elif fact.result == "plain" and fact.failure == "maybe" and (state.exc == CLEAR or isinstance(state.exc, frozenset)):
            state.exc = UNKNOWN  # nobody says how it fails
        for parameter, operand in self.pairs:
            self.always(parameter, operand)
        if not self.split:
            for parameter, operand in self.pairs:
                if parameter.kind == "out":
                    self.put(parameter, operand, True, False)
            if self.builds_nothing():
                machine.bind(state, self.into, NULL, self.node)
            else:
                self.result(state)
            return [state]
        return self.outcomes()

    def restored(self) -> int:
        """The exception after a call that sets one: PyErr_Restore and its like may be given none."""
        if not self.fact.name.startswith(("PyErr_Restore", "_PyErr_Restore", "PyErr_SetRaised", "_PyErr_SetRaised")):
            return SET
        first = next((operand for parameter, operand in self.pairs if parameter.kind == "steals"), None)
        mask = mask_of(self.machine.read(self.state, first), self.state)
        return CLEAR if mask == ZERO else SET if not mask & ZERO else UNKNOWN

    def builds_nothing(self) -> bool:
        """Py_BuildValue and its like are given NULL for an object: they fail with the exception that made it."""
        if not any(parameter.kind == "format" and parameter.domain == "build" for parameter in self.fact.parameters):
            return False
        state = self.state
        for parameter, operand in self.pairs[len(self.fact.parameters) :]:
            known = self.machine.read(state, operand)
            if parameter.kind in ("object", "steals") and type(operand) is not int:
                if known is not None and mask_of(known, state) == ZERO:
                    return True
                if type(known) is int and isinstance(state.exc, frozenset) and known in state.exc:
                    state.exc = state.exc - {known} or CLEAR  # its failure is the call's
        return False

    def parameters(self) -> list[tuple[Parameter, Operand]]:
        """The arguments with what the callee does with them; a format string says it of those behind it."""
        result: list[tuple[Parameter, Operand]] = []
        listed: tuple[Parameter, ...] | None = None
        start = len(self.fact.parameters)
        for index, operand in enumerate(self.args):
            parameter = self.fact.parameter(index)
            if parameter is None:
                parameter = Parameter("", "object", "", True)
            if listed is not None and index >= start:
                at = index - start
                parameter = listed[at] if at < len(listed) else Parameter("", "object", "", True)
                if at and parameter.kind == "out" and listed[at - 1] is formats.CONVERTER:
                    converter = self.converter(self.args[index - 1])
                    if converter:
                        parameter = Parameter("", "out-new", converter, parameter.null_ok)
            elif parameter.kind == "format":
                listed = formats.parameters(parameter.domain, operand.text if type(operand) is Text else None)
            result.append((parameter, operand))
        return result

    def converter(self, operand: Operand) -> str:
        """The name of a converter that puts a new reference where it is told to; "" for others."""
        known = self.machine.read(self.state, operand)
        name = self.machine.origin(known).name if type(known) is int else ""
        return name if name in _CONVERTERS else ""

    def before(self, parameter: Parameter, operand: Operand) -> None:
        """The arguments are used."""
        kind = parameter.kind
        if type(operand) is Ref and self.fact.name.startswith("mem") and type(view := self.state.env.get("&" + operand.key)) is int:
            self.machine.mark(self.state, view, ESCAPED)  # copied
        if type(operand) is Ref and self.fact.name in ("memcpy", "memmove") and type(held := self.state.env.get(operand.key)) is int:
            self.machine.mark(self.state, held, ESCAPED)  # its reference goes with the bytes
        if type(operand) is Ref and kind not in ("buffer", "unbuffer"):
            if self.state.env.get("&" + operand.key) is UNINITIALIZED:
                del self.state.env["&" + operand.key]
            if not kind.startswith("out") and self.state.env.get(operand.key) is UNINITIALIZED:
                del self.state.env[operand.key]  # it may be filled in
        if kind in ("clears", "sets") or type(operand) is Ref:
            return
        machine, state = self.machine, self.state
        known = machine.read(state, operand)
        if kind == "releases":
            if (type(known) is int and not state.values[known][2] & DEAD) or type(known) is not int:
                machine.use(state, operand, known, self.node, self.fact.name, not parameter.null_ok)
            return
        if kind == "frees":
            if known is UNINITIALIZED:
                machine.uninitialized(state, operand, self.node)
            return
        needed = not parameter.null_ok and kind != "format" and not kind.startswith("out")
        if kind in ("keeps", "object") and type(operand) is str and operand[0] == "%" and type(known) is int:
            needed = needed and not state.values[known][1]  # a new object without a name: that it leaks is the defect
        machine.use(state, operand, known, self.node, self.fact.name, needed)
        if type(known) is int and kind in ("object", "keeps") and machine.origin(known).kind == "memory":
            machine.mark(state, known, ESCAPED)  # an object made by hand
        if type(known) is int and self.fact.name.startswith("PyObject_RichCompare"):
            self.compared(operand, known)

    def compared(self, operand: Operand, vid: int) -> None:
        """A comparison runs code of the objects while it uses them: what may be dropped meanwhile has to be held."""
        _, owned, bits, source = self.state.values[vid]
        machine = self.machine
        if owned != 0 or bits & (HELD | ESCAPED | TAKEN) or not machine.origin(vid).ages:
            return
        if machine.may_change(source, self.state.values.get(source)):
            machine.report("HL409", self.node, machine.item(self.state, operand, vid), machine.origin(vid), self.state, "during")
            machine.mark(self.state, vid, ESCAPED)

    def age(self) -> None:
        """Code runs that may drop what is only borrowed from something that can change."""
        state = self.state
        for vid, (mask, owned, bits, source) in list(state.values.items()):
            lent = owned == 0 and not bits & (HELD | ESCAPED | STALE) and self.machine.origin(vid).ages
            if lent and self.machine.may_change(source, state.values.get(source)):
                state.values[vid] = (mask, owned, bits | STALE, source)

    def always(self, parameter: Parameter, operand: Operand) -> None:
        """What happens to an argument however the call ends."""
        machine, state, kind, node = self.machine, self.state, parameter.kind, self.node
        if kind == "object" or kind == "format":
            return
        known = machine.read(state, operand)
        if kind == "c":
            if type(operand) is Ref and self.fact.name.startswith(_KEEPS_POINTER):
                machine.reached(state, operand.key)
            if type(known) is int and state.values[known][1] > 0:
                site = machine.origin(known)
                if site.kind not in ("memory", "interior") or self.fact.name.startswith(_KEEPS_POINTER):
                    machine.mark(state, known, ESCAPED)
            return
        vid = known if type(known) is int else None
        if kind == "acquires":
            if vid is not None:
                machine.acquire(state, vid, node)
        elif kind == "releases":
            if vid is not None:
                machine.release(state, operand, vid, node)
        elif kind == "keeps":
            if vid is not None and not state.values[vid][2] & HELD:
                machine.mark(state, vid, HELD)
                self.kept.append(vid)
        elif kind == "steals":
            if vid is not None and self.pairs[0][0].kind != "sets":
                if self.fact.name.endswith("_SET_ITEM"):
                    self.take_out()
                keeper = machine.read(state, self.args[0]) if self.fact.name.lower().endswith(("_setitem", "_set_item")) else None
                machine.steal(
                    state, operand, vid, node, self.fact.name.endswith("AndDel"), keeper if type(keeper) is int else -1
                )
        elif kind in ("clears", "sets"):
            self.replace(operand, kind)
        elif kind == "frees":
            self.free(parameter, operand, vid)
        elif kind == "reallocs":
            self.reallocate(operand)
        elif kind == "unbuffer":
            if type(operand) is Ref:
                machine.unbuffer(state, operand.key, node)
            elif vid is not None and machine.origin(vid).kind == "parameter":
                mask, owned, bits, source = state.values[vid]
                state.values[vid] = (mask, owned - 1, bits, source)

    def take_out(self) -> None:
        """An item is put over another one, which is now its own that has it in hand."""
        container = self.machine.read(self.state, self.args[0])
        for key in [key for key in self.state.env if key[0] == "="]:
            del self.state.env[key]
        for vid, value in list(self.state.values.items()):
            if type(container) is int and value[3] == container and self.machine.origin(vid).kind == "borrowed":
                self.machine.mark(self.state, vid, ESCAPED)
        if type(container) is int and self.fact.name == "PyList_SET_ITEM" and self.machine.lent(
            self.machine.origin(container), self.state.values[container][1]
        ) and not any(name.startswith("PyList_G") and name.lower().endswith("item") for name in self.machine.code.callees):
            item = self.machine.item(self.state, self.args[0], container)
            self.machine.report("HL402", self.node, item, self.machine.origin(container), self.state, "list")

    def replace(self, operand: Operand, kind: str) -> None:
        """Py_CLEAR and Py_SETREF: the old value is released, the key gets NULL or the next argument."""
        if type(operand) is not Ref:
            return
        machine, state, key = self.machine, self.state, operand.key
        known = state.env.get(key)
        local = key in machine.code.local
        if type(known) is int:
            if local or state.values[known][1] > 0:
                machine.release(state, key, known, self.node)
            else:
                machine.mark(state, known, ESCAPED)
        if kind == "clears":
            machine.bind(state, key, NULL, self.node)
            return
        new = machine.read(state, self.args[1]) if len(self.args) > 1 else None
        if type(new) is int and not local:
            machine.give(state, new, HELD)
        machine.bind(state, key, new, self.node)

    def free(self, parameter: Parameter, operand: Operand, vid: int | None) -> None:
        machine, state = self.machine, self.state
        if vid is None:
            return
        mask, owned, bits, source = state.values[vid]
        site = machine.origin(vid)
        if bits & DEAD:
            machine.report("HL406", self.node, machine.item(state, operand, vid), site, state)
        elif site.kind == "memory" and mask & POSITIVE and _mixed(site.domain, parameter.domain):
            machine.report("HL502", self.node, machine.item(state, operand, vid), site, state, f"{site.domain}>{parameter.domain}")
        destroyed = site.kind == "parameter" and site.index == 0 and machine.contract is not None and machine.contract.destroys
        if destroyed and parameter.domain in ("mem", "raw", "libc"):
            machine.report("HL502", self.node, machine.item(state, operand, vid), site, state, f"object>{parameter.domain}")
        if owned > 0:
            bits = bits | DEAD if site.owns and not bits & (HELD | ESCAPED) else bits | ESCAPED
            machine.released_at[vid] = self.node
            if mask == ZERO:
                bits &= ~DEAD
            state.values[vid] = as_value(mask, 0, bits, source)
        else:
            state.values[vid] = (mask, owned - 1, bits, source)

    # -- ways to end -------------------------------------------------------------------------------------------------

    def outcomes(self) -> list[State]:
        """Success and failure apart."""
        fact, result = self.fact, []
        successes: tuple[tuple[object, ...] | None, ...]
        failure: tuple[object, ...] | None
        match fact.result:
            case "int":
                successes, failure = ((0,),), (-1, FAILED)
            case "tristate":
                successes, failure = ((1,), (0,)), (-1, FAILED)
            case "zero":
                successes, failure = ((1,),), (0, FAILED)
            case _:
                successes, failure = (None,), None
        states = len(successes) + (failure is not None and fact.failure != "never")
        for index, value in enumerate(successes):
            state = self.state.copy() if index + 1 < states else self.state
            self.end(state, value, value != (0,) or fact.result != "tristate", False)
            if states > 1:
                state.note(self.node, f"{fact.name} succeeds" if fact.result != "tristate" else f"{fact.name} gives {value}")
            result.append(state)
        if failure is not None and fact.failure != "never":
            self.end(self.state, failure, False, True)
            if fact.failure == "raises":
                self.state.exc = SET
            self.state.note(self.node, f"{fact.name} fails")
            result.append(self.state)
        return result

    def end(self, state: State, value: tuple[object, ...] | None, success: bool, failed: bool) -> None:
        """One way in which the call ends: what the arguments come to, and the result."""
        machine, node = self.machine, self.node
        self.state, whole = state, self.state
        for parameter, operand in self.pairs:
            kind = parameter.kind
            if kind == "steals-on-success":
                known = machine.read(state, operand)
                if type(known) is int:
                    if success:
                        machine.steal(state, operand, known, node, False)
                    elif self.fact.name == "PyModule_AddObject":
                        machine.mark(state, known, ESCAPED)  # HL408 has its own look at this failure
            elif kind == "buffer" and type(operand) is Ref:
                if success and not (self.fact.name == "PyBuffer_FillInfo" and self.args[1:2] == (0,)):
                    self.fill(operand)
                elif self.fact.result != "zero":
                    machine.bind(state, "&" + operand.key, None, node)
                    machine.bind(state, operand.key + ".obj", NULL, node)
            elif kind in ("resizes", "replaces") or (kind == "replaces-on-success" and success):
                if type(operand) is Ref:
                    self.exchange(operand, failed)
            elif kind.startswith("out"):
                self.put(parameter, operand, success, failed)
        if value is not None:
            if self.into:
                machine.bind(state, self.into, value, node)
        else:
            self.result(state)
        self.state = whole

    def fill(self, operand: Ref) -> None:
        """A Py_buffer holds what it must release."""
        machine, state, key = self.machine, self.state, operand.key
        if key not in machine.code.local or machine.code.local[key].type.pointers:
            return
        site = machine.site("buffer", key, self.node)
        machine.bind(state, "&" + key, machine.fresh(state, site, POSITIVE, 1), self.node)
        for member in (".obj", ".buf"):
            machine.bind(state, key + member, LITERAL, self.node)

    def reallocate(self, operand: Operand) -> None:
        """The old block is gone when the call succeeds; the test of the result is yet to come."""
        machine, state = self.machine, self.state
        known = machine.read(state, operand)
        if type(known) is not int:
            return
        mask, _owned, bits, source = state.values[known]
        if bits & DEAD:
            machine.report("HL403", self.node, machine.item(state, operand, known), machine.origin(known), state, self.fact.name)
        site = machine.origin(known)
        wanted = next((one.domain for one in self.fact.parameters if one.kind == "reallocs"), "")
        if site.kind == "memory" and _mixed(site.domain, wanted):
            machine.report("HL502", self.node, machine.item(state, operand, known), site, state, f"{site.domain}>{wanted}")
        if site.kind in ("memory", "field", "global"):
            self.old = [key for key, value in state.env.items() if value == known and type(value) is int and key[0] != "%"]
        state.values[known] = as_value(mask, 0, bits | ESCAPED, source)

    def exchange(self, operand: Ref, failed: bool) -> None:
        """The object at an address is replaced; after a failure there is NULL."""
        machine, state, key = self.machine, self.state, operand.key
        local = key in machine.code.local
        known = state.env.get(key)
        sure = False
        if type(known) is int:
            mask, owned, bits, source = state.values[known]
            sure = mask == POSITIVE
            lent = machine.origin(known).kind == "parameter"
            state.values[known] = (mask, owned - 1 if lent else max(owned - 1, 0), bits, source)
        if failed:
            machine.bind(state, key, NULL, self.node)
            return
        absent = self.fact.name == "PyErr_NormalizeException"
        last = bool(self.args) and self.args[-1] == operand
        failure = ("clean" if last else "never") if absent else "raises"
        site = machine.site("new", self.fact.name + " " + key, self.node, fails=ZERO, failure=failure)
        returns = self.fact.result in ("int", "tristate", "zero")
        vid = machine.fresh(state, site, POSITIVE if returns else ZERO | POSITIVE, 1 if local else 0, 0 if local else HELD)
        machine.bind(state, key, vid, self.node)
        if sure and absent:
            machine.refine(state, vid, POSITIVE)
        if not returns and failure == "raises":
            machine.pend(state, vid)

    def put(self, parameter: Parameter, operand: Operand, success: bool, failed: bool) -> None:
        """A result goes where an argument points, if that is known."""
        if type(operand) is Ref:
            self.out(parameter, operand.key, success, failed)
        elif type(operand) is str and operand in self.machine.code.parameters:
            self.out(parameter, "*" + operand, success, failed)

    def out(self, parameter: Parameter, key: str, success: bool, failed: bool) -> None:
        """A result goes where an argument points."""
        machine, state, kind = self.machine, self.state, parameter.kind
        if failed and (kind == "out" or self.fact.result == "zero"):
            if not self.fact.name.lstrip("_").startswith("PyArg") and state.env.get(key) is UNINITIALIZED:
                del state.env[key]  # that the failure is not looked at is another matter
            return
        known = state.env.get(key)
        if parameter.null_ok and parameter.name == "" and known is UNINITIALIZED:
            machine.optional.add(key)
            return  # an optional argument: where it is not given, the variable is left as it is
        if not success and kind != "out":
            machine.bind(state, key, NULL, self.node)
            return
        if kind == "out":
            machine.bind(state, key, None, self.node)
            return
        local = key in machine.code.local or ("->" not in key and key.split(".")[0].split("[")[0] in machine.code.local)
        absent = "absent" in self.fact.flags and self.fact.result == "void"
        if absent and self.pending == SET and parameter is self.fact.parameters[0]:
            absent = False  # PyErr_Fetch with an exception set
        if absent and self.pending == CLEAR and self.fact.name == "PyErr_Fetch":
            machine.bind(state, key, NULL, self.node)
            return
        mask = ZERO | POSITIVE if absent or (parameter.name == "" and parameter.null_ok and is_null(known)) else POSITIVE
        ages = kind == "out-borrowed" and self.fact.name.startswith(FROM_CONTAINER)
        if kind == "out-memory":
            site = machine.site("memory", self.fact.name + key, self.node, domain=parameter.domain)
        else:
            made = "new" if kind == "out-new" else "borrowed"
            maker = parameter.domain or self.fact.name
            site = machine.site(made, f"{maker} {key}", self.node, ages=ages)
            if mask & ZERO and kind == "out-new":
                site = machine.site("new", f"{maker} {key}", self.node, fails=ZERO, failure="clean")
        owned = 0 if kind == "out-borrowed" or not local else 1
        if kind == "out-borrowed" and not local:
            owned = -1  # the reference for the member is yet to be taken
        bits = 0 if local else HELD
        source = -1
        if ages:
            container = machine.read(state, self.args[0])
            source = container if type(container) is int else -1
        vid = machine.fresh(state, site, mask, owned, bits, source)
        again = self.contracted() and not local and known is None and state.env.get(key.partition("->")[0]) == 0
        machine.bind(state, key, vid, self.node)
        if again and kind == "out-borrowed":
            machine.again[vid] = self.node

    def contracted(self) -> bool:
        contract = self.machine.contract
        return contract is not None and contract.initialises

def _mixed(one: str, other: str) -> bool:
    """Whether a block of one family of functions is freed by those of another."""
    return bool(one) and bool(other) and one != other
