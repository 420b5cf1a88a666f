"""What running modules showed, as table, JSON and SARIF."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sarif_om

from heaplint import __version__
from heaplint.records import asdict
from heaplint.report import sanitize
from heaplint.report.report import counted
from heaplint.report.sarif_json import json_value
from heaplint.verdicts import RULES, TYPE_CHECKS, At, Check, RuntimeType, Verdict, Verification, VerifiedModule

VERSION = 1
"""Of the JSON document: raised when a key changes its meaning or goes."""
_SHOWN = {"pass": "yes", "fail": "NO", "unknown": "?"}
_COLUMNS = ("kind", "gc", "visits type", "tracked", "releases type", "sound instance", "type")
_SUMMARY: dict[Check, str] = {
    "import": "The module can be imported.",
    "have-gc": "A heap type takes part in garbage collection, or does not need to.",
    "visits-type": "Traversing an instance of a heap type leads to the type.",
    "tracked": "Instances of a garbage-collected type are tracked.",
    "releases-type": "An instance that dies releases its type.",
    "instantiation": "Calling the type gives no uninitialised object.",
    "heap-type": "The type is a heap type.",
    "multi-phase": "The module is initialised in several phases.",
    "subinterpreter": "The module works in interpreters that share the GIL.",
    "own-gil": "The module works in interpreters with a GIL of their own.",
    "parallel": "The module works in several interpreters at the same time.",
    "growth": "An interpreter with the module leaves nothing of it behind.",
    "reimport": "A module that is imported again lets go of the first.",
    "static-state": "No object is kept in static storage.",
}


def table(seen: Verification, *, closing: bool = True) -> Iterator[str]:
    """Every type of every module, what failed and what is not known, and with `closing` the counts."""
    for module in seen.modules:
        yield from _module(module)
    if not closing:
        return
    answers = seen.answers
    yield f"{counted(len(seen.modules), 'module')}, Python {seen.python}: "
    yield f"{answers['pass']} pass, {answers['fail']} fail, {answers['unknown']} unknown.\n"
    if seen.joined:
        yield "\n"
        header = ("rule", "confirmed", "refuted", "only at run time", "undecided")
        yield from _columns(header, [(rule, *map(str, counts.values())) for rule, counts in seen.joins.items()])


def _module(module: VerifiedModule) -> Iterator[str]:
    file = f" ({sanitize.text(module.file)})" if module.file else ""
    yield f"{sanitize.text(module.name)}{file}\n"
    shown = [one for one in module.types if one.made == "specification"]
    answers = {(one.subject, one.check): one for one in module.verdicts}
    if shown:
        yield from _columns(_COLUMNS, [_cells(one, answers) for one in shown], "  ")
    for note in module.notes:
        yield f"  note: {sanitize.text(note)}\n"
    for answer in ("fail", "unknown"):
        for verdict in module.verdicts:
            if verdict.answer == answer:
                yield f"  {answer}: {_line(verdict)}\n"
    yield "\n"


def _cells(one: RuntimeType, answers: dict[tuple[str, Check], Verdict]) -> list[str]:
    found = [answers.get((one.name, check)) for check in TYPE_CHECKS]
    return [one.kind, *("-" if verdict is None else _SHOWN[verdict.answer] for verdict in found), one.name]


def _line(verdict: Verdict) -> str:
    words = f"{verdict.check}: {sanitize.text(verdict.subject)}: {sanitize.text(verdict.message)}"
    if verdict.joined is None:
        return words
    place = f" {sanitize.text(verdict.at.path)}:{verdict.at.line}" if verdict.at else ""
    return f"{words} [{verdict.joined.replace('-', ' ')}: {verdict.rule}{place}]"


def _columns(titles: Sequence[str], rows: Sequence[Sequence[str]], margin: str = "") -> Iterator[str]:
    safe = [list(titles), *([sanitize.text(cell) for cell in row] for row in rows)]
    widths = [max(map(sanitize.width, column)) for column in zip(*safe, strict=True)]
    for row in safe:
        padded = (cell + " " * (size - sanitize.width(cell)) for cell, size in zip(row, widths, strict=True))
        yield margin + "  ".join(padded).rstrip() + "\n"


def json(seen: Verification) -> str:
    """One document with every type, every verdict and the counts."""
    return sanitize.json_document(
        {
            "version": VERSION,
            "tool": {"name": "heaplint", "version": __version__},
            "python": seen.python,
            "modules": [asdict(module) for module in seen.modules],
            "undecided": [asdict(one) for one in seen.undecided] if seen.joined else None,
            "summary": {
                "modules": len(seen.modules),
                "types": sum(len(module.types) for module in seen.modules),
                "answers": seen.answers,
                "joins": seen.joins if seen.joined else None,
            },
        }
    )


def sarif(seen: Verification) -> str:
    """The failures as a run of SARIF 2.1.0; what stays unknown as notifications."""
    checks = list(_SUMMARY)
    run = sarif_om.Run(
        tool=sarif_om.Tool(
            driver=sarif_om.ToolComponent(
                name="heaplint verify", semantic_version=__version__, rules=[_rule(check) for check in checks]
            )
        ),
        automation_details=sarif_om.RunAutomationDetails(id=f"heaplint-verify/{seen.python}"),
        column_kind="utf16CodeUnits",
        invocations=[
            sarif_om.Invocation(
                execution_successful=True,
                tool_execution_notifications=[
                    sarif_om.Notification(
                        descriptor=sarif_om.ReportingDescriptorReference(id=verdict.check),
                        level="note",
                        message=sarif_om.Message(text=_sentence(verdict)),
                    )
                    for verdict in seen.verdicts
                    if verdict.answer == "unknown"
                ],
            )
        ],
        results=[
            sarif_om.Result(
                rule_id=verdict.check,
                rule_index=checks.index(verdict.check),
                level="warning",
                message=sarif_om.Message(text=_sentence(verdict)),
                locations=[_place(verdict.at, module)],
                properties={"module": module.name, "joined": verdict.joined, "rule": verdict.rule},
            )
            for module in seen.modules
            for verdict in module.verdicts
            if verdict.answer == "fail"
        ],
    )
    log = sarif_om.SarifLog(
        runs=[run], version="2.1.0", schema_uri="https://json.schemastore.org/sarif-2.1.0.json"
    )
    return sanitize.json_line(json_value(log)) + "\n"


def _rule(check: Check) -> sarif_om.ReportingDescriptor:
    return sarif_om.ReportingDescriptor(
        id=check,
        short_description=sarif_om.MultiformatMessageString(text=_SUMMARY[check]),
        full_description=sarif_om.MultiformatMessageString(text=_SUMMARY[check]),
        properties={"tags": [f"heaplint {rule}" for rule in RULES[check]]},
    )


def _sentence(verdict: Verdict) -> str:
    return sanitize.sarif_text(f"{verdict.subject}: {verdict.message}").rstrip(".") + "."


def _place(at: At | None, module: VerifiedModule) -> sarif_om.Location:
    """A line of the source, or, when it is not known, the shared object."""
    path = at.path if at else module.file or module.name
    return sarif_om.Location(
        physical_location=sarif_om.PhysicalLocation(
            artifact_location=sarif_om.ArtifactLocation(uri=sanitize.uri_path(path), uri_base_id="%SRCROOT%" if at else None),
            region=sarif_om.Region(start_line=at.line if at else 1),
        )
    )
