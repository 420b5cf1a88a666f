"""Programs that start and end an interpreter: what they may do when (HL801, HL802, HL803)."""

from __future__ import annotations

import pytest
from reading import findings_of


@pytest.mark.parametrize(
    ("before", "body", "found"),
    [
        pytest.param(
            "",
            'Py_Initialize();\nPyRun_SimpleString("1");\nPy_Finalize();\n',
            [],
            id="in-order",
        ),
        pytest.param(
            "",
            'PyRun_SimpleString("1");\nPy_Initialize();\nPy_Finalize();\n',
            [("HL802", "PyRun_SimpleString")],
            id="before",
        ),
        pytest.param(
            "",
            'Py_Initialize();\nPy_Finalize();\nPyRun_SimpleString("1");\n',
            [("HL802", "PyRun_SimpleString")],
            id="after",
        ),
        pytest.param(
            "",
            'Py_Initialize();\nPy_Finalize();\nPy_Initialize();\nPyRun_SimpleString("1");\nPy_Finalize();\n',
            [],
            id="again-after",
        ),
        pytest.param(
            "",
            'if (Py_IsInitialized()) {\nPyRun_SimpleString("1");\n}\nPy_Initialize();\nPy_Finalize();\n',
            [],
            id="before-asked",
        ),
        pytest.param(
            "",
            'Py_SetProgramName(L"x");\nPyMem_RawMalloc(3);\nPy_Initialize();\nPy_Finalize();\n',
            [],
            id="before-free",
        ),
        pytest.param(
            'static void run(void)\n{\nPyRun_SimpleString("1");\n}\n',
            "run();\nPy_Initialize();\nPy_Finalize();\n",
            [("HL802", "run")],
            id="helper-before",
        ),
        pytest.param(
            'static void run(void)\n{\nPyRun_SimpleString("1");\n}\n',
            "Py_Initialize();\nPy_Finalize();\nrun();\n",
            [("HL802", "run")],
            id="helper-after",
        ),
        pytest.param(
            'static void run(void)\n{\nif (ready) {\nPyRun_SimpleString("1");\n}\n}\n',
            "Py_Initialize();\nPy_Finalize();\nrun();\n",
            [],
            id="helper-branch",
        ),
        pytest.param(
            'static void run(void)\n{\nready && PyRun_SimpleString("1");\n}\n',
            "Py_Initialize();\nPy_Finalize();\nrun();\n",
            [],
            id="helper-and",
        ),
        pytest.param(
            'static void deep(void)\n{\nPyRun_SimpleString("1");\n}\nstatic void run(void)\n{\ndeep();\n}\n',
            "Py_Initialize();\nPy_Finalize();\nrun();\n",
            [("HL802", "run")],
            id="helper-two",
        ),
        pytest.param(
            "static void start(void)\n{\nPy_Initialize();\n}\n",
            'start();\nPyRun_SimpleString("1");\nPy_Finalize();\n',
            [],
            id="helper-starts",
        ),
        pytest.param(
            "static void start(void)\n{\nPy_Initialize();\n}\n",
            'PyRun_SimpleString("1");\nstart();\nPy_Finalize();\n',
            [("HL802", "PyRun_SimpleString")],
            id="helper-starts-late",
        ),
        pytest.param(
            "static void stop(void)\n{\nPy_Finalize();\n}\n",
            'Py_Initialize();\nstop();\nPyRun_SimpleString("1");\n',
            [("HL802", "PyRun_SimpleString")],
            id="helper-ends",
        ),
        pytest.param(
            "static void stop(void)\n{\nif (x) {\nPy_Finalize();\n}\n}\n",
            'Py_Initialize();\nstop();\nPyRun_SimpleString("1");\n',
            [],
            id="helper-may-end",
        ),
        pytest.param(
            "",
            'Py_Initialize();\nif (argc) {\nPy_Finalize();\n}\nPyRun_SimpleString("1");\n',
            [],
            id="one-branch",
        ),
        pytest.param(
            "",
            "PyStatus s = Py_InitializeFromConfig(&c);\nif (PyStatus_Exception(s)) {\n"
            'Py_ExitStatusException(s);\n}\nPyRun_SimpleString("1");\nPy_Finalize();\n',
            [],
            id="exits",
        ),
        pytest.param(
            "",
            "PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &a);\nPy_Initialize();\nPy_Finalize();\n",
            [],
            id="allocator-first",
        ),
        pytest.param(
            "",
            "Py_Initialize();\nPyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &a);\nPy_Finalize();\n",
            [("HL801", "PyMem_SetAllocator")],
            id="allocator-late",
        ),
        pytest.param(
            "",
            "Py_Initialize();\nPy_Finalize();\nPyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &a);\nPy_Initialize();\n"
            "Py_Finalize();\n",
            [("HL801", "PyMem_SetAllocator")],
            id="allocator-between",
        ),
        pytest.param(
            "",
            "Py_Initialize();\nPy_Finalize();\nPyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &a);\n",
            [],
            id="allocator-at-end",
        ),
        pytest.param(
            "",
            "Py_Initialize();\nPyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &old);\n"
            "PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &a);\nPy_Finalize();\n",
            [],
            id="allocator-wrapped",
        ),
        pytest.param(
            "static void own(void)\n{\nPyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &a);\n}\n",
            "Py_Initialize();\nown();\nPy_Finalize();\n",
            [("HL801", "own")],
            id="allocator-in-helper",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.T"};\n',
            "Py_Initialize();\nPy_Finalize();\nPy_Initialize();\nPy_Finalize();\n",
            [("HL803", "T")],
            id="static-again",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.T"};\n',
            "Py_Initialize();\nPy_Finalize();\n",
            [],
            id="static-once",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.T"};\n',
            "for (int i = 0; i < 2; i++) {\nPy_Initialize();\nPy_Finalize();\n}\n",
            [("HL803", "T")],
            id="static-loop",
        ),
        pytest.param(
            'static PyTypeObject T = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.T"};\n'
            "static void start(void)\n{\nPy_Initialize();\n}\n",
            "Py_Initialize();\nPy_Finalize();\nstart();\n",
            [("HL803", "T")],
            id="static-again-helper",
        ),
    ],
)
def test_a_main_function(before: str, body: str, found: list[tuple[str, str]]) -> None:
    text = f"#include <Python.h>\n{before}int\nmain(int argc, char **argv)\n{{\n{body}return 0;\n}}\n"
    assert [(one.rule, one.item or one.symbol) for one in findings_of(text, "HL80")] == found
