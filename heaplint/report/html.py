"""The html format: one page that holds everything, needs no network and reads well on paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from heaplint import __version__
from heaplint.cards import Card
from heaplint.findings import SEVERITIES, Finding, Notice, Related
from heaplint.report import sanitize
from heaplint.report.excerpt import excerpt
from heaplint.report.html_census import modules, types
from heaplint.report.markup import Markup, element, joined, void
from heaplint.report.report import Report, counted

MAX_FINDINGS = 5_000
"""How many findings are shown, the most serious: browsers struggle with more."""

MAX_NOTICES = 500
"""How many notices are shown."""

_AROUND = 2
"""Lines shown before and after the place of a finding; its steps have none."""

_PAGE = Path(__file__).parent / "page"


def render(report: Report) -> Iterator[str]:
    """The page, in parts; the same report gives the same bytes."""
    style, script = (Markup((_PAGE / name).read_text(encoding="utf-8")) for name in ("page.css", "page.js"))
    shown = _most_serious(report.findings)
    yield "<!DOCTYPE html>\n"
    yield '<html lang="en">\n'
    yield element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        element("title", f"heaplint: {counted(len(report.findings), 'finding')}"),
        element("style", style),
    )
    yield "\n<body>\n"
    yield from (_header(report), "\n", _rules_table(report), "\n")
    if report.census is not None:
        yield types(report.census, _by_subject(shown)) + "\n"
        yield modules(report.census) + "\n"
    yield from _findings(report, shown)
    yield _notices(report.notices) + "\n"
    yield _rules(report, shown) + "\n"
    yield element("footer", f"heaplint {__version__}") + "\n"
    yield (element("script", script) if shown else "") + "\n</body>\n</html>\n"


def _policy(*allowed: str) -> str:
    """A Content-Security-Policy (level 2) under which nothing is loaded and only these style and script are used."""
    style, script = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in allowed)
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _most_serious(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that are shown, in report order."""
    if len(findings) <= MAX_FINDINGS:
        return list(findings)
    ranked = sorted(range(len(findings)), key=lambda index: (-SEVERITIES.index(findings[index].severity), index))
    return [findings[index] for index in sorted(ranked[:MAX_FINDINGS])]


def _by_subject(findings: Sequence[Finding]) -> Mapping[tuple[str, str], Sequence[int]]:
    """The numbers of the findings about a symbol, by path and symbol."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for number, finding in enumerate(findings, 1):
        if finding.symbol is not None:
            numbers.setdefault((finding.span.path, finding.symbol), []).append(number)
    return numbers


def _header(report: Report) -> Markup:
    tiles = [(counts, severity, severity) for severity, counts in report.by_severity.items()]
    files = counted(report.files, "file")
    title = counted(len(report.findings), "finding") if report.findings else "No findings"
    return element(
        "header",
        element("h1", f"{title} in {files}"),
        element("ul", *(_tile(number, noun, name) for number, noun, name in tiles), *_census_tiles(report),
                class_="totals"),
    )  # fmt: skip


def _tile(number: int, noun: str, name: str) -> Markup:
    words = counted(number, noun).partition(" ")[2]
    return element("li", element("b", str(number)), words, class_=name if number else "none")


def _census_tiles(report: Report) -> Iterator[Markup]:
    if report.census is None:
        return
    totals = report.census.totals
    yield element("li", element("b", str(totals["static"])), "static types", class_="count")
    yield element(
        "li",
        element("b", f"{totals['heap_meets_all']} / {totals['heap']}"),
        "heap types that meet all three conditions",
        class_="count",
    )


def _rules_table(report: Report) -> Markup:
    """How often each rule was broken."""
    if not report.findings:
        return Markup()
    rows = (_rule_row(rule, number, report) for rule, number in report.by_rule.items())
    titles = (("name", "rule"), ("wide", "what it finds"), ("number", "findings"))
    head = element("tr", *(element("th", title, scope="col", class_=name) for name, title in titles))
    table = element("table", element("thead", head), element("tbody", *rows))
    return element("section", element("h2", "Rules broken"), table)


def _rule_row(rule: str, number: int, report: Report) -> Markup:
    card = report.cards.get(rule)
    name = next(finding.name for finding in report.findings if finding.rule == rule)
    return element(
        "tr",
        element("td", element("a", rule, href=f"#{rule}"), " ", name),
        element("td", card.summary if card else "", class_="wide"),
        element("td", str(number), class_="number"),
    )


def _findings(report: Report, shown: Sequence[Finding]) -> Iterator[str]:
    if not shown:
        return
    yield "<section>"
    yield element("h2", "Findings") + _filters(report)
    if len(shown) < len(report.findings):
        left = len(report.findings) - len(shown)
        yield element("p", f"The {len(shown)} most serious findings are shown; {left} more are not.", class_="quiet")
    numbered = enumerate(shown, 1)
    for path, group in groupby(numbered, key=lambda entry: entry[1].span.path):
        yield '\n<div class="file">' + element("h3", element("code", path)) + "\n"
        for number, finding in group:
            yield _finding(number, finding, report) + "\n"
        yield "</div>"
    yield "</section>\n"


def _filters(report: Report) -> Markup:
    """The controls, which the script shows: without it there is nothing that they could do."""
    severities = [severity for severity, number in report.by_severity.items() if number]
    return element(
        "form",
        element("label", "Severity", _choice("severity", severities)),
        element("label", "Rule", _choice("rule", list(report.by_rule))),
        element("label", "Text", void("input", type="search", name="text", autocomplete="off"), class_="text"),
        element("button", "Show all", type="reset"),
        element("output", name="count", aria_live="polite"),
        id="filters",
        hidden="",
    )


def _choice(name: str, values: Sequence[str]) -> Markup:
    options = (element("option", value, value=value) for value in values)
    return element("select", element("option", "all", value=""), *options, name=name)


def _finding(number: int, finding: Finding, report: Report) -> Markup:
    return element(
        "article",
        element(
            "h4",
            element("span", f"{number}. ", class_="quiet"),
            element("span", finding.severity, class_=f"severity {finding.severity}"),
            " ",
            element("a", f"{finding.rule} {finding.name}", href=f"#{finding.rule}"),
            " ",
            element("span", _place(finding), class_="place"),
        ),
        element("p", finding.message, class_="message"),
        excerpt(report, finding.span, _AROUND),
        _places("steps", finding.steps, report),
        _places("related", finding.related, report),
        element("p", f"Pythons: {finding.python}", class_="about") if finding.python is not None else "",
        element("p", f"A fix is known ({finding.fix.applicability}).", class_="about") if finding.fix else "",
        id=f"finding-{number}",
        class_=f"finding {finding.severity}",
        data_rule=finding.rule,
        data_severity=finding.severity,
    )


def _place(place: Finding | Related) -> str:
    return f"{sanitize.text(place.span.path)}:{place.span.line}:{place.span.column}"


def _places(kind: str, places: Sequence[Related], report: Report) -> Markup:
    """The steps that lead to a finding, numbered, or the places that help to understand it."""
    if not places:
        return Markup()
    title = "How it comes about:" if kind == "steps" else "See also:"
    entries = (
        element("li", one.message, " ", element("span", _place(one), class_="place"), excerpt(report, one.span, 0))
        for one in places
    )
    listed = element("ol" if kind == "steps" else "ul", *entries, class_="steps")
    return joined(element("p", title, class_="about"), listed)


def _notices(notices: Sequence[Notice]) -> Markup:
    if not notices:
        return Markup()
    rows = (
        element(
            "tr",
            element("td", one.kind, class_="fixed"),
            element("td", "" if one.path == "." else one.path + (f":{one.line}" if one.line else ""), class_="place"),
            element("td", one.message),
        )
        for one in notices[:MAX_NOTICES]
    )
    more = len(notices) - MAX_NOTICES
    return element(
        "section",
        element("h2", "Not analysed, or only in part"),
        element("table", element("tbody", *rows)),
        element("p", f"{more} more are not shown.", class_="quiet") if more > 0 else "",
    )


def _rules(report: Report, shown: Sequence[Finding]) -> Markup:
    """What the cards of the rules say: why each matters."""
    used = sorted({finding.rule for finding in shown})
    cards = [report.cards[rule] for rule in used if rule in report.cards]
    return element("section", element("h2", "Why it matters"), *map(_rule, cards)) if cards else Markup()


def _rule(card: Card) -> Markup:
    paragraphs = [" ".join(part.split()) for part in card.section("Why").split("\n\n")]
    return element(
        "article",
        element("h4", f"{card.id} {card.name}"),
        element("p", card.summary, class_="quiet"),
        *(element("p", *_prose(one)) for one in paragraphs if one),
        element("p", "Bad and good code: ", element("code", f"heaplint explain {card.id}"), class_="about"),
        id=card.id,
        class_="rule",
    )


def _prose(paragraph: str) -> Iterator[str]:
    """A paragraph of a card, the parts between backticks as code."""
    for index, part in enumerate(paragraph.split("`")):
        yield element("code", part) if index % 2 else part
