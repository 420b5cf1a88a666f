"""Which readings of a file to look at: one per Python version range that differs, unknown macros on and off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from heaplint.capi.facts import since
from heaplint.frontend.conditions import Condition, Value, evaluate
from heaplint.records import dataclass, field

Mode = Literal["on", "off"]
Question = Literal["known", "there", "chosen", "assumed", "undecided"]
"""Of a macro: its value, whether the view's Python has it, what was chosen for it, what is assumed of it; and what an
unknown condition comes to."""

OFF_UNLESS_ASKED = frozenset(
    """
    Py_LIMITED_API Py_GIL_DISABLED Py_NOGIL Py_DEBUG Py_TRACE_REFS Py_REF_DEBUG Py_BUILD_CORE_MODULE WITH_DYLD
    _WIN32 WIN32 _WIN64 WIN64 MS_WINDOWS MS_WIN32 MS_WIN64 _MSC_VER __MINGW32__ __MINGW64__ __CYGWIN__ __CYGWIN32__ _WIN32_WCE
    MS_WINDOWS_DESKTOP MS_WINDOWS_SYSTEM MS_WINDOWS_APP MS_WINDOWS_GAMES __OS2__ __VMS __BEOS__ __BORLANDC__ __WATCOMC__
    __APPLE__ __MACH__ macintosh TARGET_OS_MAC __FreeBSD__ __NetBSD__ __OpenBSD__ __DragonFly__ __sun sun __sun__ __SVR4
    _AIX __hpux __sgi __ANDROID__ __wasi__ __EMSCRIPTEN__ __VXWORKS__ __HAIKU__ __QNX__ __INTEL_COMPILER __SUNPRO_C
    Py_EMSCRIPTEN __CHECKER__ COVERITY __COVERITY__ __clang_analyzer__ DEBUG _DEBUG NDEBUG_OFF
    """.split()
)
"""Macros of one platform or of a special build: assumed undefined except where only they reveal a piece of code."""

NEVER = frozenset(
    """
    PYPY_VERSION PYPY_VERSION_NUM GRAALVM_PYTHON GRAALPY_VERSION_NUM
    PYSTON_VERSION CYTHON_COMPILING_IN_PYPY CPYCHECKER WITH_CPYCHECKER_RETURNS_BORROWED_REF_ATTRIBUTE
    """.split()
)
"""Macros of other implementations of Python: heaplint reads for CPython."""


@dataclass(frozen=True, slots=True)
class View:
    """One assumption about the world outside a file."""

    python: tuple[int, int]
    mode: Mode = "on"
    chosen: Mapping[str, bool] = field(default_factory=dict)
    """Unknown macros decided one by one, over `mode`."""
    plus_plus: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal views."""
        return (self.python, self.mode, tuple(sorted(self.chosen.items())), self.plus_plus)

    @property
    def plain(self) -> str:
        """The mode, of a view that decides nothing one by one; "" of others."""
        return "" if self.chosen else self.mode

    def assume(self, name: str) -> bool:
        """Whether a macro that nothing in the project defines is taken as defined (and not zero)."""
        if name in self.chosen:
            return self.chosen[name]
        if name in NEVER:
            return False
        return self.mode == "on" and name not in OFF_UNLESS_ASKED

    def answer(self, question: Question, name: str) -> Value:
        """What the view says of a macro: all that reading a file asks of it."""
        match question:
            case "known":
                return self.known(name)
            case "there":
                return int(self.python >= since()[name])
            case "chosen":
                return int(self.chosen[name]) if name in self.chosen else None
            case "assumed":
                return int(self.assume(name))
        return int(self.mode == "on" or bool(self.chosen))

    def known(self, name: str) -> Value:
        """The value of a macro that the version of Python decides; None when it decides nothing."""
        major, minor = self.python
        match name:
            case "PY_VERSION_HEX":
                return (major << 24) | (minor << 16) | 0x00F0
            case "PY_MAJOR_VERSION":
                return major
            case "PY_MINOR_VERSION":
                return minor
            case "PY_MICRO_VERSION":
                return 0
            case "PY_RELEASE_LEVEL":
                return 0xF
            case "PY_RELEASE_SERIAL":
                return 0
            case "PY_SSIZE_T_MAX":
                return (1 << 63) - 1  # platforms of 64 bits
            case "CHAR_BIT":
                return 8
        return None


ALWAYS_DEFINED = frozenset(
    {"PY_VERSION_HEX", "PY_MAJOR_VERSION", "PY_MINOR_VERSION", "PY_MICRO_VERSION", "PY_VERSION", "PY_RELEASE_LEVEL", "PY_RELEASE_SERIAL", "Py_PYTHON_H"}
)


def constant(condition: Condition) -> Value:
    """The value an expression has whatever is defined (`0`, `1`, `0 && X`); None when it depends on something."""
    return evaluate(condition, lambda atom: None)
