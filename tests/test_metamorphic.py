"""What does not change a program changes no finding but its place: rule, subject, function and item stay."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_cards import TARGET, blocks
from test_fixtures import EXTENSIONS, read

from heaplint import engine
from heaplint.capi.api import api
from heaplint.cards import Card
from heaplint.config import Config, Selectors
from heaplint.discovery import Discovery
from heaplint.pythons import TargetRange
from heaplint.source import SourceFile

Files = dict[str, str]
Change = Callable[[Files, random.Random], Files]

TOKEN = re.compile(
    r"(?P<comment>/\*.*?\*/|//(?:\\\n|[^\n])*)|(?P<directive>(?:(?<=\n)|\A)[ \t]*\#(?:/\*.*?\*/|\\\n|[^\n])*)"
    r"|(?P<string>\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')|(?P<name>[A-Za-z_]\w*)|(?P<number>\.?\d[\w.']*)"
    r"|(?P<space>\s+)|(?P<sign>->|::|\+\+|--|<<=|>>=|<<|>>|[-+*/%&|^=!<>]=|&&|\|\||\.\.\.|\#\#|.)",
    re.S,
)
GARBAGE = [
    "don't { \" ( PyTypeObject Z = {\n",
    '} } ) ; #define\n#error "\n',
    'static PyTypeObject Z = {PyVarObject_HEAD_INIT(0, 0) "m.Z"};\n',
]


def tokens(text: str) -> list[tuple[str, str]]:
    """(kind, text) of everything in a file; joined they are the file."""
    found = [(match.lastgroup or "", match.group()) for match in TOKEN.finditer(text)]
    assert "".join(word for _, word in found) == text
    return found


def without_comments(text: str) -> list[tuple[str, str]]:
    return [one for one in tokens(text) if one[0] != "comment"]


# the changes


def respaced(text: str, space: Callable[[], str]) -> str:
    """Other white space between all tokens; preprocessor lines stay on lines of their own."""
    parts: list[str] = []
    for kind, word in without_comments(text):
        if kind == "space":
            continue
        parts.append("\n" + word + "\n" if kind == "directive" else word + space())
    return "".join(parts)


def on_lines_of_their_own(files: Files, _: random.Random) -> Files:
    return {path: respaced(text, lambda: "\n") for path, text in files.items()}


def on_one_line(files: Files, _: random.Random) -> Files:
    return {path: respaced(text, lambda: " ") for path, text in files.items()}


def spaced_at_random(files: Files, chance: random.Random) -> Files:
    return {
        path: respaced(text, lambda: chance.choice([" ", "\t", "\n", "\n\n   ", "  \n\t"]))
        for path, text in files.items()
    }


def with_windows_lines(files: Files, _: random.Random) -> Files:
    return {path: text.replace("\n", "\r\n") for path, text in files.items()}


def with_comments(files: Files, chance: random.Random) -> Files:
    comments = ["/* } don't \" { */ ", "// ' { \" ;\n", "/**/", "/* é 😀\n#if 0\n*/"]

    def changed(text: str) -> str:
        parts: list[str] = []
        for kind, word in tokens(text):
            parts.append(word)
            if kind == "directive":
                parts.append(" /* } */")
            elif kind == "space" and chance.random() < 0.3:
                parts.append(chance.choice(comments) if "\n" not in word else chance.choice(comments) + "\n")
        return "".join(parts)

    return {path: changed(text) for path, text in files.items()}


def with_dead_code(files: Files, chance: random.Random) -> Files:
    """`#if 0` with garbage between lines, wherever no parenthesis is open."""

    def changed(text: str) -> str:
        parts: list[str] = []
        depth = 0
        for kind, word in tokens(text):
            depth += (word == "(") - (word == ")") if kind == "sign" else 0
            parts.append(word)
            if kind == "space" and word.endswith("\n") and depth == 0 and chance.random() < 0.2:
                parts.append(f"#if 0\n{chance.choice(GARBAGE)}#endif\n")
        return f"#if 0\n{GARBAGE[0]}#endif\n{''.join(parts)}\n#if 0\n{GARBAGE[1]}#else\n#endif\n"

    return {path: changed(text) for path, text in files.items()}


KEPT = re.compile(
    r"_?_?Py\w*|PY\w*|METH_\w+|T_\w+|READONLY|(?:tp|nb|sq|mp|am|bf|ob|m|ml|ht)_\w+|visit|arg|NULL|_WIN32|__\w+|HAVE_\w+|[A-Z]|"
    r"(?:visit|traverse|init|new|free|alloc|len|hash|repr|inquiry|unary|binary|ternary|iternext|getiter|richcmp)\w*(?:proc|func)\d?|"
    r"u?int(?:ptr|max|\d+)?_t|s?size_t|FILE|va_list|offsetof|assert|getter|setter|destructor|inquiry|name|basicsize|itemsize|flags|slots|doc|"
    r"fields|n_in_sequence|slot|value|pfunc|get|set|closure|type|offset|buf|len|obj|base|super|errno|err\w*|main"
)
C_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        auto break case char const continue default do double else enum extern float for goto if inline int long
        register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
        defined define undef ifdef ifndef endif elif include error pragma bool true false class namespace public
        private template using virtual this nullptr delete throw try catch static_cast reinterpret_cast const_cast
        VA_ARGS
        """,
    )
)


def own_names(files: Files) -> set[str]:
    """The names that the files themselves define: functions, variables, types, members and macros."""
    found: set[str] = set()
    for text in files.values():
        code = re.sub(
            r"\\\n", "  ", "".join(" " if kind in ("string", "comment") else word for kind, word in tokens(text))
        )
        found.update(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", code, re.M))
        found.update(re.findall(r"[\w*][\s*]+([A-Za-z_]\w*)\s*(?=[;=,\[(){])", code))
        found.update(re.findall(r"\}\s*([A-Za-z_]\w*)\s*;", code))
    pasted = {
        name for text in files.values() for side in (r"(\w+)\s*##", r"##\s*(\w+)") for name in re.findall(side, text)
    }
    made = {name for name in found if any(part and part in name for part in pasted)}
    strung = {
        word
        for text in files.values()
        if re.search(r"[^#]#\w", text)
        for words in re.findall(r"\(([^()]*)\)", text)
        for word in words.split(", ")
    }
    excluded = pasted | made | strung | C_WORDS
    return {name for name in found if not KEPT.fullmatch(name) and name not in excluded and api(name) is None}


def renaming(files: Files) -> Callable[[str], str]:
    mine = own_names(files)

    def renamed(name: str) -> str:
        if name not in mine:
            return name
        prefix = "ZQ_" if name.isupper() else "Zq" if name[:1].isupper() else "zq_"
        return prefix + name

    return renamed


def with_other_names(files: Files, _: random.Random) -> Files:
    renamed = renaming(files)

    def changed(text: str) -> str:
        parts: list[str] = []
        for kind, word in tokens(text):
            if kind == "name":
                word = renamed(word)
            elif kind == "directive" and not re.match(r"\s*#\s*include", word):
                word = re.sub(
                    r'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*',
                    lambda m: renamed(m.group()) if m.group()[0] != '"' else m.group(),
                    word,
                )
            parts.append(word)
        return "".join(parts)

    return {path: changed(text) for path, text in files.items()}


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """The top-level parts of a file: ("item", text), and ("directive", text), which nothing may cross."""
    parts: list[str] = []
    depth = 0
    function = False
    for kind, word in without_comments(text):
        if kind == "directive":
            if depth == 0 and not "".join(parts).strip():
                yield "directive", "\n" + word + "\n"
                parts = []
            else:
                parts.append("\n" + word + "\n")
            continue
        parts.append(word)
        if kind != "sign":
            continue
        if word in "({[":
            if word == "{" and depth == 0:
                header = "".join(parts[:-1])
                function = header.rstrip().endswith(")") and "=" not in header
            depth += 1
        elif word in ")}]":
            depth -= 1
        if depth == 0 and (word == ";" or (word == "}" and function)):
            yield "item", "".join(parts).strip() + "\n\n"
            parts, function = [], False
    yield "directive", "".join(parts)


def defined_by(item: str) -> set[str]:
    """The names that an item may define or declare: those outside of its braces and parentheses."""
    names: set[str] = set()
    depth = 0
    typedef = "typedef" in item or "enum" in item
    for kind, word in tokens(item):
        depth += (word in "({[") - (word in ")}]") if kind == "sign" else 0
        if kind == "name" and (depth == 0 or typedef):
            names.add(word)
    return {
        name
        for name in names
        if name not in C_WORDS and not re.fullmatch(r"_?Py\w*|PY\w*|u?int\d+_t|size_t|destructor|double", name)
    }


def reordered(files: Files, chance: random.Random) -> Files:
    """Definitions in any order in which each stands behind what it names."""

    def changed(text: str) -> str:
        done: list[str] = []
        waiting: list[tuple[str, set[str], set[str]]] = []

        def place() -> None:
            while waiting:
                free = [
                    index for index, (_, names, mentioned) in enumerate(waiting)
                    if not any((mentioned | names) & earlier for _, earlier, _ in waiting[:index])
                ]  # fmt: skip
                done.append(waiting.pop(chance.choice(free))[0])

        for kind, part in definitions(text):
            if kind == "item":
                waiting.append((part, defined_by(part), set(re.findall(r"[A-Za-z_]\w*", part))))
            else:
                place()
                done.append(part)
        place()
        return "".join(done)

    return {path: changed(text) for path, text in files.items()}


CHANGES: list[Change] = [
    on_lines_of_their_own, on_one_line, spaced_at_random, with_windows_lines, with_comments, with_dead_code,
    with_other_names, reordered,
]  # fmt: skip


# the comparison

Subject = tuple[str, str, str | None, str | None, str | None, str | None]


def subjects(files: Files, config: Config, rename: Callable[[str], str]) -> list[Subject]:
    """What is found, without the place in the file; names as they are after the change."""
    sources = tuple(SourceFile(path, text.encode()) for path, text in sorted(files.items()))

    def now(name: str | None) -> str | None:
        if name is None:
            return None
        changed = re.sub(r"[A-Za-z_]\w*", lambda word: rename(word.group()), name)
        return ",".join(sorted(changed.split(",")))

    findings = engine.run(Discovery(Path("/"), Path("/"), sources, ()), config, None).findings
    found = [
        (one.span.path, one.rule, now(one.symbol), now(one.function), now(one.item), one.python) for one in findings
    ]
    return sorted(found, key=str)


def same(name: str) -> str:
    return name


def compare(files: Files, config: Config, change: Change, seed: str) -> None:
    rename = renaming(files) if change is with_other_names else same
    before, after = subjects(files, config, rename), subjects(change(files, random.Random(seed)), config, same)
    if change is on_one_line:  # findings that are alike but for their line are one
        before, after = sorted(set(before), key=str), sorted(set(after), key=str)
    assert after == before


CARDS = [(card, number, example) for card, number, example in blocks("Bad") if "heaplint:" not in example.text]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("extension", EXTENSIONS)
def test_extensions(extension: str, change: Change) -> None:
    discovery, config = read(extension)
    compare({source.path: source.data.decode() for source in discovery.files}, config, change, extension)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("rule", sorted({card.id for card, *_ in CARDS}))
def test_bad_examples_of_cards(rule: str, change: Change) -> None:
    for card, number, example in CARDS:
        if card.id == rule:
            compare({example.path: example.text}, configured(card, example.text), change, f"{rule}-{number}")


def configured(card: Card, text: str) -> Config:
    target = TARGET.match(text)
    return Config(
        target=TargetRange.parse(target.group(1) if target else ">=3.10"),
        selectors=(Selectors(origin="test", select=None, extend_select=(card.id,), ignore=()),),
    )


def test_a_change_of_meaning_is_seen() -> None:
    """The comparison can fail: a flag less is a finding more."""
    discovery, config = read("heap_types")
    files = {source.path: source.data.decode() for source in discovery.files}
    broken = {path: text.replace(" | Py_TPFLAGS_HAVE_GC", "") for path, text in files.items()}
    assert subjects(broken, config, same) != subjects(files, config, same)
