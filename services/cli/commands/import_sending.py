"""Sends the rows of a file to the submissions service, to import them or only to try them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kieng.submissions.v1 import import_service_pb2 as api
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.cli.client.clients import Clients
from services.cli.client.resuming import Patience, answers
from services.cli.commands.import_report import Report
from services.cli.terminal.screen import Screen
from services.importing.batches import batches

ROWS_PER_CALL = 5_000
"""Rows per call, few enough to take only a fraction of the ten minutes that a call may last."""

Requests = Iterable[api.ImportSubmissionsRequest]
Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """The expected outcome of a row.

    ``outcome`` is e.g. `created` or `refused`. ``version_before`` is the version of the submission
    before the import, 0 for a new one, and ``version`` the one after it.
    """

    row: int
    record_id: str
    outcome: str
    version_before: int
    version: int


@dataclass
class Preview:
    """The expected outcome of all rows, and the encoded events that would follow.

    ``submitted`` are the events of the import; ``verified`` are those of verifying all that it
    submitted.
    """

    rows: list[PlannedRow] = field(default_factory=list)
    submitted: list[bytes] = field(default_factory=list)
    verified: list[bytes] = field(default_factory=list)


def patience_of(screen: Screen) -> Patience:
    """Return a `Patience` that prints on the screen which failure the command is waiting out."""
    return Patience(
        lambda failure: screen.say("import.waits", problem=failure.told_in(screen.lang))
    )


def send(
    clients: Clients, requests: Requests, report: Report, advance: Advance, patience: Patience
) -> None:
    """Send rows to the submissions service and add their outcomes to a report.

    Rows written just before an interruption of the service are sent again, and then counted as
    unchanged.

    Args:
        clients: clients of the services.
        requests: rows in the order of the file.
        report: report to which the outcome of each row is added.
        advance: called after each row.
        patience: decides how long to wait for the service.

    Raises:
        CallFailed: the service did not come back in time; the user imports the file again.
    """
    stub = clients.stub(ImportServiceStub)
    for part in _parts(iter(requests), ROWS_PER_CALL):
        rows = {request.row: _named(request) for request in part}
        asked = [api.ImportBatchesRequest(rows=each) for each in batches(part)]
        for batch in answers(stub.ImportBatches, asked, patience):
            for answer in batch.answers:
                report.take(answer, *rows.get(answer.row, ("", "")))
                advance()


def try_rows(
    clients: Clients,
    requests: Requests,
    report: Report,
    advance: Advance,
    patience: Patience,
    with_events: bool,
) -> Preview:
    """Try rows without importing them; add the expected outcomes to a report and return them.

    Args:
        clients: clients of the services.
        requests: rows in the order of the file.
        report: report to which the outcome of each row is added.
        advance: called after each row.
        patience: decides how long to wait for the service.
        with_events: whether to return the events that would follow as well.

    Raises:
        CallFailed: the service did not come back in time.
    """
    stub = clients.stub(ImportServiceStub)
    preview = Preview()
    for part in _parts(iter(requests), ROWS_PER_CALL):
        asked = [
            api.TryBatchesRequest(rows=each, with_events=with_events) for each in batches(part)
        ]
        rows = {request.row: _named(request) for request in part}
        for batch in answers(stub.TryBatches, asked, patience):
            for answer in batch.answers:
                told = answer.answer
                record_id, unit_id = rows.get(told.row, ("", ""))
                outcome = report.take(told, record_id, unit_id)
                versions = answer.version_before, told.version
                preview.rows.append(PlannedRow(told.row, record_id, outcome, *versions))
                preview.submitted += answer.submitted
                preview.verified += answer.verified
                advance()
    return preview


def _named(request: api.ImportSubmissionsRequest) -> tuple[str, str]:
    return request.source_record.record_id, request.content.unit_id


def _parts(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while part := list(islice(items, size)):
        yield part
