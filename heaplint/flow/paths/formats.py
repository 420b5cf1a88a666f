"""What the arguments behind a format string are to the call: filled in, lent, taken over, buffers to release."""

from __future__ import annotations

import functools
import re

from heaplint import ir
from heaplint.capi.api import Parameter

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
_PRINTF = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|t|j)?([a-zA-Z%])")


def parameters(language: str, literal: str | None) -> tuple[Parameter, ...] | None:
    """What the arguments behind a format (in a language of heaplint.capi.api) are; None when it is no literal."""
    text = ir.string_value(ir.Constant(0, 0, "string", literal)) if literal is not None else None
    if text is None:
        return None
    match language:
        case "parse":
            return _parsed(text)
        case "build":
            return _built(text)
    return _printed(text)


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> tuple[Parameter, ...]:
    """PyArg_ParseTuple and its like."""
    result: list[Parameter] = []
    at = 0
    required = -1
    while at < len(text):
        unit = text[at]
        following = text[at + 1 : at + 2]
        if unit in ":;":
            break
        at += 1
        if unit == "|" and required < 0:
            required = len(result)
        if unit in "|$() ":
            continue
        if unit == "O":
            if following == "!":
                at += 1
                result += (_PLAIN, _BORROWED)
            elif following == "&":
                at += 1
                result += (CONVERTER, _OUT)
            else:
                result.append(_BORROWED)
        elif unit == "e" and following in ("s", "t"):
            at += 1
            result += (_PLAIN, _ENCODED)
            if text[at : at + 1] == "#":
                at += 1
                result.append(_OUT)
        elif unit in "szywu":
            if following == "*":
                at += 1
                result.append(_BUFFER)
            elif following == "#":
                at += 1
                result += (_OUT, _LENGTH)
            else:
                result.append(_OUT)
        elif unit in "SUY":
            result.append(_BORROWED)
        else:
            result.append(_OUT)
    if required >= 0:
        result[required:] = [_OPTIONAL.get(one.kind, one) if not one.name else one for one in result[required:]]
    return tuple(result)


@functools.lru_cache(maxsize=2048)
def _built(text: str) -> tuple[Parameter, ...]:
    """Py_BuildValue and calls with a format."""
    result: list[Parameter] = []
    at = 0
    while at < len(text):
        unit = text[at]
        at += 1
        if unit in "()[]{},: \t":
            continue
        if text[at : at + 1] == "#":
            at += 1
            result += (_PLAIN, _PLAIN)
        elif text[at : at + 1] == "&":
            at += 1
            result += (_PLAIN, _LENT)
        elif unit == "N":
            result.append(_STOLEN)
        elif unit in "OSUV":
            result.append(_LENT)
        else:
            result.append(_PLAIN)
    return tuple(result)


@functools.lru_cache(maxsize=2048)
def _printed(text: str) -> tuple[Parameter, ...]:
    """PyErr_Format, PyUnicode_FromFormat."""
    result: list[Parameter] = []
    for found in _PRINTF.finditer(text):
        result += [_PLAIN] * found.group().count("*")
        if found.group(1) != "%":
            result.append(_LENT if found.group(1) in "RSAUVTN" else _PLAIN)
    return tuple(result)
