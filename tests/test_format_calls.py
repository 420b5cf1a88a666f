"""Calls with format strings: how many arguments, of which types, and the lists of keywords (HL506)."""

from __future__ import annotations

import pytest
from reading import findings

HEAD = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
typedef struct { PyObject_HEAD int n; } Thing;
static char *names[] = {"a", "b", NULL};
static char *open_end[] = {"a", "b"};
static char *sized[3] = {"a", "b"};
static char *full[2] = {"a", "b"};
static char *huge[1000] = {"a", "b"};
static char *counted[COUNT] = {"a", "b"};
static char *mixed[] = {"a", NAME_B, NULL};
static char *placed[] = {[1] = "b", [0] = "a", NULL};
static char **elsewhere;
"""
LOCALS = (
    "PyObject *a, *b, *c; int i, j; long l; char *s; Py_ssize_t n; Thing *t; void *v; unsigned char *u; double d; short h; "
    "const char *cs; char *ch; wchar_t *w;"
)


def told(statement: str, before: str = "") -> list[tuple[str | None, str]]:
    """The item of each report, and what it says behind the name of the function."""
    head = "static PyObject *\nrun(PyObject *self, PyObject *args, PyObject *kw)\n"
    text = f"{HEAD}{head}{{\n{LOCALS}\n{before}\n{statement}\nPy_RETURN_NONE;\n}}\n"
    found = [one for one in findings(text) if one.rule == "HL506"]
    return [(one.item, one.message.partition(" of Py")[2].partition(" ")[2]) for one in found]


@pytest.mark.parametrize(
    ("format", "arguments", "item", "message"),
    [
        ("i", "&i", None, ""),
        ("i", "&l", "l", 'stores an int, but gets a long * (they differ on 64-bit Unix): use "l"'),
        ("l", "&l", None, ""),
        ("l", "&i", "i", 'stores a long, but gets an int * (they differ on 64-bit Unix): use "i"'),
        ("h", "&h", None, ""),
        ("h", "&i", "i", 'stores a short, but gets an int *: use "i"'),
        ("d", "&d", None, ""),
        ("d", "&i", "i", 'stores a double, but gets an int *: use "i"'),
        ("n", "&n", None, ""),
        ("n", "&i", "i", 'stores a Py_ssize_t, but gets an int *: use "i"'),
        ("O", "&a", None, ""),
        ("O", "&i", "i", "stores a PyObject *, but gets an int *"),
        ("O", "a", "a", "stores a PyObject *, but gets a PyObject *"),
        ("O", "&t", None, ""),
        ("O", "&v", None, ""),
        ("O", "&s", "s", "stores a PyObject *, but gets a char **"),
        ("s", "&s", None, ""),
        ("s", "&cs", None, ""),
        ("s", "&u", None, ""),
        ("s", "&i", "i", "stores a char *, but gets an int *"),
        ("s", "s", "s", "stores a char *, but gets a char *"),
        ("s#", "&s, &n", None, ""),
        ("s#", "&s, &i", "i", "stores a Py_ssize_t, but gets an int *"),
        ("y#", "&u, &n", None, ""),
        ("y#", "&a, &n", "a", "stores a char *, but gets a PyObject **"),
        ("z", "&s", None, ""),
        ("O!", "&PyList_Type, &a", None, ""),
        ("O!", "PyList_Type, &a", "PyList_Type", "wants a type, but gets a PyTypeObject"),
        ("O!", "&i, &a", "i", 'wants a type, but gets an int *: use "i"'),
        ("O!", "v, &a", None, ""),
        ("O!", "T, &a", None, ""),
        ("O&", "conv, &v", None, ""),
        ("p", "&i", None, ""),
        ("p", "&l", "l", 'stores an int, but gets a long * (they differ on 64-bit Unix): use "l"'),
        ("es", '"utf-8", &s', None, ""),
        ("es", "i, &s", "i", "wants the name of an encoding, but gets an int and no address"),
        ("et", "NULL, &s", None, ""),
        ("w*", "&i", "i", 'stores a Py_buffer, but gets an int *: use "i"'),
        ("c", "&ch", "ch", "stores a char, but gets a char **"),
        ("c", "ch", None, ""),
        ("C", "&i", None, ""),
        ("i", "i", "i", "stores an int, but gets an int and no address"),
        ("i", "NULL", None, ""),
        ("i", "(int *)v", None, ""),
        ("i", "v", None, ""),
        ("i", "&nowhere", None, ""),
        ("ii", "&i", "PyArg_ParseTuple", "describes 2 arguments, but 1 is given"),
        ("i", "&i, &j", "PyArg_ParseTuple", "describes 1 argument, but 2 are given"),
        ("i", "&i, NULL", None, ""),
        ("ii", "MORE", None, ""),
        ("(ii)", "&i, &j", None, ""),
        ("i|i", "&i, &j", None, ""),
        ("K", "&l", "l", 'stores an unsigned long long, but gets a long * (they differ on 64-bit Windows): use "l"'),
        ("u", "&w", None, ""),
        ("u", "&s", "s", "stores a wchar_t *, but gets a char **"),
        ("S", "&a", None, ""),
        ("U", "&s", "s", "stores a PyObject *, but gets a char **"),
        ("i", "&u[0]", "u", 'stores an int, but gets an unsigned char *: use "b"'),
        ("b", "u", None, ""),
        ("b", "&u[0]", None, ""),
        ("b", "&i", "i", 'stores an unsigned char, but gets an int *: use "i"'),
    ],
)  # fmt: skip
def test_what_a_format_stores(format: str, arguments: str, item: str | None, message: str) -> None:
    given = f", {arguments}" if arguments else ""
    assert told(f'PyArg_ParseTuple(args, "{format}"{given});') == ([(item, message)] if item else [])


@pytest.mark.parametrize(
    ("format", "arguments", "item", "message"),
    [
        ("i", "i", None, ""),
        ("i", "l", "l", 'takes an int, but gets a long (they differ on 64-bit Unix): use "l"'),
        ("l", "l", None, ""),
        ("l", "i", "i", 'takes a long, but gets an int (they differ on 64-bit Unix): use "i"'),
        ("n", "n", None, ""),
        ("n", "i", "i", 'takes a Py_ssize_t, but gets an int: use "i"'),
        ("d", "d", None, ""),
        ("d", "i", "i", 'takes a double, but gets an int: use "i"'),
        ("s", "s", None, ""),
        ("s", "i", "i", "takes a char *, but gets an int"),
        ("s", "a", "a", "takes a char *, but gets a PyObject *"),
        ("s", "0", None, ""),
        ("s", "NULL", None, ""),
        ("O", "a", None, ""),
        ("O", "i", "i", "takes a PyObject *, but gets an int"),
        ("O", "&a", "a", "takes a PyObject *, but gets a PyObject **"),
        ("O", "t", None, ""),
        ("O", "s", "s", "takes a PyObject *, but gets a char *"),
        ("N", "a", None, ""),
        ("s#", "s, n", None, ""),
        ("s#", "s, i", "i", "takes a Py_ssize_t, but gets an int"),
        ("s#", "a, n", "a", "takes a char *, but gets a PyObject *"),
        ("y#", "u, n", None, ""),
        ("i", "s", "s", "takes an int, but gets a char *"),
        ("K", "s", None, ""),
        ("(ii)", "i, j", None, ""),
        ("(ii)", "i", "Py_BuildValue", "describes 2 arguments, but 1 is given"),
        ("i", "i, j", "Py_BuildValue", "describes 1 argument, but 2 are given"),
        ("i", "i, NULL", None, ""),
        ("O&", "conv, v", None, ""),
        ("c", "ch[0]", None, ""),
        ("i", "h", None, ""),
        ("u", "w", None, ""),
        ("{s:i}", "s, i", None, ""),
    ],
)  # fmt: skip
def test_what_a_format_passes(format: str, arguments: str, item: str | None, message: str) -> None:
    given = f", {arguments}" if arguments else ""
    assert told(f'PyObject *r = Py_BuildValue("{format}"{given});') == ([(item, message)] if item else [])


@pytest.mark.parametrize(
    ("format", "arguments", "item", "message"),
    [
        ("%d", "i", None, ""),
        ("%d", "l", "l", 'takes an int, but gets a long (they differ on 64-bit Unix): use "%ld"'),
        ("%ld", "l", None, ""),
        ("%ld", "i", "i", 'takes a long, but gets an int (they differ on 64-bit Unix): use "%d"'),
        ("%zd", "n", None, ""),
        ("%zd", "i", "i", 'takes a Py_ssize_t, but gets an int: use "%d"'),
        ("%s", "s", None, ""),
        ("%s", "a", "a", "takes a char *, but gets a PyObject *"),
        ("%s", "i", "i", "takes a char *, but gets an int"),
        ("%U", "a", None, ""),
        ("%U", "s", "s", "takes a PyObject *, but gets a char *"),
        ("%R", "a", None, ""),
        ("%R", "s", "s", "takes a PyObject *, but gets a char *"),
        ("%S", "a", None, ""),
        ("%p", "v", None, ""),
        ("%p", "i", "i", "takes a void *, but gets an int"),
        ("%c", "i", None, ""),
        ("%x", "i", None, ""),
        ("%x", "l", "l", "takes an int, but gets a long (they differ on 64-bit Unix)"),
        ("%u", "i", None, ""),
        ("%lu", "l", None, ""),
        ("%lld", "l", "l", 'takes a long long, but gets a long (they differ on 64-bit Windows): use "%ld"'),
        ("%d %d", "i", "PyErr_Format", "describes 2 arguments, but 1 is given"),
        ("%d", "i, j", "PyErr_Format", "describes 1 argument, but 2 are given"),
        ("%%", "", None, ""),
        ("%.100s", "s", None, ""),
        ("%V", "a, s", None, ""),
        ("%V", "NULL, s", None, ""),
        ("%i", "h", None, ""),
    ],
)  # fmt: skip
def test_what_a_format_prints(format: str, arguments: str, item: str | None, message: str) -> None:
    given = f", {arguments}" if arguments else ""
    assert told(f'PyErr_Format(PyExc_ValueError, "{format}"{given});') == ([(item, message)] if item else [])


@pytest.mark.parametrize(
    ("format", "names", "before", "message"),
    [
        ("OO", "names", "", ""),
        ("O", "names", "", "1 parameter, but names names 2"),
        ("OO|O", "names", "", "3 parameters, but names names 2"),
        ("O|O:run", "names", "", ""),
        ("OO", "open_end", "", "no NULL"),
        ("OO", "sized", "", ""),
        ("OO", "full", "", "no NULL"),
        ("OO", "huge", "", ""),
        ("OO", "counted", "", ""),
        ("OO", "mixed", "", ""),
        ("OO", "placed", "", ""),
        ("OO", "elsewhere", "", ""),
        ("OO", "names + 1", "", ""),
        ("OO", "local", 'static char *local[] = {"a", NULL};', "2 parameters, but local names 1"),
        ("OO", "local", 'char *local[] = {"a", "b", NULL};', ""),
        ("OO", "names", "names = other;", ""),
        ("OO", "local", '{ char *local[] = {"a", NULL}; } { char *local[] = {"a", "b", NULL}; }', ""),
    ],
)
def test_the_list_of_keywords(format: str, names: str, before: str, message: str) -> None:
    arguments = ", ".join(f"&{name}" for name in "abc"[: format.count("O")])
    head = "static PyObject *\nrun(PyObject *self, PyObject *args, PyObject *kw)\n"
    call = f'PyArg_ParseTupleAndKeywords(args, kw, "{format}", {names}, {arguments});'
    text = f"{HEAD}{head}{{\n{LOCALS}\n{before}\n{call}\nPy_RETURN_NONE;\n}}\n"
    found = [one.message for one in findings(text) if one.rule == "HL506"]
    assert len(found) == bool(message)
    assert all(("no NULL at its end" if message == "no NULL" else message) in one for one in found)
