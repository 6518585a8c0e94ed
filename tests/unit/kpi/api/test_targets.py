from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from kieng.kpi.v1 import events_pb2
from services.kernel.errors import Unavailable
from services.kpi.api.targets import TargetApi, encode_reached
from services.kpi.domain.targets import Target
from tests.unit.kpi.view_states import view_state

AT = datetime(2025, 7, 1, tzinfo=UTC)
MET = Target("alpha", "KNW-01", 2025, 120)


def test_the_event_has_the_same_id_however_often_it_is_told() -> None:
    first = encode_reached(MET, 120, "v1", AT)
    again = encode_reached(MET, 125, "v2", AT.replace(day=2))
    changed = encode_reached(Target("alpha", "KNW-01", 2025, 130), 131, "v2", AT)
    assert first.event_id == again.event_id != changed.event_id


def test_the_event_says_what_was_reached() -> None:
    event = encode_reached(MET, 121, "v1", AT)
    message = events_pb2.TargetReached.FromString(event.value)
    assert (event.topic, event.key) == ("kieng.kpi.v1", "alpha")
    assert event.type == "kieng.kpi.v1.TargetReached"
    assert (message.target.indicator_code, message.target.value) == ("KNW-01", 120)
    assert (message.value, message.view_id) == (121, "v1")
    assert message.reached_at.ToDatetime(UTC) == AT


def test_a_value_beyond_what_the_contract_holds_is_told_as_the_largest_number() -> None:
    event = encode_reached(MET, 10**19, "v1", AT)
    assert events_pb2.TargetReached.FromString(event.value).value == 2**63 - 1


TROUBLE = [Unavailable("the broker is down"), AutoReconnect("the database is down")]


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
def test_a_reached_target_is_told_again_when_the_broker_did_not_take_it(
    error: Exception,
) -> None:
    state = view_state(MET, alpha=120)
    marked: list[Any] = []

    def failing(*_: Any) -> Any:
        raise error

    query = TargetApi()
    query.live = SimpleNamespace(read=lambda: nullcontext(state))  # type: ignore[assignment]
    query.targets = SimpleNamespace(mark_reached=lambda *told: marked.append(told[0]))  # type: ignore[assignment]
    query.publish = failing  # type: ignore[assignment]
    query.tell_reached_targets()
    assert marked == []
    sent: list[Any] = []
    query.publish = sent.extend  # type: ignore[assignment]
    query.tell_reached_targets()
    assert ([event.event_id for event in sent], marked) == (
        ["target-reached:alpha|KNW-01|2025:120"],
        [MET],
    )
