"""Records the decisions of reviewers and approvers, one at a time or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import partial

from kieng.submissions.v1 import review_service_pb2 as pb
from services.kernel.errors import Refusal
from services.kernel.interceptors import check, status_of
from services.submissions import wire
from services.submissions.application import Desk
from services.submissions.batching import Plan, groups, without_repeats, write_all, write_one
from services.submissions.documents import Loaded
from services.submissions.domain import transitions
from services.submissions.domain.submission import Decision, Submission
from services.submissions.peer_calls import OF_THE_CALL
from services.submissions.store import need_room

Answer = pb.DecideSubmissionsResponse
DecisionPlan = Plan[pb.DecideSubmissionsResponse]
Request = pb.DecideSubmissionsRequest


def decide(desk: Desk, request: pb.DecideSubmissionRequest) -> tuple[Submission, bool]:
    """Apply one decision; return the submission, and whether the decision had been taken before.

    The second value is True if the same decision on the same content already holds. In that case,
    or if this request was applied before, nothing is written and the stored version is returned.

    Raises:
        NotFound: the submission does not exist, or the caller may not see it.
        AlreadyExists: the caller used the request id for another request before.
        Refusal: for the reasons listed at `transitions.decide` and `Submissions.replace`.
    """
    before = desk.read(request.submission_id)
    change = desk.asked(request, request.reason)
    if before.submission.has_seen(change):
        return before.submission, False
    decision = Decision(request.decision)
    after = transitions.decide(before.submission, decision, change, request.version)
    if after is before.submission:
        return after, True
    desk.submissions.replace(desk.write(before, after))
    desk.wake()
    return after, False


def decide_many(
    desk: Desk, requests: Iterable[pb.DecideSubmissionsRequest]
) -> Iterator[pb.DecideSubmissionsResponse]:
    """Apply a stream of decisions and yield one answer per request, in order.

    A refused decision is answered with its error and does not stop the others.

    Raises:
        Unavailable: the database is down; the caller repeats with the same request ids.
    """
    for group in groups(requests):
        for part in without_repeats(group, _target):
            yield from _decide_part(desk, part)


def _decide_part(desk: Desk, requests: list[Request]) -> list[pb.DecideSubmissionsResponse]:
    plans = plan_part(desk, requests)
    confirmed = write_all(desk.submissions, plans)
    if any(plan.write for plan in plans):
        desk.wake()
    return [
        plan.answer if is_certain else _refusable(each, partial(_again, desk, each)).answer
        for each, plan, is_certain in zip(requests, plans, confirmed, strict=True)
    ]


def plan_part(desk: Desk, requests: list[Request]) -> list[DecisionPlan]:
    """Return a plan for each decision, in order: its answer, and its write if it changes anything.

    Nothing is written. A refused decision has a plan whose answer contains the error.
    """
    find = _reader(desk, requests)
    return [_refusable(each, partial(_plan, desk, each, find(each))) for each in requests]


def _reader(desk: Desk, requests: list[Request]) -> Callable[[Request], Loaded | None]:
    """Read the submissions of all requests at once; return the look-up, which may return None."""
    by_id = desk.submissions.of_ids(r.submission_id for r in requests if r.submission_id)
    sourced = [r.source_record for r in requests if r.HasField("source_record")]
    by_source = desk.submissions.of_sources(map(wire.decode_source, sourced))

    def find(request: Request) -> Loaded | None:
        if request.HasField("source_record"):
            return by_source.get(wire.decode_source(request.source_record))
        return by_id.get(request.submission_id)

    return find


def _refusable(request: Request, plan: Callable[[], DecisionPlan]) -> DecisionPlan:
    try:
        return plan()
    except OF_THE_CALL:
        raise
    except Refusal as refusal:
        return Plan(Answer(request_id=request.request_id, error=status_of(refusal)))


def _again(desk: Desk, request: Request) -> DecisionPlan:
    """Retry a decision alone after its bulk write had no certain outcome."""

    def plan() -> DecisionPlan:
        return _plan(desk, request, _reader(desk, [request])(request))

    return Plan(write_one(desk.submissions, plan))


def _plan(desk: Desk, request: Request, found: Loaded | None) -> DecisionPlan:
    check(request)
    before = desk.visible(found)
    submission = before.submission
    answer = Answer(request_id=request.request_id, submission_id=submission.submission_id)
    change = desk.asked(request, request.reason)
    if submission.has_seen(change):
        return Plan(answer)
    after = transitions.decide(submission, Decision(request.decision), change, request.version)
    if after is submission:
        answer.unchanged = True
        return Plan(answer)
    write = desk.write(before, after)
    need_room(write)
    return Plan(answer, write)


def _target(request: Request) -> Hashable:
    if request.HasField("source_record"):
        return wire.decode_source(request.source_record)
    return request.submission_id
