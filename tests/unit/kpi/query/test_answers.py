import base64
from dataclasses import replace

import pytest

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2
from services.kernel.errors import InvalidArgument
from services.kpi.api.catalogues import encode_state
from services.kpi.query import answers
from tests.unit.kpi.builders import real_catalogue
from tests.unit.kpi.view_states import view, view_state

CATALOGUE = real_catalogue()
QUERY = kpi_service_pb2.ExplainKpiRequest(
    unit_id="alpha", indicator_code="KNW-01", from_month="2025-01", to_month="2025-07"
)


def test_an_answer_names_what_it_stands_on() -> None:
    at = view_state(alpha=1)
    found = answers.encode_view_state(at)
    assert [(p.partition, p.next_offset) for p in found.progress] == [(0, 5), (1, 3)]
    assert (found.view_id, found.catalogue_version, found.parked) == ("g1-c1-f1", 1, 2)
    assert found.newest_event_at.ToMilliseconds() == 1_750_000_000_000
    assert found.digest == at.cube.digest()
    never = replace(at.progress, newest_event_ms=0)
    assert not answers.encode_view(at.view, never, "").HasField("newest_event_at")


def test_an_answer_from_the_database_has_a_digest_only_where_memory_stands_there_too() -> None:
    at = view_state(alpha=1)
    assert answers.encode_snapshot(at, replace(at.progress)).digest == at.cube.digest()
    elsewhere = replace(at.progress, next_offsets={0: 6, 1: 3})
    assert answers.encode_snapshot(at, elsewhere).digest == ""


@pytest.mark.parametrize("state", ["building", "live", "retired", "refused", "removed"])
def test_every_state_of_a_view_has_a_word(state: str) -> None:
    found = encode_state(replace(view(), state=state, awaits=("alpha",)))
    assert catalogue_service_pb2.View.State.Name(found.state) == f"STATE_{state.upper()}"
    assert list(found.waiting_for) == ["alpha"]


@pytest.mark.parametrize(
    ("measure", "number"),
    [
        (kpi_service_pb2.MEASURE_DECLARED, 0),
        (kpi_service_pb2.MEASURE_VERIFIED, 1),
        (kpi_service_pb2.MEASURE_UNSPECIFIED, 1),
    ],
)
def test_verified_is_the_measure_by_default(
    measure: kpi_service_pb2.Measure.ValueType, number: int
) -> None:
    assert answers.decode_measure(measure) == number


@pytest.mark.parametrize("key", ["doi:10.1/a", "contract:Đối tác|7", "sub:1"])
def test_a_page_token_leads_on_from_the_last_key(key: str) -> None:
    token = answers.page_token(QUERY, key)
    next_query = kpi_service_pb2.ExplainKpiRequest()
    next_query.CopyFrom(QUERY)
    next_query.page_token = token
    assert answers.read_page_token(token, next_query) == key
    assert answers.read_page_token("", QUERY) == ""


def test_a_page_token_of_another_query_is_refused() -> None:
    other = kpi_service_pb2.ExplainKpiRequest()
    other.CopyFrom(QUERY)
    other.unit_id = "beta"
    stranger = base64.urlsafe_b64encode(b"\xff\xfe").decode()
    for token in (answers.page_token(other, "k"), "%%%", "x", "é", stranger):
        with pytest.raises(InvalidArgument) as refused:
            answers.read_page_token(token, QUERY)
        assert list(refused.value.fields) == ["page_token"]
