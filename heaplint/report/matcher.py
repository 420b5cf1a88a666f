"""Problem matchers: how GitHub's runner and VS Code are told to find findings in the gcc format."""

from __future__ import annotations

from typing import Literal

from heaplint.report import sanitize

Reader = Literal["github", "vscode"]

OWNER = "heaplint"
"""The name under which a matcher is registered, and taken away again (`::remove-matcher owner=heaplint::`)."""

_COLOUR = r"(?:\x1b\[[0-9;]*[mK])*"
"""Sequences that colour output (ECMA-48): a wrapper, such as a build system, may put them around each part."""

PATTERN = "".join(
    (
        rf"^{_COLOUR}([^\s\x1b][^\x1b]*?){_COLOUR}:{_COLOUR}(\d+){_COLOUR}:{_COLOUR}(\d+){_COLOUR}:{_COLOUR} ",
        rf"{_COLOUR}(error|warning|note){_COLOUR}:{_COLOUR} {_COLOUR}",
        rf"(.*?){_COLOUR}(?: {_COLOUR}\[{_COLOUR}(HL\d{{3}}){_COLOUR}\])?{_COLOUR}\r?$",
    )
)
"""One line of the gcc format, in the syntax that Python, JavaScript and .NET share.

Groups: path, line, column, severity, message, rule; a step or related place, a note, has no rule.
"""

_GROUPS = {"file": 1, "line": 2, "column": 3, "severity": 4, "message": 5, "code": 6}


def render(reader: Reader) -> str:
    """The document that the reader takes: of GitHub's `::add-matcher::`, or of a task's `problemMatcher` in VS Code."""
    return sanitize.json_document(_github() if reader == "github" else _vscode())


def _github() -> dict[str, object]:
    return {"problemMatcher": [{"owner": OWNER, "pattern": [{"regexp": PATTERN, **_GROUPS}]}]}


def _vscode() -> dict[str, object]:
    return {
        "owner": OWNER,
        "source": OWNER,
        "fileLocation": ["autoDetect", "${workspaceFolder}"],
        "pattern": {"regexp": PATTERN, **_GROUPS},
    }
