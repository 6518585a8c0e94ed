"""Mistakes in the bulk load of a rebuild."""

from __future__ import annotations

from typing import Any

from services.kpi.domain.work import Work
from services.kpi.log.identity import event_hash
from services.kpi.rebuild import shard
from services.kpi.store.bulk_load import BulkLoad
from services.kpi.store.ledger import Ledger, PartitionLease
from services.kpi.store.works import StoredWorks
from services.kpi.wire import events


def _gathers_the_last_word(self: shard.ShardFold, records: Any) -> None:
    for event, statement in self.decoder.decode(records, self.flush):
        self._newest.setdefault(event.work_key, {})[events.name_of(event)] = statement
    self.read += len(records)
    self.flush.next_offset = records[-1].offset + 1
    self.flush.last_hash = event_hash(records[-1])


def _stores_no_tombstones(self: shard.ShardFold, work: Work) -> dict[str, Any]:
    said = {
        submission: statement
        for submission, statement in work.statements.items()
        if statement.declared or statement.verified
    }
    return self._documents.fields(Work(said, work.contributed))


_REAL_BEGIN = BulkLoad.begin


def _loads_from_the_start(
    self: BulkLoad, lease: PartitionLease, end: int, shards: int
) -> tuple[int, int, int]:
    return end, *_REAL_BEGIN(self, lease, end, shards)[1:]


def _says_it_is_loaded(
    self: BulkLoad, lease: PartitionLease, end: int, shards: int
) -> tuple[int, int, int]:
    begun = _REAL_BEGIN(self, lease, end, shards)
    key = {"_id": f"{lease.view_id}|{lease.partition}", "epoch": lease.epoch}
    self._progress.update_one(key, {"$set": {"runs": begun[1], "next_offset": begun[0]}})
    return begun


_REAL_FIND = StoredWorks.find


def _forgets_what_is_bound(
    self: StoredWorks, view_id: str, partition: int, runs: int, keys: Any, session: Any = None
) -> dict[str, list[bytes]]:
    return _REAL_FIND(self, view_id, partition, 0, keys, session)


_REAL_CLAIM = Ledger.claim


def _claims_what_is_being_loaded(self: Ledger, *given: Any, **named: Any) -> PartitionLease:
    return _REAL_CLAIM(self, *given, **{**named, "is_loader": True})


MUTANTS = {
    "a rebuild keeps the last word, not the newest version": (
        (shard.ShardFold, "apply", _gathers_the_last_word),
    ),
    "a rebuild stores no tombstones": ((shard.ShardFold, "document", _stores_no_tombstones),),
    "a resumed load reads up to another offset": ((BulkLoad, "begin", _loads_from_the_start),),
    "a load that begins says it has ended": ((BulkLoad, "begin", _says_it_is_loaded),),
    "works in bundles are taken for new": ((StoredWorks, "find", _forgets_what_is_bound),),
    "a fold goes on over a load that has not ended": (
        (Ledger, "claim", _claims_what_is_being_loaded),
    ),
}
