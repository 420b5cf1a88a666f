"""The types and modules of a run as HTML: a card for each type, with the three conditions of bpo-42972 as ticks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heaplint.census import Census, CensusModule, CensusType
from heaplint.report import sanitize
from heaplint.report.markup import Markup, element, joined

MAX_TYPES = 2_000
"""How many cards are shown."""

_CONDITIONS = ("Py_TPFLAGS_HAVE_GC is set", "traverse visits the type", "instances are tracked")
_TICKS = {True: ("yes", "✓"), False: ("no", "✗"), None: ("unknown", "?")}
_SAID = {True: "yes", False: "no", None: "not known"}


def types(census: Census, findings: Mapping[tuple[str, str], Sequence[int]]) -> Markup:
    """The cards, heap types first; `findings` are the numbers of those about a type, by its path and symbol."""
    if not census.types:
        return Markup()
    totals = census.totals
    met = f"{totals['heap_meets_all']} of {totals['heap']} heap types meet all three conditions"
    ordered = sorted(census.types, key=lambda one: one.kind != "heap")
    cards = (_card(one, findings.get((one.path, one.symbol), ())) for one in ordered[:MAX_TYPES])
    more = len(ordered) - MAX_TYPES
    return element(
        "section",
        element("h2", "Types"),
        element("p", f"{met}; {totals['static']} static.", class_="quiet"),
        element("div", *cards, class_="types"),
        element("p", f"{more} more are not shown.", class_="quiet") if more > 0 else "",
    )


def _card(one: CensusType, findings: Sequence[int]) -> Markup:
    return element(
        "article",
        element("h4", element("code", one.symbol)),
        element("div", _named(one), class_="quiet"),
        element("div", f"{one.path}:{one.line}", class_="place"),
        _conditions(one) if one.kind == "heap" else element("p", "Shared by all interpreters.", class_="about"),
        element("div", _traits(one), class_="about"),
        _links(findings),
        class_=_class(one),
    )


def _class(one: CensusType) -> str:
    """How a card is coloured: red for a static type and a heap type that breaks a condition."""
    if one.meets_gc_conditions:
        return "card good"
    broken = one.kind == "static" or False in (one.gc, one.visits_type, one.tracked)
    return "card bad" if broken else "card"


def _named(one: CensusType) -> str:
    kind = f"{one.kind} type, {one.written_as}"
    return f"{sanitize.text(one.name)}, {kind}" if one.name else kind


def _conditions(one: CensusType) -> Markup:
    return element("ul", *map(_condition, _CONDITIONS, (one.gc, one.visits_type, one.tracked)))


def _condition(words: str, holds: bool | None) -> Markup:
    name, tick = _TICKS[holds]
    mark = element("span", tick, class_="tick", role="img", aria_label=_SAID[holds])
    return element("li", mark, words, class_=name)


def _traits(one: CensusType) -> str:
    said = {
        "immutable": {True: "immutable", False: "mutable", None: ""}[one.immutable],
        "instantiable": {True: "instantiable", False: "not instantiable", None: ""}[one.instantiable],
    }
    return ", ".join(filter(None, said.values()))


def _links(findings: Sequence[int]) -> Markup:
    if not findings:
        return Markup()
    links = (element("a", str(number), href=f"#finding-{number}") for number in findings)
    parts = [Markup("Findings: "), *(part for link in links for part in (link, Markup(", ")))]
    return element("div", *parts[:-1], class_="about")


def modules(census: Census) -> Markup:
    """A table of the modules."""
    if not census.modules:
        return Markup()
    titles = ("module", "initialisation", "state", "interpreters", "GIL", "place")
    head = element("tr", *(element("th", title, scope="col") for title in titles))
    return element(
        "section",
        element("h2", "Modules"),
        element(
            "div",
            element("table", element("thead", head), element("tbody", *map(_module, census.modules))),
            class_="scroll",
        ),
    )


def _module(one: CensusModule) -> Markup:
    cells = (
        element("code", one.name or one.symbol),
        "?" if one.init == "unknown" else one.init,
        one.state_size or "?",
        one.multiple_interpreters or "not said",
        one.gil or "not said",
        element("span", f"{one.path}:{one.line}", class_="place"),
    )
    return element("tr", *(element("td", joined(cell)) for cell in cells))
