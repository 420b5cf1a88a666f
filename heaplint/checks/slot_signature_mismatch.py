"""HL115: slot functions whose number of parameters or result is not that of the slot."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint.capi.facts import Signature, signatures
from heaplint.checks.registry import Report, check
from heaplint.model.unit import Unit

_RESULTS = {"o": "a pointer", "i": "an int", "s": "a Py_ssize_t", "h": "a Py_hash_t", "v": "nothing"}
_NARROW = frozenset(
    {
        "int", "unsigned", "unsigned int", "short", "unsigned short", "char", "signed char", "unsigned char", "bool",
        "_Bool",
    }
)
_LONGS = frozenset({"long", "long int", "unsigned long", "unsigned long int"})
"""32 bits on 64-bit Windows."""
_INTEGERS = _NARROW | _LONGS | {
    "long long", "unsigned long long", "Py_ssize_t", "Py_hash_t", "Py_uhash_t", "size_t", "ssize_t"
}


@check("HL115")
def slot_signature_mismatch(unit: Unit) -> Iterator[Report]:
    """The functions of the program in the slots of the unit's types."""
    for made in unit.types:
        for slot in made.slots.values():
            signature = signatures().get(slot.name)
            if signature is None or not slot.function:
                continue
            function = unit.signature(slot.function)
            if function is None or function.name != slot.function or _several(unit, function):
                continue
            problem = _problem(function, signature)
            if problem:
                yield Report(
                    "HL115", ir.Place(function.path, function.start, function.end),
                    f"{function.name} {problem} {slot.name} of {made.symbol}",
                    symbol=made.symbol, function=function.name, item=slot.name,
                )


def _several(unit: Unit, function: ir.Function) -> bool:
    """Whether the file defines the function more than once (overloads of C++, alternatives)."""
    text = unit.text_of(function.path)
    return text is not None and len(text.functions.get(function.name, ())) > 1


def _problem(function: ir.Function, signature: Signature) -> str:
    """What is wrong with a function, up to the name of the slot; "" when nothing is known to be."""
    count = len([one for one in function.parameters if not _nothing(one)])
    if not function.variadic and count != signature.parameters and (count or function.parameters):
        return f"has {count} parameter{'s' if count != 1 else ''}, not the {signature.parameters} of"
    kind = function.returns
    wanted = _RESULTS[signature.returns]
    if kind.arrays or kind.function:
        return ""
    name = kind.base
    if kind.pointers:
        return f"returns a pointer, not {wanted}, for" if signature.returns in "ishv" and _is_object(kind) else ""
    if name == "void":
        return "" if signature.returns == "v" else f"returns nothing, not {wanted}, for"
    if signature.returns == "o" and name in _INTEGERS:
        return f"returns {name}, not {wanted}, for"
    if signature.returns in "sh" and (name in _NARROW or name in _LONGS):
        return f"returns {name}, which can be narrower than {wanted.split()[-1]}, for"
    return ""


def _nothing(parameter: ir.Variable) -> bool:
    """The `void` of `f(void)`."""
    kind = parameter.type
    return kind.base == "void" and not kind.pointers and not kind.arrays and not parameter.name


def _is_object(kind: ir.CType) -> bool:
    return kind.name.startswith("Py") or kind.name in ("char", "void")
