"""Runs a function's blocks over abstract states, each way on by itself, until nothing new comes up."""

from __future__ import annotations

import heapq
from collections import defaultdict

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.flow.paths.calls import Lookup, call
from heaplint.flow.paths.code import (
    CALL,
    DECLARE,
    DEREF,
    END,
    ESCAPE,
    EXPOSE,
    FORGET,
    LOAD,
    SET,
    SKIPPED,
    STORE,
    Branch,
    Choice,
    Code,
    Leave,
    Operand,
    Ref,
)
from heaplint.flow.paths.comparisons import masks
from heaplint.flow.paths.contract import Contract
from heaplint.flow.paths.exits import NUMBERS, check, lost, outcome_of, silent
from heaplint.flow.paths.liveness import root_of
from heaplint.flow.paths.machine import Machine, mask_of
from heaplint.flow.paths.points import Point
from heaplint.flow.paths.summary import Outcome
from heaplint.flow.paths.values import (
    ANYTHING,
    ASSIGNED,
    CLEAR,
    DANGLING,
    ESCAPED,
    FAILED,
    GENERATIONS,
    HELD,
    NEGATIVE,
    NULL,
    POSITIVE,
    SOMETHING,
    STOLEN,
    STORED,
    UNINITIALIZED,
    UNKNOWN,
    USED,
    ZERO,
    Known,
    State,
    is_literal,
    is_null,
)
from heaplint.flow.paths.values import (
    SET as RAISED,
)
from heaplint.model.expressions import COMPARISONS
from heaplint.records import dataclass

MAX_STEPS = 3000
"""How many blocks, counted once for each state, one function may take."""
MAX_SPLITS = 150
"""How often calls in one block, from one state on, may end in several ways."""
MAX_BLOCKS = 1500
_OF_PROGRAM = re.compile(r"(?!_?Py|tp_)\w")
_SINGLETONS = frozenset({"Py_None", "Py_True", "Py_False", "Py_NotImplemented", "Py_Ellipsis"})
_MAIN = frozenset({"main", "wmain", "WinMain", "wWinMain"})
_DEAL_WITH_ERRORS = frozenset({
    "PyErr_Occurred", "PyErr_Clear", "PyErr_Fetch", "PyErr_GetRaisedException", "PyErr_Print", "PyErr_WriteUnraisable",
})
"""Functions that call one of these may look at the error of an earlier call in this way."""


@dataclass(slots=True, eq=False)
class Run:
    """What came of running a function."""

    machine: Machine
    outcomes: set[Outcome]
    complete: bool
    """False when a bound was met: some ways were not gone."""


class _Interpreter:
    def __init__(self, code: Code, lookup: Lookup, contract: Contract | None, owner: bool) -> None:
        self.code = code
        self.owner = owner
        """The first parameter is an object, which other code can look into."""
        self.lookup = lookup
        self.contract = contract
        self.machine = Machine(code, contract)
        self.outcomes: set[Outcome] = set()
        self.reports_errors = (code.returns_object or code.function.returns.base == "int") and not code.callees & _DEAL_WITH_ERRORS
        self.arguments = sum(1 for one in code.function.parameters if one.name) * GENERATIONS
        """The values below this are the parameters'."""
        self.complete = True
        self.heads = [Point() for _ in code.blocks]
        self.between: defaultdict[tuple[int, int], Point] = defaultdict(Point)
        """The ends of statements in the middle of a block, behind a call with several outcomes."""
        self.waiting: dict[int, list[State]] = {}
        self.queue: list[tuple[int, int]] = []

    def run(self) -> Run:
        self.enter(0, self.start())
        steps = 0
        if len(self.code.blocks) > MAX_BLOCKS:
            self.queue.clear()
            self.complete = False
        while self.queue:
            _, index = heapq.heappop(self.queue)
            states = self.waiting.pop(index, [])
            for state in states:
                steps += 1
                if steps > MAX_STEPS:
                    return Run(self.machine, self.outcomes, False)
                self.block(index, state.copy())
        return Run(self.machine, self.outcomes, self.complete)

    def start(self) -> State:
        """The state at the head of the function: its parameters are lent to it."""
        state = State({}, {}, CLEAR, None, 0)
        for parameter in self.code.function.parameters:
            if parameter.name:
                site = self.machine.site("parameter", parameter.name, parameter)
                mask = ZERO | POSITIVE if parameter.type.pointers else ANYTHING
                state.env[parameter.name] = self.machine.fresh(state, site, mask, 0)
        return state

    def enter(self, index: int, state: State) -> None:
        """Come to a block: what is not read any more is forgotten, and a state that was here before goes no further."""
        live = self.code.live[index]
        env = state.env
        values = state.values
        for key in [one for one in env if one not in live]:
            held = env[key]
            if key[0] == "&":
                continue  # a buffer, until it is released
            if key[0] == "%":
                del env[key]
                if type(held) is int:
                    self.machine.drop(state, held, self.machine.origin(held).node, key)
                continue
            if type(held) is int:
                value = values[held]
                if value[1] > 0 and not value[2] & ESCAPED:
                    continue  # so that a leak can name it
                root = root_of(key)
                if root != key and root in live and "->" not in key and "*" not in key:
                    continue
            del env[key]
        arguments = self.arguments
        if len(values) > len(env) or len(values) > arguments:
            used = set(env.values())
            for vid in [one for one in values if one not in used]:
                mask, owned, bits, _ = values[vid]
                if (owned <= 0 or bits & ESCAPED) and (
                    vid >= arguments or (owned == 0 and not bits & ~USED and mask & (mask - 1))
                ):
                    del values[vid]
        exc = state.exc
        if isinstance(exc, frozenset):
            left = frozenset(one for one in exc if one in values)
            if len(left) < len(exc):
                state.exc = left if left else UNKNOWN
        point = self.heads[index]
        admitted = self.admit(point, state)
        if admitted is None:
            return
        waiting = self.waiting.get(index)
        if waiting is None:
            self.waiting[index] = [admitted]
            heapq.heappush(self.queue, (self.code.order[index], index))
            return
        if (gone := point.superseded) is not None:
            still = [one for one in waiting if one is not gone]
            if len(still) < len(waiting):
                point.admitted -= 1
                waiting[:] = still
        waiting.append(admitted)

    # -- blocks ------------------------------------------------------------------------------------------------------

    def block(self, index: int, first: State) -> None:
        block = self.code.blocks[index]
        ops = block.ops
        todo = [(first, 0)]
        machine = self.machine
        machine.in_loop = index in self.code.in_loop
        split, splits = False, 0
        while todo:
            state, at = todo.pop()
            split = split or bool(todo)
            env = state.env
            while at < len(ops):
                op = ops[at]
                at += 1
                kind = op[0]
                if kind == CALL:
                    if op[5] is not None:
                        machine.use(state, op[5], machine.read(state, op[5]), op[4], op[2], True)
                    states = call(machine, state, op, self.lookup)
                    if len(states) != 1:
                        splits += 1
                        if splits > MAX_SPLITS:
                            self.complete = False
                            del states[1:]
                        todo += [(one, at) for one in states[1:]]
                        if not states:
                            break
                        state = states[0]
                        env = state.env
                elif kind == LOAD:
                    self.load(state, op[1], op[2], op[3])
                elif kind == SET:
                    known = machine.read(state, op[2])
                    if known is UNINITIALIZED:
                        machine.uninitialized(state, op[2], op[3])
                        known = None
                    elif known == NULL and type(op[3]) is ir.Assign:
                        known = (0, ASSIGNED)
                    machine.bind(state, op[1], known, op[3])
                    if type(op[2]) is str and ("&" + op[2] in env or op[2].endswith(".obj")):
                        self.copied(state, op[2])
                    if "." in op[1]:
                        env.pop("&" + op[1].partition(".")[0], None)
                elif kind == DEREF:
                    known = env.get(op[1])
                    if known is not None:
                        machine.use(state, op[1], known, op[2], "", True)
                elif kind == END:
                    self.end(state, op[1])
                    if todo or split:
                        split = True
                        admitted = self.admit(self.between[index, at], state)
                        if admitted is None:
                            break
                        state = admitted.copy()
                        env = state.env
                elif kind == STORE:
                    self.store(state, op[1], op[2], op[3])
                elif kind == FORGET:
                    machine.bind(state, op[1], None, self.code.function.body)
                elif kind == DECLARE:
                    machine.bind(state, op[1], None if op[2].type.arrays or _aggregate(op[2]) else UNINITIALIZED, op[2])
                    if op[2].type.base == "Py_buffer" and not op[2].type.pointers:
                        env["&" + op[1]] = UNINITIALIZED
                elif kind == ESCAPE:
                    machine.escape(state, op[1], machine.read(state, op[1]), self.code.function.body)
                elif kind == EXPOSE:
                    machine.expose(state, op[1], op[2])
                elif kind == SKIPPED and is_null(env.pop(op[1], None)):
                    for name in op[2]:
                        held = env.get(name)
                        if held is UNINITIALIZED or (is_null(held) and self.code.local[name].type.pointers):
                            del env[name]
            else:
                self.go_on(state, block.end)

    def end(self, state: State, node: ir.Node) -> None:
        """A statement is over: results that nobody took are gone, and with them what they say of an exception."""
        env = state.env
        for key in [one for one in env if one[0] == "%"]:
            held = env.pop(key)
            if type(held) is int:
                self.ignored(state, held)
                self.machine.drop(state, held, node, key)
            elif isinstance(held, tuple) and held[-1] == FAILED and state.exc == RAISED:
                state.exc = UNKNOWN
        exc = state.exc
        if isinstance(exc, frozenset):
            left = frozenset(one for one in exc if one in state.values)
            if len(left) < len(exc):
                state.exc = UNKNOWN

    def ignored(self, state: State, vid: int) -> None:
        """Nobody looks at a result that says whether the call failed."""
        site = self.machine.origin(vid)
        if (
            site.kind == "number" and site.fails and site.failure == "raises" and state.values[vid][0] & site.fails
            and site.index not in self.machine.tested and self.reports_errors and vid not in state.env.values()
        ):
            self.machine.report("HL603", site.node, site.name, site, state)

    def admit(self, point: Point, state: State) -> State | None:
        """The state to go on with at a point, if any."""
        admitted = point.admit(state, self.arguments)
        if point.full:
            self.complete = False
        return admitted

    def load(self, state: State, into: str, key: str, node: ir.Node) -> None:
        """Read what outlives the function; reading it again gives the same."""
        machine = self.machine
        env = state.env
        known = env.get(key) if key else None
        if known is not None:
            machine.bind(state, into, known, node)
            return
        if key in _SINGLETONS or key.startswith("PyExc_"):
            site = machine.site("constant", key, self.code.function.body)
            vid = site.index * GENERATIONS
            if vid not in state.values:
                state.values[vid] = (POSITIVE, 0, HELD | USED, -1)
            machine.bind(state, into, vid, node)
            return
        plain = bool(key) and "->" not in key and key[0] not in "*%&" and "[" not in key and "." not in key
        source = env.get(root_of(key)) if key else None
        ages = bool(key) and "[" in key and self.of_list(key, source)
        site = machine.site("global" if plain else "field", key, node, ages=ages)
        vid = machine.fresh(state, site, ANYTHING, 0, 0, source if type(source) is int else -1)
        machine.bind(state, into, vid, node)
        if key and "[*]" not in key and "(" not in key:
            env[key] = vid

    def copied(self, state: State, key: str) -> None:
        """A struct is copied, or what a Py_buffer holds: the copy is released, perhaps."""
        view = state.env.pop("&" + key.removesuffix(".obj"), None)
        if type(view) is int:
            self.machine.mark(state, view, ESCAPED)
        if key in self.code.local and not self.code.local[key].type.pointers:
            for one in self.code.dependents.get(key, ()):
                if type(held := state.env.get(one)) is int:
                    self.machine.mark(state, held, ESCAPED)

    def of_list(self, key: str, source: Known | None) -> bool:
        """Whether a key names an item of a list."""
        if "->ob_item[" in key:
            declared = self.code.local.get(root_of(key))
            return declared is not None and declared.type.name == "PyListObject"
        return type(source) is int and self.machine.origin(source).kind == "interior" and self.machine.origin(source).ages

    def store(self, state: State, key: str, operand: Operand, node: ir.Node) -> None:
        """Write what outlives the function: it keeps the reference."""
        machine = self.machine
        known = machine.read(state, operand)
        if known is UNINITIALIZED:
            machine.uninitialized(state, operand, node)
            known = None
        env = state.env
        if type(operand) is str:
            self.copied(state, operand)
        elif type(operand) is Ref:
            machine.reached(state, operand.key)
        old = env.get(key) if key else None
        if type(old) is int and old != known:
            value = state.values[old]
            if value[2] & DANGLING:
                if self.shown(state, key) and not value[2] & ESCAPED:
                    machine.report("HL410", machine.released_at.get(old, node), key, machine.origin(old), state)
            else:
                machine.mark(state, old, ESCAPED)  # what the member held is the function's now, if it was the member's
        if type(known) is int:
            machine.use(state, operand, known, node, "", False)
            mask, owned, _bits, _ = state.values[known]
            first = old is None and owned > 0 and mask != ZERO and machine.origin(known).kind in ("new", "parameter", "borrowed")
            again = self.contract is not None and self.contract.initialises and self.of_self(state, key)
            if first and again and not self.looked_at(key):
                machine.report("HL411", node, key, machine.origin(known), state)
            machine.give(state, known, STORED)
        if key:
            for one in [one for one in env if one[0] == "?" and key.rpartition(">")[2] in one]:
                del env[one]
            if "[*]" in key:
                return
            machine.bind(state, key, known if known is not None or key[0] != "*" else SOMETHING, node)

    def of_self(self, state: State, key: str) -> bool:
        """Whether a key names a member of the object that is the first parameter."""
        root, arrow, member = key.partition("->")
        return bool(arrow) and "->" not in member and "[" not in member and state.env.get(root) == 0

    def looked_at(self, key: str) -> bool:
        """Whether the function tests a member of the object, or hands the object on, before it sets this one."""
        machine = self.machine
        root = key.partition(">")[0] + ">"
        return machine.shared or any(
            site.kind == "field" and site.name.startswith(root) and site.index in machine.tested for site in machine.sites
        )

    def shown(self, state: State, key: str) -> bool:
        """Whether other code can see a member: it is the object's, and the object is not on its way out."""
        if not self.owner or (self.contract is not None and self.contract.destroys):
            return False
        return self.of_self(state, key)

    # -- ends of blocks --------------------------------------------------------------------------------------------------

    def go_on(self, state: State, end: Branch | Choice | Leave | int | None) -> None:
        if type(end) is int:
            self.enter(end, state)
        elif isinstance(end, Branch):
            self.branch(state, end)
        elif isinstance(end, Leave):
            self.leave(state, end)
        elif isinstance(end, Choice):
            known = self.machine.read(state, end.subject)
            if type(known) is int:
                self.machine.tested.add(self.machine.origin(known).index)
            exact = self.constant(known)
            targets = [
                target for constant, target in end.cases if exact is None or constant == exact or type(constant) is not type(exact)
            ]
            if exact not in {constant for constant, _ in end.cases}:
                targets.append(end.default)
            else:
                targets = [target for constant, target in end.cases if constant == exact]
            named = type(end.subject) is str and end.subject in self.code.local
            for target in dict.fromkeys(targets):
                other = state.copy()
                constants = [constant for constant, one in end.cases if one == target]
                if named and exact is None and len(constants) == 1 and constants[0] is not None and target != end.default:
                    one = constants[0]  # from here on that is what it is
                    other.env[str(end.subject)] = ("symbol", one) if type(one) is str else (one,)
                self.enter(target, other)

    @staticmethod
    def constant(known: Known | None) -> int | str | None:
        """The number, or the name of one, that a key holds."""
        if isinstance(known, tuple):
            if type(known[0]) is int:
                return known[0]
            if known[0] == "symbol":
                return str(known[1])
        return None

    def branch(self, state: State, end: Branch) -> None:
        machine = self.machine
        left = machine.read(state, end.left)
        if left is UNINITIALIZED:
            machine.uninitialized(state, end.left, end.node)
            left = None
        right = end.right if type(end.right) is int else None
        exact = machine.read(state, end.right) if right is None else None
        if right is None and isinstance(exact, tuple) and type(exact[0]) is int:
            right = exact[0]
        if end.operator and right is not None:
            if left is None and type(end.left) is str and end.left[0] != "%" and end.left in self.code.live[end.then] | self.code.live[end.otherwise]:
                site = machine.site("unknown", end.left, end.node)
                left = machine.fresh(state, site, ANYTHING, 0, ESCAPED | HELD)
                state.env[end.left] = left
            if isinstance(left, tuple):
                if type(left[0]) is int:
                    truth = COMPARISONS[end.operator](left[0], right)
                    self.enter(end.then if truth else end.otherwise, state)
                    return
                if is_literal(left):
                    truth = masks(end.operator, right)[0] & POSITIVE != 0  # it is not NULL
                    self.enter(end.then if truth else end.otherwise, state)
                    return
            if type(left) is int and (-1 <= right <= 1 or end.text not in self.code.repeated):
                self.test(state, end, left, right)
                return
        elif end.operator in ("==", "!=") and type(left) is int and type(exact) is int and left == exact:
            self.enter(end.then if end.operator == "==" else end.otherwise, state)
            return
        elif end.operator in ("==", "!=") and (same := self.same(state, left, exact)) is not None:
            self.enter(end.then if same == (end.operator == "==") else end.otherwise, state)
            return
        elif end.operator in ("==", "!=") and isinstance(left, tuple) and type(left[0]) is int and type(exact) is int:
            mask = ZERO if left[0] == 0 else POSITIVE if left[0] > 0 else NEGATIVE
            if not state.values[exact][0] & mask:
                self.enter(end.then if end.operator == "!=" else end.otherwise, state)
                return
        self.recall(state, end)

    def same(self, state: State, left: Known | None, right: Known | None) -> bool | None:
        """Whether two pointers are the same; None for those of which it is not known."""
        if is_literal(left) and is_literal(right):
            return left == right
        names = self.constant(left), self.constant(right)
        if type(names[0]) is str and type(names[1]) is str:
            return names[0] == names[1]
        kinds = [self.machine.origin(one).kind if type(one) is int else "" for one in (left, right)]
        if kinds == ["constant", "constant"]:
            return left == right
        if type(left) is int and type(right) is int and not state.values[left][0] & state.values[right][0]:
            return False
        made = [kind for kind in kinds if kind in ("new", "memory")]
        if set(kinds) == {"parameter", "new"}:
            new = (left, right)[kinds.index("new")]
            if type(new) is int and _OF_PROGRAM.match(self.machine.origin(new).name):
                return None  # a function of the program may well give back what it was given
        if len(made) == 1 and all(type(one) is int or is_literal(one) for one in (left, right)):
            return left == right
        alone = left if type(left) is int and right is None else right if type(right) is int and left is None else None
        if made and alone is not None:
            _, owned, bits, _ = state.values[alone]
            if owned > 0 and not bits & (ESCAPED | STORED | HELD):
                return False  # the function alone has it
        return None

    def test(self, state: State, end: Branch, vid: int, constant: int) -> None:
        """Compare a value with a constant: each way learns what it is."""
        machine = self.machine
        site = machine.origin(vid)
        machine.tested.add(site.index)
        if (
            constant == 0 and end.operator in ("==", "!=") and state.values[vid][0] == ANYTHING and site.kind == "number"
            and site.failure == "raises" and type(end.left) is str and end.left[0] == "%"
        ):
            machine.report("HL603", end.node, site.name, site, state, "truth")
        for_true, for_false = masks(end.operator, constant)
        mask = state.values[vid][0]
        can_be = bool(mask & for_true), bool(mask & for_false)
        both = all(can_be)
        other = state.copy() if both else state
        if can_be[0]:
            if machine.refine(state, vid, for_true) and both:
                state.note(end.node, self.words(vid, state, end, True))
            self.enter(end.then, state)
        if can_be[1]:
            if machine.refine(other, vid, for_false) and both:
                other.note(end.node, self.words(vid, other, end, False))
            self.enter(end.otherwise, other)

    def words(self, vid: int, state: State, end: Branch, truth: bool) -> str:
        """What a test found out, in words."""
        site = self.machine.origin(vid)
        value = state.values.get(vid)
        if value is not None and site.fails and site.kind not in ("unknown",):
            if not value[0] & ~site.fails:
                return f"{site.name} fails"
            if not value[0] & site.fails:
                return f"{site.name} succeeds"
        if site.kind == "occurred" and value is not None:
            return "no exception is set" if value[0] == ZERO else "an exception is set"
        return f"the condition is {'true' if truth != end.flipped else 'false'}"

    def recall(self, state: State, end: Branch) -> None:
        """A condition that is not followed: what it was before, it is again."""
        key = "?" + end.text
        remembered = end.text in self.code.repeated
        if remembered and (known := state.env.get(key)) is not None:
            self.enter(end.then if known == (1,) else end.otherwise, state)
            return
        other = state.copy()
        if end.operator in ("==", "!="):
            self.equal(state if end.operator == "==" else other, end)
        if remembered:
            state.env[key] = (1,)
            other.env[key] = (0,)
        words = ("the condition is true", "the condition is false")
        state.note(end.node, words[end.flipped])
        other.note(end.node, words[not end.flipped])
        self.enter(end.then, state)
        self.enter(end.otherwise, other)

    def equal(self, state: State, end: Branch) -> None:
        """Two pointers are the same: when one is not NULL, the other is none either; what is also a member is not only lent."""
        machine = self.machine
        sides = machine.read(state, end.left), machine.read(state, end.right)
        for one, other in (sides, sides[::-1]):
            if type(one) is int and other is not None and mask_of(other, state) == POSITIVE:
                machine.refine(state, one, POSITIVE)
            if type(one) is int and type(other) is int and machine.origin(one).kind == "field":
                kind, owned = machine.origin(other).kind, state.values[other][1]
                if kind in ("borrowed", "parameter") and owned == 0:
                    machine.mark(state, other, ESCAPED)  # the reference that is released may be the member's

    def leave(self, state: State, end: Leave) -> None:
        """The function returns: what it still owns and gives nobody is lost."""
        machine = self.machine
        known = machine.read(state, end.operand)
        if type(end.operand) is str and end.operand in self.code.dependents:
            self.copied(state, end.operand)
        elif type(end.operand) is Ref:
            machine.reached(state, end.operand.key)
        if known is UNINITIALIZED:
            machine.uninitialized(state, end.operand, end.node)
            known = None
        if type(known) is int:
            machine.use(state, end.operand, known, end.node, "return", False)
            mask, owned, bits, source = state.values[known]
            given = self.code.returns_object or self.code.function.returns.name not in NUMBERS
            state.values[known] = (mask, owned - 1 if given else owned, bits | HELD, source)
        if self.code.function.name in _MAIN:
            return  # what the process still has goes with it
        for vid, (mask, owned, bits, _) in state.values.items():
            if bits & ESCAPED:
                continue
            if owned > 0 and mask != ZERO:
                lost(machine, state, vid, bits, end)
            elif owned < 0 and bits & STOLEN and vid != known and vid in machine.given_at:
                site = machine.origin(vid)
                if site.kind == "constant":
                    machine.report("HL407", machine.given_at[vid], site.name, site, state, "given")
                elif (owned == -1 and site.kind == "borrowed") or machine.lent(site, 0):
                    item = machine.name_of(state, vid) or site.name
                    machine.report("HL404", machine.given_at[vid], item, site, state, "given")
        if self.contract is not None:
            check(machine, state, known, end, self.contract)
        else:
            silent(machine, state, known, end)
        self.outcomes.add(outcome_of(machine, state, known, end))


def _aggregate(variable: ir.Variable) -> bool:
    """Whether a variable is a struct, or of a type that may be one."""
    kind = variable.type
    return not kind.pointers and not kind.base.startswith(("int", "unsigned", "long", "char", "short", "Py_ssize_t", "size_t", "enum", "double", "float"))


def interpret(code: Code, lookup: Lookup, contract: Contract | None, owner: bool) -> Run:
    """Run a function; the contract is what its caller, the interpreter, expects of it; `owner`: it is one of an object."""
    return _Interpreter(code, lookup, contract, owner).run()
