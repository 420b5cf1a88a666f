"""Which extension modules a name stands for, and importing them."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Sequence
from types import ModuleType

SUFFIXES = tuple(importlib.machinery.EXTENSION_SUFFIXES)


def describe(error: BaseException) -> str:
    """The error as one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text}"[:400] if text else name


def search(path: Sequence[str]) -> None:
    """Look for modules in these folders first."""
    sys.path[:0] = [folder for folder in path if folder not in sys.path]


def resolve(name: str, path: Sequence[str]) -> list[str]:
    """The extension modules that a module is, or that lie in the folder of a package; [] when it has none."""
    search(path)
    spec = importlib.util.find_spec(name)  # imports the packages that hold it
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}")
    if isinstance(spec.loader, importlib.machinery.ExtensionFileLoader) and not spec.submodule_search_locations:
        return [name]
    found = set()
    if isinstance(spec.loader, importlib.machinery.ExtensionFileLoader):
        found.add(name)
    for top in spec.submodule_search_locations or ():
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(one for one in folders if one.isidentifier())
            inside = os.path.relpath(folder, top)
            package = name if inside == os.curdir else ".".join([name, *inside.split(os.sep)])
            for file in files:
                stem = _stem(file)
                if stem and stem != "__init__" and _is_module(os.path.join(folder, file), stem):
                    found.add(f"{package}.{stem}")
    return sorted(found)


def _is_module(file: str, stem: str) -> bool:
    """Whether a shared object names the function that makes the module (PEP 489); others lie in packages too."""
    if not stem.isascii():
        return True
    with open(file, "rb") as stream:
        return f"PyInit_{stem}\0".encode() in stream.read()


def _stem(file: str) -> str | None:
    """The name of the module that a file holds, when this interpreter would load it."""
    stems = [file[: -len(suffix)] for suffix in SUFFIXES if file.endswith(suffix)]
    return min(stems, key=len) if stems and min(stems, key=len).isidentifier() else None


def standard() -> list[str]:
    """The extension modules of the standard library that are shared objects."""
    folder = sysconfig.get_config_var("DESTSHARED") or ""
    folders = [folder, *(one for one in sys.path if os.path.basename(one) == "lib-dynload")]
    found = (name for one in folders if os.path.isdir(one) for name in map(_stem, os.listdir(one)))
    return sorted({name for name in found if name})


def load(name: str) -> ModuleType:
    """Import a module."""
    return importlib.import_module(name)
