"""From names of modules to verdicts, in one interpreter."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence

from heaplint.discovery import InputError
from heaplint.verdicts import Answer, Verdict, Verification, VerifiedModule
from heaplint.verify import types
from heaplint.verify.host import AnswerError
from heaplint.verify.life import Lives
from heaplint.verify.session import Session, Settings

Progress = Callable[[int, int], None]


class NoModuleError(InputError):
    """A name that stands for no extension module; the message names it and the cause."""


def settings(python: str, path: Iterable[str], exercise: str | None, seconds: int, megabytes: int) -> Settings:
    """How modules are run; raises InputError about what is not there, or a system without processes as in POSIX."""
    if os.name != "posix":
        raise InputError("verify: needs a POSIX system")
    found = shutil.which(python)
    if found is None:
        raise InputError(f"--python: {python}: no program")
    folders = [os.path.abspath(one) for one in path]
    for folder in folders:
        if not os.path.isdir(folder):
            raise InputError(f"--path: {folder}: no folder")
    if exercise is not None and not os.path.isfile(exercise):
        raise InputError(f"--exercise: {exercise}: no file")
    script = None if exercise is None else os.path.abspath(exercise)
    return Settings(os.path.abspath(found), tuple(folders), script, seconds, megabytes << 20)


def modules_of(names: Iterable[str], settings: Settings, *, standard: bool) -> tuple[list[str], tuple[int, int, int]]:
    """The extension modules that names stand for, and the interpreter's version. Raises NoModuleError and HostError."""
    names = list(names)
    if not names and not standard:
        raise InputError("verify: name a module, or --stdlib")
    host = settings.host()
    version = host.version
    found: dict[str, None] = {}
    try:
        if standard:
            found.update(dict.fromkeys(map(str, host.ask("standard", {}).listed("modules"))))
        for name in names:
            if not host.alive:
                host = settings.host()
            reply = host.ask("resolve", {"module": name, "path": settings.path})
            modules = reply.listed("modules")
            if not modules:
                cause = reply.failure or "no extension module"
                raise NoModuleError(f"{name}: {cause}")
            found.update(dict.fromkeys(map(str, modules)))
    finally:
        host.close()
    return list(found), version


def verify(names: Sequence[str], version: tuple[int, int, int], settings: Settings, progress: Progress | None) -> Verification:
    """Check every module; what one of them does to its process concerns it alone."""
    lives = Lives(settings)
    modules = []
    try:
        for done, name in enumerate(names):
            with Session(name, settings) as session:
                try:
                    modules.append(_module(session, lives, version))
                except AnswerError as error:
                    modules.append(VerifiedModule(name, None, (), (Verdict(name, name, "import", "unknown", str(error)),)))
            if progress is not None:
                progress(done + 1, len(names))
    finally:
        lives.close()
    return Verification(".".join(map(str, version)), tuple(modules))


def exit_code(seen: Verification, *, strict: bool, exit_zero: bool) -> int:
    """2 when something is unknown and that is not allowed, 1 when something failed and that matters, else 0."""
    if strict and seen.answers["unknown"]:
        return 2
    return 1 if seen.answers["fail"] and not exit_zero else 0


def _module(session: Session, lives: Lives, version: tuple[int, int, int]) -> VerifiedModule:
    name = session.module
    prepared = session.prepared
    if prepared.failure is not None:
        words = prepared.failure
        imported = prepared.get("doing") is not None  # it came as far as the exercise
        if not imported and (prepared.crashed or prepared.ended != "done"):
            words = f"importing it {words}"
        answer: Answer = "fail" if prepared.crashed and not imported else "unknown"
        return VerifiedModule(name, None, (), (Verdict(name, name, "import", answer, words),))
    notes = []
    if prepared.last.get("exercised"):
        notes.append(f"the exercise fails: {prepared.last['exercised']}")
    if not session.forks:
        notes.append("the module starts threads: each check had a process of its own")
    if version[:2] == (3, 12):
        notes.append("interpreters with their own GIL run with PYTHONMALLOC=malloc: 3.12 aborts in many modules without it")
    described = types.described(prepared)
    verdicts = [Verdict(name, name, "import", "pass", "is imported")]
    for one in described:
        verdicts.extend(types.verdicts(session, one))
    verdicts.extend(lives.verdicts(session, version))
    return VerifiedModule(
        name,
        os.path.basename(str(prepared.last.get("file"))) or None,
        tuple(types.runtime_type(one) for one in described),
        tuple(verdicts),
        tuple(notes),
    )
