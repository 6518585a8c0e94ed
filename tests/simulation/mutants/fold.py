"""Mistakes in what a statement changes and in how claims are counted."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from services.kpi.domain import contribution, fold, shares
from services.kpi.domain.contribution import Facts
from services.kpi.domain.work import Claim, Statement, Work
from services.kpi.projection import ownership, partition_fold
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.rows import PackedRow

_REAL_FOLD = fold.fold
_REAL_FACTS = Facts.__init__


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


def _split_with_floats(amount: int, claims: Any, tree: Any) -> list[int]:
    return [round(float(weight) * amount) for weight in shares.weights(claims, tree)]


def _last_leads(self: Facts, claims: list[Claim], tree: Any) -> None:
    _REAL_FACTS(self, claims, tree)
    self._said = claims[-1].facts


def _fills_in(self: Facts, name: str) -> Any:
    return next((c.facts[name] for c in self.claims if name in c.facts), None)


def _best_source_leads(self: Claim) -> Any:
    return self.rank, self.verified_ms, self.name


def _sum_of_children(units: list[int], tree: Any) -> list[tuple[int, int]]:
    return [(unit, 1) for unit in sorted(set(units))]


def _earliest_date(self: Facts, name: str) -> str:
    return min((str(c.facts[name]) for c in self.claims if c.facts.get(name)), default="")


_REAL_CHANGED = PackedRow.changed


def _overwrites(self: PackedRow, steps: Any) -> Any:
    cells = self.cells()
    changes = {cell: value - cells.get(cell, 0) for cell, value in steps.items()}
    return _REAL_CHANGED(self, {cell: step for cell, step in changes.items() if step})


class TwoReleases(PartitionFold):
    """Every other owner counts as the release before did, which settled dates otherwise."""

    def _fold_one(self, *given: Any) -> None:
        if self.lease.epoch % 2:
            with patch.object(Facts, "date", _earliest_date):
                return super()._fold_one(*given)
        return super()._fold_one(*given)


MUTANTS = {
    "versions are ignored": ((partition_fold, "fold", _fold_without_version),),
    "retractions leave no tombstone": ((partition_fold, "fold", _fold_without_tombstone),),
    "a version that changes no cell is forgotten": (
        (partition_fold, "fold", _fold_forgets_silent_versions),
    ),
    "only additions are applied": ((partition_fold, "fold", _fold_adds_only),),
    "the old contribution is not subtracted": ((partition_fold, "fold", _fold_accepts_equal),),
    "shares are rounded floats": ((contribution, "split", _split_with_floats),),
    "the claim verified last says the facts": ((Facts, "__init__", _last_leads),),
    "who joins a work says what the first does not": ((Facts, "get", _fills_in),),
    "a registry leads whenever it comes": ((Claim, "precedence", property(_best_source_leads)),),
    "a whole count is the sum of children": ((contribution, "union", _sum_of_children),),
    "the earliest date wins": ((Facts, "date", _earliest_date),),
    "the second change of a cell overwrites the first": ((PackedRow, "changed", _overwrites),),
    "two fold versions count in one view": ((ownership, "PartitionFold", TwoReleases),),
}
