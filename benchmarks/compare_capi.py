"""Compares the C API as data with what a checkout of CPython says: Doc/data/refcounts.dat and Misc/stable_abi.toml.

    python benchmarks/compare_capi.py CHECKOUT [--rev REV] [--all]

CHECKOUT is a folder, or a git directory with --rev (default HEAD when CHECKOUT has no Doc folder). Prints the differences
by kind; those with a known reason are only counted, unless --all is given.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import tomllib

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from heaplint.capi.api import ApiFunction, api

REFCOUNTS, STABLE = "Doc/data/refcounts.dat", "Misc/stable_abi.toml"

STEALS = frozenset(
    """PyList_SetItem PyList_SET_ITEM PyTuple_SetItem PyTuple_SET_ITEM PyStructSequence_SetItem PyStructSequence_SET_ITEM PyCell_SET
    PyErr_SetExcInfo PyGen_New PyGen_NewWithQualName PyCoro_New PyAsyncGen_New PyException_SetCause PyException_SetContext PyModule_AddObject
    PyErr_Restore PyErr_SetRaisedException""".split()
)
"""Functions that steal, which refcounts.dat cannot say."""
INOUT = frozenset(
    """PyBytes_Concat PyBytes_ConcatAndDel PyUnicode_InternInPlace PyErr_NormalizeException PyErr_Fetch PyErr_GetExcInfo PyContextVar_Get
    PyUnicode_FSConverter PyUnicode_FSDecoder _PyBytes_Resize _PyTuple_Resize PyUnicode_Append PyUnicode_AppendAndDel PyUnicode_Resize""".split()
)
"""Functions that replace what an argument points to, which it cannot say either."""

WRONG_THERE = frozenset(
    """PyErr_SetImportErrorSubclass PyErr_SetRaisedException PyException_GetArgs PyFile_WriteString PyFloat_GetInfo PyMethod_New
    PyObject_InitVar PyImport_ExecCodeModuleObject PyImport_ImportFrozenModuleObject Py_NewRef Py_XNewRef PyStructSequence_InitType
    PyStructSequence_InitType2 PyCallIter_Check PyCell_Check PySeqIter_Check""".split()
)
"""Functions whose line there does not agree with their header or source."""
REWRITTEN = frozenset({"PyObject_NEW", "PyObject_NEW_VAR", "PyObject_GC_Resize"})
"""Macros that heaplint reads as something else (frontend/apimacros.py)."""


@dataclass(slots=True)
class Recorded:
    """What refcounts.dat says of one function."""

    returns: str = ""
    effect: str = ""
    parameters: list[tuple[str, str, str]] = field(default_factory=list)
    """(type, name, effect)"""


def text_of(checkout: Path, rev: str, path: str) -> str:
    """A file of the checkout, or of a revision of a git directory."""
    if (checkout / path).is_file():
        return (checkout / path).read_text(encoding="utf-8")
    return subprocess.run(["git", "-C", str(checkout), "show", f"{rev}:{path}"], check=True, capture_output=True, text=True).stdout


def recorded(text: str) -> dict[str, Recorded]:
    """refcounts.dat: `function:type:parameter:effect:comment`, where the result has no parameter."""
    found: dict[str, Recorded] = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, type_, parameter, effect, *_ = [*line.split(":", 4), "", "", "", ""]
            one = found.setdefault(name, Recorded())
            if parameter:
                one.parameters.append((type_.strip(), parameter, effect))
            else:
                one.returns, one.effect = type_.strip(), effect
    return found


def is_object(type_: str) -> bool:
    """Whether a C type is that of an object."""
    bare = type_.replace("const ", "").replace(" ", "")
    return bare.startswith("Py") and bare.endswith("Object*")


def differences(name: str, known: ApiFunction, old: Recorded) -> Iterator[tuple[str, str, str]]:
    """(kind, what differs, known reason or nothing)"""
    ours = {"new": "+1", "borrowed": "0", "argument": "0", "null": "null"}.get(known.result, "")
    theirs = old.effect if is_object(old.returns) or old.effect == "null" else ""
    if ours != theirs:
        reason = ""
        if name.endswith("FSConverter") or known.result in ("interior", "memory", "pointer"):
            reason = "no object"
        elif not theirs and not is_object(old.returns) and ours:
            reason = "an object behind another type" if "*" in old.returns or not old.returns else ""
        elif theirs == "null" or (known.result == "borrowed" and known.failure == "clean" and not theirs):
            reason = "NULL"
        yield "result differs", f"{known.result} here, {old.returns} {theirs or '-'} there", reason
    named = [one for one in old.parameters if one[1] != "..." and one[0] != "..."]
    if len(named) != len(known.parameters) and not known.variadic:
        yield "number of arguments differs", f"{len(known.parameters)} here, {len(named)} there", ""
        return
    for number, (one, (type_, parameter, effect)) in enumerate(zip(known.parameters, named, strict=False), 1):
        if not is_object(type_):
            if one.is_object and not type_.replace(" ", "").startswith("Py"):
                yield "argument differs", f"{number} ({parameter}) is {one.kind} here, {type_} there", ""
            continue
        gives = {"keeps": "+1", "acquires": "+1", "steals": "steals", "steals-on-success": "steals", "releases": "-1"}.get(one.kind, "0")
        if gives != (effect or "0"):
            reason = ""
            if gives == "steals" and name in STEALS:
                reason = "stealing cannot be said there"
            elif name in INOUT or one.kind.startswith(("out", "re")):
                reason = "in and out cannot be said there"
            elif gives == "+1" and effect in ("0", ""):
                reason = "what is kept is said here"
            elif effect == "-1" and gives == "0":
                reason = "what a container gives up is not the caller's"
            yield "argument differs", f"{number} ({parameter}) is {one.kind} here, {effect or '-'} there", reason


def compare(refcounts: dict[str, Recorded], stable: dict[str, dict[str, object]]) -> Iterator[tuple[str, str, str, str]]:
    """(kind, function, what differs, known reason or nothing)"""
    for name, old in sorted(refcounts.items()):
        known = api(name)
        if known is None:
            yield "missing here", name, "in refcounts.dat", "read as another" if name in REWRITTEN else ""
        else:
            for kind, what, reason in differences(name, known, old):
                yield kind, name, what, reason or ("wrong there" if name in WRONG_THERE else "read as another" if name in REWRITTEN else "")
    for name, entry in sorted(stable.items()):
        known = api(name)
        if known is None:
            yield "missing here", name, "in stable_abi.toml", "only for old binaries" if entry.get("abi_only") else ""
        elif not entry.get("abi_only"):
            limited = dict(known.availability).get("limited")
            if limited != entry.get("added"):
                yield "availability differs", name, f"limited={limited} here, {entry.get('added')} there", ""


def main() -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="a checkout of CPython, or a git directory")
    parser.add_argument("--rev", default="HEAD", help="the revision of a git directory")
    parser.add_argument("--all", action="store_true", help="list what has a known reason, too")
    options = parser.parse_args()
    refcounts = recorded(text_of(options.checkout, options.rev, REFCOUNTS))
    stable = tomllib.loads(text_of(options.checkout, options.rev, STABLE))
    functions = {**stable.get("function", {}), **{k: v for k, v in stable.get("macro", {}).items() if not k.endswith("THREADS")}}
    counted: Counter[tuple[str, str]] = Counter()
    for kind, name, what, reason in compare(refcounts, functions):
        counted[kind, reason] += 1
        if not reason or options.all:
            print(f"{kind}: {name}: {what}{f' ({reason})' if reason else ''}")
    print(f"\n{len(refcounts)} functions in {REFCOUNTS}, {len(functions)} in {STABLE}")
    for (kind, reason), number in sorted(counted.items()):
        print(f"{number:5} {kind}{f' ({reason})' if reason else ''}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
