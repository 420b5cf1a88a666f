"""HL203, HL204, HL213, HL214, HL216, HL217, HL224, HL225: what tp_traverse visits and does."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import builtin
from heaplint.checks.registry import Report, check
from heaplint.flow.events import TYPE, Event, Trace
from heaplint.flow.lifecycle import Life, lives, names_builtin, trace_visits_type
from heaplint.model.inherit import has_gc, slot, subclassable
from heaplint.model.members import owned_members
from heaplint.model.types import TypeDef
from heaplint.model.unit import Unit

_RUNS_CODE = re.compile(
    r"(?:PyObject_(?:Call\w*|GetAttr\w*|SetAttr\w*|Repr|Str|RichCompare\w*|Hash|IsTrue|GetItem|SetItem|GetIter)|PyIter_Next|"
    r"Py(?:List|Dict|Tuple|Set|Unicode|Long|Bytes)_(?:New|From\w+|Append|SetItem\w*|Add)|Py_BuildValue|PyErr_(?:Set\w+|Format|NoMemory)|"
    r"PyMem_(?:Malloc|Calloc|Realloc|New)|PyObject_Malloc|PyImport_\w+|PyObject_(?:GC_)?New\w*)\Z"
)

_NUMBERS = frozenset(
    {"int", "long", "char", "Py_ssize_t", "size_t", "double", "float", "unsigned int", "unsigned long", "bool", "_Bool"}
)


def traced(unit: Unit) -> Iterator[tuple[Life, ir.Function, Trace]]:
    """Every type of the unit with a tp_traverse of its own that was read."""
    for life in lives(unit):
        function, trace = life.function("tp_traverse"), life.trace("tp_traverse")
        if function is not None and trace is not None and len(function.parameters) >= 3:
            yield life, function, trace


def at_name(function: ir.Function) -> ir.Place:
    """The place of a function's name in its definition."""
    return ir.Place(function.path, function.start, function.end)


def base_calls(life: Life, trace: Trace, slot_name: str) -> list[Event]:
    """The calls of a slot function taken from another type than the instance's own."""
    return [event for event in trace.of("call-slot") if event.detail == slot_name]


@check("HL203")
def traverse_skips_type(unit: Unit) -> Iterator[Report]:
    """A heap type's traverse that does not visit Py_TYPE(self), itself or through a base."""
    for life, function, trace in traced(unit):
        if not life.made.is_spec or life.gc is False or not trace.complete or trace_visits_type(trace):
            continue
        yield Report(
            "HL203", at_name(function),
            f"{function.name} does not visit the type of the instance: add Py_VISIT(Py_TYPE(self))",
            symbol=life.symbol, function=function.name,
        )


@check("HL204")
def traverse_skips_member(unit: Unit) -> Iterator[Report]:
    """An owned member that traverse does not visit."""
    for life, function, trace in traced(unit):
        if life.gc is False or not trace.complete:
            continue
        seen = [event.path for event in trace.of("visit", "touch") if event.path not in ("", "?", TYPE)]
        if any(event.path == "?" for event in trace.of("visit")):
            continue  # something that was not recognised is visited: it may be any of them
        skipped = [
            member.path for member in life.members_for(function)
            if not any(life.covers(path, member.path) for path in seen)
            and life.owned(member.path) and life.needs_visit(member)
        ]
        if not all(life.atomic(path) for path in skipped):
            cure = f"add Py_VISIT(self->{skipped[0]})" if len(skipped) == 1 else "visit each of them with Py_VISIT"
            yield Report(
                "HL204", at_name(function),
                f"{function.name} does not visit {', '.join(skipped)}, which the instance owns: {cure}",
                symbol=life.symbol, function=function.name, item=",".join(skipped),
            )


@check("HL213")
def wrong_visit(unit: Unit) -> Iterator[Report]:
    """Visits of addresses, of what is no object or not owned, and repeated ones."""
    for life, function, trace in traced(unit):
        once: dict[str, Event] = {}
        fields = {field.path: field for field in owned_members(unit, life.made.struct)} if life.made.struct else {}
        for event in trace.of("visit"):
            if not event.direct or event.expr is None:
                continue
            inner = ir.strip(event.expr)
            problem = ""
            item = event.path if event.path not in ("?", TYPE, "") else None
            if isinstance(inner, ir.Unary) and inner.operator == "&":
                problem = f"visits the address of {item or 'a variable'}, not the object"
            elif item is not None and _no_object(life, item):
                problem = f"visits {item}, which is no Python object"
            elif item is not None and isinstance(inner, ir.Member) and item in once and _same_run(trace, once[item], event):
                problem = f"visits {item} twice: the collector then believes that one reference less comes from outside"
            elif item is not None and item in fields and isinstance(inner, ir.Member) and _borrowed(life, item):
                problem = f"visits {item}, a borrowed reference"
            if item is not None:
                once.setdefault(item, event)
            if problem:
                yield Report(
                    "HL213", event.place, f"{function.name} {problem}", symbol=life.symbol, function=function.name, item=item,
                    remedy="without &" if problem.startswith("visits the address") else "without the visit",
                )
        yield from _type_twice(life, function, trace)


def _no_object(life: Life, path: str) -> bool:
    struct = life.made.struct
    if struct is None or "." in path:
        return False
    field = next((one for one in struct.fields if one.name == path), None)
    if field is None:
        return False
    kind = field.type
    if kind.function or kind.pointers == 0:
        return not kind.arrays and kind.name in _NUMBERS
    return kind.pointers == 1 and kind.name in ("char", "unsigned char", "int", "double", "FILE", "wchar_t")


def _same_run(trace: Trace, first: Event, second: Event) -> bool:
    """Whether both events happen on one path through the function."""
    nodes = {id(event): index for index, events in enumerate(trace.at) for event in events}
    start, end = nodes.get(id(first)), nodes.get(id(second))
    if start is None or end is None or start == end:
        return False
    return end in trace.cfg.reachable(start)


def _borrowed(life: Life, member: str) -> bool:
    if life.released_in_slots(member):
        return False
    values = life.assignments(member)
    if not values or any(one.acquired for one in values):
        return False
    parameters = [
        isinstance(inner := ir.strip(one.value), ir.Name) and inner.text in {p.name for p in one.function.parameters}
        for one in values
    ]
    dealloc = life.trace("tp_dealloc")
    return all(parameters) and dealloc is not None and dealloc.complete


def _type_twice(life: Life, function: ir.Function, trace: Trace) -> Iterator[Report]:
    direct = [event for event in trace.of("visit") if event.path == TYPE]
    bases = [event for event in base_calls(life, trace, "tp_traverse") if not names_builtin(event)]
    again: Event | None = None
    if len(direct) >= 2 and _same_run(trace, direct[0], direct[1]):
        again = next((event for event in direct if event.direct), direct[1])
    elif direct and bases:
        for base in life.made.bases:
            if isinstance(base, TypeDef) and base.is_spec:
                definition = slot(base, "tp_traverse").function
                helper = life.unit.function(definition) if definition else None
                if helper is not None and any(e.path == TYPE for e in life.tracer.subject(helper).of("visit")):
                    again = direct[0]
    if again is not None:
        yield Report(
            "HL213", again.place, f"{function.name} visits the type twice: a base's traverse or another line visits it already",
            symbol=life.symbol, function=function.name, remedy="without the visit",
        )


@check("HL214")
def traverse_has_side_effects(unit: Unit) -> Iterator[Report]:
    """Reference counts changed, memory or objects made, results of visit dropped."""
    for life, function, trace in traced(unit):
        for event in trace.of("release", "acquire", "call"):
            if not event.direct or event.function != function.name:
                continue
            if event.kind == "call" and not _RUNS_CODE.match(event.detail):
                continue
            what = "changes a reference count" if event.kind != "call" else f"calls {event.detail}"
            yield Report(
                "HL214", event.place, f"{function.name} {what}: traverse must only visit",
                symbol=life.symbol, function=function.name,
            )
        visitors = {function.parameters[1].name}
        for node in ir.walk(function.body):
            if isinstance(node, ir.ExprStmt) and _dropped(unit, node.expr, visitors, function):
                yield Report(
                    "HL214", ir.Place(function.path, node.start, node.end),
                    f"{function.name} drops the result of {ir.called(node.expr)}: a result other than 0 must be returned at once",
                    symbol=life.symbol, function=function.name,
                )


def _dropped(unit: Unit, expr: ir.Expr, visitors: set[str], function: ir.Function) -> bool:
    return isinstance(expr, ir.Call) and ir.called(expr) in visitors


@check("HL216")
def traverse_skips_base(unit: Unit) -> Iterator[Report]:
    """The traverse of a subtype of a GC type that leaves out the base's."""
    for life, function, trace in traced(unit):
        if life.made.bases_unknown or not life.made.bases or not trace.complete or base_calls(life, trace, "tp_traverse"):
            continue
        base = life.made.bases[0]
        called = {event.detail for event in trace.of("call")}
        if isinstance(base, TypeDef):
            name = slot(base, "tp_traverse").function
            if has_gc(base) is not True or not name or name in called or name == function.name or not _has_members(unit, base):
                continue
            if _visits_base_members(unit, base, trace):
                continue
        elif (fact := builtin(base)) is None or not fact.gc or any("raverse" in one for one in called):
            continue
        else:
            name = f"{base}'s"
        yield Report(
            "HL216", at_name(function), f"{function.name} does not call the traverse of its base ({name})",
            symbol=life.symbol, function=function.name,
        )


def _has_members(unit: Unit, base: TypeDef) -> bool:
    return base.struct is not None and any(True for _ in owned_members(unit, base.struct))


def _visits_base_members(unit: Unit, base: TypeDef, trace: Trace) -> bool:
    assert base.struct is not None
    seen = {event.path.rpartition(".")[2] for event in trace.of("visit")}
    return all(member.path in seen for member in owned_members(unit, base.struct))


@check("HL217")
def managed_dict_not_visited(unit: Unit) -> Iterator[Report]:
    """Py_TPFLAGS_MANAGED_DICT without the calls that visit and clear the dictionary."""
    for life in lives(unit):
        if life.made.flags is None or "Py_TPFLAGS_MANAGED_DICT" not in life.made.flags:
            continue
        for name, kind, api in (
            ("tp_traverse", "managed-visit", "PyObject_VisitManagedDict"),
            ("tp_clear", "managed-clear", "PyObject_ClearManagedDict"),
        ):
            function, trace = life.function(name), life.trace(name)
            if function is None or trace is None or not trace.complete or base_calls(life, trace, name):
                continue
            if not any(event.kind == kind for event in trace.events):
                yield Report(
                    "HL217", at_name(function),
                    f"{function.name} does not call {api}, but {life.symbol} has Py_TPFLAGS_MANAGED_DICT",
                    symbol=life.symbol, function=function.name, remedy=api,
                )


@check("HL224")
def traverse_visits_weaklist(unit: Unit) -> Iterator[Report]:
    """The weak reference list visited as if it were owned."""
    for life, function, trace in traced(unit):
        member = life.weaklist_member()
        if not member:
            continue
        for event in trace.of("visit"):
            if event.path == member:
                yield Report(
                    "HL224", event.place, f"{function.name} visits {member}, the weak reference list, which holds no references",
                    symbol=life.symbol, function=function.name, item=member,
                )


@check("HL225")
def type_visited_on_old_python(unit: Unit) -> Iterator[Report]:
    """Py_VISIT(Py_TYPE(self)) where Python 3.8 may run it."""
    if all(version > (3, 8) for version in unit.view.versions):
        return
    for life, function, trace in traced(unit):
        if not life.made.is_spec or subclassable(life.made) is not True:
            continue
        for event in trace.of("visit"):
            if event.path == TYPE and not _guarded(function, event.place):
                yield Report(
                    "HL225", event.place,
                    f"{function.name} visits the type on Python 3.8 too, where subclasses visit it themselves: "
                    "guard it with #if PY_VERSION_HEX >= 0x03090000",
                    symbol=life.symbol, function=function.name,
                )


def _guarded(function: ir.Function, place: ir.Place) -> bool:
    """Inside an `if` about PY_VERSION_HEX."""
    return any(
        isinstance(node, ir.If) and node.start <= place.start < node.end and _about_version(node.condition)
        for node in ir.walk(function.body)
    )


def _about_version(condition: ir.Expr) -> bool:
    return any(isinstance(node, ir.Name) and node.text in ("PY_VERSION_HEX", "Py_Version") for node in ir.walk(condition))


def visited_members(unit: Unit, life: Life) -> list[str]:
    """The paths of the owned members that the type's traverse visits."""
    trace = life.trace("tp_traverse")
    if trace is None:
        return []
    return [
        member.path for member in life.members
        if any(life.covers(event.path, member.path) for event in trace.of("visit") if event.path not in ("?", "", TYPE))
    ]
