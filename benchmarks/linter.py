"""Run heaplint on the tree of a package as a user would: its own process, a time limit, and JSON read back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
NOT_AN_ANSWER = "Traceback (most recent call last)"


class LinterError(Exception):
    """heaplint crashed, hung, or answered something that is not its JSON; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON document of one run and the wall-clock seconds it took."""

    document: Mapping[str, Any]
    seconds: float


def ask(command: Sequence[str], arguments: Sequence[str], timeout: float) -> Answer:
    """Run heaplint from the repository's folder, never from the untrusted tree: `python -m` would import from there.

    Raises LinterError for an exit code other than 0 and 1, a traceback, a time limit passed or output that is no JSON
    object. On a time limit the whole process group ends, workers too.
    """
    start = time.monotonic()
    with subprocess.Popen(
        [*command, *arguments], cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise LinterError(f"no answer after {timeout:g} s") from error
        finally:
            end_group(process)
    seconds = time.monotonic() - start
    if process.returncode not in (0, 1) or NOT_AN_ANSWER in errors:
        last = (errors.strip().splitlines() or ["nothing on stderr"])[-1]
        raise LinterError(f"exit code {process.returncode}: {last}")
    try:
        document = json.loads(output)
    except ValueError as error:
        raise LinterError(f"output is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise LinterError("output is not a JSON object")
    return Answer(document, seconds)


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that is still running, and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def finding_lines(document: Mapping[str, Any], tree: Path) -> list[str]:
    """Give the findings as sorted lines `path:line rule symbol function item message`; `-` stands for nothing.

    Raises LinterError for a finding that lacks what DESIGN.md §8 promises.
    """
    try:
        rows = sorted(
            (path_in_tree(finding["path"], tree), int(finding["line"]), finding_words(finding))
            for finding in document["findings"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LinterError(f"a finding is not as agreed: {error!r}") from error
    return [f"{path}:{line} {words}" for path, line, words in rows]


def finding_words(finding: Mapping[str, Any]) -> str:
    """Give what a finding says after its place, on one line."""
    subject = (str(finding.get(key) or "-") for key in ("symbol", "function", "item"))
    return " ".join([str(finding["rule"]), *subject, *str(finding["message"]).split()])


def notice_kinds(document: Mapping[str, Any]) -> Counter[str]:
    """Count the notices of a run by kind."""
    return Counter(str(notice.get("kind")) for notice in document.get("notices", ()))


def census_types(document: Mapping[str, Any], tree: Path) -> set[tuple[str, str]]:
    """Give path and symbol of each type of a census, the symbol without C++ scopes; LinterError as above."""
    try:
        return {(path_in_tree(row["path"], tree), str(row["symbol"]).rpartition("::")[2]) for row in document["types"]}
    except (KeyError, TypeError) as error:
        raise LinterError(f"a type of the census is not as agreed: {error!r}") from error


def path_in_tree(reported: str, tree: Path) -> str:
    """Give a reported path relative to the tree, whatever root heaplint took: the tree, its own folder or none."""
    if not (tree / reported).exists() or Path(reported).is_absolute():
        absolute = Path(os.path.normpath(REPOSITORY / reported))
        if absolute.is_relative_to(tree):
            return absolute.relative_to(tree).as_posix()
    return reported
