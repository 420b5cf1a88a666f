"""Which files are found, what is left out, and what is said about it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaplint.config import Config, ConfigError, PatternSet
from heaplint.discovery import MAX_SOURCE_BYTES, Discovery, InputError, discover
from heaplint.excludes import PatternError, compile_pattern
from heaplint.provenance import foreign_encoding, generator_of

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below the project, which is marked as one."""
    (tmp_path / "pyproject.toml").touch()

    def write_file(path: str, data: bytes = b"int x;\n") -> Path:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file

    return write_file


def found(discovery: Discovery) -> list[str]:
    return [source.path for source in discovery.files]


def notices(discovery: Discovery) -> list[tuple[str, str]]:
    return [(notice.kind, notice.path) for notice in discovery.notices]


def search(folder: Path, *paths: str, **config: object) -> Discovery:
    return discover(paths or ["."], Config(**config), folder)  # type: ignore[arg-type]  # keys vary by test


def test_c_and_cpp_files_are_found_in_order(write: Write, tmp_path: Path) -> None:
    for name in ("b.c", "a.h", "src/z.cpp", "src/y.CXX", "src/x.hh", "clinic/a.c.h", "w.C"):
        write(name)
    for name in ("setup.py", "a.pyx", "table.inc", "names.def", "a.o", "Makefile"):
        write(name)
    assert found(search(tmp_path)) == ["a.h", "b.c", "clinic/a.c.h", "src/x.hh", "src/y.CXX", "src/z.cpp", "w.C"]


def test_a_named_file_is_read_whatever_its_name(write: Write, tmp_path: Path) -> None:
    write("table.inc")
    assert found(search(tmp_path, "table.inc")) == ["table.inc"]


def test_a_file_is_found_once(write: Write, tmp_path: Path) -> None:
    write("src/a.c")
    assert found(search(tmp_path, ".", "src", "src/a.c", "src/../src/a.c", str(tmp_path / "src"))) == ["src/a.c"]


def test_globs_are_expanded(write: Write, tmp_path: Path) -> None:
    for name in ("src/a.c", "src/deep/b.c", "src/c.py", "build/d.c"):
        write(name)
    assert found(search(tmp_path, "src/*.c")) == ["src/a.c"]
    assert found(search(tmp_path, "**/*.c")) == ["src/a.c", "src/deep/b.c"], "a glob finds, it does not name"
    assert found(search(tmp_path, "s*")) == ["src/a.c", "src/deep/b.c"]
    write("odd[1].c")
    assert found(search(tmp_path, "odd[1].c")) == ["odd[1].c"], "a file of that name comes first"


@pytest.mark.parametrize("path", ["nix.c", "no/such/folder", "", "*.nix", "a" * 5000])
def test_what_is_not_there_is_an_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(InputError) as caught:
        search(tmp_path, path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_c_is_no_error(tmp_path: Path) -> None:
    assert search(tmp_path).files == ()


# Paths


def test_paths_are_relative_to_the_current_folder(write: Write, tmp_path: Path) -> None:
    write("src/a.c")
    assert found(search(tmp_path)) == ["src/a.c"]
    assert found(search(tmp_path / "src")) == ["a.c"]
    assert search(tmp_path / "src").project == tmp_path


def test_paths_above_the_current_folder_are_relative_to_the_project(write: Write, tmp_path: Path) -> None:
    write("src/a.c")
    (tmp_path / "docs").mkdir()
    assert found(search(tmp_path / "docs", "../src")) == ["src/a.c"]


def test_paths_elsewhere_are_relative_to_their_tree(write: Write, tmp_path: Path) -> None:
    tree = write("tree/Modules/a.c").parent.parent
    (tmp_path / "pyproject.toml").unlink()
    away = tmp_path / "away"
    away.mkdir()
    assert found(search(away, str(tree))) == ["Modules/a.c"]
    assert found(search(away, str(tree / "Modules" / "a.c"))) == ["a.c"]


# Exclusion


def test_build_output_and_environments_are_not_searched(write: Write, tmp_path: Path) -> None:
    for folder in ("build", "dist", ".git", ".tox", ".venv", "venv", "node_modules", "spam.egg-info", "__pycache__",
                   ".eggs", "cmake-build-debug", "src/build"):  # fmt: skip
        write(f"{folder}/a.c")
    write("my env/pyvenv.cfg")
    write("my env/include/a.h")
    write("builder/a.c")
    assert found(search(tmp_path)) == ["builder/a.c"]


def test_a_named_folder_is_searched_although_it_is_excluded(write: Write, tmp_path: Path) -> None:
    write(".gitignore", b"build/\n*.skip.c\n")
    write("build/a.c")
    write("build/b.skip.c")
    write("build/build/c.c")
    assert found(search(tmp_path, "build")) == ["build/a.c"]


def test_gitignore_is_honoured(write: Write, tmp_path: Path) -> None:
    write(".gitignore", b"# generated\n*.gen.c\n/top.c\nout/\n")
    write("src/.gitignore", b"!keep.gen.c\nlocal.c\n")
    for name in ("a.gen.c", "top.c", "out/a.c", "src/top.c", "src/keep.gen.c", "src/local.c", "src/in/b.gen.c"):
        write(name)
    assert found(search(tmp_path)) == ["src/keep.gen.c", "src/top.c"]
    assert found(search(tmp_path / "src")) == ["keep.gen.c", "top.c"], "files above the start count too"


def test_a_named_file_is_read_although_it_is_ignored(write: Write, tmp_path: Path) -> None:
    write(".gitignore", b"*.c\n")
    write("a.c")
    assert found(search(tmp_path)) == []
    assert found(search(tmp_path, "a.c")) == ["a.c"]


def test_configured_patterns_exclude(write: Write, tmp_path: Path) -> None:
    for name in ("a.c", "vendor/b.c", "src/gen/c.c"):
        write(name)
    patterns = PatternSet("pyproject.toml: exclude", tmp_path, ("vendor/", "src/**/c.c"))
    assert found(search(tmp_path, exclude=(patterns,))) == ["a.c"]
    assert found(search(tmp_path / "src", exclude=(patterns,))) == []


def test_patterns_that_take_very_long_are_refused(write: Write, tmp_path: Path) -> None:
    hostile = "*a" * 30 + "b"
    with pytest.raises(PatternError, match="more than 4 wildcards"):
        compile_pattern(hostile)
    patterns = PatternSet("heaplint.toml: exclude", tmp_path, (hostile,))
    with pytest.raises(ConfigError, match=r"heaplint\.toml: exclude: .* wildcards"):
        search(tmp_path, exclude=(patterns,))
    write(".gitignore", b"x.c\n" + hostile.encode())
    write("a" * 200 + ".c")
    assert notices(search(tmp_path)) == [("unreadable", ".gitignore")]


@given(st.text(min_size=1, max_size=30))
def test_any_pattern_compiles_or_is_refused(pattern: str) -> None:
    try:
        compile_pattern(pattern).match_file("src/a.c")
    except PatternError:
        return


# Generated and vendored files

CYTHON = b"/* Generated by Cython 3.0.2 */\n"
GENERATED = {
    "Cython": CYTHON,
    "SWIG": b"/* ----\n * This file was automatically generated by SWIG (https://www.swig.org).\n",
    "Bison": b"/* A Bison parser, made by GNU Bison 3.8.2.  */\n",
    "flex": b'#line 3 "lex.yy.c"\n/* A lexical scanner generated by flex */\n',
    "re2c": b"/* Generated by re2c 1.3 on Mon */\n",
    "f2py": b"/* File: xmodule.c\n * This file is auto-generated with f2py (version:2).\n */\n",
    "mypyc": b'#include "init.c"\n#include "__native_lib.h"\n#include "__native_internal_lib.h"\n',
    "Nuitka": b"/* Generated code for Python module 'x'\n * created by Nuitka version 1.8\n",
    "cffi": b"#define _CFFI_\n\n/* We try to define Py_LIMITED_API",
}


@pytest.mark.parametrize("generator", GENERATED)
def test_generators_are_known_by_their_marks(generator: str) -> None:
    assert generator_of(GENERATED[generator]) == generator


@pytest.mark.parametrize(
    "data",
    [
        b"/*[clinic input]\npreserve\n[clinic start generated code]*/\n",
        b"// File automatically generated by Parser/asdl_c.py.\n",
        b"// This file is generated by Tools/cases_generator/generate_cases.py\n",
        b"/* This handles objects that were generated by Cython */\n",
        b"int x;\n" * 400 + b"/* Generated by re2c */",
    ],
)
def test_files_that_only_look_generated_are_read(data: bytes) -> None:
    assert generator_of(data) is None


def test_generated_files_are_skipped_with_one_notice_a_kind(write: Write, tmp_path: Path) -> None:
    for name in "dcba":
        write(f"{name}.c", CYTHON)
    write("parser.c", GENERATED["Bison"])
    write("own.c")
    result = search(tmp_path)
    assert found(result) == ["own.c"]
    assert [notice.message for notice in result.notices] == [
        "skipped 1 file generated by Bison: parser.c",
        "skipped 4 files generated by Cython: a.c, b.c, c.c, …",
    ]


def test_generated_files_are_read_when_named_or_wanted(write: Write, tmp_path: Path) -> None:
    write("a.c", CYTHON)
    assert found(search(tmp_path, "a.c")) == ["a.c"]
    assert found(search(tmp_path, ".", "a.c")) == ["a.c"]
    assert found(search(tmp_path, include_generated=True)) == ["a.c"]


def test_vendored_headers_are_skipped(write: Write, tmp_path: Path) -> None:
    write("include/pythoncapi_compat.h")
    assert notices(search(tmp_path)) == [("skipped-vendored", ".")]
    assert found(search(tmp_path, "include/pythoncapi_compat.h")) == ["include/pythoncapi_compat.h"]


# Files that cannot be read


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\0" * 4096, "skipped-binary"),
        (b"\x7fELF\x02\x01\x01\0\0\0 some text and \0 more text", "skipped-binary"),
        ("int x;\n".encode("utf-16"), "skipped-encoding"),
        ("int x; // comment\n".encode("utf-16-le"), "skipped-encoding"),
        ("int x; // comment\n".encode("utf-16-be"), "skipped-encoding"),
        ("int x;\n".encode("utf-32"), "skipped-encoding"),
        ("int x; // comment\n".encode("utf-32-be"), "skipped-encoding"),
    ],
)
def test_what_is_not_text_is_skipped(write: Write, tmp_path: Path, data: bytes, kind: str) -> None:
    write("a.c", data)
    assert notices(search(tmp_path)) == [(kind, "a.c")]


@given(st.text(alphabet=st.characters(min_codepoint=1, exclude_categories=("Cs",)), max_size=200))
def test_utf8_is_never_taken_for_something_else(text: str) -> None:
    assert foreign_encoding(text.encode()) is None


def test_empty_and_latin1_files_are_read(write: Write, tmp_path: Path) -> None:
    write("a.c", b"")
    write("b.c", b"/* caf\xe9 */")
    assert found(search(tmp_path)) == ["a.c", "b.c"]


def test_huge_files_are_skipped(write: Write, tmp_path: Path) -> None:
    os.truncate(write("a.c"), MAX_SOURCE_BYTES + 1)
    assert notices(search(tmp_path)) == [("skipped-size", "a.c")]


def test_pipes_are_not_opened(write: Write, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.c")
    assert notices(search(tmp_path)) == [("unreadable", "a.c")]
    with pytest.raises(InputError, match=r"a\.c: not a regular file"):
        search(tmp_path, "a.c")


def test_unreadable_files(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.c")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    result = search(tmp_path)
    assert [(one.kind, one.path, one.message) for one in result.notices] == [("unreadable", "a.c", "Permission denied")]
    with pytest.raises(InputError, match=r"a\.c: Permission denied"):
        search(tmp_path, "a.c")


def test_names_that_are_no_utf8(write: Write, tmp_path: Path) -> None:
    write(os.fsdecode(b"caf\xe9.c"))
    assert found(search(tmp_path)) == ["caf\udce9.c"]


# Links


def test_links_that_leave_the_project_are_not_followed(write: Write, tmp_path: Path) -> None:
    outside = write("outside/secret.c").parent
    project = write("project/pyproject.toml").parent
    (project / "link.c").symlink_to(outside / "secret.c")
    (project / "folder").symlink_to(outside)
    result = search(project)
    assert found(result) == []
    assert notices(result) == [("link-outside", "folder"), ("link-outside", "link.c")]
    assert notices(search(project, "link.c")) == [("link-outside", "link.c")]


def test_links_within_the_project_are_followed_and_files_keep_their_own_path(write: Write, tmp_path: Path) -> None:
    write("src/z.c")
    (tmp_path / "a.c").symlink_to("src/z.c")
    (tmp_path / "a-folder").symlink_to("src")
    assert found(search(tmp_path)) == ["src/z.c"]
    (tmp_path / "src" / "link.c").symlink_to("../other.inc")
    write("other.inc")
    assert found(search(tmp_path)) == ["src/link.c", "src/z.c"]


def test_loops_and_dangling_links(write: Write, tmp_path: Path) -> None:
    write("src/a.c")
    (tmp_path / "src" / "up").symlink_to("..")
    (tmp_path / "src" / "self.c").symlink_to("self.c")
    (tmp_path / "gone.c").symlink_to("nix.c")
    (tmp_path / "gone").symlink_to("nix")
    result = search(tmp_path)
    assert found(result) == ["src/a.c"]
    assert notices(result) == [("unreadable", "gone.c"), ("unreadable", "src/self.c")]
    with pytest.raises(InputError, match="dangling link"):
        search(tmp_path, "gone.c")


def test_a_project_may_be_named_through_a_link(write: Write, tmp_path: Path) -> None:
    write("real/a.c")
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "link").symlink_to("real")
    assert found(search(tmp_path, "link")) == ["real/a.c"]


def test_deep_trees(write: Write, tmp_path: Path) -> None:
    write("/".join("d" * 400) + "/a.c")
    assert len(search(tmp_path).files) == 1
