"""Runs in the environment of Quix Streams: the product's own fold as a stateful application.

`python -m tests.benchmark.quix_inside BROKER EVENTS FOLDER` prints one JSON object. The state of a
key is its work: the newest event of each submission, as the product stores it. The folder holds the
catalogue and gets the state.
"""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found, unused-ignore]

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.fold import CellKey, RowKey, fold, restored, roll_up
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue

TOPIC = "kieng.submissions.v1"


def main(bootstrap: str, count: int, folder: str) -> dict[str, Any]:
    """Fold the first records of the log."""
    message = (Path(folder) / "catalogue.binpb").read_bytes()
    catalogue = decode_catalogue(catalogue_pb2.Catalogue.FromString(message))
    rows: dict[RowKey, dict[CellKey, int]] = {}
    application = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        state_dir=folder,
    )
    seen: dict[str, float] = {}

    def apply(value: bytes, state: Any) -> None:
        seen.setdefault("cpu", time.process_time())
        seen.setdefault("wall", time.perf_counter())
        event = events.decode_changed(value)
        statement = events.decode_statement(event, catalogue, value)
        known: dict[str, str] = state.get("work", {})
        statements = {}
        for source in map(base64.b64decode, known.values()):
            older = events.decode_changed(source)
            statements[events.name_of(older)] = events.decode_statement(older, catalogue, source)
        work = restored(statements, catalogue)
        new, changes = fold(work, events.name_of(event), statement, catalogue)
        if new is work:
            return
        state.set("work", {**known, event.submission_id: base64.b64encode(value).decode()})
        for place, change in roll_up(changes, catalogue).items():
            row = rows.setdefault(place, {})
            for cell, step in change.items():
                row[cell] = row.get(cell, 0) + step

    frame = application.dataframe(application.topic(TOPIC, value_deserializer="bytes"))
    frame.update(apply, stateful=True)
    application.run(count=count)
    wall, cpu = time.perf_counter() - seen["wall"], time.process_time() - seen["cpu"]
    return {"wall": wall, "cpu": cpu, "events": count, "rows": len(rows)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
