"""Hostile and broken input through the real command: an exit code, at most one line of error, never a traceback.

Each run is a process of its own with a limit of a minute, so that what hangs fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = (
    "static PyTypeObject T = {\n    PyVarObject_HEAD_INIT(NULL, 0)\n"
    '    .tp_name = "m.T",\n    .tp_flags = Py_TPFLAGS_DEFAULT,\n};\n'
)
MANY = 100_000


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / ".git").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "heaplint", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={key: value for key, value in os.environ.items() if key not in ("HEAPLINT_TRACEBACK", "FORCE_COLOR")},
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    assert "internal error" not in done.stderr
    assert done.returncode in (0, 1, 2)
    return done


def error(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error; fails when there is more, or less."""
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done
    assert lines[0].startswith("heaplint: error: ")
    return lines[0]


# what was asked for cannot be done


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "missing.c"),
        ("census", "missing.c"),
        ("check", "*.missing"),
        ("check", ""),
        ("check", "a.c/b.c"),
        ("check", "x" * 5000),
        ("census", "--output", "no/where/out"),
        ("check", "--output", "."),
    ],
)
def test_bad_arguments(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "a.c").write_text(GOOD)
    error(run(tmp_path, *arguments))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--select", "HL9999"), "HL9999"),
        (("--ignore", "no-such-rule"), "no-such-rule"),
        (("--extend-select", "HL2,spam"), "spam"),
        (("--target-python", "2.7"), "2.7"),
        (("--target-python", ">=x"), ">=x"),
        (("--config", "missing.toml"), "missing.toml"),
        (("--format", "yaml"), "yaml"),
    ],
)
def test_bad_options(tmp_path: Path, arguments: tuple[str, ...], word: str) -> None:
    (tmp_path / "a.c").write_text(GOOD)
    assert word in error(run(tmp_path, "check", *arguments))


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything: a socket of the file system is what nobody can open."""
    import socket

    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "good.c").write_text(GOOD)
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as pipe:
        pipe.bind("bad.c")
        assert "bad.c" in error(run(folder, "check", "bad.c"))
        done = run(folder, "check")
    assert done.returncode == 1
    assert "bad.c" in done.stderr and "HL101" in done.stdout


def test_a_named_pipe_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.c")
    assert "pipe.c" in error(run(tmp_path, "check", "pipe.c"))
    assert run(tmp_path, "check").returncode == 0


def test_unwritable_output(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text(GOOD)
    assert "/dev/full" in error(run(tmp_path, "check", "--output", "/dev/full"))


@pytest.mark.parametrize(
    "text",
    [
        "select = [",
        "x = 1\nx = 2\n",
        'select = ["HL9999"]',
        "select = 3",
        "\x00",
        "a." * 5000 + "b = 1",
        'target-python = "x"',
    ],
)
def test_bad_configuration(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.c").write_text(GOOD)
    (tmp_path / "heaplint.toml").write_text(text)
    assert "heaplint.toml" in error(run(tmp_path, "check"))


def test_bad_pyproject(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text(GOOD)
    (tmp_path / "pyproject.toml").write_text("[tool.heaplint\n")
    assert "pyproject.toml" in error(run(tmp_path, "check"))
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.heaplint]\nselect = ['\xff']\n")
    assert "pyproject.toml" in error(run(tmp_path, "check"))


def test_strict_is_not_content_with_less(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_bytes(b"\x00")
    (tmp_path / "good.c").write_text(GOOD)
    assert run(tmp_path, "check", "--strict").returncode == 2


# what was asked for is there, and strange


def test_a_folder_without_c(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no C here")
    for command in ("check", "census"):
        done = run(tmp_path, command)
        assert done.returncode == 0
        assert done.stderr == "heaplint: warning: no C files to read in .\n"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x00" * 100_000, "NUL"),
        (GOOD.encode("utf-16"), "UTF-16"),
        (GOOD.encode("utf-16-le"), "UTF-16"),
        (GOOD.encode("utf-32"), "UTF"),
        (bytes(range(256)) * 500, "NUL"),
        (b"\x7fELF\x02\x01\x01" + b"\x00" * 64, "NUL"),
        (b"int x;\n" * (10 << 17), "too large"),
    ],
)
def test_what_is_no_text_is_left_out_and_said(tmp_path: Path, data: bytes, word: str) -> None:
    (tmp_path / "bad.c").write_bytes(data)
    (tmp_path / "good.c").write_text(GOOD)
    done = run(tmp_path, "check", "--format", "gcc", "-v")
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["good.c"]
    assert any("bad.c" in line and word in line for line in done.stderr.splitlines())


HOSTILE = {
    "empty": "",
    "one brace": "{",
    "garbage": "@ $ ` ) } ] ; = = = ( [ { \\ ' \" \n" * 2000,
    "words": "int " * MANY,
    "unterminated comment": "int x; /* " + "word * / " * MANY,
    "unterminated string": 'char *s = "' + "word " * MANY,
    "unterminated strings": 'char *s = "\n' * 20_000,
    "unterminated character": "int c = '" + "x" * MANY + "\n" + "don't " * 20_000,
    "unterminated raw string": 'char *s = R"abc(' + ')" ' * MANY,
    "open parentheses": "int f(void) { return " + "(" * MANY,
    "nested parentheses": "int f(void) { return " + "(" * MANY + "1" + ")" * MANY + "; }\n",
    "closed parentheses": "int f(void) { return 1" + ")" * MANY + "; }\n",
    "open braces": "{" * MANY,
    "nested braces": "int f(void) " + "{" * MANY + "}" * MANY,
    "closed braces": "}" * MANY,
    "braces on lines": "{\n" * MANY,
    "functions without ends": "int f(void) {\n" * 20_000,
    "functions without ends, closed in column 0": "int f(void) { {\n}\n" * 5000,
    "brackets": "int a" + "[" * MANY + "]" * MANY + ";\n",
    "initialisers": "PyTypeObject T = " + "{" * MANY + "}" * MANY + ";\n",
    "slots": "PyType_Slot s[] = {" + "{Py_tp_new, f}, " * 20_000 + "};\n",
    "stars": "PyObject " + "*" * MANY + "x;\n",
    "operators": "int f(void) { return " + "1 + " * MANY + "1; }\n",
    "unary operators": "int f(void) { return " + "!" * MANY + "1; }\n",
    "ternaries": "int f(void) { return " + "x ? " * 20_000 + "1; }\n",
    "else if": "int f(int x) { " + "if (x) { g(); } else " * 20_000 + "{ } }\n",
    "casts": "PyTypeObject T = { " + "(a)" * MANY + "0 };\n",
    "calls": "int f(PyObject *self) { " + "Py_VISIT(" * 20_000 + "; }\n",
    "macro definitions": "".join(f"#define A{n} A{n + 1}\n" for n in range(20_000)) + "PyTypeObject T = { A0 };\n",
    "macros that double": "".join(f"#define A{n}(x) A{n + 1}(x x)\n" for n in range(60))
    + "PyTypeObject T = { A0(y) };\n",
    "macros that double themselves": "".join(f"#define A{n} A{n + 1} A{n + 1}\n" for n in range(60))
    + "PyTypeObject T = { A0 };\n",
    "macros in circles": (
        "#define A B\n#define B C(A)\n#define C(x) x(B) x\nPyTypeObject T = { A, C(C)(C) };\n#if A\n#endif\n"
    ),
    "a macro with many arguments": ("#define A(x, ...) {x, __VA_ARGS__}\nPyTypeObject T = A(")
    + "(" * 1000
    + "1, " * MANY
    + ");\n",
    "a macro of many parameters": "#define A(" + ", ".join(f"p{n}" for n in range(20_000)) + ") p0\nint x = A(1);\n",
    "pasting": "#define A(x) " + "x##" * 20_000 + "x\nPyTypeObject A(y);\n",
    "contradictory conditions": "#if defined(X) && !defined(X)\n"
    + GOOD
    + ("#else\n#if X == 1 && X == 2\n")
    + GOOD
    + "#endif\n#endif\n",
    "open conditions": "#if X\n" * 20_000 + GOOD,
    "nested conditions": "#if X\n" * 3000 + GOOD + "#else\nPyTypeObject U;\n#endif\n" * 3000,
    "closed conditions": "#endif\n#else\n#elif\n" * 10_000 + GOOD,
    "many conditions": "".join(f"#ifdef X{n}\nPyTypeObject T{n};\n#endif\n" for n in range(2000)),
    "long conditions": "#if "
    + "(" * MANY
    + "\n"
    + GOOD
    + "#endif\n#if "
    + "A && " * MANY
    + ("1\n#endif\n#if ")
    + "!" * MANY
    + "A\n#endif\n",
    "condition arithmetic": "#if 1 << 1 << 99999999999 / 0 % 0 ? 9999999999999999999999 : '\n" + GOOD + "#endif\n",
    "long lines of continuations": "#define A " + "\\\n" * MANY + "\nint x;\n",
    "quotes in a directive": "#define A " + "'\"" * 50_000 + "\nint x;\n",
    "comments in a directive": "#define A " + "/**/" * 50_000 + "\nint x;\n",
    "slashes": "/" * MANY + "\n" + "/ " * MANY,
    "half comments": "/*/" * MANY,
    "hashes": "#" * MANY + "\n" + "#\n" * MANY,
    "backslashes": "\\" * MANY + "\n" + "\\\n" * MANY,
    "attributes": "__attribute__((" * 20_000 + "int f(void) { }\n",
    "capital words": "ABC " * 50_000 + "int f(void) { return 0; }\n",
    "capital calls": "ABC(x)\n" * 20_000 + "int f(void) { return 0; }\n",
    "headers without bodies": "int f(void) ABC(1) " * 10_000 + "{ }\n",
    "typedefs in a circle": "typedef struct a b;\ntypedef b a;\ntypedef a c;\nstruct d { d e; c f; };\n"
    "typedef struct { d x; } d;\n"
    'PyType_Spec s = {"m.d", sizeof(d), 0, 0, slots};\n',
    "types in a circle": "PyTypeObject A = { PyVarObject_HEAD_INIT(0, 0) .tp_base = &B };\n"
    "PyTypeObject B = { PyVarObject_HEAD_INIT(0, 0) .tp_base = &A };\n",
    "functions in a circle": "int f(PyObject *s, visitproc visit, void *arg) { return g(s, visit, arg); }\n"
    "int g(PyObject *s, visitproc visit, void *arg) { return f(s, visit, arg); }\n"
    'PyType_Slot l[] = {{Py_tp_traverse, f}, {Py_tp_dealloc, f}, {Py_tp_clear, g}, {0}};\n'
    'PyType_Spec s = {"m.T", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, l};\n',
    "gotos": "PyObject *f(PyTypeObject *t) { PyObject *o = t->tp_alloc(t, 0); "
    + "".join(f"l{n}: if (o) goto l{(n * 7) % 500}; " for n in range(500))
    + " return o; }\n",
    "branches": "void d(PyObject *o) { "
    + "if (x) { Py_DECREF(o); } " * 500
    + "PyObject_GC_Del(o); }\nPyType_Slot l[] = {{Py_tp_dealloc, d}, {0}};\n"
    'PyType_Spec s = {"m.T", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, l};\n',
    "not UTF-8": '/* \udcff\udcfe */ int \udc80x; char *s = "\udcc3(";\n',
    "terminal escapes": 'static PyTypeObject \x1b[2J\u202e = { PyVarObject_HEAD_INIT(0, 0) "\x07\x1b]0;x\x07" };\n',
    "carriage returns": GOOD.replace("\n", "\r"),
    "form feeds and friends": GOOD.replace(" ", "\x0b\x0c"),
}


GROUPS = [list(HOSTILE)[start : start + 6] for start in range(0, len(HOSTILE), 6)]


@pytest.mark.parametrize("names", GROUPS, ids=", ".join)
def test_hostile_files(tmp_path: Path, names: list[str]) -> None:
    """Several at a time, each a unit of its own: to start a process takes longer than to read them."""
    for number, name in enumerate(names):
        (tmp_path / f"hostile{number}.c").write_bytes(HOSTILE[name].encode("utf-8", "surrogateescape"))
    (tmp_path / "good.c").write_text(GOOD)
    done = run(tmp_path, "check", "--select", "ALL", "--format", "gcc")
    assert done.returncode == 1
    assert "good.c:1:21: warning: T is a static type" in done.stdout
    assert not set("\x1b\x07\u202e") & set(done.stdout + done.stderr)


def test_includes_in_circles(tmp_path: Path) -> None:
    for number in range(30):
        lines = "".join(f'#include "f{other}.h"\n' for other in range(30))
        (tmp_path / f"f{number}.h").write_text(lines + f"#define M{number} M{(number + 1) % 30}\nM{number};\n")
    (tmp_path / "self.c").write_text(
        '#include "self.c"\n#include "f0.h"\n#include "../../../../etc/passwd"\n#include "/etc/passwd"\n' + GOOD
    )
    done = run(tmp_path, "check", "--format", "gcc")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["self.c"]


def test_a_long_chain_of_includes(tmp_path: Path) -> None:
    for number in range(1500):
        (tmp_path / f"f{number}.h").write_text(f'#ifdef X{number}\n#endif\n#include "f{number + 1}.h"\n')
    (tmp_path / "f1500.h").write_text(GOOD)
    (tmp_path / "a.c").write_text('#include "f0.h"\n')
    done = run(tmp_path, "check", "--format", "gcc")
    assert "levels deep" in done.stderr  # it is not read in full, and that is said


def test_strange_names(tmp_path: Path) -> None:
    for name in (b"new\nline.c", b"\x1b[31m.c", b"caf\xe9.c", b"%0A::error::x.c", b"-rf.c", b" .c"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(GOOD)
    for output_format in ("text", "gcc", "json"):
        done = run(tmp_path, "check", "--format", output_format)
        assert done.returncode == 1 and "\x1b" not in done.stdout + done.stderr
