"""The subprocess that folds one shard of a partition for a rebuild.

`python -m services.kpi.rebuild.shard_worker` is started by `kpi.process`. Its request is that
of `shard_pool.encode_request`; it sends `{"read": n}` after each batch, and the parts at the end.
"""

from __future__ import annotations

import gc
from contextlib import closing

from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.log.reader import read_partition
from services.kpi.process import Message, Send, serve
from services.kpi.rebuild.shard import ShardFold, gather
from services.kpi.rebuild.shard_pool import decode_request, encode_part
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.writes import PartitionLease


def fold_shard(settings: Settings, request: Message, send: Send) -> None:
    """Read a partition; send numbers of records read, then the parts of the requested shard.

    Raises:
        LookupError: the view was deleted.
        Unavailable: the log cannot be read.
    """
    gc.disable()
    lease, end, shard = decode_request(request)
    fold = _shard_fold(settings, lease, shard)
    for records in read_partition(settings, lease.partition, lease.next_offset, end):
        fold.apply(records)
        send({"read": fold.read})
    for part in gather(fold):
        send(*encode_part(part))


def _shard_fold(settings: Settings, lease: PartitionLease, shard: tuple[int, int]) -> ShardFold:
    with closing(Mongo(settings.mongo_uri, settings.mongo_timeout_ms)) as mongo:
        catalogues = Catalogues(mongo)
        view = catalogues.view(lease.view_id)
        if view is None:
            raise LookupError(f"there is no view {lease.view_id}")
        catalogue = catalogues.catalogue(view.catalogue_version)
    return ShardFold(lease, catalogue, view.generation, shard)


if __name__ == "__main__":
    raise SystemExit(serve(fold_shard))
