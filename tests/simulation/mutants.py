"""Seeded bugs: plausible mistakes in the fold or the flush, all of which must be caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from services.kernel.errors import OwnershipLost
from services.kpi import folding
from services.kpi.domain import contribution, fold, shares
from services.kpi.domain.claims import Statement, Work
from services.kpi.folding import PartitionFold
from services.kpi.store import writes
from services.kpi.store.ledger import Flush, Ledger, Owned

Mutant = Callable[[], Iterator[dict[str, Any]]]


def _patched(target: Any, name: str, new: Any) -> Mutant:
    def mutant() -> Iterator[dict[str, Any]]:
        with patch.object(target, name, new):
            yield {}

    return mutant


class NoFence(Ledger):
    """Commits whatever the epoch and the offset are."""

    def commit(self, flush: Flush) -> Owned:
        found = self._progress.find_one({"_id": f"{flush.owned.view_id}|{flush.owned.partition}"})
        assert found is not None
        owned = replace(flush.owned, epoch=found["epoch"], next_offset=found["next_offset"])
        return super().commit(Flush(**{**_fields(flush), "owned": owned}))


class EpochNotRaised(Ledger):
    """Takes a partition over without a new epoch, and the offset is no fence of its own."""

    def claim(self, view_id: str, partition: int) -> Owned:
        owned = super().claim(view_id, partition)
        return replace(owned, epoch=1)

    def commit(self, flush: Flush) -> Owned:
        found = self._progress.find_one({"_id": f"{flush.owned.view_id}|{flush.owned.partition}"})
        assert found is not None
        owned = replace(flush.owned, epoch=found["epoch"])
        if found["next_offset"] > flush.next_offset:
            raise OwnershipLost("offset only")
        owned = replace(owned, next_offset=found["next_offset"])
        return super().commit(Flush(**{**_fields(flush), "owned": owned}))


class TornFlush(Ledger):
    """Writes cells and works first, and the position in a transaction of its own."""

    def commit(self, flush: Flush) -> Owned:
        rows, works = writes.row_writes(flush), writes.work_writes(flush)
        if rows:
            self._rows.bulk_write(rows, ordered=False)
        if works:
            self._works.bulk_write(works, ordered=False)
        return super().commit(Flush(**{**_fields(flush), "rows": {}, "works": {}}))


class PositionFirst(Ledger):
    """Moves the position first, and writes cells and works afterwards."""

    def commit(self, flush: Flush) -> Owned:
        owned = super().commit(Flush(**{**_fields(flush), "rows": {}, "works": {}}))
        rows, works = writes.row_writes(flush), writes.work_writes(flush)
        if rows:
            self._rows.bulk_write(rows, ordered=False)
        if works:
            self._works.bulk_write(works, ordered=False)
        return owned


class WorksNotStored(Ledger):
    """Forgets what was said about works when the process ends."""

    def commit(self, flush: Flush) -> Owned:
        return super().commit(Flush(**{**_fields(flush), "works": {}}))


class OffByOne(Ledger):
    """Stores a position one too far."""

    def commit(self, flush: Flush) -> Owned:
        skipped = flush.next_offset + 1
        return super().commit(Flush(**{**_fields(flush), "next_offset": skipped}))


def _fields(flush: Flush) -> dict[str, Any]:
    return {name: getattr(flush, name) for name in Flush.__slots__}


class KeepsCaches(PartitionFold):
    """Shares works and rows with every later owner, as a cache by partition would."""

    shared: dict[tuple[int, int], tuple[Any, Any]] = {}

    def __init__(self, owned: Owned, catalogue: Any, stored: Any) -> None:
        super().__init__(owned, catalogue, stored)
        key = (id(stored), owned.partition)
        self._works, self._rows = self.shared.setdefault(key, (self._works, self._rows))


def _ledger(broken: type[Ledger]) -> Mutant:
    def mutant() -> Iterator[dict[str, Any]]:
        yield {"ledger_class": broken}

    return mutant


def _keeps_caches() -> Iterator[dict[str, Any]]:
    yield {"fold_class": KeepsCaches}


def _fold_without_version(work: Work, submission_id: str, statement: Statement, c: Any) -> Any:
    statements = {**work.statements, submission_id: statement}
    contributed = contribution.contribution(statements.values(), c)
    return Work(statements, contributed), fold.difference(contributed, work.contributed)


def _fold_without_tombstone(work: Work, submission_id: str, statement: Statement, c: Any) -> Any:
    new, changes = _REAL_FOLD(work, submission_id, statement, c)
    if statement.declared is None and statement.verified is None:
        kept = {k: s for k, s in new.statements.items() if k != submission_id}
        new = Work(kept, new.contributed)
    return new, changes


def _fold_forgets_silent_versions(
    work: Work, submission_id: str, statement: Statement, c: Any
) -> Any:
    new, changes = _REAL_FOLD(work, submission_id, statement, c)
    return (new, changes) if changes else (work, {})


def _fold_adds_only(work: Work, submission_id: str, statement: Statement, c: Any) -> Any:
    new, changes = _REAL_FOLD(work, submission_id, statement, c)
    return new, {key: value for key, value in changes.items() if value > 0}


def _fold_accepts_equal(work: Work, submission_id: str, statement: Statement, c: Any) -> Any:
    if statement.version < work.version_of(submission_id):
        return work, {}
    new = Work({**work.statements, submission_id: statement}, {})
    contributed = contribution.contribution(new.statements.values(), c)
    # Retracts what this statement adds alone, not what the work added.
    return Work(new.statements, contributed), fold.difference(contributed, {})


_REAL_FOLD = fold.fold


def _split_with_floats(amount: int, claims: Any, tree: Any) -> list[int]:
    return [round(float(weight) * amount) for weight in shares.weights(claims, tree)]


def _arrival_order(claims: Any, name: str) -> Any:
    return next((c.facts[name] for c in reversed(claims) if name in c.facts), None)


def _sum_of_children(units: list[int], tree: Any) -> list[tuple[int, int]]:
    return [(unit, 1) for unit in sorted(set(units))]


def _latest_date(claims: Any, name: str) -> str:
    return max((str(c.facts[name]) for c in claims if c.facts.get(name)), default="")


def _overwrites(row: Any, change: Any) -> Any:
    return {cell: value for cell, value in {**row, **change}.items() if value}


def _names_no_rows(self: writes.Notes, flush: Flush) -> Any:
    return _REAL_NOTE(self, replace(flush, rows=dict(list(flush.rows.items())[1:])))


_REAL_NOTE = writes.Notes.next


MUTANTS: dict[str, Mutant] = {
    "no fence at all": _ledger(NoFence),
    "the stored offset is the only fence": _ledger(EpochNotRaised),
    "cells and works are flushed before the position": _ledger(TornFlush),
    "the position is flushed before cells and works": _ledger(PositionFirst),
    "works are not stored": _ledger(WorksNotStored),
    "the stored offset is off by one": _ledger(OffByOne),
    "caches survive the loss of a partition": _keeps_caches,
    "versions are ignored": _patched(folding, "fold", _fold_without_version),
    "retractions leave no tombstone": _patched(folding, "fold", _fold_without_tombstone),
    "a version that changes no cell is forgotten": _patched(
        folding, "fold", _fold_forgets_silent_versions
    ),
    "only additions are applied": _patched(folding, "fold", _fold_adds_only),
    "the old contribution is not subtracted": _patched(folding, "fold", _fold_accepts_equal),
    "shares are rounded floats": _patched(contribution, "split", _split_with_floats),
    "the weakest claim settles facts": _patched(contribution, "settled", _arrival_order),
    "a whole count is the sum of children": _patched(contribution, "union", _sum_of_children),
    "the latest date wins": _patched(contribution, "effective_date", _latest_date),
    "the second change of a cell overwrites the first": _patched(folding, "_changed", _overwrites),
    "the note of a flush leaves a row out": _patched(writes.Notes, "next", _names_no_rows),
}


@contextmanager
def applied(name: str) -> Iterator[dict[str, Any]]:
    """Put a mutant in place; hands out what `Run` must be given."""
    body = MUTANTS[name]()
    try:
        yield next(body)
    finally:
        next(body, None)
