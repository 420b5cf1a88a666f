"""Configuration: where it is found, how the command line changes it, and what its errors say."""

from __future__ import annotations

from pathlib import Path

import pytest

from heaplint import config
from heaplint.config import Config, ConfigError, Overrides, PerFileIgnore
from heaplint.pythons import SUPPORTED


def load(folder: Path, **overrides: object) -> Config:
    return config.load(folder, Overrides(**overrides), folder)  # type: ignore[arg-type]  # options vary by test


def toml(folder: Path, text: str, name: str = "heaplint.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_a_project_without_configuration(project: Path) -> None:
    found = load(project)
    assert found.file is None
    assert found.target.versions == SUPPORTED
    assert (found.severity, found.precision, found.include_generated) == ("note", "low", False)


def test_pyproject_configures(project: Path) -> None:
    file = toml(project, '[tool.heaplint]\nseverity = "warning"\ninclude-generated = true\n', "pyproject.toml")
    found = load(project)
    assert (found.file, found.severity, found.include_generated) == (file, "warning", True)


def test_heaplint_toml_wins_over_pyproject(project: Path) -> None:
    toml(project, '[tool.heaplint]\nseverity = "warning"\n', "pyproject.toml")
    toml(project, 'severity = "error"\n')
    assert load(project).severity == "error"


def test_the_nearest_file_upwards_is_used(project: Path) -> None:
    toml(project, 'severity = "warning"\n')
    inner = project / "src" / "deep"
    inner.mkdir(parents=True)
    (inner / "a.c").touch()
    assert load(inner).severity == "warning"
    assert load(inner / "a.c").severity == "warning"
    toml(inner, "[project]\n", "pyproject.toml")
    assert load(inner).severity == "warning", "a pyproject.toml without [tool.heaplint] configures nothing"


def test_nothing_above_the_repository_configures_it(tmp_path: Path) -> None:
    toml(tmp_path, 'severity = "warning"\n')
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    assert load(tmp_path / "repo").severity == "note"


def test_the_command_line_wins(project: Path) -> None:
    toml(project, 'severity = "error"\ntarget-python = "3.12"\ninclude-generated = true\nextend-exclude = ["a/"]\n')
    found = load(
        project, severity="note", target_python="3.13", include_generated=False, exclude=("b/",), precision="high"
    )
    assert (found.severity, found.precision, found.include_generated) == ("note", "high", False)
    assert found.target.versions == ((3, 13),)
    assert [patterns.patterns for patterns in found.exclude] == [("a/",), ("b/",)]


def test_exclude_replaces_the_default_and_extend_exclude_does_not(project: Path) -> None:
    file = toml(project, 'extend-exclude = ["gen/"]\n')
    assert load(project).default_exclude == config.DEFAULT_EXCLUDE
    file.write_text('exclude = ["gen/"]\n')
    assert load(project).default_exclude == ()


def test_the_target_comes_from_the_project_that_is_linted(project: Path) -> None:
    toml(project, '[project]\nrequires-python = ">=3.14"\n', "pyproject.toml")
    assert load(project).target.oldest == (3, 14)
    toml(project, 'target-python = ">=3.9"\n')
    assert load(project).target.oldest == (3, 9)


def test_isolated_reads_no_file(project: Path) -> None:
    toml(project, "this is not TOML")
    assert config.isolated(Overrides(severity="error"), project).severity == "error"


def test_a_named_file_is_used_instead(project: Path) -> None:
    toml(project, 'severity = "error"\n')
    other = toml(project, 'severity = "warning"\n', "strict.toml")
    found = config.load(project, Overrides(), project, other)
    assert (found.severity, found.file) == ("warning", other)


def test_tables(project: Path) -> None:
    toml(project, '[per-file-ignores]\n"tests/*" = ["HL1"]\n[api.my_new]\nreturns = "new"\nsteals = [1, 3]\n')
    found = load(project)
    assert found.per_file_ignores == (PerFileIgnore("tests/*", ("HL1",)),)
    known = found.api["my_new"]
    assert (known.name, known.result, known.failure) == ("my_new", "new", "raises")
    assert [parameter.kind for parameter in known.parameters] == ["steals", "object", "steals"]
    assert known.variadic, "more parameters than are named may follow"


def test_a_function_of_the_project_can_be_said_in_keys_or_in_one_line(project: Path) -> None:
    toml(
        project,
        """
        [api.my_put]
        returns = "int"
        fails = "clean"
        keeps = [2]
        releases = [3]
        runs = true
        [api.my_get]
        line = "borrowed maybe (table, key=c!) runs"
        [api.my_log]
        """,
    )
    found = load(project).api
    assert found["my_put"].runs_python and found["my_put"].failure == "clean"
    assert [parameter.kind for parameter in found["my_put"].parameters] == ["object", "keeps", "releases"]
    assert found["my_get"].result == "borrowed" and not found["my_get"].parameters[1].null_ok
    assert (found["my_log"].result, found["my_log"].failure) == ("plain", "maybe"), "nothing said, nothing known"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("severity = ", "heaplint.toml: Invalid value"),
        ('severty = "error"', "severty: unknown key (did you mean severity"),
        ("zzz = 1", "zzz: unknown key; allowed are select"),
        ('severity = "eror"', "severity: 'eror' is not one of note, warning, error (did you mean error?)"),
        ("severity = 3", "severity: expected a string"),
        ('precision = "best"', "precision: 'best' is not one of low, medium, high, very-high"),
        ('select = "HL1"', "select: expected a list of strings"),
        ("select = [1]", "select: expected a list of strings"),
        ('include-generated = "yes"', "include-generated: expected true or false"),
        ('target-python = "3.x"', "target-python: '3.x' is not a range of Pythons"),
        ('exclude = ["../other"]', "exclude: '../other' leaves the project"),
        ('extend-exclude = ["C:/x"]', "extend-exclude: 'C:/x' leaves the project"),
        ('exclude = [""]', "exclude: an empty pattern"),
        ("per-file-ignores = 3", "per-file-ignores: expected a table"),
        ('[per-file-ignores]\n"../a" = ["HL1"]', "per-file-ignores.../a: '../a' leaves the project"),
        ('[per-file-ignores]\n"!a" = ["HL1"]', "per-file-ignores.!a: a pattern here cannot be negated"),
        ('[per-file-ignores]\n"a" = "HL1"', "per-file-ignores.a: expected a list of strings"),
        ('api = "x"', "api: expected a table"),
        ('[api.f]\nreturns = "newly"', "api.f.returns: 'newly' is not one of borrowed, count, int, minus, new, none"),
        ('[api.f]\nfails = "never ever"', "api.f.fails: 'never ever' is not one of clean, maybe, never, raises"),
        ("[api.f]\nsteals = [1]\nreleases = [1]", "api.f.steals: parameter 1 stands twice"),
        ('[api.f]\nruns = "yes"', "api.f.runs: expected true or false"),
        ('[api.f]\nline = "newly ()"', "api.f.line: unknown result 'newly'"),
        ('[api.f]\nline = "new"', "api.f.line: expected `result (parameters) flags`"),
        ('[api.f]\nline = "new ()"\nsteals = [1]', "api.f.line: says everything: no other key beside it"),
        ("[api.f]\nsteals = [0]", "api.f.steals: expected a list of parameter numbers"),
        ("[api.f]\nsteals = [true]", "api.f.steals: expected a list of parameter numbers"),
        ("[api.f]\nstels = [1]", "api.f.stels: unknown key (did you mean steals?)"),
        ('[api]\n"f()" = {}', "api.f(): not the name of a C function"),
        ("x = " + "[" * 100_000, "heaplint.toml: "),
    ],
)
def test_errors_name_file_key_and_what_is_allowed(project: Path, text: str, message: str) -> None:
    file = toml(project, text)
    with pytest.raises(ConfigError) as caught:
        load(project)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_on_the_command_line_names_the_option(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"--severity: 'bad' is not one of"):
        load(project, severity="bad")
    with pytest.raises(ConfigError, match=r"--target-python: '2\.7' holds no Python"):
        load(project, target_python="2.7")


def test_an_error_in_requires_python_names_its_file(project: Path) -> None:
    toml(project, '[project]\nrequires-python = "soon"\n', "pyproject.toml")
    with pytest.raises(ConfigError, match=r"pyproject\.toml: requires-python: 'soon'"):
        load(project)
    assert load(project, target_python="3.12").target.versions == ((3, 12),)


def test_files_that_are_no_utf8_or_too_large_or_missing(project: Path) -> None:
    file = project / "heaplint.toml"
    file.write_bytes(b"# \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(project)
    file.write_bytes(b"#" * (config.MAX_CONFIG_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load(project)
    with pytest.raises(ConfigError, match=r"nix\.toml: No such file"):
        config.load(project, Overrides(), project, project / "nix.toml")
    with pytest.raises(ConfigError, match="not a file"):
        config.load(project, Overrides(), project, project)
    with pytest.raises(ConfigError, match=r"no \[tool\.heaplint\] table"):
        config.load(project, Overrides(), project, toml(project, "", "pyproject.toml"))


def test_every_key_is_documented() -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"
    table = page.read_text(encoding="utf-8").partition("## ")[0]
    documented = [line.split("`")[1] for line in table.splitlines() if line[:3] == "| `"]
    assert sorted(documented) == sorted(config.KEYS)
