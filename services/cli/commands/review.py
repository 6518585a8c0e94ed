"""`kieng review ...`: decides on one submission, or on many from a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from uuid_utils import uuid7

from kieng.submissions.v1 import review_service_pb2 as api
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from services.cli.client.clients import Clients, Credential
from services.cli.client.resuming import Patience, answers
from services.cli.client.stack import Stack
from services.cli.client.troubles import trouble_of_status
from services.cli.commands import review_next, review_queue, submission
from services.cli.commands.import_file import SYSTEM
from services.cli.commands.import_report import RefusedRow
from services.cli.commands.import_sending import patience_of
from services.cli.commands.review_next import DECISIONS
from services.cli.commands.submission_reading import found
from services.cli.errors import NO
from services.cli.files import decision_file
from services.cli.session import Session, with_session
from services.cli.terminal.screen import Screen
from services.refusals import in_language
from services.texts import Lang

app = typer.Typer(no_args_is_help=True, help="See what waits for a decision, and decide.")
app.command()(review_queue.queue)
app.command("next")(review_next.review_next)

ROLES = {api.DECISION_APPROVE: "reviewer"}
"""Decision -> role that makes it, if it is not an approver."""

Id = Annotated[str, typer.Argument(metavar="ID", help="Submission.")]
Reason = Annotated[str, typer.Option(help="Why.")]


def decide(session: Session, name: str, submission_id: str, reason: str) -> None:
    """Decide on the newest version of a submission, and print the submission.

    Args:
        session: session of the person who decides.
        name: decision, a key of `DECISIONS`.
        submission_id: id of the submission, or its beginning.
        reason: reason for its author; empty for none.
    """
    _, before = found(session, submission_id)
    request = api.DecideSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=before.submission_id,
        version=before.version,
        decision=DECISIONS[name],
        reason=reason,
    )
    decided = session.clients.stub(ReviewServiceStub).DecideSubmission(request)
    if decided.unchanged:
        session.screen.say("review.unchanged")
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


app.command()(review_queue.export)


@app.command("import")
@with_session(institution="", subject=True)
def import_decisions(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="From `kieng review export`.")],
    system: Annotated[str, typer.Option(help="Source system of the records.")] = SYSTEM,
) -> None:
    """Decide about many submissions; the file may be imported again, which changes nothing.

    Its columns are decision, reason, and either submission_id or record_id.

    Example: kieng review import decisions.xlsx --institution vnu
    """
    file = read(path, system, session.screen.lang)
    screen, stack, who = session.screen, session.stack, session.institution
    with screen.progress() as progress:
        task = progress.add_task(path.name, total=len(file.requests))
        advance = partial(progress.advance, task)
        told = (session.subject, screen.lang)
        sent = send(stack, who, file.requests, advance, patience_of(screen), *told)
    sent.refused = sorted(file.refused + sent.refused, key=lambda row: row.row)
    answer(screen, sent, file.left_open)
    if sent.refused:
        raise typer.Exit(NO)


@dataclass
class Sent:
    """The result of sending decisions: how many took effect or already had, and refused rows."""

    decided: int = 0
    unchanged: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    lang: Lang = Lang.en
    """Language of the refusals by the service."""


def answer(screen: Screen, sent: Sent, left_open: int = 0) -> None:
    """Print how many decisions of a file took effect, and the rows that were refused.

    ``left_open`` is the number of rows without a decision.
    """
    rows = [{"row": r.row, "record_id": r.record_id, "problem": r.problem} for r in sent.refused]
    counts: dict[str, Any] = {
        "decided": sent.decided,
        "unchanged": sent.unchanged,
        "left_open": left_open,
        "refused": len(sent.refused),
    }
    table = screen.table(">row", "record", "problem")
    for row in sent.refused:
        table.add_row(str(row.row), row.record_id, row.problem)
    screen.say("review.done", **counts)
    if screen.is_json or sent.refused:
        screen.answer({**counts, "rows": rows}, lambda: table)


Requests = list[tuple[int, api.DecideSubmissionsRequest]]
"""Pairs of row number and decision, in the order of the file."""


@dataclass
class DecisionsRead:
    """The content of a file of decisions: valid ones, invalid rows, and the number of open rows.

    An open row names a submission but no decision.
    """

    requests: Requests = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    left_open: int = 0


def read(path: Path, system: str, lang: Lang = Lang.en) -> DecisionsRead:
    """Return the decisions in a file, its invalid rows, and how many rows are still undecided.

    Args:
        path: a .csv or .xlsx file.
        system: source system of the records in rows that name none.
        lang: language in which invalid rows are explained.

    Raises:
        Failure: the file cannot be read or lacks a column.
    """
    found = DecisionsRead()
    rows = list(decision_file.read(path))
    wrong = decision_file.problems(rows, lang)
    for row in rows:
        if not row.decision and row.name:
            found.left_open += 1
        elif problem := wrong.get(row.number):
            told = in_language(problem, lang)
            found.refused.append(RefusedRow(row.number, row.name, "decision", told, ""))
        else:
            found.requests.append((row.number, _request(row, system)))
    return found


def _request(row: decision_file.Row, system: str) -> api.DecideSubmissionsRequest:
    request = api.DecideSubmissionsRequest(
        request_id=str(uuid7()), decision=DECISIONS[row.decision], reason=row.reason
    )
    if row.submission_id:
        request.submission_id = row.submission_id
        request.version = int(row.version or 0)
    else:
        request.source_record.system = row.system or system
        request.source_record.record_id = row.record_id
    return request


def send(
    stack: Stack,
    institution: str,
    requests: Requests,
    advance: Callable[[], None],
    patience: Patience,
    subject: str = "",
    lang: Lang = Lang.en,
) -> Sent:
    """Send decisions to the submissions service, and return how many took effect or were refused.

    Approvals for units are sent first and with another credential, because the person who approved
    for a unit cannot verify for its institution.

    Args:
        stack: stack of the service.
        institution: id of the institution that decides.
        requests: decisions with their row numbers, in the order of the file.
        advance: called after each decision.
        patience: decides how long to wait for the service.
        subject: subject of the token; empty for a name derived from the role.
        lang: language of refusals.

    Raises:
        CallFailed: the service did not come back in time.
    """
    sent = Sent(lang=lang)
    for role in ("reviewer", "approver"):
        part = [(row, r) for row, r in requests if ROLES.get(r.decision, "approver") == role]
        if not part:
            continue
        credential = Credential(stack, institution, (role,), subject)
        with Clients(stack, credential) as clients:
            _send(clients.stub(ReviewServiceStub), part, advance, patience, sent)
    return sent


def _send(
    stub: Any, requests: Requests, advance: Callable[[], None], patience: Patience, sent: Sent
) -> None:
    by_id = {request.request_id: (row, request) for row, request in requests}
    for result in answers(stub.DecideSubmissions, [each for _, each in requests], patience):
        if result.HasField("error"):
            row, request = by_id[result.request_id]
            problem = trouble_of_status(result.error).text(sent.lang)
            name = request.source_record.record_id or request.submission_id
            sent.refused.append(RefusedRow(row, name, "decision", problem, ""))
        elif result.unchanged:
            sent.unchanged += 1
        else:
            sent.decided += 1
        advance()
