"""Seeded bugs: plausible mistakes in the fold or the flush, all of which must be caught."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, ClassVar
from unittest.mock import patch

from pymongo.errors import AutoReconnect

from services.kernel.errors import OwnershipLost, WrongState
from services.kpi import folding, gathering, owning, rebuilder
from services.kpi.building import Building
from services.kpi.domain import contribution, fold, shares
from services.kpi.domain.claims import Statement, Work
from services.kpi.domain.parking import Parking
from services.kpi.folding import PartitionFold
from services.kpi.following import FollowedPartition
from services.kpi.log_identity import LogDescription
from services.kpi.store import notes, snapshots, writes
from services.kpi.store.ledger import Flush, Ledger, Owned
from services.kpi.store.loading import BulkLoad
from services.kpi.store.registry import Registry
from services.kpi.store.snapshots import Snapshots, _row
from services.kpi.store.transactions import transaction
from services.kpi.store.views import View, Views
from services.kpi.store.works import StoredWorks
from services.kpi.wire import events as wire_events
from services.submissions import events, relay
from services.submissions.documents import decode_outbox
from services.submissions.domain import claims as claims_module
from services.submissions.store import Submissions
from tests.simulation import catalogues, platform

Patch = tuple[Any, str, Any]
"""Object, name, and what stands there instead."""


class NoFence(Ledger):
    """Commits whatever the epoch and the offset are."""

    def commit(self, flush: Flush) -> Owned:
        found = self._progress.find_one({"_id": f"{flush.owned.view_id}|{flush.owned.partition}"})
        assert found is not None
        owned = replace(flush.owned, epoch=found["epoch"], next_offset=found["next_offset"])
        return super().commit(Flush(**{**_fields(flush), "owned": owned}))


class EpochNotRaised(Ledger):
    """Takes a partition over without a new epoch, and the offset is no fence of its own."""

    def claim(self, *given: Any, **named: Any) -> Owned:
        owned = super().claim(*given, **named)
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

    shared: ClassVar[dict[tuple[int, str, int], tuple[Any, Any]]] = {}

    def __init__(self, owned: Owned, catalogue: Any, stored: Any, *more: Any) -> None:
        super().__init__(owned, catalogue, stored, *more)
        key = (id(stored._mongo), owned.view_id, owned.partition)
        self._works, self._rows = self.shared.setdefault(key, (self._works, self._rows))


class ReadFailed(AutoReconnect):
    """A read of the fold's failed, and no write."""


class NamesFailedReads(Ledger):
    """Tells failed reads from failed commits."""

    def works(self, owned: Owned, keys: Any) -> Any:
        with _named():
            return super().works(owned, keys)

    def rows(self, owned: Owned, keys: Any) -> Any:
        with _named():
            return super().rows(owned, keys)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except AutoReconnect as error:
        raise ReadFailed from error


def _tries_the_batch_again(self: PartitionFold, records: Any) -> None:
    for _ in range(10):
        try:
            return _REAL_APPLY(self, records)
        except ReadFailed:
            continue


_REAL_APPLY = PartitionFold.apply


class MendsNothing(Parking):
    """Never takes a parked record off the list."""

    def mended(self, submission_id: str, work_key: str, version: int) -> list[int]:
        return []


class MendsBlindly(Parking):
    """Takes a record off the list whatever the version is that follows."""

    def mended(self, submission_id: str, work_key: str, version: int) -> list[int]:
        return super().mended(submission_id, work_key, 1 << 62)


def _ledger(broken: type[Ledger]) -> tuple[Patch, ...]:
    return ((owning, "Ledger", broken), (rebuilder, "Ledger", broken))


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


def _names_no_rows(self: notes.Notes, flush: Flush) -> Any:
    return _REAL_NOTE(self, replace(flush, rows=dict(list(flush.rows.items())[1:])))


def _tells_no_cell(self: notes.Notes, flush: Flush) -> Any:
    changed = {place: list(cells)[1:] for place, cells in flush.changed.items()}
    return _REAL_NOTE(self, replace(flush, changed=changed))


def _backwards(name: str) -> Any:
    return lambda note: -note[name]


_REAL_NOTE = notes.Notes.next


def _clears_first(submissions: Any, publish: Any, limit: int) -> int:
    documents = submissions.pending(limit)
    if documents:
        submissions.clear(documents)
        publish(relay.waiting(documents))
    return len(documents)


def _clears_what_came_meanwhile(self: Submissions, documents: Any) -> None:
    for document in documents:
        empty = {"$set": {"outbox": [], "outbox_pending": False}}
        self._documents.update_one({"_id": document["_id"]}, empty)


def _publishes_the_newest_only(documents: Any) -> list[Any]:
    return [event for events in map(decode_outbox, documents) for event in events[-1:]]


def _tells_of_the_new_work_only(previous: Any, submission: Any) -> Any:
    return [notice for notice in _REAL_NOTICES(previous, submission) if notice.is_primary]


def _swaps_too_early(self: Views, view: Any) -> bool:
    transaction(self._mongo, lambda session: self._point(view.view_id, session))
    return True


def _swaps_beside_the_owners(self: Views, view: Any) -> bool:
    live = self.live()
    assert live is not None

    def work(session: Any) -> bool:
        here = self._views.find_one({"_id": view.view_id}, session=session) or {}
        if here.get("phase") != "following":
            return False
        if self.standing(view.view_id, session).lag(self.standing(live.view_id, session).vector):
            return False
        self._point(view.view_id, session)
        return True

    return bool(transaction(self._mongo, work))


def _rolls_back_at_once(self: Registry) -> Any:
    former = self.former()
    if former is None:
        raise WrongState("no view answered before this one")
    transaction(self._mongo, lambda session: self._point(former.view_id, session))
    return former


def _skips_what_lies_between(self: FollowedPartition, fold: Any, here: int) -> None:
    return None


def _claims_without_a_second_look(self: Registry, topic_id: str) -> Any:
    """Answers the second question of a claim as the first."""
    found = _REAL_FOLDED(self, topic_id)
    if self in _CLAIMED:
        return _CLAIMED.pop(self)
    _CLAIMED[self] = found
    return found


_CLAIMED: dict[Registry, Any] = {}
_REAL_FOLDED = Registry.folded


def _gathers_the_last_word(self: gathering.Gathering, records: Any) -> None:
    for event, statement in self._decode(records, self.flush):
        self._newest.setdefault(event.work_key, {})[event.submission_id] = statement
    self.read += len(records)
    self.flush.next_offset = records[-1].offset + 1
    self.flush.last_hash = folding.event_hash(records[-1])


def _stores_no_tombstones(self: gathering.Gathering, work: Work) -> dict[str, Any]:
    said = {
        submission: statement
        for submission, statement in work.statements.items()
        if statement.declared or statement.verified
    }
    return self._document(Work(said, work.contributed))


def _loads_from_the_start(
    self: BulkLoad, owned: Owned, end: int, shares: int
) -> tuple[int, int, int]:
    return end, *_REAL_BEGIN(self, owned, end, shares)[1:]


def _says_bundles_are_there(
    self: BulkLoad, owned: Owned, end: int, shares: int
) -> tuple[int, int, int]:
    key = {"_id": f"{owned.view_id}|{owned.partition}", "epoch": owned.epoch}
    self._progress.update_one(key, {"$set": {"runs": shares}})
    return _REAL_BEGIN(self, owned, end, shares)


def _forgets_what_is_bound(
    self: StoredWorks, view_id: str, partition: int, runs: int, keys: Any, session: Any = None
) -> dict[str, list[bytes]]:
    return _REAL_FIND(self, view_id, partition, 0, keys, session)


_REAL_FIND = StoredWorks.find
_REAL_BEGIN = BulkLoad.begin


def _claims_what_is_being_loaded(self: Ledger, *given: Any, **named: Any) -> Owned:
    return _REAL_CLAIM(self, *given, **{**named, "is_loader": True})


_REAL_CLAIM = Ledger.claim
_REAL_NOTICES = claims_module.notices


def _reads_unit_by_unit(self: Snapshots, view_id: str, since: Any) -> Any:
    """Reads rows one after the other, outside one snapshot."""
    progress = self.progress(view_id)
    rows = []
    for unit_id in ("a/x/g", "a/x/h", "a/x", "a/y", "a", "b/x/g", "b/x", "b", "c", "consortium"):
        found = self._rows.find({"v": view_id, "u": unit_id})
        rows += [_row(d) for d in found if d["o"] >= since.get(d["p"], 0)]
    return progress, rows


def _follows_no_further(self: Building, view: Any, live: Any) -> None:
    self._views.swap(view)


def _asks_once(settings: Any) -> LogDescription:
    return LogDescription("log-1", settings.platform.log.partitions, "")


def _finds_every_log_the_same(*asked: Any) -> str:
    return ""


def _takes_any_mark(value: bytes, generation: int) -> frozenset[str]:
    return _REAL_MARK(value, 0)


_REAL_MARK = wire_events.decode_republished


class TwoReleases(PartitionFold):
    """Every other owner counts as the release before did, which settled dates otherwise."""

    def _fold_one(self, *given: Any) -> None:
        if self.owned.epoch % 2:
            with patch.object(contribution, "effective_date", _latest_date):
                return super()._fold_one(*given)
        return super()._fold_one(*given)


def _takes_the_newest_tree(self: Registry, version: int) -> Any:
    """Counts with the tree of today, which another catalogue brought in between."""
    if version == 1 and any(view.catalogue_version == 2 for view in self.views()):
        message = type(catalogues.frozen(1).message)()
        message.CopyFrom(catalogues.frozen(1).message)
        del message.units[:]
        message.units.extend(catalogues.frozen(2).units)
        return catalogues.decoded(message.SerializeToString(deterministic=True))
    return _REAL_CATALOGUE(self, version)


_REAL_CATALOGUE = Registry.catalogue


def _ends_nobody(self: Views, generation: int) -> None:
    return None


def _asks_no_second_time(self: owning.OwnedPartitions, view: Any, partition: int) -> PartitionFold:
    ledger = self._ledgers.setdefault(view.view_id, Ledger(self.connection.mongo))
    owned = ledger.claim(view.view_id, partition, view.begins.get(partition, 0))
    catalogue = self.registry.catalogue(view.catalogue_version)
    return PartitionFold(owned, catalogue, ledger, self._limits, view.generation)


def _answers_whoever_does_by_now(self: Views, view: Any, republished: frozenset[str]) -> None:
    if not view.phase and not set(view.awaits) - republished:
        transaction(self._mongo, lambda session: self._point(view.view_id, session))


def _swaps_whoever_answers_by_now(self: Views, view: Any) -> bool:
    live = self.live()
    assert live is not None

    def work(session: Any) -> bool:
        here = self._views.find_one({"_id": view.view_id}, session=session) or {}
        if here.get("phase") != "following":
            return False
        old = self.standing(live.view_id, session)
        if self.standing(view.view_id, session).lag(old.vector):
            return False
        for partition in old.vector:
            key = {"_id": f"{live.view_id}|{partition}"}
            self._progress.update_one(key, {"$inc": {"epoch": 1}}, session=session)
        self._point(view.view_id, session)
        return True

    return bool(transaction(self._mongo, work))


def _answers_already(self: View, topic_id: str) -> bool:
    return self.state == "live" and self.topic_id == topic_id and self.has_its_log


def _forgets_former_works(previous: Any, submission: Any) -> Any:
    return _REAL_NOTICES(previous, replace(submission, former_keys=frozenset()))


MUTANTS: dict[str, tuple[Patch, ...]] = {
    "no fence at all": _ledger(NoFence),
    "the stored offset is the only fence": _ledger(EpochNotRaised),
    "cells and works are flushed before the position": _ledger(TornFlush),
    "the position is flushed before cells and works": _ledger(PositionFirst),
    "works are not stored": _ledger(WorksNotStored),
    "the stored offset is off by one": _ledger(OffByOne),
    "caches survive the loss of a partition": ((owning, "PartitionFold", KeepsCaches),),
    "a fold is used again after a failed read": (
        *_ledger(NamesFailedReads),
        (PartitionFold, "apply", _tries_the_batch_again),
    ),
    "versions are ignored": ((folding, "fold", _fold_without_version),),
    "retractions leave no tombstone": ((folding, "fold", _fold_without_tombstone),),
    "a version that changes no cell is forgotten": (
        (folding, "fold", _fold_forgets_silent_versions),
    ),
    "only additions are applied": ((folding, "fold", _fold_adds_only),),
    "the old contribution is not subtracted": ((folding, "fold", _fold_accepts_equal),),
    "shares are rounded floats": ((contribution, "split", _split_with_floats),),
    "the weakest claim settles facts": ((contribution, "settled", _arrival_order),),
    "a whole count is the sum of children": ((contribution, "union", _sum_of_children),),
    "the latest date wins": ((contribution, "effective_date", _latest_date),),
    "the second change of a cell overwrites the first": ((folding, "_changed", _overwrites),),
    "the note of a flush leaves a row out": ((notes.Notes, "next", _names_no_rows),),
    "the note of a flush leaves a cell out": ((notes.Notes, "next", _tells_no_cell),),
    "a reader takes what notes tell in any order": ((snapshots, "itemgetter", _backwards),),
    "a reader reads row by row": ((Snapshots, "changes", _reads_unit_by_unit),),
    "parked records are never mended": ((folding, "Parking", MendsNothing),),
    "any version mends a parked record": ((folding, "Parking", MendsBlindly),),
    "the relay clears before the broker acknowledged": ((relay, "_publish_of", _clears_first),),
    "the relay clears what was written meanwhile": (
        (Submissions, "clear", _clears_what_came_meanwhile),
    ),
    "the relay publishes the newest event only": ((relay, "waiting", _publishes_the_newest_only),),
    "a changed work key retracts nothing": ((events, "notices", _tells_of_the_new_work_only),),
    "the pointer moves before the new view is caught up": (
        (Views, "swap", _swaps_too_early),
        (Building, "_follow", _follows_no_further),
    ),
    "the pointer moves beside owners who still fold": ((Views, "swap", _swaps_beside_the_owners),),
    "a claim does not look again which view answers": (
        (Registry, "folded", _claims_without_a_second_look),
    ),
    "a rollback is not caught up": ((Registry, "roll_back", _rolls_back_at_once),),
    "a follower skips what it missed": (
        (FollowedPartition, "_catch_up", _skips_what_lies_between),
    ),
    "a rebuild keeps the last word, not the newest version": (
        (gathering.Gathering, "apply", _gathers_the_last_word),
    ),
    "a rebuild stores no tombstones": ((gathering.Gathering, "document", _stores_no_tombstones),),
    "a resumed load reads up to another offset": ((BulkLoad, "begin", _loads_from_the_start),),
    "a load that begins says it has ended": ((BulkLoad, "begin", _says_bundles_are_there),),
    "works in bundles are taken for new": ((StoredWorks, "find", _forgets_what_is_bound),),
    "a fold goes on over a load that has not ended": (
        (Ledger, "claim", _claims_what_is_being_loaded),
    ),
    "two fold versions count in one view": ((owning, "PartitionFold", TwoReleases),),
    "the tree of a view changes while it is folded": (
        (Registry, "catalogue", _takes_the_newest_tree),
    ),
    "the identity of the log is not asked": (
        (platform, "_describe", _asks_once),
        (platform, "_divergence", _finds_every_log_the_same),
    ),
    "marks of another generation are accepted": (
        (wire_events, "decode_republished", _takes_any_mark),
    ),
    "a new generation ends no former owner": ((Views, "end_former_logs", _ends_nobody),),
    "a claim does not ask again which log it is": (
        (owning.OwnedPartitions, "_fold_of", _asks_no_second_time),
    ),
    "a sleeper lets its generation answer": ((Views, "heard", _answers_whoever_does_by_now),),
    "the pointer moves whoever answers by now": ((Views, "swap", _swaps_whoever_answers_by_now),),
    "a generation that is being filled is opened again": ((View, "is_of", _answers_already),),
    "a log is filled without former works": ((events, "notices", _forgets_former_works),),
}


@contextmanager
def applied(name: str) -> Iterator[None]:
    """Put a mutant in place."""
    with ExitStack() as stack:
        for place in MUTANTS[name]:
            stack.enter_context(patch.object(*place))
        yield
