"""What a function does to an object it is given: an ordered list of events, helpers of the program followed.

The object is the subject; a path names what is reached from it: "" is the object itself, `items` a member,
`head.next` a member's member, TYPE its type. Locals that hold one of these are seen through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from heaplint import ir
from heaplint.capi.facts import family
from heaplint.flow.cfg import Cfg, build
from heaplint.model.members import OBJECT_STRUCT, is_object_struct
from heaplint.model.unit import Unit
from heaplint.records import dataclass, replace

TYPE = "<type>"
"""The path of the subject's type."""

Kind = Literal[
    "visit", "release", "untrack", "track", "free", "call-slot", "clear-weakrefs", "finalize", "trashcan",
    "managed-visit", "managed-clear", "assign", "escape", "touch", "acquire", "call", "return", "free-memory",
]

_RELEASE = {
    "Py_CLEAR": "clear", "Py_DECREF": "decref", "Py_XDECREF": "decref", "Py_SETREF": "clear", "Py_XSETREF": "clear",
    "Py_DecRef": "decref", "_Py_DECREF_SPECIALIZED": "decref", "_Py_DECREF_NO_DEALLOC": "decref", "Py_CLEAR_REF": "clear",
}
_ACQUIRE = {"Py_INCREF", "Py_XINCREF", "Py_IncRef"}
_IDENTITY = {
    "Py_NewRef", "Py_XNewRef", "_PyObject_CAST", "PyObject_Init", "PyObject_InitVar",
    # a module's state is reached from the module alone: to whoever looks at its members the two are one subject
    "PyModule_GetState", "_PyModule_GetState",
}
_UNTRACK = {"PyObject_GC_UnTrack", "_PyObject_GC_UNTRACK"}
_TRACK = {"PyObject_GC_Track", "_PyObject_GC_TRACK"}
_FREE = family("gc-free") | family("plain-free")
_SLOT_CALLS = {"tp_free", "tp_dealloc", "tp_traverse", "tp_clear", "tp_finalize", "tp_del", "tp_alloc", "tp_init"}
_WEAKREFS = {"PyObject_ClearWeakRefs", "_PyObject_ClearWeakRefsNoCallbacks", "_PyWeakref_ClearWeakRefsNoCallbacks", "FT_CLEAR_WEAKREFS"}
_MANAGED = {
    "PyObject_VisitManagedDict": "managed-visit", "_PyObject_VisitManagedDict": "managed-visit",
    "PyObject_ClearManagedDict": "managed-clear", "_PyObject_ClearManagedDict": "managed-clear",
    "_PyObject_VisitInstanceAttributes": "managed-visit", "_PyObject_ClearInstanceAttributes": "managed-clear",
}
_MAX_DEPTH = 6
_MAX_EVENTS = 4000


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One thing that happens to the subject or to what it reaches."""

    kind: Kind
    path: str
    place: ir.Place
    function: str
    """The function it is written in, a helper's name for what a helper does."""
    detail: str = ""
    """release: clear or decref; free: how; call-slot: the slot; escape, touch, call: the callee; visit: the API."""
    expr: ir.Expr | None = None
    """visit and release: the argument; assign: the value; call-slot: what the slot is taken from; call: the call."""
    direct: bool = True
    """Written in the function itself, not in a helper."""


@dataclass(slots=True, eq=False)
class Trace:
    """The events of one function for one subject."""

    function: ir.Function
    cfg: Cfg
    at: list[list[Event]]
    """Events by index of the CFG's nodes."""

    @property
    def events(self) -> list[Event]:
        """All events in source order (of the graph's construction, which is the order of the text)."""
        return [event for events in self.at for event in events]

    def of(self, *kinds: Kind) -> list[Event]:
        """The events of some kinds."""
        return [event for event in self.events if event.kind in kinds]

    @property
    def complete(self) -> bool:
        """Everything was read, and the subject went nowhere that cannot be followed."""
        return self.function.complete and not self.of("escape")


def covers(path: str, wanted: str) -> bool:
    """Whether what is done to `path` is done to the member `wanted` (or to a part of it, or to what it lies in)."""
    return path == wanted or path.startswith(wanted + ".") or (path != "" and wanted.startswith(path + "."))


class Tracer:
    """Makes traces for the functions of one unit, each once."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._known: dict[tuple[int, tuple[tuple[str, str], ...]], Trace] = {}
        self._cfgs: dict[int, Cfg] = {}
        self._identity: dict[str, int] = {}
        self._heads: dict[int, frozenset[str]] = {}

    def subject(self, function: ir.Function, parameter: int = 0) -> Trace:
        """The trace of a function whose subject is one of its parameters."""
        if parameter >= len(function.parameters):
            return self.trace(function, {})
        return self.trace(function, {function.parameters[parameter].name: ""})

    def trace(self, function: ir.Function, env: Mapping[str, str], depth: int = 0) -> Trace:
        """The trace of a function with names that hold the subject or what it reaches."""
        key = (id(function), tuple(sorted(env.items())))
        known = self._known.get(key)
        if known is None:
            cfg = self._cfgs.get(id(function))
            if cfg is None:
                cfg = self._cfgs[id(function)] = build(function)
            known = Trace(function, cfg, [[] for _ in cfg.nodes])
            self._known[key] = known  # a recursive call sees what is there so far
            walker = _Walker(self, function, dict(env), depth)
            walker.settle(function.body)
            for node in cfg.nodes:
                if node.node is not None:
                    known.at[node.index] = list(walker.events(node.node))[:_MAX_EVENTS]
        return known

    def embedded_heads(self, function: ir.Function) -> frozenset[str]:
        """The names under which structs used in a function embed their base struct: the same object."""
        known = self._heads.get(id(function))
        if known is None:
            names = {variable.type.name for variable in function.parameters if variable.type.pointers}
            for node in ir.walk(function.body):
                if (isinstance(node, ir.Variable) and node.type.pointers) or (isinstance(node, ir.Cast) and node.type.pointers):
                    names.add(node.type.name)
            heads = set()
            for name in names:
                struct = None if OBJECT_STRUCT.match(name) else self.unit.struct(name)
                if struct is not None and struct.fields:
                    first = struct.fields[0]
                    if not first.type.pointers and first.name and is_object_struct(self.unit, first.type.base):
                        heads.add(first.name)
            known = self._heads[id(function)] = frozenset(heads)
        return known

    def identity_parameter(self, name: str) -> int:
        """The parameter that a function of the program gives back, cast at most; -1 when it does more."""
        if name not in self._identity:
            self._identity[name] = -1
            function = self.unit.function(name)
            if function is not None and len(function.body.body) <= 6:
                returned = {node.value for node in ir.walk(function.body) if isinstance(node, ir.Return)}
                names = [parameter.name for parameter in function.parameters]
                if len(returned) == 1 and (value := returned.pop()) is not None:
                    inner = ir.strip(value)
                    if isinstance(inner, ir.Name):
                        source = inner.text
                        for node in ir.walk(function.body):
                            if isinstance(node, ir.Variable) and node.name == source and node.init is not None:
                                origin = ir.strip(node.init)
                                source = origin.text if isinstance(origin, ir.Name) else source
                        self._identity[name] = names.index(source) if source in names else -1
        return self._identity[name]


class _Walker:
    """Goes through one function; the names it knows change as it goes."""

    def __init__(self, tracer: Tracer, function: ir.Function, env: dict[str, str], depth: int) -> None:
        self.tracer = tracer
        self.unit = tracer.unit
        self.function = function
        self.env = env
        self.pinned = frozenset(env)
        self.depth = depth
        self.slots: dict[str, str] = {}
        """Locals that hold a slot's function."""
        self.heads = tracer.embedded_heads(function)
        self.visitors = {
            parameter.name for parameter in function.parameters
            if "visitproc" in parameter.type.base or parameter.name == "visit"
        }

    def place(self, node: ir.Node) -> ir.Place:
        return ir.Place(self.function.path, node.start, node.end)

    def settle(self, body: ir.Block) -> None:
        """Learn the locals that hold one thing only, so that a loop sees what its end assigns."""
        values: dict[str, set[str | None]] = {}
        for node in ir.walk(body):
            name, value = "", None
            if isinstance(node, ir.Variable) and node.init is not None:
                name, value = node.name, node.init
            elif isinstance(node, ir.Assign) and node.operator == "=":
                target = ir.strip(node.target)
                if isinstance(target, ir.Name):
                    name, value = target.text, node.value
            if name and value is not None and name not in self.env:
                if not ir.is_null(value):
                    values.setdefault(name, set()).add(self.path_of(value))
                    if len(values[name]) == 1 and None not in values[name]:
                        self.env[name] = next(path for path in values[name] if path is not None)
                slot = self.slot_of(value)
                if slot:
                    self.slots[name] = slot

    # -- paths -----------------------------------------------------------------------------------------------------

    def path_of(self, expr: ir.Expr | None) -> str | None:
        """The path an expression denotes (a pointer to it, an element of it); None when it is another thing."""
        if expr is None:
            return None
        inner = ir.strip(expr)
        match inner:
            case ir.Name():
                return self.env.get(inner.text)
            case ir.Member():
                base = self.path_of(inner.object)
                if base is None:
                    return None
                if inner.field == "ob_type" and base == "":
                    return TYPE
                if inner.field == "ob_base" or (base == "" and inner.field in self.heads):
                    return base
                if base == TYPE:
                    return f"{TYPE}.{inner.field}"
                return f"{base}.{inner.field}" if base else inner.field
            case ir.Index():
                return self.path_of(inner.object)
            case ir.Unary(operator="&" | "*" | "p++" | "++" | "p--" | "--"):
                return self.path_of(inner.operand)
            case ir.Binary(operator="+" | "-" | "&" | "|" | "^"):
                return self.path_of(inner.left) or None
            case ir.Binary(operator=","):
                return self.path_of(inner.right)
            case ir.Conditional():
                first = self.path_of(inner.then)
                return first if first is not None else self.path_of(inner.otherwise)
            case ir.Assign():
                return self.path_of(inner.value)
            case ir.Call():
                return self.path_of_call(inner)
        return None

    def path_of_call(self, call: ir.Call) -> str | None:
        name = ir.called(call)
        if not call.args:
            return None
        if name == "Py_TYPE":
            return TYPE if self.path_of(call.args[0]) == "" else None
        if name in _IDENTITY:
            return self.path_of(call.args[0])
        if any(self.path_of(argument) is not None for argument in call.args):
            at = self.tracer.identity_parameter(name)
            if 0 <= at < len(call.args):
                return self.path_of(call.args[at])
            if self.is_cast(call):
                return self.path_of(call.args[0])
            helper = self.unit.function(name)
            if helper is not None and self.depth < 2:
                return self.returned_member(helper, call)
        return None

    def is_cast(self, call: ir.Call) -> bool:
        """Whether a call is that of a macro or template whose name says that it casts, and that is not to be had."""
        name = ir.called(call)
        if len(call.args) != 1 or name.startswith(("Py", "_Py")):
            return False
        return (name.isupper() or name.endswith(("_CAST", "_cast", "_Cast"))) and self.unit.function(name) is None

    def returned_member(self, helper: ir.Function, call: ir.Call) -> str | None:
        """`get_field(self)` that gives back `&self->field` or `self->field`."""
        if len(helper.body.body) > 4:
            return None
        for stmt in helper.body.body:
            if isinstance(stmt, ir.Return) and stmt.value is not None:
                env = {
                    parameter.name: path for parameter, argument in zip(helper.parameters, call.args, strict=False)
                    if (path := self.path_of(argument)) is not None
                }
                walker = _Walker(self.tracer, helper, env, self.depth + 2)
                walker.settle(helper.body)
                return walker.path_of(stmt.value)
        return None

    def slot_of(self, expr: ir.Expr) -> str:
        """The slot whose function an expression is: `tp->tp_free`, `PyType_GetSlot(tp, Py_tp_free)`; "" for none."""
        inner = ir.strip(expr)
        if isinstance(inner, ir.Unary) and inner.operator == "*":
            inner = ir.strip(inner.operand)
        if isinstance(inner, ir.Member) and inner.field in _SLOT_CALLS:
            return inner.field
        if isinstance(inner, ir.Name):
            return self.slots.get(inner.text, "")
        if ir.called(inner) == "PyType_GetSlot" and isinstance(inner, ir.Call) and len(inner.args) == 2:
            slot = ir.strip(inner.args[1])
            if isinstance(slot, ir.Name):
                return slot.text.removeprefix("Py_")
        return ""

    # -- events ----------------------------------------------------------------------------------------------------

    def events(self, node: ir.Node) -> Iterator[Event]:
        """The events of one node of the graph, in order of evaluation."""
        if isinstance(node, ir.Variable):
            if node.init is not None:
                yield from self.events(node.init)
                path = self.path_of(node.init)
                if path is not None:
                    self.env[node.name] = path
            return
        if isinstance(node, ir.Call):
            for argument in node.args:
                yield from self.events(argument)
            yield from self.call(node)
            return
        if isinstance(node, ir.Assign):
            yield from self.events(node.value)
            target = ir.strip(node.target)
            if isinstance(target, ir.Name):
                if node.operator == "=":
                    path = self.path_of(node.value)
                    if path is not None:
                        self.env[target.text] = path
                    elif not ir.is_null(node.value) and target.text not in self.pinned:
                        self.env.pop(target.text, None)
            else:
                path = self.path_of(target)
                if path is not None:
                    yield Event("assign", path, self.place(node), self.function.name, node.operator, node.value)
            return
        for child in ir.children(node):
            if child is not None:
                yield from self.events(child)
        if isinstance(node, ir.Return):
            path = self.path_of(node.value)
            yield Event("return", path if path is not None else "?", self.place(node), self.function.name, "", node.value)

    def call(self, node: ir.Call) -> Iterator[Event]:
        name = ir.called(node)
        here, where = self.place(node), self.function.name
        paths = [self.path_of(argument) for argument in node.args]
        first = paths[0] if paths else None
        slot = self.slot_of(node.function)
        if slot and (first is not None or slot in ("tp_alloc",)):
            kind: Kind = "free" if slot == "tp_free" and first == "" else "call-slot"
            inner = ir.strip(node.function)
            holder = inner.object if isinstance(inner, ir.Member) else None
            yield Event(kind, first or "", here, where, slot, holder)
        elif name == "Py_VISIT" or name in self.visitors:
            yield Event("visit", first if first is not None else "?", here, where, name, node.args[0] if node.args else None)
        elif name in _RELEASE:
            path = first
            if path is not None:
                yield Event("release", path, here, where, _RELEASE[name], node.args[0])
            elif node.args:
                yield Event("release", "?", here, where, _RELEASE[name], node.args[0])
        elif name in _ACQUIRE:
            if first is not None:
                yield Event("acquire", first, here, where, name, node.args[0])
        elif name in _UNTRACK or name in _TRACK:
            if first == "":
                yield Event("untrack" if name in _UNTRACK else "track", "", here, where, name)
        elif name in _FREE:
            if first is not None:
                yield Event("free" if first == "" else "free-memory", first, here, where, name)
        elif name in _WEAKREFS:
            if first is not None:
                yield Event("clear-weakrefs", first, here, where, name)
        elif name in ("PyObject_CallFinalizerFromDealloc", "PyObject_CallFinalizer"):
            yield Event("finalize", first or "", here, where, name)
        elif name == "Py_TRASHCAN_BEGIN__":
            yield Event("trashcan", first or "", here, where, name)
        elif name in _MANAGED:
            yield Event("managed-visit" if _MANAGED[name] == "managed-visit" else "managed-clear", "", here, where, name)
        else:
            yield from self.other_call(node, name, paths)

    def other_call(self, node: ir.Call, name: str, paths: list[str | None]) -> Iterator[Event]:
        here, where = self.place(node), self.function.name
        yield Event("call", paths[0] if paths and paths[0] is not None else "?", here, where, name, node)
        if all(path is None for path in paths) or (name.endswith("_cast") and self.is_cast(node)):
            return
        helper = self.unit.function(name) if name else None
        if helper is not None and self.depth < _MAX_DEPTH and len(node.args) <= len(helper.parameters) + 8:
            env = {
                parameter.name: path
                for parameter, path in zip(helper.parameters, paths, strict=False) if path is not None and parameter.name
            }
            for event in self.tracer.trace(helper, env, self.depth + 1).events:
                if event.kind != "return":
                    yield replace(event, direct=False) if event.direct else event
            return
        of_another = self.unit.view.view.plus_plus and isinstance(node.function, ir.Member)
        for path, argument in zip(paths, node.args, strict=True):
            if path == "":
                far = _may_do_anything(name) and not of_another  # a container looks things up by the object
                yield Event("escape" if far else "touch", "", here, where, name, argument)
            elif path is not None and not (path.startswith(TYPE) and name.startswith(("Py", "_Py"))):
                yield Event("touch", path, here, where, name, argument)


def _may_do_anything(name: str) -> bool:
    """A function that is neither the program's nor Python's: what it does to the object cannot be told."""
    return not name.startswith(("Py", "_Py", "assert", "memset", "memcpy"))
