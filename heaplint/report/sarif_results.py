"""Findings as the results of a SARIF run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import sarif_om

from heaplint.findings import Edit, Finding, Fix, Related
from heaplint.report import sanitize
from heaplint.report.report import Report
from heaplint.report.sarif_fingerprint import line_hashes
from heaplint.report.sarif_json import json_value
from heaplint.report.sarif_limits import LOCATIONS, STEPS
from heaplint.report.sarif_places import Places
from heaplint.source import SourceFile


class Results:
    """The results of a run, each as JSON, and how much was cut from single ones for GitHub."""

    def __init__(self, findings: Sequence[Finding], report: Report, places: Places) -> None:
        self.cut_steps = 0
        self.cut_locations = 0
        self._report = report
        self._places = places
        self._indices = {rule: index for index, rule in enumerate(report.cards)}
        self._hashes = _line_hashes(findings, report.sources)
        self.documents = [sanitize.json_line(json_value(self._result(finding))) for finding in findings]

    def _result(self, finding: Finding) -> sarif_om.Result:
        related, steps = finding.related, finding.steps
        if len(related) >= LOCATIONS:  # the place of the finding is one of them
            self.cut_locations += len(related) - LOCATIONS + 1
            related = related[: LOCATIONS - 1]
        if len(steps) > STEPS:
            self.cut_steps += len(steps) - STEPS
            steps = steps[:STEPS]
        result = sarif_om.Result(
            message=sarif_om.Message(text=_message(finding, related)),
            rule_id=finding.rule,
            rule_index=self._indices.get(finding.rule, -1),
            level=finding.severity,
            locations=[self._places.primary(finding.span)],
            partial_fingerprints=self._fingerprints(finding),
        )
        if related:
            result.related_locations = [self._places.told(one, number) for number, one in enumerate(related, 1)]
        if steps:
            result.code_flows = [self._code_flow(steps)]
        if finding.fix is not None:
            result.fixes = self._fixes(finding.fix)
        return result

    def _fingerprints(self, finding: Finding) -> dict[str, str] | None:
        line_hash = self._hashes.get((finding.span.path, finding.span.line))
        return None if line_hash is None else {"primaryLocationLineHash": line_hash}

    def _code_flow(self, steps: Sequence[Related]) -> sarif_om.CodeFlow:
        locations = [sarif_om.ThreadFlowLocation(location=self._places.told(step)) for step in steps]
        return sarif_om.CodeFlow(thread_flows=[sarif_om.ThreadFlow(locations=locations)])

    def _fixes(self, fix: Fix) -> list[sarif_om.Fix] | None:
        """The fix, or None when it changes a file whose text is not known here."""
        by_path: dict[str, list[Edit]] = defaultdict(list)
        for edit in fix.edits:
            by_path[edit.path].append(edit)
        if not by_path or not by_path.keys() <= self._report.sources.keys():
            return None
        changes = [
            sarif_om.ArtifactChange(
                artifact_location=self._places.artifact(path),
                replacements=[self._places.replacement(edit) for edit in edits],
            )
            for path, edits in by_path.items()
        ]
        description = "Safe." if fix.applicability == "safe" else "May change what the code does: read it before use."
        return [sarif_om.Fix(artifact_changes=changes, description=sarif_om.Message(text=description))]


def _line_hashes(findings: Sequence[Finding], sources: Mapping[str, SourceFile]) -> dict[tuple[str, int], str]:
    """GitHub's fingerprint of each line with findings, by path and line."""
    lines: dict[str, set[int]] = defaultdict(set)
    for finding in findings:
        lines[finding.span.path].add(finding.span.line)
    return {
        (path, line): line_hash
        for path, wanted in lines.items()
        if path in sources
        for line, line_hash in line_hashes(sources[path].data, wanted).items()
    }


def _message(finding: Finding, related: Sequence[Related]) -> str:
    """The message as a sentence, which GitHub makes the title, then the Pythons and the links to related places."""
    sentences = [sanitize.sarif_text(finding.message).rstrip(".") + "."]
    if finding.python is not None:
        sentences.append(f"Python {sanitize.sarif_text(finding.python)}.")
    if related:
        links = (
            f"[{sanitize.sarif_text(one.message) or 'here'}]({number})" for number, one in enumerate(related, 1)
        )
        sentences.append(f"See {', '.join(links)}.")
    return " ".join(sentences)
