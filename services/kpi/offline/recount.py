"""Recounts the events of a backup with its frozen catalogue, without database or broker.

`python -m services.kpi.offline.recount CATALOGUES VERSION` takes the catalogue version from a file
of a backup (`.bson.gz`) and reads events from standard input. An event is its key, CloudEvents
source and value, each preceded by its length in 4 bytes, big-endian. The program prints digest,
number of parked records and number of records as one JSON object.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from bson import decode_file_iter

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.catalogue import Catalogue
from services.kpi.log.file import FileRecord
from services.kpi.offline.verification import verify
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue


def records(stream: BinaryIO) -> Iterator[FileRecord]:
    """Yield the events of a backup's stream as records of a single partition, in order.

    Raises:
        ValueError: the stream ends in the middle of an event.
    """
    offset = 0
    while head := stream.read(4):
        key = _content(stream, head)
        source = _content(stream, stream.read(4))
        value = _content(stream, stream.read(4))
        headers = [("ce_type", events.CHANGED.encode()), ("ce_source", source)]
        yield FileRecord(0, offset, 0, key, value, headers)
        offset += 1


def _content(stream: BinaryIO, head: bytes) -> bytes:
    length = int.from_bytes(head, "big")
    content = stream.read(length)
    if len(head) < 4 or len(content) != length:
        raise ValueError("the stream of events is cut off")
    return content


def catalogue_of(path: Path, version: int) -> Catalogue:
    """Return a catalogue version from a file of a backup.

    Raises:
        LookupError: the file does not contain this version.
    """
    with gzip.open(path, "rb") as file:
        for document in decode_file_iter(cast(BinaryIO, file)):
            if document["_id"] == version:
                return decode_catalogue(catalogue_pb2.Catalogue.FromString(document["message"]))
    raise LookupError(f"{path} has no catalogue version {version}")


def main(arguments: Sequence[str]) -> int:
    """Recount the events on standard input and print the result as JSON; return 0.

    Args:
        arguments: path of the file with catalogues, and the catalogue version.

    Raises:
        LookupError: the file does not contain this version.
        ValueError: standard input ends in the middle of an event.
    """
    catalogue = catalogue_of(Path(arguments[0]), int(arguments[1]))
    found = verify(records(sys.stdin.buffer), catalogue)
    total = sum(found["progress"].values())
    print(json.dumps({"digest": found["digest"], "parked": found["parked"], "records": total}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
