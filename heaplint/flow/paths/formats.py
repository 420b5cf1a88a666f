"""What the arguments behind a format string are to the call: filled in, lent, taken over, buffers to release."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from heaplint import ir
from heaplint.capi.api import Parameter
from heaplint.capi.formats import Dialect, Wanted, read

_OPTIONAL = {
    "out": Parameter("", "out", "", True), "out-borrowed": Parameter("", "out-borrowed", "", True),
    "out-memory": Parameter("", "out-memory", "mem", True), "buffer": Parameter("", "buffer", "", True),
}
"""What is left as it is when the argument is not given."""
_OUT = Parameter("", "out")
CONVERTER = Parameter("converter", "c", "", True)
"""The function of `O&`: what it makes of the next argument is known of some."""
_LENGTH = Parameter("length", "out")
"""It is of interest only where what it is the length of is there."""
_LENT = Parameter("", "object", "", True)
_PLAIN = Parameter("", "c", "", True)
_BORROWED = Parameter("", "out-borrowed")
_STOLEN = Parameter("", "steals", "", True)
_BUFFER = Parameter("", "buffer")
_ENCODED = Parameter("", "out-memory", "mem")
_DIALECTS: Mapping[str, Dialect] = {"parse": "parse", "build": "build", "text": "unicode", "c": "printf"}
"""Languages of heaplint.capi.api → those of heaplint.capi.formats."""


def parameters(language: str, literal: str | None) -> tuple[Parameter, ...] | None:
    """What the arguments behind a format (in a language of heaplint.capi.api) are; None when that is not known."""
    text = ir.string_value(ir.Constant(0, 0, "string", literal)) if literal is not None else None
    return _parameters(_DIALECTS[language], text) if text is not None else None


@functools.lru_cache(maxsize=2048)
def _parameters(dialect: Dialect, text: str) -> tuple[Parameter, ...] | None:
    format = read(text, dialect)
    if format is None or (format.problem and format.before is None):
        return None
    if dialect != "parse":
        return tuple(map(_given, format.wanted))
    result: list[Parameter] = []
    for one in format.wanted:
        result.append(_filled(one, result[-1] if result else None))
    if format.optional is not None:
        behind = result[format.optional :]
        result[format.optional :] = [_OPTIONAL.get(one.kind, one) if not one.name else one for one in behind]
    return tuple(result)


def _filled(wanted: Wanted, before: Parameter | None) -> Parameter:
    """An argument of PyArg_ParseTuple and its like."""
    if wanted.unit == "O&":
        return _OUT if before is CONVERTER else CONVERTER
    if wanted.base == "object":
        return _BORROWED if wanted.pointers == 2 else _PLAIN
    if wanted.base == "Py_buffer":
        return _BUFFER
    if wanted.unit[0] == "e" and wanted.base == "char":
        return _ENCODED if wanted.pointers == 2 else _PLAIN
    return _LENGTH if wanted.unit.endswith("#") and wanted.base == "Py_ssize_t" and wanted.unit[0] != "e" else _OUT


def _given(wanted: Wanted) -> Parameter:
    """An argument of Py_BuildValue, of a call with a format, of PyErr_Format and PyUnicode_FromFormat."""
    if wanted.unit == "N":
        return _STOLEN
    return _LENT if wanted.base in ("object", "void") else _PLAIN
