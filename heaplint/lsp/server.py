"""The server itself: documents that are opened, changed, saved and closed, and what is asked of them."""

from __future__ import annotations

import asyncio
import os

from lsprotocol import types
from pygls import uris
from pygls.lsp.server import LanguageServer

from heaplint import __version__
from heaplint.config import ConfigError
from heaplint.discovery import InputError
from heaplint.lsp import convert, document
from heaplint.report import sanitize

DELAY = 0.2
"""Seconds without a keystroke before a changed document is checked."""


class Server(LanguageServer):
    """heaplint for one editor; documents are sent as a whole, since editors and Python differ in what ends a line."""

    def __init__(self) -> None:
        super().__init__("heaplint", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.checked: dict[str, document.Checked] = {}
        """By URI: the open documents as they were last checked."""
        self.waiting: dict[str, asyncio.TimerHandle] = {}
        """By URI: the checks that wait for the end of typing."""
        self.complaint = ""
        """The last error that was shown, so that it is not shown at every keystroke."""

    @property
    def encoding(self) -> convert.Encoding:
        """The unit of columns that was agreed on with the editor."""
        return self.workspace.position_encoding or types.PositionEncodingKind.Utf16

    def check(self, uri: str) -> document.Checked | None:
        """Check a document unless its text was checked before; None when it cannot be, and the editor shows why."""
        self.forget_timer(uri)
        open_documents = self.workspace.text_documents
        texts = {path: one.source for key, one in open_documents.items() if (path := uris.to_fs_path(key))}
        path = uris.to_fs_path(uri)
        if path is None or path not in texts:
            return None  # no file, or closed meanwhile
        known = self.checked.get(uri)
        if known is not None and known.text == texts[path]:
            return known
        folder = self.workspace.root_path or os.path.dirname(path)
        try:
            checked = document.check(path, folder, texts)
        except (ConfigError, InputError) as error:
            self.complain(str(error))
            return None
        self.complaint = ""
        self.checked[uri] = checked
        return checked

    def publish(self, uri: str) -> None:
        """Check a document and tell the editor what was found."""
        checked = self.check(uri)
        if checked is not None:
            found = [convert.diagnostic(one, checked, self.encoding) for one in checked.findings]
            version = self.workspace.get_text_document(uri).version
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def publish_soon(self, uri: str) -> None:
        """Check a document when nothing more is typed."""
        self.forget_timer(uri)
        self.waiting[uri] = asyncio.get_running_loop().call_later(DELAY, self.publish, uri)

    def forget_timer(self, uri: str) -> None:
        """A check that waits need not be made."""
        if timer := self.waiting.pop(uri, None):
            timer.cancel()

    def complain(self, cause: str) -> None:
        """Show an error, once."""
        if cause != self.complaint:
            self.complaint = cause
            told = types.ShowMessageParams(types.MessageType.Error, f"heaplint: {sanitize.text(cause)}")
            self.window_show_message(told)


def create() -> Server:
    """A server with its features; `start_io` runs it."""
    server = Server()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        server.publish(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeTextDocumentParams) -> None:
        server.publish_soon(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        server.checked.clear()  # what was saved may be what others include
        for uri in dict.fromkeys((params.text_document.uri, *server.workspace.text_documents)):
            server.publish(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.forget_timer(uri)
        server.checked.pop(uri, None)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        checked = server.check(params.text_document.uri)
        if checked is None:
            return []
        return [
            action
            for finding in checked.findings
            if convert.touches(finding, params.range)
            for action in convert.actions(
                finding, checked, server.encoding, convert.diagnostic(finding, checked, server.encoding)
            )
        ]

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        checked = server.check(params.text_document.uri)
        return None if checked is None else convert.hover(checked, params.position, server.encoding)

    return server
