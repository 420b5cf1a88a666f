"""HL301, HL305, HL306, HL307, HL309: how a module is initialised and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.model.expressions import key_of, place, values_of
from heaplint.model.mentions import other_readings
from heaplint.model.module_lookup import module_named, modules_around
from heaplint.model.modules import ModuleDef
from heaplint.model.unit import Unit

_INIT = re.compile(r"PyInit_\w+\Z")
_CREATE = frozenset({"PyModule_Create", "PyModule_Create2", "PyModule_New", "PyModule_NewObject"})
_MAX_DEPTH = 4


@check("HL301")
def single_phase_init(unit: Unit) -> Iterator[Report]:
    """PyInit_ functions that give back a module."""
    for function in unit.functions_mentioning(["PyMODINIT_FUNC", *_init_names(unit)]):
        if _INIT.match(function.name):
            call = _module_returned(unit, function, 0)
            if call is not None:
                yield Report(
                    "HL301",
                    ir.Place(function.path, function.start, function.end),
                    f"{function.name} uses single-phase initialisation: it returns a module ({ir.called(call)}); "
                    f"return PyModuleDef_Init({_definition(call)}) and move the work to a Py_mod_exec function",
                    symbol=function.name,
                    function=function.name,
                )


def _definition(call: ir.Call) -> str:
    """The definition that a module is made of, as it is written."""
    inner = ir.strip(call.args[0]) if call.args else None
    name = key_of(inner)
    if not name:
        return "&def"
    return f"&{name}" if isinstance(inner, ir.Unary) else name


def _init_names(unit: Unit) -> list[str]:
    """The PyInit_ names that the unit's texts define."""
    return sorted(name for text in unit.own for name in text.functions if _INIT.match(name))


def _module_returned(unit: Unit, function: ir.Function, depth: int) -> ir.Call | None:
    """The call that makes the module which a function returns; None when it returns none or that is not known."""
    for node in ir.walk(function.body):
        if isinstance(node, ir.Return) and node.value is not None:
            found = _module_of(unit, function, node.value, depth, frozenset())
            if found is not None:
                return found
    return None


def _module_of(unit: Unit, function: ir.Function, value: ir.Expr, depth: int, names: frozenset[str]) -> ir.Call | None:
    inner = ir.strip(value)
    if isinstance(inner, ir.Conditional):
        return _module_of(unit, function, inner.then, depth, names) or _module_of(
            unit, function, inner.otherwise, depth, names
        )
    if isinstance(inner, ir.Assign):
        return _module_of(unit, function, inner.value, depth, names)
    if isinstance(inner, ir.Call):
        if ir.called(inner) in _CREATE:
            return inner
        helper = unit.function(ir.called(inner)) if ir.called(inner) and depth < _MAX_DEPTH else None
        return _module_returned(unit, helper, depth + 1) if helper is not None else None
    if isinstance(inner, ir.Name) and inner.text not in names:
        for source in values_of(function, inner.text):
            found = _module_of(unit, function, source, depth, names | {inner.text})
            if found is not None:
                return found
    return None


@check("HL305")
def module_found_globally(unit: Unit) -> Iterator[Report]:
    """PyState_FindModule and PyState_AddModule with a definition that is initialised in two phases."""
    for function in unit.functions_mentioning(["PyState_FindModule", "PyState_AddModule"]):
        for call in ir.calls(function.body):
            name = ir.called(call)
            if name not in ("PyState_FindModule", "PyState_AddModule") or not call.args:
                continue
            module = module_named(unit, call.args[-1])
            if module is None or module.init != "multi-phase":
                continue
            what = "always returns NULL" if name == "PyState_FindModule" else "raises SystemError"
            yield Report(
                "HL305",
                place(function.path, call),
                f"{name} {what} here: {module.symbol} is initialised in two phases; pass the module along, "
                "or find it with PyType_GetModule or PyType_GetModuleByDef",
                symbol=module.symbol,
                function=function.name,
            )


@check("HL306")
def interpreters_undeclared(unit: Unit) -> Iterator[Report]:
    """Multi-phase modules without Py_mod_multiple_interpreters."""
    for module in unit.modules:
        if module.init == "multi-phase" and _lacks(unit, module, "Py_mod_multiple_interpreters"):
            yield Report(
                "HL306",
                module.place,
                f"{module.symbol} does not say whether it supports several interpreters; "
                "add a Py_mod_multiple_interpreters slot",
                symbol=module.symbol,
            )


@check("HL307")
def gil_undeclared(unit: Unit) -> Iterator[Report]:
    """Modules with a PyInit_ function that do not say whether they need the GIL."""
    for module in unit.modules:
        if module.init == "unknown" or not _INIT.match(module.init_function) or not _lacks(unit, module, "Py_mod_gil"):
            continue
        if any(b"PyUnstable_Module_SetGIL" in text.code for one in _readings(unit) for text in one.texts):
            continue
        cure = "add a Py_mod_gil slot" if module.init == "multi-phase" else "call PyUnstable_Module_SetGIL"
        yield Report(
            "HL307",
            module.place,
            f"{module.symbol} does not say whether it needs the GIL, so that importing it turns the GIL back on in "
            f"free-threaded Python; {cure}",
            symbol=module.symbol,
        )


def _readings(unit: Unit) -> list[Unit]:
    """Every reading of a unit: the free-threaded one is read for the newest Python only."""
    return unit.group.units


def _lacks(unit: Unit, module: ModuleDef, slot: str) -> bool:
    """Whether a module surely has no slot of a name, however the unit is read for the same Pythons."""
    if not module.fields or module.slots_unknown or module.slot(slot) is not None:
        return False
    written = module.fields.get("m_slots")
    if written is not None and not ir.is_null(written) and module.slots_place is None:
        return False
    return not any(
        other.symbol == module.symbol and (other.slots_unknown or other.slot(slot) is not None)
        for one in other_readings(unit)
        for other in one.modules
    )


_SEVERAL = ("Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED", "Py_MOD_PER_INTERPRETER_GIL_SUPPORTED")


@check("HL309")
def gilstate_in_subinterpreters(unit: Unit) -> Iterator[Report]:
    """PyGILState_Ensure in the code of a module that says it supports several interpreters."""
    functions = list(unit.functions_mentioning(["PyGILState_Ensure"]))
    modules = modules_around(unit) if functions else ()
    module = next((one for one in modules if _supports_several(one)), None)
    if module is None:
        return
    for function in functions:
        for call in ir.calls(function.body):
            if ir.called(call) == "PyGILState_Ensure":
                yield Report(
                    "HL309",
                    place(function.path, call),
                    f"PyGILState_Ensure attaches the thread to the main interpreter, but {module.symbol} "
                    "says that it supports several; make a thread state for the right one with PyThreadState_New",
                    symbol=module.symbol,
                    function=function.name,
                )


def _supports_several(module: ModuleDef) -> bool:
    slot = module.slot("Py_mod_multiple_interpreters")
    return slot is not None and any(isinstance(node, ir.Name) and node.text in _SEVERAL for node in ir.walk(slot.value))
