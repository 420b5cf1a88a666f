"""The life of a type's instances: its slot functions traced, its members, and what shows that they are owned."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import builtin
from heaplint.flow.events import TYPE, Event, Trace, Tracer, covers
from heaplint.model.expressions import fields_of, function_name, key_of, values_of
from heaplint.model.inherit import Slot, has_gc, slot
from heaplint.model.members import OBJECT_STRUCT, OwnedMember, is_object_struct, owned_members
from heaplint.model.types import TypeDef
from heaplint.model.unit import LINKED, Unit
from heaplint.model.writes import may_be_set
from heaplint.records import dataclass, field

NEW_REFERENCE = re.compile(
    r"(?:Py_NewRef|Py_XNewRef|Py_BuildValue|PyObject_(?!Init|Malloc|Realloc|Calloc|Del|Free)\w+|Py(?:List|Dict|Set|FrozenSet|"
    r"Tuple|Long|Float|Complex|Bool|Unicode|Bytes|ByteArray|Slice|Iter|Sequence|Number|Mapping|Import|Weakref|Module|Type|"
    r"Capsule|MemoryView|Method|CFunction|StructSequence|Code|Frame|Cell|ODict|DictProxy|Err_New\w*)_\w+)\Z"
)
"""API functions whose result, assigned to a member, is a new reference; the borrowing ones are in BORROWED."""

BORROWED = re.compile(
    r"(?:Py(?:List|Tuple|Dict)_(?:GetItem\w*|GET_ITEM|SetDefault)|PyDict_GetItem\w*|PyWeakref_G\w+|PyImport_(?:AddModule\w*|GetModuleDict)|"
    r"PyModule_GetDict|PyModule_GetState|PyState_FindModule|PyType_GetModule\w*|PySequence_Fast_(?:GET_ITEM|ITEMS)|PyCell_GET|"
    r"PyMethod_(?:GET_)?\w+|PyCFunction_Get\w+|PyFunction_Get\w+|PyUnicode_AsUTF8\w*|PyBytes_As\w+|PyCapsule_GetPointer|"
    r"PyStructSequence_G\w+|PyObject_GC_New\w*|PyObject_New\w*)\Z"
)

ATOMIC = re.compile(
    r"(?:PyUnicode_(?!Join|Split|Partition)\w+|PyBytes_\w+|PyLong_\w+|PyFloat_From\w+|PyBool_From\w+|PyComplex_From\w+|"
    r"PyByteArray_From\w+|PyMemoryView_From\w+|PyThread_\w+|PyCapsule_New)\Z"
)
"""API functions that give objects which refer to no others (a capsule and a memory view only to what C gives them)."""


_OBJECT_MEMBER = frozenset({"T_OBJECT", "T_OBJECT_EX", "Py_T_OBJECT_EX", "_Py_T_OBJECT"})
_READ_ONLY = frozenset({"READONLY", "RO", "Py_READONLY", "READ_RESTRICTED"})


@dataclass(frozen=True, slots=True)
class Assignment:
    """`x->member = value` somewhere in the program."""

    function: ir.Function
    node: ir.Assign
    value: ir.Expr
    acquired: bool
    """The function takes a reference to the value, or the value is a new one."""


_TABLES = frozenset({"tp_name", "tp_doc", "tp_methods", "tp_members", "tp_getset", "tp_base", "tp_bases"})
"""Slots that hold no function."""


@dataclass(slots=True, eq=False)
class Life:
    """One type with what its functions do."""

    unit: Unit
    tracer: Tracer
    made: TypeDef
    gc: bool | None
    _members: list[OwnedMember] | None = None
    _names: dict[str, set[str]] | None = None
    _assignments: dict[str, list[Assignment]] = field(default_factory=dict)
    _released: dict[str, bool] = field(default_factory=dict)

    @property
    def symbol(self) -> str:
        """The type's symbol."""
        return self.made.symbol

    def slot(self, name: str) -> Slot:
        """A slot after inheritance."""
        return slot(self.made, name)

    def function(self, name: str) -> ir.Function | None:
        """The definition of the function in a slot of its own; None when there is none in the program."""
        definition = self.made.slot(name)
        return self.unit.function(definition.function) if definition is not None and definition.function else None

    def trace(self, name: str) -> Trace | None:
        """What the function in a slot of its own does to the instance."""
        function = self.function(name)
        return self.tracer.subject(function) if function is not None else None

    @property
    def members(self) -> list[OwnedMember]:
        """The fields of the instance struct that can hold strong references; the weak reference list is none."""
        if self._members is None:
            struct = self.made.struct
            weak = self.weaklist_member()
            self._members = [
                member for member in owned_members(self.unit, struct)
                if member.path != weak and not _weak_name(member.path) and not member.path.startswith("_")
            ] if struct is not None and struct.complete else []
        return self._members

    def members_for(self, function: ir.Function) -> list[OwnedMember]:
        """The members as a slot function sees them: of the struct it takes the instance for.

        Types that share a head share functions that know only the head, under other field names.
        """
        name = function.parameters[0].type.name if function.parameters else ""
        if self.made.struct is None or not name:
            return self.members
        if OBJECT_STRUCT.match(name) or name == "void":
            subject = function.parameters[0].name
            name = next(
                (node.type.name for node in ir.walk(function.body) if isinstance(node, ir.Variable) and node.init is not None
                 and node.type.pointers == 1 and isinstance(inner := ir.strip(node.init), ir.Name) and inner.text == subject
                 and not OBJECT_STRUCT.match(node.type.name)), "",
            )
        struct = self.unit.struct(name) if name else None
        if struct is None or struct.start == self.made.struct.start or not is_object_struct(self.unit, name):
            return self.members
        weak = self.weaklist_member()
        return [m for m in owned_members(self.unit, struct) if m.path != weak and not _weak_name(m.path)]

    def covers(self, path: str, member: str) -> bool:
        """Whether what is done to a path is done to a member, also under the name it has in a struct that begins alike."""
        if covers(path, member):
            return True
        head, dot, rest = member.partition(".")
        return any(covers(path, other + dot + rest) for other in self._other_names().get(head, ()))

    def _other_names(self) -> dict[str, set[str]]:
        """The names of the instance's fields in other types' structs that have fields of the same types up to there.

        A macro with a prefix makes such heads, and functions cast one struct to the other.
        """
        if self._names is None:
            self._names = {}
            own = self.made.struct.fields if self.made.struct is not None else ()
            structs = {id(one.struct): one.struct for one in self.unit.types if one.struct is not None}
            for struct in structs.values():
                for mine, other in zip(own, struct.fields, strict=False):
                    if mine.type != other.type:
                        break
                    if mine.name and mine.name != other.name and all(one.name != other.name for one in own):
                        self._names.setdefault(mine.name, set()).add(other.name)
        return self._names

    def visits_type(self) -> bool | None:
        """Whether the traverse that the instances use visits their type; None when it cannot be told."""
        found = self.slot("tp_traverse")
        if found.kind == "absent":
            return False
        function = self.unit.function(found.function) if found.function else None
        if function is None:
            return None
        trace = self.tracer.subject(function)
        if trace_visits_type(trace):
            return True
        return False if trace.complete else None

    def weaklist_member(self) -> str:
        """The field that holds the weak references; "" when there is none."""
        own = self.made.slot("tp_weaklistoffset")
        if own is not None:
            return _offset_of(own.value) or self._offset_member("__weaklistoffset__")
        return self._offset_member("__weaklistoffset__")

    def _offset_member(self, name: str) -> str:
        table = self.made.slot("tp_members")
        variable = self.unit.variable(table.function) if table is not None and table.function else None
        if variable is None or not isinstance(variable.init, ir.InitList):
            return ""
        for entry in variable.init.entries:
            value = entry.value
            if isinstance(value, ir.InitList) and value.entries and ir.string_value(value.entries[0].value) == name:
                return _offset_of(value)
        return ""

    def methods(self) -> list[str]:
        """The names of the C functions in the type's method table."""
        table = self.made.slot("tp_methods")
        variable = self.unit.variable(table.function) if table is not None and table.function else None
        if variable is None or not isinstance(variable.init, ir.InitList):
            return []
        result = []
        for entry in variable.init.entries:
            if isinstance(entry.value, ir.InitList) and len(entry.value.entries) >= 2:
                fields, _ = fields_of(entry.value, ("ml_name", "ml_meth", "ml_flags", "ml_doc"))
                result.append(function_name(fields.get("ml_meth")))
        return [name for name in result if name]

    def writable_members(self) -> frozenset[str]:
        """The fields that Python code can set through the member table: owned, and set by anybody."""
        table = self.made.slot("tp_members")
        variable = self.unit.variable(table.function) if table is not None and table.function else None
        result = set()
        if variable is not None and isinstance(variable.init, ir.InitList):
            for entry in variable.init.entries:
                names = {node.text for node in ir.walk(entry) if isinstance(node, ir.Name)}
                if names & _OBJECT_MEMBER and not names & _READ_ONLY:
                    result.add(_offset_of(entry))
        return frozenset(result)

    # -- ownership -------------------------------------------------------------------------------------------------

    def released_by(self, trace: Trace | None, member: str) -> bool:
        """Whether a function releases a member, or hands it to one that may."""
        return trace is not None and any(
            self.covers(event.path, member) for event in trace.of("release", "free-memory", "touch")
            if event.path not in ("", "?") and not event.path.startswith(member + ".")  # what the member refers to
        )

    def released_in_slots(self, member: str) -> bool:
        """Whether dealloc, clear or the finalizer releases a member."""
        return any(
            self.released_by(self.trace(name), member) for name in ("tp_dealloc", "tp_clear", "tp_finalize", "tp_del")
        )

    def assignments(self, member: str) -> list[Assignment]:
        """Every `x->member = value` of the unit with a value other than NULL, x of the instance struct."""
        leaf = member.rpartition(".")[2]
        if leaf not in self._assignments:
            self._assignments[leaf] = list(self._find_assignments(leaf))
        return self._assignments[leaf]

    def _find_assignments(self, leaf: str) -> Iterator[Assignment]:
        for function in self.unit.functions_assigning(leaf):
            taken: set[str] | None = None
            for node in ir.walk(function.body):
                if isinstance(node, ir.Call) and ir.called(node) in ("Py_SETREF", "Py_XSETREF") and len(node.args) == 2:
                    target, value = node.args
                    if _names_member(target, leaf) and not ir.is_null(value):
                        yield Assignment(function, ir.Assign(node.start, node.end, "=", target, value), value, True)
                if not isinstance(node, ir.Assign) or node.operator != "=" or not _names_member(node.target, leaf):
                    continue
                if ir.is_null(node.value):
                    continue
                if not self._of_struct(function, node.target):
                    continue
                if taken is None:
                    taken = _acquired(function)
                yield Assignment(function, node, node.value, self._is_new(node.value, function, taken, leaf))

    def _of_struct(self, function: ir.Function, target: ir.Expr) -> bool:
        """Whether the object assigned to has, as far as its declaration tells, the instance struct's type."""
        inner = ir.strip(target)
        if not isinstance(inner, ir.Member) or self.made.struct is None:
            return True
        holder = inner.object
        if isinstance(holder, ir.Cast):
            name = holder.type.name
        else:
            holder = ir.strip(holder)
            if not isinstance(holder, ir.Name):
                return True
            declared = next(
                (v for v in (*function.parameters, *(n for n in ir.walk(function.body) if isinstance(n, ir.Variable)))
                 if v.name == holder.text), None,
            )
            if declared is None:
                return True
            name = declared.type.name
        struct = self.unit.struct(name)
        return struct is None or struct is self.made.struct or struct.start == self.made.struct.start

    def _is_new(self, value: ir.Expr, function: ir.Function, taken: set[str], leaf: str) -> bool:
        inner = ir.strip(value)
        while isinstance(inner, ir.Assign):
            inner = ir.strip(inner.value)
        name = ir.called(inner)
        if name:
            return bool(NEW_REFERENCE.match(name)) and not BORROWED.match(name)
        if isinstance(inner, ir.Name):
            if inner.text in taken or leaf in taken:
                return True
            makers = (ir.called(ir.strip(source)) for source in values_of(function, inner.text))
            return any(NEW_REFERENCE.match(maker) and not BORROWED.match(maker) for maker in makers)
        return leaf in taken

    def owned(self, member: str) -> bool:
        """Whether the code shows that a member holds a strong reference."""
        if member in self.writable_members() or any(one.acquired for one in self.assignments(member)):
            return True
        return self.released_in_slots(member) and (
            self.made.struct is None or not self._all_there() or may_be_set(self.unit, self.made.struct, member)
        )

    def _all_there(self) -> bool:
        """Whether the program has every function that the type's slots name, one that makes instances among them."""
        makes = "tp_new" in self.made.slots or "tp_init" in self.made.slots
        return makes and not self.made.slots_unknown and all(
            self.unit.has_function(one.function) for one in self.made.slots.values()
            if one.function and one.name not in _TABLES and not one.name.startswith("tp_as_")
            and not one.function.startswith(("Py", "_Py"))
        )

    def needs_visit(self, member: OwnedMember) -> bool:
        """Whether the collector has to know of an owned member.

        Not of one that the code takes out of the collector's sight on purpose, of one whose type is known and owns
        nothing, nor of types where the program has static ones only.
        """
        leaf = member.path.rpartition(".")[2].encode()
        hidden = re.compile(rb"UnTrack\s*\(\s*(?:\([^()]*\)\s*)?\w+\s*->\s*" + re.escape(leaf) + rb"\b")
        if any(hidden.search(text.code) for text in self.unit.texts):
            return False
        if member.exact:
            return True
        if member.field.type.name == "PyTypeObject":
            return bool(self.unit.ask("kind of type", "heap"))
        struct = self.unit.struct(member.field.type.name)
        types = [
            made for path, _ in (self.unit.ask("struct of a type", struct.name) if struct is not None else ())
            for unit in self.unit.others([path], LINKED) for made in unit.types
            if struct is not None and made.struct is not None and made.struct.start == struct.start
            and made.struct.name == struct.name
        ]
        return not types or any(
            has_gc(made) is not False or made.kind == "heap" or next(owned_members(self.unit, made.struct), None) is not None
            for made in types if made.struct is not None
        )

    def atomic(self, member: str) -> bool:
        """Whether a member only ever holds objects that refer to no others (strings, numbers)."""
        values = self.assignments(member)
        return bool(values) and all(self._atomic_value(one) for one in values)

    def _atomic_value(self, one: Assignment) -> bool:
        name = ir.called(ir.strip(one.value))
        if name:
            return bool(ATOMIC.match(name))
        inner = ir.strip(one.value)
        if isinstance(inner, ir.Name):
            sources = [ir.called(ir.strip(value)) for value in values_of(one.function, inner.text)]
            return bool(sources) and all(source and ATOMIC.match(source) for source in sources)
        return False


def _offset_of(node: ir.Node) -> str:
    """The member of the first offsetof below a node; "" when there is none."""
    calls = (call for call in ir.calls(node) if ir.called(call) == "offsetof" and len(call.args) == 2)
    return next((key_of(call.args[1]) for call in calls), "")


def trace_visits_type(trace: Trace) -> bool:
    """Whether a traverse visits the type, itself, in a helper or by calling a base's that does or may do."""
    if any(event.path == TYPE for event in trace.of("visit", "touch")):
        return True
    return any(event.detail == "tp_traverse" and not names_builtin(event) for event in trace.of("call-slot"))


def names_builtin(event: Event) -> bool:
    """Whether a slot call takes the function from a type of the interpreter that is named in place."""
    holder = ir.strip(event.expr) if event.expr is not None else None
    while isinstance(holder, ir.Unary):
        holder = ir.strip(holder.operand)
    return isinstance(holder, ir.Name) and builtin(holder.text) is not None


def _names_member(expr: ir.Expr, leaf: str) -> bool:
    inner = ir.strip(expr)
    while isinstance(inner, (ir.Index, ir.Unary)):
        inner = ir.strip(inner.object if isinstance(inner, ir.Index) else inner.operand)
    return isinstance(inner, ir.Member) and inner.field == leaf


def _acquired(function: ir.Function) -> set[str]:
    """The names (of variables, of members) that Py_INCREF is applied to."""
    return {
        key_of(call.args[0]) for call in ir.calls(function.body)
        if ir.called(call) in ("Py_INCREF", "Py_XINCREF") and call.args
    }


def _weak_name(path: str) -> bool:
    lower = path.lower()
    return "weakref" in lower or "weaklist" in lower or "wr_list" in lower


@functools.lru_cache(maxsize=1)
def lives(unit: Unit) -> tuple[Life, ...]:
    """The lives of a unit's types; the checks of one unit share them."""
    tracer = Tracer(unit)
    return tuple(Life(unit, tracer, made, has_gc(made)) for made in unit.types)
