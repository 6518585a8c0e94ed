"""Finds out whether brokers listen, and makes kafka-python read header names that are not UTF-8.

Separate from `config`, so that processes without a Kafka client do not import kafka-python.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import partialmethod
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.record.default_records import DefaultRecordBatch


def reachable(bootstrap: str) -> str:
    """Return ``bootstrap`` unchanged after checking that a broker listens at one of its addresses.

    Args:
        bootstrap: addresses `host:port`, separated by commas.

    Raises:
        KafkaConnectionError: no broker listens at any of the addresses.
    """
    # A kafka-python client that cannot connect leaks a thread, which logs without end.
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        with suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), 2.0):
            return bootstrap
    raise KafkaConnectionError(f"no broker listens at {bootstrap}")


class _Lenient(bytearray):
    decode = partialmethod(bytearray.decode, errors="replace")

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return found if isinstance(found, int) else _Lenient(found)


def _read(batch: Any) -> Any:
    try:
        return _READ(batch)
    except UnicodeDecodeError:
        batch._buffer = _Lenient(batch._buffer)
        return _READ(batch)


# A header name that is not UTF-8 would stop every kafka-python consumer at that record. Kafka's own
# client replaces undecodable bytes, so this patch makes all clients of this process do the same.
_READ, DefaultRecordBatch._read_msg = DefaultRecordBatch._read_msg, _read
