"""Finds the types and modules of a unit: initialisers, specs, struct sequences, those that macros make."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import table_fields
from heaplint.frontend.items import Item
from heaplint.frontend.preprocess import Macro, Reading
from heaplint.frontend.text import Text
from heaplint.model.expressions import fields_of, flag_names, function_name, number, place
from heaplint.model.globals import GlobalVariable
from heaplint.model.modules import MODULE_DEF_FIELDS, ModuleDef, ModuleSlot
from heaplint.model.types import SPEC_FIELDS, TYPE_OBJECT_FIELDS, Flags, SlotDef, TypeDef, WrittenAs
from heaplint.model.unit import Unit
from heaplint.records import dataclass

_MAKERS = ("PyTypeObject", "PyType_Spec", "PyModuleDef", "PyStructSequence_Desc", "PyHeapTypeObject")
_NO_POINTER = r"(?!\s*\*(?!\s*\w+\s*,[^;{}()]*=\s*\{))"
_WORDS = re.compile("|".join(rf"{word}\b(?<!\w{word}){_NO_POINTER}" for word in sorted(_MAKERS)).encode())
_STATIC_POINTER = re.compile(rb"static\b(?<!\wstatic)[^;{}()=]{0,1000}\*")
_STATIC_DECLARED = re.compile(r"\bstatic\b[^;{}()=]{0,1000}\*[^;{}()]{0,1000}(?:;|=)")
_ELEMENT_SET = re.compile(rb"\s*\[[^\]\n]{0,200}\]\s*(?:\.\s*\w+\s*)?=(?!=|\s*\{)")
_STATIC_MAKERS = ("_Py_IDENTIFIER", "_Py_static_string")
_FIRST_MACRO = re.compile(rb"\s*(?:[A-Za-z_]\w*\s+){0,3}([A-Za-z_]\w*)\s*\(")
_TABLE_SLOTS = {
    "tp_as_number": "PyNumberMethods", "tp_as_sequence": "PySequenceMethods", "tp_as_mapping": "PyMappingMethods",
    "tp_as_async": "PyAsyncMethods", "tp_as_buffer": "PyBufferProcs",
}
_NOT_A_SLOT = frozenset({"ob_base", "tp_name", "tp_basicsize", "tp_itemsize", "tp_flags"})


@dataclass(frozen=True, slots=True)
class _Found:
    """A variable of interest and where it was met."""

    variable: ir.Variable
    text: Text
    function: str
    macro: bool


def extract(unit: Unit) -> None:
    """Fill a unit's types, modules and globals from its own texts."""
    for text in unit.own:
        for found in _variables(text):
            _take(unit, found)
        unit.globals.extend(_globals(text))
    _settle(unit)


def _makers(text: Text) -> set[str]:
    """The project's macros that, through others or not, make a type or a module."""
    readings = (text.reading, *text.reading.headers, *_around(text))
    makers: set[str] = set()
    wanted: list[tuple[str, str]] = [(word, rf"\b{word}\b(?!\s*\*)") for word in _MAKERS]
    while wanted:
        word, pattern = wanted.pop()
        for name in {name for one in readings for name in one.macros_with(word)} - makers:
            if re.search(pattern, _body(name, readings)):
                makers.add(name)
                wanted.append((name, rf"\b{name}\b"))
    return makers


def _body(name: str, readings: tuple[Reading, ...]) -> str:
    """The body of a macro in the first of several readings that has more than a few letters of it."""
    for one in readings:
        many = one.macros.get(name)
        if many:
            macro = one.last(name) or next((m for m in many if not isinstance(m, int)), None)
            if macro is not None and len(macro.body) > 4:
                return macro.body
    return ""


def _around(text: Text) -> tuple[Reading, ...]:
    """For a file that begins an item with a macro it does not include itself: what its includer brings in."""
    if text.includer is None:
        return ()
    around = (text.includer.reading, *text.includer.reading.headers)
    uses = {
        use.group(1).decode()
        for item in text.items
        if item.kind == "declaration" and (use := _FIRST_MACRO.match(text.code, item.start, item.end))
    }
    return around if any(not uses.isdisjoint(one.macros) for one in around) else ()


def _variables(text: Text) -> Iterator[_Found]:
    """The variables of a text whose type is one of the API's definitions, local ones included."""
    seen: set[int] = set()
    for item in text.items_with(_WORDS):
        seen.add(item.start)
        yield from _of_item(text, item, False)
    makers = _makers(text)
    if makers:
        for item in text.items_mentioning(makers):
            if item.start not in seen:
                yield from _of_item(text, item, True)


def _of_item(text: Text, item: Item, macro: bool) -> Iterator[_Found]:
    parsed = text.parse(item)
    for variable in parsed.variables:
        if _is_definition(variable):
            yield _Found(variable, text, "", macro)
    for function in parsed.functions:
        for node in ir.walk(function.body):
            if isinstance(node, ir.Variable) and _is_definition(node):
                yield _Found(node, text, function.name, macro)


def _is_definition(variable: ir.Variable) -> bool:
    kind = variable.type
    return (
        kind.name in _MAKERS and kind.pointers == 0 and not kind.function and bool(variable.name)
        and not ({"extern", "typedef"} & kind.storage and variable.init is None)
        and "typedef" not in kind.storage
    )


def _take(unit: Unit, found: _Found) -> None:
    variable, path = found.variable, found.text.path
    name = variable.type.name
    if found.function and variable.init is None and name not in ("PyTypeObject", "PyStructSequence_Desc"):
        return
    if name == "PyModuleDef":
        unit.modules.append(_module(unit, found))
    elif name == "PyType_Spec":
        for symbol, init in _elements(variable):
            unit.types.append(_spec(unit, found, symbol, init))
    elif name == "PyTypeObject" or name == "PyHeapTypeObject":
        if variable.type.arrays and variable.init is None:
            return
        if found.function and "static" not in variable.type.storage and variable.init is None:
            return
        for symbol, init in _elements(variable):
            unit.types.append(_static(unit, found, symbol, init))
    elif name == "PyStructSequence_Desc" and (variable.init is not None or found.function):
        linkage = _internal(found)
        structseq = TypeDef(
            variable.name, None, "heap", "structseq", place(path, variable), linkage, local_to=found.function
        )
        if isinstance(variable.init, ir.InitList):
            fields, _ = fields_of(variable.init, ("name", "doc", "fields", "n_in_sequence"))
            structseq.name = ir.string_value(fields.get("name"))
        unit.types.append(structseq)


def _elements(variable: ir.Variable) -> Iterator[tuple[str, ir.InitList | None]]:
    """Symbol and initialiser: of the variable, or of each element of an array."""
    init = variable.init
    if variable.type.arrays:
        if isinstance(init, ir.InitList):
            for index, entry in enumerate(init.entries):
                if isinstance(entry.value, ir.InitList) and entry.value.entries and not ir.is_null(entry.value.entries[0].value):
                    yield f"{variable.name}[{index}]", entry.value
    else:
        yield variable.name, init if isinstance(init, ir.InitList) else None


def _written(found: _Found) -> WrittenAs:
    return "macro" if found.macro else "initializer"


def _internal(found: _Found) -> bool:
    """Whether no other file can refer to a definition by its name."""
    if found.function or "static" in found.variable.type.storage:
        return True
    item = found.text.item_at(found.variable.start) if found.text.reading.plus_plus else None
    return item is not None and item.internal


def _spec(unit: Unit, found: _Found, symbol: str, init: ir.InitList | None) -> TypeDef:
    path = found.text.path
    variable = found.variable
    linkage = _internal(found)
    made = TypeDef(
        symbol, None, "heap", "macro" if found.macro else "spec", place(path, variable), linkage, local_to=found.function
    )
    if init is None:
        made.slots_unknown = "the spec is filled in at run time" if variable.init is None else "the spec could not be read"
        return made
    fields, unknown = fields_of(init, SPEC_FIELDS)
    made.name, made.name_place = _string(unit, path, fields.get("name"))
    made.basicsize = fields.get("basicsize")
    made.basicsize_place = place(path, made.basicsize) if made.basicsize is not None else None
    names, why = flag_names(fields.get("flags"))
    where = place(path, fields["flags"]) if "flags" in fields else made.place
    made.flags = Flags(names, where, why or unknown)
    _read_slots(unit, found, made, fields.get("slots"))
    return made


def _string(unit: Unit, path: str, expr: ir.Expr | None) -> tuple[str | None, ir.Place | None]:
    text = ir.string_value(expr)
    if text is None and isinstance(expr, ir.Name):
        variable = unit.variable(expr.text)
        text = ir.string_value(variable.init) if variable is not None else None
    if expr is None:
        return None, None
    if not isinstance(expr, ir.Constant) or expr.kind != "string":
        return text, place(path, expr)
    return text, place(path, expr)


def _slot_array(unit: Unit, found: _Found, expr: ir.Expr | None, kind: str) -> tuple[ir.InitList | None, ir.Place | None, str, str]:
    """The initialiser of the array that an expression names, its place, its name and why it is not known."""
    path = found.text.path
    inner = ir.strip(expr) if expr is not None else None
    if inner is None or ir.is_null(inner):
        return None, None, "", ""
    if isinstance(inner, ir.Unary) and inner.operator == "&":
        inner = ir.strip(inner.operand)
    if isinstance(inner, ir.Index):
        inner = ir.strip(inner.object)
    if isinstance(inner, ir.InitList):
        return inner, place(path, inner), "", ""
    if not isinstance(inner, ir.Name):
        return None, None, "", f"the {kind} array is not named"
    variable = _local(found, inner.text) or unit.variable(inner.text)
    if variable is None or not isinstance(variable.init, ir.InitList):
        return None, None, inner.text, f"{inner.text} is not defined in the files read, or could not be read"
    where = next((text.path for text in unit.texts if inner.text in (text.index or {})), path)
    return variable.init, place(path if _local(found, inner.text) else where, variable), inner.text, ""


def _local(found: _Found, name: str) -> ir.Variable | None:
    if not found.function:
        return None
    function = found.text.function(found.function)
    for node in ir.walk(function.body if function else None):
        if isinstance(node, ir.Variable) and node.name == name and node.init is not None and node.start <= found.variable.start:
            best = node
            return best
    return None


def _read_slots(unit: Unit, found: _Found, made: TypeDef, expr: ir.Expr | None) -> None:
    array, where, name, unknown = _slot_array(unit, found, expr, "slot")
    made.slots_unknown = made.slots_unknown or unknown
    made.slots_place = where
    if array is None:
        made.slots_unknown = made.slots_unknown or ("" if expr is None or ir.is_null(expr) else "the slots could not be read")
        return
    path = where.path if where else found.text.path
    terminated = False
    for entry in array.entries:
        pair = entry.value
        if isinstance(pair, ir.Call) and ir.called(pair) in ("PySlot_END",):
            terminated = True
            break
        if not isinstance(pair, ir.InitList):
            if isinstance(pair, ir.Name) and pair.text == "PySlot_END":
                terminated = True
                break
            made.slots_unknown = made.slots_unknown or "an element of the slot array could not be read"
            continue
        given, _ = fields_of(pair, ("slot", "pfunc"))
        slot = given.get("slot")
        if slot is None or ir.is_null(slot):
            terminated = True
            break
        if not isinstance(slot, ir.Name) or not slot.text.startswith("Py_"):
            made.slots_unknown = made.slots_unknown or "a slot id that is not known"
            continue
        value = given.get("pfunc")
        if value is None:
            continue
        one = SlotDef(slot.text.removeprefix("Py_"), value, place(path, pair), function_name(value))
        _add_slot(made, one)
    made.slots_terminated = terminated
    if name and _patched(unit, name):
        made.slots_unknown = made.slots_unknown or f"{name} is changed at run time"


def _add_slot(made: TypeDef, slot: SlotDef) -> None:
    if slot.name in made.slots and not slot.runtime:
        made.duplicates.append(slot)
    made.slots[slot.name] = slot


def _patched(unit: Unit, array: str) -> bool:
    for text in unit.texts:
        for at in text.mentions(array):
            if _ELEMENT_SET.match(text.code, at + len(array)):
                item = text.item_at(at)
                if item is not None and item.kind == "function":
                    return True
    return False


def _static(unit: Unit, found: _Found, symbol: str, init: ir.InitList | None) -> TypeDef:
    path, variable = found.text.path, found.variable
    linkage = _internal(found)
    made = TypeDef(
        symbol, None, "static", "runtime" if init is None else _written(found), place(path, variable), linkage,
        local_to=found.function,
    )
    made.targets.add(symbol)
    if init is None:
        if variable.init is not None:
            made.slots_unknown = "the initialiser could not be read"
            made.written_as = _written(found)
        return made
    if variable.type.name == "PyHeapTypeObject":
        inner = next((e.value for e in init.entries if isinstance(e.value, ir.InitList)), None)
        init = inner if isinstance(inner, ir.InitList) else init
    fields, unknown = fields_of(init, TYPE_OBJECT_FIELDS)
    made.slots_unknown = unknown
    made.name, made.name_place = _string(unit, path, fields.get("tp_name"))
    made.basicsize = fields.get("tp_basicsize")
    made.basicsize_place = place(path, made.basicsize) if made.basicsize is not None else None
    if "tp_flags" in fields:
        names, why = flag_names(fields["tp_flags"])
        made.flags = Flags(names, place(path, fields["tp_flags"]), why)
    for name, value in fields.items():
        if name in _NOT_A_SLOT or ir.is_null(value):
            continue
        made.slots[name] = SlotDef(name, value, place(path, value), function_name(value))
        if name in _TABLE_SLOTS:
            _read_table(unit, made, made.slots[name], _TABLE_SLOTS[name])
    return made


def _read_table(unit: Unit, made: TypeDef, slot: SlotDef, kind: str) -> None:
    """The functions of a `PyNumberMethods` and its like become slots of the type."""
    variable = unit.variable(slot.function)
    if variable is None or not isinstance(variable.init, ir.InitList):
        return
    where = next((text.path for text in unit.texts if slot.function in (text.index or {})), slot.place.path)
    fields, _ = fields_of(variable.init, table_fields(kind))
    for name, value in fields.items():
        if not ir.is_null(value) and name.islower():
            made.slots[name] = SlotDef(name, value, place(where, value), function_name(value))


def _module(unit: Unit, found: _Found) -> ModuleDef:
    path, variable = found.text.path, found.variable
    made = ModuleDef(variable.name, None, place(path, variable), local_to=found.function)
    if not isinstance(variable.init, ir.InitList):
        return made
    made.fields, _ = fields_of(variable.init, MODULE_DEF_FIELDS)
    made.name, _ = _string(unit, path, made.fields.get("m_name"))
    _settle_module(unit, found, made)
    return made


def _settle_module(unit: Unit, found: _Found, made: ModuleDef) -> None:
    size = made.fields.get("m_size")
    made.size = number(size) if size is not None else 0
    inner = ir.strip(size) if size is not None else None
    if isinstance(inner, ir.SizeOf) and inner.type is not None:
        made.state = unit.struct(inner.type.name)
    for name in ("m_traverse", "m_clear", "m_free"):
        value = made.fields.get(name)
        if value is not None and not ir.is_null(value):
            made.functions[name] = function_name(value)
    array, where, _name, unknown = _slot_array(unit, found, made.fields.get("m_slots"), "slot")
    made.slots_unknown = unknown
    made.slots_place = where
    if array is None:
        return
    terminated = False
    path = where.path if where else found.text.path
    for entry in array.entries:
        pair = entry.value
        if not isinstance(pair, ir.InitList):
            made.slots_unknown = made.slots_unknown or "an element could not be read"
            continue
        given, _ = fields_of(pair, ("slot", "value"))
        slot = given.get("slot")
        if slot is None or ir.is_null(slot):
            terminated = True
            break
        value = given.get("value")
        if isinstance(slot, ir.Name) and value is not None:
            made.slots.append(ModuleSlot(slot.text, value, place(path, pair), function_name(value)))
        else:
            made.slots_unknown = made.slots_unknown or "a slot id that is not known"
    made.slots_terminated = terminated


def _globals(text: Text) -> Iterator[GlobalVariable]:
    """Pointers and structs with static storage; which of them hold objects is the checks' question."""
    for item in text.items:
        if item.kind != "declaration":
            continue
        limit = text.code.find(b"=", item.start, item.end)
        head_end = item.end if limit < 0 else limit
        brace = text.code.find(b"{", item.start, head_end)
        if brace >= 0 and text.reading.plus_plus and _BRACED_POINTER.match(text.code, item.start, item.end):
            head_end, brace = brace, -1
        if brace >= 0 or (item.end - item.start > 4000 and limit < 0):
            continue
        head = text.code[item.start : head_end]
        if b"*" not in head or b"typedef" in head or (b"(" in head and b"=" not in head and b"(*" not in head and not _MACROISH.match(head)):
            continue
        if b"extern" in head or (b"char" in head and b"Py" not in head):
            continue
        if item.end - item.start > 20000:
            continue
        for variable in text.parse(item).variables:
            if variable.type.pointers and not variable.type.function and "typedef" not in variable.type.storage and "extern" not in variable.type.storage:
                yield GlobalVariable(variable.name, place(text.path, variable), variable)
    for item in _with_static_pointers(text):
        for function in text.parse(item).functions:
            for node in ir.walk(function.body):
                if not isinstance(node, ir.Variable) or "static" not in node.type.storage:
                    continue
                if node.type.pointers and not node.type.function and "char" not in node.type.base:
                    yield GlobalVariable(node.name, place(text.path, node), node, function.name)


def _with_static_pointers(text: Text) -> Iterator[Item]:
    """The functions that may have static locals which are pointers; what stands before the body does not count."""
    code = text.code
    reading = text.reading
    makers = {
        name for one in (reading, *reading.headers) for name in one.macros_with("static")
        if any(isinstance(macro, Macro) and _STATIC_DECLARED.search(macro.body) for macro in one.macros[name])
    }
    makers.update(name for name in _STATIC_MAKERS if name.encode() in code)
    found = {item.start for item in text.items_mentioning(makers) if item.kind == "function"}
    for match in _STATIC_POINTER.finditer(code):
        if b"char" in match.group() and b"Py" not in match.group():
            continue  # the keywords of a function's arguments
        item = text.item_at(match.start())
        if item is not None and item.kind == "function" and match.start() >= item.body:
            found.add(item.start)
    for start in sorted(found):
        item = text.item_at(start)
        if item is not None:
            yield item


_BRACED_POINTER = re.compile(rb"\s*(?:\w+(?:\s*::\s*|\s+)){0,12}\w+\s*\*[\s*]*(?:\w+\s*::\s*){0,8}\w+\s*\{[^{};]*\}\s*;")
_MACROISH = re.compile(rb"\s*(?:\w+\s+)*[A-Z_]+\s*\(")


def _settle(unit: Unit) -> None:
    """Drop tentative definitions that an initialised one completes, and name the instance structs."""
    initialised = {made.symbol for made in unit.types if made.written_as != "runtime" and not made.local_to}
    initialised |= {
        name for text in unit.texts for name in (text.index or {})
    }
    seen: set[str] = set()
    kept = []
    for made in unit.types:
        if made.written_as == "runtime" and not made.local_to:
            if made.symbol in initialised or made.symbol in seen:
                continue
            other = unit.variable(made.symbol)
            if other is not None and other.init is not None and other.type.name in _MAKERS:
                continue
            seen.add(made.symbol)
        kept.append(made)
    unit.types[:] = kept
    modules = {made.symbol for made in unit.modules if made.fields}
    unit.modules[:] = [made for made in unit.modules if made.fields or made.symbol not in modules]
    for made in unit.types:
        inner = ir.strip(made.basicsize) if made.basicsize is not None else None
        if isinstance(inner, ir.Binary):
            inner = ir.strip(inner.left)
        if isinstance(inner, ir.SizeOf) and inner.type is not None and not inner.type.pointers:
            made.struct = unit.struct(inner.type.name)
        elif isinstance(inner, ir.Call) and ir.called(inner) == "offsetof" and isinstance(inner.args[0], ir.Name):
            made.struct = unit.struct(inner.args[0].text)
