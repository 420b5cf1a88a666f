"""The html format: one page that loads nothing, says everything, and shows hostile text as text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_tools import program
from test_report_census import HEAP, MODULE, OPEN, STATIC
from test_sanitize import ANY_TEXT, is_safe
from test_select import CARDS

from heaplint.census import Census, in_order
from heaplint.cli.app import run
from heaplint.findings import Finding, Fix, Notice, Related, Severity, Span
from heaplint.report import html, html_census, sanitize
from heaplint.report.excerpt import LINE_WIDTH, MAX_LINES, excerpt
from heaplint.report.markup import element
from heaplint.report.report import Report
from heaplint.source import SourceFile

FIXTURES = Path(__file__).parent / "fixtures"
SOURCE = SourceFile("src/eggs.c", "int one;\n\tint 日本 = <b>;\nint three(\n  void\n)\n{\n}\nint last;\n".encode())
VOID = {"meta", "input"}


class Page(HTMLParser):
    """The elements of a page, each as (name, attributes, text in it), in order of their starts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(text)
        self.close()
        assert not self.open, "an element does not end"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is given twice"
        one = (tag, {name: value or "" for name, value in attrs}, [])
        self.elements.append(one)
        if tag not in VOID:
            self.open.append(one)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, _, texts in self.open:
            texts.append(data)

    def texts(self, tag: str, name: str = "") -> list[str]:
        """The texts of the elements with a tag and a class."""
        return ["".join(texts) for known, attributes, texts in self.elements
                if known == tag and (not name or name in attributes.get("class", "").split())]  # fmt: skip

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for known, attributes, _ in self.elements if known == tag]


def finding(severity: Severity = "warning", message: str = "`eggs` is lost", **changes: object) -> Finding:
    place = Span("src/eggs.c", 2, 6, 2, 8)
    one = Finding("HL201", "heap-type-without-gc", severity, "high", message, place, symbol="eggs_spec")
    return dataclasses.replace(one, **changes)  # type: ignore[arg-type]  # keys vary by test


def rendered(*findings: Finding, told: tuple[Notice, ...] = (), census: Census | None = None) -> str:
    return "".join(html.render(Report(findings, told, 3, {SOURCE.path: SOURCE}, CARDS, census)))


def page(*findings: Finding, told: tuple[Notice, ...] = (), census: Census | None = None) -> Page:
    return Page(rendered(*findings, told=told, census=census))


CENSUS = in_order([STATIC, OPEN, HEAP], [MODULE])


# What it says


def test_totals() -> None:
    shown = page(finding(), finding("error"), finding(), census=CENSUS)
    assert shown.texts("h1") == ["3 findings in 3 files"]
    assert shown.texts("title") == ["heaplint: 3 findings"]
    assert shown.texts("li", "error") == ["1error"]
    assert shown.texts("li", "warning") == ["2warnings"]
    assert shown.texts("li", "none") == ["0notes"]
    assert shown.texts("li", "count") == ["1static types", "1 / 2heap types that meet all three conditions"]


def test_a_page_without_findings() -> None:
    shown = page()
    assert shown.texts("h1") == ["No findings in 3 files"]
    assert shown.texts("h2") == []
    assert shown.attributes("script") == []


def test_rules_are_counted_and_explained() -> None:
    shown = page(finding(), finding(), finding(rule="HL101", name="static-type"))
    rows = shown.texts("tr")
    assert rows == [
        "rulewhat it findsfindings",
        f"HL101 static-type{CARDS['HL101'].summary}1",
        f"HL201 heap-type-without-gc{CARDS['HL201'].summary}2",
    ]
    assert [one["id"] for one in shown.attributes("article") if one["class"] == "rule"] == ["HL101", "HL201"]


def test_a_finding_with_its_source_steps_and_related_places() -> None:
    step, last = Related(Span("src/eggs.c", 3, 5, 3, 10), "it begins"), Related(Span("src/eggs.c", 8, 1, 8, 4), "it ends")
    related = Related(Span("elsewhere.c", 1, 1, 1, 2), "not read")
    shown = page(finding(steps=(step, last), related=(related,), python=">=3.9", fix=Fix("unsafe", ())))
    (told,) = shown.texts("article", "finding")
    assert "1. warning HL201 heap-type-without-gc src/eggs.c:2:6" in told
    assert "Pythons: >=3.9" in told and "A fix is known (unsafe)." in told
    assert shown.texts("mark") == ["日本", "three", "int"]
    assert shown.texts("pre") == [
        "1int one;\n2    int 日本 = <b>;\n3int three(\n4  void\n", "3int three(\n", "8int last;\n",
    ]  # fmt: skip
    assert [one.partition(" src/")[0] for one in shown.texts("li")[-3:]] == [
        "it begins", "it ends", "not read elsewhere.c:1:1",
    ]  # fmt: skip


def test_findings_stand_under_their_files_and_links_lead_to_them() -> None:
    other = Span("a.c", 1, 1, 1, 2)
    shown = page(finding(span=other), finding(), finding(), census=in_order([HEAP], []))
    assert shown.texts("h3") == ["a.c", "src/eggs.c"]
    ids = {attributes["id"] for _, attributes, _ in shown.elements if "id" in attributes}
    targets = {one["href"].removeprefix("#") for one in shown.attributes("a")}
    assert targets <= ids
    assert {"finding-2", "finding-3", "HL201"} <= targets, "the findings about the type, and the rule"


def test_notices() -> None:
    told = (Notice("a.c", 3, "unterminated", "comment does not end"), Notice(".", 0, "skipped-generated", "2 files"))
    assert page(told=told).texts("tr") == ["unterminateda.c:3comment does not end", "skipped-generated2 files"]


def test_cards_tick_the_three_conditions() -> None:
    half = dataclasses.replace(HEAP, symbol="half_spec", visits_type=False, tracked=None)
    shown = page(census=in_order([STATIC, OPEN, HEAP, half], [MODULE]))
    cards = dict(zip(shown.texts("h4"), shown.texts("article", "card"), strict=True))
    words = [re.findall(r"[✓✗?]", cards[symbol]) for symbol in ("eggs_spec", "half_spec", "macro_spec", "SpamType")]
    assert words == [["✓", "✓", "✓"], ["✓", "✗", "?"], ["?", "?", "?"], []]
    classes = [one["class"] for one in shown.attributes("article")]
    assert sorted(classes) == ["card", "card bad", "card bad", "card good"]
    labels = {one["aria-label"] for one in shown.attributes("span") if "aria-label" in one}
    assert labels == {"yes", "no", "not known"}, "the ticks are read aloud"
    assert "spamsingle-phase-1not saidnot saidsrc/spam.c:40" in shown.texts("tr")


def test_the_most_serious_are_shown_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_FINDINGS", 2)
    monkeypatch.setattr(html, "MAX_NOTICES", 1)
    monkeypatch.setattr(html_census, "MAX_TYPES", 1)
    told = (Notice("a.c", 0, "unreadable", "x"), Notice("b.c", 0, "unreadable", "x"))
    shown = page(finding("note"), finding("error", "one"), finding(), finding("error", "two"), told=told, census=CENSUS)
    assert shown.texts("p", "message") == ["one", "two"]
    assert [one for one in shown.texts("p", "quiet") if "more are not" in one] == [
        "2 more are not shown.", "The 2 most serious findings are shown; 2 more are not.", "1 more are not shown.",
    ]  # fmt: skip
    assert "1note" in shown.texts("li"), "all are counted"


def test_long_places_and_lines_are_cut() -> None:
    source = SourceFile("src/eggs.c", b"x" * 500 + b"@" + b"y" * 500 + b"\n" + b"int y;\n" * 20)
    report = Report((), (), 1, {source.path: source}, CARDS)
    (row,) = Page(excerpt(report, Span(source.path, 1, 501, 1, 502), 0)).texts("pre")
    assert len(row) < LINE_WIDTH + 10 and "…" in row
    assert Page(excerpt(report, Span(source.path, 1, 501, 1, 502), 0)).texts("mark") == ["@"]
    long = Page(excerpt(report, Span(source.path, 2, 1, 20, 2), 1))
    assert len(long.texts("span", "row")) == MAX_LINES + 2
    assert len(long.texts("mark")) == MAX_LINES
    assert excerpt(report, Span("/etc/passwd", 1, 1, 1, 2), 0) == ""
    assert excerpt(report, Span(source.path, 99, 1, 99, 2), 0) == ""


# What it may do


def test_nothing_is_loaded_and_only_its_own_style_and_script_are_allowed() -> None:
    shown = page(finding(), told=(Notice("a.c", 0, "unreadable", "x"),), census=CENSUS)
    policy = next(one["content"] for one in shown.attributes("meta") if "http-equiv" in one)
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (*shown.texts("style"), *shown.texts("script"))
    ]
    assert len(hashes) == 2
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    for _, attributes, _ in shown.elements:
        assert not {name for name in attributes if name in ("src", "style", "action") or name.startswith("on")}
        assert attributes.get("href", "#").startswith("#")
    assert "url(" not in shown.texts("style")[0] and "@import" not in shown.texts("style")[0]


def test_without_the_script_everything_is_shown_but_the_filters() -> None:
    hidden = [(tag, attributes) for tag, attributes, _ in page(finding()).elements if "hidden" in attributes]
    assert [(tag, attributes["id"]) for tag, attributes in hidden] == [("form", "filters")]


@given(message=ANY_TEXT, path=ANY_TEXT, symbol=ANY_TEXT, line=ANY_TEXT)
def test_hostile_text_is_shown_and_changes_nothing(message: str, path: str, symbol: str, line: str) -> None:
    def made(message: str, path: str, symbol: str, line: str) -> str:
        source = SourceFile(path, line.encode("utf-8", "replace").replace(b"\n", b""))
        place = Related(Span(path, 1, 1, 1, 2), message)
        one = finding(message=message, span=Span(path, 1, 1, 1, 2), symbol=symbol, steps=(place,), python=message)
        census = in_order([dataclasses.replace(HEAP, path=path, symbol=symbol, name=symbol)],
                          [dataclasses.replace(MODULE, path=path, state_size=message, name=symbol)])  # fmt: skip
        told = (Notice(path, 1, "unbalanced", message),)
        return "".join(html.render(Report([one], told, 1, {path: source}, CARDS, census)))

    text = made(message, path, symbol, line)
    hostile, harmless = Page(text), Page(made("x", "a.c", "y", "int z;"))
    assert is_safe(text.replace("\n", ""))
    skeleton = [(tag, sorted(attributes)) for tag, attributes, _ in harmless.elements]
    if path != ".":  # the place of a notice about the whole run
        assert [(tag, sorted(attributes)) for tag, attributes, _ in hostile.elements] == skeleton
    assert hostile.texts("p", "message") == [sanitize.text(message)]
    assert hostile.texts("h3") == [sanitize.text(path)]


@given(st.text(), st.text())
def test_elements_escape_what_they_are_given(text: str, value: str) -> None:
    ((tag, attributes, texts),) = Page(element("p", text, data_one=value)).elements
    assert (tag, "".join(texts)) == ("p", sanitize.text(text))
    assert attributes == {"data-one": sanitize.text(value)}


def test_html_escapes() -> None:
    assert sanitize.html("<a href='x'>\"&\u202e\n") == "&lt;a href=&#x27;x&#x27;&gt;&quot;&amp;\\u202e\\x0a"


# The command, and a browser


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page of the fixture extensions."""
    monkeypatch.chdir(FIXTURES)
    assert run(["check", "--format", "html", "--output", str(tmp_path / "page.html")]) == 1
    return tmp_path / "page.html"


def test_the_command_writes_a_page_with_the_census(file: Path) -> None:
    shown = Page(file.read_text(encoding="utf-8"))
    assert len(shown.texts("article", "card")) > 20
    assert len(shown.texts("article", "finding")) == int(shown.texts("h1")[0].split()[0]) > 20
    assert len(shown.texts("mark")) >= len(shown.texts("article", "finding"))


def browse(file: Path, *options: str) -> tuple[str, str]:
    """What Chromium prints and complains of when it opens a file."""
    done = subprocess.run(
        [
            program("chromium", "chromium-browser", "google-chrome"), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
            f"--user-data-dir={file.parent / 'profile'}", "--enable-logging=stderr", *options, file.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return done.stdout, done.stderr


@pytest.mark.external
def test_the_browser_runs_the_filters_and_keeps_the_policy(file: Path) -> None:
    document, errors = browse(file, "--dump-dom")
    assert "Content Security Policy" not in errors
    assert re.search(r'<output[^>]*name="count"[^>]*>(\d+) of \1 shown</output>', document)
    assert re.search(r'<form id="filters">', document), "the script shows the filters"


@pytest.mark.external
def test_the_browser_refuses_what_somebody_adds(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("</body>", "<script>document.title = 'owned'</script></body>"), encoding="utf-8")
    document, errors = browse(file, "--dump-dom")
    assert "<title>owned" not in document
    assert "Content Security Policy" in errors


def probed(file: Path, probe: str, *options: str) -> str:
    """What an expression is worth in the page: a script, which the page's policy is made to allow, shows it as title."""
    script = f"document.title = {probe}"
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = file.read_text(encoding="utf-8").replace("script-src ", f"script-src &#x27;sha256-{allowed}&#x27; ")
    other = file.with_name("probed.html")
    other.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    title = re.search(r"<title>(.*?)</title>", browse(other, "--dump-dom", *options)[0])
    assert title is not None
    return title[1]


@pytest.mark.external
def test_the_filters_filter(file: Path) -> None:
    shown = Page(file.read_text(encoding="utf-8"))
    findings = [one for one in shown.attributes("article") if "data-rule" in one]
    words = dict(zip([one["id"] for one in findings], shown.texts("article", "finding"), strict=True))
    filters = "document.forms[0].elements"
    tell = "[...document.querySelectorAll('.finding')].filter((one) => one.offsetParent).map((one) => one.id).join()"

    def after(**values: str) -> list[str]:
        chosen = "".join(f"{filters}.{name}.value = '{value}', " for name, value in values.items())
        told = probed(file, f"({chosen}document.forms[0].dispatchEvent(new Event('input')), {tell})")
        return told.split(",") if told else []

    errors = [one["id"] for one in findings if one["data-severity"] == "error"]
    static = [one["id"] for one in findings if one["data-rule"] == "HL101"]
    assert 0 < len(errors) < len(findings) and 0 < len(static) < len(findings)
    assert after(severity="error") == errors
    assert after(rule="HL101") == static
    assert after(severity="error", rule="HL101") == []
    assert after(text="DECREF early") == [name for name, text in words.items() if "early" in text and "DECREF" in text]


@pytest.mark.external
def test_it_fits_narrow_and_wide_light_and_dark(file: Path) -> None:
    style = "getComputedStyle(document.body).backgroundColor"
    seen = []
    for width in (500, 1400):
        for scheme in ("0", "1"):
            options = (f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}")
            probe = f"[innerWidth, document.documentElement.scrollWidth, {style}].join(' ')"
            inner, content, ground = probed(file, probe, *options).split(" ", 2)
            assert int(content) <= int(inner), f"at {width} the page scrolls sideways"
            seen.append((width, ground))
    assert len(set(seen)) == 4, "light and dark differ"
