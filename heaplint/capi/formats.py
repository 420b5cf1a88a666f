"""The format strings of the C API: which functions take one, and what each unit of it stands for.

Sources: https://docs.python.org/3/c-api/arg.html, PyUnicode_FromFormat and PyBytes_FromFormat in
https://docs.python.org/3/c-api/unicode.html and bytes.html, and what Python/getargs.c, Python/modsupport.c and
Objects/unicodeobject.c accept.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from heaplint import lazy_re as re
from heaplint.records import dataclass

Dialect = Literal["parse", "build", "unicode", "bytes", "printf"]


@dataclass(frozen=True, slots=True)
class Formatting:
    """A function that takes a format; the numbers count arguments from 0."""

    dialect: Dialect
    format: int
    first: int | None
    """The first of the arguments that the format is about; None where they come in a va_list."""
    keywords: int | None = None
    """The list of keywords."""


FUNCTIONS: Final[Mapping[str, Formatting]] = {
    "PyArg_Parse": Formatting("parse", 1, 2),
    "_PyArg_Parse_SizeT": Formatting("parse", 1, 2),
    "PyArg_ParseTuple": Formatting("parse", 1, 2),
    "_PyArg_ParseTuple_SizeT": Formatting("parse", 1, 2),
    "PyArg_ParseTupleAndKeywords": Formatting("parse", 2, 4, 3),
    "_PyArg_ParseTupleAndKeywords_SizeT": Formatting("parse", 2, 4, 3),
    "PyArg_VaParse": Formatting("parse", 1, None),
    "PyArg_VaParseTupleAndKeywords": Formatting("parse", 2, None, 3),
    "PyArg_ParseArray": Formatting("parse", 2, 3),
    "PyArg_ParseArrayAndKeywords": Formatting("parse", 3, 5, 4),
    "_PyArg_ParseStack": Formatting("parse", 2, 3),
    "_PyArg_ParseStack_SizeT": Formatting("parse", 2, 3),
    "Py_BuildValue": Formatting("build", 0, 1),
    "_Py_BuildValue_SizeT": Formatting("build", 0, 1),
    "Py_VaBuildValue": Formatting("build", 0, None),
    "PyObject_CallFunction": Formatting("build", 1, 2),
    "_PyObject_CallFunction_SizeT": Formatting("build", 1, 2),
    "PyObject_CallMethod": Formatting("build", 2, 3),
    "_PyObject_CallMethod_SizeT": Formatting("build", 2, 3),
    "_PyObject_CallMethodId": Formatting("build", 2, 3),
    "PySys_Audit": Formatting("build", 1, 2),
    "PyUnicode_FromFormat": Formatting("unicode", 0, 1),
    "PyUnicode_FromFormatV": Formatting("unicode", 0, None),
    "PyUnicodeWriter_Format": Formatting("unicode", 1, 2),
    "PyErr_Format": Formatting("unicode", 1, 2),
    "PyErr_FormatV": Formatting("unicode", 1, None),
    "_PyErr_Format": Formatting("unicode", 2, 3),
    "_PyErr_FormatFromCause": Formatting("unicode", 1, 2),
    "PyErr_FormatUnraisable": Formatting("unicode", 0, 1),
    "PyErr_WarnFormat": Formatting("unicode", 2, 3),
    "PyErr_ResourceWarning": Formatting("unicode", 2, 3),
    "PySys_FormatStdout": Formatting("unicode", 0, 1),
    "PySys_FormatStderr": Formatting("unicode", 0, 1),
    "PyBytes_FromFormat": Formatting("bytes", 0, 1),
    "PyBytes_FromFormatV": Formatting("bytes", 0, None),
    "PySys_WriteStdout": Formatting("printf", 0, 1),
    "PySys_WriteStderr": Formatting("printf", 0, 1),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One argument: `base` with `pointers` stars. Beside C's scalars a base is `object`, `void` or a struct."""

    unit: str
    """As written in the format."""
    base: str
    pointers: int


@dataclass(frozen=True, slots=True)
class Format:
    """What a format says."""

    wanted: tuple[Wanted, ...] = ()
    parameters: int = 0
    """How many parameters of the Python function it parses: a parenthesized group is one."""
    lengths: bool = False
    """Whether it has a `#`, whose argument is a Py_ssize_t under PY_SSIZE_T_CLEAN."""
    problem: str = ""
    """Why CPython does not accept it."""
    before: tuple[int, int] | None = None
    """The problem exists before this Python; None for all."""
    optional: int | None = None
    """The first of `wanted` that is left as it is when the argument is not given (behind `|`); None when all are given."""


_NUMBERS: Final = {
    "b": "unsigned char", "B": "unsigned char", "h": "short", "H": "unsigned short", "i": "int", "I": "unsigned int",
    "l": "long", "k": "unsigned long", "L": "long long", "K": "unsigned long long", "n": "Py_ssize_t", "f": "float",
    "d": "double", "D": "Py_complex", "c": "char", "C": "int", "p": "int",
}
_LENGTH: Final = ("Py_ssize_t", 0)

PARSE: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    **{unit: ((base, 1),) for unit, base in _NUMBERS.items()},
    **dict.fromkeys("szy", (("char", 2),)),
    **{f"{unit}#": (("char", 2), ("Py_ssize_t", 1)) for unit in "szy"},
    **{f"{unit}*": (("Py_buffer", 1),) for unit in "szyw"},
    **dict.fromkeys("uZ", (("wchar_t", 2),)),
    **{f"{unit}#": (("wchar_t", 2), ("Py_ssize_t", 1)) for unit in "uZ"},
    **dict.fromkeys("OSYU", (("object", 2),)),
    "O!": (("object", 1), ("object", 2)),
    "O&": (("any", 1), ("any", 1)),
    **dict.fromkeys(("es", "et"), (("char", 1), ("char", 2))),
    **{f"{unit}#": (("char", 1), ("char", 2), ("Py_ssize_t", 1)) for unit in ("es", "et")},
}
"""Units of PyArg_Parse → where they store to."""

BUILD: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    **{unit: ((base, 0),) for unit, base in _NUMBERS.items() if unit != "D"},
    "D": (("Py_complex", 1),),
    **dict.fromkeys("szyU", (("char", 1),)),
    **{f"{unit}#": (("char", 1), _LENGTH) for unit in "szyU"},
    "u": (("wchar_t", 1),),
    "u#": (("wchar_t", 1), _LENGTH),
    **dict.fromkeys("OSN", (("object", 1),)),
    **{f"{unit}&": (("any", 1), ("void", 1)) for unit in "OSN"},
}
"""Units of Py_BuildValue → what they take."""

PARSE_UNIT_FOR: Final = {
    base: unit for unit, base in _NUMBERS.items() if unit not in "BcCp"
} | {"size_t": "n", "ssize_t": "n", "Py_hash_t": "n"}
"""C types → the unit that parses or builds them."""

PRINT_UNIT_FOR: Final = {
    "int": "%d", "unsigned int": "%u", "long": "%ld", "unsigned long": "%lu", "long long": "%lld",
    "unsigned long long": "%llu", "Py_ssize_t": "%zd", "ssize_t": "%zd", "Py_hash_t": "%zd", "size_t": "%zu",
}
"""C types → the unit that prints them."""

_TEXT: Final = {
    "c": (("int", 0),), "p": (("any", 1),), "s": (("char", 1),), "ls": (("wchar_t", 1),),
    "A": (("object", 1),), "U": (("object", 1),), "S": (("object", 1),), "R": (("object", 1),),
    "V": (("object", 1), ("char", 1)), "lV": (("object", 1), ("wchar_t", 1)),
    "T": (("object", 1),), "#T": (("object", 1),), "N": (("object", 1),), "#N": (("object", 1),),
}
_SIZES: Final = {
    "": "int", "l": "long", "ll": "long long", "z": "Py_ssize_t", "t": "ptrdiff_t", "j": "intmax_t",
}


def _integers(conversions: str, sizes: Sequence[str]) -> dict[str, tuple[tuple[str, int], ...]]:
    return {f"{size}{one}": ((_SIZES[size], 0),) for size in sizes for one in conversions}


UNICODE: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {**_TEXT, **_integers("diouxX", list(_SIZES))}
"""Units of PyUnicode_FromFormat behind the `%`, flags, width and precision left out → what they take."""

_SINCE_312: Final = frozenset(
    {*_integers("oX", list(_SIZES)), *_integers("di", ["t", "j"]), *_integers("ux", ["t", "j"]), "ls", "lV"}
    | set(_integers("x", ["l", "ll", "z"]))
)
_SINCE_313: Final = frozenset({"T", "#T", "N", "#N"})

BYTES: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    "c": (("int", 0),), "s": (("char", 1),), "p": (("any", 1),), **_integers("du", ["", "l", "z"]), **_integers("ix", [""]),
}
"""Units of PyBytes_FromFormat."""

PRINTF: Final[Mapping[str, tuple[tuple[str, int], ...]]] = {
    "c": (("int", 0),), "p": (("any", 1),), "s": (("char", 1),), "ls": (("wchar_t", 1),),
    **_integers("diouxX", list(_SIZES)), **{f"{size}{one}": (("int", 0),) for size in ("h", "hh") for one in "diouxX"},
    **dict.fromkeys("fFeEgGaA", (("double", 0),)),
}
"""Units of C's printf."""

_PARSE_UNITS: Final = re.compile("|".join(re.escape(one) for one in sorted(PARSE, key=len, reverse=True)))
_BUILD_UNITS: Final = re.compile("|".join(re.escape(one) for one in sorted(BUILD, key=len, reverse=True)))
_PERCENT: Final = re.compile(
    r"%(?:%|(?P<flags>[-0]*)(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?(?P<unit>#?(?:ll|[lztj])?.?))", re.S
)
_PERCENT_BYTES: Final = re.compile(r"%(?:%|\d*(?:\.\d*)?[^%A-Za-z\\]*(?P<unit>(?:[lz](?=[du]))?.?))", re.S)
_PERCENT_C: Final = re.compile(
    r"%(?:%|[-0 +#']*(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?(?P<unit>(?:hh?|ll?|[ztj])?.?))", re.S
)
_ESCAPE: Final = re.compile(r"\\(?:x[0-9A-Fa-f]+|[0-7]{1,3}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.S)
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


@functools.lru_cache(maxsize=1024)
def read(text: str, dialect: Dialect) -> Format | None:
    """Read a format, escapes as written in C; None where it is not known what it says."""
    if dialect == "parse":
        return _read_parse(text)
    if dialect == "build":
        return _read_build(text)
    return _read_percent(_ESCAPE.sub(" ", text), dialect)


def _wanted(unit: str, table: Mapping[str, tuple[tuple[str, int], ...]]) -> list[Wanted]:
    return [Wanted(unit, base, pointers) for base, pointers in table[unit]]


def _read_parse(text: str) -> Format:
    wanted: list[Wanted] = []
    optional: int | None = None
    parameters = depth = at = 0
    while at < len(text) and text[at] not in ":;":
        one = text[at]
        if one == "(":
            parameters += depth == 0
            depth += 1
        elif one == ")":
            depth -= 1
        elif one not in "|$":
            found = _PARSE_UNITS.match(text, at)
            if found is None:
                return Format(problem=f"has the unknown unit \"{one}\"")
            wanted += _wanted(found.group(), PARSE)
            parameters += depth == 0
            at = found.end()
            continue
        elif one == "|" and optional is None:
            optional = len(wanted)
        if depth < 0:
            break
        at += 1
    if depth:
        return Format(problem="has parentheses without a partner")
    return Format(tuple(wanted), parameters, any("#" in one.unit for one in wanted), optional=optional)


def _read_build(text: str) -> Format:
    wanted: list[Wanted] = []
    stack: list[list[str | int]] = [["", 0]]  # the bracket that closes, and how many values came before it
    before: tuple[int, int] | None = None
    at = 0
    while at < len(text):
        one = text[at]
        at += 1
        if one in _CLOSING:
            stack.append([_CLOSING[one], 0])
        elif one in ")]}":
            closing, count = stack.pop()
            if closing != one:
                return Format(problem="has brackets without a partner")
            if one == "}" and int(count) % 2:
                return Format(problem="has a dictionary with a key that has no value")
            stack[-1][1] = int(stack[-1][1]) + 1
        elif one not in " \t,:":
            found = _BUILD_UNITS.match(text, at - 1)
            if found is None:
                return Format(problem=f"has the unknown unit \"{one}\"")
            if one == "p":
                before = (3, 14)
            wanted += _wanted(found.group(), BUILD)
            stack[-1][1] = int(stack[-1][1]) + 1
            at = found.end()
    if len(stack) > 1:
        return Format(problem="has brackets without a partner")
    if before is not None:
        return Format(tuple(wanted), 0, False, "has the unit \"p\"", before)
    return Format(tuple(wanted), lengths=any("#" in one.unit for one in wanted))


_PERCENT_DIALECTS: Final = {"unicode": (_PERCENT, UNICODE), "bytes": (_PERCENT_BYTES, BYTES), "printf": (_PERCENT_C, PRINTF)}


def _read_percent(text: str, dialect: Dialect) -> Format | None:
    pattern, table = _PERCENT_DIALECTS[dialect]
    wanted: list[Wanted] = []
    problem, before = "", None
    for found in pattern.finditer(text):
        unit = found["unit"]
        if unit is None:
            continue
        parts = found.groupdict()
        wanted += [Wanted("*", "int", 0) for part in ("width", "precision") if parts.get(part) == "*"]
        if unit not in table:
            if dialect == "printf":
                return None
            return Format(problem=f"has the unknown unit \"{found.group().strip()}\"")
        if dialect == "unicode":
            first = (3, 13) if unit in _SINCE_313 else (3, 12)
            new = unit in _SINCE_312 or unit in _SINCE_313 or "-" in parts["flags"] or "*" in (parts["width"], parts["precision"])
            if new and (before is None or before < first):
                problem, before = f"has the unit \"{found.group()}\"", first
        wanted += [Wanted(f"%{unit}", base, pointers) for base, pointers in table[unit]]
    return Format(tuple(wanted), problem=problem, before=before)
