"""What lies behind the blocks of a function: the order to visit them in, and which keys are still read."""

from __future__ import annotations

import functools
from collections import Counter

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.flow.paths.code import (
    CALL,
    DECLARE,
    DEREF,
    ESCAPE,
    EXPOSE,
    FORGET,
    LOAD,
    SET,
    SKIPPED,
    STORE,
    Block,
    Branch,
    Choice,
    Code,
    Leave,
    Ref,
)
from heaplint.records import replace

_ROOT = re.compile(r"[*&]*([A-Za-z_%]\w*(?:'\d+)?)")
_INDEX = re.compile(r"\[([A-Za-z_]\w*)\]")
_MAX_ROUNDS = 60


@functools.lru_cache(maxsize=8192)
def root_of(key: str) -> str:
    """The variable that a key begins with."""
    found = _ROOT.match(key)
    return found.group(1) if found else key


def successors(block: Block) -> tuple[int, ...]:
    """Where control goes from a block."""
    end = block.end
    if type(end) is int:
        return (end,)
    if isinstance(end, Branch):
        return (end.then, end.otherwise)
    if isinstance(end, Choice):
        return (*(target for _, target in end.cases), end.default)
    return ()


def arrange(
    function: ir.Function, blocks: list[Block], local: dict[str, ir.Variable], callees: frozenset[str],
    in_loop: frozenset[int],
) -> Code:
    """Put together what interpretation needs to know of the blocks as a whole."""
    _thread(blocks)
    postorder = _walk(blocks)
    order = [len(blocks)] * len(blocks)
    for rank, index in enumerate(reversed(postorder)):
        order[index] = rank
    keys = _keys(blocks, postorder)
    dependents: dict[str, list[str]] = {}
    for key in keys:
        root = root_of(key)
        if root != key:
            for one in {root, *_INDEX.findall(key)}:
                dependents.setdefault(one, []).append(key)
    named = {one.name for one in function.parameters}
    outs = [key for key in keys if key[:1] == "*" and key[1:] in named]
    counts = Counter(
        end.text for index in postorder if isinstance(end := blocks[index].end, Branch) and end.text and not _tracked(end)
    )
    repeated = frozenset(text for text, count in counts.items() if count > 1)
    for index in postorder:
        end = blocks[index].end
        if isinstance(end, Branch) and end.text in repeated:
            for root in end.roots:
                if "?" + end.text not in dependents.setdefault(root, []):
                    dependents[root].append("?" + end.text)
    return Code(
        function, blocks, local, tuple(one.name for one in function.parameters), dependents, order,
        _live(blocks, postorder, outs), repeated, function.returns.pointers > 0,
        in_loop, callees,
    )


def _thread(blocks: list[Block]) -> None:
    """Let control come to where it goes on from blocks in which nothing happens, so that no state is made for those."""
    passed = {index: block.end for index, block in enumerate(blocks) if type(block.end) is int and not block.ops}
    if not passed:
        return

    def target(index: int) -> int:
        for _ in passed:  # no more: a loop without a body is a circle
            following = passed.get(index)
            if following is None:
                break
            index = following
        return index

    for block in blocks:
        end = block.end
        if type(end) is int:
            block.end = target(end)
        elif isinstance(end, Branch):
            if end.then in passed or end.otherwise in passed:
                block.end = replace(end, then=target(end.then), otherwise=target(end.otherwise))
        elif isinstance(end, Choice):
            block.end = replace(end, cases=tuple((value, target(one)) for value, one in end.cases), default=target(end.default))


def _tracked(end: Branch) -> bool:
    """Whether what a branch compares is followed, so that its text need not be remembered."""
    return (
        bool(end.operator) and type(end.left) is str and end.left[0] != "%" and type(end.right) is int and -1 <= end.right <= 1
    )


def _walk(blocks: list[Block]) -> list[int]:
    """The blocks that control can come to, in post-order."""
    postorder: list[int] = []
    seen = {0}
    stack: list[tuple[int, list[int]]] = [(0, list(reversed(successors(blocks[0]))))]
    while stack:
        index, todo = stack[-1]
        if not todo:
            stack.pop()
            postorder.append(index)
            continue
        following = todo.pop()
        if following not in seen:
            seen.add(following)
            stack.append((following, list(reversed(successors(blocks[following])))))
    return postorder


def _keys(blocks: list[Block], indices: list[int]) -> dict[str, None]:
    keys: dict[str, None] = {}
    for index in indices:
        for op in blocks[index].ops:
            kind = op[0]
            if kind in (SET, STORE, DEREF, FORGET):
                if isinstance(op[1], str) and op[1]:
                    keys[op[1]] = None
            elif kind == LOAD:
                if op[2]:
                    keys[op[2]] = None
            elif kind == CALL:
                for operand in op[3]:
                    if type(operand) is Ref:
                        keys[operand.key] = None
    return keys


def _block_uses(block: Block, bit: dict[str, int], outs: int, loaded: frozenset[str]) -> tuple[int, int]:
    """(keys read before they are written, keys written) of a block, as bits; `outs` are read by the caller."""
    used = defined = 0

    def see(operand: object) -> int:
        if type(operand) is str:
            return bit.setdefault(operand, 1 << len(bit))
        if type(operand) is Ref:
            return bit.setdefault(operand.key, 1 << len(bit))
        return 0

    for op in block.ops:
        kind = op[0]
        if kind == CALL:
            for operand in op[3]:
                used |= see(operand) & ~defined
            used |= see(op[5]) & ~defined
            if op[2][:1] == "*":
                used |= see(op[2][1:]) & ~defined
            defined |= see(op[1])
        elif kind == SET:
            used |= see(op[2]) & ~defined
            defined |= see(op[1])
        elif kind == STORE:
            used |= (see(op[2]) | (see(op[1]) if op[1] in loaded else 0)) & ~defined
        elif kind == LOAD:
            used |= see(op[2]) & ~defined
            defined |= see(op[1])
        elif kind in (DEREF, EXPOSE, SKIPPED) or kind == ESCAPE:
            used |= see(op[1]) & ~defined
        elif kind in (FORGET, DECLARE):
            defined |= see(op[1])
    end = block.end
    if isinstance(end, Branch):
        used |= (see(end.left) | see(end.right)) & ~defined
        if end.text and not _tracked(end):
            used |= see("?" + end.text) & ~defined
    elif isinstance(end, Choice):
        used |= see(end.subject) & ~defined
    elif isinstance(end, Leave):
        used |= (see(end.operand) | outs) & ~defined
    return used, defined


def _live(blocks: list[Block], postorder: list[int], outs: list[str]) -> list[frozenset[str]]:
    bit: dict[str, int] = {}
    for key in outs:
        bit[key] = 1 << len(bit)
    for_caller = (1 << len(bit)) - 1
    loaded = frozenset(op[2] for index in postorder for op in blocks[index].ops if op[0] == LOAD) | frozenset(
        operand.key for index in postorder for op in blocks[index].ops if op[0] == CALL for operand in op[3] if type(operand) is Ref
    )
    facts = {index: _block_uses(blocks[index], bit, for_caller, loaded) for index in postorder}
    order = [(index, *facts[index], successors(blocks[index])) for index in postorder]
    live = [0] * len(blocks)
    for _ in range(_MAX_ROUNDS):
        changed = False
        for index, used, defined, behind in order:
            out = 0
            for following in behind:
                out |= live[following]
            new = used | (out & ~defined)
            if new != live[index]:
                live[index] = new
                changed = True
        if not changed:
            break
    else:
        everything = frozenset(bit)
        return [everything] * len(blocks)
    names = list(bit)
    memo: dict[int, frozenset[str]] = {}

    def unpack(bits: int) -> frozenset[str]:
        known = memo.get(bits)
        if known is None:
            found, left = [], bits
            while left:  # few of many
                lowest = left & -left
                found.append(names[lowest.bit_length() - 1])
                left ^= lowest
            known = memo[bits] = frozenset(found)
        return known

    return [unpack(bits) for bits in live]
