"""Divides the rows of an import into batches that a service receives as one message each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest

ROWS_PER_BATCH = 200
BYTES_PER_BATCH = 256 * 1024
"""Maximum size of a batch of several rows: a quarter of what a service receives."""


def batches(rows: Iterable[ImportSubmissionsRequest]) -> Iterator[list[ImportSubmissionsRequest]]:
    """Yield rows in order, in batches of at most `ROWS_PER_BATCH` rows and `BYTES_PER_BATCH`.

    A larger row is a batch of its own.
    """
    batch, size = list[ImportSubmissionsRequest](), 0
    for row in rows:
        length = row.ByteSize()
        if batch and (len(batch) == ROWS_PER_BATCH or size + length > BYTES_PER_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch
