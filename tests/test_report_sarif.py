"""SARIF: what GitHub code scanning and other viewers read."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint import __version__
from heaplint.cards import Card, all_cards
from heaplint.findings import Edit, Finding, Fix, Notice, Related, Span
from heaplint.report import sarif
from heaplint.report.report import Report
from heaplint.report.sarif_fingerprint import line_hashes
from heaplint.report.sarif_limits import GZIPPED, excess, most_severe
from heaplint.source import SourceFile

TEXT = "/* \U0001f600 */ static PyTypeObject Spam;\r\n\tint 日 x; /* \U0001f600\U0001f600 */ int y;\n"
SOURCE = SourceFile("src/spam.c", TEXT.encode())
CARDS = all_cards()


def place(word: str, source: SourceFile = SOURCE) -> Span:
    start = source.data.index(word.encode())
    return source.span(start, start + len(word.encode()))


def finding(**changes: object) -> Finding:
    base = Finding("HL101", "static-type", "warning", "high", "`Spam` is a static type", place("Spam"), symbol="Spam")
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # keys vary by test


def run_of(
    *findings: Finding,
    told: tuple[Notice, ...] = (),
    sources: tuple[SourceFile, ...] = (SOURCE,),
    cards: Mapping[str, Card] = CARDS,
) -> Any:
    report = Report(findings, told, 1, {source.path: source for source in sources}, cards)
    log = json.loads("".join(sarif.render(report)))
    assert log["version"] == "2.1.0"
    [run] = log["runs"]
    return run


def result_of(one: Finding) -> Any:
    [result] = run_of(one)["results"]
    return result


def notifications(run: Any) -> Any:
    [invocation] = run["invocations"]
    assert invocation["executionSuccessful"] is True
    return invocation["toolExecutionNotifications"]


def test_the_tool_and_the_run() -> None:
    run = run_of()
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("heaplint", __version__)
    assert driver["informationUri"].startswith("https://")
    assert run["automationDetails"] == {"id": "heaplint/"}
    assert run["columnKind"] == "utf16CodeUnits"
    assert "%SRCROOT%" in run["originalUriBaseIds"]
    assert run["results"] == notifications(run) == []


def test_rules_are_the_cards() -> None:
    rules = run_of()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(CARDS)
    for rule, card in zip(rules, CARDS.values(), strict=True):
        assert rule["shortDescription"]["text"] == card.summary
        assert 0 < len(rule["fullDescription"]["text"]) <= 1024  # GitHub shows no more
        assert card.section("Why") in rule["help"]["markdown"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] == card.severity
        assert rule["defaultConfiguration"].get("enabled", True) == card.default
        properties = rule["properties"]
        assert properties["precision"] == card.precision
        assert properties["problem.severity"] in ("error", "warning", "recommendation")
        assert set(card.tags) <= set(properties["tags"]) and len(properties["tags"]) <= 10
        secure = "memory-safety" in card.tags
        assert ("security-severity" in properties) == ("security" in properties["tags"]) == secure
        assert not secure or 0 < float(properties["security-severity"]) < 10
    names = [rule["name"] for rule in rules]
    assert names[list(CARDS).index("HL201")] == "HeapTypeWithoutGc"


def test_a_result() -> None:
    assert result_of(finding()) == {
        "ruleId": "HL101",
        "ruleIndex": list(CARDS).index("HL101"),
        "level": "warning",
        "message": {"text": "`Spam` is a static type."},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "src/spam.c", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 1, "startColumn": 30, "endLine": 1, "endColumn": 34},
                }
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": line_hashes(SOURCE.data, {1})[1]},
    }


def test_a_result_in_a_file_that_is_not_of_the_run_has_no_fingerprint() -> None:
    assert "partialFingerprints" not in result_of(finding(span=Span("/etc/passwd", 1, 1, 1, 2)))


@pytest.mark.parametrize("severity", ["error", "warning", "note"])
def test_the_level_is_always_there(severity: str) -> None:
    assert result_of(finding(severity=severity))["level"] == severity


def utf16_slice(text: str, start: int, end: int) -> str:
    """What stands between two 1-based columns counted in UTF-16 units."""
    return text.encode("utf-16-le")[2 * start - 2 : 2 * end - 2].decode("utf-16-le")


@pytest.mark.parametrize("word", ["Spam", "static", "\U0001f600 */", "日", "x;", "int y"])
def test_columns_are_utf16_units_and_ends_exclusive(word: str) -> None:
    [location] = result_of(finding(span=place(word)))["locations"]
    region = location["physicalLocation"]["region"]
    line = TEXT.splitlines()[region["startLine"] - 1]
    assert region["startLine"] == region["endLine"]
    assert utf16_slice(line, region["startColumn"], region["endColumn"]) == word


def test_the_first_sentence_is_the_title_and_links_lead_to_related_places() -> None:
    related = (Related(place("static"), "declared [here]"), Related(place("int y"), "used"))
    result = result_of(finding(related=related, python=">=3.9"))
    text = result["message"]["text"]
    assert text == r"`Spam` is a static type. Python >=3.9. See [declared \[here\]](1), [used](2)."
    assert [one["id"] for one in result["relatedLocations"]] == [1, 2]
    assert result["relatedLocations"][0]["message"]["text"] == r"declared \[here\]"
    assert result["relatedLocations"][1]["physicalLocation"]["region"]["startLine"] == 2


def test_steps_are_a_code_flow() -> None:
    steps = (Related(place("static"), "made"), Related(Span("other.h", 7, 3, 7, 5), "lost"))
    [flow] = result_of(finding(steps=steps))["codeFlows"]
    [thread] = flow["threadFlows"]
    places = [one["location"] for one in thread["locations"]]
    assert [one["message"]["text"] for one in places] == ["made", "lost"]
    assert [one["physicalLocation"]["artifactLocation"]["uri"] for one in places] == ["src/spam.c", "other.h"]
    assert places[1]["physicalLocation"]["region"]["startColumn"] == 3


def apply(fix: Any, texts: dict[str, str]) -> dict[str, str]:
    """What the files are when a viewer has applied a fix: SARIF's regions on lines and UTF-16 columns."""
    result = dict(texts)
    for change in fix["artifactChanges"]:
        path = change["artifactLocation"]["uri"]
        units = texts[path].encode("utf-16-le")
        starts = [0, *(index + 2 for index in range(0, len(units), 2) if units[index : index + 2] == b"\n\0")]

        def offset(line: int, column: int, starts: list[int] = starts) -> int:
            return starts[line - 1] + 2 * (column - 1)

        for one in reversed(change["replacements"]):
            region = one["deletedRegion"]
            start = offset(region["startLine"], region["startColumn"])
            end = offset(region["endLine"], region["endColumn"])
            units = units[:start] + one.get("insertedContent", {"text": ""})["text"].encode("utf-16-le") + units[end:]
        result[path] = units.decode("utf-16-le")
    return result


def test_a_fix_does_what_its_edits_do() -> None:
    other = SourceFile("src/spam.h", b"int a;\r\nint b;\r\n")
    data = SOURCE.data
    edits = (
        Edit(SOURCE.path, data.index(b"static"), data.index(b"PyType"), ""),
        Edit(SOURCE.path, data.index("日".encode()), data.index(b"x;"), "\U0001f600[a](b)\x1b"),
        Edit(SOURCE.path, data.index(b"int y"), data.index(b"int y"), "const "),
        Edit(other.path, 4, 14, "c"),
        Edit(other.path, len(other.data), len(other.data), "/* end */\r\n"),
    )
    run = run_of(finding(fix=Fix("unsafe", edits)), sources=(SOURCE, other))
    [fix] = run["results"][0]["fixes"]
    expected = {}
    for source in (SOURCE, other):
        changed = source.data
        for edit in reversed([edit for edit in edits if edit.path == source.path]):
            changed = changed[: edit.start] + edit.text.encode() + changed[edit.end :]
        expected[source.path] = changed.decode()
    assert apply(fix, {SOURCE.path: TEXT, other.path: other.data.decode()}) == expected
    assert fix["description"]["text"] != run_of(finding(fix=Fix("safe", edits[:1])))["results"][0]["fixes"][0][
        "description"]["text"]  # fmt: skip


def test_a_fix_of_a_file_that_is_not_of_the_run_is_left_out() -> None:
    fix = Fix("safe", (Edit("../secret.c", 0, 1, ""),))
    assert "fixes" not in result_of(finding(fix=fix))


def test_notices_are_notifications() -> None:
    told = (
        Notice("src/big.c", 0, "skipped-size", "too large"),
        Notice("src/a b.c", 3, "unbalanced", "why [x]"),
        Notice(".", 0, "skipped-generated", "skipped 2 files"),
    )
    first, second, third = notifications(run_of(told=told))
    assert first["descriptor"]["id"] == "skipped-size" and first["level"] == "warning"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/big.c"
    assert "region" not in first["locations"][0]["physicalLocation"]
    assert second["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    assert second["message"]["text"] == r"why \[x\]"
    assert third["level"] == "note" and "locations" not in third


HOSTILE = [
    "new\nline.c", "esc\x1b[31m.c", "::error::.c", "50%0A.c", "bidi\u202e.c", "quo\"te'.c", "<script>.c", "caf\udce9.c",
    "http://evil.c", "a b#c?d.c", "[x](http:evil).c", "日本\U0001f600.c", "back\\slash.c",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_files(name: str) -> None:
    result = result_of(finding(span=Span(name, 1, 1, 1, 2), message=f"see {name}", related=(Related(place("x"), name),)))
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii() and uri.isprintable() and not set(uri) & set(" :?#[]\"'<>\\")
    assert unquote_to_bytes(uri) == name.encode("utf-8", "surrogateescape")
    text = result["message"]["text"]
    assert all(one.isprintable() for one in text)
    assert text.replace(r"\[", "").replace(r"\]", "").count("](") == 1  # the link to the related place


@given(st.text(st.characters(exclude_categories=())))
def test_no_message_makes_a_link(message: str) -> None:
    [result] = run_of(finding(message=message), cards={})["results"]
    text = result["message"]["text"]
    assert "[" not in text.replace("\\\\", "").replace(r"\[", "")


def test_the_document_is_one_line_of_ascii() -> None:
    document = "".join(sarif.render(Report([finding(message="日\x7f")], (), 1, {SOURCE.path: SOURCE}, CARDS)))
    assert document.isascii() and document.count("\n") == 1 and "\x7f" not in document


@pytest.mark.parametrize("trap", ['"results":[]', "%SRCROOT%", "{0}"])
def test_no_text_changes_the_shape_of_the_document(trap: str) -> None:
    told = (Notice(trap, 0, "unreadable", trap),)
    run = run_of(finding(message=trap), told=told)
    assert len(run["results"]) == len(notifications(run)) == 1


def many(number: int) -> list[Finding]:
    severities = ["note", "warning", "error"]
    return [finding(severity=severities[index % 3], message=f"number {index}") for index in range(number)]


def test_a_hundred_thousand_findings_are_cut_to_the_most_severe() -> None:
    run = run_of(*many(100_000))
    results = run["results"]
    assert len(results) == 25_000
    assert {result["level"] for result in results} == {"error"}
    numbers = [int(result["message"]["text"].split()[1].rstrip(".")) for result in results]
    assert numbers == sorted(numbers)
    cut, hidden = notifications(run)
    assert cut["descriptor"]["id"] == "github-limit" and cut["level"] == "warning"
    assert cut["message"]["text"].startswith("75000 findings, the least severe, left out: GitHub takes 25000 results")
    assert "20000" in hidden["message"]["text"]


def test_nothing_is_said_where_nothing_is_cut() -> None:
    run = run_of(*many(5_000))
    assert len(run["results"]) == 5_000
    assert notifications(run) == []


def test_many_steps_and_related_places_are_cut() -> None:
    result_run = run_of(finding(steps=(Related(place("x"), "s"),) * 1_203, related=(Related(place("x"), "r"),) * 150))
    [result] = result_run["results"]
    assert len(result["codeFlows"][0]["threadFlows"][0]["locations"]) == 1_000
    assert len(result["relatedLocations"]) + len(result["locations"]) == 100
    assert result["message"]["text"].endswith("[r](99).")
    steps, places = (one["message"]["text"] for one in notifications(result_run))
    assert steps.startswith("203 steps left out")
    assert places.startswith("51 related places left out")


def test_a_document_that_is_too_large_when_compressed_is_cut() -> None:
    noise = random.Random(1)
    findings = [
        finding(severity="error" if index % 2 else "note", message="".join(noise.choices(ALPHABET, k=150_000)))
        for index in range(200)
    ]
    report = Report(findings, (), 1, {SOURCE.path: SOURCE}, CARDS)
    document = "".join(sarif.render(report))
    assert excess(document) <= 1
    run = json.loads(document)["runs"][0]
    assert 20 < len(run["results"]) < 100
    assert {result["level"] for result in run["results"]} == {"error"}
    [cut] = notifications(run)
    assert cut["message"]["text"].startswith(f"{200 - len(run['results'])} findings") and "10 MB" in cut["message"]["text"]


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_what_surely_fits_is_not_compressed_in_vain() -> None:
    noise = random.Random(2)
    printable = "".join(map(chr, range(32, 127)))
    assert excess("".join(noise.choices(printable, k=11_999_999))) == 0
    assert excess("".join(noise.choices(ALPHABET, k=2 * GZIPPED))) > 1


@given(st.lists(st.sampled_from(["error", "warning", "note"]), max_size=12), st.integers(0, 12))
def test_the_most_severe_stay_in_order(severities: list[str], number: int) -> None:
    findings = [finding(severity=severity, message=str(index)) for index, severity in enumerate(severities)]
    kept = most_severe(findings, number)
    assert len(kept) == min(number, len(findings))
    assert [int(one.message) for one in kept] == sorted(int(one.message) for one in kept)
    rank = ["note", "warning", "error"].index
    left = [one for one in findings if one not in kept]
    assert not kept or not left or min(rank(one.severity) for one in kept) >= max(rank(one.severity) for one in left)
