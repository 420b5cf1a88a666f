"""The C API as data: every line is understood, and the facts that are easily got wrong are right."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from heaplint.capi import api as data
from heaplint.capi.api import FactError, api, every, lines, parse, slot
from heaplint.frontend.apimacros import CALL_LIKE, OBJECT_LIKE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = sorted(file for file in Path(data.__file__).parent.glob("*.toml") if file.name != "facts.toml")


def result(name: str) -> str:
    known = api(name)
    assert known is not None, f"{name}: not in the data"
    return f"{known.result}{':' + known.of if known.of else ''} {known.failure}"


def kind(name: str, index: int) -> str:
    """The kind of one parameter (0-based), with `?` where NULL may be given."""
    known = api(name)
    assert known is not None, f"{name}: not in the data"
    parameter = known.parameter(index)
    assert parameter is not None, f"{name}: has no parameter {index}"
    return f"{parameter.kind}{'?' if parameter.null_ok else ''}"


def test_every_line_is_understood() -> None:
    assert len(list(every())) == len(lines()) > 2000


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_file_names_its_sources(file: Path) -> None:
    head, _, table = file.read_text(encoding="utf-8").partition("[functions]\n")
    assert all(line.startswith("#") for line in head.splitlines()), "comments first"
    assert "Source: " in head and "heaplint/capi/api.py" in head
    read = tomllib.loads(f"[functions]\n{table}")
    assert list(read) == ["functions"]
    assert read["functions"].items() <= lines().items(), "heaplint reads what a parser of TOML reads"
    assert len(read["functions"]) == len([line for line in table.splitlines() if line]), "one line a function"


def test_what_macros_are_read_as_is_known() -> None:
    texts = [*OBJECT_LIKE.values(), *(text for _, text in CALL_LIKE.values())]
    called = {name for text in texts for name in re.findall(r"\b(\w+)\(|\bPy_RETURN_\w+__", text) if name}
    assert called - set(lines()) <= {"sizeof"}


def test_results_and_failures_fit() -> None:
    for known in every():
        if known.result in ("void", "noreturn", "minus", "null", "zeroed"):
            assert known.failure == "never", f"{known.name}: {known.result} cannot fail"
        if known.result == "memory":
            assert known.of and known.failure != "never", known.name
        if known.result in ("argument", "borrowed") and known.of:
            lowest = 1 if known.result == "argument" else 0
            assert lowest <= int(known.of) <= len(known.parameters), known.name


def test_every_domain_of_memory_has_a_function_that_frees_it() -> None:
    made = {known.of for known in every() if known.result == "memory"}
    freed = {parameter.domain for known in every() for parameter in known.parameters if parameter.kind == "frees"}
    assert made <= freed
    assert freed - made <= {"", "gc"}, "what nothing makes"


def test_what_a_name_says_agrees_with_its_line() -> None:
    for known in every():
        if re.fullmatch(r"Py\w+_(Check|CheckExact)", known.name) and known.name not in ("PyABIInfo_Check", "PyAST_Check", "PyGILState_Check"):
            assert (known.result, known.parameters[0].kind) == ("plain", "object"), known.name
            assert "pending" in known.flags and not known.runs_python, known.name
        if re.search(r"_(SET_ITEM|SetItem)\Z", known.name) and re.match("PyList|PyTuple|PyStructSequence", known.name):
            assert known.parameters[2].kind == "steals", known.name
        if re.search(r"_(GET_ITEM|GetItem)\Z", known.name) and re.match("PyList|PyTuple|PyStructSequence", known.name):
            assert known.result == "borrowed", known.name


def test_availability_goes_forward() -> None:
    def number(text: str) -> tuple[int, ...]:
        return tuple(int(part) for part in text.split("."))

    for known in every():
        told = {key: number(version) for key, version in known.availability}
        assert told.get("since", (3, 0)) < told.get("removed", (4, 0)), known.name
        assert told.get("since", (3, 9)) > (3, 8), f"{known.name}: nobody asks what is older than 3.8"


@pytest.mark.parametrize(
    ("name", "index", "expected"),
    [
        ("PyList_SetItem", 2, "steals?"),
        ("PyList_SET_ITEM", 2, "steals?"),
        ("PyTuple_SetItem", 2, "steals?"),
        ("PyTuple_SET_ITEM", 2, "steals?"),
        ("PyStructSequence_SetItem", 2, "steals?"),
        ("PyStructSequence_SET_ITEM", 2, "steals?"),
        ("PyCell_SET", 1, "steals?"),
        ("PyCell_Set", 1, "keeps?"),
        ("PyErr_Restore", 0, "steals?"),
        ("PyErr_Restore", 2, "steals?"),
        ("PyErr_SetExcInfo", 0, "steals?"),
        ("PyErr_SetExcInfo", 1, "steals?"),
        ("PyErr_SetExcInfo", 2, "steals?"),
        ("PyErr_SetRaisedException", 0, "steals?"),
        ("PyErr_SetHandledException", 0, "keeps?"),
        ("PyException_SetCause", 1, "steals?"),
        ("PyException_SetContext", 1, "steals?"),
        ("PyException_SetTraceback", 1, "keeps"),
        ("PyGen_New", 0, "steals"),
        ("PyGen_NewWithQualName", 0, "steals"),
        ("PyCoro_New", 0, "steals"),
        ("PyAsyncGen_New", 0, "steals"),
        ("PyUnicode_AppendAndDel", 1, "steals?"),
        ("PyBytes_ConcatAndDel", 1, "steals?"),
        ("PyModule_AddObject", 2, "steals-on-success?"),
        ("PyModule_AddObjectRef", 2, "keeps?"),
        ("PyModule_Add", 2, "steals?"),
        ("PyModule_AddType", 1, "keeps"),
        ("PyArena_AddPyObject", 1, "steals-on-success"),
        ("_PyArena_AddPyObject", 1, "steals-on-success"),
        ("PyList_Append", 1, "keeps"),
        ("PyList_Insert", 2, "keeps"),
        ("PyDict_SetItem", 1, "keeps"),
        ("PyDict_SetItem", 2, "keeps"),
        ("PyDict_SetItemString", 2, "keeps"),
        ("PyDict_SetDefault", 2, "keeps"),
        ("PySet_Add", 1, "keeps"),
        ("PySet_Discard", 1, "object"),
        ("PyContext_Exit", 0, "object"),
        ("PyState_AddModule", 0, "keeps"),
        ("PyTuple_Pack", 3, "keeps"),
        ("PyObject_SetAttrString", 2, "keeps?"),
        ("PyErr_SetString", 0, "keeps"),
        ("PyErr_SetObject", 1, "keeps?"),
        ("PyErr_Fetch", 0, "out-new"),
        ("PyErr_GetExcInfo", 2, "out-new"),
        ("PyErr_NormalizeException", 1, "replaces"),
        ("PyUnicode_FSConverter", 1, "out-new"),
        ("PyUnicode_FSDecoder", 1, "out-new"),
        ("_PyObject_LookupAttr", 2, "out-new"),
        ("PyContextVar_Get", 2, "out-new"),
        ("PyWeakref_GetRef", 1, "out-new"),
        ("PyDict_GetItemRef", 2, "out-new"),
        ("PyDict_Next", 2, "out-borrowed?"),
        ("PyBytes_Concat", 0, "replaces"),
        ("PyUnicode_Append", 0, "replaces"),
        ("PyUnicode_InternInPlace", 0, "c?"),
        ("PyUnicode_Resize", 0, "replaces-on-success"),
        ("_PyBytes_Resize", 0, "resizes"),
        ("_PyTuple_Resize", 0, "resizes"),
        ("PyWeakref_NewRef", 0, "object"),
        ("PyWeakref_NewRef", 1, "keeps?"),
        ("PyObject_GetItem", 0, "object?"),
        ("PyNumber_Add", 0, "object"),
        ("PyNumber_Long", 0, "object?"),
        ("PyObject_Repr", 0, "object?"),
        ("PyObject_CallMethod", 0, "object?"),
        ("PyObject_Call", 1, "object"),
        ("PyObject_Call", 2, "object?"),
        ("PyBuffer_Release", 0, "unbuffer"),
        ("PyObject_GetBuffer", 1, "buffer"),
        ("PyMem_Free", 0, "frees?"),
        ("fclose", 0, "frees"),
        ("realloc", 0, "reallocs?"),
        ("PyThread_release_lock", 0, "c"),
        ("PyArray_SetBaseObject", 1, "steals"),
        ("PyArray_FromAny", 1, "steals?"),
        ("PyArray_NewFromDescr", 1, "steals?"),
        ("PyArray_Return", 0, "steals?"),
    ],
)
def test_what_is_done_with_an_argument(name: str, index: int, expected: str) -> None:
    assert kind(name, index) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PyObject_Init", "argument:1 raises"),
        ("PyObject_InitVar", "argument:1 raises"),
        ("PyModuleDef_Init", "argument:1 raises"),
        ("PyDict_GetItem", "borrowed clean"),
        ("PyDict_GetItemString", "borrowed clean"),
        ("PyDict_GetItemWithError", "borrowed maybe"),
        ("PyDict_SetDefault", "borrowed raises"),
        ("PyType_GetModule", "borrowed raises"),
        ("PyType_GetModuleByDef", "borrowed raises"),
        ("PyCFunction_GetSelf", "borrowed maybe"),
        ("PyFunction_GetKwDefaults", "borrowed maybe"),
        ("PyInterpreterState_GetDict", "borrowed clean"),
        ("PySys_GetObject", "borrowed clean"),
        ("PyState_FindModule", "borrowed clean"),
        ("PyEval_GetGlobals", "borrowed clean"),
        ("PyThreadState_GetDict", "borrowed clean"),
        ("PyErr_Occurred", "borrowed clean"),
        ("PyImport_AddModule", "borrowed raises"),
        ("PyImport_AddModuleRef", "new raises"),
        ("PyImport_GetModuleDict", "borrowed never"),
        ("PyWeakref_GetObject", "borrowed:0 raises"),
        ("PyImport_AddModuleObject", "borrowed:0 raises"),
        ("Py_TYPE", "borrowed never"),
        ("_PyUnicode_FromId", "borrowed raises"),
        ("_PyType_Lookup", "borrowed clean"),
        ("_PyObject_GetDictPtr", "interior clean"),
        ("PyUnicode_AsUTF8", "interior raises"),
        ("PyBytes_AsString", "interior raises"),
        ("PyModule_GetState", "interior maybe"),
        ("PyCell_Get", "new maybe"),
        ("PyCell_GET", "borrowed clean"),
        ("PyIter_Next", "new maybe"),
        ("tp_iternext", "new maybe"),
        ("PyImport_GetModule", "new maybe"),
        ("PyFrame_GetBack", "new clean"),
        ("PyFrame_GetCode", "new never"),
        ("PyThreadState_GetFrame", "new clean"),
        ("PyErr_GetRaisedException", "new clean"),
        ("PyErr_GetHandledException", "new clean"),
        ("PyException_GetTraceback", "new clean"),
        ("PyException_GetCause", "new clean"),
        ("PyException_GetContext", "new clean"),
        ("PyObject_CallNoArgs", "new raises"),
        ("PyObject_Format", "new raises"),
        ("PyUnicode_Partition", "new raises"),
        ("PyCode_GetCode", "new raises"),
        ("Py_GenericAlias", "new raises"),
        ("PyLong_FromLong", "new raises"),
        ("PyBool_FromLong", "new never"),
        ("PyMem_Malloc", "memory:mem clean"),
        ("PyMem_RawMalloc", "memory:raw clean"),
        ("PyObject_Malloc", "memory:object clean"),
        ("malloc", "memory:libc clean"),
        ("fopen", "memory:file clean"),
        ("PyUnicode_AsWideCharString", "memory:mem raises"),
        ("PyUnicode_AsUCS4Copy", "memory:mem raises"),
        ("PyOS_double_to_string", "memory:mem raises"),
        ("PyOS_Readline", "memory:mem maybe"),
        ("Py_DecodeLocale", "memory:raw clean"),
        ("Py_EncodeLocale", "memory:mem clean"),
        ("PyThread_allocate_lock", "memory:lock clean"),
        ("PyArg_ParseTuple", "zero raises"),
        ("PyUnicode_FSConverter", "zero raises"),
        ("PyUnicode_Tailmatch", "tristate raises"),
        ("PyObject_IsTrue", "tristate raises"),
        ("PySet_Discard", "tristate raises"),
        ("PySequence_Size", "count raises"),
        ("PyLong_AsLong", "value raises"),
        ("PyFloat_AsDouble", "value raises"),
        ("PyUnicode_Compare", "value raises"),
        ("PyObject_Hash", "count raises"),
        ("PyErr_Format", "null never"),
        ("PyErr_NoMemory", "null never"),
        ("PyErr_SetFromErrno", "null never"),
        ("PyErr_SetImportError", "null never"),
        ("PyErr_BadArgument", "zeroed never"),
        ("PyErr_SetString", "void never"),
        ("PyObject_HashNotImplemented", "minus never"),
        ("Py_FatalError", "noreturn never"),
        ("Py_Exit", "noreturn never"),
        ("abort", "noreturn never"),
    ],
)
def test_what_comes_back(name: str, expected: str) -> None:
    assert result(name) == expected


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("Py_DECREF", True),
        ("Py_CLEAR", True),
        ("Py_INCREF", False),
        ("PyObject_RichCompareBool", True),
        ("PyObject_GetAttrString", True),
        ("PyIter_Next", True),
        ("PyNumber_Add", True),
        ("PyList_Sort", True),
        ("PyList_SetItem", True),
        ("PyList_Append", False),
        ("PyList_GET_ITEM", False),
        ("PyDict_SetItem", True),
        ("PyErr_WarnEx", True),
        ("PyErr_SetString", False),
        ("PyErr_NormalizeException", True),
        ("PyImport_ImportModule", True),
        ("PySys_Audit", True),
        ("PyBuffer_Release", True),
        ("PyMem_Malloc", False),
        ("PyUnicode_FromString", False),
        ("PyLong_FromLong", False),
        ("PyLong_AsLong", True),
        ("tp_call", True),
        ("tp_alloc", False),
    ],
)
def test_what_may_run_python_code(name: str, runs: bool) -> None:
    known = api(name)
    assert known is not None and known.runs_python is runs


@pytest.mark.parametrize("name", ["PyErr_Fetch", "PyErr_Restore", "PyErr_Clear", "Py_XDECREF", "PyMem_Free", "PyErr_SetString"])
def test_cleanup_may_be_called_with_an_exception_set(name: str) -> None:
    known = api(name)
    assert known is not None and "pending" in known.flags


def test_a_field_is_a_slot_only_by_its_own_name() -> None:
    assert slot("tp_alloc") is not None
    assert slot("free") is None and api("free") is not None


def test_trailing_arguments_have_a_kind_of_their_own() -> None:
    known = parse("f", "new (n=c, ...=keeps!)")
    last = known.parameter(7)
    assert known.variadic and last is not None and (last.kind, last.null_ok) == ("keeps", False)
    last = parse("f", "new (...)").parameter(0)
    assert last is not None and (last.kind, last.null_ok) == ("object", True)
    assert parse("f", "new (a)").parameter(1) is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("new", "expected `result (parameters) flags`"),
        ("newly ()", "unknown result 'newly'"),
        ("new often ()", "unknown failure 'often'"),
        ("memory ()", "memory needs a domain"),
        ("borrowed:me (a)", "'me' is not the number of an argument"),
        ("new:mem ()", "memory needs a domain"),
        ("new (a=steels)", "unknown kind of parameter 'steels'"),
        ("new (..., a)", "`...` is the last parameter"),
        ("new (a-b)", "parameter 'a-b' is not understood"),
        ("new (p=reallocs)", "need what stands after a colon"),
        ("new (a=keeps:mem)", "need what stands after a colon"),
        ("new (f=format:latin)", "'latin' is not one of build, c, parse, text"),
        ("new () often", "'often' is not understood"),
        ("new () since=3", "'since=3' is not understood"),
    ],
)
def test_a_line_that_says_nothing_names_the_function(line: str, message: str) -> None:
    with pytest.raises(FactError, match=re.escape(message)) as raised:
        parse("my_function", line)
    assert str(raised.value).startswith("my_function: ")
