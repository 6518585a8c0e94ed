from dataclasses import replace
from datetime import UTC, datetime

from kieng.kpi.v1 import events_pb2
from services.kpi.api.targets import encode_reached, reached
from services.kpi.store.targets import Target
from tests.unit.kpi.view_states import view_state

AT = datetime(2025, 7, 1, tzinfo=UTC)
MET = Target("alpha", "KNW-01", 2025, 120)


def test_a_target_is_reached_from_its_value_on() -> None:
    for value, found in ((119, []), (120, [(MET, 120)]), (121, [(MET, 121)])):
        assert reached(view_state(MET, alpha=value)) == found


def test_only_the_units_own_value_of_the_targets_year_counts() -> None:
    others = [
        Target("beta", "KNW-01", 2025, 1),
        Target("alpha", "KNW-01", 2024, 1),
        Target("alpha", "KNW-03", 2025, 1),
    ]
    assert reached(view_state(*others, alpha=500)) == []


def test_a_target_that_was_told_or_cannot_be_read_is_left_alone() -> None:
    told = Target("alpha", "KNW-01", 2025, 1, is_reached=True)
    unknown = Target("alpha", "ZZZ-99", 2025, 1)
    attainment = Target("alpha", "KNW-08", 2025, 1)
    fraction = Target("alpha", "KNW-04", 2025, 1)
    assert reached(view_state(told, unknown, attainment, fraction, alpha=500)) == []


def test_a_ceiling_is_not_told_as_reached_while_its_year_lasts() -> None:
    at = view_state(MET, alpha=500)
    ceiling = replace(at.catalogue.indicators["KNW-01"], direction="down")
    at.catalogue = replace(at.catalogue, indicators={"KNW-01": ceiling})
    assert reached(at) == []


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
