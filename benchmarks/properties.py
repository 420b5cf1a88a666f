"""What holds of every run, whatever the input: one case is run, and PropertyError says what did not hold."""

from __future__ import annotations

import contextlib
import html.parser
import io
import json
import os
import re
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final, Literal, get_args

from heaplint import engine
from heaplint.cards import all_cards
from heaplint.census import Census
from heaplint.cli.app import TRACEBACK
from heaplint.cli.app import run as command_line
from heaplint.config import Config, FrontEndName, Selectors
from heaplint.discovery import Discovery, discover
from heaplint.engine import Result
from heaplint.findings import Finding, Notice, Span
from heaplint.fixes.apply import apply
from heaplint.pythons import TargetRange
from heaplint.report import Format, formats, notices, text
from heaplint.report.report import Report
from heaplint.source import SourceFile

Check = Literal["again", "suppressed", "format", "census", "repair", "command"]
"""What is done with a case besides running it: see `examine`."""

TARGETS: Final = (">=3.11", ">=3.8", "3.12", "3.13-3.14", "3.9-3.10", "3.15")
FORMATS: Final = get_args(Format)

CANARY: Final = b'static PyTypeObject Canary_%d = { PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Canary" };\n'
"""A defect in front of a damaged text: it is found, or it is said that the file was not read in full."""
_CANARY: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?static PyTypeObject (Canary_\d+) = ")
_HIDES_IT: Final = re.compile(rb"(?:define|undef)[ \t]+(?:static|PyTypeObject|PyVarObject_HEAD_INIT|NULL|tp_name|Canary_\d+)\b")

SKIPPED: Final = frozenset({"skipped-size", "skipped-binary", "skipped-encoding", "unreadable"})
DELIBERATE: Final = frozenset({"skipped-generated", "skipped-vendored", "link-outside"})
CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class PropertyError(AssertionError):
    """Something that should always hold did not; the message says what, and of which file."""


@dataclass(frozen=True, slots=True)
class Case:
    """Files that are analysed in one run, and how."""

    files: Mapping[str, bytes]
    target: str = TARGETS[0]
    frontend: FrontEndName = "tree-sitter"
    checks: frozenset[Check] = frozenset()
    output_format: Format = "text"

    @property
    def config(self) -> Config:
        """Every rule is selected."""
        selectors = (Selectors("", ("ALL",)),)
        return Config(target=TargetRange.parse(self.target), frontend=self.frontend, selectors=selectors)


@dataclass(slots=True)
class Tally:
    """What became of the files of cases."""

    states: Counter[str] = field(default_factory=Counter)
    """`analysed`, `partly`, `skipped`."""
    findings: Counter[str] = field(default_factory=Counter)
    """By rule."""
    notices: Counter[str] = field(default_factory=Counter)
    """By kind."""

    def add(self, other: Tally) -> None:
        """Count what another counted."""
        self.states += other.states
        self.findings += other.findings
        self.notices += other.notices


def examine(case: Case) -> Tally:
    """Run a case and hold it to what always holds; raises PropertyError, and whatever heaplint raises.

    `again` runs it a second time, `suppressed` with all findings silenced, `format` writes the report and reads it,
    `census` takes the census, `repair` carries out all fixes, `command` has the command line read it from a disk.
    """
    discovery = found(case.files)
    result = engine.run(discovery, case.config, None)
    tally = _accounted(case, discovery, result)
    for finding in result.findings:
        _hold_finding(finding, discovery.sources)
    if list(result.findings) != sorted(result.findings, key=lambda one: one.sort_key):
        raise PropertyError("findings are not in order")
    _hold_canaries(case, result)
    if "again" in case.checks and engine.run(discovery, case.config, None) != result:
        raise PropertyError("a second run gave something else")
    if "suppressed" in case.checks:
        _hold_suppression(case)
    census = None
    if "census" in case.checks:
        census = engine.census(discovery, case.config)
        _hold_census(census, discovery.sources)
    if "format" in case.checks:
        hold_format(case.output_format, report_of(discovery, result, census))
    if "repair" in case.checks:
        _hold_repair(case, discovery, result)
    if "command" in case.checks:
        _hold_command(case, result)
    return tally


def found(files: Mapping[str, bytes]) -> Discovery:
    """The files as discovery finds them when each is named, held in memory alone."""
    folder = _FOLDER
    texts = {os.path.join(folder, name): data for name, data in files.items()}
    return discover(list(texts), Config(), Path(folder), texts)


_FOLDER: Final = os.path.join(os.path.realpath(tempfile.gettempdir()), "heaplint-no-such-folder")


def report_of(discovery: Discovery, result: Result, census: Census | None = None) -> Report:
    """What a format is given of a run."""
    return Report(result.findings, result.notices, result.files, discovery.sources, all_cards(), census, result.front_ends)


# every file is accounted for


def _accounted(case: Case, discovery: Discovery, result: Result) -> Tally:
    tally = Tally()
    read = {source.path for source in discovery.files}
    told: dict[str, set[str]] = {}
    for notice in result.notices:
        _hold_notice(notice, case, discovery.sources)
        told.setdefault(notice.path, set()).add(notice.kind)
    for path in case.files:
        kinds = told.get(path, set())
        if path not in read:
            if not kinds & SKIPPED:
                raise PropertyError(f"{path} is lost: neither read nor is there a notice")
            state = "skipped"
        else:
            state = "partly" if kinds else "analysed"
        tally.states[state] += 1
    if result.files != len(read) or set(result.front_ends) != read:
        raise PropertyError(f"{result.files} files are said to be read, of {len(read)}")
    tally.findings.update(finding.rule for finding in result.findings)
    tally.notices.update(notice.kind for notice in result.notices)
    return tally


def _hold_notice(notice: Notice, case: Case, sources: Mapping[str, SourceFile]) -> None:
    if notice.kind == "failed":
        raise PropertyError(f"a rule or the reading failed: {notice.message}")
    if notice.path not in case.files and notice.path != ".":
        raise PropertyError(f"a notice of a file that is not there: {notice}")
    if notice.line < 0 or (notice.path in sources and notice.line > len(sources[notice.path].line_starts)):
        raise PropertyError(f"a notice outside of its file: {notice}")


def _hold_canaries(case: Case, result: Result) -> None:
    found = {(one.span.path, one.symbol) for one in result.findings if one.rule == "HL101"}
    told = {notice.path for notice in result.notices}
    for path, data in case.files.items():
        canary = _CANARY.match(data)
        if canary is None or path in told or _HIDES_IT.search(data):
            continue
        if (path, canary.group(1).decode()) not in found and b"ignore" not in data:
            raise PropertyError(f"{path}: what stands in front of the damage was not found, and nothing was said")


# findings are where they say


def _hold_finding(finding: Finding, sources: Mapping[str, SourceFile]) -> None:
    for span in (finding.span, *(one.span for one in finding.steps), *(one.span for one in finding.related)):
        _hold_span(span, sources, finding)
    if not finding.message.strip() or finding.rule not in all_cards():
        raise PropertyError(f"an empty or unknown finding: {finding}")
    for edit in finding.fix.edits if finding.fix else ():
        if edit.path not in sources or not 0 <= edit.start <= edit.end <= len(sources[edit.path].data):
            raise PropertyError(f"a fix outside of its file: {finding.rule} {edit}")


def _hold_span(span: Span, sources: Mapping[str, SourceFile], finding: Finding) -> None:
    source = sources.get(span.path)
    if source is None:
        raise PropertyError(f"a place in a file that is not there: {finding.rule} {span}")
    try:
        start, end = source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)
    except ValueError as error:
        raise PropertyError(f"a place outside of its file: {finding.rule} {error}") from error
    if start > end:
        raise PropertyError(f"a place that ends before it begins: {finding.rule} {span}")


def _hold_census(census: Census, sources: Mapping[str, SourceFile]) -> None:
    for one in (*census.types, *census.modules):
        if one.path not in sources or not 1 <= one.line <= len(sources[one.path].line_starts):
            raise PropertyError(f"a line of the census that is not there: {one}")


# what is done with findings


def _hold_suppression(case: Case) -> None:
    comment = b"/* heaplint: ignore-file */ /* heaplint: ignore-file[HL901] */\n"
    silenced = {name: comment + data for name, data in case.files.items()}
    for finding in engine.run(found(silenced), case.config, None).findings:
        raise PropertyError(f"a finding although all are suppressed: {finding.rule} {finding.span}")


def _hold_repair(case: Case, discovery: Discovery, result: Result) -> None:
    """The fixes are carried out, and what comes of it can be read like anything else."""
    applied = apply(result.findings, discovery.sources, unsafe=True)
    repaired = {**case.files, **{path: source.data for path, source in applied.sources.items()}}
    examine(replace(case, files=repaired, checks=frozenset()))


_EXIT_CODES: Final = frozenset({0, 1})


def _hold_command(case: Case, result: Result) -> None:
    """The files on a disk, through the command line: the same findings, an exit code, and nothing else on the way."""
    with tempfile.TemporaryDirectory() as name, _within(name):
        for file, data in {**case.files, "heaplint.toml": b""}.items():
            Path(file).write_bytes(data)
        shared = ["--select", "ALL", "--target-python", case.target, "--frontend", case.frontend, "--include-generated"]
        code, out, _ = _commanded(["check", *shared, "--format", "json"])
        told = json.loads(out)
        if len(told["findings"]) != len(result.findings) or code != bool(result.findings):
            raise PropertyError(f"the command line: {len(told['findings'])} findings, exit code {code}, "
                                f"of {len(result.findings)}")  # fmt: skip
        code, out, errors = _commanded(["check", *shared, "--format", case.output_format, "--strict"])
        allowed = notices.exit_code(result.findings, result.notices, strict=True, exit_zero=False)
        if code != allowed or (CONTROLS.search(out + errors) and case.output_format != "html"):
            raise PropertyError(f"the command line: exit code {code}, not {allowed}, or control characters")
        _commanded(["census", "--include-generated"])
        code, patch, _ = _commanded(["check", *shared, "--diff", "--unsafe-fixes", "-q"])
        before = {file: Path(file).read_bytes() for file in case.files}
        if before != dict(case.files):
            raise PropertyError("--diff changed a file")
        _commanded(["check", *shared, "--fix", "--unsafe-fixes", "-q"])
        if bool(patch) != any(Path(file).read_bytes() != data for file, data in before.items()):
            raise PropertyError("--diff and --fix do not agree on whether there is something to change")


@contextlib.contextmanager
def _within(folder: str) -> Iterator[None]:
    """A folder as the current one."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _commanded(arguments: list[str]) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of one command line; internal errors are raised."""
    out, errors = io.StringIO(), io.StringIO()
    os.environ[TRACEBACK] = "1"
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = command_line(arguments)
    if code not in _EXIT_CODES and "--strict" not in arguments:
        raise PropertyError(f"exit code {code}: {errors.getvalue()}")
    return code, out.getvalue(), errors.getvalue()


# formats


def hold_format(output_format: Format, report: Report) -> None:
    """The report in a format can be read back by what reads such a format, and tells of each finding."""
    written = "".join(formats.lines(report, output_format, text.PLAIN, counted=False, closing=True))
    if trouble := CONTROLS.search(written):
        raise PropertyError(f"{output_format}: a control character: {trouble.group()!r}")
    try:
        number = _READERS[output_format](written)
    except (ValueError, KeyError, TypeError, ElementTree.ParseError) as error:
        raise PropertyError(f"{output_format} cannot be read back: {error!r}") from error
    if number is not None and number != len(report.findings):
        raise PropertyError(f"{output_format}: {number} findings of {len(report.findings)}")


def _json(written: str) -> int:
    document = json.loads(written)
    for finding in document["findings"]:
        if finding["line"] < 1 or finding["column"] < 1 or (finding["end_line"], finding["end_column"]) < (1, 1):
            raise ValueError(f"a place that is none: {finding}")
    return len(document["findings"])


def _sarif(written: str) -> int:
    (run,) = json.loads(written)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        if rules[result["ruleIndex"]] != result["ruleId"] or region["startLine"] < 1:
            raise ValueError(f"a result that contradicts itself: {result}")
    return len(run["results"])


def _gitlab(written: str) -> int:
    issues = json.loads(written)
    if len({issue["fingerprint"] for issue in issues}) != len(issues):
        raise ValueError("a fingerprint stands twice")
    return len(issues)


def _junit(written: str) -> int:
    return sum(1 for _ in ElementTree.fromstring(written).iter("failure"))


def _gcc(written: str) -> int:
    lines = [re.fullmatch(r"[^\n:]+:\d+:\d+: (error|warning|note): .+?( \[HL\d{3}\])?", line) for line in written.splitlines()]
    if not all(lines):
        raise ValueError("a line that is none")
    return sum(1 for line in lines if line and line.group(2))


def _github(written: str) -> None:
    for line in written.splitlines():
        if not re.match(r"::(error|warning|notice) title=[^\n]*::.|heaplint: and ", line):
            raise ValueError(f"no workflow command: {line!r}")


def _html(written: str) -> int:
    page = _Page()
    page.feed(written)
    page.close()
    if page.open:
        raise ValueError(f"elements that do not end: {page.open}")
    return page.findings


def _text(written: str) -> int:
    return len(re.findall(r"^[^ \n|]\S*:\d+:\d+: (?:error|warning|note)\[HL", written, re.M))


class _Page(html.parser.HTMLParser):
    """Counts the findings of a page, and the elements that are open."""

    VOID = frozenset({"meta", "input", "br", "link", "hr", "wbr", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.findings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.findings += tag == "article" and "finding" in (dict(attrs).get("class") or "").split()
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID and (not self.open or self.open.pop() != tag):
            raise ValueError(f"</{tag}> ends nothing")


_READERS: Final = {
    "json": _json, "sarif": _sarif, "gitlab": _gitlab, "junit": _junit, "gcc": _gcc, "github": _github, "html": _html,
    "text": _text,
}  # fmt: skip


# which cases


def with_canaries(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files with a defect in front of each."""
    return {name: CANARY % number + data for number, (name, data) in enumerate(files.items())}


def planned(files: Mapping[str, bytes], number: int, chance: Random) -> Case:
    """The case of some number: what is done with it changes from one to the next."""
    checks: set[Check] = {"format"}
    for check, each in (("again", 19), ("suppressed", 23), ("census", 17), ("repair", 21), ("command", 97)):
        if number % each == each - 1:
            checks.add(check)  # type: ignore[arg-type]  # of a list of these
    frontend: FrontEndName = "auto" if number % 100 == 50 else "tree-sitter"
    return Case(
        with_canaries(files) if chance.random() < 0.5 else files, chance.choice(TARGETS), frontend, frozenset(checks),
        FORMATS[number % len(FORMATS)],
    )  # fmt: skip
