"""Whether a unit defines PY_SSIZE_T_CLEAN before it includes Python.h, so that lengths in formats are Py_ssize_t."""

from __future__ import annotations

import posixpath
from typing import Final, Literal

from heaplint import lazy_re as re
from heaplint.frontend.preprocess import Macro, Reading
from heaplint.model.unit import Unit

_MACRO: Final = "PY_SSIZE_T_CLEAN"
_OF_PYTHON: Final = re.compile(r"(?:structmember|datetime|frameobject|longintrepr|pythread|pyconfig|patchlevel|pycore_\w+)\.h\Z")

State = Literal["defined", "python", "unknown", "neither"]


def ssize_t_clean(unit: Unit) -> bool | None:
    """True when the macro is defined first and False when Python.h is included first; None when that cannot be seen:
    a file that is not of the project comes before both."""
    state = _first(unit.texts[0].reading, set())
    return state == "defined" if state in ("defined", "python") else None


def comes_too_late(unit: Unit) -> bool:
    """Whether some file of the unit defines the macro, wherever."""
    return any(_MACRO in text.reading.macros for text in unit.texts)


def _first(reading: Reading, seen: set[int]) -> State:
    """What comes first in a file and those that it includes."""
    seen.add(id(reading))
    definitions = reading.macros.get(_MACRO, ())
    if any(not isinstance(one, Macro) for one in definitions):  # #undef
        return "unknown"
    events = [(one.offset, "", False) for one in definitions if isinstance(one, Macro)]
    for _, written, _ in sorted((*events, *reading.includes)):
        if not written:
            return "defined"
        path = posixpath.normpath(written[1:-1]).replace("../", "")
        name = posixpath.basename(path)
        if name == "Python.h":
            return "python"
        header = next((one for one in reading.headers if f"/{one.path}".endswith(f"/{path}")), None)
        if header is None:
            if not _OF_PYTHON.match(name) and (written.startswith('"') or "config" in name.lower()):
                return "unknown"
        elif id(header) not in seen and (state := _first(header, seen)) != "neither":
            return state
    return "neither"
