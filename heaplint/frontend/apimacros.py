"""The macros of Python.h that stand where C's grammar has no place for them, each as text the grammar knows.

What they expand to is simplified: `Py_VISIT(x)` stays a call, so that checks can see it. Source: Include/object.h,
Include/pymacro.h, Include/ceval.h, Include/cpython/object.h, structmember.h of CPython 3.8–3.14 and of Python 2 where
code that still carries both needs it.
"""

from __future__ import annotations

from typing import Final

OBJECT_LIKE: Final[dict[str, str]] = {
    "PyObject_HEAD": "PyObject ob_base;",
    "PyObject_VAR_HEAD": "PyVarObject ob_base;",
    "_PyObject_HEAD_EXTRA": "",
    "_PyObject_EXTRA_INIT": "",
    "PyModuleDef_HEAD_INIT": "{0}",
    "PyMODINIT_FUNC": "PyObject *",
    "Py_BEGIN_ALLOW_THREADS": "Py_BEGIN_ALLOW_THREADS__();",
    "Py_END_ALLOW_THREADS": "Py_END_ALLOW_THREADS__();",
    "Py_BLOCK_THREADS": "Py_BLOCK_THREADS__();",
    "Py_UNBLOCK_THREADS": "Py_UNBLOCK_THREADS__();",
    "_Py_BEGIN_SUPPRESS_IPH": "",
    "_Py_END_SUPPRESS_IPH": "",
    "Py_TRASHCAN_END": "Py_TRASHCAN_END__();",
    "Py_TRASHCAN_FINI": "",
    "Py_RETURN_NONE": "return Py_RETURN_NONE__",
    "Py_RETURN_TRUE": "return Py_RETURN_TRUE__",
    "Py_RETURN_FALSE": "return Py_RETURN_FALSE__",
    "Py_RETURN_NOTIMPLEMENTED": "return Py_RETURN_NOTIMPLEMENTED__",
    "Py_RETURN_NAN": "return Py_RETURN_NAN__",
    "_Py_COMP_DIAG_PUSH": "",
    "_Py_COMP_DIAG_POP": "",
    "_Py_COMP_DIAG_IGNORE_DEPR_DECLS": "",
    "_Py_NO_RETURN": "",
    "_Py_HOT_FUNCTION": "",
    "_Py_NO_SANITIZE_UNDEFINED": "",
    "_Py_NO_SANITIZE_THREAD": "",
    "_Py_NO_INLINE": "",
    "Py_NO_INLINE": "",
    "Py_ALWAYS_INLINE": "",
    "Py_EXPORTED_SYMBOL": "",
    "Py_IMPORTED_SYMBOL": "",
    "Py_LOCAL_SYMBOL": "",
    "Py_CAN_START_THREADS": "",
    "_PyAlignment": "",
    "statichere": "static",
    "staticforward": "static",
    "CALLBACK": "",
    "WINAPI": "",
    "NTAPI": "",
    "APIENTRY": "",
    "STDMETHODCALLTYPE": "",
    "__restrict": "",
    "__inline": "inline",
    "__inline__": "inline",
    "__forceinline": "inline",
    "__extension__": "",
    "__cdecl": "",
    "__stdcall": "",
    "__thread": "",
    "_Thread_local": "",
    "_Atomic": "",
    "constexpr": "const",
    "noexcept": "",
    "nullptr": "NULL",
}

CALL_LIKE: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "PyObject_HEAD_INIT": (("t",), "{ 1, t },"),
    "PyVarObject_HEAD_INIT": (("t", "n"), "{ 1, t, n },"),
    "Py_UNUSED": (("name",), "name"),
    "PyDoc_STRVAR": (("name", "text"), "static const char name[] = text"),
    "PyDoc_VAR": (("name",), "static const char name[]"),
    "PyDoc_STR": (("text",), "text"),
    "PyAPI_FUNC": (("type",), "type"),
    "PyAPI_DATA": (("type",), "extern type"),
    "DL_EXPORT": (("type",), "type"),
    "DL_IMPORT": (("type",), "type"),
    "Py_LOCAL": (("type",), "static type"),
    "Py_LOCAL_INLINE": (("type",), "static inline type"),
    "Py_DEPRECATED": (("version",), ""),
    "Py_GCC_ATTRIBUTE": (("list",), ""),
    "Py_ALIGNED": (("n",), ""),
    "_Py_ALIGNED_DEF": (("n", "type"), "type"),
    "Py_TRASHCAN_BEGIN": (("op", "dealloc"), "Py_TRASHCAN_BEGIN__(op, dealloc);"),
    "Py_TRASHCAN_SAFE_BEGIN": (("op",), "Py_TRASHCAN_BEGIN__(op);"),
    "Py_TRASHCAN_SAFE_END": (("op",), "Py_TRASHCAN_END__();"),
    "Py_TRASHCAN_BEGIN_CONDITION": (("op", "condition"), "Py_TRASHCAN_BEGIN__(op);"),
    "CPy_TRASHCAN_BEGIN": (("op", "dealloc"), "Py_TRASHCAN_BEGIN__(op, dealloc);"),
    "CPy_TRASHCAN_END": (("op",), "Py_TRASHCAN_END__();"),
    "Py_RETURN_RICHCOMPARE": (("a", "b", "op"), "return Py_RETURN_RICHCOMPARE__(a, b, op)"),
    "Py_RETURN_INF": (("sign",), "return Py_RETURN_INF__(sign)"),
    "Py_BEGIN_CRITICAL_SECTION": (("op",), "Py_BEGIN_CRITICAL_SECTION__(op);"),
    "Py_BEGIN_CRITICAL_SECTION2": (("a", "b"), "Py_BEGIN_CRITICAL_SECTION2__(a, b);"),
    "Py_END_CRITICAL_SECTION": ((), "Py_END_CRITICAL_SECTION__();"),
    "Py_END_CRITICAL_SECTION2": ((), "Py_END_CRITICAL_SECTION2__();"),
    "_Py_CAST": (("type", "expr"), "((type)(expr))"),
    "_Py_STATIC_CAST": (("type", "expr"), "((type)(expr))"),
    "_PyObject_CAST": (("op",), "((PyObject *)(op))"),
    "_PyObject_CAST_CONST": (("op",), "((PyObject *)(op))"),
    "_PyCFunction_CAST": (("f",), "((PyCFunction)(f))"),
    "PyCFunction_CAST": (("f",), "((PyCFunction)(f))"),
    "_PyType_CAST": (("op",), "((PyTypeObject *)(op))"),
    "__attribute__": (("list",), ""),
    "__declspec": (("list",), ""),
    "__pragma": (("list",), ""),
    "_Pragma": (("list",), ""),
    "alignas": (("n",), ""),
    "_Alignas": (("n",), ""),
    "Py_SAFE_DOWNCAST": (("value", "wide", "narrow"), "((narrow)(value))"),
    "PyMem_New": (("type", "n"), "((type *)PyMem_Malloc((n) * sizeof(type)))"),
    "PyMem_NEW": (("type", "n"), "((type *)PyMem_Malloc((n) * sizeof(type)))"),
    "PyMem_Resize": (("p", "type", "n"), "((p) = (type *)PyMem_Realloc((p), (n) * sizeof(type)))"),
    "PyMem_RESIZE": (("p", "type", "n"), "((p) = (type *)PyMem_Realloc((p), (n) * sizeof(type)))"),
    "PyObject_New": (("type", "object"), "((type *)PyObject_New(sizeof(type), object))"),
    "PyObject_NEW": (("type", "object"), "((type *)PyObject_New(sizeof(type), object))"),
    "PyObject_NewVar": (("type", "object", "n"), "((type *)PyObject_NewVar(sizeof(type), object, n))"),
    "PyObject_NEW_VAR": (("type", "object", "n"), "((type *)PyObject_NewVar(sizeof(type), object, n))"),
    "PyObject_GC_New": (("type", "object"), "((type *)PyObject_GC_New(sizeof(type), object))"),
    "PyObject_GC_NewVar": (("type", "object", "n"), "((type *)PyObject_GC_NewVar(sizeof(type), object, n))"),
    "PyObject_GC_Resize": (("type", "op", "n"), "((type *)PyObject_GC_Resize(op, n))"),
    "PyFPE_START_PROTECT": (("text", "leave"), ""),
    "PyFPE_END_PROTECT": (("value",), ""),
    "va_arg": (("list", "type"), "((type)va_arg__(list))"),
}

OPAQUE: Final[frozenset[str]] = frozenset(
    """
    Py_VISIT Py_CLEAR Py_XDECREF Py_DECREF Py_INCREF Py_XINCREF Py_NewRef Py_XNewRef Py_SETREF Py_XSETREF Py_TYPE
    Py_SIZE Py_REFCNT Py_SET_TYPE Py_SET_SIZE Py_SET_REFCNT Py_Is Py_IsNone Py_None Py_True Py_False Py_NotImplemented
    Py_Ellipsis Py_UNREACHABLE Py_IS_TYPE Py_MIN Py_MAX Py_ARRAY_LENGTH Py_TPFLAGS_DEFAULT Py_TPFLAGS_HAVE_GC Py_CLEAR_REF
    PyObject_New PyObject_NewVar PyObject_GC_New PyObject_GC_NewVar PyObject_NEW PyObject_NEW_VAR PyObject_Del PyObject_DEL
    PyObject_Free PyObject_FREE PyObject_GC_Del PyObject_GC_Track PyObject_GC_UnTrack _PyObject_GC_TRACK _PyObject_GC_UNTRACK
    PyObject_GC_Resize PyMem_Free PyMem_FREE PyMem_Del PyMem_DEL PyMem_New PyMem_NEW PyMem_Resize PyMem_RESIZE PyMem_Malloc
    PyModule_Create PyModule_FromDefAndSpec PyModule_AddIntMacro PyModule_AddStringMacro PyModule_Check PyType_Check
    PyObject_INIT PyObject_INIT_VAR PyObject_Init PyObject_InitVar PyTuple_SET_ITEM PyList_SET_ITEM PyTuple_GET_ITEM
    PyList_GET_ITEM PyTuple_GET_SIZE PyList_GET_SIZE PyCell_GET PyCell_SET PyType_HasFeature PyType_FastSubclass
    PyType_SUPPORTS_WEAKREFS PyObject_TypeCheck PyModule_AddObject PyModule_AddObjectRef PyModule_Add PyModule_AddType _Py_NewReference _Py_ForgetReference
    PyObject_IS_GC PyType_IS_GC PyObject_GC_IsTracked _PyObject_GC_IS_TRACKED PyObject_ClearWeakRefs PyObject_GET_WEAKREFS_LISTPTR
    PyObject_CallFinalizerFromDealloc PyObject_CallFinalizer PyObject_VisitManagedDict PyObject_ClearManagedDict
    _PyObject_VisitManagedDict _PyObject_ClearManagedDict PyType_GetModuleByDef PyType_GetSlot PyType_FromModuleAndSpec
    PyModuleDef_HEAD_INIT PyModuleDef_Init PyErr_Occurred NULL offsetof assert alloca va_start va_end va_copy
    Py_mod_multiple_interpreters Py_mod_gil Py_mod_exec Py_mod_create Py_tp_dealloc Py_tp_members Py_nb_add METH_VARARGS
    PyUnstable_Module_SetGIL EXPORT_OPAQUE errno stdin stdout stderr true false bool
    """.split()
)
"""Macros whose call says more than what it expands to: never expanded, even where a project defines a substitute."""
