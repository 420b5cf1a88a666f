"""The pages and skeletons that devtools writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from heaplint import devtools
from heaplint.cards import all_cards, parse_card


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(f"# heaplint\n\n{devtools.START}\nan old table\n{devtools.END}\n\nMore.\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "heaplint" / "checks").mkdir(parents=True)
    return tmp_path


def run(root: Path, *arguments: str) -> int:
    return devtools.main(["--root", str(root), *arguments])


def test_pages_are_written_and_then_fresh(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "rules-page", "--check") == 1
    assert "stale" in capsys.readouterr().err
    assert run(root, "rules-page") == 0
    assert run(root, "rules-page", "--check") == 0
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# heaplint\n") and readme.endswith("\n\nMore.\n") and "an old table" not in readme
    page = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    for card in all_cards().values():
        assert f"| {card.id} | {card.name} |" in readme
        assert f"\n### {card.id} {card.name}\n" in page


def test_a_readme_without_markers_is_an_error(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "README.md").write_text("# heaplint\n")
    assert run(root, "rules-page") == 1
    assert "README.md: no <!-- rules:start -->" in capsys.readouterr().err


def test_a_new_rule_has_a_card_and_a_check(root: Path) -> None:
    assert run(root, "new-rule", "HL299", "brand-new-defect") == 0
    card = parse_card((root / "rules" / "HL299-brand-new-defect.md").read_text(encoding="utf-8"), "HL299")
    assert (card.id, card.name, card.default) == ("HL299", "brand-new-defect", False)
    assert all(card.section(title) for title in ("Why", "Bad", "Good", "Limits"))
    compile((root / "heaplint" / "checks" / "brand_new_defect.py").read_text(encoding="utf-8"), "check", "exec")


@pytest.mark.parametrize(
    ("rule", "name"), [("HL101", "brand-new"), ("HL299", "static-type"), ("X1", "name"), ("HL299", "../evil")]
)
def test_a_rule_that_cannot_be_new(root: Path, rule: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "new-rule", rule, name) == 2
    assert rule in capsys.readouterr().err
    assert list((root / "rules").iterdir()) == []
