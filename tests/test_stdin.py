"""`heaplint check - --stdin-filename FILE`: the text on standard input stands for that file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from heaplint.cli.check import Format
from heaplint.discovery import MAX_SOURCE_BYTES

TYPE = """\
#include "spam.h"
static PyTypeObject SpamType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "spam.Spam",
    .tp_basicsize = sizeof(SpamObject),
};
"""
HEAP = """\
#include "spam.h"
static PyType_Slot slots[] = {{Py_tp_traverse, spam_traverse}, {Py_tp_dealloc, spam_dealloc}, {0, NULL}};
PyType_Spec spec = {"spam.Spam", sizeof(SpamObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
"""
HEADER = "#include <Python.h>\ntypedef struct { PyObject_HEAD PyObject *held; } SpamObject;\n"
BODIES = """\
#include "spam.h"
int spam_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    return 0;
}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a header and the bodies of slots; run in its top."""
    (tmp_path / "pyproject.toml").write_text("[tool.heaplint]\ntarget-python = '3.12'\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "spam.h").write_text(HEADER)
    (tmp_path / "src" / "bodies.c").write_text(BODIES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str, text: str | bytes = b"") -> subprocess.CompletedProcess[bytes]:
    data = text if isinstance(text, bytes) else text.encode()
    return subprocess.run([sys.executable, "-m", "heaplint", "check", *arguments], input=data, capture_output=True)


def findings(*arguments: str, text: str | bytes = b"") -> list[tuple[str, str, int]]:
    document = json.loads(check("--format", "json", *arguments, text=text).stdout)
    return [(one["rule"], one["path"], one["line"]) for one in document["findings"]]


@pytest.mark.parametrize("output_format", get_args(Format))
def test_every_format_says_what_it_says_of_the_file(project: Path, output_format: str) -> None:
    piped = check("-", "--stdin-filename", "src/spam.c", "--format", output_format, text=TYPE)
    (project / "src" / "spam.c").write_text(TYPE)
    named = check("src/spam.c", "--format", output_format)
    assert (piped.returncode, piped.stdout, piped.stderr) == (1, named.stdout, named.stderr)


def test_the_text_hides_the_file_on_disk(project: Path) -> None:
    (project / "src" / "spam.c").write_text(TYPE)
    assert ("HL101", "src/spam.c", 2) in findings("src/spam.c")
    assert findings("-", "--stdin-filename", "src/spam.c", text="int x;\n") == []
    assert ("HL101", "src/spam.c", 4) in findings("-", "--stdin-filename", "src/spam.c", text="\n\n" + TYPE)
    assert ("HL101", "src/spam.c", 4) in findings("-", "--stdin-filename", str(project / "src/spam.c"), text="\n\n" + TYPE)


def test_the_project_around_it_is_read_and_not_reported(project: Path) -> None:
    """What the slots do stands in another file, the struct in a header: a member that is not visited is found there."""
    (project / "src" / "spam.c").write_text(HEAP)
    whole = findings()
    assert findings("-", "--stdin-filename", "src/spam.c", text=HEAP) == [
        one for one in whole if one[1] == "src/spam.c"
    ]
    changed = BODIES.replace("    Py_VISIT(Py_TYPE(self));\n", "")
    skips_type = ("HL203", "src/bodies.c", 2)
    assert skips_type not in findings("-", "--stdin-filename", "src/bodies.c", text=BODIES)
    assert skips_type in findings("-", "--stdin-filename", "src/bodies.c", text=changed)


def test_a_header_as_text_is_read_by_its_includers(project: Path) -> None:
    (project / "src" / "spam.c").write_text(HEAP)
    assert findings("-", "--stdin-filename", "src/spam.h", text=HEADER + "static PyTypeObject InHeader = {0};\n") == [
        ("HL101", "src/spam.h", 3)
    ]


def test_folder_and_file_need_not_exist(project: Path) -> None:
    assert ("HL101", "new/place/x.c", 2) in findings("-", "--stdin-filename", "new/place/x.c", text=TYPE)
    assert not (project / "new").exists()


def test_the_configuration_of_its_folder_holds(project: Path) -> None:
    (project / "src" / "heaplint.toml").write_text('ignore = ["HL1"]\n')
    assert "HL101" not in {rule for rule, *_ in findings("-", "--stdin-filename", "src/spam.c", text=TYPE)}
    assert "HL101" in {rule for rule, *_ in findings("-", "--stdin-filename", "other/spam.c", text=TYPE)}


def test_an_excluded_file_is_left_out_when_asked(project: Path) -> None:
    arguments = ("-", "--stdin-filename", "src/spam.c", "--exclude", "src/")
    assert findings(*arguments, text=TYPE)
    assert findings(*arguments, "--force-exclude", text=TYPE) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [(b"a\0b", "skipped-binary"), ("int x;".encode("utf-16"), "skipped-encoding"), (b" " * (MAX_SOURCE_BYTES + 1), "skipped-size")],
)
def test_text_that_is_no_c(project: Path, text: bytes, kind: str) -> None:
    done = check("-", "--stdin-filename", "x.c", "--strict", text=text)
    assert done.returncode == 2
    assert f"heaplint: {kind}: x.c: the file " in done.stderr.decode()


@pytest.mark.parametrize("text", [b"", b"\xff\xfe\xfd not utf-8 \x80", b"static PyTypeObject X = {", b"\xef\xbb\xbfint x;\r\n"])
def test_any_text_is_read(project: Path, text: bytes) -> None:
    assert check("-", "--stdin-filename", "x.c", text=text).returncode in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-",), "--stdin-filename"),
        (("-", "src", "--stdin-filename", "x.c"), "the only path is `-`"),
        (("src", "--stdin-filename", "x.c"), "the only path is `-`"),
        (("--stdin-filename", "x.c"), "the only path is `-`"),
        (("-", "--stdin-filename", "src"), "'src' is no file"),
        (("-", "--stdin-filename", "new/"), "'new/' is no file"),
        (("-", "--stdin-filename", ""), "'' is no file"),
    ],
)
def test_errors_are_one_line(project: Path, arguments: tuple[str, ...], words: str) -> None:
    done = check(*arguments, text=TYPE)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, b"", 1)
    assert words in done.stderr.decode()


def test_a_file_called_dash(project: Path) -> None:
    (project / "-").write_text(TYPE)
    assert ("HL101", "-", 2) in findings("./-")
