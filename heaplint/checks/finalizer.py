"""HL221, HL222: finalizers."""

from __future__ import annotations

from collections.abc import Iterator

from heaplint import ir
from heaplint import lazy_re as re
from heaplint.checks.registry import Report, check
from heaplint.flow.events import Trace
from heaplint.flow.lifecycle import lives
from heaplint.model.unit import Unit

_RUNS_PYTHON = re.compile(
    r"(?:PyObject_(?:Call\w*|Vectorcall\w*|GetAttr\w*|SetAttr\w*|Repr|Str|RichCompare\w*|IsTrue|GetItem|SetItem|GetIter)|PyEval_Call\w*|"
    r"PyErr_(?:WarnEx|WarnFormat|ResourceWarning)|PyRun_\w+|PyImport_Import\w*)\Z"
)
_SAVES = re.compile(r"(?:PyErr_(?:Fetch|GetRaisedException|Restore|SetRaisedException)|_PyErr_\w+)\Z")


@check("HL221")
def legacy_finalizer(unit: Unit) -> Iterator[Report]:
    """tp_del set by a type."""
    for life in lives(unit):
        definition = life.made.slot("tp_del")
        if definition is not None and not ir.is_null(definition.value):
            yield Report(
                "HL221", definition.place, f"{life.symbol} has tp_del: its instances in cycles are never collected; use tp_finalize",
                symbol=life.symbol, function=definition.function or None,
            )


@check("HL222")
def finalizer_loses_exception(unit: Unit) -> Iterator[Report]:
    """A finalizer or dealloc that runs Python code while an exception may be pending."""
    for life in lives(unit):
        for name in ("tp_finalize", "tp_del", "tp_dealloc"):
            function, trace = life.function(name), life.trace(name)
            if function is None or trace is None or _saves(trace, function):
                continue
            for event in trace.of("call"):
                if _RUNS_PYTHON.match(event.detail):
                    yield Report(
                        "HL222", event.place,
                        f"{event.function} runs Python code ({event.detail}) without saving the pending exception: "
                        "PyErr_GetRaisedException before, PyErr_SetRaisedException after (PyErr_Fetch and PyErr_Restore before 3.12)",
                        symbol=life.symbol, function=event.function,
                    )
                    break


def _saves(trace: Trace, function: ir.Function) -> bool:
    if any(_SAVES.match(event.detail) for event in trace.of("call")):
        return True
    return any(_SAVES.match(ir.called(call)) for call in ir.calls(function.body))
