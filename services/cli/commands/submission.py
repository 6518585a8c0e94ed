"""`kieng submission ...`: read, list, export and withdraw submissions."""

from __future__ import annotations

from typing import Annotated

import typer
from uuid_utils import uuid7

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.commands.submission_export import States, export, read_state
from services.cli.session import Session, with_session
from services.cli.terminal import submission_tables
from services.cli.terminal.render import message_json
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Read, list, export and withdraw submissions.")
app.command()(export)


def answer(screen: Screen, submission: submission_pb2.Submission) -> None:
    """Print a submission with all its facts and proofs."""
    screen.answer(message_json(submission), lambda: submission_tables.one(screen, submission))


@app.command()
@with_session("auditor", institution="")
def show(
    session: Session,
    submission_id: Annotated[str, typer.Argument(metavar="ID")],
) -> None:
    """Show one submission of an institution: its facts, its proofs, and what is verified.

    Example: kieng submission show 0192f0c1-... --institution vnu
    """
    stub = session.stub(SubmissionServiceStub)
    found = stub.GetSubmission(api.GetSubmissionRequest(submission_id=submission_id))
    answer(session.screen, found.submission)


@app.command("list")
@with_session("auditor", institution="")
def list_submissions(
    session: Session,
    unit: Annotated[str, typer.Option(help="Only of this unit and those below it.")] = "",
    state: States = [],  # noqa: B006
    type_name: Annotated[str, typer.Option("--type", help="Only of this type.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 100,
) -> None:
    """List submissions of an institution.

    Example: kieng submission list --institution vnu --unit vnu/hus --state submitted
    """
    request = api.ListSubmissionsRequest(
        unit_id=unit, type=type_name, states=map(read_state, state)
    )
    found: list[submission_pb2.Submission] = []
    stub = session.for_unit(unit).stub(SubmissionServiceStub)
    while len(found) < limit:
        request.page_size = min(500, limit - len(found))
        page = stub.ListSubmissions(request)
        found += page.submissions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    screen = session.screen
    document = {"submissions": [message_json(submission) for submission in found]}
    screen.answer(document, lambda: submission_tables.many(screen, found))


@app.command()
@with_session("contributor", institution="", subject=True)
def withdraw(
    session: Session,
    submission_id: Annotated[str, typer.Argument(metavar="ID")],
    reason: Annotated[str, typer.Option(help="Why; needed when something was verified.")] = "",
    as_approver: Annotated[
        bool, typer.Option("--as-approver", help="As an approver, of what others wrote.")
    ] = False,
) -> None:
    """Withdraw a submission; it stops counting.

    Example: kieng submission withdraw 0192f0c1-... --reason "declared twice" --institution vnu
    """
    if as_approver:
        session = session.acting_for(session.institution, "approver")
    stub = session.stub(SubmissionServiceStub)
    found = stub.GetSubmission(api.GetSubmissionRequest(submission_id=submission_id))
    request = api.WithdrawSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=submission_id,
        version=found.submission.version,
        reason=reason,
    )
    answer(session.screen, stub.WithdrawSubmission(request).submission)
