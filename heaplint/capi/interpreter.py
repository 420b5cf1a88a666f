"""Which functions of the C API need the GIL, and which need an interpreter.

Sources: the sections "Thread State and the Global Interpreter Lock" and "Before Python Initialization" of the C-API
reference; Include/ of CPython 3.8–3.14. Functions that only read a pointer or a size of a live object on success count as
needing nothing.
"""

from __future__ import annotations

import re

from heaplint.capi.api import api

_FAMILIES = re.compile(
    r"_?Py(?:Object|Err|Exception|Unicode|Bytes|ByteArray|Long|Float|Complex|Bool|Dict|List|Tuple|Set|FrozenSet|Import|Module|"
    r"Capsule|Arg|Buffer|Callable|Sequence|Mapping|Number|Iter|AIter|Sys|Run|Type|Weakref|GC|State|Eval|Slice|Seq|MemoryView|"
    r"Context|ContextVar|ContextToken|Codec|File|Marshal|Descr|Code|Frame|TraceBack|StructSequence|Iterator|Coro|Gen|Int|String|"
    r"CFunction|Method|Function|Cell|Vectorcall|Index|ODict|Date|DateTime|Delta|Traceback)_[A-Za-z]\w*\Z"
)
_NAMED = frozenset(
    """
    Py_INCREF Py_DECREF Py_XINCREF Py_XDECREF Py_CLEAR Py_SETREF Py_XSETREF Py_NewRef Py_XNewRef Py_IncRef Py_DecRef
    Py_BuildValue Py_VaBuildValue _Py_BuildValue_SizeT Py_CompileString Py_CompileStringExFlags Py_CompileStringObject
    Py_EnterRecursiveCall Py_LeaveRecursiveCall Py_ReprEnter Py_ReprLeave Py_MakePendingCalls
    PyMem_Malloc PyMem_Calloc PyMem_Realloc PyMem_Free PyMem_New PyMem_Resize PyMem_Del PyMem_MALLOC PyMem_REALLOC
    PyMem_FREE PyMem_NEW PyMem_RESIZE PyMem_DEL PyObject_MALLOC PyObject_REALLOC PyObject_FREE PyObject_NEW
    PyObject_NEW_VAR PyObject_DEL PyObject_INIT PyObject_INIT_VAR PyOS_FSPath PyOS_string_to_double
    PyOS_double_to_string PyOS_AfterFork PyOS_AfterFork_Child PyOS_AfterFork_Parent PyOS_BeforeFork PyThreadState_Get
    PyThreadState_GetDict PyThreadState_Clear PyThreadState_SetAsyncExc PyInterpreterState_Get
    """.split()
)
_READS = re.compile(
    r"_?Py[A-Za-z]+_(?:[A-Z0-9_]+|\w*Check(?:Exact|Buffer|ReadBuffer)?|\w*_Check\w*|(?:HasFeature|IsSubtype|TypeCheck|GetArenaAllocator|"
    r"SetArenaAllocator|GetSlot|GetModuleState|GetState|GetDef|SetInterrupt\w*|IsContiguous|GetPointer|FillContiguousStrides|"
    r"Pack[248]|Unpack[248]|GetMax|GetMin|FindModule|AsString|Is[A-Z]\w*))\Z"
)
_STILL = frozenset({"PyErr_BadInternalCall", "PyErr_CheckSignals", "PyNumber_Check", "PyObject_AsString", "PyUnicode_READY"})
_SIZES = frozenset(
    {"PyBytes_Size", "PyByteArray_Size", "PyTuple_Size", "PyTuple_GetItem", "PyList_Size", "PyCapsule_GetPointer",
     "PyCapsule_GetName", "PyCapsule_GetContext", "PyEval_ThreadsInitialized", "PyEval_InitThreads", "PyEval_AcquireThread",
     "PyEval_ReleaseThread", "PyEval_AcquireLock", "PyEval_ReleaseLock", "PyEval_RestoreThread", "PyEval_SaveThread",
     "PyGC_IsEnabled", "PyUnicode_GetLength", "PyUnicode_ReadChar", "PyImport_Inittab", "PyErr_Print_", "PySys_AddWarnOption",
     "PyIter_Check", "PyModule_GetDict", "PyCFunction_GetFunction", "PyCFunction_GetSelf", "PyCFunction_GetFlags"}
)  # fmt: skip
_BEFORE = re.compile(
    r"(?:PyMem_\w+|PyObject_(?:Malloc|Calloc|Realloc|Free|MALLOC|FREE|REALLOC)|PySys_(?:AddWarnOption\w*|AddXOption|ResetWarnOptions|"
    r"AddAuditHook|SetPath|HasWarnOptions)|PyImport_(?:AppendInittab|ExtendInittab|Inittab|FrozenModules)|_?Py_\w+|PyEval_InitThreads|"
    r"PyOS_\w+|PyUnicode_SetDefaultEncoding|PyRun_Main)\Z"
)
_WITHOUT = re.compile(r"(?:PyThread_\w+|PyMem_Raw\w+|PyGILState_\w+|PyTime_\w+Raw|_?PyMutex_\w+|Py_(?:AddPendingCall|FatalError|DecodeLocale)|_PyTime_\w+|_Py_atomic_\w+)\Z")
_COUNTING = frozenset(
    "Py_INCREF Py_DECREF Py_XINCREF Py_XDECREF Py_CLEAR Py_IncRef Py_DecRef Py_BuildValue Py_NewRef Py_XNewRef".split()
)


def free_of_gil(name: str) -> bool:
    """Whether a function of the C API is made to be called without the GIL, whatever its own body may look like."""
    known = api(name)
    return bool(_WITHOUT.match(name)) or (known is not None and "nogil" in known.flags)


def needs_gil(name: str) -> bool:
    """Whether a function or macro of the C API may be called only by a thread that holds the GIL; False for others."""
    if free_of_gil(name):
        return False
    if name in _NAMED or name in _STILL:
        return True
    return bool(_FAMILIES.match(name)) and name not in _SIZES and not _READS.match(name)


def needs_interpreter(name: str) -> bool:
    """Whether a function or macro of the C API may be called only between Py_Initialize and Py_Finalize."""
    if name in ("PyGILState_Ensure", "PyEval_SaveThread", "PyThreadState_Get"):
        return True
    return name in _COUNTING or (needs_gil(name) and name.startswith("Py") and not _BEFORE.match(name))
