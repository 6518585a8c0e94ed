"""The subprocess of a what-if: compares another catalogue with the live one over the whole log.

`python -m services.kpi.what_if.worker` is started by `kpi.process`. Its request is that of
`encode_request`; it sends `TryCatalogueResponse` messages. It reads the log and stores nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, kpi_service_pb2
from services.kpi.config import Settings
from services.kpi.domain.comparison import Change, Comparison
from services.kpi.domain.fold import roll_up
from services.kpi.domain.work import Work
from services.kpi.log.reader import read_partition
from services.kpi.process import Message, Send, serve
from services.kpi.rebuild.shard import ShardFold, shard_count
from services.kpi.store.views import View
from services.kpi.store.writes import PartitionLease
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.values import encode_value

CHANGES_MAX = 20_000
CHANGES_PER_MESSAGE = 500
NOTHING = Work()

MEASURES = (kpi_service_pb2.MEASURE_DECLARED, kpi_service_pb2.MEASURE_VERIFIED)
Response = catalogue_service_pb2.TryCatalogueResponse


def encode_request(
    view: View,
    before: catalogue_pb2.Catalogue,
    after: catalogue_pb2.Catalogue,
    ends: Mapping[int, int],
    months: tuple[int, int],
    targets: Mapping[str, int],
) -> Message:
    """Return the message that asks the subprocess for a what-if.

    Args:
        view: the live view.
        before: the live catalogue.
        after: the catalogue to try.
        ends: partition -> offset before which to stop reading the log.
        months: first and last month to compare, both included.
        targets: `<unit id>|<indicator code>` -> target of the year of the last month.
    """
    fields = {
        "ends": {str(partition): end for partition, end in ends.items()},
        "begins": {str(partition): begin for partition, begin in view.begins.items()},
        "months": months,
        "targets": dict(targets),
    }
    return Message(fields, (before.SerializeToString(), after.SerializeToString()))


def compare(settings: Settings, request: Message) -> Iterator[Response]:
    """Yield responses with the progress of reading, then changed numbers, then the result.

    At most `CHANGES_MAX` changes are sent; the result says whether there are more.

    Raises:
        Unavailable: the broker is down, or the log cannot be read to its end.
    """
    fields = request.fields
    before, after = (
        decode_catalogue(catalogue_pb2.Catalogue.FromString(content))
        for content in request.attached
    )
    first, last = fields["months"]
    comparison = Comparison(before, after, (first, last), fields["targets"])
    total, parked = sum(fields["ends"].values()), [0, 0]
    done = 0
    for partition, end in sorted((int(p), e) for p, e in fields["ends"].items()):
        begin = fields["begins"].get(str(partition), 0)
        passes = shard_count(end)
        contributed: tuple[dict[Any, int], dict[Any, int]] = ({}, {})
        for remainder in range(passes):
            lease = PartitionLease("what-if", partition, 1, begin, 0, 0, frozenset())
            shard = (remainder, passes)
            old = ShardFold(lease, before, shard=shard)
            new = ShardFold(lease, after, shard=shard)
            for records in read_partition(settings, partition, begin, end):
                old.apply(records)
                new.apply(records)
                position = (remainder * end + records[-1].offset + 1) // passes
                yield Response(events_done=done + position, events_wanted=total)
            _add(comparison, old, new, contributed)
            parked = [count + g.parked for count, g in zip(parked, (old, new), strict=True)]
        done += end
        for side, cells in zip((comparison.before, comparison.after), contributed, strict=True):
            for (unit_id, month), row in roll_up(cells, side.catalogue).items():
                side.cube.put(partition, unit_id, month, row)
    changes = comparison.changes()
    listed = islice(changes, CHANGES_MAX)
    while some := list(islice(listed, CHANGES_PER_MESSAGE)):
        yield Response(events_done=total, events_wanted=total, changes=map(_encode, some))
    end_word = catalogue_service_pb2.TryResult(
        parked_before=parked[0], parked_after=parked[1], is_cut=next(changes, None) is not None
    )
    yield Response(events_done=total, events_wanted=total, result=end_word)


def _add(
    comparison: Comparison,
    old: ShardFold,
    new: ShardFold,
    contributed: tuple[dict[Any, int], dict[Any, int]],
) -> None:
    known = dict(old.works())
    for key, work in new.works():
        before = known.pop(key, NOTHING)
        comparison.add(key, before.contributed, work.contributed)
        for cells, each in zip(contributed, (before, work), strict=True):
            for cell, value in each.contributed.items():
                cells[cell] = cells.get(cell, 0) + value
    for key, before in known.items():
        # The tree of the other catalogue has none of the units that claim the work.
        comparison.add(key, before.contributed, {})
        for cell, value in before.contributed.items():
            contributed[0][cell] = contributed[0].get(cell, 0) + value


def _encode(change: Change) -> catalogue_service_pb2.CellChange:
    return catalogue_service_pb2.CellChange(
        unit_id=change.unit_id,
        indicator_code=change.code,
        measure=MEASURES[change.measure],
        before=None if change.before is None else encode_value(change.before),
        after=None if change.after is None else encode_value(change.after),
        works=change.works.count,
        work_keys=change.works.keys,
    )


def answer(settings: Settings, request: Message, send: Send) -> None:
    """Run the what-if that the request describes; send each response to the parent as it comes."""
    # Among millions of long-lived objects without cycles, garbage collection would find nothing.
    gc.disable()
    for response in compare(settings, request):
        send({}, response.SerializeToString())


if __name__ == "__main__":
    raise SystemExit(serve(answer))
