"""What benchmarks/speed.py rests on: copies that do not know each other, pages that keep what is written by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"

MODULE = b"""\
static int
helper(void)
{
    return 1;
}

PyObject *
spam_new(PyObject *self)
{
    return spam_other(self, helper());
}

PyObject *
spam_other(PyObject *self, int n)
{
    return Py_NewRef(self);
}

PyType_Spec spam_spec = {
    .name = "spam.Spam",
};
"""


@pytest.fixture(autouse=True)
def _on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_copies_share_no_external_name(tmp_path: Path) -> None:
    from scaling import copies_of

    tree = copies_of({"spam.c": MODULE, "clinic/spam.c.h": b"/* spam_new */\n"}, 2, tmp_path / "tree")
    for number in (0, 1):
        text = (tree / f"copy{number}" / "spam.c").read_bytes()
        assert text.count(f"spam_other_{number}(".encode()) == 2
        assert f"spam_spec_{number} = ".encode() in text and f"spam_new_{number}(PyObject".encode() in text
        assert b"\nhelper(void)" in text and b"Py_NewRef(self)" in text
        assert (tree / f"copy{number}" / "clinic" / "spam.c.h").read_bytes() == f"/* spam_new_{number} */\n".encode()


def test_a_page_keeps_what_stands_around_the_markers(tmp_path: Path) -> None:
    from measuring import MEASURED, RunError, markers, write_between_markers

    start, end = markers(MEASURED)
    page = tmp_path / "page.md"
    page.write_text("# Title\n")
    write_between_markers(page, "one\n")
    assert page.read_text() == f"# Title\n\n{start}\none\n{end}\n"
    page.write_text(page.read_text() + "\nBy hand.\n")
    write_between_markers(page, "two\n")
    assert page.read_text() == f"# Title\n\n{start}\ntwo\n{end}\n\nBy hand.\n"
    write_between_markers(page, "three\n", "other")
    first, last = markers("other")
    assert page.read_text() == f"# Title\n\n{start}\ntwo\n{end}\n\nBy hand.\n\n{first}\nthree\n{last}\n"
    page.write_text(f"{start}\n")
    with pytest.raises(RunError, match="only one of"):
        write_between_markers(page, "four\n")


def test_a_bound_tells_whether_it_is_kept() -> None:
    from speed import Bound

    assert Bound("a", 3, 2.5).row() == ("a", "≤ 3 ×", "2.50 ×", "yes")
    assert Bound("a", 3, 3.5).row()[-1] == "**no**"
    assert Bound("a", 1.6, 1.5, at_least=True).row() == ("a", "≥ 1.6 ×", "1.50 ×", "**no**")
    assert Bound("a", 0.3, None).row()[2:] == ("n/a", "n/a")


def test_the_processor_time_of_children_counts_and_failures_are_told() -> None:
    from measuring import RunError, run

    busy = "import time\nwhile time.process_time() < 0.2: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    assert run([sys.executable, "-c", child]).cpu >= 0.2
    with pytest.raises(RunError, match=r"exit code 3: .*: no luck"):
        run([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])
    with pytest.raises(RunError, match=r"not done after 0\.1 s"):
        run([sys.executable, "-c", "while True: pass"], seconds=0.1)


def test_heaplint_is_measured_with_no_cache_unless_one_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import measuring

    known = frozenset({"--cache-dir", "--no-cache", "-j"})
    monkeypatch.setattr(measuring, "options_of_check", lambda: known)
    assert measuring.check_command("-q")[-4:] == ["-q", "-j", "1", "--no-cache"]
    assert measuring.check_command(jobs=2, cache=Path("c"))[-4:] == ["-j", "2", "--cache-dir", "c"]
    monkeypatch.setattr(measuring, "options_of_check", lambda: frozenset({"--help"}))
    assert measuring.check_command("-q")[-2:] == ["--exit-zero", "-q"]


def test_help_says_how_it_is_used() -> None:
    told = subprocess.run([sys.executable, str(BENCHMARKS / "speed.py"), "-h"], capture_output=True, text=True, check=True)
    assert "--cpython" in told.stdout and "--quick" in told.stdout
