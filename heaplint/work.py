"""The work of a run: files read and linked, main files checked, as far as results of an earlier run do not still hold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from heaplint import checking, incremental, workers
from heaplint.cache import Record, State
from heaplint.config import Config
from heaplint.findings import Notice
from heaplint.flow.paths import analysis
from heaplint.frontend.clang.exact import ExactFrontEnd
from heaplint.frontend.reader import Reader
from heaplint.frontend.text import UnitView
from heaplint.model.program import Group, Program, ReadOtherwiseError
from heaplint.model.unit import LINKED
from heaplint.results import GroupResult
from heaplint.source import SourceFile

Progress = Callable[[int, int], None]

_MAX_ROUNDS = 6
"""When what holds is still not settled after so many, everything is done anew."""
_MOST = 0.6
"""The part of the main files from which doing all of them anew costs no more than finding out which to leave."""


class Work:
    """One run over some files. Whoever makes it closes it."""

    def __init__(self, sources: Mapping[str, SourceFile], config: Config, root: Path, state: State | None = None) -> None:
        self.sources, self.config, self.state = sources, config, state
        self.reader = Reader(sources, config.target.versions)
        self.exact: ExactFrontEnd | None = None
        if config.frontend != "tree-sitter":
            self.exact = self.reader.exact = ExactFrontEnd(
                config.frontend, sources, self.reader.resolve, root, config.compile_commands
            )
        if state is not None:
            self.reader.know_included(state.included(sources))
        self.mains = self.reader.main_files()
        self.program = Program()
        self._records: dict[str, Record] = {}
        self._failed: dict[str, set[Notice]] = {}
        """What internal errors kept from being done, by main file."""

    def close(self) -> None:
        """End what runs beside; the program cannot be asked any more."""
        if self.exact is not None:
            self.exact.close()

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self) -> Program:
        """Read and link everything."""
        return self._read(self.mains, {}, None)

    def _read(
        self, anew: Collection[str], records: Mapping[str, Record], progress: Progress | None, *, keep: bool = False
    ) -> Program:
        """Read some main files and link them with what is known of the others."""
        views: dict[str, list[UnitView]] = {}
        for done, path in enumerate(sorted(anew)):
            try:
                views[path] = self.reader.unit_views(path)
            except Exception as error:
                views[path] = []
                self._note_failure(path, "reading it", error)
            if not records:
                self.reader.forget(path)
            if progress is not None:
                progress(done + 1, len(anew))
        if not records:
            self.reader.release()
        program = self.program = Program(self.reader.unit_views)
        program.facts = self.config.api
        program.failed = self._note_failure
        program.keeps = keep
        known = {path: incremental.known(record) for path, record in records.items() if path not in views}
        program.add(views, known, self.state.asked if self.state is not None and known else frozenset())
        for path, record in self.state.records.items() if self.state is not None else ():
            if path in program.paths:
                program.group(path).functions = record.functions
        for path in views:
            program.bring(program.group(path), LINKED)
        for path in views:  # a check may never come to ask the same again
            for unit in program.group(path).units:
                unit.forget_names()
        return program

    def _note_failure(self, path: str, doing: str, error: Exception) -> None:
        self._failed.setdefault(path, set()).add(checking.failure(path, doing, error))

    # -- checking --------------------------------------------------------------------------------------------------

    def results(
        self, rules: Collection[str], progress: Progress | None = None, jobs: int | None = 1, *, keep: bool = False
    ) -> dict[str, GroupResult]:
        """The results of all main files; `keep` makes that `left` can tell them to the next run."""
        with contextlib.suppress(ReadOtherwiseError):
            if (settled := self._renewed(rules, progress, jobs)) is not None:
                return settled
        program = self._read(self.mains, {}, _half(progress, 0), keep=keep)
        results = self._check(program, self.mains, rules, _half(progress, 1), jobs, keep=keep)
        if keep:
            self._records = incremental.records_of(program, results, {}, self.sources)
        return results

    def _renewed(self, rules: Collection[str], progress: Progress | None, jobs: int | None) -> dict[str, GroupResult] | None:
        """The results that still hold, and those of the main files that were checked anew; None when most would be."""
        if self.state is None:
            return None
        records = self._holding()
        anew = {path for path in self.mains if path not in records}
        hot = set(anew)
        for _ in range(_MAX_ROUNDS):
            if len(anew) > _MOST * len(self.mains):
                return None
            program = self._read(anew, records, None, keep=True)
            further = incremental.stale(program, self.state, anew, self.sources, hot)
            if not further:
                results = self._check(program, anew, rules, progress, jobs, keep=True)
                self._records = incremental.records_of(program, results, records, self.sources)
                return {**{path: records[path].found() for path in self.mains if path not in anew}, **results}
            anew |= further
        return None

    def _holding(self) -> dict[str, Record]:
        """The records of main files that are the same, with what they include, as when these were made."""
        assert self.state is not None
        now = {path: tuple((one, self.sources[one].digest) for one in self.reader.closure(path)) for path in self.mains}
        return {path: record for path, record in self.state.records.items() if now.get(path) == record.closure}

    def _check(
        self, program: Program, paths: Collection[str], rules: Collection[str], progress: Progress | None,
        jobs: int | None, *, keep: bool,
    ) -> dict[str, GroupResult]:
        chosen = checking.selected(rules)

        def check(group: Group) -> GroupResult:
            located, notices = checking.check_group(program, group, chosen, self.sources, self.config.target)
            functions = analysis.kept(group) if program.keeps else b""
            result = GroupResult(located, (*self._read_notices(group), *notices), self._front_ends(group), functions)
            checking.forget(group)
            return result

        groups = [program.group(path) for path in sorted(paths)]
        processes = workers.worthwhile(jobs, groups)
        if keep or processes > 1:  # before anything is forgotten, and before it would be done in each process
            program.tell(groups)
        if processes > 1 and self.exact is not None:
            self.exact.close()  # each process starts its own
        results = {}
        for path, result in workers.check_all(program, groups, check, processes):
            results[path] = result
            if progress is not None:
                progress(len(results), len(groups))
        return results

    def left(self) -> State:
        """What this run leaves to the next."""
        files = {path: (source.digest, tuple(self.reader.included(path))) for path, source in self.sources.items()}
        return State(files, self._records, frozenset(self.program.answered))

    def _read_notices(self, group: Group) -> list[Notice]:
        """What was met while the files of a group were read."""
        paths = set(group.paths)
        found = sorted(notice for path in paths for notice in self.reader.notices.get(path, ()))
        found += sorted(self._failed.get(group.path, ()))
        return [*found, *self.exact.notices(paths)] if self.exact is not None else found

    def _front_ends(self, group: Group) -> tuple[tuple[str, str], ...]:
        """What read a group's own files; where both did, one front end read what the other could not."""
        if self.exact is None:
            return ()
        own = sorted({text.path for unit in group.units for text in unit.own})
        tallies = ((path, self.exact.tallies.get(path)) for path in own)
        return tuple(
            (path, "both" if tally.default or self.exact.mode == "auto" else "clang")
            for path, tally in tallies if tally is not None and tally.exact
        )


def _half(progress: Progress | None, half: int) -> Progress | None:
    """Progress of the first half of the work (0) or the second (1)."""
    return None if progress is None else lambda done, total: progress(half * total + done, 2 * total)
