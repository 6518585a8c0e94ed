"""Tries rows of an import: makes all checks of the import, but writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from kieng.submissions.v1 import import_service_pb2 as pb
from services.kernel.errors import Exhausted
from services.submissions.application import Desk
from services.submissions.batching import groups, without_repeats
from services.submissions.documents import Loaded
from services.submissions.domain import transitions
from services.submissions.domain.submission import (
    Change,
    Decision,
    SourceRecord,
    State,
    Submission,
)
from services.submissions.events import events_of
from services.submissions.ids import new_id
from services.submissions.imports import (
    Row,
    RowPlan,
    batch,
    note_neighbours,
    plan_row,
    refusable,
)

ROWS_MAX = 20_000
"""Maximum number of rows per call, because their planned submissions are kept until it ends."""
_Asked = tuple[Row, bool]
"""A row, and whether its events are wanted."""
VERIFIER = "\0"
"""Subject that verifies in a preview; no token can contain it, so it is never that of an author."""


def try_rows(desk: Desk, requests: Iterable[pb.TryImportRequest]) -> Iterator[pb.TryImportResponse]:
    """Yield for each row, in order, the answer that `imports.import_rows` would give.

    Nothing is written, but a row sees the effects of the earlier rows of its source record. An
    answer also has the events that the row would cause, if the request asks for them.

    Raises:
        Exhausted: the caller sent more than `ROWS_MAX` rows.
        Unavailable: the database or the partners service is down; the caller repeats.
    """
    trial = _Trial(desk)
    for group in groups(requests):
        yield from trial.answers([(Row(each.row), each.with_events) for each in group])


def try_batches(
    desk: Desk, requests: Iterable[pb.TryBatchesRequest]
) -> Iterator[pb.TryBatchesResponse]:
    """Yield one response per batch of rows, in order, with the answers that `try_rows` would give.

    Raises:
        InvalidArgument: the caller sent a batch without rows or with more than `GROUP_MAX`.
        Exhausted, Unavailable: as `try_rows`.
    """
    trial = _Trial(desk)
    for request in requests:
        rows = [(Row(each), request.with_events) for each in batch(request)]
        yield pb.TryBatchesResponse(answers=trial.answers(rows))


class _Trial:
    """The rows that one call has tried so far."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._planned: dict[SourceRecord, Loaded] = {}
        self._count = 0

    def answers(self, rows: Sequence[_Asked]) -> Iterator[pb.TryImportResponse]:
        """Yield the answers to further rows, which see the effects of those before.

        Raises:
            Exhausted: the call has more than `ROWS_MAX` rows.
        """
        self._count += len(rows)
        if self._count > ROWS_MAX:
            raise Exhausted(f"over {ROWS_MAX} rows; try fewer in a call")
        for part in without_repeats(rows, lambda each: each[0].source):
            yield from self._answers_to(part)

    def _answers_to(self, part: Sequence[_Asked]) -> Iterator[pb.TryImportResponse]:
        desk = self._desk
        stored = desk.submissions.of_sources(row.source for row, _ in part)
        plans: list[tuple[Loaded | None, RowPlan]] = []
        for row, _ in part:
            known = self._planned.get(row.source) or stored.get(row.source)
            plans.append((known, refusable(row, partial(plan_row, desk, row, known))))
        note_neighbours(desk, (plan for _, plan in plans))
        for (row, with_events), (known, plan) in zip(part, plans, strict=True):
            answer = pb.TryImportResponse(answer=plan.answer)
            if known and desk.reaches(known.submission.content.unit_id):
                answer.version_before = known.submission.version
            if row.source not in stored:
                answer.answer.submission_id = ""
            if plan.write is not None:
                after = plan.write.after
                pending = known.pending if known else 0
                self._planned[row.source] = Loaded(after, pending + len(plan.write.events))
                if with_events:
                    answer.submitted.extend(event.value for event in plan.write.events)
                    answer.verified.extend(_verifying(desk, after))
            yield answer


def _verifying(desk: Desk, submitted: Submission) -> list[bytes]:
    """Return the encoded events of verifying a submission; none unless it awaits a decision."""
    if submitted.state is not State.SUBMITTED:
        return []
    change = Change(
        subject=VERIFIER,
        now=desk.now(),
        request_id=new_id(),
        epoch=desk.submissions.epoch,
        roles=frozenset({"approver"}),
        is_institution_wide=True,
    )
    verified = transitions.decide(submitted, Decision.VERIFY, change)
    return [event.value for event in events_of(submitted, verified)]
