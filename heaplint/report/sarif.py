"""SARIF 2.1.0 for GitHub code scanning: one run, made of sarif-om's objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sarif_om

from heaplint import __version__
from heaplint.findings import Finding, Notice
from heaplint.report import sanitize
from heaplint.report.notices import DELIBERATE
from heaplint.report.report import Report
from heaplint.report.sarif_json import json_value
from heaplint.report.sarif_limits import RESULTS, SHOWN_RESULTS, Cuts, excess, most_severe
from heaplint.report.sarif_places import ROOT, Places
from heaplint.report.sarif_results import Results
from heaplint.report.sarif_rules import rules

INFORMATION = "https://pypi.org/project/heaplint/"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
CATEGORY = "heaplint/"
"""Tells heaplint's runs from those of other tools that look at the same commit."""
_NO_RESULTS = '"results":[]'
"""Where the results go in the JSON of a run; within a string its quotation marks would be escaped."""
CUT = "github-limit"
"""The kind of notification that says what was left out for GitHub."""


def render(report: Report) -> Iterator[str]:
    """The whole report as one document on one line; what GitHub would refuse is cut, and a notification says so."""
    driver_rules = rules(report.cards.values())
    kept = most_severe(report.findings, RESULTS)
    limit = f"GitHub takes {RESULTS} results"
    while True:
        document = _document(report, kept, driver_rules, limit)
        times = excess(document)
        if times <= 1 or not kept:
            break
        limit = "GitHub takes 10 MB, compressed"
        kept = most_severe(kept, int(len(kept) / times * 0.95))
    yield document


def _document(report: Report, findings: Sequence[Finding], driver_rules: list[object], limit: str) -> str:
    places = Places(report.sources)
    results = Results(findings, report, places)
    cuts = Cuts(
        findings=len(report.findings) - len(findings), limit=limit, steps=results.cut_steps,
        locations=results.cut_locations, not_shown=max(0, len(findings) - SHOWN_RESULTS),
    )  # fmt: skip
    run = sarif_om.Run(
        tool=sarif_om.Tool(driver=_driver(driver_rules)),
        automation_details=sarif_om.RunAutomationDetails(id=CATEGORY),
        column_kind="utf16CodeUnits",
        original_uri_base_ids={ROOT: {"description": {"text": "The folder that the paths of the run are relative to."}}},
        invocations=[
            sarif_om.Invocation(
                execution_successful=True,
                tool_execution_notifications=[
                    *(_notification(notice, places) for notice in report.notices),
                    *(_cut(sentence) for sentence in cuts.messages()),
                ],
            )
        ],
        results=[],
    )
    log = sanitize.json_line(json_value(sarif_om.SarifLog(runs=[run], version="2.1.0", schema_uri=SCHEMA)))
    head, _, tail = log.partition(_NO_RESULTS)
    return f'{head}"results":[{",".join(results.documents)}]{tail}\n'


def _driver(driver_rules: list[object]) -> sarif_om.ToolComponent:
    return sarif_om.ToolComponent(
        name="heaplint",
        semantic_version=__version__,
        information_uri=INFORMATION,
        rules=driver_rules,
    )


def _notification(notice: Notice, places: Places) -> sarif_om.Notification:
    return sarif_om.Notification(
        descriptor=sarif_om.ReportingDescriptorReference(id=notice.kind),
        level="note" if notice.kind in DELIBERATE else "warning",
        message=sarif_om.Message(text=sanitize.sarif_text(notice.message)),
        locations=None if notice.path == "." else [places.line(notice.path, notice.line)],
    )


def _cut(sentence: str) -> sarif_om.Notification:
    return sarif_om.Notification(
        descriptor=sarif_om.ReportingDescriptorReference(id=CUT),
        level="warning",
        message=sarif_om.Message(text=sentence),
    )
