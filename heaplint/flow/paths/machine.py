"""The abstract machine: what single operations do to a state, and what is reported when one goes wrong."""

from __future__ import annotations

from collections.abc import Sequence

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.flow.paths.code import Code, Operand, Ref, Symbol, Text
from heaplint.flow.paths.contract import Contract
from heaplint.flow.paths.summary import Effect, Summary
from heaplint.flow.paths.values import (
    ASSIGNED,
    CLEAR,
    DANGLING,
    DEAD,
    DOUBTFUL_NULL,
    DOUBTFUL_NUMBER,
    ESCAPED,
    GENERATIONS,
    HELD,
    LITERAL,
    NEGATIVE,
    NULL,
    POSITIVE,
    SET,
    STALE,
    STOLEN,
    STORED,
    TAKEN,
    UNINITIALIZED,
    UNKNOWN,
    USED,
    ZERO,
    Known,
    Site,
    State,
    Step,
    Value,
    as_value,
    is_literal,
    is_null,
)
from heaplint.records import dataclass

_MAX_OWNED = 3
_CONVERTS = ("PyLong_As", "PyFloat_As", "PyNumber_As")
_MAX_OF_CONSTANT = 12
FROM_ELSEWHERE = re.compile(r"(?:Py\w+_Get(?:Item|Attr)|PyObject_GenericGetAttr|_?PyObject_Lookup|PyMapping_Get|_PyImport_GetModuleAttr)\w*")
"""What these give has an owner elsewhere, which keeps it alive most likely."""
_AT_ONCE = 100
"""In bytes: a release so close behind the call makes the reference a borrowed one, on purpose."""
_NO_USE = frozenset({"Py_DECREF", "Py_XDECREF", "Py_INCREF", "Py_XINCREF"})
_LOSABLE = frozenset({"new", "memory", "buffer", "parameter", "borrowed"})
_PASSED_ON = frozenset({"new", "borrowed", "interior", "memory"})


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A defect as the machine met it."""

    rule: str
    node: ir.Node
    item: str
    """The variable, member or callee concerned."""
    site: Site | None
    trace: Step | None
    length: int
    detail: str = ""
    """What the message needs besides: a callee, a variable."""


class Machine:
    """Runs one function; collects what goes wrong."""

    def __init__(self, code: Code, contract: Contract | None) -> None:
        self.code = code
        self.contract = contract
        self.sites: list[Site] = []
        self._by_node: dict[tuple[int, str], Site] = {}
        self.drafts: dict[tuple[object, ...], Draft] = {}
        self.silent: dict[tuple[int, str], Draft] = {}
        """Ways on which a failure is returned without an exception, after which call: for callers to complain of."""
        self.left: dict[tuple[int, int], Draft] = {}
        """Where a failure is returned although a new reference lies where a parameter points."""
        self.lent_returns: list[Draft] = []
        """Where a helper returns what it only borrowed; a defect when elsewhere it returns new references."""
        self.returns_new = False
        self.exits: list[tuple[int, int, bool, ir.Node, Step | None, int]] = []
        """For each way out of a helper and each parameter: the references given up, and whether the function failed."""
        self.calls_program = False
        """It calls functions of the program, or ones that nothing is known of."""
        self.calls_python = False
        """It calls functions of the C API that set an exception when they fail."""
        self.in_loop = False
        """The block at hand lies in a loop, which may not run where a variable is still NULL."""
        self.optional: set[str] = set()
        """The variables of optional arguments that are parsed."""
        self.remembers = False
        """Some keys stand for what an accessor gives for its arguments."""
        self.raises = False
        """On some way a failure is returned with an exception."""
        self.taken_at: dict[int, ir.Node] = {}
        """Value → where a reference to it was last taken."""
        self.released_at: dict[int, ir.Node] = {}
        self.given_at: dict[int, ir.Node] = {}
        self.kept_if: dict[int, list[int]] = {}
        """Result of a call → the arguments that it keeps when it does not fail."""
        self.shared = False
        """The object that is the first parameter was handed to a function that may change it."""
        self.again: dict[int, ir.Node] = {}
        """Value → where a second tp_init puts it over what a member held."""
        self.moved: dict[int, tuple[list[str], str]] = {}
        """Result of a realloc → the keys that held the old block, and the function."""
        self.effects: dict[int, tuple[Summary, Sequence[Sequence[Effect]]]] = {}
        """Of the summaries that were met, by identity, what happens to the arguments in each outcome."""
        self.tested: set[int] = set()
        """The sites of values that are compared with NULL somewhere."""
        self.needed: set[int] = set()
        """The sites of parameters that were followed, or handed to what takes no NULL, before any test."""
        self.runs_python = False
        """It calls what may run Python code and wants no exception pending."""

    # -- values ----------------------------------------------------------------------------------------------------

    def site(
        self, kind: str, name: str, node: ir.Node, *, fails: int = 0, failure: str = "never", domain: str = "",
        ages: bool = False,
    ) -> Site:
        """The origin of values that a node makes; `name` tells apart several of one node."""
        key = (id(node), name + kind)
        known = self._by_node.get(key)
        if known is None:
            known = self._by_node[key] = Site(len(self.sites), kind, name, node, fails, failure, domain, ages)
            self.sites.append(known)
        return known

    def origin(self, vid: int) -> Site:
        """Where a value came from."""
        return self.sites[vid // GENERATIONS]

    def fresh(self, state: State, site: Site, mask: int, owned: int, bits: int = 0, source: int = -1) -> int:
        """A new value of an origin."""
        first = site.index * GENERATIONS
        values = state.values
        vid = first
        while vid in values:
            vid += 1
            if vid == first + GENERATIONS - 1:
                bits |= ESCAPED  # too many at a time: nothing is said of this one
                break
        if not site.owns:
            bits |= USED  # it is only asked of what the function owns
        values[vid] = (mask, owned, bits, source)
        self.taken_at.pop(vid, None)
        return vid

    def read(self, state: State, operand: Operand) -> Known | None:
        """What an operand holds; None for what is not followed."""
        if type(operand) is str:
            known = state.env.get(operand)
            return LITERAL if known is None and operand.startswith("Py_RETURN_") else known
        if type(operand) is int:
            return (operand,)
        if operand is None:
            return None
        if type(operand) is Symbol:
            return ("symbol", operand.name)
        return ("literal", operand.key) if type(operand) is Ref else LITERAL

    def name_of(self, state: State, vid: int) -> str:
        """How the function calls a value: a variable, else a path, else nothing."""
        best = ""
        for key, value in state.env.items():
            if value == vid and type(value) is int and key[0] not in "%?@=":
                if key in self.code.local:
                    return key
                best = best or key
        return best

    # -- names get and lose values -----------------------------------------------------------------------------------

    def bind(self, state: State, key: str, new: Known | None, node: ir.Node) -> None:
        """Let a key hold something else; what it held may be lost."""
        env = state.env
        if self.remembers:
            for one in [one for one in env if one[0] == "=" and key in one]:
                held = env.pop(one)
                if type(held) is int and held != new:
                    self.drop(state, held, node, "")
        old = env.get(key)
        if new is None:
            env.pop(key, None)
        else:
            env[key] = new
        dependents = self.code.dependents.get(key)
        if dependents is not None:
            for one in dependents:
                gone = env.get(one)
                if gone is None:
                    continue
                del env[one]
                if type(gone) is int and gone != new:
                    self.drop(state, gone, node, "")
        if type(old) is int and old != new:
            self.drop(state, old, node, key)
        if type(new) is int and new in self.moved:
            self.moved_to(state, key, new, node)

    def moved_to(self, state: State, key: str, vid: int, node: ir.Node) -> None:
        """The result of a realloc goes to a key: the old block is lost in a failure when nothing else held it."""
        keys, callee = self.moved[vid]
        if keys == [key] and state.values[vid][0] & ZERO:
            self.report("HL503", node, key, self.origin(vid), state, callee)

    def drop(self, state: State, vid: int, node: ir.Node, name: str) -> None:
        """A key no longer holds a value; without another one the value is gone."""
        if vid in state.env.values():
            return
        value = state.values.get(vid)
        if value is None:
            return
        kind = self.sites[vid // GENERATIONS].kind
        if kind == "constant" or (kind == "parameter" and value[1] <= 0):
            return  # it is there under another name; what became of an argument is for the caller to know
        del state.values[vid]
        if value[1] > 0 and not value[2] & ESCAPED:
            self.lose(state, vid, value, node, name)

    def lose(self, state: State, vid: int, value: Value, node: ir.Node, name: str) -> None:
        """The last name of something owned is gone."""
        site = self.origin(vid)
        if site.kind not in _LOSABLE or value[0] == ZERO:
            return
        if not site.owns and (not name or name[0] == "%"):
            return  # taken without a name for it: for the place where it lies
        if site.kind != "buffer" and site.kind != "memory" and value[2] & TAKEN and site.kind == "new" and vid in self.taken_at:
            self.report("HL412", self.taken_at[vid], name or site.name, site, state, name)
            return
        if site.kind == "buffer":
            self.report("HL504", node, site.name, site, state)
        elif site.kind == "memory":
            self.report("HL509", node, name if name and name[0] != "%" else site.name, site, state)
        elif name and name[0] != "%":
            self.report("HL402", node, name, site, state)
        else:
            self.report("HL401", site.node, site.name, site, state, "temporary")

    def report(
        self, rule: str, node: ir.Node, item: str, site: Site | None, state: State, detail: str = ""
    ) -> None:
        """Remember a defect; of several ways to the same one the shortest."""
        key = (rule, id(node), item)
        known = self.drafts.get(key)
        if known is None or state.length < known.length:
            self.drafts[key] = Draft(rule, node, item, site, state.trace, state.length, detail)

    # -- use -------------------------------------------------------------------------------------------------------

    def use(self, state: State, operand: Operand, known: Known | None, node: ir.Node, callee: str, needed: bool) -> None:
        """A value is handed to a call or followed; `needed`: it must not be NULL."""
        if type(known) is int:
            value = state.values[known]
            mask, owned, bits, source = value
            if not bits & USED and callee not in _NO_USE:
                bits |= USED
                state.values[known] = (mask, owned, bits, source)
            if bits & (DEAD | STALE) and mask != ZERO:
                if bits & DEAD:
                    item = self.item(state, operand, known)
                    self.report("HL407" if bits & STOLEN else "HL403", node, item, self.origin(known), state, callee)
                else:
                    self.report("HL409", node, self.item(state, operand, known), self.origin(known), state, callee)
                state.values[known] = as_value(mask, owned, (bits & ~(DEAD | STALE)) | ESCAPED, source)
                bits = state.values[known][2]
            if needed and mask & ZERO:
                self.needs(state, operand, known, mask, node, callee)
        elif known is UNINITIALIZED:
            self.uninitialized(state, operand, node)
        elif (
            needed and not self.in_loop and is_null(known) and type(operand) is str and operand in self.code.local
            and (callee in _NO_USE or (isinstance(known, tuple) and known[-1] == ASSIGNED))
        ):
            self.report("HL501", node, operand, None, state, callee)
            state.env.pop(operand, None)
            state.exc = UNKNOWN

    def needs(self, state: State, operand: Operand, vid: int, mask: int, node: ir.Node, callee: str) -> None:
        """A value that may be NULL stands where none may be."""
        site = self.origin(vid)
        tested = site.kind == "unknown" and site.fails and not site.name.startswith("Py")
        if site.failure == "quiet":
            pass  # a helper's NULL that is no failure: something else may tell the caller of it
        elif (site.kind in _PASSED_ON and (mask == ZERO or site.failure != "never")) or (tested and site.failure != "never"):
            self.report("HL501", node, self.item(state, operand, vid), site, state, callee)
        elif site.kind == "parameter":
            if site.index not in self.tested:
                self.needed.add(site.index)
            if self.contract is not None and site.index in self.contract.nullable:
                self.report("HL501", node, self.item(state, operand, vid), site, state, callee)
        _, owned, bits, source = state.values[vid]
        state.values[vid] = (POSITIVE, owned, bits, source)
        if mask == ZERO:  # the program ends here
            state.exc = UNKNOWN
            self.mark(state, vid, ESCAPED)
        self.settle(state, vid, POSITIVE)

    def item(self, state: State, operand: Operand, vid: int) -> str:
        """The subject of a report about a value."""
        if type(operand) is str and operand[0] != "%":
            return operand
        return self.name_of(state, vid) or self.origin(vid).name

    def uninitialized(self, state: State, operand: Operand, node: ir.Node) -> None:
        """A variable is used that has no value on this path."""
        if type(operand) is str:
            variable = self.code.local.get(operand)
            if variable is not None and (variable.type.pointers or operand in self.optional):  # compilers see to numbers
                self.report("HL505", node, operand, None, state)
            state.env.pop(operand, None)

    # -- references ------------------------------------------------------------------------------------------------

    def acquire(self, state: State, vid: int, node: ir.Node) -> None:
        """One more reference is owned."""
        mask, owned, bits, source = state.values[vid]
        if mask == ZERO:
            return
        most = _MAX_OF_CONSTANT if self.origin(vid).kind == "constant" else _MAX_OWNED
        state.values[vid] = as_value(mask, min(owned + 1, most), (bits | TAKEN) & ~STALE, source)
        self.taken_at[vid] = node
        if vid in self.again:
            self.report("HL411", self.again[vid], self.origin(vid).name.rpartition(" ")[2], self.origin(vid), state)

    def release(self, state: State, operand: Operand, vid: int, node: ir.Node) -> None:
        """One reference is given up."""
        mask, owned, bits, source = state.values[vid]
        site = self.origin(vid)
        if mask == ZERO:
            return
        if bits & DEAD:
            self.report("HL407" if bits & STOLEN else "HL406", node, self.item(state, operand, vid), site, state)
            state.values[vid] = as_value(mask, 0, (bits & ~DEAD) | ESCAPED, source)
            return
        if owned > 0:
            owned -= 1
            at_once = not bits & USED and 0 <= node.start - site.node.start < _AT_ONCE
            if owned == 0 and site.owns and not bits & (HELD | ESCAPED) and at_once:
                bits |= ESCAPED  # given up before it was of any use: somebody else is known to keep it
            elif owned == 0 and site.owns and not bits & (HELD | ESCAPED):
                bits |= DEAD
                self.released_at[vid] = node
                if not FROM_ELSEWHERE.fullmatch(site.name):
                    self.orphan(state, vid)
            state.values[vid] = as_value(mask, owned, bits, source)
            return
        if bits & ESCAPED:
            return
        if bits & STOLEN and site.kind == "new" and not bits & STORED:
            self.report("HL407", node, self.item(state, operand, vid), site, state)
            bits |= ESCAPED
        elif not bits & STORED and self.lent(site, owned):
            self.report("HL404", node, self.item(state, operand, vid), site, state)
            bits |= ESCAPED
        elif site.kind == "parameter" and site.index > 0 and owned < 0 and not bits & (STORED | STOLEN | TAKEN):
            self.report("HL406", node, self.item(state, operand, vid), site, state)
            bits |= ESCAPED
        elif site.kind == "field" and "[" in site.name and not bits & (TAKEN | STOLEN | HELD):
            bits |= DEAD  # it was taken out of an array, and the array's reference is released
            self.released_at[vid] = node
        elif site.kind in ("field", "global") and type(operand) is str and operand[0] == "%":
            bits |= DANGLING
            self.released_at[vid] = node
        state.values[vid] = as_value(mask, owned - 1, bits, source)

    def lent(self, site: Site, owned: int) -> bool:
        """Whether a value is surely somebody else's, so that a release of it is one too many."""
        if owned < 0:  # it was stored: the reference that is released may be the one of the place it is stored in
            return False
        if site.kind == "parameter":  # a helper may take over what it is given, what the interpreter calls may not
            contract = self.contract
            return contract is not None and contract.lends and (site.index > 0 or contract.executes)
        replaced = site.name.endswith("_GET_ITEM") and any(one.endswith("_SET_ITEM") for one in self.code.callees)
        return site.kind == "borrowed" and not replaced

    def may_change(self, vid: int, value: Value | None) -> bool:
        """Whether code elsewhere can change a container: not one that this call alone has."""
        if vid < 0:
            return True
        site = self.origin(vid)
        if site.kind == "parameter":  # the keywords of a call are a dictionary of its own
            return not (site.index == 2 and (self.contract is not None or site.name.startswith("kw")))
        return value is None or value[1] <= 0 or site.name.startswith("PySequence_Fast")

    def orphan(self, state: State, vid: int) -> None:
        """An object is gone, and with it what was only borrowed from it."""
        for other, (mask, owned, bits, source) in list(state.values.items()):
            kept = bits & HELD and not bits & STOLEN
            kind = self.origin(other).kind
            if mask == ZERO or (kind not in ("borrowed", "interior", "new") and not self.origin(other).ages):
                continue
            if source == vid and owned <= 0 and not kept and not bits & (ESCAPED | TAKEN) and other != vid:
                state.values[other] = (mask, owned, (bits & ~(STOLEN | HELD)) | DEAD, source)

    def give(self, state: State, vid: int, bit: int) -> None:
        """A reference goes to something that keeps it."""
        mask, owned, bits, source = state.values[vid]
        if mask != ZERO:
            state.values[vid] = as_value(mask, max(owned - 1, -2), bits | bit | HELD, source)

    def steal(self, state: State, operand: Operand, vid: int, node: ir.Node, consumed: bool, keeper: int = -1) -> None:
        """A call takes over a reference for `keeper`; `consumed`: it does not keep the object."""
        mask, owned, bits, source = state.values[vid]
        site = self.origin(vid)
        if mask == ZERO or bits & ESCAPED:
            return
        if owned <= 0 and bits & STOLEN and not bits & (STORED | TAKEN) and site.kind == "new":
            self.report("HL407", node, self.item(state, operand, vid), site, state, "again")
            self.mark(state, vid, ESCAPED)
            return
        self.given_at[vid] = node
        if consumed and owned == 1 and site.kind == "new" and not bits & HELD:
            state.values[vid] = (mask, 0, bits | STOLEN | DEAD, source)
        else:
            self.give(state, vid, STOLEN)
            if keeper >= 0 and site.kind == "new" and not bits & HELD:
                mask, owned, bits, _ = state.values[vid]
                state.values[vid] = (mask, owned, bits, keeper)

    def unbuffer(self, state: State, key: str, node: ir.Node) -> None:
        """A local Py_buffer is given back."""
        view = state.env.get("&" + key)
        if view is UNINITIALIZED:
            self.report("HL505", node, key, None, state)
        if type(view) is int:
            mask, _, bits, source = state.values[view]
            state.values[view] = (mask, 0, bits, source)
        if view is not None:
            self.bind(state, "&" + key, None, node)
        self.bind(state, key + ".obj", NULL, node)

    def mark(self, state: State, vid: int, bit: int) -> None:
        """Set a bit of a value, if it is still there."""
        value = state.values.get(vid)
        if value is not None:
            mask, owned, bits, source = value
            state.values[vid] = as_value(mask, owned, bits | bit, source)

    def expose(self, state: State, key: str, node: ir.Node) -> None:
        """The address of a key went where it is not followed."""
        env = state.env
        for one in (key, *self.code.dependents.get(key, ())):
            known = env.get(one)
            env.pop(one, None)
            if type(known) is int:
                self.mark(state, known, ESCAPED)
                self.drop(state, known, node, "")
        view = env.get("&" + key)
        if type(view) is int:
            self.mark(state, view, ESCAPED)
        self.reached(state, key)

    def reached(self, state: State, key: str) -> None:
        """The address of a part of an object went where it is not followed: so did the object."""
        root, arrow, _ = key.partition("->")
        if arrow and type(known := state.env.get(root)) is int:
            self.mark(state, known, ESCAPED | HELD)

    def escape(self, state: State, operand: Operand, known: Known | None, node: ir.Node) -> None:
        """An operand went where it is not followed."""
        if type(operand) is Ref:
            self.expose(state, operand.key, node)
        elif type(known) is int:
            self.mark(state, known, ESCAPED | HELD)

    # -- what a value turns out to be --------------------------------------------------------------------------------

    def refine(self, state: State, vid: int, mask: int) -> bool:
        """Learn what a value is; False when it cannot be that."""
        old, owned, bits, source = state.values[vid]
        new = old & mask
        if not new:
            return False
        if new != old:
            if new == ZERO and self.origin(vid).kind != "buffer":
                owned = 0
            state.values[vid] = (new, owned, bits, source)
            self.settle(state, vid, new)
        return True

    def settle(self, state: State, vid: int, mask: int) -> None:
        """What a value's failure or success says of the exception."""
        site = self.origin(vid)
        if site.kind == "occurred":
            if mask == ZERO:
                pending = state.exc
                if isinstance(pending, frozenset):
                    for one in pending:
                        if (value := state.values.get(one)) is not None:
                            left = value[0] & ~self.origin(one).fails
                            if left:
                                state.values[one] = (left, *value[1:])
                elif pending == UNKNOWN:  # what raises when it fails did not fail
                    for one, value in list(state.values.items()):
                        other = self.origin(one)
                        if other.failure == "raises" and value[0] & other.fails and (left := value[0] & ~other.fails):
                            state.values[one] = (left, *value[1:])
                state.exc = CLEAR
            else:
                if isinstance(state.exc, frozenset) and len(state.exc) == 1:
                    failed = next(iter(state.exc))
                    state.exc = SET
                    if failed in state.values:
                        self.refine(state, failed, self.origin(failed).fails)
                state.exc = SET
            return
        if site.kind == "matches":
            if not mask & ZERO and not isinstance(state.exc, frozenset):
                state.exc = SET
            return
        if not site.fails:
            return
        exc = state.exc
        if not mask & ~site.fails:  # it failed
            pending = exc == UNKNOWN or (isinstance(exc, frozenset) and vid in exc)
            for kept in self.kept_if.get(vid, ()):
                if (value := state.values.get(kept)) is not None:
                    mask_, owned, bits, source = value
                    gone = owned == 0 and self.origin(kept).owns and not bits & (STOLEN | ESCAPED) and bits & HELD
                    state.values[kept] = (mask_, owned, (bits & ~HELD) | (DEAD if gone else 0), source)
            if site.failure == "raises":
                if pending and exc != UNKNOWN:
                    state.exc = SET
            elif site.failure == "maybe" and pending and exc != UNKNOWN:
                state.exc = DOUBTFUL_NULL if site.kind != "number" else DOUBTFUL_NUMBER if site.name.startswith(_CONVERTS) else UNKNOWN
        elif not mask & site.fails and isinstance(exc, frozenset) and vid in exc:
            left_over = exc - {vid}
            state.exc = left_over or CLEAR

    def pend(self, state: State, vid: int) -> None:
        """An exception is set if this value turns out to be a failure."""
        exc = state.exc
        if isinstance(exc, frozenset):
            state.exc = exc | {vid}
        elif exc == CLEAR:
            state.exc = frozenset((vid,))


def mask_of(known: Known | None, state: State) -> int:
    """What an operand may be."""
    if type(known) is int:
        return state.values[known][0]
    if isinstance(known, tuple):
        first = known[0]
        if isinstance(first, int):
            return ZERO if first == 0 else POSITIVE if first > 0 else NEGATIVE
        return POSITIVE if is_literal(known) else ZERO | POSITIVE | NEGATIVE
    return ZERO | POSITIVE | NEGATIVE


def spelled(operand: Operand) -> str:
    """How an operand that is a variable is spelled."""
    if type(operand) is Ref:
        return operand.key
    if type(operand) is Text:
        return operand.text
    return operand if type(operand) is str and operand[0] != "%" else ""
