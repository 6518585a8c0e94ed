"""Notices verified values that reach their targets."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import events_pb2
from services.kernel.publisher import Event
from services.kpi.domain.cube import Ratio
from services.kpi.query import answers
from services.kpi.query.live_view import ViewState
from services.kpi.store.targets import Target

TOPIC = "kieng.kpi.v1"
VERIFIED = 1


def reached(state: ViewState) -> list[tuple[Target, int]]:
    """Return the targets that the live view reaches and nobody was told of, with the values."""
    found = []
    for target in state.targets.values():
        indicator = state.catalogue.indicators.get(target.indicator_code)
        # Whether a ceiling was kept is known only when the year is over; see the pace of a target.
        if target.is_reached or indicator is None or indicator.direction == "down":
            continue
        first = target.year * 12
        value = state.cube.value(target.unit_id, indicator, VERIFIED, first, first + 11, 0)
        if not isinstance(value, Ratio) and value >= target.value:
            found.append((target, value))
    return found


def encode_reached(target: Target, value: int, view_id: str, now: datetime) -> Event:
    """Return the event; its id is the same however often and by whomever it is told."""
    at = Timestamp()
    at.FromDatetime(now.astimezone(UTC))
    (message,) = answers.encode_targets([target])
    event = events_pb2.TargetReached(target=message, value=value, view_id=view_id, reached_at=at)
    return Event(
        event_id=f"target-reached:{target.key}:{target.value}",
        topic=TOPIC,
        key=target.unit_id,
        type=events_pb2.TargetReached.DESCRIPTOR.full_name,
        source="kieng/kpi/shared",
        value=event.SerializeToString(),
        time=now,
    )
