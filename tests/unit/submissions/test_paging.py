import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1.submission_service_pb2 import ListSubmissionsRequest
from services.kernel.access import Principal
from services.kernel.errors import InvalidArgument
from services.submissions.paging import query_of

CALLER = Principal("author", "alpha", "alpha", frozenset({"contributor"}))


@pytest.mark.parametrize("seconds", [-(10**12), 10**12, 2**63 - 1])
def test_a_time_that_no_calendar_has_names_its_field(seconds: int) -> None:
    request = ListSubmissionsRequest(changed_since=Timestamp(seconds=seconds))
    with pytest.raises(InvalidArgument) as refused:
        query_of(CALLER, request)
    assert list(refused.value.fields) == ["changed_since"]
