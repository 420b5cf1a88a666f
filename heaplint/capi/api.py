"""What the C API's functions do with references, NULL, errors and memory: one line of data for each (`*.toml` here).

A line reads `PyDict_SetItemString = "int (dict, key=c!, value=keeps) runs"`: the result, the parameters, what else happens.

Result, first word:
    new, borrowed    an object: a reference the caller owns, or one that somebody else keeps: the first argument that
                     is an object, when there is one; `borrowed:N` the N-th (1-based), `borrowed:0` no argument
    interior         a pointer into the first argument's object: it dies or moves with it
    memory:DOMAIN    a block that the function of the same DOMAIN frees (raw, mem, object, gc, libc, or a name of its own)
    argument:N       its N-th argument (1-based), no new reference
    int              0 on success, -1 on failure
    tristate         1, 0, or -1 on failure
    count            0 or more, or -1 on failure
    value            a number whose -1 is an error only when PyErr_Occurred() says so
    zero             0 on failure, something else on success
    null             always NULL; `minus` always -1; `zeroed` always 0
    plain            a result that has no failure; `void` none at all
    pointer          any other pointer
    noreturn         does not return
Result, second word, what a failure (NULL, -1, 0) means; without it: an exception is set
    never            does not fail
    clean            fails without an exception
    maybe            NULL may come with an exception, or without one as an answer ("absent", "the end")
Parameters, `name` or `name=kind`, `name?` or `name=kind?` where NULL may be given:
    (no kind)        an object, lent for the call
    keeps            an object of which the callee takes a reference of its own
    steals           the caller's reference is taken, also on failure
    steals-on-success
    releases         one reference is given up
    frees:DOMAIN     memory or an object's memory is freed; without a domain: whatever it was made with
    reallocs:DOMAIN  memory is freed on success, and kept on failure
    resizes          PyObject **: the object is replaced; on failure it is released and NULL
    replaces         PyObject **: the old reference is released and a new one put there (NULL on failure)
    replaces-on-success  PyObject **: the same on success; on failure it is left as it was
    clears           an lvalue: NULL is put there, then the old reference released
    sets             an lvalue: the value of the next parameter is put there (stolen), then the old reference released
    acquires         one more reference is owned (Py_INCREF)
    out-new, out-borrowed, out-memory:DOMAIN, out     where a result goes
    buffer           Py_buffer * that is filled and must be released; `unbuffer` releases it
    format:LANGUAGE  the format string of the arguments that follow: parse (PyArg_Parse), build (Py_BuildValue),
                     text (PyUnicode_FromFormat) or c (printf)
    c, c!            no object; `c!` a pointer that must not be NULL
    ...              any more arguments, lent, NULL among them; `...=kind`, `...=kind!`, `...!` say more of each
What else: `runs` may run any Python code; `raises` sets an exception; `erases` clears it;
`nogil` needs no GIL; `pending` may be called with an exception set; `absent`: NULL may come out through
a parameter although nothing failed; availability as `since=3.10` (none before 3.8 is said), `removed=3.13`,
`deprecated=3.9`, `limited=3.7` (in the stable ABI since).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from heaplint import lazy_re as re
from heaplint.records import dataclass

RESULTS = frozenset(
    "new borrowed interior memory argument int tristate count value zero null minus zeroed plain void pointer noreturn".split()
)
FAILURES = frozenset({"raises", "never", "clean", "maybe"})
KINDS = frozenset(
    "object keeps steals steals-on-success releases frees reallocs resizes replaces replaces-on-success clears sets "
    "acquires out-new out-borrowed out-memory out buffer unbuffer format c".split()
)
FLAGS = frozenset({"runs", "raises", "erases", "nogil", "pending", "absent"})
LANGUAGES = frozenset({"parse", "build", "text", "c"})
AVAILABILITY = frozenset({"since", "removed", "deprecated", "limited"})
_FOLDER = Path(__file__).parent
_ENTRY = re.compile(r'^(\w+) = "([^"\n]*)"$', re.MULTILINE)
_LINE = re.compile(r"(?P<result>[a-z]+)(?::(?P<of>[\w.-]+))?(?: (?P<failure>[a-z]+))? \((?P<parameters>[^()]*)\)(?P<rest>.*)\Z")
_PARAMETER = re.compile(r"(?P<name>\w+|\.\.\.)(?:=(?P<kind>[a-z-]+)(?::(?P<domain>\w+))?)?(?P<mark>[?!]?)\Z")
NEVER_FAIL = frozenset({"plain", "void", "argument", "null", "minus", "zeroed", "noreturn", "pointer"})


class FactError(ValueError):
    """A line of the data that says nothing that is understood; the text names the function."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a function does with one argument."""

    name: str
    kind: str
    """One of KINDS."""
    domain: str = ""
    """Of frees, reallocs and out-memory; of format its language; of out-new behind a converter that one's name."""
    null_ok: bool = False
    """NULL may be given."""

    @property
    def is_object(self) -> bool:
        """Whether the argument is an object (and no address of one)."""
        return self.kind in ("object", "keeps", "steals", "steals-on-success", "releases", "acquires")


@dataclass(frozen=True, slots=True)
class ApiFunction:
    """What is known of one function or function-like macro."""

    name: str
    result: str
    """One of RESULTS."""
    of: str
    """Of memory the domain, of argument the number; of borrowed the number of its keeper, where it is said."""
    failure: str
    """One of FAILURES."""
    parameters: tuple[Parameter, ...]
    variadic: bool
    """More arguments may follow."""
    flags: frozenset[str]
    availability: tuple[tuple[str, str], ...]
    """since, removed, deprecated, limited → a version as text."""
    rest: Parameter | None = None
    """What is done with each of those further arguments."""

    @property
    def runs_python(self) -> bool:
        """Whether the call may run any Python code, and so drop what is only borrowed."""
        return "runs" in self.flags

    def parameter(self, index: int) -> Parameter | None:
        """What is known of the argument at an index (0-based); of those that `...` stands for, too."""
        return self.parameters[index] if index < len(self.parameters) else self.rest


def parse(name: str, line: str) -> ApiFunction:
    """Read one line of data; raises FactError that names the function."""
    found = _LINE.match(line)
    if found is None:
        raise FactError(f"{name}: expected `result (parameters) flags`, not {line!r}")
    result, failure = found["result"], found["failure"]
    if result not in RESULTS:
        raise FactError(f"{name}: unknown result {result!r}")
    if failure is None:
        failure = "never" if result in NEVER_FAIL else "clean" if result == "memory" else "raises"
    if failure not in FAILURES:
        raise FactError(f"{name}: unknown failure {failure!r}")
    if (result in ("memory", "argument")) != (found["of"] is not None) and result != "borrowed":
        raise FactError(f"{name}: memory needs a domain and argument a number; borrowed may have one, nothing else has")
    if result in ("argument", "borrowed") and found["of"] is not None and not found["of"].isdecimal():
        raise FactError(f"{name}: {found['of']!r} is not the number of an argument")
    parameters: list[Parameter] = []
    rest: Parameter | None = None
    for text in filter(None, (one.strip() for one in found["parameters"].split(","))):
        if rest is not None:
            raise FactError(f"{name}: `...` is the last parameter")
        one = _PARAMETER.match(text)
        if one is None:
            raise FactError(f"{name}: parameter {text!r} is not understood")
        kind = one["kind"] or "object"
        if kind not in KINDS:
            raise FactError(f"{name}: unknown kind of parameter {kind!r}")
        if (one["domain"] is not None) != (kind in ("reallocs", "out-memory", "format")) and kind != "frees":
            raise FactError(f"{name}: {text!r}: reallocs, out-memory and format need what stands after a colon, nothing else has it")
        if kind == "format" and one["domain"] not in LANGUAGES:
            raise FactError(f"{name}: {one['domain']!r} is not one of {', '.join(sorted(LANGUAGES))}")
        null_ok = one["mark"] == "?" or ((kind == "c" or one["name"] == "...") and one["mark"] != "!")
        parameter = Parameter(one["name"], kind, one["domain"] or "", null_ok)
        if one["name"] == "...":
            rest = parameter
        else:
            parameters.append(parameter)
    flags: set[str] = set()
    availability: list[tuple[str, str]] = []
    for word in found["rest"].split():
        key, equals, value = word.partition("=")
        if equals and key in AVAILABILITY and re.fullmatch(r"\d\.\d+", value):
            availability.append((key, value))
        elif word in FLAGS:
            flags.add(word)
        else:
            raise FactError(f"{name}: {word!r} is not understood")
    return ApiFunction(
        name,
        result,
        found["of"] or "",
        failure,
        tuple(parameters),
        rest is not None,
        frozenset(flags),
        tuple(availability),
        rest,
    )


def _table(file: str) -> list[tuple[str, str]]:
    """(function, line) of one file. The files are TOML of the plainest kind, and are read in a fraction of its parser's time."""
    return _ENTRY.findall((_FOLDER / file).read_text(encoding="utf-8"))


@functools.cache
def lines() -> Mapping[str, str]:
    """Every function of the data → its line; raises FactError for one that stands twice."""
    result: dict[str, str] = {}
    for entry in sorted(_FOLDER.iterdir()):
        if not entry.name.endswith(".toml") or entry.name == "facts.toml":
            continue
        for name, line in _table(entry.name):
            if name in result:
                raise FactError(f"{name}: stands twice")
            result[name] = line
    return result


@functools.cache
def api(name: str) -> ApiFunction | None:
    """What is known of a function, macro or slot (`tp_alloc`, called through a pointer) by its name."""
    line = lines().get(name)
    return parse(name, line) if line is not None else None


@functools.cache
def _slots() -> frozenset[str]:
    return frozenset(name for name, _ in _table("slots.toml"))


def slot(field: str) -> ApiFunction | None:
    """What is known of a call through a field (`type->tp_alloc(…)`); `p->free(…)` is no slot, whatever `free` is."""
    return api(field) if field in _slots() else None


def every() -> Iterator[ApiFunction]:
    """All functions of the data, by name."""
    for name in sorted(lines()):
        known = api(name)
        assert known is not None
        yield known
