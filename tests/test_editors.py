"""Vim, Neovim and Emacs find in the gcc format what JSON says; docs/editors.md says how."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from real_tools import ROOT, environment, program

from heaplint.findings import Finding, Related, Span
from heaplint.report import gcc
from heaplint.report.report import Report

DOCS = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
BROKEN = ROOT / "tests" / "fixtures" / "broken_gc"
GOLDEN = ROOT / "tests" / "fixtures" / "golden" / "broken_gc.gcc"

Entry = tuple[str, int, int, str, str]
"""File, line, column, kind (e, w or empty for a note), message."""

QUICKFIX = (
    "call writefile([json_encode(map(getqflist(), {_, one -> "
    "[bufname(one.bufnr), one.lnum, one.col, one.type, one.text, one.valid]}))], $FOUND)"
)


def expected() -> list[Entry]:
    document = json.loads(GOLDEN.with_suffix(".json").read_text(encoding="utf-8"))
    return [
        (one["path"], one["line"], one["column"], one["severity"][0], f"{one['message']} [{one['rule']}]")
        for one in document["findings"]
    ]


def with_notes(folder: Path) -> tuple[Path, list[Entry]]:
    """A report whose finding has a step, a path with a space, and brackets and colons in its message."""
    place, step = Span("src/a b.c", 7, 3, 7, 9), Span("src/c.c", 8, 1, 8, 2)
    one = Finding("HL201", "heap-type-without-gc", "note", "high", "x[0]: not, visited: y", place,
                  steps=(Related(step, "made [here]"),))  # fmt: skip
    folder.mkdir(exist_ok=True)
    file = folder / "report.txt"
    file.write_text("".join(gcc.render(Report([one], (), 1, {}, {}))), encoding="utf-8")
    return file, [("src/a b.c", 7, 3, "", "x[0]: not, visited: y [HL201]"), ("src/c.c", 8, 1, "", "made [here]")]


def vim(editor: str, folder: Path, *commands: str) -> list[Entry]:
    """The quickfix list after some commands."""
    bare = ["--headless", "--clean"] if "nvim" in Path(editor).name else ["-N", "-u", "NONE", "-es"]
    every = (*commands, QUICKFIX, "qa!")
    found = folder / "found.json"
    subprocess.run(
        [editor, *bare, *(part for command in every for part in ("-c", command))],
        cwd=BROKEN, env=environment(FOUND=str(found)), stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        check=True,
    )  # fmt: skip
    entries = json.loads(found.read_text(encoding="utf-8"))
    return [(path, line, column, kind.lower(), text) for path, line, column, kind, text, valid in entries if valid]


@pytest.mark.external
@pytest.mark.parametrize("editor", ["vim", "nvim"])
def test_vim_reads_a_report(editor: str, tmp_path: Path) -> None:
    assert vim(program(editor), tmp_path, f"compiler gcc | cfile {GOLDEN}") == expected()
    report, wanted = with_notes(tmp_path / "notes")
    found = vim(program(editor), tmp_path, f"compiler gcc | cfile {report}")
    assert [(*one[:3], one[4].removeprefix("note: ")) for one in found] == [(*one[:3], one[4]) for one in wanted]


@pytest.mark.external
@pytest.mark.parametrize("editor", ["vim", "nvim"])
def test_vim_runs_it_as_the_docs_say(editor: str, tmp_path: Path) -> None:
    setting = re.search(r"^autocmd FileType c,cpp (compiler gcc \| setlocal makeprg=heaplint.*)$", DOCS, re.M)
    assert setting is not None
    command = setting[1].replace("heaplint\\ check", f"{sys.executable}\\ -m\\ heaplint\\ check")
    assert vim(program(editor), tmp_path, command, "silent make!") == expected()
    one_file = vim(program(editor), tmp_path, "edit traverse.c", command, "silent make! %")
    assert one_file == [one for one in expected() if one[0] == "traverse.c"]


LISP = """
(progn
  (require 'compile)
  (require 'json)
  (with-current-buffer (find-file-noselect (getenv "REPORT"))
    (compilation-mode)
    (compilation--ensure-parse (point-max))
    (goto-char (point-min))
    (let ((found nil))
      (while (not (eobp))
        (let ((message (get-text-property (point) 'compilation-message)))
          (when message
            (let ((place (compilation--message->loc message)))
              (push (list (caar (compilation--loc->file-struct place)) (compilation--loc->line place)
                          (compilation--loc->col place) (compilation--message->type message))
                    found))))
        (forward-line 1))
      (princ (json-encode (vconcat (nreverse found)))))))
"""


def emacs(report: Path) -> list[tuple[str, int, int, int]]:
    done = subprocess.run(
        [program("emacs"), "-Q", "--batch", "--eval", LISP], env=environment(REPORT=str(report)),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return [(path, line, column, kind) for path, line, column, kind in json.loads(done.stdout)]


@pytest.mark.external
def test_emacs_reads_a_report(tmp_path: Path) -> None:
    kinds = {"e": 2, "w": 1, "": 0}
    assert emacs(GOLDEN) == [(path, line, column, kinds[kind]) for path, line, column, kind, _ in expected()]
    report, wanted = with_notes(tmp_path)
    assert emacs(report) == [(path, line, column, 0) for path, line, column, *_ in wanted]
