"""The subprocess of a rebuild that brings partitions of a view up to offsets.

`python -m services.kpi.rebuild.worker` is started by `kpi.process`. Its request is that of
`requests.encode_request`; it bulk-loads partitions of which nothing was folded, and folds the
others.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing

from services.kernel.errors import OwnershipLost
from services.kernel.kafka import Record
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.domain.parking import Limits
from services.kpi.log.identity import describe_log
from services.kpi.log.reader import read_partition
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.process import Message, Send, serve
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.rebuild.bulk_load import Gather, here, rebuild
from services.kpi.rebuild.requests import decode_request
from services.kpi.rebuild.shard import shard_count
from services.kpi.rebuild.shard_pool import EVENTS_MIN, ShardPool
from services.kpi.store.bulk_load import BulkLoad
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.ledger import Ledger, PartitionLease


def bring_up(settings: Settings, request: Message, send: Send) -> None:
    """Bring partitions of a view up to the requested offsets.

    Safe to repeat and to kill at any time. If an aggregator owns a partition, this ends without an
    error, and the remaining partitions are left to the next attempt.

    Raises:
        LookupError: the view was deleted.
        RuntimeError: the log is not the one of the view (LOG_DIVERGED).
    """
    view_id, ends = decode_request(request)
    # Among millions of long-lived objects without cycles, garbage collection would find nothing.
    gc.disable()
    with closing(Mongo(settings.mongo_uri, settings.mongo_timeout_ms)) as mongo:
        for partition, end in ends.items():
            try:
                _bring_up(settings, mongo, view_id, partition, end)
            except OwnershipLost as lost:
                # An aggregator owns the partition and folds it already.
                send({"left_to_another": str(lost)})
                return
    send({})


def _bring_up(settings: Settings, mongo: Mongo, view_id: str, partition: int, end: int) -> None:
    catalogues, ledger = Catalogues(mongo), Ledger(mongo)
    view = catalogues.view(view_id)
    if view is None:
        raise LookupError(f"there is no view {view_id}")
    catalogue = catalogues.catalogue(view.catalogue_version)

    begin = view.begins.get(partition, 0)

    def read(until: int) -> Iterator[list[Record]]:
        return read_partition(settings, partition, begin, until)

    def need_its_log() -> None:
        found = describe_log(settings)
        if found.topic_id != view.topic_id:
            raise RuntimeError(f"LOG_DIVERGED: {SUBMISSIONS} is another topic than {view_id} is of")
        if not view.has_partitions(found.partitions):
            raise RuntimeError(f"LOG_DIVERGED: {SUBMISSIONS} has {found.partitions} partitions")

    def claimed(**options: bool) -> PartitionLease:
        lease = ledger.claim(view_id, partition, begin, **options)
        # A new log generation fences off earlier owners only, so one that claims later must check.
        need_its_log()
        return lease

    lease = claimed(is_loader=True)
    if lease.next_offset == begin:
        count, shards = settings.rebuild_processes, shard_count(end)
        gather_all: Gather = here(lease, catalogue, read, view.generation)
        if count > 1 and end - begin >= EVENTS_MIN:
            gather_all, shards = ShardPool(settings, lease, count), max(shards, count)
        rebuild(BulkLoad(mongo, ledger.session), lease, catalogue, gather_all, end, shards)
        lease = claimed()
    limits = Limits(settings.parked_in_a_row_max, settings.parked_per_10000_max)
    fold = PartitionFold(lease, catalogue, ledger, limits, view.generation)
    for records in read_partition(settings, partition, lease.next_offset, end):
        # After it was read: a topic may be made anew at any time, with other records.
        need_its_log()
        fold.apply(records)


if __name__ == "__main__":
    raise SystemExit(serve(bring_up))
