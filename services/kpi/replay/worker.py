"""The subprocess that replays the log up to a bound, so that `kpi.query` stays responsive.

`python -m services.kpi.replay.worker` is started by `kpi.process`. Its request is that of
`encode_request`; it sends `{"read": n}` periodically, and at the end the view with its rows and the
result of the task.
"""

from __future__ import annotations

from typing import Any

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import WrongState
from services.kpi.config import Settings
from services.kpi.log.identity import beginnings
from services.kpi.log.reader import read_partitions
from services.kpi.process import Message, Send, serve
from services.kpi.replay.memory_projection import MemoryProjection, ReplayBound
from services.kpi.replay.tasks import Task, run, task_of
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.rows import encode_rows


def encode_request(
    catalogue: catalogue_pb2.Catalogue, bound: ReplayBound, task: Task | None
) -> Message:
    """Return the message that asks the subprocess for a replay.

    Args:
        catalogue: catalogue to count with.
        bound: where to stop.
        task: what to do with the works; None for nothing.
    """
    fields = {
        "until": {str(partition): offset for partition, offset in bound.until.items()},
        "before_ms": bound.before_ms,
        "generation": bound.generation,
        "begins": {str(partition): offset for partition, offset in bound.begins.items()},
        "task": task.fields() if task else None,
    }
    return Message(fields, (catalogue.SerializeToString(), task.works if task else b""))


def _bound(fields: Any) -> ReplayBound:
    until, begins = (
        {int(partition): offset for partition, offset in fields[name].items()}
        for name in ("until", "begins")
    )
    return ReplayBound(until, fields["before_ms"], fields["generation"], begins)


def check_beginning(settings: Settings, bound: ReplayBound) -> None:
    """Check that the log still has every record that the replayed view has read.

    Raises:
        WrongState: the log has lost its beginning (LOG_GONE).
        Unavailable: the broker is down.
    """
    wanted = [partition for partition, offset in bound.until.items() if offset]
    found = beginnings(settings, wanted) if wanted else {}
    if any(first > bound.begins.get(partition, 0) for partition, first in found.items()):
        text = "the log has lost its beginning: retention or a truncation deleted records"
        raise WrongState(text, reason="LOG_GONE")


def replay(settings: Settings, request: Message, send: Send) -> None:
    """Replay the log up to the bound of the request; send progress, then the resulting view.

    Raises:
        WrongState: the log no longer has these records (LOG_GONE), or the frozen works of the task
            are not those that were signed (TAMPERED).
        Unavailable: the broker is down.
    """
    content, works = request.attached
    bound = _bound(request.fields)
    fields = request.fields["task"]
    task = task_of(fields, works) if fields else None
    projection = MemoryProjection(
        decode_catalogue(catalogue_pb2.Catalogue.FromString(content)), bound
    )
    check_beginning(settings, bound)
    for records in read_partitions(settings, bound.begins, bound.until):
        projection.take(records)
        send({"read": projection.read})
    facts, made = run(task, projection) if task else ({}, b"")
    cube, progress = projection.cube(), projection.progress()
    send(
        {
            "progress": {str(p): offset for p, offset in progress.next_offsets.items()},
            "newest_event_ms": progress.newest_event_ms,
            "parked": progress.parked,
            "digest": cube.digest(),
            "facts": facts,
        },
        encode_rows(cube.rows()),
        made,
    )


if __name__ == "__main__":
    raise SystemExit(serve(replay))
