"""Use cases on the submissions of the caller's institution: read, check, change and write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from kieng.submissions.v1 import log_service_pb2, submission_pb2, submission_service_pb2
from services.calendar import day_in_vietnam
from services.kernel.access import Principal
from services.kernel.errors import AlreadyExists, Conflict, Forbidden
from services.policy.rules import Decision, Resource, allow
from services.submissions import wire
from services.submissions.documents import Loaded, Write
from services.submissions.domain import transitions
from services.submissions.domain.submission import Change, Content, SourceRecord, Submission
from services.submissions.events import events_of, repairing_events
from services.submissions.ids import new_submission_id
from services.submissions.paging import Page, page_of
from services.submissions.store import Submissions, absent
from services.submissions.validation import Intake

REPAIRS_MAX = 5


def utc_now() -> datetime:
    """Return the current time in UTC, truncated to milliseconds, the precision of MongoDB."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True)
class Desk:
    """What one caller may do with the submissions of their institution; created for each call.

    ``method`` is the RPC being called, ``intake`` validates contents, ``wake`` notifies the outbox
    relay that events are pending, and ``now`` returns the current time in UTC.
    """

    submissions: Submissions
    principal: Principal
    method: MethodDescriptor
    traceparent: str
    intake: Intake
    wake: Callable[[], None]
    now: Callable[[], datetime] = field(default=utc_now)

    def create(self, request: submission_service_pb2.CreateSubmissionRequest) -> Submission:
        """Create a submission, or find the one that this request or source record created before.

        Raises:
            AlreadyExists: the caller used the request id or source record with other content.
            Forbidden: the source record belongs to a unit outside the caller's scope.
            Refusal: the content is not valid; see `Intake.content`.
        """
        submission_id = new_submission_id(self.submissions.institution_id)
        asked = (request.content, submission_id)
        content = self.content(*asked, needs_evidence=request.submit)
        has_source = request.HasField("source_record")
        source = wire.decode_source(request.source_record) if has_source else None
        change = self.asked(request)
        after = self.first(submission_id, content, source, change, request.submit)
        try:
            self.submissions.insert_with_others(self.write(None, after))
        except AlreadyExists:
            return self._created_before(content, source, change)
        self.wake()
        return after

    def amend(self, request: submission_service_pb2.AmendSubmissionRequest) -> Submission:
        """Replace a submission's content and return its new version; only a draft stays a draft.

        Raises:
            Refusal: for the reasons listed at `make`, `Intake.content` and `transitions.amend`.
        """
        needed = self.read(request.submission_id).submission.needs_evidence
        asked = (request.content, request.submission_id)
        content = self.content(*asked, needs_evidence=needed)
        change = self.asked(request)
        return self.make(
            request.submission_id,
            request.version,
            change,
            lambda submission: transitions.amend(submission, content, change),
        )

    def submit(self, request: submission_service_pb2.SubmitSubmissionRequest) -> Submission:
        """Submit a draft or returned submission for review, and return its new version.

        Raises:
            Refusal: for the reasons listed at `make` and `transitions.submit`.
        """
        change = self.asked(request)
        return self.make(
            request.submission_id,
            request.version,
            change,
            lambda submission: transitions.submit(submission, change),
        )

    def withdraw(self, request: submission_service_pb2.WithdrawSubmissionRequest) -> Submission:
        """Withdraw a submission, which then no longer counts anywhere; return its new version.

        Raises:
            Refusal: for the reasons listed at `make` and `transitions.withdraw`.
        """
        change = self.asked(request, request.reason)
        return self.make(
            request.submission_id,
            request.version,
            change,
            lambda submission: transitions.withdraw(submission, change),
        )

    def make(
        self,
        submission_id: str,
        version: int,
        change: Change,
        transition: Callable[[Submission], Submission],
    ) -> Submission:
        """Apply one transition and return the new version of the submission.

        If the change was applied before, nothing is written and the newest version is returned.

        Args:
            submission_id: id of the submission to change.
            version: version that the caller has read and wants to change.
            change: who changes the submission, when and why.
            transition: function from the stored version to the next one; may raise a `Refusal`.

        Raises:
            NotFound: the submission does not exist, or the caller may not see it.
            Conflict: ``version`` is not the newest; the caller reads again and repeats.
            AlreadyExists: the caller used the request id for another request before.
        """
        loaded = self.read(submission_id)
        if loaded.submission.has_seen(change):
            return loaded.submission
        transitions.need_version(loaded.submission, version)
        after = transition(loaded.submission)
        self.submissions.replace(self.write(loaded, after))
        self.wake()
        return after

    def repair(self, request: log_service_pb2.RepairSubmissionRequest) -> Submission:
        """Store the unchanged state as a new version, so that its events are published again.

        Return that version, or the newest one if the request was applied before.

        Raises:
            NotFound: the submission does not exist, or the caller may not see it.
            WrongState: it was never submitted, so it has no events.
            Conflict: concurrent changes came first in every attempt; the caller repeats.
            AlreadyExists: the caller used the request id for another request before.
        """
        change = self.asked(request, request.reason)
        for attempt in range(REPAIRS_MAX):
            loaded = self.read(request.submission_id)
            if loaded.submission.has_seen(change):
                return loaded.submission
            after = transitions.repair(loaded.submission, change)
            try:
                events = repairing_events(after, self.traceparent)
                self.submissions.replace(Write(loaded, after, events))
                break
            except Conflict:
                if attempt == REPAIRS_MAX - 1:
                    raise
        self.wake()
        return after

    def read(self, submission_id: str) -> Loaded:
        """Return the stored submission with this id.

        Raises:
            NotFound: it does not exist, or the caller may not see it.
        """
        return self.visible(self.submissions.get(submission_id))

    def visible(self, loaded: Loaded | None) -> Loaded:
        """Return ``loaded`` unchanged if the caller may see it.

        Raises:
            NotFound: ``loaded`` is None, or the policy does not allow the caller to see its unit.
        """
        if loaded is None:
            raise absent()
        if not self.reaches(loaded.submission.content.unit_id):
            raise absent()
        return loaded

    def reaches(self, unit_id: str) -> bool:
        """Return True if the caller may use the current RPC on the submissions of a unit."""
        resource = Resource.of([unit_id], is_secret=True)
        return allow(self.principal, self.method, resource) is Decision.ALLOW

    def page(
        self, request: submission_service_pb2.ListSubmissionsRequest, is_wanted: Callable[[], bool]
    ) -> Page:
        """Return one page of the submissions that the caller may see; see `page_of`.

        Raises:
            InvalidArgument: the caller sent a wrong filter, or a page token of another query.
        """
        return page_of(self.submissions, self.principal, request, self.intake.units, is_wanted)

    def content(
        self, message: submission_pb2.Content, submission_id: str, *, needs_evidence: bool = False
    ) -> Content:
        """Validate the content of a submission by today's date; return its canonical form.

        ``needs_evidence`` says whether a content without evidence is wrong.

        Raises:
            Refusal: the content is not valid; see `Intake.content`.
        """
        asked = (message, submission_id, self.today())
        return self.intake.content(*asked, needs_evidence=needs_evidence)

    def first(
        self,
        submission_id: str,
        content: Content,
        source: SourceRecord | None,
        change: Change,
        submit: bool,
    ) -> Submission:
        """Return the first version of a submission of the caller's institution.

        Args:
            submission_id: id of the new submission.
            content: validated content.
            source: record of another system that it is imported from, if any.
            change: who creates it, and when.
            submit: whether to submit it for review at once instead of leaving it a draft.

        Raises:
            InvalidArgument: the caller wants to submit it, but attached no evidence.
        """
        return transitions.create(
            submission_id,
            self.principal.institution_id,
            content,
            source,
            change,
            submit=submit,
        )

    def asked(self, request: Any, reason: str = "") -> Change:
        """Return the caller's change by a request, whose id and digest identify a retry."""
        change = self.change(request.request_id, reason)
        return replace(change, request_sha256=wire.request_sha256(request))

    def change(self, request_id: str, reason: str = "") -> Change:
        """Return a change by the caller now, with an id chosen by the server, without a digest."""
        principal = self.principal
        return Change(
            subject=principal.subject,
            now=self.now(),
            request_id=request_id,
            epoch=self.submissions.epoch,
            reason=reason,
            roles=principal.roles,
            is_institution_wide=principal.unit_id == principal.institution_id,
        )

    def write(self, before: Loaded | None, after: Submission) -> Write:
        """Plan a write of ``after`` with its events; ``before`` is None for a new submission."""
        previous = before.submission if before else None
        return Write(before, after, events_of(previous, after, self.traceparent))

    def today(self) -> date:
        """Return the calendar date in Vietnam, by which dates in contents are checked."""
        return day_in_vietnam(self.now())

    def _created_before(
        self, content: Content, source: SourceRecord | None, change: Change
    ) -> Submission:
        known = self.submissions.of_request(change.request_id)
        if known is not None:
            first = known.submission.audit[0]
            is_same = (
                first.request_id == change.request_id
                and known.submission.has_seen(change)
                and first.content_sha256 == content.sha256
                and known.submission.source == source
            )
        else:
            known = self.submissions.of_source(source) if source else None
            is_same = known is not None and known.submission.content.encoded == content.encoded
        if known is None or not is_same:
            raise AlreadyExists("the request_id or source record is used with other content")
        if not self.reaches(known.submission.content.unit_id):
            raise Forbidden("the source record belongs to a unit beyond your credential")
        return known.submission
