"""Requests of a file that is larger than what memory shall hold."""

from __future__ import annotations

import gc

import pytest

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.cli.files.kept_requests import BYTES_IN_MEMORY, BYTES_TOGETHER, KeptRequests


@pytest.mark.parametrize("number", [0, 1, 3 * BYTES_IN_MEMORY // BYTES_TOGETHER])
def test_what_was_appended_is_read_in_order_again_and_again(number: int) -> None:
    kept = KeptRequests()
    for row in range(number):
        kept.append(ImportSubmissionsRequest(row=row, reason="x" * BYTES_TOGETHER))
    assert [request.row for request in kept] == [request.row for request in kept]
    assert [request.row for request in kept] == list(range(number))
    assert (len(kept), bool(kept)) == (number, number > 0)
    kept.append(ImportSubmissionsRequest(row=number))
    assert kept[-1] == ImportSubmissionsRequest(row=number)
    with pytest.raises(IndexError):
        kept[number + 1]


def test_the_temporary_file_is_closed_with_the_requests() -> None:
    kept = KeptRequests()
    file = kept._file
    del kept
    gc.collect()
    assert file.closed
