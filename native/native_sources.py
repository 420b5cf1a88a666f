"""What mypyc compiles, and a copy of the sources in a form that it compiles well; `hatch_build.py` builds it."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

COMPILED = ("capi", "checks", "flow", "frontend", "ir.py", "model", "packed.py", "source.py")
"""Parts of heaplint: modules, and packages with all below them. The rest is run once, or waits for others."""
INTERPRETED = ("frontend/clang",)
"""What stays Python among them: it talks to a library, in a process of its own."""
REQUIREMENTS = ("mypy[mypyc]>=2.4,<3", "setuptools")
"""What compiles."""
_OPTIONS = ["--config-file=", "--ignore-missing-imports"]
_SETUP = """
import os
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

made = mypycify({paths!r}, opt_level=os.environ.get("MYPYC_OPT_LEVEL", "2"), debug_level="0", multi_file=True, group_name="heaplint")
runtime = Path("build", "bytes_ops.c")  # its copy of mypyc's: b"abc"[2:1] raises SystemError there
runtime.write_text(runtime.read_text().replace("slice_len = endn - startn;", "slice_len = endn > startn ? endn - startn : 0;"))
if os.name != "nt":
    for one in made:
        one.extra_compile_args += ["-fvisibility=hidden", "-fno-semantic-interposition"]
setup(name="heaplint", packages=[], ext_modules=made)
"""


def modules() -> list[str]:
    """The files to compile, relative to the root."""
    found: list[Path] = []
    for part in COMPILED:
        path = ROOT / "heaplint" / part
        found += path.rglob("*.py") if path.is_dir() else [path]
    left_out = [ROOT / "heaplint" / part for part in INTERPRETED]
    return sorted(
        one.relative_to(ROOT).as_posix() for one in found
        if one.stat().st_size and not any(one.is_relative_to(part) for part in left_out)
    )  # fmt: skip


def write(folder: Path) -> list[str]:
    """Copy the package to a folder, what is compiled as `rewritten` gives it; the files to compile, relative to the folder."""
    shutil.copytree(ROOT / "heaplint", folder / "heaplint", ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd"))
    names = modules()
    for name in names:
        path = folder / name
        path.write_text(rewritten(path.read_text("utf-8")), "utf-8")
    return names


def setup(names: list[str]) -> str:
    """The setup.py that compiles them: one shared object, of one C file for each module, which keeps gcc within bounds."""
    return _SETUP.format(paths=[*_OPTIONS, *names])


def made(folder: Path) -> list[str]:
    """The shared objects, relative to the folder and so to where heaplint is installed."""
    places = [*folder.glob("*"), *(folder / "heaplint").rglob("*")]
    return sorted(one.relative_to(folder).as_posix() for one in places if one.suffix in (".so", ".pyd"))


def rewritten(text: str) -> str:
    """A module in the form that mypyc compiles well.

    Its dataclasses are native classes whose methods are written out, for attributes at fixed places; cases of classes are
    tests with isinstance, which mypyc makes with one comparison, while it calls Python for a case.
    """
    lines = text.splitlines()
    tree = ast.parse(text)
    for each in ast.walk(tree):
        if isinstance(each, ast.Match):
            _write_tests(lines, each)
    for node in reversed(tree.body):
        if isinstance(node, ast.ClassDef) and (options := _options(node)) is not None:
            _write_class(lines, node, options)
        elif isinstance(node, ast.ImportFrom) and node.module == "heaplint.records":
            kept = [one.name for one in node.names if one.name not in ("dataclass", "field")]
            names = ["described as _described", *(f"replaced as {one}" if one == "replace" else one for one in kept)]
            lines[node.lineno - 1] = f"from typing import Any as _Any; from heaplint.records import {', '.join(names)}"
    return "\n".join(lines) + "\n"


def _write_tests(lines: list[str], node: ast.Match) -> None:
    """Put tests in the place of the cases of a match, where all of them can be told by tests of a variable."""
    if not isinstance(node.subject, ast.Name):
        return
    tests = [_test(node.subject.id, case.pattern) for case in node.cases]
    heads = [case.pattern.lineno for case in node.cases]
    in_a_line = all(
        (case.guard or case.pattern).end_lineno == head and case.body[0].lineno > head
        for case, head in zip(node.cases, heads, strict=True)
    )
    if "" in tests or not in_a_line:
        return
    blanks = " " * node.col_offset
    lines[node.lineno - 1] = ""
    for number, (case, head, test) in enumerate(zip(node.cases, heads, tests, strict=True)):
        if case.guard is not None:
            test = f"{test} and ({ast.unparse(case.guard)})"
        begin = "if" if number == 0 else "elif"
        lines[head - 1] = f"{blanks}else:" if test == _ANYTHING else f"{blanks}{begin} {test}:"


_ANYTHING = "True"


def _test(name: str, pattern: ast.pattern) -> str:
    """The test of a variable that a pattern stands for; "" when it is of another kind."""
    match pattern:
        case ast.MatchAs(pattern=None, name=None):
            return _ANYTHING
        case ast.MatchSingleton(value=None):
            return f"{name} is None"
        case ast.MatchClass(patterns=[]):
            of = f"isinstance({name}, {ast.unparse(pattern.cls)})"
            values = [
                _value(f"{name}.{one}", value) for one, value in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True)
            ]
            return f"({' and '.join([of, *values])})" if "" not in values else ""
        case ast.MatchOr():
            of_each = [_test(name, one) for one in pattern.patterns]
            return f"({' or '.join(of_each)})" if "" not in of_each and _ANYTHING not in of_each else ""
    return ""


def _value(name: str, pattern: ast.pattern) -> str:
    """The same of an attribute, whose values are written in the pattern."""
    match pattern:
        case ast.MatchValue(value=ast.Constant()):
            return f"{name} == {ast.unparse(pattern)}"
        case ast.MatchSingleton():
            return f"{name} is {pattern.value!r}"
        case ast.MatchOr():
            of_each = [_value(name, one) for one in pattern.patterns]
            return f"({' or '.join(of_each)})" if "" not in of_each else ""
    return ""


def _options(node: ast.ClassDef) -> set[str] | None:
    """The options of a dataclass; None for any other class."""
    for one in node.decorator_list:
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "dataclass":
            false = {each.arg for each in one.keywords if isinstance(each.value, ast.Constant) and each.value.value is False}
            named = {each.arg for each in one.keywords if each.arg} - false
            return named | ({"eq"} - false)
    return None


def _write_class(lines: list[str], node: ast.ClassDef, options: set[str]) -> None:
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    own = {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
    methods = [line for name, body in _methods(node.name, fields, options) if name not in own for line in ["", *body]]
    assert node.end_lineno is not None
    if node.bases and not any(isinstance(one, ast.Subscript) for one in node.bases):
        raise NotImplementedError(f"{node.name}: a dataclass with bases")
    names = ", ".join(repr(ast.unparse(one.target)) for one in fields)
    lines[node.end_lineno : node.end_lineno] = ["    " + line if line else "" for line in methods] + [f"_described({node.name}, [{names}])"]
    for one in reversed(fields):
        assert one.end_lineno is not None
        lines[one.lineno - 1 : one.end_lineno] = [f"    {ast.unparse(one.target)}: {_kind(one)}"]
    decorator = next(one for one in node.decorator_list if isinstance(one, ast.Call))
    lines[decorator.lineno - 1] = ""


def _kind(one: ast.AnnAssign) -> str:
    """The type of a field; mypyc looks for `object` among the names of the module."""
    kind = ast.unparse(one.annotation)
    return "_Any" if kind == "object" else kind


def _methods(name: str, fields: list[ast.AnnAssign], options: set[str]) -> Iterator[tuple[str, list[str]]]:
    names = [ast.unparse(one.target) for one in fields]
    parameters, body = ["self"], []
    for one in fields:
        target, kind, value = ast.unparse(one.target), _kind(one), one.value
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "field":
            given = {each.arg: ast.unparse(each.value) for each in value.keywords}
            new = f"({given.pop('default_factory')})()"
            if given.pop("init", "True") == "False":
                body.append(f"    self.{target} = {new}")
            else:
                parameters.append(f"{target}: {kind} | None = None" if kind[0] not in "\"'" else f"{target}: '_Any' = None")
                body.append(f"    self.{target} = {new} if {target} is None else {target}")
            if given:
                raise NotImplementedError(f"{name}.{target}: {', '.join(given)}")
        else:
            parameters.append(f"{target}: {kind}" + (f" = {ast.unparse(value)}" if value is not None else ""))
            body.append(f"    self.{target} = {target}")
    yield "__init__", [f"def __init__({', '.join(parameters)}) -> None:", *(body or ["    pass"])]
    shown = ", ".join(f"{one}={{self.{one}!r}}" for one in names)
    yield "__repr__", ["def __repr__(self) -> str:", f'    return f"{name}({shown})"']
    if "eq" in options:
        same = " and ".join(["isinstance(other, " + name + ")", *(f"self.{one} == other.{one}" for one in names)])
        yield "__eq__", ["def __eq__(self, other: _Any) -> bool:", f"    return {same}"]
    mine, theirs = ("(" + "".join(f"{side}.{one}, " for one in names) + ")" for side in ("self", "other"))
    if "eq" in options and "frozen" in options:
        yield "__hash__", ["def __hash__(self) -> int:", f"    return hash({mine})"]
    if "order" in options:
        for method, sign in (("__lt__", "<"), ("__le__", "<="), ("__gt__", ">"), ("__ge__", ">=")):
            yield method, [f'def {method}(self, other: "{name}") -> bool:', f"    return {mine} {sign} {theirs}"]
    if "frozen" in options:
        yield "__reduce__", ["def __reduce__(self) -> _Any:", f"    return {name}, {mine}"]
