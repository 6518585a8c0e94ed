"""Replays the log to a position in a process of its own, so that the asking one keeps answering.

`python -m services.kpi.replay.worker` is a subprocess as `kpi.process` runs them: asked by
`encode_request`, it sends `{"read": n}` now and then, and at the end the view with its rows and
what the task made.
"""

from __future__ import annotations

from typing import Any

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import WrongState
from services.kpi.config import Settings
from services.kpi.log.identity import beginnings
from services.kpi.log.reader import read_partitions
from services.kpi.process import Message, Send, serve
from services.kpi.replay.memory_projection import Cut, Scratch
from services.kpi.replay.tasks import Task, run, task_of
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.rows import encode_rows


def encode_request(catalogue: catalogue_pb2.Catalogue, cut: Cut, task: Task | None) -> Message:
    """Return what the subprocess is asked for."""
    fields = {
        "until": {str(partition): offset for partition, offset in cut.until.items()},
        "before_ms": cut.before_ms,
        "generation": cut.generation,
        "begins": {str(partition): offset for partition, offset in cut.begins.items()},
        "task": task.fields() if task else None,
    }
    return Message(fields, (catalogue.SerializeToString(), task.works if task else b""))


def _cut(fields: Any) -> Cut:
    until, begins = (
        {int(partition): offset for partition, offset in fields[name].items()}
        for name in ("until", "begins")
    )
    return Cut(until, fields["before_ms"], fields["generation"], begins)


def check_beginning(settings: Settings, cut: Cut) -> None:
    """Check that the log still has every record that the view has read.

    Raises:
        WrongState: it has lost its beginning (LOG_GONE).
        Unavailable: the broker is down.
    """
    wanted = [partition for partition, offset in cut.until.items() if offset]
    found = beginnings(settings, wanted) if wanted else {}
    if any(first > cut.begins.get(partition, 0) for partition, first in found.items()):
        text = "the log has lost its beginning: retention or a truncation deleted records"
        raise WrongState(text, reason="LOG_GONE")


def replay(settings: Settings, request: Message, send: Send) -> None:
    """Fold the log as far as the request says, and send the view."""
    content, works = request.attached
    cut = _cut(request.fields)
    fields = request.fields["task"]
    task = task_of(fields, works) if fields else None
    scratch = Scratch(decode_catalogue(catalogue_pb2.Catalogue.FromString(content)), cut)
    check_beginning(settings, cut)
    for records in read_partitions(settings, cut.begins, cut.until):
        scratch.take(records)
        send({"read": scratch.read})
    facts, made = run(task, scratch) if task else ({}, b"")
    image, progress = scratch.image(), scratch.progress()
    send(
        {
            "progress": {str(p): offset for p, offset in progress.next_offsets.items()},
            "newest_event_ms": progress.newest_event_ms,
            "parked": progress.parked,
            "digest": image.digest(),
            "facts": facts,
        },
        encode_rows(image.rows()),
        made,
    )


if __name__ == "__main__":
    raise SystemExit(serve(replay))
