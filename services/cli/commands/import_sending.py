"""Sends the rows of a file to be imported, or only to be tried."""

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

ROWS_PER_CALL = 20_000
"""A call may take ten minutes; so many rows take a fraction of that."""

Requests = Iterable[api.ImportSubmissionsRequest]
Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What an import would make of a row: the outcome, and the versions before and after."""

    row: int
    record_id: str
    outcome: str
    version_before: int
    version: int


@dataclass
class Trial:
    """What an import would make of all rows, and the events that would follow, as bytes."""

    rows: list[PlannedRow] = field(default_factory=list)
    submitted: list[bytes] = field(default_factory=list)
    verified: list[bytes] = field(default_factory=list)


def patience_of(screen: Screen) -> Patience:
    """Return the patience of a command that says what it waits for."""
    return Patience(lambda failure: screen.say("import.waits", problem=failure.message))


def send(
    clients: Clients, requests: Requests, report: Report, advance: Advance, patience: Patience
) -> None:
    """Send rows and add their outcomes to a report.

    Rows that were written just before a cut are sent again, and counted as unchanged.

    Args:
        clients: where to send rows.
        requests: rows, in the order of the file.
        report: gets the outcome of each row.
        advance: called after each row.
        patience: how long to wait for an answer.

    Raises:
        CallFailed: the service did not come back in time; send the whole file again.
    """
    stub = clients.stub(ImportServiceStub)
    for part in _parts(iter(requests), ROWS_PER_CALL):
        records = {request.row: request.source_record.record_id for request in part}
        for answer in answers(stub.ImportSubmissions, part, patience):
            report.take(answer, records.get(answer.row, ""))
            advance()


def try_rows(
    clients: Clients,
    requests: Requests,
    report: Report,
    advance: Advance,
    patience: Patience,
    with_events: bool,
) -> Trial:
    """Send rows that are only checked; add what they would become to a report, and return it.

    Args:
        clients: where to send rows.
        requests: rows, in the order of the file.
        report: gets the outcome of each row.
        advance: called after each row.
        patience: how long to wait for an answer.
        with_events: whether the events are wanted, too.

    Raises:
        CallFailed: the service did not come back in time.
    """
    stub = clients.stub(ImportServiceStub)
    trial = Trial()
    for part in _parts(iter(requests), ROWS_PER_CALL):
        asked = [api.TryImportRequest(row=each, with_events=with_events) for each in part]
        records = {request.row: request.source_record.record_id for request in part}
        for answer in answers(stub.TryImport, asked, patience):
            told = answer.answer
            record_id = records.get(told.row, "")
            outcome = report.take(told, record_id)
            versions = answer.version_before, told.version
            trial.rows.append(PlannedRow(told.row, record_id, outcome, *versions))
            trial.submitted += answer.submitted
            trial.verified += answer.verified
            advance()
    return trial


def _parts(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while part := list(islice(items, size)):
        yield part
