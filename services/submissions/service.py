"""The submissions service.

Topics in: none. Topics out: `kieng.submissions.v1`.
RPCs: all of SubmissionService, ReviewService, ImportService and LogService.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from kieng.submissions.v1 import (
    import_service_pb2,
    log_service_pb2,
    review_service_pb2,
    submission_service_pb2,
)
from services.kernel.container import Waker, repeat
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.mongo import DOWN
from services.kernel.outbox import Relay
from services.kernel.publisher import Publisher
from services.policy.enforcement import need
from services.policy.rules import Resource
from services.submissions import decision_previews, decisions, import_previews, imports, wire
from services.submissions.application import Desk
from services.submissions.counts import Census
from services.submissions.directory_cache import Partners, Units
from services.submissions.outbox import DOCUMENTS_MAX, Outboxes
from services.submissions.republish import LogPublisher, republish
from services.submissions.store import SubmissionDatabases
from services.submissions.validation import Intake
from services.submissions.work_keys import canonical_reference

_SERVICES = (
    (submission_service_pb2, "SubmissionService"),
    (review_service_pb2, "ReviewService"),
    (import_service_pb2, "ImportService"),
    (log_service_pb2, "LogService"),
)


class SubmissionsService:
    """Accepts submissions, records decisions on them, and publishes their claims as events."""

    name = "submissions"
    serves = tuple(file.DESCRIPTOR.services_by_name[name] for file, name in _SERVICES)

    call = CurrentCall()
    databases = SubmissionDatabases()
    count_all = Census()
    units = Units()
    partners = Partners()
    wake_relay = Waker("publish_outbox")
    outboxes = Outboxes()
    relay = Relay()
    publish = Publisher()
    log = LogPublisher()

    @property
    def desk(self) -> Desk:
        """The use cases of the current caller.

        Raises:
            Forbidden: this process does not store the submissions of the caller's institution.
        """
        principal = self.call.principal
        return Desk(
            submissions=self.databases.of(principal.institution_id),
            principal=principal,
            method=self.call.method,
            traceparent=self.call.traceparent,
            intake=Intake(principal, self.call.method, self.units, self.partners),
            wake=self.wake_relay,
        )

    @grpc
    def create_submission(self, request: Any) -> Any:
        """Create a draft or a submitted submission and return it; see `Desk.create`.

        Idempotent by request id and source record.
        """
        created = self.desk.create(request)
        return submission_service_pb2.CreateSubmissionResponse(
            submission=wire.encode_submission(created)
        )

    @grpc
    def amend_submission(self, request: Any) -> Any:
        """Replace the content of a submission and return its new version; see `Desk.amend`.

        Idempotent by request id.
        """
        amended = self.desk.amend(request)
        return submission_service_pb2.AmendSubmissionResponse(
            submission=wire.encode_submission(amended)
        )

    @grpc
    def submit_submission(self, request: Any) -> Any:
        """Submit a draft or returned submission for review and return its new version.

        Idempotent by request id; see `Desk.submit`.
        """
        submitted = self.desk.submit(request)
        return submission_service_pb2.SubmitSubmissionResponse(
            submission=wire.encode_submission(submitted)
        )

    @grpc
    def withdraw_submission(self, request: Any) -> Any:
        """Withdraw a submission, which then no longer counts, and return its new version.

        Idempotent by request id; see `Desk.withdraw`.
        """
        withdrawn = self.desk.withdraw(request)
        return submission_service_pb2.WithdrawSubmissionResponse(
            submission=wire.encode_submission(withdrawn)
        )

    @grpc
    def get_submission(self, request: Any) -> Any:
        """Return one submission, with its history if the request asks for it.

        Raises:
            NotFound: it does not exist, or the caller may not see it.
        """
        found = self.desk.read(request.submission_id).submission
        message = wire.encode_submission(found)
        if request.with_history:
            message.history.extend(wire.encode_history(found))
        return submission_service_pb2.GetSubmissionResponse(submission=message)

    @grpc
    def get_work_key(self, request: Any) -> Any:
        """Return the work key that a text means, in the spelling in which an import stores it.

        The work need not exist. A text that is no work key is returned nearly unchanged.
        """
        key = canonical_reference(request.text)
        return submission_service_pb2.GetWorkKeyResponse(work_key=key)

    @grpc
    def list_submissions(self, request: Any) -> Any:
        """Return a page of the submissions that the filters select and the caller may see.

        They are ordered by id.
        """
        page = self.desk.page(request, self.call.context.is_active)
        return submission_service_pb2.ListSubmissionsResponse(
            submissions=map(wire.encode_submission, page.submissions),
            next_page_token=page.next_token,
        )

    @grpc
    def decide_submission(self, request: Any) -> Any:
        """Approve, verify, return or reject a submission, and return it; see `decisions.decide`.

        The response says whether that was its decision before. Idempotent by request id.
        """
        decided, is_repeat = decisions.decide(self.desk, request)
        return review_service_pb2.DecideSubmissionResponse(
            submission=wire.encode_submission(decided), unchanged=is_repeat
        )

    @grpc
    def decide_submissions(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Apply a stream of decisions, with one answer per request, in order.

        A refused decision is answered with its error. Idempotent by request id.
        """
        return decisions.decide_many(self.desk, requests)

    @grpc
    def try_decisions(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Yield the answer that each decision of a stream would get; write nothing."""
        return decision_previews.try_decisions(self.desk, requests)

    @grpc
    def import_submissions(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Import a stream of rows, with one answer per row, in order.

        A refused row is answered with its error. Idempotent by source record.
        """
        return imports.import_rows(self.desk, requests)

    @grpc
    def import_batches(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Import a stream of batches of rows, with one response per batch, in order.

        A response has one answer per row, as in `import_submissions`. Idempotent by source record.
        """
        return imports.import_batches(self.desk, requests)

    @grpc
    def try_import(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Yield the answer that an import would give to each row of a stream; write nothing."""
        return import_previews.try_rows(self.desk, requests)

    @grpc
    def try_batches(self, requests: Iterator[Any]) -> Iterator[Any]:
        """Yield the answers of `try_import` to a stream of batches, one response per batch."""
        return import_previews.try_batches(self.desk, requests)

    @grpc
    def republish_log(self, request: Any) -> Iterator[Any]:
        """Publish the current state of every submission again; stream progress by institution.

        Safe to repeat.
        """
        principal = self.call.principal
        need(principal, self.call.method, Resource.of([principal.institution_id]))
        return republish(self.databases, self.log, request.generation)

    @grpc
    def repair_submission(self, request: Any) -> Any:
        """Publish the events of a submission again, as a new version. Idempotent by request id."""
        repaired = self.desk.repair(request)
        return log_service_pb2.RepairSubmissionResponse(
            submission_id=repaired.submission_id, version=repaired.version
        )

    @repeat(5.0)
    def count_submissions(self) -> None:
        """Count submissions by state and export the numbers, unless the last count is recent.

        While the database is down, nothing is counted and the last numbers stay.
        """
        with suppress(*DOWN):  # counted when the database is back
            self.count_all(self.databases)

    @repeat(5.0)
    def publish_outbox(self) -> float | None:
        """Publish pending events; return as `OutboxRelay.run` when to do so again. Safe to repeat.

        Each write of events wakes it; the runs in between find events that a killed process left.
        """
        outboxes = self.outboxes.of(self.databases)
        seconds: float | None = self.relay.run(outboxes, self.publish, DOCUMENTS_MAX)
        return seconds
