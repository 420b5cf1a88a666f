"""Reports as the programs read them for which they are written."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from npm_tools import from_npm, sarif_multitool
from real_tools import from_pypi, program
from test_fixtures import EXTENSIONS, read
from test_report_ci import HOSTILE

from heaplint import engine
from heaplint.cards import all_cards
from heaplint.findings import Edit, Finding, Fix, Notice, Related, Span
from heaplint.report import github, junit, sarif
from heaplint.report.report import Report
from heaplint.source import SourceFile

pytestmark = pytest.mark.external


def fixture_report(extension: str) -> Report:
    discovery, config = read(extension)
    result = engine.run(discovery, config, None)
    sources = {source.path: source for source in discovery.files}
    return Report(result.findings, result.notices, result.files, sources, all_cards())


def hostile_report() -> Report:
    """Names and lines of the worst kind, and everything that a finding can have."""
    findings, sources = [], {}
    for name in HOSTILE:
        source = SourceFile(name, f"int a; // {name}\r\nint \U0001f600;\n".encode("utf-8", "surrogateescape"))
        sources[name] = source
        places = (Related(source.span(0, 3), f"[{name}](http://x)"), Related(source.span(4, 5), name))
        fix = Fix("unsafe", (Edit(name, 0, 3, f"// {name!a}"), Edit(name, 4, 5, "")))
        findings.append(
            Finding("HL101", "static-type", "error", "high", f"see {name}", source.span(0, 3), symbol=name,
                    python=">=3.9", steps=places, related=places, fix=fix)
        )  # fmt: skip
    told = tuple(Notice(name, 1, "unreadable", name) for name in HOSTILE)
    return Report(findings, (*told, Notice(".", 0, "skipped-generated", "2 files")), 1, sources, all_cards())


def large_report() -> Report:
    """More than GitHub takes, so that there is a notification about it."""
    step = Related(Span("a.c", 1, 1, 1, 2), "step")
    one = Finding("HL101", "static-type", "note", "high", "is static", step.span, steps=(step,) * 1_001)
    return Report([one], (), 1, {"a.c": SourceFile("a.c", b"int x;\n")}, all_cards())


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """SARIF of every fixture extension, and of reports that are hostile or too large."""
    folder = tmp_path_factory.mktemp("sarif")
    reports = {extension: fixture_report(extension) for extension in EXTENSIONS}
    reports |= {"hostile": hostile_report(), "large": large_report(), "empty": Report((), (), 0, {}, all_cards())}
    paths = []
    for name, report in reports.items():
        paths.append(folder / f"{name}.sarif")
        paths[-1].write_text("".join(sarif.render(report)), encoding="utf-8")
    return paths


def complaints(paths: list[Path], folder: Path) -> Iterator[str]:
    """What sarif-multitool says; its exit code says nothing, and results without a level are warnings."""
    output = folder / "multitool.sarif"
    command = [str(sarif_multitool() / "Sarif.Multitool"), "validate", *map(str, paths)]
    command += ["--rule-kind", "Sarif;Ghas", "--output", str(output), "--log", "ForceOverwrite"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert f"{len(paths)} files scanned" in done.stdout, done.stdout + done.stderr
    for run in json.loads(output.read_text(encoding="utf-8-sig"))["runs"]:
        for invocation in run.get("invocations", ()):
            assert invocation["executionSuccessful"], invocation
            for kind in ("toolExecutionNotifications", "toolConfigurationNotifications"):
                yield from (str(one) for one in invocation.get(kind, ()) if one.get("level") == "error")
        for result in run["results"]:
            if result.get("level", "warning") in ("error", "warning"):
                yield f"{result['ruleId']} {result['message']} {result['locations']}"


def test_sarif_multitool_finds_no_fault(logs: list[Path], tmp_path: Path) -> None:
    assert list(complaints(logs, tmp_path)) == []


def test_sarif_multitool_finds_faults_where_there_are_some(logs: list[Path], tmp_path: Path) -> None:
    log = json.loads(logs[0].read_text(encoding="utf-8"))
    [run] = log["runs"]
    del run["tool"]["driver"]["rules"][0]["help"]
    run["results"][0]["ruleIndex"] = 4711
    run["results"][1]["locations"][0]["physicalLocation"]["region"]["endColumn"] = 1
    broken = tmp_path / "broken.sarif"
    broken.write_text(json.dumps(log), encoding="utf-8")
    assert {said.split()[0] for said in complaints([broken], tmp_path)} == {"GH2012", "SARIF1007", "SARIF1009"}


def test_sarif_is_valid_against_the_schema(logs: list[Path], tmp_path: Path) -> None:
    check = [from_pypi("check-jsonschema", "check-jsonschema")]
    check += ["--schemafile", str(sarif_multitool() / "sarif-2.1.0.json")]
    done = subprocess.run([*check, *map(str, logs)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    broken = tmp_path / "broken.sarif"
    broken.write_text(logs[0].read_text(encoding="utf-8").replace('"results"', '"outcomes"'), encoding="utf-8")
    assert subprocess.run([*check, str(broken)], capture_output=True, check=False).returncode == 1


def test_sarif_tools_counts_the_findings(logs: list[Path], tmp_path: Path) -> None:
    log = next(path for path in logs if path.stem == "broken_gc")
    results = json.loads(log.read_text(encoding="utf-8"))["runs"][0]["results"]
    command = [from_pypi("sarif-tools", "sarif"), "csv", "--output", str(tmp_path / "out.csv"), str(log)]
    subprocess.run(command, check=True, capture_output=True)
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert sorted((row["Code"], int(row["Line"])) for row in rows) == sorted(
        (one["ruleId"], one["locations"][0]["physicalLocation"]["region"]["startLine"]) for one in results
    )


CORE = """
import { readFileSync } from 'node:fs'
const core = await import(process.argv[2])
for (const [severity, message, properties] of JSON.parse(readFileSync(0, 'utf8'))) core[severity](message, properties)
"""


def test_workflow_commands_are_those_of_actions_core(tmp_path: Path) -> None:
    """But for control characters, which GitHub's library passes on and heaplint does not."""
    texts = [*(name for name in HOSTILE if name.isprintable()), "50%", "%0A", "a:b,c", "::set-output name=x::y", "日本 \U0001f600"]
    findings = [
        Finding("HL101", "static-type", severity, "high", text, Span(text, 3, 5, 3, 9))
        for severity in ("error", "warning", "note")
        for text in texts[:10]
    ]
    calls = [
        [{"note": "notice"}.get(one.severity, one.severity), one.message,
         {"title": "HL101 static-type", "file": one.span.path, "startLine": 3, "endLine": 3, "startColumn": 5,
          "endColumn": 8}]
        for one in findings
    ]  # fmt: skip
    script = tmp_path / "core.mjs"
    script.write_text(CORE, encoding="utf-8")
    module = (from_npm("@actions/core") / "lib" / "core.js").as_uri()
    done = subprocess.run(
        [program("node"), str(script), module], input=json.dumps(calls), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(github.render(Report(findings, (), 1, {}, {})))


JUNITPARSER = """
import sys
from junitparser import JUnitXml
for suite in JUnitXml.fromfile(sys.argv[1]):
    for case in suite:
        print(suite.name, case.classname, len(case.result), [type(one).__name__ for one in case.result], sep="|")
"""


@pytest.mark.parametrize("kind", ["hostile", *EXTENSIONS])
def test_junitparser_reads_as_many_failures(kind: str, tmp_path: Path) -> None:
    report = hostile_report() if kind == "hostile" else fixture_report(kind)
    path = tmp_path / "report.xml"
    path.write_text("".join(junit.render(report)), encoding="utf-8")
    command = Path(from_pypi("junitparser", "junitparser"))
    verified = subprocess.run([str(command), "verify", str(path)], capture_output=True, text=True, check=False)
    assert verified.returncode == bool(report.findings), verified.stderr
    python = sys.executable if command.parent == Path(sys.executable).parent else str(command.parent / "python")
    done = subprocess.run([python, "-c", JUNITPARSER, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("['Failure']" in line for line in lines) == len(report.findings)
    assert sum("['Skipped']" in line for line in lines) == len(report.notices)
    assert len(lines) == max(len(report.findings), 1) + len(report.notices)
