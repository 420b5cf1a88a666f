"""The types that a module brings, and instances of them that are alive."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any, Callable

from heaplint.verify.child import memory, modules
from heaplint.verify.child.exercise import run as run_exercise
from heaplint.verify.child.images import image_of

# Flags of types, https://docs.python.org/3/c-api/typeobj.html (Include/object.h).
IMMUTABLE = 1 << 8
NOT_INSTANTIABLE = 1 << 7
HEAP = 1 << 9
BASE = 1 << 10
GC = 1 << 14
_TP_NEW = 65
"""Py_tp_new (Include/typeslots.h, part of the stable ABI)."""
STATIC_TYPE = 51 * memory.WORD
"""The size of a static type object of CPython 3.9 in bytes; it has only grown since, at its end."""
_SAMPLED = 2_000_000
"""No more objects are looked at for live instances."""


class Inventory:
    """A module that was imported here and exercised, with its types by key."""

    def __init__(self, name: str, path: Sequence[str], exercise: str | None, tell: Callable[..., None]) -> None:
        modules.search(path)
        known = set(sys.modules)
        self.module: ModuleType = modules.load(name)
        self.name = name
        self.file = os.path.realpath(getattr(self.module, "__file__", None) or "")
        if not self.file.endswith(modules.SUFFIXES):  # packages put a twin in Python under the name of an extension
            raise ImportError(f"the name stands for {os.path.basename(self.file) or 'no file'}, not for an extension module")
        self.space: dict[str, Any] = {}
        self.exercised: str | None = None
        """Why the exercise failed."""
        if exercise is not None:
            tell(doing="the exercise")
            try:
                run_exercise(exercise, self.space)
            except Exception as error:
                self.exercised = modules.describe(error)
        image = image_of(self.file)
        self.areas = image.stretches if image else []
        own = [one for one in all_types() if self._brings(one)]
        own += [one for one in self._reached() if one not in own]
        self.types: dict[str, type] = {}
        for one in sorted(own, key=full_name):
            self.types.setdefault(_free(full_name(one), self.types), one)
        self.dependencies = _dependencies(set(sys.modules) - known, name)
        self.phases = _phases(self.module)

    def described(self) -> list[dict[str, Any]]:
        """What is known of each type without making an instance."""
        return [
            {
                "key": key,
                "name": full_name(one),
                "kind": "heap" if one.__flags__ & HEAP else "static",
                "made": "specification" if self.is_specified(one) else "call",
                "flags": one.__flags__,
                "base": full_name(one.__base__ or object),
                "gc": bool(one.__flags__ & GC),
                "immutable": bool(not one.__flags__ & HEAP or one.__flags__ & IMMUTABLE),
                "instantiable": instantiable(one),
                "basetype": bool(one.__flags__ & BASE),
                "bare": is_bare(one),
                "stateless": one.__basicsize__ == (one.__base__ or object).__basicsize__,
                "lazy": issubclass(one, (dict, tuple)),
            }
            for key, one in self.types.items()
        ]

    def live(self, wanted: type) -> Any | None:
        """An instance of exactly this type that is alive, or None."""
        seen: set[int] = set()
        todo: list[Any] = [self.space, self.module.__dict__, gc.get_objects()]
        while todo and len(seen) < _SAMPLED:
            for one in gc.get_referents(todo.pop()):
                if type(one) is wanted:
                    return one
                if id(one) not in seen:
                    seen.add(id(one))
                    if not isinstance(one, ModuleType) or one is self.module:
                        todo.append(one)
        return None

    def _brings(self, one: type) -> bool:
        """Whether the shared object holds the type, or code or text that the type has from nobody else."""
        if any(start <= id(one) < end for start, end in self.areas):
            return True
        return bool(one.__flags__ & HEAP) and not _is_class(one) and self.is_specified(one)

    def is_specified(self, one: type) -> bool:
        """Whether a type was made from C data of the module, not by calling another type, as exceptions are.

        A type that a class statement makes has nothing of the shared object that one of its bases does not have; a
        struct sequence type has the interpreter's functions.
        """
        if "n_sequence_fields" in vars(one):
            return False
        if not one.__flags__ & HEAP:
            return True
        if get_module(one) == id(self.module):
            return True
        size: int = type.__dict__["__basicsize__"].__get__(type(one))
        inherited: set[int] = set()  # a function may be inherited from one slot into another, as for `+=`
        for base in one.__mro__[1:]:
            inherited.update(memory.words(id(base), size if base.__flags__ & HEAP else STATIC_TYPE))
        own = set(memory.words(id(one), size)) - inherited
        return any(start <= word < end for word in own for start, end in self.areas)

    def _reached(self) -> Iterator[type]:
        """Types in the module's dictionary that say they are the module's: exceptions, struct sequences."""
        for one in list(vars(self.module).values()):
            if isinstance(one, type) and one.__flags__ & HEAP and not _is_class(one) and _module_name(one) in _names(self.name):
                yield one


def get_module(one: type) -> int:
    """The address of the module that a heap type was made for (PyType_GetModule, 3.9); 0 when there is none."""
    get = ctypes.pythonapi["PyType_GetModule"]
    get.argtypes, get.restype = [ctypes.py_object], ctypes.c_void_p  # it gives a borrowed reference
    try:
        return get(one) or 0
    except (TypeError, SystemError):
        return 0


def all_types() -> list[type]:
    """Every type of the interpreter, from `object` on."""
    found: dict[type, None] = {object: None}
    todo = [object]
    while todo:
        for one in type.__subclasses__(todo.pop()):
            if one not in found:
                found[one] = None
                todo.append(one)
    return list(found)


def full_name(one: type) -> str:
    """The name of a type as its author writes it in C."""
    module = _module_name(one)
    name = type.__dict__["__qualname__"].__get__(one)
    return f"{module}.{name}" if module and module != "builtins" else str(name)


def instantiable(one: type) -> bool:
    """Whether calling the type makes an instance: it has a `__new__`, of its own or inherited, and does not refuse."""
    return not one.__flags__ & NOT_INSTANTIABLE and has_new(one)


def has_new(one: type) -> bool:
    """Whether tp_new is set: calling the type is refused when it is not."""
    get = ctypes.pythonapi["PyType_GetSlot"]
    get.argtypes, get.restype = [ctypes.py_object, ctypes.c_int], ctypes.c_void_p
    try:
        return bool(get(one, _TP_NEW))
    except SystemError:  # a static type before 3.10
        return any("__new__" in vars(base) for base in one.__mro__[:-1])


def is_bare(one: type) -> bool:
    """Whether calling the type runs no code of the module: `object.__new__` and no `__init__` of its own."""
    new, init = getattr(one, "__new__", None), getattr(one, "__init__", None)
    return new is object.__new__ and init is object.__init__


def _module_name(one: type) -> str:
    try:
        name = type.__dict__["__module__"].__get__(one)
    except AttributeError:
        return ""
    return name if isinstance(name, str) else ""


def _names(module: str) -> set[str]:
    """What types may say of where they come from: the module, its last part, its package, its public name."""
    package, _, last = module.rpartition(".")
    return {module, last, last.lstrip("_"), package} - {""}


def _is_class(one: type) -> bool:
    """Whether a class statement made a type: its dictionary has functions written in Python, or what only such types get.

    A specification gives no `__weakref__` attribute (Objects/typeobject.c, type_new_descriptors).
    """
    inside = vars(one)
    if inside.keys() & {"__weakref__", "__slots__", "__firstlineno__", "__static_attributes__", "__annotations__"}:
        return True
    values = (getattr(value, "__func__", value) for value in inside.values())
    return any(isinstance(value, FunctionType) for value in values)


def _free(name: str, taken: dict[str, type]) -> str:
    """The name, with a number when another type has it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


def _dependencies(new: set[str], name: str) -> list[str]:
    """The modules that came with a module but are not of its package."""
    top = name.partition(".")[0]
    return sorted(one for one in new if one.partition(".")[0] != top and one != name)


def _phases(module: ModuleType) -> str | None:
    """`multi-phase`, `single-phase`, or None: a second import of a single-phase module shares its definition's copy."""
    get = ctypes.pythonapi["PyModule_GetDef"]
    get.argtypes, get.restype = [ctypes.py_object], ctypes.c_void_p
    definition = get(module)
    if not definition:
        return None
    # m_slots follows m_base, m_name, m_doc, m_size and m_methods (PyModuleDef is part of the stable ABI).
    head = object.__basicsize__ + 3 * memory.WORD
    slots = memory.words(definition + head + 4 * memory.WORD, memory.WORD)[0]
    return "multi-phase" if slots else "single-phase"
