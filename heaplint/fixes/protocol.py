"""Fixes that write what a type lacks to take part in garbage collection: HL201, HL202, HL210."""

from __future__ import annotations

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.capi.facts import family
from heaplint.checks.allocation import allocations
from heaplint.findings import Edit
from heaplint.fixes import place
from heaplint.fixes.dealloc import untracked
from heaplint.fixes.flags import with_flag
from heaplint.fixes.instances import track_before_returns
from heaplint.fixes.registry import Fixing, Unsafe, fixer
from heaplint.fixes.subject import reaches, self_name
from heaplint.fixes.traverse import visit_type
from heaplint.flow.lifecycle import Life
from heaplint.model.creators import key_of_type
from heaplint.model.members import OwnedMember
from heaplint.model.types import HAVE_GC, SlotDef, TypeDef
from heaplint.source import CPLUSPLUS_SUFFIXES

_SUFFIX = re.compile(r"_?(?:dealloc|spec|slots|type|traverse)\Z", re.I)


@fixer("HL201")
def made_collectable(fixing: Fixing) -> list[Edit] | None:
    """The flag, traverse and clear, untracking in dealloc, and instances with room for the collector's header."""
    life = fixing.life()
    if life is None or life.made.bases or life.made.bases_unknown or not life.made.is_spec:
        return None
    flag = with_flag(fixing, life.made, HAVE_GC)
    written = _protocol(fixing, life)
    dealloc = _collected_dealloc(fixing, life)
    made = _collected_instances(fixing, life)
    if flag is None or written is None or dealloc is None or made is None:
        return None
    edits = [flag, *written, *dealloc, *made]
    return Unsafe(edits) if isinstance(written, Unsafe) else edits


@fixer("HL202")
def traverse_written(fixing: Fixing) -> list[Edit] | None:
    """Traverse, and clear where there is none."""
    life = fixing.life()
    if life is None or life.made.bases or life.made.bases_unknown:
        return None
    return _protocol(fixing, life)


@fixer("HL210")
def clear_written(fixing: Fixing) -> list[Edit] | None:
    """Clear, behind the traverse and for what that visits."""
    life = fixing.life()
    traverse = life.function("tp_traverse") if life is not None else None
    slot = life.made.slot("tp_traverse") if life is not None else None
    if life is None or traverse is None or slot is None or traverse.path != fixing.report.place.path:
        return None
    members = _members(life)
    name = _free_name(fixing, traverse.name, "clear")
    entry = _entry(fixing, life.made, slot, "tp_clear", name)
    if not members or entry is None or not place.has_own_body(fixing.data, traverse):
        return None
    at = place.line_end(fixing.data, traverse.body.end)
    return Unsafe([entry, Edit(traverse.path, at, at, "\n" + _clear(life, name, members, place.step(fixing.data)))])


def _protocol(fixing: Fixing, life: Life) -> list[Edit] | None:
    """The functions in front of the type's table, and their entries in it."""
    made, data = life.made, fixing.data
    members = _members(life)
    anchor = _anchor(made, data)
    if members is None or anchor is None or made.slots_unknown or (made.struct is None and made.kind == "heap"):
        return None
    head = _head_of_table(fixing, made)
    if head is None:
        return None
    stem = anchor.function if anchor.name == "tp_dealloc" else made.symbol
    traverse, clear = _free_name(fixing, stem, "traverse"), _free_name(fixing, stem, "clear")
    functions = _traverse(life, traverse, members, fixing.oldest, place.step(data)) + "\n"
    added = [("tp_traverse", traverse)]
    if members and "tp_clear" not in made.slots:
        functions += _clear(life, clear, members, place.step(data)) + "\n"
        added.append(("tp_clear", clear))
    entries = [_entry(fixing, made, anchor, slot, name) for slot, name in added]
    if any(entry is None for entry in entries):
        return None
    text = "".join(entry.text for entry in entries if entry is not None)
    first = entries[0]
    assert first is not None
    edits = [Edit(first.path, head, head, functions), Edit(first.path, first.start, first.end, text)]
    return Unsafe(edits) if len(added) > 1 else edits


def _members(life: Life) -> list[OwnedMember] | None:
    """The members that traverse has to visit; None when some cannot be written as one line each."""
    found = [member for member in life.members if life.owned(member.path) and life.needs_visit(member)]
    return found if all(reaches(life, member) for member in found) else None


def _anchor(made: TypeDef, data: bytes) -> SlotDef | None:
    """The entry that new ones stand behind: dealloc's, else the last; one that is there in every reading."""
    table = made.slots_place if made.is_spec else made.place
    slots = [
        slot for slot in made.slots.values()
        if not slot.runtime and table is not None and slot.place.path == table.path
        and place.is_unconditional(data, table.start, slot.place.start)
    ]
    return next((slot for slot in slots if slot.name == "tp_dealloc"), slots[-1] if slots else None)


def _entry(fixing: Fixing, made: TypeDef, anchor: SlotDef, slot: str, function: str) -> Edit | None:
    """A slot with a function, behind another entry of the same table."""
    if anchor.runtime or anchor.place.path != fixing.report.place.path:
        return None
    data = fixing.data
    if made.is_spec:
        start = anchor.place.start
        value = f"(void *){function}" if anchor.place.path.endswith(CPLUSPLUS_SUFFIXES) else function
        space = " " if data[start + 1 : start + 2] == b" " else ""
        text = f"{{{space}Py_{slot}, {value}{space}}}"
        if data[start : start + 1] != b"{" or data[anchor.place.end - 1 : anchor.place.end] != b"}":
            return None
    else:
        start = place.line_start(data, anchor.place.start)
        text = f".{slot} = {function}"
        if not data[start : anchor.place.start].lstrip().startswith(b"." + anchor.name.encode()):
            return None
    comma = place.COMMA.match(data, anchor.place.end)
    if comma is None or not place.starts_line(data, start):
        return None
    lead, end = place.indent(data, start), place.line_end(data, comma.end())
    rest = data[comma.end() : end].strip()
    if rest and not (rest.startswith(b"//") or (rest.startswith(b"/*") and rest.endswith(b"*/"))):
        return Edit(anchor.place.path, comma.end(), comma.end(), f"\n{lead}{text},")
    return Edit(anchor.place.path, end, end, f"{lead}{text},\n")


def _head_of_table(fixing: Fixing, made: TypeDef) -> int | None:
    """Where a function may be put in front of a type's table and the comment above it."""
    where = made.slots_place if made.is_spec else made.place
    text = fixing.unit.text_of(fixing.report.place.path)
    if where is None or where.path != fixing.report.place.path or text is None:
        return None
    item = text.item_at(where.start)
    if item is None or item.kind == "function":
        return None
    data, code = fixing.data, text.code
    start = item.start + len(code[item.start : item.end]) - len(code[item.start : item.end].lstrip())
    if not place.starts_line(code, start):
        return None
    head = place.line_start(data, start)
    while head > 0:
        above = place.line_start(data, head - 1)
        if code[above:head].strip() or not data[above:head].strip() or data[above:head].lstrip().startswith(b"#"):
            break
        head = above
    return head


def _free_name(fixing: Fixing, stem: str, suffix: str) -> str:
    """A name for a new function that nothing in the unit has."""
    base = _SUFFIX.sub("", stem) or stem
    name, number = f"{base}_{suffix}", 2
    while any(next(text.mentions(name), None) is not None for text in fixing.unit.texts):
        name, number = f"{base}_{suffix}{number}", number + 1
    return name


def _struct_name(life: Life) -> str:
    basicsize = ir.strip(life.made.basicsize) if life.made.basicsize is not None else None
    if isinstance(basicsize, ir.SizeOf) and basicsize.type is not None:
        return basicsize.type.base
    return life.made.struct.name if life.made.struct is not None else ""


def _opening(life: Life, members: list[OwnedMember], lead: str) -> tuple[str, str]:
    """The name of the instance's parameter, and the line that casts it when members are used."""
    if not members:
        return "self", ""
    name = _struct_name(life)
    return "op", f"{lead}{name} *self = ({name} *)op;\n"


def _traverse(life: Life, name: str, members: list[OwnedMember], oldest: tuple[int, int], lead: str) -> str:
    parameter, cast = _opening(life, members, lead)
    lines = visit_type("self", oldest) if life.made.kind == "heap" else []
    lines += [f"Py_VISIT(self->{member.path});" for member in members]
    body = "".join(f"{line}\n" if line.startswith("#") else f"{lead}{line}\n" for line in lines)
    return (
        f"static int\n{name}(PyObject *{parameter}, visitproc visit, void *arg)\n{{\n{cast}{body}{lead}return 0;\n}}\n"
    )


def _clear(life: Life, name: str, members: list[OwnedMember], lead: str) -> str:
    _, cast = _opening(life, members, lead)
    body = "".join(f"{lead}Py_CLEAR(self->{member.path});\n" for member in members)
    return f"static int\n{name}(PyObject *op)\n{{\n{cast}{body}{lead}return 0;\n}}\n"


def _collected_dealloc(fixing: Fixing, life: Life) -> list[Edit] | None:
    """A dealloc that untracks and frees as the collector's objects are freed."""
    if life.made.slot("tp_dealloc") is None:
        return []
    function, data = life.function("tp_dealloc"), fixing.data
    if function is None or function.path != fixing.report.place.path or not place.has_own_body(data, function):
        return None
    if not self_name(function):
        return None
    trace = life.tracer.subject(function)
    edits = untracked(life, function, data)
    if edits is None or not trace.complete:
        return None
    for event in trace.of("free"):
        if event.detail in family("plain-free"):
            edit = place.renamed(function.path, data, event.place, event.detail, "PyObject_GC_Del")
            if edit is None:
                return None
            edits.append(edit)
    return edits


def _collected_instances(fixing: Fixing, life: Life) -> list[Edit] | None:
    """Instances made with the collector's header, and tracked before they are returned.

    What another file makes is that file's: HL205 finds it in the next round.
    """
    edits: list[Edit] = []
    key = key_of_type(life.made)
    for unit in fixing.unit.group.units:
        for one in allocations(unit):
            if one.made is None or key_of_type(one.made) != key:
                continue
            if one.how in family("init"):
                return None  # the memory came from elsewhere
            if one.how not in family("plain-new"):
                continue
            if one.place.path != fixing.report.place.path:
                return None
            new = "PyObject_GC_NewVar" if one.how.lower().endswith("var") else "PyObject_GC_New"
            renamed = place.renamed(one.place.path, fixing.data, one.place, one.how, new)
            tracking = track_before_returns(one.function, one.variable, fixing.data) if one.variable else None
            if renamed is None or tracking is None:
                return None
            edits += [renamed, *tracking]
    return list(dict.fromkeys(edits))
