"""What may go wrong around heaplint while it works: disks, files, pipes, signals, environments, very large trees.

Each fault is a real one (a limit, a signal, a pipe that is closed) wherever it can be had at an exact moment; where it
comes between two steps of heaplint, one of these is made to cause it first. Faults of single streams and options are in
test_cli_errors.py, test_bad_input.py and test_cli_fix.py.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import pytest
from reading import sources

from heaplint import discovery, engine
from heaplint.cards import all_cards
from heaplint.cli.app import run
from heaplint.config import Config
from heaplint.discovery import Discovery, discover
from heaplint.frontend.reader import Reader
from heaplint.model import program
from heaplint.report import Format, formats, text
from heaplint.report.notices import exit_code
from heaplint.report.report import Report

BAD = 'static PyTypeObject %s = {\n    PyVarObject_HEAD_INIT(NULL, 0)\n    .tp_name = "m.T",  /* caf\u00e9 */\n};\n'
HEAP = (
    "static PyType_Slot slots[] = {{0, NULL}};\n"
    'static PyType_Spec spec = {"m.T", 0, 0, Py_TPFLAGS_HAVE_GC, slots};\n'
)
FORMATS = get_args(Format)
QUIET = {key: value for key, value in os.environ.items() if key not in ("HEAPLINT_TRACEBACK", "FORCE_COLOR", "PYTHONUNBUFFERED")}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of a folder `src` with three files, which is the current folder."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ("a", "b", "c"):
        (folder / "src" / f"{name}.c").write_text(BAD % name.upper(), encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HEAPLINT_TRACEBACK", raising=False)
    return folder


def process(*arguments: str, env: Mapping[str, str] = QUIET, **options: object) -> subprocess.CompletedProcess[str]:
    """heaplint in a process of its own that has a minute."""
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]  # options vary by test
        [sys.executable, "-m", "heaplint", *arguments],
        capture_output=True, encoding="utf-8", timeout=60, check=False, env=env, **options,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr and "internal error" not in done.stderr, done
    return done


def with_fault(code: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """heaplint in a process in which some code has prepared a fault."""
    prepared = f"import sys\nsys.argv = {['heaplint', *arguments]!r}\n{code}\nfrom heaplint import cli\ncli.main()\n"
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]  # options vary by test
        [sys.executable, "-c", prepared], capture_output=True, encoding="utf-8", timeout=60, check=False, env=QUIET,
        **options,
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr and "internal error" not in done.stderr, done
    return done


def tree() -> dict[str, bytes]:
    """Everything below the current folder."""
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


# a full disk


def _nothing_fits() -> None:
    """A file can have no more than a hundred bytes; the signal would end the process, and so would no full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.parametrize("arguments", [
    ("check", "--output", "out"), ("check", "--format", "html", "--output", "out"), ("census", "--output", "out"),
    ("baseline", "--output", "out"), ("check", "--diff", "--unsafe-fixes", "--output", "out"),
])  # fmt: skip
def test_a_disk_that_gets_full_leaves_what_was_there(arguments: tuple[str, ...]) -> None:
    Path("out").write_text("old")
    Path("src/heap.c").write_text(HEAP)
    before = tree()
    done = process(*arguments, "-q", preexec_fn=_nothing_fits)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "heaplint: error: out: File too large"
    assert tree() == before


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_standard_output_on_a_full_disk(output_format: str) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "heaplint", "check", "--format", output_format],
            stdout=full, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False, env=QUIET,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "heaplint: error: standard output: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("output_format", ["text", "json", "junit"])
def test_a_report_that_a_full_disk_cuts_off_is_an_error(output_format: str, unbuffered: dict[str, str]) -> None:
    """The first hundred bytes fit."""
    with open("report", "w") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "heaplint", "check", "-q", "--format", output_format],
            stdout=stream, stderr=subprocess.PIPE, encoding="utf-8", timeout=60, check=False,
            env=QUIET | unbuffered, preexec_fn=_nothing_fits,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, "heaplint: error: standard output: File too large\n")
    assert Path("report").stat().st_size == 100


# files that change, vanish and cannot be read


def between(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens after the files were found and before they are read."""
    read_all = discovery._read_all

    def late(*arguments: object) -> Discovery:
        happens()
        return read_all(*arguments)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(discovery, "_read_all", late)


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], list[tuple[str, str]]]:
    """(exit code, paths of findings, (path, kind) of notices) of a check."""
    code = run(["check", *arguments, "--format", "json"])
    out, errors = capsys.readouterr()
    assert errors == ""
    told = json.loads(out)
    return code, [one["path"] for one in told["findings"]], [(one["path"], one["kind"]) for one in told["notices"]]


def test_a_file_that_vanishes_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    between(monkeypatch, lambda: os.unlink("src/b.c"))
    assert checked(capsys) == (1, ["src/a.c", "src/c.c"], [("src/b.c", "unreadable")])


def test_a_file_that_vanishes_is_no_success_when_that_matters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    between(monkeypatch, lambda: os.unlink("src/b.c"))
    assert checked(capsys, "--strict")[0] == 2


def test_a_named_file_that_vanishes_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    between(monkeypatch, lambda: os.unlink("src/b.c"))
    assert run(["check", "src/a.c", "src/b.c"]) == 2
    assert capsys.readouterr() == ("", "heaplint: error: src/b.c: No such file or directory\n")


def test_all_files_vanish(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    between(monkeypatch, lambda: shutil.rmtree("src"))
    assert run(["check"]) == 0
    out, errors = capsys.readouterr()
    assert out == "No findings in 0 files.\n"
    assert errors.count("unreadable") == 3


@pytest.mark.parametrize("becomes", [
    lambda path: path.mkdir(), lambda path: os.mkfifo(path), lambda path: path.symlink_to(path),
    lambda path: path.symlink_to("/etc/no/such/file"),
])  # fmt: skip
def test_a_file_that_becomes_something_else_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], becomes: Callable[[Path], object]
) -> None:
    def change() -> None:
        Path("src/b.c").unlink()
        becomes(Path("src/b.c"))

    between(monkeypatch, change)
    assert checked(capsys) == (1, ["src/a.c", "src/c.c"], [("src/b.c", "unreadable")])


def test_a_folder_that_vanishes_during_the_search_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = discovery._Walk._entries

    def late(walk: discovery._Walk, folder: str) -> object:
        if folder.endswith("src"):
            shutil.rmtree("src")
        return entries(walk, folder)

    monkeypatch.setattr(discovery._Walk, "_entries", late)
    Path("d.c").write_text(BAD % "D", encoding="utf-8")
    assert checked(capsys) == (1, ["d.c"], [("src", "unreadable")])


def test_a_file_that_grows_beyond_the_limit_is_not_read_in_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its size is asked first, and then it is read: a writer may come between."""
    stat = os.stat

    def early(path: str, *arguments: object, **options: object) -> os.stat_result:
        facts = stat(path, *arguments, **options)  # type: ignore[arg-type]  # what it was called with
        if str(path).endswith("b.c"):
            with open(path, "ab") as stream:
                stream.write(b" " * discovery.MAX_SOURCE_BYTES)
        return facts

    monkeypatch.setattr(os, "stat", early)
    assert checked(capsys) == (1, ["src/a.c", "src/c.c"], [("src/b.c", "skipped-size")])


def test_a_run_knows_nothing_of_what_becomes_of_its_files(project: Path) -> None:
    """They are read once: a report shows the lines that were analysed, whatever stands there now."""
    config = Config(frontend="tree-sitter")
    found = discover(["."], config, project)
    (project / "src" / "a.c").write_text("int something_else;\n")
    shutil.rmtree(project / "src")
    result = engine.run(found, config, None)
    report = Report(result.findings, result.notices, result.files, found.sources, all_cards())
    shown = "".join(formats.lines(report, "text", text.PLAIN, counted=False, closing=True))
    assert [one.span.path for one in result.findings] == ["src/a.c", "src/b.c", "src/c.c"]
    assert "1 | static PyTypeObject A = {" in shown


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read a file")
def test_files_and_folders_that_others_may_not_read(project: Path) -> None:
    for path in project.parents:
        if path.stat().st_uid == os.geteuid() and len(path.parts) > 2:
            path.chmod(path.stat().st_mode | 0o055)
    (project / "src" / "b.c").chmod(0)
    (project / "secret").mkdir(mode=0o700)
    (project / "secret" / "d.c").write_text("int x;\n")  # whether there is one, nobody can tell
    code = (
        "import json, os\nfrom pathlib import Path\nfrom heaplint.config import Config\n"
        "from heaplint.discovery import discover\n"
        "look = lambda: discover(['.'], Config(), Path.cwd())\n"
        "look()  # nothing is imported later: nobody else may read this interpreter, perhaps\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\nfound = look()\n"
        "print(json.dumps([[f.path for f in found.files], [[n.path, n.kind, n.message] for n in found.notices]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        ["src/a.c", "src/c.c"],
        [["secret", "unreadable", "Permission denied"], ["src/b.c", "unreadable", "Permission denied"]],
    ]


@pytest.mark.parametrize("arguments", [("check",), ("check", "src/a.c"), ("census",), ("baseline",)])
def test_a_current_folder_that_is_gone_is_an_error(arguments: tuple[str, ...]) -> None:
    fault = "import os\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')"
    done = with_fault(fault, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "heaplint: error: the current folder is gone\n")


# an interrupt


INTERRUPTED = (2 + 128, "heaplint: error: interrupted\n")


@pytest.mark.parametrize("moment", [
    "heaplint.discovery.discover", "heaplint.checking.selected", "heaplint.checking.check_group",
    "heaplint.results.merged", "heaplint.report.formats.lines",
])  # fmt: skip
def test_an_interrupt_leaves_nothing_half_written(moment: str) -> None:
    before = tree()
    module, _, name = moment.rpartition(".")
    fault = (
        f"import os, signal, {module} as module\nwork = module.{name}\n"
        f"def interrupted(*given, **named):\n    os.kill(os.getpid(), signal.SIGINT)\n    return work(*given, **named)\n"
        f"module.{name} = interrupted\n"
    )
    done = with_fault(fault, "check", "--format", "sarif", "-o", "out")
    assert (done.returncode, done.stderr, done.stdout) == (*INTERRUPTED, "")
    assert tree() == before


def test_an_interrupt_while_files_are_fixed_leaves_all_or_none() -> None:
    """It comes when the new files are written and none has its name yet."""
    Path("src/heap.c").write_text(HEAP)
    before = tree()
    fault = (
        "import os, signal\nfrom heaplint.report import stream\nfinish = stream.Replacement.finish\n"
        "def interrupted(self):\n    os.kill(os.getpid(), signal.SIGINT)\n    finish(self)\n"
        "stream.Replacement.finish = interrupted\n"
    )
    done = with_fault(fault, "check", "--fix", "--unsafe-fixes", "-q")
    assert (done.returncode, done.stderr) == INTERRUPTED
    assert tree() == before


def test_an_interrupt_before_the_command_is_known_is_one_too() -> None:
    """A command line tool is interrupted while it is still being imported, too."""
    fault = (
        "import os, signal\nclass Interrupt:\n    def find_spec(self, name, *_):\n        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\nsys.meta_path.insert(0, Interrupt())\n"
    )
    done = with_fault(fault, "check")
    assert (done.returncode, done.stderr, done.stdout) == (*INTERRUPTED, "")


def test_an_interrupt_ends_the_exact_front_end(tmp_path: Path) -> None:
    fault = (
        "import os, signal\nfrom heaplint.frontend.clang import client\nread = client.Child._read\n"
        "def interrupted(self, process, length):\n"
        f"    open({str(tmp_path / 'child')!r}, 'w').write(str(process.pid))\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    return read(self, process, length)\n"
        "client.Child._read = interrupted\n"
    )
    done = with_fault(fault, "check", "--frontend", "clang")
    assert (done.returncode, done.stderr) == INTERRUPTED
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), 0)


# a reader that goes away


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_pipe_that_is_closed_after_one_line(output_format: str) -> None:
    """`heaplint check | head -1`, with more to say than a pipe holds."""
    for number in range(400):
        Path(f"src/{number}.c").write_text(BAD % ("x" * 500), encoding="utf-8")
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m heaplint check --isolated --select HL101 --format {output_format} | head -c 50 > /dev/null; '
         'echo "${PIPESTATUS[*]}"'], capture_output=True, encoding="utf-8", timeout=60, check=False, env=QUIET,
    )  # fmt: skip
    whole = output_format == "github"  # it shows ten of each severity, which a pipe holds
    assert done.stdout in ("141 0\n", "1 0\n") if whole else done.stdout == "141 0\n"
    assert "Traceback" not in done.stderr and "rror" not in done.stderr


# environments


@pytest.mark.parametrize("output_format", ["text", "html", "json"])
@pytest.mark.parametrize("env", [
    {}, {"LC_ALL": "C"}, {"LC_ALL": "no_SUCH.locale"},
    {"HOME": "/no/such/home", "PATH": "/no/such/path", "TERM": "no-such-terminal"},
], ids=["empty", "C", "unknown", "no home"])  # fmt: skip
def test_the_environment_changes_nothing(env: dict[str, str], output_format: str) -> None:
    """No locale, no home, no path: the same report but for letters that the stream cannot hold."""
    os.rename("src/b.c", os.fsencode("src/caf\u00e9.c"))
    os.rename("src/c.c", b"src/\xff.c")
    arguments = ("check", "--format", output_format, "-o", "report")
    assert process(*arguments).returncode == 1
    usual = Path("report").read_bytes()
    done = process(*arguments, env=env)
    assert done.returncode == 1
    assert Path("report").read_bytes() == usual


@pytest.mark.parametrize("output_format", FORMATS)
def test_an_interpreter_that_knows_ascii_alone(output_format: str) -> None:
    os.rename("src/b.c", os.fsencode("src/caf\u00e9.c"))
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = process("check", "--format", output_format, env=env)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.isascii() and "HL101" in done.stdout


# very large


def test_ten_thousand_files(capsys: pytest.CaptureFixture[str]) -> None:
    for top in range(100):
        folder = Path(f"src/{top}")
        folder.mkdir()
        for number in range(100):
            (folder / f"{number}.c").write_text(BAD % f"T{top}_{number}" if number == top else "int x;\n")
    code, paths, told = checked(capsys, "--select", "HL101", "src")
    assert (code, len(paths), told) == (1, 103, [])
    assert {f"src/{top}/{top}.c" for top in range(100)} < set(paths)


def test_fifty_megabytes(capsys: pytest.CaptureFixture[str]) -> None:
    """A file, a header that a named file includes, and what configures a run."""
    for name in ("src/large.c", "src/large.h"):
        with open(name, "wb") as stream:
            stream.truncate(50 << 20)
    Path("src/a.c").write_text('#include "large.h"\n' + BAD % "A", encoding="utf-8")
    Path("src/link.c").symlink_to("large.c")
    large = [("src/large.c", "skipped-size"), ("src/large.h", "skipped-size")]
    assert checked(capsys) == (1, ["src/a.c", "src/b.c", "src/c.c"], large)
    assert checked(capsys, "src/a.c", "src/large.c") == (1, ["src/a.c"], large[:1])
    assert checked(capsys, "src/a.c") == (1, ["src/a.c"], [])


@pytest.mark.parametrize("name", ["heaplint.toml", "pyproject.toml", "baseline.json"])
def test_a_configuration_of_fifty_megabytes_is_an_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open(name, "wb") as stream:
        stream.truncate(50 << 20)
    assert run(["check", *(["--baseline", name] if name.endswith("json") else [])]) == 2
    assert name in capsys.readouterr().err


def test_an_ignore_file_of_fifty_megabytes_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with open(".gitignore", "wb") as stream:
        stream.truncate(50 << 20)
    assert checked(capsys) == (1, ["src/a.c", "src/b.c", "src/c.c"], [(".gitignore", "unreadable")])


# links


def test_links_that_lead_to_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    Path("src/self.c").symlink_to("self.c")
    Path("src/one.c").symlink_to("two.c")
    Path("src/two.c").symlink_to("one.c")
    Path("src/up").symlink_to("..")
    Path("src/here").symlink_to(".")
    Path("deep").symlink_to("deep/deep")
    told = [(f"src/{name}.c", "unreadable") for name in ("one", "self", "two")]
    assert checked(capsys) == (1, ["src/a.c", "src/b.c", "src/c.c"], told)
    assert run(["check", "src/self.c"]) == 2
    assert capsys.readouterr().err.startswith("heaplint: error: ")
    code, paths, _ = checked(capsys, "src/up/src/here/up/src/a.c")
    assert (code, len(paths)) == (1, 1)


@pytest.mark.parametrize(
    ("owner", "name"), [(program, "define"), (program, "connect"), (Reader, "unit_views")], ids=["types", "links", "text"]
)
def test_an_internal_error_loses_nothing_else_and_is_told(
    owner: object, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        f"{one}.c": f'#include <Python.h>\nstatic PyTypeObject {one}Type = {{PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.{one}"}};\n'
        for one in "abc"
    }
    whole = getattr(owner, name)

    def broken(*arguments: object) -> object:
        if getattr(arguments[-1], "path", arguments[-1]) == "b.c":
            raise ZeroDivisionError("as planned")
        return whole(*arguments)

    monkeypatch.setattr(owner, name, broken)
    result = engine.run(Discovery(Path("/"), Path("/"), tuple(sources(files).values()), ()), Config(), None)
    told = [notice for notice in result.notices if notice.kind == "failed"]
    assert [notice.path for notice in told] == ["b.c"] and "ZeroDivisionError: as planned" in told[0].message
    assert {one.span.path for one in result.findings} >= {"a.c", "c.c"}
    assert exit_code(result.findings, result.notices, strict=False, exit_zero=True) == 2
