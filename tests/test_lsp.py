"""The editor server: a real client talks to a real server over its standard input and output."""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types
from pygls import uris
from pygls.lsp.client import LanguageClient
from real_tools import environment

from heaplint.cards import all_cards
from heaplint.findings import Edit, Finding, Fix, Span
from heaplint.lsp import convert
from heaplint.lsp.document import Checked
from heaplint.report import catalogue
from heaplint.source import SourceFile

HEADER = "#include <Python.h>\ntypedef struct { PyObject_HEAD PyObject *held; } SpamObject;\n#define SPAM_FLAGS 0\n"
SPAM = """\
#include "spam.h"
/* 日本 😀 */ static PyTypeObject SpamType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "spam.Spam",
    .tp_basicsize = sizeof(SpamObject),
};
"""
CLEAN = '#include "spam.h"\nstatic int x;\n'
BODIES = """\
#include "spam.h"
static int spam_traverse(PyObject *self, visitproc visit, void *arg) {
    return 0;
}
static PyType_Slot slots[] = {{Py_tp_traverse, spam_traverse}, {0, NULL}};
PyType_Spec spec = {"spam.Spam", sizeof(SpamObject), 0, Py_TPFLAGS_DEFAULT | SPAM_FLAGS, slots};
"""
TIMEOUT = 30


class Editor(LanguageClient):
    """A client that opens files of a folder and waits for what the server says of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__("editor", "1")
        self.folder = folder
        self.told: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.messages: asyncio.Queue[types.ShowMessageParams] = asyncio.Queue()
        self.versions: dict[str, int] = {}
        self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(lambda params: self.told.put_nowait(params))
        self.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.messages.put_nowait(params))

    def uri(self, name: str) -> str:
        return uris.from_fs_path(str(self.folder / name)) or ""

    async def begin(self, *encodings: types.PositionEncodingKind) -> types.InitializeResult:
        await self.start_io(sys.executable, "-m", "heaplint", "lsp", env=environment())
        general = types.GeneralClientCapabilities(position_encodings=list(encodings)) if encodings else None
        result = await self.initialize_async(
            types.InitializeParams(capabilities=types.ClientCapabilities(general=general), root_uri=self.uri(""))
        )
        self.initialized(types.InitializedParams())
        return result

    async def end(self) -> None:
        await self.shutdown_async(None)
        self.exit(None)
        await self.stop()

    async def diagnostics(self, name: str) -> list[types.Diagnostic]:
        told = await asyncio.wait_for(self.told.get(), TIMEOUT)
        assert (told.uri, told.version) == (self.uri(name), self.versions.get(name))
        return list(told.diagnostics)

    async def open(self, name: str, text: str) -> list[types.Diagnostic]:
        self.versions[name] = 1
        document = types.TextDocumentItem(self.uri(name), types.LanguageKind.C, 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(document))
        return await self.diagnostics(name)

    def type(self, name: str, text: str) -> None:
        self.versions[name] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[name], self.uri(name))
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))

    async def change(self, name: str, text: str) -> list[types.Diagnostic]:
        self.type(name, text)
        return await self.diagnostics(name)

    async def actions(self, name: str, place: types.Range) -> list[types.CodeAction]:
        document = types.TextDocumentIdentifier(self.uri(name))
        asked = types.CodeActionParams(document, place, types.CodeActionContext([]))
        answer = await self.text_document_code_action_async(asked)
        return [one for one in answer or () if isinstance(one, types.CodeAction)]

    async def hover(self, name: str, line: int, character: int) -> types.Hover | None:
        document = types.TextDocumentIdentifier(self.uri(name))
        return await self.text_document_hover_async(types.HoverParams(document, types.Position(line, character)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.heaplint]\ntarget-python = '3.12'\n")
    (tmp_path / "spam.h").write_text(HEADER)
    (tmp_path / "spam.c").write_text(SPAM)
    return tmp_path


def talk(folder: Path, scene: Callable[[Editor], Awaitable[None]], *encodings: types.PositionEncodingKind) -> None:
    """Play a scene between an editor and the server."""

    async def play() -> None:
        editor = Editor(folder)
        await asyncio.wait_for(editor.begin(*encodings), TIMEOUT)
        await asyncio.wait_for(scene(editor), TIMEOUT)
        await asyncio.wait_for(editor.end(), TIMEOUT)

    asyncio.run(play())


def applied(text: str, edits: list[types.TextEdit]) -> str:
    """A text with edits in UTF-16 columns."""
    lines = [line.encode("utf-16-le") for line in text.splitlines(keepends=True)]
    for edit in sorted(edits, key=lambda one: (one.range.start.line, one.range.start.character), reverse=True):
        assert edit.range.start.line == edit.range.end.line
        line, start, end = edit.range.start.line, 2 * edit.range.start.character, 2 * edit.range.end.character
        lines[line] = lines[line][:start] + edit.new_text.encode("utf-16-le") + lines[line][end:]
    return b"".join(lines).decode("utf-16-le")


def rules(found: list[types.Diagnostic]) -> set[object]:
    return {one.code for one in found}


def test_a_real_file_is_diagnosed_as_it_is_typed(project: Path) -> None:
    async def scene(editor: Editor) -> None:
        found = await editor.open("spam.c", (project / "spam.c").read_text(encoding="utf-8"))
        (static,) = [one for one in found if one.code == "HL101"]
        assert static.severity == types.DiagnosticSeverity.Warning
        assert static.source == "heaplint"
        assert static.range == types.Range(types.Position(1, 32), types.Position(1, 40))  # 😀 is two units of UTF-16
        assert static.code_description is not None and static.code_description.href.startswith("https://")
        assert await editor.change("spam.c", CLEAN) == []
        assert "HL101" in rules(await editor.change("spam.c", "\n\n" + SPAM))
        editor.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(editor.uri("spam.c")))
        )
        del editor.versions["spam.c"]
        assert await editor.diagnostics("spam.c") == []

    talk(project, scene)


@pytest.mark.parametrize(
    ("encoding", "column"),
    [
        (types.PositionEncodingKind.Utf8, 38),
        (types.PositionEncodingKind.Utf16, 32),
        (types.PositionEncodingKind.Utf32, 31),
    ],
)
def test_columns_are_counted_as_agreed(project: Path, encoding: types.PositionEncodingKind, column: int) -> None:
    async def scene(editor: Editor) -> None:
        found = await editor.open("spam.c", SPAM)
        assert [one.range.start.character for one in found if one.code == "HL101"] == [column]

    talk(project, scene, encoding)


def test_fast_typing_is_checked_once(project: Path) -> None:
    async def scene(editor: Editor) -> None:
        await editor.open("spam.c", SPAM)
        for _ in range(20):
            editor.type("spam.c", SPAM + "int x;\n")
        found = await editor.change("spam.c", CLEAN)  # of the last version: what lay between was not reported
        assert found == []

    talk(project, scene)


def test_what_is_open_hides_what_is_on_disk(project: Path) -> None:
    """A flag that only the unsaved header has is seen in another document."""

    async def scene(editor: Editor) -> None:
        assert "HL201" in rules(await editor.open("bodies.c", BODIES))
        await editor.open("spam.h", HEADER.replace("SPAM_FLAGS 0", "SPAM_FLAGS Py_TPFLAGS_HAVE_GC"))
        editor.text_document_did_save(
            types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(editor.uri("spam.h")))
        )
        assert await editor.diagnostics("spam.h") == []
        assert "HL201" not in rules(await editor.diagnostics("bodies.c"))

    talk(project, scene)


def test_a_finding_can_be_suppressed(project: Path) -> None:
    async def scene(editor: Editor) -> None:
        text = SPAM.replace(" = {\n", " = {  // heaplint: ignore[HL303]\n", 1)
        for now in (SPAM, text):
            name = "spam.c" if now is SPAM else "other.c"
            (static,) = [one for one in await editor.open(name, now) if one.code == "HL101"]
            (action,) = [one for one in await editor.actions(name, static.range) if "Ignore HL101" in one.title]
            assert action.kind == types.CodeActionKind.QuickFix and action.edit is not None
            edits = (action.edit.changes or {})[editor.uri(name)]
            silenced = applied(now, [one for one in edits if isinstance(one, types.TextEdit)])
            assert "HL101" in silenced and "HL101" not in rules(await editor.change(name, silenced))
        assert "ignore[HL303, HL101]" in silenced
        far = types.Range(types.Position(4, 0), types.Position(4, 1))
        assert all("HL101" not in one.title for one in await editor.actions("spam.c", far))

    talk(project, scene)


def test_a_finding_can_be_fixed(project: Path) -> None:
    text = BODIES.replace("Py_TPFLAGS_DEFAULT | SPAM_FLAGS", "Py_TPFLAGS_HAVE_GC").replace("\n", "\r\n")

    async def scene(editor: Editor) -> None:
        found = await editor.open("spam.c", text)
        for rule, line in (("HL108", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC"), ("HL203", "{\r\n    Py_VISIT(Py_TYPE(self));\r\n")):
            (one,) = [one for one in found if one.code == rule]
            (action,) = [act for act in await editor.actions("spam.c", one.range) if act.title.startswith(f"Fix {rule} ")]
            assert action.edit is not None
            edits = (action.edit.changes or {})[editor.uri("spam.c")]
            fixed = applied(text, [edit for edit in edits if isinstance(edit, types.TextEdit)])
            assert line in fixed
            assert rule not in rules(await editor.change("spam.c", fixed))
            await editor.change("spam.c", text)

    talk(project, scene)


def test_hovering_shows_the_card(project: Path) -> None:
    async def scene(editor: Editor) -> None:
        await editor.open("spam.c", SPAM + "// heaplint: ignore[HL201]\n")
        for line, column, rule in ((1, 33, "HL101"), (6, 22, "HL201")):
            shown = await editor.hover("spam.c", line, column)
            assert shown is not None and isinstance(shown.contents, types.MarkupContent)
            assert shown.contents.kind == types.MarkupKind.Markdown
            assert catalogue.explanation(all_cards()[rule]) in shown.contents.value
        assert await editor.hover("spam.c", 2, 0) is None

    talk(project, scene)


def test_a_broken_configuration_is_shown_once(project: Path) -> None:
    async def scene(editor: Editor) -> None:
        await editor.open("spam.c", SPAM)
        (project / "pyproject.toml").write_text("[tool.heaplint]\nslect = []\n")
        editor.type("spam.c", CLEAN)
        message = await asyncio.wait_for(editor.messages.get(), TIMEOUT)
        assert message.type == types.MessageType.Error and "slect" in message.message
        assert await editor.hover("spam.c", 0, 0) is None  # asks again, and is not told again
        (project / "pyproject.toml").write_text("[tool.heaplint]\n")
        assert "HL101" in rules(await editor.change("spam.c", SPAM + "\n"))
        assert editor.messages.empty()

    talk(project, scene)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("generated.c", "/* Generated by Cython 3.0 */\n" + SPAM),
        ("build/spam.c", SPAM),
        ("odd.c", "\0\x0c\u2028" + SPAM),
        ("empty.c", ""),
        ("cut.c", SPAM[:60]),
    ],
)
def test_documents_that_are_not_for_reading_have_no_findings(project: Path, name: str, text: str) -> None:
    async def scene(editor: Editor) -> None:
        assert {"HL101"} >= rules(await editor.open(name, text)) - {"HL902"}
        assert "HL101" in rules(await editor.open("spam.c", SPAM))  # the server lives

    talk(project, scene)


def test_a_form_feed_ends_no_line(project: Path) -> None:
    async def scene(editor: Editor) -> None:
        found = await editor.open("spam.c", "\x0c\n\x0c\u2028\n" + SPAM)
        assert [one.range.start.line for one in found if one.code == "HL101"] == [3]

    talk(project, scene)


# the parts


def checked(text: str, *findings: Finding) -> Checked:
    source = SourceFile("spam.c", text.encode())
    return Checked(text, Path("/project"), source, findings, {source.path: source})


def finding(span: Span, **changes: object) -> Finding:
    base = Finding("HL101", "static-type", "warning", "high", "a\x1b[2Jb", span)
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # keys vary by test


def test_a_fix_is_an_action_in_the_editor_s_columns() -> None:
    text = "/* 😀 */ int a = 1;\r\nint b;\r\n"
    start = text.encode().index(b"1")
    state = checked(text)
    one = finding(state.source.span(start, start + 1), fix=Fix("safe", (Edit("spam.c", start, start + 1, "22"),)))
    utf16 = types.PositionEncodingKind.Utf16
    diagnosed = convert.diagnostic(one, state, utf16)
    assert diagnosed.message == "a\\x1b[2Jb"
    fix, ignore = convert.actions(one, state, utf16, diagnosed)
    assert (fix.title, fix.is_preferred) == ("Fix HL101 static-type", True)
    assert fix.edit is not None and fix.edit.changes is not None
    (uri, edits), = fix.edit.changes.items()
    assert uri == "file:///project/spam.c"
    assert applied(text, [edit for edit in edits if isinstance(edit, types.TextEdit)]) == text.replace("1", "22")
    assert ignore.title == "Ignore HL101 static-type here"
    unsafe = dataclasses.replace(one, fix=Fix("unsafe", ()))
    assert next(convert.actions(unsafe, state, utf16, diagnosed)).title.endswith("(unsafe: look at it)")


@pytest.mark.parametrize(
    ("line", "silenced"),
    [
        ("int a;", "int a;  // heaplint: ignore[HL101]"),
        ("int a; /* b */", "int a; /* b */  // heaplint: ignore[HL101]"),
        ("int a;  // heaplint: ignore[HL303] why", "int a;  // heaplint: ignore[HL303, HL101] why"),
        ("#define A int a; \\", "#define A int a; /* heaplint: ignore[HL101] */ \\"),
        ("int é😀;", "int é😀;  // heaplint: ignore[HL101]"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_suppressions_are_written_at_the_end_of_the_line(line: str, silenced: str, ending: str) -> None:
    data = f"\ufeff{line}{ending}".encode()
    source = SourceFile("spam.c", data)
    edit = convert.suppression(finding(source.span(3, 6)), source)
    assert data[: edit.start] + edit.text.encode() + data[edit.end :] == f"\ufeff{silenced}{ending}".encode()


def test_without_the_extra_it_is_one_line() -> None:
    code = "import sys; sys.modules['pygls'] = None; from heaplint.cli.app import run; sys.exit(run(['lsp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "heaplint: error: lsp: the editor server needs pygls: pip install 'heaplint[lsp]'\n"
