"""What attribute macros after (or before) a prototype say of a function, as cpychecker defined them.

`CPYCHECKER_RETURNS_BORROWED_REF`, `CPYCHECKER_STEALS_REFERENCE_TO_ARG(n)`, …, the attributes of the same names in lower
case, and the short forms `BORROWED` and `STEALS(n)`. Source: the documentation of gcc-python-plugin, "cpychecker".
"""

from __future__ import annotations

from heaplint import lazy_re as re
from heaplint.capi.api import ApiFunction
from heaplint.capi.declared import declared

_ATTRIBUTE = re.compile(
    rb"\b(?:(?:CPYCHECKER_)?(?P<result>RETURNS_BORROWED_REF|RETURNS_NEW_REF|BORROWED)\b"
    rb"|(?:CPYCHECKER_)?(?P<steals>STEALS_REFERENCE_TO_ARG|STEALS)\s*\(\s*(?P<number>[1-9]\d?)\s*\)"
    rb"|CPYCHECKER_(?P<exception>SETS_EXCEPTION|NEGATIVE_RESULT_SETS_EXCEPTION)\b)",
    re.IGNORECASE,
)
_MENTIONED = re.compile(rb"(?i)cpychecker_|\b(?-i:BORROWED|STEALS|RETURNS_BORROWED_REF|RETURNS_NEW_REF|STEALS_REFERENCE_TO_ARG)\b")
_WORDS = (b"BORROWED", b"STEALS", b"RETURNS_NEW_REF")
"""One of these, or the prefix, is in every text that says something."""
_GCC = re.compile(rb"\b__attribute__\s*\(\s*\(\s*(cpychecker_\w+(?:\s*\(\s*\d+\s*\))?)\s*\)\s*\)")
_LITERAL = re.compile(rb"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
_PROTOTYPE = re.compile(rb"(?P<type>(?:[A-Za-z_]\w*[\s*]+)+)(?P<name>[A-Za-z_]\w*)\s*\Z")
_NO_TYPE = re.compile(rb"\b(?:return|else|goto|case|typedef|if|while|for|switch|sizeof)\b")
_OBJECT = re.compile(rb"\bPy\w*\s*\*\s*\Z")
_VOID = re.compile(rb"\bvoid\s*\Z")


def may_be_attributed(words: bytes) -> bool:
    """False when no function can carry such attributes in a file that has these words alone."""
    return b"cpychecker_" in words.lower() or any(word in words for word in _WORDS)


def attributed(code: bytes) -> dict[str, ApiFunction]:
    """The functions that carry such attributes, in a file's text without comments and directives."""
    result: dict[str, ApiFunction] = {}
    if not may_be_attributed(code) or _MENTIONED.search(code) is None:
        return result
    code = _GCC.sub(rb"\1", _LITERAL.sub(b'""', code))
    for statement in re.split(rb"[;{}]", code):
        if _MENTIONED.search(statement):
            known = _of_statement(statement)
            if known is not None:
                result[known.name] = known
    return result


def _of_statement(statement: bytes) -> ApiFunction | None:
    """What one prototype, or the head of one definition, says."""
    returns, stolen, flags = None, [], []
    for one in _ATTRIBUTE.finditer(statement):
        if statement.count(b"(", 0, one.start()) != statement.count(b")", 0, one.start()):
            return None  # among the arguments of a call
        if one["result"]:
            returns = "new" if b"NEW" in one["result"].upper() else "borrowed"
        elif one["steals"]:
            stolen.append(int(one["number"]))
        elif one["exception"].upper().startswith(b"NEGATIVE"):
            returns = "count"
        else:
            flags.append("raises")
    before = _ATTRIBUTE.sub(b" ", statement).partition(b"(")[0]
    prototype = _PROTOTYPE.search(before)
    if prototype is None or b"=" in before or _NO_TYPE.search(before) or not (returns or stolen or flags):
        return None
    if returns is None:
        returns = "new" if _OBJECT.search(prototype["type"]) else "void" if _VOID.search(prototype["type"]) else None
    return declared(prototype["name"].decode(), returns=returns, effects={"steals": stolen}, flags=flags)
