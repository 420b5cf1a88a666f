"""Fixes of the flags of types: HL106, HL107, HL108, HL113."""

from __future__ import annotations

from heaplint import lazy_re as re
from heaplint.findings import Edit
from heaplint.fixes.registry import Fixing, fixer
from heaplint.model.types import TypeDef

_NAME = re.compile(rb"Py_TPFLAGS_\w+\Z|_Py_TPFLAGS_\w+\Z")
_DESIGNATED = re.compile(rb"\.\s*tp_name\s*=\s*(?:\([^()]*\)\s*)?\Z")


def with_flag(fixing: Fixing, made: TypeDef, flag: str) -> Edit | None:
    """Or a flag to those of a type; None when they are not a list of names in the file."""
    flags = made.flags
    if flags is None or flags.unknown or made.place == flags.place:
        return None
    data = fixing.sources[flags.place.path].data
    written = data[flags.place.start : flags.place.end]
    if written.strip() in (b"0", b"0L", b"0UL"):
        return Edit(flags.place.path, flags.place.start, flags.place.end, flag)
    last = written.split(b"|")[-1].strip().rstrip(b")")
    if not flags.names or not _NAME.match(last) or b"#" in written:
        return None
    return Edit(flags.place.path, flags.place.end, flags.place.end, f" | {flag}")


@fixer("HL106")
def immutable(fixing: Fixing) -> list[Edit] | None:
    """Py_TPFLAGS_IMMUTABLETYPE is there since Python 3.10."""
    life = fixing.life()
    edit = with_flag(fixing, life.made, "Py_TPFLAGS_IMMUTABLETYPE") if life and fixing.oldest >= (3, 10) else None
    return [edit] if edit else None


@fixer("HL107")
def not_instantiable(fixing: Fixing) -> list[Edit] | None:
    """Py_TPFLAGS_DISALLOW_INSTANTIATION is there since Python 3.10."""
    life = fixing.life()
    flag = "Py_TPFLAGS_DISALLOW_INSTANTIATION"
    edit = with_flag(fixing, life.made, flag) if life and fixing.oldest >= (3, 10) else None
    return [edit] if edit else None


@fixer("HL108")
def default_flags(fixing: Fixing) -> list[Edit] | None:
    """Py_TPFLAGS_DEFAULT before the other flags, or a field of its own in a designated initialiser."""
    life = fixing.life()
    if life is None:
        return None
    made = life.made
    if made.flags is not None and made.flags.place != made.place:
        place = made.flags.place
        data = fixing.sources[place.path].data
        written = data[place.start : place.end]
        if written.strip() in (b"0", b"0L", b"0UL"):
            return [Edit(place.path, place.start, place.end, "Py_TPFLAGS_DEFAULT")]
        if not made.flags.names or not written.lstrip(b"(").startswith((b"Py_TPFLAGS_", b"_Py_TPFLAGS_")):
            return None
        return [Edit(place.path, place.start, place.start, "Py_TPFLAGS_DEFAULT | ")]
    if made.kind != "static" or made.name_place is None:
        return None
    data = fixing.sources[made.name_place.path].data
    head = _DESIGNATED.search(data, max(0, made.name_place.start - 200), made.name_place.start)
    comma = re.compile(rb"\s*,").match(data, made.name_place.end)
    if head is None or comma is None or data[comma.end() : comma.end() + 1] not in (b"\n", b"\r"):
        return None
    lead = data[data.rfind(b"\n", 0, head.start()) + 1 : head.start()]
    if lead.strip():
        return None
    return [Edit(made.name_place.path, comma.end(), comma.end(), f"\n{lead.decode()}.tp_flags = Py_TPFLAGS_DEFAULT,")]


@fixer("HL113")
def without_interpreter_flags(fixing: Fixing) -> list[Edit] | None:
    """Take the interpreter's own flags out of a list of flags in an initialiser."""
    life = fixing.life()
    if life is None or life.made.flags is None or life.made.flags.place != fixing.report.place:
        return None
    place = life.made.flags.place
    names = fixing.report.remedy.split()
    text = fixing.data[place.start : place.end].decode("latin-1")
    if "#" in text or "/*" in text or "//" in text or not names:
        return None
    parts = [part.strip() for part in text.split("|")]
    kept = [part for part in parts if part not in names]
    if "(" in text or not kept or len(kept) != len(parts) - len(names):
        return None
    return [Edit(place.path, place.start, place.end, " | ".join(kept))]
