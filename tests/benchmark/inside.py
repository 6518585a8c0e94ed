"""Parts that are measured in a process of their own: `python -m tests.benchmark.inside PART ...`.

Each prints one JSON object. Times are CPU seconds of the process unless they say `wall`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from kieng.submissions.v1 import events_pb2
from services.kernel.kafka import Record
from services.kernel.mongo import Mongo
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.claims import Key, Statement, Work
from services.kpi.domain.fold import Cell, Place, fold, roll_up
from services.kpi.folding import PartitionFold
from services.kpi.store.ledger import Flush, Ledger, Owned
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from tests.benchmark.generator import TOPIC
from tests.benchmark.machine import catalogue

BATCH_RECORDS = 2000
SILENT_POLLS_MAX = 50


def batches(bootstrap: str, count: int) -> Iterator[list[Record]]:
    """Yield the first ``count`` records of the log as kafka-python delivers them."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=BATCH_RECORDS,
    )
    partition = TopicPartition(TOPIC, 0)
    with closing(consumer):
        consumer.assign([partition])
        consumer.seek(partition, 0)
        seen = silent = 0
        while seen < count:
            records = consumer.poll(timeout_ms=200).get(partition, [])[: count - seen]
            silent = 0 if records else silent + 1
            if silent > SILENT_POLLS_MAX:
                raise RuntimeError(f"the log ends after {seen} records, not {count}")
            seen += len(records)
            if records:
                yield records


def read(bootstrap: str, events_text: str) -> dict[str, Any]:
    """Just read the log."""
    count, wall = int(events_text), time.perf_counter()
    begin = time.process_time()
    for _ in batches(bootstrap, count):
        pass
    return {"cpu": time.process_time() - begin, "wall": time.perf_counter() - wall}


def bare(bootstrap: str, events_text: str) -> dict[str, Any]:
    """Fold into memory behind kafka-python: what is not done here is what durability costs."""
    frozen = decode_catalogue(catalogue())
    works: dict[str, Work] = {}
    rows: dict[Place, dict[Cell, int]] = {}
    spent = {"delivery": 0.0, "parse": 0.0, "decode": 0.0, "fold": 0.0}
    wall, mark = time.perf_counter(), time.process_time()
    for records in batches(bootstrap, int(events_text)):
        spent["delivery"] += (now := time.process_time()) - mark
        parsed = [
            events_pb2.SubmissionChanged.FromString(record.value or b"") for record in records
        ]
        spent["parse"] += (mark := time.process_time()) - now
        said = [(event, events.decode_statement(event, frozen, b"")) for event in parsed]
        spent["decode"] += (now := time.process_time()) - mark
        fold_in_memory(said, works, rows, frozen)
        spent["fold"] += (mark := time.process_time()) - now
    return {**spent, "wall": time.perf_counter() - wall, "rows": len(rows)}


def fold_in_memory(
    said: list[tuple[events_pb2.SubmissionChanged, Statement]],
    works: dict[str, Work],
    rows: dict[Place, dict[Cell, int]],
    frozen: Catalogue,
) -> None:
    """Fold statements into works and rows that are dictionaries."""
    nothing = Work()
    deltas: dict[Key, int] = {}
    for event, statement in said:
        old = works.get(event.work_key, nothing)
        works[event.work_key], changes = fold(old, event.submission_id, statement, frozen)
        for key, change in changes.items():
            deltas[key] = deltas.get(key, 0) + change
    for place, change in roll_up(deltas, frozen).items():
        row = rows.setdefault(place, {})
        for cell, step in change.items():
            row[cell] = row.get(cell, 0) + step


class Timed(Ledger):
    """A ledger that knows how long its transactions took."""

    wall = 0.0

    def commit(self, flush: Flush) -> Owned:
        """Commit and take the time."""
        begin = time.perf_counter()
        try:
            return super().commit(flush)
        finally:
            self.wall += time.perf_counter() - begin


def loop(bootstrap: str, events_text: str, uri: str, view_id: str) -> dict[str, Any]:
    """Write the transactions of the live path from a loop that does nothing else.

    The real fold makes them; only the time inside the transactions counts.
    """
    mongo = Mongo(uri, 5000)
    frozen = decode_catalogue(catalogue())
    ledger = Timed(mongo)
    made = PartitionFold(ledger.claim(view_id, 0), frozen, ledger)
    for records in batches(bootstrap, int(events_text)):
        made.apply(records)
    mongo.close()
    return {"wall": ledger.wall}


PARTS: dict[str, Callable[..., dict[str, Any]]] = {"read": read, "bare": bare, "loop": loop}


def main(arguments: list[str]) -> None:
    """Run one part and print what it measured."""
    measured = PARTS[arguments[0]](*arguments[1:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**measured, "peak_mib": peak}))


if __name__ == "__main__":
    main(sys.argv[1:])
