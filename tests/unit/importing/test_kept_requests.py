"""Requests of a file that is larger than what memory shall hold."""

from __future__ import annotations

import gc

import pytest

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from services.importing.errors import NoRoom
from services.importing.kept_requests import BYTES_IN_MEMORY, BYTES_TOGETHER, KeptRequests


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


def test_a_full_disk_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", complaints.append)
    file = open("/dev/full", "wb+")  # noqa: SIM115 - closed with the requests
    monkeypatch.setattr("services.importing.kept_requests.SpooledTemporaryFile", lambda *_: file)
    kept = KeptRequests()
    kept.append(ImportSubmissionsRequest(row=1))
    with pytest.raises(NoRoom, match=r"No space left on device; make room, .* TMPDIR") as raised:
        kept[0]
    del kept, raised
    gc.collect()
    assert (file.closed, complaints) == (True, [])
