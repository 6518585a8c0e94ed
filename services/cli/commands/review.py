"""`kieng review ...`: decides on one submission, or on many from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from uuid_utils import uuid7

from kieng.submissions.v1 import review_service_pb2 as api
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from kieng.submissions.v1.submission_service_pb2 import GetSubmissionRequest
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.client.clients import Clients, Credential
from services.cli.client.resuming import Patience, answers
from services.cli.client.stack import Stack
from services.cli.client.troubles import trouble_of_status
from services.cli.commands import submission
from services.cli.commands.import_file import SYSTEM
from services.cli.commands.import_report import RefusedRow
from services.cli.commands.import_sending import patience_of
from services.cli.errors import NO, Failure
from services.cli.files import spreadsheets
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Decide about submissions.")

DECISIONS = {
    "approve": api.DECISION_APPROVE,
    "verify": api.DECISION_VERIFY,
    "return": api.DECISION_RETURN,
    "reject": api.DECISION_REJECT,
}
ROLES = {api.DECISION_APPROVE: "reviewer"}
"""Decision -> role that makes it, for decisions that are not made by an approver."""

Id = Annotated[str, typer.Argument(metavar="ID", help="Submission.")]
Reason = Annotated[str, typer.Option(help="Why.")]


def decide(session: Session, name: str, submission_id: str, reason: str) -> None:
    """Decide on the newest version of a submission, and print the submission.

    Args:
        session: session of the person who decides.
        name: decision, a key of `DECISIONS`.
        submission_id: id of the submission.
        reason: reason for its author; empty for none.
    """
    reader = session.clients.stub(SubmissionServiceStub)
    found = reader.GetSubmission(GetSubmissionRequest(submission_id=submission_id))
    request = api.DecideSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=submission_id,
        version=found.submission.version,
        decision=DECISIONS[name],
        reason=reason,
    )
    decided = session.clients.stub(ReviewServiceStub).DecideSubmission(request)
    submission.answer(session.screen, decided.submission)


@app.command()
@with_session("approver", institution="", subject=True)
def verify(
    session: Session,
    submission_id: Id,
    reason: Reason = "",
) -> None:
    """Verify a submission for the institution; from now on it counts as verified.

    Example: kieng review verify 0192f0c1-... --institution vnu
    """
    decide(session, "verify", submission_id, reason)


@app.command()
@with_session("reviewer", institution="", subject=True)
def approve(
    session: Session,
    submission_id: Id,
    reason: Reason = "",
) -> None:
    """Approve a submission for its unit.

    Example: kieng review approve 0192f0c1-... --institution vnu
    """
    decide(session, "approve", submission_id, reason)


@app.command("return")
@with_session("approver", institution="", subject=True)
def give_back(
    session: Session,
    submission_id: Id,
    reason: Annotated[str, typer.Option(help="What the author has to correct.")],
) -> None:
    """Send a submission back to its author.

    Example: kieng review return 0192f0c1-... --reason "no evidence" --institution vnu
    """
    decide(session, "return", submission_id, reason)


@app.command()
@with_session("approver", institution="", subject=True)
def reject(
    session: Session,
    submission_id: Id,
    reason: Annotated[str, typer.Option(help="Why it is rejected.")],
) -> None:
    """Reject a submission permanently.

    Example: kieng review reject 0192f0c1-... --reason "not ours" --institution vnu
    """
    decide(session, "reject", submission_id, reason)


@app.command("import")
@with_session(institution="", subject=True)
def import_decisions(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="record_id,decision,reason")],
    system: Annotated[str, typer.Option(help="Source system of the records.")] = SYSTEM,
) -> None:
    """Decide about many submissions, named by their source records.

    Example: kieng review import decisions.csv --institution vnu --system cris
    """
    requests, refused = read(path, system)
    screen, stack, who = session.screen, session.stack, session.institution
    with screen.progress() as progress:
        task = progress.add_task(path.name, total=len(requests))
        advance = partial(progress.advance, task)
        undone = send(stack, who, requests, advance, patience_of(screen), session.subject)
    refused = sorted(refused + undone, key=lambda row: row.row)
    answer(screen, len(requests) - len(undone), refused)
    if refused:
        raise typer.Exit(NO)


def answer(screen: Screen, decided: int, refused: list[RefusedRow]) -> None:
    """Print how many decisions took effect, and the rows that were refused."""
    rows = [{"row": r.row, "record_id": r.record_id, "problem": r.problem} for r in refused]
    table = screen.table(">row", "record", "problem")
    for row in refused:
        table.add_row(str(row.row), row.record_id, row.problem)
    screen.say("review.done", decided=decided, refused=len(refused))
    if screen.is_json:
        screen.answer({"decided": decided, "refused": len(refused), "rows": rows}, lambda: table)
    elif refused:
        screen.show(table)


Requests = list[tuple[int, api.DecideSubmissionsRequest]]


def read(path: Path, system: str) -> tuple[Requests, list[RefusedRow]]:
    """Return the decisions in a file, with their row numbers, and the rows that are not valid.

    ``system`` is the source system of the records that the file names.

    Raises:
        Failure: the file cannot be read or lacks a column.
    """
    table = spreadsheets.read(path)
    if missing := {"record_id", "decision"} - {heading.lower() for heading in table.header}:
        raise Failure(f"{path}: column {', '.join(sorted(missing))} is missing")
    requests: Requests = []
    refused: list[RefusedRow] = []
    for number, record in spreadsheets.records(path, table):
        row = {name.lower(): text for name, text in record.items()}
        decision = DECISIONS.get(row["decision"].lower())
        if decision is None or not row["record_id"]:
            known = f"decision is one of {', '.join(DECISIONS)}; record_id is needed"
            refused.append(RefusedRow(number, row["record_id"], "decision", known, ""))
            continue
        request = api.DecideSubmissionsRequest(
            request_id=str(uuid7()), decision=decision, reason=row.get("reason", "")
        )
        request.source_record.system = system
        request.source_record.record_id = row["record_id"]
        requests.append((number, request))
    return requests, refused


def send(
    stack: Stack,
    institution: str,
    requests: Requests,
    advance: Callable[[], None],
    patience: Patience,
    subject: str = "",
) -> list[RefusedRow]:
    """Send decisions to the submissions service, and return the rows that it refused.

    Approvals for units are sent first and with another credential, because the person who approved
    for a unit cannot verify for its institution.

    Args:
        stack: stack of the service.
        institution: id of the institution that decides.
        requests: decisions with their row numbers, in the order of the file.
        advance: called after each decision.
        patience: decides how long to wait for the service.
        subject: subject of the token; empty for a name derived from the role.

    Raises:
        CallFailed: the service did not come back in time.
    """
    refused: list[RefusedRow] = []
    for role in ("reviewer", "approver"):
        part = [(row, r) for row, r in requests if ROLES.get(r.decision, "approver") == role]
        if not part:
            continue
        credential = Credential(stack, institution, (role,), subject)
        with Clients(stack, credential) as clients:
            refused += _send(clients.stub(ReviewServiceStub), part, advance, patience)
    return refused


def _send(
    stub: Any, requests: Requests, advance: Callable[[], None], patience: Patience
) -> Iterator[RefusedRow]:
    by_id = {request.request_id: (row, request) for row, request in requests}
    for result in answers(stub.DecideSubmissions, [each for _, each in requests], patience):
        if result.HasField("error"):
            row, request = by_id[result.request_id]
            problem = str(trouble_of_status(result.error))
            yield RefusedRow(row, request.source_record.record_id, "decision", problem, "")
        advance()
