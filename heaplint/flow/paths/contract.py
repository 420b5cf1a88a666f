"""What the interpreter expects of a function that it calls."""

from __future__ import annotations

from typing import NamedTuple


class Contract(NamedTuple):
    """What the interpreter expects of a function that it calls."""

    returns: str
    """object: a new reference, or NULL; int: 0 or more, or -1; other."""
    silent: bool
    """NULL without an exception is an answer (tp_iternext)."""
    initialises: bool
    """tp_init: called again for an object that has its members already."""
    destroys: bool
    """tp_dealloc, tp_clear and their like: the object is on its way out."""
    lends: bool = True
    """The arguments are lent; Argument Clinic may hand over what a converter made."""
    executes: bool = False
    """A Py_mod_exec slot: the first argument is the module, and lent like the others."""
    nullable: frozenset[int] = frozenset()
    """The arguments that may be NULL: the value of a deletion, the keywords of a call without any."""
