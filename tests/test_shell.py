"""heaplint in a shell: exit codes, colour, hyperlinks, completion; with real processes, terminals and shells."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from pathlib import Path
from types import ModuleType

import pytest
from real_libraries import library
from real_tools import ROOT, environment, program

from heaplint.cards import all_cards
from heaplint.report import stream

HEAPLINT = [sys.executable, "-m", "heaplint"]
SPAM = "static PyTypeObject Spam = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = \"spam.Spam\"};\n"
LINK = re.compile(r"\x1b\]8;;([^\x1b]*)\x1b\\")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TUNED = ("NO_COLOR", "FORCE_COLOR", "FORCE_HYPERLINK", "TERM")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one finding, and an environment that says nothing of colour."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "spam.c").write_text(SPAM)
    (tmp_path / "clean.c").write_text("int x;\n")
    monkeypatch.chdir(tmp_path)
    for name in TUNED:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def piped(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HEAPLINT, *arguments], capture_output=True, text=True, env=environment(**more), check=False)


def on_terminal(*arguments: str, columns: int = 100, lines: int = 30, **more: str) -> str:
    """What heaplint writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    with subprocess.Popen(
        [*HEAPLINT, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(TERM="xterm-256color", **more)
    ):
        os.close(theirs)
        written = io.BytesIO()
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux tells so that the other side is closed
                break
            if not part:
                break
            written.write(part)
    os.close(ours)
    return written.getvalue().decode()


# exit codes

CODES = {
    0: [("check", "clean.c"), ("check", "--exit-zero"), ("rules",), ("baseline", "-o", "b.json"), ("completion", "bash")],
    1: [("check",), ("check", "--format", "json"), ("check", "--statistics")],
    2: [
        (), ("check", "nix.c"), ("check", "--select", "HL999"), ("chekc",), ("check", "-"), ("completion", "tcsh"),
        ("check", "--baseline", "nix.json"), ("check", "binary.c", "--strict"), ("check", "--exit-zero", "nix.c"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("code", "arguments"), [(code, one) for code, many in CODES.items() for one in many])
def test_exit_codes(code: int, arguments: tuple[str, ...], project: Path) -> None:
    (project / "binary.c").write_bytes(b"\0")
    assert piped(*arguments).returncode == code


def test_the_documented_exit_codes_are_these() -> None:
    """130 and 141 are tested in test_cli_errors.py."""
    page = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    section = page.partition("### Exit codes\n")[2].partition("\n### ")[0]
    assert {int(code) for code in re.findall(r"\b\d+\b", section.partition("Errors are")[0])} == {*CODES, 130, 141}


# colour and links


@pytest.mark.parametrize(
    ("arguments", "more", "colour", "links"),
    [
        ((), {}, True, True),
        (("--no-color",), {}, False, False),
        ((), {"NO_COLOR": "1"}, False, False),
        ((), {"NO_COLOR": ""}, True, True),
        ((), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        (("--color",), {"NO_COLOR": "1"}, True, True),
        ((), {"FORCE_HYPERLINK": "0"}, True, False),
        ((), {"NO_COLOR": "1", "FORCE_HYPERLINK": "1"}, False, True),
        (("--format", "gcc"), {"FORCE_COLOR": "1", "FORCE_HYPERLINK": "1"}, False, False),
    ],
)
def test_on_a_terminal(arguments: tuple[str, ...], more: dict[str, str], colour: bool, links: bool) -> None:
    written = on_terminal("check", *arguments, **more)
    assert "Spam" in written
    assert (bool(COLOUR.search(written)), bool(LINK.search(written))) == (colour, links)
    if not colour and not links:
        assert "\x1b" not in written


@pytest.mark.parametrize(
    ("arguments", "more", "colour", "links"),
    [
        ((), {}, False, False),
        (("--color",), {}, True, False),
        ((), {"FORCE_COLOR": "1"}, True, False),
        ((), {"FORCE_HYPERLINK": "1"}, False, True),
        ((), {"TERM": "xterm"}, False, False),
    ],
)
def test_into_a_pipe(arguments: tuple[str, ...], more: dict[str, str], colour: bool, links: bool) -> None:
    written = piped("check", *arguments, **more).stdout
    assert (bool(COLOUR.search(written)), bool(LINK.search(written))) == (colour, links)


def test_a_dumb_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert stream.wants_links(Terminal(), None) and stream.wants_colour(Terminal(), None)
    monkeypatch.setenv("TERM", "dumb")
    assert not stream.wants_links(Terminal(), None) and not stream.wants_colour(Terminal(), None)
    assert not stream.wants_links(Terminal(), True)


def test_a_file_gets_plain_text() -> None:
    on_terminal("check", "-o", "out.txt")
    assert "\x1b" not in Path("out.txt").read_text()


def test_the_link_leads_to_the_reference_of_the_rule() -> None:
    written = piped("check", FORCE_HYPERLINK="1").stdout
    assert LINK.findall(written) == [all_cards()["HL101"].references[0], ""] * written.count("[\x1b]8;;")
    assert re.sub(LINK, "", written) == piped("check").stdout


@pytest.fixture
def pyte(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return library("pyte", "pyte", monkeypatch)


@pytest.mark.external
def test_a_terminal_shows_the_plain_text_in_colour(pyte: ModuleType) -> None:
    screen = pyte.Screen(200, 40)
    pyte.Stream(screen).feed(on_terminal("check", columns=200, lines=40))
    plain = piped("check").stdout.splitlines()
    assert [line.rstrip() for line in screen.display if line.strip()] == [line for line in plain if line]
    head = plain[0]
    places = range(head.index("warning["), head.index("]") + 1)
    assert {(screen.buffer[0][column].fg, screen.buffer[0][column].bold) for column in places} == {("brown", True)}
    assert screen.buffer[0][head.index("]") + 3].fg == "default"


@pytest.mark.external
def test_hostile_names_leave_a_terminal_as_it_was(pyte: ModuleType, project: Path) -> None:
    """A file name and a line that clear the screen, set the title and open a link are shown, not obeyed."""
    (project / "spam.c").unlink()
    (project / "a\x1b[2J\x1b]0;owned\x07.c").write_text("/* \x1b]8;;http://evil\x1b\\ \x1b[31m \x9b2J \u202e */ " + SPAM)
    written = on_terminal("check", columns=250, lines=40)
    screen = pyte.Screen(250, 40)
    pyte.Stream(screen).feed(written)
    assert screen.title == ""
    assert screen.display[0].startswith("a\\x1b[2J\\x1b]0;owned\\x07.c:1:")
    assert all(target in ("", all_cards()["HL101"].url) for target in LINK.findall(written))
    assert "evil" in screen.display[2] and "\u202e" not in written


# completion


@pytest.fixture
def command(tmp_path: Path) -> dict[str, str]:
    """An environment in which `heaplint` is a command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "heaplint"
    script.write_text(f"#!/bin/sh\nexec {shlex.join(HEAPLINT)} \"$@\"\n")
    script.chmod(0o755)
    return environment(PATH=f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("che", {"check"}),
        ("check --sta", {"--statistics"}),
        ("check --format g", {"gcc", "github", "gitlab"}),
        ("completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(command: dict[str, str], words: str, completed: set[str]) -> None:
    listed = ["heaplint", *words.split(" ")]
    script = (
        'eval "$(heaplint completion bash)"; complete -p heaplint >/dev/null || exit 9\n'
        f"COMP_WORDS=({shlex.join(listed)}); COMP_CWORD={len(listed) - 1}\n"
        '_heaplint_completion heaplint; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [program("bash"), "--norc", "-c", script], capture_output=True, text=True, env=command, check=True
    )
    assert (set(done.stdout.split()), done.stderr) == (completed, "")


def test_zsh_and_fish_ask_and_are_answered() -> None:
    """What their scripts run: the protocol, without the shells."""
    zsh = piped("completion", "zsh").stdout
    assert "compdef _heaplint_completion heaplint" in zsh and "_HEAPLINT_COMPLETE=complete_zsh" in zsh
    answer = piped(_HEAPLINT_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="heaplint che").stdout
    assert answer.startswith("_arguments '*: :((") and '"check"' in answer
    assert "_HEAPLINT_COMPLETE=complete_fish" in piped("completion", "fish").stdout
    answer = piped(
        _HEAPLINT_COMPLETE="complete_fish", _TYPER_COMPLETE_FISH_ACTION="get-args", _TYPER_COMPLETE_ARGS="heaplint che"
    ).stdout
    assert answer.split("\t")[0] == "check"
