"""Which names of the C API need the GIL or an interpreter, and which only look like it."""

from __future__ import annotations

import pytest

from heaplint.capi.interpreter import free_of_gil, needs_gil, needs_interpreter


@pytest.mark.parametrize(
    "name", ["Py_DECREF", "PyErr_SetString", "PyErr_CheckSignals", "PyMem_Malloc", "PyObject_Free", "PyUnicode_AsUTF8", "PyBuffer_Release"]
)
def test_objects_exceptions_and_python_memory_need_the_gil(name: str) -> None:
    assert needs_gil(name)


@pytest.mark.parametrize(
    "name",
    ["PyMem_RawFree", "PyGILState_Ensure", "PyThread_acquire_lock", "Py_AddPendingCall", "PyBytes_AS_STRING",
     "PySequence_Fast_GET_SIZE", "PyUnicode_Check", "PyErr_SetInterrupt", "PyArray_DATA", "PyMyModule_Frob", "malloc"],
)  # fmt: skip
def test_raw_memory_locks_accessors_and_strangers_do_not(name: str) -> None:
    assert not needs_gil(name)


def test_what_is_made_for_threads_is_never_looked_into() -> None:
    assert free_of_gil("PyThread_acquire_lock_timed")
    assert not free_of_gil("PyErr_Occurred")


@pytest.mark.parametrize("name", ["Py_DecodeLocale", "PyImport_AppendInittab", "PyMem_RawMalloc", "Py_SetProgramName", "PySys_AddWarnOption"])
def test_configuration_needs_no_interpreter(name: str) -> None:
    assert not needs_interpreter(name)


@pytest.mark.parametrize("name", ["Py_XDECREF", "PyRun_SimpleString", "PyGILState_Ensure", "PyUnicode_FromString"])
def test_code_and_objects_need_an_interpreter(name: str) -> None:
    assert needs_interpreter(name)
