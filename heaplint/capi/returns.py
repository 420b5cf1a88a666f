"""What functions of the C API and of C's library return when it is no object, and members of the API's own structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_BY_TYPE: Final = {
    "Py_ssize_t": (
        "PyObject_Size PyObject_Length PyObject_LengthHint PySequence_Size PySequence_Length PySequence_Count "
        "PySequence_Index PyMapping_Size PyMapping_Length PyTuple_Size PyTuple_GET_SIZE PyList_Size PyList_GET_SIZE "
        "PyDict_Size PyDict_GET_SIZE PySet_Size PySet_GET_SIZE PyBytes_Size PyBytes_GET_SIZE PyByteArray_Size "
        "PyByteArray_GET_SIZE PyUnicode_GetLength PyUnicode_GET_LENGTH PyUnicode_FindChar PyUnicode_Find "
        "PySequence_Fast_GET_SIZE Py_SIZE PyLong_AsSsize_t PyNumber_AsSsize_t PyVectorcall_NARGS PyBuffer_SizeFromFormat PyGC_Collect"
    ),
    "Py_hash_t": "PyObject_Hash PyObject_HashNotImplemented",
    "long": "PyLong_AsLong PyLong_AsLongAndOverflow PyInt_AsLong ftell strtol atol",
    "unsigned long": "PyLong_AsUnsignedLong PyLong_AsUnsignedLongMask PyThread_get_thread_ident strtoul",
    "long long": "PyLong_AsLongLong PyLong_AsLongLongAndOverflow strtoll",
    "unsigned long long": "PyLong_AsUnsignedLongLong PyLong_AsUnsignedLongLongMask strtoull",
    "size_t": "PyLong_AsSize_t strlen strnlen wcslen fread fwrite strftime",
    "double": "PyFloat_AsDouble PyFloat_AS_DOUBLE PyFloat_GetMax PyFloat_GetMin PyOS_string_to_double strtod atof",
    "void *": "PyLong_AsVoidPtr PyCapsule_GetPointer PyCapsule_GetContext PyModule_GetState PyType_GetModuleState",
    "char *": (
        "PyUnicode_AsUTF8 PyUnicode_AsUTF8AndSize PyBytes_AsString PyBytes_AS_STRING PyByteArray_AsString "
        "PyByteArray_AS_STRING PyModule_GetName PyModule_GetFilename PyEval_GetFuncName PyEval_GetFuncDesc strerror "
        "getenv strchr strrchr strstr Py_GetVersion Py_GetPlatform PyCapsule_GetName inet_ntoa"
    ),
    "wchar_t *": "PyUnicode_AsWideCharString Py_DecodeLocale",
    "Py_UCS4": "PyUnicode_READ_CHAR PyUnicode_ReadChar PyUnicode_MAX_CHAR_VALUE",
    "PyTypeObject *": "Py_TYPE",
    "Py_complex": "PyComplex_AsCComplex _Py_c_sum _Py_c_diff _Py_c_neg _Py_c_prod _Py_c_quot _Py_c_pow",
    "Py_buffer *": "PyMemoryView_GET_BUFFER",
    "int": "strcmp strncmp atoi isalpha isdigit PyErr_WarnEx PyObject_IsTrue PyObject_RichCompareBool PyLong_AsInt",
}

RETURNS: Final[Mapping[str, str]] = {name: kind for kind, names in _BY_TYPE.items() for name in names.split()}
"""Functions and macros → the type they return, `const` left out."""

FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    "PyTypeObject": {
        "tp_name": "char *", "tp_basicsize": "Py_ssize_t", "tp_itemsize": "Py_ssize_t", "tp_doc": "char *",
        "tp_flags": "unsigned long", "tp_base": "PyTypeObject *", "tp_dict": "PyObject *",
    },
    "PyObject": {"ob_type": "PyTypeObject *"},
    "PyVarObject": {"ob_size": "Py_ssize_t"},
    "Py_buffer": {
        "buf": "void *", "obj": "PyObject *", "len": "Py_ssize_t", "itemsize": "Py_ssize_t", "readonly": "int",
        "ndim": "int", "format": "char *", "shape": "Py_ssize_t *", "strides": "Py_ssize_t *",
    },
    "Py_complex": {"real": "double", "imag": "double"},
    "PyMethodDef": {"ml_name": "char *", "ml_flags": "int", "ml_doc": "char *"},
}
"""Members of structs that Python.h declares → their types."""
