"""What every translation unit begins with: Python's API and C's library, declared as far as reading needs them.

The functions come from the data in heaplint/capi, the macros from the table that the default front end expands, so
that both front ends see the same names: what a rule looks for is a function here, whatever Python makes it. A
declaration is one line, so that one which a project makes itself can be left out.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from importlib import resources
from typing import Final

from heaplint import lazy_re as re
from heaplint.capi.api import ApiFunction, every
from heaplint.capi.facts import builtin_names, signatures, since
from heaplint.capi.returns import RETURNS
from heaplint.frontend.apimacros import CALL_LIKE, OBJECT_LIKE
from heaplint.records import dataclass

_OF_THE_LANGUAGE: Final = frozenset(
    {"_Thread_local", "_Atomic", "constexpr", "noexcept", "nullptr", "alignas", "_Alignas", "_Pragma", "CALLBACK"}
)
_RESULTS: Final = {
    "new": "PyObject *", "borrowed": "PyObject *", "null": "PyObject *", "argument": "PyObject *", "memory": "void *",
    "pointer": "void *", "interior": "char *", "int": "int", "tristate": "int", "zero": "int", "zeroed": "int",
    "minus": "int", "count": "Py_ssize_t", "value": "long", "plain": "long", "void": "void", "noreturn": "_Noreturn void",
}
_CONSTANTS: Final = """
NULL true false Py_LT Py_LE Py_EQ Py_NE Py_GT Py_GE METH_VARARGS METH_KEYWORDS METH_NOARGS METH_O METH_CLASS METH_STATIC
METH_COEXIST METH_FASTCALL METH_METHOD METH_OLDARGS T_SHORT T_INT T_LONG T_FLOAT T_DOUBLE T_STRING T_OBJECT T_CHAR T_BYTE
T_UBYTE T_USHORT T_UINT T_ULONG T_STRING_INPLACE T_BOOL T_OBJECT_EX T_LONGLONG T_ULONGLONG T_PYSSIZET T_NONE READONLY
READ_RESTRICTED WRITE_RESTRICTED RESTRICTED RO PY_AUDIT_READ Py_T_SHORT Py_T_INT Py_T_LONG Py_T_FLOAT Py_T_DOUBLE
Py_T_STRING _Py_T_OBJECT Py_T_CHAR Py_T_BYTE Py_T_UBYTE Py_T_USHORT Py_T_UINT Py_T_ULONG Py_T_STRING_INPLACE Py_T_BOOL
Py_T_OBJECT_EX Py_T_LONGLONG Py_T_ULONGLONG Py_T_PYSSIZET _Py_T_NONE Py_READONLY Py_AUDIT_READ Py_RELATIVE_OFFSET
PyBUF_SIMPLE PyBUF_WRITABLE PyBUF_WRITEABLE PyBUF_FORMAT PyBUF_ND PyBUF_STRIDES PyBUF_C_CONTIGUOUS PyBUF_F_CONTIGUOUS
PyBUF_ANY_CONTIGUOUS PyBUF_INDIRECT PyBUF_CONTIG PyBUF_CONTIG_RO PyBUF_STRIDED PyBUF_STRIDED_RO PyBUF_RECORDS
PyBUF_RECORDS_RO PyBUF_FULL PyBUF_FULL_RO PyBUF_READ PyBUF_WRITE PyUnicode_WCHAR_KIND PyUnicode_1BYTE_KIND
PyUnicode_2BYTE_KIND PyUnicode_4BYTE_KIND SSTATE_NOT_INTERNED PYGEN_RETURN PYGEN_ERROR PYGEN_NEXT Py_PRINT_RAW
Py_file_input Py_eval_input Py_single_input PyTrace_CALL PyTrace_EXCEPTION PyTrace_LINE PyTrace_RETURN PyTrace_C_CALL
PyTrace_C_EXCEPTION PyTrace_C_RETURN PyTrace_OPCODE PY_SSIZE_T_MAX PY_SSIZE_T_MIN PY_SSIZE_T_CLEAN PY_LLONG_MAX PY_LLONG_MIN
PY_VECTORCALL_ARGUMENTS_OFFSET Py_TPFLAGS_DEFAULT Py_TPFLAGS_HAVE_GC Py_TPFLAGS_BASETYPE Py_TPFLAGS_HEAPTYPE Py_TPFLAGS_READY
Py_TPFLAGS_READYING Py_TPFLAGS_HAVE_STACKLESS_EXTENSION Py_TPFLAGS_HAVE_VERSION_TAG Py_TPFLAGS_VALID_VERSION_TAG
Py_TPFLAGS_METHOD_DESCRIPTOR _Py_TPFLAGS_HAVE_VECTORCALL Py_TPFLAGS_IS_ABSTRACT Py_TPFLAGS_HAVE_FINALIZE Py_TPFLAGS_LONG_SUBCLASS
Py_TPFLAGS_LIST_SUBCLASS Py_TPFLAGS_TUPLE_SUBCLASS Py_TPFLAGS_BYTES_SUBCLASS Py_TPFLAGS_UNICODE_SUBCLASS
Py_TPFLAGS_DICT_SUBCLASS Py_TPFLAGS_BASE_EXC_SUBCLASS Py_TPFLAGS_TYPE_SUBCLASS Py_TPFLAGS_CHECKTYPES Py_TPFLAGS_HAVE_ITER
Py_TPFLAGS_HAVE_WEAKREFS Py_TPFLAGS_HAVE_CLASS Py_TPFLAGS_HAVE_RICHCOMPARE Py_TPFLAGS_HAVE_NEWBUFFER Py_TPFLAGS_HAVE_INDEX
Py_TPFLAGS_HAVE_GETCHARBUFFER Py_TPFLAGS_HAVE_SEQUENCE_IN Py_TPFLAGS_HAVE_INPLACEOPS Py_TPFLAGS_GC
Py_mod_create Py_mod_exec Py_mod_gil Py_mod_multiple_interpreters Py_MOD_GIL_USED Py_MOD_GIL_NOT_USED
Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED Py_MOD_MULTIPLE_INTERPRETERS_SUPPORTED Py_MOD_PER_INTERPRETER_GIL_SUPPORTED
Py_tp_methods Py_tp_members Py_tp_getset Py_tp_doc Py_tp_base Py_tp_bases Py_tp_token Py_tp_vectorcall Py_tp_free
Py_bf_getbuffer Py_bf_releasebuffer PYTHON_API_VERSION PYTHON_ABI_VERSION WAIT_LOCK NOWAIT_LOCK PY_LOCK_FAILURE
PY_LOCK_ACQUIRED PY_LOCK_INTR PYMEM_DOMAIN_RAW PYMEM_DOMAIN_MEM PYMEM_DOMAIN_OBJ Py_DTSF_SIGN Py_DTSF_ADD_DOT_0 Py_DTSF_ALT
INT_MAX INT_MIN UINT_MAX LONG_MAX LONG_MIN ULONG_MAX LLONG_MAX LLONG_MIN ULLONG_MAX SIZE_MAX SSIZE_MAX CHAR_MAX CHAR_MIN
UCHAR_MAX SCHAR_MAX SCHAR_MIN SHRT_MAX SHRT_MIN USHRT_MAX CHAR_BIT INT8_MAX INT16_MAX INT32_MAX INT64_MAX INT32_MIN INT64_MIN
UINT8_MAX UINT16_MAX UINT32_MAX UINT64_MAX BUFSIZ EOF SEEK_SET SEEK_CUR SEEK_END EINTR EAGAIN ENOMEM EINVAL ENOENT EEXIST
ERANGE EDOM EPERM EACCES EBADF EPIPE EWOULDBLOCK EINPROGRESS ENOSYS ENOTSUP PATH_MAX MAXPATHLEN RAND_MAX CLOCKS_PER_SEC
EXIT_SUCCESS EXIT_FAILURE DBL_MAX DBL_MIN DBL_EPSILON HUGE_VAL
""".split()
PLACES: Final = ("_Py_ID", "_Py_STR", "_Py_SINGLETON", "_Py_LATIN1_CHR")
"""Macros of CPython's own modules that give a place."""
_EXCEPTIONS: Final = """
BaseException Exception BaseExceptionGroup StopAsyncIteration StopIteration GeneratorExit ArithmeticError LookupError
AssertionError AttributeError BufferError EOFError FloatingPointError OSError ImportError ModuleNotFoundError IndexError
KeyError KeyboardInterrupt MemoryError NameError OverflowError RuntimeError RecursionError NotImplementedError SyntaxError
IndentationError TabError ReferenceError SystemError SystemExit TypeError UnboundLocalError UnicodeError UnicodeEncodeError
UnicodeDecodeError UnicodeTranslateError ValueError ZeroDivisionError BlockingIOError BrokenPipeError ChildProcessError
ConnectionError ConnectionAbortedError ConnectionRefusedError ConnectionResetError FileExistsError FileNotFoundError
InterruptedError IsADirectoryError NotADirectoryError PermissionError ProcessLookupError TimeoutError EnvironmentError IOError
WindowsError StandardError Warning UserWarning DeprecationWarning PendingDeprecationWarning SyntaxWarning RuntimeWarning
FutureWarning ImportWarning UnicodeWarning BytesWarning ResourceWarning EncodingWarning
""".split()
_ENUMERATORS: Final = re.compile(r"\btypedef enum \{ ([^}]*) \}")
_FUNCTION_POINTER: Final = re.compile(r"\(\*(\w+)\)\(")
_TAG: Final = re.compile(r"\b(?:struct|union|enum) (\w+)(?: \{|;)")
_WORD: Final = re.compile(r"\w+")
_LAST: Final = re.compile(r"(\w+)(?:\[\w*\])*(?:\(\))?;\Z")


@dataclass(frozen=True, slots=True)
class Line:
    """One declaration and the names that it declares."""

    names: frozenset[str]
    text: str


def _names(text: str) -> frozenset[str]:
    names = set(_TAG.findall(text))
    pointer = _FUNCTION_POINTER.search(text) if "{" not in text else None
    last = pointer or _LAST.search(text)
    if last is not None:
        names.add(last.group(1))
    for body in _ENUMERATORS.findall(text):
        names.update(one.strip() for one in body.split(","))
    return frozenset(names)


def _function(known: ApiFunction) -> str:
    returned = RETURNS.get(known.name) or _RESULTS[known.result]
    return f"{returned}{'' if returned.endswith('*') else ' '}{known.name}();"


def _declarations() -> Iterator[str]:
    folder = resources.files(__package__).joinpath("include")
    for file in ("c.h", "python.h"):
        text = folder.joinpath(file).read_text(encoding="utf-8")
        yield from text[text.index("*/") + 3 :].splitlines()
    yield from (f"extern PyTypeObject {name};" for name in builtin_names())
    yield from (f"extern PyObject *PyExc_{name};" for name in _EXCEPTIONS)
    yield from (f"PyObject *{name}__();" for name in PLACES)
    for known in every():
        if known.name.islower() or known.name in PLACES or "." in known.name:
            continue  # C's own, and slots, which are members
        if known.name not in CALL_LIKE or known.name.startswith(("PyObject_", "PyMem_")):
            yield _function(known)


@functools.cache
def lines(plus_plus: bool) -> tuple[Line, ...]:
    """The declarations in order, for C or for C++."""
    result: list[Line] = []
    seen: set[str] = set()
    for text in _declarations():
        names = _names(text)
        if text.endswith("();"):
            if names <= seen:
                continue
            if plus_plus:
                text = 'extern "C" ' + text.replace("();", "(...);")
        seen |= names
        result.append(Line(names, text))
    return tuple(result)


@functools.cache
def leaned_on(plus_plus: bool) -> frozenset[str]:
    """The names that a declaration uses which does not declare them: those have to stay."""
    return frozenset(name for line in lines(plus_plus) for name in _WORD.findall(line.text) if name not in line.names)


@functools.cache
def constants() -> tuple[str, ...]:
    """The names that stand where C wants a constant: each is an enumerator of its own value."""
    slots = [f"Py_{name}" for name in signatures()]
    dated = [name for name in since() if name.startswith(("Py_", "_Py_"))]
    return tuple(dict.fromkeys([*_CONSTANTS, *slots, *dated]))


@functools.cache
def macros(plus_plus: bool) -> str:
    """The macros that both front ends expand."""
    made = ["#define offsetof(type, member) __builtin_offsetof(type, member)"]
    made += [f"#define {name}(name) (*{name}__(#name))" for name in PLACES]  # what they name is declared in generated headers
    if plus_plus:
        made.append("#define NULL nullptr")
    for name, body in OBJECT_LIKE.items():
        if not name.startswith("__") and name not in _OF_THE_LANGUAGE:
            made.append(f"#define {name} {body}")
    for name, (parameters, body) in CALL_LIKE.items():
        if not name.startswith("__") and name not in _OF_THE_LANGUAGE and name not in OBJECT_LIKE:
            made.append(f"#define {name}({', '.join(parameters)}) {body}")
    return "\n".join(made) + "\n"


def head(plus_plus: bool) -> str:
    """What comes before all declarations."""
    if plus_plus:
        return ""
    return "typedef _Bool bool;\ntypedef __WCHAR_TYPE__ wchar_t;\n"


def enumeration(names: Collection[str]) -> str:
    """Constants, each of its own value; NULL, true and false have theirs."""
    fixed = {"NULL": 0, "false": 0, "true": 1}
    return "".join(
        f"enum {{ {name} = {fixed.get(name, 1_000_001 + number)} }};\n" for number, name in enumerate(names)
    )
