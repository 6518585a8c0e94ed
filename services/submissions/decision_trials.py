"""Tries decisions: plans each with the checks of a real one, but writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kieng.submissions.v1 import review_service_pb2 as pb
from services.submissions.application import Desk
from services.submissions.batching import groups
from services.submissions.decisions import plan_part


def try_decisions(
    desk: Desk, requests: Iterable[pb.TryDecisionsRequest]
) -> Iterator[pb.TryDecisionsResponse]:
    """Yield for each decision, in order, what `decisions.decide_many` would answer, and its events.

    Each is tried alone: no decision sees what one before it would have made.

    Raises:
        Unavailable: the database is down; the caller repeats.
    """
    for group in groups(requests):
        for plan in plan_part(desk, [request.decision for request in group]):
            events = plan.write.events if plan.write else ()
            yield pb.TryDecisionsResponse(answer=plan.answer, events=[e.value for e in events])
