"""Which functions of the C API need the GIL, and which need an interpreter.

Sources: the sections "Thread State and the Global Interpreter Lock" and "Before Python Initialization" of the C-API
reference; Include/ of CPython 3.8–3.14. Functions that only read a pointer or a size of a live object on success count as
needing nothing.
"""

from __future__ import annotations

from heaplint import lazy_re as re
from heaplint.capi.api import api

_FAMILIES = re.compile(
    r"(?:_Py(?:Err|Dict|List|Tuple|Arg)|Py(?:Object|Err|Exception|Unicode|Bytes|ByteArray|Long|Float|Complex|Bool|Dict|List|Tuple|"
    r"Set|FrozenSet|Import|Module|Capsule|Arg|Buffer|Callable|Sequence|Mapping|Number|Iter|AIter|Sys|Run|Type|Weakref|GC|State|"
    r"Eval|Slice|SeqIter|MemoryView|Context|ContextVar|ContextToken|Codec|File|Marshal|Descr|Code|Frame|TraceBack|"
    r"StructSequence|Coro|Gen|Int|String|CFunction|Method|Function|Cell|Vectorcall|ODict|Date|DateTime|Delta))_[A-Za-z]\w*\Z"
)
"""Names that belong to the C API; of these some need nothing."""
_NAMED = frozenset(
    """
    Py_INCREF Py_DECREF Py_XINCREF Py_XDECREF Py_CLEAR Py_SETREF Py_XSETREF Py_NewRef Py_XNewRef Py_IncRef Py_DecRef
    Py_BuildValue Py_VaBuildValue Py_CompileString Py_CompileStringExFlags Py_CompileStringObject
    Py_EnterRecursiveCall Py_LeaveRecursiveCall Py_ReprEnter Py_ReprLeave Py_MakePendingCalls
    PyMem_Malloc PyMem_Calloc PyMem_Realloc PyMem_Free PyMem_New PyMem_Resize PyMem_Del PyMem_MALLOC PyMem_REALLOC
    PyMem_FREE PyMem_NEW PyMem_RESIZE PyMem_DEL
    PyObject_Malloc PyObject_Calloc PyObject_Realloc PyObject_Free PyObject_MALLOC PyObject_REALLOC PyObject_FREE PyObject_NEW
    PyObject_NEW_VAR PyObject_DEL PyObject_INIT PyObject_INIT_VAR PyUnicode_READY PyDateTime_IMPORT PyOS_FSPath
    PyOS_string_to_double PyOS_double_to_string PyOS_AfterFork PyOS_AfterFork_Child PyOS_AfterFork_Parent PyOS_BeforeFork
    PyThreadState_Get PyThreadState_GetDict PyThreadState_Clear PyThreadState_SetAsyncExc PyInterpreterState_Get
    """.split()
)
"""What needs the GIL besides."""
_READS = re.compile(
    r"\w+_[A-Z0-9_]+\Z|\w+_Check(?:Exact|Buffer|ReadBuffer)?\Z|\w+_(?:HasFeature|IsSubtype|TypeCheck|GetArenaAllocator|"
    r"SetArenaAllocator|GetSlot|GetModuleState|GetState|GetDef|SetInterrupt|SetInterruptEx|IsContiguous|IsEnabled|GetPointer|"
    r"FillContiguousStrides|Pack[248]|Unpack[248]|GetMax|GetMin|FindModule|AsString|ThreadsInitialized)\Z"
)
"""Macros and accessors that read a pointer or a number of a live object, and what only sets a flag of the process."""
_READERS = frozenset(
    "PyBytes_Size PyByteArray_Size PyTuple_Size PyTuple_GetItem PyList_Size PyUnicode_GetLength PyUnicode_ReadChar "
    "PyCapsule_GetName PyCapsule_GetContext PyModule_GetDict PyCFunction_GetFunction PyCFunction_GetSelf "
    "PyCFunction_GetFlags".split()
)
_TAKERS = frozenset(
    "PyEval_InitThreads PyEval_AcquireThread PyEval_ReleaseThread PyEval_AcquireLock PyEval_ReleaseLock "
    "PyEval_RestoreThread PyEval_SaveThread".split()
)
"""What gives the GIL away or takes it is a matter of its own."""
_BEFORE = re.compile(
    r"(?:PyMem_\w+|PyObject_(?:Malloc|Calloc|Realloc|Free|MALLOC|FREE|REALLOC)|PySys_(?:AddWarnOption\w*|AddXOption|ResetWarnOptions|"
    r"AddAuditHook|SetPath|HasWarnOptions)|PyImport_(?:AppendInittab|ExtendInittab|Inittab|FrozenModules)|_?Py_\w+|PyEval_InitThreads|"
    r"PyOS_\w+|PyUnicode_SetDefaultEncoding|PyRun_Main)\Z"
)
"""What may be called before the initialisation all the same, and freeing afterwards."""
_WITHOUT = re.compile(
    r"(?:PyThread_\w+|PyMem_Raw\w+|PyGILState_\w+|PyTime_\w+Raw|_?PyMutex_\w+|_PyTime_\w+|_Py_atomic_\w+|"
    r"Py_(?:AddPendingCall|FatalError|DecodeLocale))\Z"
)
_COUNTING = frozenset(
    "Py_INCREF Py_DECREF Py_XINCREF Py_XDECREF Py_CLEAR Py_IncRef Py_DecRef Py_BuildValue Py_NewRef Py_XNewRef".split()
)


def free_of_gil(name: str) -> bool:
    """Whether a function of the C API is made to be called without the GIL, whatever its own body may look like."""
    known = api(name)
    return bool(_WITHOUT.match(name)) or (known is not None and "nogil" in known.flags)


def is_api(name: str) -> bool:
    """Whether a name is one of the C API's beyond doubt, and not a program's own that looks like it."""
    return name in _NAMED or api(name) is not None


def needs_gil(name: str) -> bool:
    """Whether a function or macro of the C API may be called only by a thread that holds the GIL; False for others."""
    if free_of_gil(name):
        return False
    if name in _NAMED:
        return True
    return bool(_FAMILIES.match(name)) and name not in _READERS | _TAKERS and not _READS.match(name)


def needs_interpreter(name: str) -> bool:
    """Whether a function or macro of the C API may be called only between Py_Initialize and Py_Finalize."""
    if name in ("PyGILState_Ensure", "PyEval_SaveThread", "PyThreadState_Get"):
        return True
    return name in _COUNTING or (needs_gil(name) and name.startswith("Py") and not _BEFORE.match(name))
