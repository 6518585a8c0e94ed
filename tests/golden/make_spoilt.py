"""Writes the golden log of spoilt values: `python -m tests.golden.make_spoilt`.

Its events resemble those of the contract in one value each, as a producer outside of the product
may write them. Like the golden log it is written once, and each fold version has an entry of its
own in `spoilt.json`.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.log.file import FileRecord, read_log, write_log
from services.kpi.offline.verification import verify
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from tests.golden.make import LEAVES
from tests.simulation import history
from tests.simulation.run import message
from tests.simulation.spoilt_values import spoil

FOLDER = Path(__file__).parent
SPOILT, DIGESTS = FOLDER / "spoilt.kienglog", FOLDER / "spoilt.json"
EVENTS = 300


def records() -> list[FileRecord]:
    """Return a log of two partitions, of which every other event has a value drawn anew."""
    rng = random.Random(59)
    authors = [history.Author(f"s{i}", rng.choice(LEAVES), "2025-02-14") for i in range(30)]
    log = history.Log(2)
    for _ in range(EVENTS):
        for event in rng.choice(authors).change(rng, keys=20):
            said = spoil(rng, event) if rng.random() < 0.5 else event
            headers = [("ce_type", events.CHANGED.encode()), history.source(said.institution_id)]
            log.append(said.work_key, said.SerializeToString(deterministic=True), headers)
    return [
        FileRecord(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
        for rows in log.records
        for r in rows
    ]


def main() -> None:
    """Write the log, and what this fold version makes of it on the golden catalogue."""
    with SPOILT.open("wb") as file:
        write_log(records(), file)
    with SPOILT.open("rb") as file:
        found = verify(read_log(file), decode_catalogue(message()))
    DIGESTS.write_text(json.dumps({str(FOLD_VERSION): found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
