"""Writes the golden log of spoilt values: `python -m tests.golden.make_spoilt`.

Its events resemble those of the contract in one value each, as a producer outside of the product
may write them. Like the golden log it is written once, and each fold version has an entry of its
own in `spoilt.json`.
"""

from __future__ import annotations

import random
from pathlib import Path

from services.kpi.log.file import FileRecord
from services.kpi.wire import events
from tests.golden.make import LEAVES, file_records, write
from tests.simulation import history
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
    return file_records(log)


if __name__ == "__main__":
    write(SPOILT, DIGESTS, records())
