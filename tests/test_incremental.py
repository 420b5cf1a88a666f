"""What is kept between runs: a run that uses it finds what one finds that does not, whatever has changed between them."""

from __future__ import annotations

import os
import pickle
import random
import re
import signal
import stat
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from reading import sources

from heaplint import cache, engine, incremental, workers
from heaplint.cache import Store, default_folder
from heaplint.cards import all_cards
from heaplint.config import Config
from heaplint.digest import DIGEST, blake2b
from heaplint.discovery import Discovery
from heaplint.engine import Result
from heaplint.filters.select import Selection
from heaplint.model.program import Program
from heaplint.pythons import TargetRange
from heaplint.records import replace
from heaplint.work import Work

HEAD = "#include <Python.h>\n"
SPEC = (
    "static PyType_Slot {0}_slots[] = {{{{Py_tp_dealloc, {0}_dealloc}}, {{0, NULL}}}};\n"
    'PyType_Spec {0}_spec = {{.name = "m.{0}", .basicsize = sizeof({0}), .flags = Py_TPFLAGS_DEFAULT, .slots = {0}_slots}};\n'
)
FILES: Mapping[str, str] = {
    "module.c": HEAD + '#include "shared.h"\n'
    "static int m_exec(PyObject *m)\n{\n    PyObject *type = PyType_FromModuleAndSpec(m, &Point_spec, NULL);\n"
    "    if (type == NULL) return -1;\n    return add(m, type);\n}\n"
    "static PyModuleDef_Slot slots[] = {{Py_mod_exec, m_exec}, {0, NULL}};\n"
    'static PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "m", .m_slots = slots};\n'
    "PyMODINIT_FUNC PyInit_m(void) { return PyModuleDef_Init(&def); }\n",
    "point.c": HEAD + '#include "shared.h"\n'
    "static void Point_dealloc(PyObject *self)\n{\n    Py_XDECREF(((Point *)self)->held);\n    PyObject_Free(self);\n}\n"
    + SPEC.format("Point")
    + "PyObject *keep(Point *self, PyObject *value) { Py_XSETREF(self->held, Py_NewRef(value)); return self->held; }\n",
    "helper.c": HEAD + '#include "shared.h"\n'
    "int add(PyObject *m, PyObject *type)\n{\n    int done = PyModule_AddObjectRef(m, \"Point\", type);\n    Py_DECREF(type);\n"
    "    return done;\n}\nPyObject *give(void) { return PyList_New(0); }\n",
    "user.c": HEAD + "PyObject *give(void);\n"
    "PyObject *use(void)\n{\n    PyObject *list = give();\n    if (list == NULL) return NULL;\n"
    "    if (PyList_Append(list, Py_None) < 0) return NULL;\n    return list;\n}\n",
    "shared.h": "typedef struct { PyObject_HEAD PyObject *held; } Point;\nextern PyType_Spec Point_spec;\n"
    "int add(PyObject *m, PyObject *type);\n#define KEEP(self, value) ((self)->held = (value))\n",
    **{f"more{number}.c": HEAD + f"static int more{number}(void) {{ return {number}; }}\n" for number in range(8)},
    "static.c": HEAD + 'static PyTypeObject Old = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Old"};\n'
    "static PyObject *cache;\nint fill(void) { cache = PyDict_New(); return cache ? 0 : -1; }\n",
}
ROOT = Path("/project")
EVERYTHING = Config(target=TargetRange.parse(">=3.10"), frontend="tree-sitter")
RULES = Selection.from_config(EVERYTHING, all_cards(), root=ROOT).rules


def found(files: Mapping[str, str | bytes], store: Store | None, jobs: int | None = 1) -> Result:
    discovery = Discovery(ROOT, ROOT, tuple(sources(files).values()), ())
    return engine.run(discovery, EVERYTHING, None, store, jobs)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "kept", ".")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The main files that were checked, for each time that some were."""
    seen: list[set[str]] = []
    check_all = workers.check_all

    def noted(program: Program, groups: list[incremental.Group], *more: object) -> object:
        seen.append({group.path for group in groups})
        return check_all(program, groups, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "check_all", noted)
    return seen


def test_an_unchanged_project_is_not_even_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(FILES, store)
    assert first.findings and first == found(FILES, None)

    def fail(*_: object) -> None:
        raise AssertionError("something was read")

    monkeypatch.setattr(Work, "__init__", fail)
    assert found(FILES, store) == first


CHANGES: Mapping[str, tuple[str, str, str, set[str]]] = {
    "a comment in a file": ("user.c", "PyObject *use", "/* uses it */ PyObject *use", {"user.c"}),
    "a statement in a file": ("static.c", "cache = PyDict_New();", "cache = PyDict_New(); Py_XINCREF(cache);", {"static.c"}),
    "a helper that now gives a borrowed reference": (
        "helper.c", "return PyList_New(0);", "static PyObject *one; return one;", {"helper.c", "user.c"},
    ),
    "a helper that does the same in another way": (
        "helper.c", "return PyList_New(0);", "PyObject *made = PyList_New(0); return made;", {"helper.c", "user.c"},
    ),
    "a comment in a helper": ("helper.c", "return PyList_New(0);", "return /* new */\n        PyList_New(0);", {"helper.c"}),
    "a header": ("shared.h", "int add(", "int  add(", {"helper.c", "module.c", "point.c"}),
    "flags of a type that another file creates": (
        "point.c", "Py_TPFLAGS_DEFAULT", "Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC", {"point.c"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_change_concerns_is_checked_anew_and_little_else(name: str, store: Store, checked: list[set[str]]) -> None:
    path, old, new, concerned = CHANGES[name]
    found(FILES, store)
    changed = {**FILES, path: FILES[path].replace(old, new)}
    assert changed != FILES
    checked.clear()
    after = found(changed, store)
    assert concerned <= set.union(*checked) <= concerned | {"module.c", "point.c"}
    assert after == found(changed, None)
    assert found(changed, store) == after


BASE = (
    '#include "base.h"\n'
    "static int Base_traverse(PyObject *self, visitproc visit, void *arg) { Py_VISIT(((Base *)self)->held); return 0; }\n"
    "static int Base_clear(PyObject *self) { Py_CLEAR(((Base *)self)->held); return 0; }\n"
    'PyTypeObject Base_Type = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Base", .tp_basicsize = sizeof(Base),\n'
    "    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, .tp_traverse = Base_traverse, .tp_clear = Base_clear};\n"
    "int unrelated(PyObject *o) { return o != NULL; }\n"
)
INHERITING: Mapping[str, str] = {
    "base.h": HEAD + "typedef struct { PyObject_HEAD PyObject *held; } Base;\nextern PyTypeObject Base_Type;\n",
    "base.c": BASE,
    "derived.c": '#include "base.h"\ntypedef struct { Base base; PyObject *more; } Derived;\n'
    "static int Derived_traverse(PyObject *self, visitproc visit, void *arg) { Py_VISIT(((Derived *)self)->more); return 0; }\n"
    'static PyTypeObject Derived_Type = {PyVarObject_HEAD_INIT(NULL, 0) .tp_name = "m.Derived", .tp_base = &Base_Type,\n'
    "    .tp_basicsize = sizeof(Derived), .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, .tp_traverse = Derived_traverse};\n",
    **{f"more{number}.c": HEAD + f"static int more{number}(void) {{ return {number}; }}\n" for number in range(6)},
}
BASES: Mapping[str, tuple[str, str, set[str]]] = {
    "a body": ("return o != NULL;", "return o == NULL;", {"base.c"}),
    "what the base's own function does": ("{ Py_CLEAR(((Base *)self)->held); return 0; }", "{ return 0; }", {"base.c"}),
    "lines before the base": ("static int Base_clear", "\n\nstatic int Base_clear", {"base.c"}),
    "a flag of the base": ("| Py_TPFLAGS_HAVE_GC", "| Py_TPFLAGS_BASETYPE", {"base.c", "derived.c"}),
    "a slot of the base": (", .tp_clear = Base_clear", "", {"base.c", "derived.c"}),
    "the base of the base": ('.tp_name = "m.Base",', '.tp_name = "m.Base", .tp_base = &PyList_Type,', {"base.c", "derived.c"}),
}


@pytest.mark.parametrize("name", BASES)
def test_of_a_file_whose_types_alone_are_wanted_nothing_else_concerns(name: str, store: Store, checked: list[set[str]]) -> None:
    old, new, concerned = BASES[name]
    found(INHERITING, store)
    changed = {**INHERITING, "base.c": BASE.replace(old, new)}
    assert changed["base.c"] != BASE
    checked.clear()
    after = found(changed, store)
    assert checked[-1] == concerned
    assert after == found(changed, None)
    assert found(changed, store) == after


MAKER = (
    HEAD + "static PyObject *inner(PyTypeObject *type) { return PyObject_Str((PyObject *)type); }\n"
    "PyObject *make_one(PyTypeObject *type) { return inner(type); }\n"
    "int unrelated(PyObject *o) { return o != NULL; }\n"
)
MAKING: Mapping[str, str] = {
    "thing.c": HEAD + "typedef struct { PyObject_HEAD int count; } Thing;\nPyObject *make_one(PyTypeObject *type);\n"
    "static PyTypeObject *thing_type;\nstatic PyType_Slot slots[] = {{0, NULL}};\n"
    'static PyType_Spec spec = {"m.Thing", sizeof(Thing), 0, Py_TPFLAGS_DEFAULT, slots};\n'
    "int init(void) { thing_type = (PyTypeObject *)PyType_FromSpec(&spec); return thing_type ? 0 : -1; }\n"
    "PyObject *new_thing(void) { return make_one(thing_type); }\n",
    "maker.c": MAKER,
    **{f"more{number}.c": HEAD + f"static int more{number}(void) {{ return {number}; }}\n" for number in range(6)},
}


@pytest.mark.parametrize(
    ("old", "new", "concerned"),
    [
        ("return o != NULL;", "return o == NULL;", {"maker.c"}),
        ("static PyObject *inner", "\n\nstatic PyObject *inner", {"maker.c"}),
        ("{ return PyObject_Str((PyObject *)type); }", "{ return type->tp_alloc(type, 0); }", {"maker.c", "thing.c"}),
        ("{ return inner(type); }", "{ return outer(type); }", {"maker.c", "thing.c"}),
    ],
    ids=["another function", "places", "a helper of the helper", "another helper"],
)
def test_of_a_helper_of_another_file_what_was_read_concerns_who_read_it(
    old: str, new: str, concerned: set[str], store: Store, checked: list[set[str]]
) -> None:
    found(MAKING, store)
    changed = {**MAKING, "maker.c": MAKER.replace(old, new)}
    assert changed["maker.c"] != MAKER
    checked.clear()
    after = found(changed, store)
    assert checked[-1] == concerned
    assert after == found(changed, None)
    outer = "PyObject *outer(PyTypeObject *type) { return type->tp_alloc(type, 0); }\n"
    more = {**changed, "more0.c": HEAD + outer}
    assert found(more, store) == found(more, None)
    hidden = {**more, "maker.c": changed["maker.c"] + outer.replace("PyObject *outer", "static PyObject *outer").replace("tp_alloc", "tp_new")}
    assert found(hidden, store) == found(hidden, None)


def test_a_new_file_a_removed_file_and_an_old_name_with_a_new_meaning(store: Store) -> None:
    found(FILES, store)
    more = {**FILES, "other.c": HEAD + "PyObject *give(void) { return Py_None; }\nint add2(void) { return 0; }\n"}
    assert found(more, store) == found(more, None)
    fewer = {path: text for path, text in more.items() if path != "helper.c"}
    assert found(fewer, store) == found(fewer, None)
    moved = {("sub/" + path if path == "shared.h" else path): text for path, text in fewer.items()}
    assert found(moved, store) == found(moved, None)


def edited(files: Mapping[str, str], rng: random.Random) -> dict[str, str]:
    """The files with one of them changed somewhere."""
    changed = dict(files)
    path = rng.choice(sorted(changed))
    lines = changed[path].split("\n")
    at = rng.randrange(len(lines))
    others = [line for text in files.values() for line in text.split("\n")]
    words = re.findall(r"[A-Za-z_]\w+", " ".join(others))
    match rng.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, rng.choice(others))
        case 2:
            lines.append(f"PyObject *made{rng.randrange(9)}(PyObject *x) {{ {rng.choice(words)}(x); return x; }}")
        case 3:
            lines.insert(0, f"#define {rng.choice(words)} {rng.choice(words)}")
        case 4:
            lines.insert(0, f'#include "{rng.choice(sorted(files))}"')
        case _:
            lines[at] = re.sub(r"[A-Za-z_]\w+", lambda word: rng.choice([word.group(), rng.choice(words)]), lines[at], count=1)
    changed[path] = "\n".join(lines)
    return changed


@pytest.mark.parametrize("seed", range(6))
def test_edits_at_random(seed: int, store: Store) -> None:
    rng = random.Random(seed)
    files: Mapping[str, str] = FILES
    for _ in range(8):
        assert found(files, store) == found(files, None), files
        files = edited(files, rng)


def test_several_processes_find_what_one_finds(store: Store) -> None:
    alone = found(FILES, None)
    assert found(FILES, None, jobs=3) == alone
    assert found(FILES, store, jobs=2) == alone
    assert found(FILES, store) == alone
    changed = {**FILES, "helper.c": FILES["helper.c"].replace("PyList_New(0)", "Py_None")}
    assert found(changed, store) == found(changed, None)


@pytest.mark.skipif(sys.platform == "win32", reason="a signal that ends a process at once")
def test_a_worker_that_is_killed_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, parent, check = found(FILES, None), os.getpid(), incremental.kept_since

    def kill(*arguments: object) -> object:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return check(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "kept_since", kill)
    assert found(FILES, None, jobs=2) == alone




DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "a flipped byte": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "something else": lambda data: cache._MAGIC + b"x" * 400,
    "with a class in it": lambda data: _sealed(b"cos\nsystem\n(S'touch stolen'\ntR."),
    "of another shape": lambda data: _sealed(cache.packed((b"", {}, {}, frozenset()))),
}


def _sealed(payload: bytes) -> bytes:
    return cache._MAGIC + blake2b(payload, digest_size=DIGEST).digest() + payload


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_counts_as_absent(damage: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = found(FILES, store)
    (file,) = store.folder.glob("*.cache")
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert store.load(ROOT, EVERYTHING, RULES) is None
    assert found(FILES, store) == first
    assert store.load(ROOT, EVERYTHING, RULES) is not None and not Path("stolen").exists()


@pytest.mark.parametrize("damage", [b"x", zlib.compress(b"cos\nsystem\n(S'touch stolen'\ntR."), zlib.compress(pickle.dumps({b"a": 1}))])
def test_functions_that_are_damaged_are_run_again(
    damage: bytes, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found(FILES, store)
    state = store.load(ROOT, EVERYTHING, RULES)
    assert state is not None and all(record.functions for record in state.records.values())
    records = {path: replace(record, functions=damage) for path, record in state.records.items()}
    store.save(ROOT, EVERYTHING, RULES, replace(state, records=records))
    changed = {path: text + "/* changed */\n" for path, text in FILES.items()}
    assert found(changed, store) == found(changed, None)
    assert not Path("stolen").exists()


def test_other_rules_pythons_and_paths_have_entries_of_their_own(store: Store) -> None:
    found(FILES, store)
    assert store.load(ROOT, EVERYTHING, RULES) is not None
    assert store.load(ROOT, EVERYTHING, RULES - {"HL101"}) is None
    assert store.load(ROOT, Config(target=TargetRange.parse("3.12"), frontend="tree-sitter"), RULES) is None
    assert store.load(ROOT / "other", EVERYTHING, RULES) is None
    assert Store(store.folder, "src").load(ROOT, EVERYTHING, RULES) is None


def test_the_folder_keeps_others_away_and_stays_small(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found(FILES, store)
    assert (store.folder / ".gitignore").read_text() == "*\n"
    assert (store.folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    if os.name == "posix":
        assert stat.S_IMODE(store.folder.stat().st_mode) & 0o077 == 0
    (size,) = [file.stat().st_size for file in store.folder.glob("*.cache")]
    monkeypatch.setattr(cache, "MAX_BYTES", size * 5 // 2)
    for number in range(4):
        other = Store(store.folder, str(number))
        found(FILES, other)
        newest = other._file(other._key(ROOT, EVERYTHING, RULES))
        os.utime(newest, (number + 1e9, number + 1e9))
    assert len(list(store.folder.glob("*.cache"))) <= 3


def test_what_was_used_last_stays_longest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found(FILES, store)
    (used,) = store.folder.glob("*.cache")
    size = used.stat().st_size
    os.utime(used, (1e9, 1e9))
    other = Store(store.folder, "other")
    found(FILES, other)
    (unused,) = set(store.folder.glob("*.cache")) - {used}
    os.utime(unused, (1.1e9, 1.1e9))
    found(FILES, store)
    monkeypatch.setattr(cache, "MAX_BYTES", size * 5 // 2)
    found(FILES, Store(store.folder, "third"))
    assert used.exists() and not unused.exists()


def test_what_failed_is_tried_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> object:
        raise ZeroDivisionError("as planned")

    with monkeypatch.context() as patched:
        patched.setattr("heaplint.model.program.define", broken)
        assert any(notice.kind == "failed" for notice in found(FILES, store).notices)
    assert store.load(ROOT, EVERYTHING, RULES) is None
    assert found(FILES, store) == found(FILES, None)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    store = Store(tmp_path / "taken" / "below", ".")
    assert found(FILES, store) == found(FILES, None)
    assert "taken" in store.problem


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEAPLINT_CACHE_DIR", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("HEAPLINT_CACHE_DIR")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_folder() == tmp_path / "xdg" / "heaplint"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".cache" / "heaplint"
