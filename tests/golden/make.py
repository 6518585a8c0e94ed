"""Writes a new golden log with its catalogue and digest: `python -m tests.golden.make`.

Only when the old one says too little: what is committed stands for every log in the world. A fold
that counts differently gets a new FOLD_VERSION and a new entry in digests.json instead.
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
from tests.simulation import history, strangers
from tests.simulation.run import message

FOLDER = Path(__file__).parent
LOG, CATALOGUE, DIGESTS = (
    FOLDER / name for name in ("log.kienglog", "catalogue.binpb", "digests.json")
)
EVENTS = 400
LEAVES = ("a/x/g", "a/x/h", "a/y", "a/x", "b/x/g", "b", "c")


def records() -> list[FileRecord]:
    """Return a log of two partitions, with duplicates, stragglers and records of no use."""
    rng = random.Random(2025)
    authors = [
        history.Author(f"s{i}", rng.choice(LEAVES), rng.choice(("", "2025-02-14")))
        for i in range(40)
    ]
    log, late = history.Log(2), []
    for _ in range(EVENTS):
        for event in rng.choice(authors).change(rng, keys=25):
            value = event.SerializeToString(deterministic=True)
            headers = [("ce_type", events.CHANGED.encode()), history.source(event.institution_id)]
            entry = (event.work_key, value, headers)
            late.append(entry)
            if rng.random() < 0.9:
                log.append(*entry)
    for entry in rng.sample(late, k=EVENTS // 4):
        log.append(*entry)
    for number in range(5):
        key = f"nonsense:{number}"
        log.append(key, *strangers.poison(rng, f"s{number}", 10_000, key, "a"))
    return file_records(log)


def file_records(log: history.Log) -> list[FileRecord]:
    """Return the records of a simulated log as a file of a log has them."""
    return [
        FileRecord(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
        for rows in log.records
        for r in rows
    ]


def write(log: Path, digests: Path, rows: list[FileRecord]) -> None:
    """Write a log, and what this fold version makes of it on the golden catalogue."""
    with log.open("wb") as file:
        write_log(rows, file)
    with log.open("rb") as file:
        found = verify(read_log(file), decode_catalogue(message()))
    digests.write_text(json.dumps({str(FOLD_VERSION): found}, indent=2) + "\n")


def main() -> None:
    """Write all three files."""
    CATALOGUE.write_bytes(message().SerializeToString(deterministic=True))
    write(LOG, DIGESTS, records())


if __name__ == "__main__":
    main()
