"""What is written in another way is judged in the same way: the seeds of tests/fixtures/references, rewritten."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from heaplint import engine
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.pythons import TargetRange
from heaplint.source import SourceFile

FOLDER = Path(__file__).parent / "fixtures" / "references"
SEED = re.compile(r"^// seed: (?:clean|(?P<rule>HL\d{3}) (?P<item>\w+))\n(?P<text>static .*?^}\n)", re.M | re.S)
NAME = re.compile(r"^(\w+)\(", re.M)
SELECTED = Selectors(origin="test", select=("HL4", "HL5", "HL6"), ignore=("HL603", "HL604", "HL607"))

Verdict = set[tuple[str, str | None, str | None]]
"""Rule, function and item."""
Change = Callable[[str], str]
"""From the text of a function to another text of the same meaning."""


@dataclass(frozen=True)
class Seed:
    text: str
    rule: str | None
    """None: nothing is to be reported."""
    item: str | None

    @property
    def name(self) -> str:
        found = NAME.search(self.text)
        assert found is not None
        return found.group(1)

    @property
    def verdict(self) -> Verdict:
        return {(self.rule, self.name, self.item)} if self.rule is not None else set()


def seeds(file: str) -> list[Seed]:
    text = (FOLDER / file).read_text()
    found = [Seed(match["text"], match["rule"], match["item"]) for match in SEED.finditer(text)]
    assert len(found) == text.count("// seed:"), file
    return found


FILES = ("seeds.c", "seeds_hoisted.c", "seeds_more.c")
SEEDS = [seed for file in FILES for seed in seeds(file)]
HEAD = "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n\n"


def judged(functions: list[str], before: str = "") -> Verdict:
    """What is found in a file of these functions, all of them called by the interpreter."""
    names = [found.group(1) for text in functions if (found := NAME.search(text))]
    table = "".join(f'    {{"{name}", {name}, METH_O, NULL}},\n' for name in names)
    text = HEAD + before + "\n".join(functions) + f"\nstatic PyMethodDef methods[] = {{\n{table}    {{NULL}},\n}};\n"
    config = Config(target=TargetRange.parse(">=3.10"), selectors=(SELECTED,))
    discovery = Discovery(Path("/"), Path("/"), (SourceFile("seeds.c", text.encode()),), ())
    found = engine.run(discovery, config, None).findings
    verdict = {(one.rule, original(one.function), original(one.item)) for one in found}
    items = {one.name: one.item for one in SEEDS}
    return {(rule, name, items.get(name or "") if item == ONE_RESULT else item) for rule, name, item in verdict}


ONE_RESULT = "one_result"
"""A variable for whatever is returned."""


def original(name: str | None) -> str | None:
    """A name as it was before the changes that put something in front of it."""
    return None if name is None else re.sub(r"\A(?:raw_|zq_)+", "", name)


def wanted(some: list[Seed]) -> Verdict:
    return {one for seed in some for one in seed.verdict}


# conditions


def with_new_ref(text: str) -> str:
    return re.sub(r"Py_INCREF\((\w+)\);\s*return \1;", r"return Py_NewRef(\1);", text)


def with_not(text: str) -> str:
    return re.sub(r"\((\w+) == NULL\)", r"(!\1)", text)


def with_truth(text: str) -> str:
    return re.sub(r" != NULL\)", ")", text)


def with_null_in_front(text: str) -> str:
    text = re.sub(r"\((\w+) == NULL\)", r"(NULL == \1)", text)
    return re.sub(r"if \((\w+\(.*\)) < 0\)", r"if (0 > \1)", text)


def with_minus_one(text: str) -> str:
    return re.sub(r"\) < 0\)", ") == -1)", text)


def with_result_in_condition(text: str) -> str:
    """`x = f(); if (x == NULL)` as `if ((x = f()) == NULL)`."""
    return re.sub(
        r"PyObject \*(\w+) = (.*);\n    if \(\1 == NULL\)", r"PyObject *\1;\n    if ((\1 = \2) == NULL)", text
    )


# declarations


def with_declarations_at_the_head(text: str) -> str:
    names: list[str] = []

    def assigned(found: re.Match[str]) -> str:
        names.append(f"    {found[1]}{found[2]};\n")
        return f"    {found[2]} = {found[3]};\n"

    changed = re.sub(
        r"^    ((?:PyObject|Py_buffer|char) \*|int |Py_ssize_t )(\w+) = (.*);\n", assigned, text, flags=re.M
    )
    return changed.replace("\n{\n", "\n{\n" + "".join(names), 1)


def with_second_variable(text: str) -> str:
    """A result goes to a variable of its own first, and is moved at once."""
    return re.sub(
        r"^    PyObject \*(\w+) = (\w+\(.*\));\n",
        r"    PyObject *raw_\1 = \2;\n    PyObject *\1 = raw_\1;\n",
        text,
        flags=re.M,
    )


# branches


BRANCH = re.compile(r"^    if \((?P<condition>.*)\) \{\n(?P<body>(?:        .*\n|\n)+)    \}\n(?!    else)", re.M)
LEAVES = re.compile(r"        (?:return|goto)\b[^\n]*;\n\Z")


def with_empty_branches(text: str) -> str:
    """`if (c) {A}` as `if (!(c)) {} else {A}`."""
    return BRANCH.sub(r"    if (!(\g<condition>)) {\n        ;\n    }\n    else {\n\g<body>    }\n", text)


def with_the_rest_in_the_branch(text: str) -> str:
    """`if (c) {return;} rest` as `if (!(c)) {rest} else {return;}`, all the way."""
    head, brace, body = text.partition("\n{\n")
    return head + brace + nested(body.removesuffix("}\n")) + "}\n"


def nested(body: str) -> str:
    for found in BRANCH.finditer(body):
        if LEAVES.search(found["body"]):
            rest = nested(body[found.end() :])
            return f"{body[: found.start()]}    if (!({found['condition']})) {{\n{rest}    }} else {{\n{found['body']}    }}\n"
    return body


def with_one_way_to_fail(text: str) -> str:
    """All `return NULL;` go over a label."""
    if "        return NULL;\n" not in text:
        return text
    return (
        text.replace("        return NULL;\n", "        goto failed;\n").removesuffix("}\n")
        + "failed:\n    return NULL;\n}\n"
    )


def with_one_way_out(text: str) -> str:
    """All results go through a variable and over a label."""
    changed = re.sub(r"^(\s+)return (.*);\n", r"\1one_result = \2;\n\1goto done;\n", text, flags=re.M)
    changed = changed.replace("\n{\n", "\n{\n    PyObject *one_result = NULL;\n", 1)
    return changed.removesuffix("}\n") + "done:\n    return one_result;\n}\n"


def with_rounds_of_one(text: str) -> str:
    """Every branch and every release in a `do { } while (0)`."""
    text = BRANCH.sub(r"    do {\n    \g<0>    } while (0);\n", text)
    return re.sub(r"^( +)(Py_X?DECREF\(\w+\);)\n", r"\1do { \2 } while (0);\n", text, flags=re.M)


def with_blocks(text: str) -> str:
    return re.sub(r"^( +)(Py_\w+\(\w+\);)\n", r"\1{\n\1    \2\n\1}\n", text, flags=re.M)


# calls


def with_xdecref(text: str) -> str:
    return re.sub(r"\bPy_DECREF\(", "Py_XDECREF(", text)


def with_functions_for_macros(text: str) -> str:
    return text.replace("Py_DECREF(", "Py_DecRef(").replace("Py_INCREF(", "Py_IncRef(")


def with_casts(text: str) -> str:
    return re.sub(r"\b(Py_X?(?:DECREF|INCREF))\((\w+)\)", r"\1((PyObject *)\2)", text)


def with_parentheses(text: str) -> str:
    return re.sub(r"\b(Py_X?(?:DECREF|INCREF))\((\w+)\)", r"\1((\2))", re.sub(r"return (\w+);", r"return (\1);", text))


HELPERS = """
static PyObject *own_str(PyObject *of) { return PyObject_Str(of); }
static PyObject *own_repr(PyObject *of)
{
    PyObject *made = PyObject_Repr(of);
    if (made == NULL) {
        return NULL;
    }
    return made;
}
static void own_release(PyObject *object) { Py_DECREF(object); }
static PyObject *own_lookup(PyObject *table, const char *key) { return PyDict_GetItemString(table, key); }
static PyObject *own_next(PyObject *it) { return PyIter_Next(it); }
#define MUST(value) do { if ((value) == NULL) { return NULL; } } while (0)
#define RELEASE(value) Py_DECREF(value)

"""


def with_helpers(text: str) -> str:
    for of_python, own in (
        ("PyObject_Str", "own_str"), ("PyObject_Repr", "own_repr"), ("PyDict_GetItemString", "own_lookup"),
        ("PyIter_Next", "own_next"),
    ):  # fmt: skip
        text = text.replace(of_python + "(", own + "(")
    return text


def with_a_helper_that_releases(text: str) -> str:
    return text.replace("Py_DECREF(", "own_release(")


def with_macros(text: str) -> str:
    text = re.sub(r"if \((\w+) == NULL\) \{\n        return NULL;\n    \}", r"MUST(\1);", text)
    return text.replace("Py_DECREF(", "RELEASE(")


# names, and what has nothing to do with it


DECLARED = re.compile(r"(?:\bPyObject \*(?:const )?|\bchar \*|\bint |\bPy_ssize_t |\bPy_buffer )(\w+)(?= =|;|,|\)|\[)")


def with_other_names(text: str) -> str:
    own = {*DECLARED.findall(text), *NAME.findall(text)}
    return re.sub(
        r"(?<![\w\".])[A-Za-z_]\w*(?!\")", lambda found: f"zq_{found[0]}" if found[0] in own else found[0], text
    )


def with_unrelated_statements(text: str) -> str:
    count = iter(range(1000))

    def more(found: re.Match[str]) -> str:
        number = next(count)
        return f"{found[0]}{found[1]}int unrelated{number} = {number};\n{found[1]}if (unrelated{number} > 3) {{ unrelated{number}--; }}\n"

    return re.sub(r"^( +)(?!return|goto|\}).*;\n", more, text, flags=re.M)


def with_comments(text: str) -> str:
    return re.sub(r"(;|[^\n]\{)\n", r"\1 // return NULL; } Py_DECREF(head); or so\n/* goto error; { */\n", text)


def with_const(text: str) -> str:
    return re.sub(r"PyObject \*(\w+) = (PyObject_Str|PyDict_GetItemString)\b", r"PyObject *const \1 = \2", text)


CHANGES: list[Change] = [
    with_new_ref, with_not, with_truth, with_null_in_front, with_minus_one, with_result_in_condition,
    with_declarations_at_the_head, with_second_variable, with_empty_branches, with_the_rest_in_the_branch,
    with_one_way_to_fail, with_one_way_out, with_rounds_of_one, with_blocks, with_xdecref, with_functions_for_macros,
    with_casts, with_parentheses, with_helpers, with_a_helper_that_releases, with_macros, with_other_names, with_unrelated_statements, with_comments,
    with_const,
]  # fmt: skip


LEFT_OUT: dict[Change, frozenset[str]] = {
    with_helpers: frozenset({"HL602"}),
    with_a_helper_that_releases: frozenset({"HL404", "HL406", "HL407"}),
}
"""Changes in which a helper hides defects of some rules, which are then not reported, or as those of another rule."""


def check(changes: list[Change]) -> None:
    some = [one for one in SEEDS if not any(one.rule in LEFT_OUT.get(change, ()) for change in changes)]
    texts = [one.text for one in some]
    for change in changes:
        changed = [change(text) for text in texts]
        assert changed != texts or len(changes) > 1, "changes no seed"
        texts = changed
    assert judged(texts, HELPERS) == wanted(some), [change.__name__ for change in changes]


def test_the_seeds_say_what_is_reported() -> None:
    assert judged([one.text for one in SEEDS]) == wanted(SEEDS)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_a_seed_alone(seed: Seed) -> None:
    assert judged([seed.text]) == seed.verdict


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_changes_no_verdict(change: Change) -> None:
    check([change])


@pytest.mark.parametrize("number", range(60))
def test_several_changes_change_no_verdict(number: int) -> None:
    check(random.Random(number).sample(CHANGES, 3))


def test_a_change_of_meaning_is_seen() -> None:
    """The comparison can fail: without the releases there are leaks."""
    texts = [re.sub(r"Py_X?DECREF\(\w+\);", ";", one.text) for one in SEEDS]
    assert judged(texts) != wanted(SEEDS)
