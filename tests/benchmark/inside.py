"""Parts that are measured in a process of their own: `python -m tests.benchmark.inside PART ...`.

Each prints one JSON object. Times are CPU seconds of the process unless they say `wall`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any, cast

from kafka import KafkaConsumer, TopicPartition
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from kieng.submissions.v1 import events_pb2
from services.kernel.config import load
from services.kernel.kafka import Record
from services.kernel.mongo import Mongo
from services.kpi.config import FETCH_BYTES_MAX, RECORDS_MAX, Settings
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.fold import CellKey, RowKey, fold, roll_up
from services.kpi.domain.work import Key, Statement, Work
from services.kpi.heap import tune_gc
from services.kpi.process import Child
from services.kpi.projection.partition_fold import PartitionFold, ProjectionStore
from services.kpi.rebuild.requests import encode_request
from services.kpi.store.change_notes import Notes
from services.kpi.store.documents import DATABASE
from services.kpi.store.ledger import Ledger
from services.kpi.store.writes import Flush, PartitionLease, row_writes, work_writes
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from tests.benchmark.generator import TOPIC
from tests.benchmark.machine import catalogue, peak_mib

SILENT_POLLS_MAX = 50


def batches(bootstrap: str, count: int) -> Iterator[list[Record]]:
    """Yield the first ``count`` records of the log as kafka-python delivers them."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_poll_records=RECORDS_MAX,
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
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
    rows: dict[RowKey, dict[CellKey, int]] = {}
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
    rows: dict[RowKey, dict[CellKey, int]],
    frozen: Catalogue,
) -> None:
    """Fold statements into works and rows that are dictionaries."""
    nothing = Work()
    deltas: dict[Key, int] = {}
    for event, statement in said:
        old = works.get(event.work_key, nothing)
        works[event.work_key], changes = fold(old, events.name_of(event), statement, frozen)
        for key, change in changes.items():
            deltas[key] = deltas.get(key, 0) + change
    for place, steps in roll_up(deltas, frozen).items():
        row = rows.setdefault(place, {})
        for cell, step in steps.items():
            row[cell] = row.get(cell, 0) + step


class BareLoop:
    """Takes the place of the ledger: the same transactions, from documents made beforehand."""

    def __init__(self, mongo: Mongo) -> None:
        self.wall = 0.0
        self._mongo = mongo
        self._session = mongo.client.start_session()
        self._database = mongo.database(DATABASE)
        self._notes = Notes(0)

    def works(self, lease: PartitionLease, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Read works as the ledger does; counted, too."""
        begin = time.perf_counter()
        found = Ledger.works(Ledger(self._mongo), lease, keys)
        self.wall += time.perf_counter() - begin
        return found

    def commit(self, flush: Flush) -> None:
        """Write a batch; only the transaction is counted."""
        writes: dict[str, list[Any]] = {
            "cells": row_writes(flush),
            "works": work_writes(flush),
            "changes": [self._notes.next(flush)],
        }
        begin = time.perf_counter()
        with self._session.start_transaction(
            ReadConcern("snapshot"), WriteConcern("majority", j=True)
        ):
            self._database["progress"].update_one(
                {"_id": "bare"}, {"$set": {"o": flush.next_offset}}, True, session=self._session
            )
            for name, operations in writes.items():
                if operations:
                    collection = self._database[name]
                    collection.bulk_write(operations, ordered=False, session=self._session)
        self.wall += time.perf_counter() - begin


def loop(bootstrap: str, events_text: str, uri: str, view_id: str) -> dict[str, Any]:
    """Write the transactions of the live path from a loop that does nothing else."""
    with closing(Mongo(uri, 5000)) as mongo:
        bare_loop = BareLoop(mongo)
        lease = PartitionLease(view_id, 0, 1, 0, 0, 0, frozenset())
        made = PartitionFold(lease, decode_catalogue(catalogue()), cast(ProjectionStore, bare_loop))
        for records in batches(bootstrap, int(events_text)):
            made.apply(records)
        return {"wall": bare_loop.wall}


def rebuild(view_id: str, events_text: str) -> dict[str, Any]:
    """Rebuild a view up to an offset. The peak is that of the largest of its processes.

    Here, because what the kernel says of a child begins with the memory of whoever started it.

    Raises:
        ChildFailed: the rebuild failed.
    """
    request = encode_request(view_id, {0: int(events_text)})
    began = time.monotonic()
    child = Child("services.kpi.rebuild.worker", load(Settings), request)
    child.result()
    child.end()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall": time.monotonic() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "read": read,
    "bare": bare,
    "loop": loop,
    "rebuild": rebuild,
}


def main(arguments: list[str]) -> None:
    """Run one part and print what it measured."""
    tune_gc()  # as the aggregator does, or the ratio would flatter it
    measured = PARTS[arguments[0]](*arguments[1:])
    print(json.dumps({"peak_mib": peak_mib(os.getpid()), **measured}))


if __name__ == "__main__":
    main(sys.argv[1:])
