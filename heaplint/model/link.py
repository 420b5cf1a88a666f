"""Connects what the units define: which call makes a type of a spec, its bases, fields assigned at run time, inits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.model.aspects import Value, index
from heaplint.model.expressions import flag_names, function_name, key_of, number, place, values_of
from heaplint.model.extract import extract
from heaplint.model.modules import ModuleDef
from heaplint.model.types import Creation, Flags, SlotDef, TypeDef
from heaplint.model.unit import DEFINED, Unit
from heaplint.records import dataclass

if TYPE_CHECKING:
    from heaplint.model.program import Group

FROM_SPEC = {
    "PyType_FromSpec": None,
    "PyType_FromSpecWithBases": 1,
    "PyType_FromModuleAndSpec": 2,
    "PyType_FromMetaclass": 3,
    "_PyType_FromMetaclass_impl": 3,
}
"""API functions that make a type: the position of the argument with the bases."""

STRUCTSEQ_INIT = {"PyStructSequence_InitType", "PyStructSequence_InitType2", "_PyStructSequence_InitBuiltin",
                  "_PyStructSequence_InitBuiltinWithFlags", "_PyStructSequence_InitType"}
STRUCTSEQ_NEW = {"PyStructSequence_NewType", "_PyStructSequence_NewType"}

_FIELD_SET = re.compile(rb"(?:\.|->)\s*(?:tp_\w+|ob_type|flags)\s*(?:\||&)?=(?!=)")
_INIT_NAME = re.compile(r"PyInit_\w+\Z")
_CREATE = {"PyModule_Create", "PyModule_Create2"}


def define(unit: Unit) -> None:
    """Find a unit's types, modules and globals, and the calls that make them."""
    extract(unit)
    _creations(unit)
    _modules(unit)


def connect(group: Group) -> None:
    """Fill in what functions, of whatever unit, do to the fields of a group's types, and the bases of these."""
    _assignments(group)
    for unit in group.units:
        for made in unit.types:
            _bases(unit, made)


def _creations(unit: Unit) -> None:
    specs: dict[str, list[TypeDef]] = {}  # of an array, or local to several functions: more than one of a name
    for made in unit.types:
        if made.kind == "heap":
            specs.setdefault(made.symbol.partition("[")[0], []).append(made)
    if not specs:
        return
    functions = {id(one): one for one in unit.all_functions_mentioning(specs.keys())}
    external = sorted(name for name, many in specs.items() if not all(made.static_linkage for made in many))
    other_units: list[tuple[Unit, ir.Function]] = [(unit, one) for one in functions.values()]
    for other in unit.mentioning(external) if external else ():
        if other is not unit and other.view.view.mode == unit.view.view.mode and not other.view.view.chosen:
            other_units.extend((other, one) for one in other.functions_mentioning(external))
    visible = {name: [made for made in specs[name] if not made.static_linkage] for name in external}
    for where, function in other_units:
        known = specs if where is unit else visible
        for node, targets in _calls_with_targets(function):
            for position, argument in enumerate(node.args):
                for made in _spec_argument(argument, known, function):
                    _record(where, made, function, node, position, targets, unit)


def _spec_argument(argument: ir.Expr, specs: dict[str, list[TypeDef]], function: ir.Function) -> list[TypeDef]:
    """The specs that an argument may be: one, or all those of an array whose index is not known."""
    inner = ir.strip(argument)
    at: int | None = None
    if isinstance(inner, ir.Unary) and inner.operator == "&":
        inner = ir.strip(inner.operand)
    if isinstance(inner, ir.Index):
        at, inner = number(inner.index), ir.strip(inner.object)
    if isinstance(inner, ir.Binary) and inner.operator == "+":
        at, inner = number(inner.right), ir.strip(inner.left)
    if not isinstance(inner, ir.Name):
        return []
    found = [made for made in specs.get(inner.text, ()) if made.local_to in ("", function.name)]
    return [made for made in found if at is None or made.symbol in (inner.text, f"{inner.text}[{at}]")]


def _record(where: Unit, made: TypeDef, function: ir.Function, call: ir.Call, index: int, targets: tuple[str, ...], unit: Unit) -> None:
    name = ir.called(call)
    if name in STRUCTSEQ_INIT:
        made.written_as = "structseq"
        target = key_of(call.args[index - 1]) if index else ""
        static = next((one for one in unit.types if one.symbol == target and one.kind == "static"), None)
        if static is not None:
            static.written_as = "structseq"
            static.flags = Flags(frozenset({"Py_TPFLAGS_DEFAULT"}), static.place, "a struct sequence")
            made.slots_unknown = "describes " + static.symbol
        return
    if name in STRUCTSEQ_NEW:
        made.targets.update(targets)
        made.creations.append(Creation(function.path, function.name, place(function.path, call), name, None, targets))
        return
    api, bases, unknown = name, None, False
    if name in FROM_SPEC:
        position = FROM_SPEC[name]
        bases = call.args[position] if position is not None and position < len(call.args) else None
    else:
        api, bases, unknown = _through_helper(where, call, index)
        targets = targets + tuple(
            key_of(argument) for position, argument in enumerate(call.args)
            if position != index and argument is not bases and isinstance(ir.strip(argument), ir.Unary) and key_of(argument)
        )
        if api == "":
            return
    made.creations.append(Creation(function.path, function.name, place(function.path, call), api, bases, targets, unknown))
    made.targets.update(target for target in targets if target)


def _through_helper(unit: Unit, call: ir.Call, index: int, depth: int = 0) -> tuple[str, ir.Expr | None, bool]:
    """API, bases and whether they stay unknown, for a helper of the program that is given a spec."""
    helper = unit.function(ir.called(call))
    if helper is None or depth > 3 or index >= len(helper.parameters):
        return ("" if helper is None and ir.called(call).startswith("Py") else "?"), None, True
    parameter = helper.parameters[index].name
    for inner in ir.calls(helper.body):
        for position, argument in enumerate(inner.args):
            if key_of(argument) != parameter or isinstance(ir.strip(argument), ir.Member):
                continue
            name = ir.called(inner)
            if name in FROM_SPEC:
                at = FROM_SPEC[name]
                bases = inner.args[at] if at is not None and at < len(inner.args) else None
                if bases is None or ir.is_null(bases):
                    return name, None, False
                return name, *_map_back(bases, helper, call)
            found = _through_helper(unit, inner, position, depth + 1)
            if found[0] not in ("", "?"):
                if found[1] is None:
                    return found
                return found[0], *_map_back(found[1], helper, call)
    return "?", None, True


def _map_back(bases: ir.Expr, helper: ir.Function, call: ir.Call) -> tuple[ir.Expr | None, bool]:
    """The caller's expression for what the helper passes on as bases."""
    key = key_of(bases)
    names = [parameter.name for parameter in helper.parameters]
    if key not in names:  # a local, such as a tuple packed around the parameter
        for node in ir.walk(helper.body):
            value = None
            if isinstance(node, ir.Assign) and key_of(node.target) == key:
                value = node.value
            elif isinstance(node, ir.Variable) and node.name == key:
                value = node.init
            if isinstance(value, ir.Expr.__args__) and ir.called(ir.strip(value)) == "PyTuple_Pack":
                packed = ir.strip(value)
                assert isinstance(packed, ir.Call)
                for argument in packed.args[1:]:
                    if key_of(argument) in names:
                        return _map_back(argument, helper, call)
        return None, True
    at = names.index(key)
    if at >= len(call.args) or ir.is_null(call.args[at]):
        return None, False
    return call.args[at], False


def _calls_with_targets(function: ir.Function) -> Iterator[tuple[ir.Call, tuple[str, ...]]]:
    """Every call of a function, with the names its result is assigned to (through casts and chained assignments)."""
    targets: dict[int, tuple[str, ...]] = {}
    for node in ir.walk(function.body):
        value: ir.Expr | None = None
        names: tuple[str, ...] = ()
        if isinstance(node, ir.Assign) and node.operator == "=":
            value, names = node.value, (key_of(node.target),)
        elif isinstance(node, ir.Variable) and node.init is not None:
            value, names = node.init, (node.name,)
        if value is not None:
            inner = ir.strip(value)
            while isinstance(inner, ir.Assign):
                names += (key_of(inner.target),)
                inner = ir.strip(inner.value)
            if isinstance(inner, ir.Call):
                targets[id(inner)] = targets.get(id(inner), ()) + names
    moved = _copies(function)
    for call in ir.calls(function.body):
        direct = targets.get(id(call), ())
        more = tuple(to for name in direct for to in moved.get(name, ()))
        yield call, tuple(dict.fromkeys(direct + more))


def _copies(function: ir.Function) -> dict[str, list[str]]:
    """`a = b` between names and members: b → [a]; also what is passed on by `*out = b`."""
    result: dict[str, list[str]] = {}
    for node in ir.walk(function.body):
        if isinstance(node, ir.Assign) and node.operator == "=":
            source = ir.strip(node.value)
            if isinstance(source, ir.Name) and not ir.is_null(source):
                result.setdefault(source.text, []).append(key_of(node.target))
        elif isinstance(node, ir.Variable) and node.init is not None:
            source = ir.strip(node.init)
            if isinstance(source, ir.Name) and not ir.is_null(source):
                result.setdefault(source.text, []).append(node.name)
    return result


@dataclass(frozen=True, slots=True)
class FieldSet:
    """`T.tp_x = f`, `((PyTypeObject *)t)->tp_x = f`, `T.tp_flags |= F`, wherever they stand."""

    path: str
    function: str
    node: ir.Assign
    target: ir.Member
    keys: tuple[str, ...]
    """The name that the type is held by, and those of what that is copied from."""


def _field_sets(unit: Unit) -> tuple[FieldSet, ...]:
    """The assignments to fields of type objects in the unit's own texts."""
    if unit.field_sets is None:
        unit.field_sets = tuple(_find_field_sets(unit))
    return unit.field_sets


def _find_field_sets(unit: Unit) -> Iterator[FieldSet]:
    for function in unit.functions_with(_FIELD_SET):
        moved: dict[str, list[str]] | None = None
        parameters = {parameter.name for parameter in function.parameters}
        for node in ir.walk(function.body):
            if not isinstance(node, ir.Assign):
                continue
            target = ir.strip(node.target)
            if not isinstance(target, ir.Member) or not target.field.startswith(("tp_", "flags")):
                continue
            key = key_of(target.object)
            if target.field.startswith("tp_") and key in parameters:
                continue
            if moved is None:
                moved = _copies(function)
            yield FieldSet(function.path, function.name, node, target, (key, *moved.get(key, ())))


@index("fields set")
def _names_with_fields_set(unit: Unit) -> Iterator[tuple[str, Value]]:
    for one in _field_sets(unit):
        for key in one.keys:
            yield key, None


def _assignments(group: Group) -> None:
    """What assignments in any unit do to the fields of a group's types."""
    mine = {id(made) for unit in group.units for made in unit.types}
    names = sorted({name for unit in group.units for made in unit.types for name in (made.symbol, *made.targets)})
    if not names:
        return
    paths = {path for name in names for path, _ in group.units[0].ask("fields set", name)}
    for unit in group.units[0].others(sorted(paths | {group.path}), DEFINED):
        for one in _field_sets(unit):
            if one.target.field == "flags" and unit.group is group:
                _assign_spec_flags(unit, one)
            if not one.target.field.startswith("tp_"):
                continue
            types = unit.types_named(one.keys[0])
            if not types:
                types = [made for other in one.keys[1:] for made in unit.types_named(other)]
            for made in types:
                if id(made) in mine:
                    _assign_field(made, one.target.field, one.node, one.path)


def _assign_spec_flags(unit: Unit, one: FieldSet) -> None:
    """`spec.flags |= F` before the type is made."""
    if one.target.arrow or not isinstance(one.target.object, ir.Name):
        return
    for made in unit.types:
        if made.is_spec and made.symbol == one.target.object.text and made.local_to in ("", one.function):
            _assign_field(made, "tp_flags", one.node, one.path)


def _assign_field(made: TypeDef, field: str, node: ir.Assign, path: str) -> None:
    where = place(path, node)
    if field == "tp_flags":
        names, unknown = flag_names(node.value)
        if node.operator == "|=" or node.operator == "=":
            old = made.flags.names if made.flags and node.operator == "|=" else frozenset()
            before = made.flags.unknown if made.flags and node.operator == "|=" else ""
            made.flags = Flags(old | names, made.flags.place if made.flags and node.operator == "|=" else where, before or unknown)
        else:
            made.flags = Flags(made.flags.names if made.flags else frozenset(), where, "changed at run time")
    elif field == "tp_basicsize":
        made.basicsize, made.basicsize_place = node.value, where
    elif field == "tp_name":
        made.name = made.name or ir.string_value(node.value)
    elif field == "tp_base":
        made.slots["tp_base"] = SlotDef(field, node.value, where, function_name(node.value), True)
    else:
        made.slots[field] = SlotDef(field, node.value, where, function_name(node.value), True)


def _bases(unit: Unit, made: TypeDef) -> None:
    """Resolve the base of a type from its slot, or the arguments of the calls that make it."""
    slot = made.slots.get("tp_base")
    expressions: list[tuple[ir.Expr, ir.Place | None, ir.Function | None]] = []
    if slot is not None:
        if not ir.is_null(slot.value):
            expressions.append((slot.value, slot.place, None))
    elif "tp_bases" in made.slots:
        expressions.append((made.slots["tp_bases"].value, made.slots["tp_bases"].place, None))
    for creation in made.creations:
        if creation.bases_unknown:
            made.bases_unknown = "the bases come from a helper that could not be followed"
        elif creation.bases is not None and not ir.is_null(creation.bases):
            function = unit.function(creation.function) or _function_at(unit, creation)
            expressions.append((creation.bases, creation.call, function))
    for expression, where, function in expressions:
        made.base_place = made.base_place or where
        for base in resolve_types(unit, expression, function, 0):
            if base == "":
                made.bases_unknown = made.bases_unknown or "a base is not known"
            elif base is not made and base not in made.bases:
                made.bases.append(base)


def _function_at(unit: Unit, creation: Creation) -> ir.Function | None:
    home = unit.program.home(creation.path)
    units = unit.others([home.path], DEFINED) if home is not None else ()
    return next((one for other in units if (one := other.function(creation.function)) is not None), None)


def resolve_types(unit: Unit, expression: ir.Expr, function: ir.Function | None, depth: int) -> list[TypeDef | str]:
    """The types an expression may mean: program types, C names of the interpreter's, "" for what is not known."""
    inner = ir.strip(expression)
    while isinstance(inner, ir.Unary) and inner.operator == "&":
        inner = ir.strip(inner.operand)
    if ir.is_null(inner):
        return []
    if isinstance(inner, ir.Call):
        name = ir.called(inner)
        if name in ("PyTuple_Pack", "Py_BuildValue"):
            found: list[TypeDef | str] = []
            for argument in inner.args[1:]:
                found += resolve_types(unit, argument, function, depth + 1)
            return found or [""]
        if name in ("Py_NewRef", "Py_XNewRef", "PyObject_Type", "_PyObject_CAST") and inner.args:
            return resolve_types(unit, inner.args[0], function, depth + 1)
        return [""]
    key = key_of(inner)
    if isinstance(inner, (ir.Member, ir.Name)):
        known = unit.types_named(key)
        if isinstance(inner, ir.Name) and function is not None and is_local(function, key):
            known = [one for one in known if _made_in(one, key, function)]
        if known:
            return [known[0]] if len({one.symbol for one in known}) == 1 else [""]
        if key.startswith(("PyExc_", "_PyExc_")) or re.match(r"_?Py[A-Z]\w*_Type\Z", key) or key == "PyStructSequence":
            return [key]
    if isinstance(inner, ir.Name) and function is not None and depth < 4:
        found = []
        for value in values_of(function, key):
            found += resolve_types(unit, value, function, depth + 1)
        if found:
            return list(dict.fromkeys(found))
    if isinstance(inner, ir.Member) and inner.field in ("tp_base", "PyExc"):
        return [""]
    return [""]


def is_local(function: ir.Function, name: str) -> bool:
    """Whether a name is that of a parameter or of a variable that the function declares."""
    return any(parameter.name == name for parameter in function.parameters) or any(
        isinstance(node, ir.Variable) and node.name == name for node in ir.walk(function.body)
    )


def _made_in(made: TypeDef, local: str, function: ir.Function) -> bool:
    """Whether a local variable of a function holds a type because this very function puts it there."""
    if made.symbol == local:
        return made.local_to == function.name
    return any(one.function == function.name and local in one.targets for one in made.creations)


def _modules(unit: Unit) -> None:
    """Which PyInit_ function uses which definition, and how."""
    if not unit.modules:
        return
    by_symbol = {made.symbol: made for made in unit.modules}
    for made in unit.modules:
        if "m_slots" in made.fields and not ir.is_null(made.fields["m_slots"]):
            made.init = "multi-phase"
    for function in unit.all_functions_mentioning(by_symbol.keys()):
        for call in ir.calls(function.body):
            name = ir.called(call)
            for argument in call.args[:1]:
                module = by_symbol.get(key_of(argument))
                if module is None:
                    continue
                if name in _CREATE:
                    module.init = "single-phase"
                    _init_function(unit, module, function)
                elif name in ("PyModuleDef_Init", "PyModule_FromDefAndSpec", "PyModule_FromDefAndSpec2"):
                    if module.init == "unknown":
                        module.init = "multi-phase"
                    _init_function(unit, module, function)
        for node in ir.walk(function.body):
            if isinstance(node, ir.Assign) and isinstance(node.target, ir.Member):
                module = by_symbol.get(key_of(node.target.object))
                if module is not None and node.target.field.startswith("m_"):
                    module.fields[node.target.field] = node.value
                    if node.target.field in ("m_traverse", "m_clear", "m_free") and not ir.is_null(node.value):
                        module.functions[node.target.field] = function_name(node.value)


def _init_function(unit: Unit, module: ModuleDef, function: ir.Function) -> None:
    if _INIT_NAME.match(function.name) or not module.init_function:
        module.init_function = function.name
