"""gRPC handlers of TargetService, and the events that announce reached targets."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from kieng.kpi.v1 import events_pb2, target_service_pb2
from services.calendar import day_in_vietnam
from services.kernel.bell import Ringer
from services.kernel.container import repeat
from services.kernel.errors import Unavailable
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.mongo import DOWN
from services.kernel.publisher import Event, Publisher
from services.kpi.config import VIEWS
from services.kpi.domain.targets import Target, check_settable, reached
from services.kpi.providers import Live, TargetStore
from services.kpi.query import answers
from services.kpi.query.cells import check_unit, find_indicator
from services.kpi.wire.contradictions import SOURCE, TOPIC
from services.kpi.wire.values import bounded
from services.policy.enforcement import need
from services.policy.rules import Resource


class TargetApi:
    """Implements TargetService; a base class of `KpiQuery`."""

    call = CurrentCall()
    live = Live()
    targets = TargetStore()
    publish = Publisher()
    ring = Ringer()

    @grpc
    def set_target(
        self, request: target_service_pb2.SetTargetRequest
    ) -> target_service_pb2.SetTargetResponse:
        """SetTarget: set the target of a unit, indicator and year, in place of an earlier one.

        The unit must be the caller's or one below it.
        """
        wanted = request.target
        with self.live.read() as state:
            catalogue = state.catalogue
        check_unit(wanted.unit_id, catalogue, "target.unit_id")
        indicator = find_indicator(wanted.indicator_code, catalogue, "target.indicator_code")
        target = Target(wanted.unit_id, wanted.indicator_code, wanted.year, wanted.value)
        check_settable(indicator)
        above = catalogue.tree.above(wanted.unit_id)
        resource = Resource.of([wanted.unit_id], above=above)
        need(self.call.principal, self.call.method, resource)
        self.targets.set(target)
        self.live.targets_changed()
        self.ring(VIEWS)
        return target_service_pb2.SetTargetResponse(target=wanted)

    @grpc
    def list_targets(
        self, request: target_service_pb2.ListTargetsRequest
    ) -> target_service_pb2.ListTargetsResponse:
        """ListTargets: return the targets of all units for a year, by unit, then indicator."""
        found = (target for target in self.targets.all() if target.year == request.year)
        return target_service_pb2.ListTargetsResponse(targets=answers.encode_targets(found))

    @repeat(1.0)
    def tell_reached_targets(self) -> None:
        """Publish a TargetReached event for each target that is reached and not yet recorded so.

        After a failure it may publish an event again, with the same id. Does nothing while the
        broker or the database is down.
        """
        try:
            now = datetime.now(UTC)
            with self.live.read() as state:
                found = reached(state.targets.values(), state.cube, day_in_vietnam(now).year)
                view_id = state.view.view_id
            self.publish([encode_reached(target, value, view_id, now) for target, value in found])
            for target, _ in found:
                self.targets.mark_reached(target, now)
        except (Unavailable, *DOWN):
            return  # the next run tries again


def encode_reached(target: Target, value: int, view_id: str, now: datetime) -> Event:
    """Return the TargetReached event that announces a target.

    Its event id depends only on the target and its value, so that consumers recognise repeats.

    Args:
        target: the target that was reached.
        value: verified value, at least that of the target.
        view_id: id of the view that the value comes from.
        now: time of the event.
    """
    at = Timestamp()
    at.FromDatetime(now.astimezone(UTC))
    (message,) = answers.encode_targets([target])
    event = events_pb2.TargetReached(
        target=message, value=bounded(value), view_id=view_id, reached_at=at
    )
    return Event(
        event_id=f"target-reached:{target.key}:{target.value}",
        topic=TOPIC,
        key=target.unit_id,
        type=events_pb2.TargetReached.DESCRIPTOR.full_name,
        source=SOURCE,
        value=event.SerializeToString(),
        time=now,
    )
