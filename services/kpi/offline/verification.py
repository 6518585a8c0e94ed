"""Recomputes a view from a log file, without a service or database; any university can run it.

`python -m services.kpi.offline.verification export BROKER FILE` writes the log; `python -m
services.kpi.offline.verification verify FILE CATALOGUE UNITS` prints digest and progress. The
units are those of the catalogue where it has some: `kieng catalogue export` writes such a file.
`kieng log export` and `kieng verify` call these two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from google.protobuf.json_format import ParseDict, ParseError

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kernel.config import KernelSettings, load
from services.kernel.errors import Refusal
from services.kernel.kafka import Record
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.cube import Cube
from services.kpi.domain.parking import UNLIMITED
from services.kpi.log.file import FileRecord, read_log, write_log
from services.kpi.log.reader import read_whole
from services.kpi.projection.memory_store import MemoryStore
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.ledger import PartitionLease
from services.kpi.wire.catalogue import decode_catalogue

BATCH_RECORDS = 2000


def verify(records: Iterable[Record], catalogue: Catalogue) -> dict[str, Any]:
    """Fold all records of a log; return digest, progress and number of parked records.

    Any number of records may be parked, because the view's operators have already accepted them.

    Args:
        records: the records, in order within each partition.
        catalogue: catalogue to count with.

    Returns:
        JSON values: `digest`, `progress` (partition -> next offset) and `parked`.
    """
    folds: dict[int, tuple[PartitionFold, MemoryStore]] = {}
    waiting = iter(records)
    while batch := list(islice(waiting, BATCH_RECORDS)):
        for partition in sorted({record.partition for record in batch}):
            if partition not in folds:
                view = MemoryStore()
                lease = PartitionLease("verify", partition, 1, 0, 0, 0, frozenset())
                folds[partition] = PartitionFold(lease, catalogue, view, UNLIMITED), view
            folds[partition][0].apply([r for r in batch if r.partition == partition])
    cube = Cube(catalogue)
    for partition, (_, view) in folds.items():
        view.put_into(cube, partition)
    return {
        "digest": cube.digest(),
        "progress": {str(p): fold.lease.next_offset for p, (fold, _) in sorted(folds.items())},
        "parked": sum(fold.lease.parked for fold, _ in folds.values()),
    }


def load_catalogue(file: Path, units: Path) -> Catalogue:
    """Return the catalogue in ``file``; if that contains no units, with the units in ``units``.

    Raises:
        ValueError: a file is not valid, or the definitions cannot be counted.
    """
    try:
        return decode_catalogue(catalogue_message(file, units))
    except (ParseError, Refusal, KeyError, TypeError, yaml.YAMLError) as error:
        raise ValueError(f"no catalogue: {error}") from error


def catalogue_message(file: Path, units: Path) -> catalogue_pb2.Catalogue:
    """Return a catalogue file as a protobuf message, with version 1 unless it states another.

    Args:
        file: catalogue file, YAML or JSON.
        units: units file, used if the catalogue file contains no units.

    Raises:
        ValueError, ParseError, YAMLError, KeyError, TypeError: a file is not valid;
            `load_catalogue` turns all of these into a ValueError with a message for people.
    """
    message = catalogue_pb2.Catalogue(version=1)
    ParseDict(_read(file), message)
    if not message.units:
        message.units.extend(read_units(units))
    return message


def _read(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    # JSON is also YAML, but parsing a frozen catalogue as YAML would take seconds.
    found = json.loads(text) if text.startswith("{") else yaml.load(text, yaml.CSafeLoader)
    if not isinstance(found, dict):
        raise TypeError("it has no fields")
    return found


def read_units(path: Path) -> list[directory_pb2.Unit]:
    """Return the units of a units file, with only id, parent and kind, which counting needs."""
    units = []
    for entry in yaml.load(path.read_text(), yaml.CSafeLoader)["units"]:
        kind = f"UNIT_KIND_{entry['kind'].upper()}"
        kept = {"unit_id": entry["unit_id"], "parent_id": entry.get("parent_id", ""), "kind": kind}
        units.append(ParseDict(kept, directory_pb2.Unit()))
    return units


def export(bootstrap: str, file: Path) -> int:
    """Write all records of a broker's submissions log to a log file; return their number.

    The file appears under its name only once it is complete.

    Args:
        bootstrap: addresses of the brokers, `host:port` separated by commas.
        file: path of the file to write.

    Raises:
        Unavailable: the broker is down, or the log cannot be read to its end.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as writing:
            count = write_log(_records(bootstrap), writing)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return count


def _records(bootstrap: str) -> Iterator[FileRecord]:
    settings = load(KernelSettings).model_copy(update={"kafka_bootstrap": bootstrap})
    return (FileRecord.of(record) for records in read_whole(settings) for record in records)


def main(arguments: Sequence[str]) -> int:
    """Run `export` or `verify` and print one JSON object.

    Args:
        arguments: the command and its paths, see the module.

    Returns:
        Exit code: 1 if a file or the log cannot be read, 2 for wrong arguments.
    """
    command, places = arguments[:1], arguments[1:]
    try:
        if command == ["export"] and len(places) == 2:
            count = export(places[0], Path(places[1]))
            print(json.dumps({"records": count, "file": places[1]}))
            return 0
        if command == ["verify"] and len(places) == 3:
            file, definitions, units = (Path(place) for place in places)
            print(json.dumps(_verified(file, definitions, units)))
            return 0
    except (OSError, ValueError, Refusal) as error:
        # As one line, because some errors have several.
        print(" ".join((str(error) or repr(error)).split()), file=sys.stderr)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


def _verified(file: Path, definitions: Path, units: Path) -> dict[str, Any]:
    try:
        catalogue = load_catalogue(definitions, units)
    except ValueError as error:
        raise ValueError(f"{definitions}: {error}") from error
    try:
        with file.open("rb") as log:
            return verify(read_log(log), catalogue)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
