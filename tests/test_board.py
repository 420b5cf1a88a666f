"""What processes that share the work tell each other: it is found as it was told, and what was told is not found out again."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reading import sources

from heaplint import checking
from heaplint.config import Config
from heaplint.model.board import Board
from heaplint.model.program import Program
from heaplint.pythons import TargetRange
from heaplint.results import Located
from heaplint.work import Work

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the system has no memory of this kind")

CONFIG = Config(target=TargetRange.parse(">=3.12"), frontend="tree-sitter")
HELPERS = """#include <Python.h>
static PyObject *inner(void)
{
    return PyList_New(0);
}
PyObject *make(PyObject *self)
{
    PyObject *list = inner();
    if (list == NULL) {
        return NULL;
    }
    if (PyList_Append(list, self) < 0) {
        return NULL;
    }
    return list;
}
PyObject *down(PyObject *o, int n)
{
    PyObject *s = PyObject_Str(o);
    if (s == NULL || n == 0) {
        return NULL;
    }
    Py_DECREF(s);
    return down(o, n - 1);
}
static int alone(PyObject *o)
{
    PyObject *item = PySequence_GetItem(o, 0);
    return item != NULL;
}
"""
CALLER = """#include <Python.h>
PyObject *make(PyObject *self);
PyObject *down(PyObject *o, int n);
static PyObject *use(PyObject *self, PyObject *args)
{
    PyObject *made = make(self);
    if (made == NULL) {
        return NULL;
    }
    return down(self, 3);
}
static PyMethodDef methods[] = {{"use", use, METH_NOARGS, NULL}, {NULL}};
"""
FILES = {"caller.c": CALLER, "helpers.c": HELPERS}


@pytest.fixture
def board() -> Iterator[Board]:
    made = Board.new()
    assert made is not None
    yield made
    made.close()


@pytest.fixture
def program(board: Board) -> Program:
    work = Work(sources(FILES), CONFIG, Path("/project"))
    program = work.read()
    program.board = board
    return program


def elsewhere(work: Callable[[], object]) -> None:
    """Do something in a process of its own that has what this one has."""

    def done() -> None:
        work()

    child = multiprocessing.get_context("fork").Process(target=done)
    child.start()
    child.join()
    assert child.exitcode == 0


def checked(program: Program, path: str) -> tuple[Located, ...]:
    return checking.check_group(program, program.group(path), checking.selected(["HL401"]), sources(FILES), CONFIG.target)[0]


def test_what_one_process_tells_another_finds(board: Board) -> None:
    value = ("text", b"bytes", 7, None, (1, ("a\udcff",)), True)
    assert board.find(b"one") is None
    elsewhere(lambda: (board.tell(b"one", value), board.tell(b"two", ())))
    assert board.find(b"one") == value
    assert board.find(b"two") == ()
    assert board.find(b"three") is None


def test_what_is_told_later_is_found_too(board: Board) -> None:
    for number in range(300):
        board.tell(b"%d" % number, number)
        assert board.find(b"%d" % number) == number
    assert [board.find(b"%d" % number) for number in range(301)] == [*range(300), None]


def test_processes_that_tell_at_once_do_not_mix(board: Board) -> None:
    def tell(first: int) -> None:
        for number in range(first, first + 400):
            board.tell(b"%d" % number, "x" * (number % 97) * 50)

    context = multiprocessing.get_context("fork")
    children = [context.Process(target=tell, args=(first,)) for first in (0, 400)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [board.find(b"%d" % number) for number in range(800)] == ["x" * (number % 97) * 50 for number in range(800)]


def test_an_entry_that_is_being_written_is_not_there_yet(board: Board) -> None:
    board.tell(b"one", 1)
    size = os.fstat(board._file).st_size
    entry = os.pread(board._file, size, 0)
    for length in range(size):
        os.ftruncate(board._file, length)
        assert board.find(b"one") is None
    os.ftruncate(board._file, 0)
    os.write(board._file, entry)
    assert board.find(b"one") == 1


def test_from_an_entry_that_was_cut_off_on_nothing_is_found(board: Board) -> None:
    board.tell(b"one", 1)
    entry = os.pread(board._file, os.fstat(board._file).st_size, 0)
    os.write(board._file, entry[:-1])
    board.tell(b"two", 2)
    assert board.find(b"one") == 1
    assert board.find(b"two") is None
    other = Board(board._file)
    os.ftruncate(board._file, 0)
    os.write(board._file, entry[:-1])
    board.tell(b"two", 2)
    assert other.find(b"one") is None
    assert other.find(b"two") is None


def test_what_was_told_is_taken_and_the_same_is_found(program: Program, run: list[str]) -> None:
    alone = Work(sources(FILES), CONFIG, Path("/project"))
    expected = checked(alone.read(), "helpers.c")
    assert expected
    run.clear()
    elsewhere(lambda: checked(program, "caller.c"))
    assert checked(program, "helpers.c") == expected
    assert run == ["alone"]


def test_a_caller_does_not_run_what_the_owner_has_run(program: Program, run: list[str]) -> None:
    elsewhere(lambda: checked(program, "helpers.c"))
    found = checked(program, "caller.c")
    assert run == ["use"]
    assert [one.finding.function for one in found] == ["use"]


def test_without_memory_they_find_out_by_themselves(program: Program, run: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(name: bytes, value: object) -> None:
        raise OSError("no room")

    board = program.board
    monkeypatch.setattr(board, "tell", full)
    assert checked(program, "helpers.c")
    assert program.board is None
    assert "alone" in run
