"""What a call of the C API gives, by the API's data."""

from __future__ import annotations

from heaplint import ir
from heaplint.capi.api import ApiFunction
from heaplint.flow.paths.code import Operand
from heaplint.flow.paths.machine import Machine
from heaplint.flow.paths.values import (
    ANYTHING,
    CLEAR,
    ESCAPED,
    HELD,
    NEGATIVE,
    NULL,
    POSITIVE,
    SET,
    ZERO,
    State,
)

_FAILS = {
    "new": ZERO, "borrowed": ZERO, "interior": ZERO, "memory": ZERO, "pointer": ZERO, "int": NEGATIVE, "tristate": NEGATIVE,
    "count": NEGATIVE, "value": NEGATIVE, "zero": ZERO,
}
_MASKS = {
    "int": ZERO | NEGATIVE, "tristate": ANYTHING, "count": ANYTHING, "value": ANYTHING, "zero": ZERO | POSITIVE,
    "plain": ANYTHING,
}
_STATE = frozenset({
    "PyModule_GetState", "_PyModule_GetState", "PyType_GetModule", "PyType_GetModuleState", "PyType_GetModuleByDef",
    "PyState_FindModule",
})
"""Look-ups of a module and its state: whether they are checked is for HL312 to say."""
_TYPE_GIVEN = {
    **dict.fromkeys(
        (
            "PyUnicode_AsEncodedString", "PyUnicode_AsUTF8String", "PyUnicode_AsASCIIString", "PyUnicode_AsLatin1String",
            "PyUnicode_AsUTF16String", "PyUnicode_AsUTF32String", "PyUnicode_AsUnicodeEscapeString",
            "PyUnicode_AsRawUnicodeEscapeString", "PyUnicode_EncodeFSDefault", "PyUnicode_EncodeLocale", "PyUnicode_FSConverter",
            "PyObject_Bytes",
        ),
        "PyBytes_",
    ),
    **dict.fromkeys(
        ("PySequence_List", "PyUnicode_Split", "PyUnicode_RSplit", "PyUnicode_Splitlines", "PyObject_Dir", "PyDict_Keys", "PyDict_Values",
         "PyDict_Items", "PyMapping_Keys", "PyMapping_Values", "PyMapping_Items"),
        "PyList_",
    ),
    **dict.fromkeys(("PySequence_Tuple", "PyList_AsTuple"), "PyTuple_"),
}
"""Functions whose result, where it is one, is of one type or a subtype of it. Source: their code in CPython 3.8-3.13."""
_OUTLIVES = frozenset({"PyCapsule_GetPointer", "PyModule_GetDict", "PyCapsule_GetContext"})
"""What they give does not go with the object."""
_EMPTY = frozenset({"PyTuple_New", "PyBytes_FromStringAndSize", "PyUnicode_FromStringAndSize"})
"""What they make of size 0 is an object that the interpreter keeps."""
_OF_SMALL_NUMBER = frozenset({
    "PyLong_FromLong", "PyLong_FromSsize_t", "PyLong_FromSize_t", "PyLong_FromUnsignedLong", "PyLong_FromLongLong",
})
"""They give an object that the interpreter keeps for -5 to 256."""
_SETS_ITEM = frozenset({"PyList_SetItem", "PyTuple_SetItem"})
_OF_INDEX = frozenset({"PyList_GetItem", "PyTuple_GetItem", "PyStructSequence_GetItem"})
"""They fail for an index that is out of range alone: a program that has looked at the size need not look again."""
FROM_CONTAINER = (
    "PyList_Get", "PyList_GET", "_PyList_ITEMS", "PySequence_Fast_GET", "PySequence_Fast_ITEMS", "PyDict_Get", "PyDict_Next",
    "PyByteArray_A", "PyWeakref_G", "_PyType_Lookup",
)
"""How the names of functions begin whose borrowed result goes when the container changes."""


class CallWithResult:
    """One call of a function that the data knows, and its result."""

    def __init__(
        self, machine: Machine, state: State, fact: ApiFunction, into: str, args: tuple[Operand, ...], node: ir.Call,
        base: Operand,
    ) -> None:
        self.machine = machine
        self.state = state
        self.fact = fact
        self.into = into
        self.args = args
        self.node = node
        self.base = base
        self.pending = state.exc
        """Whether an exception is set before the call."""
        self.kept: list[int] = []
        self.old: list[str] | None = None
        """The keys that hold the block that the call may move."""
        self.split = False
        """Success and failure differ in more than the result."""

    def result(self, state: State) -> None:
        """What the call gives."""
        fact, machine, node, into = self.fact, self.machine, self.node, self.into
        match fact.result:
            case "void" | "noreturn":
                machine.bind(state, into, None, node)
                return
            case "null" | "zeroed":
                if "raises" in fact.flags:
                    state.exc = SET
                machine.bind(state, into, NULL, node)
                return
            case "minus":
                machine.bind(state, into, (-1,), node)
                return
            case "argument":
                index = int(fact.of) - 1
                known = machine.read(state, self.args[index]) if index < len(self.args) else None
                machine.bind(state, into, known, node)
                return
            case "plain":
                if fact.name == "PyErr_ExceptionMatches":
                    site = machine.site("matches", fact.name, node)
                    machine.bind(state, into, machine.fresh(state, site, ZERO | POSITIVE, 0, HELD), node)
                else:
                    machine.bind(state, into, None, node)
                return
        if fact.name == "PyErr_Occurred":
            self.occurred(state)
            return
        accessor = self.accessor()
        if accessor and (known := state.env.get(accessor)) is not None:
            machine.bind(state, into, known, node)
            return
        fails = _FAILS.get(fact.result, 0) if fact.failure != "never" else 0
        mask = _MASKS.get(fact.result, ZERO | POSITIVE if fact.failure != "never" else POSITIVE)
        owned = 1 if fact.result in ("new", "memory") else 0
        kind = fact.result if fact.result in ("new", "borrowed", "interior", "memory") else "number"
        if fact.result == "pointer":
            kind = "unknown" if fact.failure == "never" else "interior"
        source = -1
        ages = False
        if fact.result in ("borrowed", "interior"):
            source = self.keeper()
            ages = fact.name.startswith(FROM_CONTAINER) or fact.name == "PySys_GetObject"
        if fact.name == "PyErr_GetRaisedException" and self.pending == SET:
            mask = POSITIVE
        failure = "maybe" if fact.result == "value" else fact.failure
        if not fails and fact.failure not in ("never", "clean"):
            failure = "never"
        bits = HELD | ESCAPED if _of_the_object(fact.name) else 0
        if kind == "new" and self.args and self.args[-1] == 0 and fact.name in _EMPTY:
            bits |= HELD
        if fact.name in _SETS_ITEM and self.fresh_container():
            mask, fails = ZERO, 0
        if fact.name in _OF_INDEX or self.type_known() or self.of_constant():
            mask, fails = mask & ~fails, 0
        if fact.name in _STATE:
            kind, bits = "unknown", HELD
            if fact.name.endswith("PyModule_GetState"):
                mask, fails = POSITIVE, 0
        site = machine.site(kind, fact.name, node, fails=fails, failure=failure, domain=fact.of, ages=ages)
        vid = machine.fresh(state, site, mask, owned, bits, source)
        if self.old is not None:
            machine.moved[vid] = self.old, fact.name
        if self.kept:
            machine.kept_if[vid] = self.kept
        if fails and failure in ("raises", "maybe"):
            machine.pend(state, vid)
        machine.bind(state, into, vid, node)
        if accessor:
            state.env[accessor] = vid
            machine.remembers = True

    def occurred(self, state: State) -> None:
        """PyErr_Occurred: what is known of the exception, for the test that follows."""
        machine = self.machine
        mask = ZERO if state.exc == CLEAR else POSITIVE if state.exc == SET else ZERO | POSITIVE
        site = machine.site("occurred", self.fact.name, self.node)
        machine.bind(state, self.into, machine.fresh(state, site, mask, 0, HELD), self.node)

    def accessor(self) -> str:
        """A key for what an accessor that cannot fail gives for these arguments; "" for other calls."""
        if self.fact.result != "borrowed" or self.fact.failure != "never" or _of_the_object(self.fact.name):
            return ""
        if not all(type(one) is int or (type(one) is str and one[0] != "%") for one in self.args):
            return ""
        return f"={self.fact.name}({', '.join(map(str, self.args))})"

    def keeper(self) -> int:
        """The value of the argument that a borrowed result is borrowed from; -1 for none."""
        if self.fact.of == "0" or self.fact.name in _OUTLIVES:
            return -1
        index = int(self.fact.of) - 1 if self.fact.of else 0
        known = self.machine.read(self.state, self.args[index]) if index < len(self.args) else None
        return known if type(known) is int else -1

    def maker(self) -> str:
        """What gave the first argument: the callee, or the key that was read; "" where it is not followed."""
        known = self.machine.read(self.state, self.args[0]) if self.args else None
        return self.machine.origin(known).callee if type(known) is int else ""

    def fresh_container(self) -> bool:
        """Whether the first argument is a container that the function has made: its items can be set."""
        return self.maker() in ("PyList_New", "PyTuple_New")

    def type_known(self) -> bool:
        """Whether an accessor of bytes or a list is asked of one: it fails for other types alone."""
        prefix = self.fact.name.partition("_")[0] + "_"
        if prefix not in ("PyBytes_", "PyByteArray_", "PyList_", "PyTuple_", "PyDict_") or self.fact.result not in ("interior", "count"):
            return False
        maker = self.maker()
        if maker.startswith(prefix) or prefix == _TYPE_GIVEN.get(maker):
            return True
        return any(key.startswith(f"?{prefix}Check") and value == (1,) for key, value in self.state.env.items())

    def of_constant(self) -> bool:
        """Whether the call cannot fail for the number that it is given, or for the kind of object."""
        if self.fact.name in _OF_SMALL_NUMBER:
            first = self.args[0] if self.args else None
            return type(first) is int and -5 <= first <= 256
        return self.fact.name == "PySequence_ITEM" and self.maker() == "PySequence_Fast"


def _of_the_object(name: str) -> bool:
    """Whether an accessor gives a member that its caller may also release, or put another object in the place of."""
    return name == "Py_TYPE" or name.startswith(("PyArray_", "PyDataType_", "PyMemoryView_GET"))
