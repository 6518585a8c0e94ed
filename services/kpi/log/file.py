"""The submissions log as a file that any program can read (docs/log-format.md).

file    := "KIENGLOG" %x01 *record
record  := length(4) body                       all numbers are unsigned and big-endian
body    := partition(4) offset(8) timestamp_ms(8) key value headers(2) *( name value )
key, value, name := length(4) bytes
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from services.kernel.kafka import Record
from services.kpi.log.topic import SUBMISSIONS

MAGIC = b"KIENGLOG\x01"
RECORD_BYTES_MAX = 16 * 1024 * 1024
HEADERS_MAX = (1 << 16) - 1
READ = frozenset({"ce_type", "ce_source", "ce_id", "ce_time"})
"""Names of the headers that decide what a record counts, or how it is parked."""
Headers = Sequence[tuple[str, bytes | None]]
_POSITION = struct.Struct(">IQQ")


@dataclass(slots=True)
class FileRecord:
    """One record of a log file, with those fields of a Kafka record that the fold reads."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
    topic: str = SUBMISSIONS

    @staticmethod
    def of(record: Record) -> FileRecord:
        """Return a Kafka record of the submissions log as a `FileRecord`."""
        return FileRecord(
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            list(record.headers),
        )


def write_log(records: Iterable[FileRecord], file: BinaryIO) -> int:
    """Write records to a file in the log format, in the given order; return their number.

    Absent keys, values and header values become empty bytes, and a negative timestamp becomes 0. Of
    more than `HEADERS_MAX` headers the surplus is dropped, but never what a reader looks at: the
    first header of each name in `READ`, and the event type.
    """
    file.write(MAGIC)
    count = 0
    for record in records:
        parts = [
            _POSITION.pack(record.partition, record.offset, max(0, record.timestamp)),
            _pack(record.key or b""),
            _pack(record.value or b""),
        ]
        headers = record.headers
        if len(headers) > HEADERS_MAX:
            headers = _most_needed(headers)
        parts.append(struct.pack(">H", len(headers)))
        for name, value in headers:
            parts += [_pack(name.encode()), _pack(value or b"")]
        file.write(_pack(b"".join(parts)))
        count += 1
    return count


def _most_needed(headers: Headers) -> Headers:
    """Return as many headers as a record may have, those first that decoding depends on."""
    unlike = dict.fromkeys(headers)
    first: dict[str, tuple[str, bytes | None]] = {}
    for header in unlike:
        if header[0] in READ:
            first.setdefault(header[0], header)
    # Two different types park a record, so of the others those come next.
    others = sorted(unlike, key=lambda header: header[0] != "ce_type")
    return list(dict.fromkeys([*first.values(), *others]))[:HEADERS_MAX]


def read_log(file: BinaryIO) -> Iterator[FileRecord]:
    """Yield the records of a log file, in order.

    Raises:
        ValueError: the file is not a log file or is damaged, e.g. cut off; the message says where.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError("not a Kiềng log: it does not begin with KIENGLOG, version 1")
    while head := file.read(4):
        at = file.tell() - len(head)
        length = int.from_bytes(head, "big") if len(head) == 4 else RECORD_BYTES_MAX + 1
        body = file.read(length) if length <= RECORD_BYTES_MAX else b""
        try:
            if len(body) != length:
                raise ValueError("cut off")
            yield _record(body)
        except (ValueError, struct.error) as error:
            raise ValueError(f"the log is damaged at byte {at}: {error}") from error


def _record(body: bytes) -> FileRecord:
    partition, offset, timestamp = _POSITION.unpack_from(body)
    key, at = _unpack(body, _POSITION.size)
    value, at = _unpack(body, at)
    (count,) = struct.unpack_from(">H", body, at)
    at += 2
    headers: list[tuple[str, bytes]] = []
    for _ in range(count):
        name, at = _unpack(body, at)
        content, at = _unpack(body, at)
        headers.append((name.decode(), content))
    if at != len(body):
        raise ValueError("bytes are left over")
    return FileRecord(partition, offset, timestamp, key, value, headers)


def _pack(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def _unpack(body: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">I", body, at)
    end = at + 4 + length
    if end > len(body):
        raise ValueError("a field is longer than its record")
    return body[at + 4 : end], end
