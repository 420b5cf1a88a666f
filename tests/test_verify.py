"""`heaplint verify` on modules that are built here, in this Python and in each of pyenv's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builds import INTERPRETERS, SOURCES, built, version_of
from real_tools import environment, program

from heaplint.cli.app import run
from heaplint.verify.host import Reply
from heaplint.verify.life import Lives
from heaplint.verify.run import exit_code, modules_of, settings, verify

pytestmark = pytest.mark.skipif(os.name != "posix", reason="verify needs a POSIX system")

Answers = dict[tuple[str, str], str]
"""By subject and check."""

WRONG = {
    ("defective.Loose", "have-gc"),
    ("defective.Blind", "visits-type"),
    ("defective.Hidden", "tracked"),
    ("defective.Leaky", "releases-type"),
    ("defective.Cursor", "instantiation"),
    ("defective.Fixed", "heap-type"),
    ("FixedType", "static-state"),
    ("registry", "static-state"),
    ("entries", "static-state"),
    ("defective", "reimport"),
    ("defective", "growth"),
}
"""What is wrong with defective.c; each type has one defect."""


@pytest.fixture(params=INTERPRETERS, ids=lambda python: Path(python).parent.parent.name)
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def verified(capsys: pytest.CaptureFixture[str], *arguments: str, code: int | None = None) -> dict[str, Any]:
    done = run(["verify", "--isolated", "--format", "json", *arguments])
    printed = capsys.readouterr()
    assert code is None or done == code, printed.err
    document: dict[str, Any] = json.loads(printed.out)
    return document


def verdicts(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [verdict for module in document["modules"] for verdict in module["verdicts"]]


def of(document: dict[str, Any], answer: str) -> set[tuple[str, str]]:
    return {(one["subject"], one["check"]) for one in verdicts(document) if one["answer"] == answer}


def test_every_defect_is_seen_and_nothing_else(python: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = verified(capsys, "--python", python, "--path", built(python, "defective"), "defective", code=1)
    undeclared = {("defective", "own-gil")} if version_of(python) >= (3, 12) else set()
    assert of(document, "fail") == WRONG | undeclared
    assert not of(document, "unknown")
    assert {one["name"]: one["kind"] for one in document["modules"][0]["types"]}["defective.Fixed"] == "static"


def test_the_sound_twin_passes_everything(python: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder, exercise = built(python, "sound"), str(SOURCES / "exercise.py")
    document = verified(capsys, "--python", python, "--path", folder, "--exercise", exercise, "sound", code=0)
    assert not of(document, "fail") and not {one for one in of(document, "unknown") if one[1] != "releases-type"}
    assert {one["name"] for one in document["modules"][0]["types"]} == {"sound.Cell", "sound.Cursor"}
    passed = of(document, "pass")
    own = {("sound", "own-gil"), ("sound", "parallel")} if version_of(python) >= (3, 12) else set()
    assert own | {("sound", "static-state"), ("sound", "reimport"), ("sound", "growth")} <= passed
    assert {("sound.Cursor", "tracked"), ("sound.Cursor", "visits-type"), ("sound.Cursor", "instantiation")} <= passed


def test_a_single_phase_module_keeps_its_state_in_the_process(python: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = built(python, "legacy")
    document = verified(capsys, "--python", python, "--path", folder, "legacy", code=1)
    static = {subject for subject, check in of(document, "fail") if check == "static-state"}
    assert static == {"ShellType", "LegacyError", "legacy_module"}
    assert ("legacy", "multi-phase") in of(document, "fail")
    if version_of(python) >= (3, 12):
        [refused] = [one for one in verdicts(document) if one["check"] == "own-gil"]
        assert refused["answer"] == "fail" and "does not support loading in subinterpreters" in refused["message"]


def test_verdicts_are_joined_to_the_findings_at_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    folder = built(sys.executable, "defective")
    document = verified(capsys, "--path", folder, "--source", str(SOURCES), "--exclude", "hostile.c", "defective")
    lines = (SOURCES / "defective.c").read_text().splitlines()
    confirmed = {one["rule"]: lines[one["at"]["line"] - 1] for one in verdicts(document) if one["joined"] == "confirmed"}
    assert {"HL101", "HL201", "HL203", "HL205", "HL207", "HL303"} <= confirmed.keys()
    assert "FixedType" in confirmed["HL101"] and "loose_spec" in confirmed["HL201"]
    assert "blind_traverse" in confirmed["HL203"] and "leaky_dealloc" in confirmed["HL207"]
    only = {(one["subject"], one["rule"]) for one in verdicts(document) if one["joined"] == "only-at-run-time"}
    assert ("entries", "HL303") in only  # an object behind a pointer to a struct
    assert document["summary"]["joins"]["HL303"]["confirmed"] == 1
    undecided = {(one["rule"], one["symbol"]) for one in document["undecided"]}
    assert ("HL101", "ShellType") in undecided  # legacy.c was read, but its module was not run


def test_a_crash_in_another_interpreter_is_the_modules_when_it_needs_the_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "aborts.py"
    script.write_text("import os, sys\nif 'heaplint.verify.child' not in sys.modules:\n    os.abort()\n")
    arguments = ["--path", built(sys.executable, "sound"), "--exercise", str(script), "sound"]
    [verdict] = [one for one in verdicts(verified(capsys, *arguments, code=1)) if one["check"] == "subinterpreter"]
    assert (verdict["answer"], verdict["message"]) == ("fail", "crashes in interpreter 1 (SIGABRT)")

    crash = Reply(told=[{"doing": "interpreter 1"}], last={"status": -6}, status=-6)
    monkeypatch.setattr(Lives, "_ask", lambda *_, **__: crash)  # as where the interpreter itself is at fault
    [verdict] = [one for one in verdicts(verified(capsys, *arguments)) if one["check"] == "subinterpreter"]
    assert verdict["answer"] == "unknown" and "without the module: crashes" in verdict["message"]


def test_without_an_exercise_the_reason_of_the_unknown_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    document = verified(capsys, "--path", built(sys.executable, "sound"), "sound", code=0)
    unknown = {one["subject"]: one["message"] for one in verdicts(document) if one["check"] == "tracked"}
    assert "no instance is alive" in unknown["sound.Cursor"] and "cannot create" in unknown["sound.Cursor"]
    assert run(["verify", "--strict", "--path", built(sys.executable, "sound"), "sound"]) == 2


@pytest.fixture
def strays(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The processes that this test started, directly or not, and that are still there."""
    mark = f"HEAPLINT_TEST={uuid.uuid4()}"
    monkeypatch.setenv(*mark.split("="))

    def look() -> list[str]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended, or is another user's
                if mark.encode() in (folder / "environ").read_bytes():
                    found.append(folder.name)
        return found

    return look


def test_a_hostile_module_costs_its_own_checks_only(
    capsys: pytest.CaptureFixture[str], strays: Callable[[], list[str]]
) -> None:
    hostile, sound = built(sys.executable, "hostile"), built(sys.executable, "sound")
    document = verified(capsys, "--timeout", "3", "--path", hostile, "--path", sound, "hostile", "sound", code=1)
    types = {one["name"].rpartition(".")[2] for one in document["modules"][0]["types"]}
    assert types == {"Aborts", "Exits", "Loops", "Forks", "Writes", "Allocates", "Kills", "Quiet"}
    passed, failed, unknown = (of(document, answer) for answer in ("pass", "fail", "unknown"))
    assert {(f"hostile.{name}", "visits-type") for name in types} <= passed  # of zeroed instances
    assert {(f"hostile.{name}", "tracked") for name in ("Forks", "Writes", "Quiet")} <= passed
    assert {(f"hostile.{name}", "tracked") for name in ("Aborts", "Exits", "Loops", "Kills")} <= unknown
    assert {(f"hostile.{name}", "instantiation") for name in ("Aborts", "Exits", "Kills")} <= failed
    assert all(one["message"] for one in verdicts(document))
    assert ("sound", "reimport") in passed and ("sound.Cell", "tracked") in passed
    assert not strays()


@pytest.mark.parametrize("answer", ["prepare", "changes", "alive", "static"])
def test_an_answer_that_a_module_made_up_costs_that_module_only(
    answer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "forges.py"
    script.write_text(f"""
import sys
server = sys.modules.get("heaplint.verify.child.server")
if server and "hostile" in sys.modules:
    Server, answer = server.Server, server.Server.answer
    def forged(self, what):
        if {answer!r} == "prepare" and "types" in what:
            what["types"] = [{{"key": 1}}]
        elif {answer!r} == "static" and "scanned" in what:
            answer(self, {{**what, "static": "x", "address": "y"}})
        elif {answer!r} in what:
            what[{answer!r}] = ["one", None, {{}}]
        answer(self, what)
    Server.answer = forged
""")
    paths = [option for name in ("hostile", "sound") for option in ("--path", built(sys.executable, name))]
    document = verified(capsys, *paths, "--timeout", "3", "--exercise", str(script), "hostile", "sound")
    first, second = document["modules"]
    [verdict] = first["verdicts"]
    assert (verdict["check"], verdict["answer"]) == ("import", "unknown") and "no answer of a check" in verdict["message"]
    assert {one["answer"] for one in second["verdicts"] if one["check"] == "reimport"} == {"pass"}


@pytest.mark.parametrize(
    ("how", "answer", "words"),
    [("Aborts", "fail", "SIGABRT"), ("Exits", "fail", "exit code 0"), ("Loops", "unknown", "importing it takes too long")],
)
def test_a_module_that_breaks_on_import_leaves_the_others_alone(
    how: str, answer: str, words: str, capsys: pytest.CaptureFixture[str], strays: Callable[[], list[str]]
) -> None:
    hostile, legacy = built(sys.executable, "hostile", f"-DON_IMPORT={how}"), built(sys.executable, "legacy")
    document = verified(capsys, "--timeout", "3", "--path", hostile, "--path", legacy, "hostile", "legacy", code=1)
    first, second = document["modules"]
    [verdict] = first["verdicts"]
    assert (verdict["check"], verdict["answer"]) == ("import", answer) and words in verdict["message"]
    assert {one["answer"] for one in second["verdicts"] if one["check"] == "reimport"} == {"pass"}
    assert not strays()


def test_an_exercise_that_fails_is_told_and_what_it_made_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "fails.py"
    script.write_text(
        "import sound, unittest\nkept = sound.cursor(1)\n"
        "class Case(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(next(kept), 2)\n"
    )
    document = verified(capsys, "--path", built(sys.executable, "sound"), "--exercise", str(script), "sound", code=0)
    [note] = document["modules"][0]["notes"]
    assert "the exercise fails" in note and "test_it" in note
    assert ("sound.Cursor", "tracked") in of(document, "pass")
    [verdict] = [one for one in verdicts(document) if one["check"] == "subinterpreter"]
    assert verdict["answer"] == "unknown" and "in the main interpreter too" in verdict["message"]


@pytest.mark.parametrize(
    ("code", "words"),
    [("import os; os.abort()", "crashes in the exercise (SIGABRT)"), ("while True: pass", "takes too long in the exercise")],
)
def test_an_exercise_that_breaks_says_nothing_of_the_import(
    code: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "breaks.py"
    script.write_text(code)
    arguments = ["--timeout", "2", "--path", built(sys.executable, "sound"), "--exercise", str(script), "sound"]
    [verdict] = verdicts(verified(capsys, *arguments, code=0))
    assert (verdict["check"], verdict["answer"], verdict["message"]) == ("import", "unknown", words)


def test_an_exercise_may_skip_tests_and_replace_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "skips.py"
    script.write_text(
        "import sound, sys, unittest\nsys.stdout = sys.stderr = None\n"
        "class Case(unittest.TestCase):\n    def test_it(self):\n        self.skipTest('not here')\n"
    )
    document = verified(capsys, "--path", built(sys.executable, "sound"), "--exercise", str(script), "sound", code=0)
    assert document["modules"][0]["notes"] == []
    assert {("sound", "subinterpreter"), ("sound.Cell", "visits-type"), ("sound", "reimport")} <= of(document, "pass")


def test_growth_is_unknown_where_the_shared_object_cannot_be_found() -> None:
    code = """
from heaplint.verify.child import interpreters
request = dict(path=[], isolated=False, module="", exercise=None, dependencies=[], before=0, count=0, file="/nowhere.so")
interpreters.growth(None, request, lambda **what: print(what))
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "{'uncounted': 'where the shared object lies in memory cannot be known'}\n"


def test_what_is_told_of_growth_is_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    folder = built(sys.executable, "defective")
    [verdict] = [one for one in verdicts(verified(capsys, "--path", folder, "defective")) if one["check"] == "growth"]
    assert re.fullmatch(r"each interpreter leaves about \d+ pointers into the shared object behind", verdict["message"])


def test_an_exercise_that_fails_elsewhere_only_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "elsewhere.py"
    script.write_text("import threading\nassert threading.current_thread() is threading.main_thread()\n"
                      "import sys\nassert 'heaplint.verify.child' in sys.modules, 'no main interpreter'\n")  # fmt: skip
    document = verified(capsys, "--path", built(sys.executable, "sound"), "--exercise", str(script), "sound", code=1)
    [verdict] = [one for one in verdicts(document) if one["check"] == "subinterpreter"]
    assert verdict["answer"] == "fail" and "no main interpreter" in verdict["message"]


def test_a_module_that_starts_threads_gets_a_process_for_each_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "threads.py"
    script.write_text("import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n")
    folder = built(sys.executable, "sound")
    document = verified(capsys, "--path", folder, "--exercise", str(script), "sound")
    assert any("threads" in note for note in document["modules"][0]["notes"])
    assert ("sound.Cell", "visits-type") in of(document, "pass") and ("sound.Cell", "releases-type") in of(document, "pass")


def test_a_package_stands_for_the_extension_modules_in_its_folder(tmp_path: Path) -> None:
    package = tmp_path / "box" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "box" / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    shutil.copy(Path(built(sys.executable, "sound")) / "sound.so", package / "sound.so")
    chosen = settings(sys.executable, [str(tmp_path)], None, 10, 2048)
    names, version = modules_of(["box"], chosen, standard=False)
    assert names == ["box.inner.sound"] and version == sys.version_info[:3]
    seen = verify(names, version, chosen, None)
    assert {verdict.subject for verdict in seen.verdicts if verdict.check == "tracked"} == {"sound.Cell", "sound.Cursor"}
    assert exit_code(seen, strict=False, exit_zero=False) == 0


def test_variables_without_symbols_are_named_by_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stripped = tmp_path / "legacy.so"
    subprocess.run([program("strip"), "-s", "-o", str(stripped), f"{built(sys.executable, 'legacy')}/legacy.so"], check=True)
    document = verified(capsys, "--path", str(tmp_path), "legacy", code=1)
    found = {one["subject"]: one["message"] for one in verdicts(document) if one["check"] == "static-state"}
    assert found and all(re.fullmatch(r"\.(data|bss)\+0x[0-9a-f]+", name) for name in found)
    kinds = ["dict", "static type Shell", "type"]  # the copy of the module, the type, the exception
    assert sorted(found.values()) == [f"static storage holds: {kind}" for kind in kinds]


def test_a_name_that_another_module_took_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = tmp_path / "box"
    package.mkdir()
    (package / "__init__.py").write_text("import sys, json\nsys.modules['box.sound'] = json\n")
    shutil.copy(Path(built(sys.executable, "sound")) / "sound.so", package / "sound.so")
    document = verified(capsys, "--path", str(tmp_path), "box", code=0)
    [verdict] = verdicts(document)
    assert (verdict["check"], verdict["answer"]) == ("import", "unknown") and "__init__.py" in verdict["message"]


def test_the_modules_of_the_standard_library_are_found() -> None:
    names, _ = modules_of([], settings(sys.executable, [], None, 10, 2048), standard=True)
    extensions = [name for name in names if re.fullmatch(r"\w+", name)]
    assert names == sorted(extensions)


def test_the_table_shows_types_failures_and_the_join(capsys: pytest.CaptureFixture[str]) -> None:
    folder = built(sys.executable, "legacy")
    assert run(["verify", "--isolated", "--path", folder, "--source", str(SOURCES), "--exit-zero", "legacy"]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^ {2}static +- +- +- +- +yes +legacy\.Shell$", printed, re.M)
    assert re.search(r"^ {2}fail: heap-type: legacy\.Shell: .*\[confirmed: HL101 \S*legacy\.c:4\]$", printed, re.M)
    assert re.search(r"^1 module, Python [\d.]+: \d+ pass, \d+ fail, \d+ unknown\.$", printed, re.M)
    assert re.search(r"^HL101 +1 +0 +0 +\d+$", printed, re.M)


def test_sarif_has_the_failures_at_their_places(tmp_path: Path) -> None:
    file = tmp_path / "verify.sarif"
    folder = built(sys.executable, "legacy")
    arguments = ["--path", folder, "--source", str(SOURCES), "--format", "sarif", "-o", str(file), "legacy"]
    assert run(["verify", "--isolated", *arguments]) == 1
    [one] = json.loads(file.read_text())["runs"]
    rules = [rule["id"] for rule in one["tool"]["driver"]["rules"]]
    places = {}
    for result in one["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"] and result["level"] == "warning"
        place = result["locations"][0]["physicalLocation"]
        places[result["ruleId"]] = (place["artifactLocation"]["uri"].rpartition("/")[2], place["region"]["startLine"])
    assert places["heap-type"] == ("legacy.c", 4)
    assert places["multi-phase"][0] == "legacy.c"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name a module, or --stdlib"),
        (("no_such_module_at_all",), "no_such_module_at_all: ModuleNotFoundError"),
        (("json",), "json: no extension module"),
        (("--python", "/nowhere/python", "json"), "--python: /nowhere/python: no program"),
        (("--python", "/bin/true", "json"), "--python: /bin/true: no CPython 3.9 or newer with a GIL"),
        (("--path", "/nowhere", "json"), "--path: /nowhere: no folder"),
        (("--exercise", "/nowhere.py", "json"), "--exercise: /nowhere.py: no file"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", *arguments]) == 2
    printed = capsys.readouterr()
    assert not printed.out and printed.err.count("\n") == 1 and words in printed.err


def test_a_wrong_source_is_told_before_a_module_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    folder = built(sys.executable, "hostile", "-DON_IMPORT=Loops")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("heaplint.verify.run.verify", lambda *_: pytest.fail("a module was run"))
        assert run(["verify", "--isolated", "--path", folder, "--source", "/nowhere", "hostile"]) == 2
    assert "/nowhere: no such file or folder" in capsys.readouterr().err


def test_what_the_static_analysis_could_not_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "binary.c").write_bytes(b"\0" * 100)
    arguments = ["--path", built(sys.executable, "sound"), "--source", str(tmp_path), "sound"]
    assert run(["verify", "--isolated", *arguments]) == 0
    assert "binary.c" in capsys.readouterr().err
    assert run(["verify", "--isolated", "--quiet", *arguments]) == 0
    assert "binary.c" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--timeout", "nan"), ("--timeout", "999999999"), ("--memory", "9" * 30)])
def test_bounds_are_bounded(arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", *arguments, "json"]) == 2
    assert "Invalid value" in capsys.readouterr().err


def test_the_child_needs_nothing_installed() -> None:
    """Its modules import the standard library and each other, under every Python that is here."""
    folder = Path(__file__).parent.parent / "heaplint" / "verify" / "child"
    for python in INTERPRETERS:
        command = [python, "-I", "-S", str(folder / "main.py"), "0", "1", "token"]
        done = subprocess.run(command, input=b"", capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout.startswith(b'token {"ready": [3, ')


def test_the_end_of_a_text_over_an_old_pointer_is_no_pointer() -> None:
    code = """
import ctypes
from heaplint.verify.child import memory
target = 0x123456010000, 0x123456020000  # no memory of this process
before = memory.Maps().pointers_into(target)
kept = (ctypes.c_uint64 * (1 << 16))(target[1], target[0] - 1, target[0] + 0x0034, target[0] + 0x1200)
print(memory.Maps().pointers_into(target) - before, memory.is_countable([target]))
kept[4] = target[0] + 0x1234
print(memory.Maps().pointers_into(target) > before)
print(memory.is_countable([(0x123456000000, 0x123456010000)]))
"""
    for python in INTERPRETERS:
        done = subprocess.run([python, "-c", code], env=environment(), capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["0", "True", "True", "False"]
