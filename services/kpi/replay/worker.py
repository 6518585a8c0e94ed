"""Replays the log to a position in a process of its own, so that the asking one keeps answering.

`python -m services.kpi.replay.worker` reads a line of JSON from stdin (`encode_wish`) and writes
lines of JSON to stdout: `{"read": n}` now and then, at the end `{"progress": ...}` with the
lengths of the bytes that follow, or `{"refused": ...}`.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import Refusal, Unavailable, WrongState
from services.kernel.kafka import Record
from services.kpi.replay.memory_projection import Cut, Scratch
from services.kpi.replay.tasks import Task, run, task_of
from services.kpi.wire.catalogue import decode_catalogue
from services.kpi.wire.rows import encode_rows

TOPIC = "kieng.submissions.v1"
POLL_MS = 250
SILENCE_SECONDS_MAX = 20.0
READING = {
    "auto_offset_reset": "none",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "allow_auto_create_topics": False,
    "max_poll_records": 5000,
}
NICENESS = 10
"""Steps back behind the process that answers."""


def encode_wish(
    catalogue: catalogue_pb2.Catalogue, cut: Cut, task: Task | None, options: dict[str, Any]
) -> bytes:
    """Return what the process is told on stdin; ``options`` say how to connect to the broker."""
    wish = {
        "options": options,
        "catalogue": base64.b64encode(catalogue.SerializeToString()).decode(),
        "until": {str(partition): offset for partition, offset in cut.until.items()},
        "before_ms": cut.before_ms,
        "generation": cut.generation,
        "begins": {str(partition): offset for partition, offset in cut.begins.items()},
        "task": task.fields() if task else None,
    }
    return json.dumps(wish).encode() + b"\n" + (task.works if task else b"")


def records_until(
    options: dict[str, Any], cut: Cut, is_complete: Callable[[], bool]
) -> Iterator[Sequence[Record]]:
    """Yield batches of one partition each from the log's beginning; an empty one shows life.

    Raises:
        WrongState: the log has lost its beginning.
        Unavailable: the broker does not hand out what the view has read.
    """
    consumer = KafkaConsumer(**options, **READING)
    with closing(consumer):
        wanted = [TopicPartition(TOPIC, p) for p, offset in cut.until.items() if offset]
        consumer.assign(wanted)
        begins = consumer.beginning_offsets(wanted) if wanted else {}
        if any(first > cut.begins.get(tp.partition, 0) for tp, first in begins.items()):
            text = "the log has lost its beginning: retention or a truncation deleted records"
            raise WrongState(text, reason="LOG_GONE")
        for partition in wanted:
            consumer.seek(partition, cut.begins.get(partition.partition, 0))
        heard_at = time.monotonic()
        while not is_complete():
            polled = consumer.poll(timeout_ms=POLL_MS)
            if not polled and time.monotonic() - heard_at > SILENCE_SECONDS_MAX:
                raise Unavailable("the broker does not hand out the records that the view has read")
            if polled:
                heard_at = time.monotonic()
            yield from polled.values() or [()]


def replay(wish: dict[str, Any], tell: Callable[[Any], None]) -> Scratch:
    """Fold the log as far as it is wished for; tell how far it is."""
    message = catalogue_pb2.Catalogue.FromString(base64.b64decode(wish["catalogue"]))
    until, begins = (
        {int(partition): offset for partition, offset in wish[name].items()}
        for name in ("until", "begins")
    )
    cut = Cut(until, wish["before_ms"], wish["generation"], begins)
    scratch = Scratch(decode_catalogue(message), cut)
    for records in records_until(wish["options"], cut, lambda: scratch.is_complete):
        if records:
            scratch.take(records)
        tell({"read": scratch.read})
    return scratch


def main() -> int:
    """Replay what stdin asks for; exit 1 when it is refused."""
    logging.disable(logging.CRITICAL)
    os.nice(NICENESS)
    out = sys.stdout.buffer

    def tell(document: Any) -> None:
        out.write(json.dumps(document).encode() + b"\n")
        out.flush()

    def refuse(refusal: Refusal) -> int:
        document = {"status": refusal.status, "message": refusal.message, "reason": refusal.reason}
        tell({"refused": document})
        return 1

    try:
        wish, task = json.loads(sys.stdin.buffer.readline()), None
        if wish["task"]:
            task = task_of(wish["task"], sys.stdin.buffer.read())
        scratch = replay(wish, tell)
        facts, made = run(task, scratch) if task else ({}, b"")
    except Refusal as refusal:
        return refuse(refusal)
    except KafkaError as error:
        return refuse(Unavailable(f"the broker cannot be reached: {error!r}"))
    image, progress = scratch.image(), scratch.progress()
    rows = encode_rows(image.rows())
    tell(
        {
            "progress": {str(p): offset for p, offset in progress.next_offsets.items()},
            "newest_event_ms": progress.newest_event_ms,
            "parked": progress.parked,
            "digest": image.digest(),
            "facts": facts,
            "lengths": [len(rows), len(made)],
        }
    )
    out.write(rows)
    out.write(made)
    out.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
