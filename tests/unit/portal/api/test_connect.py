"""What is no JSON of a request is told as the caller's mistake, however odd it is."""

from __future__ import annotations

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from kieng.kpi.v1 import kpi_service_pb2
from services.portal.api.connect import CompactJson

CODEC = CompactJson()
REQUEST = kpi_service_pb2.ExplainAbsenceRequest


def test_the_members_of_an_object_are_the_fields_by_either_name() -> None:
    found = CODEC.decode(b'{"unitId": "alpha", "work_key": "doi:10.1/a", "new": 1}', REQUEST)
    assert (found.unit_id, found.work_key) == ("alpha", "doi:10.1/a")


def test_an_escaped_text_is_read() -> None:
    found = CODEC.decode(b'{"unitId": "\\ud83d\\ude00\\u0111"}', REQUEST)
    assert found.unit_id == "\U0001f600đ"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"unitId": 1}',
        b'{"version": Infinity}',
        b'{"version": 1e999}',
        b'{"version": NaN}',
        b'{"unitId": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"\\ud83d": 1, "\\ude00": 2}',
        b'{"min_progress": ["\\ud800"]}',
        b'{"a":' * 2_000,
    ],
)
def test_what_is_no_json_of_the_request_is_an_invalid_argument(data: bytes) -> None:
    with pytest.raises(ConnectError) as refused:
        CODEC.decode(data, REQUEST)
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert "not the JSON of a request" in refused.value.message
