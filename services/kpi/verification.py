"""Recomputes a view from a log with no service and no database: what each university can do alone.

`python -m services.kpi.verification export BROKER FILE` writes the log;
`python -m services.kpi.verification verify FILE INDICATORS UNITS` prints digest and progress.
`kieng log export` and `kieng verify` are these two for people.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.json_format import ParseDict
from kafka import KafkaConsumer, TopicPartition

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kernel.config import KernelSettings, load
from services.kernel.kafka import Record
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.image import Image
from services.kpi.domain.parking import Grave
from services.kpi.folding import PartitionFold
from services.kpi.log_file import FileRecord, read_log, write_log
from services.kpi.store.ledger import Flush, Owned
from services.kpi.wire.catalogue import decode_catalogue

TOPIC = "kieng.submissions.v1"
BATCH_RECORDS = 2000
QUIET_POLLS = 5
POLL_MS = 200


class MemoryView:
    """A view kept in memory only; stands in for the ledger where nothing has to last."""

    def __init__(self) -> None:
        self._works: dict[str, list[bytes]] = {}
        self._rows: dict[tuple[str, int], Any] = {}

    def works(self, owned: Owned, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Return works by key."""
        return {key: self._works[key] for key in keys if key in self._works}

    def rows(self, owned: Owned, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Any]:
        """Return rows by (unit id, month)."""
        return {key: self._rows[key] for key in keys if key in self._rows}

    def graves(self, owned: Owned) -> list[Grave]:
        """Return nothing: the fold itself remembers what it parked."""
        return []

    def commit(self, flush: Flush) -> Owned:
        """Take a batch over."""
        self._rows.update(flush.rows)
        self._works.update({key: fields["c"] for key, fields in flush.works.items()})
        return flush.done()

    def works_kept(self) -> list[tuple[str, list[bytes]]]:
        """Return every work: key, newest event of each submission."""
        return list(self._works.items())

    def put_into(self, image: Image, partition: int) -> None:
        """Copy all rows into an image."""
        for (unit_id, month), row in self._rows.items():
            image.put(partition, unit_id, month, row)


def verify(records: Iterable[Record], catalogue: Catalogue) -> dict[str, Any]:
    """Fold a whole log and return digest, progress, number of cells' records and parked ones."""
    folds: dict[int, tuple[PartitionFold, MemoryView]] = {}
    waiting = iter(records)
    while batch := list(islice(waiting, BATCH_RECORDS)):
        for partition in sorted({record.partition for record in batch}):
            if partition not in folds:
                view = MemoryView()
                owned = Owned("verify", partition, 1, 0, 0, 0, frozenset())
                folds[partition] = PartitionFold(owned, catalogue, view), view
            folds[partition][0].apply([r for r in batch if r.partition == partition])
    image = Image(catalogue)
    for partition, (_, view) in folds.items():
        view.put_into(image, partition)
    return {
        "digest": image.digest(),
        "progress": {str(p): fold.owned.next_offset for p, (fold, _) in sorted(folds.items())},
        "parked": sum(fold.owned.parked for fold, _ in folds.values()),
    }


def load_catalogue(indicators: Path, units: Path) -> Catalogue:
    """Return the catalogue of an indicators file and a units file, as `kieng up` publishes them."""
    return decode_catalogue(catalogue_message(indicators, units))


def catalogue_message(indicators: Path, units: Path) -> catalogue_pb2.Catalogue:
    """Return the message of an indicators file and a units file."""
    message = catalogue_pb2.Catalogue(version=1)
    ParseDict(yaml.safe_load(indicators.read_text()), message)
    message.units.extend(read_units(units))
    return message


def read_units(path: Path) -> list[directory_pb2.Unit]:
    """Return the units of a units file, as far as counting needs them."""
    units = []
    for entry in yaml.safe_load(path.read_text())["units"]:
        kind = f"UNIT_KIND_{entry['kind'].upper()}"
        kept = {"unit_id": entry["unit_id"], "parent_id": entry.get("parent_id", ""), "kind": kind}
        units.append(ParseDict(kept, directory_pb2.Unit()))
    return units


def records_of(bootstrap: str) -> Iterator[FileRecord]:
    """Read the whole log from a broker, until it has been quiet for a second."""
    consumer = KafkaConsumer(
        **load(KernelSettings).model_copy(update={"kafka_bootstrap": bootstrap}).kafka_options(),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        fetch_max_wait_ms=50,
    )
    with closing(consumer):
        partitions = [TopicPartition(TOPIC, p) for p in consumer.partitions_for_topic(TOPIC) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        quiet = 0
        while quiet < QUIET_POLLS:
            polled = consumer.poll(timeout_ms=POLL_MS, max_records=5000)
            quiet = 0 if polled else quiet + 1
            for records in polled.values():
                for r in records:
                    yield FileRecord(r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)


def main(arguments: Sequence[str]) -> int:
    """Run a command; print one JSON object. Exit 1 when the log cannot be read."""
    if len(arguments) == 3 and arguments[0] == "export":
        with Path(arguments[2]).open("wb") as file:
            count = write_log(records_of(arguments[1]), file)
        print(json.dumps({"records": count, "file": arguments[2]}))
        return 0
    if len(arguments) == 4 and arguments[0] == "verify":
        catalogue = load_catalogue(Path(arguments[2]), Path(arguments[3]))
        try:
            with Path(arguments[1]).open("rb") as file:
                print(json.dumps(verify(read_log(file), catalogue)))
        except (OSError, ValueError) as error:
            print(f"{arguments[1]}: {error}", file=sys.stderr)
            return 1
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
