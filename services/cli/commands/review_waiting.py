"""Submissions that wait for a decision: their age, due date, who may not decide, and effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from uuid_utils import uuid7

from kieng.kpi.v1 import kpi_service_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1 import review_service_pb2 as review_api
from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.client.last_look import LastLook
from services.cli.client.resuming import answers
from services.cli.client.stack import CONSORTIUM
from services.cli.client.troubles import trouble_of_status
from services.cli.commands.import_effect import effect_json, numbers_of
from services.cli.commands.import_sending import Preview, patience_of
from services.cli.commands.submission_export import every
from services.cli.session import Session
from services.cli.terminal.render import message_json
from services.cli.terminal.submission_tables import title_of

DUE_DAYS = 14
"""Days after which a decision is overdue; the same as in the alert KiengReviewQueueOld."""


class Role(StrEnum):
    """Who decides: a reviewer for a unit, or an approver for the institution."""

    approver = "approver"
    reviewer = "reviewer"


WAITING = {
    Role.approver: (submission_pb2.STATE_SUBMITTED, submission_pb2.STATE_UNIT_APPROVED),
    Role.reviewer: (submission_pb2.STATE_SUBMITTED,),
}
FIRST_DECISION = {
    Role.approver: review_api.DECISION_VERIFY,
    Role.reviewer: review_api.DECISION_APPROVE,
}
"""Role -> decision that is tried in order to show what it would change."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Selects waiting submissions; fields that are empty or 0 do not filter.

    ``days`` is how many days a decision may take; ``older_than`` is a minimum age in days.
    """

    role: Role = Role.approver
    unit: str = ""
    type_name: str = ""
    older_than: int = 0
    only_new: bool = False
    days: int = DUE_DAYS

    @property
    def is_everything(self) -> bool:
        """Whether all submissions that wait for the role are selected."""
        return not (self.unit or self.type_name or self.older_than or self.only_new)


@dataclass
class Waiting:
    """One submission that waits for a decision, with what a reviewer has to know.

    ``due`` is when the decision is due, UTC. ``refusal`` says why the caller may not decide, e.g.
    because they wrote the submission; empty if they may. ``events`` are the encoded events of the
    decision that was tried, and ``effects`` the numbers that they would change.
    """

    submission: submission_pb2.Submission
    is_new: bool
    due: datetime
    refusal: str = ""
    events: Sequence[bytes] = ()
    effects: list[kpi_service_pb2.Effect] = field(default_factory=list)

    @property
    def since(self) -> datetime:
        """Time of the submission or of its approval for the unit, UTC."""
        return self.submission.updated_at.ToDatetime(tzinfo=UTC)

    @property
    def due_day(self) -> str:
        """The day on which the decision is due in the local time zone, `YYYY-MM-DD`."""
        return f"{self.due.astimezone():%Y-%m-%d}"

    def days(self, now: datetime) -> int:
        """Return the number of whole days that the submission has waited until ``now``."""
        return max(0, (now - self.since).days)

    def is_overdue(self, now: datetime) -> bool:
        """Return True if the decision was due before ``now``."""
        return now > self.due

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the waiting submission as the JSON object that `--output json` prints.

        It has the fields of the submission and `title`, `waiting_since`, `due`, `overdue`, `new`,
        `refusal` and `effects`. ``now`` decides whether it is overdue.
        """
        return {
            **message_json(self.submission),
            "title": title_of(self.submission.content),
            "waiting_since": self.since.isoformat(),
            "due": self.due.isoformat(),
            "overdue": self.is_overdue(now),
            "new": self.is_new,
            "refusal": self.refusal,
            "effects": [effect_json(each) for each in self.effects],
        }


def read_waiting(session: Session, filters: Filters, look: LastLook) -> list[Waiting]:
    """Return the submissions that wait for the caller, oldest first, without refusals and effects.

    Args:
        session: session of the caller.
        filters: which of them to return.
        look: submissions that the caller has been shown, so that others are marked as new.

    Raises:
        CallFailed: the service refused the call or did not answer.
    """
    states = WAITING[filters.role]
    request = api.ListSubmissionsRequest(
        unit_id=filters.unit, type=filters.type_name, states=states
    )
    now = datetime.now(UTC)
    found = []
    for submission in every(session.stub(SubmissionServiceStub), request):
        is_new = look.is_new(submission.submission_id, submission.version)
        since = submission.updated_at.ToDatetime(tzinfo=UTC)
        each = Waiting(submission, is_new, since + timedelta(days=filters.days))
        if (is_new or not filters.only_new) and each.days(now) >= filters.older_than:
            found.append(each)
    return sorted(found, key=lambda each: (each.since, each.submission.submission_id))


def try_decisions(session: Session, role: Role, items: Sequence[Waiting]) -> None:
    """Try the usual decision on each item, without taking it, and set `refusal` or `events`.

    The refusal says why the caller may not decide; if they may, the events are those that would
    follow the decision.

    Args:
        session: session of the caller.
        role: role of the caller, which says what is tried; see `FIRST_DECISION`.
        items: waiting submissions, which are changed.

    Raises:
        CallFailed: the service did not come back in time.
    """
    requests = [
        review_api.TryDecisionsRequest(
            decision=review_api.DecideSubmissionsRequest(
                request_id=str(uuid7()),
                submission_id=each.submission.submission_id,
                version=each.submission.version,
                decision=FIRST_DECISION[role],
            )
        )
        for each in items
    ]
    stub = session.stub(ReviewServiceStub)
    tried = answers(stub.TryDecisions, requests, patience_of(session.screen))
    for each, answer in zip(items, tried, strict=True):
        if answer.answer.HasField("error"):
            trouble = trouble_of_status(answer.answer.error)
            known = trouble.reason.lower() in ("own_work", "own_approval")
            each.refusal = (
                session.screen.text(f"review.{trouble.reason.lower()}")
                if known
                else f"! {trouble.text(session.screen.lang)}"
            )
        each.events = answer.events


def add_effects(session: Session, items: Sequence[Waiting]) -> None:
    """Set `effects` of each item that has `events`: the numbers that these would change.

    Raises:
        CallFailed: the service did not come back in time.
    """
    for each in items:
        if each.events:
            preview = Preview(verified=list(each.events))
            asked = (session.clients, preview, False, patience_of(session.screen))
            each.effects = numbers_of(*asked).effects


def other_claims(
    session: Session, item: Waiting, indicator: str
) -> list[kpi_service_pb2.ExplainedClaim]:
    """Return the other live claims on the same work, of all institutions.

    ``indicator`` is the code of any indicator: the service needs a cell, but the claims do not
    depend on it.
    """
    month = f"{item.since:%Y-%m}"
    request = kpi_service_pb2.ExplainAbsenceRequest(
        work_key=item.submission.work_key,
        unit_id=CONSORTIUM,
        indicator_code=indicator,
        from_month=month,
        to_month=month,
    )
    claims = session.stub(KpiServiceStub).ExplainAbsence(request).claims
    return [each for each in claims if each.submission_id != item.submission.submission_id]
