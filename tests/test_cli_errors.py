"""The command line when things go wrong: one line on standard error and an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from conftest import CLEAN, SPAM, Command, Outcome, write

import heaplint

# output files


def test_output_goes_to_a_file(cli: Command) -> None:
    write("a.c", SPAM)
    assert cli("check", "--format", "gcc", "-o", "out.txt") == Outcome(1, "", "")
    assert Path("out.txt").read_text().startswith("a.c:1:21")
    assert sorted(path.name for path in Path().iterdir()) == [".git", "a.c", "out.txt"]


def test_a_failure_leaves_the_old_output(cli: Command, engine: types.ModuleType) -> None:
    write("a.c", SPAM)
    write("out.txt", "old")

    def fail(*_: object) -> None:
        raise RuntimeError("it broke")

    engine.run = fail  # type: ignore[attr-defined]  # the stub's function
    assert cli("check", "-o", "out.txt").is_error("internal error: RuntimeError: it broke")
    assert Path("out.txt").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == [".git", "a.c", "out.txt"]


def test_output_through_a_link_and_to_a_device(cli: Command) -> None:
    write("a.c", SPAM)
    write("real.txt", "old")
    Path("link.txt").symlink_to("real.txt")
    assert cli("check", "-o", "link.txt").code == 1
    assert Path("link.txt").is_symlink() and "HL101" in Path("real.txt").read_text()
    assert cli("check", "-o", "/dev/null").code == 1


@pytest.mark.parametrize("place", ["no/such/folder/out.txt", ".", "", "a.c/out.txt", "x" * 300, "/dev/full"])
def test_output_that_cannot_be_written(cli: Command, place: str) -> None:
    write("a.c", SPAM)
    assert cli("check", "--output", place).is_error(place)
    assert cli("census", "--output", place).is_error(place)


# bad input


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "nix.c"), ("nix.c", "no such file")),
        (("check", "*.nix"), ("*.nix", "no file matches")),
        (("check", ""), ("an empty path",)),
        (("check", "--select", "HL2O1"), ("--select", "unknown rule 'HL2O1'", "HL201")),
        (("check", "--select", ""), ("--select", "unknown rule ''")),
        (("check", "--ignore", "traverse-skip-type"), ("--ignore", "traverse-skips-type")),
        (("check", "--target-python", "3.99"), ("--target-python", "3.99", "3.8 to 3.15")),
        (("check", "--jobs", "0"), ("--jobs", "'0'", "auto", "1 to 1024")),
        (("check", "-j", "many"), ("--jobs", "'many'")),
        (("check", "--format", "xml"), ("--format", "xml", "json")),
        (("check", "--severity", "bad"), ("--severity", "bad", "warning")),
        (("check", "--config", "nix.toml"), ("nix.toml", "No such file")),
        (("check", "--exclude", "*a*b*c*d*e"), ("--exclude", "wildcards")),
        (("check", "--no-such-option"), ("--no-such-option",)),
        (("check", "--output"), ("--output",)),
        (("chekc",), ("chekc", "check")),
        (("explain",), ("RULE",)),
        (("explain", "HL999"), ("unknown rule 'HL999'",)),
        (("explain", "PyModule_AddObjekt"), ("explain: unknown function 'PyModule_AddObjekt'", "PyModule_AddObject")),
        (("explain", "a\x1b[31m\nb"), ("a\\x1b[31m",)),
        (("census", "nix"), ("nix",)),
        (("rules", "--format", "xml"), ("xml",)),
    ],
)
def test_errors_are_one_line_and_exit_code_2(cli: Command, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    write("a.c", CLEAN)
    assert cli(*arguments).is_error(*words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"select = [", ("heaplint.toml",)),
        (b"\xff\xfe", ("heaplint.toml", "UTF-8")),
        (b'select = ["HL2O1"]', ("heaplint.toml: select", "unknown rule 'HL2O1'", "HL201")),
        (b'[per-file-ignores]\n"*.c" = ["HL999"]', ("heaplint.toml: per-file-ignores.*.c", "HL999")),
        (b'slect = ["HL1"]', ("heaplint.toml: slect", "select")),
        (b'exclude = ["/../x"]', ("heaplint.toml: exclude", "leaves the project")),
        (b'exclude = ["*a*b*c*d*e"]', ("heaplint.toml: exclude", "wildcards")),
        (b"x = " + b"[" * 100_000, ("heaplint.toml",)),
    ],
)
def test_errors_in_the_configuration(cli: Command, text: bytes, words: tuple[str, ...]) -> None:
    write("a.c", CLEAN)
    write("heaplint.toml", text)
    assert cli("check").is_error(*words)


def test_a_folder_without_c_is_a_warning(cli: Command) -> None:
    write("empty/readme.txt", "")
    outcome = cli("check", "empty")
    assert (outcome.code, outcome.err) == (0, "heaplint: warning: no C files to read in empty\n")


def test_an_internal_error_is_one_line(cli: Command, engine: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.c", CLEAN)

    def fail(*_: object) -> None:
        raise RecursionError("too deep\nreally")

    engine.run = fail  # type: ignore[attr-defined]  # the stub's function
    assert cli("check").is_error("internal error: RecursionError: too deep\\x0areally", "HEAPLINT_TRACEBACK=1")
    monkeypatch.setenv("HEAPLINT_TRACEBACK", "1")
    with pytest.raises(RecursionError):
        cli("check")


def test_an_interrupt_is_one_line(cli: Command, engine: types.ModuleType) -> None:
    write("a.c", CLEAN)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    engine.run = interrupt  # type: ignore[attr-defined]  # the stub's function
    assert cli("check") == Outcome(130, "", "heaplint: error: interrupted\n")


# as a process


def process(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]  # options vary by test
        [sys.executable, "-m", "heaplint", *arguments], text=True, capture_output="stdout" not in options, **options
    )


def test_version() -> None:
    for arguments in (("--version",), ("--version", "check")):
        done = process(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"heaplint {heaplint.__version__}\n", "")


def test_version_imports_next_to_nothing() -> None:
    code = """
import heaplint.cli, os, sys
os._exit = lambda code: (print(*sys.modules), sys.exit(code))
sys.argv[1:] = ["--version"]
heaplint.cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"typer", "dataclasses", "re", "tree_sitter", "pathlib", "contextlib"} & set(done.stdout.split()[2:])


def test_a_reader_that_goes_away_is_no_error() -> None:
    read, write_end = os.pipe()
    os.close(read)
    done = process("rules", "--format", "json", stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("argument", ["rules", "--version"])
def test_a_full_disk_is_one_line(argument: str) -> None:
    with open("/dev/full", "w") as full:
        done = process(argument, stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, "heaplint: error: standard output: No space left on device\n")


def test_a_terminal_that_knows_ascii_only() -> None:
    done = process("rules", env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode == 0
    assert "\\u25cb" in done.stdout


def test_what_was_written_before_an_error_is_not_lost() -> None:
    """The process leaves at once, but not before its streams are empty."""
    code = (
        "import sys\nfrom heaplint import cli\nfrom heaplint.cli import app\n"
        "app.run = lambda arguments: sys.stdout.write('written') and 2\nsys.argv = ['heaplint', 'check']\ncli.main()"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=buffered)
    assert (done.returncode, done.stdout) == (2, "written")
