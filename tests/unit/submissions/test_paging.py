from types import SimpleNamespace
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1.submission_service_pb2 import ListSubmissionsRequest
from services.kernel.access import Principal
from services.kernel.errors import InvalidArgument
from services.submissions.directory_cache import KnownUnits
from services.submissions.domain.unit import Unit
from services.submissions.paging import page_of, query_of

CALLER = Principal("author", "alpha", "alpha", frozenset({"contributor"}))


@pytest.mark.parametrize("seconds", [-(10**12), 10**12, 2**63 - 1])
def test_a_time_that_no_calendar_has_names_its_field(seconds: int) -> None:
    request = ListSubmissionsRequest(changed_since=Timestamp(seconds=seconds))
    with pytest.raises(InvalidArgument) as refused:
        query_of(CALLER, request)
    assert list(refused.value.fields) == ["changed_since"]


@pytest.mark.parametrize(
    "work", ["https://doi.org/10.5555/Tay-1", "DOI:10.5555/TAY-1", "10.5555/tay-1"]
)
def test_a_work_is_found_however_its_key_is_written(work: str) -> None:
    query = query_of(CALLER, ListSubmissionsRequest(work_key=work))
    assert query["work_key"] == "doi:10.5555/tay-1"


def test_an_unknown_type_is_not_a_list_of_nothing() -> None:
    with pytest.raises(InvalidArgument, match="unknown type 'publicaton'; known are publication,"):
        query_of(CALLER, ListSubmissionsRequest(type="publicaton"))


@pytest.mark.parametrize(("unit", "known"), [("new", False), ("alpha/new", True)])
def test_an_unknown_unit_is_not_a_list_of_nothing(unit: str, known: bool) -> None:
    units = KnownUnits({"alpha/new": Unit()}.get, lambda: ["alpha/new"])
    empty: Any = SimpleNamespace(page=lambda query, after, limit, is_wanted: [])
    request = ListSubmissionsRequest(unit_id=unit)
    if known:
        assert page_of(empty, CALLER, request, units, lambda: True).submissions == []
        return
    with pytest.raises(InvalidArgument, match="did you mean 'alpha/new'") as refused:
        page_of(empty, CALLER, request, units, lambda: True)
    assert list(refused.value.fields) == ["unit_id"]
