"""Rows are sent in batches that a service receives whole."""

from __future__ import annotations

import pytest

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.importing.batches import BYTES_PER_BATCH, ROWS_PER_BATCH, batches


def rows(*lengths: int) -> list[ImportSubmissionsRequest]:
    return [ImportSubmissionsRequest(row=n, reason="a" * each) for n, each in enumerate(lengths, 1)]


@pytest.mark.parametrize(
    ("sent", "sizes"),
    [
        ([], []),
        ([1] * ROWS_PER_BATCH, [ROWS_PER_BATCH]),
        ([1] * (2 * ROWS_PER_BATCH + 1), [ROWS_PER_BATCH, ROWS_PER_BATCH, 1]),
        ([BYTES_PER_BATCH // 3] * 5, [2, 2, 1]),
        ([1, BYTES_PER_BATCH * 2, 1, 1], [1, 1, 2]),
    ],
    ids=["nothing", "full", "many", "large", "too large"],
)
def test_batches_have_few_rows_and_few_bytes_and_keep_the_order(
    sent: list[int], sizes: list[int]
) -> None:
    found = list(batches(rows(*sent)))
    assert [len(batch) for batch in found] == sizes
    assert [row.row for batch in found for row in batch] == list(range(1, len(sent) + 1))
    several = (batch for batch in found if len(batch) > 1)
    assert all(sum(row.ByteSize() for row in batch) <= BYTES_PER_BATCH for batch in several)
