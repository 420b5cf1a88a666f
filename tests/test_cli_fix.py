"""`check --fix` and `--diff`: what is written, what is shown, and what is never touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BAD = (
    "#include <Python.h>\n"
    "static PyType_Slot slots[] = {{0, NULL}};\n"
    'static PyType_Spec spec = {"m.T", sizeof(PyObject), 0, Py_TPFLAGS_HAVE_GC, slots};\n'
)
FIXED = BAD.replace("Py_TPFLAGS_HAVE_GC", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC")


def heaplint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "heaplint", "check", "--isolated", "--select", "HL108", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.c").write_text(BAD)
    return tmp_path


def test_fix_writes_the_file_and_reports_what_is_left(folder: Path) -> None:
    (folder / "a.c").chmod(0o640)
    run = heaplint(folder, "--fix", ".")
    assert (run.returncode, run.stderr) == (0, "Fixed 1 finding in 1 file.\n")
    assert run.stdout == "No findings in 1 file.\n"
    assert (folder / "a.c").read_text() == FIXED
    assert (folder / "a.c").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["a.c"]
    assert heaplint(folder, "--fix", ".").stderr == ""


def test_diff_changes_nothing_and_can_be_applied(folder: Path) -> None:
    run = heaplint(folder, "--diff", ".")
    assert (run.returncode, run.stderr) == (1, "Would fix 1 finding in 1 file.\n")
    assert (folder / "a.c").read_text() == BAD
    subprocess.run(["git", "apply", "-"], cwd=folder, input=run.stdout, text=True, check=True)
    assert (folder / "a.c").read_text() == FIXED
    assert heaplint(folder, "--diff", ".").returncode == 0


def test_a_diff_of_a_file_without_a_last_newline_can_be_applied(folder: Path) -> None:
    (folder / "a.c").write_text(BAD.rstrip("\n"))
    run = heaplint(folder, "--diff", ".")
    subprocess.run(["git", "apply", "-"], cwd=folder, input=run.stdout, text=True, check=True)
    assert (folder / "a.c").read_text() == FIXED.rstrip("\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_an_error_and_no_file_is_changed(folder: Path) -> None:
    (folder / "b.c").write_text(BAD)
    (folder / "b.c").chmod(0o444)
    run = heaplint(folder, "--fix", ".")
    assert run.returncode == 2
    assert "b.c" in run.stderr
    assert (folder / "a.c").read_text() == BAD


def test_a_full_disk_leaves_every_file_as_it_was(folder: Path) -> None:
    (folder / "b.c").write_text(BAD)
    code = (
        "import resource, signal, sys\n"
        "from heaplint.cli import main\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "sys.argv = ['heaplint', 'check', '--isolated', '--select', 'HL108', '--fix', '.']\n"
        "main()\n"
    )
    command = [sys.executable, "-B", "-c", code]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "File too large" in run.stderr and "Traceback" not in run.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a.c", "b.c"]
    assert [(folder / name).read_text() for name in ("a.c", "b.c")] == [BAD, BAD]


def test_a_link_is_never_written_through(folder: Path) -> None:
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.c").write_text(BAD)
    tree = folder / "tree"
    tree.mkdir()
    (tree / "link.c").symlink_to(outside / "secret.c")
    heaplint(tree, "--fix", ".")
    assert (outside / "secret.c").read_text() == BAD
    assert (tree / "link.c").is_symlink()


def test_a_link_within_the_tree_is_an_error(folder: Path) -> None:
    (folder / "link.c").symlink_to("a.c")
    run = heaplint(folder, "--fix", "link.c")
    assert run.returncode == 2 and "link.c" in run.stderr
    assert (folder / "a.c").read_text() == BAD
