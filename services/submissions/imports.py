"""Imports rows of other systems: each row creates, amends, renews or withdraws a submission.

A row that changes nothing is answered as unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from kieng.submissions.v1 import import_service_pb2 as pb
from kieng.submissions.v1 import submission_pb2
from services.kernel.errors import Conflict, Forbidden, InvalidArgument, NotFound, Refusal
from services.kernel.interceptors import check, status_of
from services.policy.rules import Decision, Resource, allow
from services.submissions import wire
from services.submissions.application import Desk
from services.submissions.batching import Plan, groups, without_repeats, write_all, write_one
from services.submissions.documents import Loaded
from services.submissions.domain import transitions
from services.submissions.domain.submission import SourceRecord, State, Submission
from services.submissions.ids import new_id, new_submission_id
from services.submissions.metrics import ROWS_IMPORTED
from services.submissions.mistakes import together
from services.submissions.neighbours import Neighbours
from services.submissions.peer_calls import OF_THE_CALL
from services.submissions.store import GROUP_MAX, need_room

Answer = pb.ImportSubmissionsResponse
CONTENT = "content."
"""Prefix of the paths of fields in the content of a row."""
RowPlan = Plan[pb.ImportSubmissionsResponse]


@dataclass(frozen=True, slots=True)
class Row:
    """One row to import, with a request id by which a retry recognises its own earlier write."""

    message: pb.ImportSubmissionsRequest
    request_id: str = field(default_factory=new_id)

    @property
    def source(self) -> SourceRecord:
        """The record in another system from which the row was made."""
        return wire.decode_source(self.message.source_record)


def import_rows(
    desk: Desk, requests: Iterable[pb.ImportSubmissionsRequest]
) -> Iterator[pb.ImportSubmissionsResponse]:
    """Import a stream of rows and yield one answer per row, in order.

    An answer says what the row did, e.g. created a submission. A refused row is answered with its
    error and does not stop the others.

    Raises:
        Unavailable: the database or the partners service is down; the caller sends all rows again.
    """
    for group in groups(requests):
        yield from _import_group(desk, group)


def import_batches(
    desk: Desk, requests: Iterable[pb.ImportBatchesRequest]
) -> Iterator[pb.ImportBatchesResponse]:
    """Import a stream of batches of rows; yield one response per batch, in order.

    A response contains the answer to each row, as `import_rows` gives it.

    Raises:
        InvalidArgument: the caller sent a batch without rows or with more than `GROUP_MAX`.
        Unavailable: as `import_rows`.
    """
    for request in requests:
        yield pb.ImportBatchesResponse(answers=_import_group(desk, batch(request)))


def batch(
    request: pb.ImportBatchesRequest | pb.TryBatchesRequest,
) -> Sequence[pb.ImportSubmissionsRequest]:
    """Return the rows of one message of a stream of batches.

    Raises:
        InvalidArgument: the caller sent a batch without rows or with more than `GROUP_MAX`.
    """
    if not 1 <= len(request.rows) <= GROUP_MAX:
        text = f"must contain at least 1 and no more than {GROUP_MAX} item(s)"
        raise InvalidArgument(f"rows: {text}", fields={"rows": text})
    return request.rows


def _import_group(
    desk: Desk, group: Iterable[pb.ImportSubmissionsRequest]
) -> Iterator[pb.ImportSubmissionsResponse]:
    desk.submissions.backlog.wait_for_room()
    rows = [Row(message) for message in group]
    for part in without_repeats(rows, lambda row: row.source):
        for answer in _import_part(desk, part):
            outcome = pb.Outcome.Name(answer.outcome).removeprefix("OUTCOME_").lower()
            label = "refused" if answer.HasField("error") else outcome
            ROWS_IMPORTED.labels(desk.principal.institution_id, label).inc()
            yield answer


def _import_part(desk: Desk, rows: list[Row]) -> list[pb.ImportSubmissionsResponse]:
    known = desk.submissions.of_sources(row.source for row in rows)
    plans = [refusable(row, partial(plan_row, desk, row, known.get(row.source))) for row in rows]
    note_neighbours(desk, plans)
    confirmed = write_all(desk.submissions, plans)
    if any(plan.write for plan in plans):
        desk.wake()
    return [
        plan.answer if is_certain else refusable(row, partial(_again, desk, row)).answer
        for row, plan, is_certain in zip(rows, plans, confirmed, strict=True)
    ]


def note_neighbours(desk: Desk, plans: Iterable[RowPlan]) -> None:
    """Add notes on other claims of the same or a similar work to the answers of planned writes.

    Plans without a write are left as they are; see `Neighbours.tell` for the notes.
    """
    written = [(plan.answer, plan.write.after) for plan in plans if plan.write]

    def may_see(unit_id: str) -> bool:
        resource = Resource.of([unit_id], is_secret=True)
        return allow(desk.principal, desk.method, resource) is Decision.ALLOW

    neighbours = Neighbours.of(desk.submissions, (after for _, after in written))
    for answer, after in written:
        neighbours.tell(answer, after, may_see)


def refusable(row: Row, plan: Callable[[], RowPlan]) -> RowPlan:
    """Call ``plan`` and return its result, or an answer with the error if it refuses the row.

    Raises:
        Unavailable, Unauthenticated: every further row would fail the same way.
    """
    try:
        return plan()
    except OF_THE_CALL:
        raise
    except Refusal as refusal:
        return Plan(Answer(row=row.message.row, error=status_of(refusal)))


def _again(desk: Desk, row: Row) -> RowPlan:
    """Retry a row alone after its bulk write had no certain outcome."""

    def plan() -> RowPlan:
        return plan_row(desk, row, desk.submissions.of_source(row.source))

    return Plan(write_one(desk.submissions, plan))


def plan_row(desk: Desk, row: Row, before: Loaded | None) -> RowPlan:
    """Return the plan of a row: its answer, and its write if it changes anything; write nothing.

    ``before`` is the submission imported from the row's source record; None if there is none.

    Raises:
        Refusal: the caller sent a row that is not valid; the error names all wrong fields.
    """
    if before:
        if not desk.reaches(before.submission.content.unit_id):
            raise Forbidden("the source record belongs to a unit beyond your credential")
        if before.submission.has_seen(desk.change(row.request_id)):
            return Plan(_answer(row, _outcome_of(before.submission), before.submission))
        if _repeats(desk, row, before.submission):
            return Plan(_answer(row, pb.OUTCOME_UNCHANGED, before.submission))
    _check(desk, row)
    after = _next(desk, row, before)
    if before and after is before.submission:
        return Plan(_answer(row, pb.OUTCOME_UNCHANGED, after))
    _need_version_before(row.message, before.submission.version if before else 0)
    write = desk.write(before, after)
    need_room(write)
    return Plan(_answer(row, _outcome_of(after), after), write)


def _check(desk: Desk, row: Row) -> None:
    """Check a row by the contract; if it breaks that, name what else is wrong with it, too."""
    try:
        check(row.message)
    except InvalidArgument as wrong:
        paths = [path.removeprefix(CONTENT) for path in wrong.fields if path.startswith(CONTENT)]
        rest = partial(desk.intake.check_rest, row.message.content, paths, desk.today())
        together([partial(check, row.message), rest])


def _repeats(desk: Desk, row: Row, submission: Submission) -> bool:
    """Return True if a row has the stored content of a submission that is not withdrawn."""
    if submission.state is State.WITHDRAWN or not row.message.HasField("content"):
        return False
    return desk.intake.repeats(row.message.content, submission.content)


def _need_version_before(message: pb.ImportSubmissionsRequest, version: int) -> None:
    if message.HasField("version_before") and message.version_before != version:
        raise Conflict(
            f"the record is at version {version} now, not {message.version_before}; plan it again",
            reason="PLAN_OUTDATED",
            details={"version": str(version)},
        )


def _next(desk: Desk, row: Row, before: Loaded | None) -> Submission:
    """Return the next version that a row leads to, or the same object if nothing changes."""
    if not row.message.HasField("content"):
        if before is None:
            raise NotFound("no submission of this record is known, so none can be withdrawn")
        if before.submission.state is State.WITHDRAWN:
            return before.submission
        return transitions.withdraw(
            before.submission, desk.change(row.request_id, row.message.reason)
        )
    submission_id = (
        before.submission.submission_id
        if before
        else new_submission_id(desk.submissions.institution_id)
    )
    needed = before is None or before.submission.needs_evidence
    asked = (row.message.content, submission_id)
    content = desk.content(*asked, needs_evidence=needed)
    if before is None:
        change = desk.change(row.request_id)
        return desk.first(submission_id, content, row.source, change, True)
    if before.submission.state is State.WITHDRAWN:
        return transitions.renew(before.submission, content, desk.change(row.request_id))
    if content.encoded == before.submission.content.encoded:
        return before.submission
    return transitions.amend(before.submission, content, desk.change(row.request_id))


def _outcome_of(submission: Submission) -> pb.Outcome.ValueType:
    action = submission.audit[-1].action
    return {
        "create": pb.OUTCOME_CREATED,
        "amend": pb.OUTCOME_AMENDED,
        "renew": pb.OUTCOME_RENEWED,
        "submit": pb.OUTCOME_RENEWED,
        "withdraw": pb.OUTCOME_WITHDRAWN,
    }.get(action, pb.OUTCOME_UNCHANGED)


def _answer(
    row: Row, outcome: pb.Outcome.ValueType, submission: Submission
) -> pb.ImportSubmissionsResponse:
    return Answer(
        row=row.message.row,
        outcome=outcome,
        submission_id=submission.submission_id,
        version=submission.version,
        state=submission_pb2.State.ValueType(submission.state.value),
        reason=submission.reason,
        work_key=submission.content.work_key,
    )
