"""Tries decisions: makes all checks of a real decision, but writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kieng.submissions.v1 import review_service_pb2 as pb
from services.submissions.application import Desk
from services.submissions.batching import groups
from services.submissions.decisions import plan_part


def try_decisions(
    desk: Desk, requests: Iterable[pb.TryDecisionsRequest]
) -> Iterator[pb.TryDecisionsResponse]:
    """Yield for each decision the answer that `decide_many` would give, and its encoded events.

    The answers are in the order of the requests; nothing is written. Each decision is tried on the
    stored state: it does not see the effects of the decisions before it.

    Raises:
        Unavailable: the database is down; the caller repeats.
    """
    for group in groups(requests):
        for plan in plan_part(desk, [request.decision for request in group]):
            events = plan.write.events if plan.write else ()
            yield pb.TryDecisionsResponse(answer=plan.answer, events=[e.value for e in events])
