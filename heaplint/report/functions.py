"""What is known of a function of the C API, in plain English."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from heaplint import lazy_re as re
from heaplint.capi.api import ApiFunction, Parameter, api, lines
from heaplint.report import sanitize

_RESULTS = {
    "new": "a new reference, which the caller owns",
    "borrowed": "a borrowed reference, which somebody else keeps alive",
    "interior": "a pointer into its first argument, good as long as that lives and is not resized",
    "memory": "memory that the caller frees",
    "argument": "one of its arguments, without a new reference",
    "int": "0",
    "tristate": "1 or 0",
    "count": "0 or more",
    "value": "a number",
    "zero": "something other than 0",
    "null": "always NULL",
    "minus": "always -1",
    "zeroed": "always 0",
    "plain": "a value",
    "void": "nothing",
    "pointer": "a pointer",
    "noreturn": "",
}
_SENTINELS = {"int": "-1", "tristate": "-1", "count": "-1", "value": "-1", "zero": "0", "plain": "an error value"}
_KINDS = {
    "object": "an object, lent for the call",
    "keeps": "an object; the function takes a reference of its own",
    "steals": "an object whose reference is taken over (stolen), also on failure",
    "steals-on-success": "an object whose reference is taken over on success only: on failure the caller still owns it",
    "releases": "an object of which one reference is given up",
    "acquires": "an object of which one more reference is owned afterwards",
    "frees": "freed",
    "reallocs": "a block that is freed on success and kept on failure",
    "resizes": "the address of an object that is replaced; on failure it is released and NULL stands there",
    "replaces": "the address of an object whose reference is released and replaced by another, by NULL on failure",
    "replaces-on-success": "the address of an object that is replaced on success and left as it is on failure",
    "clears": "a variable that is set to NULL before its reference is released",
    "sets": "a variable that is given the next argument before its old reference is released",
    "out-new": "the address of a variable that gets a new reference, which the caller owns",
    "out-borrowed": "the address of a variable that gets a borrowed reference",
    "out-memory": "the address of a variable that gets memory which the caller frees",
    "out": "the address of a variable that gets a value",
    "buffer": "a Py_buffer that is filled and must be released",
    "unbuffer": "a Py_buffer that is released",
    "format": "the format string of the arguments that follow",
    "c": "a C value, not an object",
}
_FLAGS = {
    "runs": "May run any Python code: what is only borrowed may be gone afterwards.",
    "raises": "Sets an exception.",
    "erases": "Clears the exception that is set.",
    "nogil": "Needs no GIL.",
    "pending": "May be called with an exception set.",
    "absent": "NULL may come out through a parameter although nothing failed.",
}
_AVAILABLE = {
    "since": "Exists since Python {}.",
    "removed": "Is gone in Python {}.",
    "deprecated": "Deprecated since Python {}.",
    "limited": "Part of the limited API since Python {}.",
}
_FREED = {
    "raw": "PyMem_RawFree", "mem": "PyMem_Free", "object": "PyObject_Free", "gc": "PyObject_GC_Del", "libc": "free",
    "file": "fclose",
}  # fmt: skip


_LIKE_ONE = re.compile(r"_?Py[A-Z]\w+|Py_\w+|[A-Za-z]+_[a-zA-Z_]+")


def names() -> Collection[str]:
    """The functions that something is known of."""
    return lines().keys()


def looks_like_one(word: str) -> bool:
    """Whether a word is rather meant as a function's name than as that of a rule."""
    return _LIKE_ONE.fullmatch(word) is not None


def explanation(name: str) -> str | None:
    """A function as a page for the terminal, in Markdown; None when nothing is known of it."""
    known = api(name)
    return "".join(f"{sanitize.text(line)}\n" for line in _page(known)) if known is not None else None


def _page(known: ApiFunction) -> Iterator[str]:
    parameters = [*known.parameters, *([known.rest] if known.rest is not None else [])]
    yield from (f"# {known.name}", "", f"    {known.name}({', '.join(one.name for one in parameters)})", "", _result(known))
    if parameters:
        yield from ("", *(f"* {one.name}: {_parameter(one)}" for one in parameters))
    if known.flags:
        yield from ("", *(text for flag, text in _FLAGS.items() if flag in known.flags))
    told = dict(known.availability)
    if told:
        yield from ("", " ".join(text.format(told[key]) for key, text in _AVAILABLE.items() if key in told))


def _result(known: ApiFunction) -> str:
    if known.result == "noreturn":
        return "Does not return."
    what = _RESULTS[known.result]
    if known.result == "memory":
        what = f"memory that {_FREED[known.of]} frees" if known.of in _FREED else f"a resource of the kind {known.of!r}"
    elif known.result == "argument":
        what = f"its argument {known.of}, without a new reference"
    if known.failure == "never" or known.result in ("null", "minus", "zeroed", "void"):
        return f"Returns {what}."
    sentinel = _SENTINELS.get(known.result, "NULL")
    if known.failure == "maybe":
        return f"Returns {what}. {sentinel} means failure only when an exception is set."
    if known.failure == "clean":
        return f"Returns {what}; on failure {sentinel}, without an exception."
    if known.result == "value":
        return f"Returns {what}. {sentinel} means failure only when PyErr_Occurred() says so."
    return f"Returns {what}; on failure {sentinel}, with an exception set."


def _parameter(one: Parameter) -> str:
    text = _KINDS[one.kind]
    if one.kind == "frees" and one.domain in _FREED:
        text = f"freed as {_FREED[one.domain]} does"
    if one.kind == "c":
        return text if one.null_ok else "a pointer, not NULL"
    if one.name == "...":
        text = "any more arguments" if one.kind == "object" and one.null_ok else f"any more arguments, each {text}"
    return f"{text}; may be NULL" if one.null_ok else text

